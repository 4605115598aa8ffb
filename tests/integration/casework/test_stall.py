"""Who is warned, and of verifications that stand still: each once, whatever happens to the sweep (H4, F32)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from hub import casework, db
from hub.access import audit
from hub.access.people import Actor
from hub.models import Event, StallAlert
from hub.terms import Role
from tests.integration.casework.conftest import CITY, MINISTRY, OFFICERS, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_sweep import two_at_once


def sweep(limit: int = 500) -> list[casework.Warned]:
    with db.transaction() as session:
        return casework.sweep(session, limit)


def shown(who: Actor) -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(one.what, one.point) for one in casework.alerts(session, who)]


def verifying(desk: Desk, day: str = "2026-03-02") -> int:
    clue = desk.clue()
    desk.p1(clue)
    desk.act(clue, "verify.start", officers=OFFICERS, started=day)
    desk.tell(clue)
    return clue


def test_nothing_logged_for_fifteen_and_thirty_working_days(desk: Desk) -> None:
    clue = verifying(desk)  # the 15th working day is 2026-03-23, the 30th 2026-04-14 (one day off for Qingming)
    given: list[tuple[str, str, str]] = []
    for day in ("03-22", "03-23", "03-24", "03-24", "03-25", "04-14", "04-15", "04-15", "05-20"):
        desk.go(f"2026-{day}T09:00")
        given += [(day, one.point, one.role) for one in sweep()]
    assert given == [("03-24", "lead", Role.LEAD), ("04-15", "superior", Role.SUPERVISOR)]
    assert shown(desk.who(role=Role.LEAD)) == [("verification", "lead")]
    assert shown(desk.who(CITY, Role.SUPERVISOR)) == [("verification", "superior")]
    for who in (desk.who(), desk.who(PROVINCE, Role.SUPERVISOR), desk.who(SIBLING, Role.LEAD)):
        assert shown(who) == []
    with db.reading() as session:
        rows = session.scalars(select(StallAlert).order_by(StallAlert.id)).all()
        assert {row.since for row in rows} == {date(2026, 3, 2)}
        assert audit.verify(session).ok
    desk.act(clue, "verify.end", result="R0", ended="2026-05-20")
    assert shown(desk.who(role=Role.LEAD)) == [], "it stands still no more"


def test_what_is_logged_begins_a_new_stretch(desk: Desk) -> None:
    clue = verifying(desk)
    desk.go("2026-03-20T10:00")
    desk.act(clue, "verify.record", visited="2026-03-20")
    desk.go("2026-04-10T09:00")
    assert sweep() == [], "15 working days since the visit end on the 13th"
    desk.go("2026-04-14T09:00")
    assert [one.point for one in sweep()] == ["lead"]
    desk.act(clue, "verify.record", visited="2026-04-14")
    desk.go("2026-05-09T09:00")
    assert [one.point for one in sweep()] == ["lead"], "the next stretch is told of once more"
    assert sweep() == []


def test_down_for_weeks_and_two_sweeps_at_once(desk: Desk) -> None:
    clues = [verifying(desk) for _ in range(4)]
    desk.go("2026-04-20T09:00")
    assert two_at_once(sweep) == 2 * len(clues)
    with db.reading() as session:
        wanted = select(func.count()).select_from(Event).where(Event.act == "verification.stalled")
        assert session.scalar(wanted) == 2 * len(clues)


def test_warnings_go_from_the_handler_to_the_head_to_the_superior(desk: Desk) -> None:
    clue, handler = desk.clue(), desk.who()
    desk.act(clue, "assign", desk.who(role=Role.LEAD), handler=handler.user_id)
    other = desk.clue()  # nobody's yet: its head is warned
    for day in ("2026-03-10T09:00", "2026-03-12T09:00"):
        desk.go(day)
        found = {(one.clue_id, one.user_id, one.role) for one in sweep()}
        assert found == {(clue, handler.user_id, Role.HANDLER), (other, None, Role.LEAD)}
    desk.go("2026-03-17T09:00")  # the sweep was down for three working days
    late = {(one.clue_id, one.point, one.role, one.unit_id) for one in sweep()}
    county, city = handler.unit_id, desk.who(CITY).unit_id
    assert late == {
        (number, point, role, unit)
        for number in (clue, other)
        for point, role, unit in (("head", Role.LEAD, county), ("superior", Role.SUPERVISOR, city))
    }
    assert [point for _, point in shown(handler)] == ["overdue", "due", "near"]
    assert sorted(point for _, point in shown(desk.who(role=Role.LEAD))) == ["due", "head", "head", "near", "overdue"]
    assert [point for _, point in shown(desk.who(CITY, Role.SUPERVISOR))] == ["superior", "superior"]
    assert shown(desk.who(name="b")) == [], "another handler's clue"
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    assert shown(handler) == [], "a clock that has stopped warns nobody"


def test_above_the_ministry_is_nobody(desk: Desk) -> None:
    desk.clue(MINISTRY)
    desk.go("2026-03-20T09:00")
    superior = [one for one in sweep() if one.point == "superior"]
    assert [(one.unit_id, one.role) for one in superior] == [(desk.who(MINISTRY).unit_id, Role.LEAD)]


def test_an_order_is_warned_of_like_a_limit_of_the_law(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "supervise.order", desk.who(CITY, Role.SUPERVISOR), due="2026-03-05", reason_text="限期核查")
    desk.go("2026-03-06T09:00")
    points = sorted(one.point for one in sweep())
    assert points == ["due", "near", "overdue"]
    assert ("order", "overdue") in shown(desk.who(role=Role.LEAD))
