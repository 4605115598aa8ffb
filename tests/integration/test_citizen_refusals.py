"""What the citizens' pages refuse, and what they never show."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from hub.access import sealing
from hub.casework import citizens
from hub.law import notices
from hub.models import Blob, FollowUp, Intake
from hub.notify import codes
from hub.web.citizen import consent
from tests.integration.casework.conftest import COUNTY, Desk, desk
from tests.integration.citizen_page import JPEG, REPORT, Citizen, app, citizen, count, registered

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
        answer = citizen.client.get(path, buffered=True)
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
