"""Orders to stop, penalties, contacts, revisits and the case package by the forms and pages of the case desk."""
# ruff: noqa: F401, F811  the cast is that of the case desk

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta

from sqlalchemy import select

from hub import clock, db
from hub.casework import clocks
from hub.models import Clue, Event, StopOrder
from tests.integration.case_desk_cast import COUNTY, OFFICERS, Cast, accepted, cast, clue, jpeg, read, rows

TODAY = clock.today().isoformat()
ORDER = {
    "order_no": "桃停〔2026〕1号", "addressee": "鑫隆建材有限公司", "conduct": "占用耕地建厂房",
    "basis": "《土地管理法》第六十七条", "copies": "武潭镇人民政府",
}  # fmt: skip


def test_an_order_goes_out_by_its_form_and_is_opened_by_the_unit_alone(cast: Cast) -> None:
    no = clue()
    handler = cast["handler"]
    accepted(handler, no)
    missing = handler.act(no, "stop_order", **{**ORDER, "basis": ""})
    assert missing.status_code == 422
    assert "占用耕地建厂房" in missing.text, "what was typed is kept"
    page = handler.done(no, "stop_order", **ORDER)
    links = re.findall(rf'href="(/clues/{no}/orders/\d+/(?:paper|copy))"', page)
    assert len(links) == 2
    for link in links:
        answer = handler.get(link)
        assert (answer.status_code, answer.mimetype, answer.data[:5]) == (200, "application/pdf", b"%PDF-")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        for other in ("stranger", "city", "statistician", "operator"):
            assert cast[other].get(link).status_code == 404, other
    number = rows(StopOrder)[0].id
    for path in (f"orders/{number + 1}/paper", f"orders/{number}/else", f"orders/{number}99999999999999999999/paper"):
        assert handler.get(f"/clues/{no}/{path}").status_code == 404, path
    other = clue(phone="13800001235")
    assert handler.get(f"/clues/{other}/orders/{number}/paper").status_code == 404, "of another clue"
    assert len(rows(Event, Event.act == "stop_order_read")) == 2


def test_the_package_is_for_who_handles_and_holds_the_photos(cast: Cast) -> None:
    no = clue()
    handler = cast["handler"]
    accepted(handler, no)
    handler.done(no, "verify.start", started=TODAY, **OFFICERS)
    handler.done(no, "verify.record", visited=TODAY, files=(io.BytesIO(jpeg()), "DSC.jpg"))
    page = handler.get(f"/clues/{no}").text
    assert f"/clues/{no}/package" in page
    answer = handler.get(f"/clues/{no}/package")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as made:
        names = made.namelist()
        assert made.testzip() is None
        whole = b"".join(made.read(name) for name in names)
    assert len([name for name in names if name.startswith("photos/")]) == 1
    assert "张三丰".encode() not in whole
    assert b"13800001234" not in whole
    for other in ("stranger", "city", "statistician", "operator"):
        assert cast[other].get(f"/clues/{no}/package").status_code == 404, other
        assert f"/clues/{no}/package" not in cast[other].get(f"/clues/{no}").text


def test_after_closing_penalty_publication_contact_and_revisit(cast: Cast) -> None:
    no = clue()
    handler = cast["handler"]
    accepted(handler, no)
    handler.done(no, "contact.log", contacted="village", how="visit", outcome="reached", words="村里证实")
    handler.done(no, "verify.start", started=TODAY, **OFFICERS)
    handler.done(no, "verify.record", visited=TODAY, area="8", area_unit="mu")
    handler.done(no, "verify.end", ended=TODAY, result="R1")
    now = clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")
    for act in ("tell.determination", "tell.violation"):
        handler.done(no, act, told_at=now, evidence="当面口头告知")
    assert read(no).state == "closed"
    page = handler.done(no, "case.decided", case_no="桃罚〔2026〕9号", effective=TODAY)
    assert "处罚决定公开" in page
    handler.done(no, "case.published", published_in="县政府网站")
    page = cast["operator"].done(no, "revisit", outcome="reached", score="4")
    assert "满意" in page
    assert "电话回访" in page
    assert COUNTY in no


def test_the_page_counts_calendar_days_as_such(cast: Cast) -> None:
    no = clue()
    lead = cast["lead"]
    with db.transaction() as session:
        found = session.scalars(select(Clue).where(Clue.no == no)).one()
        clocks.start(session, found, "publish", clock.today(), 20, last=clock.today() + timedelta(days=20))
        clocks.start(session, found, "order", clock.today(), 0, last=clock.today() + timedelta(days=3))
    page = lead.get(f"/clues/{no}").text
    assert "20 日（自然日）" in page
    assert "以文书所定日期为准" in page
    assert "20 个工作日" not in page
    for sheet in ("registration", "handling"):
        assert "20 日（自然日）" in lead.get(f"/clues/{no}/sheets/{sheet}").text
