"""Referred up hop by hop, designated, returned, handed down; keys, rows and counters follow (Art. 4, 5, 12 (2))."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from hub import casework, db, search
from hub.access import sealing
from hub.jurisdiction import units
from hub.models import Clue, ClueUnit, CounterDelta, DataKey, Hold, SearchRow, Unit
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, PROVINCE, SIBLING, Desk, snapshot

UP = {"reason": "crosses"}


def rows(clue: int) -> dict[str, str]:
    """Who sees the clue: code → role."""
    with db.reading() as session:
        found = session.execute(
            select(Unit.code, ClueUnit.role).join(Unit, Unit.id == ClueUnit.unit_id).where(ClueUnit.clue_id == clue)
        )
        return {row.code: row.role for row in found}


def owner(clue: int) -> str:
    with db.reading() as session:
        return session.get_one(Unit, session.get_one(Clue, clue).owner_unit_id).code


def test_a_clue_crossing_two_counties_is_settled_by_the_city(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-04T10:00")
    desk.act(clue, "escalate", units=[SIBLING], **UP)
    assert (desk.state(clue), owner(clue)) == ("escalated", CITY)
    first = desk.clock(clue, "determination")
    assert (first.ended_as, first.late) == ("superseded", False)
    judged, running = (row for row in desk.clocks(clue) if row.kind == "escalation")
    assert (judged.late, judged.due.isoformat(), judged.ended_as) == (False, "2026-03-04", "done")
    assert (running.base.isoformat(), running.due.isoformat(), running.stopped_at) == ("2026-03-04", "2026-03-06", None)
    assert desk.refused(clue, "determine.P3", ground="N3").kind == "state"
    assert desk.refused(clue, "refer_on", desk.who(CITY, Role.LEAD), **UP).name == "not_common_yet"
    desk.go("2026-03-05T10:00")
    chief = desk.who(CITY, Role.SUPERVISOR)
    given = {"issued": "2026-03-05"}
    assert desk.refused(clue, "designate", chief, unit="430100", **given).name == "unit_in_subtree"
    assert desk.refused(clue, "designate", chief, unit="nowhere", **given).name == "unit_in_subtree"
    assert desk.refused(clue, "designate", chief, unit=SIBLING, issued="2026-03-06").name == "issued_in_order"
    assert desk.refused(clue, "designate", chief, unit=SIBLING, issued="2026-03-03").name == "issued_in_order"
    assert desk.refused(clue, "designate", desk.who(PROVINCE, Role.LEAD), unit=SIBLING, **given).kind == "unit"
    desk.act(clue, "designate", chief, unit=SIBLING, **given)
    assert (desk.state(clue), owner(clue)) == ("designated", SIBLING)
    assert rows(clue) == {
        COUNTY: "receiver", SIBLING: "owner", CITY: "receiver", PROVINCE: "ancestor", MINISTRY: "ancestor",
    }  # fmt: skip
    after = desk.clock(clue, "after_designation")
    assert (after.due.isoformat(), after.unit_id) == ("2026-03-16", desk.read(clue).owner_unit_id)
    there = desk.who(SIBLING)
    assert desk.refused(clue, "determine.P1", place=COUNTY, **{"class": "T2"}).kind == "unit"
    desk.p1(clue, there)
    desk.go("2026-03-17T10:00")
    desk.tell(clue)
    told = desk.clock(clue, "after_designation")
    assert (told.ended_as, told.late) == ("told", True)
    assert told.held == {str(there.unit_id): 8}
    desk.verified(clue, who=there)
    desk.tell(clue)
    assert desk.state(clue) == "closed"


def test_after_day_two_it_is_accepted_and_recorded_late(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-05T00:00")
    desk.act(clue, "escalate", **UP)
    judged = next(row for row in desk.clocks(clue) if row.kind == "escalation")
    assert (judged.late, judged.due.isoformat()) == (True, "2026-03-04")


def test_two_provinces_meet_at_the_ministry_hop_by_hop(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "escalate", units=["420102"], **UP)
    for holder, above in ((CITY, PROVINCE), (PROVINCE, MINISTRY)):
        lead = desk.who(holder, Role.LEAD)
        assert desk.refused(clue, "designate", lead, unit=holder, issued="2026-03-02").name == "common_superior"
        desk.act(clue, "refer_on", lead, **UP)
        assert owner(clue) == above
    assert desk.refused(clue, "refer_on", desk.who(MINISTRY, Role.LEAD), **UP).name == "superior_above"
    desk.act(clue, "confirm_competence", desk.who(MINISTRY, Role.SUPERVISOR), unit="420102", issued="2026-03-02")
    assert owner(clue) == "420102"
    with db.reading() as session:
        held = session.scalars(select(Hold).where(Hold.clue_id == clue).order_by(Hold.id)).all()
        assert [session.get_one(Unit, row.unit_id).code for row in held] == [COUNTY, CITY, PROVINCE, MINISTRY, "420102"]
        assert [row.until is None for row in held] == [False] * 4 + [True]


def test_returned_with_reason_its_days_run_on(desk: Desk) -> None:
    clue = desk.clue()
    before = desk.clock(clue, "determination")
    desk.go("2026-03-03T10:00")
    desk.act(clue, "escalate", reason="disputed", reason_text="不在本县")
    desk.go("2026-03-06T10:00")
    assert desk.refused(clue, "return", desk.who(CITY, Role.LEAD)).name == "reason_text"
    desk.act(clue, "return", desk.who(CITY, Role.LEAD), reason_text="属你县管辖")
    assert (desk.state(clue), owner(clue)) == ("to_determine", COUNTY)
    after = desk.clock(clue, "determination")
    assert (after.id, after.due, after.base, after.stopped_at) == (before.id, before.due, before.base, None)
    late = [row for row in desk.clocks(clue) if row.kind == "escalation"]
    assert [row.late for row in late] == [False, True], "the city kept it three days"
    desk.act(clue, "determine.P3", ground="N5")
    desk.go("2026-03-12T10:00")
    desk.tell(clue)
    held = desk.clock(clue, "determination").held
    city, county = desk.who(CITY, Role.LEAD).unit_id, desk.who().unit_id
    assert held == {str(county): 5, str(city): 3}, "lateness is attributed by holder"


def test_redesignation_restarts_only_for_a_different_unit(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "escalate", units=[SIBLING], **UP)
    chief = desk.who(CITY, Role.LEAD)
    desk.act(clue, "designate", chief, unit=SIBLING, issued="2026-03-02")
    assert (
        desk.refused(clue, "redesignate", desk.who(PROVINCE, Role.LEAD), unit=COUNTY, issued="2026-03-02").kind
        == "unit"
    )
    desk.go("2026-03-04T10:00")
    desk.act(clue, "redesignate", chief, unit=SIBLING, issued="2026-03-04")
    assert [row.number for row in desk.clocks(clue) if row.kind == "after_designation"] == [1]
    desk.act(clue, "redesignate", chief, unit=COUNTY, issued="2026-03-04")
    assert (desk.state(clue), owner(clue)) == ("designated", COUNTY)
    first, second = (row for row in desk.clocks(clue) if row.kind == "after_designation")
    assert (first.ended_as, second.number, second.due.isoformat()) == ("superseded", 2, "2026-03-13")
    desk.p1(clue)


def test_handed_down_with_its_base_unchanged(desk: Desk) -> None:
    clue = desk.clue(CITY)
    before = desk.clock(clue, "determination")
    desk.go("2026-03-04T10:00")
    lead = desk.who(CITY, Role.LEAD)
    assert desk.refused(clue, "hand_down", lead, unit="430100").name == "unit_takes"
    assert desk.refused(clue, "hand_down", lead, unit=CITY).name == "unit_takes"
    desk.act(clue, "hand_down", lead, unit=COUNTY)
    assert (owner(clue), desk.state(clue)) == (COUNTY, "to_determine")
    assert desk.clock(clue, "hand_down").late, "one working day, internal"
    assert desk.clock(clue, "determination").due == before.due
    assert desk.read(clue).no.startswith(CITY), "the number never changes"
    beside = desk.clue(SIBLING)
    with db.transaction() as session:
        row = session.get_one(Clue, beside)
        casework.confirm(session, desk.who(SIBLING), row, "place", {"code": COUNTY, "name": "桃江县"})
    desk.act(beside, "hand_down", desk.who(SIBLING), unit=COUNTY)
    assert owner(beside) == COUNTY


def test_a_city_may_handle_directly(desk: Desk) -> None:
    clue = desk.clue(CITY)
    desk.p1(clue, desk.who(CITY), place=COUNTY)
    assert desk.state(clue) == "verifying"


def test_keys_and_search_follow_the_holder(desk: Desk) -> None:
    clue = desk.clue()
    with db.transaction() as session:
        chain = [unit.id for unit in units.chain(session, desk.read(clue).owner_unit_id)]
        search.index(session, clue, desk.now, "part:1", "占用耕地建厂", chain)
    desk.act(clue, "escalate", units=[SIBLING], **UP)
    desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=SIBLING, issued="2026-03-02")
    sealing._opened.cache_clear()
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        key = session.get_one(DataKey, row.key_id)
        assert key.unit_id == row.owner_unit_id
        assert sealing.open_key(session, row.key_id).text(row.title, "clue.title") == "占地"
        wrapped = session.scalars(select(DataKey.unit_id)).all()
        assert wrapped.count(row.owner_unit_id) == 3, "clue, reporter and intake"
        found = session.scalars(select(SearchRow.clue_id).where(search.matching("耕地", row.owner_unit_id))).all()
        assert found == [clue]


def test_only_working_people_of_the_unit_get_a_clue(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    for nobody in (desk.who(SIBLING).user_id, desk.who(role=Role.AUDITOR).user_id, 10**9, "x"):
        assert desk.refused(clue, "assign", lead, handler=nobody).name == "handler"
    desk.act(clue, "assign", lead, handler=desk.who().user_id)
    desk.act(clue, "escalate", **UP)
    assert desk.read(clue).handler_id is None


def test_a_unit_that_was_ended_takes_nothing(desk: Desk) -> None:
    clue = desk.clue(CITY)
    with db.transaction() as session:
        gone = units.by_code(session, COUNTY)
        assert gone is not None
        gone.active = False
    assert desk.refused(clue, "hand_down", desk.who(CITY, Role.LEAD), unit=COUNTY).name == "unit_takes"
    with db.transaction() as session:
        city = units.by_code(session, CITY)
        assert city is not None
        city.active = False
    below = desk.clue(SIBLING)
    desk.act(below, "escalate", desk.who(SIBLING), **UP)
    assert owner(below) == PROVINCE, "the next existing superior"


@pytest.mark.parametrize("seed", range(4))
def test_random_pairs_of_counties_meet_at_their_lowest_common_superior(desk: Desk, seed: int) -> None:
    """Counties directly below a province, districts of a municipality, cities of the Corps, ordinary ones."""
    chance = random.Random(seed)
    special = ["429004", "110105", "659001", "469001", "500101", "441900", "419001", "310115"]
    with db.reading() as session:
        known = session.scalars(select(Unit).where(Unit.level.in_(("county", "city")))).all()
        tree = {unit.code: list(unit.path) for unit in known}
        names = {unit.id: unit.code for unit in session.scalars(select(Unit))}
    one = special[(seed * 2 + 1) % len(special)]
    other = chance.choice(sorted(tree)) if seed % 2 else special[(seed * 3 + 2) % len(special)]
    if one == other or tree[one][-1] in tree[other] or tree[other][-1] in tree[one]:
        other = COUNTY
    common = names[[number for number in tree[one] if number in tree[other]][-1]]
    clue = desk.clue(one)
    desk.act(clue, "escalate", desk.who(one), units=[other], **UP)
    for _ in range(4):
        holder = owner(clue)
        lead = desk.who(holder, Role.LEAD)
        if holder == common:
            break
        before = snapshot(clue)
        assert desk.refused(clue, "designate", lead, unit=holder, issued="2026-03-02").name == "common_superior"
        assert snapshot(clue) == before
        desk.act(clue, "refer_on", lead, **UP)
    assert owner(clue) == common
    assert desk.refused(clue, "refer_on", lead, **UP).kind == "guard"
    desk.act(clue, "designate", lead, unit=other, issued="2026-03-02")
    assert owner(clue) == other
    desk.p1(clue, desk.who(other), place=one if len(one) == 6 else COUNTY)
    assert desk.state(clue) == "verifying"


def test_a_unit_moved_below_another_takes_its_clues_along(desk: Desk) -> None:
    """A county that comes under another city: the former city no longer sees its clues once something happens."""
    clue = desk.clue()
    with db.transaction() as session:
        county, city = units.by_code(session, COUNTY), units.by_code(session, "430100")
        assert county is not None
        assert city is not None
        county.parent_id, county.path = city.id, [*city.path, county.id]
    desk.p1(clue)
    assert rows(clue) == {COUNTY: "owner", "430100": "ancestor", PROVINCE: "ancestor", MINISTRY: "ancestor"}
    with db.reading() as session:
        former = units.by_code(session, CITY)
        assert former is not None
        deltas = session.execute(select(CounterDelta.key, CounterDelta.n).where(CounterDelta.unit_id == former.id))
        sums: dict[str, int] = {}
        for key, n in deltas:
            sums[key] = sums.get(key, 0) + n
        assert sums
        assert set(sums.values()) == {0}
