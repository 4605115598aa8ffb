"""The legal clocks of a clue."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from hub.law import calendar, deadlines
from hub.models import Clock, Clue


def start(session: Session, clue: Clue, kind: str, base: date, days: int, article: str) -> None:
    due = deadlines.due(base, days, calendar.national())
    session.add(
        Clock(
            clue_id=clue.id, kind=kind, base=base, days=days, due=due.due, provisional=due.provisional, article=article,
            stopped_at=None,
        )
    )  # fmt: skip
