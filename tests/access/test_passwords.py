"""Passwords everybody tries first are refused; unknown people cost what wrong ones cost; refused tries are logged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from hub import clock, db
from hub.access import audit, commonness, factors, passwords, staff
from hub.app import create_app
from hub.models import Event, Grant, User
from tests.economy import strong_passwords

PASSWORD = "correct horse battery"
COMMON = """qwertyuiop 1234567890 0123456789 9876543210 1q2w3e4r5t abcdefghij 8888888888 administrator woaini1314
a123456789 123456789a qwerty1234 password123 password12 iloveyou12 1qaz2wsx3edc zxcvbnm123 asdfghjkl1 woaini5201314
abc1234567 1qazxsw2 abcd1234 aa123456 p@ssw0rd passw0rd 1q2w3e4r qwe123!@# admin@123 admin12345 P@ssw0rd2024!
Taojiang2024! Zhang19900101 13800001234 zhongguo1949 Huawei@123 !QAZ2wsx abcabcabcabc Welcome123! 5201314520
q1w2e3r4t5 ziranziyuan12336 Guotu@2025 wodemima123 19900101abc qweasdzxc123 1472583690 aaaaaaaaaaaa 11112222""".split()  # noqa: SIM905  a list to read
GOOD = ["correct horse battery", "a long password", "红旗村的老槐树下", "Kx7#mPq2vL", "tXq9-fzr4-uub2", "dai6ohGhie",
        "summer orange flower dragon", "MyDogEats5Bones", "sandstone kettle", "shui di shi chuan 19"]  # fmt: skip


@pytest.mark.parametrize("given", COMMON)
def test_common_passwords_are_refused(given: str) -> None:
    assert commonness.is_common(given)
    with pytest.raises(passwords.PasswordError):
        passwords.check_policy(given)


@pytest.mark.parametrize("given", GOOD)
def test_others_are_not(given: str) -> None:
    assert not commonness.is_common(given)


def test_each_listed_word_is_refused_as_people_use_it() -> None:
    lines = (files("hub.access") / "data" / "common_words.txt").read_text("utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    assert len(words) >= 250
    assert len(set(words)) == len(words)
    assert [w for w in words if not all(map(commonness.is_common, (w + "123", w + "1990", w.title() + "@2025!")))] == []


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def app(hub: Path) -> Flask:
    del hub
    with db.transaction() as session:
        staff.add(session, "anna", "安娜", PASSWORD, "430922", ["operator"])
    return create_app()


def attempt(app: Flask, login: str, password: str = "wrong") -> int:
    return app.test_client().post("/sign-in", data={"login": login, "password": password}).status_code


def refused() -> list[tuple[str, str, str]]:
    """(object, way, why) of the refusals in the log."""
    with db.reading() as session:
        rows = session.scalars(
            select(Event).where(Event.act.in_(("sign_in_refused", "factor_refused"))).order_by(Event.id)
        )
        return [(row.object, row.data["way"], row.data.get("why", "")) for row in rows]


@contextmanager
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a sign-in does: statements sent and passwords hashed, in order."""
    done: list[str] = []
    verify = passwords._hasher.verify

    def counted(stored: str, password: str) -> bool:
        done.append(f"argon2 {stored.rsplit('$', 2)[0]}")
        return verify(stored, password)

    def sent(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        done.append(" ".join(statement.split()[:3]))

    class Hasher:
        verify = staticmethod(counted)

    monkeypatch.setattr(passwords, "_hasher", Hasher)
    event.listen(db.engine(), "before_cursor_execute", sent)
    try:
        yield done
    finally:
        event.remove(db.engine(), "before_cursor_execute", sent)


def test_unknown_people_cost_what_wrong_passwords_cost(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash of the same parameters and the same number of statements of each kind; locked people too."""
    with db.transaction() as session:
        session.add(User(login="locked", name="锁", password=passwords.hashed(PASSWORD), failed=0,
                         locked_until=clock.real() + passwords.LOCK))  # fmt: skip
    for login in ("anna", "nobody", "locked"):
        attempt(app, login)  # counters and chains are begun
    found = {}
    for login in ("anna", "nobody", "locked"):
        with work(monkeypatch) as done:
            assert attempt(app, login) == 401
        found[login] = sorted(done)
    assert found["anna"] == found["nobody"] == found["locked"]
    assert sum(step.startswith("argon2") for step in found["anna"]) == 1
    assert len(found["anna"]) > 8


def test_a_hub_hashes_with_what_owasp_asks_for() -> None:
    """Other tests hash as cheaply as can be (tests/economy.py)."""
    with strong_passwords():
        made = passwords.hashed(PASSWORD)
        assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert passwords._nobody().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(made, PASSWORD)


def test_each_refused_sign_in_is_in_the_log_without_what_was_typed(app: Flask) -> None:
    attempt(app, "anna")
    attempt(app, "hunter2-typed-as-a-name")
    with db.transaction() as session:
        session.execute(update(User).values(locked_until=clock.real() + passwords.LOCK))
    attempt(app, "anna", PASSWORD)
    with db.transaction() as session:
        session.execute(update(User).values(locked_until=None))
        session.execute(Grant.__table__.delete())
    attempt(app, "anna", PASSWORD)
    with db.reading() as session:
        number = session.scalars(select(User.id)).one()
        told = str([row.data for row in session.scalars(select(Event))])
        assert audit.verify(session).ok
    anna = f"user:{number}"
    assert refused() == [
        (anna, "password", "wrong"), (passwords.NOBODY, "password", "unknown"), (anna, "password", "locked"),
        (anna, "password", "no role"),
    ]  # fmt: skip
    assert "hunter2" not in told
    assert "anna" not in told


def test_refused_second_factors_are_in_the_log(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.transaction() as session:
        user = session.scalars(select(User)).one()
        factors.start_totp(session, user)
        session.execute(update(factors.SecondFactor).values(confirmed=True))
    client = app.test_client()
    client.post("/sign-in", data={"login": "anna", "password": PASSWORD})
    page = client.get("/sign-in/factor").text
    token = page.split('name="csrf" content="')[1].split('"')[0]
    assert client.post("/sign-in/factor", data={"csrf_token": token, "code": "000000"}).status_code == 401
    assert [(way, why) for _, way, why in refused()] == [("code", "")]


def test_a_held_off_address_is_said_to_be_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ADDRESS_TRIES", 2)
    for _ in range(2):
        attempt(app, "nobody")
    assert attempt(app, "anna", PASSWORD) == 401
    assert refused()[-1][2] == "address"
