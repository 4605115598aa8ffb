"""The pages of those who tell: call-backs, letters, written replies; who may, what is refused, what is noted."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import db
from hub.access import sealing
from hub.app import create_app
from hub.models import Clue, NoticeTask, QueryCode
from tests.integration import browsers
from tests.integration.browsers import Person
from tests.integration.notify.conftest import PHONE, UNIT, County, county

CAST = {
    "operator": (UNIT, "operator"), "mailroom": (UNIT, "mailroom"), "handler": (UNIT, "handler"),
    "lead": (UNIT, "lead"), "stranger": ("430903", "lead"), "superior": ("430900", "lead"),
    "auditor": (UNIT, "auditor"), "sysadmin": (UNIT, "sysadmin"),
}  # fmt: skip
CODE = "ABCD-EFGH-JKMN"
CALLER = "0737-8222222"
ADDRESS = "湖南省益阳市桃江县武潭镇红旗村一组7号"


Cast = browsers.Cast[Person]


@pytest.fixture
def cast(county: County) -> Cast:
    del county
    browsers.join(CAST)
    return Cast(create_app(), Person)


@pytest.fixture
def call(county: County) -> NoticeTask:
    clue_id = county.form("phone", {"caller": CALLER, "place": "桃江县", "facts": "占地", "name": "张三"})
    county.ask(clue_id)
    county.work()
    with db.transaction() as session:
        session.add(QueryCode(token=sealing.blind("query", CODE), clue_id=clue_id, reporter_id=None, tail=None))
    return county.tasks()[0]


@pytest.fixture
def letter(county: County) -> NoticeTask:
    citizen = {"place": "桃江县武潭镇", "facts": "占用耕地建房", "reporter_name": "张三"}
    clue_id = county.form("letter", citizen | {"reporter_phone": PHONE, "reporter_address": ADDRESS})
    county.wish(clue_id, "letter", "call")
    county.ask(clue_id)
    county.work()
    return county.tasks()[0]


@pytest.fixture
def reply(county: County) -> NoticeTask:
    clue_id = county.form("referral", {"leader": "李某", "instruction": "请核查", "facts": "占地", "place": "桃江县"})
    county.ask(clue_id)
    county.work()
    return county.tasks()[0]


def notice_state(county: County, task: NoticeTask) -> str:
    return county.notice(task.notice_id).state


def acts(county: County, task: NoticeTask) -> list[str]:
    return county.acts(county.notice(task.notice_id).clue_id)


def test_a_call_is_dialled_proved_and_told(county: County, cast: Cast, call: NoticeTask) -> None:
    operator, path = cast["operator"], f"/tasks/{call.id}"
    page = operator.get("/tasks?kind=call").text
    assert "受理告知" in page
    assert "8222222" not in page
    page = operator.get(path).text
    assert "8222222" not in page
    assert "属于受理范围" not in page, "nothing is said before the proof"
    assert CALLER in operator.post(f"{path}/number").text
    assert acts(county, call)[-1] == "reveal_number"
    refused = operator.post(f"{path}/outcome", outcome="told")
    assert (refused.status_code, "须先核对" in refused.text) == (422, True)
    refused = operator.post(f"{path}/outcome", outcome="told", proof="99999999999.00")
    assert refused.status_code == 422
    shown = operator.post(f"{path}/proof", query_code=CODE.lower().replace("-", " "))
    assert "属于受理范围" in shown.text
    proof = re.search(r'name="proof" value="([^"]+)"', shown.text)
    assert proof
    assert cast["lead"].post(f"{path}/outcome", outcome="told", proof=proof[1]).status_code == 422, "another's proof"
    assert notice_state(county, call) == "queued"
    assert operator.post(f"{path}/outcome", outcome="told", proof=proof[1]).status_code == 303
    assert notice_state(county, call) == "told"
    assert "没有待办的回拨电话" in operator.get("/tasks?kind=call").text
    assert operator.post(f"{path}/outcome", outcome="no_answer").status_code == 422


def test_name_and_registered_contact_prove_too_and_a_wrong_answer_tells_nothing(
    county: County,
    cast: Cast,
    call: NoticeTask,
) -> None:
    operator, path = cast["operator"], f"/tasks/{call.id}"
    for wrong in ({"query_code": "ABCD-EFGH-JKMP"}, {"name": "李四", "contact": CALLER}, {"name": "张三"}, {}):
        refused = operator.post(f"{path}/proof", **wrong)
        assert (refused.status_code, "属于受理范围" in refused.text) == (422, False), wrong
    assert acts(county, call)[-1] == "not_proved"
    shown = operator.post(f"{path}/proof", name="张三", contact="0737 8222222")
    assert (shown.status_code, "属于受理范围" in shown.text) == (200, True)
    for _ in range(6):
        operator.post(f"{path}/proof", query_code="WRONG")
    assert operator.post(f"{path}/proof", query_code=CODE).status_code == 429, "ten wrong answers an hour"


def test_tries_are_listed_and_three_on_two_days_end_the_calls(county: County, cast: Cast, call: NoticeTask) -> None:
    operator, path = cast["operator"], f"/tasks/{call.id}"
    assert operator.post(f"{path}/outcome", outcome="no_answer").status_code == 303
    assert "无人接听" in operator.get("/tasks").text
    assert operator.post(f"{path}/outcome", outcome="maybe").status_code == 422
    assert operator.post(f"{path}/outcome", outcome="no_answer", at="gestern").status_code == 422
    assert operator.post(f"{path}/outcome", outcome="no_answer", at="2030-01-01T10:00").status_code == 422
    operator.post(f"{path}/outcome", outcome="not_proved")
    county.later(days=3)
    operator = Person(cast.app, "operator")
    operator.post(f"{path}/outcome", outcome="no_answer")
    assert notice_state(county, call) == "undelivered"
    assert "未能送达" in operator.get(path).text


def test_nobody_is_rung_in_quiet_or_outside_agreed_hours(county: County, cast: Cast, call: NoticeTask) -> None:
    clue_id = county.notice(call.notice_id).clue_id
    county.wish(clue_id, "call", hours=(14, 16))
    refused = cast["operator"].post(f"/tasks/{call.id}/number")
    assert (refused.status_code, "11-20 14:00" in refused.text, "8222222" in refused.text) == (422, True, False)
    assert "reveal_number" not in acts(county, call)
    assert "14–16 时" in cast["operator"].get("/tasks").text
    county.moment += timedelta(hours=12)
    night = Person(cast.app, "operator")
    assert night.post(f"/tasks/{call.id}/number").status_code == 422


def test_a_letter_is_printed_posted_and_may_come_back(county: County, cast: Cast, letter: NoticeTask) -> None:
    mailroom, path = cast["mailroom"], f"/tasks/{letter.id}"
    assert ADDRESS[:6] not in mailroom.get("/tasks?kind=letter").text + mailroom.get(path).text
    made = mailroom.post(f"{path}/document")
    assert made.data.startswith(b"%PDF")
    assert made.headers["Content-Disposition"].startswith("attachment")
    assert made.headers["Cache-Control"] == "no-store"
    assert acts(county, letter)[-1] == "reveal_address_sheet"
    for nothing in (" ", "\0"):
        assert mailroom.post(f"{path}/sent", reference=nothing).status_code == 422
    assert notice_state(county, letter) == "queued"
    assert mailroom.post(f"{path}/sent", reference="XA12345678943").status_code == 303
    assert county.notice(letter.notice_id).evidence == "letter: XA12345678943"
    assert "XA12345678943" in mailroom.get("/tasks?kind=letter").text
    assert mailroom.post(f"{path}/returned").status_code == 303
    assert notice_state(county, letter) == "queued"
    assert mailroom.post(f"{path}/returned").status_code == 422


def test_a_written_reply(county: County, cast: Cast, reply: NoticeTask) -> None:
    handler, path = cast["handler"], f"/tasks/{reply.id}"
    assert "批示领导" in handler.get("/tasks?kind=reply").text
    assert "属于受理范围" not in handler.get(path).text
    assert "属于受理范围" in handler.post(f"{path}/words").text
    assert acts(county, reply)[-1] == "notice_read"
    assert handler.post(f"{path}/sent", reference="").status_code == 422
    assert handler.post(f"{path}/sent", reference="桃自然资函〔2026〕1号").status_code == 303
    assert notice_state(county, reply) == "told"


@pytest.mark.parametrize("login", ["mailroom", "stranger", "superior", "auditor", "sysadmin"])
def test_who_does_not_call_meets_404_everywhere(county: County, cast: Cast, call: NoticeTask, login: str) -> None:
    person, path = cast[login], f"/tasks/{call.id}"
    assert person.get(path).status_code == 404
    for act in ("number", "proof", "outcome", "document", "words", "sent", "returned"):
        assert person.post(f"{path}/{act}", outcome="told", reference="1", query_code=CODE).status_code == 404, act
    assert notice_state(county, call) == "queued"


def test_tasks_of_unseen_clues_and_of_another_kind(county: County, cast: Cast, call: NoticeTask) -> None:
    with db.reading() as session:
        no = session.scalars(select(Clue.no)).one()
    assert no not in cast["stranger"].get("/tasks").text
    for number in (999_999, 10**30):
        assert cast["operator"].get(f"/tasks/{number}").status_code == 404
        assert cast["operator"].post(f"/tasks/{number}/number").status_code == 404
    assert cast["operator"].post(f"/tasks/{call.id}/words").status_code == 404
    assert cast["operator"].post(f"/tasks/{call.id}/document").status_code == 422
    assert cast["operator"].get("/tasks?kind=letter").status_code == 200, "not the operator's: calls are shown instead"
    anyone = cast.app.test_client()
    assert anyone.get(f"/tasks/{call.id}").status_code == 302
    assert cast["operator"].client.post(f"/tasks/{call.id}/number").status_code == 400, "without the page's token"
