"""Which clues the rules propose as important or major: dated data, internal rules; a person decides (B9). Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

LEVELS = ("ordinary", "important", "major")
CRITERIA = ("farmland", "approval", "mining", "danger", "leader", "media", "group", "other")
"""What a person names when marking a clue as major; the rules name the same."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a clue. `area_m2`: square metres, 0 where unknown; `land_kind`: of the site record or ""."""

    class_code: str = ""
    channel: str = ""
    urgent: bool = False
    land_kind: str = ""
    area_m2: float = 0.0


@dataclass(frozen=True, slots=True)
class Sign:
    """Why a clue may be of that importance. `reason` is Chinese, for the screen."""

    criterion: str
    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Rule:
    criterion: str
    level: str
    reason: str
    since: date
    classes: frozenset[str]
    channels: frozenset[str]
    land: frozenset[str]
    area_m2: float
    urgent: bool

    def fits(self, known: Known) -> bool:
        return (
            (not self.classes or known.class_code in self.classes)
            and (not self.channels or known.channel in self.channels)
            and (not self.land or known.land_kind in self.land)
            and known.area_m2 >= self.area_m2
            and (known.urgent or not self.urgent)
        )


@cache
def _rules() -> tuple[_Rule, ...]:
    told = tomllib.loads((files("hub.law") / "data" / "importance.toml").read_text(encoding="utf-8"))
    rows = tuple(
        _Rule(
            row["criterion"], row["level"], row["reason"], row["since"], frozenset(row.get("classes", ())),
            frozenset(row.get("channels", ())), frozenset(row.get("land", ())), float(row.get("area_m2", 0)),
            bool(row.get("urgent", False)),
        )
        for row in told["rule"]
    )  # fmt: skip
    for row in rows:
        wants = row.classes or row.channels or row.land or row.area_m2 or row.urgent
        if row.criterion not in CRITERIA or row.level not in LEVELS or not wants:
            raise ValueError(f"a rule of importance without criterion, level or condition: {row}")
    return rows


def signs(known: Known, day: date) -> list[Sign]:
    """What the rules in force on that day find, the strongest first."""
    found = [Sign(row.criterion, row.level, row.reason) for row in _rules() if row.since <= day and row.fits(known)]
    return sorted(found, key=lambda sign: -LEVELS.index(sign.level))
