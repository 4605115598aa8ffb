"""Every act and every route, each role, each relation of the clue: what happens equals the matrix (PRODUCT §10)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from types import CellType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from hub import casework
from hub.access import matrix
from hub.law import workflow
from hub.models import Clue
from hub.terms import Role, State
from tests.access.conftest import NAME, PHONE, World, ids_of

ACTS = [rule for rule in workflow.rules().values() if rule.object == "clue" and rule.id != "register"]
DENIED = frozenset({"role", "unit", "wall"})


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """(method, rule, endpoint) of everything the web server answers."""
    found = {
        (method, rule.rule, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    return sorted(found)


def test_every_route_and_every_act_has_its_line(world: World) -> None:
    wanted = {f"{method} {rule}" for method, rule, _ in routes(world.app)} | {f"act {rule.id}" for rule in ACTS}
    assert wanted - set(matrix.items()) == set(), "without a line nobody may: add it to hub/access/data/items.csv"
    assert set(matrix.items()) - wanted == set(), "lines of what is no more"


def test_the_matrix_is_whole() -> None:
    assert {role for _, role, _ in matrix.cells()} == set(matrix.ROLES)
    assert len(matrix.ROLES) == len(Role) + 2
    assert {name for name, _, _ in matrix.cells()} == set(matrix.items().values()), "no capability without use"


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def stand(session: Session, clue: Clue, state: str) -> None:
    """Puts the clue into a state in which the act could be done, so that only the person matters."""
    clue.state = state
    clue.determination = "P1" if state in ("verifying", "to_tell", "merged", "closed") else None
    clue.close_reason = "violation" if state == "closed" else None
    clue.main_id = clue.id if state == "merged" else None
    clue.department = "other" if state == "transferred" else None
    clue.state_at = None
    session.flush()


def outcome(session: Session, world: World, act: str, role: str, clue: Clue) -> str:
    kept = session.begin_nested()
    try:
        casework.apply(session, world.people[role], clue, act, {})
    except casework.RefusedError as error:
        return "no" if error.kind in DENIED else "yes"
    finally:
        if kept.is_active:
            kept.rollback()
    return "yes"


def relations_for(world: World, role: str, roles: frozenset[Any]) -> list[tuple[str, str]]:
    """Where to look: everywhere for a role that may at all; else at the own clue, which is the nearest it could come.

    HUB_MATRIX=all looks everywhere for everybody.
    """
    every = world.relations()
    return every if role in roles or not roles or os.environ.get("HUB_MATRIX") == "all" else every[:1]


@pytest.mark.parametrize("act", [rule.id for rule in ACTS])
def test_acts(world: World, act: str) -> None:
    rule, wrong = workflow.rule(act), []
    state = min(rule.sources - {State.MERGED} or rule.sources)
    with world.undone() as session:
        clues = {name: session.get_one(Clue, world.clues[name]) for _, name in world.relations()}
        for clue in clues.values():
            stand(session, clue, state)
        for role in world.people:
            for relation, name in relations_for(world, role, rule.roles):
                found = outcome(session, world, act, role, clues[name])
                wanted = matrix.cell(frozenset({role}), f"act {act}", relation)
                if found != wanted:
                    wrong.append((role, name, f"is {found}, matrix says {wanted}"))
    assert wrong == []
    for role in set(matrix.ROLES) - set(world.people) | {role.value for role in set(Role) - rule.roles}:
        assert {matrix.cell(frozenset({role}), f"act {act}", one) for one in matrix.RELATIONS} == {"no"}, role


# ── routes about one clue ────────────────────────────────────────────────────────────────────────────────────────────


SENT = {"text": "更正后的文字", "field": "class", "value": "T2", "reason": "核实举报内容"}


def url(rule: str, no: str, ids: dict[str, Any]) -> str:
    filled = rule.replace("<no>", no)
    names = re.findall(r"<(?:\w+:)?(\w+)>", filled)
    unknown = set(names) - set(ids)
    assert not unknown, f"{rule}: say in ids_of what {unknown} stands for"
    for name in names:
        value = 0 if name == "number" and "segments" in rule else ids[name]
        value = "quarantine.release" if name == "act" and "quarantine" in rule else value
        filled = re.sub(rf"<(?:\w+:)?{name}>", str(value), filled)
    return filled


BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/clues/<no>/notes": {"text": "请核对"},
    "/acts/<act>": {"version": 1}, "/proposals": {"version": 1}, "/preview": {"kind": "accepted"}, "/recall": {},
    "/values": {"version": 1, "field": "class", "value": "T2"}, "/wishes": {"reporter": 1, "routes": []},
    "/reporters": {"phone": "13900000000"}, "/quarantine/<no>/<act>": {"version": 1},
}  # fmt: skip
"""What the interface wants to be sent, by the end of the route: only what is whole reaches the clue."""


ELSEWHERE = ("/proposals", "/transfers", "/discipline", "/orders")
"""Routes that name an object which the cast does not have: who must not is refused, who may finds none."""


def body(rule: str, ids: dict[str, Any]) -> dict[str, Any]:
    found = next((dict(sent) for end, sent in BODIES.items() if rule.endswith(end)), {})
    return found | ({"reporter": ids["reporter_id"]} if "reporter" in found else {})


def answer(world: World, method: str, path: str, role: str, sent: dict[str, Any] | None = None) -> str:
    """yes, masked or no as the browser of this role meets it."""
    client, token = world.clients[role]
    what: dict[str, Any] = {} if method == "GET" else {"json": sent} if path.startswith("/api/") else {"data": SENT}
    made = client.open(path, method=method, headers={"X-CSRF-Token": token}, **what)
    if made.status_code in (401, 404) or "/sign-in" in made.headers.get("Location", ""):
        return "no"
    assert made.status_code < 500, (path, made.status_code)
    if "/copies/" in path:  # a redacted copy: its bytes are tested where it is made
        return "masked"
    if method == "GET" and ("text/html" in made.content_type or "json" in made.content_type):
        shown = NAME in made.text or PHONE in made.text
        return "yes" if shown else "masked"
    return "yes"


def agrees(found: str, wanted: str) -> bool:
    """A page that shows no identity although it might does no harm; the other way round it does."""
    return found == wanted or (found == "masked" and wanted == "yes")


ABOUT_A_CLUE = [name for name in matrix.items() if "<no>" in name]


@pytest.mark.parametrize("item", ABOUT_A_CLUE)
def test_routes_about_a_clue(world: World, item: str) -> None:
    method, rule = item.split(" ", 1)
    wrong = []
    endpoint = next(name for verb, one, name in routes(world.app) if (verb, one) == (method, rule))
    roles = world.app.view_functions[endpoint].roles  # type: ignore[attr-defined]
    for role in world.clients:
        for relation, name in relations_for(world, role, roles or frozenset({"?"})):
            with world.undone() as session:
                ids = ids_of(session, world.clues[name])
                path = url(rule, world.nos[name], ids)
                found = answer(world, method, path, role, body(rule, ids))
            wanted = matrix.cell(frozenset({role}), item, relation)
            if found == "yes" and wanted == "masked" and method != "GET":
                found = "masked"
            if found == "no" and rule.split("/<no>")[1].startswith(ELSEWHERE):
                continue
            if not agrees(found, wanted):
                wrong.append((role, name, f"is {found}, matrix says {wanted}"))
    assert wrong == []


def test_the_page_of_a_clue_shows_the_reporter_only_to_whom_it_may(world: World) -> None:
    """The looser comparison above would let a page pass that shows nobody: this one must differ."""
    seen = {
        (role, relation): answer(world, "GET", f"/clues/{world.nos[relation]}", role)
        for role in ("handler", "supervisor")
        for relation in ("own", "received", "below")
    }
    assert seen == {
        ("handler", "own"): "yes", ("handler", "received"): "yes", ("handler", "below"): "masked",
        ("supervisor", "own"): "masked", ("supervisor", "received"): "masked", ("supervisor", "below"): "masked",
    }  # fmt: skip


# ── routes that are about no single clue ─────────────────────────────────────────────────────────────────────────────


def behind(view: Callable[..., Any]) -> CellType | None:
    """The cell of the guard that holds the view itself."""
    while view is not None:
        inner = getattr(view, "__wrapped__", None)
        for cell in getattr(view, "__closure__", None) or ():
            if getattr(view, "roles", None) is not None and cell.cell_contents is inner:
                return cell
        view = inner
    return None


PAGES = [name for name in matrix.items() if not name.startswith("act ") and "<no>" not in name]


@pytest.mark.parametrize("item", PAGES)
def test_pages(world: World, item: str) -> None:
    """Whether the guard lets each role in; what stands behind it is tested where it is made."""
    method, rule = item.split(" ", 1)
    endpoint = next(name for verb, one, name in routes(world.app) if (verb, one) == (method, rule))
    cell = behind(world.app.view_functions[endpoint])
    if cell is None:
        assert matrix.items()[item] == "page.anyone", "unguarded"
        return
    kept = cell.cell_contents
    cell.cell_contents = lambda **_: "reached"
    try:
        path = re.sub(r"<(?:(\w+):)?\w+>", lambda part: "1" if part[1] == "int" else "x", rule)
        for role in world.clients:
            client, token = world.clients[role]
            made = client.open(path, method=method, headers={"X-CSRF-Token": token})
            found = "yes" if made.status_code == 200 and made.text == "reached" else "no"
            assert found == matrix.cell(frozenset({role}), item), role
    finally:
        cell.cell_contents = kept


# ── every cell ───────────────────────────────────────────────────────────────────────────────────────────────────────

Cell = tuple[str, str, str]  # capability or item, role, relation
SEEN, OWN = frozenset({"own", "received", "assisting", "designated", "below"}), frozenset({"own"})
REACH: dict[str, frozenset[str]] = {  # how the unit must stand to the clue: casework.acts.is_own, by the row's `by`
    "owner": OWN, "team": OWN | {"assisting"}, "assisting": frozenset({"assisting"}), "anyone": SEEN,
    "designator": frozenset({"designated"}), "above": frozenset({"designated", "below"}), "machine": frozenset(),
}  # fmt: skip
OF_ROUTES: dict[str, frozenset[str]] = {  # what stands behind the guard of a route about a clue
    "clue.acts": SEEN, "clue.read": SEEN, "clue.preview": SEEN, "clue.reveal": SEEN,
    "clue.original": OWN | {"received"}, "clue.contact": OWN | {"received"},
    "clue.quarantine": frozenset({"sealed"}), "paper.owner.handler_lead": OWN,
}  # fmt: skip
DESK = frozenset({"operator", "mailroom", "handler", "lead"})
NARROWER = dict.fromkeys((f"POST /clues/<no>/proposals/<int:number>/{act}" for act in ("decide", "withdraw")), DESK)
"""Routes that let fewer people do something than their guard lets in."""


def roles_of(world: World, item: str) -> frozenset[str]:
    """Whom the program itself lets in: the row of the rule table, the guard of the view."""
    if item.startswith("act "):
        return frozenset(role.value for role in workflow.rule(item.removeprefix("act ")).roles)
    method, rule = item.split(" ", 1)
    endpoint = next(name for verb, one, name in routes(world.app) if (verb, one) == (method, rule))
    view = world.app.view_functions[endpoint]
    if behind(view) is None:
        return frozenset(matrix.ROLES)
    return NARROWER.get(item) or frozenset(role.value for role in getattr(view, "roles", None) or Role)


def decided(item: str, capability: str, role: str, relation: str, roles: frozenset[str]) -> str:
    """What the program decides for one cell, without the file: by rule table, guard and the tables above."""
    if role not in roles:
        return "no"
    if item.startswith("act "):
        rule = workflow.rule(item.removeprefix("act "))
        sealed = rule.id.startswith("quarantine.") and relation == "sealed"
        return "yes" if sealed or relation in REACH[rule.by] else "no"
    kind, _, rest = capability.partition(".")
    if kind == "page":  # about no single clue
        return "yes"
    reach = REACH[rest.partition(".")[0]] if kind == "act" else OF_ROUTES[capability]
    if relation not in reach:
        return "no"
    whole = capability != "clue.read" or (role in DESK and relation in OWN | {"received"})
    return "yes" if whole else "masked"


def every_decision(world: World) -> dict[Cell, str]:
    """(item, role, relation) → what the program decides, for every act and route."""
    found = {}
    for item, capability in matrix.items().items():
        roles = roles_of(world, item)
        for role in matrix.ROLES:
            for relation in matrix.RELATIONS:
                found[item, role, relation] = decided(item, capability, role, relation, roles)
    return found


def differing(told: dict[Cell, str], items: dict[str, str], decisions: dict[Cell, str]) -> list[Cell]:
    """Cells of the file that say something else than the program does."""
    return [cell for cell, wanted in decisions.items() if told[items[cell[0]], *cell[1:]] != wanted]


def test_every_cell_is_what_the_program_decides(world: World) -> None:
    """All acts and routes × all roles × all relations; that the program does so is tested above by doing it."""
    decisions = every_decision(world)
    assert differing(dict(matrix.cells()), dict(matrix.items()), decisions) == []
    assert len(decisions) == len(matrix.items()) * len(matrix.ROLES) * len(matrix.RELATIONS) >= 10_000


def test_flipping_any_cell_or_any_line_fails(world: World) -> None:
    """Each cell of the file to each other value, and each act and route to each capability that differs."""
    decisions, told, items = every_decision(world), dict(matrix.cells()), dict(matrix.items())
    by_cell: dict[Cell, dict[Cell, str]] = {}
    by_item: dict[str, dict[Cell, str]] = {}
    for (item, role, relation), wanted in decisions.items():
        by_cell.setdefault((items[item], role, relation), {})[item, role, relation] = wanted
        by_item.setdefault(item, {})[item, role, relation] = wanted
    flips = 0
    for cell, value in told.items():
        for other in {"yes", "masked", "no"} - {value}:
            assert differing({cell: other}, items, by_cell[cell]), (cell, other)
            flips += 1
    assert flips == 2 * len(told)
    lines = {name: tuple(told[name, role, one] for role in matrix.ROLES for one in matrix.RELATIONS)
             for name in set(items.values())}  # fmt: skip
    for item, capability in items.items():
        for other, line in lines.items():
            if line != lines[capability]:
                assert differing(told, {item: other}, by_item[item]), (item, other)


# ── may ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_relations_and_may(world: World) -> None:
    with world.undone() as session:
        for relation, name in world.relations():
            clue = session.get_one(Clue, world.clues[name])
            for role, who in world.people.items():
                if matrix.cell(frozenset({role}), "GET /queue") == "yes":
                    assert matrix.relation(session, who, clue) == relation, (role, name)
                    found = matrix.may(session, who, "act assign", clue)
                    assert found == matrix.cell(frozenset({role}), "act assign", relation)
        assert matrix.may(session, None, "GET /queue") == "no"
        assert matrix.may(session, None, "act assign", session.get_one(Clue, world.clues["own"])) == "no"
        with pytest.raises(KeyError):
            matrix.may(session, None, "GET /nowhere")


def test_several_roles_have_the_best_cell() -> None:
    assert matrix.cell(frozenset({"auditor", "handler"}), "GET /clues/<no>") == "yes"
    assert matrix.cell(frozenset({"auditor", "statistician"}), "GET /clues/<no>") == "masked"
    assert matrix.cell(frozenset(), "GET /clues/<no>") == "no"


def test_a_wrong_table_is_refused() -> None:
    row = {"capability": "x", "role": "handler", **dict.fromkeys(matrix.RELATIONS, "no")}
    for wrong in ([row, row], [{**row, "role": "king"}], [{**row, "own": "maybe"}], [row]):
        with pytest.raises(matrix.MatrixError):
            matrix.read_cells(wrong)


@pytest.mark.parametrize("relation", ["own", "received", "below", "sibling", "walled"])
def test_flipping_a_cell_fails(world: World, monkeypatch: pytest.MonkeyPatch, relation: str) -> None:
    """The file is the input: a wrong cell of an act or a page turns its test red."""
    for item, test in (("act assign", test_acts), ("GET /clues/<no>", test_routes_about_a_clue)):
        key = (matrix.items()[item], "handler", relation)
        told = dict(matrix.cells())
        told[key] = "no" if told[key] != "no" else "yes"
        with monkeypatch.context() as patched:
            patched.setattr(matrix, "cells", lambda told=told: told)
            with pytest.raises(AssertionError):
                test(world, item.removeprefix("act "))
