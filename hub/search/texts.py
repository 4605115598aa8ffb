"""The texts behind rows of the index: opened to confirm a hit and to say at which characters it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, any_, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session

from hub import db
from hub.access.sealing import Key, opened_key
from hub.models import Clue, ClueNote, ClueUnit, DataKey, Intake, Opinion, Part, Segment, Transcript, Value
from hub.search.spans import Met
from hub.search.tokens import TEXT_AT_MOST, Folded

ONWARD = 220  # following lines of a page that a query of 200 characters may run over

Name = tuple[int, str]  # clue and ref
_KEY = (DataKey.id, DataKey.unit_id, DataKey.version, DataKey.wrapped)  # what `opened_key` is given


def among(column: Any, ids: Collection[int]) -> ColumnElement[bool]:
    """One of these, as one value: the statement stays the same for any number of them."""
    made: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(BIGINT)))
    return made


def first_places(
    session: Session, rows: Sequence[Met], wanted: str, allowed: Select[ClueUnit]
) -> dict[Name, tuple[int, int]]:
    """Where `wanted` stands first in the text of each row; rows whose text does not hold it or is walled are absent."""
    clues = {row.clue_id for row in rows}
    asked = allowed.with_only_columns(ClueUnit.clue_id).where(among(ClueUnit.clue_id, clues))
    open_ = {row.clue_id for row in db.asked(session, asked)}
    rows = [row for row in rows if row.clue_id in open_]
    if not rows:
        return {}
    found = _others(session, rows, wanted)
    rows = [row for row in rows if row.ref.startswith("part:")]
    if not rows:
        return found
    split = {(row.clue_id, row.ref): _numbers(row.ref) for row in rows}
    keys, bodies = _parts(session, {part for part, _ in split.values()})
    lines = {found for found in split.values() if found[1] is not None}
    times = [row.received_at for row in rows]
    segments, versions = _segments(session, lines, min(times), max(times))
    for name, (part, ord_) in split.items():
        if ord_ is None:
            span = next(Folded(bodies.get(part, "")).spans(wanted), None)
        elif (part, ord_) in segments:
            span = _in_line(session, keys[part], segments[part, ord_], versions[part], wanted)
        else:
            span = None
        if span is not None:
            found[name] = span
    return found


Opener = Callable[[Session, Sequence[int]], dict[int, str]]
"""(session, ids) → the texts that are still there. `register` one for each further kind of text."""

_openers: dict[str, Opener] = {}


def register(kind: str, opener: Opener) -> None:
    """Lets texts with refs "<kind>:<id>" be confirmed as hits: notes, opinions and whatever else is indexed."""
    _openers[kind] = opener


def _others(session: Session, rows: Sequence[Met], wanted: str) -> dict[Name, tuple[int, int]]:
    """Hits in titles, confirmed values and registered kinds."""
    asked: dict[str, dict[int, Name]] = {}
    for row in rows:
        kind, _, number = row.ref.partition(":")
        if kind != "part":
            asked.setdefault(kind, {})[int(number)] = (row.clue_id, row.ref)
    found: dict[Name, tuple[int, int]] = {}
    for kind, names in asked.items():
        for one, body in _openers[kind](session, list(names)).items() if kind in _openers else ():
            span = next(Folded(body[:TEXT_AT_MOST]).spans(wanted), None)
            if span is not None:
                found[names[one]] = span
    return found


def _titles(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The titles of parts: subjects of mails, names of files."""
    query = select(Part.id, Part.title, *_KEY).join(Intake, Intake.id == Part.intake_id)
    rows = db.asked(session, query.join(DataKey, DataKey.id == Intake.key_id).where(among(Part.id, ids)))
    return {part: opened_key(*key).text(sealed, "part.title") for part, sealed, *key in rows}


def _subjects(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The titles of clues: the subject of the mail, the heading of the form."""
    query = select(Clue.id, Clue.title, *_KEY).join(DataKey, DataKey.id == Clue.key_id).where(among(Clue.id, ids))
    rows = db.asked(session, query)
    return {one: opened_key(*key).text(sealed, "clue.title") for one, sealed, *key in rows}


def words_of(value: Any) -> str:
    """What is read of a confirmed value: its words, without codes and measures of machines."""
    if isinstance(value, dict):
        return "\n".join(words_of(one) for name, one in value.items() if name in WORDY and one)
    return "\n".join(map(words_of, value)) if isinstance(value, list) else str(value)


WORDY = ("name", "text", "town", "village", "group", "value")


def _values(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The words of values that people confirmed or set."""
    query = select(Value.id, Value.value, *_KEY).join(Clue, Clue.id == Value.clue_id)
    rows = db.asked(session, query.join(DataKey, DataKey.id == Clue.key_id).where(among(Value.id, ids)))
    return {one: words_of(opened_key(*key).json(sealed, "clue.value")) for one, sealed, *key in rows}


def _opinions(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """What people wrote with their acts."""
    query = select(Opinion.id, Opinion.text, *_KEY).join(Clue, Clue.id == Opinion.clue_id)
    rows = db.asked(session, query.join(DataKey, DataKey.id == Clue.key_id).where(among(Opinion.id, ids)))
    return {one: opened_key(*key).text(sealed, "clue.opinion") for one, sealed, *key in rows}


def _notes(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """What people wrote to their colleagues."""
    query = select(ClueNote.id, ClueNote.text, *_KEY).join(Clue, Clue.id == ClueNote.clue_id)
    rows = db.asked(session, query.join(DataKey, DataKey.id == Clue.key_id).where(among(ClueNote.id, ids)))
    return {one: opened_key(*key).text(sealed, "clue.note") for one, sealed, *key in rows}


register("subject", _subjects)
register("title", _titles)
register("value", _values)
register("opinion", _opinions)
register("note", _notes)


def _numbers(ref: str) -> tuple[int, int | None]:
    """("part:5:2") → (5, 2); no segment is None."""
    _, part, *segment = ref.split(":")
    return int(part), int(segment[0]) if segment else None


def _parts(session: Session, parts: set[int]) -> tuple[dict[int, Key], dict[int, str]]:
    """The opened key and the text of each part."""
    query = select(Part.id, Part.text, *_KEY).join(Intake, Intake.id == Part.intake_id)
    rows = db.asked(session, query.join(DataKey, DataKey.id == Intake.key_id).where(among(Part.id, parts)))
    keys = {part: opened_key(*key) for part, _, *key in rows}
    return keys, {part: keys[part].text(sealed, "part.text")[:TEXT_AT_MOST] for part, sealed, *_ in rows}


def _segments(
    session: Session, lines: set[tuple[int, int | None]], first: Any, last: Any
) -> tuple[dict[tuple[int, int | None], Segment], dict[int, Transcript]]:
    """The asked segments of the newest transcript of each part."""
    if not lines:
        return {}, {}
    query = select(Transcript).where(Transcript.part_id.in_({part for part, _ in lines}))
    versions = {row.part_id: row for row in session.scalars(query.order_by(Transcript.version))}
    asked = {(versions[part].id, ord_): part for part, ord_ in lines if part in versions}
    rows = session.scalars(
        select(Segment).where(
            Segment.received_at.between(first, last), tuple_(Segment.transcript_id, Segment.ord).in_(asked)
        )
    )
    return {(asked[row.transcript_id, row.ord], row.ord): row for row in rows}, versions


def _in_line(session: Session, key: Key, row: Segment, version: Transcript, wanted: str) -> tuple[int, int] | None:
    line = key.text(row.text, "segment.text")
    span = next(Folded(line).spans(wanted), None)
    if span is not None or version.kind != "scan":
        return span
    following = session.scalars(
        select(Segment)
        .where(
            Segment.received_at == row.received_at, Segment.transcript_id == row.transcript_id,
            Segment.page == row.page, Segment.ord > row.ord,
        )
        .order_by(Segment.ord)
        .limit(ONWARD)
    )  # fmt: skip
    whole = line + "".join(key.text(next_.text, "segment.text") for next_ in following)
    for start, end in Folded(whole).spans(wanted):
        if start < len(line):
            return start, min(end, len(line))
    return None
