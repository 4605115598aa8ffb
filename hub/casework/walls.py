"""Walls put up and taken down: recusals, units accused, N2 (PRODUCT §5, §10). Quarantine (N4) is beside.

A machine's wall is a hold that a person decides. Where the unit that holds the clue comes behind a wall, the next
uninvolved superior holds it; every clock keeps its base.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import accusing, audit, walls
from hub.access.sealing import open_key
from hub.casework import clocks, facts, group
from hub.casework.acts import afterwards, effect, perform
from hub.casework.changes import announce, lock
from hub.casework.counters import place
from hub.casework.doing import Doing
from hub.casework.jurisdiction import move
from hub.jurisdiction import units
from hub.jurisdiction.divisions import table
from hub.models import Clue, ClueUnit, Grant, Opinion, Unit, User, Wall
from hub.terms import Role, State

HOLDING = frozenset(
    {State.TO_DETERMINE, State.ESCALATED, State.DESIGNATED, State.VERIFYING, State.TO_TELL, State.MERGED}
)


def _wall_unit(doing: Doing) -> facts.Facts:
    unit = facts.unit_named(doing.session, doing.data.get("unit"))
    above = facts.uninvolved_above(doing.session, doing.clue.id, unit.id) if unit is not None else None
    return {"wall_unit": above is not None}


def _walls(doing: Doing) -> facts.Facts:
    """The walls before units: held ones wait for a decision; that of N2 falls only with the determination."""
    rows = [row for row in walls.standing(doing.session, doing.clue.id) if row.unit_id is not None]
    of_n2 = doing.clue.refused_ground == "N2"
    return {
        "wall_held": any(row.state == "held" for row in rows),
        "wall_stands": any(row.reason != "N2" or not of_n2 for row in rows),
    }


def _person(doing: Doing) -> facts.Facts:
    """Whether the person of a recusal belongs to a unit that sees the clue, at or below that of the one who decides."""
    told, who = doing.data.get("person"), doing.who
    person = told if isinstance(told, int) and not isinstance(told, bool) else 0
    seeing = select(ClueUnit.unit_id).where(ClueUnit.clue_id == doing.clue.id)
    rows = doing.session.scalars(
        select(Unit).join(Grant, Grant.unit_id == Unit.id).where(Grant.user_id == person, Unit.id.in_(seeing))
    ).all()
    return {
        "recusable": who is not None and any(who.unit_id in unit.path for unit in rows),
        "person_walled": person in walls.people_behind(doing.session, doing.clue.id),
    }


facts.COLLECTORS.update(
    {
        "wall_unit": _wall_unit, "wall_held": _walls, "wall_stands": _walls, "recusable": _person,
        "person_walled": _person,
    }
)  # fmt: skip


def look(session: Session, clue: Clue, texts: Sequence[str], respondents: Iterable[str] = ()) -> None:
    """Puts up holds where the texts accuse a unit of the chain, or a respondent bears the name of one of its people.

    The clue is locked. Once decided, the same clue is not held again for the same unit or person. The ministry itself
    is never held off: no superior above it could decide, and the clocks would run with nobody to act; its people are.
    """
    if clue.state not in HOLDING:
        return
    known = _known_units(session, clue)
    officers = _officers(session, [*known, *_root(session)])
    found = [hit for text in texts for hit in accusing.accused(text, _names(known), officers)]
    before = session.scalars(select(Wall).where(Wall.clue_id == clue.id)).all()
    decided = {row.unit_id for row in before} | {-row.user_id for row in before if row.user_id is not None}
    names = {name.strip() for name in respondents}
    people = {one.user_id for one in officers if one.name in names} | {hit.user_id for hit in found if hit.user_id}
    whole = lock(session, {clue.id})[clue.main_id or clue.id] if found or people else clue
    for hit in found:
        if hit.unit_id not in decided and facts.uninvolved_above(session, clue.id, hit.unit_id) is not None:
            decided.add(hit.unit_id)
            code = session.get_one(Unit, hit.unit_id).code
            perform(session, whole, "wall.hold", {"unit": code, "words": hit.words}, clock.now())
    for user_id in sorted(people):
        if -user_id not in decided:
            perform(session, whole, "recuse.hold", {"person": user_id}, clock.now())


def _known_units(session: Session, clue: Clue) -> list[Unit]:
    """The units that see the clue or whose place it is, lowest first; not the ministry, above which nobody decides."""
    ids = set(session.scalars(select(ClueUnit.unit_id).where(ClueUnit.clue_id == clue.id)))
    for unit_id in (clue.owner_unit_id, clue.received_unit_id):
        ids |= set(session.get_one(Unit, unit_id).path)
    of_place = units.by_code(session, clue.division[:6]) if clue.division else None
    ids |= set(of_place.path) if of_place is not None else set()
    rows = session.scalars(select(Unit).where(Unit.id.in_(ids), Unit.parent_id.is_not(None)))
    return sorted(rows, key=lambda row: (-len(row.path), row is not of_place, row.id))


def _root(session: Session) -> Sequence[Unit]:
    return session.scalars(select(Unit).where(Unit.parent_id.is_(None))).all()


def _names(known: Sequence[Unit]) -> list[accusing.UnitNames]:
    rows = [(unit, table().get(unit.code)) for unit in known]
    return [accusing.UnitNames(unit.id, unit.level, row.name if row else "", unit.name) for unit, row in rows]


def _officers(session: Session, known: Sequence[Unit]) -> list[accusing.Officer]:
    rows = session.execute(
        select(User.id, Grant.unit_id, User.name)
        .join(Grant, Grant.user_id == User.id)
        .where(Grant.unit_id.in_([unit.id for unit in known]), User.active)
        .distinct()
        .order_by(User.id)
    )
    return [accusing.Officer(*row) for row in rows]


def _whole(doing: Doing) -> list[Clue]:
    """The clue with what is handled together with it: a wall never runs through a group."""
    return [doing.clue, *group.members(doing.session, doing.clue)]


def _note_members(doing: Doing, **data: Any) -> None:
    """The members of the group get their own event and rows; those of the clue itself are written by the act."""
    for clue in _whole(doing)[1:]:
        noted = {"rule": doing.rule.id, "article": doing.rule.article, "main": doing.clue.id, **data}
        actor = doing.who.label if doing.who else "system"
        audit.record(doing.session, f"clue:{clue.id}", doing.rule.id, actor=actor, at=doing.at, data=noted)
        announce(doing.session, clue)
    for clue in _whole(doing):
        place(doing.session, clue)


def put_up(  # the facts of a wall
    doing: Doing, clue: Clue, reason: str, *, user_id: int | None = None, unit_id: int | None = None, held: bool = False
) -> Wall:
    """A wall before one person, one unit or (neither) everybody; one that stands already is confirmed instead."""
    same = (row for row in walls.standing(doing.session, clue.id) if (row.user_id, row.unit_id) == (user_id, unit_id))
    found = next(same, None)
    if found is None:
        found = Wall(
            clue_id=clue.id, user_id=user_id, unit_id=unit_id, reason=reason, state="held", since=doing.at,
            by_user=doing.user_id, decided_at=None, decided_by=None, moved_from=None,
        )  # fmt: skip
        doing.session.add(found)
    if not held:
        found.reason = reason
        _decide(doing, found, "confirmed")
    doing.session.flush()
    return found


def _decide(doing: Doing, row: Wall, state: str) -> None:
    row.state, row.decided_at, row.decided_by = state, doing.at, doing.user_id


def _hand_to(doing: Doing, clue: Clue, unit_id: int) -> None:
    whose = Doing(doing.session, doing.who, clue, doing.rule, {}, doing.at, doing.now)
    move(whose, unit_id)


def step_aside(doing: Doing, clue: Clue, wall: Wall) -> None:
    """Where the holder itself is behind the wall, the next uninvolved superior holds the clue."""
    hidden = walls.stands_before(doing.session, clue.id, [clue.owner_unit_id])
    above = facts.uninvolved_above(doing.session, clue.id, clue.owner_unit_id) if hidden else None
    if above is not None:
        wall.moved_from = clue.owner_unit_id
        _hand_to(doing, clue, above.id)


@effect("wall.hold")
def hold(doing: Doing) -> None:
    """A unit is accused: hidden from it and everything below, held by the next uninvolved superior."""
    unit = facts.unit_named(doing.session, doing.data["unit"])
    assert unit is not None  # the guard has looked
    for clue in _whole(doing):
        step_aside(doing, clue, put_up(doing, clue, "accused", unit_id=unit.id, held=True))
    _note_members(doing, unit=unit.code)


@effect("wall.confirm")
def confirm(doing: Doing) -> None:
    """The superior takes the accusation seriously: it now designates another unit."""
    for row in _accused(doing.session, doing.clue):
        _decide(doing, row, "confirmed")
    doing.session.flush()


@effect("wall.reassign")
def reassign(doing: Doing) -> None:
    """The same while the clue is being verified or told: another unit goes on where it stands."""
    unit = facts.unit_named(doing.session, doing.data["unit"])
    assert unit is not None  # the guard has looked
    for clue in _whole(doing):
        for row in _accused(doing.session, clue):
            _decide(doing, row, "confirmed")
        doing.session.flush()
        _hand_to(doing, clue, unit.id)
        clocks.end_all(doing.session, clue, "wall", doing.at, "done")
    doing.noted["holder"] = {"to": unit.id}
    _note_members(doing, unit=unit.code)


@effect("wall.release")
def release(doing: Doing) -> None:
    """No accusation after all: visible again, and back where it was taken from, every base unchanged."""
    for clue in _whole(doing):
        rows = _accused(doing.session, clue, ("held", "confirmed"))
        came_from = next((row.moved_from for row in rows if row.moved_from is not None), None)
        for row in rows:
            _decide(doing, row, "released")
        doing.session.flush()
        if came_from is not None and not walls.stands_before(doing.session, clue.id, [came_from]):
            _hand_to(doing, clue, came_from)
        clocks.end_all(doing.session, clue, "wall", doing.at, "done")
    _note_members(doing)


def _accused(session: Session, clue: Clue, states: tuple[str, ...] = ("held",)) -> list[Wall]:
    return [row for row in walls.standing(session, clue.id) if row.unit_id is not None and row.state in states]


@effect("recuse", "recuse.other", "recuse.hold")
def recuse(doing: Doing) -> None:
    """Declared by the person, decided by a lead, or held because the respondent bears the person's name."""
    user_id = doing.user_id if doing.rule.id == "recuse" else int(doing.data["person"])
    reason = {"recuse": "recusal", "recuse.other": "lead", "recuse.hold": "named"}[doing.rule.id]
    for clue in _whole(doing):
        put_up(doing, clue, reason, user_id=user_id, held=doing.rule.id == "recuse.hold")
        if clue.handler_id == user_id:
            clue.handler_id = None
    doing.noted["person"] = user_id
    _note_members(doing, person=user_id)


@effect("recuse.confirm", "recuse.release")
def decide_recusal(doing: Doing) -> None:
    user_id = int(doing.data["person"])
    state = "confirmed" if doing.rule.id == "recuse.confirm" else "released"
    for clue in _whole(doing):
        for row in walls.standing(doing.session, clue.id):
            if row.user_id == user_id:
                _decide(doing, row, state)
    doing.session.flush()
    doing.noted["person"] = user_id
    _note_members(doing, person=user_id)


@afterwards("recuse", "recuse.other", "recuse.hold")
def nobody_left(doing: Doing) -> None:
    """Where all leads of the unit are behind a wall, the parent takes over."""
    session, clue = doing.session, doing.clue
    leads = set(
        session.scalars(
            select(User.id)
            .join(Grant, Grant.user_id == User.id)
            .where(Grant.unit_id == clue.owner_unit_id, Grant.role == Role.LEAD, User.active)
        )
    )
    gone = leads and leads <= walls.people_behind(session, clue.id) and clue.state in HOLDING - {State.MERGED}
    if gone and facts.uninvolved_above(session, clue.id, clue.owner_unit_id) is not None:
        perform(session, clue, "take_over", {}, doing.at)


@effect("take_over")
def take_over(doing: Doing) -> None:
    above = facts.uninvolved_above(doing.session, doing.clue.id, doing.clue.owner_unit_id)
    assert above is not None  # whoever performs it has looked
    doing.noted["holder"] = {"from": doing.clue.owner_unit_id, "to": above.id}
    for clue in _whole(doing):
        _hand_to(doing, clue, above.id)
    _note_members(doing)


def shut_out_named(doing: Doing) -> None:
    """N2: hidden from the unit whose people are meant, with everything below it; a superior goes on."""
    session = doing.session
    named = facts.unit_named(session, doing.data.get("named_unit"))
    if doing.data.get("named_unit") and named is None:
        raise doing.refused("被反映人员所在单位不存在或已停用", "value", "named_unit")
    meant = [named.id] if named is not None else [row.unit_id for row in _accused(session, doing.clue)]
    for unit_id in meant or [doing.clue.owner_unit_id]:
        step_aside(doing, doing.clue, put_up(doing, doing.clue, "N2", unit_id=unit_id))
    clocks.end_all(session, doing.clue, "wall", doing.at, "done")
    place(session, doing.clue)


def reasons_of(session: Session, clue: Clue) -> list[str]:
    """The sentences that made the machine hold the clue, opened for the person who decides."""
    rows = session.scalars(
        select(Opinion).where(Opinion.clue_id == clue.id, Opinion.act == "wall.hold", Opinion.name == "words")
    )
    key = open_key(session, clue.key_id)
    return [key.text(row.text, "clue.opinion") for row in rows]


def behind(session: Session, clue: Clue) -> list[dict[str, Any]]:
    """The walls of a clue for the page of those who decide: who is behind them, why, since when; no released ones."""
    rows = session.execute(
        select(Wall, User.name, Unit.name)
        .outerjoin(User, User.id == Wall.user_id)
        .outerjoin(Unit, Unit.id == Wall.unit_id)
        .where(Wall.clue_id == clue.id, walls.live(), or_(Wall.user_id.is_not(None), Wall.unit_id.is_not(None)))
        .order_by(Wall.id)
    )
    return [
        {"person": row.user_id, "unit": row.unit_id, "name": person or unit, "reason": row.reason, "state": row.state,
         "since": row.since}
        for row, person, unit in rows
    ]  # fmt: skip
