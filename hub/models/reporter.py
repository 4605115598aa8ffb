"""Reporters, sealed apart from the clue; found again only by keyed hashes."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Ref, Sealed, Stamp, Str


class Reporter(Base):
    __tablename__ = "reporter"
    id: Mapped[Id]
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    identity: Mapped[Sealed]  # JSON of channels.contract.Sender
    created: Mapped[Stamp]


class ReporterIndex(Base):
    """Blind index: kind ∈ phone, email, openid, id_number → keyed hash of the normal form."""

    __tablename__ = "reporter_index"
    __table_args__ = (Index("ix_reporter_index_token", "kind", "token"),)
    reporter_id: Mapped[Ref] = mapped_column(ForeignKey("reporter.id"), primary_key=True)
    kind: Mapped[Str] = mapped_column(primary_key=True)
    token: Mapped[bytes]


class ClueReporter(Base):
    """Who reported a clue. `represented_by`: of a joint letter, the signer who is told for them (PRODUCT §4, §7)."""

    __tablename__ = "clue_reporter"
    __table_args__ = (CheckConstraint("represented_by <> reporter_id", name="represented"),)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"), primary_key=True)
    reporter_id: Mapped[Ref] = mapped_column(ForeignKey("reporter.id"), primary_key=True)
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"))
    represented_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("reporter.id"))
