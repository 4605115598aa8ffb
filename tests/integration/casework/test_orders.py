"""Letters, orders, leaders' referrals with their day; the second order counted; circulars; extension (H2, H3, D6)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels import contract
from hub import casework, db, intake
from hub.access import audit
from hub.casework import switches
from hub.models import Clue, Directive, Event, Intake
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, PROVINCE, SIBLING, START, Desk
from tests.integration.casework.test_calendars import CHANGE

WORDS = {"reason_text": "请依法核查，按期报告"}


def counts(desk: Desk, unit: str = CITY) -> list[tuple[Any, ...]]:
    with db.reading() as session:
        found = casework.supervised(session, desk.who(unit, Role.SUPERVISOR), date(2026, 3, 1), date(2026, 3, 31))
    return [(one.kind, one.asked, one.again, one.in_time, one.late, one.open, one.overdue) for one in found]


def test_an_order_and_its_reply(desk: Desk) -> None:
    clue, above = desk.clue(), desk.who(CITY, Role.SUPERVISOR)
    desk.act(clue, "supervise.order", above, due="2026-03-08", **WORDS)  # a Sunday: the date in the order is the date
    row = desk.clock(clue, "order")
    assert (row.base, row.due, row.article) == (date(2026, 3, 2), date(2026, 3, 8), "第十六条")
    desk.go("2026-03-08T23:59")
    desk.act(clue, "reply.order", reason_text="已核查")
    row = desk.clock(clue, "order")
    assert (row.ended_as, row.late) == ("done", False)
    assert counts(desk) == [("order", 1, 0, 1, 0, 0, 0)]
    assert desk.refused(clue, "reply.order", reason_text="再复").name == "order_waits"


def test_the_second_order_is_counted_and_the_first_stays_late(desk: Desk) -> None:
    clue, above = desk.clue(), desk.who(CITY, Role.SUPERVISOR)
    desk.act(clue, "supervise.order", above, due="2026-03-04", **WORDS)
    desk.go("2026-03-05T09:00")
    assert counts(desk) == [("order", 1, 0, 0, 0, 1, 1)]
    desk.act(clue, "supervise.order", desk.who(PROVINCE, Role.LEAD), due="2026-03-10", **WORDS)
    first, second = [row for row in desk.clocks(clue) if row.kind == "order"]
    assert (first.ended_as, first.late) == ("superseded", True)
    assert (second.number, second.due, second.stopped_at) == (2, date(2026, 3, 10), None)
    with db.reading() as session:
        assert [row.number for row in casework.directives(session, session.get_one(Clue, clue))] == [1, 2]
    desk.act(clue, "reply.order", reason_text="已核查")
    assert counts(desk) == [("order", 2, 1, 1, 1, 0, 0)], "one reply answers both, the first too late"
    assert counts(desk, COUNTY) == counts(desk)
    assert counts(desk, SIBLING) == []


def test_a_verification_letter_is_for_major_clues(desk: Desk) -> None:
    clue, above = desk.clue(), desk.who(CITY, Role.LEAD)
    assert desk.refused(clue, "supervise.letter", above, due="2026-03-20", **WORDS).name == "is_major"
    desk.act(clue, "mark.major", criterion="approval", reason_text="反映违法批地")
    desk.act(clue, "report.major", reason_text="报告")
    desk.act(clue, "supervise.letter", above, due="2026-03-20", **WORDS)
    desk.act(clue, "supervise.order", above, due="2026-03-25", **WORDS)
    desk.go("2026-03-21T00:00")
    desk.act(clue, "reply.letter", reason_text="核查情况")
    assert desk.clock(clue, "letter").late
    assert desk.clock(clue, "order").stopped_at is None, "each has its own reply"


def test_who_orders_whom(desk: Desk) -> None:
    clue = desk.clue()
    data = {"due": "2026-03-20", **WORDS}
    for who in (desk.who(role=Role.LEAD), desk.who(SIBLING, Role.SUPERVISOR)):
        assert desk.refused(clue, "supervise.order", who, **data).kind == "unit"
    assert desk.refused(clue, "supervise.order", desk.who(CITY), **data).kind == "role"
    above = desk.who(CITY, Role.SUPERVISOR)
    assert desk.refused(clue, "supervise.order", above, due="2026-03-01", **WORDS).name == "due_ahead"
    assert desk.refused(clue, "supervise.order", above, due="soon", **WORDS).kind == "value"
    assert desk.refused(clue, "supervise.order", above, due="2026-03-20").name == "reason_text"
    desk.act(clue, "supervise.order", above, **data)
    assert desk.refused(clue, "reply.order", above, reason_text="x").kind in ("role", "unit")


def test_an_order_outlives_the_close_and_no_calendar_moves_it(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "supervise.order", desk.who(CITY, Role.SUPERVISOR), due="2026-03-20", **WORDS)
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    assert desk.state(clue) == "closed", "an order is no way to keep a clue open"
    assert desk.clock(clue, "order").stopped_at is None
    with db.transaction() as session:
        keepers = [desk.who(role=Role.LEAD), desk.who(role=Role.LEAD, name="b")]
        row = casework.propose_calendar(session, keepers[0], CHANGE, unit_code=COUNTY)
        casework.confirm_calendar(session, keepers[1], row.id)
    assert desk.clock(clue, "order").due == date(2026, 3, 20)
    desk.act(clue, "reply.order", reason_text="已办结")
    assert not desk.clock(clue, "order").late


def test_a_leaders_referral_starts_its_clock(desk: Desk) -> None:
    clue = desk.clue(channel="referral", number="04", due=date(2026, 3, 12))
    row = desk.clock(clue, "referral")
    assert (row.base, row.due, row.stopped_at) == (date(2026, 3, 2), date(2026, 3, 12), None)
    desk.go("2026-03-13T09:00")
    desk.act(clue, "reply.referral", reason_text="办理情况报告")
    assert desk.clock(clue, "referral").late
    assert counts(desk) == [("referral", 1, 0, 0, 1, 0, 0)]
    for other in (desk.clue(channel="referral", number="04"),
                  desk.clue(channel="referral", number="04", due=date(2026, 3, 1))):  # fmt: skip
        assert [row.kind for row in desk.clocks(other)] == ["determination"]
        assert desk.refused(other, "reply.referral", reason_text="x").name == "referral_waits"


def test_a_circular_is_marked(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.refused(clue, "circulate", desk.who(role=Role.LEAD), document_no="1号").kind == "unit"
    desk.act(clue, "circulate", desk.who(PROVINCE, Role.LEAD), document_no="通报〔2026〕3号")
    assert desk.read(clue).circular
    with db.reading() as session:
        event = session.scalars(select(Event).where(Event.act == "circulate")).one()
        assert event.data["article"] == "第十六条"
        assert "2026" not in str(event.data.get("document_no", ""))
        assert audit.verify(session).ok


@pytest.fixture
def longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A jurisdiction whose rules know an extension."""
    before = switches.in_force
    monkeypatch.setattr(switches, "in_force", lambda *given: {**before(*given), "extension": True})


EXTENSION = {"clock": "determination", "days": 5, "reason_text": "案情复杂"}


def propose(desk: Desk, clue_id: int, **data: Any) -> int:
    with db.transaction() as session:
        return casework.propose(session, desk.who(), session.get_one(Clue, clue_id), "extend", data).id


def approve(desk: Desk, proposal: int) -> None:
    with db.transaction() as session:
        casework.decide(session, desk.who(role=Role.LEAD), proposal, "approve", "")


def chain(desk: Desk) -> None:
    with db.transaction() as session:
        casework.set_chain(session, desk.who(role=Role.LEAD), "extend", [casework.Step("审批", Role.LEAD)])


def test_the_measures_know_no_extension(desk: Desk) -> None:
    clue = desk.clue()
    chain(desk)
    assert "没有延长时限的规定" in str(desk.refused(clue, "extend", **EXTENSION))
    with pytest.raises(casework.RefusedError, match="没有延长时限的规定"):
        propose(desk, clue, **EXTENSION)


def test_extended_with_approval_before_expiry(desk: Desk, longer: None) -> None:
    clue = desk.clue()
    assert desk.refused(clue, "extend", **EXTENSION).name == "extension_approved", "never without approval"
    chain(desk)
    proposal = propose(desk, clue, **EXTENSION)
    assert desk.clock(clue, "determination").due == date(2026, 3, 11), "not yet"
    desk.go("2026-03-11T23:00")  # the last day
    approve(desk, proposal)
    row = desk.clock(clue, "determination")
    assert (row.due, row.days, row.extended, row.base) == (date(2026, 3, 18), 12, 5, START.date())
    with db.reading() as session:
        event = session.scalars(select(Event).where(Event.act == "extend")).one()
        assert event.data["clocks"] == [
            {"effect": "extend", "kind": "determination", "number": 1, "due": "2026-03-18", "late": False,
             "from": "2026-03-11"}
        ]  # fmt: skip
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    desk.act(clue, "return", desk.who(CITY, Role.LEAD), reason_text="属你县管辖")
    assert desk.clock(clue, "determination").due == date(2026, 3, 18), "what was granted stays granted"


def test_too_late_to_extend(desk: Desk, longer: None) -> None:
    clue = desk.clue()
    chain(desk)
    proposal = propose(desk, clue, **EXTENSION)
    desk.go("2026-03-12T00:00")
    with pytest.raises(casework.RefusedError, match="时限已过"):
        approve(desk, proposal)
    for data in ({**EXTENSION, "days": 31}, {**EXTENSION, "days": True}, {**EXTENSION, "clock": "result"}):
        with pytest.raises(casework.RefusedError):
            propose(desk, desk.clue(), **data)


def test_directives_are_rows_of_their_own(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "supervise.order", desk.who(CITY, Role.SUPERVISOR), due=date(2026, 3, 4), **WORDS)
    desk.go(timedelta(days=1))
    with db.reading() as session:
        row = session.scalars(select(Directive)).one()
        assert (row.kind, row.number, row.due) == ("order", 1, date(2026, 3, 4))
        assert row.from_unit_id == desk.who(CITY, Role.SUPERVISOR).unit_id


@pytest.mark.parametrize(("told", "due"), [("2026-03-12", date(2026, 3, 12)), ("下周", None), ("", None)])
def test_a_registered_referral_brings_its_day_along(desk: Desk, told: str, due: date | None) -> None:
    with db.transaction() as session:
        number = desk.intake(session, desk.who().unit_id, "referral")
        session.get_one(Intake, number).state = "stored"
        report = contract.Report(title="领导批办", fields={"deadline": told} if told else {})
        (clue,) = intake.register(session, number, [contract.NewReport(report)])
    assert [row.due for row in desk.clocks(clue) if row.kind == "referral"] == ([due] if due else [])
