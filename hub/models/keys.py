"""Wrapped data keys: one an intake, one a clue, one a reporter. Deleting a row shreds what it sealed."""

from __future__ import annotations

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Ref, Sealed


class DataKey(Base):
    __tablename__ = "data_key"
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # whose key wraps it
    version: Mapped[int] = mapped_column(server_default=text("1"))  # of the unit's key
    wrapped: Mapped[Sealed]
