"""What follows a result: orders to stop, penalties put online in 20 days, contacts, ratings, the case package."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import zipfile
from datetime import date

import pypdfium2
import pytest
from sqlalchemy import select

from hub import casework, db
from hub.casework import clocks as clocks_of
from hub.casework import following
from hub.models import Clue, ClueReporter, Event, Opinion, Satisfaction, StopOrder
from hub.supervision import package
from tests.integration.casework.conftest import COUNTY, OFFICERS, SIBLING, Desk

ORDER = {
    "order_no": "桃自然资停〔2026〕12号", "addressee": "鑫隆建材有限公司",
    "conduct": "2026年3月在红旗村占用耕地建厂房。",
    "basis": "《中华人民共和国土地管理法》第六十七条", "copies": "武潭镇人民政府、武潭供电所",
}  # fmt: skip


def closed(desk: Desk, result: str = "R1") -> int:
    clue = desk.clue(reporter={"name": "赵铁柱", "phone": "13800005555"})
    desk.p1(clue)
    desk.tell(clue)
    desk.verified(clue, result)
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    return clue


def text_of(data: bytes) -> str:
    pages = pypdfium2.PdfDocument(io.BytesIO(data))
    return "".join(page.get_textpage().get_text_bounded() for page in pages).replace("\r", "").replace("\n", "")


def orders(clue: int) -> list[StopOrder]:
    with db.reading() as session:
        found = following.stop_orders(session, session.get_one(Clue, clue))
        session.expunge_all()
    return found


def test_an_order_to_stop_and_its_copies_are_made_from_the_data(desk: Desk) -> None:
    clue = desk.clue(reporter={"name": "赵铁柱", "phone": "13800005555"})
    assert desk.refused(clue, "stop_order", **ORDER).kind == "state"
    desk.p1(clue)
    desk.act(clue, "stop_order", **ORDER)
    row = orders(clue)[0]
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        name, paper = following.stop_paper(session, desk.who(), found, row.id, "paper")
        copy = following.stop_paper(session, desk.who(), found, row.id, "copy")[1]
    assert name.endswith(".pdf")
    assert hashlib.sha256(paper).hexdigest() == row.sha256
    said = text_of(paper)
    for word in (ORDER["order_no"], ORDER["addressee"], "占用耕地建厂房", "第六十七条", "立即停止"):
        assert word in said
    assert "赵铁柱" not in said
    assert "13800005555" not in said
    assert "武潭供电所" in text_of(copy)
    assert row.sha256 in text_of(copy).replace(" ", "")
    assert b"\xe9\x91\xab\xe9\x9a\x86" not in row.paper, "sealed"


def test_the_order_is_drafted_from_what_people_confirmed(desk: Desk) -> None:
    clue = desk.clue()
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        assert following.draft(session, found) == {"addressee": "", "conduct": "", "basis": ""}
    desk.p1(clue)
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        casework.confirm(session, desk.who(), found, "respondent", "鑫隆建材有限公司")
    today = desk.now.date().isoformat()
    desk.act(clue, "verify.start", officers=OFFICERS, started=today)
    desk.act(clue, "verify.record", visited=today, area=8, area_unit="mu")
    with db.transaction() as session:
        found = following.draft(session, session.get_one(Clue, clue))
    assert found == {
        "addressee": "鑫隆建材有限公司", "conduct": "在湖南省益阳市桃江县违法占地，面积8亩。",
        "basis": "《中华人民共和国土地管理法》第六十七条",
    }  # fmt: skip


def test_an_order_is_for_the_unit_that_gave_it(desk: Desk) -> None:
    clue = desk.clue()
    desk.p1(clue)
    desk.act(clue, "stop_order", **{**ORDER, "copies": ""})
    row = orders(clue)[0]
    assert row.copy is None
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        for who, part in ((desk.who(SIBLING), "paper"), (desk.who(), "copy"), (desk.who(), "else")):
            with pytest.raises(casework.RefusedError):
                following.stop_paper(session, who, found, row.id, part)


@pytest.mark.parametrize(("box", "words"), [
    ("conduct", "据赵铁柱反映，占用耕地建厂房。"), ("copies", "村民赵铁柱"), ("basis", "电话13800005555"),
])  # fmt: skip
def test_an_order_that_names_the_reporter_does_not_go_out(desk: Desk, box: str, words: str) -> None:
    """It is handed to the person who was reported."""
    clue = desk.clue(reporter={"name": "赵铁柱", "phone": "13800005555"})
    desk.p1(clue)
    error = desk.refused(clue, "stop_order", **{**ORDER, box: words})
    assert (error.kind, error.name) == ("value", box)
    assert "赵铁柱" not in str(error)
    assert orders(clue) == []


def test_nobody_is_told_to_stop_what_is_no_violation(desk: Desk) -> None:
    clue = closed(desk, "R0")
    assert desk.refused(clue, "stop_order", **ORDER).name == "not_cleared"
    assert desk.refused(clue, "case.decided", case_no="1号", effective="2026-03-02").name == "violation_found"


def test_a_penalty_goes_online_within_twenty_days_of_the_calendar(desk: Desk) -> None:
    clue = closed(desk)
    desk.go("2026-09-25T10:00")
    tomorrow = desk.refused(clue, "case.decided", case_no="桃罚1号", effective="2026-09-26")
    assert tomorrow.name == "effective_in_order"
    for wrong in ("2026-02-28", "0206-09-21"):
        assert desk.refused(clue, "case.decided", case_no="桃罚1号", effective=wrong).name == "effective_in_order"
    desk.act(clue, "case.decided", case_no="桃罚1号", effective="2026-09-21")
    clock = desk.clock(clue, "publish")
    assert (clock.base, clock.due, clock.article) == (date(2026, 9, 21), date(2026, 10, 11), "内部规则")
    with db.reading() as session:
        assert len(clocks_of.explain(session, clock).days) == 1, "no working days are counted: holidays move nothing"
        found = session.scalars(select(Event).where(Event.object == f"clue:{clue}", Event.act == "case.decided")).one()
        assert found.data["effective"] == "2026-09-21"
        assert "桃罚" not in json.dumps(found.data, ensure_ascii=False)
    desk.go("2026-10-12T00:01")
    desk.act(clue, "case.published", published_in="县政府网站")
    assert desk.clock(clue, "publish").late
    assert desk.refused(clue, "case.published", published_in="县政府网站").name == "publish_waits"


def test_the_reminder_to_publish_comes_before_the_day(desk: Desk) -> None:
    lead = desk.who(role="lead")
    clue = closed(desk)
    desk.act(clue, "case.decided", case_no="桃罚1号", effective="2026-03-02")
    desk.go("2026-03-20T08:00")
    with db.transaction() as session:
        casework.sweep(session)
        told = casework.alerts(session, lead)
    assert [alert for alert in told if alert.clue_id == clue]


def test_contacts_are_logged_and_their_words_sealed(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "contact.log", desk.who(role="operator"), contacted="village", how="visit", outcome="reached",
             words="村主任说三月开始打桩")  # fmt: skip
    with db.reading() as session:
        row = session.scalars(select(Event).where(Event.object == f"clue:{clue}", Event.act == "contact.log")).one()
        words = session.scalars(select(Opinion).where(Opinion.clue_id == clue, Opinion.act == "contact.log")).one()
        session.expunge_all()
    assert {name: row.data[name] for name in ("contacted", "how", "outcome")} == {
        "contacted": "village", "how": "visit", "outcome": "reached",
    }  # fmt: skip
    assert "打桩".encode() not in words.text


def test_a_reporter_rates_once_and_only_when_it_is_over(desk: Desk) -> None:
    clue = desk.clue()
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        reporter = session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue)).one()
        assert not following.may_rate(session, found, reporter)
        with pytest.raises(casework.RefusedError, match="办结以后"):
            following.rate(session, found, reporter, 5)
    desk.p1(clue)
    desk.tell(clue)
    desk.verified(clue)
    desk.tell(clue)
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        with pytest.raises(casework.RefusedError, match="五档"):
            following.rate(session, found, reporter, 6)
        following.rate(session, found, reporter, 2, "太慢了")
        with pytest.raises(casework.RefusedError, match="已收到"):
            following.rate(session, found, reporter, 5)
        assert [(row.score, row.words) for row in following.ratings(session, found, words=True)] == [(2, "太慢了")]
        assert following.ratings(session, found, words=False)[0].words == ""
        kept = session.scalars(select(Satisfaction)).one()
        assert "太慢".encode() not in bytes(kept.words or b"")
    assert desk.refused(clue, "revisit", outcome="reached", score="5").name == "not_rated"


def test_a_call_asks_the_reporter_who_has_not_said(desk: Desk) -> None:
    clue = closed(desk)
    desk.act(clue, "revisit", outcome="unreached")
    desk.act(clue, "revisit", desk.who(role="operator"), outcome="reached", score="4")
    with db.reading() as session:
        row = session.scalars(select(Satisfaction).where(Satisfaction.clue_id == clue)).one()
        session.expunge_all()
    assert (row.score, row.by_user is not None, row.reporter_id is not None) == (4, True, True)


def test_the_case_package_holds_its_hashes_and_no_reporter(desk: Desk) -> None:
    clue = closed(desk)
    desk.act(clue, "stop_order", **ORDER)
    with db.transaction() as session:
        found = session.get_one(Clue, clue)
        data = package.make(session, desk.who(), found)
        again = package.make(session, desk.who(), found)
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        files = {name: made.read(name) for name in made.namelist()}
    sums = dict(reversed(line.split("  ", 1)) for line in files.pop("SHA256SUMS").decode().splitlines())  # type: ignore[arg-type]
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert [name for name in files if name.startswith("orders/")] == [
        f"orders/{orders(clue)[0].id}-通知书.pdf", f"orders/{orders(clue)[0].id}-抄送单.pdf",
    ]  # fmt: skip
    events = [json.loads(line) for line in files["03-事件记录.jsonl"].decode().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert all(later["previous"] == earlier["hash"] for earlier, later in itertools.pairwise(events))
    assert events[-1]["act"] == "package"
    whole = files["03-事件记录.jsonl"].decode() + text_of(files["01-线索材料.pdf"]) + text_of(files["02-办理经过.pdf"])
    assert "责令停止违法行为" in whole
    assert "结果告知" in whole
    for name in ("赵铁柱", "13800005555"):
        assert name not in whole
    assert again != data, "the second making is in the log of the second package"


def test_another_unit_takes_no_package(desk: Desk) -> None:
    clue = closed(desk)
    with db.transaction() as session, pytest.raises(casework.RefusedError) as error:
        package.make(session, desk.who(SIBLING), session.get_one(Clue, clue))
    assert error.value.kind == "unit"
    assert COUNTY != SIBLING
