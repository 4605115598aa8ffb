"""Signing in: passwords, one-time passwords, security keys, recovery codes, sessions, the unit's own provider."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import select, text, update

from hub import db
from hub.access import passwords, sessions
from hub.models import Event, SignIn, User
from hub.settings import settings
from tests.economy import strong_passwords
from tests.integration.sign_in_browser import PASSWORD, Browser, app, browser, person, travel


# ---- passwords and lock-out
def test_the_lock_holds_after_redis_was_emptied(browser: Browser) -> None:
    for _ in range(5):
        assert browser.password(password="wrong").status_code == 401
    with redis.Redis.from_url(settings().redis_url) as client:
        client.flushall()
    assert browser.password().status_code == 401


def test_the_lock_ends_after_its_time(browser: Browser, monkeypatch) -> None:
    for _ in range(5):
        browser.password(password="wrong")
    travel(monkeypatch, minutes=16)
    assert browser.password().status_code == 302


def test_an_address_that_fails_too_often_is_held_off(browser: Browser, monkeypatch) -> None:
    monkeypatch.setattr(passwords, "ADDRESS_TRIES", 6)
    for number in range(6):
        browser.client.post("/sign-in", data={"login": f"nobody{number}", "password": "x"})
    assert browser.password().status_code == 401
    elsewhere = browser.client.application.test_client()
    sent = {"login": "anna", "password": PASSWORD}
    assert elsewhere.post("/sign-in", data=sent, environ_base={"REMOTE_ADDR": "10.1.1.1"}).status_code == 302


def test_unknown_people_take_as_long_as_wrong_passwords(app: Flask) -> None:
    """Within 5 %: the least of many measured pairs, taken in turns so that the machine's load meets both."""
    client = app.test_client()
    taken: dict[str, list[float]] = {"anna": [], "nobody": []}
    with strong_passwords():
        with db.transaction() as session:
            session.execute(update(User).values(failed=-10_000, password=passwords.hashed(PASSWORD)))
        for number in range(48):
            for login, times in taken.items():
                begun = time.thread_time()
                client.post("/sign-in", data={"login": login, "password": f"wrong{number}"})
                times.append(time.thread_time() - begun)
    known, unknown = (sum(sorted(times)[:24]) for times in taken.values())
    assert abs(known - unknown) / known < 0.05, (known, unknown)


@pytest.mark.parametrize(
    ("profile", "given", "word"),
    [("length", "short-one", "10 个字符"), ("length", "1234567890", "常见"), ("length", "xxannaxx-99", "用户名"),
     ("length", "aaaaaaaaaaaa", "常见"), ("mixed", "alllowercase", "三种"), ("mixed", "Aa1!", "8 个字符"),
     ("length", "x" * 201, "200")],
)  # fmt: skip
def test_weak_passwords_are_refused_by_the_profile(app: Flask, monkeypatch, profile, given, word) -> None:
    monkeypatch.setenv("HUB_PASSWORD_PROFILE", profile)
    settings.cache_clear()
    with pytest.raises(passwords.PasswordError, match=word):
        passwords.check_policy(given, "anna")


def test_a_changed_password_ends_the_other_sessions(browser: Browser) -> None:
    person("stat", "statistician")
    here, there = Browser(browser.client.application), Browser(browser.client.application)
    here.password("stat"), there.password("stat")
    new = "a new long password"
    sent = {"old": PASSWORD, "new": new, "again": new}
    assert here.post("/account/password", {**sent, "again": "other"}).status_code == 422
    assert here.post("/account/password", {**sent, "old": "wrong"}).status_code == 422
    assert here.post("/account/password", sent).status_code == 303
    assert here.inside
    assert not there.inside
    assert Browser(browser.client.application).password("stat").status_code == 401
    assert Browser(browser.client.application).password("stat", new).status_code == 302


def test_a_password_somebody_else_set_must_be_changed_first(browser: Browser) -> None:
    number = person("stat", "statistician")
    with db.transaction() as session:
        session.get_one(User, number).must_change = True
    browser.password("stat")
    assert not browser.inside
    assert browser.client.get("/sign-in").location == "/account/password"
    browser.get("/account/password")
    new = "a new long password"
    assert browser.post("/account/password", {"old": PASSWORD, "new": new, "again": new}).status_code == 303
    assert browser.inside


def test_no_account_exists_outside_the_demo(hub: Path) -> None:
    with db.reading() as session:
        assert session.scalars(select(User)).all() == []


# ---- sessions
@pytest.fixture
def plain(app: Flask) -> Browser:
    person("stat", "statistician")
    made = Browser(app)
    made.password("stat")
    return made


def test_idle_and_absolute_limits(plain: Browser, monkeypatch) -> None:
    travel(monkeypatch, minutes=119)
    assert plain.inside
    travel(monkeypatch, minutes=121)
    assert not plain.inside


def test_a_session_in_use_ends_at_its_absolute_limit(plain: Browser, monkeypatch) -> None:
    for _ in range(7):
        travel(monkeypatch, minutes=100)
        assert plain.inside
    travel(monkeypatch, minutes=100)
    assert not plain.inside


def test_sessions_are_listed_and_end_at_once(plain: Browser) -> None:
    other = Browser(plain.client.application)
    other.client.post("/sign-in", data={"login": "stat", "password": PASSWORD},
                      headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})  # fmt: skip
    page = plain.get("/account").text
    assert "Firefox · Windows" in page
    which = re.search(r"/account/sessions/([0-9a-f]{12})/end", page).group(1)
    assert other.inside
    assert plain.post(f"/account/sessions/{which}/end").status_code == 303
    assert not other.inside
    assert plain.inside
    assert plain.post(f"/account/sessions/{which}/end").status_code == 404


def test_nobody_ends_anothers_session(plain: Browser) -> None:
    number = person("other", "statistician")
    with db.transaction() as session:
        token = sessions.begin(session, number)
        session.flush()
        which = sessions.name(session.get_one(SignIn, sessions.token_hash(token)))
    assert plain.post(f"/account/sessions/{which}/end").status_code == 404
    with db.reading() as session:
        assert sessions.load(session, token) is not None


def test_a_person_who_left_is_out_at_once(plain: Browser) -> None:
    with db.transaction() as session:
        session.execute(update(User).where(User.login == "stat").values(active=False))
    assert not plain.inside


def test_sign_ins_and_changes_stand_in_the_log(browser: Browser) -> None:
    browser.password()
    browser.enroll()
    with db.reading() as session:
        acts = list(session.scalars(select(Event.act).where(Event.object == "user:1").order_by(Event.seq)))
    assert acts == ["add", "sign_in", "factor_added", "recovery_codes_made"]


def test_the_cookie_carries_the_host_prefix_over_https(app: Flask, monkeypatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", "true")
    settings.cache_clear()
    sent = {"login": "anna", "password": PASSWORD}
    cookie = app.test_client().post("/sign-in", data=sent, base_url="https://hub.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-hub=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
