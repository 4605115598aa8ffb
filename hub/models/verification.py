"""Verification on site: the task, its two officers, the site records (Art. 14, F1-F3)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Ref, Sealed, Stamp, Str


class Verification(Base):
    """One verification of a clue; a reopened one is a further row. At most one is running."""

    __tablename__ = "verification"
    __table_args__ = (
        UniqueConstraint("clue_id", "number"),
        CheckConstraint("result is null or result in ('R0','R1')", name="result"),
        CheckConstraint("(ended is null) = (result is null)", name="ended"),
        CheckConstraint("ended is null or ended >= started", name="order"),
        Index("uq_verification_running", "clue_id", unique=True, postgresql_where=text("ended is null")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    number: Mapped[int]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    started: Mapped[date]
    ended: Mapped[date | None]
    result: Mapped[str | None]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[Stamp]


class Officer(Base):
    """An officer of a verification with the enforcement certificate as it stood then."""

    __tablename__ = "verification_officer"
    __table_args__ = (CheckConstraint("valid_from is null or valid_from <= valid_until", name="valid"),)
    verification_id: Mapped[Ref] = mapped_column(ForeignKey("verification.id"), primary_key=True)
    certificate: Mapped[Str] = mapped_column(primary_key=True)
    name: Mapped[Str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date]


class SiteRecord(Base):
    """What was found on one visit. Where, how large and in what words is sealed; photos are blobs of the clue."""

    __tablename__ = "site_record"
    __table_args__ = (
        CheckConstraint("crs in ('','CGCS2000','WGS84','GCJ02')", name="crs"),
        CheckConstraint("area_unit in ('','mu','m2','ha')", name="area_unit"),
        CheckConstraint(
            "land_kind in ('','permanent_basic_farmland','other_arable','other_agricultural','construction','unused',"
            "'unknown')",
            name="land_kind",
        ),
        Index("ix_site_record_verification", "verification_id", "visited"),
    )
    id: Mapped[Id]
    verification_id: Mapped[Ref] = mapped_column(ForeignKey("verification.id"))
    visited: Mapped[date]
    crs: Mapped[Str]
    area_unit: Mapped[Str]
    land_kind: Mapped[Str]
    elements: Mapped[dict[str, Any]]  # five-element check: name → confirmed | differs | unclear
    found: Mapped[Sealed]  # JSON: coordinates, area, permits, words
    photos: Mapped[list[Any]]  # ids of blobs
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    recorded_at: Mapped[Stamp]
