"""The tree of units: one department per division of the first three levels, ministry on top; read, made and changed.

Changes are dated and keep history (E12): nothing is deleted, a closed unit leads to its successor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.jurisdiction.divisions import Division, short_code, table
from hub.models import Unit, UnitChange, UnitPlace

MINISTRY = "000000"
LEVELS = ("ministry", "province", "city", "county")
_CODE = re.compile(r"[0-9]{6}(?:-[a-z0-9]{1,12})?")


def ensure_units(session: Session) -> int:
    """Makes the unit tree from the present divisions on an empty table. Returns how many units there are."""
    count = session.scalar(select(func.count()).select_from(Unit)) or 0
    if count:
        return count
    root = session.scalars(
        insert(Unit).values(code=MINISTRY, name="自然资源部", level="ministry", path=[]).returning(Unit)
    ).one()
    root.path = [root.id]
    made: dict[str, Unit] = {}
    for level in ("province", "city", "county"):
        rows = [division for division in table() if division.level == level and division.present]
        units = [Unit(code=short_code(row.code), name=unit_name(row), level=level) for row in rows]
        for row, unit in zip(rows, units, strict=True):
            parent = next((made[a.code] for a in table().ancestors(row.code) if a.code in made), root)
            unit.parent_id, unit.path = parent.id, [*parent.path, 0]
        session.add_all(units)
        session.flush()
        for row, unit in zip(rows, units, strict=True):
            unit.path = [*unit.path[:-1], unit.id]
            made[row.code] = unit
    session.flush()
    return len(made) + 1


def unit_name(division: Division) -> str:
    """The department's name as shown. Names change by unit later (W1); this is only the shipped start."""
    return f"{division.name}自然资源主管部门"


def by_code(session: Session, code: str) -> Unit | None:
    return session.scalars(select(Unit).where(Unit.code == code)).first()


def chain(session: Session, unit_id: int) -> list[Unit]:
    """The unit and its ancestors, root first."""
    unit = session.get_one(Unit, unit_id)
    rows = session.scalars(select(Unit).where(Unit.id.in_(unit.path))).all()
    return sorted(rows, key=lambda row: len(row.path))


class UnitError(ValueError):
    """A change of units that cannot be; the message is Chinese, for the administrator."""


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A unit to be set up. `level`: province, city or county; below its parent, a department's like its parent's.

    `code`: six digits of its division; for what has none of its own with a suffix ("430922-kfq"), a department always.
    `kind`: authority, department. `places`: divisions that it has besides its own code.
    """

    code: str
    name: str
    level: str
    kind: str = "authority"
    places: tuple[str, ...] = ()


def standing(session: Session, unit: Unit) -> Unit:
    """The unit itself, or the working one that has its duties now. Old codes keep working through it."""
    seen = {unit.id}
    while not unit.active and unit.successor_id is not None and unit.successor_id not in seen:
        seen.add(unit.successor_id)
        unit = session.get_one(Unit, unit.successor_id)
    return unit


def closed_words(session: Session, unit: Unit) -> str:
    """What is said of a unit that is gone."""
    heir = standing(session, unit)
    day = unit.closed_on
    since = f"{unit.name}已于{day.year}年{day.month}月{day.day}日撤并" if day else f"{unit.name}已停用"
    return f"{since}，现由{heir.name}（{heir.code}）承担其职责" if heir.id != unit.id else since


def area_of(unit: Unit) -> str:
    """The division a unit has by its code; a zone or branch bureau has only what the dated map gives it."""
    return unit.code[:6] if unit.kind == "department" else unit.code


def of_place(session: Session, division: str, day: date) -> Unit | None:
    """The working unit that a place belongs to on a day: by the dated map, else by its code, else the next one above.

    `division`: 6 digits, or 9 of a town. A map row of the town wins over one of its county.
    """
    for code in (division, division[:6]):
        row = session.scalars(
            select(Unit)
            .join(UnitPlace, UnitPlace.unit_id == Unit.id)
            .where(UnitPlace.division == code, UnitPlace.since <= day, Unit.kind == "authority")
            .where(or_(UnitPlace.until.is_(None), UnitPlace.until > day))
            .order_by(UnitPlace.since.desc(), UnitPlace.id.desc())
        ).first()
        if row is not None:
            return standing(session, row)
    present = [row.code for row in table().current(division[:6])] if table().get(division[:6]) else []
    for code in (division[:6], *(present[:1] if len(present) == 1 else [])):
        unit = by_code(session, code)
        if unit is not None:
            return standing(session, unit)
    for above in table().ancestors(division[:6]):
        unit = by_code(session, above.code)
        if unit is not None:
            return standing(session, unit)
    return None


def has_place(session: Session, unit_id: int, division: str, day: date) -> bool:
    """Whether the dated map gives a place, or what it lies in, to a unit on a day."""
    areas = {division, division[:6], *(row.code for row in table().ancestors(division[:6]))}
    row = session.scalars(
        select(UnitPlace.id)
        .where(UnitPlace.unit_id == unit_id, UnitPlace.division.in_(areas), UnitPlace.since <= day)
        .where(or_(UnitPlace.until.is_(None), UnitPlace.until > day))
    ).first()
    return row is not None


def history(session: Session, unit: Unit) -> list[UnitChange]:
    """What became of a unit, the oldest first."""
    return list(session.scalars(select(UnitChange).where(UnitChange.unit_id == unit.id).order_by(UnitChange.id)))


def set_up(session: Session, new: NewUnit, parent: Unit, since: date, *, by_user: int | None = None) -> Unit:
    """A new unit: a county that was founded, a zone or branch bureau, another department. Raises UnitError.

    `since`: today or earlier; the unit works at once.
    """
    code, level, kind, name = new.code, new.level, new.kind, " ".join(new.name.split())
    check_new(new, parent, since)
    if by_code(session, code) is not None:
        raise UnitError(f"单位代码{code}已经使用过，不能重复使用")
    unit = Unit(code=code, name=name, level=level, kind=kind, origin="local", parent_id=parent.id, path=[])
    session.add(unit)
    session.flush()
    unit.path = [*parent.path, unit.id]
    for place in dict.fromkeys(new.places):
        session.add(UnitPlace(unit_id=unit.id, division=place, since=since, until=None, by_user=by_user))
    _note(session, unit, "set_up", since, {}, {"code": code, "name": name, "parent": parent.code}, by_user)
    return unit


def check_new(new: NewUnit, parent: Unit, since: date) -> None:
    """Whether a unit may be set up like this under `parent`, its code being free. Raises UnitError."""
    if not _CODE.fullmatch(new.code) or (new.kind == "department" and "-" not in new.code):
        raise UnitError("单位代码须为6位行政区划代码；派出机构、开发区和其他部门加后缀，如430922-kfq")
    if new.kind not in ("authority", "department"):
        raise UnitError("单位类别不正确")
    check_name(" ".join(new.name.split()))
    check_day(since)
    check_parent(parent, new.level, new.kind)
    if any(table().get(place) is None for place in new.places):
        raise UnitError("管辖地区中有不存在的行政区划代码")


def rename(session: Session, unit: Unit, name: str, since: date, *, by_user: int | None = None) -> None:
    """A new name; the old one stays in the history. Raises UnitError."""
    name = " ".join(name.split())
    check_name(name)
    check_day(since)
    _check_stands(session, unit)
    if name == unit.name:
        raise UnitError("名称没有变化")
    before, unit.name = unit.name, name
    _note(session, unit, "rename", since, {"name": before}, {"name": name}, by_user)


def move(session: Session, unit: Unit, parent: Unit, since: date, *, by_user: int | None = None) -> None:
    """Puts a unit, with everything below it, under another one. Raises UnitError.

    Rows of who sees which clue follow through `hub.casework.reorganising`.
    """
    check_day(since)
    _check_stands(session, unit)
    check_parent(parent, unit.level, unit.kind)
    if unit.id in parent.path or unit.parent_id == parent.id:
        raise UnitError("上级单位没有变化，或在本单位之下")
    before = session.get_one(Unit, unit.parent_id).code if unit.parent_id else ""
    _hang(session, unit, parent)
    _note(session, unit, "move", since, {"parent": before}, {"parent": parent.code}, by_user)


def close(session: Session, unit: Unit, on: date, *, successor: Unit | None = None, by_user: int | None = None) -> Unit:
    """Ends a unit; `successor` (none: the next standing superior) has its duties and places from `on`. Returns it.

    Units below go under the successor where that is of the same level, else under the parent. Its code is never used
    again and keeps leading to the successor. Its clues follow through `hub.casework.reorganising`. Raises UnitError.
    """
    check_day(on)
    _check_stands(session, unit)
    above = [row for row in chain(session, unit.id) if row.id != unit.id and row.active]
    if not above:
        raise UnitError("部级单位不能撤销")
    heir = successor or above[-1]
    if not heir.active or heir.id == unit.id or unit.id in heir.path or (successor and heir.kind != unit.kind):
        raise UnitError("承接单位须为另一个在用的同类单位，且不在被撤单位之下")
    under = heir if heir.level == unit.level else above[-1]
    for child in session.scalars(select(Unit).where(Unit.parent_id == unit.id, Unit.active).order_by(Unit.id)).all():
        _hang(session, child, under)
        _note(session, child, "move", on, {"parent": unit.code}, {"parent": under.code}, by_user)
    if unit.kind == "authority":
        _inherit_places(session, unit, heir, on, by_user)
    unit.active, unit.closed_on, unit.successor_id = False, on, heir.id
    session.flush()
    _note(session, unit, "close", on, {"name": unit.name}, {"successor": heir.code}, by_user)
    return heir


def merge(session: Session, unit: Unit, into: Unit, on: date, *, by_user: int | None = None) -> Unit:
    """A unit goes up in another one. Raises UnitError."""
    return close(session, unit, on, successor=into, by_user=by_user)


def _inherit_places(session: Session, unit: Unit, heir: Unit, on: date, by_user: int | None) -> None:
    rows = session.scalars(
        select(UnitPlace).where(UnitPlace.unit_id == unit.id, or_(UnitPlace.until.is_(None), UnitPlace.until > on))
    ).all()
    given = {row.division for row in rows} | ({unit.code} if "-" not in unit.code else set())
    for row in rows:
        row.until = max(on, row.since + timedelta(days=1))
    known = set(
        session.scalars(select(UnitPlace.division).where(UnitPlace.unit_id == heir.id, UnitPlace.until.is_(None)))
    )
    for division in sorted(given - known):
        session.add(UnitPlace(unit_id=heir.id, division=division, since=on, until=None, by_user=by_user))
    session.flush()


def _hang(session: Session, unit: Unit, parent: Unit) -> None:
    """New parent and paths, of everything below as well."""
    old = len(unit.path)
    below = session.scalars(select(Unit).where(Unit.path.contains([unit.id]))).all()
    unit.parent_id = parent.id
    for row in below:
        row.path = [*parent.path, unit.id, *row.path[old:]]
    session.flush()


def check_name(name: str) -> None:
    """Raises UnitError."""
    if not 2 <= len(name) <= 60:
        raise UnitError("单位名称须为2至60个字")


def check_day(day: date) -> None:
    """A change of units is of today or earlier. Raises UnitError."""
    if day > clock.today():
        raise UnitError("日期不能晚于今天")


def _check_stands(session: Session, unit: Unit) -> None:
    if not unit.active:
        raise UnitError(closed_words(session, unit))


def check_parent(parent: Unit, level: str, kind: str) -> None:
    """Whether a unit of this level and kind may stand under `parent`. Raises UnitError."""
    if level not in LEVELS or not parent.active or parent.kind != "authority":
        raise UnitError("上级单位须为在用的主管部门")
    depth, above = LEVELS.index(level), LEVELS.index(parent.level)
    if depth < above or (depth == above and kind != "department"):
        raise UnitError("上级单位的层级须高于本单位")


def _note(
    session: Session, unit: Unit, kind: str, since: date, before: dict[str, str], after: dict[str, str],
    by_user: int | None,
) -> None:  # fmt: skip
    row = UnitChange(unit_id=unit.id, kind=kind, since=since, before=before, after=after, by_user=by_user)
    session.add(row)
    session.flush()
