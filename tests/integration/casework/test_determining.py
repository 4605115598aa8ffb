"""Determinations that need something to stand first: P5 asks, P4 needs the same reporter, a wrong one is corrected."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from hub import casework, db
from hub.models import Event
from hub.terms import Role
from tests.integration.casework.conftest import SIBLING, Desk, at

P4 = {"same_place": True, "same_respondent": True, "same_facts": True}


def test_supplement_asks_first_and_stands_on_the_query_page(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.refused(clue, "determine.P5", missing="place").name == "asked_first"
    desk.act(clue, "ask", desk.who(role=Role.OPERATOR), how="call", missing="place", words="无人接听")
    desk.act(clue, "determine.P5", missing="place")
    desk.tell(clue)
    assert desk.read(clue).close_reason == "supplement"

    silent = desk.clue(reporter={"name": "李四"})  # a name alone is no contact
    desk.act(silent, "determine.P5", missing="facts")
    desk.tell(silent)
    assert desk.state(silent) == "to_tell"
    desk.go("2026-03-11T18:00")
    assert desk.refused(silent, "close.supplement").name == "question_stood"
    desk.go("2026-03-12T09:00")
    desk.act(silent, "close.supplement")
    assert desk.read(silent).close_reason == "supplement"
    for never in ("respondent", "evidence", "name"):
        assert desk.refused(desk.clue(), "determine.P5", missing=never).kind == "value"


def test_a_resubmission_after_p5_is_a_new_clue_with_its_own_clock_and_the_same_handler(desk: Desk) -> None:
    clue = desk.clue()
    handler = desk.who()
    desk.act(clue, "assign", handler=handler.user_id)
    desk.act(clue, "ask", how="call", missing="place")
    desk.act(clue, "determine.P5", missing="place")
    assert not casework.takes_material(desk.read(clue))
    desk.go("2026-03-09T09:00")
    again = desk.clue(supplement_of=clue)
    row = desk.read(again)
    assert (row.supplement_of, row.handler_id) == (clue, handler.user_id)
    assert desk.clock(again, "determination").base.isoformat() == "2026-03-09"


def test_duplicate_needs_the_same_reporter_established(desk: Desk) -> None:
    earlier = desk.clue(reporter={"openid": "o-1", "phone": "13800000001"})
    desk.go(timedelta(hours=1))
    by_openid = desk.clue(reporter={"openid": "o-1"}, channel="wechat", number="07")
    desk.act(by_openid, "determine.P4", earlier_clue=earlier, same_reporter="openid", **P4)
    assert desk.read(by_openid).duplicate_of == earlier

    by_phone = desk.clue(reporter={"phone": "13800000001"})
    claim = {"earlier_clue": earlier, **P4}
    assert desk.refused(by_phone, "determine.P4", same_reporter="openid", **claim).name == "same_person"
    assert desk.refused(by_phone, "determine.P4", same_reporter="phone", **claim).kind == "value"
    assert desk.refused(by_phone, "determine.P4", same_reporter="confirmed", **claim).name == "same_person"
    words = {"confirmation": "回电核对姓名住址一致"}
    with db.transaction() as session:
        casework.mark_shared(session, desk.who(), "phone", "138 0000 0001")
    assert desk.refused(by_phone, "determine.P4", same_reporter="confirmed", **words, **claim).name == "not_shared"

    stranger = desk.clue(reporter={"phone": "13900000009"})
    assert desk.refused(stranger, "determine.P4", same_reporter="confirmed", **words, **claim).name == "same_person"
    code = desk.code(earlier)
    assert desk.refused(stranger, "determine.P4", same_reporter="query_code", query_code="AAAA-BBBB-CCCC", **claim)
    desk.act(stranger, "determine.P4", same_reporter="query_code", query_code=code.lower().replace("-", " "), **claim)

    nobody = desk.clue(reporter={})
    assert desk.refused(nobody, "determine.P4", same_reporter="openid", **claim).name == "same_person"
    identified = desk.clue(reporter={"id_number": "430922199001011234"})
    other = desk.clue(reporter={"id_number": "430922199001011234"})
    claim["earlier_clue"] = identified
    assert desk.refused(other, "determine.P4", same_reporter="id_number", **claim).name == "same_person", "not verified"
    desk.act(other, "determine.P4", same_reporter="id_number", id_verified=True, **claim)
    with db.reading() as session:
        kept = session.scalars(select(Event.data).where(Event.act == "determine.P4")).all()
    assert all("query_code" not in data and "confirmation" not in data for data in kept), "codes and ids only"


def test_never_p4_after_p3_p5_with_new_evidence_or_into_the_future(desk: Desk) -> None:
    person = {"openid": "o-1"}
    first = desk.clue(reporter=person)
    desk.go(timedelta(hours=1))
    second = desk.clue(reporter=person)
    claim = {"same_reporter": "openid", **P4}
    desk.act(first, "determine.P3", ground="N3")
    assert desk.refused(second, "determine.P4", earlier_clue=first, **claim).name == "earlier_still_answers"
    third = desk.clue(reporter=person)
    for name, guard in (("renewed", "nothing_new"), ("new_evidence", "nothing_new")):
        assert desk.refused(third, "determine.P4", earlier_clue=second, **claim, **{name: True}).name == guard
    assert desk.refused(second, "determine.P4", earlier_clue=third, **claim).name == "earlier_is_earlier"
    assert desk.refused(second, "determine.P4", earlier_clue=second, **claim).name == "earlier_is_earlier"
    far = desk.clue(SIBLING, at("2026-03-01T09:00"), reporter=person)
    assert desk.refused(second, "determine.P4", earlier_clue=far, **claim).name == "earlier_is_earlier", "not visible"


def test_the_reporter_of_a_duplicate_gets_the_first_result(desk: Desk) -> None:
    person = {"openid": "o-1"}
    first = desk.clue(reporter=person)
    desk.go(timedelta(hours=1))
    again = desk.clue(reporter=person)
    desk.act(again, "determine.P4", earlier_clue=first, same_reporter="openid", **P4)
    desk.tell(again)
    assert desk.state(again) == "closed"
    desk.p1(first)
    desk.verified(first, "R0")
    assert desk.kinds(again) == ["duplicate", "no_violation"]
    assert desk.state(again) == "closed", "its own clocks do not depend on it"


def test_a_corrected_determination(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N3")
    desk.go("2026-03-13T09:00")
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    lead = desk.who(role=Role.LEAD)
    desk.go("2026-03-16T09:00")
    desk.act(clue, "reopen.determination", lead, reason_text="属受理范围")
    assert desk.kinds(clue) == ["out_of_scope", "correction"]
    first, second = (row for row in desk.clocks(clue) if row.kind == "determination")
    assert (first.late, first.ended_as, second.number) == (True, "told", 2)
    assert second.due.isoformat() == "2026-03-25"
    desk.p1(clue)
    desk.tell(clue)
    assert desk.clock(clue, "determination").ended_as == "told"
    desk.verified(clue, "R0")
    desk.act(clue, "reopen.result", lead, reason_text="面积测错")
    assert desk.state(clue) == "verifying"
    assert desk.kinds(clue).count("correction") == 1, "the result was not sent yet: taken back, nothing to correct"
    desk.verified(clue, "R1")
    assert [row.number for row in desk.clocks(clue) if row.kind == "result"] == [1], "untold: the old days run on"
    desk.tell(clue)
    assert desk.read(clue).close_reason == "violation"
