"""Who acts: a signed-in person with one unit and its roles, and what of the clues they may see."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, select
from sqlalchemy.orm import Session

from hub.access import walls
from hub.models import Clue, ClueUnit, Grant, Intake, IntakeClue, Unit, User
from hub.terms import Role

CONTENT_ROLES = frozenset(
    {Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD, Role.SUPERVISOR, Role.STATISTICIAN, Role.AUDITOR}
)
"""Roles that may open clues of their unit's subtree; administrators never read content (PRODUCT §10)."""
ORIGINAL_ROLES = frozenset({Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD})
"""Roles that work on clues their own unit received or owns. Which of them hears the original: `access.hearing`."""
RUNNING_ROLES = frozenset({Role.SYSADMIN, Role.LEAD, Role.SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Actor:
    """A person acting. `unit_id` is the unit their grants belong to."""

    user_id: int
    login: str
    name: str
    unit_id: int
    unit_code: str
    unit_name: str
    roles: frozenset[str]
    path: tuple[int, ...] = ()  # ids from the root to the own unit; a wall before any of them stands before the person

    @property
    def label(self) -> str:
        """How the actor stands in the event log."""
        return f"user:{self.user_id}"

    def has(self, roles: frozenset[Role]) -> bool:
        return not self.roles.isdisjoint(roles)


def actor(session: Session, user_id: int) -> Actor | None:
    """The person with their unit and roles; None when inactive or without any role."""
    user = session.get(User, user_id)
    if user is None or not user.active:
        return None
    rows = session.execute(
        select(Grant.unit_id, Grant.role, Unit.code, Unit.name.label("unit_name"), Unit.path)
        .join(Unit, Unit.id == Grant.unit_id)
        .where(Grant.user_id == user_id)
        .order_by(Grant.id)
    ).all()
    if not rows:
        return None
    return person(user, rows)


def person(user: User | Row[Any], grants: Sequence[Row[Any]]) -> Actor:
    """Somebody with their grants (unit_id, role, code, unit_name, path), the oldest first."""
    first = grants[0]
    roles = frozenset(row.role for row in grants if row.unit_id == first.unit_id)
    path = tuple(first.path)
    return Actor(user.id, user.login, user.name, first.unit_id, first.code, first.unit_name, roles, path)


def visible(who: Actor) -> Select[ClueUnit]:
    """The clues this person may see, as rows of `clue_unit` to filter, page and count. Everything reads through it.

    Clues behind a wall (recusal, accused unit, N2, N4) are left out in every role: hidden means unseen (PRODUCT §10).
    """
    query = select(ClueUnit)
    if not who.has(CONTENT_ROLES):
        return query.where(false())
    return query.where(ClueUnit.unit_id == who.unit_id, ~walls.hide(who, ClueUnit.clue_id))


def unseen(who: Actor) -> Select[ClueUnit]:
    """The rows of the person's unit that a wall hides from them: what counters of the unit hold too much for them."""
    return select(ClueUnit).where(ClueUnit.unit_id == who.unit_id, ClueUnit.clue_id.in_(walls.clues_hidden_from(who)))


def find(session: Session, who: Actor, no: str) -> Clue | None:
    """The clue with this number, if it is visible; None says nothing about whether it exists, and is noted."""
    # PostgreSQL refuses a NUL in a text: a number that holds one is nobody's, not an error.
    row = None if "\0" in no else session.scalars(select(Clue).where(Clue.no == no)).first()
    number = row.id if row is not None else 0
    seen = session.scalars(visible(who).where(ClueUnit.clue_id == number)).first()
    if row is None or seen is None:
        _note(Refused(who.label, row.id if row is not None else None))
        return None
    return row


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody asked for a clue that is not theirs to see; `clue_id` None: there is none of that number."""

    actor: str
    clue_id: int | None

    @property
    def object(self) -> str:
        """The chain its event belongs to."""
        return f"clue:{self.clue_id}" if self.clue_id is not None else self.actor


_refused: ContextVar[list[Refused] | None] = ContextVar("refused", default=None)


def watch() -> None:
    """Begins to keep what `find` refuses in this request; `refused` hands it out to be audited."""
    _refused.set([])


def refused() -> list[Refused]:
    """What was refused since `watch`, once. The refusing transaction may have been rolled back: audit in another."""
    found, _ = _refused.get() or [], _refused.set(None)
    return found


def _note(attempt: Refused) -> None:
    kept = _refused.get()
    if kept is not None and attempt not in kept:
        kept.append(attempt)


def reads_original(who: Actor, clue: Clue) -> bool:
    """Whether this person works on the clue for its unit; the original itself needs `hearing.hears_original`."""
    return who.has(ORIGINAL_ROLES) and who.unit_id in (clue.owner_unit_id, clue.received_unit_id)


def manual_intakes(who: Actor) -> Select[Intake]:
    """The intakes of the person's own unit that a person must read; not those of a clue hidden from them."""
    query = select(Intake).where(Intake.state == "manual")
    if not who.has(ORIGINAL_ROLES):
        return query.where(false())
    return query.where(Intake.unit_id == who.unit_id, shown_intake(who))


def shown_intake(who: Actor) -> ColumnElement[bool]:
    """The condition on Intake that no clue it belongs to is hidden from the person by a wall."""
    behind = select(IntakeClue.intake_id).where(IntakeClue.intake_id == Intake.id, walls.hide(who, IntakeClue.clue_id))
    return ~behind.exists()
