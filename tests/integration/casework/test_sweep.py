"""Warnings at set points, each once, whatever happens to the sweep; a question that has stood (F32)."""

from __future__ import annotations

from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from hub import casework, db
from hub.casework.sweeping import POINTS
from hub.models import ClockWarning, Event
from tests.integration.casework.conftest import Desk


def sweep(limit: int = 500) -> list[str]:
    with db.transaction() as session:
        return [warned.point for warned in casework.sweep(session, limit)]


def two_at_once(sweep: Callable[[int], Sized]) -> int:
    """How many warnings two sweeps give that take three at a time beside each other, until nothing is left."""
    db.connect(pool=4)

    def all_of_it() -> int:
        total = 0
        while given := sweep(3):
            total += len(given)
        return total

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda _: all_of_it(), range(2)))


def test_each_point_is_warned_of_once(desk: Desk) -> None:
    clue = desk.clue()  # due on Wednesday 2026-03-11
    given: list[tuple[str, list[str]]] = []
    for day in ("03-09", "03-10", "03-10", "03-11", "03-12", "03-13", "03-16", "03-17", "03-18", "03-19"):
        desk.go(f"2026-{day}T09:00")
        if points := sweep():
            given.append((day, points))
    assert given == [
        ("03-10", ["near"]), ("03-11", ["due"]), ("03-12", ["overdue"]), ("03-13", ["head"]), ("03-17", ["superior"]),
    ]  # fmt: skip
    assert desk.clock(clue, "determination").late, "overdue is never hidden"
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Event).where(Event.act == "clock.warning")) == 5


def test_down_for_days_and_two_at_once(desk: Desk) -> None:
    for _ in range(4):
        desk.clue()
    desk.go("2026-03-17T09:00")
    assert two_at_once(sweep) == 4 * len(POINTS)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(ClockWarning)) == 4 * len(POINTS)


def test_a_stopped_clock_warns_nobody(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    desk.go("2026-04-01T09:00")
    assert sweep() == []


def test_a_question_that_has_stood_closes_its_clue(desk: Desk) -> None:
    clue = desk.clue(reporter={})
    desk.act(clue, "determine.P5", missing="place")
    desk.go("2026-03-11T23:00")
    sweep()
    assert desk.state(clue) == "to_tell"
    desk.go("2026-03-12T00:00")
    sweep()
    assert desk.read(clue).close_reason == "supplement"
