"""The queue of a person: filters, keyset pages, search, counts. Everything starts at `visible` (decision 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from hub import search
from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.jurisdiction.divisions import table
from hub.models import Clock, Clue, ClueUnit, Counter, CounterDelta, SearchRow
from hub.terms import OPEN_STATES, STATE_LABELS, State

PAGE = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """What the person narrowed the queue to; empty values narrow nothing."""

    channel: str = ""
    state: str = ""  # a State, or "open"
    division: str = ""  # a code: the place itself or anything below it
    query: str = ""  # words in any text of the clue
    after: str = ""  # keyset: "<sort_at iso>~<clue id>" of the last row of the page before


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue: masked, nothing of a reporter."""

    clue: Clue
    place: str
    summary: str
    due: Clock | None


def _narrowed(who: Actor, filters: Filters) -> Select[ClueUnit]:
    query = visible(who)
    if filters.channel:
        query = query.where(ClueUnit.channel == filters.channel)
    if filters.state == "open":
        query = query.where(ClueUnit.open, ClueUnit.state.in_(OPEN_STATES))
    elif filters.state:
        query = query.where(ClueUnit.open == (filters.state in OPEN_STATES), ClueUnit.state == filters.state)
    if filters.division:
        stem = filters.division.rstrip("0")
        stem += "0" * (len(stem) % 2)
        query = query.where(ClueUnit.division.like(f"{stem}%"))
    if filters.query.strip():
        hits = select(SearchRow.clue_id).where(search.matching(filters.query, who.unit_id))
        query = query.where(ClueUnit.clue_id.in_(hits))
    return query


def page(session: Session, who: Actor, filters: Filters) -> tuple[list[Row], str]:
    """Up to 50 rows, newest first, and the key of the next page ("" at the end)."""
    query = _narrowed(who, filters)
    if filters.after:
        moment, _, number = filters.after.partition("~")
        try:
            key = (datetime.fromisoformat(moment), int(number))
        except ValueError:
            key = None
        if key is not None:
            query = query.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) < key)
    order = query.order_by(ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc()).limit(PAGE + 1)
    found = session.scalars(order).all()
    shown = found[:PAGE]
    after = f"{shown[-1].sort_at.isoformat()}~{shown[-1].clue_id}" if len(found) > PAGE else ""
    return _rows(session, [row.clue_id for row in shown]), after


def _rows(session: Session, ids: Sequence[int]) -> list[Row]:
    clues = {clue.id: clue for clue in session.scalars(select(Clue).where(Clue.id.in_(ids)))}
    clocks = session.scalars(
        select(Clock).where(Clock.clue_id.in_(ids), Clock.stopped_at.is_(None)).order_by(Clock.due)
    )
    due: dict[int, Clock] = {}
    for row in clocks:
        due.setdefault(row.clue_id, row)
    return [_row(session, clues[number], due.get(number)) for number in ids if number in clues]


def _row(session: Session, clue: Clue, due: Clock | None) -> Row:
    text = open_key(session, clue.key_id).text(clue.summary, "clue.summary")
    return Row(clue, place_name(clue.division), text, due)


def place_name(code: str | None) -> str:
    """省市县 of a division code as one string, empty levels left out."""
    return "".join(part for part in table().path(code).split("/")) if code else ""


def counts(session: Session, who: Actor) -> dict[str, int]:
    """Counters of the person's unit: snapshot plus deltas that are not folded yet."""
    if session.scalars(visible(who).limit(1)).first() is None:
        return {}
    totals: dict[str, int] = {}
    for query in (
        select(Counter.key, Counter.n).where(Counter.unit_id == who.unit_id),
        select(CounterDelta.key, func.sum(CounterDelta.n))
        .where(CounterDelta.unit_id == who.unit_id)
        .group_by(CounterDelta.key),
    ):
        for key, n in session.execute(query):
            totals[key] = totals.get(key, 0) + int(n)
    return totals


def states() -> list[tuple[str, str]]:
    """The state filter's options."""
    return [("open", "全部在办"), *((state.value, STATE_LABELS[state]) for state in State)]


def facts(row: Any) -> dict[str, Any]:
    """A queue row as JSON (API)."""
    return {
        "no": row.clue.no,
        "channel": row.clue.channel,
        "state": row.clue.state,
        "place": row.place or None,
        "division": row.clue.division,
        "class": row.clue.class_code,
        "missing": list(row.clue.missing),
        "at": row.clue.at.isoformat(),
        "due": row.due.due.isoformat() if row.due else None,
        "summary": row.summary,
    }
