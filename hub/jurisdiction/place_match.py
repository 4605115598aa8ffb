"""Finds the mentions of places in folded text, as written and as heard, and drops those that nothing supports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from hub.jurisdiction.place_names import TOWN_SUFFIX, Name, Names
from hub.jurisdiction.place_segments import raw, segments
from hub.jurisdiction.place_traps import BEFORE, ORDINARY, is_doubtful, is_trap

MAX_MENTIONS = 400
"""More places than anybody reports about: the rest of a longer text is not read."""
_HOMOPHONE = 0.7
_REACH = 4
"""Characters between a misheard name and the written one before it that still bears it out: a level lost between."""
TOWN_END = re.compile(r"(?:民族乡|街道|镇|乡|苏木)$")
_ZONE = re.compile(r"[^，,。；;\n]{0,6}?(?:工业园区|产业园区|开发区|高新区|经开区|保税区|示范区)")
_SUFFIXES = frozenset("省市县区旗州盟镇乡")


@dataclass(slots=True)
class Mention:
    """A stretch of folded text that may name a place. `nodes`: county, city or province code → weight."""

    start: int
    end: int
    nodes: dict[str, float] = field(default_factory=dict)
    towns: dict[str, str] = field(default_factory=dict)
    weak: bool = True
    town: bool = True
    heard: bool = False
    full: bool = False
    up: frozenset[str] = frozenset()


def _add(mention: Mention, name: Name, factor: float) -> None:
    for sense in name.senses:
        weight = sense.weight * factor
        if weight > mention.nodes.get(sense.node, 0.0):
            mention.nodes[sense.node] = weight
            if sense.town:
                mention.towns[sense.node] = sense.town
            else:
                mention.towns.pop(sense.node, None)


def _add_stem(mention: Mention, names: Names, name: Name) -> None:
    """九堡镇 has become 九堡街道 long before people say so."""
    stem = names.stems.get(TOWN_END.sub("", name.text))
    if stem is not None:
        _add(mention, stem, 0.9)


def _written(names: Names, text: str) -> list[Mention]:
    out = []
    chosen = segments(names, text, raw(names.written, text))
    starts = {match[0] for match in chosen}
    for start, end, numbers in chosen:
        mention = Mention(start, end)
        for number in numbers:
            name = names.names[number]
            if is_trap(text, start, end, full=name.full, town=name.town):
                continue
            suffix = TOWN_SUFFIX.match(text, end) if name.town and not name.full and end not in starts else None
            if suffix and text[start : suffix.end()] in ORDINARY:
                continue
            _add(mention, name, 1.25 if suffix else 1.0)
            if name.town and name.full:
                _add_stem(mention, names, name)
            if suffix:
                mention.end = max(mention.end, suffix.end())
            mention.full |= name.full or suffix is not None
            mention.town &= name.town
            mention.weak &= suffix is None and (
                name.common or (not name.full and is_doubtful(names, name, text, start, end))
            )
        if not mention.nodes:
            continue
        glued = end - start == 2 and mention.full and start > 0 and not mention.town
        if glued and "\u4e00" <= text[start - 1] <= "\u9fff" and text[start - 1] not in BEFORE:
            mention.weak = True  # 阳新县 heard as 杨新县 is no 新县
        out.append(mention)
        if len(out) >= MAX_MENTIONS:
            break
    return out


def _heard(names: Names, text: str, written: list[Mention]) -> list[Mention]:
    """Names that sound like the text but are written otherwise. Alternatives are added to written full names."""
    out: list[Mention] = []
    spans = {(m.start, m.end): m for m in written}
    covered: dict[int, Mention] = {i: m for m in written for i in range(m.start, m.end)}
    limit = written[-1].end + 64 if len(written) >= MAX_MENTIONS else len(text)
    sounds = names.syllables.of(text[:limit])
    found = [m for m in raw(names.heard, sounds) if "\u4e00" <= text[m[0]] <= "\u9fff"]
    for start, end, numbers in found:
        other = [names.names[n] for n in numbers if _may_be_heard(names.names[n], text[start:end])]
        if not other:
            continue
        same = spans.get((start, end))
        if same is not None:
            if same.full and not same.town:
                for name in other:
                    if name.full and not name.town:
                        _alternative(same, name)
            continue
        mention = Mention(start, end, heard=True)
        for name in other:
            if not is_trap(text, start, end, full=name.full, town=name.town):
                _add(mention, name, _HOMOPHONE)
                mention.full |= name.full
                mention.town &= name.town
        if not mention.nodes:
            continue
        inside = {id(m): m for m in (covered.get(i) for i in range(start, end)) if m is not None}
        if any(m.start < start or m.end > end or (not m.weak and m.end - m.start > 2) for m in inside.values()):
            continue
        if any(m.full and not m.weak and m.start == start + 1 and text[start] in BEFORE for m in inside.values()):
            continue  # 举报的是临县三交镇: 临县, not 石林县
        sure = mention.full and not mention.town and text[end - 1] in _SUFFIXES and len(mention.nodes) <= 8
        mention.weak = not sure
        out.append(mention)
        if len(out) >= MAX_MENTIONS:
            break
    return out


def _may_be_heard(name: Name, text: str) -> bool:
    """Whether a name may have been written as `text`. Recognisers spell a level's suffix right, or as another word."""
    return name.text != text and (text[-1] not in _SUFFIXES or not name.full or name.text[-1] == text[-1])


def _alternative(mention: Mention, name: Name) -> None:
    for sense in name.senses:
        mention.nodes.setdefault(sense.node, 0.5 * sense.weight)


def mentions(names: Names, text: str) -> list[Mention]:
    """Mentions in order, without overlap; those that count only with a neighbour and have none are left out."""
    written = _written(names, text)
    heard = _heard(names, text, written)
    for mention in (*written, *heard):
        mention.up = frozenset(up for node in mention.nodes for up in names.above[node])
    every = sorted((*written, *heard), key=lambda m: (m.start, -m.end))
    kept = [m for m in every if not m.weak or _supported(m, every, text)]
    return _without_zone_towns(names, text, _disjoint(kept))


def _without_zone_towns(names: Names, text: str, found: list[Mention]) -> list[Mention]:
    """苏州工业园区娄葑街道: a development zone cuts across counties and answers to the city: its towns say nothing."""
    kept: list[Mention] = []
    for mention in found:
        before = kept[-1] if kept else None
        if before is not None and mention.town and not before.town and mention.start - before.end <= 12:
            city = any(names.level[node] == "city" for node in before.nodes)
            if city and before.nodes and _ZONE.fullmatch(text, before.end, mention.start):
                continue
        kept.append(mention)
    return kept


def related(first: Mention, second: Mention) -> bool:
    """Whether one may lie in the other."""
    if len(first.nodes) > len(second.up):
        return not second.up.isdisjoint(first.nodes) or not first.up.isdisjoint(second.nodes)
    return not first.up.isdisjoint(second.nodes) or not second.up.isdisjoint(first.nodes)


def _supported(mention: Mention, every: list[Mention], text: str) -> bool:
    for other in every:
        if other.start > mention.end + _REACH:
            break
        if other is mention or (other.start < mention.end and mention.start < other.end):
            continue
        gap = mention.start - other.end if other.start < mention.start else other.start - mention.end
        reach = _REACH if mention.heard and mention.full and other.start < mention.start and not other.weak else 2
        if not 0 <= gap <= reach or not related(mention, other):
            continue
        if gap and re.search(r"[。！？；;!?\n]", text[min(mention.end, other.end) : max(mention.start, other.start)]):
            continue
        if mention.town and other.town:
            continue
        long = mention.heard and other.heard and gap <= 1  # at least three syllables each
        long |= gap == 0 and max((m.end - m.start for m in (mention, other) if m.town), default=0) >= 3
        long |= gap == 0 and not mention.town and not other.town and not mention.heard and not other.heard
        if mention.weak and other.weak and not (long or (mention.full and other.full)):
            continue
        return True
    return False


def _disjoint(found: list[Mention]) -> list[Mention]:
    """Of overlapping mentions the longer stays; of equal ones the written."""
    kept: list[Mention] = []
    for mention in sorted(found, key=lambda m: (m.start - m.end, m.heard, m.start)):
        if all(mention.end <= other.start or mention.start >= other.end for other in kept):
            kept.append(mention)
    kept.sort(key=lambda m: m.start)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    return kept
