"""What follows the result of a clue: orders to stop (F7), how satisfied a reporter was (G10)."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Str


class StopOrder(Base):
    """A written order to stop a violation as it went out, and the sheet that copies of it go with. Sealed PDFs."""

    __tablename__ = "stop_order"
    __table_args__ = (Index("ix_stop_order_clue", "clue_id"),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    at: Mapped[Moment]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    paper: Mapped[Sealed]
    sha256: Mapped[Str]
    copy: Mapped[bytes | None] = mapped_column(LargeBinary)
    copy_sha256: Mapped[Str] = mapped_column(server_default="")


class Satisfaction(Base):
    """How satisfied a reporter was, once told: said on the query page (`by_user` none) or in a call. Said once."""

    __tablename__ = "satisfaction"
    __table_args__ = (
        UniqueConstraint("clue_id", "reporter_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("score between 1 and 5", name="score"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    reporter_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("reporter.id"))  # none: nobody is known
    score: Mapped[int]  # 5 very satisfied … 1 very dissatisfied
    words: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed with the clue's key
    at: Mapped[Moment]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
