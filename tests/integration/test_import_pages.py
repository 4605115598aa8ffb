"""Lists of units and people on screen: template, dry run, taking over, first passwords, who may; and clues follow."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub import casework, clock, db
from hub.app import create_app
from hub.enrich import decoding
from hub.jurisdiction import units
from hub.models import ClueUnit, DirectoryImport, Grant, GrantChange, Unit, User
from hub.terms import Role
from hub.web import imports
from hub.work.child import ChildDiedError
from tests.integration.browsers import official

Signed = Callable[[Role, str], tuple[FlaskClient, str]]
UNITS = ("单位代码", "单位名称", "层级", "上级代码", "类别", "管辖地区", "启用日期")
PEOPLE = ("登录名", "姓名", "单位代码", "角色", "执法证号", "有效期起", "有效期止", "备注")
ZONE = ("430922-kfq", "经开区分局", "县", "430900", "", "", "")
ZHANG = ("zhang.san", "张三", "430922", "承办人、接线员", "湘430922001", "2025-01-01", "2027-12-31", "x")


@pytest.fixture
def signed(hub: Path) -> Signed:
    del hub
    return official


def csv_of(*rows: tuple[str, ...]) -> bytes:
    return "\n".join(",".join(row) for row in rows).encode("utf-8-sig")


def send(client: FlaskClient, csrf: str, kind: str, data: bytes, name: str = "list.csv") -> TestResponse:
    return client.post(f"/import/{kind}", data={"csrf_token": csrf, "file": (io.BytesIO(data), name)})


def lines(page: TestResponse) -> str:
    found = re.search(r'<textarea name="lines" hidden>(.*?)</textarea>', page.text, re.DOTALL)
    assert found, "the dry run offers nothing to take over"
    return html.unescape(found[1])


def take(client: FlaskClient, csrf: str, kind: str, text: str) -> TestResponse:
    return client.post(f"/import/{kind}/take", data={"csrf_token": csrf, "lines": text},
                       content_type="multipart/form-data")  # fmt: skip


def test_the_empty_list_filled_in_by_excel_is_taken(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430900")
    assert "还没有接收过名单" in client.get("/import").text
    told = client.get("/import/units/template")
    assert told.mimetype == imports.XLSX
    book = openpyxl.load_workbook(io.BytesIO(told.data))
    book.worksheets[0].append(ZONE)
    out = io.BytesIO()
    book.save(out)
    page = send(client, csrf, "units", out.getvalue(), "单位.xlsx")
    assert page.status_code == 200, page.text
    assert "新设：经开区分局" in page.text
    with db.reading() as session:
        assert units.by_code(session, "430922-kfq") is None, "a dry run changes nothing"
    done = take(client, csrf, "units", lines(page))
    assert "1 行有变化" in done.text
    with db.reading() as session:
        assert units.by_code(session, "430922-kfq") is not None
        assert session.scalars(select(DirectoryImport)).one().changed == 1
    assert "1 行，其中 1 行有变化" in client.get("/import").text
    assert "没有可接收的内容" in send(client, csrf, "units", csv_of(UNITS, ZONE)).text


def test_people_get_first_passwords_once_and_no_right_yet(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430900")
    page = send(client, csrf, "people", csv_of(PEOPLE, ZHANG))
    assert "新增：张三；申请岗位：承办人、接线员；登记执法证 湘430922001" in page.text
    assert "备注" in page.text, "a column that means nothing is named"
    text = lines(page)
    done = take(client, csrf, "people", text)
    assert done.headers["Cache-Control"] == "no-store"
    found = re.search(r"zhang.san</td><td[^>]*><code>(.*?)</code>", done.text)
    assert found
    with db.reading() as session:
        person = session.scalars(select(User).where(User.login == "zhang.san")).one()
        assert person.must_change
        assert session.scalars(select(Grant).where(Grant.user_id == person.id)).all() == []
        asked = session.scalars(select(GrantChange.role).where(GrantChange.user_id == person.id))
        assert sorted(asked) == [Role.HANDLER, Role.OPERATOR]
    again = take(client, csrf, "people", text)
    assert found[1] not in again.text, "sent again nothing is made and nothing is shown"
    assert "0 行有变化" in again.text
    second, token = signed(Role.SECADMIN, "430900")
    with db.reading() as session:
        numbers = session.scalars(select(GrantChange.id)).all()
    for number in numbers:
        assert second.post(f"/people/changes/{number}", data={"confirm": "1", "csrf_token": token}).status_code == 303
    new = create_app().test_client()
    given = {"login": "zhang.san", "password": html.unescape(found[1])}
    told = new.post("/sign-in", data=given, follow_redirects=True)
    assert told.request.path == "/account/password", "the first password is changed at once"


def test_a_wrong_line_and_nothing_is_offered(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430900")
    page = send(client, csrf, "units", csv_of(UNITS, ZONE, ("430922_x", "乙局", "县", "430900", "", "", "")))
    assert page.status_code == 200
    assert "单位代码须为" in page.text
    assert "<textarea" not in page.text
    good = send(client, csrf, "units", csv_of(UNITS, ZONE))
    forged = lines(good).replace("430922-kfq", "440000-x").replace("430900", "440000")
    told = take(client, csrf, "units", forged)
    assert told.status_code == 422, "what comes back is judged anew"
    assert "不在本单位辖区" in told.text
    for text in ("", "[]", "[[1,{}]]", '[["x"]]'):
        told = take(client, csrf, "units", text)
        assert (told.status_code, "名单内容不完整" in told.text) == (422, True)
    with db.reading() as session:
        assert session.scalars(select(Unit).where(Unit.code.like("%-x"))).all() == []


def test_files_that_are_no_list(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    client, csrf = signed(Role.SYSADMIN, "430900")
    for data, name, words in (
        (b"%PDF-1.4", "a.pdf", "请上传 Excel"), (b"PK\x03\x04 broken", "a.xlsx", ""), (b"a,b\n1,2", "a.csv", "表头"),
        (csv_of(UNITS), "a.csv", "没有内容"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "另存为"),
        (b"", "a.csv", ""),
    ):  # fmt: skip
        told = send(client, csrf, "units", data, name)
        assert told.status_code == 422, name
        assert words in told.text
        assert 'role="alert"' in told.text
    assert client.post("/import/units", data={"csrf_token": csrf}).status_code == 422
    assert send(client, csrf, "animals", csv_of(UNITS, ZONE)).status_code == 404
    assert client.get("/import/animals/template").status_code == 404

    def dies(*_: object) -> None:
        raise ChildDiedError("解析超过内存上限")

    monkeypatch.setattr(decoding, "table", dies)
    told = send(client, csrf, "units", csv_of(UNITS, ZONE))
    assert (told.status_code, "解析超过内存上限" in told.text) == (422, True)
    monkeypatch.undo()
    monkeypatch.setattr(imports, "MAX_SENT", 10)
    assert "请拆分" in send(client, csrf, "units", csv_of(UNITS, ZONE)).text


def test_clues_of_a_moved_unit_are_seen_by_its_new_superior(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430000")
    with db.transaction() as session:
        county = units.by_code(session, "430922")
        assert county is not None
        clue = casework.open_clue(
            session, casework.Opening("phone", "01", "", county.id, clock.now(), title="占地")
        )  # fmt: skip
        number = clue.id

    def seers() -> set[str]:
        with db.reading() as session:
            rows = select(Unit.code).join(ClueUnit, ClueUnit.unit_id == Unit.id).where(ClueUnit.clue_id == number)
            return set(session.scalars(rows))

    assert "430900" in seers()
    row = ("430922", "桃江县自然资源主管部门", "县", "430100", "", "", "")
    page = send(client, csrf, "units", csv_of(UNITS, row))
    assert "改隶" in page.text
    assert "1 行有变化" in take(client, csrf, "units", lines(page)).text
    assert "430100" in seers()
    assert "430900" not in seers()
    told = client.post("/units/430922/move", data={"parent": "430900", "csrf_token": csrf, "since": ""})
    assert told.status_code == 303
    assert "430900" in seers(), "a move on the unit's page as well"
    assert "430100" not in seers()
    told = client.post("/units/430900/close", data={"successor": "430100", "csrf_token": csrf, "since": ""})
    assert told.status_code == 303
    assert "430100" in seers(), "below a unit that was closed into another one"


def test_only_administrators(signed: Signed) -> None:
    for role in (Role.LEAD, Role.SECADMIN):
        client, csrf = signed(role, "430900")
        assert client.get("/import").status_code == 404
        assert send(client, csrf, "units", csv_of(UNITS, ZONE)).status_code == 404
        assert take(client, csrf, "units", "[]").status_code == 404
