"""From receipt to close on real PostgreSQL: determinations, notices, clocks, closing (Art. 12, 14)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from hub import casework, db
from hub.access import audit
from hub.models import Clue, ClueUnit, Counter, CounterDelta, Event, Opinion, Unit
from hub.terms import OPEN_STATES, Role
from tests.integration.casework.conftest import COUNTY, OFFICERS, SIBLING, Desk, at, notices

P4 = {"same_place": True, "same_respondent": True, "same_facts": True}


def test_a_clue_from_receipt_to_close(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.clock(clue, "determination").due.isoformat() == "2026-03-11"
    desk.go("2026-03-04T10:00")
    desk.p1(clue)
    assert desk.state(clue) == "verifying"
    assert desk.kinds(clue) == ["accepted"]
    assert desk.clock(clue, "determination").stopped_at is None, "determined is not told"
    desk.go("2026-03-05T10:00")
    assert desk.tell(clue) == 1
    stopped = desk.clock(clue, "determination")
    assert (stopped.stopped_at, stopped.ended_as, stopped.late) == (desk.now, "told", False)
    assert list(stopped.held.values()) == [3]
    desk.verified(clue, "R1")
    assert desk.state(clue) == "to_tell"
    assert desk.clock(clue, "result").due.isoformat() == "2026-03-12"
    desk.go("2026-03-16T10:00")
    desk.tell(clue)
    row = desk.read(clue)
    assert (row.state, row.close_reason, row.result) == ("closed", "violation", "R1")
    assert desk.clock(clue, "result").late, "four days late"
    desk.refused(clue, "close.violation")
    with db.reading() as session:
        assert audit.verify(session).ok
        wanted = select(Event.act, Event.data).where(Event.object == f"clue:{clue}").order_by(Event.seq)
        events = [row for row in session.execute(wanted) if not row.act.startswith("notice")]
    assert [row.act for row in events] == [
        "register", "determine.P1", "clock.stop", "verify.start", "verify.end", "clock.stop", "close.violation",
    ]  # fmt: skip
    assert all(row.data["article"].startswith("第") for row in events)
    assert events[1].data["from"], events[1].data["to"] == ("to_determine", "verifying")


def test_the_counters_are_what_the_rows_say(desk: Desk) -> None:
    first, second = desk.clue(), desk.clue()
    desk.act(first, "determine.P3", ground="N3")
    desk.tell(first)
    desk.p1(second)
    with db.transaction() as session:
        while casework.fold_counters(session):
            pass
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(CounterDelta)) == 0
        units = {row.unit_id for row in session.scalars(select(ClueUnit))}
        for unit in units:
            rows = session.scalars(select(ClueUnit).where(ClueUnit.unit_id == unit)).all()
            counted = dict(iter(session.execute(select(Counter.key, Counter.n).where(Counter.unit_id == unit))))
            assert counted["all"] == len(rows) == 2
            assert counted["open"] == sum(row.state in OPEN_STATES for row in rows) == 1
            assert {key[6:]: n for key, n in counted.items() if key.startswith("state:") and n} == {
                "closed": 1, "verifying": 1,
            }  # fmt: skip


@pytest.mark.parametrize("ground", ["N1", "N3", "N5"])  # N2 and N4 hide the clue: test_walls
def test_out_of_scope_is_told_and_closed(desk: Desk, ground: str) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground=ground, department="桃江县农业农村局")
    assert desk.state(clue) == "to_tell"
    assert desk.refused(clue, "close.out_of_scope").name == "all_told"
    desk.tell(clue)
    row = desk.read(clue)
    assert (row.state, row.close_reason, row.refused_ground) == ("closed", "out_of_scope", ground)


def test_nobody_to_tell_stops_the_clock_at_the_decision(desk: Desk) -> None:
    clue = desk.clue(channel="media", number="06", reporter={})
    desk.go("2026-03-03T10:00")
    desk.act(clue, "determine.P3", ground="N5")
    stopped = desk.clock(clue, "determination")
    assert (stopped.ended_as, stopped.stopped_at) == ("nobody", desk.now)
    assert desk.state(clue) == "closed"


def test_a_joint_letter_is_told_when_each_is_told(desk: Desk) -> None:
    clue = desk.clue(reporter={"name": "张三", "phone": "13800000001"})
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.add_reporter(session, row, desk.intake(session, row.owner_unit_id), {"phone": "13800000002"})
    desk.act(clue, "determine.P3", ground="N3")
    with db.transaction() as session:
        one, _ = notices(session, clue)
        one.state, one.told_at = "told", desk.now
        session.flush()
        casework.note_told(session, one.id, desk.now, "SMTP 250")
    assert desk.clock(clue, "determination").stopped_at is None
    assert desk.state(clue) == "to_tell"
    desk.go("2026-03-13T09:00")
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    assert desk.clock(clue, "determination").late, "the last party was told two days late"


def test_bounced_after_told_reopens_with_the_old_due_date(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    before = desk.clock(clue, "determination")
    assert desk.state(clue) == "closed"
    desk.go("2026-03-12T09:00")
    desk.bounce(clue, "out_of_scope")
    after = desk.clock(clue, "determination")
    assert (after.id, after.due, after.stopped_at) == (before.id, before.due, None)
    assert desk.state(clue) == "to_tell"
    assert desk.read(clue).close_reason is None
    desk.bounce(clue, "out_of_scope", exhausted=True)
    last = desk.clock(clue, "determination")
    assert (last.ended_as, last.late) == ("exhausted", True)
    assert desk.state(clue) == "closed"


def test_a_late_report_of_a_notice_that_came_back_changes_nothing(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    desk.bounce(clue, "out_of_scope")
    with db.transaction() as session:
        casework.note_told(session, notices(session, clue)[0].id, desk.now, "SMTP 250, delivered twice")
    assert desk.clock(clue, "determination").stopped_at is None
    assert desk.state(clue) == "to_tell"


def test_told_by_a_person_needs_evidence(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N3")
    assert desk.refused(clue, "tell.determination", told_at=desk.now.isoformat()).name == "handed_over"
    operator = desk.who(role=Role.OPERATOR)
    future = (desk.now + timedelta(hours=1)).isoformat()
    assert desk.refused(clue, "tell.determination", operator, told_at=future, evidence="来电答复").kind == "time"
    desk.act(clue, "tell.determination", operator, told_at=desk.now.isoformat(), evidence="来电答复")
    assert desk.state(clue) == "closed"
    assert desk.clock(clue, "determination").ended_as == "told"


def test_p1_is_for_the_own_area(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.refused(clue, "determine.P1", place=SIBLING, **{"class": "T2"}).name == "ours"
    assert desk.refused(clue, "determine.P1", place="999999", **{"class": "T2"}).name == "ours"
    assert desk.refused(clue, "determine.P1", **{"class": "T2"}).name == "place"
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.confirm(session, desk.who(), row, "place", {"code": COUNTY, "name": "x"})
        casework.confirm(session, desk.who(), row, "class", "K2")
    desk.act(clue, "determine.P1")
    assert (desk.read(clue).division, desk.read(clue).class_code) == (COUNTY, "K2")


def test_times_of_acts(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-09T15:00")
    who, data = desk.who(), {"ground": "N3"}
    for when in ("2026-03-09T15:01", "2026-03-01T09:00", "2026-03-05T09:00"):
        with pytest.raises(casework.RefusedError) as error:
            desk.act(clue, "determine.P3", who, when=at(when), **data)
        assert error.value.kind == "time"
    desk.act(clue, "determine.P3", who, when=at("2026-03-05T09:00"), at_reason="停电，次日补录", **data)
    with db.reading() as session:
        event = session.scalars(select(Event).where(Event.act == "determine.P3")).one()
        assert (event.at, event.received_at) == (at("2026-03-05T09:00"), desk.now)
        assert session.scalars(select(Opinion.name)).all() == ["at_reason"]


def test_what_is_refused_names_rule_and_article(desk: Desk) -> None:
    clue = desk.clue()
    for act, who, kind in (
        ("force_close", desk.who(), "state"),
        ("register", desk.who(), "state"),
        ("set_kind.clue", desk.who(), "state"),
        ("verify.start", desk.who(), "state"),
        ("determine.P3", desk.who(role=Role.AUDITOR), "role"),
        ("determine.P3", desk.who(SIBLING), "unit"),
        ("determine.P3", desk.who("430900", Role.LEAD), "unit"),
        ("determine.P3", desk.who(), "missing"),
    ):
        assert desk.refused(clue, act, who).kind == kind, act
    assert desk.refused(clue, "determine.P3", ground="N3", told=True).kind == "value", "facts are found, not given"
    error = desk.refused(clue, "determine.P3", ground="N9")
    assert (error.rule, error.article, error.name) == ("determine.P3", "第十二条第（三）项", "ground")
    with pytest.raises(casework.StaleError):
        desk.act(clue, "determine.P3", version=desk.read(clue).version - 1, ground="N3")


def test_verification(desk: Desk) -> None:
    clue = desk.clue()
    desk.p1(clue)
    today = "2026-03-02"
    assert desk.refused(clue, "verify.end", result="R0", ended=today).name == "two_officers"
    assert desk.refused(clue, "verify.record", visited=today).name in ("verification_runs", "two_officers")
    assert desk.refused(clue, "verify.start", officers=OFFICERS[:1], started=today).name == "two_officers"
    assert desk.refused(clue, "verify.start", officers=OFFICERS, started="2026-03-03").name == "visit_in_order"
    old = [{**OFFICERS[0], "valid_until": "2026-03-01"}, OFFICERS[1]]
    assert desk.refused(clue, "verify.start", officers=old, started=today).name == "two_officers"
    short = [{**OFFICERS[0], "valid_until": "2026-03-04"}, OFFICERS[1]]
    desk.act(clue, "verify.start", officers=short, started=today)
    assert desk.refused(clue, "verify.start", officers=short, started=today)
    desk.go("2026-03-09T09:00")
    site = {"crs": "CGCS2000", "longitude": 112.1, "latitude": 28.5, "area": 8, "area_unit": "mu"}
    site |= {"land_kind": "permanent_basic_farmland", "elements": {"place": "confirmed"}, "words": "已建成"}
    assert desk.refused(clue, "verify.record", visited="2026-03-05").name == "two_officers", "expired that day"
    for wrong in ({"longitude": 12}, {"crs": ""}, {"area_unit": "acre"}, {"area": -1},
                  {"elements": {"mood": "differs"}}, {"photos": [1]}, {"land_kind": "sea"}):  # fmt: skip
        assert desk.refused(clue, "verify.record", visited="2026-03-04", **{**site, **wrong}).kind == "value", wrong
    desk.act(clue, "verify.record", visited="2026-03-04", **site)
    assert desk.refused(clue, "verify.end", result="R1", ended="2026-03-03").name == "ended_in_order"
    assert desk.refused(clue, "verify.end", result="R1", ended="2026-03-10").name == "ended_in_order"
    desk.act(clue, "verify.end", result="R1", ended="2026-03-05")
    assert desk.clock(clue, "result").due.isoformat() == "2026-03-12", "five days from the end, not from today"


def test_the_people_and_words_of_an_act_are_sealed(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "split", reason_text="王五另有一处占地")
    with db.reading() as session:
        row = session.scalars(select(Opinion)).one()
        assert "王五".encode() not in row.text
        assert "王五" not in str(session.scalars(select(Event.data)).all())
        assert session.scalar(select(func.count()).select_from(Unit)) > 3000


def test_split_keeps_base_reporters_and_owner(desk: Desk) -> None:
    clue = desk.clue(at=at("2026-02-27T09:00"))
    made = desk.act(clue, "split", reason_text="两处违法").made
    assert made is not None
    row = desk.read(made.id)
    assert (row.split_from, row.at, row.owner_unit_id) == (clue, at("2026-02-27T09:00"), desk.read(clue).owner_unit_id)
    assert desk.clock(made.id, "determination").due == desk.clock(clue, "determination").due
    assert row.no != desk.read(clue).no
    desk.act(made.id, "determine.P3", ground="N3")
    assert desk.tell(made.id) == 1
    assert desk.state(clue) == "to_determine"


def test_follow_ups_need_proof_and_a_withdrawal_stops_no_work(desk: Desk) -> None:
    clue = desk.clue(reporter={"name": "张三", "phone": "13800001234"})
    operator = desk.who(role=Role.OPERATOR)
    wrong = {"kind": "progress", "proof": "name_and_contact"}
    for proof in ({}, {"contact": "13800001234"}, {"name": "李四", "contact": "13800001234"}, {"name": "张三"}):
        assert desk.refused(clue, "follow_up", operator, **wrong, **proof).name == "proved"
    desk.act(clue, "follow_up", operator, **wrong, name="张三", contact="+86 138 0000 1234")
    code = desk.code(clue)
    desk.act(clue, "follow_up", operator, kind="withdrawal", proof="query_code", query_code=code, decline=True)
    desk.p1(clue)
    assert desk.kinds(clue) == []
    assert desk.clock(clue, "determination").ended_as == "nobody"
    desk.verified(clue, "R0")
    assert desk.read(clue).close_reason == "no_violation"


def test_guessing_query_codes_is_slowed_down(desk: Desk) -> None:
    for _ in range(10):
        with db.transaction() as session:
            assert casework.may_try_code(session, "203.0.113.7")
            casework.note_wrong_code(session, "203.0.113.7")
    with db.transaction() as session:
        assert not casework.may_try_code(session, "203.0.113.7")
        assert casework.may_try_code(session, "203.0.113.8")
    desk.go(timedelta(hours=2))
    with db.transaction() as session:
        assert casework.may_try_code(session, "203.0.113.7")
        casework.note_wrong_code(session, "203.0.113.7")
        assert casework.may_try_code(session, "203.0.113.7")


def test_nobody_can_be_reached_and_the_worker_says_so_later(desk: Desk) -> None:
    """The real outbox: a reporter without an address. The clock ends as tried, not told; the report adds nothing."""
    from hub.worker import drain

    clue = desk.clue(channel="email", number="03", reporter={"name": "张三"})
    desk.act(clue, "determine.P3", ground="N3")
    ended = desk.clock(clue, "determination")
    assert (ended.ended_as, desk.read(clue).close_reason) == ("exhausted", "out_of_scope")
    assert drain("light") >= 1, "the work row that tells casework"
    after = desk.clock(clue, "determination")
    assert (after.ended_as, after.stopped_at, desk.state(clue)) == ("exhausted", ended.stopped_at, "closed")
    with db.reading() as session:
        assert audit.verify(session).ok
