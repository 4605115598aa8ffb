"""Durable work: the truth about what is still to be done. Redis only wakes the workers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Stamp, Str


class Work(Base):
    """One thing to do. Finished rows are deleted in the transaction of their effect; `dead` ones wait for a person."""

    __tablename__ = "work"
    __table_args__ = (
        CheckConstraint("state in ('pending','running','dead')", name="state"),
        Index("ix_work_due", "queue", "priority", "run_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_work_lease", "queue", "lease_until", postgresql_where=text("state = 'running'")),
        Index("uq_work_once", "once", unique=True, postgresql_where=text("state = 'pending' and once is not null")),
    )
    id: Mapped[Id]
    queue: Mapped[Str]
    handler: Mapped[Str]
    args: Mapped[dict[str, Any]]  # ids only
    once: Mapped[str | None]  # at most one pending row of this name
    priority: Mapped[int] = mapped_column(server_default=text("5"))
    state: Mapped[Str] = mapped_column(server_default="pending")
    run_at: Mapped[Stamp]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # fencing: rises with every claim
    lease_until: Mapped[Moment | None]
    error: Mapped[Str] = mapped_column(server_default="")
    created: Mapped[Stamp]


class Beat(Base):
    """Sign of life of a process or thread."""

    __tablename__ = "beat"
    name: Mapped[Str] = mapped_column(primary_key=True)
    at: Mapped[Stamp]
    detail: Mapped[dict[str, Any]]
