"""The evidence store gives back what it took, in any range, and nothing else: every change or cut is noticed."""

import hashlib
import io
import os
import random
import time
from pathlib import Path

import pytest

from hub import failpoints
from hub.evidence import CHUNK, HEADER, TAG, EvidenceError, Store

KEY = bytes(range(32))
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17)


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_comes_back(store, size) -> None:
    data = content(size)
    stored = store.put(io.BytesIO(data), KEY)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert b"".join(store.read(stored.address, KEY)) == data
    sealed = store._path(stored.address).read_bytes()
    assert hashlib.sha256(sealed).hexdigest() == stored.address
    assert size < 16 or data[:16] not in sealed  # a single byte may stand in it by chance
    assert list((store.root / "tmp").iterdir()) == []


def test_any_range_is_that_range(store) -> None:
    data = content(3 * CHUNK + 17)
    address = store.put(io.BytesIO(data), KEY).address
    edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(data) - 1, len(data), len(data) + 5]
    for start in edges:
        for stop in [*edges, None]:
            if stop is None or stop >= start:
                assert b"".join(store.read(address, KEY, start, stop)) == data[start:stop], (start, stop)


def test_the_same_bytes_twice_are_two_files(store) -> None:
    one, two = (store.put(io.BytesIO(b"same"), KEY) for _ in range(2))
    assert one.address != two.address
    assert one.sha256 == two.sha256


def test_a_cut_lengthened_or_changed_file_does_not_open(store) -> None:
    data = content(2 * CHUNK + 100)
    address = store.put(io.BytesIO(data), KEY).address
    path = store._path(address)
    whole = path.read_bytes()
    last = len(whole) - 100 - TAG
    for length in (0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + TAG, HEADER + CHUNK + TAG, last, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(EvidenceError):
            b"".join(store.read(address, KEY))
    first, second = (whole[HEADER + n * (CHUNK + TAG) : HEADER + (n + 1) * (CHUNK + TAG)] for n in (0, 1))
    rest = whole[HEADER + 2 * (CHUNK + TAG) :]
    for changed in (
        whole + b"\0",
        whole[:HEADER] + second + first + rest,  # reordered
        whole[:HEADER] + first + first + rest,  # doubled
        b"\x02" + whole[1:],
        whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
    ):
        path.write_bytes(changed)
        with pytest.raises(EvidenceError):
            b"".join(store.read(address, KEY))


def test_another_key_opens_nothing(store) -> None:
    address = store.put(io.BytesIO(b"secret"), KEY).address
    with pytest.raises(EvidenceError):
        list(store.read(address, bytes(32)))
    with pytest.raises(EvidenceError):
        list(store.read("ab" * 32, KEY))


def test_a_failed_write_leaves_no_file_and_no_address(store, monkeypatch) -> None:
    for name in ("evidence.before_fsync", "evidence.before_fsync_folder"):
        failpoints.arm(f"{name}=raise")
        with pytest.raises(failpoints.FailpointError):
            store.put(io.BytesIO(b"x"), KEY)
        assert list((store.root / "tmp").iterdir()) == []
    failpoints.arm("")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(io.BytesIO(b"x"), KEY)
    assert list((store.root / "tmp").iterdir()) == []


def test_file_and_folders_are_synced_before_put_returns(store, monkeypatch) -> None:
    synced = []
    real = os.fsync

    def noted(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    address = store.put(io.BytesIO(content(CHUNK)), KEY).address
    path = store._path(address)
    assert any("/tmp/" in name for name in synced)  # the file itself, before its rename
    assert synced.index(str(path.parent)) == len(synced) - 1  # its folder last
    assert str(store.root) in synced
    assert str(path.parent.parent) in synced


def test_leftovers_of_killed_writes_go_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.put(io.BytesIO(b"x"), bytes(32))
    for name, age in (("old", 100_000), ("new", 10)):
        file = tmp_path / "tmp" / name
        file.write_bytes(b"sealed")
        os.utime(file, (time.time() - age, time.time() - age))
    assert store.sweep(time.time() - 86_400) == 1
    assert [file.name for file in (tmp_path / "tmp").iterdir()] == ["new"]
    assert store.exists(kept.address)
