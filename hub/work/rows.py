"""Work rows: put, claim, finish, fail (decision 3).

A row is claimed with a lease and a fencing token that rises with every claim. Who lost its lease (killed, hung,
orphaned) cannot finish: `Job.done` refuses, and the whole effect rolls back with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub import db
from hub.models import Work
from hub.models.base import table_of
from hub.work import wake

MAX_ATTEMPTS = 3
LEASE = timedelta(seconds=90)
AWAY = 5  # seconds before the next try where what every row needs was away
BACK_OFF = (2, 10, 60, 300, 1800)  # seconds before the next attempt


class FencedError(RuntimeError):
    """Another worker has taken this row over: nothing of this run may be kept."""


@dataclass(frozen=True)
class Handler:
    """What a name stands for. `dead(session, args, reason)` runs when the row is parked, in the same transaction."""

    name: str
    queue: str
    run: Callable[[Job], None]
    dead: Callable[[Session, dict[str, Any], str], None] | None = None
    lease: timedelta = LEASE
    attempts: int = MAX_ATTEMPTS


@dataclass(frozen=True)
class Job:
    """A claimed row."""

    id: int
    handler: str
    args: dict[str, Any]
    token: int
    attempts: int
    lease: timedelta

    def done(self, session: Session) -> None:
        """Ends the work in the transaction of its effect. Raises FencedError when the lease was lost."""
        gone = session.execute(
            delete(Work).where(Work.id == self.id, Work.token == self.token, Work.state == "running").returning(Work.id)
        ).scalar()
        if gone is None:
            raise FencedError(f"work {self.id}: lease lost")

    def renew(self) -> None:
        """Lengthens the lease of long work. Raises FencedError when it was already lost."""
        with db.transaction() as session:
            kept = session.execute(
                update(Work)
                .where(Work.id == self.id, Work.token == self.token, Work.state == "running")
                .values(lease_until=func.now() + self.lease)
                .returning(Work.id)
            ).scalar()
            if kept is None:
                raise FencedError(f"work {self.id}: lease lost")


_handlers: dict[str, Handler] = {}


def register(handler: Handler) -> None:
    _handlers[handler.name] = handler


def handler(name: str) -> Handler:
    return _handlers[name]


QUEUES = {  # which queue a kind of work waits in; known to those who put it without knowing who does it
    "normalize": "light",
    "fetch": "light",
    "enrich": "text",
    "transcribe": "speech",
    "read_scan": "scan",
    "beep": "speech",
    "black": "scan",
    "notify": "light",
    "told": "light",
    "undelivered": "light",
    "scan_pages": "scan",
    "take_letter": "light",
    "learn": "text",
    "resketch": "text",
}


WAITING = "work as (insert into work (queue, handler, args) values (:queue, :handler, :args))"
"""`waiting` as a part of a statement that writes more; `args` is JSONB."""


def waiting(session: Session, name: str, args: dict[str, Any]) -> dict[str, Any]:
    """What WAITING is given; its queue is woken after the commit."""
    queue = QUEUES[name]
    db.after_commit(session, lambda: wake.wake(queue))
    return {"queue": queue, "handler": name, "args": args}


def put(
    session: Session,
    name: str,
    args: dict[str, Any],
    *,
    once: str | None = None,
    run_at: datetime | None = None,
    priority: int = 5,
) -> None:
    """Adds work in the running transaction and wakes its queue after the commit.

    `once`: when a pending row of this name exists, nothing is added.
    """
    queue = QUEUES[name]
    values: dict[str, Any] = {"queue": queue, "handler": name, "args": args, "once": once, "priority": priority}
    if run_at is not None:
        values["run_at"] = run_at
    statement = insert(table_of(Work)).values(**values)
    if once is not None:
        statement = statement.on_conflict_do_nothing(
            index_elements=["once"], index_where=text("state = 'pending' and once is not null")
        )
    session.execute(statement)
    if run_at is None:
        db.after_commit(session, lambda: wake.wake(queue))


_CLAIM = text("""
    update work set state = 'running', attempts = attempts + 1, token = token + 1,
           lease_until = now() + make_interval(secs => :lease)
     where id = (
       select id from work
        where queue = :queue
          and ((state = 'pending' and run_at <= now()) or (state = 'running' and lease_until < now()))
        order by priority, run_at, id
        limit 1 for update skip locked)
    returning id, handler, args, token, attempts
""")


def claim(queue: str) -> Job | None:
    """Takes the next due row, or one whose lease ran out; parks rows that ended their worker too often."""
    while True:
        with db.transaction() as session:
            row = session.execute(_CLAIM, {"queue": queue, "lease": LEASE.total_seconds()}).mappings().first()
            if row is None:
                return None
            known = _handlers.get(row["handler"])
            if known is not None and row["attempts"] <= known.attempts:
                if known.lease != LEASE:
                    session.execute(
                        update(Work).where(Work.id == row["id"]).values(lease_until=func.now() + known.lease)
                    )
                return Job(row["id"], row["handler"], row["args"], row["token"], row["attempts"], known.lease)
            _park(session, row["id"], row["args"], known, "处理过程多次中断" if known else "没有对应的处理程序")


def _park(session: Session, row_id: int, args: dict[str, Any], known: Handler | None, reason: str) -> None:
    session.execute(
        update(Work).where(Work.id == row_id).values(state="dead", lease_until=None, error=reason, once=None)
    )
    if known is None or known.dead is None:
        return
    try:
        with session.begin_nested():
            known.dead(session, args, reason)
    except Exception as error:
        # Without this the row could never be parked and, being the oldest, would keep every other row waiting.
        if not session.is_active or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
        wake.log.warning("parking_failed", work=row_id, handler=known.name, error=type(error).__name__)


def fail(job: Job, reason: str, *, permanent: bool) -> None:
    """Notes a failed attempt: back to the queue after a while, or parked when trying again cannot help."""
    known = _handlers[job.handler]
    with db.transaction() as session:
        row = session.scalars(
            select(Work).where(Work.id == job.id, Work.token == job.token, Work.state == "running").with_for_update()
        ).first()
        if row is None:
            return
        if permanent or job.attempts >= known.attempts:
            _park(session, job.id, job.args, known, reason)
            return
        wait = BACK_OFF[min(job.attempts, len(BACK_OFF)) - 1]
        twin = row.once is not None and session.scalar(
            select(Work.id).where(Work.once == row.once, Work.state == "pending", Work.id != row.id)
        )
        session.execute(
            update(Work)
            .where(Work.id == job.id)
            .values(
                state="pending", lease_until=None, error=reason, run_at=func.now() + timedelta(seconds=wait),
                once=None if twin else row.once,
            )
        )  # fmt: skip


def postpone(job: Job, seconds: int = AWAY) -> None:
    """Puts a row back that could not even be tried, as if it had not been taken."""
    with db.transaction() as session:
        session.execute(
            update(Work)
            .where(Work.id == job.id, Work.token == job.token, Work.state == "running")
            .values(
                state="pending", lease_until=None, attempts=Work.attempts - 1,
                run_at=func.now() + timedelta(seconds=seconds),
            )
        )  # fmt: skip


def revive(session: Session, row_id: int) -> None:
    """A person gives a parked row another round of attempts."""
    queue = session.execute(
        update(Work)
        .where(Work.id == row_id, Work.state == "dead")
        .values(state="pending", attempts=0, error="", run_at=func.now())
        .returning(Work.queue)
    ).scalar()
    if queue is not None:
        db.after_commit(session, lambda: wake.wake(queue))


def due(session: Session) -> list[str]:
    """Queues that hold a due row without a live lease."""
    rows = session.execute(
        text("""select distinct queue from work
                where (state = 'pending' and run_at <= now()) or (state = 'running' and lease_until < now())""")
    )
    return [queue for (queue,) in rows]


def run(job: Job) -> None:
    """Runs a claimed row to its end: done, retried or parked. Never raises."""
    known = _handlers[job.handler]
    try:
        known.run(job)
    except FencedError:
        return
    except Exception as error:  # noqa: BLE001  whatever a handler raises is a failed attempt of this row
        permanent = bool(getattr(error, "permanent", False))
        shown = str(error) if hasattr(error, "permanent") else type(error).__name__
        wake.log.warning(
            "work_failed", work=job.id, handler=job.handler, error=type(error).__name__, permanent=permanent
        )
        wake.log.debug("work_failed_trace", exc_info=True)
        if getattr(error, "away", False):
            postpone(job)
        else:
            fail(job, shown[:300], permanent=permanent)
