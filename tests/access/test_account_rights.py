"""Accounts, roles, keys of programs, certificates: what is refused, and in which words (PRODUCT §10, J8, F1, W2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from hub import clock, db
from hub.access import (
    certificates,
    factors,
    grants,
    matrix,
    oidc,
    passwords,
    people,
    reveal,
    sealing,
    sessions,
    staff,
    tokens,
)
from hub.access.people import Actor
from hub.models import (
    ApiToken,
    Event,
    Grant,
    GrantChange,
    QueryLimit,
    Reveal,
    SecondFactor,
    SignIn,
    SourceCursor,
    Unit,
    User,
)
from hub.terms import Role
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk

desk = conftest.desk
PASSWORD = "correct horse battery"


def refuses(kind: type[Exception], words: str, do: Callable[[Any], object]) -> None:
    """The call is refused in these words and leaves nothing."""
    with pytest.raises(kind, match=words), db.transaction() as session:
        do(session)


def test_who_cannot_be_added(desk: Desk) -> None:
    """§10: administrators and auditor exclude each other, and hold no other role; weak passwords open no account."""

    def add(login: str = "anna", password: str = PASSWORD, unit: str = COUNTY, *roles: str) -> Callable[[Any], object]:
        return lambda session: staff.add(session, login, "安娜", password, unit, roles or [Role.HANDLER])

    refuses(staff.StaffError, "no such role", add("anna", PASSWORD, COUNTY, "king"))
    refuses(staff.StaffError, "互斥", add("anna", PASSWORD, COUNTY, Role.SYSADMIN, Role.AUDITOR))
    refuses(staff.StaffError, "不得兼任", add("anna", PASSWORD, COUNTY, Role.SECADMIN, Role.LEAD))
    refuses(staff.StaffError, "no unit 999999", add("anna", PASSWORD, "999999"))
    refuses(staff.StaffError, "密码", add("anna", "anna-anna-anna-1"))
    with db.transaction() as session:
        add()(session)
    refuses(staff.StaffError, "exists already", add())


def test_a_new_password_is_another_one(desk: Desk) -> None:
    """J8: the old one is asked for, and is not the new one."""
    with db.transaction() as session:
        person = staff.add(session, "anna", "安娜", PASSWORD, COUNTY, [Role.HANDLER])
        with pytest.raises(passwords.PasswordError, match="当前密码不正确"):
            passwords.change(person, "wrong", "another horse battery")
        with pytest.raises(passwords.PasswordError, match="不能与当前密码相同"):
            passwords.change(person, PASSWORD, PASSWORD)
        passwords.change(person, PASSWORD, "another horse battery")
        assert passwords.matches(person.password, "another horse battery")


def test_wrong_tries_of_an_address_are_forgotten_after_a_while(desk: Desk) -> None:
    """J8: an address is held off for a time, then counts from one again."""
    token = b"\1" * 32
    for _ in range(3):
        with db.transaction() as session:
            passwords._count(session, token, desk.now)
    with db.transaction() as session:
        assert session.get_one(QueryLimit, token).failed == 3
        passwords._count(session, token, desk.now + passwords.LOCK + timedelta(seconds=1))
    with db.reading() as session:
        assert session.get_one(QueryLimit, token).failed == 1


@pytest.fixture
def sysadmin(desk: Desk) -> Actor:
    return desk.who(role=Role.SYSADMIN)


@pytest.fixture
def secadmin(desk: Desk) -> Actor:
    return desk.who(role=Role.SECADMIN)


def test_a_new_person_needs_a_name_of_their_own_and_a_role(desk: Desk, sysadmin: Actor) -> None:
    taken = desk.who().login

    def add(login: str, *roles: str) -> Callable[[Any], object]:
        return lambda session: grants.add_person(session, sysadmin, login, "新人", COUNTY, list(roles))

    refuses(grants.GrantError, "已存在", add(taken, Role.HANDLER))
    refuses(grants.GrantError, "至少选择一个", add("new.person"))


def test_one_person_works_in_one_unit(desk: Desk) -> None:
    """§10, role × unit: who works in another unit leaves it first."""
    city, anna = desk.who(CITY, Role.SYSADMIN), desk.who(SIBLING)
    refuses(grants.GrantError, "一个单位", lambda s: grants.propose(s, city, anna.user_id, COUNTY, Role.LEAD, "调整"))


def changed(who: Actor, role: Role) -> Actor:
    """The person in another role now."""
    with db.transaction() as session:
        session.execute(update(Grant).where(Grant.user_id == who.user_id).values(role=role))
        found = people.actor(session, who.user_id)
    assert found is not None
    return found


def test_a_role_is_not_confirmed_by_its_proposer_its_holder_or_for_nobody(
    desk: Desk, sysadmin: Actor, secadmin: Actor
) -> None:
    """§10: two people, also where somebody's role changed between the two steps; an ended account gets none."""
    anna = desk.who()
    with db.transaction() as session:
        first = grants.propose(session, sysadmin, anna.user_id, COUNTY, Role.LEAD, "调整").id
    was = changed(sysadmin, Role.SECADMIN)
    refuses(grants.GrantError, "两个人", lambda s: grants.decide(s, was, first, confirm=True))
    raised = changed(anna, Role.SECADMIN)
    refuses(grants.GrantError, "自己的岗位", lambda s: grants.decide(s, raised, first, confirm=True))
    changed(anna, Role.HANDLER)
    with db.transaction() as session:
        session.execute(update(User).where(User.id == anna.user_id).values(active=False))
    refuses(grants.GrantError, "已停用", lambda s: grants.decide(s, secadmin, first, confirm=True))
    with db.transaction() as session:
        grants.decide(session, secadmin, first, confirm=False)
        assert session.get_one(GrantChange, first).state == "refused"


def test_nobody_takes_from_or_resets_themselves(desk: Desk, sysadmin: Actor, secadmin: Actor) -> None:
    """J8: an administrator's own roles, password and factors are another administrator's to change."""
    anna = desk.who()
    refuses(grants.GrantError, "没有这个岗位", lambda s: grants.revoke(s, sysadmin, anna.user_id, Role.LEAD, "x"))
    refuses(grants.GrantError, "自己的岗位", lambda s: grants.revoke(s, sysadmin, sysadmin.user_id, Role.SYSADMIN, "x"))
    refuses(grants.GrantError, "理由", lambda s: grants.revoke(s, sysadmin, anna.user_id, Role.HANDLER, " "))
    refuses(grants.GrantError, "自己的密码", lambda s: grants.new_password(s, sysadmin, sysadmin.user_id))
    refuses(grants.GrantError, "自己的二次验证", lambda s: grants.reset_factors(s, secadmin, secadmin.user_id))


def test_lost_factors_are_removed_and_sessions_end(desk: Desk, secadmin: Actor) -> None:
    """J8: the security administrator's act; password stays, every session of the person ends, the log says who."""
    anna = desk.who()
    with db.transaction() as session:
        sessions.begin(session, anna.user_id)
        factors.start_totp(session, session.get_one(User, anna.user_id))
        factors.make_codes(session, anna.user_id)
    with db.transaction() as session:
        grants.reset_factors(session, secadmin, anna.user_id)
    with db.reading() as session:
        assert session.scalars(select(SecondFactor)).all() == []
        assert factors.codes_left(session, anna.user_id) == 0
        assert session.scalars(select(SignIn).where(SignIn.user_id == anna.user_id)).all() == []
        assert session.scalars(select(Event.actor).where(Event.act == "factors_reset")).one() == secadmin.label


def test_a_session_knows_when_it_was_used_last(desk: Desk) -> None:
    """J8, session limits: an idle session ends by the time of its last use."""
    with db.transaction() as session:
        token = sessions.begin(session, desk.who().user_id)
    desk.go(timedelta(minutes=10))
    with db.transaction() as session:
        sessions.touch(session, token)
        assert session.scalars(select(SignIn.seen)).one() == desk.now


def test_the_key_file_of_the_database_is_known_again(desk: Desk) -> None:
    with db.transaction() as session:
        sealing.check_fingerprint(session)
        sealing.check_fingerprint(session)
        session.execute(update(SourceCursor).where(SourceCursor.source_id == "hub").values(value="0" * 16))
    refuses(sealing.KeyFileError, "not the key file of this database", sealing.check_fingerprint)


def test_a_security_keys_answer_without_a_question_is_none(desk: Desk) -> None:
    """J8, WebAuthn: a registration answers a challenge of ours; an id that is no text of base64 is nobody's key."""
    anna = desk.who()
    about = {"rp_id": "localhost", "origin": "http://localhost"}
    refuses(factors.FactorError, "已过期", lambda s: factors.add_key(
        s, s.get_one(User, anna.user_id), {"id": "x"}, None, name="k", **about))  # fmt: skip
    refuses(factors.FactorError, "无法核实", lambda s: factors.add_key(
        s, s.get_one(User, anna.user_id), {"id": "x"}, b"challenge", name="k", **about))  # fmt: skip
    with db.reading() as session:
        assert factors.check_key(session, anna.user_id, {"rawId": "A"}, b"challenge", **about) is False


def test_keys_of_programs_are_named_few_and_end_once(desk: Desk) -> None:
    """W2: a purpose, twenty at most, networks too; ended by its person or a security administrator, noted once."""
    who, until = desk.who(), clock.real() + timedelta(days=30)

    def make(name: str = "对接平台") -> Callable[[Any], str]:
        return lambda session: tokens.make(session, who, name, ["clues:read"], until, [])

    refuses(tokens.TokenError, "用途", make(" "))
    with pytest.raises(tokens.TokenError, match="最多"):
        tokens.networks("\n".join(f"10.0.{n}.0/24" for n in range(tokens.MOST + 1)))
    with db.transaction() as session:
        for _ in range(tokens.MOST):
            make()(session)
        first = session.scalars(select(ApiToken.id).order_by(ApiToken.id)).all()[0]
    refuses(tokens.TokenError, "请先停用", make())
    with db.transaction() as session:
        assert not tokens.revoke(session, desk.who(name="b"), first), "another's"
        assert tokens.revoke(session, desk.who(role=Role.SECADMIN), first)
        assert tokens.revoke(session, who, first), "ended already"
        assert len(session.scalars(select(Event).where(Event.act == "token_revoked")).all()) == 1
        make()(session)
        tokens.touch(session, first)
        assert session.get_one(ApiToken, first, populate_existing=True).used_at == clock.real()


def test_a_certificate_is_valid_forwards_and_withdrawn_once(desk: Desk) -> None:
    """F1: an enforcement certificate has a first and a last day, a number that stands once, and one end."""
    who = desk.who(role=Role.SYSADMIN)
    days = (date(2026, 1, 1), date(2027, 12, 31))

    def register(number: str = "湘1", valid: tuple[date, date] = days, user: int | None = None) -> Callable[[Any], Any]:
        return lambda session: certificates.register(
            session, who, session.get_one(Unit, who.unit_id), "张三", number, valid, user
        )

    refuses(certificates.CertificateError, "不能晚于", register(valid=(days[1], days[0])))
    refuses(certificates.CertificateError, "须填写", register(" "))
    refuses(certificates.CertificateError, "没有这个人员", register(user=10**6))
    with db.transaction() as session:
        row = register()(session)
        with pytest.raises(certificates.CertificateError, match="已在台账"):
            register()(session)
        certificates.withdraw(session, who, row, date(2026, 3, 2))
        with pytest.raises(certificates.CertificateError, match="已注销"):
            certificates.withdraw(session, who, row, date(2026, 3, 3))


def test_originals_to_be_read_by_a_person_are_of_those_who_read_originals(desk: Desk) -> None:
    """§10: a statistician's list of intakes that wait for a person is empty, whatever waits."""
    operator, statistician = desk.who(role=Role.OPERATOR), desk.who(role=Role.STATISTICIAN)
    with db.transaction() as session:
        number = desk.intake(session, operator.unit_id)
        session.execute(update(people.Intake).where(people.Intake.id == number).values(state="manual"))
    with db.reading() as session:
        assert [row.id for row in session.scalars(people.manual_intakes(operator))] == [number]
        assert session.scalars(people.manual_intakes(statistician)).all() == []


def test_a_look_at_a_clue_hidden_since_is_agreed_to_by_nobody_it_is_hidden_from(desk: Desk) -> None:
    """J2, J4: a lead who recused themselves decides no request about that clue; it is as if there were none."""
    clue, lead = desk.clue(), desk.who(role=Role.LEAD, name="b")
    with db.transaction() as session:
        row = Reveal(
            clue_id=clue, user_id=desk.who().user_id, unit_id=lead.unit_id, reason=b"x", state="asked",
            ground="handler",
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    desk.act(clue, "recuse", lead, reason_text="亲属")
    refuses(reveal.RevealError, "没有这个申请", lambda s: reveal.decide(s, lead, number, approve=True))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda request: httpx.Response(500, request=request), "does not answer"),
        (lambda request: httpx.Response(200, text="<html>", request=request), "does not answer"),
        (
            lambda request: httpx.Response(200, json={"issuer": "http://evil.example"}, request=request),
            "another issuer",
        ),
    ],
)
def test_a_provider_that_is_not_itself_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response], words: str
) -> None:
    """W6, OpenID Connect Discovery 1.0 §4.3: the issuer in the document is the one that was asked."""
    monkeypatch.setattr(oidc.httpx, "get", lambda url, **_: answer(httpx.Request("GET", url)))
    oidc.provider.cache_clear()
    with pytest.raises(oidc.OidcError, match=words):
        oidc.provider("http://127.0.0.1:1/issuer")


def test_an_act_or_route_names_a_capability_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """§10, default deny: what names no line of the table would be nobody's, and is not loaded."""
    rows = matrix._rows
    one = [{"item": "GET /x", "capability": "see everything"}]
    monkeypatch.setattr(matrix, "_rows", lambda name: one if name == "items.csv" else rows(name))
    matrix.items.cache_clear()
    try:
        with pytest.raises(matrix.MatrixError, match="see everything"):
            matrix.items()
    finally:
        matrix.items.cache_clear()
