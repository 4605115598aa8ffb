"""Walls: who is behind one meets nothing of the clue; holds are decided by a superior; N2 and N4 go their own ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from channels.contract import NewReport, Part, PartKind, Report
from hub import casework, db, intake, search
from hub.access import people, sealing, walls
from hub.access.people import Actor
from hub.casework import quarantine
from hub.models import Clue, ClueUnit, Event, HandOver, Hold, Intake, SearchRow, SuggestionRow, Unit, Wall
from hub.supervision import following, queue
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, PROVINCE, SIBLING, Desk

ACCUSING = "武潭镇红旗村有人占耕地8亩建厂房。桃江县自然资源局收了老板的钱，一直包庇他们。"
MENTION = "武潭镇红旗村鑫隆公司占耕地8亩。我已经向县自然资源局举报过，请自然资源局查处村长勾结开发商的事。"


def received(desk: Desk, text: str, unit: str = COUNTY) -> int:
    """A report of this text, registered as a channel would."""
    with db.transaction() as session:
        row = session.scalars(select(Unit).where(Unit.code == unit)).one()
        number = desk.intake(session, row.id, "email")
        session.get_one(Intake, number).state = "stored"
        session.flush()
        made = intake.register(session, number, [NewReport(Report(parts=(Part(PartKind.TEXT, text=text),)))])
    return made[0]


def sees(who: Actor, clue_id: int) -> bool:
    with db.reading() as session:
        no = session.get_one(Clue, clue_id).no
        found = people.find(session, who, no) is not None
        listed = no in {row.clue.no for row in queue.page(session, who, queue.Filters())[0]}
        hits = session.scalars(people.visible(who).where(ClueUnit.clue_id == clue_id)).all()
        assert found == listed == bool(hits)
    return found


def owner(desk: Desk, clue_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Unit, desk.read(clue_id).owner_unit_id).code


def wall_states(clue_id: int) -> list[tuple[str, str]]:
    with db.reading() as session:
        rows = session.scalars(select(Wall).where(Wall.clue_id == clue_id).order_by(Wall.id))
        return [(row.reason, row.state) for row in rows]


ROLES = [Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD, Role.SUPERVISOR, Role.STATISTICIAN, Role.AUDITOR]


def test_an_accused_unit_never_sees_the_clue_and_its_superior_holds_it(desk: Desk) -> None:
    clue = received(desk, ACCUSING)
    assert [sees(desk.who(COUNTY, role), clue) for role in ROLES] == [False] * len(ROLES)
    assert sees(desk.who(CITY, Role.LEAD), clue)
    assert owner(desk, clue) == CITY
    assert wall_states(clue) == [("accused", "held")]
    with db.reading() as session:
        assert queue.counts(session, desk.who(COUNTY)) == {}
        assert search.find(session, desk.who(COUNTY).unit_id, "红旗村", seen=people.visible(desk.who(COUNTY))) == []
        assert len(search.find(session, desk.who(CITY).unit_id, "红旗村")) == 1
    assert casework_words(clue) == ["桃江县自然资源局收了老板的钱，一直包庇他们"]
    held, determination = desk.clock(clue, "wall"), desk.clock(clue, "determination")
    assert (held.days, held.stopped_at) == (1, None)
    assert determination.stopped_at is None, "the hold stops no clock"


def casework_words(clue_id: int) -> list[str]:
    with db.reading() as session:
        return casework.reasons_of_walls(session, session.get_one(Clue, clue_id))


def test_a_mere_mention_hides_nothing(desk: Desk) -> None:
    clue = received(desk, MENTION)
    assert sees(desk.who(COUNTY), clue)
    assert (owner(desk, clue), wall_states(clue)) == (COUNTY, [])


def test_released_goes_back_with_its_base(desk: Desk) -> None:
    clue = received(desk, ACCUSING)
    before = desk.clock(clue, "determination")
    desk.go("2026-03-03T10:00")
    assert desk.refused(clue, "wall.release", desk.who(CITY, Role.HANDLER), reason_text="x").kind == "role"
    desk.act(clue, "wall.release", desk.who(CITY, Role.SUPERVISOR), reason_text="只是道听途说")
    after = desk.clock(clue, "determination")
    assert (after.base, after.due, after.number, after.stopped_at) == (before.base, before.due, 1, None)
    assert (owner(desk, clue), desk.clock(clue, "wall").ended_as) == (COUNTY, "done")
    assert sees(desk.who(COUNTY), clue)
    with db.reading() as session:
        assert queue.counts(session, desk.who(COUNTY))["all"] == 1
        assert len(search.find(session, desk.who(COUNTY).unit_id, "红旗村")) == 1
    with db.transaction() as session:  # read again by the machine: what a person decided stays decided
        casework.look_for_walls(session, session.get_one(Clue, clue), [ACCUSING])
    assert owner(desk, clue) == COUNTY


def test_confirmed_is_designated_elsewhere_never_to_the_accused(desk: Desk) -> None:
    clue = received(desk, ACCUSING)
    boss = desk.who(CITY, Role.LEAD)
    assert desk.refused(clue, "hand_down", boss, unit=COUNTY).name == "uninvolved"
    desk.act(clue, "wall.confirm", boss)
    assert desk.state(clue) == "escalated"
    for act in ("designate", "confirm_competence"):
        assert desk.refused(clue, act, boss, unit=COUNTY, issued="2026-03-02").name == "uninvolved"
    desk.act(clue, "designate", boss, unit=SIBLING, issued="2026-03-02")
    assert desk.refused(clue, "redesignate", boss, unit=COUNTY, issued="2026-03-02").name == "uninvolved"
    desk.p1(clue, desk.who(SIBLING))
    desk.verified(clue, "R1", desk.who(SIBLING))
    assert not sees(desk.who(COUNTY, Role.LEAD), clue), "to the end"
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    assert sees(desk.who(PROVINCE, Role.SUPERVISOR), clue)


def test_the_superior_of_an_accused_chain_is_the_next_uninvolved_one(desk: Desk) -> None:
    clue = received(desk, "益阳市自然资源局违规审批采矿权，桃江县自然资源局包庇老板非法采矿。")
    assert owner(desk, clue) == PROVINCE
    assert not sees(desk.who(CITY, Role.LEAD), clue)
    assert not sees(desk.who(COUNTY, Role.LEAD), clue)
    assert sees(desk.who(PROVINCE, Role.LEAD), clue)


def test_while_verifying_another_unit_goes_on(desk: Desk) -> None:
    clue = desk.clue()
    desk.p1(clue)
    boss = desk.who(CITY, Role.SUPERVISOR)
    desk.act(clue, "wall.hold", boss, unit=COUNTY)
    assert (desk.state(clue), owner(desk, clue)) == ("verifying", CITY)
    assert not sees(desk.who(COUNTY), clue)
    assert desk.refused(clue, "wall.reassign", boss, unit=COUNTY).name == "uninvolved"
    desk.act(clue, "wall.reassign", boss, unit=SIBLING)
    assert (desk.state(clue), owner(desk, clue)) == ("verifying", SIBLING)
    desk.verified(clue, "R0", desk.who(SIBLING))


def test_an_officer_beside_an_accusing_word_hides_it_from_the_unit(desk: Desk) -> None:
    named(desk.who(COUNTY, Role.HANDLER, "bad"), "刘建军")
    clue = received(desk, "刘建军收钱不办事，纵容砂场偷采。")
    assert wall_states(clue) == [("accused", "held"), ("named", "held")]
    assert owner(desk, clue) == CITY


def named(who: Actor, name: str) -> None:
    from hub.models import User

    with db.transaction() as session:
        session.execute(update(User).where(User.id == who.user_id).values(name=name))


def test_a_respondent_of_the_same_name_is_a_hold_on_the_person_only(desk: Desk) -> None:
    same = desk.who(COUNTY, Role.HANDLER, "same")
    named(same, "刘建军")
    clue = desk.clue()
    with db.transaction() as session:
        casework.look_for_walls(session, session.get_one(Clue, clue), ["红旗村刘建军占地建房"], ["刘建军"])
    assert wall_states(clue) == [("named", "held")]
    assert not sees(same, clue)
    assert sees(desk.who(COUNTY), clue)
    lead = desk.who(COUNTY, Role.LEAD)
    assert desk.refused(clue, "assign", lead, handler=same.user_id).kind == "value"
    desk.act(clue, "recuse.release", lead, person=same.user_id, reason_text="同名不同人")
    assert sees(same, clue)
    with db.transaction() as session:
        casework.look_for_walls(session, session.get_one(Clue, clue), ["红旗村刘建军占地建房"], ["刘建军"])
    assert sees(same, clue), "decided once"


@pytest.mark.parametrize("role", ROLES)
def test_who_declares_recusal_meets_nothing_in_every_role(desk: Desk, role: Role) -> None:
    me = desk.who(COUNTY, role, "me")
    clue, other = desk.clue(), desk.clue()
    desk.who(COUNTY, Role.LEAD)
    with db.reading() as session:
        before = queue.counts(session, me)
    desk.act(clue, "recuse", me, reason_text="当事人是我表亲")
    assert not sees(me, clue)
    assert sees(me, other)
    assert sees(desk.who(COUNTY, Role.HANDLER), clue)
    with db.reading() as session:
        after = queue.counts(session, me)
        assert {key: before[key] - n for key, n in after.items()} == dict.fromkeys(after, 1)
        assert queue.counts(session, desk.who(COUNTY, Role.HANDLER)) == before
    refusal = desk.refused(clue, "recuse", me, reason_text="再次")
    assert (refusal.kind, str(refusal)) == ("wall", "没有这条线索")


def test_the_recused_cannot_act_merge_link_or_be_assigned(desk: Desk) -> None:
    me, lead = desk.who(COUNTY, Role.HANDLER, "me"), desk.who(COUNTY, Role.LEAD)
    clue, other = desk.clue(), desk.clue(reporter={"name": "李四", "phone": "13900000000"})
    desk.act(clue, "assign", lead, handler=me.user_id)
    desk.act(clue, "recuse.other", lead, person=me.user_id, reason_text="曾为当事人办理登记")
    assert desk.read(clue).handler_id is None
    assert desk.refused(clue, "assign", lead, handler=me.user_id).name == "handler"
    assert desk.refused(clue, "determine.P1", me, place=COUNTY, **{"class": "T2"}).kind == "wall"
    same = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
    assert desk.refused(other, "merge", me, main=clue, **same).name == "main_takes", "as if there were none"
    assert desk.refused(other, "merge", lead, main=clue, **same).name == "no_wall"


def test_where_all_leads_are_recused_the_parent_takes_over(desk: Desk) -> None:
    one, two = desk.who(COUNTY, Role.LEAD, "1"), desk.who(COUNTY, Role.LEAD, "2")
    clue = desk.clue()
    due = desk.clock(clue, "determination").due
    desk.act(clue, "recuse", one, reason_text="亲属")
    assert owner(desk, clue) == COUNTY
    desk.act(clue, "recuse", two, reason_text="亲属")
    assert owner(desk, clue) == CITY
    assert desk.clock(clue, "determination").due == due
    with db.reading() as session:
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{clue}").order_by(Event.seq)).all()
    assert acts[-3:] == ["recuse", "recuse", "take_over"]


def test_n2_is_hidden_from_the_named_unit_and_goes_to_discipline_inspection(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N2")
    assert [sees(desk.who(COUNTY, role), clue) for role in ROLES] == [False] * len(ROLES)
    assert (owner(desk, clue), wall_states(clue)) == (CITY, [("N2", "confirmed")])
    boss = desk.who(CITY, Role.LEAD)
    with db.reading() as session:
        from hub.notify.history import history

        text = history(session, clue)[-1]["text"]
    assert not any(word in text for word in ("违纪", "纪检", "纪委", "工作人员"))
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    assert desk.refused(clue, "quarantine.hand_over", boss, number="1", receiver="x").name == "refused_as_n4"
    desk.act(clue, "discipline.hand_over", boss, number="纪移〔2026〕3号", receiver="益阳市纪委监委")
    with db.reading() as session:
        row = session.scalars(select(HandOver)).one()
        assert (row.kind, row.number, row.shredded_at) == ("discipline", "纪移〔2026〕3号", None)
    assert desk.refused(clue, "discipline.hand_over", boss, number="4", receiver="x").name == "not_handed_over"


def test_n2_about_a_named_unit_below(desk: Desk) -> None:
    clue = desk.clue(CITY)
    lead = desk.who(CITY, Role.LEAD)
    desk.act(clue, "determine.P3", lead, ground="N2", named_unit=SIBLING)
    assert (owner(desk, clue), sees(lead, clue)) == (CITY, True)
    other = desk.clue(CITY)
    assert desk.refused(other, "determine.P3", lead, ground="N2", named_unit="999999").name == "named_unit"


def test_n4_is_sealed_off_from_everybody_then_shredded(desk: Desk) -> None:
    clue = received(desk, "红旗村后山的设施涉密，有人在里面挖沙。")
    with db.transaction() as session:
        casework.add_reporter(
            session, session.get_one(Clue, clue), first_intake(session, clue), {"phone": "13800000009"}
        )
    lead = desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", lead, ground="N4")
    cast = [desk.who(unit, role) for unit in (COUNTY, CITY, PROVINCE) for role in ROLES]
    assert not any(sees(who, clue) for who in cast)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(SearchRow).where(SearchRow.clue_id == clue)) == 0
        assert session.scalar(select(func.count()).select_from(SuggestionRow).where(SuggestionRow.clue_id == clue)) == 0
        no = session.get_one(Clue, clue).no
        assert casework.find_quarantined(session, lead, no) is not None
        assert casework.find_quarantined(session, desk.who(COUNTY), no) is None
        assert casework.find_quarantined(session, desk.who(CITY, Role.LEAD), no) is None
        sheet = casework.hand_over_sheet(session, session.get_one(Clue, clue))
    assert len(sheet.sha256) == 64
    assert "涉密" not in repr(sheet)
    assert desk.refused(clue, "quarantine.hand_over", lead, number="1", receiver="x").kind == "state", "told first"
    desk.tell(clue)
    desk.act(clue, "quarantine.hand_over", lead, number="保移〔2026〕1号", receiver="市国家安全局")
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        for number in {row.key_id, session.get_one(Intake, first_intake(session, clue)).key_id}:
            with pytest.raises(sealing.SealError):
                sealing.open_key(session, number)
        left = casework.hand_over_sheet(session, row)
        assert (left.no, left.sha256) == (sheet.no, sheet.sha256)
        assert left.handed_over is not None
        assert left.handed_over.shredded_at is not None


def first_intake(session: Session, clue_id: int) -> int:
    from hub.models import IntakeClue

    return session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue_id)).all()[0]


def test_what_touches_no_other_clue_is_all_that_is_shredded(desk: Desk) -> None:
    clue = desk.clue()
    made = desk.act(clue, "split", reason_text="两个地点").made
    assert made is not None
    lead = desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", lead, ground="N4")
    desk.tell(clue)
    desk.act(clue, "quarantine.hand_over", lead, number="1", receiver="市国家安全局")
    with db.reading() as session:
        sealing.open_key(session, session.get_one(Intake, first_intake(session, made.id)).key_id)
        sealing.open_key(session, session.get_one(Clue, made.id).key_id)


def test_quarantine_is_lifted_only_before_the_hand_over(desk: Desk) -> None:
    clue = desk.clue()
    lead = desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", lead, ground="N4")
    desk.act(clue, "quarantine.release", lead, reason_text="经核不涉密")
    assert sees(lead, clue)
    desk.act(clue, "reopen.determination", lead, reason_text="判定有误")
    assert desk.state(clue) == "to_determine"


def test_intakes_of_a_hidden_clue_are_in_no_list(desk: Desk) -> None:
    operator, mine = desk.who(COUNTY, Role.OPERATOR), received(desk, MENTION)
    hidden = received(desk, ACCUSING)
    with db.transaction() as session:
        numbers = [first_intake(session, mine), first_intake(session, hidden)]
        assert [row.id for row in following.followed(session, operator, numbers)] == numbers[:1]
        session.execute(update(Intake).where(Intake.id.in_(numbers)).values(state="manual"))
        assert [row.id for row in session.scalars(people.manual_intakes(operator))] == numbers[:1]


def test_members_of_a_group_are_hidden_with_it(desk: Desk) -> None:
    main, member = desk.clue(), desk.clue(reporter={"name": "李四", "phone": "13900000000"})
    for clue in (main, member):
        desk.p1(clue)
    same = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
    desk.act(member, "merge", main=main, **same)
    with db.transaction() as session:
        casework.look_for_walls(session, session.get_one(Clue, member), ["桃江县国土局局长受贿。"])
    for clue in (main, member):
        assert (owner(desk, clue), sees(desk.who(COUNTY), clue)) == (CITY, False)
    desk.act(main, "wall.release", desk.who(CITY, Role.LEAD), reason_text="不实")
    for clue in (main, member):
        assert (owner(desk, clue), sees(desk.who(COUNTY), clue)) == (COUNTY, True)


def test_refused_looks_leave_a_trace_that_names_no_content(hub: Path, desk: Desk) -> None:
    del hub
    clue = received(desk, ACCUSING)
    who = desk.who(COUNTY)
    people.watch()
    with db.reading() as session:
        no = session.get_one(Clue, clue).no
        assert people.find(session, who, no) is None
        assert people.find(session, who, "430922-20260302-01-999999") is None
    found = people.refused()
    assert [(row.actor, row.object) for row in found] == [(who.label, f"clue:{clue}"), (who.label, who.label)]
    assert people.refused() == []


def test_days_held_are_attributed_to_the_superior(desk: Desk) -> None:
    clue = received(desk, ACCUSING)
    with db.reading() as session:
        rows = session.scalars(select(Hold).where(Hold.clue_id == clue).order_by(Hold.id))
        assert [row.until is None for row in rows] == [False, True]


def test_walls_are_few_rows_that_say_who_and_when(desk: Desk) -> None:
    clue = desk.clue()
    me = desk.who(COUNTY, Role.HANDLER, "me")
    desk.act(clue, "recuse", me, reason_text="亲属")
    with db.reading() as session:
        row = session.scalars(select(Wall)).one()
        assert (row.user_id, row.by_user, row.decided_by, row.since) == (me.user_id, me.user_id, me.user_id, desk.now)
        assert walls.people_behind(session, clue) == {me.user_id}
        assert not walls.quarantined(session, clue)
        shown = casework.walls_of(session, session.get_one(Clue, clue))
    assert [(one["name"], one["reason"]) for one in shown] == [(me.name, "recusal")]
    assert quarantine.KINDS["quarantine.hand_over"] == "secrecy"
