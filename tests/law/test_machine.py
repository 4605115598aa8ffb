"""A state machine over the rule table: all roles, the machine, any facts; no illegal state, every open one can end."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.law import workflow
from hub.law.workflow import Rule
from hub.terms import Role, State

TABLE = [row for row in workflow.rules().values() if row.object == "clue"]
DAY = date(2026, 3, 2)
OFFICERS = [{"certificate": name, "valid_until": date(2027, 12, 31)} for name in ("A1", "A2")]
WORDS = frozenset(
    {"reason_text", "handler", "unit", "main", "earlier_clue", "officers", "ended", "started", "visited", "issued",
     "told_at", "joined", "notice", "case_no", "place", "reason", "channel", "at", "due", "days", "document_no",
     "person", "number", "receiver", "department", "consent", "words", "receipt_no", "answer_no", "assisting", "stage"}
)  # fmt: skip
FLAGS = (
    "ours", "unit_takes", "superior", "not_common", "common_superior", "unit_in_subtree", "referred_by", "alone",
    "established", "earlier", "main_takes", "one_owner", "same_place", "same_time", "same_respondent", "same_facts",
    "proved", "asked", "waited", "evidence", "told", "second_person", "answer", "letter_open", "order_open",
    "referral_open", "extension", "approved", "wall_unit", "wall_held", "wall_stands", "recusable", "competent",
)  # fmt: skip
HINDRANCES = ("walled", "same_person", "shared_contact", "renewed", "new_evidence", "objected", "result_told",
              "unit_walled", "handed_over")  # fmt: skip


@dataclass(frozen=True)
class Clue:
    """As much of a clue as the CHECKs of its table speak of."""

    state: str = State.RECEIVED
    determination: str | None = None
    result: str | None = None
    member: bool = False
    own_state: str = State.TO_DETERMINE
    department: bool = False
    close_reason: str | None = None
    back_to: str = ""  # what closed it as none, or transferred it, left behind


def illegal(clue: Clue) -> str | None:
    """Which CHECK of the table `clue` would refuse the row; written by hand from PRODUCT §5."""
    p1 = clue.determination == "P1"
    for bad, name in (
        (clue.state == State.VERIFYING and not p1, "verified without P1"),
        (clue.state == State.TO_TELL and clue.determination is None and not clue.department, "nothing to tell"),
        (clue.result is not None and not p1 and not clue.department, "a result of what was not accepted"),
        (clue.state == State.MERGED and not clue.member, "merged with nothing"),
        ((clue.state == State.CLOSED) != (clue.close_reason is not None), "closed without a reason"),
        (clue.state == State.TRANSFERRED and not clue.department, "transferred to nobody"),
    ):
        if bad:
            return name
    return None


def data_for(row: Rule, clue: Clue, choice: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything a row may look at: what the clue is, what casework would find out, what was given."""
    given: dict[str, Any] = {name: True for name in WORDS if name in row.takes}
    for need in row.needs:
        if need.one_of:
            given[need.name] = need.one_of[choice % len(need.one_of)]
    given |= {"officers": OFFICERS, "started": DAY, "visited": DAY, "ended": DAY, "issued": DAY, "today": DAY,
              "due": DAY, "clock_due": DAY, "days": 5, "by": 1}  # fmt: skip
    given |= facts
    bound: dict[str, Any] = {"determination": clue.determination, "close_reason": clue.close_reason,
                             "member": clue.member, "by_department": clue.department,
                             "refused_ground": "N4" if clue.determination == "P3" else None}  # fmt: skip
    if row.id == "undelivered":  # a notice that came back: there is one only of what was decided
        bound["notice"] = clue.determination or clue.department or None
    if row.id not in ("verify.end", "result.member", "result.own", "transfer.result"):
        bound["result"] = clue.result
    return given | bound


def after(row: Rule, clue: Clue, data: dict[str, Any]) -> Clue:
    """What casework makes of the clue: by hand, act by act."""
    new = clue
    if row.id.startswith("determine."):
        new = replace(new, determination=row.id[-2:] if row.id != "determine.member" else "P1")
        if row.id == "determine.member":
            new = replace(new, own_state=State.VERIFYING)
    elif row.id in ("verify.end", "result.member", "result.own", "transfer.result"):
        new = replace(new, result=data["result"])
    elif row.id == "reopen.determination":
        new = replace(new, determination=None, result=None, member=False)
    elif row.id in ("reopen.result", "reopen.member", "reopen.transfer"):
        new = replace(new, result=None, member=clue.member and row.id == "reopen.member")
    elif row.id == "merge":
        new = replace(new, member=True, own_state=clue.state)
    elif row.id == "unmerge":
        new = replace(new, member=False, result=None)
    elif row.id == "transfer":
        new = replace(new, department=True, back_to=clue.state)
    elif row.id == "transfer.back":
        new = replace(new, department=False, result=None)
    if not row.targets:
        return new
    target = row.target
    if row.restores:
        target = clue.own_state if row.id == "unmerge" else clue.back_to
        assert target in row.restores, f"{row.id} cannot restore {target}"
    new = replace(new, state=target, close_reason=None)
    if target == State.CLOSED:
        left = clue.state if row.id == "close.not_a_clue" else ""
        new = replace(new, close_reason=row.id.removeprefix("close."), back_to=left or new.back_to)
    elif target != State.TRANSFERRED and not new.department:
        new = replace(new, back_to="")
    return new if new.member else replace(new, own_state=State.TO_DETERMINE)


GOOD = {
    **dict.fromkeys(FLAGS, True),
    **dict.fromkeys(HINDRANCES, False),
    "second_person": 2,
    "importance_now": "ordinary",
}


@cache
def moves(clue: Clue) -> tuple[Clue, ...]:
    """Where lawful acts lead from here when everything is in order, whoever does them."""
    found: list[Clue] = []
    for row in TABLE:
        for choice in range(max([len(need.one_of) for need in row.needs], default=0) or 1):
            data = data_for(row, clue, choice, GOOD)
            for role in (*sorted(row.roles), *((None,) if row.machine else ())):
                if row.targets and workflow.refusal(row.id, clue.state, role, data) is None:
                    found.append(after(row, clue, data))
                    break
    return tuple(dict.fromkeys(found))


def can_end(clue: Clue) -> bool:
    seen, frontier = {clue}, [clue]
    while frontier:
        now = frontier.pop()
        if now.state == State.CLOSED:
            return True
        new = [one for one in moves(now) if one not in seen and illegal(one) is None]
        seen |= set(new)
        frontier += sorted(new, key=lambda one: one.state != State.TO_TELL)
    return False


class Machine(RuleBasedStateMachine):
    """Whoever tries whatever with whatever facts: what is not refused leads to a legal state."""

    def __init__(self) -> None:
        super().__init__()
        self.clue = Clue()

    @rule(
        row=st.sampled_from(TABLE), role=st.sampled_from([*Role, None]), choice=st.integers(0, 9),
        facts=st.fixed_dictionaries({name: st.booleans() for name in (*FLAGS, *HINDRANCES)}),
    )  # fmt: skip
    def anybody_tries_anything(self, row: Rule, role: Role | None, choice: int, facts: dict[str, bool]) -> None:
        self.attempt(row, role, choice, facts)

    @rule(data=st.data(), choice=st.integers(0, 9))
    def somebody_does_what_fits_the_state(self, data: st.DataObject, choice: int) -> None:
        fitting = [row for row in TABLE if self.clue.state in row.sources]
        row = data.draw(st.sampled_from(fitting))
        role = data.draw(st.sampled_from([*sorted(row.roles), *([None] if row.machine else [])]))
        self.attempt(row, role, choice, GOOD)

    def attempt(self, row: Rule, role: Role | None, choice: int, facts: dict[str, Any]) -> None:
        data = data_for(row, self.clue, choice, facts)
        found = workflow.refusal(row.id, self.clue.state, role, data)
        if found is not None:
            assert found.reason
            assert found.article
            return
        assert self.clue.state in row.sources
        assert row.machine if role is None else role in row.roles
        self.clue = after(row, self.clue, data)

    @invariant()
    def no_illegal_state(self) -> None:
        assert illegal(self.clue) is None, (illegal(self.clue), self.clue)

    @invariant()
    def every_state_can_end(self) -> None:
        if self.clue not in ENDING:
            assert can_end(self.clue), self.clue
            ENDING.add(self.clue)


ENDING: set[Clue] = set()
Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TestMachine = Machine.TestCase


def test_the_machine_has_been_everywhere() -> None:
    """What lawful acts reach from the start, whole: every state of the table, none of them illegal or without end."""
    seen, frontier = {Clue()}, [Clue()]
    while frontier:
        new = [one for one in moves(frontier.pop()) if one not in seen]
        seen |= set(new)
        frontier += new
    assert {clue.state for clue in seen} == set(State)
    assert [(illegal(clue), clue) for clue in seen if illegal(clue)] == []
    assert all(can_end(clue) for clue in seen)


@pytest.mark.parametrize(
    ("clue", "wrong"),
    [
        (Clue(State.VERIFYING), "verified without P1"),
        (Clue(State.TO_TELL), "nothing to tell"),
        (Clue(State.CLOSED), "closed without a reason"),
        (Clue(State.VERIFYING, "P1", close_reason="violation"), "closed without a reason"),
        (Clue(State.TO_TELL, "P3", "R1"), "a result of what was not accepted"),
        (Clue(State.MERGED), "merged with nothing"),
        (Clue(State.TRANSFERRED), "transferred to nobody"),
    ],
)
def test_an_illegal_state_would_be_seen(clue: Clue, wrong: str) -> None:
    assert illegal(clue) == wrong


def test_a_table_without_an_end_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = [row for row in TABLE if not row.id.startswith(("close.", "reopen"))]
    monkeypatch.setattr(sys.modules[__name__], "TABLE", stuck)
    moves.cache_clear()
    try:
        assert not can_end(Clue(State.TO_TELL, "P3"))
    finally:
        moves.cache_clear()
