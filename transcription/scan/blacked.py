"""A copy of a page that shows only lines which name nobody: identity lines black, what no machine read left out."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

Box = Sequence[float]
PAPER, INK = (244, 244, 240), (0, 0, 0)
MARGIN = 0.15  # of a line's height: ink runs over the box that the reader gives


def blacked(jpeg: bytes, shown: Sequence[Box], hidden: Sequence[Box]) -> bytes:
    """JPEG of the same size. Boxes (x0, y0, x1, y1) are fractions of the page; `hidden` wins where they overlap.

    Fails closed: handwriting that was not read, pictures and stamps stay out, for they may name the sender too.
    """
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as source:
        page = source.convert("RGB")
    made = Image.new("RGB", page.size, PAPER)
    for box in shown:
        area = _area(box, page.size, 0.0)
        if area is not None:
            made.paste(page.crop(area), area[:2])
    draw = ImageDraw.Draw(made)
    for box in hidden:
        area = _area(box, page.size, MARGIN)
        if area is not None:
            draw.rectangle((area[0], area[1], area[2] - 1, area[3] - 1), fill=INK)
    made.save(out, "JPEG", quality=85)
    return out.getvalue()


def _area(box: Box, size: tuple[int, int], margin: float) -> tuple[int, int, int, int] | None:
    """The box in pixels, widened by `margin` of its shorter side; None where nothing of it is on the page."""
    more = margin * min((box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1])
    left, top = max(0, int(box[0] * size[0] - more)), max(0, int(box[1] * size[1] - more))
    right, low = min(size[0], int(box[2] * size[0] + more) + 1), min(size[1], int(box[3] * size[1] + more) + 1)
    return (left, top, right, low) if left < right and top < low else None
