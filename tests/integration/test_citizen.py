"""The citizens' side on real PostgreSQL: report → code → status → supplement; every refusal; no way to staff pages."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import io
import re

from sqlalchemy import func, select

from channels.registry import channel
from hub import db, intake
from hub.access import sealing
from hub.casework import following
from hub.models import Clue, ClueReporter, Event, FollowUp, Intake, IntakeClue, Part, QueryCode, Wish
from hub.notify import codes
from hub.web.citizen import consent
from tests.integration.casework.conftest import COUNTY, Desk, desk
from tests.integration.casework.test_merging import SAME
from tests.integration.citizen_page import JPEG, PHONE, VERSION, Citizen, app, citizen, count, registered


# ---- the way through
def test_a_report_its_code_its_status_and_a_supplement(citizen: Citizen, desk: Desk) -> None:
    files = [(io.BytesIO(JPEG), "现场.jpg")]
    code = citizen.code(files=files, lat="28.5", lon="112.1", accuracy="20", sms="1", hours="18-21", neutral="1")
    assert re.fullmatch(r"(?:[2-9A-HJKMNP-Z]{4}-){2}[2-9A-HJKMNP-Z]{4}", code)
    assert citizen.ask(code).status_code == 303, "the code opens before a worker has read the report"
    assert "已收到，正在登记" in citizen.get("status").text
    early = {"token": citizen.token("supplement"), "kind": "supplement", "text": "还有照片"}
    assert citizen.post("supplement", early).status_code == 409
    (clue_id,) = registered()
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        assert (clue.channel, clue.sub_channel, clue.report_mode) == ("other", "0803", "real_name")
        assert clue.no.startswith(COUNTY)
        assert clue.at == desk.now, "the submit is the base of the clocks"
        kinds = session.scalars(select(Part.kind).order_by(Part.id)).all()
        assert {"text", "scan", "location", "fields"} <= set(kinds)
        wish = session.scalars(select(Wish)).one()
        assert (sorted(wish.routes), wish.hour_from, wish.hour_to, wish.neutral) == (["call", "sms"], 18, 21, True)
        row = session.scalars(select(Intake)).one()
        told = sealing.open_key(session, row.key_id).json(row.meta, "intake.meta")["meta"]["citizen"]
        assert told["consent"]["version"] == VERSION
        assert told["consent"]["at"].startswith("2026-03-02T09:00")
        assert code not in str(told)
    page = citizen.get("status").text
    assert "审核中" in page
    assert "最迟 2026 年 3 月 11 日" in page
    assert not [word for word in ("张三", "武潭", "鑫隆", "占用耕地", PHONE) if word in page]
    desk.p1(clue_id)
    desk.tell(clue_id)
    page = citizen.get("status").text
    assert "核查中" in page
    assert "受理告知" in page
    sent = {"token": citizen.token("supplement"), "kind": "supplement", "text": "昨晚又倒了三车土"}
    answer = citizen.post("supplement", sent | {"files": [(io.BytesIO(b"\0\0\0\x18ftypmp42" + b"\0" * 64), "a.mp4")]})
    assert answer.status_code == 303
    assert registered() == [clue_id], "it joins the clue"
    with db.reading() as session:
        follow_up = session.scalars(select(FollowUp)).one()
        assert (follow_up.kind, follow_up.proof, follow_up.clue_id) == ("supplement", "query_code", clue_id)
        assert session.get(IntakeClue, (follow_up.intake_id, clue_id)) is not None
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{clue_id}")).all()
        assert "follow_up" in acts
    assert citizen.post("supplement", sent).status_code == 409, "the same page with another body"
    desk.verified(clue_id, "R0")
    desk.tell(clue_id)
    page = citizen.get("status").text
    assert "已办结" in page
    assert "不存在国土资源违法行为" in page


def test_who_was_told_is_asked_once_whether_it_was_well_done(citizen: Citizen, desk: Desk) -> None:
    assert citizen.post("rating", {"score": "5"}).status_code == 303, "without the code: to the query page"
    code = citizen.code()
    (clue_id,) = registered()
    citizen.ask(code)
    assert "满意吗" not in citizen.get("status").text
    assert citizen.post("rating", {"score": "5"}).status_code == 422
    desk.p1(clue_id)
    desk.tell(clue_id)
    desk.verified(clue_id, "R1")
    desk.tell(clue_id)
    assert "满意吗" in citizen.get("status").text
    for wrong in ("", "6", "0", "满意", "12"):
        assert citizen.post("rating", {"score": wrong}).status_code == 422, wrong
    answer = citizen.post("rating", {"score": "4", "words": "谢谢\0" + "好" * 2000})
    assert answer.status_code == 303
    page = citizen.client.get(answer.location, environ_overrides=citizen.address).text
    assert "已收到您的评价" in page
    assert "满意吗" not in page
    assert citizen.post("rating", {"score": "1"}).status_code == 409
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        (said,) = following.ratings(session, clue, words=True)
    assert (said.score, said.words[:3], len(said.words), said.by_call) == (4, "谢谢好", following.LONGEST, False)


def test_sent_twice_it_is_one_report_with_the_same_code(citizen: Citizen) -> None:
    token = citizen.token()
    first, again = citizen.report(token), citizen.report(token)
    codes_ = [re.search(r'id="code"[^>]*>([^<]+)<', answer.text)[1] for answer in (first, again)]  # type: ignore[index]
    assert codes_[0] == codes_[1]
    assert count(Intake) == 1
    changed = citizen.report(token, facts="别的事")
    assert (changed.status_code, "不能改动后再交" in changed.text) == (409, True)
    assert count(Intake) == 1
    assert citizen.code() != codes_[0], "a page opened anew is another report"


def test_the_wechat_page_enters_by_its_channel(citizen: Citizen) -> None:
    assert citizen.code(path=f"report/{COUNTY}?from=wechat")
    (clue_id,) = registered()
    with db.reading() as session:
        assert session.get_one(Clue, clue_id).channel == "wechat"
        assert session.scalar(select(func.count()).select_from(QueryCode)) == 1


def test_an_anonymous_report_keeps_nobody_and_its_code_asks_no_phone(citizen: Citizen) -> None:
    code = citizen.code(mode="anonymous")
    registered()
    assert count(ClueReporter) == count(Wish) == 0
    assert citizen.ask(code.lower().replace("-", " "), "").status_code == 303


def test_the_question_stands_on_the_page_and_its_answer_makes_a_new_clue(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code(mode="anonymous")
    (clue_id,) = registered()
    desk.act(clue_id, "ask", how="query_page", missing="place")
    citizen.ask(code, "")
    page = citizen.get("status").text
    assert "请您补充：违法行为发生地" in page
    assert "2026 年 3 月 11 日 前补充" in page
    desk.go("2026-03-12T09:00")
    citizen.ask(code, "")
    assert "请您补充" not in citizen.get("status").text, "it stands seven working days"
    desk.act(clue_id, "determine.P5", missing="place")
    sent = {"token": citizen.token("supplement"), "kind": "supplement", "text": "在武潭镇红旗村一组"}
    assert citizen.post("supplement", sent).status_code == 303
    (later,) = registered()
    assert later != clue_id
    with db.reading() as session:
        made = session.get_one(Clue, later)
        assert made.supplement_of == clue_id
        assert made.report_mode == "anonymous" or made.report_mode == ""
    page = citizen.get("status").text
    assert "您补充后，举报重新办理" in page
    more = {"token": citizen.token("supplement"), "kind": "urge"}
    assert citizen.post("supplement", more).status_code == 303
    assert registered() == [later], "what comes then joins the new clue"
    with db.reading() as session:
        assert [(row.clue_id, row.kind) for row in session.scalars(select(FollowUp))] == [(later, "urge")]
    desk.act(later, "ask", how="query_page", missing="facts")
    desk.go("2026-03-24T09:00")
    desk.act(later, "determine.P5", missing="facts")
    citizen.ask(code, "")
    again = {"token": citizen.token("supplement"), "kind": "supplement", "text": "占了八亩耕地"}
    assert citizen.post("supplement", again).status_code == 303
    (last,) = registered()
    with db.reading() as session:
        assert session.get_one(Clue, last).supplement_of == later
        assert codes.latest(session, clue_id).id == last


def test_a_named_reporter_is_carried_to_the_supplemented_clue(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code(hours="8-12")
    (clue_id,) = registered()
    desk.act(clue_id, "ask", how="call", missing="place")
    desk.act(clue_id, "determine.P5", missing="place")
    citizen.ask(code)
    citizen.post("supplement", {"token": citizen.token("supplement"), "kind": "supplement", "text": "在一组"})
    (later,) = registered()
    with db.reading() as session:
        rows = session.scalars(select(ClueReporter.reporter_id).order_by(ClueReporter.clue_id)).all()
        assert len(rows) == 2
        assert rows[0] == rows[1]
        assert session.scalars(select(Wish.hour_to).where(Wish.clue_id == later)).one() == 12
        assert session.get_one(Clue, later).report_mode == "real_name"


def test_a_merged_report_does_not_tell_of_others(citizen: Citizen, desk: Desk) -> None:
    code = citizen.code()
    (mine,) = registered()
    other = desk.clue()
    for clue_id in (mine, other):
        desk.p1(clue_id)
    desk.act(mine, "merge", main=other, **SAME)
    assert desk.state(mine) == "merged"
    citizen.ask(code)
    page = citizen.get("status").text
    assert "核查中" in page
    assert "并案" not in page
