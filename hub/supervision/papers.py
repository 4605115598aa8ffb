"""Paper that left the hub for a clue: slips and packages to departments (Art. 20), what was handed over (J6, J12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import people
from hub.access.people import Actor
from hub.casework import following
from hub.casework.following import Rated
from hub.law.competence import STAGES
from hub.models import Clock, Clue, HandOver, Transfer, Unit, User
from hub.terms import Role

DECIDERS = frozenset({Role.LEAD, Role.SUPERVISOR})
TAKERS = frozenset({Role.HANDLER, Role.LEAD})
STATES = {"sent": "待回执", "received": "已收回执，待结果", "answered": "已答复", "back": "已收回"}
RESULTS = {"R0": "不存在违法行为", "R1": "存在违法行为"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A transfer outside the hub. `opens`: what of it (slip, package) the person may open: of the unit that sent it; a
    package that names the reporter only for the clue's handler and the leads.
    """

    id: int
    number: str
    unit: str
    department: str
    stage: str
    at: datetime
    identity: bool
    state: str
    due: date | None
    receipt_no: str
    received_at: datetime | None
    answer_no: str
    answered_at: datetime | None
    result: str
    back_at: datetime | None
    opens: frozenset[str]

    @property
    def state_label(self) -> str:
        return STATES[self.state]


@dataclass(frozen=True, slots=True)
class Handed:
    """A hand-over outside the hub against a signature."""

    number: str
    receiver: str
    at: datetime
    by: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order to stop that went out; `copied`: with a sheet for copies."""

    id: int
    at: datetime
    copied: bool


@dataclass(frozen=True, slots=True)
class Papers:
    """`sheet`: the person prints the list for discipline inspection (N2); `takes`: opens orders and the package."""

    transfers: tuple[Sent, ...]
    handed: Handed | None
    sheet: bool
    orders: tuple[Ordered, ...]
    ratings: tuple[Rated, ...]
    takes: bool

    @property
    def any(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.transfers or self.orders or self.ratings) or self.handed is not None or self.sheet


def of_clue(session: Session, who: Actor, clue: Clue) -> Papers:
    """What the page of a clue shows; the caller has made sure that `who` may see it."""
    rows = session.execute(
        select(Transfer, Unit.name)
        .join(Unit, Unit.id == Transfer.unit_id)
        .where(Transfer.clue_id == clue.id)
        .order_by(Transfer.id.desc())
    ).all()
    due = session.scalar(
        select(Clock.due).where(Clock.clue_id == clue.id, Clock.kind == "transfer", Clock.stopped_at.is_(None))
    )
    made = tuple(
        Sent(
            row.id, row.number, unit, row.department, STAGES[row.stage], row.at, row.identity, row.state,
            due if row.state == "sent" else None, row.receipt_no, row.received_at, row.answer_no, row.answered_at,
            RESULTS.get(row.result or "", ""), row.back_at,
            _opens(who, clue, row),
        )
        for row, unit in rows
    )  # fmt: skip
    orders = tuple(Ordered(row.id, row.at, row.copy is not None) for row in following.stop_orders(session, clue))
    takes = who.unit_id == clue.owner_unit_id and who.has(TAKERS)
    return Papers(
        made, handed(session, clue, "discipline"), takes_sheet(who, clue), orders,
        tuple(following.ratings(session, clue, words=takes)), takes,
    )  # fmt: skip


def _opens(who: Actor, clue: Clue, row: Transfer) -> frozenset[str]:
    if not who.has(people.ORIGINAL_ROLES) or who.unit_id != row.unit_id:
        return frozenset()
    named = not row.identity or clue.handler_id == who.user_id or who.has(frozenset({Role.LEAD}))
    return frozenset({"slip", "package"} if named else {"slip"})


def takes_sheet(who: Actor, clue: Clue) -> bool:
    """Whether the person prints the list of an N2 clue: lead or supervisor of the unit that holds it."""
    return clue.refused_ground == "N2" and who.unit_id == clue.owner_unit_id and who.has(DECIDERS)


def handed(session: Session, clue: Clue, kind: str) -> Handed | None:
    """The hand-over of that kind (discipline, secrecy), where there was one."""
    found = session.execute(
        select(HandOver, User.name)
        .join(User, User.id == HandOver.by_user)
        .where(HandOver.clue_id == clue.id, HandOver.kind == kind)
    ).first()
    return Handed(found[0].number, found[0].receiver, found[0].at, found[1], found[0].sha256) if found else None
