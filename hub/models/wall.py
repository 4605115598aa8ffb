"""Walls between a clue and those who must not see it, what left the hub by hand, and dated scope lists."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str

_CLASSES = "'T1','T2','T3','T4','T5','K1','K2','K3','K4','K5','N1','N2','N3','N4','N5'"
_LIVE = "state <> 'released'"


class Wall(Base):
    """Hides a clue from one person, from a unit with everything below it, or (N4) from everybody.

    `reason`: recusal (declared by the person), lead (decided by a lead), named (the respondent's name is the person's),
    accused (the text accuses the unit), N2, N4. A machine's hold is `held` until a person confirms or releases it; it
    hides all the same. `moved_from`: the unit that the clue was taken from when the wall was put up.
    """

    __tablename__ = "clue_wall"
    __table_args__ = (
        CheckConstraint("reason in ('recusal','lead','named','accused','N2','N4')", name="reason"),
        CheckConstraint("state in ('held','confirmed','released')", name="state"),
        CheckConstraint("user_id is null or unit_id is null", name="one_side"),
        CheckConstraint("(reason = 'N4') = (user_id is null and unit_id is null)", name="everybody"),
        CheckConstraint("(state = 'held') = (decided_at is null)", name="decided"),
        Index("ix_clue_wall_live", "clue_id", postgresql_where=text(_LIVE)),
        Index("uq_clue_wall_user", "user_id", "clue_id", unique=True,
              postgresql_where=text(f"{_LIVE} and user_id is not null")),
        Index("uq_clue_wall_unit", "unit_id", "clue_id", unique=True,
              postgresql_where=text(f"{_LIVE} and unit_id is not null")),
        Index("uq_clue_wall_everybody", "clue_id", unique=True,
              postgresql_where=text(f"{_LIVE} and user_id is null and unit_id is null")),
    )  # fmt: skip
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    reason: Mapped[Str]
    state: Mapped[Str]
    since: Mapped[Moment]
    recorded_at: Mapped[Stamp]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # none: the machine
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    moved_from: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))


class HandOver(Base):
    """A clue handed over outside the hub against a signature: N2 to discipline inspection, N4 to those who keep
    secrets. `sha256` is that of the sheet's list of originals: with the number all that remains of an N4 clue.
    """

    __tablename__ = "clue_hand_over"
    __table_args__ = (
        CheckConstraint("kind in ('discipline','secrecy')", name="kind"),
        CheckConstraint("number <> '' and receiver <> ''", name="named"),
        UniqueConstraint("clue_id", "kind"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    kind: Mapped[Str]
    number: Mapped[Str]  # of the hand-over document
    receiver: Mapped[Str]  # the body that signed, no person
    sha256: Mapped[Str]
    at: Mapped[Moment]
    recorded_at: Mapped[Stamp]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    shredded_at: Mapped[Moment | None]


class ScopeChange(Base):
    """One dated change of the lists, filed by a city-level unit (Art. 8-9); in force from the day of filing."""

    __tablename__ = "scope_change"
    __table_args__ = (
        CheckConstraint(f"class_code in ({_CLASSES})", name="class_code"),
        CheckConstraint("add_text <> '' or remove <> ''", name="changes"),
        CheckConstraint("filing_no <> ''", name="filed"),
        CheckConstraint("valid_to is null or valid_to > filed_on", name="dates"),
        Index("ix_scope_change_unit", "unit_id", "filed_on"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    class_code: Mapped[Str]
    add_text: Mapped[Str] = mapped_column(server_default="")
    law: Mapped[Str] = mapped_column(server_default="")
    words: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")  # by which the machine knows it
    remove: Mapped[Str] = mapped_column(server_default="")  # id of a listed behaviour, e.g. T2.3
    filing_no: Mapped[Str]
    filed_on: Mapped[date]
    valid_to: Mapped[date | None]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
