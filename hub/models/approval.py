"""Approval of acts: chains as dated data of a unit, proposals on their way, opinions, stand-ins; kinds decided."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str
from hub.terms import IntakeKind, Role

_ROLES = ",".join(f"'{role}'" for role in Role)
_KINDS = ",".join(f"'{kind}'" for kind in IntakeKind)


class ApprovalChain(Base):
    """What a unit wants approved from a day on: the newest row of unit and act counts. One without steps ends it."""

    __tablename__ = "approval_chain"
    __table_args__ = (Index("ix_approval_chain_unit", "unit_id", "act", "since", "id"),)
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    act: Mapped[Str]  # id of a row of the rule table
    since: Mapped[date]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class ApprovalStep(Base):
    """One step of a chain: everybody of the unit with the role, or the named person."""

    __tablename__ = "approval_step"
    __table_args__ = (
        UniqueConstraint("chain_id", "user_id"),
        CheckConstraint("number between 1 and 3", name="number"),
        CheckConstraint(f"role in ({_ROLES})", name="role"),
    )
    chain_id: Mapped[Ref] = mapped_column(ForeignKey("approval_chain.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[Str]  # 审核, 审批 …
    role: Mapped[Str]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class Absence(Base):
    """A dated absence with the person who stands in, both days included."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("user_id <> deputy_id", name="deputy"),
        CheckConstraint("until >= since", name="order"),
        Index("ix_absence_deputy", "deputy_id", "until"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    deputy_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    since: Mapped[date]
    until: Mapped[date]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    ended_at: Mapped[Moment | None]  # back earlier


class ActProposal(Base):
    """An act that waits for its approval. Its data is sealed under the clue's key; nothing of it is in force yet."""

    __tablename__ = "act_proposal"
    __table_args__ = (
        CheckConstraint("state in ('open','done','sent_back','withdrawn')", name="state"),
        CheckConstraint("(state = 'open') = (ended_at is null)", name="ended"),
        CheckConstraint("step between 1 and 3", name="step"),
        Index("uq_act_proposal_open", "clue_id", "act", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_act_proposal_unit", "unit_id", postgresql_where=text("state = 'open'")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # whose chain it is
    chain_id: Mapped[Ref] = mapped_column(ForeignKey("approval_chain.id"))
    act: Mapped[Str]
    data: Mapped[Sealed]  # JSON
    clue_state: Mapped[Str]  # what the clue was when it was proposed: another one makes it stale
    owner_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    step: Mapped[int] = mapped_column(server_default=text("1"))  # the one it waits for
    state: Mapped[Str] = mapped_column(server_default="open")
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Moment]
    ended_at: Mapped[Moment | None]


class ApprovalDecision(Base):
    """A step of a proposal as it was filled; the opinion is sealed under the clue's key."""

    __tablename__ = "approval_decision"
    __table_args__ = (
        UniqueConstraint("proposal_id", "by_user"),
        CheckConstraint("verdict in ('approve','send_back')", name="verdict"),
        CheckConstraint("for_user is null or for_user <> by_user", name="deputy"),
    )
    proposal_id: Mapped[Ref] = mapped_column(ForeignKey("act_proposal.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    verdict: Mapped[Str]
    opinion: Mapped[Sealed]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    for_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # whom the deputy stands in for
    at: Mapped[Moment]


class KindDecision(Base):
    """What a person said an intake is: counted per person and unit, sampled for quality (PRODUCT §4)."""

    __tablename__ = "kind_decision"
    __table_args__ = (
        CheckConstraint(f"kind in ({_KINDS})", name="kind"),
        CheckConstraint("proposed_by is null or proposed_by <> by_user", name="second_person"),
        CheckConstraint("not was_clue or proposed_by is not null", name="was_clue"),
        Index("ix_kind_decision_unit", "unit_id", "at"),
        Index("ix_kind_decision_intake", "intake_id"),
    )
    id: Mapped[Id]
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[Str]
    was_clue: Mapped[bool]  # a registered clue was closed by it
    proposed_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Moment]


class KindObjection(Base):
    """The sender's one objection to a kind other than clue, for each clue it is about."""

    __tablename__ = "kind_objection"
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"), primary_key=True)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"), primary_key=True)  # reopened, or opened by it
    decision_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("kind_decision.id"))
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))  # who entered it
    at: Mapped[Moment]
