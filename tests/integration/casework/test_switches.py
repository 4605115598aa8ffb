"""Dated local switches by two people, the cut-off time of a unit, a city that handles directly (D9, E3, PRODUCT §6)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from hub import casework, db
from hub.casework import clocks, switches
from hub.casework.switches import in_force
from hub.jurisdiction import units
from hub.models import Clock, Clue, Event, LocalSwitch, Unit
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, PROVINCE, SIBLING, Desk, at

TODAY = date(2026, 3, 2)
WHY = "市局〔2026〕1号"


def propose(desk: Desk, unit: str, name: str, value: Any, since: date = TODAY, channel: str = "") -> int:
    with db.transaction() as session:
        who = desk.who(unit, Role.LEAD, "one")
        return casework.propose_switch(session, who, unit, name, value, since, reason=WHY, channel=channel).id


def confirm(desk: Desk, unit: str, number: int) -> None:
    with db.transaction() as session:
        casework.confirm_switch(session, desk.who(unit, Role.SUPERVISOR, "two"), number)


def switch(desk: Desk, unit: str, name: str, value: Any, since: date = TODAY, channel: str = "") -> None:
    confirm(desk, unit, propose(desk, unit, name, value, since, channel))


def chosen(code: str, name: str, day: date = TODAY, channel: str = "phone") -> Any:
    with db.reading() as session:
        unit = units.by_code(session, code)
        assert unit is not None
        return in_force(session, unit.id, channel, day)[name]


def test_two_people_and_a_day_that_is_not_past(desk: Desk) -> None:
    number = propose(desk, COUNTY, "ask_first", value=False)
    assert chosen(COUNTY, "ask_first") is True, "one person changes nothing"
    with db.transaction() as session:
        with pytest.raises(casework.RefusedError, match="第二人"):
            casework.confirm_switch(session, desk.who(COUNTY, Role.LEAD, "one"), number)
        with pytest.raises(casework.RefusedError, match="没有等待确认"):
            casework.confirm_switch(session, desk.who(SIBLING, Role.LEAD), number)
        with pytest.raises(casework.RefusedError, match="无权"):
            casework.confirm_switch(session, desk.who(COUNTY), number)
    confirm(desk, COUNTY, number)
    assert (chosen(COUNTY, "ask_first"), chosen(SIBLING, "ask_first")) == (False, True)
    with pytest.raises(casework.RefusedError, match="没有等待确认"):
        confirm(desk, COUNTY, number)
    waits = propose(desk, COUNTY, "escalation", "total")
    desk.go("2026-03-03T09:00")
    with pytest.raises(casework.RefusedError, match="不能早于今天"):
        confirm(desk, COUNTY, waits)
    with db.reading() as session:
        acts = session.execute(select(Event.act, Event.data).where(Event.object == f"switch:{number}")).all()
        assert [row.act for row in acts] == ["propose", "confirm"]
        assert acts[0].data["value"] is False
    with pytest.raises(IntegrityError, match="second_person"), db.transaction() as session:
        session.execute(text("update local_switch set confirmed_by = by_user, confirmed_at = now()"))


WRONG: list[tuple[str, str, object, date, str]] = [
    (COUNTY, "determination_days", 9, TODAY, "法定时限不能改动"),
    (COUNTY, "after_designation", "never", TODAY, "restart"),
    (COUNTY, "cutoff", "25:00", TODAY, "17:30"),
    (COUNTY, "cutoff", 17, TODAY, "17:30"),
    (COUNTY, "ask_first", "no", TODAY, "是或否"),
    (COUNTY, "transfer_days", 0, TODAY, "1 至 30"),
    (COUNTY, "transfer_days", True, TODAY, "1 至 30"),
    (COUNTY, "direct", True, TODAY, "市级单位"),
    (COUNTY, "ask_first", True, date(2026, 3, 1), "不能早于今天"),
]


def test_what_may_not_be_chosen(desk: Desk) -> None:
    for unit, name, value, since, words in WRONG:
        with pytest.raises(casework.RefusedError, match=words):
            propose(desk, unit, name, value, since)


def test_who_may_not_choose(desk: Desk) -> None:
    with db.reading() as session:
        for who, unit, why in (
            (desk.who(), COUNTY, WHY), (desk.who(SIBLING, Role.LEAD), COUNTY, WHY),
            (desk.who(COUNTY, Role.LEAD), CITY, WHY), (desk.who(COUNTY, Role.LEAD), COUNTY, " "),
            (desk.who(COUNTY, Role.LEAD), "nowhere", WHY),
        ):  # fmt: skip
            with pytest.raises(casework.RefusedError):
                casework.propose_switch(session, who, unit, "ask_first", value=False, since=TODAY, reason=why)
    propose(desk, COUNTY, "ask_first", value=False)
    with pytest.raises(casework.RefusedError, match="已经设置"):
        propose(desk, COUNTY, "ask_first", value=True)


def test_the_nearest_unit_then_the_channel_then_the_later_day(desk: Desk) -> None:
    switch(desk, PROVINCE, "transfer_days", 3)
    switch(desk, CITY, "transfer_days", 4, channel="wechat")
    switch(desk, CITY, "transfer_days", 6)
    switch(desk, CITY, "transfer_days", 8, since=date(2026, 3, 9))
    assert chosen(PROVINCE, "transfer_days") == chosen("430100", "transfer_days") == 3
    assert (chosen(COUNTY, "transfer_days"), chosen(COUNTY, "transfer_days", channel="wechat")) == (6, 4)
    assert chosen(COUNTY, "transfer_days", date(2026, 3, 9)) == 8
    assert chosen(COUNTY, "transfer_days", date(2026, 3, 1)) == chosen(MINISTRY, "transfer_days") == 5


def test_a_clue_keeps_what_governed_its_day(desk: Desk) -> None:
    old = desk.clue()
    switch(desk, COUNTY, "ask_first", value=False, since=date(2026, 3, 3))
    desk.go("2026-03-03T09:00")
    new = desk.clue()
    with db.reading() as session:
        found = [switches.switches(session, session.get_one(Clue, one))["ask_first"] for one in (old, new)]
    assert found == [True, False]
    assert desk.refused(old, "determine.P5", missing="place").name == "asked_first"
    desk.act(new, "determine.P5", missing="place")


def test_the_cut_off_decides_late_and_moves_no_day(desk: Desk) -> None:
    switch(desk, COUNTY, "cutoff", "17:30")
    clues = [desk.clue(), desk.clue(), desk.clue(SIBLING)]
    late_base = desk.clue(at=at("2026-03-02T08:00"))
    for clue, unit in zip(clues, (COUNTY, COUNTY, SIBLING), strict=True):
        desk.act(clue, "determine.P3", desk.who(unit), ground="N3")
    due = {desk.clock(clue, "determination").due for clue in (*clues, late_base)}
    assert due == {date(2026, 3, 11)}, "the base day is never moved"
    for moment, clue in (("17:29", clues[0]), ("17:30", clues[1]), ("23:59", clues[2])):
        desk.go(f"2026-03-11T{moment}")
        desk.tell(clue)
    assert [desk.clock(clue, "determination").late for clue in clues] == [False, True, False]
    with db.reading() as session:
        rows = [session.scalars(select(Clock).where(Clock.clue_id == clue)).one() for clue in clues]
        last = [clocks.explain(session, row).days[-1].why for row in rows]
        assert last == ["周三，工作日，第7个工作日，17:30截止"] * 2 + ["周三，工作日，第7个工作日"]
        assert [clocks.explain(session, row).due for row in rows] == [row.due for row in rows]


def test_the_cut_off_judges_an_act_too(desk: Desk) -> None:
    switch(desk, COUNTY, "cutoff", "17:30")
    clue = desk.clue()
    desk.go("2026-03-04T17:30")
    desk.act(clue, "escalate", reason="unclear")
    judged = next(row for row in desk.clocks(clue) if row.kind == "escalation")
    assert (judged.due, judged.late) == (date(2026, 3, 4), True)


def test_internal_limits_by_place(desk: Desk) -> None:
    switch(desk, CITY, "hand_down_days", 3)
    switch(desk, CITY, "transfer_days", 2)
    clue = desk.clue(CITY)
    desk.go("2026-03-05T10:00")
    desk.act(clue, "hand_down", desk.who(CITY, Role.LEAD), unit=COUNTY)
    handed = desk.clock(clue, "hand_down")
    assert (handed.days, handed.late) == (3, False)
    desk.act(clue, "transfer", department="农业农村主管部门", stage="verify")
    assert (desk.clock(clue, "transfer").days, desk.clock(clue, "transfer").due) == (2, date(2026, 3, 9))


def test_continued_days_and_one_total(desk: Desk) -> None:
    switch(desk, PROVINCE, "after_designation", "continue")
    switch(desk, PROVINCE, "escalation", "total")
    clue = desk.clue()
    desk.act(clue, "escalate", reason="crosses", units=["430102"])
    desk.go("2026-03-04T10:00")
    desk.act(clue, "refer_on", desk.who(CITY, Role.LEAD), reason="crosses")
    assert desk.clock(clue, "escalation").due == date(2026, 3, 4), "one total for all hops"
    chief = desk.who(PROVINCE, Role.LEAD)
    desk.act(clue, "designate", chief, unit=COUNTY, issued="2026-03-04")
    desk.go("2026-03-06T10:00")
    desk.act(clue, "redesignate", chief, unit=SIBLING, issued="2026-03-06")
    rows = [row for row in desk.clocks(clue) if row.kind == "after_designation"]
    assert [(row.number, row.due) for row in rows] == [(1, date(2026, 3, 13))]


def confirmed_place(desk: Desk, clue: int, unit: str, code: str = COUNTY) -> None:
    with db.transaction() as session:
        casework.confirm(session, desk.who(unit), session.get_one(Clue, clue), "place", {"code": code, "name": "x"})


def test_a_city_that_handles_directly(desk: Desk) -> None:
    switch(desk, CITY, "direct", value=True, since=date(2026, 3, 3))
    before = desk.clue()
    desk.go("2026-03-03T09:00")
    county, beside, city = desk.clue(), desk.clue("430100"), desk.clue(CITY)
    desk.p1(before)
    refused = desk.refused(county, "determine.P1", place=COUNTY, **{"class": "T2"})
    assert (refused.name, "市级" in str(refused)) == ("ours", True)
    for clue, unit in ((county, COUNTY), (beside, "430100")):
        confirmed_place(desk, clue, unit)
        assert desk.refused(clue, "hand_down", desk.who(unit), unit=SIBLING).name == "unit_takes"
        base = desk.clock(clue, "determination").base
        desk.act(clue, "hand_down", desk.who(unit), unit=CITY)
        assert desk.clock(clue, "determination").base == base
    for clue in (county, beside, city):
        desk.p1(clue, desk.who(CITY))
        assert desk.state(clue) == "verifying"


def test_a_unit_designated_acts_also_where_the_city_handles_directly(desk: Desk) -> None:
    switch(desk, CITY, "direct", value=True)
    clue = desk.clue()
    desk.act(clue, "escalate", reason="unclear")
    desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=COUNTY, issued="2026-03-02")
    desk.p1(clue)
    assert desk.state(clue) == "verifying"


def test_rows_stand_for_ever(desk: Desk) -> None:
    switch(desk, COUNTY, "ask_first", value=False)
    desk.go(timedelta(days=30))
    switch(desk, COUNTY, "ask_first", value=True, since=date(2026, 4, 1))
    with db.reading() as session:
        rows = session.scalars(select(LocalSwitch).order_by(LocalSwitch.id)).all()
        assert [(row.since, row.value["value"]) for row in rows] == [(TODAY, False), (date(2026, 4, 1), True)]
        assert session.get_one(Unit, rows[0].unit_id).code == COUNTY
