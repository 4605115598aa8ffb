"""Addresses of a header, read in one pass: no recursion in nested comments, no cost beyond the cap."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from channels.email import charset

MAX_ADDRESSES: Final = 1_000
_MAX_BYTES: Final = 1 << 18
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\@]{1,100}@[^\s<>,;:\"()\\@]{1,200}")


class Address(NamedTuple):
    """A person or list as the header names it; `email` is "" where no address stands."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name and self.email else self.name or self.email


NOBODY: Final = Address("", "")


def parse(raw: bytes, most: int = MAX_ADDRESSES) -> list[Address]:
    """The addresses of a From, To or Cc header (RFC 5322 §3.4), lenient as mail programs are."""
    found: list[Address] = []
    for piece in _split(raw[:_MAX_BYTES]):
        if len(found) >= most:
            break
        address = _one(piece)
        if address.name or address.email:
            found.append(address)
    return found


def _split(raw: bytes) -> list[bytes]:
    """At the commas and semicolons that stand outside quotes, comments and angle brackets."""
    pieces: list[bytes] = []
    start = 0
    quoted = angle = False
    depth = 0
    escape = -2  # where the last backslash stood
    for match in re.finditer(rb"[\\\"()<>,;]", raw):
        mark = match[0]
        at = match.start()
        if at == escape + 1:
            continue
        if mark == b"\\":
            escape = at if quoted or depth else -2
        elif mark == b'"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif mark == b"(":
            depth += 1
        elif mark == b")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif mark in b"<>":
            angle = mark == b"<"
        elif not angle:
            pieces.append(raw[start:at])
            start = match.end()
            if len(pieces) > MAX_ADDRESSES:
                return pieces
    pieces.append(raw[start:])
    return pieces


def _one(piece: bytes) -> Address:
    piece = piece.strip()
    left, right = piece.rfind(b"<"), piece.rfind(b">")
    if 0 <= left < right:
        email = charset.decode(piece[left + 1 : right])
        name = piece[:left] or piece[right + 1 :]
        return Address(_name(name), _email(email))
    text = charset.decode_header(piece)
    match = _ADDRESS.search(text)
    if match is None:
        return Address(_name(piece), "")
    # A whole `name <address>` may hide in one encoded word, or the name in a comment.
    rest = (text[: match.start()] + text[match.end() :]).replace("<", " ").replace(">", " ")
    return Address(" ".join(rest.strip(" ()\"'").split())[:200], _email(match[0]))


def _name(raw: bytes) -> str:
    raw = raw.strip()
    if raw[:1] == b'"' and raw[-1:] == b'"' and len(raw) > 1:
        raw = re.sub(rb"\\(.)", rb"\1", raw[1:-1])
    text = " ".join(charset.decode_header(raw).split())
    return text.strip("\"'() ")[:200]


def _email(text: str) -> str:
    text = "".join(text.split())
    if "@" not in text and "@" in (text := charset.decode_header(text.encode())):
        text = "".join(text.split())
    return text if "@" in text and len(text) <= 320 else ""
