"""The Chinese segments of a template: found, and replaced, by one function (`rewrite`), so that what is extracted for
translation is exactly what a translation replaces.

A segment is a run of text between tags, or the value of an attribute that people read; Jinja expressions in it are
numbered places (`共 {0} 条`), a tag or a Jinja block ends it. A Chinese string literal inside an expression or a block
(`'（暂定）' if …`) is a segment of its own. Pure: no files, no Flask.
"""

from __future__ import annotations

import re
from collections.abc import Callable

CHINESE = re.compile(r"[\u3400-\u9fff\u3001-\u301f\uff01-\uff5e]")
"""Ideographs and full-width punctuation."""
PLACE = re.compile(r"\{(\d+)(?::(02))?\}")
"""A numbered place; `{1:02}` writes a number with two digits (the month and day of a date)."""
READ = frozenset({"placeholder", "title", "aria-label", "alt", "label", "content", "value"})
"""Attributes whose values people read; with them every data-… attribute. A `value` is read only on a button."""
INLINE = frozenset({"a", "b", "i", "em", "strong", "small", "span", "kbd", "code", "time", "abbr", "button", "label"})

Lookup = Callable[[str], str | None]
"""Segment → translation; None: there is none, the segment stays as it is."""

_STRING = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_TOKEN = re.compile(
    rf"(?P<comment>\{{\#.*?\#\}})|(?P<var>\{{\{{(?:{_STRING}|[^'\"}}]|\}}(?!\}}))*\}}\}})"
    rf"|(?P<block>\{{%(?:{_STRING}|[^'\"%]|%(?!\}}))*%\}})",
    re.DOTALL,
)
_LITERAL = re.compile(_STRING, re.DOTALL)
_COMPARED = re.compile(r"[=!]=\s*$"), re.compile(r"\s*(?:[=!]=|(?:not\s+)?in\b)")
_SPACED = re.compile(r"\{%[-+]?\s*(?:if|elif|else|endif|for|endfor)\b")
_ENTITY = re.compile(r"&(?!#?\w+;)")
_ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*$")


def rewrite(source: str, lookup: Lookup) -> str:
    """The template with every segment that `lookup` knows replaced."""
    return _Scan(lookup).run(source)


def segments(source: str) -> list[str]:
    """The segments of a template in their order, each once."""
    found: dict[str, None] = {}

    def note(segment: str) -> None:
        found.setdefault(segment)

    rewrite(source, note)
    return list(found)


def code(expression: str, lookup: Lookup) -> str:
    """A Jinja expression or block with its Chinese literals replaced; what is compared (`== '…'`) is left."""

    def one(match: re.Match[str]) -> str:
        quote, text = match[0][0], match[0][1:-1]
        compared = _COMPARED[0].search(expression, 0, match.start()) or _COMPARED[1].match(expression, match.end())
        told = lookup(text) if CHINESE.search(text) and not compared else None
        if told is None:
            return match[0]
        return quote + told.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote

    return _LITERAL.sub(one, expression)


def fill(translation: str, values: list[str]) -> str:
    """The translation with its numbered places filled; a place may stand anywhere."""

    def value(match: re.Match[str]) -> str:
        told = values[int(match[1])]
        return "{{ '%02d' % (" + told[2:-2].strip() + ") }}" if match[2] else told

    return PLACE.sub(value, translation)


class _Scan:
    """One pass over a template: text, inside a tag, or inside a quoted attribute value."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.out: list[str] = []
        self.run_of: list[tuple[str, str]] = []  # ("text" | "var", source) of the open segment
        self.before = ""  # what ended the last segment: "block", "tag" or the name of an inline closing tag
        self.ended = False  # whether the last segment ended with a word of its translation
        self.tag = ""  # the text of the open tag, up to here
        self.quote = ""  # inside an attribute value
        self.attribute = ""

    def run(self, source: str) -> str:
        at = 0
        for match in _TOKEN.finditer(source):
            self._data(source[at : match.start()])
            at = match.end()
            if match.lastgroup == "comment":
                self.out.append("") if self.run_of else self.out.append(match[0])
            elif match.lastgroup == "var" and (not self.tag or self.quote):
                self.run_of.append(("var", match[0]))
            else:
                kind = "block" if _SPACED.match(match[0]) else ""
                self._end(kind)
                self.out.append(code(match[0], self.lookup))
                self.before = kind
                if self.tag and not self.quote:
                    self.tag += " "
        self._data(source[at:])
        self._end("")
        return "".join(self.out)

    def _data(self, text: str) -> None:
        at = 0
        while at < len(text):
            if self.quote:
                end = text.find(self.quote, at)
                stop = end if end >= 0 else len(text)
                self._text(text[at:stop])
                at = stop
                if end >= 0:
                    self._end("quote")
                    self.out.append(self.quote)
                    self.tag, self.quote, at = self.tag + " ", "", end + 1
            elif self.tag:
                match = re.compile(r"[\"'>]").search(text, at)
                stop = match.start() if match else len(text)
                self.tag += text[at:stop]
                self.out.append(text[at:stop])
                at = stop
                if match is None:
                    continue
                self.out.append(match[0])
                at += 1
                if match[0] == ">":
                    self.before = "/" + self._name() if self.tag.startswith("</") else "tag"
                    self.tag = ""
                else:
                    named = _ATTRIBUTE.search(self.tag)
                    self.quote, self.attribute = match[0], named[1] if named else ""
                    self.before = "quote"
            else:
                match = re.compile(r"<(?=[A-Za-z/!])").search(text, at)
                stop = match.start() if match else len(text)
                self._text(text[at:stop])
                at = stop
                if match is None:
                    continue
                name = re.compile(r"</?(\w*)").match(text, at)
                assert name is not None
                self._end("" if text.startswith("</", at) or name[1] not in INLINE else name[1])
                self.tag = name[0]
                self.out.append(name[0])
                at = name.end()

    def _name(self) -> str:
        return re.sub(r"^</?(\w*).*$", r"\1", self.tag, flags=re.DOTALL)

    def _text(self, text: str) -> None:
        if text:
            self.run_of.append(("text", text))

    def _read(self) -> bool:
        """Whether people read the open attribute value."""
        if self.attribute == "value":
            return self.tag.startswith(("<button", '<input type="submit"'))
        return self.attribute in READ or self.attribute.startswith("data-")

    def _end(self, after: str) -> None:
        """Closes the open segment: writes it, replaced where it is known."""
        run, self.run_of = self.run_of, []
        if not run:
            return
        values = [code(source, self.lookup) for kind, source in run if kind == "var"]
        number, whole = 0, ""
        for kind, source in run:
            if kind == "var":
                whole += f"{{{number}}}"
                number += 1
            else:
                whole += source
        kept = whole.strip()
        told = None
        if CHINESE.search(PLACE.sub("", kept)) and (not self.quote or self._read()):
            told = self.lookup(re.sub(r"\s+", " ", kept))
        parted = self.before == "block" and self.ended  # words end here that a block has cut
        self.ended = False
        if told is None:
            self.out.append((" " if parted and whole.startswith("{") else "") + fill(whole, values))
            return
        told = _ENTITY.sub("&amp;", told).replace("<", "&lt;")
        if self.quote:
            told = told.replace('"', "&quot;").replace("'", "&#39;")
        lead = whole[: len(whole) - len(whole.lstrip())]
        tail = whole[len(whole.rstrip()) :]
        spaced = self.before == "block" or self.before[1:] in INLINE
        starts = parted if kept.startswith("{") else spaced and re.match(r"[\w(–]", told)
        if starts and not lead.strip("\n"):
            lead += " "
        if not tail and after in INLINE and re.search(r"[\w),.;:]$", told):
            tail = " "
        self.ended = not self.quote and not tail and bool(re.search(r"[\w),.;:]$", told))
        self.out.append(lead + fill(told, values) + tail)
