"""Machine and human text with its evidence: transcripts, segments, suggestions, search rows. Partitioned by year."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str

_YEARLY = {"postgresql_partition_by": "RANGE (received_at)"}


class Transcript(Base):
    """One version of the text of a part. A person's correction is a new version; earlier ones stay."""

    __tablename__ = "transcript"
    __table_args__ = (Index("ix_transcript_part", "part_id", "version", unique=True),)
    id: Mapped[Id]
    part_id: Mapped[Ref] = mapped_column(ForeignKey("part.id"))
    version: Mapped[int]
    kind: Mapped[Str]  # speech | scan
    engine: Mapped[Str]
    model: Mapped[Str]
    settings: Mapped[dict[str, Any]]
    about: Mapped[dict[str, Any]]  # duration, channels, pages, warnings: no content
    fields: Mapped[Sealed]  # JSON: what was read from the form of the page
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # none: an engine
    at: Mapped[Stamp]


class Segment(Base):
    """A turn of speech or a line of a page, sealed under the intake's key."""

    __tablename__ = "segment"
    __table_args__ = (
        Index("ix_segment_transcript", "transcript_id", "ord"),
        _YEARLY,
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Sequence("segment_id_seq"), primary_key=True)
    transcript_id: Mapped[Ref]
    ord: Mapped[int]
    channel: Mapped[int] = mapped_column(server_default=text("0"))
    start: Mapped[float] = mapped_column(server_default=text("0"))
    stop: Mapped[float] = mapped_column(server_default=text("0"))
    page: Mapped[int] = mapped_column(server_default=text("0"))
    box: Mapped[list[Any] | None]
    confidence: Mapped[float]
    origin: Mapped[Str]  # speech, ocr, stamp, text-layer, person
    text: Mapped[Sealed]
    words: Mapped[Sealed | None]  # JSON [[start, end, text, confidence]]


class SuggestionRow(Base):
    """A proposal for a field. Newer producers add rows; `current` marks those of the latest run."""

    __tablename__ = "suggestion"
    __table_args__ = (
        Index("ix_suggestion_clue", "clue_id", "current", "field"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        _YEARLY,
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Sequence("suggestion_id_seq"), primary_key=True)
    clue_id: Mapped[Ref]
    field: Mapped[Str]
    producer: Mapped[Str]
    version: Mapped[Str]
    confidence: Mapped[float]
    value: Mapped[Sealed]  # JSON {value, spans, reason, extra}: spans name part and segment
    current: Mapped[bool] = mapped_column(server_default=text("true"))
    at: Mapped[Stamp]


SPANS = {"A": 13, "B": 16, "C": 19, "D": 22}
"""Spans of time that the token index knows: 2^13 s (2.3 h), 2^16 s (18 h), 2^19 s (6 days), 2^22 s (49 days)."""

_SECOND = "floor(extract(epoch from received_at - to_timestamp(0)))::bigint"
SEARCH_TERMS = "(tokens || array_to_tsvector(ARRAY[{}]))".format(
    ", ".join(f"'{name}'::text || ({_SECOND} >> {bits})::text" for name, bits in SPANS.items())
)
"""What the token index holds of a row: its tokens, and the spans of time that it lies in as "<name><number>"."""


class SearchRow(Base):
    """Keyed tokens of one stretch of ≤ 200 characters: no clear text (ADR 0008)."""

    __tablename__ = "search_row"
    __table_args__ = (
        Index("ix_search_row_terms", text(SEARCH_TERMS), postgresql_using="gin"),
        Index("ix_search_row_clue", "clue_id"),
        _YEARLY,
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Sequence("search_row_id_seq"), primary_key=True)
    clue_id: Mapped[Ref]
    ref: Mapped[Str]  # part or segment the text came from
    tokens: Mapped[str] = mapped_column(TSVECTOR)
