"""What file names say about a letter: the order of pages, the envelope, pages that belong together. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.contract import Blob
from channels.files import content_type

ENVELOPE = re.compile(r"信封|envelope", re.IGNORECASE)
SCANS = frozenset({"pdf", "tiff", "jpeg", "png", "heic", "ofd", "bmp", "gif", "webp"})
ENDINGS = ".pdf,.tif,.tiff,.jpg,.jpeg,.png,.heic,.heif,.ofd,.bmp,.gif,.webp,.docx,.txt"
SINGLE_PAGE = frozenset({"jpg", "jpeg", "png", "bmp", "heic", "heif", "webp", "tif", "tiff", "gif"})

_NUMBER = re.compile(r"(\d+)")
_MARKED = re.compile(r"(.*[^\W_])(?:[-_ ]+(?:p|page)|[-_ ]*第)[-_ ]?0{0,2}([1-9]\d?)页?", re.IGNORECASE)
_PLAIN = re.compile(r"(.*[^\W_])[-_](0?[1-9]|[1-9]\d)")
_DATE = re.compile(r"(?:.*\D)?(?:19|20)\d{2}[-_.]?\d{1,2}(?:[-_.]?\d{1,2})?")


def scan_kind(data: bytes) -> str:
    """The kind of a scan by its bytes, "docx", or what `channels.files.content_type` says; "" where unknown."""
    found = content_type(data)
    if found:
        return found
    if data.startswith(b"GIF8"):
        return "gif"
    if data.startswith(b"BM") and data[6:10] == bytes(4):
        return "bmp"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which page 2 stands before page 10."""
    words = _NUMBER.split(name.casefold()[:300])
    return [(0, int(word), "") if at % 2 else (1, 0, word) for at, word in enumerate(words) if word]


def page_order(name: str) -> tuple[bool, list[tuple[int, int, str]]]:
    """Pages by natural name, the envelope behind them."""
    return bool(ENVELOPE.search(name)), natural(name)


def role_of(blob: Blob) -> str:
    """envelope, sidecar (a .txt beside the scan) or page."""
    if ENVELOPE.search(blob.name):
        return "envelope"
    return "sidecar" if blob.name.lower().endswith(".txt") else "page"


@dataclass(frozen=True, slots=True)
class PageName:
    """A file name read as page `number` of the letter `base`; number 0: the name says nothing about pages."""

    base: str
    number: int


def page_name(name: str) -> PageName:
    """`0012-1.jpg` and `letter7_p1.tif` are pages 1 of 0012 and letter7.

    A plain number counts only for pictures: `2024-1.pdf` and `2024-2.pdf` are two letters. Dates, counters of cameras
    (`IMG_0001`, three and more digits) and copies (`scan (1)`) name no pages. A name that is only the letter's base
    with a word for the envelope belongs to it too: `0012-信封.jpg`.
    """
    stem, _, end = name.rpartition(".")
    stem = stem or end
    envelope = re.fullmatch(r"(.*[^\W_])[-_ ]?(?:信封|envelope)", stem, re.IGNORECASE)
    if envelope:
        return PageName(envelope[1], 99)
    found = _MARKED.fullmatch(stem)
    if found is None and end.lower() in SINGLE_PAGE and not _DATE.fullmatch(stem):
        found = _PLAIN.fullmatch(stem)
    return PageName(found[1], int(found[2])) if found else PageName(stem, 0)


def named_page(name: str) -> tuple[str, int]:
    """`page_name` as plain data, for those who know the channel by its contract only."""
    read = page_name(name)
    return read.base, read.number
