"""Text → the division where the violation happened, or the candidates when the text leaves it open.

Method: every name (full, short, past, town; by sound too) is found in one pass, neighbours are read together
(内蒙古 · 五原县 · 隆兴昌镇), each reading is weighed by what supports it and by the words around it (地点, 位于 against
家住, 户口, 有限公司), and a rival close behind makes the result ambiguous instead of a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from typing import Any

from hub.jurisdiction import place_detail
from hub.jurisdiction.divisions import short_code
from hub.jurisdiction.place_match import mentions
from hub.jurisdiction.place_names import Names, names
from hub.jurisdiction.place_score import Chain, Ranked, chains, rank, rivals
from hub.jurisdiction.place_text import Folded, fold
from hub.terms import Passage, Span, Suggestion

PRODUCER = "place"
VERSION = "5"
MAX_TEXT = 1 << 20
"""Characters that are read of one text; the rest of a longer one is ignored."""
_MAX_CANDIDATES = 12
_SHOWN = 0.33
"""Candidates below this share of the best are noise."""
_OPERATOR = 0.35
"""An operator asks and repeats: what only she says counts a third."""
_LEVEL_NAMES = {"province": "省", "city": "市", "county": "县", "": ""}


@dataclass(frozen=True, slots=True)
class Candidate:
    code: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class PlaceResult:
    """What was found. `code`, `name`, `level` are None where nothing was, or where equal candidates share no area.

    With `ambiguous` the code is only the best guess, or the area that all equal candidates share: a person chooses
    among `candidates`. `spans`: (start, end, text) in the text as given. `town`, `village`, `group`: as named, "" if
    not; `town_code` has 9 digits. `reason` is a Chinese sentence for the screen.
    """

    code: str | None = None
    name: str | None = None
    level: str | None = None
    ambiguous: bool = False
    confidence: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    spans: tuple[tuple[int, int, str], ...] = ()
    town: str = ""
    town_code: str = ""
    village: str = ""
    group: str = ""
    reason: str = "未找到地名"
    passages: tuple[int, ...] = ()
    """The passage of each span, in `suggest`."""

    def as_json(self) -> dict[str, Any]:
        """The `place` object of `hub try` and of suggestions."""
        return {
            "code": self.code,
            "name": self.name,
            "level": self.level,
            "ambiguous": self.ambiguous,
            "confidence": self.confidence,
            "candidates": [{"code": c.code, "name": c.name, "score": c.score} for c in self.candidates],
            "spans": [list(span) for span in self.spans],
            "town": self.town,
            "town_code": self.town_code,
            "village": self.village,
            "group": self.group,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class _Read:
    """A text with its chains."""

    text: str
    folded: Folded
    chains: list[Chain]


class Resolver:
    """Finds places in text. Building the first takes about a second, later ones share the index; thread-safe."""

    def __init__(self, index: Names | None = None) -> None:
        self._names = index or names()

    def resolve(self, text: str, prior: str | None = None) -> PlaceResult:
        """The place of a text. `prior`: code of the receiving unit's division; it decides between namesakes only."""
        read = self._read(text)
        return self._result([read], [1.0], prior)

    def resolve_passages(self, passages: Sequence[Passage], prior: str | None = None) -> PlaceResult:
        """The place that several passages speak of together; `passages` of the result names where each span stands."""
        budget = MAX_TEXT
        reads = []
        for passage in passages:
            reads.append(self._read(passage.text[:budget]))
            budget = max(0, budget - len(passage.text))
        return self._result(reads, [_OPERATOR if p.speaker == "operator" else 1.0 for p in passages], prior)

    def _read(self, text: str) -> _Read:
        folded = fold(text[:MAX_TEXT])
        return _Read(text, folded, chains(self._names, folded.text, mentions(self._names, folded.text)))

    def _result(self, reads: list[_Read], weights: list[float], prior: str | None) -> PlaceResult:
        found: list[Chain] = []
        scale: list[float] = []
        for number, (read, weight) in enumerate(zip(reads, weights, strict=True)):
            for chain in read.chains:
                chain.passage = number
                found.append(chain)
                scale.append(weight)
        if not found:
            details = (place_detail.read(read.folded.text, 0) for read in reads)
            detail = next((d for d in details if d.village or d.group), place_detail.Detail())
            return PlaceResult(village=detail.village, group=detail.group)
        ranked = rank(self._names, found, self._prior(prior), scale)
        top = self._deepest(ranked)
        return self._describe(reads, ranked, top, rivals(self._names, ranked, top))

    def _prior(self, code: str | None) -> str | None:
        if not code:
            return None
        rows = self._names.divisions.current(short_code(code))
        row = rows[0] if rows else None
        return (row.parent if row.level == "town" else row.code) if row else None

    def _related(self, first: str, second: str) -> bool:
        above = self._names.above
        return first in above[second] or second in above[first]

    def _deepest(self, ranked: list[Ranked]) -> Ranked:
        """The best, or what lies in it and is named nearly as strongly."""
        top = ranked[0]
        for other in ranked[1:]:
            if other.score < 0.42 * ranked[0].score:
                break
            if other.code != top.code and top.code in self._names.above[other.code]:
                top = other
        return top

    def _describe(self, reads: list[_Read], ranked: list[Ranked], top: Ranked, close: list[Ranked]) -> PlaceResult:
        least = _SHOWN * top.score
        others = (r for r in ranked if r is not top and r.code not in self._names.above[top.code])
        shown = [top, *(r for r in others if r.score >= least)]
        candidates = tuple(
            Candidate(r.code, self._names.divisions.path(r.code), round(r.score, 3)) for r in shown[:_MAX_CANDIDATES]
        )
        code: str | None = top.code
        equal = [r.code for r in close if r.score >= 0.97 * top.score]
        if equal:
            code = self._shared([top.code, *equal])
        spans, places = self._spans(reads, [top, *close])
        read = reads[top.chain.passage]
        last = top.chain.mentions[-1]
        town_code = "" if close and equal else self._town(top, reads)
        town = self._names.divisions.get(town_code) if town_code else None
        detail = place_detail.read(read.folded.text, last.end)
        doubt = _doubt(top, town.name if town else "", read.folded.text)
        if not detail.village and len(reads) > 1:
            detail = self._other_detail(reads, top.chain.passage) or detail
        return PlaceResult(
            code=code,
            name=self._names.divisions.path(code) if code else None,
            level=self._names.level[code] if code else None,
            ambiguous=bool(close) or bool(doubt),
            confidence=self._confidence(top, close, ranked, doubt),
            candidates=candidates,
            spans=spans,
            town=town.name if town else "",
            town_code=town_code,
            village=place_detail.below(detail.village, self._inside(code, town.name if town else "")),
            group=detail.group,
            reason=doubt if doubt and not close else self._reason(top, close, town.name if town else ""),
            passages=places,
        )

    def _inside(self, code: str | None, town: str) -> list[str]:
        """Names that may be said again before the village: the town and what it lies in."""
        return [town, *reversed(self._names.divisions.path(code).split("/"))] if code and town else [town]

    def _other_detail(self, reads: list[_Read], done: int) -> place_detail.Detail | None:
        for number, read in enumerate(reads):
            if number != done and (detail := place_detail.read(read.folded.text, len(read.folded.text))).village:
                return detail
        return None

    def _shared(self, codes: list[str]) -> str | None:
        first = self._names.above[codes[0]]
        return next((up for up in first if all(up in self._names.above[c] for c in codes)), None)

    def _town(self, top: Ranked, reads: list[_Read]) -> str:
        for mention in reversed(top.chain.mentions):
            if top.code in mention.towns and mention.nodes.get(top.code):
                return mention.towns[top.code]
        apart = {  # 加义镇…，平江县也没人管: the only town written in full, said away from its county
            mention.towns[top.code]
            for read in reads
            for chain in read.chains
            for mention in chain.mentions
            if mention.full and not mention.heard and top.code in mention.towns
        }
        return apart.pop() if len(apart) == 1 else ""

    def _spans(
        self, reads: list[_Read], shown: list[Ranked]
    ) -> tuple[tuple[tuple[int, int, str], ...], tuple[int, ...]]:
        spans = []
        places = []
        line = {up for one in shown for up in self._names.above[one.code]}
        for number, read in enumerate(reads):
            for chain in read.chains:
                for mention in chain.mentions:
                    if not line.isdisjoint(mention.nodes):
                        start, end = read.folded.span(mention.start, mention.end)
                        spans.append((start, end, read.text[start:end]))
                        places.append(number)
        return tuple(spans), tuple(places)

    def _confidence(self, top: Ranked, close: list[Ranked], ranked: list[Ranked], doubt: str) -> float:
        evidence = 1.0 - exp(-1.6 * top.score)
        second = next((r.score for r in ranked if not self._related(r.code, top.code)), 0.0)
        value = evidence * (0.6 + 0.4 * max(0.0, 1.0 - second / top.score))
        if close or doubt:
            value = min(0.5, value / (1 + len(close)) + 0.1)
        if all(m.heard for m in top.chain.mentions):
            value *= 0.8
        return round(min(0.99, value), 3)

    def _reason(self, top: Ranked, close: list[Ranked], town: str) -> str:
        if close:
            return f"有 {len(close) + 1} 个可能的地点，请人工选定"
        parts = []
        if len(top.chain.mentions) > 1:
            parts.append("上下级地名相互印证")
        if town:
            parts.append(f"{town}属于该地")
        if any(m.heard for m in top.chain.mentions):
            parts.append("按读音识别")
        if top.chain.cue == "地点":
            parts.append("前有地点提示词")
        if top.chain.cue == "单位名称":
            parts.append("仅见于单位名称")
        if top.chain.cue in ("住址", "来处"):
            parts.append("仅见于住址或来处")
        return "；".join(parts) or "按地名识别"

    def suggest(self, passages: Sequence[Passage], prior: str | None = None) -> list[Suggestion]:
        """The place as a suggestion, none where nothing was found."""
        result = self.resolve_passages(passages, prior)
        if not result.candidates:
            return []
        spans = tuple(
            Span(number, start, end, text)
            for number, (start, end, text) in zip(result.passages, result.spans, strict=True)
        )
        value = result.as_json()
        return [Suggestion("place", value, PRODUCER, VERSION, result.confidence, spans, result.reason)]


def _doubt(top: Ranked, town: str, text: str) -> str:
    """Why a person should look even where nothing rivals the best."""
    if top.chain.cue == "修饰":
        return "地名似作修饰语，请人工核对"
    mention = top.chain.mentions[0]
    alone = len(top.chain.mentions) == 1 and mention.town and not mention.heard and top.score < 1.0
    if alone and town and text[mention.start : mention.end] != town:
        return f"仅有乡镇名，与名录中的{town}不尽相同，请人工核对"
    return ""


@cache
def resolver() -> Resolver:
    """The shared resolver."""
    return Resolver()


def suggest(passages: Sequence[Passage], prior: str | None = None) -> list[Suggestion]:
    """Place suggestions of passages: field "place", the value is `PlaceResult.as_json()`."""
    return resolver().suggest(passages, prior)
