"""Connections of the pool: one the server ended is given to nobody; reading keeps nothing but what is prepared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub import db
from hub.models import SourceCursor
from hub.settings import settings

PID = text("select pg_backend_pid()")


@pytest.fixture(autouse=True)
def alone(hub: Path) -> Iterator[None]:
    """One connection for all, so that the next one is the one of before."""
    del hub
    db.connect(pool=1)
    yield
    db.connect()


def cursors(session: Session) -> list[str]:
    return list(session.scalars(select(SourceCursor.name).where(SourceCursor.source_id == "t")))


@pytest.mark.parametrize("idle", [0.0, 3600.0])
def test_a_connection_that_the_server_ended_is_replaced(monkeypatch: pytest.MonkeyPatch, idle: float) -> None:
    with db.reading() as session:
        first = session.scalar(PID)
    with psycopg.connect(settings().database_url.replace("+psycopg", "")) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [first])
    if idle:
        monkeypatch.setattr(db, "_TRUSTED", 0.0)
    with db.reading() as session:
        assert session.scalar(PID) != first
    with db.asking() as connection:
        assert connection.scalar(text("select 1")) == 1


def test_reading_keeps_nothing_that_was_written() -> None:
    with db.reading() as session:
        session.add(SourceCursor(source_id="t", name="flushed", value=""))
        session.flush()
        assert cursors(session) == ["flushed"]
    with db.reading() as session:
        session.execute(insert(SourceCursor).values(source_id="t", name="told", value=""))
    with db.reading() as session:
        session.add(SourceCursor(source_id="t", name="added", value=""))
    with db.reading() as session, pytest.raises(DBAPIError):
        session.execute(text("select 1 / 0"))
    with db.reading() as session:
        assert cursors(session) == []


def test_reading_keeps_what_is_prepared() -> None:
    counted = text("select count(*) from pg_prepared_statements where statement like '%source_cursor%'")
    for _ in range(8):
        with db.reading() as session:
            assert cursors(session) == []
    with db.asking() as connection:
        assert connection.scalar(counted) == 1
