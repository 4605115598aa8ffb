"""Units are set up, renamed, moved, merged and closed; clues, people and what each unit sees follow (E12).

The change of the unit itself is one short act; the clues follow in steps, each a transaction of its own that may be
repeated: `follow_clues` until it returns 0.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework import assisting
from hub.casework.changes import announce, lock, touch
from hub.casework.counters import place
from hub.casework.errors import RefusedError
from hub.casework.jurisdiction import move_to
from hub.jurisdiction import units
from hub.jurisdiction.units import NewUnit, UnitError
from hub.models import Assist, Clue, ClueUnit, Grant, Unit
from hub.terms import Role

KEEPERS = frozenset({Role.SYSADMIN})


def set_up_unit(session: Session, who: Actor, new: NewUnit, parent_code: str, since: date) -> Unit:
    """A new unit below one of the person's area: see units.set_up. Raises RefusedError."""
    parent = _unit(session, who, parent_code)
    try:
        made = units.set_up(session, new, parent, since, by_user=who.user_id)
    except UnitError as error:
        raise _refused(error) from None
    _log(session, who, made, "set_up", since)
    return made


def rename_unit(session: Session, who: Actor, code: str, name: str, since: date) -> Unit:
    """A new name from a day on. Raises RefusedError."""
    unit = _unit(session, who, code)
    try:
        units.rename(session, unit, name, since, by_user=who.user_id)
    except UnitError as error:
        raise _refused(error) from None
    _log(session, who, unit, "rename", since)
    return unit


def move_unit(session: Session, who: Actor, code: str, parent_code: str, since: date) -> Unit:
    """Puts a unit under another superior of the person's area. Raises RefusedError."""
    unit, parent = _unit(session, who, code), _unit(session, who, parent_code)
    try:
        units.move(session, unit, parent, since, by_user=who.user_id)
    except UnitError as error:
        raise _refused(error) from None
    _log(session, who, unit, "move", since)
    return unit


def close_unit(session: Session, who: Actor, code: str, on: date, successor_code: str = "") -> Unit:
    """Ends a unit (merges it into `successor_code`); its people go along. Returns who has its duties.

    Raises RefusedError. Afterwards `follow_clues` moves the clues.
    """
    unit = _unit(session, who, code)
    if unit.id == who.unit_id:
        raise RefusedError("本单位的撤并由上级办理", kind="unit", name="unit")
    successor = _unit(session, who, successor_code) if successor_code else None
    try:
        heir = units.close(session, unit, on, successor=successor, by_user=who.user_id)
    except UnitError as error:
        raise _refused(error) from None
    if successor is not None:
        _people_along(session, unit, heir)
    _log(session, who, unit, "close", on, {"successor": heir.id})
    return heir


def _people_along(session: Session, unit: Unit, heir: Unit) -> None:
    """Whoever worked there works in the successor in the same roles; a role they have there already is not doubled."""
    there = {tuple(row) for row in session.execute(select(Grant.user_id, Grant.role).where(Grant.unit_id == heir.id))}
    for row in session.scalars(select(Grant).where(Grant.unit_id == unit.id)).all():
        if (row.user_id, row.role) in there:
            session.execute(delete(Grant).where(Grant.id == row.id))
        else:
            row.unit_id = heir.id
    session.flush()


def follow_clues(session: Session, limit: int = 200) -> int:
    """One step: clues of closed units go to the successor, help of closed units ends, rows of who sees what follow.

    Bases and numbers stay. In the running transaction; may run twice at once. Returns how many clues it moved: call
    again until 0.
    """
    wanted = (
        select(Clue.id)
        .join(Unit, Unit.id == Clue.owner_unit_id)
        .where(~Unit.active, Unit.successor_id.is_not(None))
        .order_by(Clue.id)
        .limit(limit)
    )
    done = 0
    for clue_id in session.scalars(wanted).all():
        clue = lock(session, {clue_id})[clue_id]
        before = session.get_one(Unit, clue.owner_unit_id)
        heir = units.standing(session, before)
        if heir.id == before.id:
            continue
        move_to(session, clue, heir.id, clock.now())
        _settle(session, clue)
        data = {"from": before.id, "to": heir.id}
        audit.record(session, f"clue:{clue.id}", "unit_closed", data=data)
        announce(session, clue)
        done += 1
    return done + _end_help(session, limit - done)


def _end_help(session: Session, limit: int) -> int:
    rows = session.execute(
        select(Assist.clue_id, Assist.unit_id)
        .join(Unit, Unit.id == Assist.unit_id)
        .where(Assist.until.is_(None), ~Unit.active)
        .order_by(Assist.clue_id)
        .limit(max(0, limit))
    ).all()
    for clue_id, unit_id in rows:
        clue = lock(session, {clue_id})[clue_id]
        assisting.end(session, clue, [unit_id], clock.now())
        _settle(session, clue)
    return len(rows)


def reseat(session: Session, unit_id: int, after_id: int = 0, limit: int = 500) -> int:
    """One step after a unit was moved: brings the rows of who sees the clues of it and below to the present tree.

    Returns the id to go on after, 0 at the end.
    """
    below = select(Unit.id).where(Unit.path.contains([unit_id]))
    ids = session.scalars(
        select(ClueUnit.clue_id)
        .where(ClueUnit.unit_id.in_(below), ClueUnit.clue_id > after_id)
        .distinct()
        .order_by(ClueUnit.clue_id)
        .limit(limit)
    ).all()
    for clue_id in ids:
        _settle(session, lock(session, {clue_id})[clue_id])
    return ids[-1] if len(ids) == limit else 0


def _settle(session: Session, clue: Clue) -> None:
    place(session, clue)
    touch(session, clue)


def _unit(session: Session, who: Actor, code: str) -> Unit:
    if not who.has(KEEPERS):
        raise RefusedError("只有系统管理员可以变更单位", kind="role")
    unit = units.by_code(session, code)
    if unit is None or who.unit_id not in unit.path:
        raise RefusedError("只能变更本级辖区内的单位", kind="unit", name="unit")
    return unit


def _refused(error: UnitError) -> RefusedError:
    return RefusedError(str(error), kind="value", name="unit")


def _log(session: Session, who: Actor, unit: Unit, act: str, since: date, more: dict[str, int] | None = None) -> None:
    data = {"code": unit.code, "since": since.isoformat(), **(more or {})}
    audit.record(session, f"unit:{unit.id}", act, actor=who.label, data=data)
