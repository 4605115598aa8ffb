"""Forms of the channels in the browser: stored once, refused with what was typed, hostile uploads, bombs."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import io
import re
from datetime import datetime

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from channels.registry import channels
from hub import db
from hub.models import Intake
from hub.worker import drain
from tests.integration.web_people import FORM, Cast, Person, app, counted, mail, operator, people


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
