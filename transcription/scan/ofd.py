"""OFD (GB/T 33190-2016): text with its places and page pictures.

ofdkit reads the text of well-formed files, but not their pictures, and follows nested composite units without a bound
on their growth; so the page content is walked here once, for both, with a budget.
"""

from __future__ import annotations

import math
import posixpath
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from PIL import Image

from transcription.contract import DecodeError, PageImage, Segment
from transcription.scan.archive import Archive, local
from transcription.scan.order import reading_order
from transcription.scan.pdf import imprint, usable
from transcription.scan.raster import MAX_SIDE, Warn, blank, flat, page_image, pictures

A4 = (0.0, 0.0, 210.0, 297.0)  # millimetres
DPI = 200
BUDGET = 50_000  # objects of one page, those inside composite units counted each time they are used
MAX_NESTING = 16
MAX_CHARACTERS = 50_000

Affine = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
IDENTITY: Affine = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def _numbers(value: str | None, count: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(word) for word in (value or "").split()[:count])
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else None


def _box(value: str | None) -> Box | None:
    numbers = _numbers(value, 4)
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if numbers else None


def _compose(outer: Affine, inner: Affine) -> Affine:
    """First `inner`, then `outer`: x' = a·x + c·y + e, y' = b·x + d·y + f."""
    a1, b1, c1, d1, e1, f1 = outer
    a, b, c, d, e, f = inner
    return (
        a1 * a + c1 * b, b1 * a + d1 * b, a1 * c + c1 * d, b1 * c + d1 * d, a1 * e + c1 * f + e1, b1 * e + d1 * f + f1,
    )  # fmt: skip


def _placed(outer: Affine, element: Element) -> Affine:
    """Object space to page: the CTM inside the Boundary's corner (8.5 of the standard)."""
    corner = _box(element.get("Boundary")) or (0.0, 0.0, 0.0, 0.0)
    ctm = _numbers(element.get("CTM"), 6)
    a, b, c, d, e, f = ctm or IDENTITY
    return _compose(outer, (a, b, c, d, e + corner[0], f + corner[1]))


def _first(element: Element | None, *path: str) -> Element | None:
    for name in path:
        element = next((item for item in element if local(item) == name), None) if element is not None else None
    return element


def _all(element: Element | None, name: str) -> list[Element]:
    return [item for item in element if local(item) == name] if element is not None else []


def _steps(value: str | None, count: int) -> list[float]:
    """DeltaX or DeltaY with its shorthand `g <times> <value>`; at most `count` numbers."""
    words = (value or "").split(maxsplit=4 * count + 4)
    steps: list[float] = []
    at = 0
    while at < len(words) and len(steps) < count:
        try:
            if words[at] == "g" and at + 2 < len(words):
                times = max(0, min(int(words[at + 1]), count - len(steps)))
                steps += [float(words[at + 2])] * times
                at += 3
                continue
            steps.append(float(words[at]))
        except (ValueError, OverflowError):
            pass
        at += 1
    return [step if math.isfinite(step) else 0.0 for step in steps]


@dataclass
class _Content:
    """What stands on one page, in millimetres."""

    runs: list[tuple[Box, str]] = field(default_factory=list)
    images: list[tuple[Affine, str]] = field(default_factory=list)
    left: int = BUDGET
    characters: int = 0


class _Document:
    """One OFD package: pages, resources and templates by their ids."""

    def __init__(self, data: bytes) -> None:
        self.archive = Archive(data)
        entry = self.archive.find("OFD.xml")
        if entry is None:
            raise DecodeError("OFD 无法读取，文件可能已损坏")
        self.pages: list[tuple[str | None, Box]] = []
        self.media: dict[str, str] = {}
        self.units: dict[str, Element] = {}
        self.templates: dict[str, str] = {}
        for body in _all(self.archive.xml(entry), "DocBody"):
            root = _first(body, "DocRoot")
            path = self.resolve(entry, root.text if root is not None else None)
            if path is not None:
                self._read(path)
        if not self.pages:
            raise DecodeError("OFD 中没有可以读取的页")

    def resolve(self, base: str, location: str | None) -> str | None:
        """The part that `location`, written inside `base`, means: relative to it or to the root."""
        wanted = (location or "").strip().replace("\\", "/")
        if not wanted:
            return None
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(base), wanted))
        return self.archive.find(beside) or self.archive.find(posixpath.normpath(wanted))

    def _read(self, path: str) -> None:
        document = self.archive.xml(path)
        common = _first(document, "CommonData")
        area = _first(common, "PageArea", "PhysicalBox")
        default = _box(area.text if area is not None else None) or A4
        for item in _all(common, "PublicRes") + _all(common, "DocumentRes"):
            self.resources(self.resolve(path, item.text))
        for item in _all(common, "TemplatePage"):
            location = self.resolve(path, item.get("BaseLoc"))
            if location is not None:
                self.templates[item.get("ID") or ""] = location
        for item in _all(_first(document, "Pages"), "Page"):
            self.pages.append((self.resolve(path, item.get("BaseLoc")), default))

    def resources(self, path: str | None) -> None:
        if path is None:
            return
        try:
            root = self.archive.xml(path)
        except DecodeError:
            return  # the text does not need them
        base = posixpath.join(root.get("BaseLoc") or "", "x")
        for item in _all(_first(root, "MultiMedias"), "MultiMedia"):
            file = _first(item, "MediaFile")
            name = (file.text or "").strip() if file is not None else ""
            found = self.resolve(posixpath.join(posixpath.dirname(path), base), name) or self.resolve(path, name)
            if found is not None:
                self.media[item.get("ID") or ""] = found
        for item in _all(_first(root, "CompositeGraphicUnits"), "CompositeGraphicUnit"):
            self.units[item.get("ID") or ""] = item

    def content(self, path: str | None, default: Box) -> tuple[Box, _Content]:
        content = _Content()
        if path is None:
            return default, content
        root = self.archive.xml(path)
        for item in _all(root, "PageRes"):
            self.resources(self.resolve(path, item.text))
        area = _first(root, "Area", "PhysicalBox")
        box = _box(area.text if area is not None else None) or default
        for item in _all(root, "Template"):
            template = self.templates.get(item.get("TemplateID") or "")
            if template is not None:
                self._layers(self.archive.xml(template), content)
        self._layers(root, content)
        return box, content

    def _layers(self, root: Element, content: _Content) -> None:
        for layer in _all(_first(root, "Content"), "Layer"):
            self._walk(layer, IDENTITY, content, 0)

    def _walk(self, parent: Element, at: Affine, content: _Content, depth: int) -> None:
        for element in parent:
            content.left -= 1
            if content.left < 0:
                raise DecodeError("OFD 页面内容过多，无法读取")
            tag = local(element)
            if tag == "TextObject":
                _text(element, _placed(at, element), content)
            elif tag == "ImageObject":
                name = self.media.get(element.get("ResourceID") or "")
                if name is not None:
                    content.images.append((_placed(at, element), name))
            elif depth >= MAX_NESTING:
                continue
            elif tag == "PageBlock":
                self._walk(element, at, content, depth + 1)
            elif tag == "CompositeObject":
                unit = _first(self.units.get(element.get("ResourceID") or ""), "Content")
                if unit is not None:
                    self._walk(unit, _placed(at, element), content, depth + 1)


def _text(element: Element, at: Affine, content: _Content) -> None:
    """The runs of a TextObject: X, Y is the start of the base line, Size the height of the letters."""
    size = (_numbers(element.get("Size"), 1) or (4.0,))[0]
    for code in _all(element, "TextCode"):
        text = "".join(
            " " if char.isspace() else char for char in code.text or "" if char.isprintable() or char == "\t"
        )
        content.characters += len(text)
        if not text.strip() or content.characters > MAX_CHARACTERS:
            continue
        x = (_numbers(code.get("X"), 1) or (0.0,))[0]
        y = (_numbers(code.get("Y"), 1) or (0.0,))[0]
        across, down = _steps(code.get("DeltaX"), len(text) - 1), _steps(code.get("DeltaY"), len(text) - 1)
        natural = [size if unicodedata.east_asian_width(char) in "WF" else size / 2 for char in text]
        width = sum(across) + (0.0 if down and not across else sum(natural[len(across) : -1]))
        corners = [(x, y - size * 0.88), (x + width + natural[-1], y + sum(down) + size * 0.12)]
        a, b, c, d, e, f = at
        xs, ys = [a * px + c * py + e for px, py in corners], [b * px + d * py + f for px, py in corners]
        content.runs.append(((min(xs), min(ys), max(xs), max(ys)), text))


def _lines(content: _Content, page: Box) -> list[Segment]:
    """Runs joined to lines, in reading order, boxes as fractions of the page. What lies outside is left out."""
    left, top, width, height = page
    inside = [
        ((box[0] - left) / width, (box[1] - top) / height, (box[2] - left) / width, (box[3] - top) / height, text)
        for box, text in content.runs
    ]
    shown = [
        Segment(text, 1.0, box=(max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)), source="text-layer")
        for x0, y0, x1, y1, text in inside
        if x0 < 1 and y0 < 1 and x1 > 0 and y1 > 0
    ]
    return reading_order(shown, width / height)


def _drawn(document: _Document, content: _Content, page: Box, max_pixels: int, warn: Warn) -> tuple[Image.Image, float]:
    """The page's pictures on white paper, and the share of the page that the largest covers."""
    scale = min(DPI / 25.4, MAX_SIDE / max(page[2], page[3]))
    paper = blank(max(1, round(page[2] * scale)), max(1, round(page[3] * scale)))
    share = 0.0
    for at, name in content.images[:200]:
        a, b, c, d, e, f = at  # the unit square to the page
        xs, ys = [e, e + a, e + c, e + a + c], [f, f + b, f + d, f + b + d]
        x0, y0 = round((min(xs) - page[0]) * scale), round((min(ys) - page[1]) * scale)
        size = round((max(xs) - min(xs)) * scale), round((max(ys) - min(ys)) * scale)
        if min(size) < 2 or size[0] > 2 * paper.width or size[1] > 2 * paper.height:
            continue
        try:
            data = document.archive.media(name)
            picture = next(pictures(data, max_pages=1, max_pixels=max_pixels, warn=warn), None)
        except DecodeError:
            warn("OFD 中有一幅图无法读取")
            continue
        if picture is not None:
            turned = {(True, False): 270, (True, True): 90}.get((abs(b) > abs(a), b < 0))
            placed = flat(picture).rotate(turned, expand=True) if turned else flat(picture)
            paper.paste(placed.resize((size[0], size[1])), (x0, y0))
            share = max(share, size[0] * size[1] / (paper.width * paper.height))
    return paper, share


def pages(data: bytes, *, max_pages: int, max_pixels: int, warn: Warn) -> Iterator[PageImage]:
    """Each page with its text and its pictures. The letters themselves are not drawn: that would need their fonts."""
    document = _Document(data)
    if len(document.pages) > max_pages:
        warn(f"页数超过上限，只读取前 {max_pages} 页")
    for number, (path, default) in enumerate(document.pages[:max_pages], start=1):
        try:
            page, content = document.content(path, default)
        except DecodeError as error:
            if len(document.pages) == 1:
                raise
            warn(f"第 {number} 页无法读取：{error}")
            yield page_image(blank())
            continue
        if not (1 <= page[2] <= 5_000 and 1 <= page[3] <= 5_000):
            raise DecodeError("OFD 页面尺寸过大，无法读取")
        paper, share = _drawn(document, content, page, max_pixels, warn)
        lines = _lines(content, page)
        keep = usable(lines) and not imprint(lines, share)
        if lines and not keep and not content.images:
            keep = True  # a short page without a picture: its few words are all there is
        yield page_image(paper, tuple(lines) if keep else ())
