"""Major clues: marked by a person, proposed by rules, reported to the superior the same day (B9, F11)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from hub import casework, db
from hub.law.importance import CRITERIA, Known, signs
from hub.law.workflow import rule
from hub.models import Clue, Event
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, OFFICERS, PROVINCE, SIBLING, Desk

WHY = {"criterion": "farmland", "reason_text": "占用永久基本农田二十亩"}


def test_reported_the_same_day(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-07T16:00")  # a Saturday: the same day all the same
    desk.act(clue, "mark.major", **WHY)
    row = desk.clock(clue, "major_report")
    assert (row.base, row.due, row.days, row.late) == (date(2026, 3, 7), date(2026, 3, 7), 0, False)
    desk.go("2026-03-07T23:59")
    desk.act(clue, "report.major", reason_text="现将情况报告如下")
    row = desk.clock(clue, "major_report")
    assert (row.ended_as, row.late) == ("done", False)
    with db.reading() as session:
        found = casework.reported_to(session, desk.who(CITY, Role.SUPERVISOR))
        assert [(one.clue_id, one.late) for one in found] == [(clue, False)]
        assert casework.reported_to(session, desk.who(PROVINCE, Role.SUPERVISOR)) == [], "to the next superior"
        assert casework.reported_to(session, desk.who(SIBLING, Role.SUPERVISOR)) == []
        event = session.scalars(select(Event).where(Event.act == "mark.major")).one()
        assert event.data["criterion"] == "farmland"
        assert "基本农田" not in str(event.data), "words are sealed"


def test_a_day_later_is_late(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "mark.major", **WHY)
    desk.go("2026-03-03T00:00")
    desk.act(clue, "report.major", reason_text="补报")
    assert desk.clock(clue, "major_report").late
    with db.reading() as session:
        assert [one.late for one in casework.reported_to(session, desk.who(CITY, Role.LEAD))] == [True]


def test_marked_again_and_back(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    assert desk.refused(clue, "report.major", reason_text="x").name == "is_major"
    assert (
        desk.refused(clue, "mark.importance", lead, importance="ordinary", reason_text="x").name == "other_importance"
    )
    desk.act(clue, "mark.major", **WHY)
    assert desk.refused(clue, "mark.major", **WHY).name == "not_major"
    assert desk.refused(clue, "mark.importance", importance="important", reason_text="x").kind == "role"
    desk.act(clue, "mark.importance", lead, importance="important", reason_text="面积核实后不足五亩")
    assert desk.read(clue).importance == "important"
    assert desk.clock(clue, "major_report").ended_as == "superseded"
    with db.transaction() as session, pytest.raises(IntegrityError, match="ck_clue_importance"):
        session.execute(update(Clue).values(importance="huge"))


def test_who_has_no_superior_reports_to_nobody(desk: Desk) -> None:
    clue = desk.clue(MINISTRY)
    desk.act(clue, "mark.major", desk.who(MINISTRY), **WHY)
    assert desk.clock(clue, "major_report").ended_as == "nobody"
    assert desk.refused(clue, "report.major", desk.who(MINISTRY), reason_text="x").name == "superior_above"


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (
            Known(land_kind="permanent_basic_farmland", area_m2=5 * 10_000 / 15),
            [("farmland", "major"), ("farmland", "important")],
        ),
        (Known(land_kind="permanent_basic_farmland", area_m2=3_300), [("farmland", "important")]),
        (Known(land_kind="other_arable", area_m2=10 * 10_000 / 15), [("farmland", "major")]),
        (Known(land_kind="other_arable", area_m2=6_600), []),
        (Known(land_kind="construction", area_m2=1e6), []),
        (Known(class_code="T1"), [("approval", "major")]),
        (Known(class_code="K3"), [("approval", "major")]),
        (Known(class_code="T2"), []),
        (Known(channel="referral", urgent=True), [("danger", "important"), ("leader", "important")]),
        (Known(channel="media"), [("media", "important")]),
    ],
)
def test_what_the_rules_propose(known: Known, found: list[tuple[str, str]]) -> None:
    assert [(sign.criterion, sign.level) for sign in signs(known, date(2026, 3, 2))] == found
    assert signs(known, date(2009, 6, 24)) == [], "dated"
    assert {need.name: need.one_of for need in rule("mark.major").needs}["criterion"] == CRITERIA


def test_signs_are_read_from_the_site_record_and_set_nothing(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P1", place=COUNTY, **{"class": "T2"})
    desk.act(clue, "verify.start", officers=OFFICERS, started="2026-03-02")
    desk.act(
        clue, "verify.record", visited="2026-03-02", area=0.4, area_unit="ha", land_kind="permanent_basic_farmland"
    )
    with db.reading() as session:
        found = casework.signs(session, session.get_one(Clue, clue))
    assert [(sign.criterion, sign.level) for sign in found] == [("farmland", "major"), ("farmland", "important")]
    assert desk.read(clue).importance == "ordinary", "a person decides"
