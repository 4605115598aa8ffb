"""Parts started one by one: `hub db upgrade` prepares a database; web, worker and poll refuse what is not theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, func, select, text

from hub import db
from hub.access import sealing
from hub.cli import main
from hub.models import Unit
from hub.runtime import processes
from hub.settings import export, settings


@pytest.fixture
def empty(hub: Path, servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch):
    """A database without a schema; DATABASE_URL names it. No part really starts."""
    for part in ("web", "worker", "beat"):
        monkeypatch.setattr(processes, part, lambda *_: pytest.fail("it started"))
    db.engine().dispose()
    db.forget()
    name = f"empty{os.getpid()}"
    admin = create_engine(servers[0].replace("/template_hub?", "/postgres?"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'create database "{name}"'))
    export(DATABASE_URL=servers[0].replace("/template_hub?", f"/{name}?"))
    yield hub
    db.engine().dispose()
    with admin.connect() as connection:
        connection.execute(text(f'drop database "{name}" with (force)'))
    admin.dispose()


def run(*words: str):
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("part", [["web"], ["worker", "light"], ["poll"]])
def test_parts_say_what_is_missing(empty: Path, part: list[str]) -> None:
    result = run(*part)
    assert result.exit_code == 1
    assert "hub db upgrade" in result.output
    url, redis = settings().database_url, settings().redis_url
    export(DATABASE_URL="", REDIS_URL="")
    result = run(*part)
    assert result.exit_code == 1
    assert "DATABASE_URL and REDIS_URL" in result.output
    export(DATABASE_URL="postgresql://hub@127.0.0.1:1/x", REDIS_URL=redis)
    assert "does not answer" in run(*part).output
    export(DATABASE_URL=url)


def test_upgrade_makes_the_unit_tree_and_a_foreign_key_file_is_refused(empty: Path, tmp_path: Path) -> None:
    for _ in range(2):
        result = run("db", "upgrade")
        assert result.exit_code == 0, result.output
    db.connect()
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Unit)) > 3000
        assert session.scalars(select(Unit.name).where(Unit.code == "430922")).one()
    db.engine().dispose()
    sealing.make_key_file(tmp_path / "other.key")
    export(HUB_KEY_FILE=str(tmp_path / "other.key"))
    sealing.forget_keys()
    for command in (["web"], ["worker", "light"], ["poll"], ["db", "upgrade"]):
        result = run(*command)
        assert result.exit_code == 1, command
        assert "not the key file of this database" in result.output, command
    export(HUB_KEY_FILE=str(tmp_path / "missing.key"))
    sealing.forget_keys()
    assert "is missing" in run("web").output
