"""Classes learned from this hub's own confirmed decisions: what stands beside the rules where it proved better (B3).

Of a label at most one version is adopted (`hub learn`). It corrects the share that rules and word weights give the
label by the weights of single words, so every change can be traced to words of the text. The table holds keyed numbers
instead of words; what names people, companies, places and telephones is masked before a word is read.
HUB_LEARNED_CLASSES switches all of it off. The rules' own suggestion always stays beside the learned one.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.sealing import derived
from hub.enrich import classify
from hub.enrich.extract import MASK, extract
from hub.jurisdiction.places import resolver
from hub.models import LearnedModel
from hub.settings import settings
from hub.terms import CLASS_LABELS, Passage, Suggestion

PRODUCER = "class.learned"
VERSION = "learned-1"
LONGEST = 3  # characters of a word
MAX_TEXT = 20_000  # characters read; what a report is about stands at its head
FLOOR = 0.002  # share a class keeps at least, so that words can bring it back
SPEAKS = 0.6  # share from which a learned class speaks where the rules ask for more
SHOWN = 6  # words shown
STRONGEST = 12.0  # log odds a text can gain or lose
_CHINESE = re.compile("[\u4e00-\u9fff]+")

Features = dict[int, tuple[int, int]]
"""Keyed number of a word → its first place in the text."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The adopted classifier of one label."""

    label: str
    version: int
    bias: float
    weights: Mapping[int, float]
    positives: int = 0
    rules_score: float = 0.0
    learned_score: float = 0.0

    def change(self, features: Mapping[int, object]) -> float:
        """Log odds that the words add to the share of the label."""
        total = sum(self.weights.get(number, 0.0) for number in features) / sqrt(max(1, len(features)))
        return max(-STRONGEST, min(STRONGEST, self.bias + total))


def reader() -> str:
    """What models must have been learned with: the correction is one of these rules and these words."""
    return f"{VERSION}/{classify.VERSION}"


@lru_cache(maxsize=200_000)
def keyed(word: str) -> int:
    """The number of a word: nothing is learned from the table without the key file."""
    return int.from_bytes(hmac.digest(derived("learning"), word.encode("utf-8", "surrogatepass"), "sha256")[:4])


def masked(text: str) -> str:
    """The text in one writing, of the same length, without what names a person, a company, a place or a number."""
    short = text[:MAX_TEXT]
    found = extract(short)
    place = resolver().resolve(short)
    spans = [(row.start, row.end) for row in (*found.phones, *found.ids)]
    spans += [(row.start, row.end) for row in (*found.reporters, *found.respondents, *found.organisations)]
    spans += [(start, end) for start, end, _ in place.spans]
    for name in (place.village, place.town):
        if name and (at := short.find(name)) >= 0:
            spans.append((at, at + len(name)))
    characters = list(classify.book().lexicon.normal(short))
    for start, end in spans:
        characters[start:end] = MASK * (min(end, len(characters)) - start)
    return "".join(characters)


def features(text: str) -> Features:
    """Every run of one to three Chinese characters outside the mask, by keyed number."""
    found: Features = {}
    for run in _CHINESE.finditer(masked(text)):
        words, start = run[0], run.start()
        for size in range(1, LONGEST + 1):
            for at in range(len(words) - size + 1):
                found.setdefault(keyed(words[at : at + size]), (start + at, start + at + size))
    return found


def combined(shares: Mapping[str, float], changes: Mapping[str, float]) -> list[tuple[str, float]]:
    """The shares of the classes after the learned corrections, best first."""
    odds = {code: max(share, FLOOR) * exp(changes.get(code, 0.0)) for code, share in shares.items()}
    total = sum(odds.values())
    return sorted(((code, value / total) for code, value in odds.items()), key=lambda row: (-row[1], row[0]))


def pack(bias: float, weights: Mapping[int, float]) -> bytes:
    """A model as bytes: bias, then keyed numbers, then their weights."""
    numbers = sorted(weights)
    return struct.pack(f"<f{len(numbers)}I{len(numbers)}f", bias, *numbers, *(weights[n] for n in numbers))


def unpack(data: bytes) -> tuple[float, dict[int, float]]:
    """(bias, weights) of `pack`. ValueError where the bytes are none."""
    count, rest = divmod(len(data) - 4, 8)
    if rest or count < 0:
        raise ValueError("not a learned model")
    bias, *values = struct.unpack(f"<f{count}I{count}f", data)
    return bias, dict(zip(values[:count], values[count:], strict=True))


@lru_cache(maxsize=4)
def _lessons(rows: tuple[tuple[str, int, bytes, int, float, float], ...]) -> tuple[Lesson, ...]:
    made = []
    for label, version, data, positives, rules_score, learned_score in rows:
        bias, weights = unpack(data)
        made.append(Lesson(label, version, bias, weights, positives, rules_score, learned_score))
    return tuple(made)


def adopted(session: Session) -> tuple[Lesson, ...]:
    """The adopted classifiers made with this reader; none where learning is switched off."""
    if not settings().learned_classes:
        return ()
    columns = (LearnedModel.label, LearnedModel.version, LearnedModel.weights, LearnedModel.positives,
               LearnedModel.rules_score, LearnedModel.learned_score)  # fmt: skip
    query = select(*columns).where(LearnedModel.state == "adopted", LearnedModel.reader == reader())
    rows = session.execute(query.order_by(LearnedModel.label)).all()
    return _lessons(tuple(tuple(row) for row in rows))


def answer(text: str, lessons: Sequence[Lesson]) -> tuple[str | None, list[tuple[str, float]], dict[str, float]]:
    """(class or None where more is needed, shares best first, change of each learned label) of a text."""
    found = features(text)
    changes = {lesson.label: lesson.change(found) for lesson in lessons}
    ranked = combined(classify.shares(text), changes)
    code, share = ranked[0]
    if classify.classify(text).needs_more and (code not in changes or share < SPEAKS):
        return None, ranked, changes
    return code, ranked, changes


def widened(made: Sequence[Suggestion], passages: Sequence[Passage], lessons: Sequence[Lesson]) -> list[Suggestion]:
    """The suggestions with the learned class in front where it differs from the rules'; both stand with their words."""
    if not lessons:
        return list(made)
    heard = classify.heard(passages)
    text = "\n".join(words for _, words in heard)
    code, ranked, changes = answer(text, lessons)
    ruled = next((s.value for s in made if s.field == "class" and s.producer == classify.PRODUCER), None)
    if code is None or code == ruled:
        return list(made)
    moved = code if changes.get(code, 0.0) > 0 else str(ruled)
    lesson = next((one for one in lessons if one.label == moved), None)
    if lesson is None:
        return list(made)
    spans = classify.spans_of(heard, _words(text, lesson, up=moved == code))
    against = "" if moved == code else f"，不像{CLASS_LABELS[moved]}"
    reason = (
        f"按已认定的 {lesson.positives} 件{CLASS_LABELS[lesson.label]}学得{against}"
        f"（交叉验证 F1 {lesson.learned_score:.2f}，规则 {lesson.rules_score:.2f}）"
    )
    extra = {
        "candidates": [[name, round(share, 3)] for name, share in ranked[: classify.CANDIDATES]],
        "in_scope": code[0] != "N", "needs_more": False,
        "learned": {one.label: one.version for one in lessons}, "change": round(changes[moved], 2),
    }  # fmt: skip
    version = f"{reader()}/{lesson.label}-{lesson.version}"
    share = dict(ranked)[code]
    return [Suggestion("class", code, PRODUCER, version, round(share, 3), spans, reason, extra), *made]


def _words(text: str, lesson: Lesson, *, up: bool) -> list[tuple[int, int]]:
    """The places of the words that moved the label most, in order, touching ones joined."""
    sign = 1 if up else -1
    gains = [(sign * lesson.weights.get(number, 0.0), span) for number, span in features(text).items()]
    best = sorted((gain for gain in gains if gain[0] > 0 and gain[1][1] - gain[1][0] > 1), key=lambda g: (-g[0], g[1]))
    return joined(span for _, span in best[:SHOWN])


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order of place, touching and overlapping ones as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def logit(share: float) -> float:
    """Log odds of a share, kept finite as `combined` keeps it."""
    held = min(max(share, FLOOR), 1 - FLOOR)
    return log(held / (1 - held))
