"""Key rotation and restore, killed (SIGKILL) at each of their failpoints, end when they are simply run again."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from hub import db
from hub.access import audit, sealing
from hub.cli import main
from hub.evidence import Store
from hub.models import Blob, DataKey, Event, Intake, Unit
from hub.settings import export, settings
from tests.fault.kit import ROOT
from tests.integration.casework import conftest
from tests.integration.casework.conftest import Desk

pytestmark = pytest.mark.fault
desk = conftest.desk
ROTATING = ("keys.before_replace", "keys.after_file", "keys.before_commit", "keys.before_commit@3")
RETIRING = ("keys.before_retire", "keys.before_replace")
RESTORING = ("restore.before_database", "restore.after_file", "restore.after_file@3", "restore.before_end")
PROGRAM = """
import sys
from hub import failpoints
from hub.access import rotation
from hub.cli import main
rotation.BATCH = 3
failpoints.arm(sys.argv[1])
main(sys.argv[2:])
"""


def hub_command(point: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`hub …` in a process of its own that is killed at `point` ("name" or "name@n"; "": it is not)."""
    name, _, nth = point.partition("@")
    armed = f"{name}=kill{f'@{nth}' if nth else ''}" if point else ""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, armed, *arguments], cwd=ROOT, env={**os.environ, **environment}, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


# ---- rotation


@pytest.fixture
def path(hub: Path, tmp_path: Path) -> Path:
    """A key file of this test's own."""
    del hub
    own = tmp_path / "own.key"
    shutil.copyfile(settings().key_path, own)
    own.chmod(0o600)
    export(HUB_KEY_FILE=str(own))
    sealing.forget_keys()
    return own


@pytest.fixture
def sealed(path: Path) -> list[tuple[int, bytes]]:
    """Ten fields under as many keys."""
    made = []
    with db.transaction() as session:
        unit = session.scalars(select(Unit.id).order_by(Unit.id)).first() or 0
        for number in range(10):
            key = sealing.new_key(session, unit)
            made.append((key.id, key.seal(f"值{number}", "f")))
    return made


def opened(sealed: list[tuple[int, bytes]]) -> list[str]:
    sealing.forget_keys()
    with db.reading() as session:
        return [sealing.open_key(session, key).text(field, "f") for key, field in sealed]


def versions() -> dict[int, int]:
    with db.reading() as session:
        rows = session.execute(select(DataKey.version, func.count()).group_by(DataKey.version))
        return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("point", ROTATING)
def test_a_killed_rotation_is_run_again(path: Path, sealed: list[tuple[int, bytes]], point: str) -> None:
    told = [f"值{number}" for number in range(10)]
    killed = hub_command(point, "keys", "rotate")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert opened(sealed) == told, "nothing is lost in between"
    again = hub_command("", "keys", "rotate")
    assert again.returncode == 0, again.stderr
    (version,) = versions()
    assert version == sealing.read_key_ring(path).current > 1
    assert hub_command("", "keys", "retire").returncode == 0
    assert list(sealing.read_key_ring(path).masters) == [version]
    assert opened(sealed) == told
    assert [one.name for one in path.parent.glob("own.key*")] == ["own.key"], "no half-written keys lie about"
    with db.reading() as session:
        assert (
            session.scalars(select(Event.act).where(Event.object == "keys").order_by(Event.seq)).all()[-1] == "retire"
        )
        assert audit.verify(session).ok


@pytest.mark.parametrize("point", RETIRING)
def test_a_killed_retirement_is_run_again(path: Path, sealed: list[tuple[int, bytes]], point: str) -> None:
    assert hub_command("", "keys", "rotate").returncode == 0
    killed = hub_command(point, "keys", "retire")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(opened(sealed)) == 10
    assert hub_command("", "keys", "retire").returncode == 0
    assert list(sealing.read_key_ring(path).masters) == [2]
    assert len(opened(sealed)) == 10


# ---- restore


@pytest.fixture
def made(desk: Desk, tmp_path: Path) -> tuple[Path, int]:
    """A backup with a clue, three large originals and a seal; how many events are in it."""
    clue = desk.clue()
    with db.transaction() as session:
        intake = session.scalars(select(Intake)).one()
        key = sealing.open_key(session, intake.key_id)
        for number in range(3):
            data = f"原件{number}".encode() * 20_000
            stored = Store(settings().folder("evidence")).put(io.BytesIO(data), key.secret)
            session.add(
                Blob(intake_id=intake.id, ord=number, origin="raw", role=f"raw:{number}",
                     name=key.seal("x", "blob.name"), media_type="text/plain", size=stored.size,
                     sha256=stored.sha256, address=stored.address)
            )  # fmt: skip
    with db.transaction() as session:
        seal = audit.seal(session)
    assert seal is not None
    audit.export(seal, settings().folder("audit"))
    desk.p1(clue)
    target = tmp_path / "backup"
    done = CliRunner().invoke(main, ["backup", str(target)])
    assert done.exit_code == 0, done.output
    db.connect()
    with db.reading() as session:
        return target, session.scalar(select(func.count()).select_from(Event)) or 0


@pytest.mark.parametrize("point", RESTORING)
def test_a_killed_restore_is_run_again(made: tuple[Path, int], tmp_path: Path, point: str) -> None:
    source, events = made
    new = tmp_path / "new"
    where = {"HUB_VAR": str(new), "HUB_KEY_FILE": str(settings().key_path), "DATABASE_URL": "", "REDIS_URL": ""}
    killed = hub_command(point, "restore", str(source), **where)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    refused = hub_command("", "clues", "--json", **where)
    assert refused.returncode == 1
    assert "hub restore" in refused.stderr, "nothing works on half of it"
    again = hub_command("", "restore", str(source), **where)
    assert again.returncode == 0, again.stderr
    told: dict[str, Any] = json.loads(again.stdout)
    assert (told["ok"], told["events"], told["seals"], told["files"]) == (True, events, 1, 5)
    listed = hub_command("", "clues", "--json", **where)
    assert len(listed.stdout.splitlines()) == 1, listed.stderr
    assert hub_command("", "restore", str(source), **where).returncode == 2, "whole now, and not emptied for another"
