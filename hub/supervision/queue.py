"""The queue of a person: filters, keyset pages, search, counts. Everything starts at `visible` (decision 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from hub import casework, clock, db, search
from hub.access.people import Actor, unseen, visible
from hub.access.sealing import Key, opened_key
from hub.casework import chains
from hub.casework.counters import counter_keys
from hub.jurisdiction.divisions import table
from hub.law import workflow
from hub.models import Clock, Clue, ClueUnit, Counter, CounterDelta, DataKey, Event, User
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
    topic: str = ""  # a code of hub.law.topics
    after: str = ""  # keyset: "<sort_at iso>~<clue id>" of the last row of the page before


class Shown(NamedTuple):
    """What a line shows of a clue."""

    id: int
    no: str
    channel: str
    at: datetime
    state: str
    owner_unit_id: int
    handler_id: int | None
    division: str | None
    town: str | None
    division_confirmed: bool
    class_code: str | None
    class_confirmed: bool
    ambiguous: bool
    urgent: bool
    missing: list[str]
    enriched: bool
    version: int


class Owed(NamedTuple):
    """The clock of a clue that ends first."""

    kind: str
    due: date
    provisional: bool
    unit_id: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue: masked, nothing of a reporter."""

    clue: Shown
    place: str
    town: str
    summary: str
    due: Owed | None
    left: int = 0  # working days of `due`; negative where it is over
    handler: str = ""

    @property
    def key(self) -> str:
        """What a tick of the line sends: the clue as it was seen."""
        return f"{self.clue.no}~{self.clue.version}"

    @property
    def moment(self) -> str:
        """When it came, for programs."""
        return self.clue.at.isoformat()

    @property
    def received(self) -> str:
        """Month, day and time it came, in China."""
        at = clock.china(self.clue.at)
        return f"{at.month:02}-{at.day:02} {at.hour:02}:{at.minute:02}"

    @property
    def due_day(self) -> str:
        """Month and day of `due`."""
        return f"{self.due.due.month:02}-{self.due.due.day:02}" if self.due is not None else ""

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
        unclosed = Clue.state != literal_column("'closed'")  # as its index has it; all that is open is
        hands = union(select(literal(who.user_id)), chains.stood_in_for(who.user_id, who.unit_id)).scalar_subquery()
        mine = select(Clue.id).where(Clue.handler_id == any_(func.array(hands)), unclosed)
        return query.where(ClueUnit.clue_id.in_(mine))
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
    if view == "overdue":
        return query.where(ClueUnit.due < today)
    second = select(Clock.id).where(Clock.clue_id == ClueUnit.clue_id, Clock.stopped_at.is_(None), Clock.due == today)
    ends = or_(ClueUnit.due == today, and_(ClueUnit.due_last >= today, second.exists()))
    return query.where(ClueUnit.due <= today, ends)


def narrowed(who: Actor, filters: Filters) -> Select[ClueUnit]:
    """What the person may see, narrowed to the filters but for the words searched for."""
    query = _viewed(who, filters.view)
    if filters.channel:
        query = query.where(ClueUnit.channel == filters.channel)
    if filters.state == "open":
        query = query.where(ClueUnit.open)
    elif filters.state:
        query = query.where(ClueUnit.open == (filters.state in OPEN_STATES), ClueUnit.state == filters.state)
    if filters.division:
        stem = filters.division.rstrip("0")
        stem += "0" * (len(stem) % 2)
        query = query.where(ClueUnit.division.like(f"{stem}%"))
    if filters.topic:
        about = select(Clue.id).where(Clue.id == ClueUnit.clue_id, Clue.topics.contains([filters.topic]))
        query = query.where(about.exists())
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
    before, found = place_of(filters.after), []
    if filters.query.strip():
        query = narrowed(who, filters)
        met = search.clues(session, query, who.unit_id, filters.query, PAGE + 1, before)
        found = [(row.sort_at, row.clue_id) for row in met]
    else:
        listed = _listed(who, replace(filters, after=""), clock.today())
        if before is not None:
            listed = listed.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) < before)
        found = [(row.sort_at, row.clue_id) for row in db.asked(session, listed)]
    shown = found[:PAGE]
    after = f"{shown[-1][0].isoformat()}~{shown[-1][1]}" if len(found) > PAGE else ""
    return rows(session, [number for _, number in shown]), after


@lru_cache(maxsize=128)
def _listed(who: Actor, filters: Filters, _today: date) -> Select[datetime, int]:
    """The newest rows of a list, built once for a person, their filters and a day: building costs more than asking."""
    order = ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc()
    columns = ClueUnit.sort_at, ClueUnit.clue_id
    return narrowed(who, filters).with_only_columns(*columns).order_by(*order).limit(PAGE + 1)


_OWED = (
    select(Clock.kind, Clock.due, Clock.provisional, Clock.unit_id)
    .where(Clock.clue_id == Clue.id, Clock.stopped_at.is_(None))
    .order_by(Clock.due, Clock.id)
    .limit(1)
    .correlate(Clue)
    .lateral("owed")
)
_LINES: Select[*tuple[Any, ...]] = (
    select(
        *(getattr(Clue, name) for name in Shown._fields), *_OWED.c,
        Clue.summary, User.name, DataKey.id, DataKey.unit_id, DataKey.version, DataKey.wrapped,
    )
    .select_from(Clue)
    .outerjoin(_OWED, true())
    .outerjoin(User, User.id == Clue.handler_id)
    .outerjoin(DataKey, DataKey.id == Clue.key_id)
    .where(Clue.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
)  # fmt: skip
"""Lines with what belongs to them, in one question."""


def rows(session: Session, ids: Sequence[int]) -> list[Row]:
    """Clues the person may see (the caller has looked), as lines of a list in the order of `ids`."""
    if not ids:
        return []
    found: dict[int, tuple[Shown, Owed | None, bytes, str, Key]] = {}
    for row in db.asked(session, _LINES, ids=list(ids)):
        clue, rest = Shown(*row[: len(Shown._fields)]), row[len(Shown._fields) :]
        *owed, summary, handler, key, unit, version, wrapped = rest
        opened = opened_key(key, unit, version, wrapped)
        found[clue.id] = clue, Owed(*owed) if owed[0] is not None else None, summary, handler or "", opened
    owing = {owed.unit_id or clue.owner_unit_id for clue, owed, *_ in found.values() if owed is not None}
    calendars, today = casework.calendars_of(session, owing), clock.today()
    counted: dict[tuple[int, date], int] = {}  # many clocks of a page end on the same days
    places: dict[str | None, str] = {}
    out = []
    for clue, owed, summary, handler, key in (found[number] for number in ids if number in found):
        left = 0
        if owed is not None:
            ends = owed.unit_id or clue.owner_unit_id, owed.due
            if ends not in counted:
                counted[ends] = left_of(calendars[ends[0]], owed.due, today)
            left = counted[ends]
        if clue.division not in places:
            places[clue.division] = place_name(clue.division)
        town, words = table().get(clue.town or ""), key.text(summary, "clue.summary")
        out.append(Row(clue, places[clue.division], town.name if town else "", words, owed, left, handler))
    return out


def place_name(code: str | None) -> str:
    """省市县 of a division code as one string, empty levels left out."""
    return "".join(part for part in table().path(code).split("/")) if code else ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What stands beside the queue: counters of the person's unit, and how many clues stand in the quick views."""

    counts: dict[str, int]
    views: dict[str, int]


def numbers(session: Session, who: Actor) -> Numbers:
    """Counters of the person's unit, snapshot plus deltas not folded yet, less the rows that walls hide from them.

    Of the quick views that are counted, how many clues stand in each, up to MOST.
    """
    totals: dict[str, int] = {}
    views: dict[str, int] = {}
    sees = False
    for what, key, extra, n in db.asked(session, _numbers(who, clock.today())):
        if what == "count":
            totals[key] = totals.get(key, 0) + int(n)
        elif what == "unseen":
            for one, m in counter_keys(key, extra).items():
                totals[one] = totals.get(one, 0) - m * int(n)
        elif what == "view":
            views[key] = int(n)
        else:
            sees = bool(n)
    return Numbers({key: n for key, n in totals.items() if n} if sees else {}, views)


@lru_cache(maxsize=128)
def _numbers(who: Actor, _today: date) -> CompoundSelect[str, str, str, int]:
    """All numbers in one question, built once for a person and a day."""
    none: ColumnElement[str] = literal_column("''")
    hidden = unseen(who).subquery()

    def part(what: str, key: Any, n: Any, extra: Any = none) -> Select[str, str, str, int]:
        return select(literal_column(f"'{what}'").label("what"), key.label("key"), extra.label("extra"), n.label("n"))

    deltas = part("count", CounterDelta.key, func.sum(CounterDelta.n)).where(CounterDelta.unit_id == who.unit_id)
    parts = [
        part("count", Counter.key, Counter.n).where(Counter.unit_id == who.unit_id),
        deltas.group_by(CounterDelta.key),
        part("unseen", hidden.c.state, func.count(), hidden.c.channel).group_by(hidden.c.state, hidden.c.channel),
        part("sees", none, cast(visible(who).with_only_columns(ClueUnit.clue_id).exists(), Integer)),
    ]
    for view in COUNTED:
        some = _viewed(who, view).with_only_columns(ClueUnit.clue_id).limit(MOST).subquery()
        number = select(func.count()).select_from(some).scalar_subquery()
        parts.append(part("view", literal_column(f"'{view}'"), number))
    return union_all(*parts)


def view_counts(session: Session, who: Actor) -> dict[str, int]:
    """How many clues stand in the quick views that are counted, up to MOST."""
    return numbers(session, who).views


def counts(session: Session, who: Actor) -> dict[str, int]:
    """Counters of the person's unit as this person may see them."""
    return numbers(session, who).counts


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
