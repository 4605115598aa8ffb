"""The place in a list says where in the county: the town suggested, or the one a person confirmed (PRODUCT B1, C4)."""

from __future__ import annotations

from typing import Any

from hub import casework, db
from hub.casework import values
from hub.models import Clue
from hub.supervision import queue
from tests.integration.casework.conftest import Desk

SUGGESTED = {"division": "430922", "town": "430922105", "class": "T2"}


def town(clue: int) -> str:
    with db.reading() as session:
        return queue.rows(session, [clue])[0].town


def suggest(clue: int, found: dict[str, Any]) -> None:
    with db.transaction() as session:
        values.apply_suggestions(session, session.get_one(Clue, clue), found, complete=True)


def confirm(desk: Desk, clue: int, text: str) -> object:
    with db.transaction() as session:
        value = casework.typed("place", text)
        casework.confirm(session, desk.who(), session.get_one(Clue, clue), "place", value)
        return value


def test_a_suggested_town_is_shown_and_goes_with_its_suggestion(desk: Desk) -> None:
    clue = desk.clue()
    suggest(clue, SUGGESTED)
    assert town(clue) == "武潭镇"
    suggest(clue, {"division": "430922", "class": "T2"})
    assert town(clue) == ""


def test_what_a_person_types_keeps_its_town_village_and_group(desk: Desk) -> None:
    clue = desk.clue()
    suggest(clue, SUGGESTED)
    value = confirm(desk, clue, "湖南省桃江县灰山港镇向阳花村三组")
    assert isinstance(value, dict)
    assert value["code"] == "430922"
    assert (value["town"], value["village"], value["group"]) == ("灰山港镇", "向阳花村", "三组")
    assert town(clue) == "灰山港镇"
    suggest(clue, SUGGESTED)
    assert town(clue) == "灰山港镇", "no machine after a person"


def test_a_county_confirmed_alone_names_no_town(desk: Desk) -> None:
    clue = desk.clue()
    suggest(clue, SUGGESTED)
    confirm(desk, clue, "430922")
    assert town(clue) == ""
    confirm(desk, clue, "430922105")
    assert town(clue) == "武潭镇"
