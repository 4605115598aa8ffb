"""Keys for programs: scopes, expiry, networks, a prefix that scanners know; stored as hashes, ended at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from hub import clock, db
from hub.access import tokens
from hub.access.people import Actor
from hub.app import create_app
from hub.models import ApiToken, Grant, User
from hub.terms import Role
from tests.integration.casework import conftest
from tests.integration.casework.conftest import COUNTY, SIBLING, Desk

desk = conftest.desk


def made(who: Actor, scopes=("clues:read",), days=30, addresses="") -> str:
    with db.transaction() as session:
        expires = clock.real() + timedelta(days=days)
        return tokens.make(session, who, "对接平台", scopes, expires, tokens.networks(addresses))


def ask(app, key: str, path: str = "/api/v1/clues", address: str = "127.0.0.1", method: str = "GET", **more):
    return app.test_client().open(
        path, method=method, headers={"Authorization": f"Bearer {key}"}, environ_base={"REMOTE_ADDR": address}, **more
    )


@pytest.fixture
def app(desk: Desk):
    return create_app()


def test_a_key_reads_what_its_person_sees(desk: Desk, app) -> None:
    desk.clue()
    assert len(ask(app, made(desk.who())).json["clues"]) == 1
    assert ask(app, made(desk.who(SIBLING))).json["clues"] == []


def test_only_the_hash_is_stored(desk: Desk) -> None:
    key = made(desk.who())
    with db.reading() as session:
        whole = session.execute(text("select api_token::text from api_token")).scalar_one()
    assert key not in whole
    assert key.removeprefix(tokens.PREFIX) not in whole


def test_the_prefix_and_checksum_let_scanners_find_a_leak(desk: Desk) -> None:
    key = made(desk.who())
    assert key.startswith("hub12336_")
    assert tokens.well_formed(key)
    assert not tokens.well_formed(key[:-1] + ("0" if key[-1] != "0" else "1"))
    assert not tokens.well_formed("hub12336_" + "x" * 49)


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [(("clues:read",), "GET", "/api/v1/clues", 200), (("intakes:write",), "GET", "/api/v1/clues", 403),
     (("clues:read",), "POST", "/api/v1/intakes/other", 403)],
)  # fmt: skip
def test_scopes(desk: Desk, app, scopes, method, path, status) -> None:
    assert ask(app, made(desk.who(), scopes), path, method=method).status_code == status


@pytest.mark.parametrize("path", ["/queue", "/account", "/people", "/reveals", "/live"])
def test_a_key_opens_no_screen(desk: Desk, app, path: str) -> None:
    assert ask(app, made(desk.who()), path).status_code in (302, 401, 404)


def test_a_key_hands_in_without_a_csrf_token(desk: Desk, app) -> None:
    """It is no cookie: no browser sends it by itself."""
    answer = ask(app, made(desk.who(role=Role.OPERATOR), ("intakes:write",)), "/api/v1/intakes/other", method="POST",
                 data={})  # fmt: skip
    assert answer.status_code == 422 or "页面已过期" not in answer.text
    assert answer.status_code not in (401, 403)


def test_expiry_network_revocation_and_the_end_of_the_person(desk: Desk, app) -> None:
    who = desk.who()
    key = made(who, addresses="10.1.0.0/16\n2001:db8::/32")
    assert ask(app, key, address="10.1.2.3").status_code == 200
    assert ask(app, key, address="2001:db8::7").status_code == 200
    for address in ("10.2.0.1", "127.0.0.1", "::1", "nonsense"):
        assert ask(app, key, address=address).status_code == 401, address
    other = made(who)
    with db.transaction() as session:
        session.execute(update(ApiToken).values(expires=clock.real() + timedelta(seconds=1), created=clock.real()))
    assert ask(app, other).status_code == 200
    desk.go(timedelta(0))
    with db.transaction() as session:
        moment = clock.real()
        session.execute(update(ApiToken).values(created=moment - timedelta(days=2), expires=moment - timedelta(days=1)))
    assert ask(app, other).status_code == 401
    third = made(who)
    with db.transaction() as session:
        number = session.scalars(select(ApiToken.id).order_by(ApiToken.id.desc())).first()
        assert not tokens.revoke(session, desk.who(name="b"), number), "another person's key"
        assert tokens.revoke(session, desk.who(role=Role.SECADMIN), number)
    assert ask(app, third).status_code == 401
    fourth = made(who)
    with db.transaction() as session:
        session.execute(update(User).where(User.id == who.user_id).values(active=False))
    assert ask(app, fourth).status_code == 401


def test_a_key_never_administers(desk: Desk) -> None:
    who = desk.who()
    with db.transaction() as session:
        session.add(Grant(user_id=who.user_id, unit_id=who.unit_id, role=Role.AUDITOR))
    with db.reading() as session:
        found = tokens.find(session, made(who), "127.0.0.1")
    assert found.actor.roles == {Role.HANDLER}


@pytest.mark.parametrize(
    ("change", "word"),
    [({"scopes": ()}, "权限"), ({"scopes": ("everything",)}, "权限"), ({"days": 0}, "有效期"),
     ({"days": 400}, "有效期"), ({"addresses": "10.0.0.0/99"}, "网段"), ({"addresses": "host.example"}, "网段")],
)  # fmt: skip
def test_what_is_refused(desk: Desk, change: dict, word: str) -> None:
    with pytest.raises(tokens.TokenError, match=word):
        made(desk.who(), **change)


@pytest.mark.parametrize("key", ["", "x", "hub12336_", "Bearer", "hub12336_" + "a" * 49, "hub12336_" + "字" * 49])
def test_nonsense_is_refused_with_401(app, key: str) -> None:
    with db.reading() as session:
        assert tokens.find(session, key, "127.0.0.1") is None
    assert ask(app, key.encode().decode("latin-1")).status_code == 401


def test_the_account_page_makes_and_ends_one(desk: Desk, app) -> None:
    from tests.integration.test_grants import Page

    page = Page(app, desk.who(COUNTY, Role.HANDLER))
    day = (clock.china(clock.real()) + timedelta(days=20)).date().isoformat()
    sent = {"name": "统计平台", "scope": "clues:read", "expires": day, "addresses": "10.0.0.0/8"}
    assert page.post("/account/tokens", **(sent | {"expires": "soon"})).status_code == 422
    answer = page.post("/account/tokens", **sent)
    assert "hub12336_" in answer.text
    listed = page.client.get("/account").text
    assert "统计平台" in listed
    assert "hub12336_" not in listed
    assert page.post("/account/tokens/1/revoke").status_code == 303
    assert "已停用" in page.client.get("/account").text
    assert Page(app, desk.who(role=Role.SYSADMIN)).post("/account/tokens", **sent).status_code == 404
