"""Keys on a real database: nothing opens without the right key file, field and row; a deleted key shreds."""

import json

import pytest
from sqlalchemy import delete, select

from hub import db
from hub.access import sealing
from hub.models import DataKey, SourceCursor, Unit
from hub.settings import export


@pytest.fixture
def unit(hub) -> int:
    with db.reading() as session:
        return session.scalars(select(Unit.id).where(Unit.code == "430922")).one()


def test_a_field_comes_back_and_differs_each_time(unit) -> None:
    with db.transaction() as session:
        key = sealing.new_key(session, unit)
    with db.reading() as session:
        again = sealing.open_key(session, key.id)
    for value in ("张三", "", "a\udc80", "x" * 100_000):
        sealed = key.seal(value, "part.text")
        assert again.text(sealed, "part.text") == value
        assert sealed != key.seal(value, "part.text")
        assert value.encode("utf-8", "surrogatepass") not in sealed or not value
    assert again.json(key.seal_json({"a": ["张", 1, None]}, "f"), "f") == {"a": ["张", 1, None]}


def test_a_changed_moved_or_foreign_field_does_not_open(unit) -> None:
    with db.transaction() as session:
        one, two = sealing.new_key(session, unit), sealing.new_key(session, unit)
    sealed = one.seal("13800001234", "part.text")
    tries = [
        (one, sealed, "clue.title"),
        (two, sealed, "part.text"),
        (one, sealed[:-1], "part.text"),
        (one, sealed[:5], "part.text"),
        (one, b"", "part.text"),
        (one, sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:], "part.text"),
    ]
    for key, data, field in tries:
        with pytest.raises(sealing.SealError) as refused:
            key.open(data, field)
        assert "138" not in str(refused.value)


def test_a_key_row_moved_to_another_unit_or_deleted_opens_nothing(hub) -> None:
    with db.transaction() as session:
        units = session.scalars(select(Unit.id).order_by(Unit.id).limit(2)).all()
        key = sealing.new_key(session, units[0])
    with db.transaction() as session:
        session.get_one(DataKey, key.id).unit_id = units[1]
    with db.reading() as session, pytest.raises(sealing.SealError):
        sealing.open_key(session, key.id)
    with db.transaction() as session:
        session.execute(delete(DataKey).where(DataKey.id == key.id))
    with db.reading() as session, pytest.raises(sealing.SealError, match="gone"):
        sealing.open_key(session, key.id)


def test_another_key_file_is_noticed_at_once(unit, tmp_path) -> None:
    with db.transaction() as session:
        key = sealing.new_key(session, unit)
        assert session.get_one(SourceCursor, ("hub", "key")).value == sealing.fingerprint()
    sealing.make_key_file(tmp_path / "other.key")
    export(HUB_KEY_FILE=str(tmp_path / "other.key"))
    sealing.forget_keys()
    with db.reading() as session:
        with pytest.raises(sealing.KeyFileError, match="not the key file of this database"):
            sealing.check_fingerprint(session)
        with pytest.raises(sealing.SealError, match="wrong key file"):
            sealing.open_key(session, key.id)


def test_blind_indexes_are_keyed_and_separate_name_spaces(hub, tmp_path) -> None:
    token = sealing.blind("phone", "13800001234")
    assert len(token) == 16
    assert token == sealing.blind("phone", "13800001234")
    assert token != sealing.blind("email", "13800001234")
    sealing.make_key_file(tmp_path / "other.key")
    export(HUB_KEY_FILE=str(tmp_path / "other.key"))
    sealing.forget_keys()
    assert token != sealing.blind("phone", "13800001234")


def test_the_key_file_is_private_whole_and_never_overwritten(tmp_path) -> None:
    path = tmp_path / "keys" / "hub.key"
    with pytest.raises(sealing.KeyFileError, match="missing"):
        sealing.read_key_file(path)
    sealing.make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    master = sealing.read_key_file(path)
    assert len(master) == 32
    with pytest.raises(FileExistsError):
        sealing.make_key_file(path)
    path.chmod(0o640)
    with pytest.raises(sealing.KeyFileError, match="chmod 600"):
        sealing.read_key_file(path)
    path.chmod(0o600)
    for bad in ("", "{", "[]", "3", json.dumps({"format": 1}), json.dumps({"master": "zz"}), json.dumps({"master": 1})):
        path.write_text(bad)
        with pytest.raises(sealing.KeyFileError, match="damaged"):
            sealing.read_key_file(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(sealing.KeyFileError, match="damaged"):
        sealing.read_key_file(path)
    path.write_text(json.dumps({"format": 1, "master": "ab" * 16}))
    with pytest.raises(sealing.KeyFileError, match="256-bit"):
        sealing.read_key_file(path)
