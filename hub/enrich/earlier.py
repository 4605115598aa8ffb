"""Duplicate and merge candidates among rows in memory: `hub try duplicates`, `hub evaluate`, training (C5, Art. 12-13).

PostgreSQL answers the same (hub/enrich/duplicates.py): the same sketches, keys, caps and scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from hub.enrich import likeness
from hub.enrich.likeness import Resolver, Sketch, moment, of_words
from hub.enrich.likeness_score import reasons, scores
from hub.settings import settings

WINDOW_DAYS = 400
NEWEST = 150  # rows looked at under one key
COMPARED = 120  # rows scored, those found under the weightiest keys
SHOWN = 5


def worth(hits: Iterable[tuple[int, float]]) -> list[int]:
    """Of (row, weight of the key it was found under) the rows to score: the weightiest first, then the newest."""
    sums: dict[int, float] = defaultdict(float)
    for row, weight in hits:
        sums[row] += weight
    return sorted(sums, key=lambda row: (-sums[row], -row))[:COMPARED]


class Index:
    """Earlier reports, found again under their keys."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.rows: list[Sketch] = []
        self._by: dict[int, list[int]] = defaultdict(list)

    def add(self, name: str, row: Sketch) -> None:
        for key, _ in row.blocks:
            self._by[key].append(len(self.rows))
        self.ids.append(name)
        self.rows.append(row)

    def found(self, row: Sketch) -> list[int]:
        """Positions of the rows to compare with, the newest first."""
        hits = [(place, weight) for key, weight in row.blocks for place in self._by.get(key, ())[-NEWEST:]]
        near = (p for p in worth(hits) if abs(row.at - self.rows[p].at).days <= WINDOW_DAYS)
        return sorted(near, reverse=True)

    def candidates(self, row: Sketch, limit: int = SHOWN, least: float | None = None) -> list[dict[str, Any]]:
        """The best earlier rows at or above the threshold, best first, the newer of equals first."""
        least = settings().duplicate_threshold if least is None else least
        places = self.found(row)
        scored = []
        for place, (score, pair) in zip(places, scores(row, [self.rows[place] for place in places]), strict=True):
            if score >= least:
                scored.append((score, place, pair))
        scored.sort(key=lambda one: (-one[0], -one[1]))
        return [
            {"id": self.ids[place], "score": score, "kind": kind(row, self.rows[place]), "reasons": reasons(pair)}
            for score, place, pair in scored[:limit]
        ]


def kind(row: Sketch, other: Sketch) -> str:
    """The same reporter by equal keys: "duplicate"; anybody else: "merge"."""
    same = row.elements.get("key", frozenset()) & other.elements.get("key", frozenset())
    return "duplicate" if same else "merge"


def read(row: Mapping[str, Any], resolve: Resolver | None) -> Sketch:
    """The sketch of a row {"id","text","received_at","reporter_key"?,"unit"?}; ValueError without id or time."""
    if "id" not in row or "received_at" not in row:
        raise ValueError("a row needs id, text and received_at")
    key, unit = row.get("reporter_key"), row.get("unit")
    text, prior = str(row.get("text") or ""), str(unit) if unit else None
    words = likeness.read(text, resolve, keys=[str(key)] if key else [], prior=prior)
    return of_words(words, moment(row["received_at"]))


def candidates(
    rows: Iterable[Mapping[str, Any]], resolve: Resolver | None = None, limit: int = SHOWN
) -> list[dict[str, Any]]:
    """The answer of `hub try duplicates` (PRODUCT §11): per row its candidates among the rows before it.

    Raises ValueError for a row without id or with an unreadable time.
    """
    index = Index()
    answers: list[dict[str, Any]] = []
    for row in rows:
        current = read(row, resolve)
        answers.append({"id": row["id"], "candidates": index.candidates(current, limit)})
        index.add(str(row["id"]), current)
    return answers
