"""The administrative divisions of China, four levels, dated (data and licences: data/NOTICE.md)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

MUNICIPALITIES = frozenset({"110000", "120000", "310000", "500000"})
LEVELS = ("province", "city", "county", "town")


@dataclass(frozen=True, slots=True)
class Division:
    """One division. `code` has 6 digits (GB/T 2260), for a town 9 (GB/T 10114).

    `parent` is the next existing division's code ("" for a province): a county may stand directly under a province.
    `begins`, `ends`: the years recorded for its making and abolition, 0 where unknown or not abolished.
    `successors`: the present divisions that took over; empty while it exists.
    """

    code: str
    name: str
    level: str
    parent: str
    begins: int = 0
    ends: int = 0
    successors: tuple[str, ...] = ()
    short: str = ""
    sounds: str = ""

    @property
    def present(self) -> bool:
        return not self.ends

    def on(self, day: date) -> bool:
        """Whether it existed on a day. Only years are recorded: in the year of a change old and new both count."""
        return self.begins <= day.year <= (self.ends or day.year)


class Table:
    """All divisions, present and past."""

    def __init__(self, rows: Iterator[Division]) -> None:
        self._present: dict[str, Division] = {}
        self._past: dict[str, list[Division]] = {}
        self._children: dict[str, list[Division]] = {}
        for row in rows:
            if row.present:
                self._present[row.code] = row
                self._children.setdefault(row.parent, []).append(row)
            else:
                self._past.setdefault(row.code, []).append(row)

    def __len__(self) -> int:
        return len(self._present)

    def __iter__(self) -> Iterator[Division]:
        """The present divisions, by code."""
        return iter(self._present.values())

    def past(self) -> Iterator[Division]:
        """Abolished, renamed and recoded divisions."""
        for rows in self._past.values():
            yield from rows

    def get(self, code: str) -> Division | None:
        """The present division of a code, else the last that bore it. Twelve-digit codes are cut to what they name."""
        code = short_code(code)
        found = self._present.get(code)
        if found is None and code in self._past:
            found = max(self._past[code], key=lambda row: row.ends)
        return found

    def history(self, code: str) -> tuple[Division, ...]:
        """Every division that ever bore a code, the oldest first."""
        rows = sorted(self._past.get(code, ()), key=lambda row: row.ends)
        return (*rows, self._present[code]) if code in self._present else tuple(rows)

    def current(self, code: str) -> tuple[Division, ...]:
        """The present divisions that stand for a code: itself, or its successors; empty for an unknown code."""
        row = self.get(code)
        if row is None or row.present:
            return (row,) if row else ()
        return tuple(self._present[c] for c in row.successors if c in self._present)

    def parent(self, code: str) -> Division | None:
        row = self.get(code)
        return self.get(row.parent) if row and row.parent else None

    def ancestors(self, code: str) -> tuple[Division, ...]:
        """Existing divisions above, the nearest first: levels that do not exist are left out."""
        found: list[Division] = []
        row = self.parent(code)
        while row is not None and row not in found:
            found.append(row)
            row = self.get(row.parent) if row.parent else None
        return tuple(found)

    def children(self, code: str = "") -> tuple[Division, ...]:
        """Present divisions directly below; of "" the provinces."""
        return tuple(self._children.get(code, ()))

    def path(self, code: str) -> str:
        """Province, city and county as "省/市/县"; a level that does not exist is an empty part, a town is left out.

        北京市//朝阳区, 湖北省//仙桃市, 广东省/东莞市, 湖南省. "" for an unknown code.
        """
        row = self.get(code)
        if row is None:
            return ""
        names = {one.level: one.name for one in (row, *self.ancestors(code)) if one.level != "town"}
        parts = [names.get(level, "") for level in ("province", "city", "county")]
        return "/".join(parts).rstrip("/")

    def within(self, code: str, top: str) -> bool:
        """Whether a division is another or lies in it."""
        return code == top or any(row.code == top for row in self.ancestors(code))

    def on(self, day: date) -> tuple[Division, ...]:
        """The divisions that existed on a day, as far as the record goes (changes of counties and above since 1983)."""
        return tuple(row for rows in (self._present.values(), self.past()) for row in rows if row.on(day))


def short_code(code: str) -> str:
    """12-digit statistical code → 9 digits of a town or 6 of a county and above; others unchanged."""
    if len(code) == 12:
        code = code[:9]
    return code[:6] if len(code) == 9 and code.endswith("000") else code


def _rows() -> Iterator[Division]:
    packed = resources.files(__package__).joinpath("data/divisions.tsv.gz").read_bytes()
    for line in gzip.decompress(packed).decode().splitlines()[1:]:
        code, name, level, parent, begins, ends, successors, short, sounds = line.split("\t")
        heirs = tuple(successors.split("|")) if successors else ()
        yield Division(code, name, level, parent, int(begins or 0), int(ends or 0), heirs, short, sounds)


@cache
def table() -> Table:
    """The shipped table, read once."""
    return Table(_rows())
