"""The call pad behind its page: drafts, ends, follow-ups, rings, what is sealed, who may what."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from hub import db
from hub.models import Clue, Event, FollowUp, Intake, IntakeClue, KindDecision, PadCall, Value, Wish
from tests.integration.callpad_operator import (
    CALL,
    FACTS,
    NAME,
    NUMBER,
    Operator,
    app,
    count,
    one,
    operator,
    registered,
    worked,
)
from tests.integration.notify.conftest import County, county


def test_a_call_becomes_a_clue_with_what_was_chosen_and_its_receipt(county: County, operator: Operator) -> None:
    call, found = registered(operator)
    clue = one(select(Clue))
    assert (found["no"], found["ready"]) == (clue.no, True)
    assert (clue.division, clue.division_confirmed, clue.class_code, clue.class_confirmed) == (
        "430922",
        True,
        "T2",
        True,
    )
    row = one(select(PadCall))
    assert (clue.at, row.draft, row.key_id, row.clue_id) == (row.at, None, None, clue.id)
    wish = one(select(Wish))
    assert (wish.routes, wish.hour_from, wish.hour_to) == (["call", "sms"], 14, 18)
    assert operator.outcome(call)["code"] == found["code"], "the same code again within the entry window"
    assert county.kind_of(clue.id, "receipt") == [], "nobody was told yet"
    assert operator.post(f"/call/{call}/told").status_code == 200
    operator.post(f"/call/{call}/told")
    (notice,) = county.kind_of(clue.id, "receipt")
    assert (notice.state, notice.evidence) == ("told", "call: 接线员当场口头告知")
    assert county.acts(clue.id)[-1] == "notice_handed_over"
    page = operator.client.get("/call").text
    assert clue.no in page
    assert NUMBER not in page
    assert one(select(Intake)).kind == "clue"


def test_the_code_is_given_in_the_entry_window_only(county: County, app: Flask, operator: Operator) -> None:
    call, found = registered(operator)
    assert "code" in found
    assert "code" not in Operator(app, "colleague").outcome(call)
    county.later(minutes=31)
    assert "code" not in operator.outcome(call)


def test_the_draft_is_sealed_and_comes_back_and_a_second_window_overwrites_nothing(
    county: County, app: Flask, operator: Operator
) -> None:
    del county
    call = operator.take()
    assert operator.save(call, CALL | {"nonsense": "x"}).status_code == 200
    with db.reading() as session:
        stored = str(session.execute(text("select * from pad_call")).all())
        events = str(session.execute(text("select data from event")).all())
    for words in (NUMBER, NAME, "鑫隆", FACTS):
        assert words not in stored + events
    page = operator.client.get("/call").text
    kept = re.search(r"data-draft='([^']+)'", page)
    assert kept
    assert json.loads(html.unescape(kept[1]))["values"] == CALL
    operator.seq = 0
    late = operator.save(call, {"facts": "旧的"})
    assert late.status_code == 200, "an overtaken request of the same page is no fault"
    assert "version" in late.json  # type: ignore[operator]  # JSON
    assert operator.save(call, {"facts": "另一个窗口"}, page="q", version=1).status_code == 409
    assert operator.save(call, {"facts": "另一个窗口"}, page="q", version=2).status_code == 200
    for login in ("colleague", "lead", "stranger"):
        assert Operator(app, login).save(call, {}, version=9).status_code == 404, login
        assert "另一个窗口" not in Operator(app, login).client.get("/call").text
    assert Operator(app, "mailroom").client.get("/call").status_code == 404


def test_ending_twice_is_one_clue(operator: Operator) -> None:
    call = operator.take()
    assert operator.end(call, "clue", CALL).status_code == 200
    assert operator.end(call, "consultation", {"facts": "别的"}).status_code == 200
    worked()
    assert (count(select(Intake)), count(select(Clue))) == (1, 1)
    assert operator.save(call, CALL).status_code == 409


@pytest.mark.parametrize("ending", ["consultation", "invalid"])
def test_no_clue_is_recorded_and_counted(operator: Operator, ending: str) -> None:
    call = operator.take()
    assert operator.end(call, ending, {"facts": "问宅基地怎么办证", "caller": NUMBER}).status_code == 200
    worked()
    assert operator.outcome(call)["ready"]
    row = one(select(Intake))
    assert (row.kind, row.kind_suggested, row.state, count(select(Clue))) == (ending, ending, "registered", 0)
    assert one(select(KindDecision)).kind == ending
    assert {"consultation": "咨询 1", "invalid": "打错/骚扰 1"}[ending] in operator.client.get("/call/lists").text


def test_what_is_lacking_is_said_and_nothing_ends(operator: Operator) -> None:
    call = operator.take()
    refused = operator.end(call, "clue", {"caller": NUMBER})
    assert (refused.status_code, refused.json["name"]) == (422, "facts")  # type: ignore[index]  # JSON
    assert operator.end(call, "sale", CALL).status_code == 422
    assert operator.end(call, "follow_up", {}, kind="urge", query_code="AAAA-BBBB-CCCC").status_code == 422
    assert operator.end(call, "follow_up", {}, kind="sale").status_code == 422
    assert (count(select(Intake)), one(select(PadCall)).ending) == (0, None)
    assert operator.end(call, "invalid", {}).status_code == 200, "wrong number: nothing needs to be typed"
    worked()
    assert one(select(Intake)).kind == "invalid"


def test_a_follow_up_needs_the_code_or_name_and_contact(app: Flask, operator: Operator) -> None:
    _, found = registered(operator)
    call = operator.take()
    for wrong in ({"query_code": "AAAA-BBBB-CCCC"}, {"name": "别人", "contact": NUMBER}, {"name": NAME}):
        refused = operator.post(f"/call/{call}/prove", proof=wrong)
        assert (refused.status_code, found["no"] in refused.text) == (422, False), wrong
    stranger = Operator(app, "stranger")
    theirs = stranger.post(f"/call/{stranger.take()}/prove", proof={"query_code": found["code"]})
    assert theirs.status_code == 422, "a clue of another unit is not opened"
    proved = operator.post(f"/call/{call}/prove", proof={"name": NAME, "contact": "139 0000 4567"})
    assert proved.json == {"no": found["no"], "state": "待判定"}
    ended = operator.end(call, "follow_up", {"facts": "催一下"}, kind="urge", query_code=found["code"].lower())
    assert ended.status_code == 200
    worked()
    row = one(select(FollowUp))
    assert (row.kind, row.proof) == ("urge", "query_code")
    with db.reading() as session:
        linked = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == row.clue_id)).all()
    assert row.intake_id in linked
    assert count(select(Clue)) == 1
    with db.reading() as session:
        tries = session.scalars(select(Event.act).where(Event.object == f"call:{call}")).all()
    assert tries.count("not_proved") == 3
    for _ in range(7):
        operator.post(f"/call/{call}/prove", proof={"query_code": "WRONG"})
    limited = operator.post(f"/call/{call}/prove", proof={"query_code": found["code"]})
    assert limited.status_code == 429, "ten wrong ones an hour and person"


def test_earlier_clues_are_count_and_state_inside_the_own_scope(app: Flask, operator: Operator) -> None:
    _, found = registered(operator)
    values = {"values": {"caller": "+86 139-0000-4567", "facts": FACTS, "place": CALL["place"]}}
    shown: Any = operator.post("/call/hints", **values).json
    assert shown["earlier"] == {"count": 1, "states": [["待判定", 1]], "shared": False}
    assert found["no"] not in str(shown["earlier"])
    assert shown["place"]["code"].startswith("430922")
    assert shown["classes"][0]["code"] in ("T2", "T4")
    assert [one["state"] for one in shown["elements"]] == ["there", "lacking", "there", "lacking"]
    elsewhere: Any = Operator(app, "stranger").post("/call/hints", **values).json
    assert elsewhere["earlier"]["count"] == 0
    assert elsewhere["alike"] == []


def test_happening_now_is_noted_and_goes_with_the_clue(operator: Operator) -> None:
    call = operator.take()
    duty: Any = operator.post(f"/call/{call}/urgent").json
    assert [(one["name"], one["role"]) for one in duty["duty"]] == [("人lead", "负责人")]
    operator.post(f"/call/{call}/urgent")
    operator.end(call, "clue", CALL)
    worked()
    operator.outcome(call)
    assert one(select(Clue)).urgent
    with db.reading() as session:
        acts = session.scalars(select(Event.act).where(Event.object == f"call:{call}").order_by(Event.seq)).all()
        fields = session.scalars(select(Value.field).order_by(Value.id)).all()
    assert list(acts) == ["call_answered", "call_urgent", "call_ended"]
    assert list(fields) == ["place", "class", "urgency"]
