"""The citizens' side on real PostgreSQL: report → code → status → supplement; every refusal; no way to staff pages."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from channels.registry import channel
from hub import db, intake
from hub.access import sealing, staff
from hub.app import create_app
from hub.casework import citizens, following
from hub.law import notices
from hub.models import Blob, Clue, ClueReporter, Event, FollowUp, Intake, IntakeClue, Part, QueryCode, Wish
from hub.notify import codes
from hub.web.citizen import consent
from tests.integration.casework.conftest import COUNTY, Desk, desk
from tests.integration.casework.test_merging import SAME

VERSION = consent.VERSIONS[-1].version
PHONE = "13800001234"
REPORT = {
    "place": "湖南省益阳市桃江县武潭镇红旗村", "respondent": "鑫隆建材有限公司", "facts": "未经批准占用耕地8亩建厂房",
    "mode": "real_name", "reporter_name": "张三", "reporter_phone": PHONE, "consent": VERSION,
}  # fmt: skip
ANONYMOUS = {name: REPORT[name] for name in ("place", "facts", "consent")} | {"mode": "anonymous"}
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 100


class Citizen:
    """Somebody's telephone."""

    def __init__(self, app: Flask, address: str = "203.0.113.7") -> None:
        self.client: FlaskClient = app.test_client()
        self.address = {"REMOTE_ADDR": address}

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/citizen/{path}", environ_overrides=self.address)

    def post(self, path: str, data: dict[str, Any]) -> TestResponse:
        return self.client.post(f"/citizen/{path}", data=data, environ_overrides=self.address)

    def token(self, path: str = "report") -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get(path).text)
        assert found
        return found[1]

    def report(self, token: str = "", path: str = f"report/{COUNTY}", **more: Any) -> TestResponse:
        values = (ANONYMOUS if more.get("mode") == "anonymous" else REPORT) | more
        return self.post(path, {"token": token or self.token(), **values})

    def code(self, **more: Any) -> str:
        answer = self.report(**more)
        assert answer.status_code == 200, answer.text
        found = re.search(r'id="code"[^>]*>([^<]+)<', answer.text)
        assert found
        return found[1]

    def ask(self, code: str, tail: str = PHONE[-4:]) -> TestResponse:
        return self.post("query", {"code": code, "tail": tail})


@pytest.fixture
def app(desk: Desk) -> Flask:
    del desk
    with db.transaction() as session:
        staff.add(session, "lead", "周科长", "a long password", COUNTY, ["lead"])
    return create_app()


@pytest.fixture
def citizen(app: Flask) -> Citizen:
    return Citizen(app)


def registered() -> list[int]:
    """Reads what is stored in this process (other tests prove the child); the ids of the clues."""
    made: list[int] = []
    with db.transaction() as session:
        for row in session.scalars(select(Intake).where(Intake.state == "stored").order_by(Intake.id)):
            raw = intake.load(session, row.id)
            made += intake.register(session, row.id, channel(row.channel).normalize(raw))
    return made


def count(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# ---- the way through


def test_a_report_its_code_its_status_and_a_supplement(citizen: Citizen, desk: Desk) -> None:
    files = [(io.BytesIO(JPEG), "现场.jpg")]
    code = citizen.code(files=files, lat="28.5", lon="112.1", accuracy="20", sms="1", hours="18-21", neutral="1")
    assert re.fullmatch(r"(?:[2-9A-HJKMNP-Z]{4}-){2}[2-9A-HJKMNP-Z]{4}", code)
    assert citizen.ask(code).status_code == 303, "the code opens before a worker has read the report"
    assert "已收到，正在登记" in citizen.get("status").text
    early = {"token": citizen.token("supplement"), "kind": "supplement", "text": "还有照片"}
    assert citizen.post("supplement", early).status_code == 409
    (clue_id,) = registered()
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        assert (clue.channel, clue.sub_channel, clue.report_mode) == ("other", "0803", "real_name")
        assert clue.no.startswith(COUNTY)
        assert clue.at == desk.now, "the submit is the base of the clocks"
        kinds = session.scalars(select(Part.kind).order_by(Part.id)).all()
        assert {"text", "scan", "location", "fields"} <= set(kinds)
        wish = session.scalars(select(Wish)).one()
        assert (sorted(wish.routes), wish.hour_from, wish.hour_to, wish.neutral) == (["call", "sms"], 18, 21, True)
        row = session.scalars(select(Intake)).one()
        told = sealing.open_key(session, row.key_id).json(row.meta, "intake.meta")["meta"]["citizen"]
        assert told["consent"]["version"] == VERSION
        assert told["consent"]["at"].startswith("2026-03-02T09:00")
        assert code not in str(told)
    page = citizen.get("status").text
    assert "审核中" in page
    assert "最迟 2026 年 3 月 11 日" in page
    assert not [word for word in ("张三", "武潭", "鑫隆", "占用耕地", PHONE) if word in page]
    desk.p1(clue_id)
    desk.tell(clue_id)
    page = citizen.get("status").text
    assert "核查中" in page
    assert "受理告知" in page
    sent = {"token": citizen.token("supplement"), "kind": "supplement", "text": "昨晚又倒了三车土"}
    answer = citizen.post("supplement", sent | {"files": [(io.BytesIO(b"\0\0\0\x18ftypmp42" + b"\0" * 64), "a.mp4")]})
    assert answer.status_code == 303
    assert registered() == [clue_id], "it joins the clue"
    with db.reading() as session:
        follow_up = session.scalars(select(FollowUp)).one()
        assert (follow_up.kind, follow_up.proof, follow_up.clue_id) == ("supplement", "query_code", clue_id)
        assert session.get(IntakeClue, (follow_up.intake_id, clue_id)) is not None
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{clue_id}")).all()
        assert "follow_up" in acts
    assert citizen.post("supplement", sent).status_code == 409, "the same page with another body"
    desk.verified(clue_id, "R0")
    desk.tell(clue_id)
    page = citizen.get("status").text
    assert "已办结" in page
    assert "不存在国土资源违法行为" in page


def test_who_was_told_is_asked_once_whether_it_was_well_done(citizen: Citizen, desk: Desk) -> None:
    assert citizen.post("rating", {"score": "5"}).status_code == 303, "without the code: to the query page"
    code = citizen.code()
    (clue_id,) = registered()
    citizen.ask(code)
    assert "满意吗" not in citizen.get("status").text
    assert citizen.post("rating", {"score": "5"}).status_code == 422
    desk.p1(clue_id)
    desk.tell(clue_id)
    desk.verified(clue_id, "R1")
    desk.tell(clue_id)
    assert "满意吗" in citizen.get("status").text
    for wrong in ("", "6", "0", "满意", "12"):
        assert citizen.post("rating", {"score": wrong}).status_code == 422, wrong
    answer = citizen.post("rating", {"score": "4", "words": "谢谢\0" + "好" * 2000})
    assert answer.status_code == 303
    page = citizen.client.get(answer.location, environ_overrides=citizen.address).text
    assert "已收到您的评价" in page
    assert "满意吗" not in page
    assert citizen.post("rating", {"score": "1"}).status_code == 409
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        (said,) = following.ratings(session, clue, words=True)
    assert (said.score, said.words[:3], len(said.words), said.by_call) == (4, "谢谢好", following.LONGEST, False)


def test_sent_twice_it_is_one_report_with_the_same_code(citizen: Citizen) -> None:
    token = citizen.token()
    first, again = citizen.report(token), citizen.report(token)
    codes_ = [re.search(r'id="code"[^>]*>([^<]+)<', answer.text)[1] for answer in (first, again)]  # type: ignore[index]
    assert codes_[0] == codes_[1]
    assert count(Intake) == 1
    changed = citizen.report(token, facts="别的事")
    assert (changed.status_code, "不能改动后再交" in changed.text) == (409, True)
    assert count(Intake) == 1
    assert citizen.code() != codes_[0], "a page opened anew is another report"


def test_the_wechat_page_enters_by_its_channel(citizen: Citizen) -> None:
    assert citizen.code(path=f"report/{COUNTY}?from=wechat")
    (clue_id,) = registered()
    with db.reading() as session:
        assert session.get_one(Clue, clue_id).channel == "wechat"
        assert session.scalar(select(func.count()).select_from(QueryCode)) == 1


def test_an_anonymous_report_keeps_nobody_and_its_code_asks_no_phone(citizen: Citizen) -> None:
    code = citizen.code(mode="anonymous")
    registered()
    assert count(ClueReporter) == count(Wish) == 0
    assert citizen.ask(code.lower().replace("-", " "), "").status_code == 303


def test_the_question_stands_on_the_page_and_its_answer_makes_a_new_clue(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code(mode="anonymous")
    (clue_id,) = registered()
    desk.act(clue_id, "ask", how="query_page", missing="place")
    citizen.ask(code, "")
    page = citizen.get("status").text
    assert "请您补充：违法行为发生地" in page
    assert "2026 年 3 月 11 日 前补充" in page
    desk.go("2026-03-12T09:00")
    citizen.ask(code, "")
    assert "请您补充" not in citizen.get("status").text, "it stands seven working days"
    desk.act(clue_id, "determine.P5", missing="place")
    sent = {"token": citizen.token("supplement"), "kind": "supplement", "text": "在武潭镇红旗村一组"}
    assert citizen.post("supplement", sent).status_code == 303
    (later,) = registered()
    assert later != clue_id
    with db.reading() as session:
        made = session.get_one(Clue, later)
        assert made.supplement_of == clue_id
        assert made.report_mode == "anonymous" or made.report_mode == ""
    page = citizen.get("status").text
    assert "您补充后，举报重新办理" in page
    more = {"token": citizen.token("supplement"), "kind": "urge"}
    assert citizen.post("supplement", more).status_code == 303
    assert registered() == [later], "what comes then joins the new clue"
    with db.reading() as session:
        assert [(row.clue_id, row.kind) for row in session.scalars(select(FollowUp))] == [(later, "urge")]
    desk.act(later, "ask", how="query_page", missing="facts")
    desk.go("2026-03-24T09:00")
    desk.act(later, "determine.P5", missing="facts")
    citizen.ask(code, "")
    again = {"token": citizen.token("supplement"), "kind": "supplement", "text": "占了八亩耕地"}
    assert citizen.post("supplement", again).status_code == 303
    (last,) = registered()
    with db.reading() as session:
        assert session.get_one(Clue, last).supplement_of == later
        assert codes.latest(session, clue_id).id == last


def test_a_named_reporter_is_carried_to_the_supplemented_clue(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code(hours="8-12")
    (clue_id,) = registered()
    desk.act(clue_id, "ask", how="call", missing="place")
    desk.act(clue_id, "determine.P5", missing="place")
    citizen.ask(code)
    citizen.post("supplement", {"token": citizen.token("supplement"), "kind": "supplement", "text": "在一组"})
    (later,) = registered()
    with db.reading() as session:
        rows = session.scalars(select(ClueReporter.reporter_id).order_by(ClueReporter.clue_id)).all()
        assert len(rows) == 2
        assert rows[0] == rows[1]
        assert session.scalars(select(Wish.hour_to).where(Wish.clue_id == later)).one() == 12
        assert session.get_one(Clue, later).report_mode == "real_name"


def test_a_merged_report_does_not_tell_of_others(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code()
    (mine,) = registered()
    other = desk.clue()
    for clue_id in (mine, other):
        desk.p1(clue_id)
    desk.act(mine, "merge", main=other, **SAME)
    assert desk.state(mine) == "merged"
    citizen.ask(code)
    page = citizen.get("status").text
    assert "核查中" in page
    assert "并案" not in page


# ---- what is refused

WRONG: dict[str, tuple[str, dict[str, str], str]] = {
    "no place": ("place", {"place": " "}, "请填写“违法行为发生地”"),
    "no facts": ("facts", {"facts": ""}, "请填写“主要违法事实”"),
    "too long": ("facts", {"facts": "土" * 5001}, "不能超过 5000 字"),
    "no mode": ("mode", {"mode": ""}, "请选择举报方式"),
    "unknown mode": ("mode", {"mode": "secret"}, "请选择举报方式"),
    "named without a name": ("reporter_name", {"reporter_name": ""}, "请留姓名"),
    "named without a contact": ("reporter_name", {"reporter_phone": ""}, "至少一种联系方式"),
    "a phone that is none": ("reporter_phone", {"reporter_phone": "12a"}, "电话号码不完整"),
    "a mail that is none": ("reporter_email", {"reporter_email": "zhang@"}, "电子邮箱写得不完整"),
    "hours": ("hours", {"hours": "1-99"}, "请选择可以联系的时段"),
    "no consent": ("consent", {"consent": ""}, "勾选同意"),
    "another consent": ("consent", {"consent": "1999"}, "勾选同意"),
}


def test_each_wrong_box_is_named_and_nothing_is_stored(citizen: Citizen) -> None:
    for name, (box, change, why) in WRONG.items():
        answer = citizen.report(**change)
        assert answer.status_code == 422, name
        assert why in answer.text, name
        shown = rf'name="{box}"[^>]*aria-invalid|aria-invalid="true"[^>]*>\s*<label><input type="radio" name="{box}"'
        assert re.search(shown, answer.text), name
        if name != "no place":
            assert REPORT["place"] in answer.text, "what was typed stays"
    answer = citizen.report(mode="anonymous", reporter_name="张三")
    assert (answer.status_code, "选了匿名，又留了姓名" in answer.text) == (422, True)
    answer = citizen.report(homepage="http://spam.example")
    assert (answer.status_code, "自动程序" in answer.text) == (422, True)
    for name, data in (("空.jpg", b""), ("a.exe", b"MZ"), ("无名", b"x")):
        answer = citizen.report(files=[(io.BytesIO(data), name)])
        assert answer.status_code == 422, name
        assert name not in answer.text.replace("a.exe", ""), "file names may carry identity"
    answer = citizen.report(files=[(io.BytesIO(JPEG), f"{n}.jpg") for n in range(21)])
    assert (answer.status_code, "最多上传 20 个" in answer.text) == (422, True)
    assert count(Intake) == count(Blob) == 0


def test_forms_that_are_not_ours_too_old_or_too_large(citizen: Citizen, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("", "x", "a.1.b", "0" * 500, citizen.token()[:-1] + "?"):
        assert citizen.report(token or " ").status_code == 400, token
    import time

    token, now = citizen.token(), time.time()
    monkeypatch.setattr("hub.web.citizen.gate.time.time", lambda: now + 25 * 3600)
    assert citizen.report(token).status_code == 400
    monkeypatch.undo()
    monkeypatch.setattr("hub.web.citizen.gate.MAX_BYTES", 1000)
    large = citizen.report(files=[(io.BytesIO(JPEG * 20), "a.jpg")])
    assert (large.status_code, "没有上传" in large.text) == (413, True)
    assert count(Intake) == 0


def test_only_a_unit_with_people_receives(citizen: Citizen) -> None:
    assert "桃江县自然资源主管部门" in citizen.get("report").text, "the only unit with people"
    assert citizen.get(f"report/{COUNTY}").status_code == 200
    for unit in ("110105", "999999", "x"):
        answer = citizen.get(f"report/{unit}")
        assert (answer.status_code, "没有对应的受理单位" in answer.text) == (404, True)
        assert citizen.report(path=f"report/{unit}").status_code == 404
    assert count(Intake) == 0


def test_an_address_sends_thirty_an_hour(
    citizen: Citizen, app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citizens, "SENDINGS", 2)
    assert [citizen.report(mode="anonymous").status_code for _ in range(3)] == [200, 200, 429]
    assert Citizen(app, "203.0.113.8").report(mode="anonymous").status_code == 200, "another address"
    assert count(Intake) == 3


def test_wrong_codes_are_one_answer_counted_per_address_in_sql(citizen: Citizen, app: Flask) -> None:
    code = citizen.code()
    registered()
    answers = [citizen.ask(code, tail) for tail in ("", "9999")] + [citizen.ask("AAAA-BBBB-CCCC", "1234")]
    assert {answer.status_code for answer in answers} == {422}
    assert len({re.sub(r"token.*", "", answer.text) for answer in answers}) == 1
    assert citizen.post("query", {"code": " "}).status_code == 422
    for _ in range(7):
        citizen.ask("x" * 5000, "1")
    import redis

    from hub.settings import settings

    with redis.Redis.from_url(settings().redis_url) as client:
        client.flushall()
    locked = citizen.ask(code)
    assert (locked.status_code, "一小时后" in locked.text) == (429, True)
    assert Citizen(app, "203.0.113.8").ask(code).status_code == 303


def test_without_the_code_nothing_opens(citizen: Citizen, app: Flask) -> None:
    for path in ("status", "supplement"):
        assert citizen.get(path).location == "/citizen/query"
    code = citizen.code()
    registered()
    citizen.ask(code)
    token = citizen.token("supplement")
    cookie = citizen.client.get_cookie("citizen")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"
    assert code.replace("-", "") not in cookie.value.upper()
    other = Citizen(app)
    for value in (
        "x",
        cookie.value[:-1] + "0" if cookie.value[-1] != "0" else cookie.value[:-1] + "1",
        "é",
        "..",
        "a.b.c",
    ):
        other.client.set_cookie("citizen", value)
        assert other.get("status").location == "/citizen/query", value
        assert other.post("supplement", {"token": token, "kind": "urge"}).location == "/citizen/query"
    assert citizen.post("leave", {}).status_code == 303
    assert citizen.get("status").location == "/citizen/query"
    assert count(FollowUp) == 0


def test_a_supplement_that_says_nothing_or_is_not_ours(citizen: Citizen) -> None:
    code = citizen.code()
    registered()
    citizen.ask(code)
    cases: list[dict[str, Any]] = [
        {"kind": "supplement", "text": " "}, {"kind": "gossip", "text": "x"}, {"kind": "urge", "text": "x" * 5001},
        {"kind": "urge", "homepage": "x"}, {"kind": "urge", "files": [(io.BytesIO(b"MZ"), "a.exe")]},
    ]  # fmt: skip
    for given in cases:
        assert citizen.post("supplement", {"token": citizen.token("supplement"), **given}).status_code == 422, given
    assert citizen.post("supplement", {"token": citizen.token("report"), "kind": "urge"}).status_code == 400
    assert count(Intake) == 1


def test_the_code_page_closes_after_half_an_hour(citizen: Citizen, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    citizen.ask(citizen.code())
    assert citizen.get("status").status_code == 200
    now = time.time()
    monkeypatch.setattr("hub.web.citizen.gate.time.time", lambda: now + 31 * 60)
    assert citizen.get("status").location == "/citizen/query"


def test_no_staff_page_is_reachable_and_no_page_loads_much(citizen: Citizen, app: Flask) -> None:
    citizen.ask(citizen.code())
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.rule.startswith(("/hooks/", "/static/", "/citizen")):
            continue
        path = re.sub(r"<(?:int:)?[a-z_]+>", "1", rule.rule)
        answer = citizen.client.get(path)
        if path not in ("/healthz", "/metrics", "/sign-in") and answer.status_code == 200:
            assert not rule.rule.startswith(("/queue", "/clues", "/api")), path
    assert citizen.client.get("/queue").status_code == 302
    weight = 0
    page = citizen.get("report").text
    for link in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        with citizen.client.get(link) as answer:
            weight += len(answer.data)
    assert weight + len(page.encode()) < 150_000
    for path in ("", "report", "query", "status", "supplement"):
        page = citizen.get(path).text
        assert not re.search(r"https?://|\sstyle=|\son[a-z]+=|<style|<script(?! src)|/sign-in|/queue", page), path


def test_templates_hold_no_inline_script_or_style() -> None:
    folder = Path(__file__).parents[2] / "hub/web/templates/citizen"
    for page in folder.glob("*.html"):
        source = page.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src)|javascript:|https?://", source), page.name


def test_codes_have_at_least_fifty_bits_and_differ() -> None:
    import math

    assert 12 * math.log2(len(codes._ALPHABET)) > 50
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            codes, "blind", lambda kind, value: sealing.hmac.digest(b"k", f"{kind}{value}".encode(), "sha256")
        )
        made = {codes.of_key(str(n)) for n in range(2000)}
    assert len(made) == 2000
    assert set("".join(made)) - {"-"} == set(codes._ALPHABET)


def test_consent_versions_are_dated_and_the_newest_begun_is_shown() -> None:
    assert len({row.version for row in consent.VERSIONS}) == len(consent.VERSIONS)
    newest = consent.VERSIONS[-1]
    assert consent.in_force(newest.since) is newest
    assert consent.in_force(newest.since - timedelta(days=9999)) is consent.VERSIONS[0]
    assert notices.NEUTRAL
