"""The legal clocks of a clue: started, stopped, superseded, resumed; days held per unit (PRODUCT §6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.casework import switches
from hub.law import calendar, deadlines, workflow
from hub.law.calendar import Calendar, Layer
from hub.models import CalendarProposal, Clock, Clue, Hold, Unit

ARTICLES = {
    "determination": "第十二条",
    "escalation": "第十二条第（二）项",
    "after_designation": "第十二条第（二）项",
    "result": "第十四条",
    "hand_down": workflow.INTERNAL,
    "wall": workflow.INTERNAL,
    "major_report": workflow.INTERNAL,
    "letter": "第十六条",
    "order": "第十六条",
    "referral": workflow.INTERNAL,
    "transfer": workflow.INTERNAL,
    "publish": workflow.INTERNAL,
}
LOCAL_DAYS = {"hand_down": "hand_down_days", "transfer": "transfer_days"}
"""Internal limits that a jurisdiction may set (switches); those of the measures are never in here."""
DATED = ("letter", "order", "referral", "publish")
"""Clocks whose last day is a date named or counted by the calendar: no holiday moves it."""
TELLING = ("determination", "after_designation")


def layer(row: CalendarProposal) -> Layer:
    """A confirmed proposal as a layer of the calendar."""
    return Layer(
        row.layer,
        {date.fromisoformat(day): name for day, name in row.off.items()},
        {date.fromisoformat(day): name for day, name in row.work.items()},
        row.year,
        row.issued,
        local=row.unit_id is not None,
    )


def calendar_of(session: Session, unit_id: int) -> Calendar:
    """The working days of the unit that owes an act: national layers, then those of its area."""
    return calendars_of(session, (unit_id,))[unit_id]


def calendars_of(session: Session, unit_ids: Iterable[int]) -> dict[int, Calendar]:
    """The same for several units at once."""
    rows = session.scalars(select(CalendarProposal).where(CalendarProposal.confirmed_at.is_not(None))).all()
    common = [row for row in rows if row.unit_id is None]
    shared = calendar.national().with_layers(map(layer, common)) if common else calendar.national()
    wanted = set(unit_ids)
    if len(common) == len(rows):
        return dict.fromkeys(wanted, shared)
    paths = session.execute(select(Unit.id, Unit.path).where(Unit.id.in_(wanted)))
    return {
        number: calendar.national().with_layers(layer(row) for row in rows if row.unit_id in (None, *path))
        for number, path in paths
    }


def running(session: Session, clue: Clue, kinds: Iterable[str]) -> Clock | None:
    """The clock of these kinds that runs, the latest where several do."""
    query = select(Clock).where(Clock.clue_id == clue.id, Clock.kind.in_(list(kinds)), Clock.stopped_at.is_(None))
    return session.scalars(query.order_by(Clock.id.desc())).first()


def telling(session: Session, clue: Clue) -> Clock | None:
    """The clock that being told of the determination stops."""
    return running(session, clue, TELLING)


def start(
    session: Session, clue: Clue, kind: str, base: date, days: int, *, rule: str = "register", last: date | None = None
) -> dict[str, Any] | None:
    """Starts a clock; what was noted for the event, or None where one runs on. `last`: the day the order names.

    A clock that runs is not replaced: nothing gains time by being asked twice; only the designation of a different
    unit starts the days after designation anew (switch). One that was superseded with the same base runs again: a
    return or an unmerge gives back what was there.
    """
    rows = session.scalars(select(Clock).where(Clock.clue_id == clue.id, Clock.kind == kind).order_by(Clock.number))
    known, chosen = rows.all(), switches.switches(session, clue)
    days = int(chosen[LOCAL_DAYS[kind]]) if kind in LOCAL_DAYS else days
    live = next((row for row in known if row.stopped_at is None), None)
    if live is not None:
        restart = kind == "after_designation" and chosen["after_designation"] == "restart"
        if not restart or live.unit_id == clue.owner_unit_id:
            return None
        stop(session, live, _midnight(base), "superseded")
    before = known[-1] if known else None
    if kind == "escalation" and before is not None and chosen["escalation"] == "total":
        base = before.base
    stood = live is None and before is not None and before.ended_as == "superseded" and last is None
    if stood and before is not None and (before.base, before.days - before.extended) == (base, days):
        return _go_on(session, before)
    found = deadlines.due(base, days, calendar_of(session, clue.owner_unit_id))
    made = Clock(
        clue_id=clue.id, kind=kind, number=(before.number if before else 0) + 1, unit_id=clue.owner_unit_id, rule=rule,
        base=base, days=days, due=last or found.due, provisional=found.provisional and last is None,
        article=ARTICLES[kind], stopped_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return noted("start", made)


def _go_on(session: Session, row: Clock) -> dict[str, Any]:
    row.stopped_at = row.ended_as = None
    row.held = {}
    session.flush()
    return noted("resume", row)


def resume(session: Session, clue: Clue, kind: str, superseded_at: datetime) -> dict[str, Any] | None:
    """Lets the clock run on that an act superseded at that moment; None where it superseded none of the kind."""
    row = session.scalars(
        select(Clock)
        .where(Clock.clue_id == clue.id, Clock.kind == kind)
        .where(Clock.ended_as == "superseded", Clock.stopped_at == superseded_at)
        .order_by(Clock.number.desc())
    ).first()
    return _go_on(session, row) if row is not None else None


def extend(session: Session, row: Clock, days: int) -> dict[str, Any]:
    """Adds working days to a running clock, counted from its old base (D6)."""
    row.days, row.extended = row.days + days, row.extended + days
    unit_id = row.unit_id or session.get_one(Clue, row.clue_id).owner_unit_id
    found = deadlines.due(row.base, row.days, calendar_of(session, unit_id))
    row.due, row.provisional = found.due, found.provisional
    session.flush()
    return noted("extend", row)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), deadlines.BEIJING)


def judge(session: Session, clue: Clue, kind: str, base: date, days: int, at: datetime, rule: str) -> dict[str, Any]:
    """Records whether the act itself was in time: a clock that ends the moment it is looked at."""
    known = session.scalars(select(Clock.number).where(Clock.clue_id == clue.id, Clock.kind == kind)).all()
    days = local_days(session, clue, kind) if kind in LOCAL_DAYS else days
    found = deadlines.due(base, days, calendar_of(session, clue.owner_unit_id))
    limit = cutoff_of(session, clue, clue.owner_unit_id)
    made = Clock(
        clue_id=clue.id, kind=kind, number=max(known, default=0) + 1, unit_id=clue.owner_unit_id, rule=rule, base=base,
        days=days, due=found.due, provisional=found.provisional, article=ARTICLES[kind],
        stopped_at=at, ended_as="done", late=not deadlines.in_time(at, found.due, limit),
    )  # fmt: skip
    made.held = held(session, made, at)
    session.add(made)
    session.flush()
    return noted("judge", made)


def stop(session: Session, row: Clock, at: datetime, ended_as: str, notice_id: int | None = None) -> dict[str, Any]:
    """Stops a clock at the moment of the event that ends it. Late stays late."""
    row.stopped_at, row.ended_as, row.notice_id = at, ended_as, notice_id
    clue = session.get_one(Clue, row.clue_id)
    limit = cutoff_of(session, clue, row.unit_id or clue.owner_unit_id)
    row.late = row.late or not deadlines.in_time(at, row.due, limit)
    row.held = held(session, row, at)
    session.flush()
    return noted("stop", row)


def local_days(session: Session, clue: Clue, kind: str) -> int:
    """The working days of an internal limit (a key of LOCAL_DAYS) that govern the clue."""
    return int(switches.switches(session, clue)[LOCAL_DAYS[kind]])


def cutoff_of(session: Session, clue: Clue, unit_id: int) -> time | None:
    """The time of the last day that the unit which owes the act keeps to; None: 24:00."""
    return switches.cutoff(session, unit_id, clue.channel, deadlines.base_day(clue.at))


def explain(session: Session, row: Clock) -> deadlines.Due:
    """The clock's days one by one, as counted for the unit that owes the act, and the time at which the last ends.

    The due day itself is that of the row: a calendar that was imported later changes open clocks only.
    """
    clue = session.get_one(Clue, row.clue_id)
    unit_id = row.unit_id or clue.owner_unit_id
    days = 0 if row.kind in DATED else row.days
    return deadlines.due(row.base, days, calendar_of(session, unit_id), cutoff_of(session, clue, unit_id))


def reopen(session: Session, row: Clock) -> dict[str, Any]:
    """Lets a clock run again with its old due date: who was told is not told any more."""
    row.stopped_at, row.ended_as, row.notice_id, row.held = None, None, None, {}
    session.flush()
    return noted("reopen", row)


def end_all(session: Session, clue: Clue, kind: str, at: datetime, ended_as: str) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Clock).where(Clock.clue_id == clue.id, Clock.kind == kind, Clock.stopped_at.is_(None))
    ).all()
    return [stop(session, row, at, ended_as) for row in rows]


def noted(effect: str, row: Clock) -> dict[str, Any]:
    """A clock's change as the event keeps it."""
    return {"effect": effect, "kind": row.kind, "number": row.number, "due": row.due.isoformat(), "late": row.late}


def held(session: Session, row: Clock, until: datetime) -> dict[str, int]:
    """Working days of the clock each unit held the clue. The day of a hand-over still counts for the giver."""
    rows = session.scalars(select(Hold).where(Hold.clue_id == row.clue_id).order_by(Hold.since, Hold.id)).all()
    days = calendar_of(session, row.unit_id or rows[-1].unit_id)
    found: dict[str, int] = {}
    day, last = row.base, deadlines.base_day(until)
    while day < last:
        day += timedelta(days=1)
        if days.counts(day):
            holder = next((one for one in reversed(rows) if deadlines.base_day(one.since) < day), rows[0])
            found[str(holder.unit_id)] = found.get(str(holder.unit_id), 0) + 1
    return found
