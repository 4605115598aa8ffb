"""Who may keep, dispose of, mark, approve or enter what: each refusal in words, each right with its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from hub import casework, clock, db
from hub.casework import (
    chains,
    competence,
    disposal,
    protection,
    scopes,
)
from hub.models import (
    Clue,
    ClueReporter,
    Grant,
    MisuseMark,
    Officer,
    ScopeChange,
)
from hub.terms import Role
from tests.integration.casework.conftest import CITY, MINISTRY, OFFICERS, SIBLING, Desk
from tests.integration.casework.test_corners import refuses


def test_lists_of_areas_are_kept_by_their_own(desk: Desk) -> None:
    """Art. 8, 20: what an area filed or entered ends by its own people, once, and not backwards."""
    admin, other = desk.who(CITY, Role.SYSADMIN), desk.who("430100", Role.SYSADMIN)
    lead = desk.who(CITY, Role.LEAD)
    today = clock.china(desk.now).date()
    new = competence.NewEntry("市林业局", "verify", "三定规定", today, CITY, "K2")
    refuses("环节", lambda s: competence.add_entry(s, admin, replace(new, stage="x")))
    with db.transaction() as session:
        entry = competence.add_entry(session, admin, new).id
        change = scopes.file_scope_change(
            session, lead, class_code="T5", filing_no="益备1号", filed_on=today, add_text="擅自移动界桩"
        ).id
    refuses("没有这条", lambda s: competence.end_entry(s, other, entry, today + timedelta(1)))
    refuses("终止日期", lambda s: competence.end_entry(s, admin, entry, today))
    refuses("没有这项", lambda s: scopes.end_scope_change(s, desk.who(SIBLING, Role.LEAD), change, today, "x"))
    refuses("晚于备案", lambda s: scopes.end_scope_change(s, lead, change, today, "益备2号"))
    with db.transaction() as session:
        scopes.end_scope_change(session, lead, change, today + timedelta(1), "益备2号")
        assert session.get_one(ScopeChange, change).valid_to == today + timedelta(1)
    refuses("已失效", lambda s: scopes.end_scope_change(s, lead, change, today + timedelta(2), "益备3号"))


def test_nobody_fills_a_step_of_another_unit(desk: Desk) -> None:
    """§5, approval chains: the steps are filled in the unit whose chain it is."""
    with db.transaction() as session:
        lead = desk.who(role=Role.LEAD)
        casework.set_chain(session, lead, "determine.P3", [casework.Step("审批", Role.LEAD)], None)
        ((_, (step,)),) = chains.chains(session, lead.unit_id)
        assert chains.fills(session, lead, step, lead.unit_id) == [None]
        assert chains.fills(session, desk.who(SIBLING, Role.LEAD), step, lead.unit_id) == []


def test_who_may_keep_or_dispose_of_a_clue(desk: Desk) -> None:
    """J7: the lead of the unit that handles it, with a reason, once; a lead beside or above holds nothing."""
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)

    def hold(who: Any, reason: str = "诉讼中") -> Callable[[Any], object]:
        return lambda session: disposal.hold(session, who, session.get_one(Clue, clue), reason)

    refuses("负责人", hold(desk.who()))
    refuses("承办单位", hold(desk.who(SIBLING, Role.LEAD)))
    refuses("理由", hold(lead, " "))
    refuses("没有暂缓", lambda s: disposal.lift(s, lead, s.get_one(Clue, clue)))
    refuses("尚未办结", lambda s: disposal.propose(s, lead, s.get_one(Clue, clue)))
    refuses("承办单位", lambda s: disposal.propose(s, desk.who(SIBLING, Role.LEAD), s.get_one(Clue, clue)))
    with db.transaction() as session:
        hold(lead)(session)
    refuses("已暂缓", hold(lead))
    with db.reading() as session:
        assert disposal.asked(session, desk.who()) == [], "handlers decide nothing here"
        assert protection.marks(session, desk.who()) == []


def test_a_main_clue_is_kept_while_its_group_is_open(desk: Desk) -> None:
    """J7, Art. 13: what was found at the main clue is the members' result too."""
    main, member, lead = desk.clue(), desk.clue(), desk.who(role=Role.LEAD)
    desk.act(main, "determine.P3", ground="N3")
    desk.tell(main)
    with db.transaction() as session:
        session.execute(update(Clue).where(Clue.id == member).values(main_id=main))
    desk.go("2040-03-02T09:00")
    own = desk.clue()
    desk.act(own, "determine.P3", ground="N3")
    desk.tell(own)
    desk.go("2060-03-02T09:00")
    with db.transaction() as session:
        number = disposal.propose(session, lead, session.get_one(Clue, own)).id
        disposal.decide(session, desk.who(role=Role.LEAD, name="b"), number, agree=False)
    refuses("已经处理", lambda s: disposal.decide(s, desk.who(role=Role.LEAD, name="b"), number, agree=True))
    refuses("并案成员", lambda s: disposal.propose(s, lead, s.get_one(Clue, main)))


def test_a_leak_is_not_closed_by_who_reported_it(desk: Desk) -> None:
    """J11: another lead closes it, and says what was done."""
    one, other = desk.who(role=Role.LEAD), desk.who(role=Role.LEAD, name="b")
    with db.transaction() as session:
        leak = protection.report_leak(session, one, "lost", "笔记本遗失，已挂失", desk.now).id
    refuses("不能自己办结", lambda s: protection.close_leak(s, one, leak, "已收回并道歉"))
    refuses("没有这个事件", lambda s: protection.close_leak(s, desk.who(), leak, "已收回并道歉"))
    refuses("处置措施", lambda s: protection.close_leak(s, other, leak, " "))


def test_marks_of_misuse_are_the_leads_of_the_unit(desk: Desk) -> None:
    """J13: proposed once by a lead of the handling unit for a reporter of the clue; decided once."""
    clue, lead, other = desk.clue(), desk.who(role=Role.LEAD), desk.who(role=Role.LEAD, name="b")
    with db.reading() as session:
        reporter = session.scalars(select(ClueReporter.reporter_id)).one()

    def mark(who: Any, which: int = reporter, reason: str = "多次捏造事实") -> Callable[[Any], int]:
        return lambda session: protection.mark(session, who, session.get_one(Clue, clue), which, reason).id

    refuses("承办单位负责人", mark(desk.who()))
    refuses("没有这个举报人", mark(lead, 999))
    refuses("理由", mark(lead, reason=" "))
    with db.transaction() as session:
        number = mark(lead)(session)
    refuses("已有标记", mark(other))
    refuses("没有这个标记", lambda s: protection.confirm_mark(s, desk.who(SIBLING, Role.LEAD), number, agree=True))
    with db.transaction() as session:
        protection.confirm_mark(session, other, number, agree=False)
    refuses("已经处理", lambda s: protection.confirm_mark(s, other, number, agree=True))
    with db.reading() as session:
        assert session.get_one(MisuseMark, number).state == "refused"


def test_who_may_read_a_notice_of_holidays_in(desk: Desk) -> None:
    """W1: the calendar is its keepers'; a handler puts none forward."""
    refuses("无权", lambda s: casework.propose_calendar(s, desk.who(), "关于2027年安排的通知"))


def test_words_of_a_proposal_keep_their_shape(desk: Desk) -> None:
    """§5: what is proposed is what is done at the last step: officers, days and moments come back as they were."""
    clue, lead, handler = desk.clue(), desk.who(role=Role.LEAD), desk.who()
    desk.p1(clue)
    with db.transaction() as session:
        casework.set_chain(session, lead, "verify.start", [casework.Step("审批", Role.LEAD)], None)
    data = {"officers": OFFICERS, "started": date(2026, 3, 2)}
    with db.transaction() as session:
        row = casework.propose(session, handler, session.get_one(Clue, clue), "verify.start", data, None)
        number = row.id
    refuses("无权查看", lambda s: casework.approval_sheet(s, desk.who(role=Role.OPERATOR), number))
    with db.transaction() as session:
        casework.decide(session, lead, number, "approve", "同意")
        assert [one.id for one in casework.proposals_of(session, clue)] == [number]
    with db.reading() as session:
        names = session.scalars(select(Officer.name).order_by(Officer.certificate)).all()
    assert names == ["甲", "乙"]


def test_a_proposer_who_left_proposes_nothing(desk: Desk) -> None:
    """§5: at the last step the act is its proposer's; one who no longer works in the unit does none."""
    clue, lead, handler = desk.clue(), desk.who(role=Role.LEAD), desk.who()
    with db.transaction() as session:
        casework.set_chain(session, lead, "determine.P3", [casework.Step("审批", Role.LEAD)], None)
    with db.transaction() as session:
        number = casework.propose(
            session, handler, session.get_one(Clue, clue), "determine.P3", {"ground": "N3"}, None
        ).id
    with db.transaction() as session:
        session.execute(update(Grant).where(Grant.user_id == handler.user_id).values(unit_id=desk.who(CITY).unit_id))
    refuses("已不在本单位", lambda s: casework.decide(s, lead, number, "approve", "同意"))
    assert desk.state(clue) == "to_determine"


def test_a_division_nobody_knows(desk: Desk) -> None:
    new = competence.NewEntry("市林业局", "verify", "三定规定", date(2026, 3, 1), "999999", "K2")
    refuses("行政区划代码", lambda s: competence.add_entry(s, desk.who(MINISTRY, Role.SYSADMIN), new))
