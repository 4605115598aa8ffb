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
from typing import Any

from hub.enrich.likeness import Sketch

DATA = Path(__file__).parent / "data" / "likeness.json"
CROSSED = 0.1  # a company here, a person there
AGREE, CONFLICT, UNKNOWN = "agree", "conflict", "unknown"
NAMES = (
    "county", "town", "village", "village_parts", "group", "landmark", "company", "company_parts", "trade", "person",
    "person_parts", "surname", "role", "respondent", "class", "field", "concept", "thing", "mineral", "area", "bulk",
    "month", "word", "rare", "rare_count", "days", "key", "agreed", "differing", "known", "there", "alike", "named",
    "marked", "rows", "better", "equal",
)  # fmt: skip
"""The last seven speak of the other rows compared: how many lie in the same village, are of the same village and deed,
name the same accused, the same landmark, how many there are, agree in more elements than this one, agree in as many."""
AMONG = (
    "first", "rank", "margin", "best", "bridge", "fellows", "against", "likely",
)  # fmt: skip
"""What the second look adds of a report's likeliest rows: log odds of the first look, place in their order, distance
to the best other, the best; the strongest way to it over another row, rows of the same act by both looks, the
likeliest row that speaks of something else, how many are likely."""
RISING = frozenset(
    ("village", "village_parts", "landmark", "company_parts", "person_parts", "area", "bulk", "month", "rare", "agreed",
     "key", "trade", "first", "bridge")
)  # fmt: skip
"""Features of which more never makes a pair less alike."""
FALLING = frozenset(("better", "differing", "against"))
SAME, SOUND, SAID, PART, NEAR, NONE, OTHER = 1.0, 0.8, 0.7, 0.6, 0.5, 0.3, 0.0
"""Of an element: equal; by sound; named here and standing in the words there; the surname only; a name that differs in
its last character; unknown; another."""


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
    """The features of a pair in the order of NAMES, but for those of the others."""
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
    company_parts, person_parts = share("company_parts"), share("person_parts")
    if person == SOUND and 0 <= person_parts < WHOLE:
        person = NEAR  # 卢花桂 and 卢花翠
    trade = state("trade") if company >= SOUND else NONE
    firm, man = "company" in a, "company" in b  # names a company here, there
    crossed = (firm and not man and ("surname" in b or "role" in b)) or (
        man and not firm and ("surname" in a or "role" in a)
    )
    respondent = max(company, person if person != NONE else 0.0, SOUND if company_parts >= WHOLE else 0.0)
    if respondent < SOUND:
        if person == NEAR:
            respondent = NEAR
        elif surname == SAME and person == NONE:
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
    known = sum(bool(a.get(name)) + bool(b.get(name)) for name in ("town", "village", "landmark", "area", "surname"))
    known += firm + man
    return [
        states["county"], states["town"], states["village"], overlap("village_parts"), states["group"],
        states["landmark"], company, company_parts, trade, person, person_parts, surname, state("role"), respondent,
        state("class"), state("field"), overlap("concept"), states["thing"], state("mineral"), states["area"],
        state("bulk"), states["month"], overlap("word"), _overlap(rare_left, rare_right),
        float(len(rare_left & rare_right)), log1p(abs((later.at - earlier.at).total_seconds()) / 86_400),
        float(_state(a.get("key", none),
        b.get("key", none)) == SAME), float(agreed), float(differing), float(known),
    ]  # fmt: skip


def table(later: Sketch, earlier: Sequence[Sketch]) -> list[list[float]]:
    """The features of a report with each of the rows it is compared with, in the order of NAMES."""
    rows = [features(later, row) for row in earlier]
    there = [row[_VILLAGE] >= SOUND for row in rows]
    alike = sum(here and row[_THING] > NONE for here, row in zip(there, rows, strict=True))
    sums = [row[_AGREED] - row[_DIFFERING] for row in rows]
    named = log1p(sum(row[_RESPONDENT] >= SOUND for row in rows))
    marked = log1p(sum(row[_LANDMARK] >= SOUND for row in rows))
    order = sorted(sums)
    for row, total in zip(rows, sums, strict=True):
        over = len(order) - bisect_right(order, total)
        same = len(order) - over - bisect_left(order, total)
        row += [log1p(sum(there)), log1p(alike), named, marked, log1p(len(rows)), log1p(over), log1p(same - 1)]
    return rows


def among(rows: Sequence[Sequence[float]], firsts: Sequence[float], others: Sequence[Sketch]) -> list[list[float]]:
    """The features of the second look at a report's likeliest rows (best first), in the order of NAMES and AMONG.

    `firsts`: their log odds. Rows of one act stand together: what agrees with one of them agrees with all, and two
    rows that speak of different things are not both meant.
    """
    size = len(rows)
    links = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i):
            pair = features(others[i], others[j])
            pair += [*rows[max(i, j)][_THERE:_BETTER], 0.0, 0.0]
            links[i][j] = links[j][i] = min(max(first(pair), -LIMIT), LIMIT)
    chances = [1 / (1 + exp(-min(max(value, -LIMIT), LIMIT))) for value in firsts]
    made = []
    for i, row in enumerate(rows):
        rest = [j for j in range(size) if j != i]
        made.append([
            *row, firsts[i], float(i), firsts[i] - max((firsts[j] for j in rest), default=-LIMIT), firsts[0],
            max((min(firsts[j], links[i][j]) for j in rest), default=-LIMIT),
            sum(chances[j] for j in rest if links[i][j] > 0),
            max((min(firsts[j], -links[i][j]) for j in rest), default=-LIMIT),
            sum(chances),
        ])  # fmt: skip
    return made


def scores(later: Sketch, earlier: Sequence[Sketch]) -> list[tuple[float, list[float]]]:
    """(score, features) of a report with each of the rows it is compared with: 0-1, rounded as it is shown.

    The LOOKED likeliest are looked at twice; of the rest the score is what LESS leaves of the first look.
    """
    rows = table(later, earlier)
    return list(zip(weigh(rows, later, earlier), rows, strict=True))


def weigh(rows: Sequence[Sequence[float]], later: Sketch, earlier: Sequence[Sketch]) -> list[float]:
    """The scores of the rows of `table`."""
    best, firsts = likeliest(rows)
    found = [round(LESS * _weighed(row, value), 3) for row, value in zip(rows, firsts, strict=True)]
    second = among([rows[place] for place in best], [firsts[p] for p in best], [earlier[p] for p in best])
    for place, row in zip(best, second, strict=True):
        score = _weighed(rows[place], model("second").log_odds(plain(row)))
        away = ("aside" in later.elements) != ("aside" in earlier[place].elements)
        found[place] = round(score * (AWAY if away else 1), 3)
    return found


def likeliest(rows: Sequence[Sequence[float]]) -> tuple[list[int], list[float]]:
    """(places of the rows to look at twice, the likeliest first; log odds of all at the first look)."""
    firsts = [first(row) for row in rows]
    order = sorted(range(len(rows)), key=lambda place: (-firsts[place], place))
    return [place for place in order[:LOOKED] if firsts[place] > LEAST], firsts


@dataclass(frozen=True, slots=True)
class Model:
    """Trees whose leaves add up to log odds. A node is (feature, threshold, left, right); a leaf (-1, value, 0, 0)."""

    version: str
    bias: float
    trees: tuple[tuple[tuple[int, float, int, int], ...], ...]

    def log_odds(self, row: Sequence[float]) -> float:
        total = self.bias
        for tree in self.trees:
            feature, value, left, right = tree[0]
            while feature >= 0:
                feature, value, left, right = tree[left if row[feature] <= value else right]
            total += value
        return total


LOOKED, LEAST, LESS, LIMIT = 8, -4.6, 0.1, 12.0
"""Rows looked at twice, all above these log odds; what is left of the others' scores; where log odds are cut off."""
WHOLE = 0.99
NEAR_DAYS = 60
FAR = 0.25
"""What is left of a score between two counties that are both clear, or where nothing but the wording could agree: such
pairs are hardly met in training."""
AWAY = 0.5
"""What is left where only one of two reports speaks of money or a quarrel: the same accused, another matter."""
UNSAID, ENOUGH = 0.9, 3
"""What is left where a county is not known, as a caller takes it for granted; elements that must agree for that."""
SAME_REPORTER = 1.0
"""Log odds that the same reporter adds: in training one reports one act only, in life a neighbour reports several."""
_KEY, _AGREED, _DIFFERING, _WORD, _VILLAGE, _THING, _RESPONDENT, _LANDMARK, _THERE, _BETTER = map(
    NAMES.index,
    ("key", "agreed", "differing", "word", "village", "thing", "respondent", "landmark", "there", "better"),
)
_ALIKE = 0.6


def plain(row: Sequence[float]) -> list[float]:
    """A row as the trees see it: whoever reports, and in the same county where none is told and much agrees."""
    return [SAME if _unsaid(row) else row[0], *row[1:_KEY], 0.0, *row[_KEY + 1 :]]


def _unsaid(row: Sequence[float]) -> bool:
    return row[0] == NONE and row[_AGREED] >= ENOUGH


def first(row: Sequence[float]) -> float:
    """Log odds of a pair at the first look, without its company among the likeliest rows."""
    return model("first").log_odds(plain(row))


def _weighed(row: Sequence[float], odds: float) -> float:
    """A score from log odds: the same reporter raises it, two counties and mere wording lower it."""
    score = 1 / (1 + exp(-max(min(odds + SAME_REPORTER * row[_KEY], 30.0), -30.0)))
    empty = not row[_AGREED] and row[_WORD] < _ALIKE
    return score * (FAR if row[0] == OTHER or empty else UNSAID if _unsaid(row) else 1.0)


def parse(data: Mapping[str, Any], look: str) -> Model:
    """A model from its JSON. ValueError where it was made for other features."""
    part = data.get(look, {})
    if part.get("features") != list(NAMES if look == "first" else (*NAMES, *AMONG)):
        raise ValueError("the model was trained on other features: python bench/train_duplicates.py")
    trees = tuple(tuple((int(n[0]), float(n[1]), int(n[2]), int(n[3])) for n in tree) for tree in part["trees"])
    return Model(str(data["version"]), float(part["bias"]), trees)


@cache
def model(look: str = "first") -> Model:
    """The shipped model of the "first" or the "second" look, read once."""
    return parse(json.loads(DATA.read_text("utf-8")), look)


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
