"""The queue as plain rows (`hub clues --json`, `make clues`; PRODUCT §11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import masking
from hub.access.masking import mask
from hub.access.sealing import open_key
from hub.access.walls import live
from hub.casework.naming import known_words
from hub.enrich import passages
from hub.enrich.run import IDENTITY
from hub.jurisdiction.divisions import table
from hub.models import Blob, Clue, Intake, IntakeClue, SuggestionRow, Unit, Wall
from hub.terms import SITE_PHOTOS

named = masking.named  # where the words that `reporter_names` gives stand


def rows(session: Session, *, with_text: bool = False) -> Iterator[dict[str, Any]]:
    """Every clue, newest first. For the command line of whoever runs the hub: text only masked.

    Of an N4 clue only its number, state, unit and the hashes of its originals: it is sealed off, or shredded.
    """
    sealed = set(session.scalars(select(Wall.clue_id).where(Wall.reason == "N4", live())))
    units = {unit.id: unit.code for unit in session.scalars(select(Unit))}
    for clue in session.scalars(select(Clue).order_by(Clue.at.desc(), Clue.id.desc())):
        intakes = session.scalars(
            select(Intake).join(IntakeClue, IntakeClue.intake_id == Intake.id).where(IntakeClue.clue_id == clue.id)
        ).all()
        kinds = [one.kind or one.kind_suggested for one in intakes if one.source_id != SITE_PHOTOS]
        row: dict[str, Any] = {
            "no": clue.no,
            "channel": clue.channel,
            "kind": "clue" if "clue" in kinds or not kinds else kinds[0],
            "state": clue.state,
            "unit": units[clue.owner_unit_id],
            "division": clue.division,
            "place": table().path(clue.division) if clue.division else None,
            "ambiguous": clue.ambiguous,
            "class": clue.class_code,
            "missing": list(clue.missing),
            "at": clock.china(clue.at).isoformat(),
            "recorded_at": clock.china(clue.recorded_at).isoformat(),
            "originals": originals(session, [intake.id for intake in intakes]),
            "suggested": clue.enriched,
        }
        if clue.id in sealed:
            row |= {"division": None, "place": None, "class": None, "missing": []}
        if with_text:
            row["text"] = masked_text(session, clue) if clue.id not in sealed else None
        yield row


def originals(session: Session, intake_ids: list[int]) -> list[str]:
    """sha256 of everything as it arrived, in order."""
    query = (
        select(Blob.sha256)
        .where(Blob.intake_id.in_(intake_ids), Blob.origin.in_(("raw", "fetched", "derived")))
        .order_by(Blob.intake_id, Blob.ord)
    )
    return list(session.scalars(query))


def masked_text(session: Session, clue: Clue) -> str:
    """All text of the clue with what names its reporter replaced by ▇ of equal length.

    Until the names are found (suggestions stand for all text known so far) nothing is shown but ▇.
    """
    hidden, names = identity_spans(session, clue), reporter_names(session, clue)
    out = []
    for source in passages.of_clue(session, clue):
        text = source.passage.text
        spans = named(text, names) if clue.enriched else [(0, len(text))]
        for part, segment, start, end in hidden:
            base = next((piece.start for piece in source.pieces if piece.segment == segment), None)
            if part == source.part and base is not None:
                spans.append((base + start, base + end))
        out.append(mask(text, spans))
    return "\n".join(out)


def reporter_names(session: Session, clue: Clue) -> list[str]:
    """Words that name the reporter: as proposed from the text, and as the channel or a form gave them."""
    key = open_key(session, clue.key_id)
    proposed = session.scalars(
        select(SuggestionRow.value).where(
            SuggestionRow.clue_id == clue.id, SuggestionRow.current, SuggestionRow.field == "reporter_name"
        )
    )
    values = [key.json(value, "suggestion.value")["value"] for value in proposed]
    found = [str(value.get("name", "")) if isinstance(value, dict) else str(value) for value in values]
    found += known_words(session, clue)
    return sorted({name.strip() for name in found if len(name.strip()) > 1})


def identity_spans(session: Session, clue: Clue) -> list[tuple[int, int, int, int]]:
    """(part, segment, start, end) of words that name the reporter, from the current suggestions."""
    key = open_key(session, clue.key_id)
    found: list[tuple[int, int, int, int]] = []
    query = select(SuggestionRow).where(
        SuggestionRow.clue_id == clue.id, SuggestionRow.current, SuggestionRow.field.in_(IDENTITY)
    )
    for row in session.scalars(query):
        spans = key.json(row.value, "suggestion.value")["spans"]
        found += [(span["part"], span["segment"], span["start"], span["end"]) for span in spans]
    return found
