"""The case desk through Flask's client on real PostgreSQL: every act form, refusals, stale pages, relatives, sheets."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from hub import casework, clock, db
from hub.access import people as access
from hub.access import staff
from hub.access.sealing import blind, new_key, open_key
from hub.app import create_app
from hub.casework.fields import KINDS
from hub.jurisdiction import units
from hub.law import workflow
from hub.models import (
    Asked,
    Blob,
    Clock,
    Clue,
    Event,
    Intake,
    IntakeClue,
    Notice,
    Officer,
    Part,
    QueryCode,
    SiteRecord,
    User,
    Wish,
)
from hub.supervision import clocks, queue, timeline
from hub.worker import drain
from tests.claims import claim

PASSWORD = "a long password"
COUNTY, CITY, SIBLING = "430922", "430900", "430981"
CAST = {
    "handler": (COUNTY, "handler"), "second": (COUNTY, "handler"), "lead": (COUNTY, "lead"),
    "operator": (COUNTY, "operator"), "statistician": (COUNTY, "statistician"), "city": (CITY, "supervisor"),
    "stranger": ("430903", "handler"),
}  # fmt: skip
YEAR = str(clock.today().year + 2)
OFFICERS = {
    "officers_1_name": "甲", "officers_1_certificate": "A1", "officers_1_valid_until": f"{YEAR}-12-31",
    "officers_2_name": "乙", "officers_2_certificate": "A2", "officers_2_valid_until": f"{YEAR}-12-31",
}  # fmt: skip


class Person:
    """A browser of one person at the desk."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client = app.test_client()
        answer = self.client.post("/sign-in", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 302, login
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/queue", follow_redirects=True).text)
        assert found
        self.csrf = found.group(1)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, **data: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.csrf, **data})

    def form(self, no: str, act: str) -> str:
        """The page with the form of an act open."""
        page = self.get(f"/clues/{no}?act={act}").text
        assert f'data-act-form="{act}"' in page, act
        return page

    def act(self, no: str, act: str, **data: Any) -> TestResponse:
        """Opens the form, fills it in and sends it with the version and the last event it was made with."""
        page = self.form(no, act)
        hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
        return self.post(f"/clues/{no}/acts/{act}", **hidden, **data)

    def done(self, no: str, act: str, **data: Any) -> str:
        """As `act`; it must have been done. Returns the page that follows."""
        answer = self.act(no, act, **data)
        assert answer.status_code == 303, re.findall(r'role="alert">(.*?)</', answer.text, re.DOTALL)
        return self.client.get(answer.location).text


def account(login: str) -> None:
    """Adds the person to the hub, once."""
    unit, role = CAST[login]
    with db.transaction() as session:
        if session.scalars(select(User).where(User.login == login)).first() is None:
            staff.add(session, login, f"人{login}", PASSWORD, unit, [role])


class Cast(dict[str, Person]):
    """The named cast, each added and signed in when first asked for."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def __missing__(self, login: str) -> Person:
        account(login)
        self[login] = Person(self.app, login)
        return self[login]


@pytest.fixture
def cast(hub: Path) -> Cast:
    del hub
    return Cast(create_app())


def clue(days: int = 0, phone: str = "13800001234", unit: str = COUNTY, **more: Any) -> str:
    """A registered clue with one reporter; its number."""
    with db.transaction() as session:
        row = units.by_code(session, unit)
        assert row is not None
        at = clock.now() - timedelta(days=days)
        made = casework.open_clue(session, casework.Opening("phone", "01", "", row.id, at, title="占地", **more))
        key = new_key(session, row.id)
        intake = Intake(
            channel="phone", source_id="test:phone", unit_id=row.id, at=at, key_id=key.id, state="registered",
            meta=key.seal_json({}, "intake.meta"), remotes=None, kind=None,
        )  # fmt: skip
        session.add(intake)
        session.flush()
        session.add(IntakeClue(intake_id=intake.id, clue_id=made.id))
        if phone:
            casework.add_reporter(session, made, intake.id, {"name": "张三丰", "phone": phone})
        return made.no


def read(no: str) -> Clue:
    with db.reading() as session:
        row = session.scalars(select(Clue).where(Clue.no == no)).one()
        session.expunge_all()
        return row


def rows(table: Any, *where: Any) -> list[Any]:
    with db.reading() as session:
        found = list(session.scalars(select(table).where(*where)))
        session.expunge_all()
        return found


def jpeg() -> bytes:
    """A picture that says which camera took it."""
    picture, out = Image.new("RGB", (320, 240), (90, 140, 90)), io.BytesIO()
    exif = picture.getexif()
    exif[0x010F] = "SECRETCAM"
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def accepted(who: Person, no: str) -> None:
    who.done(no, "determine.P1", place=COUNTY, **{"class": "T2"})


def test_every_kind_of_box_has_a_form_of_some_act() -> None:
    """A kind that this module never fills in would be a form nobody has tried."""
    source = Path(__file__).read_text("utf-8")
    tried = {
        "text": "evidence=", "words": "reason_text=", "choice": "how=", "date": "started=", "moment": "told_at=",
        "flag": "same_place=", "unit": "unit=", "units": "units=", "person": "handler=", "clue": "main=",
        "division": "place=", "class": '"class"', "officers": "officers_1", "elements": "elements_place",
        "number": "longitude=", "photos": "files=",
    }  # fmt: skip
    assert set(tried) == set(KINDS)
    assert all(source.count(words) > 1 for words in tried.values())


def test_every_event_of_a_clue_has_words() -> None:
    """No code of an act reaches the screen: whatever is recorded about a clue or an intake is said in Chinese."""
    found = set()
    for file in (Path(__file__).parents[2] / "hub").rglob("*.py"):
        text = file.read_text("utf-8")
        found |= set(re.findall(r'audit\.record\(\s*session,\s*f"(?:clue|intake):[^"]*",\s*"([^"]+)"', text))
    assert len(found) > 15
    assert [act for act in sorted(found) if timeline.act_label(act) == act] == []


def test_a_clue_is_taken_from_receipt_to_close_by_its_forms(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    page = handler.done(no, "assign", handler=str(rows(User, User.login == "handler")[0].id))
    assert "人handler" in page
    assert "已办理：分派承办人" in page
    accepted(handler, no)
    assert read(no).state == "verifying"
    handler.done(no, "verify.start", started=clock.today().isoformat(), **OFFICERS)
    assert {row.certificate for row in rows(Officer)} == {"A1", "A2"}
    handler.done(
        no, "verify.record", visited=clock.today().isoformat(), longitude="112.139", latitude="28.52", crs="WGS84",
        area="8", area_unit="mu", land_kind="other_arable", permits="未见用地批准文件", elements_place="confirmed",
        elements_area="differs", words="已硬化", files=(io.BytesIO(jpeg()), "现场.jpg"),
    )  # fmt: skip
    record = rows(SiteRecord)[0]
    assert (record.crs, record.area_unit, len(record.photos)) == ("WGS84", "mu", 1)
    assert record.elements == {"place": "confirmed", "area": "differs"}
    page = handler.done(no, "verify.end", ended=clock.today().isoformat(), result="R1", words="属实")
    assert read(no).state == "to_tell"
    assert "112.139, 28.52（WGS84）" in page
    now = clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")
    handler.done(no, "tell.determination", told_at=now, evidence="当面口头告知")
    handler.done(no, "tell.violation", told_at=now, evidence="当面口头告知")
    assert read(no).state == "closed"
    page = handler.done(no, "link_case", case_no="桃自然资罚〔2026〕12号")
    assert "桃自然资罚〔2026〕12号" in page
    assert "当面口头告知" in page
    assert "第十四条" in page


def test_photos_are_evidence_and_their_working_copy_says_no_camera(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    accepted(handler, no)
    handler.done(no, "verify.start", started=clock.today().isoformat(), **OFFICERS)
    today = clock.today().isoformat()
    refused = handler.act(no, "verify.record", visited=today, area="8", files=(io.BytesIO(jpeg()), "a.jpg"))
    assert refused.status_code == 422
    assert "面积须写明单位" in refused.text
    kept = re.findall(r'name="photos" value="(\d+)" checked', refused.text)
    assert len(kept) == 1, "a refused record keeps its photos"
    handler.done(no, "verify.record", visited=today, area="8", area_unit="ha", photos=kept)
    drain("scan")
    original = rows(Blob, Blob.id == int(kept[0]))[0]
    copies = rows(Blob, Blob.intake_id == original.intake_id, Blob.origin == "rendered")
    assert len(copies) == 1
    assert b"SECRETCAM" in handler.get(f"/clues/{no}/blobs/{original.id}").data
    assert b"SECRETCAM" not in handler.get(f"/clues/{no}/blobs/{copies[0].id}").data
    assert f"/clues/{no}/blobs/{copies[0].id}" in handler.get(f"/clues/{no}").text
    wrong = handler.act(no, "verify.record", visited=today, files=(io.BytesIO(b"MZ"), "a.exe"))
    assert wrong.status_code == 422
    assert "不是照片" in wrong.text
    others = [row for row in rows(Intake) if row.source_id == "desk:photos"]
    assert [row.kind for row in others] == ["other"], "photos are no report"


def test_refusals_stand_at_their_box_with_rule_and_article_and_keep_what_was_typed(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    answer = handler.act(no, "determine.P1", place=SIBLING, words="写了很多字", **{"class": "T2"})
    assert answer.status_code == 422
    assert "发生地不在本单位辖区" in answer.text
    assert "第十二条第（一）项" in answer.text
    assert re.search(r'name="place"[^>]*aria-invalid="true"', answer.text)
    assert "写了很多字" in answer.text
    assert read(no).state == "to_determine"
    answer = handler.act(no, "determine.P1", place="不存在的地方", **{"class": "T2"})
    assert "没有找到唯一的行政区划" in answer.text
    answer = handler.act(no, "ask", how="call")
    assert answer.status_code == 422
    answer = handler.act(no, "ask", how="call", missing="place", at="2999-01-01T08:00")
    assert "不能晚于现在" in answer.text
    earlier = clock.china(clock.now() - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    answer = handler.act(no, "ask", how="call", missing="place", at=earlier)
    assert answer.status_code == 422
    assert not rows(Asked)


def test_an_earlier_time_with_its_reason_shows_both_times(cast: Cast) -> None:
    handler, no = cast["handler"], clue(days=2)
    earlier = clock.china(clock.now() - timedelta(hours=3))
    page = handler.done(
        no, "ask", how="call", missing="facts", at=earlier.strftime("%Y-%m-%dT%H:%M"), at_reason="下乡无网络"
    )
    assert "录入于" in page
    assert "补记理由：下乡无网络" in page
    with db.reading() as session:
        entry = next(e for e in timeline.entries(session, read(no), [], original=True) if e.label == "联系举报人补充")
    assert entry.recorded is not None
    assert entry.details == ["主要违法事实", "电话"]


def test_hostile_times_and_numbers_are_refused(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    for typed in ("abc", "10-10-2026", "0001-01-01T00:00", "2026-13-01T00:00"):
        answer = handler.act(no, "ask", how="call", missing="place", at=typed, at_reason="x")
        assert answer.status_code == 422, typed
        assert "时间格式不正确" in answer.text
    accepted(handler, no)
    handler.done(no, "verify.start", started=clock.today().isoformat(), **OFFICERS)
    for field in ("longitude", "latitude", "area"):
        for typed in ("nan", "1e400", "十二", "--1"):
            data = {"visited": clock.today().isoformat(), "crs": "WGS84", "area_unit": "mu", field: typed}
            assert handler.act(no, "verify.record", **data).status_code == 422, (field, typed)
    for day in ("abc", "2999-01-01", "0000-00-00"):
        assert handler.act(no, "verify.record", visited=day).status_code == 422, day
    assert not rows(SiteRecord)


def test_a_stale_form_says_what_changed_and_keeps_the_input(cast: Cast) -> None:
    mine, theirs, no = cast["handler"], cast["lead"], clue()
    account("second")
    page = mine.form(no, "determine.P3")
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    theirs.done(no, "assign", handler=str(rows(User, User.login == "second")[0].id))
    answer = mine.post(f"/clues/{no}/acts/determine.P3", **hidden, ground="N3", words="属补偿纠纷")
    assert answer.status_code == 409
    assert "人lead 分派承办人" in answer.text
    assert "属补偿纠纷" in answer.text
    assert read(no).determination is None
    again = {name: re.findall(rf'name="{name}" value="(\d+)"', answer.text)[0] for name in ("version", "seen")}
    assert mine.post(f"/clues/{no}/acts/determine.P3", **again, ground="N3", words="属补偿纠纷").status_code == 303
    assert read(no).refused_ground == "N3"


def test_an_act_that_is_no_longer_open_shows_the_words_for_copying(cast: Cast) -> None:
    mine, no = cast["handler"], clue()
    page = mine.form(no, "split")
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    cast["lead"].done(no, "determine.P3", ground="N5")
    answer = mine.post(f"/clues/{no}/acts/split", **hidden, reason_text="两处地块")
    assert answer.status_code == 409
    assert "<blockquote>两处地块</blockquote>" in answer.text


def test_jurisdiction_by_forms_up_and_down(cast: Cast) -> None:
    handler, city, no = cast["handler"], cast["city"], clue()
    page = handler.done(no, "escalate", reason="crosses", units=[SIBLING], reason_text="跨两县")
    assert "提请管辖中" in page
    page = city.form(no, "designate")
    assert f'value="{SIBLING}"' in page
    answer = city.act(no, "designate", unit_other="没有这个局", issued=clock.today().isoformat())
    assert "没有找到这个单位" in answer.text
    page = city.done(no, "designate", unit=SIBLING, issued=clock.today().isoformat(), reason_text="地在沅江")
    assert read(no).state == "designated"
    assert "跨行政区域" in page
    assert "指定后告知" in page
    city.done(no, "redesignate", unit_other=COUNTY, issued=clock.today().isoformat())
    handler.done(no, "object", reason_text="不在本县")


def test_merge_after_comparing_and_unmerge_restores(cast: Cast) -> None:
    handler, first, second = cast["handler"], clue(days=1), clue(phone="13900002222")
    accepted(handler, first)
    page = handler.get(f"/clues/{second}/compare?other={first}").text
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    half = handler.post(f"/clues/{second}/acts/merge", **hidden, main=first, same_place="1", back="compare")
    assert half.status_code == 422
    assert "时间未确认相同" in half.text
    assert 'name="same_place" value="1" checked' in half.text
    same = dict.fromkeys(("same_place", "same_time", "same_respondent", "same_facts"), "1")
    answer = handler.post(f"/clues/{second}/acts/merge", **hidden, main=first, back="compare", **same)
    assert answer.status_code == 303
    assert read(second).state == "merged"
    page = handler.get(f"/clues/{first}").text
    assert second in page
    assert "并案成员" in page
    handler.done(second, "determine.member", place=COUNTY, **{"class": "T2"})
    handler.done(second, "unmerge", reason_text="不是同一地块")
    after = read(second)
    assert (after.state, after.main_id, after.determination) == ("verifying", None, "P1")
    assert second not in handler.get(f"/clues/{first}").text.split('id="relatives"')[1].split("可能是同一行为")[0]


def test_a_duplicate_is_determined_from_the_comparison(cast: Cast) -> None:
    handler, first, second = cast["handler"], clue(days=1), clue()
    with db.transaction() as session:
        row = session.scalars(select(Clue).where(Clue.no == first)).one()
        session.add(QueryCode(token=blind("query", "ABCD-EFGH-JKMN"), clue_id=row.id, reporter_id=None, tail=None))
    accepted(handler, first)
    page = handler.get(f"/clues/{second}/compare?other={first}").text
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    same = dict.fromkeys(("same_place", "same_respondent", "same_facts"), "1")
    answer = handler.post(
        f"/clues/{second}/acts/determine.P4", **hidden, earlier_clue=first, same_reporter="query_code",
        query_code="ABCD-EFGH-JKMN", back="compare", **same,
    )  # fmt: skip
    assert answer.status_code == 303
    assert read(second).determination == "P4"
    assert "原线索" in handler.get(answer.location).text
    assert "重复举报" in handler.get(f"/clues/{first}").text


def test_a_clue_out_of_sight_cannot_be_compared_or_opened(cast: Cast) -> None:
    no, other = clue(), clue(unit="430903", phone="")
    page = cast["handler"].get(f"/clues/{no}/compare?other={other}").text
    assert "没有找到线索" in page
    stranger = cast["stranger"]
    for path in (f"/clues/{no}/compare", f"/clues/{no}/sheets/registration", f"/clues/{no}/sheets/handling"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"/clues/{no}/acts/determine.P1", place=COUNTY).status_code == 404
    assert stranger.post(f"/clues/{no}/notices/1/recall").status_code == 404
    assert stranger.post(f"/clues/{no}/reporters/1/wish").status_code == 404
    assert cast["handler"].get(f"/clues/{no}/sheets/other").status_code == 404
    assert cast["handler"].post(f"/clues/{no}/acts/close.by_force").status_code == 404


def test_who_may_only_look_has_no_buttons_and_is_refused(cast: Cast) -> None:
    no = clue()
    reader = cast["statistician"]
    page = reader.get(f"/clues/{no}").text
    assert re.findall(r'data-act="([^"]+)"', page) == ["recuse"]  # everybody who reads may say that they must not
    answer = reader.post(f"/clues/{no}/acts/determine.P1", place=COUNTY, **{"class": "T2"})
    assert answer.status_code == 422
    assert "无权受理" in answer.text
    above = cast["city"].post(f"/clues/{no}/acts/assign", handler="1")
    assert above.status_code == 422
    assert "其他单位办理" in above.text


def test_clocks_are_explained_day_by_day_and_lateness_stays(cast: Cast) -> None:
    handler, no = cast["handler"], clue(phone="13900003333")
    with db.transaction() as session:
        row = session.scalars(select(Clock)).one()
        session.execute(
            update(Clock)
            .where(Clock.id == row.id)
            .values(base=date(2026, 2, 12), due=date(2026, 2, 28), provisional=False)
        )
    with db.reading() as session:
        view = clocks.explained(session, read(no))[0]
    assert [step.day.isoformat() for step in view.steps if step.counts] == [
        "2026-02-13", "2026-02-14", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28"
    ]  # fmt: skip
    assert {step.day.day: step.tone for step in view.steps}[14] == "makeup"
    assert {step.day.day: step.tone for step in view.steps}[17] == "holiday"
    assert view.tone == "over"
    page = handler.get(f"/clues/{no}").text
    assert "调休上班" in page
    assert re.search(r"超期 \d+ 个工作日", page)
    accepted(handler, no)
    now = clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")
    page = handler.done(no, "tell.determination", told_at=now, evidence="电话本人接听")
    assert "逾期" in page.split('id="history"')[1]
    assert clocks.remaining(0) == "今天到期"
    assert (clocks.remaining(3), clocks.remaining(-2)) == ("剩 3 个工作日", "超期 2 个工作日")


def test_notices_are_shown_recalled_and_wishes_recorded(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    accepted(handler, no)
    notice = rows(Notice, Notice.kind == "accepted")[0]
    page = handler.get(f"/clues/{no}").text
    assert "撤回（尚未发出）" in page
    assert "张*" in page
    assert "138****1234" in page
    assert "13800001234" not in page
    assert "张三丰" not in page
    assert handler.post(f"/clues/{no}/notices/{notice.id}/recall").status_code == 303
    assert rows(Notice, Notice.id == notice.id)[0].state == "recalled"
    again = handler.post(f"/clues/{no}/notices/{notice.id}/recall")
    assert again.status_code == 409
    assert "不能撤回" in again.text
    other = clue(phone="13900002222")
    assert handler.post(f"/clues/{other}/notices/{notice.id}/recall").status_code == 404
    reporter = notice.reporter_id
    wrong = handler.post(f"/clues/{no}/reporters/{reporter}/wish", routes=["call"], hour_from="20", hour_to="8")
    assert wrong.status_code == 422
    assert handler.post(f"/clues/{no}/reporters/{reporter}/wish", routes=["pigeon"]).status_code == 422
    good = handler.post(
        f"/clues/{no}/reporters/{reporter}/wish", routes=["call"], hour_from="9", hour_to="18", neutral="1"
    )
    assert good.status_code == 303
    wish = rows(Wish)[0]
    assert (wish.routes, wish.hour_from, wish.hour_to, wish.neutral) == (["call"], 9, 18, True)
    assert handler.post(f"/clues/{other}/reporters/{reporter}/wish", routes=["call"]).status_code == 404


def test_superiors_see_no_reporter_and_no_words(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    handler.done(no, "split", reason_text="另有一处采砂")
    page = cast["city"].get(f"/clues/{no}").text
    assert "另有一处采砂" not in page
    assert "138****1234" not in page
    assert "/sheets/" not in page
    assert "拆分线索" in page


def test_sheets_are_masked_and_noted(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    accepted(handler, no)
    for kind, words in (("registration", "线索登记表"), ("handling", "线索办理单")):
        page = handler.get(f"/clues/{no}/sheets/{kind}").text
        assert words in page
        assert no in page
        assert "张三丰" not in page
        assert "13800001234" not in page
    assert [event.data["sheet"] for event in rows(Event, Event.act == "print")] == ["registration", "handling"]


def test_quick_views_and_claiming(cast: Cast) -> None:
    handler, fresh, late = cast["handler"], clue(), clue(phone="13900002222")
    with db.transaction() as session:
        past = select(Clue.id).where(Clue.no == late).scalar_subquery()
        session.execute(update(Clock).where(Clock.clue_id == past).values(due=clock.today() - timedelta(days=9)))
        now = select(Clue.id).where(Clue.no == fresh).scalar_subquery()
        session.execute(update(Clock).where(Clock.clue_id == now).values(due=clock.today()))

    def shown(view: str) -> set[str]:
        return set(re.findall(r'<tr data-no="([^"]+)"', handler.get(f"/queue?view={view}").text))

    assert (shown("overdue"), shown("today"), shown("mine")) == ({late}, {fresh}, set())
    assert shown("unread") == {fresh, late}
    handler.get(f"/clues/{late}")
    assert shown("unread") == {fresh}
    assert shown("nonsense") == shown("unit") == {fresh, late}
    version = read(fresh).version
    me = str(rows(User, User.login == "handler")[0].id)
    answer = handler.post(f"/clues/{fresh}/acts/assign", version=version, handler=me)
    assert answer.location.startswith(f"/clues/{fresh}?done=assign")
    assert shown("mine") == {fresh}
    with db.reading() as session:
        who = access.actor(session, int(me))
        assert who is not None
        assert queue.view_counts(session, who) == {"mine": 1, "today": 1, "overdue": 1}
    assert "今天到期" in handler.get("/queue").text


def test_an_act_that_needs_approval_is_proposed_decided_and_done(cast: Cast) -> None:
    handler, lead, no = cast["handler"], cast["lead"], clue()
    with db.transaction() as session:
        row = session.scalars(select(User).where(User.login == "lead")).one()
        who = access.actor(session, row.id)
        assert who is not None
        casework.set_chain(session, who, "determine.P3", (casework.Step("审批", "lead"),), None)
    assert "须经审批" in handler.form(no, "determine.P3")
    page = handler.done(no, "determine.P3", ground="N5", words="不属本部门")
    assert "已报请审批" in page
    assert read(no).determination is None
    assert no in lead.get("/queue").text.split("待我审批", 1)[1]
    number = re.findall(rf"/clues/{no}/proposals/(\d+)/decide", lead.get(f"/clues/{no}").text)[0]
    assert cast["operator"].post(f"/clues/{no}/proposals/{number}/decide", verdict="approve").status_code == 404
    back = lead.post(f"/clues/{no}/proposals/{number}/decide", verdict="send_back", opinion="")
    assert back.status_code == 422
    assert "退回须写明意见" in back.text
    assert lead.post(f"/clues/{no}/proposals/{number}/decide", verdict="approve", opinion="同意").status_code == 303
    assert read(no).determination == "P3"


def test_a_text_attachment_stands_once_and_fields_stand_last(cast: Cast) -> None:
    handler, no = cast["handler"], claim(clue())
    with db.transaction() as session:
        row = session.scalars(select(Clue).where(Clue.no == no)).one()
        intake = session.scalars(select(Intake).join(IntakeClue).where(IntakeClue.clue_id == row.id)).one()
        key = open_key(session, intake.key_id)
        blob = Blob(
            intake_id=intake.id, ord=0, origin="derived", role="attachment", name=key.seal("说明.txt", "blob.name"),
            media_type="text/plain", size=3, sha256="0" * 64, sealed=key.seal(b"abc", "blob"), address=None,
        )  # fmt: skip
        session.add(blob)
        session.flush()
        pieces = (("text", "正文", None), ("fields", "", None), ("file", "", blob.id), ("text", "附件文字", blob.id))
        for number, (kind, text, blob_id) in enumerate(pieces):
            session.add(
                Part(
                    intake_id=intake.id, clue_id=row.id, ord=number, kind=kind, blob_id=blob_id,
                    title=key.seal("说明.txt" if blob_id else "", "part.title"), text=key.seal(text, "part.text"),
                    data=key.seal_json({}, "part.data"),
                )
            )  # fmt: skip
    page = handler.get(f"/clues/{no}").text
    assert re.findall(r"part-(text|file|fields)\"", page) == ["text", "text", "fields"]


def test_every_open_act_has_a_form_that_opens_in_every_state(cast: Cast) -> None:
    """The buttons of the page and the forms behind them, for handler and lead, as the clue goes on."""
    handler, lead = cast["handler"], cast["lead"]
    no = clue()
    seen: set[str] = set()

    def walk() -> None:
        for who in (handler, lead):
            for act in re.findall(r'data-act="([^"]+)"', who.get(f"/clues/{no}").text):
                who.form(no, act)
                seen.add(act)

    walk()
    accepted(handler, no)
    walk()
    handler.done(no, "verify.start", started=clock.today().isoformat(), **OFFICERS)
    walk()
    handler.done(no, "verify.end", ended=clock.today().isoformat(), result="R0")
    walk()
    assert {"determine.P1", "determine.P3", "escalate", "verify.start", "verify.record", "verify.end", "merge"} <= seen
    assert seen <= set(workflow.rules())
