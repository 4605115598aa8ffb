"""One pass over the text with an automaton, and the choice among overlapping names."""

from __future__ import annotations

import ahocorasick

from hub.jurisdiction.place_names import TOWN_SUFFIX, Names

Match = tuple[int, int, tuple[int, ...]]
"""Start, end, numbers of the names that are written so."""


def raw(automaton: ahocorasick.Automaton, text: str) -> list[Match]:
    """Every occurrence of every name as (start, end, numbers of the names)."""
    return [(end + 1 - size, end + 1, numbers) for end, (size, numbers) in automaton.iter(text)]


def _leftmost_longest(found: list[Match], taken: list[Match]) -> list[Match]:
    """Matches that overlap neither one another nor `taken`, the leftmost first, of these the longest."""
    kept: list[Match] = []
    held = iter([*taken, (1 << 62, 1 << 62, ())])
    block = next(held)
    for match in sorted(found, key=lambda m: (m[0], -m[1])):
        while block[1] <= match[0]:
            block = next(held)
        if match[1] <= block[0] and (not kept or match[0] >= kept[-1][1]):
            kept.append(match)
    return kept


def segments(names: Names, text: str, found: list[Match]) -> list[Match]:
    """Names with their suffix and names of counties and above come first; bare stems of towns fill what is left."""
    firm = [
        m
        for m in found
        if any(names.names[n].full or not names.names[n].town for n in m[2]) or TOWN_SUFFIX.match(text, m[1])
    ]
    kept = _leftmost_longest(firm, [])
    starts: dict[int, list[Match]] = {}
    for match in firm:
        starts.setdefault(match[0], []).append(match)
    out: list[Match] = []
    for match in kept:
        if out and match[0] < out[-1][1]:
            continue
        out.extend(_split(names, match, starts) or [match])
    rest = _leftmost_longest([m for m in found if m[1] - m[0] >= 2], out)
    return sorted((*out, *rest))


def _split(names: Names, match: Match, starts: dict[int, list[Match]]) -> list[Match] | None:
    """安康镇坪: not the town 安康镇, but 安康 and 镇坪, which lies in it."""
    if not all(names.names[n].town for n in match[2]):
        return None
    for first in starts[match[0]]:
        if first[1] >= match[1] or all(names.names[n].town for n in first[2]):
            continue
        for second in starts.get(first[1], ()):
            if second[1] > match[1] and _lies_in(names, second, first):
                return [first, second]
    return None


def _lies_in(names: Names, inner: Match, outer: Match) -> bool:
    tops = {sense.node for n in outer[2] for sense in names.names[n].senses if not sense.town}
    below = (sense.node for n in inner[2] for sense in names.names[n].senses if not sense.town)
    return any(up in tops for node in below for up in names.above[node][1:])
