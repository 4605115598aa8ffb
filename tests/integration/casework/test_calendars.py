"""A notice pasted, confirmed by two people; open clocks recomputed, each logged; the rest stays (D10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.models import CalendarProposal, Event
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, Desk, at

NOTICE = (
    "关于2027年安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共3天。"  # invented: nobody knows it yet
)
CHANGE = "关于调整2026年放假安排的通知\n抗战胜利纪念日：2026年3月9日（周一）放假1天，3月14日（周六）上班。"


def propose(desk: Desk, text: str = NOTICE, **more: object) -> int:
    with db.transaction() as session:
        return casework.propose_calendar(session, desk.who(role=Role.LEAD), text, **more).id  # type: ignore[arg-type]


def test_two_people_confirm_and_open_clocks_are_recomputed(desk: Desk) -> None:
    desk.go("2026-12-29T09:00")
    untouched, moved, met = desk.clue(at=at("2026-12-07T09:00")), desk.clue(), desk.clue()
    desk.act(met, "determine.P3", ground="N3")
    desk.tell(met)
    before = desk.clock(moved, "determination")
    assert (before.due.isoformat(), before.provisional) == ("2027-01-07", True)
    with db.reading() as session:
        shown = casework.preview_calendar(session, NOTICE)
    assert (shown["off"], shown["warnings"]) == (["2027-01-01", "2027-01-02", "2027-01-03"], [])
    number = propose(desk)
    assert desk.clock(moved, "determination").provisional, "proposed is not confirmed"
    with pytest.raises(casework.RefusedError, match="第二人"), db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.LEAD), number)
    with db.transaction() as session:
        assert casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number) == 1
    after = desk.clock(moved, "determination")
    assert (after.due.isoformat(), after.provisional) == ("2027-01-08", False)
    assert desk.clock(untouched, "determination").due.isoformat() == "2026-12-16"
    assert desk.clock(met, "determination").due.isoformat() == "2027-01-07", "a met clock is not changed"
    with db.reading() as session:
        logged = session.scalars(select(Event).where(Event.act == "clock.recompute")).all()
        assert [(event.object, event.data["from"], event.data["to"]) for event in logged] == [
            (f"clue:{moved}", "2027-01-07", "2027-01-08")
        ]
    assert desk.clock(desk.clue(), "determination").due.isoformat() == "2027-01-08", "later clues use it too"


def test_a_change_inside_a_year_moves_running_clocks_only(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-04T09:00")
    number = propose(desk, CHANGE)
    with db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number)
    assert desk.clock(clue, "determination").due.isoformat() == "2026-03-12"
    with db.reading() as session:
        assert session.scalars(select(CalendarProposal.year)).one() is None, "its year was known already"


def test_a_local_layer_is_for_its_area(desk: Desk) -> None:
    here, there = desk.clue(), desk.clue("110105")
    with pytest.raises(casework.RefusedError, match="本级辖区"):
        propose(desk, CHANGE, unit_code=CITY)
    number = propose(desk, CHANGE, unit_code=COUNTY)
    with db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number)
    assert desk.clock(here, "determination").due.isoformat() == "2026-03-12"
    assert desk.clock(there, "determination").due.isoformat() == "2026-03-11"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "存疑"),
        ("关于2027年安排的通知\n一、元旦：2027年1月1日（周六）至3日（周日）放假，共3天。", "存疑"),
        ("关于2027年安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共4天。", "存疑"),
        ("明天放假", "存疑"),
    ],
)
def test_a_doubtful_notice_is_refused(desk: Desk, text: str, why: str) -> None:
    with pytest.raises(casework.RefusedError, match=why):
        propose(desk, text)


def test_the_same_notice_twice_and_people_without_the_right_are_refused(desk: Desk) -> None:
    number = propose(desk)
    with pytest.raises(casework.RefusedError, match="已经导入"):
        propose(desk)
    with pytest.raises(casework.RefusedError, match="无权"), db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.AUDITOR), number)
    with db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number)
    with pytest.raises(casework.RefusedError, match="没有等待"), db.transaction() as session:
        casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number)
