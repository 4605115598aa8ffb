"""What superiors want of a unit about a clue and what it answers; major clues reported; stalls told of (Art. 16)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str
from hub.terms import Role


class Directive(Base):
    """A leader's referral with a day, a verification letter or a supervision order; the second order is number 2."""

    __tablename__ = "directive"
    __table_args__ = (
        UniqueConstraint("clue_id", "kind", "number"),
        CheckConstraint("kind in ('referral','letter','order')", name="kind"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("replied_by is null or replied_at is not null", name="replied"),
        Index("ix_directive_to", "to_unit_id", "kind", "at"),
        Index("ix_directive_from", "from_unit_id", "kind", "at"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    kind: Mapped[Str]
    number: Mapped[int]
    from_unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # none: a leader outside
    to_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    due: Mapped[date]
    at: Mapped[Moment]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    replied_at: Mapped[Moment | None]
    replied_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class MajorReport(Base):
    """A major clue reported to the superior; its clock runs from the marking to the end of the same day."""

    __tablename__ = "major_report"
    __table_args__ = (Index("ix_major_report_clue", "clue_id"), Index("ix_major_report_to", "to_unit_id", "at"))
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    from_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    to_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    at: Mapped[Moment]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))


class StallAlert(Base):
    """A verification in which nothing was logged since a day: told of once to the lead, once to the superior."""

    __tablename__ = "stall_alert"
    __table_args__ = (
        UniqueConstraint("clue_id", "since", "point"),
        CheckConstraint("point in ('lead','superior')", name="point"),
        CheckConstraint("role in ({})".format(",".join(f"'{role}'" for role in Role)), name="role"),
        Index("ix_stall_alert_unit", "unit_id", "role", "at"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    since: Mapped[date]  # the day of the last thing logged
    point: Mapped[Str]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # whom it is for: people of the unit with the role
    role: Mapped[Str]
    at: Mapped[Stamp]
