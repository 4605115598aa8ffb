"""Notices and each attempt to hand them over."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str


class Notice(Base):
    """What a reporter is to be told. No subject, place or accusation in it (G11)."""

    __tablename__ = "notice"
    __table_args__ = (Index("uq_notice_once", "clue_id", "kind", "once", unique=True),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    kind: Mapped[Str]
    once: Mapped[Str]  # dedupe key: the act that asked for it
    template: Mapped[Str]
    created: Mapped[Stamp]


class Attempt(Base):
    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("state in ('queued','sent','delivered','failed')", name="state"),
        Index("ix_attempt_notice", "notice_id"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Sequence("attempt_id_seq"), primary_key=True)
    notice_id: Mapped[Ref]
    route: Mapped[Str]
    state: Mapped[Str]
    permanent: Mapped[bool]
    detail: Mapped[Str]
