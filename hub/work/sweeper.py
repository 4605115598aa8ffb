"""Once a second one leader among the processes looks for due rows nobody works on, and wakes their queue."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hub import db
from hub.work import rows, wake

log = structlog.get_logger("hub.sweeper")
LEADER = 123360002


def sweep(stop: Event, want: Callable[[str], None], chores: Callable[[], None], *, tick: float = 1.0) -> None:
    """Runs until `stop`. `want(queue)` is told of queues with due rows; `chores` run once a tick as leader."""
    while not stop.is_set():
        try:
            _lead(stop, want, chores, tick)
        except SQLAlchemyError as error:
            log.warning("sweep_failed", error=type(error).__name__)
            stop.wait(tick)


def _lead(stop: Event, want: Callable[[str], None], chores: Callable[[], None], tick: float) -> None:
    with db.engine().connect() as connection:
        if not connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": LEADER}):
            connection.rollback()
            stop.wait(tick)
            return
        connection.commit()
        try:
            while not stop.is_set():
                connection.execute(text("select 1"))  # still connected, still leader
                connection.commit()
                with db.reading() as session:
                    queues = rows.due(session)
                for queue in queues:
                    wake.wake(queue)
                    want(queue)
                chores()
                stop.wait(tick)
        finally:
            if not connection.invalidated:
                connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LEADER})
                connection.commit()
