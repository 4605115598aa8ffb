"""The live board of a superior (H1): each number opens its rows. What waits for decision: superior.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, select, tuple_
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access.people import Actor, visible
from hub.law.deadlines import base_day
from hub.models import Clock, Clue, ClueUnit, Unit
from hub.supervision import queue
from hub.supervision.clocks import left_of
from hub.terms import Role

SEES = frozenset({Role.LEAD, Role.SUPERVISOR})
"""Who supervises: of the own unit and everything below it."""
WHAT = {"open": "在办", "today": "今天到期", "overdue": "已超期"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the board: clues held by the unit, with `area` by everything below it too. `soon`: of those due today
    the ones that are not overdue by another clock; `oldest`: when the longest waiting one came in.
    """

    code: str
    name: str
    area: bool
    open: int = 0
    today: int = 0
    overdue: int = 0
    soon: int = 0
    oldest: datetime | None = None
    days: int = 0  # working days since then

    def number(self, what: str) -> int:
        """One of the numbers by its name in WHAT."""
        return {"open": self.open, "today": self.today, "overdue": self.overdue}[what]


def within(session: Session, who: Actor, code: str) -> Unit | None:
    """The unit of that code, if it is the person's own or one below; None says nothing about whether it exists."""
    found = session.scalars(select(Unit).where(Unit.code == code)).first()
    return found if found is not None and who.unit_id in found.path else None


def _held(who: Actor, unit: Unit, *, area: bool) -> Select[ClueUnit]:
    """Open clues the person sees that the unit, or anything in its area, holds."""
    held: ColumnElement[bool] = Unit.path.contains([unit.id]) if area else Unit.id == unit.id
    return (
        visible(who)
        .join(Clue, Clue.id == ClueUnit.clue_id)
        .join(Unit, Unit.id == Clue.owner_unit_id)
        .where(ClueUnit.open, held)
    )


def due_clocks() -> Subquery:
    """Clues with a clock that ends today or is over."""
    today = clock.today()
    return (
        select(
            Clock.clue_id,
            func.bool_or(Clock.due == today).label("today"),
            func.bool_or(Clock.due < today).label("overdue"),
        )
        .where(Clock.stopped_at.is_(None), Clock.due <= today)
        .group_by(Clock.clue_id)
        .subquery()
    )


def board(session: Session, who: Actor, top: Unit) -> list[Line]:
    """What `top` holds itself, then each unit directly below with its area, the most overdue first."""
    due = due_clocks()
    over, today = func.coalesce(due.c.overdue, False), func.coalesce(due.c.today, False)
    rows = session.execute(
        _held(who, top, area=True)
        .outerjoin(due, due.c.clue_id == ClueUnit.clue_id)
        .with_only_columns(
            Clue.owner_unit_id, func.count().label("open"), func.count().filter(today).label("today"),
            func.count().filter(over).label("overdue"), func.count().filter(today, ~over).label("soon"),
            func.min(ClueUnit.sort_at).label("oldest"), maintain_column_froms=True,
        )
        .group_by(Clue.owner_unit_id)
    ).all()  # fmt: skip
    paths = {row.id: row.path for row in session.scalars(select(Unit).where(Unit.id.in_([row[0] for row in rows])))}
    depth = len(top.path)
    children = session.scalars(select(Unit).where(Unit.parent_id == top.id).order_by(Unit.code)).all()
    sums: dict[int, list[Any]] = {}
    for row in rows:
        path = paths[row.owner_unit_id]
        sums.setdefault(path[depth] if len(path) > depth else top.id, []).append(row)
    days = casework.calendar_of(session, top.id)
    lines = []
    for unit in (top, *children):
        of = sums.get(unit.id, [])
        if not of and not unit.active:
            continue
        oldest = min((row.oldest for row in of), default=None)
        age = -left_of(days, base_day(oldest), clock.today()) if oldest is not None else 0
        lines.append(
            Line(
                unit.code, unit.name, unit is not top, sum(row.open for row in of), sum(row.today for row in of),
                sum(row.overdue for row in of), sum(row.soon for row in of), oldest, max(0, age),
            )
        )  # fmt: skip
    return [lines[0], *sorted(lines[1:], key=lambda line: (-line.overdue, -line.open, line.code))]


def clues(
    session: Session, who: Actor, unit: Unit, *, area: bool, what: str, after: str = ""
) -> tuple[list[queue.Row], str, int]:
    """The clues behind a number of the board, the oldest first: a page, the key of the next one, how many in all."""
    return page_of(session, narrow_due(_held(who, unit, area=area), what), after)


def narrow_due(query: Select[ClueUnit], what: str) -> Select[ClueUnit]:
    """Of the clues those due today or overdue; all for anything else."""
    if what not in ("today", "overdue"):
        return query
    due = due_clocks()
    return query.join(due, due.c.clue_id == ClueUnit.clue_id).where(due.c[what])


def page_of(session: Session, query: Select[ClueUnit], after: str) -> tuple[list[queue.Row], str, int]:
    """A page of clues, the oldest first, the key of the next one, and how many there are in all."""
    count = query.with_only_columns(func.count(), maintain_column_froms=True)
    total = session.scalar(count) or 0
    key = queue.place_of(after)
    if key is not None:
        query = query.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) > key)
    rows = session.scalars(query.order_by(ClueUnit.sort_at, ClueUnit.clue_id).limit(queue.PAGE + 1)).all()
    shown = rows[: queue.PAGE]
    onward = f"{shown[-1].sort_at.isoformat()}~{shown[-1].clue_id}" if len(rows) > queue.PAGE else ""
    return queue.rows(session, [row.clue_id for row in shown]), onward, total
