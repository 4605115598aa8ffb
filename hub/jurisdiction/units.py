"""The tree of units: one department per division of the first three levels, ministry on top; read and made here."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.jurisdiction.divisions import Division, short_code, table
from hub.models import Unit

MINISTRY = "000000"
_LEVEL = {"province": "province", "city": "city", "county": "county"}


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
