"""What time itself does: warnings at set points, each once; P5 clues whose question has stood its days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.casework.acts import follow
from hub.casework.changes import announce, lock
from hub.law import calendar, deadlines
from hub.models import Asked, Clock, ClockWarning, Clue
from hub.terms import State

POINTS = ("near", "due", "overdue", "head", "superior")
"""The day before the last, the last day, after it: the handler; one working day later the head of the unit, three
working days later the superior (internal)."""
HEAD, SUPERIOR = 1, 3


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning given now, for the people it is for."""

    clue_id: int
    clock_id: int
    point: str


def sweep(session: Session, limit: int = 500) -> list[Warned]:
    """One step of the sweep: at most `limit` new warnings, in the running transaction; empty when nothing is left.

    After days of standstill the points that were passed are warned of together; two sweeps at once meet in a unique
    key.
    """
    close_waiting(session, limit)
    today = clock.today()
    found: list[Warned] = []
    for point in POINTS:
        if len(found) < limit:
            found += _warn(session, point, today, limit - len(found))
    return found


def _latest(point: str, today: date) -> date:
    """The last due day that has reached the point today. Warnings are internal: they follow the national calendar."""
    days = calendar.national()
    if point in ("near", "due"):
        return days.next(today) if point == "near" else today
    wait = {"overdue": 0, "head": HEAD, "superior": SUPERIOR}[point]
    day = today - timedelta(days=1)
    while deadlines.due(day, wait, days).due >= today:
        day -= timedelta(days=1)
    return day


def _warn(session: Session, point: str, today: date, limit: int) -> list[Warned]:
    known = select(ClockWarning.id).where(ClockWarning.clock_id == Clock.id, ClockWarning.point == point)
    rows = session.scalars(
        select(Clock)
        .where(Clock.stopped_at.is_(None), Clock.due <= _latest(point, today), ~known.exists())
        .order_by(Clock.due, Clock.id)
        .limit(limit)
    ).all()
    return _give(session, point, rows)


def _give(session: Session, point: str, rows: Sequence[Clock]) -> list[Warned]:
    if not rows:
        return []
    new = session.scalars(
        insert(ClockWarning)
        .values([{"clock_id": row.id, "point": point} for row in rows])
        .on_conflict_do_nothing(index_elements=["clock_id", "point"])
        .returning(ClockWarning.clock_id)
    ).all()
    given = [row for row in rows if row.id in set(new)]
    for row in given:
        row.late = row.late or point not in ("near", "due")
        data = {"kind": row.kind, "number": row.number, "point": point, "due": row.due.isoformat()}
        audit.record(session, f"clue:{row.clue_id}", "clock.warning", data=data)
    session.flush()
    return [Warned(row.clue_id, row.id, point) for row in given]


def close_waiting(session: Session, limit: int = 500) -> int:
    """Closes P5 clues without a contact whose question has stood its days on the query page. Returns how many."""
    waiting = session.scalars(
        select(Asked.clue_id)
        .join(Clue, Clue.id == Asked.clue_id)
        .where(Clue.state == State.TO_TELL, Clue.determination == "P5")
        .group_by(Asked.clue_id)
        .having(func.max(Asked.stands_until) < clock.today())
        .limit(limit)
    ).all()
    closed = 0
    for clue_id in sorted(waiting):
        clue = lock(session, {clue_id})[clue_id]
        follow(session, clue, clock.now())
        closed += clue.state == State.CLOSED
        announce(session, clue)
    return closed
