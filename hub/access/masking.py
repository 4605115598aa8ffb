"""Masked text: equal length, so that spans, seconds and boxes stay valid."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLOCK = "▇"
_DIGIT_RUN = re.compile(r"(?<!\d)(?:1\d{10}|0\d{2,3}[- ]?\d{7,8}|\d{17}[\dXx]|\d{15})(?!\d)")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}", re.ASCII)


def mask(text: str, spans: Iterable[tuple[int, int]] = ()) -> str:
    """`text` with the spans and everything that looks like a number of a person or an address replaced by ▇."""
    found = [*spans, *(match.span() for match in _DIGIT_RUN.finditer(text)), *(m.span() for m in _MAIL.finditer(text))]
    chars = list(text)
    for start, stop in found:
        for index in range(max(0, start), min(len(chars), stop)):
            chars[index] = BLOCK
    return "".join(chars)


def mask_phone(phone: str) -> str:
    """138****0000: how a number may be shown in a list. Landlines too hide at least four digits."""
    tail, head = min(4, max(0, len(phone) - 4)), min(3, max(0, len(phone) - 8))
    return phone[:head] + "*" * (len(phone) - head - tail) + phone[len(phone) - tail :]


def mask_name(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1) if name else ""
