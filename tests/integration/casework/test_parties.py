"""A clock whose parties end differently: told, out of reach, in any order of the reports (PRODUCT §7)."""

from __future__ import annotations

from sqlalchemy import select

from hub import casework, db
from hub.models import Clue, IntakeClue, Notice
from tests.integration.casework.conftest import Desk, at, notices


def two_reporters(desk: Desk) -> int:
    clue = desk.clue(reporter={"name": "甲", "phone": "13800000001"})
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        intake = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue)).one()
        casework.add_reporter(session, row, intake, {"name": "乙", "phone": "13800000002"})
    return clue


def report(desk: Desk, notice: int, moment: str, state: str) -> None:
    """What the sending side reports of one party's notice, of a moment that may be long past."""
    with db.transaction() as session:
        row = session.get_one(Notice, notice)
        row.state, row.told_at = state, at(moment) if state == "told" else None
        session.flush()
        if state == "told":
            casework.note_told(session, notice, at(moment), "errcode 0")
        else:
            casework.note_undelivered(session, notice, at(moment), exhausted=True)


ORDERS = [
    # party, moment, state; in the order in which the reports come
    ([(0, "2026-03-05T10:00", "told"), (1, "2026-03-13T10:00", "undelivered")], "exhausted", "2026-03-13", True),
    ([(1, "2026-03-13T10:00", "undelivered"), (0, "2026-03-05T10:00", "told")], "exhausted", "2026-03-13", True),
    ([(1, "2026-03-05T10:00", "undelivered"), (0, "2026-03-06T10:00", "told")], "exhausted", "2026-03-06", False),
    ([(0, "2026-03-05T10:00", "told"), (1, "2026-03-06T10:00", "told")], "told", "2026-03-06", False),
    (
        [(0, "2026-03-05T10:00", "undelivered"), (1, "2026-03-06T10:00", "undelivered")],
        "exhausted",
        "2026-03-06",
        False,
    ),
]


def test_some_told_and_some_out_of_reach(desk: Desk) -> None:
    """Told is told to every party: the clock ends when the last one is settled, in whatever order the reports come."""
    for reports, ended_as, day, late in ORDERS:
        desk.go("2026-03-02T09:00")
        clue = two_reporters(desk)
        desk.act(clue, "determine.P3", ground="N3")
        with db.reading() as session:
            ids = [row.id for row in notices(session, clue)]
        desk.go("2026-03-16T09:00")
        for party, moment, state in reports:
            assert desk.clock(clue, "determination").stopped_at is None
            report(desk, ids[party], moment, state)
        row = desk.clock(clue, "determination")
        assert row.stopped_at is not None
        assert (row.ended_as, row.stopped_at.date().isoformat(), row.late) == (ended_as, day, late)
        assert desk.state(clue) == "closed", "told, or every attempt documented"
