"""What every layer shares: one real PostgreSQL and Valkey a test session, a fresh database a test."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub import db
from hub.access import sealing
from hub.runtime import embedded, schema
from hub.settings import export, settings
from tests import economy
from tests.skips import pytest_runtest_makereport  # noqa: F401  an unexpected skip fails

os.environ.setdefault("HUB_SECOND_FACTOR", "off")  # test_sign_in.py turns it on; hubs started by tests inherit it
_real_connect = socket.socket.connect
economy.spare()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """With `--dist loadgroup` the order of tests/schedule.py."""
    if config.getoption("dist") != "loadgroup":
        return None
    from tests.schedule import FromBothEnds

    return FromBothEnds(config, log)


@pytest.fixture(autouse=True)
def _no_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket beyond loopback."""

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test tried to reach {address[0]}")
        _real_connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """A migrated template database and a Valkey, both embedded and on unix sockets; (PostgreSQL URL, Valkey URL)."""
    var = economy.folder()
    postgres = embedded.start_postgres(var, name="template_hub", fast=True)
    valkey = embedded.start_valkey(var)
    schema.upgrade(postgres.url)
    yield postgres.url, valkey.url
    valkey.stop()
    postgres.stop()
    shutil.rmtree(var, ignore_errors=True)


NAMES = ("DATABASE_URL", "REDIS_URL", "HUB_VAR", "HUB_KEY_FILE")


@pytest.fixture(scope="session")
def seeded(servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The template with the unit tree in it, and the key file it was sealed with."""
    from hub.jurisdiction.units import ensure_units

    var = tmp_path_factory.mktemp("seed")
    key = var / "hub.key"
    sealing.make_key_file(key)
    export(HUB_KEY_FILE=str(key), DATABASE_URL=servers[0])
    sealing.forget_keys()
    db.connect(servers[0])
    with db.transaction() as session:
        ensure_units(session)
        sealing.check_fingerprint(session)
    db.engine().dispose()
    _forget_environment()
    return servers[0], key


def _forget_environment() -> None:
    """No test inherits another's servers."""
    for name in NAMES:
        os.environ.pop(name, None)
    settings.cache_clear()
    sealing.forget_keys()


@pytest.fixture
def hub(servers: tuple[str, str], seeded: tuple[str, Path], tmp_path: Path) -> Iterator[Path]:
    """A hub of its own: fresh database (a copy of the template), flushed Valkey, own data folder. Yields the folder."""
    import redis

    url, key = seeded
    name = f"t{os.getpid()}_{os.urandom(4).hex()}"
    host = url.split("host=")[1].replace("%2F", "/")
    admin = psycopg.connect(host=host, user="hub", dbname="postgres", autocommit=True)
    admin.execute(f'create database "{name}" template template_hub strategy file_copy')
    with redis.Redis.from_url(servers[1]) as client:
        client.flushall()
    var = tmp_path / "var"
    var.mkdir(mode=0o700)
    export(
        HUB_VAR=str(var), HUB_KEY_FILE=str(key), REDIS_URL=servers[1],
        DATABASE_URL=url.replace("/template_hub?", f"/{name}?"),
    )  # fmt: skip
    sealing.forget_keys()
    db.connect()
    yield var
    from hub.enrich import decoding

    decoding.forget_children()
    db.engine().dispose()
    db.forget()
    admin.execute(f'drop database "{name}" with (force)')
    admin.close()
    _forget_environment()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Kills and browsers meet a busy machine: such a test may be run once more, which the summary line counts."""
    for item in items:
        if item.get_closest_marker("fault") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
