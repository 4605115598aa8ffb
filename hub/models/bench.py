"""The bench of people who handle clues: notes, mentions, kept views, phrases, acts on many clues, auto-assignment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str


class ClueNote(Base):
    """A word to colleagues about a clue, sealed under the clue's key. It is never changed: another note corrects it."""

    __tablename__ = "clue_note"
    __table_args__ = (Index("ix_clue_note_clue", "clue_id", "id"),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # of who wrote it, then
    text: Mapped[Sealed]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class NoteMention(Base):
    """A colleague a note speaks to."""

    __tablename__ = "note_mention"
    __table_args__ = (
        Index("ix_note_mention_user", "user_id", "note_id"),
        Index("ix_note_mention_unseen", "user_id", postgresql_where=text("seen_at is null")),
    )
    note_id: Mapped[Ref] = mapped_column(ForeignKey("clue_note.id"), primary_key=True)
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[Moment | None]  # when the person opened the clue, or ticked the mention off


class SavedView(Base):
    """Filters of the queue under a name. `kept`: JSON {name, channel, state, division, query, view}, sealed under a
    key of its own: words that were searched for may name a reporter. `shared`: the whole unit has it.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        Index("ix_saved_view_user", "user_id"),
        Index("ix_saved_view_shared", "unit_id", postgresql_where=text("shared")),
    )
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    kept: Mapped[Sealed]
    at: Mapped[Stamp]


class Phrase(Base):
    """Words a person puts into the boxes of acts; with `act` a macro: the boxes of that act filled in at once.

    `kept`: JSON {name, text} or {name, values}, sealed under a key of its own. `shared`: the whole unit has it.
    """

    __tablename__ = "phrase"
    __table_args__ = (
        Index("ix_phrase_user", "user_id"),
        Index("ix_phrase_shared", "unit_id", postgresql_where=text("shared")),
    )
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    act: Mapped[Str] = mapped_column(server_default="")
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    kept: Mapped[Sealed]
    at: Mapped[Stamp]


class BulkRun(Base):
    """One act done on many clues. `rows`: [{clue, version, before, refused}]: codes and ids, what undoing goes by."""

    __tablename__ = "bulk_run"
    __table_args__ = (Index("ix_bulk_run_user", "user_id", "id"),)
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    act: Mapped[Str]
    rows: Mapped[list[Any]]
    at: Mapped[Stamp]
    undone_at: Mapped[Moment | None]


class AutoAssign(Base):
    """Whether new clues of a unit are given to the handler with the fewest open ones. The newest row counts."""

    __tablename__ = "auto_assign"
    __table_args__ = (
        CheckConstraint("most between 1 and 999", name="most"),
        Index("ix_auto_assign_unit", "unit_id", "id"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    running: Mapped[bool]
    most: Mapped[int | None]  # who has this many open clues gets no more; none: no bound
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]
