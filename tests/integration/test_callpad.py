"""The call pad behind its page: drafts, ends, follow-ups, rings, what is sealed, who may what."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import html
import json
import os
import re
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, text
from werkzeug.test import TestResponse

from channels.contract import Blob, RawIntake
from channels.registry import channel
from hub import db, intake
from hub.access import staff
from hub.app import create_app
from hub.models import (
    Clue,
    Event,
    FollowUp,
    Intake,
    IntakeClue,
    KindDecision,
    Notice,
    PadCall,
    QueryCode,
    Unit,
    User,
    Value,
    Wish,
    Work,
)
from hub.settings import settings
from hub.web import live
from tests.integration.notify.conftest import UNIT, County, county

PASSWORD = "a long password"
CAST = {
    "operator": (UNIT, "operator"), "colleague": (UNIT, "operator"), "lead": (UNIT, "lead"),
    "stranger": ("430981", "operator"), "mailroom": (UNIT, "mailroom"),
}  # fmt: skip
NUMBER, NAME, FACTS = "13900004567", "李桂花", "鑫隆建材有限公司未经批准占用耕地八亩建厂房，已经盖好两栋"
CALL = {
    "caller": NUMBER, "name": NAME, "place": "湖南省益阳市桃江县武潭镇红旗村三组", "division": "430922105",
    "respondent": "鑫隆建材有限公司", "facts": FACTS, "area": "8亩", "class": "T2",
    "routes": "call,sms", "hours": "14-18",
}  # fmt: skip


class Operator:
    """The browser of one person."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        assert self.client.post("/sign-in", data={"login": login, "password": PASSWORD}).status_code == 302
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/", follow_redirects=True).text)
        assert found
        self.csrf, self.seq = found[1], 0

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.csrf})

    def take(self, ring: int = 0) -> int:
        return int(self.post("/call/open", ring=ring).json["id"])  # type: ignore[index]  # JSON of an answer

    def save(self, call: int, values: dict[str, str], page: str = "p", version: int = 1) -> TestResponse:
        self.seq += 1
        return self.post(f"/call/{call}/draft", values=values, page=page, seq=self.seq, version=version)

    def end(self, call: int, ending: str, values: dict[str, str], **proof: str) -> TestResponse:
        self.seq += 1
        return self.post(f"/call/{call}/end", ending=ending, values=values, page="p", seq=self.seq, proof=proof)

    def outcome(self, call: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.post(f"/call/{call}/outcome").json  # type: ignore[assignment]  # JSON
        return answer


@pytest.fixture
def app(county: County) -> Flask:
    del county
    with db.transaction() as session:
        for login, (unit, role) in CAST.items():
            staff.add(session, login, f"人{login}", PASSWORD, unit, [role])
    return create_app()


@pytest.fixture
def operator(app: Flask) -> Operator:
    return Operator(app, "operator")


def worked() -> None:
    """What the light worker does, in this process."""
    with db.transaction() as session:
        for row in session.scalars(select(Intake).where(Intake.state == "stored").order_by(Intake.id)).all():
            raw = intake.load(session, row.id)
            intake.register(session, row.id, channel(raw.channel).normalize(raw))
        session.execute(delete(Work).where(Work.handler == "normalize"))


def registered(operator: Operator, values: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    call = operator.take()
    assert operator.end(call, "clue", values or CALL).status_code == 200
    worked()
    return call, operator.outcome(call)


def one(query: Any) -> Any:
    with db.reading() as session:
        found = session.scalars(query).one()
        session.expunge_all()
        return found


def count(query: Any) -> int:
    with db.reading() as session:
        return int(session.scalar(select(func.count()).select_from(query.subquery())) or 0)


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
