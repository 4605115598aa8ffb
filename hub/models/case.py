"""What happens to a clue on its way: who held it, where it was referred, its group, who was told, what was written."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str
from hub.terms import IntakeKind, State

_STATES = ",".join(f"'{state}'" for state in State)
_KINDS = ",".join(f"'{kind}'" for kind in IntakeKind)


class Hold(Base):
    """A stretch in which one unit had to act on the clue; lateness is attributed by it. One is open at a time."""

    __tablename__ = "clue_hold"
    __table_args__ = (
        Index("uq_clue_hold_open", "clue_id", unique=True, postgresql_where=text("until is null")),
        Index("ix_clue_hold_clue", "clue_id", "since"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    since: Mapped[Moment]
    until: Mapped[Moment | None]


class Hop(Base):
    """One step of jurisdiction: referred up, designated, confirmed, returned, handed down."""

    __tablename__ = "clue_hop"
    __table_args__ = (Index("ix_clue_hop_clue", "clue_id", "id"),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    act: Mapped[Str]
    from_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    to_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    reason: Mapped[Str] = mapped_column(server_default="")  # crosses | unclear | disputed
    involved: Mapped[list[Any]]  # ids of the units whose areas it touches
    at: Mapped[Moment]
    recorded_at: Mapped[Stamp]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class Opinion(Base):
    """Words a person wrote with an act (reason, objection, confirmation), sealed under the clue's key."""

    __tablename__ = "clue_opinion"
    __table_args__ = (Index("ix_clue_opinion_clue", "clue_id", "id"),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    act: Mapped[Str]
    name: Mapped[Str]
    text: Mapped[Sealed]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]


class Membership(Base):
    """A clue handled together with another (Art. 13). `own_*`: what it would be had it never been merged."""

    __tablename__ = "clue_group"
    __table_args__ = (
        CheckConstraint("main_id <> member_id", name="self"),
        CheckConstraint(f"own_state in ({_STATES})", name="own_state"),
        CheckConstraint("(left_at is null) = (left_by is null)", name="left"),
        Index("uq_clue_group_member", "member_id", unique=True, postgresql_where=text("left_at is null")),
        Index("ix_clue_group_main", "main_id"),
    )
    id: Mapped[Id]
    main_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    member_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    own_state: Mapped[Str]
    own_state_at: Mapped[Moment]
    own_handler_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    own_result: Mapped[bool] = mapped_column(server_default=text("false"))  # the member got a result of its own
    joined_at: Mapped[Moment]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    left_at: Mapped[Moment | None]
    left_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class Asked(Base):
    """A logged attempt to ask the reporter for what is missing (P5); how = query_page: the question stands there."""

    __tablename__ = "clue_ask"
    __table_args__ = (
        CheckConstraint("how in ('call','wechat','email','sms','letter','query_page')", name="how"),
        Index("ix_clue_ask_clue", "clue_id"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    how: Mapped[Str]
    missing: Mapped[Str]
    at: Mapped[Moment]
    stands_until: Mapped[date | None]  # the last day of the question on the query page
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class KindProposal(Base):
    """Clue → non-clue after registration waits for a second person (PRODUCT §4)."""

    __tablename__ = "kind_proposal"
    __table_args__ = (
        CheckConstraint(f"kind in ({_KINDS})", name="kind"),
        CheckConstraint("decided_by is null or decided_by <> by_user", name="second_person"),
        Index("uq_kind_proposal_open", "intake_id", unique=True, postgresql_where=text("decided_at is null")),
    )
    id: Mapped[Id]
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"))
    kind: Mapped[Str]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    decided_at: Mapped[Moment | None]


class SharedContact(Base):
    """A phone or mail address that several people use: it never shows the same reporter. Keyed hashes only."""

    __tablename__ = "shared_contact"
    kind: Mapped[Str] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class FollowUp(Base):
    """A later contact about a clue, linked after the caller proved to be its reporter."""

    __tablename__ = "follow_up"
    __table_args__ = (
        CheckConstraint(
            "kind in ('progress','urge','supplement','correction','withdrawal','objection','thanks')", name="kind"
        ),
        CheckConstraint("proof in ('query_code','name_and_contact')", name="proof"),
        Index("ix_follow_up_clue", "clue_id"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    intake_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))
    kind: Mapped[Str]
    proof: Mapped[Str]
    at: Mapped[Moment]
    recorded_at: Mapped[Stamp]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class QueryLimit(Base):
    """Wrong query codes per asker (a keyed hash of the address): guessing is slowed down, not the database."""

    __tablename__ = "query_limit"
    asker: Mapped[bytes] = mapped_column(primary_key=True)
    failed: Mapped[int]
    since: Mapped[Moment]


class ClockWarning(Base):
    """A warning given once for a point of a clock."""

    __tablename__ = "clock_warning"
    __table_args__ = (
        UniqueConstraint("clock_id", "point"),
        Index("ix_clock_warning_unit", "unit_id", "role", "at"),
    )
    id: Mapped[Id]
    clock_id: Mapped[Ref] = mapped_column(ForeignKey("clock.id"))
    point: Mapped[Str]  # near | due | overdue | head | superior
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # whom it is for
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # the handler, where one has it
    role: Mapped[Str] = mapped_column(server_default="")  # else everybody of the unit with this role
    at: Mapped[Stamp]
