"""Rules of areas and units on screen: each is put there, shown with who and why, or refused in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub import casework, clock, db
from hub.access import staff
from hub.app import create_app
from hub.casework import chains
from hub.casework.switches import in_force
from hub.jurisdiction import units
from hub.models import Absence, Competence, LocalSwitch, ScopeChange, SignIn, User
from hub.terms import Role

Hand = Callable[..., TestResponse]
COUNTY, CITY, PROVINCE = "430922", "430900", "430000"


@pytest.fixture
def hand(hub: Path) -> Callable[[Role, str], Hand]:
    """Signs somebody in: the answer gets (no data) or posts."""
    clients: dict[tuple[Role, str, str], tuple[FlaskClient, str]] = {}

    def sign(role: Role, unit: str = COUNTY, name: str = "甲") -> Hand:
        if (role, unit, name) not in clients:
            login = f"{role}.{unit}.{len(clients)}"
            with db.transaction() as session:
                staff.add(session, login, f"{name}{role}", "Kx7-tiger-lamp", unit, [role], demo=True)
            client = create_app().test_client()
            assert client.post("/sign-in", data={"login": login, "password": "Kx7-tiger-lamp"}).status_code == 302
            with db.reading() as session:
                token = session.scalars(select(SignIn.csrf).order_by(SignIn.created.desc())).first() or ""
            clients[role, unit, name] = client, token
        client, token = clients[role, unit, name]

        def go(path: str, **data: str) -> TestResponse:
            if not data:
                return client.get(path)
            return client.post(path, data={**data, "csrf_token": token})

        return go

    return sign


def day(days: int = 0) -> str:
    return (clock.today() + timedelta(days)).isoformat()


def test_a_switch_by_two_people_with_history(hand: Callable[..., Hand]) -> None:
    lead, other = hand(Role.LEAD), hand(Role.SYSADMIN)
    page = lead("/rules").text
    assert page.count("系统自带") >= 7
    assert "市级直接办理</summary>" not in page, "only a city may"
    new = {
        "unit": COUNTY,
        "name": "cutoff",
        "value": "17:30",
        "since": day(),
        "channel": "",
        "reason": "局发〔2026〕3号",
    }
    assert lead("/rules", **new).status_code == 303
    page = lead("/rules").text
    assert "待另一人确认" in page
    with db.reading() as session:
        number = session.scalars(select(LocalSwitch.id)).one()
    told = lead(f"/rules/switches/{number}/confirm", x="1")
    assert (told.status_code, "须由第二人确认" in told.text) == (422, True)
    assert f"/rules/switches/{number}/confirm" in other("/rules").text
    assert other(f"/rules/switches/{number}/confirm", x="1").status_code == 303
    page = other("/rules").text
    for words in ("17:30", "甲lead 提出，甲sysadmin 确认", "依据：局发〔2026〕3号", "系统自带为“24:00”", "现行"):
        assert words in page
    assert lead("/rules", **new | {"value": "18:00", "since": day(9)}).status_code == 303
    assert lead("/rules", **new | {"name": "hand_down_days", "value": "3", "channel": "wechat"}).status_code == 303
    assert lead("/rules", **new | {"name": "ask_first", "value": "no", "channel": "wechat"}).status_code == 303
    with db.reading() as session:
        numbers = session.scalars(select(LocalSwitch.id).where(LocalSwitch.confirmed_at.is_(None))).all()
    for one in numbers:
        assert other(f"/rules/switches/{one}/confirm", x="1").status_code == 303
    page = lead("/rules").text
    assert "将要生效" in page
    assert "3 个工作日" in page
    with db.reading() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        assert in_force(session, unit.id, "wechat", clock.today())["ask_first"] is False
        assert in_force(session, unit.id, "phone", clock.today())["ask_first"] is True
    assert "甲lead 提出" not in hand(Role.LEAD, "430981")("/rules").text, "a neighbour's rule is none of theirs"
    assert "甲lead 提出" in hand(Role.SUPERVISOR, CITY)(f"/rules?unit={COUNTY}").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"value": "25:00"}, "17:30"), ({"value": ""}, "17:30"), ({"name": "determination_days"}, "法定时限不能改动"),
        ({"since": ""}, "请填写生效日期"), ({"since": "9" * 20}, "不是日期"), ({"since": "2020-01-01"}, "不能早于今天"),
        ({"reason": ""}, "依据"), ({"channel": "fax"}, "没有这个渠道"),
        ({"name": "direct", "value": "yes"}, "市级单位"),
        ({"name": "transfer_days", "value": "0"}, "1 至 30"), ({"name": "transfer_days", "value": "９"}, "1 至 30"),
        ({"name": "escalation", "value": "x\0"}, "per_hop"),
    ],
)  # fmt: skip
def test_switches_that_cannot_be(hand: Callable[..., Hand], wrong: dict[str, str], words: str) -> None:
    lead = hand(Role.LEAD)
    new = {"unit": COUNTY, "name": "cutoff", "value": "17:30", "since": day(), "channel": "", "reason": "文号"} | wrong
    told = lead("/rules", **new)
    assert told.status_code == 422
    assert words in told.text
    assert lead("/rules", **new | {"unit": CITY}).status_code in (404, 422)
    assert lead("/rules", **new | {"unit": "\0"}).status_code in (404, 422)


def test_places_that_are_not_theirs(hand: Callable[..., Hand]) -> None:
    lead = hand(Role.LEAD)
    for path in ("/rules?unit=430900", "/rules?unit=999999", "/rules?unit=%00"):
        assert lead(path).status_code in (200, 404)
        text = re.sub(r'name="next" value="[^"]*"', "", lead(path).text)  # the look's form goes back where one was
        assert CITY not in text
    for path in ("/rules/switches/9/confirm", "/rules/absences/9/end"):
        assert lead(path, x="1").status_code == 422
    assert lead(f"/rules/switches/{2**63}/confirm", x="1").status_code == 404
    assert lead("/rules/departments", department="x").status_code == 404, "the system administrator's"
    assert hand(Role.SYSADMIN)("/rules/scope", class_code="T1").status_code == 404, "the lead's"
    assert hand(Role.SUPERVISOR)("/rules/approvals", act="merge").status_code == 404, "read only"
    handler = hand(Role.HANDLER)
    assert handler("/rules").status_code == 404
    assert handler("/rules/absences").status_code == 200
    assert hand(Role.SYSADMIN)("/rules/absences").status_code == 404


def test_a_chain_of_approval(hand: Callable[..., Hand]) -> None:
    lead, handler = hand(Role.LEAD), hand(Role.HANDLER)
    assert handler("/rules/approvals").status_code == 404
    assert "没有设定审批" in lead("/rules/approvals").text
    with db.reading() as session:
        person = session.scalars(select(User.id).where(User.name == "甲handler")).one()
    new = {"act": "determine.P5", "since": day(), "label1": "审核", "role1": "handler", "person1": str(person),
           "label2": "审批", "role2": "lead", "person2": ""}  # fmt: skip
    assert lead("/rules/approvals", **new).status_code == 303
    page = lead("/rules/approvals").text
    assert "审核（承办人：甲handler） → 审批（负责人）" in page
    with db.reading() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        assert chains.in_force(session, unit.id, "determine.P5") is not None
    assert lead("/rules/approvals", act="determine.P5", since=day(3)).status_code == 303
    assert "不再需要审批" in lead("/rules/approvals").text
    for wrong, words in (
        ({"act": "register"}, "不能设置审批"), ({"since": day(-1)}, "已过去"), ({"label1": ""}, "名称和岗位"),
        ({"role1": "auditor"}, "名称和岗位"), ({"person1": "9" * 30}, "不在本单位"),
        ({"person2": str(person)}, "同一人"),
    ):  # fmt: skip
        told = lead("/rules/approvals", **new | wrong)
        assert (told.status_code, words in told.text) == (422, True), wrong


def test_an_absence_and_back_earlier(hand: Callable[..., Hand]) -> None:
    lead, handler = hand(Role.LEAD), hand(Role.HANDLER)
    with db.reading() as session:
        people = {row.name: row.id for row in session.execute(select(User.name, User.id))}
    own = {"deputy": str(people["甲lead"]), "since": day(), "until": day(3)}
    assert handler("/rules/absences", **own).status_code == 303
    assert "离岗中" in handler("/rules/absences").text
    told = handler("/rules/absences", **own | {"person": str(people["甲lead"]), "deputy": str(people["甲handler"])})
    assert (told.status_code, "本人的离岗" in told.text) == (422, True)
    for wrong in ({"until": day(-1)}, {"until": ""}, {"deputy": ""}, {"deputy": str(people["甲handler"])}):
        assert handler("/rules/absences", **own | wrong).status_code == 422
    with db.reading() as session:
        number = session.scalars(select(Absence.id)).one()
    assert hand(Role.LEAD, "430981")(f"/rules/absences/{number}/end", x="1").status_code == 422
    assert lead(f"/rules/absences/{number}/end", x="1").status_code == 303
    assert "已结束" in lead("/rules/absences").text


def test_departments(hand: Callable[..., Hand]) -> None:
    keeper, lead = hand(Role.SYSADMIN), hand(Role.LEAD)
    assert "系统自带" in lead("/rules/departments").text
    assert "登记责任部门" not in lead("/rules/departments").text
    new = {"department": "桃江县农业农村局", "stage": "punish", "division": COUNTY, "matter": "T4",
           "source": "县府办〔2026〕8号", "since": day(), "contact": "0737-8888888", "unit_code": ""}  # fmt: skip
    assert keeper("/rules/departments", **new).status_code == 303
    page = lead("/rules/departments").text
    for words in ("桃江县农业农村局", "县府办〔2026〕8号", "甲sysadmin 登记", "湖南省/益阳市/桃江县", "T4 破坏耕地"):
        assert words in page
    assert "桃江县农业农村局" not in hand(Role.LEAD, "430981")("/rules/departments").text
    for wrong in ({"division": "430981"}, {"division": ""}, {"stage": "x"}, {"source": ""}, {"matter": "N1"},
                  {"unit_code": "430900-x"}, {"since": ""}):  # fmt: skip
        told = keeper("/rules/departments", **new | wrong)
        assert (told.status_code, 'role="alert"' in told.text) == (422, True), wrong
    with db.reading() as session:
        number = session.scalars(select(Competence.id)).one()
    assert keeper(f"/rules/departments/{number}/end", until=day()).status_code == 422
    assert keeper(f"/rules/departments/{number}/end", until=day(1)).status_code == 303
    with db.reading() as session:
        assert session.scalars(select(Competence.until)).one() == clock.today() + timedelta(1)


def test_scope_lists_filed_by_a_city_and_shown_to_everybody(hand: Callable[..., Hand]) -> None:
    lead = hand(Role.LEAD, CITY)
    new = {"class_code": "T5", "filing_no": "益备〔2026〕1号", "filed_on": day(), "add_text": "擅自在河滩取土",
           "law": "", "words": "河滩、取土", "remove": ""}  # fmt: skip
    assert lead("/rules/scope", **new).status_code == 303
    page = lead("/rules/scope").text
    for words in ("益备〔2026〕1号", "扩大：擅自在河滩取土", "甲lead"):
        assert words in page
    below = hand(Role.LEAD)
    assert "擅自在河滩取土" in below("/rules/scope").text
    assert "登记备案</summary>" not in below("/rules/scope").text
    assert below("/rules/scope", **new).status_code == 422, "only cities file"
    for wrong in ({"filing_no": ""}, {"filed_on": day(1)}, {"filed_on": "x"}, {"add_text": ""}, {"class_code": "X"},
                  {"remove": "T1.1"}):  # fmt: skip
        told = lead("/rules/scope", **new | wrong)
        assert (told.status_code, 'role="alert"' in told.text) == (422, True), wrong
    everybody = create_app().test_client()
    for path in (f"/citizen/scope/{CITY}", f"/citizen/scope/{COUNTY}"):
        page = everybody.get(path).text
        for words in ("擅自在河滩取土", "本地增加", "益备〔2026〕1号"):
            assert words in page
    assert "河滩" not in everybody.get("/citizen/scope/430100").text
    assert "没有扩大或缩小" in everybody.get("/citizen/scope/430100").text
    for path in ("/citizen/scope/999999", "/citizen/scope/x", "/citizen/scope/%00"):
        assert everybody.get(path).status_code == 404
    with db.reading() as session:
        row = session.scalars(select(ScopeChange)).one()
        number, words_known = row.id, row.words
    assert words_known == ["河滩", "取土"]
    assert lead(f"/rules/scope/{number}/end", valid_to=day(1), filing_no="").status_code == 422
    assert hand(Role.LEAD, "430100")(f"/rules/scope/{number}/end", valid_to=day(1), filing_no="x").status_code == 422
    assert lead(f"/rules/scope/{number}/end", valid_to=day(1), filing_no="益备〔2026〕2号").status_code == 303
    assert f"至 {day(1)}" in everybody.get(f"/citizen/scope/{CITY}").text


def test_a_zone_of_a_citys_level_has_its_own_lists(hand: Callable[..., Hand]) -> None:
    """Its code has a suffix; what its city files is not its."""
    keeper = hand(Role.SYSADMIN, PROVINCE)
    new = {"code": "430900-gx", "name": "高新区局", "level": "city", "kind": "authority", "places": "", "since": ""}
    assert keeper("/units/430000/below", **new).status_code == 303
    lead = hand(Role.LEAD, "430900-gx")
    filed = {"class_code": "T5", "filing_no": "高备1号", "filed_on": day(), "add_text": "填湖", "remove": ""}
    assert lead("/rules/scope", **filed).status_code == 303
    assert "填湖" in lead("/rules/scope").text
    everybody = create_app().test_client()
    assert "填湖" in everybody.get("/citizen/scope/430900-gx").text
    assert "填湖" not in everybody.get(f"/citizen/scope/{CITY}").text


def test_the_page_follows_what_governs(hand: Callable[..., Hand]) -> None:
    """A rule of the unit itself wins over the one above, on screen as in the clocks."""
    for unit, value in ((CITY, "18:00"), (COUNTY, "17:00")):
        one, two = hand(Role.LEAD, unit), hand(Role.SYSADMIN, unit)
        new = {"unit": unit, "name": "cutoff", "value": value, "since": day(), "channel": "", "reason": "文号"}
        assert one("/rules", **new).status_code == 303
        with db.reading() as session:
            number = session.scalars(select(LocalSwitch.id).order_by(LocalSwitch.id.desc())).first()
        assert two(f"/rules/switches/{number}/confirm", x="1").status_code == 303
    with db.reading() as session:
        unit_row = units.by_code(session, COUNTY)
        assert unit_row is not None
        assert in_force(session, unit_row.id, "", date.max)["cutoff"] == "17:00"
    page = hand(Role.LEAD)("/rules").text
    assert '<b>17:00</b></td><td data-name="来源">' in page
    assert "已被替代" in page, "the city's is named among what was"
    assert '<b>18:00</b></td><td data-name="来源">' in hand(Role.LEAD, "430900")("/rules").text
    assert casework.CHOICES["cutoff"].label in page
