"""English pages on real PostgreSQL: nothing Chinese but content, which stays as it is; papers stay Chinese."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake
from hub.access import staff
from hub.app import create_app
from hub.jurisdiction.divisions import table
from hub.models import Clue
from hub.terms import STATE_LABELS, State
from hub.web.tongues import COOKIE, catalogue, english
from hub.web.tongues.segments import CHINESE
from hub.worker import drain
from tests.claims import claim

PASSWORD = "a long password"
CAST = {
    "operator": ("430922", "operator"), "mailroom": ("430922", "mailroom"), "handler": ("430922", "handler"),
    "lead": ("430922", "lead"), "sysadmin": ("430922", "sysadmin"),     "supervisor": ("430900", "supervisor"),
}  # fmt: skip
LABEL = STATE_LABELS[State.TO_DETERMINE]
TEXT = f"{LABEL}。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。"
MAIL = (
    "From: Zhang <zhang.san@example.org>\r\nTo: clue@example.cn\r\nMessage-ID: <1@example.org>\r\n"
    "Subject: Report\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)
CONTENT = {
    "body": "what the reporter wrote",
    "clamp": "its beginning",
    "place": "names of places",
    "value": "values read of it",
    "proposal": "what the machine says about them",
    "subject": "the subject of a mail",
    "wording": "statutory texts",
    "told": "notices as sent",
    "preview": "notices as they would be sent",
    "plan": "names of places",
    "slot": "fields of statutory texts",
    "statute": "statutory words",
    "pad": "tables a script looks words up in",
    "wish": "statutory texts",
    "quote": "words of the report",
}
"""Classes of elements that hold content."""
STARTS = ("/", "/account", "/account/password", "/phrases", "/saved-views", "/citizen/", "/citizen/query")


class Chinese(HTMLParser):
    """What a page shows in Chinese outside of the elements of content, attributes included."""

    VOID = frozenset({"input", "meta", "link", "br", "img", "wbr", "source", "hr", "col"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[set[str]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if tag not in self.VOID:
            self.open.append(classes)
        if given.get("lang") == "zh-CN" or tag == "option":
            classes.add("said-in-chinese" if tag != "option" else "")
        if tag == "textarea":
            classes.add("said-in-chinese")
        if not classes & CONTENT.keys():
            for name, value in attrs:
                if name not in ("value", "href", "lang") and value:
                    self._note(value)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag not in self.VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self._note(data)

    def _note(self, text: str) -> None:
        within = {name for classes in self.open for name in classes}
        if CHINESE.search(text) and not within & (CONTENT.keys() | {"said-in-chinese"}):
            self.found.append(" ".join(text.split()))


@pytest.fixture
def app(hub: Path) -> Flask:
    del hub
    with db.transaction() as session:
        for login, (unit, role) in CAST.items():
            staff.add(session, login, f"Person {login}", PASSWORD, unit, [role])
    return create_app()


def browser(app: Flask, login: str = "", tongue: str = "en") -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
    if tongue:
        client.set_cookie(COOKIE, tongue)
    if login:
        assert client.post("/sign-in", data={"login": login, "password": PASSWORD}).status_code == 302
    return client


def clue() -> str:
    data = (MAIL + TEXT + "\r\n").encode()
    at = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    for raw in channels()["email"].from_files([Blob("a.eml", "", data)], {}, source_id="cli:email", now=at):
        intake.accept(raw, unit="430922")
    drain("light"), drain("text")
    with db.reading() as session:
        return claim(session.scalars(select(Clue.no)).one())


def pages(client: FlaskClient, *starts: str, most: int = 32) -> dict[str, str]:
    """The English pages a person reaches by links, three of each kind at most."""
    waiting, seen, kinds = list(starts), set[str](), Counter[str]()
    read: dict[str, str] = {}
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path, follow_redirects=True)
        if answer.status_code != 200 or answer.mimetype != "text/html" or 'lang="en"' not in answer.text[:100]:
            continue
        read[path] = answer.text
        for link in re.findall(r'href="(/[^"#]*)"', answer.text):
            kind = re.sub(r"\d+", "#", link.partition("?")[0])
            if not link.startswith(("/static", "/design", "/import")) and kinds[kind] < 2:
                kinds[kind] += 1
                waiting.append(link.replace("&amp;", "&"))
    return read


@cache
def content() -> re.Pattern[str]:
    """Names of units and places, and what stays Chinese in the catalogue on purpose."""
    names = {row.name for row in table().children("") if row.name}
    for code in ("430000", "430900", "430922"):
        names |= {row.name for row in table().children(code)}
    stored = catalogue.stored()
    english = [str(message.string) for message in stored if message.string and CHINESE.search(str(message.string))]
    units = r"[\u4e00-\u9fff]*自然资源(?:主管部门|部)"
    names |= {TEXT, "不存在国土资源违法行为", "将依法依规予以处理"}  # the report, and words of the statute
    return re.compile("|".join([*(re.escape(one) for one in sorted([*english, *names], key=len, reverse=True)), units]))


@pytest.mark.parametrize("login", ["operator", "mailroom", "lead", "sysadmin", "supervisor"])
def test_an_english_page_shows_nothing_chinese_but_content(app: Flask, login: str) -> None:
    no = clue()
    read = pages(browser(app, login), *STARTS, f"/clues/{no}")
    assert len(read) > 8
    own, left = content(), []
    for path, text in read.items():
        parser = Chinese()
        parser.feed(text)
        left += [f"{path}: {one}" for one in parser.found if CHINESE.search(own.sub("", one))]
    assert left == []


def test_a_report_that_reads_like_a_label_is_shown_as_it_was_written(app: Flask) -> None:
    no = clue()
    chinese, english = (browser(app, "handler", tongue) for tongue in ("zh", "en"))
    for path in ("/queue", f"/clues/{no}"):
        there, here = chinese.get(path).text, english.get(path).text
        assert f"{LABEL}。湖南省益阳市" in here, path
        written = there.count(LABEL) - there.count(f">{LABEL}<")  # all but the cells and choices that hold the state
        assert here.count(LABEL) == written, path
        assert "To determine" in here


def test_papers_and_the_interface_of_programs_stay_chinese(app: Flask) -> None:
    no = clue()
    client = browser(app, "handler")
    sheet = client.get(f"/clues/{no}/sheets/registration").text
    assert '<html lang="zh-CN"' in sheet
    assert "判定时限" in sheet
    assert "没有这条线索，或无权查看" in client.get("/api/v1/clues/1").text


def test_the_switch_is_remembered_and_chinese_pages_are_as_before(app: Flask) -> None:
    client, plain = app.test_client(), app.test_client()
    before = plain.get("/sign-in").text
    assert '<html lang="zh-CN"' in before
    answer = client.post("/look", data={"tongue": "en", "next": "/sign-in"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    page = client.get("/sign-in").text
    assert '<html lang="en"' in page
    assert "Sign in" in page
    assert '<html lang="en"' in client.get("/citizen/").text
    client.post("/look", data={"tongue": "zh", "next": "/sign-in"})
    assert re.sub(r"T\d\d:\d\d:\d\d", "", client.get("/sign-in").text) == re.sub(r"T\d\d:\d\d:\d\d", "", before)
    client.post("/look", data={"tongue": "fr", "next": "/sign-in"})
    assert '<html lang="zh-CN"' in client.get("/sign-in").text


def test_refusals_are_english_too(app: Flask) -> None:
    client = browser(app)
    assert "Nothing found" in client.get("/nothing-here").text
    assert "Login or password is wrong" in client.post("/sign-in", data={"login": "x", "password": "y"}).text
    assert browser(app, tongue="").get("/nothing-here").text.count("没有找到") == 2


def test_a_script_is_served_in_english_and_no_other_file_is(app: Flask) -> None:
    client = browser(app)
    answer = client.get("/static/en/hub.js")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    assert "今天" not in re.sub(r"//.*", "", answer.text)
    assert "max-age" in answer.headers["Cache-Control"]
    for name in ("hub.css", "nothing.js", "..%2Fapp.py"):
        assert client.get(f"/static/en/{name}").status_code == 404


def test_scripts_are_answered_in_english_and_programs_are_not(app: Flask) -> None:
    with app.test_request_context("/call/1/hints", headers={"Cookie": f"{COOKIE}=en"}):
        written = LABEL[:1] + LABEL[1:]  # reads the same, but is not the program's own object
        told = app.json.dumps({"error": "没有权限", "state": LABEL, "text": [written], "n": 1})
        assert told == '{"error": "Not permitted", "n": 1, "state": "To determine", "text": ["待判定"]}'
    with app.test_request_context("/api/v1/clues", headers={"Cookie": f"{COOKIE}=en"}):
        assert "没有权限" in app.json.dumps({"error": "没有权限"})


def test_what_a_form_sends_back_is_not_translated(app: Flask) -> None:
    twin = app.jinja_env.twin()  # type: ignore[attr-defined]  # ours
    source = english('<option value="{{ one }}">{{ one }}</option><textarea rows="2">{{ one }}</textarea>', "x.html")
    told = twin.from_string(source).render(one=LABEL)
    assert told == f'<option value="{LABEL}">To determine</option><textarea rows="2">{LABEL}</textarea>'
