"""Points that senders told (WeChat location, the telephone's own position) as suggestions in CGCS2000 (B2).

WeChat sends GCJ-02, browsers WGS 84. What was sent stays beside the converted point, with the part it came in. A point
says where the sender pinned or stood; which division that is, a person reads from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.jurisdiction.place_coordinates import CGCS2000, GCJ02, WGS84, convert
from hub.terms import Passage, Span, Suggestion

VERSION = "location-1"
PRODUCER = "location"
FIELD = "location"
DIGITS = 6  # of a degree: a tenth of a metre
PINNED, STOOD = 0.8, 0.6
"""A place chosen on the map, and where the sender's telephone was."""
SOURCES = {GCJ02: "微信位置", WGS84: "手机定位", CGCS2000: "地图标点"}
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pin:
    """A point as sent, in degrees. `passage`: index of the passage that holds its words, -1 for none."""

    latitude: float
    longitude: float
    system: str
    label: str = ""
    passage: int = -1


def suggest(pins: Iterable[Pin], passages: Sequence[Passage] = ()) -> list[Suggestion]:
    """One suggestion a point; what is no point on Earth, or of an unknown system, gives none."""
    found: dict[str, Suggestion] = {}
    for pin in pins:
        try:
            latitude, longitude = convert(pin.latitude, pin.longitude, pin.system, CGCS2000)
        except (ValueError, TypeError):
            continue
        text = passages[pin.passage].text if 0 <= pin.passage < len(passages) else ""
        value = {
            "lat": round(latitude, DIGITS), "lon": round(longitude, DIGITS), "system": CGCS2000, "label": pin.label,
            "given": {"lat": pin.latitude, "lon": pin.longitude, "system": pin.system},
        }  # fmt: skip
        source = SOURCES[pin.system]
        moved = "，已由 GCJ-02 换算" if pin.system == GCJ02 else ""
        spans = (Span(pin.passage, 0, len(text), text),) if text else ()
        confidence = STOOD if pin.system == WGS84 else PINNED
        made = Suggestion(
            FIELD, value, PRODUCER, VERSION, confidence, spans, f"{source}{moved}", {"source": source}
        )  # fmt: skip
        found.setdefault(repr(value), made)
    return list(found.values())[:SHOWN]
