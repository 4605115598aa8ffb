"""What a text is about, beside its class (B8): topics by the words of hub/law/data/topics.toml, with those words."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import ahocorasick

from hub.enrich.concepts import fold
from hub.law import topics
from hub.terms import Passage, Span, Suggestion

VERSION = "topics-1"
PRODUCER = "topics"
FIELD = "topics"
MAX_TEXT = 200_000
MAX_TOPICS = 5  # a text that names more is about none of the rest
MAX_SPANS = 4  # of one topic
SURE, LIKELY = 0.9, 0.7
_SENTENCE = re.compile(r"[。！？；!?;\n]")


@dataclass(frozen=True, slots=True)
class Found:
    """A topic with the places of its words in the text."""

    code: str
    spans: tuple[tuple[int, int], ...]


@cache
def _finder() -> ahocorasick.Automaton:
    """Word → (length, numbers of rows that it names, numbers of rows that it supports)."""
    words: dict[str, tuple[set[int], set[int]]] = {}
    for number, row in enumerate(topics.rows()):
        for listed, side in ((row.words, 0), (row.with_, 1)):
            for word in listed:
                words.setdefault(fold(word), (set(), set()))[side].add(number)
    finder = ahocorasick.Automaton()
    for word, (named, backed) in words.items():
        finder.add_word(word, (len(word), frozenset(named), frozenset(backed)))
    finder.make_automaton()
    return finder


def find(text: str, day: date | None = None) -> list[Found]:
    """The topics of a text, that with the most words first; `day`: only what was counted by then. Never raises."""
    work = fold(text[:MAX_TEXT])
    ends = [match.start() for match in _SENTENCE.finditer(work)]
    named: dict[int, list[tuple[int, int]]] = {}
    backed: dict[int, set[int]] = {}  # row → numbers of sentences that support it
    rows = topics.rows()
    for end, (length, names, supports) in _finder().iter(work):
        start = end + 1 - length
        for number in names:
            named.setdefault(number, []).append((start, end + 1))
        for number in supports:
            backed.setdefault(number, set()).add(bisect_left(ends, start))
    found: dict[str, set[tuple[int, int]]] = {}
    for number, spans in named.items():
        row = rows[number]
        if day is not None and row.since > day:
            continue
        if row.with_:
            near = backed.get(number, set())
            spans = [span for span in spans if bisect_left(ends, span[0]) in near]  # noqa: PLW2901
        if spans:
            found.setdefault(row.code, set()).update(spans)
    order = list(topics.labels())
    ranked = sorted(found, key=lambda code: (-len(found[code]), order.index(code)))
    return [Found(code, tuple(sorted(found[code])[:MAX_SPANS])) for code in ranked[:MAX_TOPICS]]


def suggest(passages: Sequence[Passage], day: date | None = None) -> list[Suggestion]:
    """One suggestion "topics" (`hub.law.topics.named`) with the words; none where no topic is named.

    An operator's words do not count.
    """
    spans: dict[str, list[Span]] = {}
    counts: dict[str, int] = {}
    for number, passage in enumerate(passages):
        if passage.speaker == "operator":
            continue
        for one in find(passage.text, day):
            counts[one.code] = counts.get(one.code, 0) + len(one.spans)
            spans.setdefault(one.code, []).extend(Span(number, s, e, passage.text[s:e]) for s, e in one.spans)
    if not spans:
        return []
    order = list(topics.labels())
    codes = sorted(spans, key=lambda code: (-counts[code], order.index(code)))[:MAX_TOPICS]
    shown = tuple(span for code in codes for span in spans[code][:MAX_SPANS])
    confidence = SURE if counts[codes[0]] > 1 else LIKELY
    return [Suggestion(FIELD, topics.named(codes), PRODUCER, VERSION, confidence, shown)]
