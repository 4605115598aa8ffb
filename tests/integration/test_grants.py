"""Roles take two people and act at once; nobody acts on themselves; administrators see no content."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hub import db
from hub.access import factors, grants, passwords, people, sessions
from hub.access.people import Actor
from hub.app import create_app
from hub.models import Event, Grant, GrantChange, User
from hub.terms import Role
from hub.web.security import cookie_name
from tests.integration.browsers import Page
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk

desk = conftest.desk
REASON = "岗位调整"


@pytest.fixture
def cast(desk: Desk) -> dict[str, Actor]:
    roles = {"sys": Role.SYSADMIN, "sec": Role.SECADMIN, "anna": Role.OPERATOR, "auditor": Role.AUDITOR}
    return {name: desk.who(role=role) for name, role in roles.items()}


def propose(who: Actor, target: Actor, role: str = Role.HANDLER, unit: str = COUNTY, reason: str = REASON) -> int:
    with db.transaction() as session:
        return grants.propose(session, who, target.user_id, unit, role, reason).id


def decide(who: Actor, number: int, *, confirm: bool = True) -> None:
    with db.transaction() as session:
        grants.decide(session, who, number, confirm=confirm)


def roles(who: Actor) -> frozenset[str]:
    with db.reading() as session:
        found = people.actor(session, who.user_id)
    return found.roles if found else frozenset()


def test_a_role_works_only_after_a_second_person_confirmed_and_then_at_once(cast) -> None:
    number = propose(cast["sys"], cast["anna"])
    assert roles(cast["anna"]) == {Role.OPERATOR}
    decide(cast["sec"], number)
    assert roles(cast["anna"]) == {Role.OPERATOR, Role.HANDLER}


def test_a_refused_role_never_works(cast) -> None:
    decide(cast["sec"], propose(cast["sys"], cast["anna"]), confirm=False)
    assert roles(cast["anna"]) == {Role.OPERATOR}


REFUSED = {
    "the security administrator proposes": (lambda c: propose(c["sec"], c["anna"]), "岗位不办理"),
    "an auditor proposes": (lambda c: propose(c["auditor"], c["anna"]), "岗位不办理"),
    "an operator proposes": (lambda c: propose(c["anna"], c["anna"]), "岗位不办理"),
    "for oneself": (lambda c: propose(c["sys"], c["sys"], Role.LEAD), "自己"),
    "an exclusive role beside another": (lambda c: propose(c["sys"], c["auditor"], Role.SECADMIN), "互斥"),
    "administration beside content": (lambda c: propose(c["sys"], c["anna"], Role.SYSADMIN), "管理员"),
    "content beside administration": (lambda c: propose(c["sys"], c["sec"], Role.LEAD), "管理员"),
    "a role that is held": (lambda c: propose(c["sys"], c["anna"], Role.OPERATOR), "已有"),
    "a second unit": (lambda c: propose(c["sys"], c["anna"], unit=SIBLING), "本级或下级"),
    "a superior unit": (lambda c: propose(c["sys"], c["anna"], unit=CITY), "本级或下级"),
    "no such role": (lambda c: propose(c["sys"], c["anna"], "king"), "没有这个岗位"),
    "without a reason": (lambda c: propose(c["sys"], c["anna"], reason="  "), "理由"),
    "the proposer confirms": (lambda c: decide(c["sys"], propose(c["sys"], c["anna"])), "岗位不办理"),
    "no such proposal": (lambda c: decide(c["sec"], 99), "没有这个申请"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(cast, case: str) -> None:
    act, word = REFUSED[case]
    with pytest.raises(grants.GrantError, match=word):
        act(cast)
    with db.reading() as session:
        assert session.scalars(select(GrantChange).where(GrantChange.state == "confirmed")).all() == []


def test_a_proposal_is_decided_once(cast) -> None:
    number = propose(cast["sys"], cast["anna"])
    decide(cast["sec"], number)
    with pytest.raises(grants.GrantError, match="已经处理"):
        decide(cast["sec"], number, confirm=False)


def test_two_open_proposals_cannot_add_up_to_an_exclusion(cast, desk: Desk) -> None:
    fresh = desk.who(role=Role.STATISTICIAN)
    with db.transaction() as session:
        grants.revoke(session, cast["sec"], fresh.user_id, Role.STATISTICIAN, REASON)
    propose(cast["sys"], fresh, Role.AUDITOR)
    with pytest.raises(grants.GrantError, match="互斥"):
        propose(cast["sys"], fresh, Role.SYSADMIN)


def test_the_confirmer_cannot_be_the_one_concerned(cast, desk: Desk) -> None:
    other = desk.who(role=Role.SECADMIN, name="b")
    with db.transaction() as session:
        grants.revoke(session, cast["sys"], other.user_id, Role.SECADMIN, REASON)
    number = propose(cast["sys"], other, Role.SECADMIN)
    with pytest.raises(grants.GrantError, match="自己"):
        decide(other, number)


@pytest.mark.parametrize(
    ("values", "rule"),
    [({"decided_by": "sys", "state": "confirmed"}, "two_people"), ({"user_id": "sys"}, "not_oneself"),
     ({"state": "confirmed"}, "decided")],
)  # fmt: skip
def test_the_database_itself_asks_for_two_people(cast, values: dict[str, str], rule: str) -> None:
    from hub import clock

    ids = {name: who.user_id for name, who in cast.items()}
    row = {"user_id": ids["anna"], "proposed_by": ids["sys"], "state": "open"}
    row |= {name: ids.get(value, value) for name, value in values.items()}
    if "decided_by" in row:
        row["decided_at"] = clock.real()
    with pytest.raises(IntegrityError, match=rule), db.transaction() as session:
        session.add(GrantChange(unit_id=cast["anna"].unit_id, role="lead", act="grant", reason="x", **row))


def test_taking_away_takes_one_and_acts_with_the_next_request(cast) -> None:
    app = create_app()
    with db.transaction() as session:
        token = sessions.begin(session, cast["anna"].user_id)
    client = app.test_client()
    client.set_cookie(cookie_name(), token)
    assert client.get("/queue").status_code == 200
    with db.transaction() as session:
        grants.revoke(session, cast["sec"], cast["anna"].user_id, Role.OPERATOR, REASON)
    assert client.get("/queue").status_code == 302


def test_an_ended_account_is_out_at_once(cast) -> None:
    with db.transaction() as session:
        token = sessions.begin(session, cast["anna"].user_id)
    with db.transaction() as session:
        grants.end_account(session, cast["sys"], cast["anna"].user_id)
    with db.reading() as session:
        assert sessions.load(session, token) is None
        assert passwords.check(session, cast["anna"].login, "x") is None
    with pytest.raises(grants.GrantError, match="自己"), db.transaction() as session:
        grants.end_account(session, cast["sys"], cast["sys"].user_id)


def test_taking_an_account_over_takes_both_administrators(cast) -> None:
    """One resets passwords, the other second factors: neither gets in alone."""
    with pytest.raises(grants.GrantError), db.transaction() as session:
        grants.reset_factors(session, cast["sys"], cast["anna"].user_id)
    with pytest.raises(grants.GrantError), db.transaction() as session:
        grants.new_password(session, cast["sec"], cast["anna"].user_id)
    with db.transaction() as session:
        user = session.get_one(User, cast["anna"].user_id)
        factors.start_totp(session, user)
        first = grants.new_password(session, cast["sys"], user.id)
        assert user.must_change
        assert passwords.matches(user.password, first)


def test_another_units_people_are_out_of_reach(cast, desk: Desk) -> None:
    stranger = desk.who(SIBLING, Role.OPERATOR)
    for act in (
        lambda s: grants.revoke(s, cast["sec"], stranger.user_id, Role.OPERATOR, REASON),
        lambda s: grants.end_account(s, cast["sys"], stranger.user_id),
        lambda s: grants.new_password(s, cast["sys"], stranger.user_id),
    ):
        with pytest.raises(grants.GrantError, match="没有这个人员"), db.transaction() as session:
            act(session)


def test_a_city_administrator_reaches_the_counties_below(cast, desk: Desk) -> None:
    city_sys, city_sec = desk.who(CITY, Role.SYSADMIN), desk.who(CITY, Role.SECADMIN)
    decide(city_sec, propose(city_sys, cast["anna"]))
    assert Role.HANDLER in roles(cast["anna"])


# ---- the screen


def test_the_page_from_adding_somebody_to_their_first_day(cast) -> None:
    app = create_app()
    one, two = Page(app, cast["sys"]), Page(app, cast["sec"])
    made = one.post("/people", login="new.person", name="新人", unit=COUNTY, role="handler")
    first = re.search(r'class="secret">([^<]+)<', made.text).group(1)
    client = app.test_client()
    sent = {"login": "new.person", "password": first}
    assert client.post("/sign-in", data=sent).status_code == 401, "no role yet"
    number = re.search(r"/people/changes/(\d+)", two.client.get("/people").text).group(1)
    assert one.post(f"/people/changes/{number}", confirm="1").status_code == 404
    assert two.post(f"/people/changes/{number}", confirm="1").status_code == 303
    assert client.post("/sign-in", data=sent).status_code == 302
    assert client.get("/queue").location.startswith("/sign-in"), "the first password must be changed"
    assert "新人" in Page(app, cast["auditor"]).client.get("/people").text
    assert Page(app, cast["anna"]).client.get("/people").status_code == 404


@pytest.mark.parametrize("sent", [{"login": ""}, {"login": "带中文"}, {"name": ""}, {"unit": "999999"}, {"role": ""}])
def test_bad_input_is_refused_with_words(cast, sent: dict[str, str]) -> None:
    page = Page(create_app(), cast["sys"])
    answer = page.post("/people", **({"login": "x", "name": "新人", "unit": COUNTY, "role": "handler"} | sent))
    assert answer.status_code == 422
    with db.reading() as session:
        assert session.scalars(select(User).where(User.name == "新人")).first() is None


def test_everything_stands_in_the_log(cast) -> None:
    decide(cast["sec"], propose(cast["sys"], cast["anna"]))
    with db.transaction() as session:
        grants.revoke(session, cast["sec"], cast["anna"].user_id, Role.HANDLER, REASON)
    with db.reading() as session:
        told = session.execute(
            select(Event.act, Event.actor).where(Event.object == f"user:{cast['anna'].user_id}").order_by(Event.seq)
        ).all()
        assert session.scalars(select(Grant.role).where(Grant.user_id == cast["anna"].user_id)).all() == ["operator"]
    assert [tuple(row) for row in told] == [
        ("grant_proposed", cast["sys"].label), ("grant", cast["sec"].label), ("revoke", cast["sec"].label),
    ]  # fmt: skip
