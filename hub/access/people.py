"""Who acts: a signed-in person with one unit and its roles, and what of the clues they may see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from hub.models import Clue, ClueUnit, Grant, Intake, Unit, User
from hub.terms import Role

CONTENT_ROLES = frozenset(
    {Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD, Role.SUPERVISOR, Role.STATISTICIAN, Role.AUDITOR}
)
"""Roles that may open clues of their unit's subtree; administrators never read content (PRODUCT §10)."""
ORIGINAL_ROLES = frozenset({Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD})
"""Roles that hear and read the original of a clue their own unit received or owns; everyone else sees it masked."""
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
        select(Grant.unit_id, Grant.role, Unit.code, Unit.name)
        .join(Unit, Unit.id == Grant.unit_id)
        .where(Grant.user_id == user_id)
    ).all()
    if not rows:
        return None
    unit_id, _, code, unit_name = rows[0]
    roles = frozenset(row.role for row in rows if row.unit_id == unit_id)
    return Actor(user.id, user.login, user.name, unit_id, code, unit_name, roles)


def visible(who: Actor) -> Select[ClueUnit]:
    """The clues this person may see, as rows of `clue_unit` to filter, page and count. Everything reads through it."""
    query = select(ClueUnit)
    return query.where(ClueUnit.unit_id == who.unit_id) if who.has(CONTENT_ROLES) else query.where(false())


def find(session: Session, who: Actor, no: str) -> Clue | None:
    """The clue with this number, if it is visible; None says nothing about whether it exists."""
    row = session.scalars(select(Clue).where(Clue.no == no)).first()
    if row is None:
        return None
    seen = session.scalars(visible(who).where(ClueUnit.clue_id == row.id)).first()
    return row if seen is not None else None


def reads_original(who: Actor, clue: Clue) -> bool:
    """Whether originals and full text are open to this person inside this clue (an audited read)."""
    return who.has(ORIGINAL_ROLES) and who.unit_id in (clue.owner_unit_id, clue.received_unit_id)


def manual_intakes(who: Actor) -> Select[Intake]:
    """The intakes of the person's own unit that a person must read."""
    query = select(Intake).where(Intake.state == "manual")
    return query.where(Intake.unit_id == who.unit_id) if who.has(ORIGINAL_ROLES) else query.where(false())
