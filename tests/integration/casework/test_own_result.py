"""A member of a group with a result of its own: told alone, untouched by the group's, and unmerged as never merged."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from hub import db
from hub.models import Event, Membership
from hub.terms import Role
from tests.integration.casework.conftest import OFFICERS, Desk, snapshot

SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}


def group(desk: Desk, *, determined: bool = True) -> tuple[int, int]:
    """A main clue whose verification runs, and its member."""
    main, member = desk.clue(), desk.clue()
    desk.p1(main)
    if determined:
        desk.p1(member)
    desk.act(member, "merge", main=main, **SAME)
    desk.act(main, "verify.start", officers=OFFICERS, started="2026-03-02")
    for clue in (main, member):
        desk.tell(clue)
    return main, member


def test_a_member_gets_its_own_result(desk: Desk) -> None:
    main, member = group(desk)
    desk.go(timedelta(days=1))
    desk.act(member, "result.own", result="R0", ended="2026-03-03")
    assert (desk.state(member), desk.read(member).result) == ("to_tell", "R0")
    assert desk.kinds(member) == ["accepted", "no_violation"]
    clock = desk.clock(member, "result")
    assert (clock.base.isoformat(), clock.days, clock.article) == ("2026-03-03", 5, "第十四条")
    assert desk.state(main) == "verifying"
    assert desk.read(main).result is None
    desk.go(timedelta(days=1))
    desk.act(main, "verify.end", result="R1", ended="2026-03-04")
    assert desk.read(member).result == "R0", "the group's result does not reach it"
    assert desk.kinds(member) == ["accepted", "no_violation"]
    desk.tell(main)
    assert desk.state(main) == "closed", "the group's clock does not wait for a result of its own"
    assert desk.state(member) == "to_tell"
    desk.tell(member)
    assert (desk.state(member), desk.read(member).close_reason) == ("closed", "no_violation")
    desk.act(main, "reopen.result", desk.who(role=Role.LEAD), reason_text="结果有误")
    assert desk.state(member) == "closed", "nor does the group's correction"
    with db.reading() as session:
        event = session.scalars(select(Event).where(Event.act == "result.own")).one()
        assert event.data["article"] == "第十三条"
        assert event.data["main"] == main


def test_unmerged_before_it_was_told_it_is_as_never_merged(desk: Desk) -> None:
    _, member = group(desk)
    twin = desk.clue()
    desk.p1(twin)
    desk.tell(twin)
    desk.act(member, "result.own", result="R0", ended="2026-03-02")
    desk.act(member, "unmerge", reason_text="不是同一地块")
    one, other = desk.read(member), desk.read(twin)
    for name in ("state", "determination", "result", "main_id", "handler_id", "owner_unit_id", "close_reason"):
        assert getattr(one, name) == getattr(other, name), name
    assert desk.clock(member, "result").ended_as == "superseded"
    live = [(row.kind, row.base, row.due, row.ended_as) for row in desk.clocks(member) if row.kind != "result"]
    assert live == [(row.kind, row.base, row.due, row.ended_as) for row in desk.clocks(twin)]
    desk.verified(member)
    assert desk.read(member).result == "R1"


def test_its_own_result_is_corrected_alone(desk: Desk) -> None:
    main, member = group(desk)
    desk.act(member, "result.own", result="R0", ended="2026-03-02")
    desk.tell(member)
    assert desk.state(member) == "closed"
    desk.act(member, "reopen.result", desk.who(role=Role.LEAD), reason_text="结果有误")
    assert (desk.state(member), desk.read(member).main_id) == ("verifying", None), "it leaves the group"
    assert desk.state(main) == "verifying"
    with db.reading() as session:
        assert session.scalars(select(Membership)).one().left_at is not None


def test_what_is_refused(desk: Desk) -> None:
    main, member = desk.clue(), desk.clue()
    desk.act(member, "merge", main=main, **SAME)
    data = {"result": "R0", "ended": "2026-03-02"}
    assert desk.refused(member, "result.own", **data).name == "determined"
    desk.act(member, "determine.member", place="430922", **{"class": "T2"})
    assert desk.refused(member, "result.own", **data).name == "verification_runs"
    desk.p1(main)
    desk.act(main, "verify.start", officers=OFFICERS, started="2026-03-02")
    assert desk.refused(member, "result.own", result="R0", ended="2026-03-03").name == "ended_in_order", "future"
    desk.go(timedelta(days=2))
    desk.act(main, "verify.record", visited="2026-03-04")
    assert desk.refused(member, "result.own", result="R0", ended="2026-03-03").name == "ended_in_order", "last record"
    assert desk.refused(main, "result.own", **data).kind == "state"
    before = snapshot(main)["notice"]
    desk.act(member, "result.own", result="R1", ended="2026-03-04")
    assert snapshot(main)["notice"] == before
    assert desk.refused(member, "result.own", result="R1", ended="2026-03-04").kind == "state", "one is enough"


def test_a_member_whose_determination_is_corrected_leaves_the_group(desk: Desk) -> None:
    """Found by the state machine: it was given back to a verification that its new determination knows nothing of."""
    main, member = group(desk)
    desk.act(main, "verify.end", result="R1", ended="2026-03-02")
    assert (desk.state(member), desk.read(member).main_id) == ("to_tell", main)
    desk.act(member, "reopen.determination", desk.who(role=Role.LEAD), reason_text="判定有误")
    desk.act(member, "determine.P3", ground="N3")
    assert desk.refused(member, "unmerge", reason_text="不是同一地块").name == "is_member"
    assert desk.read(member).main_id is None
    for clue in (main, member):
        desk.tell(clue)
        assert desk.state(clue) == "closed"
