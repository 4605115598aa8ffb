"""Passages in, suggestions out: the one list of producers behind `hub try`, the enrich worker and `hub evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from hub.enrich import classify, elements, extract, locations, topics, weighing
from hub.enrich.locations import Pin
from hub.jurisdiction import places
from hub.terms import Passage, Span, Suggestion

if TYPE_CHECKING:  # it needs the database's models, which `hub try` does without
    from hub.jurisdiction.scopes import LocalMatter

LOCAL = 0.9  # confidence where a filed word stands in the text
WORDS_AT_MOST = 200_000  # characters read of one clue; what is longer is kept and shown, not enriched


def produce(
    passages: Sequence[Passage],
    *,
    prior: str | None = None,
    has_evidence: bool = False,
    pins: Sequence[Pin] = (),
    channel: str = "",
    day: date | None = None,
) -> list[Suggestion]:
    """All suggestions for a clue, deterministic for the same arguments and versions.

    `prior`: division code of the receiving unit; `pins`: points its senders told; `channel`, `day`: the clue's, by
    which dated rules of topics and importance count (without a day all of them do).
    """
    shortened = _bounded(passages)
    found = [*places.suggest(shortened, prior), *classify.suggest(shortened), *extract.suggest(shortened)]
    found += [*locations.suggest(pins, shortened), *topics.suggest(shortened, day)]
    found += elements.suggest(found, shortened, has_evidence=has_evidence)
    return [*found, *weighing.suggest(found, channel, day)]


def widened(
    made: Sequence[Suggestion], passages: Sequence[Passage], matters: Sequence[LocalMatter]
) -> list[Suggestion]:
    """What the city of the clue takes in beyond the shipped lists comes first, with the words it was known by (B11)."""
    found: dict[str, Suggestion] = {}
    for matter in matters:
        spans = tuple(
            Span(number, at, at + len(word), word)
            for word in matter.words
            for number, passage in enumerate(passages)
            if (at := passage.text.find(word)) >= 0
        )
        if spans:
            value = Suggestion("class", matter.class_code, "scope.local", "1", LOCAL, spans, matter.reason)
            found.setdefault(matter.class_code, value)
    return [*found.values(), *made]


def _bounded(passages: Sequence[Passage]) -> list[Passage]:
    left, kept = WORDS_AT_MOST, []
    for passage in passages:
        kept.append(Passage(passage.text[:left], passage.ref, passage.speaker))
        left -= len(kept[-1].text)
    return kept


def headline(suggestions: Sequence[Suggestion]) -> dict[str, Any]:
    """What lists and filters show of the suggestions: division, town, ambiguous, class, missing, urgent, topics."""
    by_field: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        by_field.setdefault(suggestion.field, suggestion)
    place = by_field.get("place")
    kind, scope = by_field.get("class"), by_field.get("scope")
    missing = by_field.get("missing")
    return {
        "division": place.value.get("code") if place else None,
        "town": place.value.get("town_code") if place else None,
        "ambiguous": bool(place and place.value.get("ambiguous")),
        "class": _code(kind) or _code(scope),
        "missing": list(missing.value) if missing else [],
        "urgent": "urgency" in by_field,
        "topics": [one["code"] for one in by_field["topics"].value] if "topics" in by_field else [],
    }


def _code(suggestion: Suggestion | None) -> str | None:
    if suggestion is None:
        return None
    value = suggestion.value
    return value.get("class") if isinstance(value, dict) else value
