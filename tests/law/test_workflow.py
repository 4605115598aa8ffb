"""The rule table: cases.csv written by hand, and what must hold of any table."""

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from hub.law import workflow
from hub.law.calendar import national
from hub.law.deadlines import due
from hub.law.workflow import RuleTableError, docs, open_acts, read_table, refusal, rule, rules
from hub.terms import OPEN_STATES, Role, State
from tests.law.cases import ROWS, facts

HERE = Path(__file__).parent
TABLE = (files("hub.law") / "data" / "workflow.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case["id"])
def test_case(case):
    if case["act"] == "due":
        found = due(date.fromisoformat(case["base"]), int(case["days"]), national())
        assert found.due.isoformat() == case["result"]
        assert found.provisional == (case["why"] == "provisional")
        return
    row = rule(case["act"])
    role = None if case["role"] == "machine" else Role(case["role"])
    found = refusal(case["act"], case["state"], role, facts(case))
    article = row.article if found is None else found.article
    assert article == case["article"]
    if case["result"] == "refused":
        assert found is not None, "allowed"
        kind, _, name = case["why"].partition(":")
        assert (found.kind, found.name) == (kind, name)
        assert found.reason
        return
    assert found is None, found
    if case["result"] == "restored":
        assert row.restores
    else:
        assert (row.target or case["state"]) == case["result"]
    if case["base"]:
        start = next(clock for clock in row.clocks if clock.effect in ("start", "judge"))
        base = date.fromisoformat(case["base"])
        last = base + timedelta(days=start.days) if start.calendar else due(base, start.days, national()).due
        assert (start.days, last.isoformat()) == (int(case["days"]), case["why"])


def test_cases_are_many_and_distinct():
    assert len(ROWS) >= 60
    assert len({case["id"] for case in ROWS}) == len(ROWS)
    assert {case["act"] for case in ROWS} >= set(rules()), "every row of the table has a case"


DESK = "handler lead"
ABOVE = "lead supervisor"
DOOR = "handler lead mailroom operator"
GOING = "designated escalated merged to_determine to_tell verifying"
EVERY = "closed designated escalated merged to_determine to_tell transferred verifying"
LATER = "closed designated escalated to_determine to_tell transferred verifying"
ACTS = {
    # act: sources, target, roles, machine, notice, clocks stopped — written by hand from PRODUCT §5-§7
    "register": ("received", "to_determine", DOOR, True, "receipt", ""),
    "set_kind.clue": ("manual registered stored", None, DOOR, False, "", ""),
    "set_kind.other": ("manual registered stored", None, DOOR, False, "", ""),
    "assign": ("designated escalated to_determine to_tell verifying", None, "handler lead supervisor", True, "", ""),
    "unassign": ("designated escalated to_determine to_tell verifying", None, "handler lead supervisor", False, "", ""),
    "hand_down": ("to_determine", None, "handler lead mailroom operator supervisor", False, "", ""),
    "ask": ("designated to_determine", None, DOOR, False, "", ""),
    "determine.P1": ("designated to_determine", "verifying", DESK, False, "accepted", ""),
    "escalate": ("to_determine", "escalated", DESK, False, "", ""),
    "refer_on": ("escalated", "escalated", ABOVE, False, "", "escalation"),
    "designate": ("escalated", "designated", ABOVE, False, "", "escalation"),
    "confirm_competence": ("escalated", "designated", ABOVE, False, "", "escalation"),
    "return": ("escalated", "to_determine", ABOVE, False, "", "escalation"),
    "object": ("designated", None, DESK, False, "", ""),
    "redesignate": ("designated", None, ABOVE, False, "", ""),
    "objection.dismiss": ("designated", None, ABOVE, False, "", ""),
    "determine.P3": ("designated to_determine", "to_tell", DESK, False, "out_of_scope", ""),
    "determine.P4": ("designated to_determine", "to_tell", DESK, False, "duplicate", ""),
    "determine.P5": ("designated to_determine", "to_tell", DESK, False, "supplement", ""),
    "merge": ("designated to_determine verifying", "merged", DESK, False, "", ""),
    "unmerge": ("merged to_tell", None, DESK, False, "", ""),
    "determine.member": ("merged", None, DESK, False, "accepted", ""),
    "result.member": ("merged", "to_tell", "", True, "result", ""),
    "split": ("designated to_determine verifying", None, DESK, False, "", ""),
    "verify.start": ("verifying", None, DESK, False, "", ""),
    "verify.record": ("verifying", None, DESK, False, "", ""),
    "verify.end": ("verifying", "to_tell", DESK, False, "result", ""),
    "tell.determination": (
        "merged to_tell transferred verifying",
        None,
        DOOR,
        True,
        "",
        "after_designation determination",
    ),
    "tell.no_violation": ("to_tell", None, DOOR, True, "", "result"),
    "tell.violation": ("to_tell", None, DOOR, True, "", "result"),
    "close.out_of_scope": ("to_tell", "closed", DESK, True, "", ""),
    "close.duplicate": ("to_tell", "closed", DESK, True, "", ""),
    "close.supplement": ("to_tell", "closed", DESK, True, "", ""),
    "close.no_violation": ("to_tell", "closed", DESK, True, "", ""),
    "close.violation": ("to_tell", "closed", DESK, True, "", ""),
    "close.not_a_clue": ("designated to_determine", "closed", DOOR, False, "", ""),
    "close.transferred": ("to_tell", "closed", DESK, True, "", ""),
    "transfer.inside": ("designated to_determine", None, DESK, False, "", ""),
    "transfer.refuse": ("designated to_determine", None, DESK, False, "", ""),
    "transfer": ("designated to_determine", "transferred", DESK, False, "accepted", ""),
    "transfer.receipt": ("transferred", None, DOOR, False, "", "transfer"),
    "transfer.result": ("transferred", "to_tell", DESK, False, "result", "transfer"),
    "transfer.back": ("transferred", None, DESK, True, "correction", ""),
    "reopen.transfer": ("closed to_tell", "transferred", "lead", False, "correction", ""),
    "assist.add": ("designated to_determine verifying", None, ABOVE, False, "", ""),
    "assist.release": ("designated to_determine to_tell verifying", None, ABOVE, False, "", ""),
    "assist.opinion": ("designated to_determine verifying", None, DESK, False, "", ""),
    "feedback": (LATER, None, DESK, False, "", ""),
    "undelivered": ("closed", "to_tell", "", True, "", ""),
    "reopen.determination": ("closed to_tell verifying", "to_determine", "lead", False, "correction", ""),
    "reopen.result": ("closed to_tell", "verifying", "lead", False, "correction", ""),
    "reopen.member": ("closed to_tell", "merged", "", True, "correction", ""),
    "follow_up": (EVERY, None, DOOR, False, "", ""),
    "link_case": ("closed to_tell", None, DESK, False, "", ""),
    "case.decided": ("closed to_tell", None, DESK, False, "", ""),
    "case.published": (f"closed {GOING}", None, DESK, False, "", "publish"),
    "stop_order": ("closed to_tell verifying", None, DESK, False, "", ""),
    "contact.log": (EVERY, None, "handler lead operator", False, "", ""),
    "revisit": ("closed", None, "handler lead operator", False, "", ""),
    "result.own": ("merged", "to_tell", DESK, False, "result", ""),
    "mark.major": (GOING, None, "handler lead supervisor", False, "", ""),
    "mark.importance": (GOING, None, ABOVE, False, "", ""),
    "report.major": (f"closed {GOING}", None, DESK, False, "", "major_report"),
    "supervise.letter": ("designated escalated to_determine to_tell verifying", None, ABOVE, False, "", ""),
    "supervise.order": ("designated escalated to_determine to_tell verifying", None, ABOVE, False, "", ""),
    "reply.letter": (EVERY, None, DESK, False, "", "letter"),
    "reply.order": (EVERY, None, DESK, False, "", "order"),
    "reply.referral": (EVERY, None, DESK, False, "", "referral"),
    "circulate": (EVERY, None, ABOVE, False, "", ""),
    "extend": (GOING, None, DESK, False, "", ""),
    "set_kind.objection": ("manual registered stored", None, DOOR, False, "", ""),
    "reopen.objection": ("closed", None, DOOR, False, "", ""),
    "wall.hold": ("designated escalated to_determine to_tell verifying", None, ABOVE, True, "", ""),
    "wall.confirm": ("designated escalated to_determine", "escalated", ABOVE, False, "", "wall"),
    "wall.reassign": ("to_tell verifying", None, ABOVE, False, "", "wall"),
    "wall.release": ("designated escalated to_determine to_tell verifying", None, ABOVE, False, "", "wall"),
    "recuse": (LATER, None, "auditor handler lead mailroom operator statistician supervisor", False, "", ""),
    "recuse.other": (LATER, None, ABOVE, False, "", ""),
    "recuse.hold": ("designated escalated to_determine to_tell verifying", None, "", True, "", ""),
    "recuse.confirm": (LATER, None, ABOVE, False, "", ""),
    "recuse.release": (LATER, None, ABOVE, False, "", ""),
    "take_over": ("designated escalated to_determine to_tell verifying", None, "", True, "", ""),
    "discipline.hand_over": ("closed to_tell", None, ABOVE, False, "", ""),
    "quarantine.hand_over": ("closed", None, "lead", False, "", ""),
    "quarantine.release": ("closed to_tell", None, "lead", False, "", ""),
}


@pytest.mark.parametrize("act", ACTS)
def test_states_people_and_notice_of(act):
    row = rule(act)
    stops = " ".join(sorted(clock.kind for clock in row.clocks if clock.effect == "stop"))
    sources, roles = " ".join(sorted(row.sources)), " ".join(sorted(row.roles))
    assert (sources, row.target, roles, row.machine, row.notice, stops) == ACTS[act]


def test_no_act_is_missing_here():
    assert set(ACTS) == set(rules())


def test_what_every_determination_may_name():
    allowed = {need.name: need.one_of for act in ("determine.P1", "determine.P3", "determine.P4", "determine.P5",
               "escalate", "refer_on", "set_kind.other") for need in rule(act).needs if need.one_of}  # fmt: skip
    assert allowed == {
        "class": ("T1", "T2", "T3", "T4", "T5", "K1", "K2", "K3", "K4", "K5"),
        "ground": ("N1", "N2", "N3", "N4", "N5"),
        "same_reporter": ("openid", "id_number", "query_code", "confirmed"),
        "missing": ("place", "facts"),
        "reason": ("crosses", "unclear", "disputed"),
        "kind": ("consultation", "follow_up", "suggestion", "invalid", "other"),
    }
    assert rule("refer_on").needs == rule("escalate").needs
    assert {need.name: need.one_of for need in rule("follow_up").needs} == {
        "kind": ("progress", "urge", "supplement", "correction", "withdrawal", "objection", "thanks"),
        "proof": ("query_code", "name_and_contact"),
    }


def test_every_act_is_open_to_someone_and_every_open_state_can_end():
    reach = {State.CLOSED}
    for _ in State:
        reach |= {
            State(source)
            for row in rules().values()
            if row.object == "clue" and row.targets & reach
            for source in row.sources
        }
    assert reach >= set(OPEN_STATES)
    assert all(row.roles or row.machine for row in rules().values())
    assert {row.id for row in rules().values() if not row.roles} == {
        "result.member", "undelivered", "reopen.member", "recuse.hold", "take_over",
    }  # fmt: skip


def test_the_only_ways_to_close_have_an_article_and_a_reason():
    closing = [row for row in rules().values() if row.target == State.CLOSED]
    assert {row.id for row in closing} == {
        "close.out_of_scope", "close.duplicate", "close.supplement", "close.no_violation", "close.violation",
        "close.not_a_clue", "close.transferred",
    }  # fmt: skip
    for row in closing:
        assert row.article.startswith("第")
        if row.id == "close.not_a_clue":
            assert row.sources == {State.TO_DETERMINE, State.DESIGNATED}
            assert "second_person_after_registration" in row.guards
        else:
            assert row.guards[0] == "all_told"
            assert row.sources == {State.TO_TELL}


def test_the_clocks_of_the_measures():
    starts = {(row.id, clock.kind, clock.days, clock.base) for row in rules().values() for clock in row.clocks
              if clock.effect == "start"}  # fmt: skip
    assert starts == {
        ("register", "determination", 7, "at"),
        ("return", "determination", 7, "at"),
        ("refer_on", "escalation", 2, "received"),
        ("designate", "after_designation", 7, "issued"),
        ("confirm_competence", "after_designation", 7, "issued"),
        ("verify.end", "result", 5, "ended"),
        ("escalate", "escalation", 2, "received"),
        ("redesignate", "after_designation", 7, "issued"),
        ("result.member", "result", 5, "joined"),
        ("reopen.determination", "determination", 7, "act"),
        ("reopen.result", "result", 5, "act"),
        ("reopen.member", "result", 5, "act"),
        ("result.own", "result", 5, "ended"),
        ("mark.major", "major_report", 0, "act"),
        ("register", "referral", 0, "act"),
        ("wall.hold", "wall", 1, "act"),
        ("wall.confirm", "escalation", 2, "received"),
        ("supervise.letter", "letter", 0, "act"),
        ("supervise.order", "order", 0, "act"),
        ("transfer", "transfer", 5, "act"),
        ("transfer.result", "result", 5, "act"),
        ("reopen.transfer", "result", 5, "act"),
        ("case.decided", "publish", 20, "effective"),
    }
    calendar = {(row.id, clock.kind) for row in rules().values() for clock in row.clocks if clock.calendar}
    assert calendar == {("case.decided", "publish")}
    until = {(row.id, clock.kind, clock.until) for row in rules().values() for clock in row.clocks if clock.until}
    assert until == {("register", "referral", "due"), ("supervise.letter", "letter", "due"),
                     ("supervise.order", "order", "due")}  # fmt: skip
    resumed = {(row.id, clock.kind) for row in rules().values() for clock in row.clocks if clock.effect == "resume"}
    assert resumed == {("reopen.objection", "determination"), ("reopen.objection", "after_designation")}
    assert rule("escalate").clocks == (
        workflow.ClockEffect("supersede", "determination"),
        workflow.ClockEffect("judge", "escalation", 2, "at"),
        workflow.ClockEffect("start", "escalation", 2, "received"),
    )
    assert rule("hand_down").clocks == (workflow.ClockEffect("judge", "hand_down", 1, "received"),)
    assert workflow.switches() == {
        "ask_first": True, "after_designation": "restart", "escalation": "per_hop", "extension": False,
        "cutoff": "24:00", "direct": False, "hand_down_days": 1, "transfer_days": 5,
    }  # fmt: skip


def test_each_clock_that_starts_can_stop():
    effects = {(clock.kind, clock.effect) for row in rules().values() for clock in row.clocks}
    assert {kind for kind, effect in effects if effect == "start"} == {
        kind for kind, effect in effects if effect == "stop"
    }


REPLIES = ["reply.letter", "reply.order", "reply.referral"]


def test_the_buttons_of_a_state():
    assert [row.id for row in open_acts(State.TO_DETERMINE, Role.HANDLER)] == [
        "assign", "unassign", "hand_down", "ask", "determine.P1", "escalate", "determine.P3", "determine.P4",
        "determine.P5", "merge", "split", "close.not_a_clue", "transfer.inside", "transfer.refuse", "transfer",
        "assist.opinion", "feedback", "follow_up", "case.published", "contact.log", "recuse", "mark.major",
        "report.major", *REPLIES, "extend",
    ]  # fmt: skip
    assert [row.id for row in open_acts(State.ESCALATED, Role.SUPERVISOR)] == [
        "assign", "unassign", "refer_on", "designate", "confirm_competence", "return", "wall.hold", "wall.confirm",
        "wall.release", "recuse", "recuse.other", "recuse.confirm", "recuse.release", "mark.major", "mark.importance",
        "supervise.letter", "supervise.order", "circulate",
    ]  # fmt: skip
    assert [row.id for row in open_acts(State.CLOSED, Role.LEAD)] == [
        "reopen.determination", "reopen.result", "reopen.transfer", "feedback", "follow_up", "link_case",
        "case.decided", "case.published", "stop_order", "contact.log", "revisit", "recuse", "recuse.other",
        "recuse.confirm", "recuse.release", "discipline.hand_over", "quarantine.hand_over",
        "quarantine.release", "report.major", *REPLIES, "circulate", "reopen.objection",
    ]  # fmt: skip
    for role in (Role.SYSADMIN, Role.SECADMIN):
        assert all(open_acts(state, role) == [] for state in State)
    for role in (Role.AUDITOR, Role.STATISTICIAN):  # who sees a clue may always step aside
        assert {row.id for state in State for row in open_acts(state, role)} == {"recuse"}


def test_a_refusal_reads_as_a_sentence():
    found = refusal("determine.P4", State.CLOSED, Role.LEAD, {})
    assert found.reason == "“办结”状态下不能重复举报"
    assert refusal("set_kind.clue", "nowhere", Role.LEAD, {}).reason == "“nowhere”状态下不能确认为线索"
    with pytest.raises(KeyError):
        refusal("force_close", State.TO_TELL, Role.LEAD, {})


def test_times_with_hours_are_compared_as_days():
    data = {"result": "R0", "ended": datetime(2026, 3, 5, 18, tzinfo=UTC), "last_record": date(2026, 3, 5),
            "officers": [{"certificate": name, "valid_until": date(2026, 12, 31)} for name in "AB"],
            "started": datetime(2026, 3, 4, 9, tzinfo=UTC), "today": date(2026, 3, 5)}  # fmt: skip
    assert refusal("verify.end", State.VERIFYING, Role.HANDLER, data) is None


def test_the_diagram_is_the_table():
    drawn = docs()
    arrows = [line for line in drawn.splitlines() if "-->" in line and "[*]" not in line]
    moves = [row for row in rules().values() if row.object == "clue"]
    assert len(arrows) == sum(len(row.sources) * len(row.targets) for row in moves)
    assert "    to_determine --> escalated : 提请上级（P2） 第十二条第（二）项" in arrows
    assert "    to_tell --> closed : 办结：转交并告知 第二十条" in arrows


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('sources = ["received"]', 'sources = ["nowhere"]', "unknown state"),
        ('target = "verifying"', 'target = "nowhere"', "unknown state"),
        ('sources = ["to_tell"]\ntarget = "closed"', 'sources = ["closed"]\ntarget = "closed"', "not closed again"),
        ('guards = ["all_told"]', 'guards = ["anything"]', "unknown guard"),
        ('notice = "receipt"', 'notice = "advert"', "unknown notice"),
        ('clocks = ["result +5 ended"]', 'clocks = ["result"]', "needs days"),
        ('clocks = ["result +5 ended"]', 'clocks = ["-result +5 ended"]', "needs days"),
        ('clocks = ["result +5 ended"]', 'clocks = ["result +5 whenever"]', "no such base"),
        ('clocks = ["result +5 ended"]', 'clocks = ["tea +5 ended"]', "no such clock"),
        ('clocks = ["result +5 ended"]', 'clocks = ["?result +5cd ended"]', "days of the calendar"),
        ('id = "refer_on"', 'id = "escalate"', "stands twice"),
        ('by = "designator"', 'by = "chance"', "roles and an article"),
        ('restores = ["to_determine"', 'restores = ["nowhere"', "unknown state"),
        ('restores = ["to_determine"', 'target = "merged"\nrestores = ["to_determine"', "either one target"),
        ('version = "2017-1"', 'version = "2018-1"', "different versions"),
        (
            'roles = ["handler", "lead"]\nneeds = ["reason=crosses',
            'roles = []\nneeds = ["reason=crosses',
            "roles",
        ),
        (
            'target = "closed"\narticle = "第十二条第（三）项"',
            'target = "closed"\narticle = "内部规则"',
            "needs an article",
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(old, new, why):
    assert old in TABLE
    with pytest.raises(RuleTableError, match=why):
        read_table(TABLE.replace(old, new, 1))
