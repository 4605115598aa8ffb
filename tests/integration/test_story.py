"""The scripted story of issue 3 through the API, on the real sending path with the simulated WeChat and mail server."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from channels.contract import Blob
from hub import clock, db
from hub.access import audit, staff
from hub.app import create_app
from hub.cli import main
from hub.law import notices as wordings
from hub.models import Clue
from tests.integration.notify.conftest import OPENID, UNIT, County, county
from tests.integration.notify.test_notice_mail import bounce

CITY, SIBLING = "430900", "430981"
PASSWORD = "a long password"
CAST = {
    "operator": (UNIT, ["operator"]), "handler": (UNIT, ["handler"]), "lead": (UNIT, ["lead"]),
    "city": (CITY, ["lead", "supervisor"]), "sibling": (SIBLING, ["handler"]), "mailroom": (UNIT, ["mailroom"]),
    "sysadmin": (UNIT, ["sysadmin"]), "supervisor": (CITY, ["supervisor"]),
}  # fmt: skip
OFFICERS = [
    {"name": "甲", "certificate": "A1", "valid_until": "2027-12-31"},
    {"name": "乙", "certificate": "A2", "valid_until": "2027-12-31"},
]
SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}


class Caller:
    """A program that acts for one person."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.login = login
        self.sign_in()

    def sign_in(self) -> None:
        assert self.client.post("/sign-in", data={"login": self.login, "password": PASSWORD}).status_code == 302
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/", follow_redirects=True).text)
        assert found
        self.headers = {"X-CSRF-Token": found[1]}

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}")
        if answer.status_code == 401:  # days have passed since
            self.sign_in()
            answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: dict[str, Any], **headers: str) -> TestResponse:
        self.get("problems")  # signed in still
        return self.client.post(f"/api/v1/{path}", json=body, headers=self.headers | headers)

    def done(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def clue(self, no: str) -> Any:
        return self.get(f"clues/{no}")

    def offers(self, no: str) -> dict[str, Any]:
        return {offer["id"]: offer for offer in self.get(f"clues/{no}/acts")["acts"]}

    def act(self, no: str, act: str, **data: Any) -> Any:
        """Does an act that is offered; the clue after it."""
        offer = self.offers(no)[act]
        assert offer["refusal"] is None, offer["refusal"]
        lacking = {f["name"] for f in offer["fields"] if f["required"]} - data.keys()
        assert not lacking, f"{act} also needs {lacking}"
        return self.done(f"clues/{no}/acts/{act}", {"version": self.clue(no)["version"], "data": data})["clue"]

    def refused(self, no: str, act: str, **data: Any) -> Any:
        answer = self.post(f"clues/{no}/acts/{act}", {"version": self.clue(no)["version"], "data": data})
        assert answer.status_code in (403, 422), answer.text
        assert answer.mimetype == "application/problem+json"
        return answer.json


class Cast(dict[str, Caller]):
    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def __missing__(self, login: str) -> Caller:
        unit, roles = CAST[login]
        with db.transaction() as session:
            staff.add(session, login, f"人{login}", PASSWORD, unit, roles)
        self[login] = Caller(self.app, login)
        return self[login]


@pytest.fixture
def cast(county: County) -> Cast:
    county.moment = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 9:00 in China, no holidays around it
    return Cast(create_app())


def number(clue_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Clue, clue_id).no


def of_kind(rows: list[Any], kind: str) -> Any:
    return [row for row in rows if row["kind"] == kind][-1]


def today(county: County) -> str:
    return clock.china(county.moment).date().isoformat()


def said_to(county: County, openid: str = OPENID) -> list[str]:
    return [str(message["text"]["content"]) for message in county.wechat.sent if message["touser"] == openid]


def verified(county: County, caller: Caller, no: str, result: str = "R1") -> Any:
    """Two officers, one site record, the end of verification."""
    caller.act(no, "verify.start", officers=OFFICERS, started=today(county))
    caller.act(
        no, "verify.record", visited=today(county), longitude=112.1, latitude=28.5, crs="CGCS2000", area=8,
        area_unit="mu", land_kind="other_arable", permits="未办理用地审批", elements={"place": "confirmed"},
    )  # fmt: skip
    return caller.act(no, "verify.end", result=result, ended=today(county))


def chains_hold() -> None:
    with db.reading() as session:
        verdict = audit.verify(session)
    assert verdict.ok, verdict.bad


def test_a_wechat_report_that_crosses_two_counties_up_to_its_end(county: County, cast: Cast) -> None:
    county.account()
    clue_id = county.message()
    no = number(clue_id)
    code = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", said_to(county)[0])
    assert code, "the receipt gives the query code"
    handler, city, sibling = cast["handler"], cast["city"], cast["sibling"]
    assert [row["no"] for row in handler.get("clues?state=to_determine")["clues"]] == [no]

    county.later(days=2)  # the county refers it up on the second working day: in time
    refused = handler.refused(no, "determine.P1", place=SIBLING, **{"class": "T2"})
    assert (refused["kind"], refused["name"], refused["article"]) == ("guard", "ours", "第十二条第（一）项")
    up = handler.act(no, "escalate", reason="crosses", units=[SIBLING])
    assert up["state"] == "escalated"
    assert up["unit"]["code"] == CITY
    judged, running = (row for row in reversed(up["clocks"]) if row["kind"] == "escalation")
    judged, running = sorted((judged, running), key=lambda row: row["running"])
    assert (judged["due"], judged["late"], judged["running"]) == ("2026-03-04", False, False)
    assert of_kind(up["clocks"], "determination")["ended"] == "被新的步骤取代"
    assert running["due"] == "2026-03-06"
    assert [step["counts"] for step in running["steps"]] == [False, True, True]

    county.later(days=1)
    assert "designate" not in handler.offers(no), "the county no longer holds it"
    units = next(one for one in city.offers(no)["designate"]["fields"] if one["name"] == "unit")["options"]
    assert [code_ for code_, _ in units[:2]] == [UNIT, SIBLING], "those concerned come first"
    named = city.act(no, "designate", unit=SIBLING, issued=today(county))
    assert (named["state"], named["unit"]["code"]) == ("designated", SIBLING)
    assert of_kind(named["clocks"], "after_designation")["due"] == "2026-03-16"

    accepted = sibling.act(no, "determine.P1", place=SIBLING, **{"class": "T2"})
    assert accepted["state"] == "verifying"
    assert of_kind(accepted["notices"], "accepted")["state"] == "queued", "queued is never told"
    county.work()
    told = sibling.clue(no)
    assert of_kind(told["notices"], "accepted")["attempts"][0]["state_label"] == "已送出"
    assert of_kind(told["clocks"], "after_designation")["ended"] == "已告知"
    assert "沅江市" in said_to(county)[-1], "the designated unit tells the reporter"

    county.later(days=6)
    ended = verified(county, sibling, no)
    assert ended["state"] == "to_tell"
    assert of_kind(ended["clocks"], "result")["days"] == 5
    assert ended["verifications"][0]["visits"][0]["land_kind"] == "other_arable"
    refused = sibling.refused(no, "close.violation")
    assert (refused["kind"], refused["article"]) == ("guard", "第十四条")
    county.work()

    closed = sibling.clue(no)
    assert (closed["state"], closed["close_reason"], closed["result"]) == ("closed", "violation", "R1")
    assert "将依法依规予以处理" in said_to(county)[-1]
    assert len(said_to(county)) == 3, "receipt, accepted, result: each once"
    citizen = sibling.client.application.test_client()
    assert citizen.post("/citizen/query", data={"code": code[0]}).status_code in (302, 303)
    page = citizen.get("/citizen/status").text
    assert "办结" in page
    assert "将依法依规予以处理" in page
    articles = {row["article"] for row in closed["history"] if row["article"]}
    assert {"第四条", "第十二条第（二）项", "第十四条"} <= articles
    assert not any(OPENID in str(caller.clue(no)) for caller in (handler, city, sibling))
    chains_hold()


def phone_report(county: County, place: str, caller: str) -> str:
    values = {"caller": caller, "name": f"举报人{caller[-1]}", "place": "桃江县武潭镇红旗村", "facts": place}
    return number(county.form("phone", values))


def told_by_call(county: County, caller: Caller, no: str, name: str, contact: str) -> None:
    """The person is called back and told, after the proof; the words carry nothing of the report."""
    county.work()
    (task,) = [row for row in caller.get("tasks?kind=call")["tasks"] if row["clue_no"] == no]
    path = f"tasks/{task['id']}"
    assert caller.post(f"{path}/outcome", {"outcome": "told"}).status_code == 422, "nothing is told without proof"
    wrong = caller.post(f"{path}/proof", {"name": "别人", "contact": contact})
    assert (wrong.status_code, "未核对身份" in wrong.json["detail"]) == (422, True)
    proof = caller.done(f"{path}/proof", {"name": name, "contact": contact})
    assert "红旗村" not in proof["text"]
    done = caller.done(f"{path}/outcome", {"outcome": "told", "proof": proof["proof"]})
    assert done["state"] == "done"
    county.work()


UNLIKE = ("version", "history", "recorded_at")
"""What may differ after merge and unmerge: the counter of edits and the log that says so."""


def fields_of(clue: Any) -> dict[str, Any]:
    return {name: value for name, value in clue.items() if name not in UNLIKE}


def rows_of(no: str) -> dict[str, list[Any]]:
    """The rows of the clue in every table that merging could touch."""
    with db.reading() as session:
        clue_id = session.scalars(select(Clue.id).where(Clue.no == no)).one()
        tables = {"clock": "clue_id", "clue_unit": "clue_id", "clue_hold": "clue_id", "notice": "clue_id",
                  "clue_value": "clue_id", "clue_reporter": "clue_id", "intake_clue": "clue_id"}  # fmt: skip
        query = "select * from {} where {} = :id order by 1, 2"
        return {
            name: [tuple(row) for row in session.execute(text(query.format(name, key)), {"id": clue_id})]
            for name, key in tables.items()
        }


def test_three_phone_reports_merged_told_separately_and_taken_apart_again(county: County, cast: Cast) -> None:
    callers = ["0737-8222221", "0737-8222222", "0737-8222223"]
    main, second, third = (phone_report(county, "占用耕地8亩建厂房", caller) for caller in callers)
    handler, operator = cast["handler"], cast["operator"]
    county.later(days=1)
    before = {no: (fields_of(handler.clue(no)), rows_of(no)) for no in (second, third)}

    for no in (second, third):
        merged = handler.act(no, "merge", main=main, **SAME)
        assert (merged["state"], merged["group"]["main"]) == ("merged", main)
    assert [row["no"] for row in handler.clue(main)["group"]["members"]] == [second, third]
    assert handler.offers(main)["determine.P3"]["refusal"] == "有并案线索，应先解除并案"
    for no in (third, second):
        back = handler.act(no, "unmerge", reason_text="不是同一块地")
        assert (fields_of(back), rows_of(no)) == before[no], "all as before, field by field, clocks included"

    handler.act(main, "determine.P1", place=UNIT, **{"class": "T2"})
    for no in (second, third):
        handler.act(no, "merge", main=main, **SAME)
        handler.act(no, "determine.member", place=UNIT, **{"class": "T2"})
    for place, no in enumerate((main, second, third), 1):
        told_by_call(county, operator, no, f"举报人{place}", callers[place - 1])
        assert of_kind(handler.clue(no)["clocks"], "determination")["ended"] == "已告知"
    result = verified(county, handler, main, "R0")
    assert result["state"] == "to_tell"
    assert {handler.clue(no)["state"] for no in (second, third)} == {"to_tell"}

    told_by_call(county, operator, second, "举报人2", callers[1])
    assert handler.clue(second)["state"] == "closed"
    assert handler.clue(main)["state"] == "to_tell", "the others are not told yet"
    assert of_kind(handler.clue(main)["clocks"], "result")["running"], "told to every reporter of the group"
    told_by_call(county, operator, main, "举报人1", callers[0])
    told_by_call(county, operator, third, "举报人3", callers[2])
    assert {handler.clue(no)["close_reason"] for no in (main, second, third)} == {"no_violation"}
    for no, caller in zip((main, second, third), callers, strict=True):
        parties = [row["party"] for row in handler.clue(no)["notices"]]
        assert parties == ["举报人", "举报人"], "each of its own reporter, and of no other"
        assert caller not in str(handler.clue(no)["notices"])
    assert handler.refused(second, "unmerge", reason_text="再分开")["kind"] == "state"
    chains_hold()


def test_a_member_taken_out_after_replies_equals_its_twin(county: County, cast: Cast) -> None:
    """Merged with determination, notice and call in between, then unmerged: as a twin that was never merged."""
    callers = ["0737-8222221", "0737-8222222", "0737-8222223"]
    main, member, twin = (phone_report(county, "占用耕地8亩建厂房", caller) for caller in callers)
    handler, operator = cast["handler"], cast["operator"]
    handler.act(member, "merge", main=main, **SAME)
    county.later(days=1)
    handler.act(member, "determine.member", place=UNIT, **{"class": "T2"})
    handler.act(twin, "determine.P1", place=UNIT, **{"class": "T2"})
    told_by_call(county, operator, member, "举报人2", callers[1])
    told_by_call(county, operator, twin, "举报人3", callers[2])
    county.later(days=1)
    handler.act(member, "unmerge", reason_text="时间不同")
    left, right = handler.clue(member), handler.clue(twin)
    own = {"no", "notices", "wishes", "parts", "title", "candidates", *UNLIKE}
    assert {name: value for name, value in left.items() if name not in own} == {
        name: value for name, value in right.items() if name not in own
    }
    assert left["state"] == "verifying"
    facts = ("kind", "state", "party", "told_at", "text")
    assert [[row[name] for name in facts] for row in left["notices"]] == [
        [row[name] for name in facts] for row in right["notices"]
    ]


def test_a_shut_wechat_window_falls_back_and_every_attempt_is_shown(county: County, cast: Cast) -> None:
    county.account(template_id="tmpl-1")
    no = number(county.message())
    county.later(days=3)
    county.wechat.api.shut_window(OPENID)
    cast["handler"].act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    county.work(2)
    clue = cast["handler"].clue(no)
    attempts = of_kind(clue["notices"], "accepted")["attempts"]
    assert [(row["label"], row["state_label"], row["detail"]) for row in attempts] == [
        ("微信客服消息", "失败", "客服消息时限已过（45015）"), ("微信模板消息", "已送出", ""),
    ]  # fmt: skip
    assert of_kind(clue["clocks"], "determination")["ended"] == "已告知"
    assert county.wechat.api.templates[-1]["touser"] == OPENID


MEDIA = {"outlet": "某晚报", "published": "2026-03-01", "url": "https://example.com/a", "facts": "占用耕地建厂房"}


def test_of_a_media_report_nobody_is_told_and_the_clock_stops_at_the_decision(county: County, cast: Cast) -> None:
    no = number(county.form("media", MEDIA))
    handler = cast["handler"]
    accepted = handler.act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    notice = of_kind(accepted["notices"], "accepted")
    assert (notice["state_label"], notice["party"], notice["attempts"]) == ("无需告知", "无举报人", [])
    clock_ = of_kind(accepted["clocks"], "determination")
    assert (clock_["running"], clock_["ended"], clock_["late"]) == (False, "无人可告知", False)
    closed = verified(county, handler, no)
    assert (closed["state"], closed["close_reason"]) == ("closed", "violation")


def test_a_joint_letter_is_closed_when_every_signer_was_told(county: County, cast: Cast) -> None:
    county.mailbox()
    first = {"reporter_name": "张三", "reporter_email": "first@example.org", "facts": "占用耕地建厂房",
             "place": "桃江县武潭镇", "received": "2026-03-01"}  # fmt: skip
    no = number(county.form("letter", first))
    mailroom, handler = cast["mailroom"], cast["handler"]
    for place in (2, 3):
        body = {"name": f"李{place}", "email": f"signer{place}@example.org"}
        assert mailroom.done(f"clues/{no}/reporters", body)["reporters"] == place
    assert mailroom.done(f"clues/{no}/reporters", {"name": "李3", "email": "signer3@example.org"})["reporters"] == 3
    sent = len(county.office.post.taken)
    handler.act(no, "determine.P3", ground="N3", department="桃江县人民法院")
    county.work()
    clue = handler.clue(no)
    told = [row for row in clue["notices"] if row["kind"] == "out_of_scope"]
    assert sorted(row["party"] for row in told) == ["举报人 1", "举报人 2", "举报人 3"]
    assert {row["state"] for row in told} == {"told"}
    assert len(county.office.post.taken) == sent + 3, "each in a mail of its own"
    assert clue["state"] == "closed"
    assert "signer3" not in str(clue)


def test_a_referral_is_answered_in_writing_and_the_citizen_told_beside_it(county: County, cast: Cast) -> None:
    county.mailbox()
    values = {"leader": "王某", "instruction": "请核查", "facts": "占用耕地建厂房", "place": "桃江县",
              "received": "2026-03-02", "reporter_name": "张三", "reporter_email": "zhang@example.org"}  # fmt: skip
    no = number(county.form("referral", values))
    handler, mailroom = cast["handler"], cast["mailroom"]
    handler.act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    county.work()
    clue = handler.clue(no)
    parties = {row["party"]: row["state"] for row in clue["notices"] if row["kind"] == "accepted"}
    assert parties == {"批示领导": "queued", "举报人": "told"}
    assert of_kind(clue["clocks"], "determination")["running"], "told is told to every party"
    (task,) = mailroom.get("tasks?kind=reply")["tasks"]
    assert mailroom.post(f"tasks/{task['id']}/sent", {"reference": " "}).json["kind"] == "state"
    assert mailroom.done(f"tasks/{task['id']}/sent", {"reference": "桃自然资函〔2026〕3号"})["state"] == "done"
    county.work()
    assert of_kind(handler.clue(no)["clocks"], "determination")["ended"] == "已告知"


def test_a_bounce_after_told_opens_the_clue_again_with_its_old_day(county: County, cast: Cast) -> None:
    county.mailbox()
    clue_id = county.mail()
    no = number(clue_id)
    county.wish(clue_id, "email")
    handler = cast["handler"]
    county.later(days=1)
    handler.act(no, "determine.P3", ground="N3")
    county.work()
    closed = handler.clue(no)
    due = of_kind(closed["clocks"], "determination")["due"]
    assert closed["state"] == "closed"
    sent = county.office.post.taken[-1].mail["Message-ID"]
    county.later(hours=3)
    county.take("email", [Blob("b.eml", "", bounce(sent))], {}, "email:t")
    county.work(2)
    clue = handler.clue(no)
    attempts = of_kind(clue["notices"], "out_of_scope")["attempts"]
    assert [(row["route"], row["state"], row["permanent"]) for row in attempts] == [("email", "failed", True)]
    assert "送达失败" in [row["label"] for row in clue["history"]], "open again"
    clock_ = of_kind(clue["clocks"], "determination")
    assert (clock_["due"], clock_["ended"]) == (due, "各途径均未送达"), "the old day; every consented route was tried"
    assert (clue["state"], clue["close_reason"]) == ("closed", "out_of_scope")


def test_a_caller_nobody_reaches_is_exhausted_after_three_calls_on_two_days(county: County, cast: Cast) -> None:
    no = phone_report(county, "占用耕地8亩", "0737-8222221")
    handler, operator = cast["handler"], cast["operator"]
    handler.act(no, "determine.P3", ground="N5")
    county.work()
    (task,) = operator.get("tasks")["tasks"]
    for hours in (1, 1, 24):
        assert handler.clue(no)["state"] == "to_tell"
        county.later(hours=hours)
        operator.done(f"tasks/{task['id']}/outcome", {"outcome": "no_answer"})
        county.work()
    clue = handler.clue(no)
    assert of_kind(clue["clocks"], "determination")["ended"] == "各途径均未送达"
    assert (clue["state"], of_kind(clue["notices"], "out_of_scope")["state"]) == ("closed", "undelivered")


CHANNELS = {
    "phone": {"caller": "0737-8222229", "name": "张三"}, "letter": {"reporter_phone": "13800000001"},
    "referral": {"leader": "王某", "instruction": "请核查"}, "subordinate": {"from_unit": "武潭镇所"}, "media": MEDIA,
    "other": {}, "email": {}, "wechat": {},
}  # fmt: skip
SLOTS: dict[str, dict[str, Any]] = {
    "receipt": {"query_code": "ABCD-EFGH-JKMN"}, "duplicate": {"earlier_date": "2026-01-05"},
    "supplement": {"elements": ["place"]}, "correction": {"date": "2026-03-02", "corrected": "accepted"},
}  # fmt: skip


@pytest.fixture
def every_channel(county: County, cast: Cast) -> dict[str, str]:
    """A clue of each channel."""
    county.mailbox(), county.account(), county.line()
    found = {}
    for code, values in CHANNELS.items():
        if code == "email":
            clue_id = county.mail()
        elif code == "wechat":
            clue_id = county.message()
        else:
            common = {"place": "桃江县武潭镇", "facts": "占用耕地建厂房", "received": "2026-03-02"}
            clue_id = county.form(code, common | values, "0802" if code == "other" else "")
        found[code] = number(clue_id)
    return found


def test_the_notices_render_for_every_channel(every_channel: dict[str, str], cast: Cast) -> None:
    assert len(wordings.KINDS) == 8, "seven statutory and the correction"
    handler = cast["handler"]
    for code, no in every_channel.items():
        assert handler.clue(no)["channel"] == code
        for kind in wordings.KINDS:
            body = {"kind": kind, "slots": SLOTS.get(kind, {})}
            words = handler.done(f"clues/{no}/notices/preview", body)["text"]
            assert len(words) > 15, (code, kind)
            assert not re.search(r"[{}\[\]]|占用|武潭|张三", words), (code, kind)
            phrase = wordings.PHRASES.get(kind, "").replace("{label}", "")
            assert phrase.replace("不存在", "") in words, (code, kind)
    bad = handler.post(f"clues/{no}/notices/preview", {"kind": "accepted", "slots": {"text": "举报张三占地"}})
    assert (bad.status_code, bad.json["kind"], bad.json["name"]) == (422, "value", "text")


HOLIDAYS = "关于2027年安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共3天。"


def test_the_notice_of_a_provisional_year_recomputes_open_clocks_and_logs_it(county: County, cast: Cast) -> None:
    county.moment = datetime(2026, 12, 28, 1, 0, tzinfo=UTC)
    no = phone_report(county, "占用耕地8亩", "0737-8222221")
    lead, sysadmin, handler = cast["lead"], cast["sysadmin"], cast["handler"]
    before = of_kind(handler.clue(no)["clocks"], "determination")
    assert (before["due"], before["provisional"]) == ("2027-01-06", True)
    read = lead.done("calendars/preview", {"text": HOLIDAYS})
    assert (read["off"], read["warnings"]) == (["2027-01-01", "2027-01-02", "2027-01-03"], [])
    doubtful = lead.post("calendars", {"text": HOLIDAYS.replace("周五", "周四")})
    assert (doubtful.status_code, doubtful.json["kind"]) == (422, "value")
    proposal = lead.done("calendars", {"text": HOLIDAYS, "issued": "2026-11-20"})
    assert lead.post(f"calendars/{proposal['id']}/confirm", {}).json["detail"] == "须由第二人确认"
    assert sysadmin.done(f"calendars/{proposal['id']}/confirm", {})["changed"] == 1
    clue = handler.clue(no)
    after = of_kind(clue["clocks"], "determination")
    assert (after["due"], after["provisional"]) == ("2027-01-07", False)
    assert "元旦" in next(step["why"] for step in after["steps"] if step["day"] == "2027-01-01")
    assert clue["history"][-1]["label"] == "时限重算"


def test_due_explains_the_spring_festival() -> None:
    answer = CliRunner().invoke(main, ["try", "due", "2026-02-12", "7"])
    told = json.loads(answer.stdout)
    assert (told["due"], told["provisional"]) == ("2026-02-28", False)
    assert [day["date"] for day in told["days"] if day["counts"]] == [
        "2026-02-13", "2026-02-14", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28",
    ]  # fmt: skip
    assert all(day["why"] for day in told["days"])
    later = json.loads(CliRunner().invoke(main, ["try", "due", "2031-01-02", "7"]).stdout)
    assert later["provisional"], "nobody has published that year"


def test_a_letter_is_told_when_posted_and_open_again_when_it_comes_back(county: County, cast: Cast) -> None:
    values = {
        "reporter_name": "张三", "reporter_phone": "13800138000", "place": "桃江县武潭镇", "facts": "占用耕地建厂房",
        "reporter_address": "湖南省益阳市桃江县武潭镇红旗村一组7号", "received": "2026-03-01",
    }  # fmt: skip
    no = number(county.form("letter", values))
    handler, mailroom = cast["handler"], cast["mailroom"]
    (wish,) = handler.clue(no)["wishes"]
    handler.done(f"clues/{no}/wishes", {"reporter": wish["reporter"], "routes": ["letter", "call"]})
    handler.act(no, "determine.P3", ground="N3", department="桃江县人民法院")
    county.work()
    (task,) = [row for row in mailroom.get("tasks?kind=letter")["tasks"] if row["notice"] == "不予受理告知"]
    due = of_kind(handler.clue(no)["clocks"], "determination")["due"]
    assert mailroom.post(f"tasks/{task['id']}/outcome", {"outcome": "told"}).status_code == 422, (
        "a letter is not called"
    )
    posted = mailroom.done(f"tasks/{task['id']}/sent", {"reference": "XA12345678943"})
    assert (posted["state"], posted["reference"]) == ("done", "XA12345678943")
    county.work()
    assert handler.clue(no)["state"] == "closed"
    county.later(days=5)
    assert mailroom.done(f"tasks/{task['id']}/returned", {})["state"] == "failed"
    county.work()
    clue = handler.clue(no)
    clock_ = of_kind(clue["clocks"], "determination")
    assert (clue["state"], clock_["running"], clock_["due"]) == ("to_tell", True, due), "open again, the old day"
    attempts = of_kind(clue["notices"], "out_of_scope")["attempts"]
    assert [(row["route"], row["state"]) for row in attempts] == [("letter", "failed"), ("call", "queued")]
    (call,) = cast["operator"].get("tasks?kind=call")["tasks"]
    assert call["clue_no"] == no
