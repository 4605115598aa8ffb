"""What a page says in known shapes: telephones, dates, the barcode of an envelope."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_YEAR = r"(?:19|20)\d{2}"
# OCR gives no blanks, so a date may follow a telephone directly: 139000012342024年4月18日.
_MOBILE = re.compile(rf"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{{4}}[- ]?\d{{4}})(?=\D|$|{_YEAR}\s?[年./-])")
_LANDLINE = re.compile(rf"(?<![\d-])(0(?:10|2\d|[3-9]\d{{2}}))[-— ]?(\d{{7,8}})(?=[^\d]|$|{_YEAR}\s?[年./-])")
_HOTLINE = re.compile(r"(?<![\d-])([48]00[- ]?\d{3}[- ]?\d{4})(?!\d)")
_DATE = re.compile(rf"({_YEAR})\s?[年./-]\s?(\d{{1,2}})\s?[月./-]\s?(\d{{1,2}})(?:\s?[日号]|(?!\d))")
_HAN = "〇零○OoΟ一二三四五六七八九"
_HAN_DATE = re.compile(
    rf"([二一][{_HAN}]{{3}})\s?年\s?([一二三四五六七八九十元]{{1,2}})\s?月\s?([一二三四五六七八九十]{{1,3}})\s?[日号]"
)
_S10 = re.compile(r"(?<![A-Z0-9])([A-Z]{2}\d{9}[A-Z]{2})(?![A-Z0-9])")
_POSTCODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")
MAX_TEXT = 200_000
TURNS = (15, -15, 30, -30, 45, -45)
"""Degrees by which an envelope may lie askew on the glass."""
ENVELOPE = 160  # a page with fewer characters may be an envelope: worth looking harder for its barcode


def s10_valid(number: str) -> bool:
    """The check digit of a postal item identifier (UPU S10): weights 8 6 4 2 3 5 9 7, modulo 11."""
    if not _S10.fullmatch(number):
        return False
    rest = (
        11 - sum(int(digit) * weight for digit, weight in zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
    )
    return {10: 0, 11: 5}.get(rest, rest) == int(number[10])


def _unique(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found))


def phones(text: str) -> list[str]:
    """Telephones in order of appearance: mobiles as 11 digits, landlines as area-number."""
    hits = [(m.start(), re.sub(r"\D", "", m[1])) for m in _MOBILE.finditer(text)]
    hits += [(m.start(), f"{m[1]}-{m[2]}") for m in _LANDLINE.finditer(text)]
    hits += [(m.start(), re.sub(r"\D", "", m[1])) for m in _HOTLINE.finditer(text)]
    return _unique(number for _, number in sorted(hits))


def _han_year(text: str) -> int:
    return int("".join(str(max(0, "零一二三四五六七八九".find(char))) for char in text))


def _han_number(text: str) -> int:
    digits = "零一二三四五六七八九"
    if text == "元":
        return 1
    tens, ten, ones = text.partition("十")
    if not ten:
        return digits.find(tens)
    return (digits.find(tens) if tens else 1) * 10 + (digits.find(ones) if ones else 0)


def dates(text: str) -> list[str]:
    """Dates in order of appearance, as YYYY-MM-DD; impossible ones are left out."""
    hits = [(m.start(), int(m[1]), int(m[2]), int(m[3])) for m in _DATE.finditer(text)]
    hits += [(m.start(), _han_year(m[1]), _han_number(m[2]), _han_number(m[3])) for m in _HAN_DATE.finditer(text)]
    found: list[str] = []
    for _, year, month, day in sorted(hits):
        try:
            found.append(date(year, month, day).isoformat())
        except ValueError:
            continue
    return _unique(found)


def _barcodes(grey: Pixels) -> list[str]:
    return [
        code.text.strip()
        for code in zxingcpp.read_barcodes(grey)
        if code.valid and 4 <= len(code.text.strip()) <= 200 and code.text.isprintable()
    ]


def _turned(grey: Pixels, degrees: float) -> Pixels:
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = int(height * sine + width * cosine), int(height * cosine + width * sine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(grey, turn, size, borderValue=255), dtype=np.uint8)


def barcodes(grey: Pixels, characters: int) -> list[str]:
    """Barcodes of a page. A page with few characters is looked at twice as large and turned, as envelopes lie."""
    found = _barcodes(grey)
    if found or characters > ENVELOPE:
        return _unique(found)
    attempts: list[Callable[[], Pixels]] = []
    if max(grey.shape) <= 2600:
        attempts.append(lambda: np.asarray(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8))
    attempts += [lambda degrees=degrees: _turned(grey, degrees) for degrees in TURNS]  # type: ignore[misc]
    for attempt in attempts:
        found = _barcodes(attempt())
        if found:
            return _unique(found)
    return []


def read_fields(pages: Sequence[str], codes: Sequence[str]) -> dict[str, str]:
    """Fields of a letter, values joined with ",": phone, date, barcode, barcode_check, postmark, postcode.

    `pages`: the text of each page. `codes`: what was read from bars. An S10 number printed below unreadable bars counts
    only if its check digit agrees. `postmark`: the only date on an envelope (a page with a postal number).
    """
    text = "\n".join(pages)[:MAX_TEXT]
    printed = _S10.findall(re.sub(r"(?<=[A-Z0-9])[ ·.-](?=[A-Z0-9])", "", text))
    found = list(codes) + [number for number in printed if s10_valid(number) and number not in codes]
    fields: dict[str, str] = {}
    if numbers := phones(text):
        fields["phone"] = ",".join(numbers)
    if days := dates(text):
        fields["date"] = ",".join(days)
    if found:
        fields["barcode"] = ",".join(found)
    postal = [number for number in found if _S10.fullmatch(number)]
    if postal:
        fields["barcode_check"] = "ok" if all(s10_valid(number) for number in postal) else "bad"
    for page in pages:
        envelope = len(page) < ENVELOPE and any(word in page for word in ("邮编", "邮政", "收", "寄", *postal))
        postcodes = _POSTCODE.findall(page)
        if envelope and postcodes:
            fields.setdefault("postcode", ",".join(_unique(postcodes)))
            marks = dates(page)
            if len(marks) == 1:
                fields.setdefault("postmark", marks[0])
    return fields
