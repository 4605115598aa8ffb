"""What runs beside the pages: originals as downloads, manual reading, dead letters, the live stream, the API."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import io
import re

from flask import Flask
from sqlalchemy import select, update

from hub import db, intake
from hub.models import Blob as BlobRow
from hub.models import Clue, Intake, Work
from hub.web.files import clean_name, safe_html
from hub.worker import drain
from tests.claims import claim
from tests.integration.web_people import FORM, MAIL, TEXT, Cast, Person, app, counted, handler, mail, operator, people


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
