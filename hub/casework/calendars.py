"""The working-day calendar grows: notice pasted → shown → a second person confirms → open clocks recomputed."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework import clocks
from hub.casework.errors import RefusedError
from hub.casework.switches import KEEPERS
from hub.jurisdiction import units
from hub.law import calendar, deadlines
from hub.models import CalendarProposal, Clock, Clue, Unit

_BATCH = 1000


def preview_calendar(session: Session, text: str) -> dict[str, Any]:
    """What a notice says, before anybody confirms it: {"off", "work", "warnings", "year"}. Never raises on text."""
    return calendar.parse_notice(text, _known(session))


def _known(session: Session) -> calendar.Calendar:
    rows = session.scalars(
        select(CalendarProposal).where(CalendarProposal.confirmed_at.is_not(None), CalendarProposal.unit_id.is_(None))
    ).all()
    return calendar.national().with_layers(clocks.layer(row) for row in rows)


def propose_calendar(
    session: Session, who: Actor, text: str, *, issued: date | None = None, unit_code: str | None = None
) -> CalendarProposal:
    """The first person puts a notice forward. `unit_code`: a local layer of that unit's area; none: national.

    A doubtful notice (wrong weekdays, wrong number of days, no year) is refused: its text is corrected first.
    """
    if not who.has(KEEPERS):
        raise RefusedError("无权导入放假安排", kind="role")
    notice = calendar.read_notice(text, _known(session))
    if notice.warnings or notice.year is None or not (notice.off or notice.work):
        raise RefusedError(
            "通知内容存疑，不能导入：" + "；".join(notice.warnings or ("没有读出放假日期",)), kind="value"
        )
    if issued is not None and issued > clock.today():
        raise RefusedError("发文日期不能晚于今天", kind="time")
    unit = units.by_code(session, unit_code) if unit_code else None
    if unit_code and (unit is None or who.unit_id not in unit.path):
        raise RefusedError("只能为本级辖区登记地方放假安排", kind="unit")
    name = _layer_name(notice, text, unit)
    if session.scalars(select(CalendarProposal).where(CalendarProposal.layer == name)).first() is not None:
        raise RefusedError("这份通知已经导入或正在等待确认", kind="state")
    row = CalendarProposal(
        layer=name, unit_id=unit.id if unit else None, text=text, issued=issued,
        year=notice.year if unit is None and _whole(notice) else None,
        off={day.isoformat(): holiday for day, holiday in notice.off.items()},
        work={day.isoformat(): holiday for day, holiday in notice.work.items()},
        by_user=who.user_id, at=clock.now(), confirmed_by=None, confirmed_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, f"calendar:{name}", "propose", actor=who.label, data={"off": row.off, "work": row.work})
    return row


def _whole(notice: calendar.Notice) -> bool:
    """A year's notice names at least New Year; a change inside the year does not make its year known."""
    return "元旦" in notice.off.values()


def _layer_name(notice: calendar.Notice, text: str, unit: Unit | None) -> str:
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{unit.code if unit else 'national'}-{notice.year}-{mark}"


def confirm_calendar(session: Session, who: Actor, proposal_id: int) -> int:
    """The second person confirms: the layer is in force and open clocks are recomputed. Returns how many changed."""
    if not who.has(KEEPERS):
        raise RefusedError("无权导入放假安排", kind="role")
    row = session.get(CalendarProposal, proposal_id, with_for_update=True)
    if row is None or row.confirmed_at is not None:
        raise RefusedError("没有等待确认的放假安排", kind="state")
    if row.by_user == who.user_id:
        raise RefusedError("须由第二人确认", kind="guard")
    row.confirmed_by, row.confirmed_at = who.user_id, clock.now()
    session.flush()
    changed = recompute(session, row)
    audit.record(session, f"calendar:{row.layer}", "confirm", actor=who.label, data={"clocks": changed})
    return changed


def recompute(session: Session, row: CalendarProposal) -> int:
    """Gives open clocks their new due day, each change logged on its clue. Clocks that were met or missed stay."""
    days = sorted(date.fromisoformat(day) for day in (*row.off, *row.work))
    known: dict[tuple[int, date, int], deadlines.Due] = {}
    last_id = changed = 0
    while True:
        batch = session.execute(
            select(Clock, Clue.owner_unit_id)
            .join(Clue, Clue.id == Clock.clue_id)
            .where(Clock.stopped_at.is_(None), Clock.id > last_id, Clock.base <= days[-1])
            .where(Clock.kind.not_in(clocks.DATED))
            .order_by(Clock.id)
            .limit(_BATCH)
        ).all()
        if not batch:
            return changed
        for one, owner_id in batch:
            last_id = one.id
            if one.due < days[0] and not one.provisional:
                continue
            place = (one.unit_id or owner_id) if row.unit_id is not None else 0
            unit_id = one.unit_id or owner_id
            key = (place, one.base, one.days)
            found = known.get(key)
            if found is None:
                found = known[key] = deadlines.due(one.base, one.days, clocks.calendar_of(session, unit_id))
            changed += _change(session, one, found, row.layer)
        session.flush()


def _change(session: Session, one: Clock, found: deadlines.Due, layer: str) -> int:
    if (one.due, one.provisional) == (found.due, found.provisional):
        return 0
    data = {
        "kind": one.kind, "number": one.number, "from": one.due.isoformat(), "to": found.due.isoformat(),
        "provisional": found.provisional, "layer": layer,
    }  # fmt: skip
    one.due, one.provisional = found.due, found.provisional
    audit.record(session, f"clue:{one.clue_id}", "clock.recompute", data=data)
    return 1
