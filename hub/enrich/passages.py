"""The text of a clue as passages for the enrichers, and the way back from a span to its second, box or line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.contract import PartKind
from hub.access.sealing import Key, open_key
from hub.enrich.locations import Pin
from hub.models import Clue, Intake, Part, Segment, Transcript
from hub.terms import SITE_PHOTOS, Passage, Span

READ = (PartKind.TEXT, PartKind.LINK, PartKind.LOCATION)
LABELS = {"place": "违法行为发生地", "respondent": "违法主体", "facts": "主要违法事实", "evidence": "证据材料"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a stretch of a passage comes from: `start` is its first character in the passage."""

    start: int
    segment: int  # ord of the segment in its transcript, -1 for plain text
    at: tuple[float, float] | None = None  # seconds
    page: int | None = None
    box: tuple[float, ...] | None = None
    words: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A passage with its origin."""

    passage: Passage
    part: int
    kind: str  # text | speech | scan
    pieces: tuple[Piece, ...] = field(default=())


def current(session: Session, part_id: int) -> Transcript | None:
    """The newest version of a part's transcript."""
    return session.scalars(
        select(Transcript).where(Transcript.part_id == part_id).order_by(Transcript.version.desc()).limit(1)
    ).first()


def of_clue(session: Session, clue: Clue) -> list[Source]:
    """Every passage of the clue, in the order of arrival. Not what stands on photos of a visit: nobody reported it."""
    rows = session.execute(
        select(Part, Intake.key_id)
        .join(Intake, Intake.id == Part.intake_id)
        .where(Part.clue_id == clue.id, Intake.source_id != SITE_PHOTOS)
        .order_by(Intake.at, Intake.id, Part.ord)
    ).all()
    found: list[Source] = []
    for part, key_id in rows:
        key = open_key(session, key_id)
        if part.kind in READ:
            body = key.text(part.text, "part.text")
            if body.strip():
                found.append(Source(Passage(body, f"part:{part.id}"), part.id, "text", (Piece(0, -1),)))
        transcript = current(session, part.id)
        if transcript is not None:
            found += _transcribed(session, key, part, transcript)
    return found


def pins(session: Session, clue: Clue, sources: Sequence[Source]) -> list[Pin]:
    """The points that came with the clue, in the order of arrival, each with the passage of its words."""
    rows = session.execute(
        select(Part, Intake.key_id)
        .join(Intake, Intake.id == Part.intake_id)
        .where(Part.clue_id == clue.id, Part.kind == PartKind.LOCATION)
        .order_by(Intake.at, Intake.id, Part.ord)
    ).all()
    places = {source.part: number for number, source in enumerate(sources)}
    found = []
    for part, key_id in rows:
        data = open_key(session, key_id).json(part.data, "part.data")
        if isinstance(data, dict) and {"lat", "lon", "system"} <= data.keys():
            label = str(data.get("label") or "")
            found.append(Pin(data["lat"], data["lon"], str(data["system"]), label, places.get(part.id, -1)))
    return found


def segments(session: Session, transcript: Transcript) -> Sequence[Segment]:
    return session.scalars(select(Segment).where(Segment.transcript_id == transcript.id).order_by(Segment.ord)).all()


def _transcribed(session: Session, key: Key, part: Part, transcript: Transcript) -> list[Source]:
    rows = segments(session, transcript)
    if transcript.kind == "speech":
        two = int(transcript.about.get("channels", 1)) > 1
        return [_turn(key, part, row, two=two) for row in rows]
    pages: dict[int, list[Segment]] = {}
    for row in rows:
        pages.setdefault(row.page, []).append(row)
    return [_page(key, part, number, lines) for number, lines in sorted(pages.items())]


def _turn(key: Key, part: Part, row: Segment, *, two: bool) -> Source:
    words = key.json(row.words, "segment.words") if row.words else []
    piece = Piece(0, row.ord, (row.start, row.stop), words=tuple((w[0], w[1], w[2]) for w in words))
    speaker = ("operator", "caller")[min(row.channel, 1)] if two else ""
    return Source(Passage(key.text(row.text, "segment.text"), f"part:{part.id}", speaker), part.id, "speech", (piece,))


def _page(key: Key, part: Part, number: int, rows: list[Segment]) -> Source:
    """The lines of a page as one text: a line that fills its column runs on, a short one ends a paragraph."""
    texts = [key.text(row.text, "segment.text") for row in rows]
    widths = [row.box[2] - row.box[0] if row.box else 0.0 for row in rows]
    full = max(widths, default=0.0) * 0.85
    body, pieces = "", []
    for row, line, width in zip(rows, texts, widths, strict=True):
        pieces.append(Piece(len(body), row.ord, page=number, box=tuple(row.box) if row.box else None))
        body += line if width >= full and width else line + "\n"
    return Source(Passage(body, f"part:{part.id}/page:{number}"), part.id, "scan", tuple(pieces))


def evidence(sources: Sequence[Source], span: Span) -> dict[str, Any]:
    """A span as stored beside its suggestion: part, characters, and the second or box where there is one."""
    source = sources[span.passage]
    starts = [piece.start for piece in source.pieces]
    piece = source.pieces[max(0, bisect_right(starts, span.start) - 1)]
    found: dict[str, Any] = {
        "part": source.part,
        "kind": source.kind,
        "segment": piece.segment,
        "start": span.start - piece.start,
        "end": span.end - piece.start,
        "text": span.text,
    }
    if piece.at is not None:
        found["seconds"] = _seconds(piece, found["start"], found["end"])
    if piece.page is not None:
        found["page"], found["box"] = piece.page, piece.box
    return found


def _seconds(piece: Piece, start: int, end: int) -> list[float]:
    """The time of characters [start, end) by the word times of the turn; the whole turn where words have none."""
    assert piece.at is not None
    position, hit = 0, []
    for begin, stop, word in piece.words:
        length = len(word.strip())
        if position < end and position + length > start:
            hit.append((begin, stop))
        position += length
    return [hit[0][0], hit[-1][1]] if hit else list(piece.at)


def next_version(session: Session, part_id: int) -> int:
    return (session.scalar(select(func.max(Transcript.version)).where(Transcript.part_id == part_id)) or 0) + 1
