"""A backup without its keys tells nothing and restores everything; a changed byte in it is found and named."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub import db
from hub.access import audit, sealing
from hub.cli import main
from hub.evidence import Store
from hub.models import Blob, Event, Intake
from hub.settings import export, settings
from tests.integration.casework import conftest
from tests.integration.casework.conftest import Desk

desk = conftest.desk
NAME = "欧阳震南"


@pytest.fixture
def made(desk: Desk, tmp_path: Path) -> Path:
    """A backup of a hub with a clue, a reporter, a large original and two seals."""
    clue = desk.clue(reporter={"name": NAME, "phone": "13912345678"})
    with db.transaction() as session:
        intake = session.query(Intake).first()
        key = sealing.open_key(session, intake.key_id)
        stored = Store(settings().folder("evidence")).put(io.BytesIO(NAME.encode() * 20_000), key.secret)
        session.add(
            Blob(intake_id=intake.id, ord=0, origin="raw", role="raw", name=key.seal("x", "blob.name"),
                 media_type="text/plain", size=stored.size, sha256=stored.sha256, address=stored.address)
        )  # fmt: skip
    with db.transaction() as session:
        seal = audit.seal(session)
    audit.export(seal, settings().folder("audit"))
    desk.p1(clue)
    target = tmp_path / "backup"
    done = CliRunner().invoke(main, ["backup", str(target)])
    assert done.exit_code == 0, done.output
    db.connect()
    return target


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_the_backup_alone_tells_nothing(made: Path) -> None:
    master = json.loads(settings().key_path.read_text())
    for path in made.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert NAME.encode() not in data, path.name
            assert b"13912345678" not in data, path.name
            assert master["index"].encode() not in data
            assert bytes.fromhex(master["index"]) not in data
    assert not list(made.rglob("*.key"))


def test_verify_finds_and_names_every_kind_of_damage(made: Path) -> None:
    assert run("verify", str(made)).exit_code == 0
    (original,) = (made / "evidence").glob("??/??/*")
    for path in (made / "database.dump", original, made / "seals.jsonl"):
        whole = path.read_bytes()
        for broken in (whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], None):
            path.unlink() if broken is None else path.write_bytes(broken)
            found = run("verify", str(made))
            assert found.exit_code == 1
            assert json.loads(found.stdout)["bad"].startswith(str(path.relative_to(made)))
        path.write_bytes(whole)
    (made / "manifest.json").write_text("{}")
    assert run("verify", str(made)).exit_code == 1


def test_a_second_backup_copies_only_what_is_new(made: Path) -> None:
    again = run("backup", str(made))
    db.connect()
    assert json.loads(again.stdout)["copied"] == 0
    assert run("verify", str(made)).exit_code == 0


def test_a_backup_never_goes_into_the_data_folder(desk: Desk) -> None:
    assert run("backup", str(settings().var / "b")).exit_code == 2


def test_restored_into_an_empty_folder_everything_is_there(made: Path, tmp_path: Path, monkeypatch) -> None:
    with db.reading() as session:
        events = session.query(Event).count()
    key, new = settings().key_path, tmp_path / "new"
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    export(HUB_VAR=str(new))
    wrong = tmp_path / "wrong.key"
    sealing.make_key_file(wrong)
    export(HUB_KEY_FILE=str(wrong))
    sealing.forget_keys()
    refused = run("restore", str(made))
    assert refused.exit_code == 1
    assert "not the key file of this backup" in refused.output
    export(HUB_KEY_FILE=str(key))
    sealing.forget_keys()
    done = run("restore", str(made))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["ok"], told["events"], told["seals"]) == (True, events, 1)
    assert run("restore", str(made)).exit_code == 2, "the folder is no longer empty"
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings.cache_clear()
    listed = run("clues", "--json")
    assert listed.exit_code == 0, listed.output
    assert len(listed.stdout.splitlines()) == 1
    shutil.rmtree(new, ignore_errors=True)
