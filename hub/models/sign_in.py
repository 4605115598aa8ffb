"""Second factors, grants by two people, API tokens: what stands around a sign-in (PRODUCT §10, J8)."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str
from hub.terms import Role

_ROLES = ",".join(f"'{role}'" for role in Role)


class SecondFactor(Base):
    """A TOTP secret (RFC 6238) or a WebAuthn credential, sealed under a key of its own."""

    __tablename__ = "second_factor"
    __table_args__ = (
        CheckConstraint("kind in ('totp','webauthn')", name="kind"),
        CheckConstraint("(kind = 'webauthn') = (credential is not null)", name="credential"),
        Index("ix_second_factor_user", "user_id"),
    )
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[Str]
    name: Mapped[Str] = mapped_column(server_default="")
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    secret: Mapped[Sealed]  # the shared secret, or the COSE public key
    credential: Mapped[bytes | None] = mapped_column(unique=True)
    counter: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # last time step, or signature counter
    confirmed: Mapped[bool] = mapped_column(server_default=text("false"))  # the first right answer was given
    created: Mapped[Stamp]
    used_at: Mapped[Moment | None]


class RecoveryCode(Base):
    """A code for a lost second factor: a keyed hash, good once."""

    __tablename__ = "recovery_code"
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[Moment | None]


class GrantChange(Base):
    """A role asked for by one administrator and confirmed or refused by another; rows are the history."""

    __tablename__ = "grant_change"
    __table_args__ = (
        CheckConstraint("act in ('grant','revoke')", name="act"),
        CheckConstraint("state in ('open','confirmed','refused')", name="state"),
        CheckConstraint(f"role in ({_ROLES})", name="role"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided"),
        CheckConstraint("decided_by is distinct from proposed_by or act = 'revoke'", name="two_people"),
        CheckConstraint("act = 'revoke' or (user_id <> proposed_by and user_id is distinct from decided_by)",
                        name="not_oneself"),
        Index("uq_grant_change_open", "user_id", "unit_id", "role", unique=True,
              postgresql_where=text("state = 'open'")),
    )  # fmt: skip
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    role: Mapped[Str]
    act: Mapped[Str]
    reason: Mapped[Str]
    state: Mapped[Str] = mapped_column(server_default="open")
    proposed_by: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[Stamp]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    decided_at: Mapped[Moment | None]


class ApiToken(Base):
    """A key for programs: acts as its person within its scopes, from its addresses, until it ends."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("cardinality(scopes) > 0", name="scopes"),
        CheckConstraint("expires > created", name="expires"),
        Index("ix_api_token_user", "user_id"),
    )
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[Str]
    token: Mapped[bytes] = mapped_column(unique=True)  # sha256
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    addresses: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")  # networks; none: from anywhere
    created: Mapped[Stamp]
    expires: Mapped[Moment]
    revoked_at: Mapped[Moment | None]
    used_at: Mapped[Moment | None]


class Reveal(Base):
    """Identity asked for and shown: who, why, by whose consent. `reason` is sealed under the clue's key."""

    __tablename__ = "reveal"
    __table_args__ = (
        CheckConstraint("ground in ('handler','entry','quota','four_eyes')", name="ground"),
        CheckConstraint("state in ('asked','approved','refused','shown')", name="state"),
        CheckConstraint("decided_by is distinct from user_id", name="two_people"),
        CheckConstraint("(state = 'shown') = (shown_at is not null)", name="shown"),
        CheckConstraint("state = 'asked' or ground <> 'four_eyes' or decided_by is not null", name="four_eyes"),
        Index("ix_reveal_user", "user_id", "shown_at"),
        Index("ix_reveal_unit", "unit_id", "id"),
        Index("ix_reveal_clue", "clue_id"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # whose lead is told
    ground: Mapped[Str]
    reason: Mapped[Sealed]
    state: Mapped[Str]
    asked_at: Mapped[Stamp]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    decided_at: Mapped[Moment | None]
    shown_at: Mapped[Moment | None]
    seen_at: Mapped[Moment | None]  # when a lead had it on the screen


class RetentionHold(Base):
    """A clue that must not be disposed of while the hold stands."""

    __tablename__ = "retention_hold"
    __table_args__ = (
        CheckConstraint("(lifted_by is null) = (lifted_at is null)", name="lifted"),
        Index("uq_retention_hold_clue", "clue_id", unique=True, postgresql_where=text("lifted_at is null")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    reason: Mapped[Sealed]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    lifted_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    lifted_at: Mapped[Moment | None]


class Disposal(Base):
    """The end of a clue's content by two people; the row stays as the proof. `what` counts what was shredded."""

    __tablename__ = "disposal"
    __table_args__ = (
        CheckConstraint("state in ('open','done','refused')", name="state"),
        CheckConstraint("decided_by is distinct from proposed_by", name="two_people"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided"),
        Index("uq_disposal_open", "clue_id", unique=True, postgresql_where=text("state = 'open'")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    rule: Mapped[Str]  # the row of the schedule
    state: Mapped[Str] = mapped_column(server_default="open")
    proposed_by: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[Stamp]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    decided_at: Mapped[Moment | None]


class LeakIncident(Base):
    """A suspected or certain leak of identity or content (J11); text sealed under a key of its own."""

    __tablename__ = "leak_incident"
    __table_args__ = (
        CheckConstraint("kind in ('wrong_recipient','lost','seen','published','other')", name="kind"),
        CheckConstraint("state in ('open','closed')", name="state"),
        CheckConstraint("(state = 'closed') = (closed_by is not null)", name="closed"),
        Index("ix_leak_incident_unit", "unit_id", "id"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    clue_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    kind: Mapped[Str]
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    account: Mapped[Sealed]  # JSON: what happened, whom it touches, what was done
    noticed: Mapped[Moment]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    state: Mapped[Str] = mapped_column(server_default="open")
    closed_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class MisuseMark(Base):
    """A reporter marked for malicious use by a person, confirmed by a second, open to appeal; never by a machine."""

    __tablename__ = "misuse_mark"
    __table_args__ = (
        CheckConstraint("state in ('open','confirmed','refused','appealed','lifted')", name="state"),
        CheckConstraint("decided_by is distinct from proposed_by", name="two_people"),
        CheckConstraint("appeal_by is null or appeal_by not in (proposed_by, decided_by)", name="appeal_by_another"),
        Index("uq_misuse_mark_live", "reporter_id", unique=True,
              postgresql_where=text("state in ('open','confirmed','appealed')")),
    )  # fmt: skip
    id: Mapped[Id]
    reporter_id: Mapped[Ref] = mapped_column(ForeignKey("reporter.id"))
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    reason: Mapped[Sealed]  # under the clue's key
    state: Mapped[Str] = mapped_column(server_default="open")
    proposed_by: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[Stamp]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    appeal: Mapped[bytes | None]  # sealed under the clue's key
    appeal_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # who decided the appeal
