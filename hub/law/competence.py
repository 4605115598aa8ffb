"""The shipped part of the competence map: which other department acts on a matter at a stage (Art. 20, E7, E11)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

STAGES = {"discover": "发现", "verify": "核查", "punish": "处罚"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the map. `division` "": everywhere; `matter` "": any class; `until`: first day it no longer holds.

    `unit_id`: the department's own unit where it works in the hub. `id` 0: shipped.
    """

    department: str
    stage: str
    matter: str
    source: str
    since: date
    until: date | None = None
    division: str = ""
    note: str = ""
    contact: str = ""
    unit_id: int | None = None
    id: int = 0

    def on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


@cache
def shipped() -> tuple[Entry, ...]:
    """The rows of the package. Reads a data file, once."""
    told = tomllib.loads((files("hub.law") / "data" / "competence.toml").read_text(encoding="utf-8"))
    return tuple(
        Entry(row["department"], stage, row["matter"], row["source"], row["since"], note=row["note"])
        for row in told["row"]
        for stage in row["stages"]
    )


def fitting(rows: Iterable[Entry], areas: Iterable[str], matter: str, stage: str, day: date) -> list[Entry]:
    """The rows in force for a place (`areas`: its code and those above), a class ("" not known yet: any) and a stage.

    The row of the smallest area comes first.
    """
    inside = {"", *areas}
    found = [
        row
        for row in rows
        if row.stage == stage and row.on(day) and row.division in inside and (not matter or row.matter in ("", matter))
    ]
    return sorted(found, key=lambda row: (len(row.division.rstrip("0")), row.since), reverse=True)
