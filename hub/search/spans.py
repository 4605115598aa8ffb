"""Rows that hold a query, newest first, a span of time at a time: the work follows what is shown, not what matches.

The token index knows for each row the spans of time that it lies in (`hub.models.text.SPANS`). Each question names the
unit, the characters and the newest spans not yet looked at, so that PostgreSQL meets hardly more rows than are
wanted, however common the query is; how many were met says how far back the next one has to reach.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from hub import db
from hub.models.text import SEARCH_TERMS, SPANS
from hub.search.tokens import phrase, token, unit_token

FEW = 10_000  # rows in all that are asked without a span
FIRST = 1000  # rows that the first span is to hold
FARTHER = 16  # how many times as far the next span reaches where nothing was met
AT_MOST = 32  # the same where something was met
COUNTED_FOR = 60.0  # seconds the number of all rows is taken to stay
_BASE = min(SPANS.values())
_NAMES = sorted(SPANS, key=SPANS.__getitem__)
_STEP = 3  # bits from one kind of span to the next
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[datetime, int]  # received_at and id of a row: where a page of hits ended
END: Place = (datetime(9999, 1, 1, tzinfo=UTC), 0)


class Met(NamedTuple):
    """A row of the index."""

    received_at: datetime
    id: int
    clue_id: int
    ref: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a row must hold: the token of a unit and a phrase of at most PHRASE characters."""

    unit_id: int
    words: str

    @property
    def exact(self) -> str:
        """The query that only rows with the phrase satisfy."""
        return f"'{unit_token(self.unit_id)}' & ({phrase(self.words)})"

    def terms(self, spans: Sequence[str]) -> str:
        """The query for the index, which knows no order: all pairs, in one of the spans where there are any."""
        pairs = [self.words[at : at + 2] for at in range(len(self.words) - 1)] or [self.words]
        wanted = [f"'{unit_token(self.unit_id)}'", *(f"'{token(pair)}'" for pair in dict.fromkeys(pairs))]
        if spans:
            wanted.append("({})".format(" | ".join(f"'{one}'" for one in spans)))
        return " & ".join(wanted)


_FROM = f"""
    select received_at, id, clue_id, ref from search_row
    where {SEARCH_TERMS} @@ cast(:terms as tsquery) and received_at >= :since and (received_at, id) < (:at, :id)
"""  # noqa: S608  of our own pieces
_BOUNDS = [bindparam(name, type_=TIMESTAMP(timezone=True)) for name in ("since", "at")]
_PAIR = text(_FROM).bindparams(*_BOUNDS)
_PHRASE = text(f"{_FROM} and tokens @@ cast(:phrase as tsquery)").bindparams(*_BOUNDS)
_NEWEST = text("select received_at from search_row order by received_at desc limit 1")
_IN_ALL = text("""
    select coalesce(sum(greatest(c.reltuples, 0)), 0) as rows, (select min(received_at) from search_row) as oldest
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'search_row'::regclass
""")


def newest_first(
    session: Session, asked: Asked, wanted: int, before: Place | None = None
) -> Iterator[tuple[list[Met], datetime | None]]:
    """Rows that hold what is asked, span by span, newest first; with each the moment before which none was looked at
    yet, None at the end. `wanted`: how many the caller expects to take. Rows behind `before` only.
    """
    top = before[0] if before is not None else session.scalar(_NEWEST)
    if top is None:
        return
    high, size = _number(top) + 1, _first_size(session, top)
    met = walked = 0
    while True:
        low = high - size if size else 0
        if low <= 0 or not size:
            yield _rows(session, asked, before or END if not walked else (_moment(high), 0), None, high), None
            return
        low = _rounded(low, size)
        rows = _rows(session, asked, before or END, low, high)
        yield rows, _moment(low)
        met, walked = met + len(rows), walked + high - low
        farther = max(2 * walked, int(1.3 * walked * (wanted - met) / met)) if met else FARTHER * walked
        high, size = low, min(farther, AT_MOST * walked)
        if high - size < _number(_counted[session.get_bind()].oldest):
            size = 0


def _number(moment: datetime) -> int:
    """Which span of the shortest kind a moment lies in."""
    return (moment - _EPOCH) // timedelta(seconds=1) >> _BASE


def _moment(number: int) -> datetime:
    """When the span of the shortest kind with this number begins."""
    return _EPOCH + timedelta(seconds=number << _BASE)


def _rounded(low: int, size: int) -> int:
    """The beginning of a longer span where the size allows it: fewer spans to name."""
    bits = 0
    while bits + _STEP <= _STEP * (len(_NAMES) - 1) and size >> bits >= 1 << 2 * _STEP:
        bits += _STEP
    return low >> bits << bits


def cover(low: int, high: int) -> list[str]:
    """The fewest spans that make up those of the shortest kind from `low` to before `high`."""
    found = []
    while low < high:
        kind = 0
        while kind + 1 < len(_NAMES):
            longer = 1 << _STEP * (kind + 1)
            if low % longer or low + longer > high:
                break
            kind += 1
        found.append(f"{_NAMES[kind]}{low >> _STEP * kind}")
        low += 1 << _STEP * kind
    return found


def _rows(session: Session, asked: Asked, end: Place, low: int | None, high: int) -> list[Met]:
    """The rows of a stretch of spans, newest first; of all time before where `low` is None."""
    since = _moment(low) if low is not None else datetime.min.replace(tzinfo=UTC)
    given: dict[str, Any] = {"terms": asked.terms(cover(low, high) if low is not None else ())}
    given |= {"since": since, "at": end[0], "id": end[1]}
    if len(asked.words) > 2:
        found = db.asked(session, _PHRASE, **given, phrase=phrase(asked.words))
    else:
        found = db.asked(session, _PAIR, **given)
    return sorted((Met(*row) for row in found), key=lambda row: row[:2], reverse=True)


@dataclass(frozen=True, slots=True)
class _Counted:
    at: float
    rows: float
    oldest: datetime


_counted: WeakKeyDictionary[Any, _Counted] = WeakKeyDictionary()  # by engine


def in_all(session: Session) -> float:
    """PostgreSQL's own estimate of all rows, asked once a minute; 0 before its first look, which is right for few."""
    engine, now = session.get_bind(), time.monotonic()
    known = _counted.get(engine)
    if known is None or now - known.at >= COUNTED_FOR:
        row = session.execute(_IN_ALL).one()
        known = _counted[engine] = _Counted(now, float(row.rows), row.oldest or _EPOCH)
    return known.rows


def _first_size(session: Session, top: datetime) -> int:
    """Spans of the shortest kind that hold some FIRST rows; 0 where all rows are few."""
    rows = in_all(session)
    if rows <= FEW:
        return 0
    span = max(1, _number(top) - _number(_counted[session.get_bind()].oldest))
    return max(1, int(FIRST * span / rows))
