"""What clues are compared by for duplicate and merge candidates: keyed numbers, no words (ADR 0016)."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Moment, Ref, Sealed, Str


class Likeness(Base):
    """The sketch of a clue, made again with its suggestions. `keys`: the rows of LikenessKey that belong to it."""

    __tablename__ = "likeness"
    __table_args__ = (
        CheckConstraint("cardinality(keys) <= 200", name="keys"),
        Index("ix_likeness_version", "version", "clue_id"),  # which are of another release: hub/enrich/resketch.py
    )
    clue_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("clue.id"), primary_key=True, autoincrement=False)
    at: Mapped[Moment]  # the clue's, so that comparing reads one table
    version: Mapped[Str]  # of the sketch: others are not compared
    sketch: Mapped[Sealed]  # hub.enrich.likeness.pack: tokens under a key of the hub, 4 bytes each
    keys: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))


class LikenessKey(Base):
    """A key (village, company, person … as HMAC) → the clues under it, the newest last."""

    __tablename__ = "likeness_key"
    key: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    clue_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
