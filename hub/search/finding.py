"""Queries: the condition for lists, and hits with their characters, newest first, a page at a time.

Hits: rows of the index span by span (`spans`), their texts opened until the page is full. Lists: few clues are looked
at first, which finds common words; then the index is asked span by span; where neither is soon done, a narrow list or
a word that hardly stands in it, what is cheaper: to look at the list on and on, or to ask the index for all that holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.orm import Session

from hub import db
from hub.models import ClueUnit, SearchRow
from hub.models.clue import AHEAD
from hub.models.text import SEARCH_TERMS
from hub.search import texts
from hub.search.spans import Asked, Met, Place, in_all, newest_first
from hub.search.texts import among
from hub.search.tokens import fold, windows

QUERY_AT_MOST = 200  # characters of a query
LOOK = 100  # clues of a list that are looked at before the index is asked
CANDIDATES = 3000  # clues that the index may name before a list is gone through otherwise
WALKED_COST = 4.0  # of a clue of a list whose texts are looked at
INDEXED_COST = 1.0  # of a matching row fetched by the index, in the same measure
SKEW = timedelta(minutes=10)  # a clue's moment lies at most this long after its record, but for those of AHEAD


ListPlace = tuple[datetime, int]  # sort_at and clue of a row of a list


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
    conditions = [_named_by_index(Asked(unit_id, first)), _holds(SearchRow.tokens, Asked(unit_id, first).exact)]
    for window in others:
        one = Asked(unit_id, window)
        other = select(SearchRow.clue_id).where(_named_by_index(one), _holds(SearchRow.tokens, one.exact))
        conditions.append(SearchRow.clue_id.in_(other))
    return and_(*conditions)


def _named_by_index(asked: Asked) -> ColumnElement[bool]:
    return _holds(literal_column(SEARCH_TERMS), asked.terms(()))


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
    asked = Asked(unit_id, windows(wanted)[0])
    before = _place(after)
    done = _shown_before(session, asked, before) if before else set()
    hits: list[Hit] = []
    for rows in _pages(newest_first(session, asked, limit, before), limit):
        fresh = {name: row for row in reversed(rows) if (name := (row.clue_id, row.ref)) not in done}
        names = list(reversed(fresh))  # in the order of each text's newest row
        found = texts.first_places(session, [fresh[name] for name in names], wanted, allowed)
        for name in names:
            if name in found and len(hits) < limit:
                hits.append(Hit(*name, *found[name], after=_key(fresh[name])))
        done.update(names)
        if len(hits) == limit:
            break
    return hits


def _pages(found: Iterator[tuple[list[Met], datetime | None]], size: int) -> Iterator[list[Met]]:
    """The rows in order, `size` at a time and ever more: each lot's texts are opened at once."""
    kept: list[Met] = []
    for rows, onward in found:
        kept += rows
        while len(kept) >= size or (kept and onward is None):
            yield kept[:size]
            kept, size = kept[size:], min(2 * size, 5000)


def _key(row: Met) -> str:
    return f"{row.received_at.isoformat()}~{row.id}"


def _place(after: str | None) -> Place | None:
    moment, _, number = (after or "").partition("~")
    try:
        at, row = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return None
    return (at, row) if at.tzinfo is not None and 0 <= row < 1 << 63 else None


def _shown_before(session: Session, asked: Asked, before: Place) -> set[tuple[int, str]]:
    """Texts with a hit on the page before whose further rows follow now: they share the time of the last hit."""
    query = select(SearchRow.clue_id, SearchRow.ref).where(
        SearchRow.received_at == before[0], SearchRow.id >= before[1], _holds(SearchRow.tokens, asked.exact)
    )
    return {(row.clue_id, row.ref) for row in session.execute(query)}


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
    asked = [Asked(unit_id, window) for window in windows(folded)]
    keys = rows.with_only_columns(ClueUnit.sort_at, ClueUnit.clue_id)
    met, last = _looked_at(session, keys, asked, before, LOOK)
    if len(met) >= limit or last is None:
        return _entities(session, rows, met[:limit])
    if before is None and (found := _by_spans(session, keys, asked, limit)) is not None:
        return _entities(session, rows, found)
    walked = size = LOOK
    while True:
        share = (len(met) + 1) / walked
        size = max(LOOK, min(8 * size, int((limit - len(met)) / share)))
        if WALKED_COST * (limit - len(met)) / share > share * in_all(session) * INDEXED_COST:
            return _entities(session, rows, met + _named(session, keys, asked, last, limit - len(met)))
        more, last = _looked_at(session, keys, asked, last, size)
        met, walked = met + more, walked + size
        if len(met) >= limit or last is None:
            return _entities(session, rows, met[:limit])


def _looked_at(
    session: Session, keys: Any, asked: Sequence[Asked], before: ListPlace | None, size: int
) -> tuple[list[ListPlace], ListPlace | None]:
    """Of the next `size` rows of a list those that hold; and the last one, None at the end of the list."""
    page = [(row.sort_at, row.clue_id) for row in db.asked(session, _behind(keys, before).order_by(*_LIST).limit(size))]
    holding = _holding(session, asked, [number for _, number in page])
    return [row for row in page if row[1] in holding], page[-1] if len(page) == size else None


def _by_spans(session: Session, keys: Any, asked: Sequence[Asked], limit: int) -> list[ListPlace] | None:
    """The newest `limit` rows of a list whose clues the index names span by span; None where it names too many.

    Records are met newest first, the list is in the order of the clues' moments, which may lie before: a row has its
    place for good once no record from before that moment is left to be met. None also where moments lie ahead.
    """
    if session.scalar(_ANY_AHEAD):
        return None
    seen: set[int] = set()
    found: list[ListPlace] = []
    for rows, onward in newest_first(session, asked[0], limit):
        fresh = {row.clue_id for row in rows} - seen
        seen |= fresh
        if fresh:
            named = keys.where(among(ClueUnit.clue_id, fresh))
            listed = [(row.sort_at, row.clue_id) for row in db.asked(session, named)]
            holding = _holding(session, asked[1:], [number for _, number in listed])
            found = sorted([*found, *(row for row in listed if row[1] in holding)], reverse=True)
        if onward is None or (len(found) >= limit and found[limit - 1][0] >= onward + SKEW):
            return found[:limit]
        if len(seen) > CANDIDATES:
            return None
    return found


_ANY_AHEAD = sql(f"select exists (select from clue where {AHEAD})")  # noqa: S608  of our own pieces
_LIST = (ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc())


def _behind(rows: Any, before: ListPlace | None) -> Any:
    """`rows` behind a place of the list."""
    if before is None:
        return rows
    end = tuple_(literal(before[0], ClueUnit.sort_at.type), literal(before[1], ClueUnit.clue_id.type))
    return rows.where(tuple_(ClueUnit.sort_at, ClueUnit.clue_id) < end)


def _entities(session: Session, rows: Select[ClueUnit], met: Sequence[ListPlace]) -> list[ClueUnit]:
    """The rows of the list themselves, in its order."""
    ids = [number for _, number in met]
    found = {row.clue_id: row for row in session.scalars(rows.where(among(ClueUnit.clue_id, ids)))} if ids else {}
    return [found[number] for number in ids if number in found]


def _holding(session: Session, asked: Sequence[Asked], ids: Sequence[int]) -> set[int]:
    """Which of these clues hold every stretch of the query, each in some text."""
    found = set(ids)
    for one in asked:
        if found:
            query = select(SearchRow.clue_id).where(among(SearchRow.clue_id, found), _holds(_unindexed(), one.exact))
            found = {row.clue_id for row in db.asked(session, query)}
    return found


def _unindexed() -> Any:
    """The tokens in a form that the token index does not serve: the clues are few and named."""
    return func.coalesce(SearchRow.tokens, cast("", TSVECTOR))


def _named(session: Session, keys: Any, asked: Sequence[Asked], before: ListPlace, wanted: int) -> list[ListPlace]:
    """Asks the token index for all clues that hold the query; they are few."""
    query = _behind(keys, before)
    for one in asked:
        named = select(SearchRow.clue_id).where(_named_by_index(one), _holds(_unindexed(), one.exact))
        named_ = named.cte().prefix_with("MATERIALIZED", dialect="postgresql")
        query = query.where(ClueUnit.clue_id.in_(select(named_.c.clue_id)))
    return [(row.sort_at, row.clue_id) for row in db.asked(session, query.order_by(*_LIST).limit(wanted))]
