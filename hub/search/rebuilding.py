"""The index rows of a clue made anew from its sealed texts: after a quarantine was lifted (J6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from channels.contract import PartKind
from hub.access.sealing import Key, open_key
from hub.models import Clue, ClueNote, Intake, Opinion, Part, SearchRow, Segment, Transcript, Value
from hub.search.rows import index
from hub.search.texts import words_of
from hub.search.tokens import OVERLAP

READABLE = (PartKind.TEXT, PartKind.LINK, PartKind.LOCATION)


def rebuild(session: Session, clue_id: int, units: Iterable[int], *, without: Collection[str] = ()) -> None:
    """Indexes every text of the clue for those units, in place of what stood there. `without`: fields of values that
    stay out of the search.
    """
    clue, chain = session.get_one(Clue, clue_id), list(units)
    session.execute(delete(SearchRow).where(SearchRow.clue_id == clue_id))
    key, at = open_key(session, clue.key_id), clue.recorded_at
    index(session, clue_id, at, f"subject:{clue_id}", key.text(clue.title, "clue.title")[:500], chain)
    for value in session.scalars(select(Value).where(Value.clue_id == clue_id, Value.field.not_in(without))):
        index(session, clue_id, at, f"value:{value.id}", words_of(key.json(value.value, "clue.value")), chain)
    for opinion in session.scalars(select(Opinion).where(Opinion.clue_id == clue_id)):
        index(session, clue_id, at, f"opinion:{opinion.id}", key.text(opinion.text, "clue.opinion"), chain)
    readers = [unit for unit in chain if unit in (clue.owner_unit_id, clue.received_unit_id)]
    for note in session.scalars(select(ClueNote).where(ClueNote.clue_id == clue_id)):
        index(session, clue_id, at, f"note:{note.id}", key.text(note.text, "clue.note"), readers)
    parts = session.execute(
        select(Part, Intake.key_id).join(Intake, Intake.id == Part.intake_id).where(Part.clue_id == clue_id)
    )
    for part, key_id in parts.all():
        _part(session, clue, part, open_key(session, key_id), chain)


def _part(session: Session, clue: Clue, part: Part, key: Key, chain: Sequence[int]) -> None:
    if part.kind in list(PartKind):  # the others are notes of the hub
        title = key.text(part.title, "part.title")
        index(session, clue.id, clue.recorded_at, f"title:{part.id}", title, chain)
    if part.kind in READABLE:
        index(session, clue.id, clue.recorded_at, f"part:{part.id}", key.text(part.text, "part.text"), chain)
    last = session.scalars(
        select(Transcript).where(Transcript.part_id == part.id).order_by(Transcript.version.desc()).limit(1)
    ).first()
    if last is None:
        return
    rows = session.scalars(select(Segment).where(Segment.transcript_id == last.id).order_by(Segment.ord)).all()
    lines = [key.text(row.text, "segment.text") for row in rows]
    for number, row in enumerate(rows):
        following = zip(rows[number + 1 : number + 1 + OVERLAP], lines[number + 1 :], strict=False)
        onward = "".join(line for one, line in following if one.page == row.page) if last.kind == "scan" else ""
        index(session, clue.id, row.received_at, f"part:{part.id}:{row.ord}", lines[number], chain, onward)
