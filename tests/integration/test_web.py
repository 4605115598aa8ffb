"""The screens through Flask's client on real PostgreSQL: who sees what, what is refused, what is stored."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake
from hub.access import audit, staff
from hub.app import create_app
from hub.models import Blob as BlobRow
from hub.models import Clue, Event, Intake, Part, SearchRow, SuggestionRow, Transcript, Value, Work
from hub.settings import export
from hub.web.files import clean_name, safe_html
from hub.worker import drain
from tests.claims import claim

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PASSWORD = "a long password"
CAST = {
    "operator": ("430922", "operator"), "mailroom": ("430922", "mailroom"), "handler": ("430922", "handler"),
    "lead": ("430922", "lead"), "statistician": ("430922", "statistician"), "auditor": ("430922", "auditor"),
    "sysadmin": ("430922", "sysadmin"), "secadmin": ("430922", "secadmin"), "supervisor": ("430900", "supervisor"),
    "stranger": ("430903", "operator"),
}  # fmt: skip
MAIL = (
    "From: Zhang <zhang.san@example.org>\r\nTo: clue@example.cn\r\nMessage-ID: <{id}@example.org>\r\n"
    "Subject: =?utf-8?B?5Li+5oql?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
)
TEXT = (
    "我叫张三，电话13800001234。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。"
)


@pytest.fixture
def app(hub: Path) -> Flask:
    del hub
    with db.transaction() as session:
        for login, (unit, role) in CAST.items():
            staff.add(session, login, f"人{login}", PASSWORD, unit, [role])
    return create_app()


class Person:
    """A browser of one person."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        answer = self.client.post("/sign-in", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 302, login
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/", follow_redirects=True).text)
        assert found
        self.csrf = found.group(1)

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def post(self, path: str, data: dict[str, object] | None = None, **more: object) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, **more)  # type: ignore[arg-type]


class Cast(dict[str, Person]):
    """The named cast, each signed in when first asked for."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def __missing__(self, login: str) -> Person:
        self[login] = Person(self.app, login)
        return self[login]


@pytest.fixture
def people(app: Flask) -> Cast:
    return Cast(app)


@pytest.fixture
def operator(app: Flask) -> Person:
    return Person(app, "operator")


@pytest.fixture
def handler(app: Flask) -> Person:
    return Person(app, "handler")


def mail(number: int = 1, text: str = TEXT) -> str:
    """Takes a mail in and reads it; the clue's number."""
    data = MAIL.format(id=number, text=text).encode()
    for raw in channels()["email"].from_files([Blob("a.eml", "", data)], {}, source_id="cli:email", now=AT):
        intake.accept(raw, unit="430922")
    drain("light"), drain("text")
    with db.reading() as session:
        return session.scalars(select(Clue.no).order_by(Clue.id.desc())).first() or ""


def counted(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def part_of(kind: str = "text") -> Part:
    with db.reading() as session:
        row = session.scalars(select(Part).where(Part.kind == kind)).first()
        assert row is not None
        session.expunge_all()
        return row


def test_every_page_asks_for_a_sign_in_and_carries_the_headers(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.rule.startswith(("/hooks/", "/static/")):
            continue
        path = re.sub(r"<(?:int:)?[a-z_]+>", "1", rule.rule)
        answer = client.get(path)
        if path in ("/healthz", "/metrics", "/sign-in"):
            assert answer.status_code == 200
        elif path.startswith("/citizen/"):  # the citizens' own pages: test_citizen.py
            assert answer.status_code in (200, 303, 404), path
        elif path.startswith("/api/"):
            assert (answer.status_code, answer.json["retry"]) == (401, False)
        else:
            assert answer.status_code == 302, path
            assert answer.location.startswith("/sign-in?next=")
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_templates_hold_no_inline_script_or_style() -> None:
    folder = Path(__file__).parents[2] / "hub/web/templates"
    for page in folder.glob("*.html"):
        source = page.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src)|javascript:|https?://", source), page.name


def test_who_may_open_what(people: Cast) -> None:
    no = mail()
    pages = {
        "/queue": {"operator", "mailroom", "handler", "lead", "statistician", "auditor", "supervisor", "stranger"},
        f"/clues/{no}": {"operator", "mailroom", "handler", "lead", "statistician", "auditor", "supervisor"},
        "/new": {"operator", "mailroom", "handler", "lead", "stranger"},
        "/new/referral": {"mailroom", "handler", "lead"},
        "/upload/letter": {"operator", "mailroom", "handler", "lead", "stranger"},
        "/manual": {"operator", "mailroom", "handler", "lead", "stranger"},
        "/running": {"lead", "sysadmin", "supervisor"},
        "/api/v1/clues": {
            "operator",
            "mailroom",
            "handler",
            "lead",
            "statistician",
            "auditor",
            "supervisor",
            "stranger",
        },
    }
    for path, allowed in pages.items():
        opened = {login for login in CAST if people[login].get(path).status_code == 200}
        assert opened == allowed, path
    assert people["stranger"].get("/api/v1/clues").json["clues"] == []
    assert no not in people["stranger"].get("/queue").text
    for login, person in [(login, people[login]) for login in CAST]:
        assert person.get("/", follow_redirects=True).status_code == 200, login


def test_another_county_meets_404_for_every_address_of_a_clue(people: Cast) -> None:
    no = mail()
    part = part_of()
    paths = [f"/clues/{no}", f"/clues/{no}/blobs/{part.blob_id}", f"/clues/{no}/parts/{part.id}/html"]
    for login in ("stranger", "sysadmin", "secadmin"):
        for path in paths:
            assert people[login].get(path).status_code == 404, (login, path)
    for path in (f"/clues/{no}/values", f"/clues/{no}/parts/{part.id}/text", f"/clues/{no}/parts/{part.id}/segments/0"):
        for login in ("stranger", "supervisor", "statistician", "sysadmin"):
            assert people[login].post(path, {"field": "class", "value": "T1", "text": "x"}).status_code == 404
    assert counted(Value) == 0
    other = mail(2)
    blob = people["operator"].get(f"/clues/{other}/blobs/{part.blob_id}")
    assert blob.status_code == 404  # a blob of another clue, even of the own unit


def test_a_superior_reads_masked_text_without_originals(people: Cast) -> None:
    no = mail()
    page = people["supervisor"].get(f"/clues/{no}").text
    assert "▇" in page
    assert "13800001234" not in page
    assert "张三" not in page
    assert "红旗村" in page
    assert "/blobs/" not in page
    assert "确认</button>" not in page
    assert people["supervisor"].get(f"/clues/{no}/blobs/1").status_code == 404
    claim(no)
    assert "13800001234" in people["handler"].get(f"/clues/{no}").text
    assert "13800001234" not in people["operator"].get(f"/clues/{no}").text


def test_a_name_is_masked_wherever_it_stands(people: Cast) -> None:
    no = mail(1, TEXT + "后来村里人都说，王强找过张三两次。")
    page = people["supervisor"].get(f"/clues/{no}").text
    assert "张三" not in page
    assert "王强" in page


def test_until_names_are_found_a_superior_sees_no_text_at_all(people: Cast) -> None:
    no = mail()
    with db.transaction() as session:
        session.execute(update(Clue).values(enriched=False))
    page = people["supervisor"].get(f"/clues/{no}").text
    assert "红旗村" not in re.sub(r"(?s)<aside.*?</aside>", "", page)
    assert "▇▇▇▇▇▇▇▇" in page


def test_reading_an_original_is_noted_once_a_session(handler: Person) -> None:
    no = claim(mail())
    for _ in range(3):
        handler.get(f"/clues/{no}")
    with db.reading() as session:
        reads = session.scalars(select(Event).where(Event.act == "read_original")).all()
        assert len(reads) == 1
        assert audit.verify(session).ok


def test_queue_filters_search_and_pages(operator: Person) -> None:
    numbers = {mail(n, f"{TEXT} 编号{n}号地块") for n in range(1, 4)}
    assert len(numbers) == 3
    for query, hits in (("编号2号", 1), ("红旗村", 3), ("没有这句", 0), ("旗", 3)):
        assert len(operator.get(f"/api/v1/clues?query={query}").json["clues"]) == hits, query
    assert len(operator.get("/api/v1/clues?channel=email&state=open&division=430922").json["clues"]) == 3
    assert operator.get("/api/v1/clues?channel=phone").json["clues"] == []
    assert operator.get("/api/v1/clues?division=430903").json["clues"] == []
    for odd in ("state=nonsense", "after=x~y", "after=~", "division=' or 1", "query=%00", "channel=%F0%9F%92%A9"):
        assert operator.get(f"/queue?{odd}").status_code == 200, odd
    partial = operator.get("/queue", headers={"HX-Request": "true"}).text
    assert "<html" not in partial
    assert all(no in partial for no in numbers)


def test_keyset_pages_show_every_clue_once(operator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.supervision import queue

    monkeypatch.setattr(queue, "PAGE", 2)
    wanted = {mail(n) for n in range(1, 6)}
    seen: list[str] = []
    after = ""
    for _ in range(5):
        answer = operator.get("/api/v1/clues", query_string={"after": after}).json
        seen += [row["no"] for row in answer["clues"]]
        after = answer["after"]
        if not after:
            break
    assert sorted(seen) == sorted(wanted)
    page = operator.get("/queue").text
    follow = re.search(r'href="(/queue\?after=[^"]+)"', page)
    assert follow
    assert operator.get(follow.group(1).replace("&amp;", "&")).text.count("data-no=") == 2


def test_confirm_correct_and_stale_versions(operator: Person) -> None:
    no = mail()
    with db.reading() as session:
        clue = session.scalars(select(Clue)).one()
        proposed = session.scalars(select(SuggestionRow).where(SuggestionRow.field == "class")).one()
        version, number = clue.version, proposed.id
    path = f"/clues/{no}/values"
    answer = operator.post(path, {"field": "class", "suggestion": number, "version": version})
    assert answer.status_code == 303
    page = operator.get(f"/clues/{no}").text
    assert "确认建议" in page
    stale = operator.post(path, {"field": "place", "value": "430903", "version": version})
    assert stale.status_code == 409
    assert "刚被他人修改" in stale.text
    with db.reading() as session:
        version = session.scalars(select(Clue.version)).one()
    assert operator.post(path, {"field": "place", "value": "430903", "version": version}).status_code == 303
    for value, status in (("鼓楼区", 422), ("不存在的地方", 422), ("999999", 422), ("", 422)):
        assert operator.post(path, {"field": "place", "value": value}).status_code == status, value
    assert operator.post(path, {"field": "place", "value": "湖南省益阳市桃江县"}).status_code == 303
    assert operator.post(path, {"field": "class", "value": "T9"}).status_code == 422
    assert operator.post(path, {"field": "nonsense", "value": "x"}).status_code == 422
    assert operator.post(path, {"field": "class", "suggestion": 999999}).status_code == 404
    with db.reading() as session:
        clue = session.scalars(select(Clue)).one()
        assert (clue.division, clue.division_confirmed, clue.class_confirmed) == ("430922", True, True)
        assert audit.verify(session).ok


def test_corrected_text_changes_the_suggestions_and_what_search_finds(handler: Person) -> None:
    no = claim(mail())
    part = part_of()
    text = TEXT.replace("湖南省益阳市桃江县武潭镇红旗村", "河南省周口市太康县老冢镇前何村")
    assert handler.post(f"/clues/{no}/parts/{part.id}/text", {"text": text}).status_code == 303
    drain("text")
    row = handler.get("/api/v1/clues").json["clues"][0]
    assert row["division"] == "411627"
    assert len(handler.get("/api/v1/clues?query=前何村").json["clues"]) == 1
    assert handler.get("/api/v1/clues?query=红旗村").json["clues"] == []
    assert handler.post(f"/clues/{no}/parts/{part.id}/text", {"text": " "}).status_code == 404


def test_a_corrected_turn_is_a_new_version_and_keeps_the_other_words(handler: Person) -> None:
    from hub.enrich import transcribe
    from transcription.contract import Segment, Word
    from transcription.contract import Transcript as Made

    no = claim(mail())
    part = part_of()
    words = (Word(0.1, 0.4, "有人", 0.9), Word(0.5, 0.9, "挖砂,", 0.4))
    turns = (
        Segment("桃江县灰山港镇。", 0.9, 0, 0.0, 2.0),
        Segment("有人挖砂，", 0.9, 1, 2.0, 4.0, words=words),
    )
    with db.transaction() as session:
        transcribe.store(session, part.id, Made("speech", "test", "m", turns, duration=4.0, channels=1))
    path = f"/clues/{no}/parts/{part.id}/segments/0"
    page = handler.get(f"/clues/{no}").text
    assert "第 1 版" in page
    assert 'data-seek="0.5" data-until="0.9">挖砂</span>，' in page
    assert handler.post(path, {"text": "太康县老冢镇。", "version": 1}).status_code == 303
    stale = handler.post(path, {"text": "别的", "version": 1})
    assert (stale.status_code, "刚被他人修改" in stale.text) == (409, True)
    assert "太康县老冢镇。" in stale.text, "what stands now"
    assert "别的</textarea>" in stale.text, "what was typed"
    assert handler.post(path, {"text": ""}).status_code == 422
    assert handler.post(path.replace("/0", "/77"), {"text": "x"}).status_code == 404
    page = handler.get(f"/clues/{no}").text
    assert "已更正" in page
    assert 'data-seek="0.5"' in page
    with db.reading() as session:
        versions = session.scalars(select(Transcript).order_by(Transcript.version)).all()
        assert [(row.version, row.engine, row.by_user is None) for row in versions] == [
            (1, "test", True), (2, "person", False),
        ]  # fmt: skip
        hits = session.scalars(select(SearchRow.ref).where(SearchRow.ref.startswith(f"part:{part.id}:"))).all()
    assert sorted(hits) == [f"part:{part.id}:0", f"part:{part.id}:1"]
    assert handler.get("/api/v1/clues?query=灰山港").json["clues"] == []


FORM = {"outlet": "桃江日报", "published": "2026-11-01", "facts": "桃江县武潭镇有人毁田建房。", "key": "k1"}


def test_a_form_is_stored_once_and_followed_to_its_clue(operator: Person) -> None:
    answer = operator.post("/new/media", FORM)
    assert answer.status_code == 303
    page = operator.get(answer.location)
    assert "正在登记" in page.text
    drain("light"), drain("text")
    rows = operator.get(answer.location, headers={"HX-Request": "true"}).text
    assert re.search(r"/clues/430922-\d{8}-06-\d{6}", rows)
    again = operator.post("/new/media", FORM)
    assert "again=1" in again.location
    assert counted(Intake) == 1
    assert operator.get("/received?i=999").status_code == 404


def test_the_received_page_of_another_unit_is_not_found(people: Cast) -> None:
    answer = people["operator"].post("/new/media", FORM)
    assert people["stranger"].get(answer.location).status_code == 404


def test_a_refused_form_keeps_what_was_typed_and_stores_nothing(operator: Person) -> None:
    cases = [
        ({"outlet": "", "facts": "写了很久的事实"}, "请填写：", "写了很久的事实"),
        ({"published": "2026-13-77"}, "不是有效日期", "桃江日报"),
        ({"published": "0001-01-01"}, "不是有效日期", "桃江日报"),
        ({"facts": "长" * 20_001}, "不能超过", "桃江日报"),
    ]
    for change, message, kept in cases:
        answer = operator.post("/new/media", {**FORM, **change})
        assert answer.status_code == 422, change
        assert message in answer.text
        assert kept in answer.text
    future = operator.post("/new/other-0802", {"received": "2999-01-01", "place": "桃江县", "facts": "x"})
    assert "不能晚于现在" in future.text
    bad = operator.post("/new/media", {**FORM, "files": (io.BytesIO(b"MZ"), "virus.exe")})
    assert (bad.status_code, "不支持这种文件" in bad.text) == (422, True)
    empty = operator.post("/new/media", {**FORM, "files": (io.BytesIO(b""), "a.pdf")})
    assert (empty.status_code, "是空的" in empty.text) == (422, True)
    assert counted(Intake) == 0


def test_every_form_of_every_channel_opens_and_takes_a_filled_form(people: Cast) -> None:
    lead = people["lead"]
    forms = [(channel, spec) for channel in channels().values() for spec in channel.forms]
    assert len(forms) >= 8
    for channel, spec in forms:
        page = lead.get(f"/new/{spec.id}")
        assert page.status_code == 200, spec.id
        values: dict[str, object] = {"key": f"k-{spec.id}"}
        for box in spec.fields:
            if box.kind == "files":
                ending = (
                    ".csv" if spec.id == "subordinate-batch" else ".jpg" if ".jpg" in channel.accept_types else ".txt"
                )
                body = (
                    "违法行为发生地,主要违法事实\n桃江县武潭镇,占地\n".encode()
                    if ending == ".csv"
                    else b"\xff\xd8\xff\xe0"
                )
                if box.required:
                    values["files"] = (io.BytesIO(body), f"a{ending}")
            else:
                assert f'name="{box.name}"' in page.text
                values[box.name] = {
                    "date": "2026-11-02", "datetime": "2026-11-02T08:30", "number": "3", "checkbox": "1",
                    "url": "https://example.org/a", "phone": "0731-5550100",
                    "select": box.options[0][0] if box.options else "",
                }.get(box.kind, "桃江县武潭镇善溪村")  # fmt: skip
        answer = lead.post(f"/new/{spec.id}", values)
        assert answer.status_code == 303, (spec.id, re.findall(r'id="problem"[^>]*>([^<]*)', answer.text))
    assert counted(Intake) == len(forms)


def test_hostile_uploads_are_refused_or_stored_never_an_error(operator: Person) -> None:
    def upload(code: str, name: str, data: bytes) -> TestResponse:
        return operator.post(f"/upload/{code}", {"files": (io.BytesIO(data), name), "key": name[:30]})

    assert "不支持这种文件" in upload("letter", "page.html", b"<script>").text
    assert "不支持这种文件" in upload("letter", "a.svg", b"<svg onload=x>").text
    assert "不支持这种文件" in upload("phone", "a.pdf", b"%PDF").text
    assert "没有收到文件" in operator.post("/upload/letter", {"key": "none"}).text
    assert operator.post("/upload/referral").status_code == 404
    assert counted(Intake) == 0
    for name in ("../../etc/passwd.pdf", "\u202efdp.pdf", "a\x00b.pdf", "x" * 900 + ".pdf", '"><script>.pdf'):
        assert upload("letter", name, b"%PDF-1.4 broken").status_code in (303, 422), name
    drain("light")
    for row in db_rows(Intake):
        page = operator.get(f"/received?i={row.id}")
        assert "<script>." not in page.text


def db_rows(table: type) -> list:
    with db.reading() as session:
        rows = session.scalars(select(table)).all()
        session.expunge_all()
        return list(rows)


def test_form_bombs_and_large_bodies_are_413(operator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    many = "&".join(f"f{n}=1" for n in range(3000))
    urlencoded = {"content_type": "application/x-www-form-urlencoded"}
    assert operator.client.post("/new/media", data=many, **urlencoded).status_code == 413
    assert (
        operator.post("/new/media", {f"f{n}": "1" for n in range(2500)}, content_type="multipart/form-data").status_code
        == 413
    )
    assert operator.client.post("/new/media", data="a=" + "x" * 3_000_000, **urlencoded).status_code == 413
    operator.client.application.config["MAX_CONTENT_LENGTH"] = 100_000
    big = operator.post("/upload/letter", {"files": (io.BytesIO(b"x" * 200_000), "a.pdf")})
    assert (big.status_code, "超过大小上限" in big.text) == (413, True)
    assert operator.client.post("/sign-in", data={"login": "x" * 50_000}).status_code == 413
    assert counted(Intake) == 0


def test_a_change_without_its_token_is_refused_with_a_page(operator: Person) -> None:
    no = mail()
    for path in (f"/clues/{no}/values", "/new/media", "/upload/letter", "/sign-out", "/running/dead/1/retry"):
        answer = operator.client.post(path, data={"csrf_token": "wrongé"})
        assert answer.status_code in (400, 404), path
    answer = operator.client.post("/new/media", data=FORM)
    assert (answer.status_code, "页面已过期" in answer.text) == (400, True)
    assert counted(Intake) == 1  # the mail


def test_sign_in_locks_after_five_failures_and_never_leaves_the_site(app: Flask) -> None:
    client = app.test_client()
    for _ in range(5):
        answer = client.post("/sign-in", data={"login": "operator", "password": "wrong"})
        assert (answer.status_code, "不正确" in answer.text) == (401, True)
    assert client.post("/sign-in", data={"login": "operator", "password": PASSWORD}).status_code == 401
    for odd in ("nobody", "\x00", "é" * 100, ""):
        assert client.post("/sign-in", data={"login": odd, "password": "x"}).status_code == 401
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"):
        answer = client.post("/sign-in", data={"login": "lead", "password": PASSWORD, "next": target})
        assert answer.location == "/", target
    assert client.get("/clues/%00").status_code == 404


def test_the_cookie_is_host_bound_over_https_and_ends_with_the_sign_out(app: Flask) -> None:
    export(HUB_HTTPS="true")
    try:
        answer = app.test_client().post("/sign-in", data={"login": "operator", "password": PASSWORD})
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-hub=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert answer.headers["Strict-Transport-Security"]
    finally:
        export(HUB_HTTPS="false")
    person = Person(app, "operator")
    assert person.post("/sign-out").status_code == 302
    assert person.get("/queue").status_code == 302


def test_originals_are_downloads_with_ranges_and_clean_names(handler: Person) -> None:
    no = claim(mail())
    with db.reading() as session:
        blob = session.scalars(select(BlobRow).where(BlobRow.origin == "raw")).one()
        number, size = blob.id, blob.size
    path = f"/clues/{no}/blobs/{number}"
    whole = handler.get(path)
    assert whole.data == MAIL.format(id=1, text=TEXT).encode()
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    for asked, status, expected in (
        ("bytes=0-9", 206, whole.data[:10]), ("bytes=5-", 206, whole.data[5:]), ("bytes=-7", 206, whole.data[-7:]),
        ("bytes=0-", 206, whole.data), ("bytes=x", 200, whole.data), (f"bytes={size}-", 416, None),
        ("bytes=-0", 416, None), ("bytes=9-5", 416, None), ("bytes=0-1,4-5", 200, whole.data),
    ):  # fmt: skip
        answer = handler.get(path, headers={"Range": asked})
        assert answer.status_code == status, asked
        if expected is not None:
            assert answer.data == expected, asked
    assert clean_name("..\\..\\a/b\u202egnp.exe\x00\n") == "bgnp.exe"
    assert clean_name("////") == "original"


def test_mail_html_is_cleaned_and_framed_alone() -> None:
    evil = (
        '<p onclick=x>好<script>alert(1)</script><img src="http://e/x"><a href="javascript:1">点</a><iframe></iframe>'
    )
    clean = safe_html(evil)
    assert "好" in clean
    assert not re.search(r"script|onclick|img|href|iframe|http", clean)
    deep = safe_html("<div>" * 50_000 + "底")
    assert "<div" not in deep


def test_manual_list_registers_what_a_person_read(people: Cast) -> None:
    operator = people["operator"]
    operator.post("/upload/letter", {"files": (io.BytesIO(b"%PDF-1.4 broken"), "坏.pdf"), "key": "m"})
    with db.transaction() as session:
        row = session.scalars(select(Intake)).one()
        intake.to_manual(session, row.id, "文件损坏")
        number = row.id
    page = operator.get("/manual").text
    assert "文件损坏" in page
    one = operator.get(f"/manual/{number}").text
    assert "坏.pdf" in one
    link = re.search(rf"/manual/{number}/blobs/\d+(?=\">坏)", one)
    assert link
    assert operator.get(link.group()).data == b"%PDF-1.4 broken"
    for path in (f"/manual/{number}", link.group()):
        assert people["stranger"].get(path).status_code == 404
    assert operator.post(f"/manual/{number}", {"text": ""}).status_code == 422
    assert operator.post(f"/manual/{number}", {"text": "桃江县武潭镇占地建厂"}).status_code == 303
    assert operator.post(f"/manual/{number}", {"text": "再来"}).status_code == 404
    assert counted(Clue) == 1


def test_dead_letters_are_shown_and_revived(people: Cast) -> None:
    mail()
    people["operator"].post("/new/media", FORM)
    with db.transaction() as session:
        session.execute(update(Work).values(state="dead", error="连续失败", attempts=3))
        number = session.scalars(select(Work.id)).first()
    page = people["lead"].get("/running").text
    assert "连续失败" in page
    assert "读取来件" in page
    assert people["operator"].post(f"/running/dead/{number}/retry").status_code == 404
    assert people["lead"].post(f"/running/dead/{number}/retry").status_code == 303
    assert people["lead"].post(f"/running/dead/{number}/retry").status_code == 404
    assert drain("light") == 1


@pytest.fixture
def stream(app: Flask) -> Iterator[FlaskClient]:
    return app.test_client()  # type: ignore[return-value]


def test_the_live_stream_names_changed_clues_of_the_own_unit_only(people: Cast) -> None:
    own = people["operator"].get("/live", buffered=False)
    other = people["stranger"].get("/live", buffered=False)
    mine, theirs = own.response, other.response  # type: ignore[attr-defined]
    events, beats = iter(mine), iter(theirs)
    assert "retry" in as_text(next(events))
    assert "retry" in as_text(next(beats))
    for begun in (events, beats):  # once it listens: read again what changed since the page was made
        assert as_text(next(begun)).endswith("data: []\n\n")
    mail()
    with db.reading() as session:
        number = session.scalars(select(Clue.id)).one()
    told = as_text(next(events))
    assert "event: clue" in told
    assert f"[{number}]" in told
    from hub.web.live import fanout

    assert [box.empty() for *_, box in fanout._queues.values()].count(True) >= 1
    fanout._tell({"clock": True})
    assert as_text(next(events)) == "event: clock\ndata: moved\n\n", "a demo's clock goes forward for everybody"
    assert as_text(next(beats)) == "event: clock\ndata: moved\n\n"
    own.close()
    other.close()


def as_text(chunk: bytes | str) -> str:
    return chunk.decode() if isinstance(chunk, bytes) else chunk


class TestApi:
    def headers(self, person: Person, key: str = "key-1") -> dict[str, str]:
        return {"X-CSRF-Token": person.csrf, "Idempotency-Key": key}

    def test_json_form_is_stored_once_and_other_bodies_are_refused(self, operator: Person) -> None:
        body = {"form": "media", "values": {k: v for k, v in FORM.items() if k != "key"}}
        path = "/api/v1/intakes/media"
        first = operator.client.post(path, json=body, headers=self.headers(operator))
        assert (first.status_code, first.json["intakes"][0]["new"]) == (201, True)
        again = operator.client.post(path, json=body, headers=self.headers(operator))
        assert (again.status_code, again.json["intakes"][0]) == (200, {**first.json["intakes"][0], "new": False})
        body["values"]["facts"] = "另一件事"
        other = operator.client.post(path, json=body, headers=self.headers(operator))
        assert (other.status_code, other.json["retry"]) == (422, False)
        assert counted(Intake) == 1

    def test_files_are_taken_in(self, operator: Person) -> None:
        path = "/api/v1/intakes/letter"
        for n, expected in ((1, 201), (1, 200)):
            data = {"files": (io.BytesIO(b"%PDF-1.4 x"), "a.pdf")}
            answer = operator.client.post(path, data=data, headers=self.headers(operator, f"f{n}"))
            assert answer.status_code == expected
        data = {"files": (io.BytesIO(b"%PDF-1.4 y"), "a.pdf")}
        assert operator.client.post(path, data=data, headers=self.headers(operator, "f1")).status_code == 422

    def test_refusals_are_json(self, operator: Person) -> None:
        path = "/api/v1/intakes/media"
        body = {"form": "media", "values": {}}
        cases = [
            ({"json": body, "headers": {"X-CSRF-Token": operator.csrf}}, 400),
            ({"json": body, "headers": {"Idempotency-Key": "k"}}, 400),
            ({"json": body, "headers": self.headers(operator)}, 422),
            ({"json": {"form": "referral", "values": {}}, "headers": self.headers(operator)}, 404),
            ({"json": {"values": 7}, "headers": self.headers(operator)}, 422),
            ({"data": b"{" * 100_000, "content_type": "application/json", "headers": self.headers(operator)}, 422),
            ({"data": b"[" * 100_000, "content_type": "application/json", "headers": self.headers(operator)}, 422),
            ({"data": b" " * 2_000_000, "content_type": "application/json", "headers": self.headers(operator)}, 413),
            ({"data": {"x": "1"}, "headers": self.headers(operator)}, 422),
        ]
        for request, status in cases:
            answer = operator.client.post(path, **request)
            assert answer.status_code == status, request
            assert {"type", "title", "status", "detail", "error", "retry"} <= set(answer.json)
            assert answer.mimetype == "application/problem+json"
        assert operator.client.post("/api/v1/intakes/nothing", headers=self.headers(operator)).status_code == 404
        assert counted(Intake) == 0

    def test_the_document_names_every_route_with_its_models(self, app: Flask, operator: Person) -> None:
        told = operator.get("/api/v1/openapi.json").json
        assert told["openapi"] == "3.1.0"
        for rule in app.url_map.iter_rules():
            if rule.rule.startswith("/api/"):
                path = re.sub(r"<(?:int:)?([a-z_]+)>", r"{\1}", rule.rule)
                for method in rule.methods - {"HEAD", "OPTIONS"}:
                    operation = told["paths"][path][method.lower()]
                    assert operation["summary"]
                    assert hasattr(app.view_functions[rule.endpoint], "described"), rule.rule
        refs = set(re.findall(r'"#/components/schemas/([\w.]+)"', operator.get("/api/v1/openapi.json").text))
        assert refs <= set(told["components"]["schemas"])
        row = told["components"]["schemas"]["ClueRow"]["properties"]
        mail()
        assert set(operator.get("/api/v1/clues").json["clues"][0]) == set(row)
