"""The national working-day calendar 2004-2026 as data, and the importer of the State Council's notices.

Later years come through `parse_notice` → preview → two people confirm → a Layer of the database. A year without a
notice counts weekends only and marks its deadlines provisional (PRODUCT §6).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from hub.law.gazette import Notice, read_notice
from hub.law.workdays import Calendar, Layer, span

__all__ = ["Calendar", "Layer", "Notice", "layer_of", "national", "parse_notice", "read_notice"]


def _days(told: Mapping[str, list[str]]) -> dict[date, str]:
    return {day: name for name, spans in told.items() for text in spans for day in span(text)}


@cache
def national() -> Calendar:
    """The shipped national calendar. Reads a data file of the package, once."""
    told: dict[str, Any] = tomllib.loads((files("hub.law") / "data" / "calendar.toml").read_text(encoding="utf-8"))
    return Calendar(
        tuple(
            Layer(
                id=layer["id"],
                off=_days(layer.get("off", {})),
                work=_days(layer.get("work", {})),
                year=layer["year"],
                issued=layer.get("issued"),
            )
            for layer in told["layer"]
        )
    )


def layer_of(notice: Notice, layer_id: str, issued: date | None = None) -> Layer:
    """A notice without warnings as a layer. Raises ValueError for a doubtful one: a person corrects its text first."""
    if notice.warnings or notice.year is None:
        raise ValueError("a doubtful notice is not imported: " + "; ".join(notice.warnings))
    return Layer(layer_id, dict(notice.off), dict(notice.work), notice.year, issued)


def parse_notice(text: str, known: Calendar | None = None) -> dict[str, Any]:
    """What `hub try calendar` prints: {"off": [ISO dates], "work": [...], "warnings": [...], "year": int | None}.

    Any warning means doubt: such a notice is shown, never imported. `known` serves notices that prolong a holiday.
    Never raises on foreign text.
    """
    notice = read_notice(text, known or national())
    return {
        "off": [day.isoformat() for day in sorted(notice.off)],
        "work": [day.isoformat() for day in sorted(notice.work)],
        "warnings": list(notice.warnings),
        "year": notice.year,
    }
