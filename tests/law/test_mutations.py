"""A wrong rule table turns a case red: every guard, need, state, role and limit of it is held by a case of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from hub.law import workflow
from hub.law.calendar import national
from hub.law.deadlines import due
from hub.law.workflow import Rule
from hub.terms import Role, State
from tests.law.cases import ROWS, facts

CASES = [row for row in ROWS if row["act"] != "due"]
READ = [(row, facts(row)) for row in CASES]


def green(row: dict[str, str], data: dict[str, Any]) -> bool:
    """Whether a case comes out as written, on the table now in force."""
    rule = workflow.rule(row["act"])
    found = workflow.refusal(row["act"], row["state"], None if row["role"] == "machine" else Role(row["role"]), data)
    if row["article"] != rule.article:
        return False
    if row["result"] == "refused":
        return found is not None and f"{found.kind}:{found.name}" == row["why"]
    if found is not None:
        return False
    if row["result"] != ("restored" if rule.restores else rule.target or row["state"]):
        return False
    if row["notice"] is not None and (row["notice"], row["clocks"].split()) != (rule.notice, effects(rule)):
        return False
    if not row["base"]:
        return True
    starts = [clock for clock in rule.clocks if clock.effect in ("start", "judge")]
    return bool(starts) and last_day(starts[0], date.fromisoformat(row["base"])).isoformat() == row["why"]


def last_day(clock: workflow.ClockEffect, base: date) -> date:
    """The last day of a clock that starts on `base`, by working days or by the calendar."""
    return base + timedelta(days=clock.days) if clock.calendar else due(base, clock.days, national()).due


def effects(rule: Rule) -> list[str]:
    """What the row does to clocks, as the last column of the cases says it."""
    return [f"{clock.effect}:{clock.kind}" for clock in rule.clocks]


def added(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """A state or a role too many: where a case is refused for its state or role, the row now takes it."""
    for kind in ("state:", "role:"):
        wrong = next((row for row in CASES if row["act"] == rule.id and row["why"] == kind), None)
        if wrong is None:
            continue
        if kind == "state:":
            yield f"{rule.id}: source {wrong['state']} added", replace(rule, sources=rule.sources | {wrong["state"]})
        elif wrong["role"] == "machine":
            yield f"{rule.id}: machine added", replace(rule, machine=True)
        else:
            yield f"{rule.id}: role {wrong['role']} added", replace(rule, roles=rule.roles | {Role(wrong["role"])})


def mutants() -> Iterator[tuple[str, Rule]]:
    """Small wrong changes of each row."""
    for rule in workflow.rules().values():
        for guard in rule.guards:
            yield f"{rule.id}: without {guard}", replace(rule, guards=tuple(g for g in rule.guards if g != guard))
        for need in rule.needs:
            yield f"{rule.id}: without need {need.name}", replace(rule, needs=tuple(n for n in rule.needs if n != need))
        if rule.target is not None and not rule.restores:
            other = State.TRANSFERRED if rule.target != State.TRANSFERRED else State.CLOSED
            yield f"{rule.id}: other target", replace(rule, target=other)
        yield from added(rule)
        if rule.notice:
            yield f"{rule.id}: without notice", replace(rule, notice="")
        for clock in rule.clocks:
            yield (
                f"{rule.id}: without {clock.effect} {clock.kind}",
                replace(rule, clocks=tuple(one for one in rule.clocks if one is not clock)),
            )
        started = [clock for clock in rule.clocks if clock.effect in ("start", "judge") and not clock.until]
        for delta in (-1, 1) if started else ():
            if started[0].days + delta < 0:
                continue
            wrong = replace(started[0], days=started[0].days + delta)
            yield (
                f"{rule.id}: {delta:+} day",
                replace(rule, clocks=tuple(wrong if clock is started[0] else clock for clock in rule.clocks)),
            )
        yield f"{rule.id}: other article", replace(rule, article="第九十九条")
        yield f"{rule.id}: without article", replace(rule, article="")
        yield f"{rule.id}: nobody may", replace(rule, roles=frozenset(), machine=False)
        yield f"{rule.id}: from no state", replace(rule, sources=frozenset())


MUTANTS = list(mutants())


def test_the_table_itself_is_green() -> None:
    assert [row["id"] for row, data in READ if not green(row, data)] == []
    assert len(MUTANTS) > 150


@pytest.mark.parametrize(("name", "wrong"), MUTANTS, ids=[name for name, _ in MUTANTS])
def test_a_wrong_row_turns_a_case_red(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Rule) -> None:
    table = {**workflow.rules(), wrong.id: wrong}
    monkeypatch.setattr(workflow, "rules", lambda: table)
    assert not all(green(row, data) for row, data in READ if row["act"] == wrong.id), name


def changed(act: str, **change: Any) -> Rule:
    return replace(workflow.rule(act), **change)


def without(act: str, name: str) -> Rule:
    row = workflow.rule(act)
    return replace(row, guards=tuple(guard for guard in row.guards if guard != name))


def days(act: str, delta: int) -> Rule:
    """The limit that the act starts or judges, made longer or shorter."""
    row = workflow.rule(act)
    first = next(clock for clock in row.clocks if clock.effect in ("start", "judge"))
    return replace(
        row, clocks=tuple(replace(one, days=one.days + delta) if one is first else one for one in row.clocks)
    )


def quiet(act: str, effect: str) -> Rule:
    """The row without its clock effects of one kind."""
    row = workflow.rule(act)
    return replace(row, clocks=tuple(clock for clock in row.clocks if clock.effect != effect))


def more(act: str, **extra: str) -> Rule:
    row = workflow.rule(act)
    if "role" in extra:
        return replace(row, roles=row.roles | {Role(extra["role"])})
    return replace(row, sources=row.sources | {extra["source"]})


NAMED = [
    # a mutation of the rule table, and the case of cases.csv that it turns red
    (days("register", 1), "register-phone"),
    (days("register", -1), "register-by-machine"),
    (days("escalate", 1), "p2-crosses"),
    (days("escalate", -1), "p2-disputed-over-holiday"),
    (days("refer_on", 1), "hop-further"),
    (days("designate", 1), "designate"),
    (days("confirm_competence", -1), "competence-confirmed"),
    (days("hand_down", 1), "hand-down"),
    (days("verify.end", 1), "verify-end"),
    (days("result.member", -1), "member-result"),
    (days("result.own", 1), "own-result"),
    (days("mark.major", 1), "major-same-day"),
    (days("reopen.determination", 1), "correct-determination"),
    (days("reopen.result", -1), "correct-result"),
    (without("register", "at_not_future"), "register-future-time"),
    (without("determine.P5", "asked_first"), "p5-not-asked"),
    (without("determine.P4", "not_shared"), "p4-shared-phone"),
    (without("determine.P4", "nothing_new"), "p4-new-evidence"),
    (without("determine.P4", "earlier_still_answers"), "p4-after-p5"),
    (without("designate", "unit_in_subtree"), "designate-outside-subtree"),
    (without("merge", "no_wall"), "merge-across-a-wall"),
    (without("merge", "other_reporter"), "merge-same-reporter"),
    (without("unmerge", "result_not_told"), "unmerge-after-told"),
    (without("verify.start", "two_officers"), "verify-one-officer"),
    (without("verify.end", "ended_in_order"), "verify-end-before-last-record"),
    (without("tell.determination", "handed_over"), "tell-queued-only"),
    (without("tell.violation", "every_reporter"), "tell-result-others-untold"),
    (without("close.out_of_scope", "all_told"), "close-p3-untold"),
    (without("close.supplement", "question_stood"), "close-p5-question-still-stands"),
    (without("close.not_a_clue", "second_person_after_registration"), "not-a-clue-alone"),
    (without("follow_up", "proved"), "follow-up-not-proved"),
    (without("reopen.objection", "first_objection"), "objection-second"),
    (without("supervise.letter", "is_major"), "letter-ordinary-clue"),
    (without("extend", "before_expiry"), "extend-after-expiry"),
    (without("extend", "extension_approved"), "extend-unapproved"),
    (changed("determine.P1", target=State.TO_TELL), "p1"),
    (changed("determine.P3", target=State.CLOSED), "p3"),
    (changed("escalate", target=State.DESIGNATED), "p2-crosses"),
    (changed("verify.end", target=State.CLOSED), "verify-end"),
    (changed("undelivered", target=State.VERIFYING), "bounced-after-close"),
    (more("determine.P1", source=State.ESCALATED), "p1-while-escalated"),
    (more("escalate", source=State.DESIGNATED), "p2-again-after-designation"),
    (more("close.not_a_clue", source=State.VERIFYING), "not-a-clue-after-determination"),
    (more("mark.major", source=State.CLOSED), "major-closed"),
    (more("determine.P1", role=Role.OPERATOR), "p1-by-operator"),
    (more("refer_on", role=Role.HANDLER), "hop-by-handler"),
    (more("reopen.determination", role=Role.HANDLER), "correct-determination-by-handler"),
    (more("supervise.order", role=Role.HANDLER), "order-by-handler"),
    (changed("determine.P1", machine=True), "p1-by-machine"),
    (changed("determine.P1", notice=""), "p1"),
    (changed("determine.P3", notice="accepted"), "p3"),
    (changed("verify.end", notice=""), "verify-end"),
    (changed("reopen.result", notice=""), "correct-result"),
    (changed("close.violation", article=""), "close-r1-media-nobody"),
    (changed("determine.P4", article=""), "p4-openid"),
    (changed("supervise.order", article="内部规则"), "order"),
    (quiet("escalate", "supersede"), "p2-crosses"),
    (quiet("designate", "stop"), "designate"),
    (quiet("tell.determination", "stop"), "tell-determination"),
    (quiet("unmerge", "supersede"), "unmerge"),
    (quiet("reply.order", "stop"), "reply-order"),
    (quiet("reopen.objection", "resume"), "objection"),
]


def test_the_named_mutations_are_forty_and_distinct() -> None:
    assert len({str(wrong) for wrong, _ in NAMED}) == len(NAMED) >= 40


@pytest.mark.parametrize(("wrong", "named"), NAMED, ids=[f"{wrong.id}-{named}" for wrong, named in NAMED])
def test_a_named_case_turns_red(monkeypatch: pytest.MonkeyPatch, wrong: Rule, named: str) -> None:
    row, data = next((row, data) for row, data in READ if row["id"] == named)
    assert row["act"] == wrong.id
    assert green(row, data)
    table = {**workflow.rules(), wrong.id: wrong}
    monkeypatch.setattr(workflow, "rules", lambda: table)
    assert not green(row, data)
