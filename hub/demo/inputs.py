"""The demo's inputs: `data/manifest.toml` and the files it names."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
UNIT = "430922"  # 桃江县: the county whose department receives all demo reports
CITY = "430900"  # 益阳市, above it
_DAY = re.compile(r"\{day-(\d{1,3})\}")


@dataclass(frozen=True, slots=True)
class Expect:
    """What should become of a clue: `place` is a code or "" for none, `ambiguous` one that a person must choose.

    `duplicate_of` names the input that reports the same act through another channel.
    """

    place: str = ""
    ambiguous: bool = False
    klass: str = ""
    missing: tuple[str, ...] | None = None  # None: not stated
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """One delivery, or the messages of one conversation. `door`: imap, recordings, scanner, wechat, twilio, form."""

    name: str
    channel: str
    door: str
    files: tuple[Path, ...] = ()
    form: str = ""
    user: str = "operator"
    values: dict[str, str] = field(default_factory=dict)
    messages: tuple[dict[str, Any], ...] = ()
    sender: str = ""  # openid or telephone number
    out_of_order: bool = False
    continues: str = ""
    expect: tuple[Expect, ...] = ()


@cache
def manifest() -> tuple[Input, ...]:
    """All inputs in the order in which they are sent: what takes longest to read first."""
    told = tomllib.loads((DATA / "manifest.toml").read_text("utf-8"))
    return tuple(_input(dict(row)) for row in told["input"])


def _input(row: dict[str, Any]) -> Input:
    row["files"] = tuple(DATA / name for name in row.get("files", ()))
    row["messages"] = tuple(
        message | ({"file": DATA / message["file"]} if "file" in message else {}) for message in row.get("messages", ())
    )
    row["expect"] = tuple(_expect(dict(told)) for told in row.get("expect", ()))
    return Input(**row)


def _expect(told: dict[str, Any]) -> Expect:
    if "class" in told:
        told["klass"] = told.pop("class")
    if "missing" in told:
        told["missing"] = tuple(told["missing"])
    return Expect(**told)


def clues() -> int:
    """How many clues the demo makes."""
    return sum(len(entry.expect) for entry in manifest())


def dated(text: str, day: Any) -> str:
    """`text` with each {day-N} replaced by the date N days before the demo began."""
    return _DAY.sub(lambda found: day(int(found[1])), text)
