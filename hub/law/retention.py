"""How long the content of a closed clue is kept (J7): dated data, read nowhere else."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "retention.toml"


@dataclass(frozen=True, slots=True)
class Period:
    """A row of the schedule; no close reasons: every one."""

    id: str
    label: str
    years: int
    close_reasons: tuple[str, ...]


@cache
def schedule() -> tuple[Period, ...]:
    """The rows in their order."""
    rows = tomllib.loads(DATA.read_text("utf-8"))["rule"]
    return tuple(Period(row["id"], row["label"], row["years"], tuple(row["close_reasons"])) for row in rows)


def period(close_reason: str) -> Period:
    """The first row that holds for this reason of closing."""
    return next(row for row in schedule() if not row.close_reasons or close_reason in row.close_reasons)


def ends(closed: date, close_reason: str, years: int | None = None) -> date:
    """The day from which the content may be disposed of, `years` instead of the shipped ones. 29 February counts to
    1 March.
    """
    year = closed.year + (period(close_reason).years if years is None else years)
    try:
        return closed.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
