"""How alike two sketches are: features of a pair, the trained trees, and reasons per element.

The weights (data/likeness.json) are learned by `python bench/train_duplicates.py` from synthetic clues.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log1p
from pathlib import Path

from hub.enrich.likeness import Sketch

DATA = Path(__file__).parent / "data" / "likeness.json"
AGREE, CONFLICT, UNKNOWN = "agree", "conflict", "unknown"
NAMES = (
    "county", "town", "village", "village_parts", "group", "company", "company_parts", "person", "person_parts",
    "surname", "role", "respondent_kind", "class", "concept", "thing", "mineral", "area", "word", "rare", "rare_count",
    "days", "key", "agreed", "differing",
)  # fmt: skip
RISING = frozenset({"village", "village_parts", "company_parts", "person_parts", "area", "rare", "agreed", "key"})
"""Features of which more never makes a pair less alike."""
SAME, SOUND, NONE, OTHER = 1.0, 0.8, 0.3, 0.0  # of an element: equal, equal by sound, unknown, another


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
    """The features of a pair in the order of NAMES."""
    a, b = later.elements, earlier.elements
    none = _empty()

    def both(name: str) -> tuple[frozenset[int], frozenset[int]]:
        return a.get(name, none), b.get(name, none)

    village = _state(*both("village"))
    if village == OTHER and _state(*both("village_sound")) == SAME:
        village = SOUND
    company = _state(*both("company"))
    person = _state(*both("person"))
    if person == OTHER and _state(*both("person_sound")) == SAME:
        person = SOUND
    surname = _state(*both("surname"))
    company_parts, person_parts = _part(*both("company_parts")), _part(*both("person_parts"))
    left, right = both("company")[0], both("company")[1]
    accused = both("surname")
    crossed = bool(left) != bool(right) and bool(accused[0]) != bool(accused[1])  # a company here, a person there
    rare_left, rare_right = both("rare")
    states = {
        "county": _state(*both("county")), "town": _state(*both("town")), "village": village,
        "group": _state(*both("group")), "class": _state(*both("class")), "thing": _overlap(*both("thing")),
        "area": _state(*both("area")), "mineral": _state(*both("mineral")),
    }  # fmt: skip
    respondent = max(company, person, company_parts if company_parts >= 0.99 else 0.0)
    named = (bool(left) and bool(right)) or (bool(accused[0]) and bool(accused[1]))
    agreed = sum(states[name] >= SOUND for name in ("village", "town", "area", "group", "thing"))
    agreed += respondent >= SOUND
    differing = sum(states[name] == OTHER for name in ("village", "town", "area", "group", "thing", "county"))
    differing += named and respondent < SOUND and not (surname == SAME and person == NONE)
    return [
        states["county"], states["town"], village, _overlap(*both("village_parts")), states["group"], company,
        company_parts, person, person_parts, surname, _state(*both("role")), float(crossed), states["class"],
        _overlap(*both("concept")), states["thing"], states["mineral"], states["area"], _overlap(*both("word")),
        _overlap(rare_left, rare_right), float(len(rare_left & rare_right)),
        log1p(abs((later.at - earlier.at).total_seconds()) / 86_400), float(_state(*both("key")) == SAME),
        float(agreed), float(differing),
    ]  # fmt: skip


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


FAR = 0.25
"""What is left of a score between two counties that are both clear, or where nothing but the wording could agree: such
pairs are hardly met in training."""
SAME_REPORTER = 1.0
"""Log odds that the same reporter adds: in training one reports one act only, in life a neighbour reports several."""
_KEY, _AGREED, _WORD = NAMES.index("key"), NAMES.index("agreed"), NAMES.index("word")
_ALIKE = 0.6


def judge(row: Sequence[float]) -> float:
    """The score of a pair by its features, 0-1, rounded as it is shown."""
    plain = [*row[:_KEY], 0.0, *row[_KEY + 1 :]]
    score = model().score(plain, SAME_REPORTER * row[_KEY])
    empty = not row[_AGREED] and row[_WORD] < _ALIKE
    return round(score * (FAR if row[0] == OTHER or empty else 1.0), 3)


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
    return AGREE if value >= SOUND else CONFLICT if value == OTHER else UNKNOWN


def _joined(states: Sequence[str]) -> str:
    """The first named element decides where it conflicts; else one that agrees."""
    if states[0] == CONFLICT or (CONFLICT in states and AGREE not in states):
        return CONFLICT
    return AGREE if AGREE in states else UNKNOWN


def reasons(row: Sequence[float]) -> dict[str, str]:
    """Place, time, respondent, facts → agree, conflict or unknown."""
    of = dict(zip(NAMES, row, strict=True))
    company = SAME if of["company_parts"] >= 0.99 else of["company"]
    surname = of["surname"] if of["person"] == NONE else NONE
    thing = of["thing"] if of["thing"] >= 0 else NONE
    return {
        "place": _joined([_word(of[name]) for name in ("village", "town", "county", "group")]),
        "time": AGREE if of["days"] <= log1p(60) else UNKNOWN,
        "respondent": _joined([_word(company), _word(of["person"]), _word(surname)]),
        "facts": _joined([_word(SAME if thing > NONE else thing), _word(of["class"]), _word(of["mineral"])]),
    }
