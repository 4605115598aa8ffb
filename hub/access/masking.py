"""Masked text: equal length, so that spans, seconds and boxes stay valid."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLOCK = "▇"
_DIGIT_RUN = re.compile(r"(?<!\d)(?:1\d{10}|0\d{2,3}[- ]?\d{7,8}|\d{17}[\dXx]|\d{15})(?!\d)")
_DWELLING = re.compile(
    r"(?:(?:我们?|本人|俺们?|咱们?|您|你|举报人|来信人)[^，。；,;\s]{0,6}住(?![房宅户院处进着了建])(?:址)?(?:在|是|[:：])?|家住(?:在)?[:：]?|"
    r"(?:住址|家庭地址|通[讯信]地址|联系地址|邮寄地址|寄信地址|寄件地址|收信地址|本人地址)(?:是|为|在)?[ \u3000]?[:：]?"
    r")[ \u3000]?([^，。；！？,;!?\n对吗]{2,40})"
)
_HEADER = re.compile(
    r"(?im)(?:(?:发件人|收件人|抄送|寄件人|From|To|Cc|Sender|Reply-To)[ \u3000]?[:：][ \u3000]?([^<\n]{1,60})"
    r"|([^<>\n:：，。▇]{1,40})<[^<>\n@]{1,64}@[^<>\n]{1,100}>)"
)
"""Where somebody lives, after words that say so; names beside addresses in quoted heads of mails."""
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}", re.ASCII)


def mask(text: str, spans: Iterable[tuple[int, int]] = ()) -> str:
    """`text` with the spans, and everything that looks like a person's number, mail address or dwelling, as ▇."""
    found = [*spans, *(match.span() for match in _DIGIT_RUN.finditer(text)), *(m.span() for m in _MAIL.finditer(text)),
             *(m.span(m.lastindex or 0) for way in (_DWELLING, _HEADER) for m in way.finditer(text))]  # fmt: skip
    chars = list(text)
    for start, stop in found:
        for index in range(max(0, start), min(len(chars), stop)):
            chars[index] = BLOCK
    return "".join(chars)


def named(text: str, names: Iterable[str]) -> list[tuple[int, int]]:
    """Every place where one of the names stands, also where no enricher pointed at it."""
    return [(at, at + len(name)) for name in names for at in range(len(text)) if text.startswith(name, at)]


def mask_phone(phone: str) -> str:
    """138****0000: how a number may be shown in a list. Landlines too hide at least four digits."""
    tail, head = min(4, max(0, len(phone) - 4)), min(3, max(0, len(phone) - 8))
    return phone[:head] + "*" * (len(phone) - head - tail) + phone[len(phone) - tail :]


def mask_name(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1) if name else ""
