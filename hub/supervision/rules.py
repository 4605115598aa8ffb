"""The rules that an area or a unit sets itself, for reading: what holds today, since when, by whom, on what ground."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from channels.registry import channels
from hub.access.people import Actor
from hub.casework import CHOICES, chains, competence, switches
from hub.jurisdiction.divisions import table
from hub.jurisdiction.units import MINISTRY
from hub.law import workflow
from hub.law.competence import Entry, shipped
from hub.models import Absence, ApprovalChain, ApprovalStep, Competence, Grant, LocalSwitch, Unit, User
from hub.terms import ROLE_LABELS, Role

HISTORY = 200
OPTIONS: Mapping[str, Mapping[str, tuple[Any, str]]] = {
    "after_designation": {"restart": ("restart", "重新起算"), "continue": ("continue", "连续计算")},
    "escalation": {"per_hop": ("per_hop", "逐级各计"), "total": ("total", "合并计算")},
    **{name: {"yes": (True, "是"), "no": (False, "否")} for name, one in CHOICES.items() if one.fits(True)},
}
"""Switches with few values: what a form sends → the value, in words. The others are days or a time of day."""


def names(session: Session, ids: Iterable[int | None]) -> dict[int | None, str]:
    """Names of staff by id."""
    wanted = {number for number in ids if number is not None}
    return {row.id: row.name for row in session.execute(select(User.id, User.name).where(User.id.in_(wanted)))}


# ---- local switches


def days_of(name: str) -> bool:
    """Whether the switch is a number of working days."""
    return CHOICES[name].fits(1)


def years_of(name: str) -> int:
    """The fewest years a switch of the time of keeping takes; 0 for every other switch."""
    return switches.KEPT[name].years if name in switches.KEPT else 0


def value_of(name: str, text: str) -> Any:
    """What a form sent as the value of a switch; what it does not know stays text, which the rule refuses."""
    options = OPTIONS.get(name)
    if options is not None:
        return options[text][0] if text in options else text
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text


def words_of(name: str, value: Any) -> str:
    """A value of a switch in words."""
    known: dict[Any, str] = dict(OPTIONS.get(name, {}).values())
    if name in OPTIONS:
        return known.get(value, str(value))
    if years_of(name):
        return f"{value} 年"
    return f"{value} 个工作日" if days_of(name) else f"{value}"


@dataclass(frozen=True, slots=True)
class Line:
    """A dated row of a switch. state: now, future, waiting, past (another took its place), lapsed (unconfirmed)."""

    id: int
    name: str
    label: str
    value: str
    channel: str
    unit: str
    since: date
    reason: str
    by: str
    second: str
    state: str
    may_confirm: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """What holds for a unit: the shipped value unless a row says otherwise; and for single channels."""

    name: str
    label: str
    value: str
    shipped: str
    row: Line | None
    channels: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Switches:
    today: tuple[Switch, ...]
    waiting: tuple[Line, ...]
    future: tuple[Line, ...]
    history: tuple[Line, ...]


def switches_of(session: Session, who: Actor, unit: Unit, day: date) -> Switches:
    """The switches of a unit on a day, with every row of its area above and below."""
    query = select(LocalSwitch, Unit).join(Unit, Unit.id == LocalSwitch.unit_id)
    query = query.where(or_(Unit.id.in_(unit.path), Unit.path.contains([unit.id])))
    rows = session.execute(query.order_by(LocalSwitch.since.desc(), LocalSwitch.id.desc()).limit(HISTORY)).all()
    ruling = {code: switches.ruling(session, unit.id, code, day) for code in ("", *channels())}
    known = names(session, (number for row, _ in rows for number in (row.by_user, row.confirmed_by)))
    used = {row.id for ruled in ruling.values() for row in ruled.values()}
    lines = {row.id: _line(row, place, who, known, day, row.id in used) for row, place in rows}
    today = tuple(
        Switch(
            name, choice.label, words_of(name, _now(ruling[""], name)), words_of(name, switches.shipped()[name]),
            lines[ruling[""][name].id] if name in ruling[""] else None,
            tuple(lines[ruled[name].id] for code, ruled in ruling.items()
                  if code and name in ruled and ruled[name].channel == code),
        )
        for name, choice in CHOICES.items()
    )  # fmt: skip
    by_state: dict[str, list[Line]] = {}
    for line in lines.values():
        by_state.setdefault(line.state, []).append(line)
    return Switches(
        today, tuple(by_state.get("waiting", ())), tuple(by_state.get("future", ())),
        tuple(line for line in lines.values() if line.state in ("now", "past", "lapsed")),
    )  # fmt: skip


def _now(ruled: Mapping[str, LocalSwitch], name: str) -> Any:
    return ruled[name].value["value"] if name in ruled else switches.shipped()[name]


def _line(
    row: LocalSwitch, unit: Unit, who: Actor, known: Mapping[int | None, str], day: date, used: bool  # noqa: FBT001
) -> Line:  # fmt: skip
    waiting = row.confirmed_at is None
    state = ("waiting" if row.since >= day else "lapsed") if waiting else "future" if row.since > day else "past"
    found = channels().get(row.channel)
    return Line(
        row.id, row.name, CHOICES[row.name].label, words_of(row.name, row.value["value"]),
        found.label if found is not None else row.channel, unit.name, row.since, row.reason, known.get(row.by_user, ""),
        known.get(row.confirmed_by, ""), "now" if used else state,
        state == "waiting" and row.by_user != who.user_id and who.unit_id in unit.path,
    )  # fmt: skip


# ---- approval


@dataclass(frozen=True, slots=True)
class Chain:
    """A dated chain of a unit for an act, in words; no steps: the act needs no approval from that day on."""

    act: str
    label: str
    article: str
    steps: tuple[str, ...]
    since: date
    by: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """`free`: the acts (id, label, article) that need no approval today."""

    today: tuple[Chain, ...]
    future: tuple[Chain, ...]
    past: tuple[Chain, ...]
    free: tuple[tuple[str, str, str], ...]


def acts() -> dict[str, tuple[str, str]]:
    """The acts that may need an approval: id → label, article ("" where only an internal rule is concerned)."""
    return {
        row.id: (row.label, "" if row.article == workflow.INTERNAL else row.article)
        for row in workflow.rules().values()
        if chains.approvable(row.id)
    }


def approvals_of(session: Session, unit_id: int, day: date) -> Approvals:
    """The chains of a unit: in force on a day, later ones, and those that others replaced."""
    rows = chains.chains(session, unit_id)
    people = names(session, (number for row, steps in rows for number in (row.by_user, *(s.user_id for s in steps))))
    known = acts()
    latest: dict[str, tuple[ApprovalChain, list[ApprovalStep]]] = {}
    for row, steps in rows:  # the newest first
        if row.since <= day:
            latest.setdefault(row.act, (row, steps))
    now = {act: latest[act][0] if act in latest and latest[act][1] else None for act in known}
    used = {row.id for row in now.values() if row is not None}
    told = [(row, _chain(row, steps, known, people)) for row, steps in rows if row.act in known]
    return Approvals(
        tuple(chain for row, chain in told if row.id in used),
        tuple(chain for row, chain in told if row.since > day),
        tuple(chain for row, chain in told if row.since <= day and row.id not in used),
        tuple((act, *known[act]) for act, row in now.items() if row is None),
    )


def _chain(
    row: ApprovalChain, steps: list[ApprovalStep], known: Mapping[str, tuple[str, str]],
    people: Mapping[int | None, str],
) -> Chain:  # fmt: skip
    words = tuple(
        f"{step.label}（{ROLE_LABELS[Role(step.role)]}{'：' + people[step.user_id] if step.user_id else ''}）"
        for step in steps
    )
    return Chain(row.act, *known[row.act], words, row.since, people.get(row.by_user, ""))


def colleagues(session: Session, unit_id: int) -> list[tuple[int, str, list[str]]]:
    """(id, name, roles) of who takes part in approvals of the unit."""
    query = select(User.id, User.name, Grant.role).join(Grant, Grant.user_id == User.id)
    query = query.where(Grant.unit_id == unit_id, User.active, Grant.role.in_(chains.STEP_ROLES))
    found: dict[int, tuple[int, str, list[str]]] = {}
    for number, name, role in session.execute(query.order_by(User.name, User.id, Grant.role)):
        found.setdefault(number, (number, name, []))[2].append(ROLE_LABELS[Role(role)])
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Away:
    """An absence. state: now, future, past."""

    id: int
    name: str
    deputy: str
    since: date
    until: date
    state: str
    may_end: bool


def absences_of(session: Session, who: Actor, day: date) -> list[Away]:
    """The absences of the person's unit, the latest first."""
    query = select(Absence).where(Absence.unit_id == who.unit_id).order_by(Absence.since.desc(), Absence.id.desc())
    rows = session.scalars(query.limit(HISTORY)).all()
    known = names(session, (number for row in rows for number in (row.user_id, row.deputy_id)))
    return [
        Away(row.id, known[row.user_id], known[row.deputy_id], row.since, row.until, state,
             state != "past" and (row.user_id == who.user_id or Role.LEAD in who.roles))
        for row in rows
        for state in ["past" if row.ended_at or row.until < day else "future" if row.since > day else "now"]
    ]  # fmt: skip


# ---- responsible departments


@dataclass(frozen=True, slots=True)
class Department:
    """A row of the competence map with who entered it ("" : shipped). state: now, future, past."""

    entry: Entry
    by: str
    state: str
    area: str
    may_end: bool


def departments_of(session: Session, who: Actor, day: date) -> list[Department]:
    """The rows that concern the person's area: those above it, its own, those within; the ones in force first."""
    own = who.unit_code[:6]
    rows = (*competence.entries(session), *shipped())
    users = {row.id: row.by_user for row in session.execute(select(Competence.id, Competence.by_user))}
    known = names(session, users.values())
    found = [
        Department(
            row, known.get(users.get(row.id), ""), "future" if row.since > day else "now" if row.on(day) else "past",
            table().path(row.division) if row.division else "全国",
            bool(row.id) and row.until is None and (own == MINISTRY or _inside(row.division, own)),
        )
        for row in rows
        if not row.division or own == MINISTRY or _inside(row.division, own) or _inside(own, row.division)
    ]  # fmt: skip
    order = {"now": 0, "future": 1, "past": 2}
    return sorted(found, key=lambda one: (order[one.state], one.entry.stage, one.entry.matter, one.entry.department))


def _inside(division: str, area: str) -> bool:
    return bool(division) and table().within(division[:6], area)
