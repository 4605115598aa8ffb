"""The clocks of a clue as the case desk explains them: how many days are left, day by day why, who held it how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.casework import clocks as running
from hub.law import deadlines, workflow
from hub.law.calendar import Calendar
from hub.models import Clock, Clue, Unit

ENDED = {
    "told": "已告知", "exhausted": "各途径均未送达", "nobody": "无人可告知", "done": "已办理",
    "superseded": "被新的步骤取代",
}  # fmt: skip
BASES = {
    "at": "收到举报", "received": "承办单位接到", "issued": "指定发出", "ended": "核查结束", "joined": "并入案组",
    "act": "更正作出",
}  # fmt: skip
SOON = 2  # working days before the end from which a clock is shown as near


@dataclass(frozen=True, slots=True)
class Step:
    """A day on the way from the base to the end. `tone`: base, work, makeup, rest, holiday."""

    day: date
    counts: bool
    why: str
    tone: str
    number: int  # of the working day; 0 for a day that does not count


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock with its explanation. `left`: working days to the end, negative where it is over."""

    label: str
    number: int
    article: str
    base: date
    base_words: str
    days: int
    limit: str
    due: date
    provisional: bool
    running: bool
    stopped: datetime | None
    ended: str
    late: bool
    left: int
    steps: tuple[Step, ...]
    held: tuple[tuple[str, int], ...]
    unit: str
    age: int  # working days since the report came in

    @property
    def tone(self) -> str:
        """over, near, ok; late or done where it has stopped."""
        if not self.running:
            return "late" if self.late else "done"
        return "over" if self.left < 0 else "near" if self.left <= SOON else "ok"

    @property
    def words(self) -> str:
        return remaining(self.left) if self.running else self.ended + ("（已超期）" if self.late else "")

    @property
    def offset(self) -> int:
        """Empty cells before the base in a week that begins on Monday."""
        return self.base.weekday()


def remaining(left: int) -> str:
    """Working days left, for people."""
    if left < 0:
        return f"超期 {-left} 个工作日"
    return f"剩 {left} 个工作日" if left else "今天到期"


def left_of(days: Calendar, due: date, today: date) -> int:
    """Working days from today to the last day; 0: it ends today or on the rest days before the next working day."""
    if today > due:
        return -max(1, days.between(due + timedelta(days=1), today))
    return days.between(today + timedelta(days=1), due)


def explained(session: Session, clue: Clue) -> list[ClockView]:
    """The clocks of a clue, running ones first, the next due first; then those that stopped, the latest first."""
    rows = session.scalars(select(Clock).where(Clock.clue_id == clue.id).order_by(Clock.id)).all()
    calendars = {
        unit: casework.calendar_of(session, unit) for unit in {row.unit_id or clue.owner_unit_id for row in rows}
    }
    live = sorted((row for row in rows if row.stopped_at is None), key=lambda row: (row.due, row.id))
    over = [row for row in reversed(rows) if row.stopped_at is not None]
    return [_view(session, clue, row, calendars[row.unit_id or clue.owner_unit_id]) for row in (*live, *over)]


def _view(session: Session, clue: Clue, row: Clock, days: Calendar) -> ClockView:
    now, today = clock.now(), clock.today()
    held = row.held if row.stopped_at is not None else running.held(session, row, now)
    names = {unit.id: unit.name for unit in session.scalars(select(Unit).where(Unit.id.in_([int(n) for n in held])))}
    start = deadlines.base_day(clue.at)
    end = deadlines.base_day(row.stopped_at) if row.stopped_at is not None else today
    return ClockView(
        label=workflow.CLOCKS.get(row.kind, row.kind), number=row.number, article=row.article, base=row.base,
        base_words=_base_words(row), days=row.days, limit=_limit(row), due=row.due, provisional=row.provisional,
        running=row.stopped_at is None, stopped=clock.china(row.stopped_at) if row.stopped_at else None,
        ended=ENDED.get(row.ended_as or "", ""), late=row.late or (row.stopped_at is None and today > row.due),
        left=left_of(days, row.due, end), steps=_steps(row, days),
        held=tuple((names.get(int(number), ""), int(n)) for number, n in held.items()),
        unit=session.get_one(Unit, row.unit_id or clue.owner_unit_id).name,
        age=days.between(start + timedelta(days=1), max(start, end)) if end > start else 0,
    )  # fmt: skip


def _limit(row: Clock) -> str:
    """How long the limit is, in words."""
    if row.kind not in running.DATED:
        return f"{row.days} 个工作日"
    return f"{row.days} 日（自然日）" if row.days else "以文书所定日期为准"


def _base_words(row: Clock) -> str:
    rule = workflow.rules().get(row.rule)
    found = next((one.base for one in rule.clocks if one.kind == row.kind and one.base), "") if rule else ""
    return BASES.get(found, "起算")


def _steps(row: Clock, days: Calendar) -> tuple[Step, ...]:
    """Day by day, as the calendar now stands; the due date of the row is what counts."""
    found = deadlines.due(row.base, 0 if row.kind in running.DATED else row.days, days)
    out: list[Step] = []
    number = 0
    for step in found.days:
        number += step.counts
        weekend = step.date.weekday() > 4
        tone = ("makeup" if weekend else "work") if step.counts else ("rest" if weekend else "holiday")
        out.append(
            Step(step.date, step.counts, step.why, "base" if step.date == row.base else tone, number * step.counts)
        )
    return tuple(out)
