"""The in-memory ports behave as the hub does, and the contract checks really catch what they claim to catch."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import BaseModel

from channels.contract import (
    Blob,
    Channel,
    Continuation,
    InputRefusedError,
    NewReport,
    NonClue,
    NormalizeError,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
    Source,
)
from channels.testing import (
    NOW,
    FailpointError,
    MemoryPorts,
    StorageDownError,
    check_channel,
    hostile_raws,
)


def raw(key: str = "k1", *, source: str = "toy:1", also: tuple[str, ...] = (), text: bytes = b"hello") -> RawIntake:
    return RawIntake("toy", source, key, NOW, (Blob("a.txt", "text/plain", text),), {"caller": "13900001111"}, also)


def test_one_external_id_is_stored_once_and_per_source() -> None:
    ports = MemoryPorts()
    assert ports.deliver(raw())
    assert not ports.deliver(raw(text=b"other bytes, same id"))
    assert ports.deliver(raw(source="toy:2"))
    assert ports.deliver(raw("k2"))
    assert [r.key for r in ports.delivered] == ["k1", "k1", "k2"]
    assert [r.key for r in ports.redelivered] == ["k1"]


def test_weaker_names_dedupe_and_the_new_name_is_learnt() -> None:
    ports = MemoryPorts()
    assert ports.deliver(raw("uid-1", also=("mid+sha",)))
    assert not ports.deliver(raw("uid-2", also=("mid+sha",)))
    assert ports.seen("toy:1", ["uid-1", "uid-2", "uid-3", "mid+sha"]) == {"uid-1", "uid-2", "mid+sha"}
    assert ports.seen("toy:2", ["uid-1"]) == set()


def test_bytes_are_kept_when_the_spool_file_goes(tmp_path) -> None:
    spool = tmp_path / "part"
    spool.write_bytes(b"long recording")
    ports = MemoryPorts()
    ports.deliver(replace(raw(), blobs=(Blob("a.wav", "audio/wav", role="recording", path=spool),)))
    spool.unlink()
    assert ports.delivered[0].blobs[0].read() == b"long recording"


def test_refused_storage_leaves_nothing_behind() -> None:
    ports = MemoryPorts(broken=True)
    with pytest.raises(StorageDownError):
        ports.deliver(raw())
    ports.broken = False
    assert ports.seen("toy:1", ["k1"]) == set()
    assert ports.deliver(raw())


def test_naive_time_and_empty_key_are_refused() -> None:
    ports = MemoryPorts()
    with pytest.raises(ValueError, match="time zone"):
        ports.deliver(replace(raw(), at=NOW.replace(tzinfo=None)))
    with pytest.raises(ValueError, match="key"):
        ports.deliver(replace(raw(), key=""))


def test_cursor_secret_source_beat_and_clock() -> None:
    source = Source("toy:1", "toy", "150821", {"host": "a"})
    ports = MemoryPorts(configured=[source], secrets={("toy:1", "password"): "s3"})
    assert ports.sources("toy") == [source]
    assert ports.sources("email") == []
    assert ports.secret("toy:1", "password") == "s3"
    with pytest.raises(KeyError):
        ports.secret("toy:1", "token")
    assert ports.cursor("toy:1", "uid") is None
    ports.set_cursor("toy:1", "uid", "9")
    assert ports.cursor("toy:1", "uid") == "9"
    ports.advance(timedelta(hours=1))
    ports.beat("toy:1", True, "polled")
    assert ports.beats[0].at == ports.now() == NOW + timedelta(hours=1)


def test_a_lease_is_held_by_one() -> None:
    ports = MemoryPorts()
    with ports.lease("box") as mine:
        assert mine
        with ports.lease("box") as other:
            assert not other
        with ports.lease("box") as still:
            assert not still
    with ports.lease("box") as again:
        assert again


def test_failpoints_fail_when_armed() -> None:
    ports = MemoryPorts()
    ports.fail("after-fetch")
    ports.arm("after-fetch", 1)
    ports.fail("after-fetch")
    with pytest.raises(FailpointError):
        ports.fail("after-fetch")
    hits: list[int] = []
    ports.arm("before-flag", lambda: hits.append(1))
    ports.fail("before-flag")
    assert hits == [1]
    assert ports.passed.count("after-fetch") == 3


# ---- the checks can fail: a toy channel that keeps the contract, and one broken promise at a time


def good(item: RawIntake) -> list:
    if not item.blobs or not item.blobs[0].data:
        raise NormalizeError("空来件")
    text = item.blobs[0].data.decode("utf-8", "replace").replace("\x00", "")
    part = Part(PartKind.TEXT, text, 0)
    return [NewReport(Report((part,), sender=Sender(phone="13900001111")), ("c1",), timedelta(minutes=5))]


def from_files(blobs, meta, *, source_id, now):
    if not blobs or not blobs[0].data:
        raise InputRefusedError("空文件")
    return [RawIntake("toy", source_id, blobs[0].sha256(), now, tuple(blobs))]


def toy(normalize=good, files=from_files) -> Channel:
    return Channel("toy", "98", "试验", "其他方面", normalize, files, BaseModel, redact=frozenset({"caller"}))


def test_a_channel_that_keeps_the_contract_passes() -> None:
    channel = toy()
    check_channel(channel, [raw()], hostile_raws(channel))


def unrepeatable():
    count = iter(range(10**6))
    return lambda item: [NewReport(Report((Part(PartKind.TEXT, str(next(count)), 0),)))]


def talks(item: RawIntake) -> list:
    logging.getLogger("toy").info("from %s", item.meta["caller"])
    return good(item)


def changes(item: RawIntake) -> list:
    item.meta["seen"] = True  # type: ignore[index]
    return good(item)


def tells(item: RawIntake) -> list:
    raise NormalizeError(f"无法读取 {item.meta['caller']}")


def one(*parts: Part, **more):
    return lambda item: [NewReport(Report(parts, **more))]


def dials(item: RawIntake) -> list:
    import socket

    with socket.socket() as link, pytest.raises(OSError):
        link.connect(("127.0.0.1", 1))
    return good(item)


SHOWN = Part(PartKind.TEXT, "a", 0)


@pytest.mark.parametrize(
    ("normalize", "promise"),
    [
        (lambda item: [], "never disappears"),
        (unrepeatable(), "not repeatable"),
        (talks, "identity reached a log"),
        (changes, "changed its input"),
        (dials, "not pure"),
        (one(Part(PartKind.TEXT, "a", 1)), "points at blob"),
        (one(Part(PartKind.AUDIO)), "needs its blob"),
        (one(Part(PartKind.LOCATION, data={"lat": 1}), SHOWN), "a location names"),
        (one(Part(PartKind.LINK), SHOWN), "names its url"),
        (one(Part(PartKind.TEXT, "a\x00", 0)), "NUL"),
        (one(SHOWN, mode="nobody"), "unknown mode"),
        (one(SHOWN, kind="nothing"), "unknown kind"),
        (lambda item: [NonClue("nothing", "x")], "unknown kind"),
        (lambda item: [Continuation(Report((SHOWN,)), ())], "names what it continues"),
        (one(Part(PartKind.TEXT, "a", 0, data={"t": NOW})), "does not survive the wire"),
    ],
)
def test_a_broken_promise_is_named(normalize, promise) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_channel(toy(normalize), [raw()], [])


def test_identity_in_an_exception_text_is_found() -> None:
    with pytest.raises(AssertionError, match="identity reached"):
        check_channel(toy(tells), [], [raw()])


def test_a_blob_nobody_shows_is_found() -> None:
    item = replace(raw(), blobs=(Blob("a.jpg", "image/jpeg", b"1", "page"), Blob("b.jpg", "image/jpeg", b"2", "page")))
    with pytest.raises(AssertionError, match="no part shows blob 1"):
        check_channel(toy(one(SHOWN)), [item], [])


def test_another_exception_is_let_out() -> None:
    def crashes(item: RawIntake) -> list:
        return [item.blobs[5]]

    with pytest.raises(IndexError):
        check_channel(toy(crashes), [], [raw()])


def test_a_key_that_depends_on_the_clock_is_found() -> None:
    def ticking(blobs, meta, *, source_id, now):
        return [RawIntake("toy", source_id, now.isoformat(), now, tuple(blobs))]

    with pytest.raises(AssertionError, match="depends on the clock"):
        check_channel(toy(files=ticking), [], [])
