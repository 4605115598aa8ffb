"""The call pad among colleagues: rings, missed calls, notes to the next shift, company, plans, nonsense."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import html
import json
import os
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text

from channels.contract import Blob, RawIntake
from hub import db, intake
from hub.models import Clue, Event, Notice, QueryCode, Unit, User
from hub.settings import settings
from hub.web import live
from tests.integration.callpad_operator import CALL, FACTS, Operator, app, count, one, operator, registered, worked
from tests.integration.notify.conftest import UNIT, County, county


def event(county: County, name: str, what: str, **meta: str) -> int:
    """A webhook of the unit's line, stored."""
    told = {"event": what, "call_id": name, "caller": "+8613900004567", **meta}
    blob = Blob(f"{what}.txt", "application/x-www-form-urlencoded", name.encode(), "envelope")
    raw = RawIntake("phone", "phone:t", f"{name}:{what}:{meta}", county.moment, (blob,), told)
    made = intake.accept(raw, unit=UNIT)
    worked()
    return made.intake_id


def test_a_ringing_call_is_taken_once_and_its_form_joins_its_clue(
    county: County, app: Flask, operator: Operator
) -> None:
    county.line()
    ring = event(county, "CA1", "voice")
    assert f'data-ring="{ring}"' in operator.client.get("/call/lists").text
    assert "4567" in operator.client.get("/call/lists").text
    assert "13900004567" not in operator.client.get("/call/lists").text
    assert f'data-ring="{ring}"' not in Operator(app, "stranger").client.get("/call/lists").text
    begun: Any = operator.post("/call/open", ring=ring).json
    assert (begun["values"]["caller"], begun["ring"]) == ("+8613900004567", True)
    assert Operator(app, "colleague").post("/call/open", ring=ring).status_code == 409
    operator.end(begun["id"], "clue", CALL)
    worked()
    found = operator.outcome(begun["id"])
    assert count(select(Clue)) == 1, "one call, one clue"
    assert found["no"] == one(select(Clue)).no
    assert f'data-ring="{ring}"' not in operator.client.get("/call/lists").text


def test_a_missed_call_is_called_back_not_at_night(county: County, app: Flask, operator: Operator) -> None:
    county.line()
    first = event(county, "CA2", "voice")
    event(county, "CA2", "status", call_status="no-answer")
    lists = operator.client.get("/call/lists").text
    assert "未接来电" in lists
    assert f'data-ring="{first}"' in lists
    county.later(hours=12)
    night = Operator(app, "operator").post("/call/open", ring=first)
    assert (night.status_code, "现在不宜回拨" in night.json["error"]) == (422, True)  # type: ignore[index]  # JSON
    county.later(hours=12)
    operator = Operator(app, "operator")
    begun: Any = operator.post("/call/open", ring=first).json
    assert begun["values"]["caller"] == "+8613900004567"
    with db.reading() as session:
        seen = session.scalars(select(Event.act).where(Event.object == f"intake:{first}")).all()
    assert "reveal_number" in seen
    assert "未接来电" not in operator.client.get("/call/lists").text


def test_notes_to_the_next_shift_are_the_units_own_and_sealed(app: Flask, operator: Operator) -> None:
    assert operator.post("/call/notes", words=" ").status_code == 422
    assert operator.post("/call/notes", words="武潭砂场夜里可能再来电").status_code == 200
    assert "武潭砂场夜里" in Operator(app, "colleague").client.get("/call").text
    assert "武潭砂场夜里" not in Operator(app, "stranger").client.get("/call").text
    with db.reading() as session:
        assert "武潭" not in str(session.execute(text("select * from shift_note")).all())


@pytest.mark.parametrize("body", [[], {"values": 7}, {"values": {"facts": 7}}, {"seq": "x", "page": 9}])
def test_nonsense_is_no_fault_of_ours(operator: Operator, body: Any) -> None:
    call = operator.take()
    for path in (
        "hints",
        "places",
        f"{call}/draft",
        f"{call}/end",
        f"{call}/prove",
        "notes",
        "open",
        f"{10**30}/draft",
    ):
        answer = operator.client.post(f"/call/{path}", json=body, headers={"X-CSRF-Token": operator.csrf})
        assert answer.status_code < 500, path
    assert operator.client.post("/call/open", json={}).status_code == 400, "without the page's token"


def test_places_are_found_to_the_town(operator: Operator) -> None:
    for words in ("武潭", "桃江武潭", "桃江县 武潭镇"):
        found: Any = operator.post("/call/places", words=words).json
        assert found["places"][0]["name"] == "湖南省益阳市桃江县武潭镇", words
    empty: Any = operator.post("/call/places", words="").json
    assert empty["places"] == []


def test_codes_of_two_calls_differ(operator: Operator) -> None:
    codes = {registered(operator)[1]["code"] for _ in range(2)}
    assert len(codes) == 2
    assert count(select(QueryCode)) == 2
    assert count(select(Notice)) == 0


def test_a_colleague_asked_in_reads_along_and_may_go_on_with_the_call(app: Flask, operator: Operator) -> None:
    colleague, stranger, lead = Operator(app, "colleague"), Operator(app, "stranger"), Operator(app, "lead")
    number = operator.take()
    assert operator.save(number, CALL).status_code == 200
    with db.reading() as session:
        ids = {row.login: row.id for row in session.execute(select(User.login, User.id))}
    for nobody in (ids["stranger"], ids["mailroom"], ids["operator"], 0, "x"):
        assert operator.post(f"/call/{number}/company", colleague=nobody).status_code == 422
    for other in (colleague, stranger, lead):  # nobody opens a call into which nobody asked them
        assert other.post(f"/call/{number}/along").status_code == 404
        assert other.post(f"/call/{number}/take-over").status_code == 404
    assert operator.post(f"/call/{number}/company", colleague=ids["colleague"]).status_code == 200
    assert f'data-along="{number}"' in colleague.client.get("/call/lists").text
    assert f'data-along="{number}"' not in lead.client.get("/call/lists").text
    assert [colleague.post(f"/call/{number}/along").json["values"]["facts"] for _ in range(2)] == [FACTS] * 2  # type: ignore[index]  # JSON of an answer
    assert lead.post(f"/call/{number}/along").status_code == 404
    assert count(select(Event).where(Event.object == f"call:{number}", Event.act == "call_read")) == 1
    assert colleague.post(f"/call/{number}/draft", values={}, page="x", seq=1, version=9).status_code == 409, (
        "reads only"
    )
    taken: Any = colleague.post(f"/call/{number}/take-over").json
    assert taken["values"]["facts"] == FACTS
    late = operator.save(number, CALL | {"facts": "晚到的一句"})
    assert (late.status_code, "正在填写这个通话" in late.json["error"]) == (409, True)  # type: ignore[index]  # JSON of an answer
    assert operator.post(f"/call/{number}/along").json["values"]["facts"] == FACTS  # type: ignore[index]  # asked back in
    colleague.end(number, "clue", CALL)
    worked()
    assert colleague.outcome(number)["no"] == one(select(Clue)).no
    assert operator.post(f"/call/{number}/along").status_code == 404, "the call has ended"
    acts = ["call_answered", "call_company", "call_read", "call_handed"]
    with db.reading() as session:
        seen = session.scalars(select(Event.act).where(Event.object == f"call:{number}").order_by(Event.seq)).all()
    assert [act for act in seen if act in acts] == [*acts, "call_read"]


def test_the_plan_of_a_place_shows_the_county(operator: Operator) -> None:
    told: Any = operator.post("/call/plan", division="430922105").json
    assert (told["name"], told["open"]) == ("湖南省益阳市桃江县", 0)
    assert 'class="mark-here"' in told["html"]
    assert "桃江" in told["html"]
    for nothing in ("", "x", "999999", "²", None):
        assert operator.post("/call/plan", division=nothing).json == {"html": "", "name": ""}


def test_a_ring_is_told_to_its_unit_and_company_to_who_is_asked(county: County, operator: Operator) -> None:
    url = settings().database_url.replace("+psycopg", "")
    county.line()
    with psycopg.connect(url, autocommit=True) as listening, db.reading() as session:
        unit = session.scalar(select(Unit.id).where(Unit.code == UNIT))
        colleague = session.scalar(select(User.id).where(User.login == "colleague"))
        listening.execute("listen hub_live")
        event(county, "CA7", "status", call_status="no-answer")
        event(county, "CA8", "voice")
        number = operator.take()
        operator.post(f"/call/{number}/company", colleague=colleague)
        told = [json.loads(note.payload) for note in listening.notifies(timeout=1)]
    assert [note for note in told if "r" in note] == [{"r": 0, "u": [unit]}, {"r": 1, "to": [colleague]}]
    fan = live.Fanout()
    fan._thread_of = os.getpid()  # nobody listens: what is told here counts
    theirs, others, asked = (fan.join(*who) for who in ((unit or 0, 1), (999, -1), (999, colleague or 0)))
    assert theirs is not None
    assert others is not None
    assert asked is not None
    for note in told:
        fan._tell(note)
    heard = [[box.get_nowait() for _ in range(box.qsize())] for _, box in (theirs, others, asked)]
    assert [[one for one in said if isinstance(one, tuple)] for said in heard] == [[("ring", 0)], [], [("ring", 1)]]
