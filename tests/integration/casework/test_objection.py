"""The sender may object once to a kind other than clue; such decisions are counted and sampled (PRODUCT §4)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access import audit
from hub.access.people import Actor
from hub.models import Clue, Event, Intake, IntakeClue, KindDecision, KindObjection
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk, at
from tests.integration.casework.test_kinds import intake_of, say
from tests.integration.casework.test_races import check_history


def none_at_all(desk: Desk, clue: int, kind: str = "consultation") -> int:
    """Two people say the clue is none; its intake."""
    intake = intake_of(clue)
    say(desk.who(role=Role.OPERATOR), intake, kind)
    say(desk.who(role=Role.OPERATOR, name="b"), intake, kind)
    assert desk.read(clue).close_reason == "not_a_clue"
    return intake


def object_to(who: Actor, intake: int, reason: str = "我举报的是占地", **proof: str) -> list[int]:
    with db.transaction() as session:
        row = session.get_one(Intake, intake)
        return [clue.id for clue in casework.object_to_kind(session, who, row, reason, proof)]


def refused(who: Actor, intake: int, reason: str = "x", **proof: str) -> casework.RefusedError:
    with pytest.raises(casework.RefusedError) as error:
        object_to(who, intake, reason, **proof)
    return error.value


def test_an_objection_reopens_with_the_old_base(desk: Desk) -> None:
    clue = desk.clue()
    code = desk.code(clue)
    desk.go("2026-03-04T10:00")
    intake = none_at_all(desk, clue)
    assert desk.clock(clue, "determination").ended_as == "superseded"
    desk.go("2026-03-06T10:00")
    assert object_to(desk.who(role=Role.OPERATOR), intake, proof="query_code", query_code=code) == [clue]
    assert desk.state(clue) == "to_determine"
    row = desk.clock(clue, "determination")
    assert (row.number, row.base.isoformat(), row.due.isoformat(), row.stopped_at) == (
        1, "2026-03-02", "2026-03-11", None,
    )  # fmt: skip
    desk.p1(clue)
    with db.reading() as session:
        assert session.get_one(Intake, intake).kind == "clue"
        event = session.scalars(select(Event).where(Event.act == "reopen.objection")).one()
        assert event.data["restored"] == "to_determine"
        assert "占地" not in str(event.data)
        assert audit.verify(session).ok
    check_history(clue)


def test_a_second_objection_is_refused(desk: Desk) -> None:
    clue, who = desk.clue(), desk.who(role=Role.OPERATOR)
    code = desk.code(clue)
    intake = none_at_all(desk, clue)
    desk.go(timedelta(hours=1))
    proof = {"proof": "query_code", "query_code": code}
    object_to(who, intake, **proof)
    assert refused(who, intake, **proof).name == "kind_decided", "it is a clue now"
    desk.go(timedelta(hours=1))
    lone = desk.refused(clue, "close.not_a_clue", desk.who(), kind="consultation", reason="x")
    assert lone.name == "second_person_after_registration", "the two people of before count no more"
    none_at_all(desk, clue, "invalid")
    desk.go(timedelta(hours=1))
    assert refused(who, intake, **proof).name == "first_objection"
    assert desk.state(clue) == "closed"


def test_who_objects_must_be_the_sender(desk: Desk) -> None:
    clue, who = desk.clue(), desk.who(role=Role.OPERATOR)
    intake = none_at_all(desk, clue)
    assert refused(who, intake).name == "proof"
    assert refused(who, intake, proof="query_code", query_code="WRON-GWRO-NGWR").name == "proved"
    assert refused(who, intake, proof="caller_number").kind == "value"
    assert refused(who, intake, " ").name == "reason"
    assert refused(desk.who(SIBLING, Role.OPERATOR), intake).kind == "unit"
    assert refused(desk.who(role=Role.AUDITOR), intake).kind == "role"
    assert desk.state(clue) == "closed"
    object_to(who, intake, proof="name_and_contact", name="张三", contact=f"1380000{clue:04d}")
    assert desk.state(clue) == "to_determine"


def test_a_designated_clue_comes_back_as_designated(desk: Desk) -> None:
    clue = desk.clue()
    code = desk.code(clue)
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=COUNTY, issued="2026-03-02")
    before = [(row.kind, row.due, row.ended_as) for row in desk.clocks(clue)]
    desk.go("2026-03-03T10:00")
    intake = none_at_all(desk, clue)
    desk.go("2026-03-04T10:00")
    object_to(desk.who(), intake, proof="query_code", query_code=code)
    assert desk.state(clue) == "designated"
    assert [(row.kind, row.due, row.ended_as) for row in desk.clocks(clue)] == before
    check_history(clue)


def test_closed_for_another_reason_is_no_case_for_an_objection(desk: Desk) -> None:
    clue = desk.clue()
    code = desk.code(clue)
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    found = desk.refused(clue, "reopen.objection", proof="query_code", query_code=code)
    assert found.name == "closed_as_none"
    assert refused(desk.who(), intake_of(clue)).name == "kind_decided"


def test_an_intake_that_never_was_a_clue_opens_one_with_its_own_time(desk: Desk) -> None:
    who = desk.who(role=Role.OPERATOR)
    with db.transaction() as session:
        intake = desk.intake(session, who.unit_id)
    say(who, intake, "invalid")
    desk.go("2026-03-05T10:00")
    (clue,) = object_to(who, intake)
    assert desk.state(clue) == "to_determine"
    assert desk.clock(clue, "determination").base.isoformat() == "2026-03-02"
    with db.reading() as session:
        assert session.scalars(select(IntakeClue.clue_id).where(IntakeClue.intake_id == intake)).all() == [clue]
        assert session.get_one(Clue, clue).at == at("2026-03-02T09:00")
    none_at_all(desk, clue)
    desk.go(timedelta(hours=1))
    assert refused(who, intake, proof="query_code", query_code="x").name == "first_objection"


def span() -> tuple[datetime, datetime]:
    return at("2026-03-01T00:00"), at("2026-04-01T00:00")


def test_decisions_are_counted_per_person_and_unit_and_sampled(desk: Desk) -> None:
    lead, one = desk.who(role=Role.LEAD), desk.who(role=Role.OPERATOR)
    closed = [desk.clue() for _ in range(3)]
    code = desk.code(closed[0])
    for clue in closed:
        none_at_all(desk, clue)
    with db.transaction() as session:
        alone = desk.intake(session, one.unit_id)
    say(one, alone, "invalid")
    desk.go(timedelta(hours=1))
    object_to(one, intake_of(closed[0]), proof="query_code", query_code=code)
    other = desk.who(role=Role.OPERATOR, name="b")
    expected = {(other.user_id, 3, 3, 1), (one.user_id, 1, 0, 0)}
    for who in (lead, desk.who(CITY, Role.SUPERVISOR)):
        with db.reading() as session:
            found = casework.kind_counts(session, who, *span())
        assert {(row.user_id, row.decisions, row.was_clue, row.objected) for row in found} == expected
    with db.reading() as session:
        assert casework.kind_counts(session, desk.who(SIBLING, Role.LEAD), *span()) == []
        assert casework.kind_counts(session, lead, at("2026-03-03T00:00"), at("2026-04-01T00:00")) == []
        draws = {
            seed: [row.id for row in casework.quality_sample(session, lead, *span(), 2, seed)] for seed in range(8)
        }
        assert all(len(ids) == 2 for ids in draws.values())
        assert [row.id for row in casework.quality_sample(session, lead, *span(), 2, 3)] == draws[3]
        assert len({tuple(ids) for ids in draws.values()}) > 1, "by chance"
        assert len(casework.quality_sample(session, lead, *span(), 100)) == 4
        for ask in (casework.kind_counts, lambda *given: casework.quality_sample(*given, 1)):
            with pytest.raises(casework.RefusedError):
                ask(session, one, *span())
        rows = session.scalars(select(KindDecision).where(KindDecision.was_clue)).all()
        assert all(row.proposed_by == one.user_id for row in rows)
        assert session.scalars(select(KindObjection.decision_id)).one() in {row.id for row in rows}
