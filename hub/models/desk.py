"""Work of people at their desk: calls being taken, their drafts, notes to the next shift."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str


class PadCall(Base):
    """A call an operator takes. What is typed is one sealed draft, saved at each change; it goes when the call is
    settled (then the intake and the clue hold it) and its key with it. `name` is random: the key of the intake, and
    what the query code is made of.
    """

    __tablename__ = "pad_call"
    __table_args__ = (
        CheckConstraint("ending in ('clue','consultation','follow_up','invalid')", name="ending"),
        CheckConstraint("(ending is null) = (ended_at is null)", name="ended"),
        CheckConstraint("ending is not null or (draft is not null and key_id is not null)", name="draft"),
        CheckConstraint("(draft is null) = (key_id is null)", name="sealed"),
        CheckConstraint("told_at is null or clue_id is not null", name="told"),
        CheckConstraint("with_user is null or with_user <> user_id", name="company"),
        Index("ix_pad_call_mine", "user_id", "id"),
        Index("ix_pad_call_open", "unit_id", postgresql_where=text("ending is null")),
        Index("ix_pad_call_with", "with_user", postgresql_where=text("ending is null and with_user is not null")),
        Index("ix_pad_call_unsettled", "user_id", postgresql_where=text("ending is not null and draft is not null")),
    )
    id: Mapped[Id]
    name: Mapped[Str] = mapped_column(unique=True)
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    with_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # a colleague asked in
    ring_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))  # the telephone's event
    at: Mapped[Moment]  # ring of the answered call: the base of the clocks
    key_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("data_key.id"))
    draft: Mapped[bytes | None]  # JSON, sealed
    version: Mapped[int] = mapped_column(server_default=text("1"))
    saved: Mapped[Stamp]
    urgent_at: Mapped[Moment | None]  # it is happening now: the duty list was shown
    ending: Mapped[str | None]
    ended_at: Mapped[Moment | None]
    intake_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))
    clue_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    told_at: Mapped[Moment | None]  # number and query code were read out


class ShiftNote(Base):
    """What one shift leaves for the next (hand-over); the text is sealed under a key of its own."""

    __tablename__ = "shift_note"
    __table_args__ = (Index("ix_shift_note_unit", "unit_id", "id"),)
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    words: Mapped[Sealed]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
