"""What time itself does: warnings at set points, each once; P5 clues whose question has stood its days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, people
from hub.access.people import Actor
from hub.casework import facts
from hub.casework.acts import follow
from hub.casework.assigning import assign_waiting
from hub.casework.changes import announce, lock
from hub.casework.transfers import take_back_unreceived
from hub.law import calendar, deadlines
from hub.models import Asked, Clock, ClockWarning, Clue, ClueUnit, Event, StallAlert
from hub.terms import Role, State

POINTS = ("near", "due", "overdue", "head", "superior")
"""The day before the last, the last day, after it: the handler; one working day later the head of the unit, three
working days later the superior (internal)."""
HEAD, SUPERIOR = 1, 3
STALLS = {"lead": 15, "superior": 30}
"""Working days without anything logged in a verification, after which who is told (PRODUCT §5)."""
UNLOGGED = (
    "clock.warning", "verification.stalled", "clock.recompute", "read_original", "read_redacted", "suggest", "note",
)  # fmt: skip
"""Events that are nobody's work on the clue."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning given now, for the people it is for: the handler, or everybody of the unit with the role.

    `clock_id` 0: no clock, a verification in which nothing was logged.
    """

    clue_id: int
    clock_id: int
    point: str
    unit_id: int
    role: str
    user_id: int | None = None


def sweep(session: Session, limit: int = 500) -> list[Warned]:
    """One step of the sweep: at most `limit` new warnings, in the running transaction; empty when nothing is left.

    After days of standstill the points that were passed are warned of together; two sweeps at once meet in a unique
    key.
    """
    close_waiting(session, limit)
    assign_waiting(session)
    take_back_unreceived(session, limit)
    today = clock.today()
    found: list[Warned] = []
    for point in POINTS:
        if len(found) < limit:
            found += _warn(session, point, today, limit - len(found))
    for point in STALLS:
        if len(found) < limit:
            found += _stalled(session, point, today, limit - len(found))
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
    to = {row.id: _recipient(session, session.get_one(Clue, row.clue_id), point) for row in rows}
    new = session.scalars(
        insert(ClockWarning)
        .values([{"clock_id": row.id, "point": point, **to[row.id]} for row in rows])
        .on_conflict_do_nothing(index_elements=["clock_id", "point"])
        .returning(ClockWarning.clock_id)
    ).all()
    given = [row for row in rows if row.id in set(new)]
    for row in given:
        row.late = row.late or point not in ("near", "due")
        data = {"kind": row.kind, "number": row.number, "point": point, "due": row.due.isoformat()}
        audit.record(session, f"clue:{row.clue_id}", "clock.warning", data=data)
    session.flush()
    return [Warned(row.clue_id, row.id, point, **to[row.id]) for row in given]


def _recipient(session: Session, clue: Clue, point: str) -> dict[str, Any]:
    """Whom a point is for: handler → head → superior. Without a handler, or a superior, the head of the unit."""
    if point == "superior":
        above = facts.superior(session, clue.owner_unit_id)
        if above is not None:
            return {"unit_id": above.id, "role": Role.SUPERVISOR, "user_id": None}
    elif point not in ("head", "lead") and clue.handler_id is not None:
        return {"unit_id": clue.owner_unit_id, "role": Role.HANDLER, "user_id": clue.handler_id}
    return {"unit_id": clue.owner_unit_id, "role": Role.LEAD, "user_id": None}


def _stalled(session: Session, point: str, today: date, limit: int) -> list[Warned]:
    """Verifications in which nothing was logged for so many working days: each stretch told of once at each point."""
    days, latest = STALLS[point], today - timedelta(days=1)
    while deadlines.due(latest, days, calendar.national()).due >= today:
        latest -= timedelta(days=1)
    logged = (
        select(func.max(Event.received_at))
        .where(Event.object == func.concat("clue:", Clue.id), Event.act.not_in(UNLOGGED))
        .correlate(Clue)
        .scalar_subquery()
    )
    day = cast(func.timezone("Asia/Shanghai", logged), Date)
    known = select(StallAlert.id).where(
        StallAlert.clue_id == Clue.id, StallAlert.point == point, StallAlert.since == day
    )
    found = session.execute(
        select(Clue, day)
        .where(Clue.state == State.VERIFYING, day <= latest, ~known.exists())
        .order_by(Clue.id)
        .limit(limit)
    ).all()
    given: list[Warned] = []
    for clue, since in found:
        to = _recipient(session, clue, point)
        new = session.scalar(
            insert(StallAlert)
            .values(clue_id=clue.id, since=since, point=point, unit_id=to["unit_id"], role=to["role"])
            .on_conflict_do_nothing(index_elements=["clue_id", "since", "point"])
            .returning(StallAlert.id)
        )
        if new is not None:
            data = {"point": point, "since": since.isoformat(), "days": days}
            audit.record(session, f"clue:{clue.id}", "verification.stalled", data=data)
            given.append(Warned(clue.id, 0, point, to["unit_id"], to["role"]))
    return given


@dataclass(frozen=True, slots=True)
class Alert:
    """A warning as the person it is for sees it. `what`: kind of the clock, or "verification" for a stall."""

    clue_id: int
    clue_no: str
    what: str
    point: str
    due: date | None
    since: date | None
    at: datetime


def alerts(session: Session, who: Actor, limit: int = 200) -> list[Alert]:
    """The warnings for the person about clues they may see: of clocks that still run, of verifications that still
    stand still. The newest first.
    """
    seen = people.visible(who).with_only_columns(ClueUnit.clue_id)
    mine = and_(ClockWarning.user_id.is_(None), ClockWarning.role.in_(who.roles))
    clocks = session.execute(
        select(ClockWarning, Clock, Clue.no)
        .join(Clock, Clock.id == ClockWarning.clock_id)
        .join(Clue, Clue.id == Clock.clue_id)
        .where(ClockWarning.unit_id == who.unit_id, or_(mine, ClockWarning.user_id == who.user_id))
        .where(Clock.stopped_at.is_(None), Clock.clue_id.in_(seen))
        .order_by(ClockWarning.id.desc())
        .limit(limit)
    ).all()
    found = [Alert(row.clue_id, no, row.kind, one.point, row.due, None, one.at) for one, row, no in clocks]
    stalls = session.execute(
        select(StallAlert, Clue.no)
        .join(Clue, Clue.id == StallAlert.clue_id)
        .where(StallAlert.unit_id == who.unit_id, StallAlert.role.in_(who.roles), StallAlert.clue_id.in_(seen))
        .where(Clue.state == State.VERIFYING)
        .order_by(StallAlert.id.desc())
        .limit(limit)
    ).all()
    found += [Alert(one.clue_id, no, "verification", one.point, None, one.since, one.at) for one, no in stalls]
    return sorted(found, key=lambda alert: alert.at, reverse=True)[:limit]


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
