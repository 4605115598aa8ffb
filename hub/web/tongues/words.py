"""The program's own words: which strings on a page were written by us, and not by a person.

A value is a label when it *is* a constant of the program: the very object that stands in a table of `hub` or of a
channel (a state, an act's name, a field's label, a refusal). Whatever came out of the database, a request or a file is
an object of its own, however it reads, and is never touched: a report that says 待判定 stays as it was written.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, MappingProxyType
from typing import Any

from hub.law import topics, workflow
from hub.web.tongues.catalogue import translations
from hub.web.tongues.segments import CHINESE

OURS = ("hub", "channels", "transcription")


def _tables() -> list[Any]:
    """Tables that are read from files, not written in modules."""
    return [workflow.rules(), topics.labels()]


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
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[Any] = _tables()
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in OURS:
            waiting.extend(vars(module).values())
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
    return {id(one): (one, words[one]) for one in constants() if one in words}


def label(value: Any) -> Any:
    """The English of a constant of the program; anything else as it is. The output hook of the English templates."""
    if type(value) is str:
        known = _known().get(id(value))
        if known is not None and known[0] is value:
            return known[1]
    return value


def said(value: Any) -> Any:
    """The English of a sentence that the program put together. Only for places that show nothing else."""
    if isinstance(value, str):
        told = label(value)
        if told is not value:
            return told
        text = str(value)
        known = translations().said(text)
        if known is None and text.endswith("。"):
            whole = translations().said(text[:-1])
            known = whole + "." if whole is not None else None
        return value if known is None else type(value)(known) if type(value) is not str else known
    return value
