"""Eight actors on one clue: every act that is done saw the state the act before it left (linearizable)."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access import audit
from hub.law import workflow
from hub.models import Clue, ClueUnit, CounterDelta, Event, Notice
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, OFFICERS, SIBLING, Desk

ROUNDS: list[Any] = [100]
if os.environ.get("HUB_TEST_LONG"):  # make test-long: F31 whole; HUB_TEST_ROUNDS sets another number
    whole = int(os.environ.get("HUB_TEST_ROUNDS", "1000"))
    ROUNDS.append(pytest.param(whole, marks=[pytest.mark.long, pytest.mark.timeout(3600)]))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_actors_on_one_clue(desk: Desk, rounds: int) -> None:
    db.connect(pool=8)
    lead, city, sibling = desk.who(role=Role.LEAD), desk.who(CITY, Role.LEAD), desk.who(SIBLING)
    handlers = [desk.who(name=name) for name in "abcde"]
    day = {"issued": "2026-03-02"}
    plans = [
        (handlers[0], "determine.P1", {"place": COUNTY, "class": "T2"}),
        (handlers[1], "determine.P3", {"ground": "N3"}),
        (handlers[2], "escalate", {"reason": "crosses", "units": [SIBLING]}),
        (handlers[3], "verify.start", {"officers": OFFICERS, "started": "2026-03-02"}),
        (handlers[4], "verify.end", {"result": "R1", "ended": "2026-03-02"}),
        (city, "designate", {"unit": COUNTY, **day}),
        (lead, "reopen.determination", {"reason_text": "重新判定"}),
        (sibling, "determine.P3", {"ground": "N3"}),  # never theirs
    ]
    clues = [desk.clue(reporter={}, channel="media", number="06") for _ in range(2)]
    outcomes = {"done": 0, "refused": 0, "stale": 0}
    lock = threading.Lock()

    def work(number: int) -> None:
        who, act, data = plans[number]
        for turn in range(rounds):
            clue_id = clues[turn % len(clues)]
            try:
                with db.transaction() as session:
                    clue = session.get_one(Clue, clue_id)
                    seen = clue.version if turn % 2 else None
                    casework.apply(session, who, clue, act, data, seen)
                result = "done"
            except casework.StaleError:
                result = "stale"
            except casework.RefusedError:
                result = "refused"
            with lock:
                outcomes[result] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sum(outcomes.values()) == 8 * rounds
    assert outcomes["done"] >= len(clues)
    assert outcomes["refused"]
    for clue_id in clues:
        check_history(clue_id)
    with db.reading() as session:
        assert audit.verify(session).ok


def check_history(clue_id: int) -> None:
    """The log replayed on the rule table gives the present state; rows and counters agree with it."""
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        wanted = select(Event).where(Event.object == f"clue:{clue_id}").order_by(Event.seq)
        state = "received"
        for event in session.scalars(wanted):
            if event.act not in workflow.rules():
                continue
            row = workflow.rule(event.act)
            assert state in row.sources, f"{event.act} from {state}"
            if event.act != "register":
                assert event.data["from"] == state
                assert event.data["to"] in (row.targets or {state})
            state = event.data.get("to", row.target)
        assert clue.state == state
        rows = session.scalars(select(ClueUnit).where(ClueUnit.clue_id == clue_id)).all()
        assert {row.state for row in rows} == {state}
        assert [row.unit_id for row in rows if row.role == "owner"] == [clue.owner_unit_id]
        totals: dict[str, int] = {}
        for delta in session.scalars(select(CounterDelta).where(CounterDelta.unit_id == rows[0].unit_id)):
            totals[delta.key] = totals.get(delta.key, 0) + delta.n
        assert all(n >= 0 for n in totals.values()), totals


def test_merging_crosswise_leaves_one_group(desk: Desk) -> None:
    """Two people merge two clues into each other at once: one of them is refused, and both can go on."""
    db.connect(pool=4)
    same = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
    who = [desk.who(name="a"), desk.who(name="b")]
    for _ in range(5):
        pair = [desk.clue(), desk.clue()]
        start = threading.Barrier(2)

        def merge(number: int, pair: list[int] = pair, start: threading.Barrier = start) -> str:
            start.wait()
            try:
                with db.transaction() as session:
                    clue = session.get_one(Clue, pair[number])
                    casework.apply(session, who[number], clue, "merge", {"main": pair[1 - number], **same})
            except casework.RefusedError:
                return "refused"
            return "done"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(merge, range(2))) == ["done", "refused"]
        assert sorted(desk.state(clue) for clue in pair) == ["merged", "to_determine"]


def test_told_and_corrected_at_once(desk: Desk) -> None:
    """The report of a hand-over and a correction meet: whichever is first, clocks and state agree afterwards."""
    db.connect(pool=4)
    lead = desk.who(role=Role.LEAD)
    for _ in range(4):
        clue_id = desk.clue()
        desk.act(clue_id, "determine.P3", ground="N3")
        desk.go(timedelta(seconds=1))
        start = threading.Barrier(2)

        def told(clue_id: int = clue_id, start: threading.Barrier = start) -> None:
            with db.transaction() as session:
                row = session.scalars(select(Notice).where(Notice.clue_id == clue_id)).one()
                start.wait()
                casework.note_told(session, row.id, desk.now, "SMTP 250")

        def corrected(clue_id: int = clue_id, start: threading.Barrier = start) -> None:
            start.wait()
            with db.transaction() as session:
                clue = session.get_one(Clue, clue_id)
                casework.apply(session, lead, clue, "reopen.determination", {"reason_text": "重新判定"})

        with db.transaction() as session:
            row = session.scalars(select(Notice).where(Notice.clue_id == clue_id)).one()
            row.state, row.told_at, row.evidence = "told", desk.now, "email: 250"
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(told), pool.submit(corrected)]:
                future.result()
        assert desk.state(clue_id) == "to_determine"
        assert desk.clock(clue_id, "determination").stopped_at is None
        check_history(clue_id)
