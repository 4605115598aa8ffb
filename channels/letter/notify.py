"""Prints a notice as a letter: an A4 page to be folded into a window envelope (DL, DIN 5008 form B), made offline.

The mailroom posts it and enters the register number, which is the evidence. The envelope is plain: nothing on the page
above the fold but the two addresses, and the return address is a neutral one.
"""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from channels.contract import Blob, Handed, NotifyError, Outgoing, Ports, Route, Sender, Source
from channels.letter.settings import LetterSettings

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

FONT: Final = "STSong-Light"  # one of the fonts of the PDF standard's Asian pack: every office viewer has it
_MM: Final = 72 / 25.4
_HEIGHT: Final = 297 * _MM
_LEFT: Final = 25 * _MM
_WINDOW_TOP: Final = 50 * _MM
_BODY_TOP: Final = 105 * _MM
_FOLD: Final = 105 * _MM
_COLUMNS: Final = 34  # characters of a line at 13 pt
_NO_START: Final = "，。；：、！？）》”’"
_BEIJING: Final = timezone(timedelta(hours=8))


def fits(sender: Sender) -> bool:
    """A postal address; a name alone is none."""
    return len(sender.address.strip()) >= 6


def send(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    """The letter as a PDF, to be posted by people. Raises NotifyError."""
    del ports
    try:
        settings = LetterSettings.model_validate(dict(source.settings))
    except ValidationError:
        settings = LetterSettings()
    if not fits(notice.to):
        raise NotifyError("没有通信地址", permanent=True)
    data = page(notice, settings.return_address)
    return Handed("已打印", document=Blob("notice.pdf", "application/pdf", data, "page"))


def page(notice: Outgoing, return_address: str) -> bytes:
    """One page of PDF; the same notice gives the same bytes."""
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415  half a second of imports, for letters only
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(210 * _MM, _HEIGHT), invariant=1)
    canvas.setTitle("")  # a file name or title bar tells nothing
    if return_address:
        _lines(canvas, [_clean(return_address)[:60]], _LEFT, _WINDOW_TOP - 5 * _MM, 8)
    name = _clean(notice.to.name)[:40]
    address = _wrapped(_clean(notice.to.address)[:200], 22)
    _lines(canvas, [*address[:4], f"{name} 收" if name else "收"], _LEFT, _WINDOW_TOP + 4 * _MM, 12)
    canvas.setLineWidth(0.3)
    canvas.line(5 * _MM, _HEIGHT - _FOLD, 10 * _MM, _HEIGHT - _FOLD)
    body = _wrapped(_clean(notice.text), _COLUMNS)
    _lines(canvas, body, _LEFT, _BODY_TOP + 15 * _MM, 13)
    day = notice.at.astimezone(_BEIJING).date()
    _lines(canvas, [f"{day.year}年{day.month}月{day.day}日"], 140 * _MM, _BODY_TOP + (35 + 8 * len(body)) * _MM, 13)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _clean(text: str) -> str:
    """One line of characters a printer shows: no control, no direction marks, no private use."""
    shown = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    return re.sub(r"\s+", " ", shown).strip()


def _wrapped(text: str, columns: int) -> list[str]:
    """Lines of `columns` full-width characters; no line begins with a closing mark."""
    lines: list[str] = []
    line, width = "", 0.0
    for char in text:
        wide = 1.0 if unicodedata.east_asian_width(char) in "WFA" else 0.5
        if width + wide > columns and char not in _NO_START:
            lines.append(line)
            line, width = "", 0.0
        line, width = line + char, width + wide
    return [*lines, line]


def _lines(canvas: Canvas, lines: list[str], left: float, top: float, size: int) -> None:
    canvas.setFont(FONT, size)
    for number, line in enumerate(lines):
        canvas.drawString(left, _HEIGHT - top - (number + 1) * size * 1.6, line)


ROUTES = (Route("letter", "信函", 40, fits, send, by_people=True, rings=False),)
