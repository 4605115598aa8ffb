"""The screens through Flask's client on real PostgreSQL: who sees what, what is refused, what is stored."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from channels.registry import channels
from hub import db
from hub.access import audit
from hub.models import Clue, Event, Part, SearchRow, SuggestionRow, Transcript, Value
from hub.settings import export
from hub.worker import drain
from tests.claims import claim
from tests.integration.browsers import PASSWORD
from tests.integration.web_people import (
    CAST,
    TEXT,
    Cast,
    Person,
    app,
    counted,
    handler,
    mail,
    operator,
    people,
)


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
        answer = client.get(path, buffered=True)
        if path in ("/healthz", "/metrics", "/sign-in", "/favicon.ico"):
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
