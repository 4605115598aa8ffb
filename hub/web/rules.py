"""The rules that an area or a unit sets itself: local switches, approval, absences, departments, scope lists.

Each page shows what holds today, since when, by whom and on what ground, then what is to come and what was (D9, D11,
E7, E11, B11; PRODUCT §5-§6).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from channels.registry import channels
from hub import casework, clock, db
from hub.access import people
from hub.casework import chains, switches
from hub.casework.competence import NewEntry
from hub.jurisdiction import scopes, units
from hub.law import scope as law
from hub.law.competence import STAGES
from hub.models import Unit
from hub.supervision import rules
from hub.supervision.importing import ListError, day_of
from hub.terms import CLASS_LABELS, ROLE_LABELS, Role
from hub.web.directory import typed
from hub.web.security import me, signed_in

bp = Blueprint("rules", __name__)

READERS = tuple(people.RUNNING_ROLES)
CHAIN_KEEPERS = tuple(chains.KEEPERS)
STEPPERS = tuple(chains.STEP_ROLES)
MATTERS = {code: name for code, name in CLASS_LABELS.items() if code[0] != "N"}
TABS = (
    ("rules.page", "本地规则", people.RUNNING_ROLES),
    ("rules.approvals", "审批流程", people.RUNNING_ROLES),
    ("rules.absences", "离岗代理", chains.STEP_ROLES),
    ("rules.departments", "责任部门", people.RUNNING_ROLES),
    ("rules.scope", "受理范围", people.RUNNING_ROLES),
)
Given = dict[str, str]
Shown = Callable[[str, Given], str]


def _render(template: str, here: str, problem: str, given: Given, **more: object) -> str:
    tabs = [(endpoint, label) for endpoint, label, roles in TABS if me().has(roles)]
    return render_template(
        f"rules_{template}.html", tabs=tabs, here=here, problem=problem, given=given, today=clock.today(), **more
    )


def _do(work: Callable[[Session, Given], object], back: str, again: Shown) -> Response | tuple[str, int]:
    """One change in a transaction, then the page anew; or the page with what was typed and the rule that refuses."""
    given = typed(500)
    try:
        with db.transaction() as session:
            work(session, given)
    except (casework.RefusedError, ListError) as error:
        return again(str(error), given), 422
    return redirect(back, code=303)


def _number(number: int) -> int:
    """An id of the address; 404 where the database can have none such."""
    return number if number < 2**63 else abort(404)


def _id(text: str) -> int:
    """An id of a form; 0, which nobody has, where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _day(given: Given, name: str, what: str) -> date:
    day = day_of(given.get(name, ""), what)
    if day is None:
        raise ListError(f"请填写{what}")
    return day


# ---- local switches


@bp.get("/rules")
@signed_in(*READERS)
def page() -> str:
    return _switches()


def _switches(problem: str = "", given: Given | None = None) -> str:
    """The rules of the own unit, or of one below it (`unit`)."""
    given = given or {}
    code = given.get("unit") or request.args.get("unit", "").replace("\0", "")[:20] or me().unit_code
    with db.reading() as session:
        unit = units.by_code(session, code)
        if unit is None or me().unit_id not in unit.path:
            abort(404)
        return _render(
            "page", "rules.page", problem, given, unit=unit,
            found=rules.switches_of(session, me(), unit, clock.today()), options=rules.OPTIONS,
            choices=switches.CHOICES, days_of=rules.days_of, years_of=rules.years_of,
            channels={one.code: one.label for one in channels().values()}, own=unit.id == me().unit_id,
        )  # fmt: skip


@bp.post("/rules")
@signed_in(*READERS)
def put_forward() -> Response | tuple[str, int]:
    """The first person puts a switch forward."""
    code = request.form.get("unit", "").replace("\0", "")[:20]
    return _do(_put_forward, url_for("rules.page", unit=code), _switches)


def _put_forward(session: Session, given: Given) -> None:
    name, channel = given.get("name", ""), given.get("channel", "")
    if channel and channel not in channels():
        raise ListError("没有这个渠道")
    value, since = rules.value_of(name, given.get("value", "")), _day(given, "since", "生效日期")
    casework.propose_switch(
        session, me(), given.get("unit", ""), name, value, since, reason=given.get("reason", ""), channel=channel
    )


@bp.post("/rules/switches/<int:number>/confirm")
@signed_in(*READERS)
def confirm(number: int) -> Response | tuple[str, int]:
    """The second person confirms: it holds from its day on."""
    wanted = _number(number)
    return _do(lambda session, _: casework.confirm_switch(session, me(), wanted), url_for("rules.page"), _switches)


# ---- approval and absences


@bp.get("/rules/approvals")
@signed_in(*READERS)
def approvals() -> str:
    return _approvals()


def _approvals(problem: str = "", given: Given | None = None) -> str:
    with db.reading() as session:
        return _render(
            "approvals", "rules.approvals", problem, given or {}, acts=rules.acts(), most=chains.MOST,
            found=rules.approvals_of(session, me().unit_id, clock.today()), may=me().has(chains.KEEPERS),
            roles={str(role): ROLE_LABELS[role] for role in sorted(chains.STEP_ROLES)},
            staff=rules.colleagues(session, me().unit_id),
        )  # fmt: skip


@bp.post("/rules/approvals")
@signed_in(*CHAIN_KEEPERS)
def set_chain() -> Response | tuple[str, int]:
    """From a day on the own unit wants an act approved in up to three steps; none: not any more."""
    return _do(_set_chain, url_for("rules.approvals"), _approvals)


def _set_chain(session: Session, given: Given) -> None:
    steps = []
    for number in range(1, chains.MOST + 1):
        label, role, person = (given.get(f"{name}{number}", "") for name in ("label", "role", "person"))
        if role or label:
            steps.append(casework.Step(label, role, _id(person) if person else None))
    casework.set_chain(session, me(), given.get("act", ""), steps, _day(given, "since", "生效日期"))


@bp.get("/rules/absences")
@signed_in(*STEPPERS)
def absences() -> str:
    return _absences()


def _absences(problem: str = "", given: Given | None = None) -> str:
    with db.reading() as session:
        return _render(
            "absences", "rules.absences", problem, given or {}, rows=rules.absences_of(session, me(), clock.today()),
            staff=rules.colleagues(session, me().unit_id), lead=Role.LEAD in me().roles,
        )  # fmt: skip


@bp.post("/rules/absences")
@signed_in(*STEPPERS)
def set_absence() -> Response | tuple[str, int]:
    """Somebody is away and another one fills their steps: one's own absence, or by the lead."""
    return _do(_set_absence, url_for("rules.absences"), _absences)


def _set_absence(session: Session, given: Given) -> None:
    since, until = _day(given, "since", "离岗之日"), _day(given, "until", "返岗前一日")
    person = _id(given["person"]) if given.get("person") else me().user_id
    casework.set_absence(session, me(), person, _id(given.get("deputy", "")), since, until)


@bp.post("/rules/absences/<int:number>/end")
@signed_in(*STEPPERS)
def end_absence(number: int) -> Response | tuple[str, int]:
    """Back earlier."""
    wanted = _number(number)
    return _do(lambda session, _: casework.end_absence(session, me(), wanted), url_for("rules.absences"), _absences)


# ---- responsible departments


@bp.get("/rules/departments")
@signed_in(*READERS)
def departments() -> str:
    return _departments()


def _departments(problem: str = "", given: Given | None = None) -> str:
    with db.reading() as session:
        return _render(
            "departments", "rules.departments", problem, given or {}, stages=STAGES, matters=MATTERS,
            rows=rules.departments_of(session, me(), clock.today()), may=Role.SYSADMIN in me().roles,
            within=session.scalars(
                select(Unit).where(Unit.path.contains([me().unit_id]), Unit.kind == "department", Unit.active)
            ).all(),
        )  # fmt: skip


@bp.post("/rules/departments")
@signed_in(Role.SYSADMIN)
def add_department() -> Response | tuple[str, int]:
    """A dated row of the competence map, for an area of one's own."""
    return _do(_add_department, url_for("rules.departments"), _departments)


def _add_department(session: Session, given: Given) -> None:
    new = NewEntry(
        given.get("department", ""), given.get("stage", ""), given.get("source", ""), _day(given, "since", "生效日期"),
        given.get("division", ""), given.get("matter", ""), given.get("contact", ""), given.get("unit_code", ""),
    )  # fmt: skip
    casework.add_entry(session, me(), new)


@bp.post("/rules/departments/<int:number>/end")
@signed_in(Role.SYSADMIN)
def end_department(number: int) -> Response | tuple[str, int]:
    """Ends a row from a day on."""
    wanted = _number(number)
    return _do(
        lambda session, given: casework.end_entry(session, me(), wanted, _day(given, "until", "终止日期")),
        url_for("rules.departments"), _departments,
    )  # fmt: skip


# ---- scope lists


@bp.get("/rules/scope")
@signed_in(*READERS)
def scope() -> str:
    return _scope()


def _scope(problem: str = "", given: Given | None = None) -> str:
    today = clock.today()
    with db.reading() as session:
        unit = session.get_one(Unit, me().unit_id)
        city = scopes.city_of(session, unit)
        filed = scopes.changes(session, unit)
        return _render(
            "scope", "rules.scope", problem, given or {}, unit=unit, city=city, filed=filed,
            lists=scopes.scope_of(session, unit, today), by=rules.names(session, (row.by_user for row in filed)),
            texts=law.scope(today).texts(),
            may=Role.LEAD in me().roles and unit.level == "city" and city is not None and city.id == unit.id,
        )  # fmt: skip


@bp.post("/rules/scope")
@signed_in(Role.LEAD)
def file_scope() -> Response | tuple[str, int]:
    """A filed change of the lists of a city, in force from the day of filing (Art. 8-9)."""
    return _do(_file_scope, url_for("rules.scope"), _scope)


def _file_scope(session: Session, given: Given) -> None:
    words = given.get("words", "").replace("，", " ").replace("、", " ").split()
    casework.file_scope_change(
        session, me(), class_code=given.get("class_code", ""), filing_no=given.get("filing_no", ""),
        filed_on=_day(given, "filed_on", "备案日期"), add_text=given.get("add_text", ""),
        remove=given.get("remove", ""), law=given.get("law", ""), words=words,
    )  # fmt: skip


@bp.post("/rules/scope/<int:number>/end")
@signed_in(Role.LEAD)
def end_scope(number: int) -> Response | tuple[str, int]:
    """A filed change no longer holds from a day on, by a filing of its own."""
    wanted = _number(number)
    return _do(lambda session, given: _end_scope(session, wanted, given), url_for("rules.scope"), _scope)


def _end_scope(session: Session, number: int, given: Given) -> None:
    if not given.get("filing_no"):
        raise ListError("请填写备案号")
    casework.end_scope_change(session, me(), number, _day(given, "valid_to", "失效日期"), given["filing_no"])
