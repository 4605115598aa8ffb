"""The English catalogue: `hub/web/catalogue/en.po`, a gettext file whose msgids are the Chinese segments in place.

Locations say where a segment stands: templates (`.html`), scripts (`.js`) and the program's own words (`.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from hub.web.tongues.segments import PLACE, Lookup, fill

SAID_PLACES = "words:"
_ONE = re.compile(r"(?<![\d.])1 ((?:working |calendar )?(?:day|year|file|clue|page|row|letter))s\b")
PO = Path(__file__).parents[1] / "catalogue" / "en.po"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence of the program with values inside (`超期 {0} 天`): values stay as they are."""

    chinese: re.Pattern[str]
    english: str
    words: frozenset[int] = frozenset()
    """Places whose values are words of the program."""


@dataclass(frozen=True, slots=True)
class Translations:
    """What is known in English."""

    words: dict[str, str] = field(default_factory=dict)
    patterns: tuple[Pattern, ...] = ()
    apart: dict[tuple[str, str], str] = field(default_factory=dict)
    """(template, segment): where one template needs another word than the rest (msgctxt)."""

    def within(self, template: str) -> Lookup:
        """What a template's segments are in English."""
        return lambda segment: self.apart.get((template, segment)) or self.words.get(segment)

    def said(self, text: str) -> str | None:
        """A whole sentence of the program in English, or None. Only for text that the program wrote."""
        found = self.words.get(text)
        if found is not None:
            return found
        for pattern in self.patterns:
            match = pattern.chinese.fullmatch(text)
            if match:
                values = [
                    (self.said(value) or value) if number in pattern.words else value
                    for number, value in enumerate(match.groups())
                ]
                return _ONE.sub(r"1 \1", fill(pattern.english, values))
        for mark, english in (("；", "; "), ("，", ", "), ("、", ", ")):
            parts = [self.said(part) for part in text.split(mark)] if mark in text else []
            if parts and None not in parts:
                return english.join(part for part in parts if part is not None)
        return None


def stored(path: Path = PO) -> Catalog:
    """The catalogue as babel reads it."""
    with path.open("rb") as file:
        return read_po(file, locale="en", charset="utf-8")


def _said_places(comments: list[str]) -> frozenset[int]:
    found = [one.removeprefix(SAID_PLACES) for one in comments if one.startswith(SAID_PLACES)]
    return frozenset(int(number) for one in found for number in one.split())


def _expression(segment: str) -> re.Pattern[str]:
    parts = re.split(r"\{\d+\}", segment)
    return re.compile("(.+?)".join(re.escape(part) for part in parts), re.DOTALL)


@cache
def translations() -> Translations:
    """The catalogue for use, read at the first English page of a process."""
    words: dict[str, str] = {}
    apart: dict[tuple[str, str], str] = {}
    patterns = []
    for message in stored():
        if not message.id or not message.string or message.fuzzy:
            continue
        if message.context:
            apart[message.context, str(message.id)] = str(message.string)
            continue
        words[str(message.id)] = str(message.string)
        worded = PLACE.search(str(message.id)) and re.search(r"[\u3400-\u9fff]", str(message.id))
        if worded and any(str(name).endswith(".py") for name, _ in message.locations):
            patterns.append((str(message.id), str(message.string), _said_places(message.auto_comments)))
    patterns.sort(key=lambda one: -len(PLACE.sub("", one[0])))  # the longest wording first: the least general one
    made = tuple(Pattern(_expression(one), english, said) for one, english, said in patterns)
    return Translations(words, made, apart)
