"""Red ink on a page: the stamp that hides words, and the words that leaders write in red.

A second reading with the red ink taken out finds what lies below a stamp; the original reading keeps what is red.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from transcription.scan.models import Line, Pixels

LEAST = 0.0008  # share of the page that must be red; less is noise of a colour scan
MOST = 0.25  # more is a red background or a table top, not ink
SAME = 0.5  # overlap from which two boxes show the same line
RED_LINE = 0.5  # share of red among the ink of a line from which its words are themselves red
WORSE = 0.03

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
    """The page with red ink turned to paper; its soft rim goes with it, dark strokes below stay."""
    rim = cv2.dilate(red.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    dark = image.max(axis=2) < 110
    paper = np.median(image[~red], axis=0) if (~red).any() else np.array([255, 255, 255])
    clean = image.copy()
    clean[rim & ~dark] = np.maximum(paper, 200).astype(np.uint8)
    return clean


def _rect(line: Line) -> tuple[float, float, float, float]:
    xs, ys = line.quad[:, 0], line.quad[:, 1]
    return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())


def _cover(a: Line, b: Line) -> float:
    """Share of the smaller box that both have in common."""
    ax0, ay0, ax1, ay1 = _rect(a)
    bx0, by0, bx1, by1 = _rect(b)
    common = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    return common / max(1e-6, min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0)))


def _is_red(line: Line, red: Mask) -> bool:
    """Whether the ink inside a box is mostly red."""
    x0, y0, x1, y1 = (int(value) for value in _rect(line))
    inside: Any = red[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1]
    return bool(inside.size) and float(inside.mean()) > RED_LINE * 0.12


def union(original: list[Line], cleaned: list[Line], red: Mask) -> list[tuple[Line, str]]:
    """Both readings as one, each line with its source: "ocr", or "stamp" for words that are themselves red.

    Where both have a line, the cleaned one stands unless it lost words without gaining confidence.
    """
    lines: list[tuple[Line, str]] = []
    used: set[int] = set()
    for clean in cleaned:
        same = [index for index, line in enumerate(original) if _cover(clean, line) >= SAME]
        best = max((original[index] for index in same), key=lambda line: _cover(clean, line), default=None)
        if best is not None and len(same) == 1 and len(best.text) > len(clean.text):
            others = [other for other in cleaned if other is not clean and _cover(other, best) >= SAME]
            if not others and best.confidence >= clean.confidence + WORSE:
                clean = replace(best)  # noqa: PLW2901  the original reading stands
        used.update(same)
        lines.append((clean, "ocr"))
    for index, line in enumerate(original):
        if index not in used:
            lines.append((line, "stamp" if _is_red(line, red) else "ocr"))
    return lines
