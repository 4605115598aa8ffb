"""The transfer slip and its package as PDF: printed offline, the same content gives the same bytes (Art. 20, E7)."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

FONT = "STSong-Light"  # of the PDF standard's Asian pack: every office viewer has it
CELL, LONGEST = 400, 20_000  # characters: a cell of a table must fit a page, a text may run over several
_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document: a title, rows of (label, text), texts of any length, tables (number, name, value), a last line."""

    title: str
    rows: Sequence[tuple[str, str]]
    texts: Sequence[tuple[str, str]] = ()
    lists: Sequence[tuple[str, Sequence[Sequence[str]]]] = ()
    foot: str = ""


def pdf(sheet: Sheet) -> bytes:
    """The sheet as A4 pages, numbered."""
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415  half a second of imports, for slips only
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer  # noqa: PLC0415

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    body = ParagraphStyle("body", fontName=FONT, fontSize=10.5, leading=16, wordWrap="CJK")
    head = ParagraphStyle("head", parent=body, fontSize=18, leading=28, alignment=1, spaceAfter=12)
    small = ParagraphStyle("small", parent=body, fontSize=8, leading=11)
    story: list[Any] = [Paragraph(_plain(sheet.title), head)]
    story.append(_grid([[Paragraph(_plain(a), body), Paragraph(_plain(b), body)] for a, b in sheet.rows], (38, 132)))
    for title, words in sheet.texts:
        story += [Spacer(1, 10), Paragraph(_plain(title), body), Paragraph(_plain(words, LONGEST), body)]
    for title, lines in sheet.lists:
        story += [Spacer(1, 10), Paragraph(_plain(title), body)]
        widths = (14, 44, 112)
        if lines:
            story.append(_grid([[Paragraph(_plain(cell), small) for cell in line] for line in lines], widths))
    story += [Spacer(1, 12), Paragraph(_plain(sheet.foot), body)]
    out = io.BytesIO()
    margin = 20 * _MM
    made = SimpleDocTemplate(
        out, pagesize=(210 * _MM, 297 * _MM), leftMargin=margin, rightMargin=margin, topMargin=margin,
        bottomMargin=margin, title="", author="", invariant=1,
    )  # fmt: skip
    made.build(story, onFirstPage=_number, onLaterPages=_number)
    return out.getvalue()


def _grid(rows: list[list[Any]], widths: Iterable[float]) -> Any:
    from reportlab.lib import colors  # noqa: PLC0415
    from reportlab.platypus import Table  # noqa: PLC0415

    style = [("GRID", (0, 0), (-1, -1), 0.4, colors.black), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    return Table(rows, colWidths=[width * _MM for width in widths], style=style)


def _number(canvas: Any, page: Any) -> None:
    canvas.setFont(FONT, 8)
    canvas.drawCentredString(105 * _MM, 10 * _MM, f"— {page.page} —")


def _plain(text: str, most: int = CELL) -> str:
    """Characters a printer shows, as markup: no control, no direction marks."""
    shown = "".join(char if char == "\n" or unicodedata.category(char)[0] != "C" else " " for char in text[:most])
    return escape(shown).replace("\n", "<br/>")
