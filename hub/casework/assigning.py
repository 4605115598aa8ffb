"""Who gets the next clue (C3): the handler of the unit with the fewest open ones, who is there and behind no wall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, walls
from hub.access.people import Actor
from hub.casework import acts, changes
from hub.casework.errors import RefusedError
from hub.law import workflow
from hub.models import Absence, AutoAssign, Clue, ClueUnit, Grant, User
from hub.terms import OPEN_STATES, Role

SETTERS = frozenset({Role.LEAD})
HIGHEST = 999
LOOKED_AT = 500  # waiting clues of a unit in one step: some may be walled from everybody who is there
FEWEST = "fewest_open"
"""The reason that stands in the event of an automatic assignment."""


@dataclass(frozen=True, slots=True)
class Load:
    """A handler of a unit. `open`: clues they handle that are not closed; `deputy`: stands in while they are away."""

    user_id: int
    name: str
    open: int
    away: bool
    deputy: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """Whether new clues of the unit are assigned by themselves; `most` None: whatever a handler has already."""

    running: bool
    most: int | None


def absent(session: Session, unit_id: int, day: date | None = None) -> dict[int, int]:
    """Who of the unit is away that day (none: today) → who stands in for them."""
    today = day or clock.today()
    rows = session.execute(
        select(Absence.user_id, Absence.deputy_id)
        .where(Absence.unit_id == unit_id, Absence.since <= today, Absence.until >= today, Absence.ended_at.is_(None))
        .order_by(Absence.id)
    )
    return {row.user_id: row.deputy_id for row in rows}


_STAFF = (
    select(User.id, User.name)
    .join(Grant, Grant.user_id == User.id)
    .where(User.active, Grant.unit_id == bindparam("unit"))
    .where((Grant.role == Role.HANDLER) | (Grant.role == Role.LEAD))
    .distinct()
    .order_by(User.name, User.id)
)


def staff(session: Session, unit_id: int) -> list[tuple[int, str]]:
    """Whom clues of the unit may be assigned to: (id, name) of its handlers and leads, by name."""
    return [(row.id, row.name) for row in session.execute(_STAFF, {"unit": unit_id})]


def loads(session: Session, unit_id: int, viewer: Actor | None = None) -> list[Load]:
    """The handlers of the unit, who has fewest open clues first. For a `viewer` walled clues do not count."""
    hands = select(Grant.user_id).where(Grant.unit_id == unit_id, Grant.role == Role.HANDLER)
    wanted = (
        select(Clue.handler_id, func.count().label("n"))
        .where(Clue.handler_id.in_(hands), Clue.owner_unit_id == unit_id, Clue.state.in_(OPEN_STATES))
        .group_by(Clue.handler_id)
    )
    held = (wanted if viewer is None else wanted.where(~walls.hide(viewer, Clue.id))).subquery()
    rows = session.execute(
        select(User.id, User.name, func.coalesce(func.max(held.c.n), 0).label("n"))
        .join(Grant, Grant.user_id == User.id)
        .outerjoin(held, held.c.handler_id == User.id)
        .where(User.active, Grant.unit_id == unit_id, Grant.role == Role.HANDLER)
        .group_by(User.id)
        .order_by("n", User.id)
    ).all()
    away = absent(session, unit_id)
    names = {user.id: user.name for user in session.scalars(select(User).where(User.id.in_(away.values())))}
    return [Load(row.id, row.name, row.n, row.id in away, names.get(away.get(row.id, 0), "")) for row in rows]


class Turns:
    """Gives clues of one unit to handlers in turn; what was given counts for the next one. `who` None: the machine."""

    def __init__(self, session: Session, unit_id: int, who: Actor | None = None, most: int | None = None) -> None:
        self.session, self.who, self.most = session, who, most
        self.loads = {load.user_id: load for load in loads(session, unit_id, who)}

    def next(self, clue: Clue) -> Load | None:
        """Who is next for this clue; None: nobody is there for it."""
        behind = walls.people_behind(self.session, clue.id)
        free = [
            load
            for load in self.loads.values()
            if not load.away and load.user_id not in behind and (self.most is None or load.open < self.most)
        ]
        return min(free, key=lambda load: (load.open, load.user_id), default=None)

    def took(self, load: Load) -> None:
        """The handler got one more."""
        self.loads[load.user_id] = replace(load, open=load.open + 1)


def give(turns: Turns, clue: Clue, version: int | None = None) -> Load:
    """Assigns the clue to whose turn it is; the event says why. Raises RefusedError."""
    doing = acts.begin(turns.session, turns.who, clue, "assign", {}, version)
    load = turns.next(doing.clue)
    if load is None:
        raise doing.refused("本单位没有可以分派的承办人：在岗、未回避、未满额", "guard", "handler")
    doing.data["handler"] = load.user_id
    doing.noted["auto"] = FEWEST
    acts.do(doing)
    turns.took(load)
    return load


def setting(session: Session, unit_id: int) -> Setting:
    """What the lead last set; off where nobody ever did."""
    row = session.scalars(
        select(AutoAssign).where(AutoAssign.unit_id == unit_id).order_by(AutoAssign.id.desc()).limit(1)
    ).first()
    return Setting(row.running, row.most) if row is not None else Setting(running=False, most=None)


def set_auto(session: Session, who: Actor, *, running: bool, most: int | None) -> AutoAssign:
    """From now on new clues of the unit of `who` are assigned by themselves, or not. Raises RefusedError."""
    if not who.has(SETTERS):
        raise RefusedError("只有负责人可以设定自动分派", kind="role")
    if most is not None and not 1 <= most <= HIGHEST:
        raise RefusedError(f"每人在办上限须为1至{HIGHEST}件", kind="value", name="most")
    row = AutoAssign(unit_id=who.unit_id, running=running, most=most, by_user=who.user_id, at=clock.now())
    session.add(row)
    session.flush()
    data = {"running": running, "most": most}
    audit.record(session, f"unit:{who.unit_id}", "auto_assign.set", actor=who.label, data=data)
    return row


def waiting(unit_id: int) -> Select[ClueUnit]:
    """The unit's open clues that nobody handles yet, in states in which they can be assigned."""
    sources = workflow.rule("assign").sources
    return (
        select(ClueUnit)
        .join(Clue, Clue.id == ClueUnit.clue_id)
        .where(ClueUnit.unit_id == unit_id, ClueUnit.open, ClueUnit.role == "owner", ClueUnit.state.in_(sources))
        .where(Clue.handler_id.is_(None), Clue.owner_unit_id == unit_id)
    )


def running_units(session: Session) -> Mapping[int, Setting]:
    """The units whose lead switched automatic assignment on."""
    newest = select(func.max(AutoAssign.id)).group_by(AutoAssign.unit_id)
    rows = session.scalars(select(AutoAssign).where(AutoAssign.id.in_(newest), AutoAssign.running))
    return {row.unit_id: Setting(row.running, row.most) for row in rows}


def assign_waiting(session: Session, limit: int = 50) -> int:
    """One step of the sweep: gives the oldest waiting clues of units that want it. Returns how many were given."""
    given = 0
    for unit_id, kept in running_units(session).items():
        rows = session.scalars(waiting(unit_id).order_by(ClueUnit.sort_at, ClueUnit.clue_id).limit(LOOKED_AT)).all()
        turns = Turns(session, unit_id, most=kept.most) if rows else None
        for row in rows:
            if given >= limit:
                return given
            clue = changes.lock(session, {row.clue_id})[row.clue_id]
            if turns is not None and clue.handler_id is None and turns.next(clue) is not None:
                try:
                    with session.begin_nested():
                        give(turns, clue)
                except RefusedError:  # it has just moved on: somebody else has it
                    continue
                given += 1
    return given
