"""Main and assisting units (E6), review of objections (E8), feedback of what was handed down (E9)."""

from __future__ import annotations

from sqlalchemy import select

from hub import casework, db, search
from hub.access.people import find, visible
from hub.access.sealing import open_key
from hub.casework import jurisdiction
from hub.jurisdiction import units
from hub.models import (
    Assist,
    Clue,
    ClueUnit,
    CounterDelta,
    Event,
    Objection,
    Opinion,
    SearchRow,
    SiteRecord,
    Unit,
)
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, OFFICERS, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_races import check_history

THIRD = "430921"  # another county of the city


def sees(desk: Desk, clue: int, *codes: str) -> dict[str, bool]:
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        return {code: find(session, desk.who(code), row.no) is not None for code in codes}


def role_of(clue: int, code: str) -> str | None:
    with db.reading() as session:
        wanted = select(ClueUnit.role).join(Unit, Unit.id == ClueUnit.unit_id)
        return session.scalar(wanted.where(ClueUnit.clue_id == clue, Unit.code == code))


def settled(desk: Desk, **more: object) -> int:
    """A clue that the city designated to the sibling county."""
    clue = desk.clue()
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    chief = desk.who(CITY, Role.LEAD)
    desk.act(clue, "designate", chief, unit=SIBLING, issued="2026-03-02", **more)
    return clue


def test_a_designation_names_assisting_units(desk: Desk) -> None:
    clue = settled(desk, assisting=[COUNTY, THIRD])
    assert sees(desk, clue, SIBLING, THIRD, "430903") == {SIBLING: True, THIRD: True, "430903": False}
    assert [role_of(clue, code) for code in (SIBLING, COUNTY, THIRD)] == ["owner", "assisting", "assisting"]
    main, helper = desk.who(SIBLING), desk.who(THIRD)
    assert desk.refused(clue, "determine.P1", helper, place=SIBLING, **{"class": "T2"}).kind == "unit"
    desk.p1(clue, main, place=SIBLING)
    assert desk.refused(clue, "verify.start", helper, officers=OFFICERS, started="2026-03-02").kind == "unit"
    desk.act(clue, "verify.start", main, officers=OFFICERS, started="2026-03-02")
    desk.act(clue, "verify.record", helper, visited="2026-03-02", words="地块在我县一侧未动工")
    desk.act(clue, "assist.opinion", helper, words="该地块2024年已由我县批准")
    assert desk.refused(clue, "assist.opinion", main, words="x").kind == "unit"
    assert desk.refused(clue, "verify.record", desk.who("430903"), visited="2026-03-02").kind == "unit"
    with db.reading() as session:
        row = session.scalars(select(SiteRecord)).one()
        assert row.by_user == helper.user_id
        opinion = session.scalars(select(Opinion).where(Opinion.act == "assist.opinion")).one()
        key = open_key(session, session.get_one(Clue, clue).key_id)
        assert key.text(opinion.text, "clue.opinion") == "该地块2024年已由我县批准"
        event = session.scalars(select(Event).where(Event.act == "assist.opinion")).one()
        assert event.data["unit"] == helper.unit_id
        assert "批准" not in str(event.data)
    assert desk.refused(clue, "verify.end", helper, result="R0", ended="2026-03-02").kind == "unit"
    desk.act(clue, "verify.end", main, result="R0", ended="2026-03-02")
    check_history(clue)


WRONG: list[tuple[object, str]] = [
    (["430100"], "辖区"), ([SIBLING], "主办单位"), (["999999"], "不存在"), ([THIRD, THIRD], "不同"), ("x", "不同"),
    ([THIRD] * 11, "不同"), ([{}], "不存在"), ([7], "不存在"),
]  # fmt: skip


def test_who_cannot_assist(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    chief = desk.who(CITY, Role.LEAD)
    for codes, words in WRONG:
        error = desk.refused(clue, "designate", chief, unit=SIBLING, issued="2026-03-02", assisting=codes)
        assert (error.name, words in str(error)) == ("assisting", True)


def test_the_main_unit_adds_and_releases(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    with db.transaction() as session:
        chain = [unit.id for unit in units.chain(session, lead.unit_id)]
        search.index(session, clue, desk.now, "part:1", "占用耕地建厂", chain)
    assert desk.refused(clue, "assist.add", lead, assisting=["430100"]).name == "may_assist"
    assert desk.refused(clue, "assist.add", desk.who(), assisting=[SIBLING]).kind == "role"
    desk.act(clue, "assist.add", lead, assisting=[SIBLING])
    assert desk.refused(clue, "assist.add", lead, assisting=[SIBLING]).name == "may_assist", "once is enough"
    helper = desk.who(SIBLING)
    with db.reading() as session:
        assert [row.clue_id for row in session.scalars(visible(helper))] == [clue]
        found = session.scalars(select(SearchRow.clue_id).where(search.matching("耕地", helper.unit_id))).all()
        assert found == [clue]
        assert [unit.code for unit in casework.assisting.assisting(session, session.get_one(Clue, clue))] == [SIBLING]
    assert desk.refused(clue, "assist.release", lead, assisting=[THIRD]).name == "assists"
    desk.act(clue, "assist.release", lead, assisting=[SIBLING])
    assert sees(desk, clue, SIBLING, COUNTY) == {SIBLING: False, COUNTY: True}
    assert desk.refused(clue, "assist.opinion", helper, words="x").kind == "unit"
    with db.reading() as session:
        assert session.scalars(visible(helper)).all() == []
        rows = session.execute(
            select(CounterDelta.key, CounterDelta.n).where(CounterDelta.unit_id == helper.unit_id)
        ).all()
        assert sum(n for key, n in rows if key == "all") == 0
        row = session.scalars(select(Assist)).one()
        assert row.until is not None
    desk.act(clue, "assist.add", lead, assisting=[SIBLING])
    check_history(clue)


def test_who_becomes_the_main_unit_no_longer_assists(desk: Desk) -> None:
    clue = settled(desk, assisting=[COUNTY])
    chief = desk.who(CITY, Role.LEAD)
    desk.act(clue, "redesignate", chief, unit=COUNTY, issued="2026-03-02", assisting=[SIBLING])
    assert [role_of(clue, code) for code in (COUNTY, SIBLING)] == ["owner", "assisting"]
    check_history(clue)


def test_an_objection_is_upheld_with_a_reason(desk: Desk) -> None:
    clue = settled(desk)
    there, chief = desk.who(SIBLING), desk.who(CITY, Role.LEAD)
    before = desk.clock(clue, "after_designation")
    desk.act(clue, "object", there, reason_text="主要地块在桃江县")
    after = desk.clock(clue, "after_designation")
    assert (after.id, after.due, after.stopped_at) == (before.id, before.due, None), "an objection stops nothing"
    assert desk.refused(clue, "object", there, reason_text="再提").name == "not_objecting"
    day = {"issued": "2026-03-02"}
    assert desk.refused(clue, "redesignate", chief, unit=COUNTY, **day).name == "objection_answered"
    same = desk.refused(clue, "redesignate", chief, unit=SIBLING, reason_text="维持", **day)
    assert same.name == "objection_answered"
    assert desk.refused(clue, "objection.dismiss", desk.who(PROVINCE, Role.LEAD), reason_text="x").kind == "unit"
    with db.reading() as session:
        assert [row.clue_id for row in jurisdiction.to_review(session, chief.unit_id)] == [clue]
    desk.act(clue, "redesignate", chief, unit=COUNTY, reason_text="主要地块确在桃江县", **day)
    with db.reading() as session:
        row = session.scalars(select(Objection)).one()
        assert (row.state, row.unit_id, row.decided_by) == ("upheld", there.unit_id, chief.user_id)
        event = session.scalars(select(Event).where(Event.act == "redesignate")).one()
        assert event.data["objection"] == "upheld"
        assert jurisdiction.to_review(session, chief.unit_id) == []
    assert desk.clock(clue, "after_designation").number == 2


def test_an_objection_is_dismissed_with_a_reason(desk: Desk) -> None:
    clue = settled(desk)
    there, chief = desk.who(SIBLING), desk.who(CITY, Role.SUPERVISOR)
    assert desk.refused(clue, "objection.dismiss", chief, reason_text="维持").name == "objected"
    desk.act(clue, "object", there, reason_text="主要地块在桃江县")
    assert desk.refused(clue, "objection.dismiss", chief).name == "reason_text"
    desk.act(clue, "objection.dismiss", chief, reason_text="施工道路在你县")
    assert (desk.state(clue), desk.read(clue).owner_unit_id) == ("designated", there.unit_id)
    assert [row.number for row in desk.clocks(clue) if row.kind == "after_designation"] == [1]
    desk.act(clue, "object", there, reason_text="补充测绘结果")
    desk.p1(clue, there, place=SIBLING)
    with db.reading() as session:
        assert jurisdiction.to_review(session, chief.unit_id) == [], "who decides itself no longer waits"
    desk.act(clue, "reopen.determination", desk.who(SIBLING, Role.LEAD), reason_text="有误")
    desk.act(clue, "escalate", there, reason="disputed")
    desk.act(clue, "designate", chief, unit=COUNTY, issued="2026-03-02")
    with db.reading() as session:
        assert session.scalars(select(Objection.state).order_by(Objection.id)).all() == ["dismissed", "lapsed"]
    check_history(clue)


def test_what_was_handed_down_is_fed_back(desk: Desk) -> None:
    clue = desk.clue(CITY)
    desk.act(clue, "hand_down", desk.who(CITY, Role.LEAD), unit=COUNTY)
    desk.p1(clue)
    assert desk.refused(clue, "feedback").name == "words"
    assert desk.refused(clue, "feedback", desk.who(CITY), words="x").kind == "unit"
    desk.act(clue, "feedback", words="已现场制止，正在核查")
    own = desk.clue()
    assert desk.refused(own, "feedback", words="x").name == "was_handed_down"
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        assert find(session, desk.who(CITY), row.no) is not None
        (opinion,) = jurisdiction.feedbacks(session, row)
        assert open_key(session, row.key_id).text(opinion.text, "clue.opinion") == "已现场制止，正在核查"
        event = session.scalars(select(Event).where(Event.act == "feedback")).one()
        assert event.data["to_unit"] == desk.who(CITY).unit_id


def test_late_escalation_is_accepted_and_recorded_late(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-06T10:00")
    desk.act(clue, "escalate", reason="unclear")
    desk.act(clue, "refer_on", desk.who(CITY, Role.LEAD), reason="unclear")
    assert [(row.kind, row.late) for row in desk.clocks(clue)] == [
        ("determination", False), ("escalation", True), ("escalation", False), ("escalation", False),
    ]  # fmt: skip
