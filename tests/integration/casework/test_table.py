"""The rule table against the schema, and against itself by random walks: pure, and short on PostgreSQL."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from hub import casework, clock, db
from hub.access import audit
from hub.casework import acts
from hub.law import workflow
from hub.models import Clock, Clue, ClueUnit, Event, Hold, Notice, Unit
from hub.terms import OPEN_STATES, IntakeKind, Role, State
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, OFFICERS, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_races import check_history

RULES = [row for row in workflow.rules().values() if row.object == "clue"]


def allowed(name: str) -> set[str]:
    """The values a CHECK of the clue's table allows."""
    query = text("select pg_get_constraintdef(oid) from pg_constraint where conname = :name")
    with db.reading() as session:
        return set(re.findall(r"'([a-zA-Z0-9_]+)'", session.scalar(query, {"name": name}) or ""))


def needed(act: str, name: str) -> set[str]:
    return set(next(need.one_of for need in workflow.rule(act).needs if need.name == name))


def test_the_checks_of_the_schema_are_the_table(hub: Path) -> None:
    del hub
    states = {state for row in RULES for state in row.sources | row.targets}
    assert allowed("ck_clue_state") == states == set(State)
    closing = {row.id.removeprefix("close.") for row in RULES if row.target == State.CLOSED}
    assert allowed("ck_clue_close_reason") == closing
    assert allowed("ck_clue_refused_ground") == needed("determine.P3", "ground")
    assert allowed("ck_clue_result") == needed("verify.end", "result")
    assert allowed("ck_clue_determination") == {row.id[-2:] for row in RULES if row.id.startswith("determine.P")}
    assert allowed("ck_clock_kind") == set(workflow.CLOCKS)
    assert allowed("ck_clue_ask_how") == needed("ask", "how")
    assert allowed("ck_follow_up_kind") == needed("follow_up", "kind")
    assert allowed("ck_follow_up_proof") == needed("follow_up", "proof")
    assert needed("close.not_a_clue", "kind") | {"clue"} == set(IntakeKind)


def test_every_act_is_built_and_nothing_else_is() -> None:
    known = {row.id for row in RULES}
    assert set(acts.EFFECTS) <= known
    assert set(acts.AFTER) <= known
    assert set(acts.CLOSING.values()) <= known
    plain = {"register", "object", "undelivered", "link_case", "case.decided", "case.published", "contact.log"}
    plain |= {row.id for row in RULES if row.target == State.CLOSED}
    assert known - set(acts.EFFECTS) <= plain, "an act without effect changes the state only"


@given(st.lists(st.sampled_from(RULES), max_size=40))
def test_no_walk_over_the_table_gets_stuck(walk: list[workflow.Rule]) -> None:
    """Whatever acts were done, an open clue can still be closed by rows of the table."""
    state: str = State.RECEIVED
    for row in walk:
        if state in row.sources and row.targets:
            state = sorted(row.targets)[len(walk) % len(row.targets)]
    assert state in set(State)
    reached, frontier = {state}, [state]
    while frontier:
        now = frontier.pop()
        for row in RULES:
            if now in row.sources:
                frontier += [to for to in row.targets if to not in reached]
                reached |= row.targets
    assert State.CLOSED in reached


PLANS: list[tuple[str, str, dict[str, Any]]] = [
    (COUNTY, "determine.P1", {"place": COUNTY, "class": "T2"}),
    (COUNTY, "determine.P3", {"ground": "N3"}),
    (COUNTY, "determine.P5", {"missing": "place"}),
    (COUNTY, "ask", {"how": "call", "missing": "place"}),
    (COUNTY, "escalate", {"reason": "crosses", "units": [SIBLING]}),
    (CITY, "refer_on", {"reason": "unclear"}),
    (CITY, "designate", {"unit": COUNTY}),
    (CITY, "designate", {"unit": SIBLING}),
    (CITY, "redesignate", {"unit": SIBLING}),
    (CITY, "return", {"reason_text": "属你县"}),
    (PROVINCE, "return", {"reason_text": "属你县"}),
    (SIBLING, "determine.P3", {"ground": "N5"}),
    (COUNTY, "verify.start", {"officers": OFFICERS}),
    (COUNTY, "verify.end", {"result": "R1"}),
    (COUNTY, "verify.end", {"result": "R0"}),
    (COUNTY, "merge", {}),
    (COUNTY, "unmerge", {"reason_text": "不是同一地块"}),
    (COUNTY, "determine.member", {"place": COUNTY, "class": "T2"}),
    (COUNTY, "reopen.determination", {"reason_text": "有误"}),
    (COUNTY, "reopen.result", {"reason_text": "有误"}),
    (COUNTY, "close.violation", {}),
    (COUNTY, "case.decided", {"case_no": "罚1号", "effective": "2026-03-02"}),
    (COUNTY, "case.published", {"published_in": "县政府网站"}),
    (COUNTY, "stop_order", {"order_no": "停1号", "addressee": "某公司", "conduct": "占地", "basis": "第六十七条"}),
    (COUNTY, "revisit", {"outcome": "reached", "score": "4"}),
    (COUNTY, "transfer", {"department": "农业农村主管部门", "stage": "verify"}),
    (COUNTY, "transfer.receipt", {"receipt_no": "1号"}),
    (COUNTY, "transfer.result", {"result": "R1", "answer_no": "2号"}),
    (COUNTY, "transfer.back", {"reason_text": "部门退回"}),
    (COUNTY, "reopen.transfer", {"reason_text": "部门更正"}),
    (SIBLING, "object", {"reason_text": "不在本县"}),
    (CITY, "objection.dismiss", {"reason_text": "维持"}),
    (COUNTY, "assist.add", {"assisting": [SIBLING]}),
    (SIBLING, "assist.opinion", {"words": "已核对"}),
    (COUNTY, "assist.release", {"assisting": [SIBLING]}),
    ("", "tell", {}),
    ("", "bounce", {}),
]
SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
STEPS = st.lists(st.tuples(st.sampled_from(PLANS), st.integers(0, 1)), min_size=5, max_size=14)


@pytest.mark.parametrize("part", range(2))
def test_random_acts_on_postgresql_never_reach_an_illegal_state(desk: Desk, part: int) -> None:
    """A state machine over two clues: whatever is tried, what stands agrees with its log, clocks and rows."""
    seen: set[str] = set()

    @settings(max_examples=20, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(STEPS)
    def walk(steps: list[Any]) -> None:
        pair = [desk.clue(), desk.clue()]
        for (unit, act, data), which in steps[:: 1 if part else -1]:
            desk.go(timedelta(hours=7))
            seen.add(step(desk, pair, which, unit, act, dict(data)))
        for clue_id in pair:
            check_history(clue_id)
            check_rows(clue_id)

    walk()
    assert set(State) - {"received"} >= seen
    assert {"to_determine", "verifying", "to_tell"} <= seen
    with db.reading() as session:
        assert audit.verify(session).ok


ANYBODY = st.tuples(
    st.sampled_from(("", "", COUNTY, SIBLING, CITY, PROVINCE, MINISTRY)),
    st.sampled_from([*Role, Role.HANDLER, Role.HANDLER]),
)
MIXED = st.lists(
    st.tuples(st.sampled_from(PLANS), st.integers(0, 1), st.one_of(st.none(), ANYBODY)), min_size=6, max_size=16
)


def test_random_acts_by_all_roles_of_all_units_on_postgresql(desk: Desk) -> None:
    """Every second act is tried by somebody of any role in any unit: only whom the row names, of its unit, acts."""
    done: list[tuple[str, str, str]] = []

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(MIXED)
    def walk(steps: list[Any]) -> None:
        pair = [desk.clue(), desk.clue()]
        for (unit, act, data), which, stranger in steps:
            desk.go(timedelta(hours=7))
            by = (stranger[0] or unit or COUNTY, stranger[1]) if stranger else (unit, Role.LEAD)
            holder = owner(pair[which])
            before = events(pair[which])
            step(desk, pair, which, unit, act, dict(data), by)
            if act in ("tell", "bounce") or not stranger:
                continue
            if any(name == act for name in events(pair[which])[len(before) :]):
                rule = workflow.rule(act)
                assert by[1] in rule.roles, (act, by)
                assert rule.by != "owner" or by[0] == holder, (act, by, holder)
                done.append((act, *by))
        for clue_id in pair:
            check_history(clue_id)
            check_rows(clue_id)

    walk()
    assert {role for _, _, role in done} >= {Role.HANDLER, Role.LEAD}, "strangers of the right kind do act"
    with db.reading() as session:
        assert audit.verify(session).ok


def owner(clue_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Unit, session.get_one(Clue, clue_id).owner_unit_id).code


def events(clue_id: int) -> list[str]:
    with db.reading() as session:
        query = select(Event.act).where(Event.object == f"clue:{clue_id}", Event.actor != "system")
        return list(session.scalars(query.order_by(Event.seq)))


def step(  # what is tried, and by whom: the lead of the unit unless told
    desk: Desk,
    pair: list[int],
    which: int,
    unit: str,
    act: str,
    data: dict[str, Any],
    by: tuple[str, str] | None = None,
) -> str:
    clue_id, by = pair[which], by or (unit, Role.LEAD)
    today = clock.china(desk.now).date().isoformat()
    if act == "tell":
        desk.tell(clue_id)
    elif act == "bounce":
        desk.bounce(clue_id, "out_of_scope")
    else:
        data |= {"verify.start": {"started": today}, "verify.end": {"ended": today}, "designate": {"issued": today},
                 "redesignate": {"issued": today}, "merge": {"main": pair[1 - which], **SAME}}.get(act, {})  # fmt: skip
        try:
            desk.act(clue_id, act, desk.who(*by), **data)
        except casework.RefusedError as error:
            named = bool(str(error)) and bool(error.article or error.kind == "state")
            return desk.state(clue_id) if named else "a refusal without reason"
    return desk.state(clue_id)


def check_rows(clue_id: int) -> None:
    """What must hold of every clue that stands."""
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        clocks = session.scalars(select(Clock).where(Clock.clue_id == clue_id)).all()
        holds = session.scalars(select(Hold).where(Hold.clue_id == clue_id).order_by(Hold.id)).all()
        rows = session.scalars(select(ClueUnit).where(ClueUnit.clue_id == clue_id)).all()
        waits = session.scalars(select(Notice).where(Notice.clue_id == clue_id, Notice.state == "queued")).all()
        running = {row.kind for row in clocks if row.stopped_at is None}
        assert all(row.open == (clue.state in OPEN_STATES) for row in rows)
        assert [row.until is None for row in holds] == [False] * (len(holds) - 1) + [True]
        assert holds[-1].unit_id == clue.owner_unit_id
        if clue.state in ("to_determine", "designated"):
            assert running & {"determination", "after_designation"}, "an undetermined clue always has its days"
        if clue.state == "escalated":
            assert running == {"escalation"}
        main = session.get(Clue, clue.main_id) if clue.main_id else None
        assert main is None or main.determination in (None, "P1"), "no group without a verification"
        if clue.state == "closed":
            assert not running
            assert not [row for row in waits if row.clock]
        assert len(running) == sum(row.stopped_at is None for row in clocks), "one clock of a kind"
