"""The API at work: values, kinds, wishes, approvals, programs, notes, views, many clues."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import func, select

from hub import casework, clock, db
from hub.access import tokens
from hub.models import Intake, Unit, User, Value
from hub.terms import Role
from hub.web import problems
from hub.web.api import data
from tests.claims import claim
from tests.integration.api_clue import CALLER, actor, events, no
from tests.integration.notify.conftest import UNIT, County, county
from tests.integration.story_cast import CITY, SIBLING, Cast, cast, number, of_kind, phone_report


# ---- values, kinds, wishes, approvals
def test_a_value_is_set_by_name_and_a_stale_one_refused(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    version = handler.clue(no)["version"]
    clue = handler.done(f"clues/{no}/values", {"version": version, "field": "place", "value": "湖南省益阳市桃江县"})
    assert (clue["division"], clue["place_confirmed"]) == (UNIT, True)
    assert handler.offers(no)["determine.P1"]["fields"][0]["value"] == UNIT
    stale = handler.post(f"clues/{no}/values", {"version": version, "field": "class", "value": "T2"})
    assert (stale.status_code, stale.json["version"]) == (409, clue["version"])
    for field, value in (("class", "Z9"), ("place", "某处"), ("nothing", "x")):
        answer = handler.post(f"clues/{no}/values", {"version": clue["version"], "field": field, "value": value})
        assert answer.status_code == 422, field
    missing = handler.post(f"clues/{no}/values", {"version": clue["version"], "field": "class", "suggestion": 999})
    assert missing.status_code == 404
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Value)) == 1


def test_an_intake_that_is_none_needs_two_people(cast: Cast, no: str) -> None:
    with db.reading() as session:
        intake = session.scalars(select(Intake.id)).one()
    handler, lead = cast["handler"], cast["lead"]
    assert handler.get(f"intakes/{intake}")["clues"] == [no]
    path, body = f"intakes/{intake}/kind", {"kind": "consultation", "reason": "只问政策", "answer": "已口头答复"}
    assert handler.post(path, {"kind": "consultation"}).json["kind"] == "missing"
    assert handler.done(path, body)["proposed"] is True
    again = handler.post(path, body)
    assert (again.status_code, again.json["name"]) == (422, "second_person_after_registration")
    assert lead.done(path, body)["kind"] == "consultation"
    assert handler.clue(no)["close_reason"] == "not_a_clue"


def test_wishes_and_recall(county: County, cast: Cast, no: str) -> None:
    handler = cast["handler"]
    (wish,) = handler.clue(no)["wishes"]
    assert CALLER not in str(wish)
    body = {"reporter": wish["reporter"], "routes": ["call"], "hour_from": 9, "hour_to": 12}
    (after,) = handler.done(f"clues/{no}/wishes", body)["wishes"]
    assert (after["hour_from"], [c["route"] for c in after["choices"] if c["wished"]]) == (9, ["call"])
    for bad in ({"routes": ["pigeon"]}, {"hour_from": 12, "hour_to": 9}, {"hour_to": None}, {"reporter": 10**30}):
        assert handler.post(f"clues/{no}/wishes", {**body, **bad}).status_code == 422, bad
    assert handler.post(f"clues/{no}/wishes", {**body, "reporter": 999_999}).status_code == 404
    clue = handler.act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    notice = of_kind(clue["notices"], "accepted")
    assert notice["recallable"]
    assert handler.done(f"clues/{no}/notices/{notice['id']}/recall", {})["state"] == "recalled"
    again = handler.post(f"clues/{no}/notices/{notice['id']}/recall", {})
    assert (again.status_code, again.json["kind"]) == (422, "state")


def test_units_are_found_by_name_and_code(cast: Cast) -> None:
    handler = cast["handler"]
    assert [row["code"] for row in handler.get("units?q=沅江")["units"]] == [SIBLING]
    assert CITY in [row["code"] for row in handler.get("units?q=4309")["units"]]
    assert handler.get("units?q=%25")["units"] == []
    assert handler.get("units")["units"] == []


def test_a_wording_is_installed_and_used_from_its_day(county: County, cast: Cast, no: str) -> None:
    sysadmin, lead = cast["sysadmin"], cast["lead"]
    (shipped,) = [row for row in lead.get("templates")["templates"] if row["kind"] == "accepted" and row["in_force"]]
    body = {name: shipped[name] for name in ("kind", "title", "article", "text")}
    body |= {"id": "accepted-2026", "since": "2026-03-02", "text": shipped["text"].replace("您", "你")}
    assert lead.post("templates", body).status_code == 404, "an administrator's"
    bad = sysadmin.post("templates", {**body, "text": "我们已收到{secret}"})
    assert (bad.status_code, bad.json["name"]) == (422, "text")
    assert sysadmin.done("templates", body)["in_force"]
    assert "你" in cast["handler"].done(f"clues/{no}/notices/preview", {"kind": "accepted"})["text"]
    assert sysadmin.post("templates", body).status_code == 422, "none is replaced"


def test_an_act_that_needs_approval_is_proposed_and_done_with_the_last_step(cast: Cast, no: str) -> None:
    handler, lead = cast["handler"], cast["lead"]
    with db.transaction() as session:
        casework.set_chain(session, actor(session, "lead"), "determine.P3", [casework.Step("负责人审批", Role.LEAD)])
    assert handler.offers(no)["determine.P3"]["approval"]
    assert handler.refused(no, "determine.P3", ground="N3")["kind"] == "approval"
    body = {"version": handler.clue(no)["version"], "data": {"ground": "N3"}}
    sheet = handler.done(f"clues/{no}/acts/determine.P3/proposals", body)
    assert (sheet["state"], sheet["data"]["ground"]) == ("open", "N3")
    assert handler.clue(no)["state"] == "to_determine", "nothing is in force before the last step"
    (waiting,) = lead.get("approvals")["approvals"]
    assert (waiting["id"], waiting["may_decide"]) == (sheet["id"], True)
    path = f"approvals/{sheet['id']}"
    assert handler.post(f"{path}/decision", {"verdict": "approve"}).status_code == 403, "not one's own"
    assert cast["sibling"].client.get(f"/api/v1/{path}").status_code == 404
    assert lead.post(f"{path}/decision", {"verdict": "send_back"}).json["name"] == "opinion"
    done = lead.done(f"{path}/decision", {"verdict": "approve", "opinion": "同意"})
    assert (done["done"], done["sheet"]["state"], done["clue"]["determination"]) == (True, "done", "P3")
    assert handler.post(f"{path}/withdrawal", {}).json["kind"] == "state"


def test_a_program_reads_masked_and_acts_only_with_that_scope(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    assert not handler.clue(no)["original"], "nobody handles it yet"
    claim(no)
    assert handler.clue(no)["original"], "the handler reads the original"
    with db.transaction() as session:
        who, until = actor(session, "handler"), clock.real() + timedelta(days=1)
        keys = {
            scope: tokens.make(session, who, "接口", [scope, "clues:read"], until, [])
            for scope in ("clues:read", "intakes:write", "acts:write")
        }
    client = handler.client.application.test_client()
    told = client.get(f"/api/v1/clues/{no}", headers={"Authorization": f"Bearer {keys['clues:read']}"}).json
    assert (told["original"], told["parts"] == handler.clue(no)["parts"]) == (False, False)
    assert "举报人1" not in str(told["parts"])
    body = {"version": told["version"], "data": {"ground": "N3"}}
    for scope, status in (("clues:read", 403), ("intakes:write", 403), ("acts:write", 200)):
        headers = {"Authorization": f"Bearer {keys[scope]}"}
        answer = client.post(f"/api/v1/clues/{no}/acts/determine.P3", json=body, headers=headers)
        assert answer.status_code == status, scope
        if status == 403:
            assert (answer.mimetype, answer.json["kind"]) == (problems.MEDIA_TYPE, "role")


def test_a_follow_up_takes_an_intake_of_the_own_unit_only(county: County, cast: Cast, no: str) -> None:
    operator = cast["operator"]
    given = {"kind": "progress", "proof": "name_and_contact", "name": "举报人1", "contact": CALLER}
    with db.reading() as session:
        own = session.scalars(select(Intake.id)).one()
    for intake in (own + 999, 2**62):
        refused = operator.refused(no, "follow_up", intake=intake, **given)
        assert (refused["kind"], refused["name"]) == ("value", "intake")
    with db.transaction() as session:
        elsewhere = session.scalars(select(Unit.id).where(Unit.code == SIBLING)).one()
        session.get_one(Intake, own).unit_id = elsewhere
    assert operator.refused(no, "follow_up", intake=own, **given)["name"] == "intake"
    with db.transaction() as session:
        session.get_one(Intake, own).unit_id = session.scalars(select(Unit.id).where(Unit.code == UNIT)).one()
    after = operator.act(no, "follow_up", intake=own, **given)
    assert [(row["kind"], row["intake"]) for row in after["follow_ups"]] == [("progress", own)]
    assert operator.refused(no, "follow_up", **{**given, "contact": "0737-0000000"})["name"] == "proved"


def test_notes_are_masked_for_a_program_and_closed_to_others(county: County, cast: Cast, no: str) -> None:
    handler, lead = cast["handler"], cast["lead"]
    written = handler.done(f"clues/{no}/notes", {"text": "来电人电话13900001111，请回访"})["notes"]
    assert [row["text"] for row in written] == [row["text"] for row in handler.get(f"clues/{no}/notes")["notes"]]
    with db.transaction() as session:
        until = clock.real() + timedelta(days=1)
        key = tokens.make(session, actor(session, "handler"), "接口", ["clues:read"], until, [])
    program = handler.client.application.test_client()
    bearer = {"Authorization": f"Bearer {key}"}
    seen = program.get(f"/api/v1/clues/{no}/notes", headers=bearer)
    assert (seen.status_code, "13900001111" in seen.text) == (200, False)
    assert program.post(f"/api/v1/clues/{no}/notes", json={"text": "x"}, headers=bearer).status_code == 403
    for text in ("", " ", "长" * 2001):
        assert lead.post(f"clues/{no}/notes", {"text": text}).status_code == 422
    assert cast["city"].client.get(f"/api/v1/clues/{no}/notes").status_code == 404


def test_views_are_kept_counted_renamed_and_deleted(county: County, cast: Cast, no: str) -> None:
    handler, lead = cast["handler"], cast["lead"]
    kept = handler.done("views", {"name": "电话", "channel": "phone"})["views"]
    assert [(row["name"], row["count"], row["filters"]["channel"]) for row in kept] == [("电话", 1, "phone")]
    number = kept[0]["id"]
    assert handler.post("views", {"name": "电话", "channel": "phone"}).status_code == 422, "the name is taken"
    assert handler.post("views", {"name": "空"}).status_code == 422
    assert handler.post("views", {"name": "共用", "state": "open", "shared": True}).status_code == 403
    assert lead.post(f"views/{number}", {"name": "别人的"}).status_code in (404, 409, 422)
    assert handler.done(f"views/{number}", {"name": "来电"})["views"][0]["name"] == "来电"
    assert handler.done(f"views/{number}/deletion", {})["views"] == []
    assert handler.post(f"views/{2**64}/deletion", {}).status_code == 404


def test_many_clues_are_tried_done_and_taken_back(county: County, cast: Cast, no: str) -> None:
    lead, other = cast["lead"], phone_report(county, "占用耕地3亩建仓库", "0737-8222229")
    with db.reading() as session:
        to = session.scalar(select(User.id).where(User.login == "lead"))
    before = events(no, "assign")
    body = {"act": "assign", "data": {"handler": to}, "clues": [{"no": no}, {"no": other}]}
    tried = lead.done("bulk/preview", body)
    assert [(row["refused"], row["after"] != "") for row in tried["outcomes"]] == [("", True)] * 2
    assert (tried["run"], events(no, "assign")) == (0, before)
    done = lead.done("bulk", body)
    assert (done["undoable"], events(no, "assign")) == (True, before + 1)
    stale = lead.done("bulk", {"act": "unassign", "data": {"reason_text": "另派"}, "clues": [{"no": no, "version": 1}]})
    assert stale["outcomes"][0]["refused"]
    back = lead.done(f"bulk/{done['run']}/undo", {})
    assert [row["refused"] for row in back["outcomes"]] == ["", ""]
    assert lead.post(f"bulk/{done['run']}/undo", {}).status_code == 422, "only once"
    assert lead.post("bulk", body | {"data": {"handler": to, "secret": 1}}).status_code == 422
    assert lead.post("bulk", body | {"act": "determine.P1"}).status_code in (403, 422)
    assert lead.post("bulk", body | {"clues": [{"no": no}, {"no": "430922-20200101-01-000000"}]}).status_code == 404
    assert cast["operator"].post("bulk", body).status_code == 404
