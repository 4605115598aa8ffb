"""The program's own words: which strings on a page were written by us, and not by a person.

A value is a label when it *is* a constant of the program: the very object that stands in a table of `hub` or of a
channel (a state, an act's name, a field's label, a refusal). Whatever came out of the database, a request or a file is
an object of its own, however it reads, and is never touched: a report that says 待判定 stays as it was written.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, MappingProxyType
from typing import Any

from hub.law import calendar, competence, notices, retention, scope, topics, workflow
from hub.web.tongues.catalogue import translations
from hub.web.tongues.segments import CHINESE

OURS = ("hub", "channels", "transcription")


ARTICLE = re.compile(r"第([一二三四五六七八九十]+)条(?:第[（(]([一二三四五六七八九十]+)[）)]项)?")
_NUMBERS = "零一二三四五六七八九十"


def tables() -> dict[str, Any]:
    """Tables of the law that are read from files, not written in modules."""
    return {
        "workflow": [(rule.label, rule.article) for rule in workflow.rules().values()],
        "topics": topics.labels(),
        "notices": [(template.title, template.article) for template in notices.shipped()],
        "calendar": {
            name for layer in calendar.national().layers for name in (*layer.off.values(), *layer.work.values())
        },
        "competence": [(row.department, row.source, row.note) for row in competence.shipped()],
        "retention": retention.schedule(),
        "scope": [(version.classes, version.refused) for version in scope.versions()],
    }


def article(text: str) -> str:
    """第十二条第（三）项 as Article 12 (3); anything else as it is."""

    def number(chinese: str) -> int:
        tens, ten, ones = chinese.rpartition("十")
        return (_NUMBERS.index(tens) if tens else 1) * 10 * bool(ten) + (_NUMBERS.index(ones) if ones else 0)

    def one(match: re.Match[str]) -> str:
        return f"Article {number(match[1])}" + (f" ({number(match[2])})" if match[2] else "")

    return ARTICLE.sub(one, text)


def _inside(one: Any) -> Iterator[Any]:
    """What a value holds."""
    if isinstance(one, CodeType):
        yield from one.co_consts
    elif isinstance(one, FunctionType):
        yield from (one.__code__, one.__defaults__, one.__kwdefaults__)
    elif isinstance(one, Mapping | MappingProxyType):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, tuple | list | set | frozenset):
        yield from one
    elif isinstance(one, type):
        if one.__module__.partition(".")[0] in OURS:
            yield from vars(one).values()
    elif isinstance(one, property):
        yield from (one.fget, one.fset)
    elif isinstance(one, staticmethod | classmethod):
        yield one.__func__
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            yield getattr(one, field.name, None)


def constants() -> list[str]:
    """Every Chinese string that the loaded program holds as a constant."""
    roots: list[Any] = [tables()]
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in OURS:
            roots.extend(vars(module).values())
    return held(roots)


def held(roots: list[Any]) -> list[str]:
    """The Chinese strings that the given values hold, each object once."""
    found: list[str] = []
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if type(one) is str:
            if CHINESE.search(one):
                found.append(one)
            continue
        wrapped = getattr(one, "__wrapped__", None) if callable(one) else None
        if wrapped is not None:
            waiting.append(wrapped)
        waiting.extend(_inside(one))
    return found


@cache
def _known() -> dict[int, tuple[str, str]]:
    """By identity: the constant itself (kept alive, so that its identity stays its own) and its English."""
    words = translations().words
    known = {id(one): (one, words[one]) for one in constants() if one in words}
    return known | {id(one): (one, article(one)) for one in constants() if ARTICLE.fullmatch(one)}


def label(value: Any) -> Any:
    """The English of a constant of the program; anything else as it is. The output hook of the English templates."""
    if type(value) is str:
        known = _known().get(id(value))
        if known is not None and known[0] is value:
            return known[1]
    return value


def said(value: Any) -> Any:
    """The English of a sentence that the program put together. Only for places that show nothing else."""
    told = label(value)
    return sentence(value) if told is value and type(value) is str else told


def asis(value: Any) -> Any:
    """The same text as an object of its own, which no page translates."""
    return value.encode().decode() if type(value) is str else value


def headed(value: Any) -> Any:
    """`标签 值` with the label in English; what follows is content and stays."""
    if type(value) is str and " " in value:
        head, _, rest = value.partition(" ")
        return f"{translations().words.get(head, head)} {rest}"
    return said(value)


def sentence(text: str) -> str:
    """A sentence of the program in English; as it is where no wording fits. `A → B` is two of them."""
    known = translations().said(text)
    if known is not None:
        return known
    if " → " in text:
        return " → ".join(sentence(part) for part in text.split(" → "))
    if text.endswith("。"):
        whole = sentence(text[:-1])
        return text if whole == text[:-1] else whole + "."
    return article(text)
