"""Scope lists per jurisdiction: only cities change them, from the filing date, counties inherit (Art. 8-9; B11)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hub import casework, db
from hub.access.people import Actor
from hub.enrich import produce
from hub.jurisdiction import scopes, units
from hub.law.scope import Scope
from hub.models import ScopeChange, Unit
from hub.terms import Passage, Role, Suggestion
from tests.integration.casework.conftest import CITY, COUNTY, PROVINCE, SIBLING, Desk

MATTER = "擅自在湿地公园内挖塘"


def file(who: Actor, **more: Any) -> ScopeChange:
    given: dict[str, Any] = {"class_code": "T5", "filing_no": "益自然资备〔2026〕1号", "filed_on": date(2026, 3, 2),
                             "add_text": MATTER, "words": ["湿地公园", " "]}  # fmt: skip
    with db.transaction() as session:
        return casework.file_scope_change(session, who, **(given | more))


def lists(unit: str, on: date) -> Scope:
    with db.reading() as session:
        row = units.by_code(session, unit)
        assert row is not None
        return scopes.scope_of(session, row, on)


def matters(scope: Scope, code: str = "T5") -> list[str]:
    return [one.text for one in scope.violation_class(code).behaviours]


def test_in_force_from_the_filing_date_and_inherited(desk: Desk) -> None:
    row = file(desk.who(CITY, Role.LEAD))
    for unit in (CITY, COUNTY, SIBLING):
        assert MATTER in matters(lists(unit, date(2026, 3, 2)))
        assert MATTER not in matters(lists(unit, date(2026, 3, 1)))
    for unit in (PROVINCE, "430100", "430121"):
        assert MATTER not in matters(lists(unit, date(2026, 3, 2)))
    assert lists(COUNTY, date(2026, 3, 2)).rule_version.endswith(f"{CITY}-{row.id}")
    with db.transaction() as session:
        casework.end_scope_change(session, desk.who(CITY, Role.LEAD), row.id, date(2026, 5, 1), "益自然资备〔2026〕9号")
    assert MATTER in matters(lists(COUNTY, date(2026, 4, 30)))
    assert MATTER not in matters(lists(COUNTY, date(2026, 5, 1)))


@pytest.mark.parametrize(
    ("unit", "role", "more", "name"),
    [
        (COUNTY, Role.LEAD, {}, "city"),
        (PROVINCE, Role.LEAD, {}, "city"),
        (CITY, Role.HANDLER, {}, "lead"),
        (CITY, Role.LEAD, {"filing_no": " "}, "filing_no"),
        (CITY, Role.LEAD, {"add_text": ""}, "add_text"),
        (CITY, Role.LEAD, {"filed_on": date(2026, 3, 3)}, "filed_on"),
        (CITY, Role.LEAD, {"class_code": "X1"}, "remove"),
        (CITY, Role.LEAD, {"remove": "T5.99", "add_text": ""}, "remove"),
        (CITY, Role.LEAD, {"remove": "T5", "add_text": ""}, "remove"),
    ],
)
def test_refused(desk: Desk, unit: str, role: Role, more: dict[str, Any], name: str) -> None:
    with pytest.raises(casework.RefusedError) as error:
        file(desk.who(unit, role), **more)
    assert (error.value.name, error.value.article) == (name, "第八条、第九条")


def test_a_withdrawn_ground_refuses_nobody_from_its_day(desk: Desk) -> None:
    old = desk.clue()
    desk.go("2026-03-05T09:00")
    file(desk.who(CITY, Role.LEAD), class_code="N3", remove="N3", add_text="", filed_on=date(2026, 3, 4))
    new = desk.clue()
    desk.act(old, "determine.P3", ground="N3")
    assert desk.refused(new, "determine.P3", ground="N3").name == "ground_listed"
    desk.act(new, "determine.P3", ground="N5")


def test_a_narrowed_class_and_a_wider_ground(desk: Desk) -> None:
    first = lists(COUNTY, date(2026, 3, 2)).violation_class("T2").behaviours[0].id
    file(desk.who(CITY, Role.LEAD), class_code="T2", remove=first, add_text="")
    file(desk.who(CITY, Role.LEAD), class_code="N5", add_text="城区流动摊点占道")
    now = lists(COUNTY, date(2026, 3, 2))
    assert first not in {one.id for one in now.violation_class("T2").behaviours}
    assert next(one for one in now.refused if one.code == "N5").text.endswith("城区流动摊点占道")


def test_the_machine_knows_what_was_filed(desk: Desk) -> None:
    file(desk.who(CITY, Role.LEAD))
    with db.reading() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        found = scopes.local_matters(session, unit, desk.now)
    text = [Passage("有人在湿地公园里挖鱼塘")]
    made = produce.widened([Suggestion("scope", "N5", "x", "1", 0.9)], text, found)
    assert [(one.field, one.value) for one in made] == [("class", "T5"), ("scope", "N5")]
    assert (made[0].spans[0].text, "备〔2026〕1号" in made[0].reason) == ("湿地公园", True)
    assert produce.headline(made)["class"] == "T5"
    assert produce.widened([], [Passage("占用耕地")], found) == []


def test_the_public_page_names_what_was_filed(desk: Desk) -> None:
    file(desk.who(CITY, Role.LEAD))
    with db.reading() as session:
        unit = session.get_one(Unit, desk.who(COUNTY).unit_id)
        shown = scopes.public_lists(session, unit, date(2026, 3, 2))
    assert {one["code"] for one in shown["refused"]} == {"N1", "N2", "N3", "N4", "N5"}
    local = [m["text"] for one in shown["accepted"] for m in one["matters"] if m["local"]]
    assert local == [MATTER]
    assert [(one["number"], one["from"]) for one in shown["filed"]] == [("益自然资备〔2026〕1号", "2026-03-02")]
