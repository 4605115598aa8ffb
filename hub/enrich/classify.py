"""Which class of annex 1, or which refused ground of Art. 7, a text speaks of (B3, B4).

Rules over words (data/class_rules.toml) lead; the weights of single words (hub/enrich/words.py) rank what the rules
leave open and speak where no rule fires. Every answer shows the words that caused it. The class is a suggestion.
"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hub.enrich import words
from hub.enrich.concepts import Hit, Lexicon
from hub.jurisdiction.place_text import INVISIBLE
from hub.terms import CLASS_LABELS, Passage, Span, Suggestion

VERSION = "class-7"
PRODUCER = "class"
DATA = Path(__file__).parent / "data" / "class_rules.toml"
MAX_TEXT = 200_000  # characters read; no report is longer, and what follows cannot hold a worker
RULE_STEP = 5.0  # the score of a rule that multiplies the odds of its class by e
FLOOR = 0.002  # no class is ruled out by words alone
SILENT = 0.25  # share of "says nothing" from which a text without a firing rule is asked about
SILENT_SHORT = 0.10  # the same where fewer than SHORT words of it are known
SHORT = 14
FEW = 8  # known words below which words alone give no class
LIKELY = 0.12  # the share words alone must give a class where no rule fires
CANDIDATES = 5
FAINT = 1.0  # a rule below this weight does not make a text clear
NEAR = 20  # how far around a rule its forbidden words are looked for
MORE = 0.25  # what each further rule of a class adds, beside the strongest
TOPIC_FACTOR = 0.62  # another department's topic mentioned beside a violation of land or mineral law
HEARD_FACTOR = 0.9  # words found by sound
SOLID = 3.0  # a violation rule of this weight makes other departments' topics secondary
MAX_PLACES = 60  # tries per rule
MAX_EVIDENCE = 12  # words shown per class
MENTIONED = 0.15  # share from which a refused ground is named beside a violation


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words that spoke for a class, at [start, end) of the text."""

    code: str
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class ClassResult:
    """`code` is None only with `needs_more`. `candidates`: best first, at most five, with scores in 0–1.

    `in_scope` is False only where a refused ground leads: what is unclear is asked about (P5), not refused (P3).
    """

    code: str | None
    candidates: tuple[tuple[str, float], ...]
    in_scope: bool
    needs_more: bool
    evidence: tuple[Evidence, ...]
    grounds: tuple[tuple[str, float], ...] = ()  # refused grounds the rules found, with their share of the rules

    def as_json(self) -> dict[str, Any]:
        """The answer of `hub try class` (PRODUCT §11)."""
        return {
            "class": self.code,
            "candidates": [[code, score] for code, score in self.candidates],
            "in_scope": self.in_scope,
            "needs_more": self.needs_more,
            "evidence": [{"class": e.code, "words": e.words, "span": [e.start, e.end]} for e in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class _Rule:
    code: str
    weight: float
    distance: int
    concepts: tuple[str, ...]
    ordered: bool
    forbidden: tuple[str, ...]
    topic: bool


@dataclass(frozen=True, slots=True)
class _Compose:
    name: str
    concepts: tuple[str, ...]
    distance: int
    ordered: bool
    eaten: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Firing:
    weight: float
    hits: tuple[Hit, ...]
    topic: bool


@dataclass(frozen=True, slots=True)
class _Book:
    lexicon: Lexicon
    composes: tuple[_Compose, ...]
    rules: tuple[_Rule, ...]


@cache
def book() -> _Book:
    """The shipped rules, read once. Raises ValueError where a rule names an unknown class or concept."""
    with DATA.open("rb") as stream:
        data = tomllib.load(stream)
    composes = tuple(
        _Compose(row["name"], tuple(row["all"]), row["d"], row.get("o", False), tuple(row.get("eat", ())))
        for row in data["compose"]
    )
    rules = tuple(
        _Rule(
            code,
            row["w"],
            row["d"],
            tuple(row["all"].split()),
            row.get("o", False),
            tuple(row.get("no", "").split()),
            row.get("t", False),
        )
        for code, rows in data["rules"].items()
        for row in rows
    )
    known = set(data["concepts"]) | {compose.name for compose in composes}
    for rule in rules:
        unknown = {*rule.concepts, *rule.forbidden} - known
        if unknown or rule.code not in CLASS_LABELS:
            raise ValueError(f"rule of {rule.code}: unknown {sorted(unknown)}")
    lexicon = Lexicon(data["concepts"], data["heard"], data["inherit"], data["inherit_not"])
    return _Book(lexicon, composes, rules)


def _places(
    found: dict[str, list[Hit]], concepts: Sequence[str], distance: int, *, ordered: bool, first: bool = False
) -> Iterator[list[Hit]]:
    """Places where a hit of each concept stands within `distance`; pointers move forward only.

    Anchored at the first concept, or at the rarest; the others are the nearest to the anchor.
    """
    lists = [found.get(concept, []) for concept in concepts]
    anchor_index = 0 if first else min(range(len(lists)), key=lambda index: len(lists[index]))
    starts = [0] * len(lists)
    for anchor in lists[anchor_index]:
        chosen: list[Hit] = []
        for index, hits in enumerate(lists):
            if index == anchor_index:
                chosen.append(anchor)
                continue
            while starts[index] < len(hits) and hits[starts[index]].end < anchor.start - distance:
                starts[index] += 1
            side = 0 if not ordered else index - anchor_index
            best = _nearest(hits, starts[index], anchor, distance, side)
            if best is None:
                break
            chosen.append(best)
        else:
            yield chosen


def _nearest(hits: list[Hit], place: int, anchor: Hit, distance: int, side: int) -> Hit | None:
    """The hit closest to the anchor, before it (side < 0), after it (side > 0) or on either side (0)."""
    best: Hit | None = None
    gap = distance + 1
    while place < len(hits) and hits[place].start <= anchor.end + distance:
        hit = hits[place]
        place += 1
        if (side < 0 and hit.start > anchor.start) or (side > 0 and hit.start < anchor.start):
            continue
        between = max(hit.start - anchor.end, anchor.start - hit.end, 0)
        if between < gap:
            best, gap = hit, between
    return best


def _apply_composes(found: dict[str, list[Hit]], composes: Sequence[_Compose]) -> None:
    for compose in composes:
        places = list(_places(found, compose.concepts, compose.distance, ordered=compose.ordered, first=True))
        if not places:
            continue
        made = [
            Hit(min(h.start for h in chosen), max(h.end for h in chosen), any(h.heard for h in chosen))
            for chosen in places
        ]
        for concept in compose.eaten:
            if concept in found:
                left = _outside(found[concept], made)
                if left:
                    found[concept] = left
                else:
                    del found[concept]
        found[compose.name] = sorted({*found.get(compose.name, ()), *made}, key=lambda hit: (hit.start, hit.end))


def _outside(hits: list[Hit], covers: list[Hit]) -> list[Hit]:
    """The hits that lie in none of the covers; both in order of place."""
    left: list[Hit] = []
    place = 0
    for hit in hits:
        while place < len(covers) and covers[place].end <= hit.start:
            place += 1
        if not any(cover.start <= hit.start and hit.end <= cover.end for cover in covers[place : place + 3]):
            left.append(hit)
    return left


def _fires(rule: _Rule, found: dict[str, list[Hit]]) -> list[Hit] | None:
    """The hits of the first place where the rule holds and none of its forbidden words stands near."""
    for tried, chosen in enumerate(_places(found, rule.concepts, rule.distance, ordered=rule.ordered)):
        if tried == MAX_PLACES:
            break
        low = min(hit.start for hit in chosen) - NEAR
        high = max(hit.end for hit in chosen) + NEAR
        if not any(low <= hit.start and hit.end <= high for name in rule.forbidden for hit in found.get(name, ())):
            return chosen
    return None


def read(text: str) -> tuple[str, dict[str, list[Hit]]]:
    """The text in one writing, and its concepts with their places; what lies past MAX_TEXT is not read."""
    rules = book()
    short = text[:MAX_TEXT]
    found = rules.lexicon.find(short)
    _apply_composes(found, rules.composes)
    return rules.lexicon.normal(short), found


def _fired(found: dict[str, list[Hit]]) -> dict[str, list[_Firing]]:
    fired: dict[str, list[_Firing]] = {}
    for rule in book().rules:
        if any(concept not in found for concept in rule.concepts):
            continue
        hits = _fires(rule, found)
        if hits:
            weight = rule.weight * (HEARD_FACTOR if any(hit.heard for hit in hits) else 1.0)
            fired.setdefault(rule.code, []).append(_Firing(weight, tuple(hits), rule.topic))
    inside = max((f.weight for code, firings in fired.items() if code[0] != "N" for f in firings), default=0.0)
    if inside >= SOLID:
        for code, firings in fired.items():
            fired[code] = [replace(f, weight=f.weight * TOPIC_FACTOR) if f.topic else f for f in firings]
    return fired


def _score(firings: Sequence[_Firing]) -> float:
    weights = sorted((firing.weight for firing in firings), reverse=True)
    return weights[0] + MORE * sum(weights[1:4])


def _shares(scores: dict[str, float], opinion: words.Opinion) -> list[tuple[str, float]]:
    """Rules and words together, best first: each point of a rule multiplies the odds the words gave.

    N4 needs a rule: "请为我保密" is a reporter's wish and no state secret, whatever its words weigh.
    """
    odds = {
        code: max(share if code != "N4" or code in scores else 0.0, FLOOR) * math.exp(scores.get(code, 0.0) / RULE_STEP)
        for code, share in opinion.shares.items()
        if code != words.NONE
    }
    total = sum(odds.values())
    return sorted(((code, value / total) for code, value in odds.items()), key=lambda row: (-row[1], row[0]))


def _evidence(code: str, fired: dict[str, list[_Firing]], places: dict[str, int], text: str) -> Iterator[Evidence]:
    """The words of the rules that fired for a class; where none did, the single words that weigh most for it."""
    spans = sorted({(hit.start, hit.end) for firing in fired.get(code, ()) for hit in firing.hits})
    for start, end in spans[:MAX_EVIDENCE] or words.table().reasons(code, places):
        yield Evidence(code, start, end, text[start:end])


def _weighed(text: str) -> tuple[dict[str, list[_Firing]], dict[str, int], words.Opinion, list[tuple[str, float]]]:
    """(rules that fired by class, known words with their places, opinion of the words, shares best first)."""
    normal, found = read(text)
    fired = _fired(found)
    weights = words.table()
    places = weights.places(normal)
    opinion = weights.opinion(places, found)
    return fired, places, opinion, _shares({code: _score(firings) for code, firings in fired.items()}, opinion)


def shares(text: str) -> dict[str, float]:
    """The share of every class, also where `classify` would ask for more."""
    return dict(_weighed(text)[3])


def classify(text: str) -> ClassResult:
    """Suggest the class of `text`. Never raises; time is linear in the text. What no reader sees is not read."""
    short = text[:MAX_TEXT]
    if INVISIBLE.search(short) is None:
        return _classify(short)
    origin = [at for at, char in enumerate(short) if not INVISIBLE.match(char)]
    result = _classify("".join(short[at] for at in origin))
    moved = ((item, origin[item.start], origin[item.end - 1] + 1) for item in result.evidence)
    return replace(result, evidence=tuple(Evidence(item.code, low, high, short[low:high]) for item, low, high in moved))


def _classify(text: str) -> ClassResult:
    fired, places, opinion, ranked = _weighed(text)
    scores = {code: _score(firings) for code, firings in fired.items()}
    leading, share = ranked[0]
    clear = max(scores.values(), default=0.0)
    limit = SILENT_SHORT if opinion.known < SHORT else SILENT
    empty = opinion.known < FEW or opinion.shares[words.NONE] >= limit
    if clear < FAINT and (empty or share < LIKELY):
        return ClassResult(None, (), in_scope=True, needs_more=True, evidence=())
    evidence = [item for code, _ in ranked[:3] for item in _evidence(code, fired, places, text)]
    if not any(item.code == leading for item in evidence):
        return ClassResult(None, (), in_scope=True, needs_more=True, evidence=())
    refused = {code: score**2 for code, score in scores.items() if code[0] == "N"}
    total = sum(score**2 for score in scores.values())
    return ClassResult(
        leading,
        tuple((code, round(value, 3)) for code, value in ranked[:CANDIDATES]),
        in_scope=leading[0] != "N",
        needs_more=False,
        evidence=tuple(evidence),
        grounds=tuple(sorted(((c, v / total) for c, v in refused.items()), key=lambda row: (-row[1], row[0]))),
    )


Heard = list[tuple[int, str]]
"""Index and text of the passages that count."""


def heard(passages: Sequence[Passage]) -> Heard:
    """What the class is read from: what the operator says is context of the call, not an allegation.

    Where a caller speaks, only callers count.
    """
    spoken = any(passage.speaker == "caller" for passage in passages)
    return [(i, p.text) for i, p in enumerate(passages) if p.text and not (spoken and p.speaker == "operator")]


def spans_of(parts: Heard, places: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    """Places in the passages joined by line ends as spans of the passages; cut at the end of a passage."""
    starts: list[int] = []
    place = 0
    for _, text in parts:
        starts.append(place)
        place += len(text) + 1
    found = []
    for start, end in places:
        row = bisect_right(starts, start) - 1
        index, text = parts[row]
        low, high = start - starts[row], min(end - starts[row], len(text))
        found.append(Span(index, low, high, text[low:high]))
    return tuple(found)


def suggest(passages: Sequence[Passage]) -> list[Suggestion]:
    """One suggestion "class" (absent where the text says too little) and one "scope" where refused grounds show."""
    parts = heard(passages)
    result = classify("\n".join(text for _, text in parts))
    suggestions: list[Suggestion] = []
    if result.code is None:
        return suggestions

    def spans(codes: Sequence[str]) -> tuple[Span, ...]:
        return spans_of(parts, ((item.start, item.end) for item in result.evidence if item.code in codes))

    scores = dict(result.candidates)
    suggestions.append(
        Suggestion(
            "class", result.code, PRODUCER, VERSION, scores[result.code], spans([result.code]),
            extra={
                "candidates": [list(row) for row in result.candidates],
                "in_scope": result.in_scope,
                "needs_more": result.needs_more,
            },
        )
    )  # fmt: skip
    grounds = dict(result.grounds)
    if not result.in_scope:
        grounds = {result.code: scores[result.code], **grounds}
    refused = [code for code, share in grounds.items() if share >= MENTIONED or code == result.code]
    if refused:
        suggestions.append(
            Suggestion(
                "scope",
                refused[0],
                PRODUCER,
                VERSION,
                round(grounds[refused[0]], 3),
                spans([refused[0]]),
                reason=CLASS_LABELS[refused[0]],
                extra={"leading": not result.in_scope, "grounds": refused},
            )
        )
    return suggestions
