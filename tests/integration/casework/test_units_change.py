"""Units are set up, renamed, moved, merged and closed; numbers, codes and clues keep working (E12)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from hub import casework, db
from hub.access import sealing
from hub.access.people import actor, find
from hub.jurisdiction import units
from hub.jurisdiction.units import NewUnit
from hub.models import Clue, CounterDelta, DataKey, Event, Unit, UnitChange, UnitPlace
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_races import check_history

DAY = date(2026, 3, 1)
ZONE = "430900-gx"


def admin(desk: Desk, unit: str = CITY) -> Any:
    return desk.who(unit, Role.SYSADMIN)


def follow() -> int:
    done = 0
    while True:
        with db.transaction() as session:
            step = casework.follow_clues(session, limit=1)
        if not step:
            return done
        done += step


def close(desk: Desk, unit: str, successor: str = "") -> None:
    with db.transaction() as session:
        casework.close_unit(session, admin(desk), unit, DAY, successor)


def set_up(desk: Desk, new: NewUnit, parent: str) -> None:
    with db.transaction() as session:
        casework.set_up_unit(session, admin(desk, parent), new, parent, DAY)


def owner(clue: int) -> str:
    with db.reading() as session:
        return session.get_one(Unit, session.get_one(Clue, clue).owner_unit_id).code


def test_a_zone_bureau_works_at_once(desk: Desk) -> None:
    set_up(desk, NewUnit(ZONE, "益阳高新区自然资源分局", "county", places=("430903",)), CITY)
    clue = desk.clue(ZONE)
    assert desk.read(clue).no.startswith("430900-"), "the six digits of the division it stands under"
    desk.p1(clue, desk.who(ZONE), place="430903")
    assert desk.state(clue) == "verifying"
    other = desk.clue(ZONE)
    assert desk.refused(other, "determine.P1", desk.who(ZONE), place=COUNTY, **{"class": "T2"}).name == "ours"
    beside = desk.clue(COUNTY)
    with db.transaction() as session:
        row = session.get_one(Clue, beside)
        casework.confirm(session, desk.who(), row, "place", {"code": "430903", "name": "x"})
    assert desk.refused(beside, "hand_down", unit="430903").name == "unit_takes", "the place is the zone's"
    desk.act(beside, "hand_down", unit=ZONE)
    assert owner(beside) == ZONE
    with db.reading() as session:
        unit = units.by_code(session, ZONE)
        assert unit is not None
        assert [row.kind for row in units.history(session, unit)] == ["set_up"]


WRONG = [
    (NewUnit("4309", "益阳市分局", "county"), CITY, "代码"),
    (NewUnit("430900-GX", "益阳市分局", "county"), CITY, "代码"),
    (NewUnit("430998", "益阳市水利局", "city", "department"), CITY, "代码"),
    (NewUnit(COUNTY, "桃江县局", "county"), CITY, "已经使用"),
    (NewUnit("430998", "局", "county"), CITY, "名称"),
    (NewUnit("430998", "新设县局", "province"), CITY, "层级"),
    (NewUnit("430998", "新设县局", "city"), CITY, "层级"),
    (NewUnit("430998", "新设县局", "town"), CITY, "上级"),
    (NewUnit("430998", "新设县局", "county", places=("999999",)), CITY, "区划代码"),
    (NewUnit("430998", "新设县局", "county", "office"), CITY, "类别"),
]  # fmt: skip


def test_a_unit_that_cannot_be(desk: Desk) -> None:
    for new, parent, words in WRONG:
        with pytest.raises(casework.RefusedError, match=words):
            set_up(desk, new, parent)


def test_only_the_administrator_of_the_area(desk: Desk) -> None:
    new = NewUnit("430998", "新设县局", "county")
    with db.transaction() as session:
        for who in (desk.who(CITY, Role.LEAD), admin(desk, SIBLING), admin(desk, "430100")):
            with pytest.raises(casework.RefusedError):
                casework.set_up_unit(session, who, new, CITY, DAY)
        with pytest.raises(casework.RefusedError, match="不能晚于今天"):
            casework.set_up_unit(session, admin(desk), new, CITY, date(2026, 3, 3))
        with pytest.raises(casework.RefusedError, match="由上级办理"):
            casework.close_unit(session, admin(desk), CITY, DAY)
        root = units.by_code(session, MINISTRY)
        assert root is not None
        with pytest.raises(units.UnitError, match="部级"):
            units.close(session, root, DAY)


def test_a_renamed_unit_keeps_its_old_name_in_the_log(desk: Desk) -> None:
    with db.transaction() as session:
        casework.rename_unit(session, admin(desk), COUNTY, "桃江县自然资源和规划局", DAY)
        with pytest.raises(casework.RefusedError, match="没有变化"):
            casework.rename_unit(session, admin(desk), COUNTY, "桃江县自然资源和规划局", DAY)
    clue = desk.clue()
    desk.p1(clue)
    with db.reading() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        (row,) = units.history(session, unit)
        assert (row.before["name"], row.after["name"]) == ("桃江县自然资源主管部门", "桃江县自然资源和规划局")
        assert session.scalars(select(Event.act).where(Event.object == f"unit:{unit.id}")).all() == ["rename"]


def test_merged_units_hand_everything_to_the_successor(desk: Desk) -> None:
    running, closed, escalated = desk.clue(), desk.clue(), desk.clue()
    here, there = desk.who(), desk.who(SIBLING)
    desk.act(closed, "determine.P3", ground="N3")
    desk.tell(closed)
    desk.act(escalated, "escalate", reason="unclear")
    helped = desk.clue(SIBLING)
    desk.act(helped, "assist.add", desk.who(SIBLING, Role.LEAD), assisting=[COUNTY])
    before = {clue: desk.clock(clue, "determination") for clue in (running, closed)}
    numbers = {clue: desk.read(clue).no for clue in (running, closed)}
    close(desk, COUNTY, SIBLING)
    assert follow() == 3
    assert [owner(clue) for clue in (running, closed, escalated, helped)] == [SIBLING, SIBLING, CITY, SIBLING]
    for clue, clock in before.items():
        after = desk.clock(clue, "determination")
        assert (after.id, after.base, after.due, after.ended_as) == (clock.id, clock.base, clock.due, clock.ended_as)
        check_history(clue)
        with db.reading() as session:
            found = find(session, there, numbers[clue])
            assert found is not None
            assert found.id == clue, "old numbers keep working"
            assert session.get_one(DataKey, found.key_id).unit_id == there.unit_id
            sealing._opened.cache_clear()
            assert sealing.open_key(session, found.key_id).text(found.title, "clue.title") == "占地"
    desk.p1(running, there, place=COUNTY)
    assert desk.state(running) == "verifying", "the places went along"
    with db.reading() as session:
        moved = actor(session, here.user_id)
        assert moved is not None
        assert moved.unit_code == SIBLING, "so did the people"
        gone = units.by_code(session, COUNTY)
        assert gone is not None
        assert (gone.active, units.standing(session, gone).code) == (False, SIBLING)
        kept = units.of_place(session, COUNTY, date(2026, 3, 2))
        assert kept is not None
        assert kept.code == SIBLING
        places = session.execute(select(UnitPlace.division, UnitPlace.since, UnitPlace.until)).all()
        assert places == [(COUNTY, DAY, None)]
        event = session.scalars(
            select(Event).where(Event.act == "unit_closed", Event.object == f"clue:{running}")
        ).one()
        assert event.data == {"from": here.unit_id, "to": there.unit_id}
    assert follow() == 0


def test_an_entrance_of_a_closed_unit_goes_on(desk: Desk) -> None:
    close(desk, COUNTY, SIBLING)
    clue = desk.clue(COUNTY)
    assert (owner(clue), desk.read(clue).no[:6]) == (SIBLING, SIBLING)


def test_a_closed_unit_is_refused_by_name(desk: Desk) -> None:
    stale = desk.who()
    department = f"{COUNTY}-sl"
    set_up(desk, NewUnit(department, "桃江县水利局", "county", "department"), CITY)
    clue, referred = desk.clue(CITY), desk.clue(SIBLING)
    desk.act(referred, "escalate", desk.who(SIBLING), reason="crosses", units=[COUNTY])
    close(desk, COUNTY, SIBLING)
    close(desk, department)
    chief = desk.who(CITY, Role.LEAD)
    refusals = [
        desk.refused(clue, "hand_down", chief, unit=COUNTY),
        desk.refused(referred, "designate", chief, unit=COUNTY, issued="2026-03-02"),
        desk.refused(clue, "assist.add", chief, assisting=[COUNTY]),
        desk.refused(clue, "transfer.inside", chief, unit=department, stage="verify"),
    ]
    assert all("2026年3月1日撤并，现由" in str(error) for error in refusals)
    assert all(error.rule for error in refusals)
    own = desk.clue(SIBLING)
    error = desk.refused(own, "follow_up", stale, kind="urge", proof="query_code")
    assert (error.kind, "撤并" in str(error)) == ("unit", True)
    with db.transaction() as session:
        for act in (
            lambda: casework.close_unit(session, admin(desk), COUNTY, DAY),
            lambda: casework.rename_unit(session, admin(desk), COUNTY, "新名称局", DAY),
            lambda: casework.move_unit(session, admin(desk, PROVINCE), COUNTY, "430100", DAY),
            lambda: casework.set_up_unit(
                session, admin(desk), NewUnit(f"{COUNTY}-x", "新设分局", "county"), COUNTY, DAY
            ),
        ):
            with pytest.raises(casework.RefusedError):
                act()


def test_who_cannot_be_the_successor(desk: Desk) -> None:
    """A unit below the closed one, itself, one of another kind."""
    set_up(desk, NewUnit("430903-x", "赫山区水利局", "county", "department"), CITY)
    for closing, successor in ((CITY, COUNTY), (SIBLING, SIBLING), ("430903", "430903-x")):
        with db.transaction() as session, pytest.raises(casework.RefusedError, match="承接单位"):
            casework.close_unit(session, admin(desk, PROVINCE), closing, DAY, successor)


def test_without_successor_the_superior_has_its_duties(desk: Desk) -> None:
    clue = desk.clue()
    close(desk, COUNTY)
    assert follow() == 1
    assert owner(clue) == CITY
    desk.p1(clue, desk.who(CITY))
    with db.reading() as session:
        assert actor(session, desk.who().user_id) is not None, "its people are not promoted with the clues"
        found = units.of_place(session, COUNTY, date(2026, 3, 2))
        assert found is not None
        assert found.code == CITY


def test_a_closed_city_leaves_its_counties_to_the_province(desk: Desk) -> None:
    clue = desk.clue()
    with db.transaction() as session:
        casework.close_unit(session, admin(desk, PROVINCE), CITY, DAY)
    with db.reading() as session:
        county = units.by_code(session, COUNTY)
        assert county is not None
        assert [unit.code for unit in units.chain(session, county.id)] == [MINISTRY, PROVINCE, COUNTY]
        kinds = session.scalars(select(UnitChange.kind)).all()
        assert kinds.count("close") == 1
        assert kinds.count("move") == 6
    desk.act(clue, "escalate", reason="unclear")
    assert owner(clue) == PROVINCE
    check_history(clue)


def test_a_moved_county_is_seen_by_its_new_superior_only(desk: Desk) -> None:
    clue = desk.clue()
    with db.transaction() as session:
        casework.move_unit(session, admin(desk, PROVINCE), COUNTY, "430100", DAY)
        county = units.by_code(session, COUNTY)
        assert county is not None
        county_id = county.id
        with pytest.raises(casework.RefusedError, match="没有变化"):
            casework.move_unit(session, admin(desk, PROVINCE), COUNTY, "430100", DAY)
    with db.transaction() as session:
        assert casework.reseat(session, county_id, limit=5) == 0
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        seen = {code: find(session, desk.who(code), row.no) is not None for code in (CITY, "430100", PROVINCE)}
        assert seen == {CITY: False, "430100": True, PROVINCE: True}
        former = units.by_code(session, CITY)
        assert former is not None
        deltas = session.execute(select(CounterDelta.key, CounterDelta.n).where(CounterDelta.unit_id == former.id))
        assert sum(n for key, n in deltas if key == "all") == 0
    check_history(clue)


def test_successors_of_successors(desk: Desk) -> None:
    clue = desk.clue()
    close(desk, COUNTY, SIBLING)
    close(desk, SIBLING, "430921")
    follow()
    assert owner(clue) == "430921"
    with db.reading() as session:
        heir = units.of_place(session, COUNTY, date(2026, 3, 2))
        assert heir is not None
        assert heir.code == "430921"


def test_the_database_refuses_nonsense(desk: Desk) -> None:
    desk.who()
    for statement, name in (
        ("update unit set successor_id = id where code = '430922'", "ck_unit_successor"),
        ("update unit set kind = 'x'", "ck_unit_kind"),
        ("insert into unit_place (unit_id, division, since, until) values (1, '1', '2026-01-02', '2026-01-01')",
         "ck_unit_place_dates"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=name), db.transaction() as session:
            session.execute(text(statement))
