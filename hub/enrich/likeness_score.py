"""How alike two sketches are: features of a pair, the trained trees, and reasons per element.

The weights (data/likeness.json) are learned by `python bench/train_duplicates.py` from synthetic clues.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log1p
from pathlib import Path

from hub.enrich.likeness import Sketch

DATA = Path(__file__).parent / "data" / "likeness.json"
CROSSED = 0.1  # a company here, a person there
AGREE, CONFLICT, UNKNOWN = "agree", "conflict", "unknown"
NAMES = (
    "county", "town", "village", "village_parts", "group", "landmark", "company", "company_parts", "person",
    "person_parts", "surname", "role", "respondent", "class", "concept", "thing", "mineral", "area", "month", "word",
    "rare", "rare_count", "days", "key", "agreed", "differing", "there", "alike", "better", "equal",
)  # fmt: skip
"""The last four speak of the other rows compared: how many lie in the same village, are of the same village and deed,
agree in more elements than this one, agree in as many."""
RISING = frozenset(
    ("village", "village_parts", "landmark", "company_parts", "person_parts", "area", "month", "rare", "agreed", "key")
)
"""Features of which more never makes a pair less alike."""
FALLING = frozenset(("better", "differing"))
SAME, SOUND, SAID, PART, NONE, OTHER = 1.0, 0.8, 0.7, 0.6, 0.3, 0.0
"""Of an element: equal; by sound; named here and standing in the words there; the surname only; unknown; another."""


@cache
def _empty() -> frozenset[int]:
    return frozenset()


def _state(left: frozenset[int], right: frozenset[int]) -> float:
    if not left or not right:
        return NONE
    return SAME if left & right else OTHER


def _part(left: frozenset[int], right: frozenset[int]) -> float:
    """Share of the smaller set that the other holds; -1 where one is empty."""
    if not left or not right:
        return -1.0
    return len(left & right) / min(len(left), len(right))


def _overlap(left: frozenset[int], right: frozenset[int]) -> float:
    if not left or not right:
        return -1.0
    return 2 * len(left & right) / (len(left) + len(right))


def features(later: Sketch, earlier: Sketch) -> list[float]:
    """The features of a pair in the order of NAMES, but for the four of the others."""
    a, b = later.elements, earlier.elements
    none = _empty()

    def state(name: str, then: str = "") -> float:
        left, right = a.get(name, none), b.get(name, none)
        if then and not (left and right and left & right):
            found = _state(a.get(then, none), b.get(then, none))
            return SOUND if found == SAME else found
        return _state(left, right)

    def share(name: str) -> float:
        return _part(a.get(name, none), b.get(name, none))

    def overlap(name: str) -> float:
        return _overlap(a.get(name, none), b.get(name, none))

    def said(name: str) -> bool:
        words_a, words_b = a.get("rare", none), b.get("rare", none)
        return bool(a.get(name, none) & words_b or b.get(name, none) & words_a)

    states = {
        "county": state("county"), "town": state("town"), "village": state("village", "village_sound"),
        "group": state("group"), "landmark": state("landmark"), "thing": overlap("thing"),
        "area": state("size", "area"), "month": state("month"),
    }  # fmt: skip
    if states["village"] == NONE and said("village_said"):
        states["village"] = SAID
    company, person, surname = state("company", "company_head"), state("person", "head"), state("surname")
    company_parts = share("company_parts")
    firm, man = "company" in a, "company" in b  # names a company here, there
    crossed = (firm and not man and ("surname" in b or "role" in b)) or (
        man and not firm and ("surname" in a or "role" in a)
    )
    respondent = max(company, person if person != NONE else 0.0, SOUND if company_parts >= 0.99 else 0.0)
    if respondent < SOUND:
        if surname == SAME and person == NONE:
            respondent = PART
        elif crossed:
            respondent = CROSSED
        elif OTHER in (company, person) or (person == NONE and surname == OTHER):
            respondent = OTHER
        else:
            respondent = SAID if said("name_said") else NONE
    rare_left, rare_right = a.get("rare", none), b.get("rare", none)
    agreed = sum(value >= SAID for name, value in states.items() if name != "county") + (respondent >= PART)
    differing = sum(value == OTHER for value in states.values()) + (respondent < NONE)
    return [
        states["county"], states["town"], states["village"], overlap("village_parts"), states["group"],
        states["landmark"], company, company_parts, person, share("person_parts"), surname, state("role"), respondent,
        state("class"), overlap("concept"), states["thing"], state("mineral"), states["area"], states["month"],
        overlap("word"), _overlap(rare_left, rare_right), float(len(rare_left & rare_right)),
        log1p(abs((later.at - earlier.at).total_seconds()) / 86_400), float(_state(a.get("key", none),
        b.get("key", none)) == SAME), float(agreed), float(differing),
    ]  # fmt: skip


def table(later: Sketch, earlier: Sequence[Sketch]) -> list[list[float]]:
    """The features of a report with each of the rows it is compared with, in the order of NAMES."""
    rows = [features(later, row) for row in earlier]
    there = [row[_VILLAGE] >= SOUND for row in rows]
    alike = sum(here and row[_THING] > NONE for here, row in zip(there, rows, strict=True))
    sums = [row[_AGREED] - row[_DIFFERING] for row in rows]
    order = sorted(sums)
    for row, total in zip(rows, sums, strict=True):
        over = len(order) - bisect_right(order, total)
        same = len(order) - over - bisect_left(order, total)
        row += [log1p(sum(there)), log1p(alike), log1p(over), log1p(same - 1)]
    return rows


@dataclass(frozen=True, slots=True)
class Model:
    """Trees whose leaves add up to log odds. A node is (feature, threshold, left, right); a leaf (-1, value, 0, 0)."""

    version: str
    bias: float
    trees: tuple[tuple[tuple[int, float, int, int], ...], ...]

    def score(self, row: Sequence[float], more: float = 0.0) -> float:
        """0–1; `more`: log odds beside those of the trees."""
        total = self.bias + more
        for tree in self.trees:
            feature, value, left, right = tree[0]
            while feature >= 0:
                feature, value, left, right = tree[left if row[feature] <= value else right]
            total += value
        return 1 / (1 + exp(-max(min(total, 30.0), -30.0)))


NEAR_DAYS = 60
FAR = 0.25
"""What is left of a score between two counties that are both clear, or where nothing but the wording could agree: such
pairs are hardly met in training."""
UNSAID, ENOUGH = 0.9, 3
"""What is left where a county is not known, as a caller takes it for granted; elements that must agree for that."""
SAME_REPORTER = 1.0
"""Log odds that the same reporter adds: in training one reports one act only, in life a neighbour reports several."""
_KEY, _AGREED, _DIFFERING, _WORD, _VILLAGE, _THING = map(
    NAMES.index, ("key", "agreed", "differing", "word", "village", "thing")
)
_ALIKE = 0.6


def judge(row: Sequence[float]) -> float:
    """The score of a pair by its features, 0-1, rounded as it is shown."""
    plain = [*row[:_KEY], 0.0, *row[_KEY + 1 :]]
    unsaid = row[0] == NONE and row[_AGREED] >= ENOUGH
    plain[0] = SAME if unsaid else row[0]
    score = model().score(plain, SAME_REPORTER * row[_KEY])
    empty = not row[_AGREED] and row[_WORD] < _ALIKE
    return round(score * (FAR if row[0] == OTHER or empty else UNSAID if unsaid else 1.0), 3)


def parse(data: Mapping[str, object]) -> Model:
    """A model from its JSON. ValueError where it was made for other features."""
    if data.get("features") != list(NAMES):
        raise ValueError("the model was trained on other features: python bench/train_duplicates.py")
    trees = tuple(tuple((int(n[0]), float(n[1]), int(n[2]), int(n[3])) for n in tree) for tree in data["trees"])  # type: ignore[attr-defined]
    return Model(str(data["version"]), float(data["bias"]), trees)  # type: ignore[arg-type]


@cache
def model() -> Model:
    """The shipped model, read once."""
    return parse(json.loads(DATA.read_text("utf-8")))


def _word(value: float) -> str:
    return AGREE if value >= SAID else CONFLICT if value == OTHER else UNKNOWN


def _joined(states: Sequence[str]) -> str:
    """The first named element decides where it conflicts; else one that agrees."""
    if states[0] == CONFLICT or (CONFLICT in states and AGREE not in states):
        return CONFLICT
    return AGREE if AGREE in states else UNKNOWN


def reasons(row: Sequence[float]) -> dict[str, str]:
    """Place, time, respondent, facts → agree, conflict or unknown.

    Time: the months told decide; where none is told, reports of the same two months speak of the same time. A company
    here and a person there may be one accused or two: unknown.
    """
    of = dict(zip(NAMES, row, strict=True))
    thing = of["thing"] if of["thing"] >= 0 else NONE
    time = _word(of["month"])
    if time == UNKNOWN and of["days"] <= log1p(NEAR_DAYS):
        time = AGREE
    return {
        "place": _joined([_word(of[name]) for name in ("village", "town", "county", "group")]),
        "time": time,
        "respondent": AGREE if of["respondent"] >= PART else _word(of["respondent"]),
        "facts": _joined([_word(SAME if thing > NONE else thing), _word(of["class"]), _word(of["mineral"])]),
    }
