"""A new master key: everything opens before, during and after; killed anywhere it is run again. SM4 beside AES."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from click.testing import CliRunner
from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select

from hub import ciphers, db, failpoints
from hub.access import rotation, sealing
from hub.cli import main
from hub.evidence import EvidenceError, Store
from hub.models import DataKey, Unit
from hub.settings import export, settings


@pytest.fixture
def path(hub, tmp_path, monkeypatch):
    """A key file of this test's own, a copy of the one the template was sealed with."""
    own = tmp_path / "own.key"
    shutil.copyfile(settings().key_path, own)
    own.chmod(0o600)
    export(HUB_KEY_FILE=str(own))
    sealing.forget_keys()
    yield own
    failpoints.arm("", tmp_path)


@pytest.fixture
def sealed(path, monkeypatch) -> list[tuple[int, bytes]]:
    """Twelve fields under as many keys of three units; a batch holds five."""
    monkeypatch.setattr(rotation, "BATCH", 5)
    made = []
    with db.transaction() as session:
        units = session.scalars(select(Unit.id).order_by(Unit.id).limit(3)).all()
        for number in range(12):
            key = sealing.new_key(session, units[number % 3])
            made.append((key.id, key.seal(f"值{number}", "f")))
    return made


def all_open(sealed) -> bool:
    with db.reading() as session:
        return [sealing.open_key(session, key).text(field, "f") for key, field in sealed] == [
            f"值{n}" for n in range(12)
        ]


def versions() -> dict[int, int]:
    with db.reading() as session:
        rows = session.execute(select(DataKey.version, func.count()).group_by(DataKey.version))
        return {row[0]: row[1] for row in rows}


def test_after_a_rotation_everything_opens_with_the_new_master_alone(path, sealed) -> None:
    old = sealing.read_key_ring(path)
    before = (sealing.blind("phone", "1"), sealing.derived("search"), sealing.derived("chain"), sealing.fingerprint())
    assert rotation.rotate(path) == (2, 12)
    assert versions() == {2: 12}
    assert rotation.retire(path) == [1]
    ring = sealing.read_key_ring(path)
    assert list(ring.masters) == [2]
    assert ring.masters[2] not in old.masters.values()
    sealing.forget_keys()
    assert all_open(sealed)
    now = (sealing.blind("phone", "1"), sealing.derived("search"), sealing.derived("chain"), sealing.fingerprint())
    assert now == before, "indexes, seals and search keep their own key"
    sealing.replace_key_file(path, old)
    sealing.forget_keys()
    with pytest.raises(sealing.SealError, match="master key 2"):
        all_open(sealed)


@pytest.mark.parametrize("point", ["keys.after_file=raise", "keys.before_commit=raise", "keys.before_commit=raise@2"])
def test_broken_off_anywhere_everything_opens_and_a_second_run_ends_it(path, sealed, tmp_path, point) -> None:
    failpoints.arm(point, tmp_path)
    with pytest.raises(failpoints.FailpointError):
        rotation.rotate(path)
    failpoints.arm("", tmp_path)
    sealing.forget_keys()
    assert all_open(sealed)
    rotation.rotate(path)
    rotation.rotate(path) if 1 in versions() else None
    sealing.forget_keys()
    assert all_open(sealed)
    assert 1 not in versions()


def test_a_process_that_read_the_file_before_goes_on(path, sealed) -> None:
    """It meets rows of a version it lacks, and makes new keys with the current master, without a restart."""
    assert all_open(sealed)  # the ring is held now
    ring = sealing.read_key_ring(path)
    two = sealing.KeyRing(ring.index, ring.masters | {2: bytes(range(32))}, 2)
    sealing.replace_key_file(path, two)  # as another process does; nothing is forgotten here
    with db.transaction() as session:
        assert sealing.new_key(session, 1).id
    assert versions() == {1: 12, 2: 1}
    sealing._opened.cache_clear()
    assert all_open(sealed)


def test_a_master_that_is_needed_stays(path, sealed) -> None:
    rotation.begin(path)
    with pytest.raises(rotation.RotationError, match="rotate"):
        rotation.retire(path)
    assert all_open(sealed)


def test_a_running_transaction_holds_the_old_master(path, sealed) -> None:
    rotation.rotate(path)
    with db.transaction() as session:
        session.scalar(select(func.count()).select_from(DataKey))
        with pytest.raises(rotation.RotationError, match="transactions"):
            rotation.retire(path)


def test_a_key_file_of_the_first_format_is_read_and_rotated(path, sealed) -> None:
    ring = sealing.read_key_ring(path)
    only = ring.index
    path.write_text(json.dumps({"format": 1, "master": only.hex()}))
    sealing.forget_keys()
    with db.transaction() as session:
        key = sealing.new_key(session, 1)
        field = key.seal("x", "f")
        for row in session.scalars(select(DataKey).where(DataKey.id != key.id)):
            session.delete(row)
    rotation.rotate(path)
    sealing.forget_keys()
    assert sealing.read_key_ring(path).index == only
    with db.reading() as session:
        assert sealing.open_key(session, key.id).text(field, "f") == "x"


def test_the_commands(path, sealed, tmp_path) -> None:
    run = CliRunner().invoke
    assert json.loads(run(main, ["keys", "rotate"]).stdout) == {"version": 2, "wrapped": 12}
    db.connect()
    assert json.loads(run(main, ["keys", "retire"]).stdout) == {"retired": [1]}
    target = tmp_path / "elsewhere.key"
    assert run(main, ["keys", "backup", str(target)]).exit_code == 0
    assert sealing.read_key_ring(target) == sealing.read_key_ring(path)
    assert target.stat().st_mode & 0o777 == 0o600
    assert run(main, ["keys", "backup", str(target)]).exit_code == 2
    assert run(main, ["keys", "backup", str(settings().var / "a.key")]).exit_code == 2
    db.connect()


# ---- SM4


def test_sm4_gcm_vector_of_rfc_8998() -> None:
    """RFC 8998 appendix A.1."""
    key, nonce = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), bytes.fromhex("00001234567800000000ABCD")
    associated = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
        "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
    )
    wanted = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    assert ciphers.Sm4Gcm(key).encrypt(nonce, plain, associated) == wanted
    assert ciphers.Sm4Gcm(key).decrypt(nonce, wanted, associated) == plain
    for wrong in (wanted[:-1], wanted[:10], wanted[:-1] + b"\0"):
        with pytest.raises(InvalidTag):
            ciphers.Sm4Gcm(key).decrypt(nonce, wrong, associated)


def test_sm4_by_setting_aes_read_beside_it_and_both_rotated(path, sealed, monkeypatch) -> None:
    monkeypatch.setenv("HUB_SEAL_ALGORITHM", "sm4")
    settings.cache_clear()
    with db.transaction() as session:
        key = sealing.new_key(session, 1)
    assert len(key.secret) == 16
    field = key.seal("张三", "f")
    with pytest.raises(sealing.SealError):
        key.open(field, "g")
    rotation.rotate(path)
    sealing.forget_keys()
    assert all_open(sealed)
    with db.reading() as session:
        assert sealing.open_key(session, key.id).text(field, "f") == "张三"


@pytest.mark.parametrize("size", [0, 1, 65536, 200_000])
def test_the_evidence_store_with_sm4(tmp_path, size: int) -> None:
    store, data, key = Store(tmp_path), bytes(range(256)) * (size // 256 + 1), bytes(16)
    stored = store.put(io.BytesIO(data[:size]), key)
    assert b"".join(store.read(stored.address, key)) == data[:size]
    assert b"".join(store.read(stored.address, key, 5, 70)) == data[:size][5:70]
    with pytest.raises(EvidenceError):
        list(store.read(stored.address, bytes(32)))
