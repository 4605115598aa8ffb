"""Working days on screen: the year, a pasted notice, the second person, what it changed (PRODUCT §6, D10)."""

from __future__ import annotations

import calendar as weeks
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.access import people
from hub.casework import clocks
from hub.law import calendar
from hub.law.workdays import Calendar, Layer
from hub.models import CalendarProposal, Clue, ClueUnit, Event, Unit, User
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("calendars", __name__)

KEEPERS = (Role.SYSADMIN, Role.LEAD, Role.SUPERVISOR)
FIRST_YEAR, LAST_YEAR = 2004, 2100
MAX_TEXT = 20_000  # characters of a pasted notice
MAX_CHANGED = 200
CLOCKS = {
    "determination": "判定告知", "escalation": "提请管辖", "after_designation": "指定后告知", "result": "结果告知",
    "hand_down": "交办",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """`kind`: plain, rest (weekend), off (holiday), work (made up). `new`: said by the notice that is shown."""

    date: date
    kind: str
    why: str
    new: bool


@dataclass(frozen=True, slots=True)
class Month:
    number: int
    year: int
    weeks: list[list[Day | None]]
    working: int


def month(year: int, number: int, days: Calendar, new: frozenset[date] = frozenset()) -> Month:
    """The month as rows of seven, Monday first; None outside the month."""
    rows = [
        [_day(day, days, day in new) if day.month == number else None for day in week]
        for week in weeks.Calendar().monthdatescalendar(year, number)
    ]
    working = sum(day is not None and day.kind in ("plain", "work") for week in rows for day in week)
    return Month(number, year, rows, working)


def _day(day: date, days: Calendar, new: bool) -> Day:  # noqa: FBT001  a mark
    counts, weekend = days.counts(day), day.weekday() >= 5
    kind = ("work" if weekend else "plain") if counts else "rest" if weekend and "放假" not in days.why(day) else "off"
    return Day(day, kind, days.why(day), new)


@bp.get("/calendar")
@signed_in(*KEEPERS)
def year_page() -> str:
    """The working days of a year as they count for the person's own unit, and the notices that made them."""
    year = request.args.get("year", clock.today().year, type=int)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        abort(404)
    with db.reading() as session:
        days = casework.calendar_of(session, me().unit_id)
        rows = [_row(session, row) for row in _proposals(session)]
    months = [month(year, number, days) for number in range(1, 13)]
    return render_template(
        "calendar.html", year=year, months=months, working=sum(m.working for m in months), rows=rows,
        provisional=days.provisional(date(year, 1, 1)), today=clock.today(), first=FIRST_YEAR, last=LAST_YEAR,
    )  # fmt: skip


def _proposals(session: Session) -> list[CalendarProposal]:
    """National notices, and local ones of the areas the person's unit lies in or above."""
    rows = session.scalars(select(CalendarProposal).order_by(CalendarProposal.id.desc())).all()
    return [row for row in rows if concerns(session, row)]


def concerns(session: Session, row: CalendarProposal) -> bool:
    if row.unit_id is None:
        return True
    own = session.get_one(Unit, me().unit_id)
    return row.unit_id in own.path or me().unit_id in session.get_one(Unit, row.unit_id).path


def _row(session: Session, row: CalendarProposal) -> dict[str, Any]:
    unit = session.get(Unit, row.unit_id) if row.unit_id else None
    second = session.get(User, row.confirmed_by) if row.confirmed_by else None
    return {
        "id": row.id, "area": unit.name if unit else "全国", "year": _first(row).year, "off": len(row.off),
        "work": len(row.work), "by": session.get_one(User, row.by_user).name, "at": row.at,
        "second": second.name if second else "", "confirmed_at": row.confirmed_at, "mine": row.by_user == me().user_id,
    }  # fmt: skip


def _first(row: CalendarProposal) -> date:
    return min(date.fromisoformat(day) for day in (*row.off, *row.work))


@bp.get("/calendar/import")
@signed_in(*KEEPERS)
def paste() -> str:
    return _paste({"text": "", "issued": "", "area": ""})


def _paste(values: dict[str, str], problem: str = "", warnings: list[str] | None = None, shown: Any = None) -> str:
    return render_template(
        "calendar_import.html", values=values, problem=problem, warnings=warnings or [], shown=shown,
        max_text=MAX_TEXT, today=clock.today(),
    )  # fmt: skip


@bp.post("/calendar/import")
@signed_in(*KEEPERS)
def paste_post() -> str | Response | tuple[str, int]:
    """Step "preview" reads the notice; step "propose" puts it before the second person. A doubtful one is refused."""
    values = {name: request.form.get(name, "").replace("\0", "").strip() for name in ("text", "issued", "area")}
    if len(values["text"]) > MAX_TEXT:
        return _paste(values, f"通知不能超过 {MAX_TEXT} 字"), 422
    try:
        issued = date.fromisoformat(values["issued"]) if values["issued"] else None
    except ValueError:
        return _paste(values, "发文日期无法读取"), 422
    try:
        with db.transaction() as session:
            read = casework.preview_calendar(session, values["text"])
            if read["warnings"] or not (read["off"] or read["work"]):
                return _paste(values, "通知内容存疑，不能导入。请对照原文更正后再预览：", read["warnings"]), 422
            notice = calendar.read_notice(values["text"], casework.calendar_of(session, me().unit_id))
            shown = _months(session, Layer("preview", notice.off, notice.work, notice.year, issued))
            if request.form.get("step") == "propose":
                code = values["area"][:12] or None
                row = casework.propose_calendar(session, me(), values["text"], issued=issued, unit_code=code)
                session.flush()
                return redirect(url_for("calendars.proposal", number=row.id), code=303)
    except casework.RefusedError as error:
        return _paste(values, str(error)), 422
    return _paste(values, shown=shown)


def _months(session: Session, layer: Layer) -> dict[str, Any]:
    """The months a layer touches, with its days put into the calendar of the person's unit."""
    days = frozenset((*layer.off, *layer.work))
    after = casework.calendar_of(session, me().unit_id).with_layers([layer])
    return {
        "months": [month(year, number, after, days) for year, number in sorted({(d.year, d.month) for d in days})],
        "off": _spans(layer.off), "work": sorted((day, name) for day, name in layer.work.items()),
    }  # fmt: skip


def _spans(off: Mapping[date, str]) -> list[tuple[str, date, date, int]]:
    """Holidays as (name, first day, last day, number of days)."""
    found: dict[str, list[date]] = {}
    for day in sorted(off):
        found.setdefault(off[day], []).append(day)
    return [(name, days[0], days[-1], len(days)) for name, days in found.items()]


@bp.get("/calendar/proposals/<int:number>")
@signed_in(*KEEPERS)
def proposal(number: int) -> str:
    return _proposal(number)


def _found(session: Session, number: int) -> CalendarProposal:
    """The notice, or 404 whether it does not exist or is for another area."""
    row = session.get(CalendarProposal, number) if number < 2**63 else None
    if row is None or not concerns(session, row):
        abort(404)
    return row


def _proposal(number: int, problem: str = "") -> str:
    with db.reading() as session:
        row = _found(session, number)
        told = _row(session, row)
        shown = _months(session, clocks.layer(row))
        changed, total = _changed(session, row) if row.confirmed_at is not None else ([], 0)
        text = row.text
    return render_template(
        "calendar_proposal.html", row=told, shown=shown, text=text, changed=changed, total=total, problem=problem,
        content=me().has(people.CONTENT_ROLES), today=clock.today(),
    )  # fmt: skip


def _changed(session: Session, row: CalendarProposal) -> tuple[list[dict[str, Any]], int]:
    """The clocks the notice moved, of clues the person may see; how many there are in all of those.

    Who opens no clues is told only how many clocks were moved; who does is told of theirs and of no other.
    """
    moved = select(Event).where(Event.act == "clock.recompute", Event.data["layer"].astext == row.layer)
    if not me().has(people.CONTENT_ROLES):
        total = session.scalar(select(func.count()).select_from(moved.subquery())) or 0
        return [], total
    seen = people.visible(me()).with_only_columns(ClueUnit.clue_id)
    name = func.concat("clue:", cast(Clue.id, Text))
    mine = moved.join(Clue, name == Event.object).where(Clue.id.in_(seen))
    total = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    rows = session.execute(mine.add_columns(Clue.no).order_by(Event.at, Clue.no).limit(MAX_CHANGED)).all()
    return [
        {"no": no, "clock": CLOCKS.get(event.data["kind"], event.data["kind"]), "was": event.data["from"],
         "now": event.data["to"], "provisional": event.data["provisional"]}
        for event, no in rows
    ], total  # fmt: skip


@bp.post("/calendar/proposals/<int:number>/confirm")
@signed_in(*KEEPERS)
def confirm(number: int) -> Response | tuple[str, int]:
    """The second person: the notice is in force, open clocks are recomputed, each change logged."""
    try:
        with db.transaction() as session:
            _found(session, number)
            casework.confirm_calendar(session, me(), number)
    except casework.RefusedError as error:
        return _proposal(number, str(error)), 422
    return redirect(url_for("calendars.proposal", number=number), code=303)
