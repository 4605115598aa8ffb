"""Who reported is shown only with right, reason, a fresh second factor and a committed row; the lead sees it."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from hub import clock, db
from hub.access import audit, factors, people, reveal, sealing
from hub.access.people import Actor
from hub.app import create_app
from hub.models import Clue, Event, Reveal, User
from hub.settings import settings
from hub.terms import Role
from hub.web.security import cookie_name
from tests.integration.browsers import Page
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk

desk = conftest.desk

NAME, PHONE = "欧阳震南", "13912345678"
REPORTER = {"name": NAME, "phone": PHONE}
WHY = "核对举报人联系方式"


def registered(desk: Desk, **more) -> int:
    number = desk.clue(reporter=REPORTER, **more)
    with db.transaction() as session:
        session.execute(update(Clue).where(Clue.id == number).values(recorded_at=desk.now))
    return number


def why(who: Actor, clue: int) -> str | None:
    with db.reading() as session:
        return reveal.ground(session, who, session.get_one(Clue, clue))


def look(who: Actor, clue: int, reason: str = WHY, *, fresh: bool = True) -> Reveal:
    with db.transaction() as session:
        return reveal.ask(session, who, session.get_one(Clue, clue), reason, fresh=fresh, sign_in="s1")


def seen(number: int) -> list[dict[str, str]]:
    with db.reading() as session:
        return reveal.identities(session, number)


def acts(clue: int) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Event.act).where(Event.object == f"clue:{clue}").order_by(Event.seq)))


def assign(clue: int, who: Actor) -> None:
    with db.transaction() as session:
        session.execute(update(Clue).where(Clue.id == clue).values(handler_id=who.user_id))


def entered(clue: int, who: Actor) -> None:
    """The person's hand stands at the intake of the clue."""
    from hub.models import IntakeClue

    with db.transaction() as session:
        intake = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue)).one()
        audit.record(session, f"intake:{intake}", "accept", actor=who.label)


# ---- right


@pytest.mark.parametrize(
    ("role", "unit", "expected"),
    [(Role.HANDLER, COUNTY, "quota"), (Role.LEAD, COUNTY, "quota"), (Role.OPERATOR, COUNTY, None),
     (Role.MAILROOM, COUNTY, None), (Role.SUPERVISOR, CITY, None), (Role.LEAD, CITY, None),
     (Role.HANDLER, SIBLING, None),
     (Role.STATISTICIAN, COUNTY, None), (Role.AUDITOR, COUNTY, None), (Role.SYSADMIN, COUNTY, None),
     (Role.SECADMIN, COUNTY, None)],
)  # fmt: skip
def test_who_may_ask_at_all(desk: Desk, role: str, unit: str, expected: str | None) -> None:
    clue = registered(desk)
    who = desk.who(unit, role)
    assert why(who, clue) == expected
    if expected is None:
        with pytest.raises(reveal.RevealError, match="无权"):
            look(who, clue)
        assert "reveal" not in acts(clue)


def test_the_assigned_handler_and_the_entry_window_need_no_quota(desk: Desk, monkeypatch) -> None:
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "0")
    settings.cache_clear()
    clue, handler, operator = registered(desk), desk.who(), desk.who(role=Role.OPERATOR)
    assert why(handler, clue) == "four_eyes"
    assign(clue, handler)
    entered(clue, operator)
    for who, expected in ((handler, "handler"), (operator, "entry")):
        assert why(who, clue) == expected
        assert NAME in seen(look(who, clue, "").id)[0].values()


def test_the_entry_window_closes_after_30_minutes(desk: Desk) -> None:
    clue, operator = registered(desk), desk.who(role=Role.OPERATOR)
    other = desk.who(role=Role.OPERATOR, name="b")
    entered(clue, operator)
    assert why(other, clue) is None, "another person's entry"
    desk.go(timedelta(minutes=30))
    assert why(operator, clue) == "entry"
    desk.go(timedelta(seconds=1))
    assert why(operator, clue) is None


def test_the_mailrooms_window_lasts_until_somebody_works_on_the_letter(desk: Desk) -> None:
    clue, mailroom = registered(desk), desk.who(role=Role.MAILROOM)
    entered(clue, mailroom)
    desk.go(timedelta(hours=3))
    assert why(mailroom, clue) == "entry"
    assign(clue, desk.who())
    assert why(mailroom, clue) is None


# ---- row before look


def test_the_row_is_committed_before_anything_is_opened(desk: Desk, monkeypatch) -> None:
    """A seal that does not open leaves the row of a look nobody had."""
    clue, who = registered(desk), desk.who()
    row = look(who, clue)
    assert acts(clue)[-1] == "reveal"
    monkeypatch.setattr(sealing.Key, "open", lambda *a: (_ for _ in ()).throw(sealing.SealError("x")))
    with pytest.raises(sealing.SealError):
        seen(row.id)
    assert acts(clue)[-1] == "reveal"


def test_a_look_that_was_not_committed_shows_nothing(desk: Desk) -> None:
    clue, who = registered(desk), desk.who()
    number = 0
    with pytest.raises(RuntimeError), db.transaction() as session:  # noqa: PT012  the block is the transaction
        number = reveal.ask(session, who, session.get_one(Clue, clue), WHY, fresh=True, sign_in="s").id
        raise RuntimeError
    with pytest.raises(reveal.RevealError):
        seen(number)
    assert "reveal" not in acts(clue)


def test_a_look_ends_after_60_seconds(desk: Desk) -> None:
    row = look(desk.who(), registered(desk))
    desk.go(timedelta(seconds=60))
    assert seen(row.id)
    desk.go(timedelta(seconds=1))
    with pytest.raises(reveal.RevealError, match="已过"):
        seen(row.id)


@pytest.mark.parametrize("reason", ["", "   ", "abc", "字" * 501])
def test_a_reason_is_asked_for(desk: Desk, reason: str) -> None:
    clue = registered(desk)
    with pytest.raises(reveal.RevealError, match="事由"):
        look(desk.who(), clue, reason)
    assert "reveal" not in acts(clue)


def test_a_second_factor_must_be_fresh(desk: Desk, monkeypatch) -> None:
    monkeypatch.setenv("HUB_SECOND_FACTOR", "identity")
    settings.cache_clear()
    clue = registered(desk)
    with pytest.raises(reveal.RevealError, match="二次验证"):
        look(desk.who(), clue, fresh=False)


def test_the_reason_is_sealed_and_the_event_names_nobody(desk: Desk) -> None:
    clue = registered(desk)
    row = look(desk.who(), clue, f"核对{NAME}的电话")
    assert NAME.encode() not in row.reason
    with db.reading() as session:
        told = session.scalars(select(Event.data).where(Event.act == "reveal")).one()
    assert set(told) == {"reveal", "ground", "sign_in"}


# ---- quota and four eyes


@pytest.fixture
def spent(desk: Desk, monkeypatch) -> tuple[int, Actor]:
    """A handler whose quota of today is used up, and a further clue."""
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "2")
    settings.cache_clear()
    who = desk.who()
    for _ in range(2):
        look(who, registered(desk, number="01"))
    return registered(desk), who


def test_beyond_the_quota_nothing_is_shown_without_a_second_person(desk: Desk, spent) -> None:
    clue, who = spent
    row = look(who, clue)
    assert row.state == "asked"
    with pytest.raises(reveal.RevealError):
        seen(row.id)
    with pytest.raises(reveal.RevealError, match="等待"):
        look(who, clue)
    lead = desk.who(role=Role.LEAD)
    with db.transaction() as session:
        reveal.decide(session, lead, row.id, approve=True)
    shown = look(who, clue)
    assert (shown.id, shown.state, shown.decided_by) == (row.id, "shown", lead.user_id)
    assert seen(row.id)[0]["电话"] == PHONE
    assert look(who, clue).state == "asked", "one consent, one look"


def test_the_quota_is_new_the_next_day(desk: Desk, spent) -> None:
    clue, who = spent
    assert why(who, clue) == "four_eyes"
    desk.go(timedelta(days=1))
    assert why(who, clue) == "quota"


@pytest.mark.parametrize("wrong", ["oneself", "handler", "other unit", "twice"])
def test_who_cannot_consent(desk: Desk, monkeypatch, wrong: str) -> None:
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "0")
    settings.cache_clear()
    lead, clue = desk.who(role=Role.LEAD), registered(desk)
    row = look(lead, clue)
    other = {
        "oneself": lead, "handler": desk.who(), "other unit": desk.who(SIBLING, Role.LEAD),
        "twice": desk.who(role=Role.LEAD, name="b"),
    }[wrong]  # fmt: skip
    if wrong == "twice":
        with db.transaction() as session:
            reveal.decide(session, other, row.id, approve=False)
    with pytest.raises(reveal.RevealError), db.transaction() as session:
        reveal.decide(session, other, row.id, approve=True)


def test_consent_ends_after_a_day(desk: Desk, spent, monkeypatch) -> None:
    clue, who = spent
    row = look(who, clue)
    with db.transaction() as session:
        reveal.decide(session, desk.who(role=Role.LEAD), row.id, approve=True)
        session.execute(update(Reveal).where(Reveal.id == row.id).values(asked_at=clock.real() - timedelta(hours=25)))
    assert look(who, clue).id != row.id


# ---- the lead is told


def test_the_lead_and_the_auditor_find_it_and_nobody_else(desk: Desk) -> None:
    clue = registered(desk)
    look(desk.who(), clue)
    with db.reading() as session:
        (line,) = reveal.looks(session, desk.who(role=Role.LEAD))
        (audited,) = reveal.looks(session, desk.who(role=Role.AUDITOR))
        assert (line.person, line.reason, line.state) == ("handlera", WHY, "shown")
        assert (audited.person, audited.reason) == ("handlera", "")
        assert reveal.unread(session, desk.who(role=Role.LEAD)) == 1
        for role, unit in ((Role.HANDLER, COUNTY), (Role.LEAD, SIBLING), (Role.SYSADMIN, COUNTY)):
            assert reveal.looks(session, desk.who(unit, role)) == []
    with db.transaction() as session:
        reveal.mark_seen(session, desk.who(role=Role.LEAD), [line.id])
    with db.reading() as session:
        assert reveal.unread(session, desk.who(role=Role.LEAD)) == 0


# ---- the screens


def no_of(clue: int) -> str:
    with db.reading() as session:
        return session.get_one(Clue, clue).no


@pytest.fixture
def app(desk: Desk):
    return create_app()


def test_the_page_offers_masked_and_shows_once_with_watermark_and_no_store(desk: Desk, app) -> None:
    clue = registered(desk)
    page, no = Page(app, desk.who()), no_of(clue)
    front = page.client.get(f"/clues/{no}").text
    assert "139****5678" in front
    assert "欧***" in front
    assert PHONE not in front
    assert NAME not in front
    answer = page.post(f"/clues/{no}/reveal", reason=WHY)
    assert answer.status_code == 200
    assert NAME in answer.text
    assert PHONE in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.count(desk.who().login) > 20, "the viewer's watermark"
    assert 'data-vanish="60"' in answer.text
    lead = Page(app, desk.who(role=Role.LEAD)).client.get("/reveals").text
    assert no in lead
    assert WHY in lead
    assert NAME not in lead
    assert page.post(f"/clues/{no}/reveal", reason=f"回访{NAME}，电话{PHONE}核对").status_code == 200
    lead = Page(app, desk.who(role=Role.LEAD)).client.get("/reveals").text
    assert "核对" in lead
    assert NAME not in lead, "nor by the words of who looked"
    assert PHONE not in lead
    assert page.client.get("/reveals").status_code == 404


def test_refusals_show_nothing_and_say_why(desk: Desk, app) -> None:
    clue = registered(desk)
    no = no_of(clue)
    assert Page(app, desk.who()).post(f"/clues/{no}/reveal", reason="").status_code == 422
    assert Page(app, desk.who(role=Role.OPERATOR)).post(f"/clues/{no}/reveal", reason=WHY).status_code == 422
    assert Page(app, desk.who(SIBLING)).post(f"/clues/{no}/reveal", reason=WHY).status_code == 404
    assert Page(app, desk.who(role=Role.STATISTICIAN)).post(f"/clues/{no}/reveal", reason=WHY).status_code == 404
    assert "reveal" not in acts(clue)


def test_a_one_time_password_beside_the_reason_makes_the_factor_fresh(desk: Desk, app) -> None:
    clue, who = registered(desk), desk.who()
    no = no_of(clue)
    with db.transaction() as session:
        user = session.get_one(User, who.user_id)
        secret, _ = factors.start_totp(session, user)
        assert factors.check_totp(session, user.id, pyotp.TOTP(secret).at(clock.real()), confirm=True)
        session.execute(update(factors.SecondFactor).values(counter=0))
    from hub.access import sessions
    from hub.models import SignIn

    with db.transaction() as session:
        token = sessions.begin(session, who.user_id, factor_at=clock.real() - timedelta(hours=1))
        csrf = session.scalars(select(SignIn.csrf).where(SignIn.user_id == who.user_id)).one()
    page = app.test_client()
    page.set_cookie(cookie_name(), token)
    sent = {"csrf_token": csrf, "reason": WHY}
    assert page.post(f"/clues/{no}/reveal", data=sent).status_code == 422
    assert page.post(f"/clues/{no}/reveal", data={**sent, "code": "000000"}).status_code == 401
    shown = page.post(f"/clues/{no}/reveal", data={**sent, "code": pyotp.TOTP(secret).at(clock.real())})
    assert shown.status_code == 200
    assert NAME in shown.text


def test_the_lead_consents_on_the_page(desk: Desk, app, monkeypatch) -> None:
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "0")
    settings.cache_clear()
    clue = registered(desk)
    no, handler, lead = no_of(clue), Page(app, desk.who()), Page(app, desk.who(role=Role.LEAD))
    asked = handler.post(f"/clues/{no}/reveal", reason=WHY)
    assert asked.status_code == 202
    assert NAME not in asked.text
    number = re.search(r"/reveals/(\d+)/decide", lead.client.get("/reveals").text).group(1)
    assert handler.post(f"/reveals/{number}/decide", approve="1").status_code == 404
    assert lead.post(f"/reveals/{number}/decide", approve="1").status_code == 303
    assert NAME in handler.post(f"/clues/{no}/reveal", reason=WHY).text


def test_a_person_without_right_is_offered_nothing(desk: Desk) -> None:
    clue = registered(desk)
    with db.reading() as session:
        for who in (desk.who(role=Role.OPERATOR), desk.who(CITY, Role.SUPERVISOR), desk.who(role=Role.AUDITOR)):
            assert people.find(session, who, no_of(clue)) is not None
            assert reveal.offer(session, who, session.get_one(Clue, clue)) is None


def test_the_lead_is_told_on_every_page_until_they_have_looked(desk: Desk, app) -> None:
    clue, lead = registered(desk), Page(app, desk.who(role=Role.LEAD))
    assert "条未看" not in lead.client.get("/units").text.partition("@")[0]
    look(desk.who(), clue)
    told = lead.client.get("/units").text
    assert re.search(r'href="/reveals"[^>]*>身份.*?<b>1<', told)
    assert 'title="身份查看记录和申请"' not in Page(app, desk.who()).client.get("/units").text
    lead.client.get("/reveals")
    assert 'title="身份查看记录和申请"' not in lead.client.get("/units").text
