"""Approval chains: nothing in force before the last step, one person one step, the clock does not wait (PRODUCT §5)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from hub import casework, db
from hub.access import audit
from hub.access.people import Actor
from hub.casework.approvals import Sheet
from hub.models import ActProposal, Clue, Event, Grant, User
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk, snapshot

P1 = {"place": COUNTY, "class": "T2"}
REVIEW, APPROVAL = casework.Step("审核", Role.HANDLER), casework.Step("审批", Role.LEAD)


def chain(who: Actor, act: str, *steps: casework.Step, since: date | None = None) -> None:
    with db.transaction() as session:
        casework.set_chain(session, who, act, steps, since)


def propose(who: Actor, clue_id: int, act: str, version: int | None = None, **data: object) -> int:
    with db.transaction() as session:
        return casework.propose(session, who, session.get_one(Clue, clue_id), act, data, version).id


def decide(who: Actor, proposal: int, verdict: str = "approve", opinion: str = "同意") -> casework.Done | None:
    with db.transaction() as session:
        return casework.decide(session, who, proposal, verdict, opinion)


def refused(who: Actor, proposal: int, verdict: str = "approve", opinion: str = "同意") -> casework.RefusedError:
    with pytest.raises(casework.RefusedError) as error:
        decide(who, proposal, verdict, opinion)
    return error.value


def listed(who: Actor) -> list[tuple[int, bool]]:
    with db.reading() as session:
        return [(one.id, one.may_decide) for one in casework.open_proposals(session, who)]


def printed(who: Actor, proposal: int) -> Sheet:
    with db.reading() as session:
        return casework.approval_sheet(session, who, proposal)


def test_two_steps_then_it_happens(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P3", REVIEW, APPROVAL)
    refusal = desk.refused(clue, "determine.P3", ground="N3", words="土地权属纠纷")
    assert (refusal.kind, refusal.article) == ("approval", "第十二条第（三）项")
    assert "须经审批" in str(refusal)
    before = snapshot(clue)
    proposal = propose(desk.who(), clue, "determine.P3", ground="N3", words="土地权属纠纷")
    after = snapshot(clue)
    assert [row[1] for row in after.pop("event")][-1] == "approval.propose"
    before.pop("event")
    assert after == before, "nothing of it is in force"
    desk.go("2026-03-04T10:00")
    assert decide(desk.who(name="b"), proposal, opinion="事实清楚") is None
    assert desk.state(clue) == "to_determine"
    desk.go("2026-03-12T10:00")  # the 7 working days ended on the 11th: the clock did not wait
    done = decide(lead, proposal, opinion="拟同意")
    assert done is not None
    assert desk.state(clue) == "to_tell"
    with db.reading() as session:
        event = session.scalars(select(Event).where(Event.act == "determine.P3")).one()
        assert event.at == desk.now, "it happens at the last step"
        assert event.actor == desk.who().label
        assert event.data["proposal"] == proposal
        assert event.data["approved_by"] == [desk.who(name="b").user_id, lead.user_id]
        assert audit.verify(session).ok
    assert desk.kinds(clue) == ["out_of_scope"]
    desk.tell(clue)
    assert desk.clock(clue, "determination").late
    paper = printed(lead, proposal)
    assert [(line.label, line.verdict, line.opinion) for line in paper.lines] == [
        ("提出", "", ""), ("审核", "同意", "事实清楚"), ("审批", "同意", "拟同意"),
    ]  # fmt: skip
    assert paper.data == {"ground": "N3", "words": "土地权属纠纷"}
    assert paper.state == "done"


def test_words_and_opinions_are_sealed(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P3", APPROVAL)
    proposal = propose(desk.who(), clue, "determine.P3", ground="N3", words="与邻居争地界")
    decide(lead, proposal, "send_back", "请补充材料说明")
    with db.reading() as session:
        for table in ("act_proposal", "approval_decision", "event"):
            rows = str(session.execute(text(f"select {table}.*::text from {table}")).all())
            assert "争地界" not in rows
            assert "补充材料" not in rows
            for word in ("争地界", "补充材料"):
                assert word.encode().hex() not in rows
    assert printed(lead, proposal).lines[-1].opinion == "请补充材料说明"


def test_sent_back_and_withdrawn(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P1", APPROVAL)
    proposal = propose(desk.who(), clue, "determine.P1", **P1)
    assert refused(lead, proposal, "send_back", " ").name == "opinion"
    assert refused(lead, proposal, "maybe").name == "verdict"
    decide(lead, proposal, "send_back", "地点不清")
    assert desk.state(clue) == "to_determine"
    assert refused(lead, proposal).kind == "state", "it has ended"
    again = propose(desk.who(), clue, "determine.P1", **P1)
    with pytest.raises(casework.RefusedError, match="正在审批"):
        propose(desk.who(name="b"), clue, "determine.P1", **P1)
    with db.transaction() as session, pytest.raises(casework.RefusedError, match="只有提出人"):
        casework.withdraw(session, desk.who(name="b"), again)
    with db.transaction() as session:
        casework.withdraw(session, desk.who(), again)
    assert listed(lead) == []
    assert desk.state(clue) == "to_determine"


def test_one_person_never_fills_two_steps(desk: Desk) -> None:
    clue, lead, other = desk.clue(), desk.who(role=Role.LEAD), desk.who(role=Role.LEAD, name="b")
    chain(lead, "determine.P1", casework.Step("审核", Role.LEAD), APPROVAL)
    proposal = propose(lead, clue, "determine.P1", **P1)
    assert refused(lead, proposal).name == "other_person", "not one's own proposal"
    decide(other, proposal)
    assert refused(other, proposal).name == "other_person", "nor the second step"
    assert refused(desk.who(), proposal).kind == "role"
    assert desk.state(clue) == "to_determine"
    assert listed(other) == [(proposal, False)]
    third = desk.who(role=Role.LEAD, name="c")
    assert listed(third) == [(proposal, True)]
    decide(third, proposal)
    assert desk.state(clue) == "verifying"


def test_a_deputy_fills_the_step_of_who_is_absent(desk: Desk) -> None:
    clue, lead, deputy = desk.clue(), desk.who(role=Role.LEAD), desk.who(name="b")
    named = casework.Step("审批", Role.LEAD, lead.user_id)
    chain(lead, "determine.P1", named)
    proposal = propose(desk.who(), clue, "determine.P1", **P1)
    assert refused(deputy, proposal).kind == "role"
    assert refused(desk.who(role=Role.LEAD, name="c"), proposal).kind == "role", "a named person"
    with db.transaction() as session:
        absence = casework.set_absence(
            session, lead, lead.user_id, deputy.user_id, date(2026, 3, 3), date(2026, 3, 5)
        ).id
    assert refused(deputy, proposal).kind == "role", "not yet"
    desk.go("2026-03-06T09:00")
    assert refused(deputy, proposal).kind == "role", "not any more"
    desk.go("2026-03-05T23:00")
    decide(deputy, proposal, opinion="代为同意")
    assert desk.state(clue) == "verifying"
    line = printed(lead, proposal).lines[-1]
    assert (line.person, line.deputy_for) == (deputy.name, lead.name)
    with db.transaction() as session:
        casework.end_absence(session, lead, absence)
    other = desk.clue()
    second = propose(desk.who(), other, "determine.P1", **P1)
    assert refused(deputy, second).kind == "role", "back earlier"


def test_a_deputy_never_approves_what_the_absent_proposed(desk: Desk) -> None:
    clue, lead, deputy = desk.clue(), desk.who(role=Role.LEAD), desk.who(name="b")
    chain(lead, "determine.P1", APPROVAL)
    proposal = propose(lead, clue, "determine.P1", **P1)
    with db.transaction() as session:
        casework.set_absence(session, lead, lead.user_id, deputy.user_id, date(2026, 3, 2), date(2026, 3, 5))
    assert refused(deputy, proposal).name == "other_person"


def test_checks_run_again_at_the_last_step(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P3", APPROVAL)
    proposal = propose(desk.who(), clue, "determine.P3", ground="N3")
    desk.p1(clue)  # somebody determined it otherwise, where no approval is wanted
    assert "线索已变化" in str(refused(lead, proposal))
    assert listed(lead) == [(proposal, True)], "it stays, to be sent back"
    decide(lead, proposal, "send_back", "已受理")

    other = desk.clue()
    chain(lead, "assign", APPROVAL)
    handler = desk.who(name="z")
    proposal = propose(desk.who(), other, "assign", handler=handler.user_id)
    with db.transaction() as session:
        session.execute(update(User).where(User.id == handler.user_id).values(active=False))
    error = refused(lead, proposal)
    assert "审批时已不能办理" in str(error)
    assert error.rule == "assign"

    proposer = desk.who(name="q")
    third = desk.clue()
    proposal = propose(proposer, third, "assign", handler=desk.who().user_id)
    with db.transaction() as session:
        session.execute(update(Grant).where(Grant.user_id == proposer.user_id).values(role=Role.STATISTICIAN))
    assert refused(lead, proposal).kind == "role", "the proposer may not do it any more"
    assert desk.read(third).handler_id is None


def test_only_what_is_lawful_can_be_proposed(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P1", APPROVAL)
    chain(lead, "assign", APPROVAL)
    before = snapshot(clue)
    for who, act, data, kind in (
        (desk.who(), "determine.P1", {"class": "T2"}, "missing"),
        (desk.who(), "determine.P1", {**P1, "place": SIBLING}, "guard"),
        (desk.who(), "assign", {"handler": 999_999}, "value"),  # what the act itself refuses
        (desk.who(role=Role.OPERATOR), "determine.P1", P1, "role"),
        (desk.who(SIBLING), "determine.P1", P1, "unit"),
        (desk.who(), "determine.P3", {"ground": "N3"}, "approval"),  # none wanted
        (desk.who(), "force_close", {}, "state"),
    ):
        with pytest.raises(casework.RefusedError) as error:
            propose(who, clue, act, **data)
        assert error.value.kind == kind, act
    with pytest.raises(casework.StaleError):
        propose(desk.who(), clue, "determine.P1", version=99, **P1)
    assert snapshot(clue) == before


def test_chains_are_dated(desk: Desk) -> None:
    lead = desk.who(role=Role.LEAD)
    chain(lead, "determine.P1", APPROVAL, since=date(2026, 3, 4))
    first = desk.clue()
    desk.p1(first)  # not in force yet
    desk.go("2026-03-04T00:00")
    second = desk.clue()
    assert desk.refused(second, "determine.P1", **P1).kind == "approval"
    proposal = propose(desk.who(), second, "determine.P1", **P1)
    desk.go("2026-03-05T09:00")
    chain(lead, "determine.P1")  # no steps: ended
    third = desk.clue()
    desk.p1(third)
    decide(lead, proposal)
    assert desk.state(second) == "verifying", "what was begun under a chain ends under it"
    sibling = desk.clue(SIBLING)
    desk.p1(sibling, desk.who(SIBLING), SIBLING)  # another unit's chain is not theirs


@pytest.mark.parametrize(
    ("act", "steps", "since", "name"),
    [
        ("follow_up", [APPROVAL], None, ""),
        ("result.member", [APPROVAL], None, ""),
        ("set_kind.other", [APPROVAL], None, ""),
        ("determine.P1", [APPROVAL] * 4, None, "steps"),
        ("determine.P1", [casework.Step("审批", Role.AUDITOR)], None, "steps"),
        ("determine.P1", [casework.Step(" ", Role.LEAD)], None, "steps"),
        ("determine.P1", [casework.Step("审批", Role.LEAD, 999_999)], None, "steps"),
        ("determine.P1", [APPROVAL], date(2026, 3, 1), "since"),
    ],
)
def test_no_such_chain(desk: Desk, act: str, steps: list[casework.Step], since: date | None, name: str) -> None:
    with db.transaction() as session, pytest.raises(casework.RefusedError) as error:
        casework.set_chain(session, desk.who(role=Role.LEAD), act, steps, since)
    assert error.value.name in (name, "act")


def test_who_may_set_chains_and_absences(desk: Desk) -> None:
    one, other, lead = desk.who(), desk.who(name="b"), desk.who(role=Role.LEAD)
    day = date(2026, 3, 3)
    with db.transaction() as session:
        for act in (
            lambda: casework.set_chain(session, one, "assign", [APPROVAL]),
            lambda: casework.set_absence(session, one, other.user_id, one.user_id, day, day),
            lambda: casework.set_absence(session, lead, one.user_id, one.user_id, day, day),
            lambda: casework.set_absence(session, lead, one.user_id, desk.who(CITY).user_id, day, day),
            lambda: casework.set_absence(session, lead, one.user_id, other.user_id, day, day - timedelta(days=1)),
            lambda: casework.set_chain(
                session,
                lead,
                "assign",
                [casework.Step("审", Role.LEAD, lead.user_id), casework.Step("批", Role.LEAD, lead.user_id)],
            ),
            lambda: casework.end_absence(session, lead, 77),
        ):
            with pytest.raises(casework.RefusedError):
                act()


def test_another_unit_sees_no_proposal(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P1", APPROVAL)
    proposal = propose(desk.who(), clue, "determine.P1", **P1)
    for who in (desk.who(SIBLING, Role.LEAD), desk.who(CITY, Role.LEAD), desk.who(role=Role.SYSADMIN)):
        assert listed(who) == []
        assert "没有这项审批" in str(refused(who, proposal))
        with pytest.raises(casework.RefusedError):
            printed(who, proposal)
    assert "没有这项审批" in str(refused(lead, 999_999))


def test_a_designation_is_issued_when_it_is_approved(desk: Desk) -> None:
    clue, head = desk.clue(), desk.who(CITY, Role.LEAD)
    chain(head, "designate", APPROVAL)
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    proposal = propose(desk.who(CITY, Role.SUPERVISOR), clue, "designate", unit=SIBLING, issued=date(2026, 3, 2))
    desk.go("2026-03-05T09:00")
    decide(head, proposal)
    assert desk.clock(clue, "after_designation").base == date(2026, 3, 5)


def test_the_database_keeps_two_steps_of_one_person_apart(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    chain(lead, "determine.P1", casework.Step("审核", Role.LEAD), APPROVAL)
    proposal = propose(desk.who(), clue, "determine.P1", **P1)
    decide(lead, proposal)
    with db.transaction() as session, pytest.raises(IntegrityError, match="uq_approval_decision"):
        session.execute(
            text(
                "insert into approval_decision (proposal_id, step, verdict, opinion, by_user, at)"
                " values (:p, 2, 'approve', '', :u, now())"
            ),
            {"p": proposal, "u": lead.user_id},
        )
    with db.reading() as session:
        assert session.get_one(ActProposal, proposal).step == 2
