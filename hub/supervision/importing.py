"""Lists of units and people from Excel or CSV: read, checked line by line (dry run), taken over whole or not at all.

Pure reading (`read_units`, `read_people`), then a plan against the database, then `take_over_*` in one transaction.
Cells arrive as text (channels.tables). Headings are told by their words, in any order; unknown columns are named.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import certificates, staff
from hub.access.people import Actor
from hub.casework import reorganising
from hub.casework.errors import RefusedError
from hub.jurisdiction import units
from hub.models import Certificate, DirectoryImport, Grant, Unit, User
from hub.terms import ROLE_LABELS, Role

Cells = Sequence[str]
MOST = 2_000  # lines of one list
_LEVELS = {"部": "ministry", "省": "province", "市": "city", "县": "county", "省级": "province", "市级": "city",
           "县级": "county"}  # fmt: skip
_KINDS = {"": "authority", "主管部门": "authority", "其他部门": "department"}
_ROLES = {label: role for role, label in ROLE_LABELS.items()} | {role.value: role for role in Role}
UNIT_COLUMNS = {
    "code": ("单位代码", "代码"), "name": ("单位名称", "名称"), "level": ("层级", "级别"),
    "parent": ("上级代码", "上级单位代码", "上级"), "kind": ("类别",), "places": ("管辖地区", "管辖区划"),
    "since": ("启用日期", "自"),
}  # fmt: skip
PEOPLE_COLUMNS = {
    "login": ("登录名", "账号"), "name": ("姓名",), "unit": ("单位代码", "单位"), "roles": ("角色", "岗位"),
    "certificate": ("执法证号", "证号"), "valid_from": ("有效期起", "发证日期"),
    "valid_until": ("有效期止", "有效期至"),
}  # fmt: skip
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_SEPARATORS = re.compile(r"[、,，;；/\s]+")


class ListError(ValueError):
    """The list as a whole cannot be read; the message is Chinese, for the administrator."""


@dataclass
class Line:
    """One line of a list. `number` as Excel counts. status: new, change, same, error."""

    number: int
    values: dict[str, str]
    status: str = "new"
    message: str = ""


@dataclass
class Plan:
    """What taking a list over would do."""

    kind: str
    lines: list[Line]
    ignored: list[str] = field(default_factory=list)  # headings that mean nothing here

    @property
    def errors(self) -> list[Line]:
        return [line for line in self.lines if line.status == "error"]

    def count(self, status: str) -> int:
        return sum(line.status == status for line in self.lines)


def read(kind: str, rows: Sequence[tuple[int, Cells]]) -> Plan:
    """Lines below the first row that has the headings. `rows`: (number, cells). Raises ListError."""
    columns = UNIT_COLUMNS if kind == "units" else PEOPLE_COLUMNS
    needed = {"code", "name", "level", "parent"} if kind == "units" else {"login", "name", "unit", "roles"}
    heads = (at for at, (_, cells) in enumerate(rows[:20]) if _places(columns, cells).keys() >= needed)
    position = next(heads, None)
    if position is None:
        wanted = "、".join(words[0] for name, words in columns.items() if name in needed)
        raise ListError(f"没有找到表头，须有：{wanted}")
    places = _places(columns, rows[position][1])
    found = [
        Line(number, {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()})
        for number, cells in rows[position + 1 :]
        if any(cell.strip() for cell in cells)
    ]
    if not found:
        raise ListError("表头下没有内容")
    if len(found) > MOST:
        raise ListError(f"一次最多 {MOST} 行，请拆分")
    known = {word for words in columns.values() for word in words}
    heading = rows[position][1]
    return Plan(kind, found, [cell.strip() for cell in heading if cell.strip() and cell.strip() not in known])


def _places(columns: dict[str, tuple[str, ...]], cells: Cells) -> dict[str, int]:
    bare = [cell.strip().strip("*：:") for cell in cells]
    return {name: bare.index(word) for name, words in columns.items() for word in words if word in bare}


def check(session: Session, who: Actor, plan: Plan) -> Plan:
    """Marks each line with what it would do; nothing is changed."""
    judge = _check_unit if plan.kind == "units" else _check_person
    seen: dict[str, int] = {}
    coming = {line.values.get("code", "") for line in plan.lines} if plan.kind == "units" else set()
    for line in plan.lines:
        own = line.values["code" if plan.kind == "units" else "login"]
        try:
            if own in seen:
                raise ListError(f"与第 {seen[own]} 行重复")
            seen[own] = line.number
            line.status, line.message = judge(session, who, line.values, coming)
        except ListError as error:
            line.status, line.message = "error", str(error)
    return plan


def _check_unit(session: Session, who: Actor, values: dict[str, str], coming: set[str]) -> tuple[str, str]:
    level = _LEVELS.get(values["level"], values["level"])
    if level not in units.LEVELS:
        raise ListError("层级须为省、市或县")
    if values.get("kind", "") not in _KINDS:
        raise ListError("类别须为主管部门或其他部门")
    day_of(values.get("since", ""), "启用日期")
    parent = units.by_code(session, values["parent"])
    if parent is None and values["parent"] not in coming:
        raise ListError(f"没有上级单位 {values['parent']}")
    if parent is not None and who.unit_id not in parent.path:
        raise ListError("上级单位不在本单位辖区")
    known = units.by_code(session, values["code"])
    if known is None:
        return "new", f"新设：{values['name']}"
    if not known.active:
        raise ListError(units.closed_words(session, known))
    said = []
    if known.name != values["name"]:
        said.append(f"改名：{known.name} → {values['name']}")
    if parent is not None and known.parent_id != parent.id:
        said.append(f"改隶：→ {parent.name}")
    return ("change", "；".join(said)) if said else ("same", "")


def _check_person(session: Session, who: Actor, values: dict[str, str], _coming: set[str]) -> tuple[str, str]:
    if not _LOGIN.fullmatch(values["login"]):
        raise ListError("登录名为 2 至 40 个小写字母、数字或 . _ -")
    if not values["name"] or len(values["name"]) > 60:
        raise ListError("姓名须填写，不超过 60 字")
    unit = units.by_code(session, values["unit"])
    if unit is None or not unit.active:
        raise ListError(f"没有单位 {values['unit']}" if unit is None else units.closed_words(session, unit))
    if who.unit_id not in unit.path:
        raise ListError("单位不在本单位辖区")
    wanted = roles_of(values["roles"])
    said = []
    if values.get("certificate"):
        valid = _validity(values)
        row = certificates.known(session, values["certificate"])
        if row is not None and (row.name, row.valid_from, row.valid_until) != (values["name"], *valid):
            raise ListError(f"证号 {values['certificate']} 已在台账中，内容不同")
        said += [] if row is not None else [f"登记执法证 {values['certificate']}"]
    known = session.scalars(select(User).where(User.login == values["login"])).first()
    if known is None:
        return "new", "；".join([f"新增：{values['name']}", *said])
    if known.name != values["name"]:
        raise ListError(f"登录名已属于{known.name}")
    have = set(session.scalars(select(Grant.role).where(Grant.user_id == known.id, Grant.unit_id == unit.id)))
    more = sorted(role for role in wanted if role.value not in have)
    said = [*(f"拟授予{ROLE_LABELS[role]}" for role in more), *said]
    return ("change", "；".join(said)) if said else ("same", "")


def roles_of(text: str) -> list[Role]:
    """Roles by their names, parted by commas or blanks. Raises ListError."""
    words = [word for word in _SEPARATORS.split(text.strip()) if word]
    unknown = [word for word in words if word not in _ROLES]
    if unknown or not words:
        raise ListError(f"没有角色“{unknown[0]}”" if unknown else "角色须填写")
    return list(dict.fromkeys(_ROLES[word] for word in words))


def day_of(text: str, what: str) -> date | None:
    """A day in ISO form or as 2026/3/2, 2026.3.2, 2026年3月2日; "": None. Raises ListError."""
    if not text:
        return None
    numbers = [int(number) for number in re.findall(r"\d+", text[:20])]
    try:
        return date(*numbers[:3])
    except (TypeError, ValueError):
        raise ListError(f"{what}不是日期") from None


def _validity(values: dict[str, str]) -> tuple[date, date]:
    valid = day_of(values.get("valid_from", ""), "有效期起"), day_of(values.get("valid_until", ""), "有效期止")
    if valid[0] is None or valid[1] is None or valid[0] > valid[1]:
        raise ListError("执法证须有有效期起止，起不晚于止")
    return valid[0], valid[1]


Grants = Callable[[Session, Actor, User, Unit, Role], None]
"""Asks for a role that a second person confirms (hub.access.grants)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """`passwords`: login → first password, shown once, to be changed at the first sign-in."""

    changed: int
    passwords: dict[str, str]


def take_over(session: Session, who: Actor, plan: Plan, today: date, propose: Grants) -> Taken:
    """Does what the plan says, whole or not at all. Raises ListError where a line has an error."""
    check(session, who, plan)
    if plan.errors:
        raise ListError(f"有 {len(plan.errors)} 行不能接收，请改正后重新上传")
    passwords: dict[str, str] = {}
    for line in _parents_first(plan):
        if line.status == "same":
            continue
        try:
            if plan.kind == "units":
                _take_unit(session, who, line.values, today)
            else:
                _take_person(session, who, line.values, passwords, propose)
        except (RefusedError, certificates.CertificateError, staff.StaffError) as error:
            raise ListError(f"第 {line.number} 行：{error}") from None
    content = "\n".join("\t".join(sorted(line.values.values())) for line in plan.lines)
    changed = plan.count("new") + plan.count("change")
    session.add(
        DirectoryImport(
            kind=plan.kind, sha256=hashlib.sha256(content.encode()).hexdigest(), rows=len(plan.lines), changed=changed,
            by_user=who.user_id,
        )
    )  # fmt: skip
    return Taken(changed, passwords)


def _parents_first(plan: Plan) -> list[Line]:
    if plan.kind != "units":
        return plan.lines
    order = {level: rank for rank, level in enumerate(units.LEVELS)}
    return sorted(plan.lines, key=lambda line: order[_LEVELS.get(line.values["level"], line.values["level"])])


def _take_unit(session: Session, who: Actor, values: dict[str, str], today: date) -> None:
    since = day_of(values.get("since", ""), "启用日期") or today
    known = units.by_code(session, values["code"])
    if known is None:
        places = tuple(place for place in _SEPARATORS.split(values.get("places", "")) if place)
        level, kind = _LEVELS.get(values["level"], values["level"]), _KINDS[values.get("kind", "")]
        new = units.NewUnit(values["code"], values["name"], level, kind, places)
        reorganising.set_up_unit(session, who, new, values["parent"], since)
        return
    if known.name != values["name"]:
        reorganising.rename_unit(session, who, known.code, values["name"], since)
    parent = session.get(Unit, known.parent_id) if known.parent_id else None
    if parent is None or parent.code != values["parent"]:
        reorganising.move_unit(session, who, known.code, values["parent"], since)


def _take_person(
    session: Session, who: Actor, values: dict[str, str], passwords: dict[str, str], propose: Grants
) -> None:
    unit = units.by_code(session, values["unit"])
    assert unit is not None  # checked
    person = session.scalars(select(User).where(User.login == values["login"])).first()
    if person is None:
        passwords[values["login"]] = secrets.token_urlsafe(12)
        person = staff.add(session, values["login"], values["name"], passwords[values["login"]], unit.code, ())
        person.must_change = True
    have = set(session.scalars(select(Grant.role).where(Grant.user_id == person.id, Grant.unit_id == unit.id)))
    for role in roles_of(values["roles"]):
        if role.value not in have:
            propose(session, who, person, unit, role)
    number = values.get("certificate", "")
    if number and certificates.known(session, number) is None:
        certificates.register(session, who, unit, values["name"], number, _validity(values), person.id)
    session.flush()


def imports(session: Session) -> list[DirectoryImport]:
    """The lists that were taken over, newest first."""
    return list(session.scalars(select(DirectoryImport).order_by(DirectoryImport.id.desc()).limit(100)))


def running_out(session: Session, unit_id: int, by: date) -> list[Certificate]:
    """Certificates of a unit that end by a day."""
    rows = select(Certificate).where(
        Certificate.unit_id == unit_id, Certificate.withdrawn_on.is_(None), Certificate.valid_until <= by
    )
    return list(session.scalars(rows.order_by(Certificate.valid_until)))
