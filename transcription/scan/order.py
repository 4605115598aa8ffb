"""Reading order of the lines of a page: rows, columns, and vertical text from right to left.

Works on boxes as fractions of the page; `aspect` = width / height makes both axes comparable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from transcription.contract import Segment

TALL = 1.8  # a box this much taller than wide holds vertical text
PROSE = 5.0
"""Columns hold lines at least this many letters long; shorter ones are the cells of a form, read row by row."""
COLUMN_LINES = 3
GUTTER = 0.6  # least width of the gap between columns, in line heights
JOIN = 1.3  # boxes of one row closer than this many line heights are one line


@dataclass(frozen=True, slots=True)
class _Box:
    x0: float
    y0: float
    x1: float
    y1: float
    segment: Segment

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


def _place(segment: Segment, aspect: float, skew: float) -> _Box:
    """The box with the page turned level: its middle is rotated by -skew (degrees), its size loses what skew added."""
    x0, y0, x1, y1 = segment.box or (0.0, 0.0, 1.0, 0.0)
    width, height = (x1 - x0) * aspect, y1 - y0
    cx, cy = (x0 + x1) / 2 * aspect, (y0 + y1) / 2
    if skew:
        sine, cosine = math.sin(math.radians(skew)), math.cos(math.radians(skew))
        cx, cy = cx * cosine + cy * sine, cy * cosine - cx * sine
        # The upright box around a turned w × h has the sides w·cos + h·sin and w·sin + h·cos.
        sine, double = abs(sine), math.cos(math.radians(2 * skew))
        width, height = (
            max((width * cosine - height * sine) / double, width * 0.3),
            max((height * cosine - width * sine) / double, height * 0.1),
        )
    return _Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2, segment)


def _rows(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """Boxes whose middles lie within each other's height are one row, left to right."""
    rows: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda item: item.middle):
        row = rows[-1] if rows else None
        if row is not None and abs(box.middle - median(item.middle for item in row)) < 0.5 * min(
            box.height, median(item.height for item in row)
        ):
            row.append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda item: item.x0) for row in rows]


def _is_prose(boxes: Sequence[_Box]) -> bool:
    return len(boxes) >= COLUMN_LINES and median(box.width / max(box.height, 1e-6) for box in boxes) >= PROSE


def _bands(boxes: Sequence[_Box], gutter: float) -> list[list[_Box]]:
    """Runs of boxes, top to bottom, each either crossing the gutter or standing beside it."""
    bands: list[list[_Box]] = []
    crossing: bool | None = None
    for box in sorted(boxes, key=lambda item: item.middle):
        crosses = box.x0 < gutter < box.x1
        if crosses is not crossing:
            bands.append([])
            crossing = crosses
        bands[-1].append(box)
    return bands


def _split(band: Sequence[_Box], gutter: float) -> tuple[list[_Box], list[_Box]] | None:
    """The two columns of a band, if it has two that stand side by side."""
    left = [box for box in band if box.x1 <= gutter]
    right = [box for box in band if box.x0 >= gutter]
    if len(left) + len(right) < len(band) or not _is_prose(left) or not _is_prose(right):
        return None
    together = min(max(b.y1 for b in left), max(b.y1 for b in right)) - max(
        min(b.y0 for b in left), min(b.y0 for b in right)
    )
    shorter = min(max(b.y1 for b in side) - min(b.y0 for b in side) for side in (left, right))
    return (left, right) if together >= 0.5 * shorter else None


def _gutters(boxes: Sequence[_Box]) -> list[float]:
    """Candidate gaps between columns: middles between a right edge and the next left edge of the narrower boxes."""
    height = median(box.height for box in boxes)
    full = max(box.x1 for box in boxes) - min(box.x0 for box in boxes)
    narrow = sorted((box for box in boxes if box.width < 0.6 * full), key=lambda item: item.x0)
    found: list[float] = []
    reach = -math.inf
    for box in narrow:
        if box.x0 - reach >= GUTTER * height and reach > -math.inf:
            found.append((reach + box.x0) / 2)
        reach = max(reach, box.x1)
    return found


def _horizontal(boxes: list[_Box], depth: int = 0) -> list[list[_Box]]:
    if depth < 4 and len(boxes) >= 2 * COLUMN_LINES:
        best: list[list[_Box]] | None = None
        most = 0
        for gutter in _gutters(boxes):
            bands = _bands(boxes, gutter)
            held = sum(len(band) for band in bands if _split(band, gutter))
            if held > most:
                most, best, at = held, bands, gutter
        if best is not None:
            ordered: list[list[_Box]] = []
            for band in best:
                sides = _split(band, at)
                parts = sides or (band,)
                for part in parts:
                    ordered += _horizontal(list(part), depth + 1) if sides else _rows(part)
            return ordered
    return _rows(boxes)


def _vertical(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """Columns from right to left, each from top to bottom."""
    columns: list[list[_Box]] = []
    for box in sorted(boxes, key=lambda item: -(item.x0 + item.x1)):
        centre = (box.x0 + box.x1) / 2
        column = columns[-1] if columns else None
        if column is not None and column[-1].x0 <= centre <= column[-1].x1:
            column.append(box)
        else:
            columns.append([box])
    return [[box] for column in columns for box in sorted(column, key=lambda item: item.y0)]


def _joined(row: Sequence[_Box]) -> list[Segment]:
    """Neighbours in a row as one line with a blank between them; different sources stay apart."""
    lines: list[list[_Box]] = []
    for box in row:
        last = lines[-1][-1] if lines else None
        if (
            last is not None
            and last.segment.source == box.segment.source
            and -0.5 * box.height <= box.x0 - last.x1 <= JOIN * min(box.height, last.height)
        ):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [_merge([box.segment for box in line]) for line in lines]


def _merge(segments: Sequence[Segment]) -> Segment:
    if len(segments) == 1:
        return segments[0]
    places = [segment.box for segment in segments if segment.box]
    box = (min(p[0] for p in places), min(p[1] for p in places), max(p[2] for p in places), max(p[3] for p in places))
    letters = sum(len(segment.text) for segment in segments) or 1
    confidence = sum(segment.confidence * len(segment.text) for segment in segments) / letters
    return replace(segments[0], text=" ".join(s.text for s in segments), box=box, confidence=round(confidence, 4))


def is_vertical(segments: Sequence[Segment], aspect: float) -> bool:
    """Whether most of the text of a page runs from top to bottom."""
    upright = across = 0
    for segment in segments:
        if segment.box is not None and len(segment.text) > 1:
            width, height = (segment.box[2] - segment.box[0]) * aspect, segment.box[3] - segment.box[1]
            if height > TALL * width:
                upright += len(segment.text)
            else:
                across += len(segment.text)
    return upright > across


def reading_order(segments: Sequence[Segment], aspect: float, skew: float = 0.0) -> list[Segment]:
    """`segments` as a person reads them, boxes of one line joined, `order` set from 0.

    `skew`: degrees by which the lines fall to the right (clockwise), taken out before comparing places.
    Ink of a stamp that lies across written lines comes after them; a red line of its own keeps its place.
    """
    boxes = [_place(segment, aspect, skew) for segment in segments if segment.box is not None]
    if is_vertical(segments, aspect):
        rows = _vertical(boxes)
    else:
        text = [box for box in boxes if box.segment.source != "stamp"]
        across = [
            box
            for box in boxes
            if box.segment.source == "stamp"
            and any(
                min(box.y1, other.y1) - max(box.y0, other.y0) > 0.3 * min(box.height, other.height) for other in text
            )
        ]
        rows = _horizontal([box for box in boxes if box not in across]) + _rows(across)
    lines = [line for row in rows for line in _joined(row)]
    return [replace(line, order=order) for order, line in enumerate(lines)]
