"""Where clues lie: the points the hub knows of those a person may see (C13). Everything starts at `visible`.

A point comes from a visit on the spot, else from what a person confirmed, else from what the reporter sent; the last is
shown as unconfirmed. Others, known by county only, are counted at its seat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.people import Actor
from hub.access.sealing import fetch_keys, open_key
from hub.jurisdiction.centres import centre
from hub.jurisdiction.divisions import table
from hub.jurisdiction.place_coordinates import CGCS2000, Point, convert
from hub.models import Clue, ClueUnit, SiteRecord, SuggestionRow, Value, Verification
from hub.supervision import queue

MOST = 300  # points of one picture, of the newest clues that have one
READ = 5_000  # newest clues that are asked for a point
SOURCES = {"visit": "现场记录", "value": "经人认定", "sent": "举报人发来，未核对"}


@dataclass(frozen=True, slots=True)
class Pinned:
    """A clue with its point in CGCS2000. `source` of SOURCES."""

    row: queue.Row
    point: Point
    source: str

    @property
    def key(self) -> str:
        """Names its mark in a picture."""
        return f"c{self.row.clue.id}"


@dataclass(frozen=True, slots=True)
class Found:
    """`pinned`: with a point, the newest first, of the READ newest clues; `capped`: there are more. `counted`: clues
    of the filter by the code of county, city or province at whose seat they are counted; "" where none is known.
    """

    pinned: tuple[Pinned, ...]
    capped: bool
    counted: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counted.values())


def find(session: Session, who: Actor, filters: queue.Filters) -> Found:
    """Points of the clues the queue would show with these filters; words to search for are not looked at."""
    wanted = queue.narrowed(who, filters)
    codes = session.execute(
        wanted.with_only_columns(ClueUnit.division, func.count(), maintain_column_froms=True).group_by(
            ClueUnit.division
        )
    )
    counted: Counter[str] = Counter()
    for code, n in codes:
        counted[_seat(code)] += n
    recent = wanted.order_by(ClueUnit.sort_at.desc(), ClueUnit.clue_id.desc()).limit(READ)
    points = _points(session, recent.with_only_columns(ClueUnit.clue_id, maintain_column_froms=True))
    newest = sorted(points, reverse=True)[: MOST + 1]
    shown = queue.rows(session, newest[:MOST])
    pinned = tuple(Pinned(row, *points[row.clue.id]) for row in shown)
    return Found(pinned, len(newest) > MOST, dict(counted))


def _seat(code: str | None) -> str:
    """The county, city or province of a place, where its seat is known."""
    row = table().get(code) if code else None
    while row is not None and (row.level == "town" or centre(row.code) is None):
        row = table().get(row.parent) if row.parent else None
    return row.code if row is not None else ""


def _points(session: Session, ids: Any) -> dict[int, tuple[Point, str]]:
    """Clue → (point, source), the best of what is known; at most some more than are shown are opened."""
    most = 2 * MOST
    sent = select(SuggestionRow).where(
        SuggestionRow.field == "location", SuggestionRow.current, SuggestionRow.clue_id.in_(ids)
    )
    told = select(Value).where(Value.field == "location", Value.clue_id.in_(ids))
    visits = (
        select(SiteRecord, Verification.clue_id)
        .join(Verification, Verification.id == SiteRecord.verification_id)
        .where(SiteRecord.crs != "", Verification.clue_id.in_(ids))
    )
    first = list(session.scalars(sent.order_by(SuggestionRow.clue_id.desc(), SuggestionRow.id.desc()).limit(most)))
    second = list(session.scalars(told.order_by(Value.id.desc()).limit(most)))
    third = session.execute(visits.order_by(SiteRecord.id.desc()).limit(most)).all()
    known = {one.clue_id for one in first} | {one.clue_id for one in second} | {number for _, number in third}
    keys = _keys(session, known)
    found: dict[int, tuple[Point, str]] = {}
    for row in reversed(first):
        body = open_key(session, keys[row.clue_id]).json(row.value, "suggestion.value")
        _put(found, row.clue_id, body["value"], "sent")
    for value in reversed(second):
        _put(found, value.clue_id, open_key(session, keys[value.clue_id]).json(value.value, "clue.value"), "value")
    for record, number in reversed(third):
        seen = open_key(session, keys[number]).json(record.found, "site_record.found")
        given = {"lat": seen.get("latitude"), "lon": seen.get("longitude"), "system": record.crs}
        _put(found, number, given, "visit")
    return found


def _keys(session: Session, ids: Iterable[int]) -> dict[int, int]:
    """Clue → its key, all fetched at once."""
    rows: Sequence[Any] = session.execute(select(Clue.id, Clue.key_id).where(Clue.id.in_(list(ids)))).all()
    fetch_keys(session, [row.key_id for row in rows])
    return {row.id: row.key_id for row in rows}


def _put(found: dict[int, tuple[Point, str]], number: int, given: Any, source: str) -> None:
    """Keeps a point; what somebody wrote as words has none."""
    if not isinstance(given, dict):
        return
    latitude, longitude = given.get("lat"), given.get("lon")
    if isinstance(latitude, (int, float)) and isinstance(longitude, (int, float)):
        try:
            found[number] = convert(float(latitude), float(longitude), str(given.get("system")), CGCS2000), source
        except ValueError:
            return
