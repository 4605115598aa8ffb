"""The ledger of enforcement certificates (PRODUCT I9, F1): who may verify on which day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Ref, Stamp, Str


class Certificate(Base):
    """An enforcement certificate of a person of a unit. A renewed one is a further row; nothing is overwritten."""

    __tablename__ = "certificate"
    __table_args__ = (
        CheckConstraint("valid_from <= valid_until", name="valid"),
        CheckConstraint("(withdrawn_on is null) = (withdrawn_by is null)", name="withdrawn"),
        Index("uq_certificate_number", "number", unique=True, postgresql_where=text("withdrawn_on is null")),
        Index("ix_certificate_unit", "unit_id"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # None: an officer without account
    name: Mapped[Str]
    number: Mapped[Str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    withdrawn_on: Mapped[date | None]
    withdrawn_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]


class DirectoryImport(Base):
    """A list of units or people that was taken over: who did it, and which list (its hash)."""

    __tablename__ = "directory_import"
    __table_args__ = (CheckConstraint("kind in ('units','people')", name="kind"),)
    id: Mapped[Id]
    kind: Mapped[Str]
    sha256: Mapped[Str]
    rows: Mapped[int]
    changed: Mapped[int]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]
