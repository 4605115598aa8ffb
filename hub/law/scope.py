"""What 12336 takes in and what it refuses, on a given day and in a given place (Art. 6–9, annex 1; B11).

The lists are dated data with stable ids. Only city-level units widen or narrow them; counties inherit (Art. 8–9).
Local changes live in the database and are passed in: this module reads nothing but its own data file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "scope.toml"
_DIVISION = re.compile(r"[0-9]{6}(?:[0-9]{3}|[0-9]{6})?", re.ASCII)


class ScopeError(ValueError):
    """A division code, a local change or the shipped data does not hold what the measures ask for."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One listed act, e.g. T2.3. `law` names the statute behind it, "" where none is certain."""

    id: str
    text: str
    law: str = ""
    origin: str = "shipped"


@dataclass(frozen=True, slots=True)
class ViolationClass:
    """One of T1–T5, K1–K5 with the acts listed below it."""

    code: str
    name: str
    article: str
    behaviours: tuple[Behaviour, ...]


@dataclass(frozen=True, slots=True)
class RefusedGround:
    """One of N1–N5 (Art. 7)."""

    code: str
    name: str
    article: str
    text: str


@dataclass(frozen=True, slots=True)
class LocalChange:
    """A dated change filed by a city-level unit: adds or removes one listed behaviour of one class (Art. 8–9), or
    withdraws or widens a refused ground (`class_code` N1–N5; `remove` its code).

    `division` is the six-digit code of the city; in force from `valid_from` (the filing date) to `valid_to`
    (exclusive; None = open).
    """

    id: str
    division: str
    valid_from: date
    class_code: str
    add: Behaviour | None = None
    remove: str = ""
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The lists that govern a clue. `rule_version` is what the clue stores."""

    id: str
    valid_from: date
    article: str
    source: str
    classes: tuple[ViolationClass, ...]
    refused: tuple[RefusedGround, ...]
    local: tuple[str, ...] = ()

    @property
    def rule_version(self) -> str:
        return "+".join((self.id, *self.local))

    def in_scope(self, code: str) -> bool:
        """True for the classes of annex 1, False for a refused ground; ScopeError for anything else."""
        if any(code == entry.code for entry in self.classes):
            return True
        if any(code == entry.code for entry in self.refused):
            return False
        raise ScopeError(f"unknown class {code!r}")

    def texts(self) -> dict[str, str]:
        """What the codes that a change may remove stand for: listed acts and refused grounds."""
        listed = {behaviour.id: behaviour.text for entry in self.classes for behaviour in entry.behaviours}
        return listed | {entry.code: entry.name for entry in self.refused}

    def violation_class(self, code: str) -> ViolationClass:
        for entry in self.classes:
            if entry.code == code:
                return entry
        raise ScopeError(f"unknown class {code!r}")


@cache
def versions() -> tuple[Scope, ...]:
    """Every shipped version, oldest first."""
    with DATA.open("rb") as stream:
        rows = tomllib.load(stream)["version"]
    found = [
        Scope(
            id=row["id"],
            valid_from=row["valid_from"],
            article=row["article"],
            source=row["source"],
            classes=tuple(
                ViolationClass(
                    entry["code"], entry["name"], entry["article"], tuple(Behaviour(**b) for b in entry["behaviours"])
                )
                for entry in row["class"]
            ),
            refused=tuple(RefusedGround(**entry) for entry in row["refused"]),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda version: version.valid_from))


def scope(on: date, division: str | None = None, local: Iterable[LocalChange] = ()) -> Scope:
    """The lists in force on day `on` (the clue's `at`) for `division` (GB/T 2260, 6 to 12 digits; None = national).

    A day before the first shipped version gets the first one: no older list is known (our reading).
    Raises ScopeError for a malformed code or a change that a unit other than a city filed.
    """
    if division is not None and not _DIVISION.fullmatch(division):
        raise ScopeError("a division code has 6, 9 or 12 digits")
    shipped = versions()
    current = shipped[0]
    for version in shipped:
        if version.valid_from <= on:
            current = version
    changes = sorted((c for c in local if _applies(c, on, division)), key=lambda change: (change.valid_from, change.id))
    for change in changes:
        current = _changed(current, change)
    return current


def _applies(change: LocalChange, on: date, division: str | None) -> bool:
    if not re.fullmatch(r"[0-9]{6}", change.division) or change.division[2:4] == "00" or change.division[4:] != "00":
        raise ScopeError(f"{change.id}: only a city-level unit changes the lists")
    if division is None or division[:4] != change.division[:4]:
        return False
    return change.valid_from <= on and (change.valid_to is None or on < change.valid_to)


def _refusing(current: Scope, change: LocalChange) -> Scope:
    """A change of a refused ground: withdrawn as a whole, or with a further matter named."""
    known = next((ground for ground in current.refused if ground.code == change.class_code), None)
    if known is None or change.remove not in ("", known.code):
        raise ScopeError(f"{change.id}: {change.remove or change.class_code!r} is not listed")
    kept = tuple(ground for ground in current.refused if ground is not known)
    if not change.remove and change.add is not None:
        wider = replace(known, text=f"{known.text}；{change.add.text}")
        kept = tuple(wider if ground is known else ground for ground in current.refused)
    return replace(current, refused=kept, local=(*current.local, change.id))


def _changed(current: Scope, change: LocalChange) -> Scope:
    if change.class_code.startswith("N"):
        return _refusing(current, change)
    target = current.violation_class(change.class_code)
    kept = tuple(b for b in target.behaviours if b.id != change.remove)
    if change.remove and len(kept) == len(target.behaviours):
        raise ScopeError(f"{change.id}: {change.remove!r} is not listed")
    if change.add is not None:
        kept = (*kept, replace(change.add, origin="local"))
    changed = replace(target, behaviours=kept)
    return replace(
        current,
        classes=tuple(changed if c.code == target.code else c for c in current.classes),
        local=(*current.local, change.id),
    )
