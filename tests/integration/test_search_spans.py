"""Search by spans of time: however rows lie in the years, hits and lists are those of plain substring search."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from hub import db, search
from hub.access import people, staff
from hub.models import Clue, ClueUnit, SearchRow
from hub.models.text import SPANS
from hub.search import finding, spans
from hub.terms import Role
from tests.integration.test_search import COUNTY, OTHER, found, listed, take, unit_id

WORDS = ("占用耕地建厂房", "夜里挖沙", "耕地里挖沙取土", "倒卖宅基地", "挖沙船三条")
QUERIES = ("挖", "挖沙", "耕地", "地", "取土", "宅基地", "挖沙船三", "没有的", "沙取")
EDGE = datetime.fromtimestamp(212_000 << SPANS["A"], UTC)  # where a span begins


@given(st.integers(0, 1 << 18), st.integers(0, 1 << 14))
def test_spans_cover_a_stretch_and_nothing_else(low: int, size: int) -> None:
    met: list[int] = []
    for one in spans.cover(low, low + size):
        bits = SPANS[one[0]] - SPANS["A"]
        met += range(int(one[1:]) << bits, int(one[1:]) + 1 << bits)
    assert met == list(range(low, low + size))
    assert len(spans.cover(low, low + size)) <= 14 * 3 + size // 512


def scattered(maker: random.Random, moments: list[datetime]) -> dict[int, str]:
    """Clues recorded at those moments, their own moments up to a month before; their texts by id."""
    bodies = {}
    for number, moment in enumerate(moments):
        body = f"{maker.choice(WORDS)}，{maker.choice(WORDS)}"
        take(f"s{number}", body)
        with db.transaction() as session:
            clue = session.scalars(select(Clue.id).order_by(Clue.id.desc())).first()
            at = moment - timedelta(seconds=maker.choice((0, 0, 60, 86_400, 30 * 86_400)))
            given_ = {"clue": clue, "moment": moment, "at": at}
            session.execute(text("update clue set recorded_at = :moment, at = :at where id = :clue"), given_)
            session.execute(text("update search_row set received_at = :moment where clue_id = :clue"), given_)
            session.execute(text("update clue_unit set sort_at = :at where clue_id = :clue"), given_)
            bodies[clue] = body
    return bodies


def moments(maker: random.Random) -> list[datetime]:
    """Some at the borders of spans and of years, some at the same moment, the rest anywhere in many years."""
    edges = [EDGE, EDGE - timedelta(microseconds=1), EDGE + timedelta(seconds=8191, microseconds=999_999)]
    years = [datetime(2024, 12, 31, 16, tzinfo=UTC), datetime(2024, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC)]
    start = datetime(2008, 1, 1, tzinfo=UTC)
    others = [start + timedelta(seconds=maker.randrange(35 * 365 * 86_400)) for _ in range(6)]
    return [*edges, *years, *others, others[0], EDGE]


def settle() -> None:
    """Forgets what was counted: each test has rows of its own."""
    spans._counted.clear()


@pytest.fixture
def clues(hub: Path) -> dict[int, str]:
    maker = random.Random(12336)
    bodies = scattered(maker, moments(maker))
    with db.transaction() as session:
        session.execute(text("analyze search_row"))
        settle()
        assert spans.in_all(session) >= len(bodies)
    return bodies


def in_order(column: str) -> list[int]:
    """All clues of the county, newest first by when they were recorded, or by their moment."""
    with db.reading() as session:
        if column == "recorded":
            rows = session.execute(
                select(SearchRow.clue_id).where(SearchRow.ref.like("part:%"))
                .order_by(SearchRow.received_at.desc(), SearchRow.id.desc())
            ).all()  # fmt: skip
        else:
            rows = session.execute(
                select(ClueUnit.clue_id).where(ClueUnit.unit_id == unit_id())
                .order_by(ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc())
            ).all()  # fmt: skip
    return list(dict.fromkeys(number for (number,) in rows))


def test_hits_lie_in_order_whatever_spans_are_asked(clues: dict[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    order = in_order("recorded")
    for few, first, farther in ((spans.FEW, 1000, 16), (0, 1, 2), (0, 3, 16), (0, 500, 64)):
        for name, value in (("FEW", few), ("FIRST", first), ("FARTHER", farther)):
            monkeypatch.setattr(spans, name, value)
        for query in QUERIES:
            wanted = [number for number in order if query in clues[number]]
            assert [hit.clue_id for hit in found(query)] == wanted, (query, few, first)
            assert all(clues[hit.clue_id][hit.start : hit.end] == query for hit in found(query))
            met, after = [], None
            while page := found(query, limit=2, after=after):
                met += [hit.clue_id for hit in page]
                after = page[-1].after
            assert met == wanted, (query, few, first)


def test_lists_hold_the_same_clues_whichever_way_is_taken(
    clues: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = in_order("moment")
    monkeypatch.setattr(spans, "FEW", 0)
    monkeypatch.setattr(spans, "FIRST", 1)
    with db.reading() as session:
        places = {
            row.clue_id: (row.sort_at, row.clue_id)
            for row in session.scalars(select(ClueUnit).where(ClueUnit.unit_id == unit_id()))
        }
    for look, candidates, cost in itertools.product((1, 3, 100), (0, 3, 3000), (0.0, 1e9)):
        for name, value in (("LOOK", look), ("CANDIDATES", candidates), ("INDEXED_COST", cost)):
            monkeypatch.setattr(finding, name, value)
        for query in QUERIES:
            wanted = [number for number in order if query in clues[number]]
            for limit in (1, 4, 50):
                assert listed(query, limit=limit) == wanted[:limit], (query, look, candidates, cost, limit)
            for number in order[::6]:
                later = [one for one in wanted if places[one] < places[number]]
                assert listed(query, before=places[number]) == later, (query, look, candidates, cost)
    assert listed("挖沙", OTHER) == []


def test_a_list_stays_whole_where_moments_lie_ahead_of_their_records(
    clues: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of a demonstration was moved: clues happen in weeks to come and are recorded today."""
    monkeypatch.setattr(spans, "FEW", 0)
    monkeypatch.setattr(spans, "FIRST", 1)
    monkeypatch.setattr(finding, "LOOK", 1)
    late = min(clues)
    with db.transaction() as session:
        session.execute(text("update clue set at = recorded_at + interval '60 years' where id = :one"), {"one": late})
        session.execute(text("update clue_unit set sort_at = c.at from clue c where c.id = clue_id"))
    order = in_order("moment")
    assert order[0] == late
    for query in QUERIES:
        wanted = [number for number in order if query in clues[number]]
        assert listed(query) == wanted
        assert [listed(query, limit=n) for n in (1, 2, 3)] == [wanted[:n] for n in (1, 2, 3)]


def test_what_was_just_written_is_found_and_what_is_walled_is_not(
    clues: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "FEW", 0)
    monkeypatch.setattr(spans, "FIRST", 1)
    assert not found("盗采")
    take("new", "盗采河沙")  # after the number of rows was counted
    (hit,) = found("盗采")
    assert listed("盗采") == [hit.clue_id]
    with db.transaction() as session:
        user = staff.add(session, "u1", "某", "long-enough-1", COUNTY, [Role.HANDLER])
        session.flush()
        who = people.actor(session, user.id)
        assert who is not None
        seen = people.visible(who).where(ClueUnit.clue_id != hit.clue_id)
        assert search.find(session, who.unit_id, "盗采", seen=seen) == []
        assert search.clues(session, seen, who.unit_id, "盗采") == []
