"""Finds the field's words in a text: one Aho-Corasick pass by writing, one by sound.

A concept is a set of words that mean the same to a rule ("FARM": 耕地, 基本农田 …). A longer word hides the shorter
words inside it, whatever concept they belong to. Every step is linear in the text; hits per concept are capped, so
that a megabyte of one repeated word costs no more than its scan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import ahocorasick
from pypinyin import pinyin_dict

MAX_HITS = 400  # per concept; a report repeats itself long before
_TRADITIONAL = (
    "違佔採礦開國軍機農準證發賣轉讓擅許經報舉蓋樓廠養殖場復墾補償徵權屬爭"
    "議處罰應該問請個們沒車運邊動產電話號縣鎮鄉區劃業"
)
_SIMPLIFIED = (
    "违占采矿开国军机农准证发卖转让擅许经报举盖楼厂养殖场复垦补偿征权属争"
    "议处罚应该问请个们没车运边动产电话号县镇乡区划业"
)
_WIDE = {code: code - 0xFEE0 for code in (0xFF0D, 0xFF0E, *range(0xFF10, 0xFF5B))}
_FOLD = {**_WIDE, **str.maketrans(_TRADITIONAL, _SIMPLIFIED), ord("砂"): "沙", ord("\u3000"): " ", ord("畝"): "亩"}
_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿê", "aaaaeeeeiiiioooouuuuvvvvvnnnme")
SOUND_LENGTH = 3  # shorter words have too many homophones to be matched by sound


def fold(text: str) -> str:
    """Full-width, traditional and variant characters to one form; every character keeps its place."""
    return text.translate(_FOLD)


@cache
def sounds() -> dict[int, str]:
    """Each Chinese character → one private character per syllable, without tone; zh/z, ch/c, sh/s, -ng/-n are one."""
    table: dict[int, str] = {}
    syllables: dict[str, str] = {}
    for code, readings in pinyin_dict.pinyin_dict.items():
        if not 0x4E00 <= code <= 0x9FFF:
            continue
        sound = readings.split(",", 1)[0].translate(_TONES)
        if sound[1:2] == "h" and sound[0] in "zcs":
            sound = sound[0] + sound[2:]
        sound = sound.removesuffix("g") if sound.endswith("ng") else sound
        table[code] = syllables.setdefault(sound, chr(0xE000 + len(syllables)))
    return table


@dataclass(frozen=True, slots=True)
class Hit:
    """A word of the lexicon at [start, end). `heard`: found by sound, not by writing."""

    start: int
    end: int
    heard: bool = False


def _automaton(words: Mapping[str, frozenset[str]]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for word, concepts in words.items():
        automaton.add_word(word, (len(word), concepts))
    automaton.make_automaton()
    return automaton


class Lexicon:
    """Words of many concepts, found in one pass."""

    def __init__(
        self,
        concepts: Mapping[str, str | Sequence[str]],
        heard: Mapping[str, str],
        inherit: Iterable[str] = (),
        inherit_not: Iterable[str] = (),
    ) -> None:
        """Take whitespace-separated words per concept, and phrases heard wrong → meant (of equal length).

        Words of the `inherit` concepts (two characters and more) keep counting inside longer words, unless the
        longer word is one of `inherit_not`.
        """
        words: dict[str, set[str]] = defaultdict(set)
        for concept, listed in concepts.items():
            for word in listed.split() if isinstance(listed, str) else listed:
                words[fold(word)].add(concept)
        self._stop = {word for word, names in words.items() if "STOP" in names}
        _inherit(words, frozenset(inherit), frozenset(inherit_not))
        frozen = {word: frozenset(names - {"STOP"}) for word, names in words.items()}
        self._written = _automaton(frozen)
        by_sound: dict[str, set[str]] = defaultdict(set)
        for word, names in frozen.items():
            if len(word) >= SOUND_LENGTH and names and not word.isascii():
                by_sound[word.translate(sounds())].update(names)
        self._spoken = _automaton({sound: frozenset(names) for sound, names in by_sound.items()})
        self._misheard = ahocorasick.Automaton()
        for wrong, right in heard.items():
            if len(fold(wrong)) != len(right):
                raise ValueError(f"{wrong}: both sides must have the same length")
            self._misheard.add_word(fold(wrong), fold(right))
        self._misheard.make_automaton()

    def normal(self, text: str) -> str:
        """The text in one writing with misheard phrases set right; same length as `text`."""
        folded = fold(text)
        changes = [(end, right) for end, right in self._misheard.iter(folded)]
        if not changes:
            return folded
        characters = list(folded)
        for end, right in changes:
            characters[end + 1 - len(right) : end + 1] = right
        return "".join(characters)

    def find(self, text: str) -> dict[str, list[Hit]]:
        """Concept → its hits in order of place."""
        normal = self.normal(text)
        found = [(end + 1 - length, end + 1, concepts) for end, (length, concepts) in self._written.iter(normal)]
        kept = _uncovered(found)
        hits: dict[str, list[Hit]] = defaultdict(list)
        for start, end, concepts in kept:
            for concept in concepts:
                if len(hits[concept]) < MAX_HITS:
                    hits[concept].append(Hit(start, end))
        spoken = [
            (end + 1 - length, end + 1, concepts)
            for end, (length, concepts) in self._spoken.iter(normal.translate(sounds()))
        ]
        if spoken:
            self._add_spoken(hits, _uncovered(spoken), kept)
        return dict(hits)

    @staticmethod
    def _add_spoken(
        hits: dict[str, list[Hit]], spoken: Iterable[tuple[int, int, frozenset[str]]], kept: Sequence[_Found]
    ) -> None:
        """Add hits by sound where no written word of the same or greater length already stands."""
        starts = {(start, end) for start, end, _ in kept}
        touched: set[str] = set()
        place = 0
        for start, end, concepts in spoken:
            if (start, end) in starts:
                continue
            while place < len(kept) and kept[place][1] <= start:
                place += 1
            if any(s <= start and end <= e for s, e, _ in kept[place : place + 8]):
                continue
            for concept in concepts:
                if len(hits[concept]) < MAX_HITS:
                    hits[concept].append(Hit(start, end, heard=True))
                    touched.add(concept)
        for concept in touched:
            hits[concept].sort(key=lambda hit: (hit.start, hit.end))


def _inherit(words: dict[str, set[str]], passed: frozenset[str], barred: frozenset[str]) -> None:
    """Give each word the `passed` concepts of the words inside it."""
    inner = {word: names & passed for word, names in words.items() if len(word) > 1 and names & passed}
    for word, names in words.items():
        if names & barred:
            continue
        for start in range(len(word)):
            for end in range(start + 2, len(word) + 1):
                if end - start < len(word):
                    names.update(inner.get(word[start:end], ()))


_Found = tuple[int, int, frozenset[str]]


def _uncovered(found: list[_Found]) -> list[_Found]:
    """Drop every hit that lies inside a longer one; sorted by place."""
    found.sort(key=lambda hit: (hit[0], -hit[1]))
    kept: list[_Found] = []
    reach = -1
    for start, end, concepts in found:
        if end <= reach:
            continue
        kept.append((start, end, concepts))
        reach = end
    return kept
