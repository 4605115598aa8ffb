"""The API by its edges: the document, refusals as problem details, requests sent twice, stale and hostile bodies."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from sqlalchemy import select

from hub import db
from hub.casework.fields import FIELDS
from hub.law import workflow
from hub.models import Event, Intake
from hub.terms import State
from hub.web import openapi, problems
from hub.web.api import data
from tests.integration.api_clue import events, no
from tests.integration.notify.conftest import UNIT, County, county
from tests.integration.story_cast import Caller, Cast, cast, number


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
