"""What happened: append-only, a hash chain per object, sealed heads."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Stamp, Str


class Event(Base):
    """One act. `at` is when it happened, `recorded_at` the server's time. `data` holds codes and ids, never content."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_object", "object", "seq"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)  # partition key: the server's time
    id: Mapped[int] = mapped_column(BigInteger, Sequence("event_id_seq"), primary_key=True)
    object: Mapped[Str]  # "clue:17", "intake:4"
    seq: Mapped[int]
    act: Mapped[Str]
    actor: Mapped[Str]  # "user:3", "system"
    at: Mapped[Moment]
    data: Mapped[dict[str, Any]]
    previous: Mapped[bytes]
    hash: Mapped[bytes]


class ChainHead(Base):
    """The last link of each object's chain; `sealed` is the last link a seal covers."""

    __tablename__ = "chain_head"
    __table_args__ = (Index("ix_chain_head_unsealed", "object", postgresql_where="sealed < seq"),)
    object: Mapped[Str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
    sealed: Mapped[int] = mapped_column(server_default="0")


class Seal(Base):
    """A signed Merkle root over the heads that changed since the seal before."""

    __tablename__ = "seal"
    id: Mapped[Id]
    at: Mapped[Stamp]
    objects: Mapped[int]
    root: Mapped[bytes]
    previous: Mapped[bytes]
    signature: Mapped[bytes]
    heads: Mapped[list[Any]]  # [[object, seq, hash hex]] in order
