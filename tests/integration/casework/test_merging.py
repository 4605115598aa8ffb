"""Merged and taken apart again: equal to a twin that was never merged; each reporter told separately (Art. 13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.models import Clock, Clue, ClueReporter, ClueUnit, IntakeClue, Membership, Notice
from hub.terms import Role
from tests.integration.casework.conftest import CITY, OFFICERS, SIBLING, Desk, at

SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
OWN_OF_A_NOTICE = {"id", "clue_id", "once", "created", "reporter_id", "intake_id", "key_id", "slots", "clock"}


def facts(clue_id: int) -> dict[str, Any]:
    """Everything that stands about a clue but its own ids, number, key and version."""
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        skip = {"id", "no", "key_id", "title", "summary", "version", "recorded_at"}
        found: dict[str, Any] = {
            column.name: getattr(clue, column.name) for column in Clue.__table__.columns if column.name not in skip
        }
        for table, order, drop in (
            (Clock, Clock.id, {"id", "clue_id", "notice_id"}),
            (ClueUnit, ClueUnit.unit_id, {"clue_id"}),
            (
                Notice,
                Notice.id,
                {"id", "clue_id", "once", "created", "reporter_id", "intake_id", "key_id", "slots", "clock"},
            ),
        ):
            rows = session.scalars(select(table).where(table.clue_id == clue_id).order_by(order)).all()
            found[table.__tablename__] = [
                {
                    column.name: getattr(row, column.name)
                    for column in table.__table__.columns
                    if column.name not in drop
                }
                for row in rows
            ]
        found["reporters"] = len(session.scalars(select(ClueReporter).where(ClueReporter.clue_id == clue_id)).all())
        found["intakes"] = len(session.scalars(select(IntakeClue).where(IntakeClue.clue_id == clue_id)).all())
    return found


def add_file(desk: Desk, clue_id: int) -> None:
    with db.transaction() as session:
        clue = session.get_one(Clue, clue_id)
        session.add(IntakeClue(intake_id=desk.intake(session, clue.received_unit_id), clue_id=clue_id))


@pytest.mark.parametrize("determined", ["before", "between", "never"])
def test_merged_and_unmerged_equals_a_twin(desk: Desk, determined: str) -> None:
    """With replies, files, a change of handler and a due day in between."""
    main, member, twin = desk.clue(), desk.clue(), desk.clue()
    both = (member, twin)
    lead = desk.who(role=Role.LEAD)
    one, other = desk.who(), desk.who(name="b")
    for clue in both:
        desk.act(clue, "assign", lead, handler=one.user_id)
        if determined == "before":
            desk.p1(clue)
    desk.act(member, "merge", main=main, **SAME)
    assert desk.state(member) == "merged"
    desk.go("2026-03-03T10:00")
    desk.p1(main)
    desk.act(main, "assign", lead, handler=other.user_id)
    assert desk.read(member).handler_id == other.user_id, "one desk for the group"
    for clue in both:
        add_file(desk, clue)
    if determined == "between":
        desk.act(member, "determine.member", place="430922", **{"class": "T2"})
        desk.p1(twin)
    desk.go("2026-03-12T10:00")  # the due day has passed
    for clue in both:
        desk.tell(clue)
    desk.act(main, "verify.start", officers=OFFICERS, started="2026-03-12")
    desk.act(member, "unmerge", reason_text="不是同一地块")
    assert facts(member) == facts(twin)
    expected = "to_determine" if determined == "never" else "verifying"
    assert desk.state(member) == expected
    if determined == "never":
        for clue in both:
            desk.p1(clue)
        desk.go(timedelta(days=1))
        for clue in both:
            desk.tell(clue)
    assert facts(member) == facts(twin), "and goes on alike"
    assert desk.clock(member, "determination").late


def test_unmerged_after_the_result_but_before_it_was_told(desk: Desk) -> None:
    main, member, twin = desk.clue(), desk.clue(), desk.clue()
    for clue in (main, member, twin):
        desk.p1(clue)
        desk.tell(clue)
    desk.act(member, "merge", main=main, **SAME)
    desk.verified(main)
    assert (desk.state(member), desk.read(member).result) == ("to_tell", "R1")
    desk.act(member, "unmerge", reason_text="不是同一地块")
    after, alone = facts(member), facts(twin)
    assert [row["ended_as"] for row in after["clock"] if row["kind"] == "result"] == ["superseded"]
    assert [row["state"] for row in after["notice"]] == ["told", "recalled"]
    for name in ("clock", "notice"):
        after[name] = [row for row in after[name] if row.get("kind") not in ("result", "violation")]
    assert after == alone
    desk.tell(main)
    assert desk.state(main) == "closed", "nobody of the group is left to be told"


def test_each_is_told_separately_and_the_result_clock_waits_for_all(desk: Desk) -> None:
    main, member, late = desk.clue(), desk.clue(), desk.clue(at=at("2026-03-02T08:00"))
    desk.p1(main)
    desk.p1(member)
    desk.act(member, "merge", main=main, **SAME)
    desk.verified(main)
    assert [desk.kinds(clue) for clue in (main, member)] == [["accepted", "violation"]] * 2
    desk.tell(main)
    assert desk.clock(main, "result").stopped_at is None, "a reporter of the group is not told yet"
    assert desk.state(main) == "to_tell"
    desk.go("2026-03-05T10:00")
    desk.act(late, "merge", main=main, **SAME)
    assert desk.state(late) == "merged", "its own determination comes first"
    desk.act(late, "determine.member", place="430922", **{"class": "T2"})
    assert desk.state(late) == "to_tell"
    assert desk.clock(late, "result").base.isoformat() == "2026-03-05", "five days from joining"
    desk.tell(member)
    assert desk.state(member) == "closed"
    assert desk.state(main) == "to_tell"
    desk.tell(late)
    assert [desk.state(clue) for clue in (main, late)] == ["closed", "closed"]
    assert desk.clock(main, "result").ended_as == "told"
    assert desk.refused(member, "unmerge", reason_text="x").kind == "state"


def test_told_members_are_corrected_not_unmerged(desk: Desk) -> None:
    main, member = desk.clue(), desk.clue()
    for clue in (main, member):
        desk.p1(clue)
        desk.tell(clue)
    desk.act(member, "merge", main=main, **SAME)
    desk.verified(main)
    with db.transaction() as session:
        for row in session.scalars(select(Notice).where(Notice.clue_id == member, Notice.kind == "violation")):
            row.state, row.told_at = "told", desk.now
    assert desk.refused(member, "unmerge", reason_text="x").name == "result_not_told"
    desk.tell(main)
    with db.transaction() as session:
        for row in session.scalars(select(Notice).where(Notice.clue_id == member, Notice.kind == "violation")):
            casework.note_told(session, row.id, desk.now, "SMTP 250")
    assert [desk.state(clue) for clue in (main, member)] == ["closed", "closed"]
    desk.act(main, "reopen.result", desk.who(role=Role.LEAD), reason_text="面积测错")
    assert [desk.state(clue) for clue in (main, member)] == ["verifying", "merged"]
    assert [desk.kinds(clue).count("correction") for clue in (main, member)] == [1, 1]
    desk.verified(main, "R0")
    desk.tell(main)
    desk.tell(member)
    assert [desk.read(clue).close_reason for clue in (main, member)] == ["no_violation"] * 2


def test_what_cannot_be_merged(desk: Desk) -> None:
    main, member = desk.clue(), desk.clue()
    assert desk.refused(member, "merge", main=member, **SAME).name == "main_takes"
    assert desk.refused(member, "merge", main=10**9, **SAME).name == "main_takes"
    assert desk.refused(member, "merge", main=desk.clue(CITY), **SAME).name in ("one_owner", "main_takes")
    assert desk.refused(member, "merge", main=desk.clue(SIBLING), **SAME).name == "main_takes"
    assert desk.refused(member, "merge", main=main, **{**SAME, "same_time": False}).name == "same_act"
    one, other = desk.clue(reporter={"openid": "o-1"}), desk.clue(reporter={"openid": "o-1"})
    assert desk.refused(other, "merge", main=one, **SAME).name == "other_reporter"
    desk.act(member, "merge", main=main, **SAME)
    assert desk.refused(member, "merge", main=one, **SAME).kind == "state"
    assert desk.refused(one, "merge", main=member, **SAME).name == "main_takes", "no groups of groups"
    assert desk.refused(main, "merge", main=one, **SAME).name == "alone"
    for act, data in (("escalate", {"reason": "crosses"}), ("hand_down", {"unit": "430922"})):
        assert desk.refused(main, act, **data).kind == "guard", "a group does not change hands"
    closed = desk.clue()
    desk.act(closed, "determine.P3", ground="N3")
    desk.tell(closed)
    assert desk.refused(one, "merge", main=closed, **SAME).name == "main_takes"
    desk.act(member, "unmerge", reason_text="x")
    desk.act(member, "merge", main=main, **SAME)
    with db.reading() as session:
        known = session.scalars(select(Membership).where(Membership.member_id == member)).all()
        assert [row.left_at is None for row in known] == [False, True], "both times are kept"
