"""The scripted story of issue 3 through the API, on the real sending path with the simulated WeChat and mail server."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import select, text

from hub import clock, db
from hub.access import audit
from hub.cli import main
from hub.models import Clue
from tests.integration.notify.conftest import OPENID, UNIT, County, county
from tests.integration.story_cast import CITY, MEDIA, SIBLING, Caller, Cast, cast, number, of_kind, phone_report

OFFICERS = [
    {"name": "甲", "certificate": "A1", "valid_until": "2027-12-31"},
    {"name": "乙", "certificate": "A2", "valid_until": "2027-12-31"},
]


SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}


def today(county: County) -> str:
    return clock.china(county.moment).date().isoformat()


def said_to(county: County, openid: str = OPENID) -> list[str]:
    return [str(message["text"]["content"]) for message in county.wechat.sent if message["touser"] == openid]


def verified(county: County, caller: Caller, no: str, result: str = "R1") -> Any:
    """Two officers, one site record, the end of verification."""
    caller.act(no, "verify.start", officers=OFFICERS, started=today(county))
    caller.act(
        no, "verify.record", visited=today(county), longitude=112.1, latitude=28.5, crs="CGCS2000", area=8,
        area_unit="mu", land_kind="other_arable", permits="未办理用地审批", elements={"place": "confirmed"},
    )  # fmt: skip
    return caller.act(no, "verify.end", result=result, ended=today(county))


def chains_hold() -> None:
    with db.reading() as session:
        verdict = audit.verify(session)
    assert verdict.ok, verdict.bad


def test_a_wechat_report_that_crosses_two_counties_up_to_its_end(county: County, cast: Cast) -> None:
    county.account()
    clue_id = county.message()
    no = number(clue_id)
    code = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", said_to(county)[0])
    assert code, "the receipt gives the query code"
    handler, city, sibling = cast["handler"], cast["city"], cast["sibling"]
    assert [row["no"] for row in handler.get("clues?state=to_determine")["clues"]] == [no]

    county.later(days=2)  # the county refers it up on the second working day: in time
    refused = handler.refused(no, "determine.P1", place=SIBLING, **{"class": "T2"})
    assert (refused["kind"], refused["name"], refused["article"]) == ("guard", "ours", "第十二条第（一）项")
    up = handler.act(no, "escalate", reason="crosses", units=[SIBLING])
    assert up["state"] == "escalated"
    assert up["unit"]["code"] == CITY
    judged, running = (row for row in reversed(up["clocks"]) if row["kind"] == "escalation")
    judged, running = sorted((judged, running), key=lambda row: row["running"])
    assert (judged["due"], judged["late"], judged["running"]) == ("2026-03-04", False, False)
    assert of_kind(up["clocks"], "determination")["ended"] == "被新的步骤取代"
    assert running["due"] == "2026-03-06"
    assert [step["counts"] for step in running["steps"]] == [False, True, True]

    county.later(days=1)
    assert "designate" not in handler.offers(no), "the county no longer holds it"
    units = next(one for one in city.offers(no)["designate"]["fields"] if one["name"] == "unit")["options"]
    assert [code_ for code_, _ in units[:2]] == [UNIT, SIBLING], "those concerned come first"
    named = city.act(no, "designate", unit=SIBLING, issued=today(county))
    assert (named["state"], named["unit"]["code"]) == ("designated", SIBLING)
    assert of_kind(named["clocks"], "after_designation")["due"] == "2026-03-16"

    accepted = sibling.act(no, "determine.P1", place=SIBLING, **{"class": "T2"})
    assert accepted["state"] == "verifying"
    assert of_kind(accepted["notices"], "accepted")["state"] == "queued", "queued is never told"
    county.work()
    told = sibling.clue(no)
    assert of_kind(told["notices"], "accepted")["attempts"][0]["state_label"] == "已送出"
    assert of_kind(told["clocks"], "after_designation")["ended"] == "已告知"
    assert "沅江市" in said_to(county)[-1], "the designated unit tells the reporter"

    county.later(days=6)
    ended = verified(county, sibling, no)
    assert ended["state"] == "to_tell"
    assert of_kind(ended["clocks"], "result")["days"] == 5
    assert ended["verifications"][0]["visits"][0]["land_kind"] == "other_arable"
    refused = sibling.refused(no, "close.violation")
    assert (refused["kind"], refused["article"]) == ("guard", "第十四条")
    county.work()

    closed = sibling.clue(no)
    assert (closed["state"], closed["close_reason"], closed["result"]) == ("closed", "violation", "R1")
    assert "将依法依规予以处理" in said_to(county)[-1]
    assert len(said_to(county)) == 3, "receipt, accepted, result: each once"
    citizen = sibling.client.application.test_client()
    assert citizen.post("/citizen/query", data={"code": code[0]}).status_code in (302, 303)
    page = citizen.get("/citizen/status").text
    assert "办结" in page
    assert "将依法依规予以处理" in page
    articles = {row["article"] for row in closed["history"] if row["article"]}
    assert {"第四条", "第十二条第（二）项", "第十四条"} <= articles
    assert not any(OPENID in str(caller.clue(no)) for caller in (handler, city, sibling))
    chains_hold()


def told_by_call(county: County, caller: Caller, no: str, name: str, contact: str) -> None:
    """The person is called back and told, after the proof; the words carry nothing of the report."""
    county.work()
    (task,) = [row for row in caller.get("tasks?kind=call")["tasks"] if row["clue_no"] == no]
    path = f"tasks/{task['id']}"
    assert caller.post(f"{path}/outcome", {"outcome": "told"}).status_code == 422, "nothing is told without proof"
    wrong = caller.post(f"{path}/proof", {"name": "别人", "contact": contact})
    assert (wrong.status_code, "未核对身份" in wrong.json["detail"]) == (422, True)
    proof = caller.done(f"{path}/proof", {"name": name, "contact": contact})
    assert "红旗村" not in proof["text"]
    done = caller.done(f"{path}/outcome", {"outcome": "told", "proof": proof["proof"]})
    assert done["state"] == "done"
    county.work()


UNLIKE = ("version", "history", "recorded_at")
"""What may differ after merge and unmerge: the counter of edits and the log that says so."""


def fields_of(clue: Any) -> dict[str, Any]:
    return {name: value for name, value in clue.items() if name not in UNLIKE}


def rows_of(no: str) -> dict[str, list[Any]]:
    """The rows of the clue in every table that merging could touch."""
    with db.reading() as session:
        clue_id = session.scalars(select(Clue.id).where(Clue.no == no)).one()
        tables = {"clock": "clue_id", "clue_unit": "clue_id", "clue_hold": "clue_id", "notice": "clue_id",
                  "clue_value": "clue_id", "clue_reporter": "clue_id", "intake_clue": "clue_id"}  # fmt: skip
        query = "select * from {} where {} = :id order by 1, 2"
        return {
            name: [tuple(row) for row in session.execute(text(query.format(name, key)), {"id": clue_id})]
            for name, key in tables.items()
        }


def test_three_phone_reports_merged_told_separately_and_taken_apart_again(county: County, cast: Cast) -> None:
    callers = ["0737-8222221", "0737-8222222", "0737-8222223"]
    main, second, third = (phone_report(county, "占用耕地8亩建厂房", caller) for caller in callers)
    handler, operator = cast["handler"], cast["operator"]
    county.later(days=1)
    before = {no: (fields_of(handler.clue(no)), rows_of(no)) for no in (second, third)}

    for no in (second, third):
        merged = handler.act(no, "merge", main=main, **SAME)
        assert (merged["state"], merged["group"]["main"]) == ("merged", main)
    assert [row["no"] for row in handler.clue(main)["group"]["members"]] == [second, third]
    assert handler.offers(main)["determine.P3"]["refusal"] == "有并案线索，应先解除并案"
    for no in (third, second):
        back = handler.act(no, "unmerge", reason_text="不是同一块地")
        assert (fields_of(back), rows_of(no)) == before[no], "all as before, field by field, clocks included"

    handler.act(main, "determine.P1", place=UNIT, **{"class": "T2"})
    for no in (second, third):
        handler.act(no, "merge", main=main, **SAME)
        handler.act(no, "determine.member", place=UNIT, **{"class": "T2"})
    for place, no in enumerate((main, second, third), 1):
        told_by_call(county, operator, no, f"举报人{place}", callers[place - 1])
        assert of_kind(handler.clue(no)["clocks"], "determination")["ended"] == "已告知"
    result = verified(county, handler, main, "R0")
    assert result["state"] == "to_tell"
    assert {handler.clue(no)["state"] for no in (second, third)} == {"to_tell"}

    told_by_call(county, operator, second, "举报人2", callers[1])
    assert handler.clue(second)["state"] == "closed"
    assert handler.clue(main)["state"] == "to_tell", "the others are not told yet"
    assert of_kind(handler.clue(main)["clocks"], "result")["running"], "told to every reporter of the group"
    told_by_call(county, operator, main, "举报人1", callers[0])
    told_by_call(county, operator, third, "举报人3", callers[2])
    assert {handler.clue(no)["close_reason"] for no in (main, second, third)} == {"no_violation"}
    for no, caller in zip((main, second, third), callers, strict=True):
        parties = [row["party"] for row in handler.clue(no)["notices"]]
        assert parties == ["举报人", "举报人"], "each of its own reporter, and of no other"
        assert caller not in str(handler.clue(no)["notices"])
    assert handler.refused(second, "unmerge", reason_text="再分开")["kind"] == "state"
    chains_hold()


def test_a_member_taken_out_after_replies_equals_its_twin(county: County, cast: Cast) -> None:
    """Merged with determination, notice and call in between, then unmerged: as a twin that was never merged."""
    callers = ["0737-8222221", "0737-8222222", "0737-8222223"]
    main, member, twin = (phone_report(county, "占用耕地8亩建厂房", caller) for caller in callers)
    handler, operator = cast["handler"], cast["operator"]
    handler.act(member, "merge", main=main, **SAME)
    county.later(days=1)
    handler.act(member, "determine.member", place=UNIT, **{"class": "T2"})
    handler.act(twin, "determine.P1", place=UNIT, **{"class": "T2"})
    told_by_call(county, operator, member, "举报人2", callers[1])
    told_by_call(county, operator, twin, "举报人3", callers[2])
    county.later(days=1)
    handler.act(member, "unmerge", reason_text="时间不同")
    left, right = handler.clue(member), handler.clue(twin)
    own = {"no", "notices", "wishes", "parts", "title", "candidates", *UNLIKE}
    assert {name: value for name, value in left.items() if name not in own} == {
        name: value for name, value in right.items() if name not in own
    }
    assert left["state"] == "verifying"
    facts = ("kind", "state", "party", "told_at", "text")
    assert [[row[name] for name in facts] for row in left["notices"]] == [
        [row[name] for name in facts] for row in right["notices"]
    ]


def test_a_shut_wechat_window_falls_back_and_every_attempt_is_shown(county: County, cast: Cast) -> None:
    county.account(template_id="tmpl-1")
    no = number(county.message())
    county.later(days=3)
    county.wechat.api.shut_window(OPENID)
    cast["handler"].act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    county.work(2)
    clue = cast["handler"].clue(no)
    attempts = of_kind(clue["notices"], "accepted")["attempts"]
    assert [(row["label"], row["state_label"], row["detail"]) for row in attempts] == [
        ("微信客服消息", "失败", "客服消息时限已过（45015）"), ("微信模板消息", "已送出", ""),
    ]  # fmt: skip
    assert of_kind(clue["clocks"], "determination")["ended"] == "已告知"
    assert county.wechat.api.templates[-1]["touser"] == OPENID


def test_of_a_media_report_nobody_is_told_and_the_clock_stops_at_the_decision(county: County, cast: Cast) -> None:
    no = number(county.form("media", MEDIA))
    handler = cast["handler"]
    accepted = handler.act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    notice = of_kind(accepted["notices"], "accepted")
    assert (notice["state_label"], notice["party"], notice["attempts"]) == ("无需告知", "无举报人", [])
    clock_ = of_kind(accepted["clocks"], "determination")
    assert (clock_["running"], clock_["ended"], clock_["late"]) == (False, "无人可告知", False)
    closed = verified(county, handler, no)
    assert (closed["state"], closed["close_reason"]) == ("closed", "violation")
