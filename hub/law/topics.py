"""Topics that clues and consultations are counted by (B8): dated data with the words that name each. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Row:
    """One way to name a topic: any of `words`, and one of `with_` in the same sentence where there are such."""

    code: str
    label: str
    since: date
    words: tuple[str, ...]
    with_: tuple[str, ...]


@cache
def rows() -> tuple[Row, ...]:
    """The shipped rows. ValueError where one names nothing, or a code has two labels."""
    told = tomllib.loads((files("hub.law") / "data" / "topics.toml").read_text(encoding="utf-8"))
    found = tuple(
        Row(one["code"], one["label"], one["since"], tuple(one["words"]), tuple(one.get("with", ())))
        for one in told["topic"]
    )
    if len({row.code for row in found}) != len({(row.code, row.label) for row in found}):
        raise ValueError("a topic with two labels")
    if not all(row.code and row.label and all(row.words) and row.words for row in found):
        raise ValueError("a topic without words")
    return found


@cache
def labels() -> dict[str, str]:
    """Code → Chinese label, in the order of the file."""
    return {row.code: row.label for row in rows()}


def named(codes: Iterable[str]) -> list[dict[str, str]]:
    """Topics as they are proposed and confirmed: code and name. KeyError for a code that is none."""
    return [{"code": code, "name": labels()[code]} for code in codes]
