"""Queries: the condition for lists, and hits with their characters, newest first, a page at a time.

How the newest hits are reached decides the time. Few rows match: the token index names them, they are sorted. Many
match: walking the rows newest first meets fifty soon, while sorting all of them would take long. PostgreSQL
underestimates phrases, so it cannot choose; a look at the newest rows tells how common the query is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Row, Select, and_, cast, false, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.orm import Session

from hub.models import ClueUnit, SearchRow
from hub.search import texts
from hub.search.tokens import fold, phrase, unit_token, windows

QUERY_AT_MOST = 200  # characters of a query
LOOK = 500  # newest rows looked at before choosing a way
COUNTED_FOR = 60.0  # seconds the number of all rows is taken to stay
WALKED_COST = 4.0  # of a clue of a list whose texts are looked at, in rows walked
INDEXED_COST = 2.5  # of a matching row fetched by the index, in rows walked

Place = tuple[datetime, int]  # received_at and id of a row: where a page of hits ended


@dataclass(frozen=True, slots=True)
class Hit:
    """The first place of the query in one text: characters [start, end) of the original text that `ref` names.

    `start` and `end` count in the text of the part, or of the segment; `end` is cut at the segment's end where the
    phrase runs on into the next line. `after` continues the search behind this hit.
    """

    clue_id: int
    ref: str
    start: int
    end: int
    after: str = ""


def matching(query: str, unit_id: int) -> ColumnElement[bool]:
    """The condition on SearchRow that a unit's search for `query` sets.

    Exact up to PHRASE characters. Of a longer query the row holds the beginning and its clue all further stretches:
    `find` looks at the text itself.
    """
    folded = fold(query)[:QUERY_AT_MOST]
    if not folded:
        return false()
    first, *others = windows(folded)
    conditions = [_holds(SearchRow.tokens, _asked(first, unit_id))]
    for window in others:
        other = select(SearchRow.clue_id).where(_holds(SearchRow.tokens, _asked(window, unit_id)))
        conditions.append(SearchRow.clue_id.in_(other))
    return and_(*conditions)


def _asked(window: str, unit_id: int) -> str:
    return f"'{unit_token(unit_id)}' & ({phrase(window)})"


def _holds(tokens: Any, asked: str) -> ColumnElement[bool]:
    # A cast, not to_tsquery: its parser would take a token such as 2e345abc apart.
    made: ColumnElement[bool] = tokens.op("@@")(cast(asked, TSQUERY))
    return made


def find(
    session: Session,
    unit_id: int,
    query: str,
    limit: int = 50,
    after: str | None = None,
    seen: Select[ClueUnit] | None = None,
) -> list[Hit]:
    """Texts of the clues a unit may see that contain `query`, newest first: the same as a substring search.

    `after`: `Hit.after` of the last hit of the page before; one that cannot be read starts again. `seen` narrows to
    what a person sees (`people.visible`); without it all clues of the unit count.
    """
    wanted = fold(query)[:QUERY_AT_MOST]
    if not wanted or limit < 1:
        return []
    allowed = select(ClueUnit).where(ClueUnit.unit_id == unit_id) if seen is None else seen
    asked = _asked(windows(wanted)[0], unit_id)
    before = _place(after)
    done = _shown_before(session, asked, before) if before else set()
    hits: list[Hit] = []
    batch = limit
    while len(hits) < limit:
        rows = _newest(session, asked, before, batch)
        fresh = {name: row for row in reversed(rows) if (name := (row.clue_id, row.ref)) not in done}
        names = list(reversed(fresh))  # in the order of each text's newest row
        found = texts.first_places(session, [fresh[name] for name in names], wanted, allowed)
        for name in names:
            if name in found and len(hits) < limit:
                hits.append(Hit(*name, *found[name], after=_key(fresh[name])))
        done.update(names)
        if len(rows) < batch:
            break
        before, batch = (rows[-1].received_at, rows[-1].id), min(2 * batch, 5000)
    return hits


def _key(row: Row[Any]) -> str:
    return f"{row.received_at.isoformat()}~{row.id}"


def _place(after: str | None) -> Place | None:
    moment, _, number = (after or "").partition("~")
    try:
        at, row = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return (at, row) if at.tzinfo is not None and 0 <= row < 1 << 63 else None


_KEY = (SearchRow.received_at, SearchRow.id)
_NEWEST = tuple(column.desc() for column in _KEY)
_COLUMNS = (*_KEY, SearchRow.clue_id, SearchRow.ref)


def _below(before: Place | None) -> list[ColumnElement[bool]]:
    """Rows behind a place. The first condition lets PostgreSQL leave out whole years."""
    if before is None:
        return []
    end = tuple_(literal(before[0], SearchRow.received_at.type), literal(before[1], SearchRow.id.type))
    return [SearchRow.received_at <= before[0], tuple_(*_KEY) < end]


def _shown_before(session: Session, asked: str, before: Place) -> set[tuple[int, str]]:
    """Texts with a hit on the page before whose further rows follow now: they share the time of the last hit."""
    query = select(SearchRow.clue_id, SearchRow.ref).where(
        SearchRow.received_at == before[0], SearchRow.id >= before[1], _holds(SearchRow.tokens, asked)
    )
    return {(row.clue_id, row.ref) for row in session.execute(query)}


def _newest(session: Session, asked: str, before: Place | None, wanted: int) -> Sequence[Any]:
    """The newest `wanted` rows behind a place; fewer only where there are no more."""
    rows: list[Any] = []
    size, walked = LOOK, 0
    while True:
        met = _walk(session, asked, before, size, wanted - len(rows) + 1)
        last = met[-1] if met and met[-1].n == size else None
        rows += [row for row in met if row.holds]
        if len(rows) >= wanted or last is None:
            return rows[:wanted]
        before, walked = (last.received_at, last.id), walked + size
        share = (len(rows) + 1) / walked
        size = max(LOOK, int((wanted - len(rows)) / share))
        if size > share * _rows_in_all(session) * INDEXED_COST:
            return [*rows, *_by_index(session, asked, before, wanted - len(rows))]


def _walk(session: Session, asked: str, before: Place | None, size: int, wanted: int) -> Sequence[Any]:
    """Looks at `size` rows from a place on: those that hold, and the last one to go on from.

    The inner limit keeps PostgreSQL from taking the token index.
    """
    number = func.row_number().over(order_by=_NEWEST).label("n")
    inner = select(*_COLUMNS, SearchRow.tokens, number).where(*_below(before)).order_by(*_NEWEST).limit(size).subquery()
    holds = _holds(inner.c.tokens, asked)
    query = select(inner.c.received_at, inner.c.id, inner.c.clue_id, inner.c.ref, inner.c.n, holds.label("holds"))
    rows: Sequence[Any] = session.execute(query.where(or_(inner.c.n == size, holds)).limit(wanted)).all()
    return rows


def _by_index(session: Session, asked: str, before: Place | None, wanted: int) -> Sequence[Any]:
    """Asks the token index and sorts. Materialized, lest PostgreSQL walks all rows for the sake of the limit."""
    query = select(*_COLUMNS).where(*_below(before), _holds(SearchRow.tokens, asked))
    all_ = query.cte("all_rows").prefix_with("MATERIALIZED", dialect="postgresql")
    order = all_.c.received_at.desc(), all_.c.id.desc()
    rows: Sequence[Any] = session.execute(select(all_).order_by(*order).limit(wanted)).all()
    return rows


_ROWS_IN_ALL = text(
    "select coalesce(sum(greatest(c.reltuples, 0)), 0) from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = 'search_row'::regclass"
)


_counted: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()  # engine → when, how many


def _rows_in_all(session: Session) -> float:
    """PostgreSQL's own estimate, asked once a minute; 0 before its first look, which is right for few rows."""
    engine, now = session.get_bind(), time.monotonic()
    at, count = _counted.get(engine, (-COUNTED_FOR, 0.0))
    if now - at >= COUNTED_FOR:
        count = float(session.scalar(_ROWS_IN_ALL) or 0)
        _counted[engine] = now, count
    return count


def clues(
    session: Session,
    rows: Select[ClueUnit],
    unit_id: int,
    query: str,
    limit: int = 50,
    before: tuple[datetime, int] | None = None,
) -> list[ClueUnit]:
    """Of a person's narrowed list (`people.visible` and filters) the newest rows whose clue holds `query`.

    For lists: one row a clue, in the order of the list; `before`: (sort_at, clue_id) of the last row of the page
    before. Common words are met by walking the list, rare ones are asked of the token index; PostgreSQL cannot tell
    which, a look at the newest rows does. Of a query longer than PHRASE the texts are not looked at (`matching`).
    """
    folded = fold(query)[:QUERY_AT_MOST]
    if not folded or limit < 1:
        return []
    asked = [_asked(window, unit_id) for window in windows(folded)]
    keys = rows.with_only_columns(ClueUnit.sort_at, ClueUnit.clue_id)
    met: list[Any] = []
    size, walked = LOOK, 0
    while True:
        page = session.execute(_behind(keys, before).order_by(*_LIST).limit(size)).all()
        ids = [row.clue_id for row in page]
        holding = _holding(session, asked, ids, min((row.sort_at for row in page), default=None))
        met += [row for row in page if row.clue_id in holding]
        if len(met) >= limit or len(page) < size:
            return _entities(session, rows, met[:limit])
        before, walked = (page[-1].sort_at, page[-1].clue_id), walked + size
        share = (len(met) + 1) / walked
        size = max(LOOK, int((limit - len(met)) / share))
        if WALKED_COST * size > share * _rows_in_all(session) * INDEXED_COST:
            met += _named(session, keys, asked, before, limit - len(met))
            return _entities(session, rows, met)


_LIST = (ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc())


def _behind(rows: Any, before: tuple[datetime, int] | None) -> Any:
    """`rows` behind a place of the list."""
    if before is None:
        return rows
    end = tuple_(literal(before[0], ClueUnit.sort_at.type), literal(before[1], ClueUnit.clue_id.type))
    return rows.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) < end)


def _entities(session: Session, rows: Select[ClueUnit], met: Sequence[Any]) -> list[ClueUnit]:
    """The rows of the list themselves, in its order."""
    ids = [row.clue_id for row in met]
    found = {row.clue_id: row for row in session.scalars(rows.where(ClueUnit.clue_id.in_(ids)))}
    return [found[number] for number in ids if number in found]


def _holding(session: Session, asked: Sequence[str], ids: Sequence[int], since: datetime | None) -> set[int]:
    """Which of these clues hold every stretch of the query, each in some text; none was recorded before `since`."""
    found = set(ids)
    for one in asked:
        if found:
            query = select(SearchRow.clue_id).where(SearchRow.clue_id.in_(found), _holds(_unindexed(), one))
            query = query.where(SearchRow.received_at >= since) if since is not None else query
            found = set(session.scalars(query))
    return found


def _unindexed() -> Any:
    """The tokens in a form that the token index does not serve: the clues are few and named."""
    return func.coalesce(SearchRow.tokens, cast("", TSVECTOR))


def _named(
    session: Session, keys: Any, asked: Sequence[str], before: tuple[datetime, int], wanted: int
) -> Sequence[Any]:
    """Asks the token index for all clues that hold the query; they are few."""
    ids: set[int] | None = None
    for one in asked:
        query = select(SearchRow.clue_id).where(_holds(SearchRow.tokens, one))
        ids = set(session.scalars(query)) if ids is None else ids & set(session.scalars(query))
    query_ = _behind(keys, before).where(ClueUnit.clue_id.in_(ids or set())).order_by(*_LIST).limit(wanted)
    return session.execute(query_).all()
