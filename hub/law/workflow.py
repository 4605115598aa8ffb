"""The rule table: every act on a clue with its states, article, people, data, clocks and notice (PRODUCT §5).

Data in data/workflow.toml; this module reads it, refuses a table that contradicts itself, and answers three questions:
which acts are open to someone, whether one act is lawful, and what the table looks like as a diagram.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from hub.law.guards import GUARDS, Data
from hub.terms import STATE_LABELS, IntakeState, Role, State

VERSION = "2017-1"
"""Stored with each clue: the version of the shipped table under which it was registered."""
INTERNAL = "内部规则"
NOTICES = frozenset({"", "receipt", "accepted", "out_of_scope", "duplicate", "supplement", "result", "correction"})
"""Kinds of hub.law.notices; "result" is one of the two, no_violation or violation."""
CLOCKS = {
    "determination": "判定告知",
    "escalation": "提请管辖",
    "after_designation": "指定后告知",
    "result": "结果告知",
    "hand_down": "交办",
    "wall": "回避核定",
    "major_report": "重大线索上报",
    "letter": "核查函回复",
    "order": "督办回复",
    "referral": "领导批办回复",
    "transfer": "转交回执",
    "publish": "处罚决定公开",
}
BASES = frozenset({"at", "received", "issued", "ended", "joined", "act", "effective"})
"""at: of the report; received: the holder got it; act: of the act itself; else a datum of the act."""
BY = frozenset({"owner", "designator", "above", "anyone", "assisting", "team"})
_CLOCK = re.compile(
    r"(?P<sign>[-~?^]?)(?P<kind>[a-z_]+)"
    r"(?: \+(?P<days>\d{1,3})(?P<calendar>cd)? (?P<base>[a-z]+)| until (?P<until>[a-z]+))?"
)
_EFFECTS = {"": "start", "-": "stop", "~": "supersede", "?": "judge", "^": "resume"}


class RuleTableError(ValueError):
    """The rule table contradicts itself or names something unknown."""


@dataclass(frozen=True, slots=True)
class ClockEffect:
    """What an act does to a clock. effect: start, stop, supersede, judge, resume (what the act before superseded).

    `days` are working days after `base`, with `calendar` days of the calendar; with `until` the datum of that name is
    the last day itself.
    """

    effect: str
    kind: str
    days: int = 0
    base: str = ""
    until: str = ""
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """A datum an act cannot do without; `one_of` limits its values ("" in `one_of`: anything that is not empty)."""

    name: str
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    id: str
    label: str
    object: str
    sources: frozenset[str]
    target: str | None
    article: str
    roles: frozenset[Role]
    machine: bool
    needs: tuple[Need, ...]
    guards: tuple[str, ...]
    clocks: tuple[ClockEffect, ...]
    notice: str
    may: frozenset[str] = frozenset()
    by: str = "owner"
    restores: frozenset[str] = frozenset()

    @property
    def takes(self) -> frozenset[str]:
        """The names of all data a person may give with the act."""
        return self.may | {need.name for need in self.needs}

    @property
    def targets(self) -> frozenset[str]:
        """The states the act may lead to; empty where the state stays."""
        return self.restores or frozenset({self.target} if self.target else ())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is not allowed. kind: state, role, missing, value, guard. `reason` is Chinese, for the screen."""

    rule: str
    kind: str
    reason: str
    article: str
    name: str = ""


def _clock(text: str) -> ClockEffect:
    found = _CLOCK.fullmatch(text)
    if found is None or found["kind"] not in CLOCKS:
        raise RuleTableError(f"no such clock: {text}")
    effect = _EFFECTS[found["sign"]]
    ends = found["days"] is not None or (found["until"] is not None and effect == "start")
    if ends != (effect in ("start", "judge")) or (found["until"] is not None and effect != "start"):
        raise RuleTableError(f"a clock that starts or judges needs days and base, no other may have them: {text}")
    if found["base"] is not None and found["base"] not in BASES:
        raise RuleTableError(f"no such base: {text}")
    base = "act" if found["until"] else found["base"] or ""
    calendar = found["calendar"] is not None
    if calendar and effect != "start":
        raise RuleTableError(f"only a clock that starts counts days of the calendar: {text}")
    return ClockEffect(effect, found["kind"], int(found["days"] or 0), base, found["until"] or "", calendar)


def _need(text: str) -> Need:
    name, _, values = text.partition("=")
    return Need(name, tuple(values.split("|")) if values else ())


def read_rule(row: Mapping[str, Any]) -> Rule:
    """One row of the data file. Raises RuleTableError."""
    known: frozenset[str] = frozenset(State) if row["object"] == "clue" else frozenset(IntakeState)
    rule = Rule(
        id=row["id"],
        label=row["label"],
        object=row["object"],
        sources=frozenset(row["sources"]),
        target=row.get("target"),
        article=row["article"],
        roles=frozenset(Role(role) for role in row["roles"]),
        machine=row.get("machine", False),
        needs=tuple(_need(text) for text in row.get("needs", ())),
        guards=tuple(row.get("guards", ())),
        clocks=tuple(_clock(text) for text in row.get("clocks", ())),
        notice=row.get("notice", ""),
        may=frozenset(row.get("may", ())),
        by=row.get("by", "owner"),
        restores=frozenset(row.get("restores", ())),
    )
    if not rule.sources or not rule.sources <= known or not rule.targets <= known:
        raise RuleTableError(f"{rule.id}: unknown state")
    if not (rule.roles or rule.machine) or not rule.article or rule.by not in BY:
        raise RuleTableError(f"{rule.id}: needs roles and an article")
    if not set(rule.guards) <= set(GUARDS):
        raise RuleTableError(f"{rule.id}: unknown guard")
    if rule.notice not in NOTICES:
        raise RuleTableError(f"{rule.id}: unknown notice")
    if State.CLOSED in rule.sources and State.CLOSED in rule.targets:
        raise RuleTableError(f"{rule.id}: a closed clue is not closed again")
    if rule.restores and rule.target:
        raise RuleTableError(f"{rule.id}: either one target or states it restores")
    return rule


def read_table(text: str) -> dict[str, Rule]:
    """The table of a data file, by id. Raises RuleTableError where it contradicts itself."""
    told = tomllib.loads(text)
    rows = [read_rule(row) for row in told["act"]]
    table = {rule.id: rule for rule in rows}
    if len(table) != len(rows):
        raise RuleTableError("an id stands twice")
    if told["version"] != VERSION:
        raise RuleTableError("data and code are of different versions")
    if any(rule.target == State.CLOSED and rule.article == INTERNAL for rule in rows):
        raise RuleTableError("closing needs an article of the measures")
    return table


@cache
def rules() -> Mapping[str, Rule]:
    """The shipped table by id, in the order of the file. Reads a data file of the package, once."""
    return read_table((files("hub.law") / "data" / "workflow.toml").read_text(encoding="utf-8"))


@cache
def switches() -> Mapping[str, Any]:
    """What no source settles: the shipped choices."""
    found = tomllib.loads((files("hub.law") / "data" / "workflow.toml").read_text(encoding="utf-8"))["switches"]
    return dict(found)


def rule(rule_id: str) -> Rule:
    """One row. Raises KeyError."""
    return rules()[rule_id]


def open_acts(state: str, role: Role) -> list[Rule]:
    """The acts on a clue in `state` that `role` may propose: the buttons of the screen."""
    return [row for row in rules().values() if row.object == "clue" and state in row.sources and role in row.roles]


def refusal(rule_id: str, state: str, role: Role | None, data: Data) -> Refusal | None:
    """Why the act is not allowed, or None where it is. `role` None: the machine acts. Raises KeyError: no such act."""
    row = rule(rule_id)
    if state not in row.sources:
        now = STATE_LABELS.get(State(state), state) if state in frozenset(State) else state
        return Refusal(row.id, "state", f"“{now}”状态下不能{row.label}", row.article)
    if not (row.machine if role is None else role in row.roles):
        return Refusal(row.id, "role", f"无权{row.label}", row.article)
    for need in row.needs:
        value = data.get(need.name)
        if value in (None, "", [], (), {}):
            return Refusal(row.id, "missing", f"{row.label}缺少必需的内容", row.article, need.name)
        if need.one_of and value not in need.one_of:
            return Refusal(row.id, "value", f"{row.label}的内容不在规定范围内", row.article, need.name)
    for guard in row.guards:
        reason = GUARDS[guard](data)
        if reason is not None:
            return Refusal(row.id, "guard", reason, row.article, guard)
    return None


def docs() -> str:
    """The states of a clue and the acts between them as a mermaid diagram; acts that stay in a state are left out."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {state.value} : {label}" for state, label in STATE_LABELS.items() if _used(state)]
    lines.append(f"    [*] --> {State.RECEIVED.value}")
    for row in rules().values():
        if row.object == "clue":
            article = "" if row.article == INTERNAL else f" {row.article}"
            order = [(state, to) for state in State for to in State if state in row.sources and to in row.targets]
            lines += [f"    {state.value} --> {to.value} : {row.label}{article}" for state, to in order]
    lines.append(f"    {State.CLOSED.value} --> [*]")
    return "\n".join(lines) + "\n"


def _used(state: State) -> bool:
    return any(
        row.object == "clue" and row.targets and (state in row.sources or state in row.targets)
        for row in rules().values()
    )


if __name__ == "__main__":
    sys.stdout.write(docs())
