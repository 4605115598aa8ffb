"""The directory of responsible departments: shipped rows and dated ones of administrators (E7, E11, Art. 20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.jurisdiction import units
from hub.jurisdiction.divisions import table
from hub.law import competence, notices
from hub.law.competence import STAGES, Entry
from hub.models import Clue, Competence, Unit
from hub.terms import CLASS_LABELS, Role


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A row to be added: see hub.models.Competence. `unit_code`: of the department's unit in the hub."""

    department: str
    stage: str
    source: str
    since: date
    division: str = ""
    matter: str = ""
    contact: str = ""
    unit_code: str = ""


def directory(session: Session, division: str, matter: str, stage: str, day: date) -> list[Entry]:
    """The other departments that act at a place on a matter at a stage; the row of the smallest area first."""
    areas = (division, division[:6], *(row.code for row in table().ancestors(division[:6])))
    return competence.fitting((*entries(session), *competence.shipped()), areas, matter, stage, day)


def entries(session: Session) -> list[Entry]:
    """The rows that administrators added, those that ended included."""
    rows = session.scalars(select(Competence).order_by(Competence.id))
    return [
        Entry(row.department, row.stage, row.matter, row.source, row.since, row.until, row.division,
              contact=row.contact, unit_id=row.unit_id, id=row.id)
        for row in rows
    ]  # fmt: skip


def about(session: Session, clue: Clue, stage: str, day: date) -> list[Entry]:
    """The departments that may act on a clue: at its confirmed place, else in its holder's area; of its class."""
    owner = session.get_one(Unit, clue.owner_unit_id)
    division = clue.division if clue.division_confirmed and clue.division else owner.code[:6]
    return directory(session, division, (clue.class_confirmed and clue.class_code) or "", stage, day)


def add_entry(session: Session, who: Actor, new: NewEntry) -> Competence:
    """An administrator adds a row for an area of their own. Raises RefusedError."""
    unit = _check(session, who, new)
    row = Competence(
        division=new.division, matter=new.matter, stage=new.stage, department=new.department.strip(),
        unit_id=unit.id if unit else None, contact=new.contact.strip()[:200], source=new.source.strip()[:200],
        since=new.since, until=None, by_user=who.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    data = {"division": row.division, "matter": row.matter, "stage": row.stage, "since": row.since.isoformat()}
    audit.record(session, f"competence:{row.id}", "add", actor=who.label, data=data)
    return row


def _check(session: Session, who: Actor, new: NewEntry) -> Unit | None:
    if not who.has(frozenset({Role.SYSADMIN})):
        raise RefusedError("只有系统管理员可以登记责任部门", kind="role")
    own = who.unit_code[:6]
    if own != units.MINISTRY and not (new.division and table().within(new.division[:6], own)):
        raise RefusedError("只能登记本级辖区内的责任部门", kind="unit", name="division")
    if new.division and table().get(new.division) is None:
        raise RefusedError("没有这个行政区划代码", kind="value", name="division")
    if new.stage not in STAGES:
        raise RefusedError("环节应为发现、核查或处罚", kind="value", name="stage")
    if new.matter and (new.matter not in CLASS_LABELS or new.matter[0] == "N"):
        raise RefusedError("没有这种违法类型", kind="value", name="matter")
    if notices.TYPES["unit"][0](new.department.strip()) is None:
        raise RefusedError("部门名称须为完整的单位名称", kind="value", name="department")
    if not new.source.strip():
        raise RefusedError("请写明依据", kind="missing", name="source")
    unit = units.by_code(session, new.unit_code) if new.unit_code else None
    if new.unit_code and (unit is None or not unit.active or unit.kind != "department"):
        raise RefusedError("平台内没有这个部门单位", kind="value", name="unit_code")
    return unit


def end_entry(session: Session, who: Actor, entry_id: int, until: date) -> Competence:
    """Ends a row: `until` is the first day it no longer holds, today at the earliest. Raises RefusedError."""
    row = session.get(Competence, entry_id, with_for_update=True)
    own = who.unit_code[:6]
    inside = row is not None and (own == units.MINISTRY or (row.division and table().within(row.division[:6], own)))
    if row is None or not inside or not who.has(frozenset({Role.SYSADMIN})):
        raise RefusedError("没有这条责任部门记录", kind="state")
    if row.until is not None or until < clock.today() or until <= row.since:
        raise RefusedError("终止日期须晚于生效日期且不早于今天", kind="time", name="until")
    row.until = until
    session.flush()
    audit.record(session, f"competence:{row.id}", "end", actor=who.label, data={"until": until.isoformat()})
    return row
