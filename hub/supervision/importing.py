"""Lists of units and people from Excel or CSV: read, checked line by line (dry run), taken over whole or not at all.

Pure reading (`read`), then `check` against the database, then `take_over` in one transaction. In between a browser may
hold the list (`dump`, `load`). Cells arrive as text (channels.tables). Headings are told by their words, in any order;
unknown columns are named. Who gets a role is for two people: it is proposed here and confirmed elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import certificates, grants, staff
from hub.access.people import Actor
from hub.casework import reorganising
from hub.casework.errors import RefusedError
from hub.jurisdiction import units
from hub.jurisdiction.units import NewUnit, UnitError
from hub.models import Certificate, DirectoryImport, Grant, GrantChange, Unit, User
from hub.terms import ROLE_LABELS, Role

Cells = Sequence[str]
MOST = {"units": 2_000, "people": 300}  # lines of one list; hashing a first password takes its time
LONGEST = 200  # characters of a cell
LONGEST_NAME = 40  # characters of a person's name
REASON = "名单导入"
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
COLUMNS = {"units": UNIT_COLUMNS, "people": PEOPLE_COLUMNS}
NEEDED = {"units": frozenset({"code", "name", "level", "parent"}),
          "people": frozenset({"login", "name", "unit", "roles"})}  # fmt: skip
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
    columns, needed = COLUMNS[kind], NEEDED[kind]
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
    if len(found) > MOST[kind]:
        raise ListError(f"一次最多 {MOST[kind]} 行，请拆分")
    known = {word for words in columns.values() for word in words}
    heading = rows[position][1]
    return Plan(kind, found, [cell.strip() for cell in heading if cell.strip() and cell.strip() not in known])


def _places(columns: dict[str, tuple[str, ...]], cells: Cells) -> dict[str, int]:
    bare = [cell.strip().strip("*：:") for cell in cells]
    return {name: bare.index(word) for name, words in columns.items() for word in words if word in bare}


def dump(plan: Plan) -> str:
    """The lines as JSON, for a form that brings them back to `load`."""
    return json.dumps([[line.number, line.values] for line in plan.lines], ensure_ascii=False, separators=(",", ":"))


def load(kind: str, text: str) -> Plan:
    """What `dump` wrote and a browser sent back. Nothing of it is believed but its shape: `check` judges it anew.

    Raises ListError.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, list) or not 0 < len(told) <= MOST[kind] or not all(_is_line(one, kind) for one in told):
        raise ListError("名单内容不完整，请重新上传")
    return Plan(kind, [Line(number, values) for number, values in told])


def _is_line(one: object, kind: str) -> bool:
    if not isinstance(one, list) or len(one) != 2:
        return False
    number, values = one
    if type(number) is not int or not 0 < number < 10**7 or not isinstance(values, dict):
        return False
    return NEEDED[kind] <= values.keys() <= COLUMNS[kind].keys() and all(_is_cell(cell) for cell in values.values())


def _is_cell(cell: object) -> bool:
    """Text that the database takes: neither NUL nor half a character."""
    return isinstance(cell, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in cell)


def check(session: Session, who: Actor, plan: Plan) -> Plan:
    """Marks each line with what it would do; nothing is changed."""
    judge = _check_unit if plan.kind == "units" else _check_person
    seen: dict[str, int] = {}
    coming = {line.values["code"]: line.values for line in plan.lines} if plan.kind == "units" else {}
    for line in plan.lines:
        own = line.values["code" if plan.kind == "units" else "login"]
        certificate = line.values.get("certificate", "")
        try:
            if any(len(cell) > LONGEST for cell in line.values.values()):
                raise ListError(f"一格最多 {LONGEST} 字")
            for name in filter(None, (own, certificate and f"执法证{certificate}")):
                if name in seen:
                    raise ListError(f"与第 {seen[name]} 行重复")
                seen[name] = line.number
            line.status, line.message = judge(session, who, line.values, coming)
        except (ListError, UnitError) as error:
            line.status, line.message = "error", str(error)
    return plan


Coming = dict[str, dict[str, str]]
"""Units that the same list sets up, by code."""


def _new_unit(values: dict[str, str]) -> NewUnit:
    """Raises ListError."""
    level, kind = _LEVELS.get(values["level"], values["level"]), _KINDS.get(values.get("kind", ""))
    if level not in units.LEVELS:
        raise ListError("层级须为省、市或县")
    if kind is None:
        raise ListError("类别须为主管部门或其他部门")
    places = tuple(place for place in _SEPARATORS.split(values.get("places", "")) if place)
    return NewUnit(values["code"], values["name"], level, kind, places)


def _check_unit(session: Session, who: Actor, values: dict[str, str], coming: Coming) -> tuple[str, str]:
    new = _new_unit(values)
    since = day_of(values.get("since", ""), "启用日期") or clock.today()
    known, parent = units.by_code(session, new.code), units.by_code(session, values["parent"])
    if parent is None and values["parent"] not in coming:
        raise ListError(f"没有上级单位 {values['parent']}")
    if parent is not None and not parent.active:
        raise ListError(units.closed_words(session, parent))
    moved = known is None or parent is None or known.parent_id != parent.id
    if moved and parent is not None and who.unit_id not in parent.path:
        raise ListError("上级单位不在本单位辖区")
    above = parent if parent is not None else _unmade(coming[values["parent"]])
    if known is None:
        units.check_new(new, above, since)
        return "new", f"新设：{new.name}"
    if not known.active:
        raise ListError(units.closed_words(session, known))
    if (known.level, known.kind) != (new.level, new.kind):
        raise ListError("层级或类别与现有单位不同，名单不能改变")
    said = []
    if known.name != new.name:
        units.check_name(new.name)
        said.append(f"改名：{known.name} → {new.name}")
    if moved:
        units.check_parent(above, known.level, known.kind)
        if known.id in above.path:
            raise ListError("上级单位在本单位之下")
        said.append(f"改隶：→ {above.name}")
    if said and who.unit_id not in known.path:
        raise ListError("只能变更本级辖区内的单位")
    units.check_day(since)
    return ("change", "；".join(said)) if said else ("same", "")


def _unmade(values: dict[str, str]) -> Unit:
    """A unit of the list that is not there yet, as a superior of others; never added to the session."""
    new = _new_unit(values)
    return Unit(code=new.code, name=new.name, level=new.level, kind=new.kind, active=True, path=[])


def _check_person(session: Session, who: Actor, values: dict[str, str], _coming: Coming) -> tuple[str, str]:
    if not _LOGIN.fullmatch(values["login"]):
        raise ListError("登录名为 2 至 40 个小写字母、数字或 . _ -")
    if not values["name"] or len(values["name"]) > LONGEST_NAME:
        raise ListError(f"姓名须填写，不超过 {LONGEST_NAME} 字")
    unit = units.by_code(session, values["unit"])
    if unit is None or not unit.active:
        raise ListError(f"没有单位 {values['unit']}" if unit is None else units.closed_words(session, unit))
    if who.unit_id not in unit.path:
        raise ListError("单位不在本单位辖区")
    wanted = roles_of(values["roles"])
    said = []
    if values.get("certificate"):
        valid = _validity(values)
        if len(values["certificate"]) > certificates.LONGEST:
            raise ListError(f"证号不超过 {certificates.LONGEST} 字")
        row = certificates.standing(session, values["certificate"])
        if row is not None and (row.name, row.valid_from, row.valid_until) != (values["name"], *valid):
            raise ListError(f"证号 {values['certificate']} 已在台账中，内容不同")
        said += [] if row is not None else [f"登记执法证 {values['certificate']}"]
    person = session.scalars(select(User).where(User.login == values["login"])).first()
    have = _roles(session, person)
    problem = staff.conflict({*(role.value for role in wanted), *(role for _, role in have)})
    if problem:
        raise ListError(problem)
    more = [role for role in wanted if (unit.id, role.value) not in have]
    asks = [f"申请岗位：{'、'.join(ROLE_LABELS[role] for role in more)}"] if more else []
    if person is None:
        return "new", "；".join([f"新增：{values['name']}", *asks, *said])
    if person.name != values["name"]:
        raise ListError("登录名已属于另一人")
    if any(unit_id != unit.id for unit_id, _ in have):
        raise ListError("一人只在一个单位任职：请先撤销在其他单位的岗位")
    if more and person.id == who.user_id:
        raise ListError("不能为自己申请岗位")
    if more and not person.active:
        raise ListError("账户已停用")
    return ("change", "；".join([*asks, *said])) if more or said else ("same", "")


def _roles(session: Session, person: User | None) -> set[tuple[int, str]]:
    """(unit, role) that the person has, and those asked for and not decided yet."""
    if person is None:
        return set()
    held = select(Grant.unit_id, Grant.role).where(Grant.user_id == person.id)
    asked = select(GrantChange.unit_id, GrantChange.role).where(
        GrantChange.user_id == person.id, GrantChange.state == "open"
    )
    return {(row.unit_id, row.role) for row in (*session.execute(held), *session.execute(asked))}


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
    except (TypeError, ValueError, OverflowError):
        raise ListError(f"{what}不是日期") from None


def _validity(values: dict[str, str]) -> tuple[date, date]:
    valid = day_of(values.get("valid_from", ""), "有效期起"), day_of(values.get("valid_until", ""), "有效期止")
    if valid[0] is None or valid[1] is None or valid[0] > valid[1]:
        raise ListError("执法证须有有效期起止，起不晚于止")
    return valid[0], valid[1]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done. `passwords`: login → first password, shown once, to be changed at the first sign-in.

    `moved`: ids of the units whose clues must follow (hub.casework.reseat).
    """

    changed: int
    passwords: dict[str, str] = field(default_factory=dict)
    moved: list[int] = field(default_factory=list)


def take_over(session: Session, who: Actor, plan: Plan, today: date) -> Taken:
    """Does what the plan says, whole or not at all. Raises ListError where a line has an error."""
    check(session, who, plan)
    if plan.errors:
        raise ListError(f"有 {len(plan.errors)} 行不能接收，请改正后重新上传")
    taken = Taken(plan.count("new") + plan.count("change"))
    for line in _parents_first(plan):
        if line.status == "same":
            continue
        try:
            if plan.kind == "units":
                _take_unit(session, who, line.values, today, taken)
            else:
                _take_person(session, who, line.values, taken)
        except (RefusedError, certificates.CertificateError, grants.GrantError) as error:
            raise ListError(f"第 {line.number} 行：{error}") from None
    content = dump(plan).encode()
    session.add(
        DirectoryImport(
            kind=plan.kind, sha256=hashlib.sha256(content).hexdigest(), rows=len(plan.lines), changed=taken.changed,
            by_user=who.user_id,
        )
    )  # fmt: skip
    return taken


def _parents_first(plan: Plan) -> list[Line]:
    if plan.kind != "units":
        return plan.lines

    def rank(line: Line) -> tuple[int, bool]:
        new = _new_unit(line.values)
        return units.LEVELS.index(new.level), new.kind == "department"  # a department may stand under its own level

    return sorted(plan.lines, key=rank)


def _take_unit(session: Session, who: Actor, values: dict[str, str], today: date, taken: Taken) -> None:
    since = day_of(values.get("since", ""), "启用日期") or today
    known = units.by_code(session, values["code"])
    if known is None:
        reorganising.set_up_unit(session, who, _new_unit(values), values["parent"], since)
        return
    if known.name != values["name"]:
        reorganising.rename_unit(session, who, known.code, values["name"], since)
    parent = session.get(Unit, known.parent_id) if known.parent_id else None
    if parent is None or parent.code != values["parent"]:
        reorganising.move_unit(session, who, known.code, values["parent"], since)
        taken.moved.append(known.id)


def _take_person(session: Session, who: Actor, values: dict[str, str], taken: Taken) -> None:
    unit = units.by_code(session, values["unit"])
    assert unit is not None  # checked
    wanted, login = roles_of(values["roles"]), values["login"]
    person = session.scalars(select(User).where(User.login == login)).first()
    if person is None:
        first = grants.add_person(session, who, login, values["name"], unit.code, [role.value for role in wanted])
        taken.passwords[login] = first
        person = session.scalars(select(User).where(User.login == login)).one()
    else:
        have = _roles(session, person)
        for role in wanted:
            if (unit.id, role.value) not in have:
                grants.propose(session, who, person.id, unit.code, role.value, REASON)
    number = values.get("certificate", "")
    if number and certificates.standing(session, number) is None:
        certificates.register(session, who, unit, values["name"], number, _validity(values), person.id)
    session.flush()


def imports(session: Session, who: Actor) -> list[tuple[DirectoryImport, str]]:
    """The lists that people of the unit or of those below took over, with who it was; the newest first."""
    below = select(Grant.user_id).join(Unit, Unit.id == Grant.unit_id).where(Unit.path.contains([who.unit_id]))
    rows = select(DirectoryImport, User.name).join(User, User.id == DirectoryImport.by_user)
    found = session.execute(rows.where(User.id.in_(below)).order_by(DirectoryImport.id.desc()).limit(100)).all()
    return [(row, name) for row, name in found]


def running_out(session: Session, unit_id: int, by: date) -> list[Certificate]:
    """Certificates of a unit that end by a day."""
    rows = select(Certificate).where(
        Certificate.unit_id == unit_id, Certificate.withdrawn_on.is_(None), Certificate.valid_until <= by
    )
    return list(session.scalars(rows.order_by(Certificate.valid_until)))
