"""The raw side: entrances, deliveries, their originals and readable parts, conversations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str
from hub.terms import IntakeKind, IntakeState


class Source(Base):
    """A configured entrance of a channel: a mailbox, an AppID, a folder."""

    __tablename__ = "source"
    id: Mapped[Str] = mapped_column(primary_key=True)  # "email:clue@example.cn" never: ids carry no address
    channel: Mapped[Str]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[Str]
    station: Mapped[Str] = mapped_column(server_default="")
    settings: Mapped[dict[str, Any]]
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    secrets: Mapped[Sealed]  # JSON, sealed
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))


class SourceCursor(Base):
    __tablename__ = "source_cursor"
    source_id: Mapped[Str] = mapped_column(primary_key=True)
    name: Mapped[Str] = mapped_column(primary_key=True)
    value: Mapped[Str]


class SourceBeat(Base):
    """Last sign of life of a poller, for the running-state page."""

    __tablename__ = "source_beat"
    source_id: Mapped[Str] = mapped_column(primary_key=True)
    at: Mapped[Stamp]
    ok: Mapped[bool]
    detail: Mapped[Str]


class Intake(Base):
    """One delivery, immutable but for `state`, `kind` and what they explain."""

    __tablename__ = "intake"
    __table_args__ = (
        CheckConstraint("state in ({})".format(",".join(f"'{s}'" for s in IntakeState)), name="state"),
        CheckConstraint("kind is null or kind in ({})".format(",".join(f"'{k}'" for k in IntakeKind)), name="kind"),
        Index("ix_intake_unit_state", "unit_id", "state", "id"),
        Index("ix_intake_lines", "unit_id", "at", postgresql_where=text("channel = 'phone'")),
    )
    id: Mapped[Id]
    channel: Mapped[Str]
    sub_channel: Mapped[Str] = mapped_column(server_default="")
    source_id: Mapped[Str]
    station: Mapped[Str] = mapped_column(server_default="")
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    at: Mapped[Moment]
    recorded_at: Mapped[Stamp]
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    meta: Mapped[Sealed]  # JSON: transport facts and the external keys
    remotes: Mapped[Sealed | None]  # JSON: media still with the provider
    state: Mapped[Str] = mapped_column(server_default=IntakeState.STORED)
    kind: Mapped[str | None]  # set by a person
    kind_suggested: Mapped[Str] = mapped_column(server_default="clue")
    reason: Mapped[Str] = mapped_column(server_default="")  # why it is on the manual list or no clue


class IntakeKey(Base):
    """The idempotent receiver: who delivered what. Tokens are keyed hashes, external ids may name people."""

    __tablename__ = "intake_key"
    source_id: Mapped[Str] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("intake.id", deferrable=True, initially="DEFERRED"), index=True
    )
    body: Mapped[bytes | None]  # sha256 over the originals, where the same key with another body must be refused


class Blob(Base):
    """An original or a piece derived from one. Small ones are sealed here, larger ones in the evidence store."""

    __tablename__ = "blob"
    __table_args__ = (
        UniqueConstraint("intake_id", "ord"),
        CheckConstraint("(sealed is null) <> (address is null)", name="place"),
    )
    id: Mapped[Id]
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"))
    ord: Mapped[int]
    origin: Mapped[Str]  # raw | fetched | derived | rendered
    role: Mapped[Str]
    name: Mapped[Sealed]
    media_type: Mapped[Str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[Str] = mapped_column(index=True)  # of the plain bytes
    sealed: Mapped[bytes | None]
    address: Mapped[str | None]  # sha256 of the sealed file in the evidence store


class Part(Base):
    """A readable piece of an intake, as its channel understood it."""

    __tablename__ = "part"
    __table_args__ = (UniqueConstraint("intake_id", "ord"),)
    id: Mapped[Id]
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"))
    clue_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"), index=True)
    ord: Mapped[int]
    kind: Mapped[Str]
    title: Mapped[Sealed]
    text: Mapped[Sealed]
    data: Mapped[Sealed]
    blob_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("blob.id"))


class IntakeClue(Base):
    __tablename__ = "intake_clue"
    intake_id: Mapped[Ref] = mapped_column(ForeignKey("intake.id"), primary_key=True)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"), primary_key=True, index=True)


class Conversation(Base):
    """Messages that belong together: a keyed hash of the correlation key → the clue it opened."""

    __tablename__ = "conversation"
    source_id: Mapped[Str] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    clue_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    last_at: Mapped[Moment]
    open_until: Mapped[Moment | None]  # none: for ever
