"""How strongly single words speak for each class: beside the rules, and the fall-back where no rule fires.

One weight per word and class (data/class_words.tsv), learned by `python bench/class_words.py` from the project's own
phrases and labelled sentences. A text's words are added up, so every share can be traced to the words that made it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ahocorasick

DATA = Path(__file__).parent / "data" / "class_words.tsv"
LONGEST = 3  # characters of a word
NONE = "MORE"  # the column of texts that say nothing
CONCEPT = "#"  # marks a concept of the rule book among the words
SCALE = 100  # the file holds hundredths
SHOWN = 4  # words shown of a class no rule spoke for
_CHINESE = re.compile("[\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Opinion:
    """Share of each class by words alone (they add up to 1), and how many of the text's words are known."""

    shares: Mapping[str, float]
    known: int


@dataclass(frozen=True, slots=True)
class WordWeights:
    """The shipped table."""

    codes: tuple[str, ...]
    bias: tuple[int, ...]
    weights: Mapping[str, tuple[int, ...]]
    finder: ahocorasick.Automaton

    def places(self, normal: str) -> dict[str, int]:
        """Known words of a text in one writing (`Lexicon.normal`) → the end of their first place."""
        found: dict[str, int] = {}
        for end, word in self.finder.iter(normal):
            if word not in found:
                found[word] = end + 1
        return found

    def opinion(self, words: Iterable[str], concepts: Iterable[str]) -> Opinion:
        """Shares of the classes for these words and concept names."""
        rows = [self.weights[word] for word in words]
        rows += [self.weights[CONCEPT + name] for name in concepts if CONCEPT + name in self.weights]
        size = math.sqrt(len(rows)) or 1.0
        columns = list(zip(*rows, strict=True)) or [()] * len(self.codes)
        sums = [(sum(column) / size + bias) / SCALE for column, bias in zip(columns, self.bias, strict=True)]
        high = max(sums)
        grown = [math.exp(value - high) for value in sums]
        total = sum(grown)
        return Opinion({code: value / total for code, value in zip(self.codes, grown, strict=True)}, len(rows))

    def reasons(self, code: str, places: Mapping[str, int]) -> list[tuple[int, int]]:
        """Spans of the words that spoke most for `code`, in order of place, touching ones joined."""
        column = self.codes.index(code)
        gains: list[tuple[float, str]] = []
        for word in places:
            row = self.weights[word]
            gain = row[column] - sum(row) / len(row)
            if gain > 0 and len(word) > 1:
                gains.append((-gain, word))
        spans = sorted((places[word] - len(word), places[word]) for _, word in sorted(gains)[:SHOWN])
        joined: list[tuple[int, int]] = []
        for start, end in spans:
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return joined


def pieces(normal: str) -> set[str]:
    """Every run of one to three Chinese characters: what the table is learned from."""
    found: set[str] = set()
    for run in _CHINESE.findall(normal):
        for size in range(1, LONGEST + 1):
            found.update(run[i : i + size] for i in range(len(run) - size + 1))
    return found


def parse(lines: Sequence[str]) -> WordWeights:
    """The table from its lines: a head "word, codes…", then "word, hundredths…". ValueError where a row is uneven."""
    codes = tuple(lines[0].split("\t")[1:])
    weights: dict[str, tuple[int, ...]] = {}
    finder = ahocorasick.Automaton()
    for line in lines[1:]:
        word, *numbers = line.split("\t")
        weights[word] = tuple(map(int, numbers))
        if len(numbers) != len(codes):
            raise ValueError(f"{word}: {len(numbers)} weights for {len(codes)} classes")
        if word and word[0] != CONCEPT:
            finder.add_word(word, word)
    finder.make_automaton()
    return WordWeights(codes, weights.pop(""), weights, finder)


@cache
def table() -> WordWeights:
    """The shipped table, read once."""
    return parse([line for line in DATA.read_text(encoding="utf-8").splitlines() if line[:2] != "##"])
