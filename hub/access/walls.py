"""Walls between clues and people: recusals, accused units, N2, N4 (PRODUCT §5, §10). Read here, put up by casework.

A wall stands before one person, before a unit with everything below it, or before everybody (N4). Walls are few:
every read anti-joins them, whatever the role.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, Select, and_, any_, exists, literal, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from hub.models import Unit, Wall


class Viewer(Protocol):
    """What a wall looks at: the person, and the ids of their unit and of those above it."""

    @property
    def user_id(self) -> int: ...
    @property
    def unit_id(self) -> int: ...
    @property
    def path(self) -> tuple[int, ...]: ...


def live() -> ColumnElement[bool]:
    """Held or confirmed: both hide. Written out, so that PostgreSQL knows the partial indexes for it."""
    return Wall.state != literal_column("'released'")


def _before(who: Viewer) -> ColumnElement[bool]:
    everybody = and_(Wall.user_id.is_(None), Wall.unit_id.is_(None))
    above = literal(list(who.path or (who.unit_id,)), ARRAY(BigInteger))  # one parameter, whatever the level
    return or_(Wall.user_id == who.user_id, Wall.unit_id == any_(above), everybody)


def hide(who: Viewer, clue_id: Any) -> ColumnElement[bool]:
    """The condition that a wall hides the clue of column `clue_id` from the person."""
    return exists().where(Wall.clue_id == clue_id, live(), _before(who))


def clues_hidden_from(who: Viewer) -> Select[int]:
    """Ids of all clues that walls hide from the person."""
    return select(Wall.clue_id).where(live(), _before(who))


def hidden(session: Session, who: Viewer, clue_id: int, *, but_quarantine: bool = False) -> bool:
    """Whether a wall hides this clue from the person; `but_quarantine`: other than that of N4 before everybody."""
    found = select(Wall.id).where(Wall.clue_id == clue_id, live(), _before(who))
    if but_quarantine:
        found = found.where(Wall.reason != "N4")
    return session.scalar(select(found.exists())) is True


def standing(session: Session, clue_id: int) -> list[Wall]:
    """The walls that stand now, oldest first."""
    return list(session.scalars(select(Wall).where(Wall.clue_id == clue_id, live()).order_by(Wall.id)))


def people_behind(session: Session, clue_id: int) -> set[int]:
    """Ids of the people from whom the clue is hidden by a wall of their own."""
    return {row.user_id for row in standing(session, clue_id) if row.user_id is not None}


def quarantined(session: Session, clue_id: int) -> bool:
    """N4: hidden from everybody, its content in no index, suggestion or model."""
    return any(row.user_id is None and row.unit_id is None for row in standing(session, clue_id))


def stands_before(session: Session, clue_id: int, unit_ids: Iterable[int]) -> set[int]:
    """Those of the units that do not see the clue: accused themselves, below an accused one, or all (N4)."""
    rows = [row for row in standing(session, clue_id) if row.user_id is None]
    if any(row.unit_id is None for row in rows):
        return set(unit_ids)
    accused = {row.unit_id for row in rows}
    units = session.scalars(select(Unit).where(Unit.id.in_(list(unit_ids)))) if accused else ()
    return {unit.id for unit in units if accused.intersection(unit.path)}
