"""The second factor: one-time passwords, recovery codes, security keys."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, text

from hub import clock, db
from hub.access import factors
from hub.models import RecoveryCode, SecondFactor
from hub.settings import settings
from tests.integration.authenticator import Authenticator
from tests.integration.sign_in_browser import Browser, app, browser, person, travel


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


def test_a_security_key_is_registered_once(browser: Browser) -> None:
    browser.password()
    key = Authenticator("http://localhost")
    assert add_key(browser, key).status_code == 200
    browser.get("/account/factors")  # the session is another one since
    again = add_key(browser, key)
    assert (again.status_code, "已经登记" in again.text) == (422, True)


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
