"""The API by its edges: the document, refusals as problem details, requests sent twice, stale and hostile bodies."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import casework, clock, db
from hub.access import people, tokens
from hub.casework.fields import FIELDS
from hub.law import workflow
from hub.models import Clue, Event, Intake, Unit, User, Value
from hub.terms import Role, State
from hub.web import openapi, problems
from hub.web.api import data
from tests.claims import claim
from tests.integration.notify.conftest import UNIT, County, county
from tests.integration.test_story import CITY, SIBLING, Caller, Cast, cast, number, of_kind, phone_report

CALLER = "0737-8222221"


@pytest.fixture
def no(county: County, cast: Cast) -> str:
    return phone_report(county, "占用耕地8亩建厂房", CALLER)


def events(no: str, act: str) -> int:
    with db.reading() as session:
        clue_id = session.scalar(select(Clue.id).where(Clue.no == no))
        wanted = select(func.count()).where(Event.object == f"clue:{clue_id}", Event.act == act)
        return session.scalar(wanted) or 0


# ---- the document


def resolve(document: dict[str, Any], node: Any) -> None:
    """Every reference leads somewhere."""
    if isinstance(node, dict):
        if "$ref" in node:
            found: Any = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        for inner in node.values():
            resolve(document, inner)
    elif isinstance(node, list):
        for inner in node:
            resolve(document, inner)


def test_the_document_is_whole_and_made_from_the_rule_table(cast: Cast) -> None:
    told = cast["handler"].get("openapi.json")
    assert told["openapi"] == "3.1.0"
    resolve(told, told)
    names = []
    for path, operations in told["paths"].items():
        for method, one in operations.items():
            names.append(one["operationId"])
            assert one["summary"], path
            assert set(re.findall(r"{(\w+)}", path)) == {p["name"] for p in one["parameters"] if p["in"] == "path"}
            good = [answer for code, answer in one["responses"].items() if code[0] == "2"]
            assert len(good) == 1
            assert "content" in good[0] or one["operationId"] == "document", path
            refused = one["responses"]["422"]["content"]
            assert list(refused) == ["application/problem+json"]
            assert ("requestBody" in one) == (method == "post"), path
    assert len(names) == len(set(names)), "operationIds are unique"
    schemas = told["components"]["schemas"]
    table = {row.id for row in workflow.rules().values() if row.object == "clue" and row.roles} - {"register"}
    assert set(schemas["Act"]["enum"]) == table
    assert schemas["State"]["enum"] == [state.value for state in State]
    for act in table:
        properties = schemas[f"Data.{act}"]["properties"]
        assert set(properties) == workflow.rule(act).takes | {"at_reason"}
        for need in workflow.rule(act).needs:
            if need.one_of:
                assert properties[need.name]["enum"] == list(need.one_of), (act, need.name)
    ways = told["paths"]["/api/v1/clues/{no}/acts/{act}"]["post"]
    assert {"name": "act", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Act"}} in ways[
        "parameters"
    ]


def test_every_answer_is_what_its_model_says(county: County, cast: Cast, no: str) -> None:
    """Each GET route with a clue behind it answers with exactly the members of its schema."""
    handler = cast["handler"]
    told = handler.get("openapi.json")
    schemas = told["components"]["schemas"]
    seen = 0
    for path, operations in told["paths"].items():
        if "get" not in operations or path.endswith("openapi.json"):
            continue
        with db.reading() as session:
            intake = session.scalars(select(Intake.id)).first()
        real = path.replace("{no}", no).replace("{number}", str(intake))
        if "tasks/" in real or "approvals/" in real:
            continue
        real = real.replace("{name}", "clues")
        login = (
            "lead"
            if any(word in path for word in ("templates", "calendars", "supervision", "quarantine"))
            else "handler"
        )
        answer = cast[login].get(real.removeprefix("/api/v1/"))
        model = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        assert set(answer) == set(schemas[model]["properties"]), path
        seen += 1
    assert seen >= 8


# ---- refusals


def test_a_refusal_names_rule_article_and_datum(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    cases = [
        ("determine.P1", {"class": "T2"}, 422, "missing", "place"),
        ("determine.P1", {"place": UNIT, "class": "N3"}, 422, "value", "class"),
        ("determine.P5", {"missing": "place"}, 422, "guard", "asked_first"),
        ("determine.P3", {"ground": "N3", "because": "x"}, 422, "value", "because"),
        ("verify.end", {"result": "R1", "ended": "2026-03-02"}, 422, "state", None),
        ("reopen.determination", {"reason_text": "x"}, 422, "state", None),
    ]
    for act, given, status, kind, name in cases:
        answer = handler.post(f"clues/{no}/acts/{act}", {"version": handler.clue(no)["version"], "data": given})
        told = answer.json
        assert (answer.status_code, told["kind"], told.get("name")) == (status, kind, name), (act, told)
        assert told["article"] == workflow.rule(act).article
        assert told["rule"] == act
        assert told["type"] == f"{problems.PAGE}#{kind}"
        assert (told["error"], told["status"], told["retry"]) == (told["detail"], status, False)
        assert answer.mimetype == problems.MEDIA_TYPE
    for login, kind in (("mailroom", "role"), ("city", "unit")):
        answer = cast[login].post(
            f"clues/{no}/acts/determine.P1",
            {"version": handler.clue(no)["version"], "data": {"place": UNIT, "class": "T2"}},
        )
        assert (answer.status_code, answer.json["kind"]) == (403, kind)
    assert handler.clue(no)["state"] == "to_determine", "nothing half done"


def test_who_may_not_see_it_learns_nothing(cast: Cast, no: str) -> None:
    """Another county meets the same 404 for a clue that is and one that is not."""
    stranger = cast["sibling"]
    nowhere = "430922-20260302-01-000000"
    for path in ("", "/acts"):
        answers = [stranger.client.get(f"/api/v1/clues/{one}{path}") for one in (no, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json == answers[1].json
    bodies = {"acts/determine.P3": {"version": 1, "data": {"ground": "N3"}}, "values": {"version": 1, "field": "class"},
              "notices/preview": {"kind": "accepted"}, "wishes": {"reporter": 1, "routes": []},
              "reporters": {"name": "x"}, "notices/1/recall": {},
              "acts/determine.P3/proposals": {"version": 1, "data": {"ground": "N3"}}}  # fmt: skip
    for path, body in bodies.items():
        answers = [stranger.post(f"clues/{one}/{path}", body) for one in (no, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404], path
    assert stranger.post("intakes/1/kind", {"kind": "clue"}).status_code == 404


def test_without_sign_in_or_token_nothing_is_done(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    client = handler.client.application.test_client()
    for path in (f"clues/{no}", "clues", "tasks", "nothing-here"):
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.mimetype) == (404 if path == "nothing-here" else 401, problems.MEDIA_TYPE)
    body = {"version": 1, "data": {"ground": "N3"}}
    answer = handler.client.post(f"/api/v1/clues/{no}/acts/determine.P3", json=body)
    assert (answer.status_code, answer.json["kind"]) == (400, "request"), "a page of another site has no token"
    assert handler.client.put(f"/api/v1/clues/{no}", json={}).status_code == 405


HOSTILE: list[tuple[str, Any]] = [
    ("not json", b"{"), ("a list", b"[]"), ("a number", b"7"), ("deep", b"[" * 50_000),
    ("no version", {"data": {}}), ("version as text", {"version": "x"}), ("version nan", b'{"version": NaN}'),
    ("unknown member", {"version": 1, "force": True}), ("time without zone", {"version": 1, "at": "2026-03-02T09:00"}),
    ("data as list", {"version": 1, "data": []}),
    ("nul", {"version": 1, "data": {"ground": "N\x003"}}),
]  # fmt: skip


def test_hostile_bodies_are_refused_in_chinese_and_never_repeated(cast: Cast, no: str) -> None:
    for act in ("determine.P3", "verify.start", "nonsense", "register"):
        hostile(cast["handler"], no, act)


def hostile(handler: Caller, no: str, act: str) -> None:
    handler.get("problems")
    path, headers = f"/api/v1/clues/{no}/acts/{act}", handler.headers
    for name, body in HOSTILE:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = handler.client.post(path, data=raw, content_type="application/json", headers=headers)
        assert answer.status_code == 422, (name, answer.text)
        assert re.search("[一-鿿]", answer.json["detail"]), name
        assert "force" not in answer.json["detail"]
    version = handler.clue(no)["version"]
    for name in ("unit", "handler", "officers", "elements", "photos", "reason", "ground", "at_reason", "issued"):
        for value in ([[]], {"a": {}}, 10**30, -1, True, "\ud83d", "x" * 5000, {"name": 7}, [{"name": {}}], 1.5):
            body = json.dumps({"version": version, "data": {name: value}})
            answer = handler.client.post(path, data=body, content_type="application/json", headers=headers)
            assert answer.status_code in (403, 422), (name, value, answer.text)
    assert handler.clue(no)["version"] == version


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_types_of_data_are_looked_at(name: str) -> None:
    schema = data.schema(name)
    bad = [None, {"x": 1}, [1, {}], b"x"] if schema["type"] != "string" else [7, [], {}, True]
    assert not any(data.fits(schema, value) for value in bad)


# ---- twice, stale, at once


def test_the_same_request_twice_is_one_act_with_one_answer(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    body = {"version": handler.clue(no)["version"], "data": {"ground": "N3"}}
    path = f"clues/{no}/acts/determine.P3"
    first = handler.post(path, body, **{"Idempotency-Key": "k-1"})
    again = handler.post(path, dict(reversed(body.items())), **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert first.json["done"] == again.json["done"]
    assert first.json["done"]["act"] == "determine.P3"
    assert events(no, "determine.P3") == 1
    other = handler.post(path, {**body, "data": {"ground": "N5"}}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json["name"]) == (422, "Idempotency-Key")
    assert handler.post(path, body, **{"Idempotency-Key": "k" * 201}).status_code == 400
    stale = handler.post(path, body)
    assert (stale.status_code, stale.json["kind"], stale.json["retry"]) == (409, "stale", True)
    assert stale.json["version"] == handler.clue(no)["version"]
    with db.reading() as session:
        kept = session.scalars(select(Event.data).where(Event.act == "determine.P3")).one()
    assert "k-1" not in str(kept), "only keyed hashes"


def test_eight_that_act_at_once_do_it_once(cast: Cast, no: str) -> None:
    handler = cast["handler"]
    handler.get("problems")
    body = {"version": handler.clue(no)["version"], "data": {"ground": "N3"}}
    cookie = handler.client.get_cookie("hub")
    assert cookie is not None
    answers: list[int] = []

    def act(key: str) -> None:
        client = handler.client.application.test_client()
        client.set_cookie("hub", cookie.value)
        headers = handler.headers | ({"Idempotency-Key": key} if key else {})
        answers.append(client.post(f"/api/v1/clues/{no}/acts/determine.P3", json=body, headers=headers).status_code)

    threads = [threading.Thread(target=act, args=("same" if place % 2 else "",)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert events(no, "determine.P3") == 1
    assert sorted(set(answers)) in ([200, 409], [409, 200])
    assert answers.count(200) in (1, 4), "the act, and its own repetitions"


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


def actor(session: Session, login: str) -> people.Actor:
    found = people.actor(session, session.scalars(select(User.id).where(User.login == login)).one())
    assert found is not None
    return found


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
