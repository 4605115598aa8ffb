"""Signing in: passwords, one-time passwords, security keys, recovery codes, sessions, the unit's own provider."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import redis
from flask import Flask
from sqlalchemy import select, text, update

from hub import clock, db
from hub.access import factors, passwords, sessions, staff
from hub.app import create_app
from hub.models import Event, RecoveryCode, SecondFactor, SignIn, User
from hub.settings import settings
from tests.economy import strong_passwords
from tests.integration.authenticator import Authenticator

PASSWORD = "correct horse battery"


def person(login="anna", role="handler", **more) -> int:
    with db.transaction() as session:
        return staff.add(session, login, "安娜", PASSWORD, "430922", [role], **more).id


@pytest.fixture
def app(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("HUB_SECOND_FACTOR", "identity")
    settings.cache_clear()
    person()
    return create_app()


class Browser:
    """One browser: keeps its cookie and the page's CSRF token."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.csrf = ""

    def get(self, path: str, **more):
        answer = self.client.get(path, **more)
        found = re.search(r'name="csrf" content="([^"]+)"', answer.text)
        self.csrf = found.group(1) if found else self.csrf
        return answer

    def post(self, path: str, data=None, **more):
        if "json" in more:
            return self.client.post(path, headers={"X-CSRF-Token": self.csrf}, **more)
        return self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, **more)

    def password(self, login="anna", password=PASSWORD):
        answer = self.client.post("/sign-in", data={"login": login, "password": password})
        self.get("/account/factors")
        return answer

    @property
    def inside(self) -> bool:
        return self.client.get("/account").status_code == 200

    def enroll(self) -> str:
        """Sets one-time passwords up as the page asks; the secret."""
        page = self.get("/account/factors").text
        secret = re.search(r'class="secret">([A-Z2-7]+)<', page).group(1)
        answer = self.post("/account/factors/totp/confirm", {"code": pyotp.TOTP(secret).now()})
        assert answer.status_code == 200, answer.text
        self.codes = re.findall(r"<code>([A-Z0-9-]{11})</code>", answer.text)
        self.get("/account")
        return secret


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


def travel(monkeypatch, **by) -> None:
    """The world's clock moves on; every reader of it in this process notices."""
    start = clock.real() + timedelta(**by)
    monkeypatch.setattr(clock, "real", lambda: start)


def code(secret: str) -> str:
    return pyotp.TOTP(secret).at(clock.real())


# ---- the second factor


def test_a_role_that_reads_identity_must_set_a_second_factor_up_before_anything_opens(browser: Browser) -> None:
    assert browser.password().status_code == 302
    assert browser.client.get("/queue").location.startswith("/sign-in")
    assert browser.client.get("/sign-in", follow_redirects=True).text.count("扫描二维码") == 1
    assert not browser.inside
    browser.enroll()
    assert browser.inside
    assert len(browser.codes) == 10
    assert browser.client.get("/queue").status_code == 200


def test_demo_accounts_and_roles_without_identity_sign_in_with_a_password_alone(browser: Browser) -> None:
    person("demo", demo=True)
    person("stat", "statistician")
    for login in ("demo", "stat"):
        fresh = Browser(browser.client.application)
        fresh.password(login)
        assert fresh.inside, login


def test_all_means_everybody_but_the_demo(browser: Browser, monkeypatch) -> None:
    monkeypatch.setenv("HUB_SECOND_FACTOR", "all")
    settings.cache_clear()
    person("stat", "statistician")
    browser.password("stat")
    assert not browser.inside


def test_a_one_time_password_is_good_once(browser: Browser, monkeypatch) -> None:
    browser.password()
    secret = browser.enroll()
    travel(monkeypatch, minutes=2)
    given = code(secret)
    second, third = Browser(browser.client.application), Browser(browser.client.application)
    second.password()
    assert not second.inside
    assert "动态口令或恢复码" in second.client.get("/queue", follow_redirects=True).text
    assert second.post("/sign-in/factor", {"code": given}).status_code == 302
    assert second.inside
    third.password()
    assert third.post("/sign-in/factor", {"code": given}).status_code == 401, "replayed"
    assert not third.inside


@pytest.mark.parametrize(("seconds", "right"), [(-90, False), (-30, True), (0, True), (30, True), (90, False)])
def test_a_clock_may_be_off_by_one_step(browser: Browser, monkeypatch, seconds: int, right: bool) -> None:
    browser.password()
    secret = browser.enroll()
    travel(monkeypatch, minutes=10)
    given = pyotp.TOTP(secret).at(clock.real() + timedelta(seconds=seconds))
    with db.transaction() as session:
        assert factors.check_totp(session, 1, given) is right


def test_rfc_6238_vectors() -> None:
    """RFC 6238 appendix B, SHA-1, cut to six digits."""
    from datetime import UTC, datetime

    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for moment, wanted in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert factors._step(secret, wanted, 0, datetime.fromtimestamp(moment, UTC)) == moment // 30


def test_the_secret_of_a_second_factor_is_sealed(browser: Browser) -> None:
    browser.password()
    secret = browser.enroll()
    with db.reading() as session:
        stored = session.scalars(select(SecondFactor.secret)).one()
        whole = session.execute(text("select second_factor::text from second_factor")).scalar_one()
    assert secret.encode() not in stored
    assert secret not in whole
    assert secret.encode().hex() not in whole


def test_wrong_second_factors_lock_the_account(browser: Browser, monkeypatch) -> None:
    browser.password()
    secret = browser.enroll()
    travel(monkeypatch, minutes=2)
    other = Browser(browser.client.application)
    other.password()
    for _ in range(5):
        assert other.post("/sign-in/factor", {"code": "000000"}).status_code == 401
    assert other.post("/sign-in/factor", {"code": code(secret)}).status_code == 401
    travel(monkeypatch, minutes=16)
    assert other.post("/sign-in/factor", {"code": code(secret)}).status_code == 302


def test_a_recovery_code_stands_in_once_and_is_stored_as_a_hash(browser: Browser) -> None:
    browser.password()
    browser.enroll()
    first = browser.codes[0]
    with db.reading() as session:
        tokens = list(session.scalars(select(RecoveryCode.token)))
    assert len(tokens) == 10
    assert all(first.replace("-", "").encode() not in token for token in tokens)
    for wanted in (302, 401):
        other = Browser(browser.client.application)
        other.password()
        assert other.post("/sign-in/factor", {"code": first.lower()}).status_code == wanted


def test_new_recovery_codes_end_the_old_ones(browser: Browser) -> None:
    browser.password()
    browser.enroll()
    old = browser.codes[0]
    assert browser.post("/account/codes").status_code == 200
    other = Browser(browser.client.application)
    other.password()
    assert other.post("/sign-in/factor", {"code": old}).status_code == 401


def test_the_last_factor_of_who_must_have_one_stays(browser: Browser) -> None:
    browser.password()
    browser.enroll()
    with db.reading() as session:
        number = session.scalars(select(SecondFactor.id)).one()
    assert browser.post(f"/account/factors/{number}/remove").status_code == 422
    person("stat", "statistician")
    other = Browser(browser.client.application)
    other.password("stat")
    other.get("/account/factors")
    other.post("/account/factors/totp")
    other.enroll()
    with db.reading() as session:
        number = session.scalars(select(SecondFactor.id).order_by(SecondFactor.id.desc())).first()
    assert browser.post(f"/account/factors/{number}/remove").status_code == 422, "another person's factor"
    assert other.post(f"/account/factors/{number}/remove").status_code == 303


def test_a_session_without_a_fresh_factor_cannot_add_one(browser: Browser, monkeypatch) -> None:
    browser.password()
    secret = browser.enroll()
    travel(monkeypatch, minutes=20)
    assert browser.post("/account/factors/totp").status_code == 403
    assert browser.post("/account/codes").status_code == 403
    assert browser.post("/account/confirm", {"code": "123456"}).status_code == 401
    assert browser.post("/account/confirm", {"code": code(secret)}).status_code == 303
    assert browser.post("/account/factors/totp").status_code == 303


def test_the_second_step_changes_the_cookie(browser: Browser) -> None:
    """Session fixation: a token known before the second factor opens nothing after it."""
    browser.password()
    before = browser.client.get_cookie("hub").value
    browser.enroll()
    after = browser.client.get_cookie("hub").value
    assert before != after
    thief = browser.client.application.test_client()
    thief.set_cookie("hub", before)
    assert thief.get("/account").status_code == 302


# ---- security keys


def add_key(browser: Browser, key: Authenticator):
    options = browser.post("/account/factors/key/options", json={}).json
    return browser.post("/account/factors/key", json={"name": "蓝色", "answer": key.create(options)})


def test_a_security_key_is_added_and_signs_in(browser: Browser) -> None:
    browser.password()
    key = Authenticator("http://localhost")
    added = add_key(browser, key)
    assert added.status_code == 200, added.json
    assert len(added.json["codes"]) == 10
    assert browser.inside
    other = Browser(browser.client.application)
    other.password()
    options = other.post("/sign-in/key/options", json={}).json
    assert [one["id"] for one in options["allowCredentials"]] == [key.id]
    assert other.post("/sign-in/key", json=key.get(options)).status_code == 200
    assert other.inside


def sign(browser: Browser, key: Authenticator, **change) -> int:
    other = Browser(browser.client.application)
    other.password()
    options = other.post("/sign-in/key/options", json={}).json
    status = other.post("/sign-in/key", json=key.get(options, **change)).status_code
    assert other.inside is (status == 200)
    return status


@pytest.mark.parametrize(
    "change",
    [{"origin": "http://localhost.example.org"}, {"rp_id": "example.org"}, {"challenge": "AAAA"},
     {"kind": "webauthn.create"}, {"flags": 0}, {"other_key": True}, {"counter": 1}, {"known_as": "bm9uZQ"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_security_keys_answer_that_does_not_fit_is_refused(browser: Browser, change: dict) -> None:
    browser.password()
    key = Authenticator("http://localhost")
    assert add_key(browser, key).status_code == 200
    assert sign(browser, key) == 200
    assert sign(browser, key) == 200  # the counter stands at 3
    assert sign(browser, key, **change) == 401


def test_a_challenge_is_good_for_one_answer(browser: Browser) -> None:
    browser.password()
    key = Authenticator("http://localhost")
    add_key(browser, key)
    other = Browser(browser.client.application)
    other.password()
    options = other.post("/sign-in/key/options", json={}).json
    assert other.post("/sign-in/key", json={"rawId": "AAAA"}).status_code == 401
    assert other.post("/sign-in/key", json=key.get(options)).status_code == 401


def test_nonsense_from_a_browser_is_refused_and_no_error(browser: Browser) -> None:
    browser.password()
    nonsense = (
        {},
        {"answer": []},
        {"answer": {"rawId": 7, "response": None}},
        [],
        {"answer": {"response": {"a": "b"}}},
    )
    for sent in nonsense:
        browser.post("/account/factors/key/options", json={})
        assert browser.post("/account/factors/key", json=sent).status_code in (400, 422)


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
