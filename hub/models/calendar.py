"""Working-day layers added to the shipped calendar, and proposals that wait for the second person (D10)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str


class CalendarProposal(Base):
    """A notice as it was pasted and read. In force once a second person has confirmed it."""

    __tablename__ = "calendar_proposal"
    __table_args__ = (
        CheckConstraint("confirmed_by is null or confirmed_by <> by_user", name="second_person"),
        CheckConstraint("(confirmed_by is null) = (confirmed_at is null)", name="confirmed"),
        Index("uq_calendar_proposal_open", "layer", unique=True, postgresql_where=text("confirmed_at is null")),
    )
    id: Mapped[Id]
    layer: Mapped[Str]  # id of the layer it makes
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # none: national
    text: Mapped[Str]  # a public document
    year: Mapped[int | None]
    issued: Mapped[date | None]
    off: Mapped[dict[str, Any]]  # ISO date → name of the holiday
    work: Mapped[dict[str, Any]]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    confirmed_at: Mapped[Moment | None]
