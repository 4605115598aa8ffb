"""Red ink on a page: the stamp that hides words, and the words that leaders write in red.

A second reading with the red ink taken out finds what lies below a stamp; the original reading keeps what is red.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from transcription.scan.models import Line, Pixels

LEAST = 0.0008  # share of the page that must be red; less is noise of a colour scan
MOST = 0.25  # more is a red background or a table top, not ink
SAME = 0.3  # overlap from which two boxes show the same line
RED_LINE = 0.5  # share of red among the ink of a line from which its words are themselves red
MORE = 1.15  # a reading with this much more text is the fuller one
DOUBT = 0.90  # but not if it is this unsure
NEAR = 0.03
DARK, LIGHT = 0.2, 0.6  # brightness in the red channel, as shares of that of the ink: black toner, and paper
MARGIN = 1.5  # line heights read again above and below the red ink

Mask = NDArray[np.bool_]


def red_ink(image: Pixels) -> Mask | None:
    """Where a page (BGR) is red, or None where there is too little or too much of it.

    Measured bounds on the 0…180 hue of OpenCV: h < 12 or > 165, s > 60, v > 110.
    """
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    red = ((hue < 12) | (hue > 165)) & (saturation > 60) & (value > 110)
    share = float(red.mean())
    return red if LEAST <= share <= MOST else None


def without_red(image: Pixels, red: Mask) -> Pixels:
    """The page with red ink turned to paper. In the red channel red ink is as bright as paper and black stays black,
    so that channel stands for the page wherever red is near, stretched so that the rims of red strokes, which JPEG
    darkens, are white too.
    """
    near = cv2.dilate(red.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    channel = image[:, :, 2].astype(np.float32)
    level = max(float(np.median(channel[red])), 60.0)
    bright = np.clip((channel / level - DARK) / (LIGHT - DARK) * 255.0, 0, 255).astype(np.uint8)
    clean = image.copy()
    clean[near] = bright[near][:, None]
    return clean


def read_below(image: Pixels, red: Mask, lines: list[Line], read: Callable[[Pixels], list[Line]]) -> list[Line]:
    """Reads the stretch of the page that holds red ink again, without the ink. Places are those of the whole page."""
    rows = np.flatnonzero(red.sum(axis=1) > 2)
    if not rows.size:
        return []
    top, bottom = float(rows[0]), float(rows[-1])
    heights = [_rect(line)[3] - _rect(line)[1] for line in lines] or [40.0]
    margin = MARGIN * float(np.median(heights))
    touched = [_rect(line) for line in lines if _rect(line)[3] >= top - margin and _rect(line)[1] <= bottom + margin]
    first = int(max(0.0, min([top, *(box[1] for box in touched)]) - margin / 2))
    last = int(min(float(image.shape[0]), max([bottom, *(box[3] for box in touched)]) + margin / 2))
    found = read(without_red(image[first:last], red[first:last]))
    return [Line(line.quad + np.array((0.0, first)), line.text, line.confidence) for line in found]


def _rect(line: Line) -> tuple[float, float, float, float]:
    xs, ys = line.quad[:, 0], line.quad[:, 1]
    return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())


def _same(a: Line, b: Line) -> bool:
    """Whether two boxes show (a piece of) the same line: on one height, and one mostly inside the other."""
    ax0, ay0, ax1, ay1 = _rect(a)
    bx0, by0, bx1, by1 = _rect(b)
    high = min(ay1 - ay0, by1 - by0)
    if high < 0.4 * max(ay1 - ay0, by1 - by0) or abs((ay0 + ay1) - (by0 + by1)) > high:
        return False
    common = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    return common >= SAME * max(1e-6, min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0)))


def _is_red(line: Line, red: Mask) -> bool:
    """Whether the ink inside a box is mostly red: strokes fill an eighth of the box of a printed line."""
    x0, y0, x1, y1 = (int(value) for value in _rect(line))
    inside = red[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1]
    return bool(inside.size) and float(inside.mean()) > RED_LINE / 8


def _better(original: Sequence[Line], cleaned: Sequence[Line]) -> bool:
    """Whether the cleaned reading of one line stands: clearly fuller, or as full and about as certain.

    The original may hold characters of the stamp itself, so being a little surer does not save it. Pieces that overlap
    each other read something twice.
    """
    letters = [sum(len(line.text) for line in lines) for lines in (original, cleaned)]
    sure = [
        sum(line.confidence * len(line.text) for line in lines) / max(1, count)
        for lines, count in zip((original, cleaned), letters, strict=True)
    ]
    if letters[1] >= MORE * letters[0]:
        return sure[1] >= min(DOUBT, sure[0])
    if letters[0] >= MORE * letters[1]:
        return sure[0] < min(DOUBT, sure[1])
    near = 2 * NEAR if letters[1] > letters[0] else NEAR  # a character more is worth some doubt
    return sure[1] >= sure[0] - near and (_twice(original) or not _twice(cleaned))


def _twice(lines: Sequence[Line]) -> bool:
    spans = sorted((_rect(line)[0], _rect(line)[2]) for line in lines)
    return any(
        before[1] - after[0] > 0.2 * min(before[1] - before[0], after[1] - after[0])
        for before, after in pairwise(spans)
    )


def union(original: list[Line], cleaned: list[Line], red: Mask) -> list[tuple[Line, str]]:
    """Both readings as one, each line with its source: "ocr", or "stamp" for words that are themselves red.

    Pieces that show the same line are compared as a whole, and the better reading of it is taken.
    """
    lines: list[tuple[Line, str]] = []
    free = set(range(len(cleaned)))
    left = list(original)
    while left:
        group, match = [left.pop(0)], list[int]()
        grown = True
        while grown:  # pieces of one line find each other through the other reading
            new = [at for at in free if any(_same(cleaned[at], line) for line in group)]
            free.difference_update(new)
            match += new
            joined = [line for line in left if any(_same(line, cleaned[at]) for at in match)]
            left = [line for line in left if not any(line is other for other in joined)]
            group += joined
            grown = bool(new or joined)
        again = [cleaned[at] for at in match]
        if again and _better(group, again):
            lines += [(line, "ocr") for line in again]
        elif again:
            lines += [(line, "ocr") for line in group]
        else:
            lines += [(line, "stamp" if _is_red(line, red) else "ocr") for line in group]
    return lines + [(cleaned[at], "ocr") for at in sorted(free)]
