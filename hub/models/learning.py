"""What was learned from confirmed decisions: one row a label and version, weights of keyed words only (ADR 0019)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Float, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Stamp, Str
from hub.terms import CLASS_LABELS

LABELS = tuple(code for code in CLASS_LABELS if code not in ("N2", "N4"))
"""Classes that may be learned: never what stands behind a wall (N2, N4)."""
_LABELS = ",".join(f"'{code}'" for code in LABELS)


class LearnedModel(Base):
    """The classifier of one label. Of a label at most one version is `adopted`; rows are never changed but for `state`.

    `rules_score`, `learned_score`: F1 of the label in cross-validation, by the rules alone and with the learned words;
    `gained`, `lost`: decisions only one of the two got right.
    """

    __tablename__ = "learned_model"
    __table_args__ = (
        UniqueConstraint("label", "version"),
        CheckConstraint(f"label in ({_LABELS})", name="label"),
        CheckConstraint("state in ('adopted','refused','replaced','withdrawn')", name="state"),
        CheckConstraint("positives >= 200 and decisions >= positives", name="enough"),
        CheckConstraint("rules_score between 0 and 1 and learned_score between 0 and 1", name="scores"),
        CheckConstraint("state = 'refused' or (learned_score > rules_score and gained > lost)", name="better"),
        Index("ix_learned_model_adopted", "label", unique=True, postgresql_where=text("state = 'adopted'")),
    )
    id: Mapped[Id]
    label: Mapped[Str]
    version: Mapped[int]
    state: Mapped[Str]
    reader: Mapped[Str]  # version of the features: models of another one are not asked
    decisions: Mapped[int]
    positives: Mapped[int]
    rules_score: Mapped[float] = mapped_column(Float)
    learned_score: Mapped[float] = mapped_column(Float)
    gained: Mapped[int]
    lost: Mapped[int]
    weights: Mapped[bytes] = mapped_column(LargeBinary)  # hub.enrich.learned.pack: keyed numbers, no words
    at: Mapped[Stamp]
