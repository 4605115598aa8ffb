"""DOCX: its paragraphs in order (tables and text boxes included) as one page of lines, then the pictures pasted in.

A Word file has no places until somebody lays it out, so its lines carry no boxes and its page is blank paper.
The parts are read directly: python-docx loads every part into memory and leaves out text boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from transcription.contract import DecodeError, PageImage, Segment
from transcription.scan.archive import Archive, local
from transcription.scan.raster import Warn, blank, page_image, pictures

MAX_LINES = 5_000
MAX_LINE = 5_000
SMALL = 200  # pixels: logos and rules are no pages


def _paragraphs(root: Element) -> Iterator[str]:
    """Text of each paragraph. A fallback drawing repeats its text box and deleted text is gone: both are skipped."""
    stack = [iter(root)]
    lines: list[list[str]] = []
    open_at: list[int] = []
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
            if open_at and len(stack) == open_at[-1]:
                open_at.pop()
                yield "".join(lines.pop())
            continue
        tag = local(element)
        if tag in ("Fallback", "del", "moveFrom", "instrText"):
            continue
        if tag == "p":
            open_at.append(len(stack))
            lines.append([])
        elif lines and tag == "t":
            lines[-1].append(element.text or "")
        elif lines and tag in ("tab", "br", "cr"):
            lines[-1].append("\t" if tag == "tab" else "\n")
        stack.append(iter(element))


def pages(data: bytes, *, max_pages: int, max_pixels: int, warn: Warn) -> Iterator[PageImage]:
    archive = Archive(data)
    main = archive.find("word/document.xml")
    if main is None:
        raise DecodeError("文档无法读取，文件可能已损坏")
    lines: list[Segment] = []
    for paragraph in _paragraphs(archive.xml(main)):
        for line in paragraph.replace("\t", " ").split("\n"):
            if line.strip() and len(lines) < MAX_LINES:
                lines.append(Segment(line.strip()[:MAX_LINE], 1.0, order=len(lines), source="text-layer"))
    media = sorted(name for name in archive.names() if name.startswith("word/media/"))
    if lines:
        yield page_image(blank(), tuple(lines))
    given = 0
    for name in media[: max_pages * 2]:
        try:
            for picture in pictures(archive.media(name), max_pages=1, max_pixels=max_pixels, warn=warn):
                if min(picture.size) < SMALL or given >= max_pages:
                    continue
                given += 1
                yield page_image(picture)
        except DecodeError:
            warn("文档中有一幅图无法读取")
    if not lines and not given:
        raise DecodeError("文档中没有文字和图片")
