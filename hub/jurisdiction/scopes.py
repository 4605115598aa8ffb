"""The scope lists of a jurisdiction on a day: the shipped ones with what its city filed (Art. 8-9; B11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.law import scope as law
from hub.law.deadlines import base_day
from hub.law.scope import Behaviour, LocalChange, Scope
from hub.models import ScopeChange, Unit


def city_of(session: Session, unit: Unit) -> Unit | None:
    """The city-level unit whose lists govern: the unit itself or the one above it. None: the national lists."""
    rows = session.scalars(select(Unit).where(Unit.id.in_(unit.path), Unit.level == "city", Unit.kind == "authority"))
    return rows.first()


def changes(session: Session, unit: Unit, on: date | None = None) -> list[ScopeChange]:
    """What the city of the unit has filed, oldest first; with `on` only what is in force that day."""
    city = city_of(session, unit)
    if city is None:
        return []
    query = select(ScopeChange).where(ScopeChange.unit_id == city.id)
    if on is not None:
        query = query.where(ScopeChange.filed_on <= on, or_(ScopeChange.valid_to.is_(None), ScopeChange.valid_to > on))
    return list(session.scalars(query.order_by(ScopeChange.filed_on, ScopeChange.id)))


def _local(row: ScopeChange, city_code: str) -> LocalChange:
    name = f"{city_code}-{row.id}"
    added = Behaviour(f"{row.class_code}.L{row.id}", row.add_text, row.law, "local") if row.add_text else None
    return LocalChange(name, city_code, row.filed_on, row.class_code, added, row.remove, row.valid_to)


def scope_of(session: Session, unit: Unit, at: datetime | date) -> Scope:
    """The lists that govern a clue of the unit whose base is `at`. Raises ScopeError where a filed row contradicts."""
    day = base_day(at) if isinstance(at, datetime) else at
    city = city_of(session, unit)
    if city is None:
        return law.scope(day)
    area = city.code[:6]  # a zone of the level of a city has its own lists, under a code with a suffix
    return law.scope(day, area, [_local(row, area) for row in changes(session, unit)])


@dataclass(frozen=True, slots=True)
class LocalMatter:
    """What a city takes in beyond the shipped lists, with the words by which a machine knows it."""

    class_code: str
    words: tuple[str, ...]
    reason: str


def local_matters(session: Session, unit: Unit, at: datetime) -> list[LocalMatter]:
    """The widened matters in force on the day of `at` that name words."""
    return [
        LocalMatter(row.class_code, tuple(row.words), f"本地扩大受理范围：{row.add_text}（备案号{row.filing_no}）")
        for row in changes(session, unit, base_day(at))
        if row.add_text and row.words and row.class_code[0] in "TK"
    ]


def _matter(behaviour: Behaviour) -> dict[str, Any]:
    return {"text": behaviour.text, "law": behaviour.law, "local": behaviour.origin == "local"}


def public_lists(session: Session, unit: Unit, on: date) -> dict[str, Any]:
    """What a public page shows: classes with their matters, refused matters, and what was filed, by number and day."""
    lists = scope_of(session, unit, on)
    return {
        "unit": unit.name,
        "on": on.isoformat(),
        "article": lists.article,
        "version": lists.rule_version,
        "accepted": [
            {"code": one.code, "name": one.name, "matters": [_matter(behaviour) for behaviour in one.behaviours]}
            for one in lists.classes
        ],
        "refused": [{"code": one.code, "name": one.name, "text": one.text} for one in lists.refused],
        "filed": [
            {"number": row.filing_no, "from": row.filed_on.isoformat(), "to": row.valid_to and row.valid_to.isoformat(),
             "class": row.class_code, "added": row.add_text, "removed": row.remove}
            for row in changes(session, unit, on)
        ],
    }  # fmt: skip
