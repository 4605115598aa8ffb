"""What arrived, as the clue page shows it: originals beside their text, masked where the viewer may not read them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, search
from hub.access import audit
from hub.access.masking import mask
from hub.access.people import Actor
from hub.access.sealing import Key, open_key
from hub.enrich import passages
from hub.models import Blob, Clue, Intake, Part, SearchRow
from hub.supervision.listing import identity_spans, named, reporter_names

_SOUND = re.compile(r"\w+", re.UNICODE)
_LAST = {"fields": 1, "warnings": 2}  # what was typed into boxes and what was odd stand below what was said and sent


@dataclass(frozen=True, slots=True)
class WordView:
    """A stretch of a turn; `start` is None where no word time is known (punctuation)."""

    text: str
    start: float | None = None
    end: float = 0.0
    confidence: float = 1.0


@dataclass
class Line:
    """A turn or line of text with what the page needs to jump to it."""

    ord: int
    text: str
    confidence: float
    origin: str
    speaker: str = ""
    start: float = 0.0
    stop: float = 0.0
    page: int = 0
    box: list[float] | None = None
    channel: int = 0
    words: list[WordView] = field(default_factory=list)


@dataclass
class PartView:
    id: int
    kind: str
    title: str
    text: str
    data: dict[str, Any]
    blob: Blob | None
    blob_name: str = ""
    lines: list[Line] = field(default_factory=list)
    pages: list[Blob] = field(default_factory=list)
    listen: Blob | None = None
    copies: list[Blob] = field(default_factory=list)  # redacted, in the order of the pages
    copy: str = ""  # ready, making, possible; "": there is none to make
    engine: str = ""
    version: int = 0
    warnings: list[str] = field(default_factory=list)
    rev: str = ""  # changes with everything the page shows of the part
    at: Any = None
    reason: str = ""

    @property
    def mark(self) -> str:
        """Names the text as it is shown (`mark_of`)."""
        return mark_of(self.text)


def parts(session: Session, clue: Clue, intakes: Sequence[Intake], *, original: bool) -> list[PartView]:
    """The readable pieces of these intakes in the order they arrived; without `original` masked."""
    hidden = [] if original else identity_spans(session, clue)
    names = [] if original else reporter_names(session, clue)
    out: list[PartView] = []
    for intake in intakes:
        made = _parts(session, clue, intake, hidden, names, original=original)
        out += sorted(made, key=lambda part: _LAST.get(part.kind, 0))  # stable: media fetched later join the others
    return out


def _parts(
    session: Session,
    clue: Clue,
    intake: Intake,
    hidden: list[tuple[int, int, int, int]],
    names: list[str],
    *,
    original: bool,
) -> list[PartView]:
    key = open_key(session, intake.key_id)
    out = []
    query = select(Part).where(Part.intake_id == intake.id, Part.clue_id == clue.id).order_by(Part.ord)
    found = session.scalars(query).all()
    readable = {part.blob_id for part in found if part.kind == "text" and part.blob_id is not None}
    for part in found:
        spans = [(start, end) for number, segment, start, end in hidden if number == part.id and segment == -1]
        text = key.text(part.text, "part.text")
        made = PartView(
            id=part.id,
            kind=part.kind,
            title=key.text(part.title, "part.title") if original else "",
            text=text if original else mask(text, [*spans, *named(text, names)] if clue.enriched else [(0, len(text))]),
            data=key.json(part.data, "part.data") if original else {},
            blob=session.get(Blob, part.blob_id) if part.blob_id and original else None,
            at=intake.at,
            reason=intake.reason,
        )
        if made.blob is not None:
            made.blob_name = key.text(made.blob.name, "blob.name")
        _add_transcript(session, made, key, part.id, hidden, original=original)
        for line in [] if original else made.lines:  # names are found by the enrichers: until then nothing is shown
            line.text = mask(line.text, named(line.text, names) if clue.enriched else [(0, len(line.text))])
        if not original and made.kind in ("html", "fields"):
            continue
        if part.kind == "file" and part.blob_id in readable:  # its words stand as a part of their own, with the file
            continue
        known = (made.text, made.reason, made.listen and made.listen.id, [page.id for page in made.pages])
        made.rev = hashlib.sha256(repr(known).encode()).hexdigest()[:8]
        out.append(made)
    return out


def _add_transcript(
    session: Session, made: PartView, key: Key, part_id: int, hidden: list[tuple[int, int, int, int]], *, original: bool
) -> None:
    transcript = passages.current(session, part_id)
    if transcript is None:
        return
    made.engine, made.version = transcript.engine, transcript.version
    made.warnings = list(transcript.about.get("warnings", []))
    two = int(transcript.about.get("channels") or 1) > 1
    for row in passages.segments(session, transcript):
        text = key.text(row.text, "segment.text")
        if not original:
            text = mask(text, [(s, e) for number, segment, s, e in hidden if number == part_id and segment == row.ord])
        speaker = ("接线员", "来电人")[min(row.channel, 1)] if two else ""
        line = Line(row.ord, text, row.confidence, row.origin, speaker, row.start, row.stop, row.page, row.box)
        line.channel = row.channel
        if original and row.words:
            line.words = timed(text, key.json(row.words, "segment.words"))
        made.lines.append(line)
    if original:
        rendered = session.scalars(
            select(Blob).where(Blob.intake_id == session.get_one(Part, part_id).intake_id, Blob.origin == "rendered")
        ).all()
        made.pages = sorted(
            (blob for blob in rendered if blob.role.startswith(f"page:{part_id}:")),
            key=lambda b: int(b.role.split(":")[2]),
        )
        made.listen = next((blob for blob in rendered if blob.role == f"listen:{part_id}"), None)


def timed(text: str, words: list[list[Any]]) -> list[WordView]:
    """The turn cut at its words, so that clicking one seeks its second. Empty where the words are not those of `text`.

    Engines write words with blanks and half-width punctuation that the turn does not have: only letters count.
    """
    out: list[WordView] = []
    position = 0
    for start, end, word, confidence in words:
        sound = _SOUND.search(word)
        if sound is None:
            continue
        at = text.find(sound.group(), position)
        if at < 0 or at - position > 8:
            return []
        if at > position:
            out.append(WordView(text[position:at]))
        position = at + len(sound.group())
        out.append(WordView(text[at:position], float(start), float(end), float(confidence)))
    if position < len(text):
        out.append(WordView(text[position:]))
    return out


def mark_of(text: str) -> str:
    """A short name of exactly this text: by it a form knows whether somebody changed the text meanwhile."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def correct_part(session: Session, who: Actor, clue: Clue, part: Part, text: str) -> None:
    """Replaces the machine-read text of a part; the original file stays what it was, the event names the act."""
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    part.text = key.seal(text, "part.text")
    session.query(SearchRow).filter(SearchRow.clue_id == clue.id, SearchRow.ref == f"part:{part.id}").delete()
    chain = casework.seen_by(session, clue.id)
    search.index(session, clue.id, clue.recorded_at, f"part:{part.id}", text, chain)
    audit.record(session, f"clue:{clue.id}", "correct_text", actor=who.label, data={"part": part.id})
    casework.reenrich(session, clue)
