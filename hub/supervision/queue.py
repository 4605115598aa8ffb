"""The queue of a person: filters, keyset pages, search, counts. Everything starts at `visible` (decision 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_, union
from sqlalchemy.orm import Session

from hub import casework, clock, search
from hub.access.people import Actor, unseen, visible
from hub.access.sealing import fetch_keys, open_key
from hub.casework import chains
from hub.casework.counters import counter_keys
from hub.jurisdiction.divisions import table
from hub.law import workflow
from hub.models import Clock, Clue, ClueUnit, Counter, CounterDelta, Event, User
from hub.supervision.clocks import SOON, left_of, remaining
from hub.terms import OPEN_STATES, STATE_LABELS, State

PAGE = 50
BIGGEST = 2**63  # ids are bigint
VIEWS = {"mine": "我的", "unit": "本单位承办", "today": "今天到期", "overdue": "已超期", "unread": "未读"}
"""Quick views of what is open (C2); due today and overdue ask every running clock."""
COUNTED = ("mine", "today", "overdue")
MOST = 100  # of a quick view that are counted: more is "99+"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the person narrowed the queue to; empty values narrow nothing."""

    channel: str = ""
    state: str = ""  # a State, or "open"
    division: str = ""  # a code: the place itself or anything below it
    query: str = ""  # words in any text of the clue
    view: str = ""  # one of VIEWS
    after: str = ""  # keyset: "<sort_at iso>~<clue id>" of the last row of the page before


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue: masked, nothing of a reporter."""

    clue: Clue
    place: str
    summary: str
    due: Clock | None
    left: int = 0  # working days of `due`; negative where it is over
    handler: str = ""

    @property
    def tone(self) -> str:
        """over, near or ok: how the due day is shown."""
        return "over" if self.left < 0 else "near" if self.left <= SOON else "ok"

    @property
    def due_words(self) -> str:
        return remaining(self.left)

    @property
    def due_label(self) -> str:
        return workflow.CLOCKS.get(self.due.kind, self.due.kind) if self.due is not None else ""


def _viewed(who: Actor, view: str) -> Select[ClueUnit]:
    """What is visible, narrowed to a quick view."""
    query = visible(who)
    if view not in VIEWS:
        return query
    query = query.where(ClueUnit.open)
    if view == "mine":
        hands = union(select(literal(who.user_id)), chains.stood_in_for(who.user_id, who.unit_id))
        return query.where(ClueUnit.clue_id.in_(select(Clue.id).where(Clue.handler_id.in_(hands))))
    if view == "unit":
        return query.where(ClueUnit.role == "owner")
    if view == "unread":
        read = select(Event.id).where(
            Event.object == func.concat("clue:", ClueUnit.clue_id),
            Event.act.in_(("read_original", "read_redacted")),
            Event.actor == who.label,
        )
        return query.where(~read.exists())
    today = clock.today()
    due = Clock.due == today if view == "today" else Clock.due < today
    return query.where(ClueUnit.clue_id.in_(select(Clock.clue_id).where(Clock.stopped_at.is_(None), due)))


def view_counts(session: Session, who: Actor) -> dict[str, int]:
    """How many clues stand in the quick views that are counted, up to MOST."""
    found = {}
    for view in COUNTED:
        some = _viewed(who, view).with_only_columns(ClueUnit.clue_id).limit(MOST).subquery()
        found[view] = session.scalar(select(func.count()).select_from(some)) or 0
    return found


def narrowed(who: Actor, filters: Filters) -> Select[ClueUnit]:
    """What the person may see, narrowed to the filters but for the words searched for."""
    query = _viewed(who, filters.view)
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
    return query


def place_of(after: str) -> tuple[datetime, int] | None:
    """Where the page before ended, from its key "<sort_at iso>~<clue id>"; None where nothing sensible was given."""
    moment, _, number = after.partition("~")
    try:
        place = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return place if place[0].tzinfo is not None and 0 <= place[1] < BIGGEST else None


def page(session: Session, who: Actor, filters: Filters) -> tuple[list[Row], str]:
    """Up to 50 rows, newest first, and the key of the next page ("" at the end)."""
    query, before = narrowed(who, filters), place_of(filters.after)
    if filters.query.strip():
        found = search.clues(session, query, who.unit_id, filters.query, PAGE + 1, before)
    else:
        if before is not None:
            query = query.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) < before)
        order = query.order_by(ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc()).limit(PAGE + 1)
        found = list(session.scalars(order))
    shown = found[:PAGE]
    after = f"{shown[-1].sort_at.isoformat()}~{shown[-1].clue_id}" if len(found) > PAGE else ""
    return rows(session, [row.clue_id for row in shown]), after


def rows(session: Session, ids: Sequence[int]) -> list[Row]:
    """Clues the person may see (the caller has looked), as lines of a list in the order of `ids`."""
    clues = {clue.id: clue for clue in session.scalars(select(Clue).where(Clue.id.in_(ids)))}
    clocks = session.scalars(
        select(Clock).where(Clock.clue_id.in_(ids), Clock.stopped_at.is_(None)).order_by(Clock.due)
    )
    due: dict[int, Clock] = {}
    for row in clocks:
        due.setdefault(row.clue_id, row)
    calendars = casework.calendars_of(session, {_owes(row, clues) for row in due.values()})
    fetch_keys(session, (clue.key_id for clue in clues.values()))
    today = clock.today()
    people = {clue.handler_id for clue in clues.values() if clue.handler_id is not None}
    names = {user.id: user.name for user in session.scalars(select(User).where(User.id.in_(people)))}
    out = []
    for number in ids:
        if number in clues:
            owed = due.get(number)
            left = left_of(calendars[_owes(owed, clues)], owed.due, today) if owed is not None else 0
            out.append(_row(session, clues[number], owed, left, names.get(clues[number].handler_id or 0, "")))
    return out


def _owes(row: Clock, clues: dict[int, Clue]) -> int:
    return row.unit_id or clues[row.clue_id].owner_unit_id


def _row(session: Session, clue: Clue, due: Clock | None, left: int, handler: str) -> Row:
    text = open_key(session, clue.key_id).text(clue.summary, "clue.summary")
    return Row(clue, place_name(clue.division), text, due, left, handler)


def place_name(code: str | None) -> str:
    """省市县 of a division code as one string, empty levels left out."""
    return "".join(part for part in table().path(code).split("/")) if code else ""


def counts(session: Session, who: Actor) -> dict[str, int]:
    """Counters of the person's unit, snapshot plus deltas not folded yet, less the rows that walls hide from them."""
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
    for row in session.scalars(unseen(who)):
        for key, n in counter_keys(row.state, row.channel).items():
            totals[key] = totals.get(key, 0) - n
    return {key: n for key, n in totals.items() if n}


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
