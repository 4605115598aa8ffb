"""Filters of the queue that people keep under a name (C1): their own, and those a lead shares with the unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import search
from hub.access.people import Actor
from hub.casework import RefusedError
from hub.models import ClueUnit, SavedView
from hub.supervision import queue
from hub.supervision.keeping import Shelf
from hub.supervision.queue import Filters

LONGEST, MOST_KEPT = 20, 30  # characters of a name, views of one person
NARROWING = ("channel", "state", "division", "query", "view", "topic")
SHELF = Shelf(SavedView, "视图", "view", most=MOST_KEPT, longest=LONGEST)


@dataclass(frozen=True, slots=True)
class View:
    """A kept view. `own`: the person made it; `may_change`: it is theirs, or a lead's among those shared."""

    id: int
    name: str
    filters: Filters
    shared: bool
    own: bool
    may_change: bool


def of(session: Session, who: Actor) -> list[View]:
    """The views of the person and those shared in their unit, in the order they were made."""
    return [_view(who, row, kept) for row, kept in SHELF.rows(session, who)]


def _view(who: Actor, row: SavedView, kept: dict[str, Any]) -> View:
    filters = Filters(**{name: str(kept.get(name, "")) for name in NARROWING})
    return View(row.id, str(kept["name"]), filters, row.shared, row.user_id == who.user_id, SHELF.may_change(who, row))


def save(session: Session, who: Actor, name: str, filters: Filters, *, shared: bool = False) -> SavedView:
    """Keeps filters under a name. Raises RefusedError."""
    narrowing = {one: value for one, value in asdict(filters).items() if one in NARROWING}
    if not any(narrowing.values()):
        raise RefusedError("还没有筛选条件，无可保存", kind="value", name="name")
    row: SavedView = SHELF.add(session, who, {"name": name, **narrowing}, shared=shared)
    return row


def change(session: Session, who: Actor, number: int, name: str, *, shared: bool) -> None:
    """Another name; shared with the unit or not any more. Raises RefusedError."""
    SHELF.change(session, who, number, {"name": name}, shared=shared)


def delete(session: Session, who: Actor, number: int) -> None:
    """Gone for everybody who had it. Raises RefusedError."""
    SHELF.delete(session, who, number)


def counts(session: Session, who: Actor) -> dict[int, int]:
    """View → how many clues stand in it now, up to `queue.MOST`. Walled clues do not count."""
    return {view.id: _count(session, who, view.filters) for view in of(session, who)}


def _count(session: Session, who: Actor, filters: Filters) -> int:
    narrowed = queue.narrowed(who, replace(filters, after=""))
    if filters.query.strip():
        return len(search.clues(session, narrowed, who.unit_id, filters.query, queue.MOST))
    some = narrowed.with_only_columns(ClueUnit.clue_id).limit(queue.MOST).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
