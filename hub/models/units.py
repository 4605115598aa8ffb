"""Units, people, sign-in."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str
from hub.terms import Role


class Unit(Base):
    """A department at one of four levels. `path` holds the ids from the root to this unit: its ancestors."""

    __tablename__ = "unit"
    __table_args__ = (
        CheckConstraint("level in ('ministry','province','city','county')", name="level"),
        CheckConstraint("kind in ('authority','department')", name="kind"),
        CheckConstraint("successor_id is null or not active", name="successor"),
        Index("ix_unit_path", "path", postgresql_using="gin"),
    )
    id: Mapped[Id]
    code: Mapped[Str] = mapped_column(unique=True)  # division code, 000000 for the ministry
    name: Mapped[Str]
    level: Mapped[Str]
    parent_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    path: Mapped[list[Any]]
    origin: Mapped[Str] = mapped_column(server_default="shipped")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    kind: Mapped[Str] = mapped_column(server_default="authority")  # department: another department (Art. 20)
    successor_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # of a closed unit
    closed_on: Mapped[date | None]


class User(Base):
    """A person who signs in. Names of staff are no reporter identity and stay plain."""

    __tablename__ = "staff"
    id: Mapped[Id]
    login: Mapped[Str] = mapped_column(unique=True)
    name: Mapped[Str]
    password: Mapped[Str]  # argon2id
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))  # sign-in failures since the last success
    locked_until: Mapped[Moment | None]
    demo: Mapped[bool] = mapped_column(server_default=text("false"))
    must_change: Mapped[bool] = mapped_column(server_default=text("false"))  # a password somebody else knows
    password_at: Mapped[Stamp]
    subject: Mapped[str | None] = mapped_column(unique=True)  # "issuer subject" at the OIDC provider


class Grant(Base):
    """A role of a person in a unit."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("user_id", "unit_id", "role"),
        CheckConstraint("role in ({})".format(",".join(f"'{role}'" for role in Role)), name="role"),
    )
    id: Mapped[Id]
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    role: Mapped[Str]


class SignIn(Base):
    """A server-side session: the cookie holds a random token, this table its hash. Revoked by deleting the row."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_user", "user_id"),)
    token: Mapped[bytes] = mapped_column(primary_key=True)  # sha256 of the cookie
    user_id: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    created: Mapped[Stamp]
    seen: Mapped[Stamp]
    csrf: Mapped[Str]
    factor_at: Mapped[Moment | None]  # when a second factor was last given in this session
    challenge: Mapped[bytes | None]  # WebAuthn: what the next answer must sign
    agent: Mapped[Str] = mapped_column(server_default="")  # kind of browser, for the list of one's sessions
    address: Mapped[Str] = mapped_column(server_default="")
