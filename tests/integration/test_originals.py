"""Who hears and reads the original of a clue (PRODUCT §10): its handler, the entry window, a reveal; nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hub import db
from hub.access import audit, hearing, people, reveal, sealing
from hub.access.people import Actor
from hub.app import create_app
from hub.models import Clue, Event, Intake, IntakeClue, Part
from hub.terms import Role
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, Desk
from tests.integration.test_grants import Page

desk = conftest.desk
NAME, PHONE = "欧阳震南", "13912345678"
TEXT = f"我叫{NAME}，电话{PHONE}。红旗村后山有人偷挖稀土。"


def registered(desk: Desk, *, by: Actor | None = None) -> int:
    """A clue with a mail; `by`: who entered it."""
    number = desk.clue(reporter={"name": NAME, "phone": PHONE})
    with db.transaction() as session:
        intake = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == number)).one()
        key = sealing.open_key(session, session.get_one(Intake, intake).key_id)
        session.add(Part(intake_id=intake, clue_id=number, ord=0, kind="text", title=key.seal("", "part.title"),
                         text=key.seal(TEXT, "part.text"), data=key.seal_json({}, "part.data")))  # fmt: skip
        session.execute(update(Clue).where(Clue.id == number).values(recorded_at=desk.now, enriched=True))
        if by is not None:
            audit.record(session, f"intake:{intake}", "accept", actor=by.label)
    return number


def hears(who: Actor, clue: int) -> bool:
    with db.reading() as session:
        return hearing.hears_original(session, who, session.get_one(Clue, clue))


def test_nobody_of_the_unit_hears_a_clue_that_nobody_handles(desk: Desk) -> None:
    clue = registered(desk)
    for role in Role:
        assert not hears(desk.who(role=role), clue), role
        assert not hears(desk.who(CITY, role), clue), role


def test_whoever_claims_it_hears_and_the_colleague_does_not(desk: Desk) -> None:
    clue, mine, other = registered(desk), desk.who(), desk.who(name="b")
    desk.act(clue, "assign", mine, handler=mine.user_id)
    assert hears(mine, clue)
    assert [hears(who, clue) for who in (other, desk.who(role=Role.LEAD), desk.who(role=Role.OPERATOR))] == [False] * 3
    desk.act(clue, "assign", other, handler=other.user_id)
    assert (hears(mine, clue), hears(other, clue)) == (False, True)


def test_the_handler_of_the_group_hears_its_members(desk: Desk) -> None:
    main, member, mine = registered(desk), registered(desk), desk.who()
    desk.act(main, "assign", mine, handler=mine.user_id)
    with db.transaction() as session:
        session.execute(update(Clue).where(Clue.id == member).values(main_id=main))
    assert hears(mine, member)
    assert not hears(desk.who(name="b"), member)


def test_the_entry_window_ends_after_thirty_minutes(desk: Desk) -> None:
    operator = desk.who(role=Role.OPERATOR)
    clue = registered(desk, by=operator)
    assert hears(operator, clue)
    assert not hears(desk.who(role=Role.OPERATOR, name="b"), clue)
    desk.go(timedelta(minutes=31))
    assert not hears(operator, clue)


def test_the_mailroom_reads_until_somebody_handles_it(desk: Desk) -> None:
    clerk, mine = desk.who(role=Role.MAILROOM), desk.who()
    clue = registered(desk, by=clerk)
    desk.go(timedelta(hours=2))
    assert hears(clerk, clue)
    desk.act(clue, "assign", mine, handler=mine.user_id)
    assert not hears(clerk, clue)


def test_a_lead_hears_after_saying_why_and_not_for_long(desk: Desk) -> None:
    clue, lead = registered(desk), desk.who(role=Role.LEAD)
    with db.transaction() as session:
        row = reveal.ask(session, lead, session.get_one(Clue, clue), "核对举报内容", fresh=True, sign_in="x")
        assert row.state == "shown"
    assert hears(lead, clue)
    assert not hears(desk.who(role=Role.LEAD, name="b"), clue)
    desk.go(timedelta(minutes=31))
    assert not hears(lead, clue)


def test_an_original_without_known_reporter_may_be_asked_for_too(desk: Desk) -> None:
    lead, clue = desk.who(role=Role.LEAD), desk.clue(reporter={})
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        assert reveal.offer(session, lead, row) is None, "nothing was delivered"
        session.add(IntakeClue(intake_id=desk.intake(session, lead.unit_id), clue_id=clue))
        session.flush()
        assert reveal.offer(session, lead, row) is not None


def test_the_page_is_masked_until_the_button_is_pressed(desk: Desk) -> None:
    clue, app = registered(desk), create_app()
    mine, operator = Page(app, desk.who()), Page(app, desk.who(role=Role.OPERATOR))
    path = f"/clues/{desk.read(clue).no}"
    page = mine.client.get(path).text
    assert NAME not in page
    assert PHONE not in page
    assert "▇" in page
    assert "红旗村后山" in page
    assert 'class="claim"' in page
    assert 'class="claim"' not in operator.client.get(path).text
    sent = {"version": str(desk.read(clue).version), "handler": str(desk.who().user_id)}
    assert mine.post(f"{path}/acts/assign", **sent).status_code == 303
    page = mine.client.get(path).text
    assert NAME in page
    assert 'class="claim"' not in page
    assert NAME not in operator.client.get(path).text
    with db.reading() as session:
        acts = [(row.act, row.actor) for row in session.scalars(select(Event).where(Event.act.startswith("read_")))]
    assert sorted(acts) == sorted([
        ("read_redacted", desk.who().label), ("read_redacted", desk.who(role=Role.OPERATOR).label),
        ("read_original", desk.who().label),
    ])  # fmt: skip


@pytest.mark.parametrize("what", ["text", "segments/0"])
def test_what_is_masked_is_not_corrected(desk: Desk, what: str) -> None:
    clue, app = registered(desk), create_app()
    with db.reading() as session:
        part = session.scalars(select(Part.id)).one()
    path = f"/clues/{desk.read(clue).no}/parts/{part}/{what}"
    assert Page(app, desk.who()).post(path, text="改").status_code == 404


def test_the_interface_masks_as_the_page_does(desk: Desk) -> None:
    clue, mine = registered(desk), desk.who()
    page = Page(create_app(), mine)
    path = f"/api/v1/clues/{desk.read(clue).no}"
    found = page.client.get(path)
    assert found.json["original"] is False
    assert NAME not in found.text
    desk.act(clue, "assign", mine, handler=mine.user_id)
    found = page.client.get(path)
    assert found.json["original"] is True
    assert people.reads_original(mine, desk.read(clue))
    assert PHONE in str(found.json)
