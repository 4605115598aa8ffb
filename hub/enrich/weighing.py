"""How important a clue may be, by the dated rules of hub/law/importance.py on what the texts say (B9).

A proposal with its reason and the words behind it; a person marks a clue as important or major, or does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hub.law import importance
from hub.terms import Span, Suggestion

VERSION = "importance-1"
PRODUCER = "importance"
FIELD = "importance"
CONFIDENCE = {"major": 0.7, "important": 0.6, "ordinary": 0.5}


def suggest(found: Sequence[Suggestion], channel: str = "", day: date | None = None) -> list[Suggestion]:
    """At most one suggestion "importance", the strongest level, from what the other producers found.

    `channel`: the clue's; `day`: the rules of which day count, without one all of them.
    """
    class_code = next((str(s.value) for s in found if s.field == "class" and isinstance(s.value, str)), "")
    urgent = any(s.field == "urgency" and s.value == "特急" for s in found)
    best: tuple[int, importance.Sign, tuple[Span, ...]] | None = None
    sizes = [s for s in found if s.field == "area" and isinstance(s.value, dict)]
    named = next(((str(s.value), s.spans) for s in found if s.field == "land_kind"), ("", ()))
    kinds = [(str(s.extra.get("land_kind") or ""), float(s.value.get("m2") or 0), s.spans) for s in sizes]
    kinds = [(land if land != "unknown" else named[0], area, spans) for land, area, spans in kinds]
    kinds.append((named[0], 0.0, named[1]))
    for land, area, spans in [*kinds, ("", 0.0, ())]:
        known = importance.Known(
            class_code=class_code, channel=channel, urgent=urgent, land_kind=land, area_m2=area
        )  # fmt: skip
        for sign in importance.signs(known, day or date.max):
            rank = importance.LEVELS.index(sign.level)
            if best is None or rank > best[0]:
                best = rank, sign, spans if sign.criterion == "farmland" else _behind(sign, found)
    if best is None:
        return []
    _, sign, spans = best
    extra = {"criterion": sign.criterion}
    return [Suggestion(FIELD, sign.level, PRODUCER, VERSION, CONFIDENCE[sign.level], spans, sign.reason, extra)]


def _behind(sign: importance.Sign, found: Sequence[Suggestion]) -> tuple[Span, ...]:
    """The words behind a sign that is none of area."""
    field = "urgency" if sign.criterion == "danger" else "class"
    return next((s.spans[:4] for s in found if s.field == field), ())
