"""A plan: points at their true directions and distances in a picture without ground, borders or network (ADR 0021).

Positions are hundredths of a picture that is 4 wide and 3 high whatever its size; sizes of marks are in pixels, so that
words and marks stay readable on a phone. Nothing here knows of clues.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import cos, floor, hypot, log10, radians

WIDE, HIGH = 4.0, 3.0  # sides of the picture
EDGE = 10.0  # hundredths kept free at each side
SMALLEST = 0.02  # degrees the picture spans at least: 2 km
KILOMETRES = 111.32  # of a degree of latitude
DESK, PHONE = (500.0, 375.0), (320.0, 240.0)  # pixels of a picture, for where words fit
MIDDLE = (400.0, 300.0)  # for which marks are pushed apart
ROUNDS, PUSHED = 12, 60  # how often, and of how many at most
LETTER, LINE = 13.0, 16.0  # pixels of a Chinese character, of a line


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to draw. `size`: radius in pixels; `number`: words inside it; `tone`: its colour; `key`: what it is."""

    latitude: float
    longitude: float
    label: str = ""
    key: str = ""
    tone: str = ""
    size: float = 4.0
    number: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A mark in its place: `x`, `y` in hundredths of the picture. `words`: "always", "desk" where a phone has no room
    for its label, "" where nothing has; `up`: the label stands above it.
    """

    mark: Mark
    x: float
    y: float
    words: str = ""
    up: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A picture to draw, the largest marks first. `scale`: hundredths of the width that `kilometres` take."""

    spots: tuple[Spot, ...]
    scale: float
    kilometres: float

    @property
    def empty(self) -> bool:
        return not self.spots

    @property
    def distance(self) -> str:
        """The length of the scale in words."""
        return f"{self.kilometres:g} 公里" if self.kilometres >= 1 else f"{self.kilometres * 1000:g} 米"


def draw(marks: Iterable[Mark]) -> Plan:
    """Where each mark stands; the picture holds them all. One point alone stands in the middle."""
    given = list(marks)
    if not given:
        return Plan((), 0.0, 0.0)
    norths, easts = [one.latitude for one in given], [one.longitude for one in given]
    middle = (min(norths) + max(norths)) / 2, (min(easts) + max(easts)) / 2
    narrow = max(0.2, cos(radians(middle[0])))  # a degree of longitude against one of latitude
    room = 1 - 2 * EDGE / 100
    span = max(
        (max(norths) - min(norths)) / room, (max(easts) - min(easts)) * narrow * HIGH / WIDE / room, SMALLEST
    )  # degrees of latitude from top to bottom  # fmt: skip
    spots = []
    for one in given:
        x = 50 + 100 * (one.longitude - middle[1]) * narrow / span * HIGH / WIDE
        y = 50 - 100 * (one.latitude - middle[0]) / span
        spots.append(Spot(one, round(x, 2), round(y, 2)))
    spots = _apart(spots)
    across = span * KILOMETRES * WIDE / HIGH
    length = _round(across / 5)
    return Plan(tuple(_labelled(sorted(spots, key=_importance))), round(100 * length / across, 2), length)


def _apart(spots: Sequence[Spot]) -> list[Spot]:
    """Marks with numbers pushed off one another, so that each can be read: seats of a city's districts lie close."""
    found = list(spots)
    held = [at for at, spot in enumerate(found) if spot.mark.number]
    if len(held) > PUSHED:
        return found
    for _ in range(ROUNDS):
        for at in held:
            for other in held:
                one, two = found[at], found[other]
                x, y = (one.x - two.x) * MIDDLE[0] / 100, (one.y - two.y) * MIDDLE[1] / 100
                far, wanted = hypot(x, y), one.mark.size + two.mark.size + 1
                if at <= other or far >= wanted:
                    continue
                x, y, far = (x, y, far) if far else (1.0, 0.0, 1.0)  # the same seat: side by side
                by = min(wanted - far, wanted) / 2
                east, south = 100 * x / far * by / MIDDLE[0], 100 * y / far * by / MIDDLE[1]
                found[at] = replace(one, x=round(one.x + east, 2), y=round(one.y + south, 2))
                found[other] = replace(two, x=round(two.x - east, 2), y=round(two.y - south, 2))
    return found


def near(marks: Sequence[Mark], frame: Sequence[Mark]) -> list[Mark]:
    """Those of `marks` that lie in the frame's box widened by half its size at each side: what lies far outside would
    shrink the rest to a dot. All of them where the frame has fewer than two points.
    """
    if len(frame) < 2:
        return list(marks)
    norths, easts = [one.latitude for one in frame], [one.longitude for one in frame]
    up, side = (max(norths) - min(norths)) / 2, (max(easts) - min(easts)) / 2
    return [
        one
        for one in marks
        if min(norths) - up <= one.latitude <= max(norths) + up
        and min(easts) - side <= one.longitude <= max(easts) + side
    ]


def _round(kilometres: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no longer."""
    power = 10.0 ** floor(log10(kilometres))
    return float(max(step * power for step in (1, 2, 5) if step * power <= kilometres))


def _importance(spot: Spot) -> tuple[float, str]:
    return -spot.mark.size, spot.mark.key


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def _labelled(spots: Sequence[Spot]) -> list[Spot]:
    """Which labels can be read: those of larger marks first, none over another or over a larger mark."""
    found = list(spots)
    for size in (DESK, PHONE):
        kept = [_disc(spot, size) for spot in found if spot.mark.number]
        kept += [(0.0, size[1] - 36, 0.3 * size[0], size[1]), (size[0] - 30, 0.0, size[0], 44.0)]  # scale, arrow
        for at, spot in enumerate(found):
            if not spot.mark.label or (size == PHONE and spot.words != "desk"):
                continue
            for up in (False, True) if size == DESK else (spot.up,):
                box = _label(spot, size, up=up)
                others = [one for one in kept if one != _disc(spot, size)]
                inside = box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
                if inside and not any(_over(box, one) for one in others):
                    kept.append(box)
                    found[at] = replace(spot, words="desk" if size == DESK else "always", up=up)
                    break
    return found


def _disc(spot: Spot, size: tuple[float, float]) -> Box:
    x, y, r = spot.x * size[0] / 100, spot.y * size[1] / 100, spot.mark.size
    return x - r, y - r, x + r, y + r


def _label(spot: Spot, size: tuple[float, float], *, up: bool) -> Box:
    """Below or above its mark, centred."""
    x, y = spot.x * size[0] / 100, spot.y * size[1] / 100
    half = len(spot.mark.label) * LETTER / 2
    top = y - spot.mark.size - LINE - 2 if up else y + spot.mark.size + 2
    return x - half, top, x + half, top + LINE


def _over(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
