"""What a report is compared by: keyed tokens of its elements, and the keys under which alike reports are found.

Every comparison is one of equal tokens, so the same function serves texts in memory and sealed rows in PostgreSQL: a
`Sketch` holds no words, only numbers made with a key. Names stand as written, by sound (王有财 and 王友才 are one)
and by the sounds of their characters, so that a name heard or shortened a little differently still agrees in part.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from hub.enrich.likeness_words import Resolver, heard, read

VERSION = "likeness-5"
UNREAD = "N4"
WEIGHTS = (0.5, 1.5, 2.0, 2.5, 3.0, 4.0, 1.0, 0.0)  # of block keys; halves, so that sums are exact
ELEMENTS = (
    "county", "town", "village", "village_sound", "village_parts", "group", "company", "company_head", "company_parts",
    "trade", "person", "head", "person_parts", "surname", "role", "landmark", "class", "field", "concept", "thing",
    "mineral", "area", "size", "bulk", "month", "word", "rare", "village_said", "name_said", "aside", "key",
)  # fmt: skip
SAID = {"village_said": "rare", "name_said": "rare"}
"""Elements whose tokens are those of another: a name that one text gives as such may stand unread in the other."""
Token = Callable[[str], bytes]
"""A word → at least eight bytes that stand for it."""


__all__ = [
    "ELEMENTS",
    "UNREAD",
    "VERSION",
    "Resolver",
    "Sketch",
    "Token",
    "moment",
    "of_words",
    "pack",
    "plain_token",
    "read",
    "unpack",
    "weight",
]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A report as numbers. `elements`: name of ELEMENTS → tokens; `blocks`: (key, weight) under which it is found."""

    at: datetime
    elements: dict[str, frozenset[int]]
    blocks: tuple[tuple[int, float], ...]


@lru_cache(maxsize=200_000)
def plain_token(word: str) -> bytes:
    """The token of texts in memory: nothing is stored, so no secret is needed."""
    return hmac.digest(b"likeness", word.encode("utf-8", "surrogatepass"), "sha256")


def pack(elements: dict[str, frozenset[int]]) -> bytes:
    """The tokens as bytes: the sizes of all elements, then 4 bytes a token."""
    rows = [sorted(elements.get(name, ())) for name in ELEMENTS]
    flat = [token for row in rows for token in row]
    return struct.pack(f"<{len(rows)}H{len(flat)}I", *map(len, rows), *flat)


def unpack(data: bytes) -> dict[str, frozenset[int]]:
    """The elements of `pack`; ValueError where the bytes are not a sketch of this version."""
    head = len(ELEMENTS)
    try:
        sizes = struct.unpack_from(f"<{head}H", data)
        numbers = struct.unpack_from(f"<{sum(sizes)}I", data, 2 * head)
    except struct.error:
        raise ValueError("not a sketch of this version") from None
    found, place = {}, 0
    for name, size in zip(ELEMENTS, sizes, strict=True):
        if size:
            found[name] = frozenset(numbers[place : place + size])
            place += size
    return found


def of_words(words: Mapping[str, Sequence[str]], at: datetime, token: Token = plain_token) -> Sketch:
    """The sketch of what `read` found; an empty one, like nothing, for what sounds like a state secret (N4)."""
    if UNREAD in words["class"]:
        return Sketch(at, {}, ())
    elements = {
        name: frozenset(int.from_bytes(token(f"{SAID.get(name, name)}\0{word}")[:4]) for word in listed)
        for name, listed in words.items()
        if listed
    }
    return Sketch(at, elements, _blocks(words, token))


def _blocks(words: Mapping[str, Sequence[str]], token: Token) -> tuple[tuple[int, float], ...]:
    """Under which keys a report lies and is looked for, with what each is worth; the rarest weigh most."""
    area = next(iter(words["county"]), "")
    town = next(iter(words["town"]), "")
    things = list(words["thing"]) or list(words["class"])
    found: dict[str, float] = {}

    def add(worth: float, *parts: str) -> None:
        found["\0".join(parts)] = worth

    for name in words["village_sound"]:
        add(4, "v", area or town, name)
        if len(name) > 2:
            add(2.5, "v", area or town, name[-2:])
            add(1, "vn", name)  # a rare name is met again without its county, whatever is said to happen there
        for thing in things[:2]:
            add(1.5, "vt", area, thing, name[-2:])
            add(1, "v0", thing, name[-2:])  # a caller takes the county for granted
    for name in words["company_head"]:
        add(4, "c", area, name)
        add(2, "c2", name, *(things[:1]))
    for name in words["person"]:
        add(1, "p0", heard(name))  # a full name is met again without its county
    for name in words["head"]:
        add(4, "p", area, name)
        add(2, "p2", name, *(things[:1]))
    for name in words["landmark"][:3]:
        for thing in things[:2]:
            add(1.5, "l", area, thing, name)
    for name in words["surname"]:
        for thing in things[:2]:
            add(2, "s", area, thing, name)
    for thing in things[:2]:
        if town:
            add(2, "t", area, town, thing)
            add(0.5, "t0", town, thing)
        for bucket in list(words["size"])[:2]:
            add(1.5, "a", area, thing, bucket)
        add(0.5, "h", area, thing)
    for key in words["key"]:
        add(3, "k", key)
    return tuple(
        ((int.from_bytes(token(f"block\0{name}")[:8], signed=True) & ~7) | WEIGHTS.index(worth), float(worth))
        for name, worth in found.items()
    )


def weight(key: int) -> float:
    """What a hit under this key is worth: it stands in the lowest three bits."""
    return WEIGHTS[key & 7]


def moment(value: object) -> datetime:
    """The time of a row; ValueError where it is none. Times without a zone are compared as they stand."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value).strip().upper()).replace(tzinfo=None)
