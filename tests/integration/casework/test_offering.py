"""The acts offered to a person are those of the rule table, and each can be filled in from its fields."""

from __future__ import annotations

from typing import Any

import pytest

from hub import db
from hub.access.people import Actor
from hub.casework.fields import FIELDS, KINDS, VALUES
from hub.casework.offering import APPLIES, Offer, in_words, offered
from hub.casework.verification import ELEMENTS
from hub.law import workflow
from hub.models import Clue
from hub.terms import Role, State
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk

RULES = list(workflow.rules().values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_datum_of_the_table_has_its_words(rule: workflow.Rule) -> None:
    unknown = rule.takes - FIELDS.keys()
    assert not unknown, f"hub/casework/fields.py has no words for {sorted(unknown)} of {rule.id}"
    for need in rule.needs:
        without = set(need.one_of) - VALUES.get(need.name, {}).keys()
        assert not without, f"hub/casework/fields.py has no words for the values {sorted(without)} of {need.name}"


def test_words_are_of_the_table_and_of_known_kinds() -> None:
    known = frozenset[str]().union(*(rule.takes for rule in RULES))
    assert FIELDS.keys() <= known, "words for data that no act takes"
    assert VALUES.keys() <= known
    assert {words.kind for words in FIELDS.values()} <= set(KINDS)
    assert set(VALUES["elements"]) == set(ELEMENTS)
    assert all(in_words(one) for rule in RULES for one in rule.clocks)


def offers(desk: Desk, clue_id: int, who: Actor | None = None) -> dict[str, Offer]:
    with db.reading() as session:
        found = offered(session, who or desk.who(), session.get_one(Clue, clue_id))
    return {offer.id: offer for offer in found}


def test_what_is_offered_is_what_the_table_opens(desk: Desk) -> None:
    clue = desk.clue()
    lead = desk.who(role=Role.LEAD)
    found, opened = set(offers(desk, clue, lead)), workflow.open_acts("to_determine", Role.LEAD)
    assert found <= {row.id for row in opened}
    left = [row for row in opened if row.id not in found]
    for row in left:  # about something that is not there, or another unit's
        assert APPLIES & set(row.guards) or "person" in row.takes or row.by not in ("owner", "anyone"), row.id
    assert {"determine.P1", "determine.P3", "escalate", "hand_down", "merge", "split"} <= found
    assert set(offers(desk, clue, desk.who(role=Role.STATISTICIAN))) <= {"recuse"}
    assert offers(desk, clue, desk.who(SIBLING)) == {}
    above = offers(desk, clue, desk.who(CITY, Role.LEAD))
    assert set(above) <= {row.id for row in RULES if row.by != "owner"}, "a superior sees it, the county acts"


def test_fields_say_what_is_needed_and_what_is_known(desk: Desk) -> None:
    clue = desk.clue()
    accept = offers(desk, clue)["determine.P1"]
    assert [(one.name, one.kind, one.required) for one in accept.fields] == [
        ("place", "division", True), ("class", "class", True), ("words", "words", False),
    ]  # fmt: skip
    assert accept.article == "第十二条第（一）项"
    assert accept.targets == (State.VERIFYING,)
    assert accept.notice == "受理告知"
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        row.division, row.division_confirmed = "430922003", True
    place = offers(desk, clue)["determine.P1"].fields[0]
    assert (place.required, place.value) == (False, "430922003")


def test_lists_hold_what_the_guards_would_take(desk: Desk) -> None:
    clue = desk.clue(CITY)
    lead = desk.who(CITY, Role.LEAD)
    assert lead is not None
    found = {field.name: dict(field.options) for field in offers(desk, clue, lead)["hand_down"].fields}
    assert {COUNTY, SIBLING} <= found["unit"].keys()
    assert CITY not in found["unit"]
    for code in found["unit"]:
        desk.act(desk.clue(CITY), "hand_down", lead, unit=code)
    people = {field.name: field.options for field in offers(desk, clue, lead)["assign"].fields}["handler"]
    assert people == ((str(lead.user_id), lead.name),)


def test_a_referral_offers_the_neighbours_up_and_the_units_concerned_down(desk: Desk) -> None:
    clue = desk.clue()
    up = {field.name: dict(field.options) for field in offers(desk, clue)["escalate"].fields}
    assert SIBLING in up["units"]
    assert COUNTY not in up["units"]
    assert set(up["reason"]) == {"crosses", "unclear", "disputed"}
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    down = {field.name: field for field in offers(desk, clue, desk.who(CITY, Role.LEAD))["designate"].fields}
    assert [code for code, _ in down["unit"].options[:2]] == [COUNTY, SIBLING], "those concerned come first"
    beside = [code for code, _ in down["assisting"].options]
    assert beside[:2] == [COUNTY, SIBLING], "assisting units lie below the designator too"
    assert all(code[:4] == CITY[:4] and code != CITY for code in beside)


def test_a_release_offers_those_who_assist(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    desk.act(clue, "assist.add", lead, assisting=[SIBLING])
    (field, *_) = offers(desk, clue, lead)["assist.release"].fields
    assert [code for code, _ in field.options] == [SIBLING]


def test_a_standing_refusal_is_named_before_anybody_fills_in_a_form(desk: Desk) -> None:
    main, member = desk.clue(), desk.clue()
    assert offers(desk, main)["determine.P3"].refusal is None
    desk.act(member, "merge", main=desk.read(main).no, same_place=True, same_time=True, same_respondent=True,
             same_facts=True)  # fmt: skip
    assert offers(desk, main)["determine.P3"].refusal == "有并案线索，应先解除并案"
    assert offers(desk, member)["unmerge"].refusal is None
    assert "有联系方式" in str(offers(desk, main)["determine.P5"].refusal)


def test_every_refusal_said_beforehand_is_the_one_the_act_meets(desk: Desk) -> None:
    """Walks a clue through its life; whatever is offered with a refusal is refused, with the same words."""
    clue = desk.clue()
    lead = desk.who(role=Role.LEAD)
    met: set[str] = set()

    def compare() -> None:
        for offer in offers(desk, clue, lead).values():
            if offer.refusal is not None:
                error = desk.refused(clue, offer.id, lead, **_filled(offer))
                assert str(error) == offer.refusal, offer.id
                met.add(offer.id)

    compare()
    desk.p1(clue, lead)
    compare()
    desk.verified(clue, "R1", lead)
    compare()
    desk.tell(clue)
    compare()
    assert {"determine.P5", "verify.record"} <= met


def _filled(offer: Offer) -> dict[str, Any]:
    """Something in every required field, so that only the standing fact is left to refuse."""
    samples: dict[str, Any] = {
        "officers": [{"name": "甲", "certificate": "A1", "valid_until": "2027-12-31"}], "flag": True, "number": 1,
    }  # fmt: skip
    return {
        field.name: field.options[0][0] if field.options else samples.get(field.kind, "2026-03-02")
        for field in offer.fields
        if field.required
    }


def test_a_closing_that_belongs_to_another_result_is_not_offered(desk: Desk) -> None:
    clue = desk.clue()
    desk.p1(clue)
    desk.verified(clue)
    found = offers(desk, clue)
    assert "close.violation" in found
    assert not {"close.no_violation", "close.duplicate", "tell.no_violation"} & found.keys()
    assert found["close.violation"].refusal == "举报人尚未告知，不能办结"
    assert found["close.violation"].fields == ()
    tell = {field.name: field for field in found["tell.violation"].fields}
    assert [name for name, field in tell.items() if field.required] == ["told_at", "evidence"]
    assert len(tell["notice"].options) == 1
