"""`apply`: an act on a clue, as its row of the rule table says: change → event → clocks → notices, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, walls
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import chains, clocks, facts, telling
from hub.casework.changes import announce, check_version, lock, offer, touch
from hub.casework.counters import place
from hub.casework.doing import Doing, day_of
from hub.casework.errors import RefusedError
from hub.law import workflow
from hub.law.deadlines import base_day
from hub.law.workflow import ClockEffect, Rule
from hub.models import Clue, ClueUnit, Opinion, Unit
from hub.terms import Role, State

SOON = timedelta(minutes=5)  # an act entered this long after it happened is entered as it happens
DAYS = ("issued", "ended", "started", "visited", "told_at", "joined", "due", "effective")
CODES = frozenset(
    {"place", "unit", "units", "handler", "main", "earlier_clue", "told_at", "issued", "ended", "started", "visited",
     "joined", "due", "days", "notice", "intake", "same_place", "same_time", "same_respondent", "same_facts", "renewed",
     "new_evidence", "id_verified", "decline", "named_unit", "person", "crs", "area_unit", "land_kind",
     "assisting", "with_identity", "effective"}
)  # fmt: skip
"""Data that may stand plain in the event; names with a closed list of values may too. Words are sealed, the rest is
kept by the act itself."""
WORDS = frozenset(
    {"reason_text", "words", "confirmation", "at_reason", "case_no", "department", "consent", "receipt_no",
     "answer_no", "document_no", "order_no", "addressee", "conduct", "basis", "copies", "published_in"}
)  # fmt: skip
Effect = Callable[[Doing], None]
EFFECTS: dict[str, Effect] = {}


def _into(table: dict[str, Effect], acts: Iterable[str]) -> Callable[[Effect], Effect]:
    def keep(function: Effect) -> Effect:
        table.update(dict.fromkeys(acts, function))
        return function

    return keep


def effect(*acts: str) -> Callable[[Effect], Effect]:
    """Registers what an act changes besides the state."""
    return _into(EFFECTS, acts)


@dataclass(frozen=True)
class Done:
    """What came of an act: the clue as it now is, and a clue it opened."""

    clue: Clue
    made: Clue | None = None


def apply(  # the facts of an act
    session: Session,
    who: Actor | None,
    clue: Clue,
    act: str,
    data: Mapping[str, Any] | None = None,
    version: int | None = None,
    at: datetime | None = None,
    request: Mapping[str, str] | None = None,
) -> Done:
    """Does `act` on the clue for `who` (None: the machine) in the running transaction, or refuses it whole.

    `version`: the one the person saw; `at`: when it happened, where that was earlier (then data["at_reason"] says why).
    `request`: keyed hashes of the request, kept in the event, by which one that comes twice is found.
    Raises RefusedError naming rule and article, StaleError when somebody else was first; kind "approval" where the
    person's unit wants the act approved (hub.casework.approvals).
    """
    doing = begin(session, who, clue, act, data, version, at)
    doing.noted |= dict(request or {})
    return do(doing)


def begin(  # the facts of an act
    session: Session,
    who: Actor | None,
    clue: Clue,
    act: str,
    data: Mapping[str, Any] | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> Doing:
    """An act with its clue and all it touches locked, not done yet."""
    rule = workflow.rules().get(act)
    if rule is None or rule.object != "clue" or act == "register":
        raise RefusedError("没有这种办理动作", kind="state")
    given = dict(data or {})
    others = facts.referenced(session, given)
    locked = lock(session, {clue.id, *others})
    clue = locked[clue.id]
    check_version(clue, version)
    now = clock.now()
    return Doing(session, who, clue, rule, given, at or now, now)


def perform(session: Session, clue: Clue, act: str, data: Mapping[str, Any], at: datetime) -> Done:
    """An act that follows from another one, by the machine; the clue is locked already."""
    return do(Doing(session, None, clue, workflow.rule(act), dict(data), at, clock.now()))


def do(doing: Doing) -> Done:
    """Does a begun act whole, or refuses it; the checks run here."""
    _check_data(doing)
    doing.facts = facts.collect(doing)
    _check(doing)
    _check_time(doing)
    _check_approval(doing)
    session, clue, rule = doing.session, doing.clue, doing.rule
    before = clue.state
    stood = (clue.state, clue.owner_unit_id, clue.division)
    for one in rule.clocks:
        _end_clock(doing, one)
    change = EFFECTS.get(rule.id)
    if change is not None:
        change(doing)
    if rule.targets:
        clue.state = doing.target or rule.target or clue.state
        clue.state_at = doing.at
        if State.CLOSED in (before, clue.state):
            clue.close_reason = rule.id.removeprefix("close.") if clue.state == State.CLOSED else None
    touch(session, clue)
    if stood != (clue.state, clue.owner_unit_id, clue.division):
        place(session, clue)
    for one in rule.clocks:
        if one.effect == "start":
            _start_clock(doing, one)
    _seal_words(doing)
    _record(doing, before)
    if rule.notice:
        telling.ask(doing)
    after = AFTER.get(rule.id)
    if after is not None:
        after(doing)
    follow(session, clue, doing.at)
    announce(session, clue)
    return Done(clue, doing.made)


AFTER: dict[str, Effect] = {}


def afterwards(*acts: str) -> Callable[[Effect], Effect]:
    """Registers what follows from an act once its event is written: acts on other clues of the group."""
    return _into(AFTER, acts)


CLOSING = {
    "P3": "close.out_of_scope", "P4": "close.duplicate", "P5": "close.supplement", "R0": "close.no_violation",
    "R1": "close.violation",
}  # fmt: skip


def follow(session: Session, clue: Clue, at: datetime) -> None:
    """What follows from the notices as they now stand: clocks stop or run again, a told clue is closed, a closed one
    whose notice came back is open again.
    """
    telling.settle(session, clue, at)
    if clue.state == State.CLOSED and telling.pending(session, clue):
        perform(session, clue, "undelivered", {"notice": telling.pending(session, clue)[0].id}, at)
    elif clue.state == State.TO_TELL:
        act = CLOSING.get(clue.result or clue.determination or "")
        act = "close.transferred" if clue.department is not None else act
        doing = Doing(session, None, clue, workflow.rule(act), {}, at, clock.now()) if act else None
        if doing is not None:
            doing.facts = facts.collect(doing)
            if workflow.refusal(doing.rule.id, clue.state, None, doing.facts) is None:
                do(doing)


def _check_data(doing: Doing) -> None:
    """Nothing is taken that the row does not name, and days are days."""
    unknown = doing.data.keys() - doing.rule.takes - {"at_reason"}
    if unknown:
        raise doing.refused(f"{doing.rule.label}没有这一项内容", "value", min(unknown))
    for name in DAYS:
        if doing.data.get(name) not in (None, ""):
            doing.day(name)


def _check(doing: Doing) -> None:
    rule, clue = doing.rule, doing.clue
    role = _role(doing.who, rule)
    found = workflow.refusal(rule.id, clue.state, role, {**doing.data, **doing.facts})
    known = found is not None and found.kind in ("state", "role")
    if doing.who is not None and walls.hidden(
        doing.session, doing.who, clue.id, but_quarantine=rule.id.startswith("quarantine.")
    ):
        raise RefusedError("没有这条线索", kind="wall")  # in every role, as if there were none (PRODUCT §10)
    if doing.who is not None and not doing.session.get_one(Unit, doing.who.unit_id).active:
        raise doing.refused("本单位已撤并，不能再办理线索", "unit")
    if doing.who is not None and not known and not is_own(doing):
        raise doing.refused(f"线索由其他单位办理，本单位不能{rule.label}", "unit")
    if found is not None:
        raise RefusedError(found.reason, rule=found.rule, article=found.article, kind=found.kind, name=found.name)


def _role(who: Actor | None, rule: Rule) -> Role | None:
    """The role in which the person acts: one the row names where they have it."""
    if who is None:
        return None
    roles = sorted((Role(role) for role in who.roles), key=lambda role: (role not in rule.roles, role.value))
    return roles[0] if roles else Role.AUDITOR


def is_own(doing: Doing) -> bool:
    """Whether the act is up to the person's unit, as the row's `by` says."""
    assert doing.who is not None
    if doing.rule.by == "owner":
        return doing.who.unit_id == doing.clue.owner_unit_id
    if doing.rule.by == "designator":
        return bool(doing.who.unit_id == doing.facts.get("designator"))
    if doing.rule.by == "above":
        above = facts.chain_above(doing.session, doing.clue.owner_unit_id)
        return doing.who.unit_id in above
    if doing.rule.by in ("assisting", "team"):
        owner = doing.rule.by == "team" and doing.who.unit_id == doing.clue.owner_unit_id
        return owner or facts.assists_with(doing.session, doing.clue, doing.who.unit_id)
    seen = select(ClueUnit.unit_id).where(ClueUnit.clue_id == doing.clue.id, ClueUnit.unit_id == doing.who.unit_id)
    return doing.session.scalar(seen) is not None


def _check_time(doing: Doing) -> None:
    """Never in the future, never before the step it builds on; an earlier time needs its reason (PRODUCT §4)."""
    if doing.at.tzinfo is None:
        raise doing.refused("时间须带时区", "time", "at")
    if doing.at > doing.now:
        raise doing.refused("发生时间不能晚于现在", "time", "at")
    if doing.who is None:
        return
    if doing.clue.state_at is not None and doing.at < doing.clue.state_at:
        raise doing.refused("发生时间不能早于上一步办理时间", "time", "at")
    if doing.now - doing.at > SOON and not str(doing.data.get("at_reason") or "").strip():
        raise doing.refused("补记较早的时间须写明理由", "time", "at_reason")


def _check_approval(doing: Doing) -> None:
    """Where the unit wants the act approved it is proposed, never done directly."""
    if doing.who is None or doing.approval is not None:
        return
    if chains.in_force(doing.session, doing.who.unit_id, doing.rule.id) is not None:
        raise doing.refused(f"本单位规定{doing.rule.label}须经审批，请提请审批", "approval", doing.rule.id)


def _start_clock(doing: Doing, one: ClockEffect) -> None:
    """Days after the base, or up to the day the act names."""
    last = doing.day(one.until) if one.until else None
    base = _base(doing, one)
    if one.calendar:
        last = base + timedelta(days=one.days)
    started = clocks.start(doing.session, doing.clue, one.kind, base, one.days, rule=doing.rule.id, last=last)
    _note(doing, started)


def _base(doing: Doing, one: ClockEffect) -> Any:
    if one.base == "at":
        return base_day(doing.clue.at)
    if one.base == "act":
        return base_day(doing.at)
    if one.base == "received":
        return base_day(facts.held_since(doing.session, doing.clue))
    return doing.day(one.base)


def _end_clock(doing: Doing, one: ClockEffect) -> None:
    session, clue = doing.session, doing.clue
    if one.effect == "judge":
        base = _base(doing, one)
        _note(doing, clocks.judge(session, clue, one.kind, base, one.days, doing.at, doing.rule.id))
    elif one.effect == "resume":
        assert clue.state_at is not None
        _note(doing, clocks.resume(session, clue, one.kind, clue.state_at))
    elif one.effect == "supersede":
        doing.clocks += clocks.end_all(session, clue, one.kind, doing.at, "superseded")
    elif one.effect == "stop" and not doing.rule.id.startswith("tell."):  # told: by evidence, see telling
        doing.clocks += clocks.end_all(session, clue, one.kind, doing.at, "done")


def _note(doing: Doing, noted: dict[str, Any] | None) -> None:
    if noted is not None:
        doing.clocks.append(noted)


def _seal_words(doing: Doing) -> None:
    key = open_key(doing.session, doing.clue.key_id)
    closed = {need.name for need in doing.rule.needs if need.one_of}
    for name, value in doing.data.items():
        words = name in WORDS or (name in ("reason", "answer") and name not in closed)
        if words and isinstance(value, str) and value.strip():
            row = Opinion(
                clue_id=doing.clue.id, act=doing.rule.id, name=name, by_user=doing.user_id,
                text=key.seal(value[:2000], "clue.opinion"),
            )  # fmt: skip
            offer(doing.session, doing.clue, "opinion", row, value[:2000])


def _record(doing: Doing, before: str) -> None:
    rule = doing.rule
    closed = {need.name for need in rule.needs if need.one_of}
    data: dict[str, Any] = {"rule": rule.id, "article": rule.article, "from": before, "to": doing.clue.state}
    for name in sorted(rule.takes):
        value = doing.value(name)
        if (name in CODES or name in closed) and value not in (None, ""):
            day = day_of(value) if name in DAYS else None
            data[name] = day.isoformat() if day is not None else value
    data |= doing.noted
    if doing.approval:
        data["proposal"] = doing.approval
    if doing.clocks:
        data["clocks"] = doing.clocks
    actor = doing.who.label if doing.who else "system"
    audit.record(doing.session, f"clue:{doing.clue.id}", rule.id, actor=actor, at=doing.at, data=data)
