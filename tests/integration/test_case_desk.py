"""The case desk through Flask's client on real PostgreSQL: every act form, refusals, stale pages, relatives, sheets."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from hub import casework, clock, db
from hub.access import people as access
from hub.casework.fields import KINDS
from hub.law import workflow
from hub.models import Asked, Blob, Intake, Officer, SiteRecord, User
from hub.supervision import timeline
from hub.worker import drain
from tests.integration import browsers
from tests.integration.case_desk_cast import (
    CAST,
    COUNTY,
    OFFICERS,
    SIBLING,
    Cast,
    accepted,
    cast,
    clue,
    jpeg,
    read,
    rows,
)


def test_every_kind_of_box_has_a_form_of_some_act() -> None:
    """A kind that the modules of the case desk never fill in would be a form nobody has tried."""
    source = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*case_desk*.py"))
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
    browsers.join({"second": CAST["second"]})
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
