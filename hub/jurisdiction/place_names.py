"""Every name a place may be called by, in two automata: one over characters, one over syllables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import ahocorasick

from hub.jurisdiction.divisions import Division, Table, table
from hub.jurisdiction.place_text import Syllables, data

TOWN_SUFFIX = re.compile(r"民族乡|街道办事处|街道|办事处|地区办事处|镇|乡|苏木|街办")
_MISHEARD = {"镇": "见", "区": "七"}
"""Endings that recognisers wrote for others in recorded calls, beyond what `fold_syllable` makes equal."""
_RECENT = 2018
"""Names abolished since this year are still said as if they stood; older ones yield to a present namesake."""


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a name: `node` is the county (or city, province) it speaks for, `town` the town's code."""

    node: str
    weight: float
    town: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A name and its meanings.

    `full`: carries its level's suffix (区, 县, 镇 …). `town`: names towns only. `common`: an ordinary word as well, or
    a short form that needs support from a neighbour.
    """

    text: str
    senses: tuple[Sense, ...]
    full: bool
    town: bool
    common: bool


class Names:
    """The index. Building takes about a second and is done once a process (`names()`)."""

    def __init__(self, divisions: Table) -> None:
        self.divisions = divisions
        self.syllables = Syllables()
        self.above: dict[str, tuple[str, ...]] = {}
        """County, city or province code → itself and the codes above, the nearest first."""
        self.level: dict[str, str] = {}
        for row in divisions:
            if row.level != "town":
                self.above[row.code] = (row.code, *(up.code for up in divisions.ancestors(row.code)))
                self.level[row.code] = row.level
        words = frozenset(data("words.txt").split())
        self.names: list[Name] = []
        found: dict[tuple[str, bool, bool], dict[tuple[str, str], float]] = {}
        heard: dict[str, list[int]] = {}
        for row in (*divisions, *divisions.past()):
            for text, full, weight in self._forms(row):
                senses = found.setdefault((text, full, row.level == "town"), {})
                nodes = self._nodes(row)
                share = weight if len(nodes) < 2 else 0.8 * weight
                for node, town in nodes:
                    senses[node, town] = max(share, senses.get((node, town), 0.0))
        for line in data("aliases.tsv").splitlines():
            alias, code = line.split("\t")
            found.setdefault((alias, True, False), {})[code, ""] = 0.9
        for text in ("四川", "四川省"):  # until 1997 the east of Sichuan was there, and old papers still say so
            found[text, text != "四川", False]["500000", ""] = 0.55
        found["朝阳", False, False]["110105", ""] = 0.8  # as well known as the city of Liaoning
        written: dict[str, list[int]] = {}
        for (text, full, is_town), senses in found.items():
            kept = senses if is_town else self._without_shadows(senses)
            ranked = tuple(Sense(node, weight, town) for (node, town), weight in kept.items())
            common = not full and (is_town or text in words)
            common |= len(text) == 2 and text[-1] == "区"
            common |= is_town and text[-1] in "场团"
            written.setdefault(text, []).append(len(self.names))
            self.names.append(Name(text, ranked, full, is_town, common))
        self.written = _automaton(written)
        self.stems = {name.text: name for name in self.names if name.town and not name.full}
        for number, name in enumerate(self.names):
            if len(name.text) >= 3:
                heard.setdefault(self.syllables.of(name.text), []).append(number)
        for number, name in enumerate(self.names):
            if len(name.text) >= 3 and name.full and (said := _MISHEARD.get(name.text[-1])):
                heard.setdefault(self.syllables.of(name.text[:-1] + said), []).append(number)
        by_text = {name.text: number for number, name in enumerate(self.names) if name.full}
        for row in divisions:
            if row.sounds and len(row.name) >= 3 and row.name in by_text:
                mark = self.syllables.of_sounds(row.sounds)
                if by_text[row.name] not in heard.setdefault(mark, []):
                    heard[mark].append(by_text[row.name])
        self.heard = _automaton(heard)

    def _without_shadows(self, senses: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
        """A city that took over an old namesake of its own county does not stand beside that county."""
        return {
            (node, town): weight
            for (node, town), weight in senses.items()
            if not any(other != node and node in self.above[other] and w > weight for (other, _), w in senses.items())
        }

    def _nodes(self, row: Division) -> list[tuple[str, str]]:
        """What a row speaks for today, as (node, town)."""
        if row.level != "town":
            return [(c, "") for c in (row.successors or (row.code,)) if c in self.above]
        tops = row.successors or (row.parent,)
        return [(c, row.code) for c in tops if c in self.above]

    def _forms(self, row: Division) -> Iterable[tuple[str, bool, float]]:
        """(text, has its suffix, weight) of a row."""
        fresh = row.present or row.ends >= _RECENT
        if row.level == "town":
            yield row.name, True, 0.6 if row.present else 0.55
            if row.short:
                yield row.short, False, 0.45
                if row.short.endswith("路") and len(row.short) >= 4:
                    yield row.short[:-1], False, 0.4
            return
        yield row.name, True, (1.0 if row.present else 0.9) if fresh else 0.62
        if "自治" in row.name and row.short:
            yield row.short + row.name[-1], True, 0.95  # 威宁县, 恩施州, 鄂温克旗
        if row.short and not (row.level == "city" and row.name.endswith("地区") and not row.present):
            base = {"province": 1.0, "city": 0.9, "county": 0.7}[row.level]
            if row.level == "county" and row.name.endswith("区"):
                base = 0.6
            yield row.short, False, base if row.present else base * (0.85 if fresh else 0.65)
        elif row.short:
            yield row.short, False, 0.55


def _automaton(index: dict[str, list[int]]) -> ahocorasick.Automaton:
    found = ahocorasick.Automaton()
    for text, numbers in index.items():
        found.add_word(text, (len(text), tuple(numbers)))
    found.make_automaton()
    return found


@cache
def names() -> Names:
    """The index of the shipped table, built once."""
    return Names(table())
