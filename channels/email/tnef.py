"""winmail.dat: what Outlook wraps text and attachments in ([MS-OXTNEF], [MS-OXCMAPIHT]).

The usual library loops four thousand million times when a four-byte counter says so; here every counter is
checked against the bytes that are left. The tests read the same files with that library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels.email import charset, html

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
MAX_OBJECTS: Final = 5_000
_RENDER, _TITLE, _DATA, _ATTACHMENT = 0x9002, 0x8010, 0x800F, 0x9005
_MAPI, _BODY, _CODEPAGE = 0x9003, 0x800C, 0x9007
_FIXED: Final = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16, 1: 4}
_VARIABLE: Final = frozenset((0x0D, 0x1E, 0x1F, 0x102))
_MESSAGE_OBJECT: Final = bytes.fromhex("0703020000000000c000000000000046")


@dataclass(slots=True)
class Tnef:
    """What a winmail.dat holds for a reader. `attachments`: (name, bytes)."""

    text: str = ""
    html: str = ""
    attachments: list[tuple[str, bytes]] = field(default_factory=list)


def read(data: bytes) -> Tnef | None:
    """The content, as far as it goes; None if these bytes are no TNEF stream."""
    if not data.startswith(SIGNATURE):
        return None
    found = Tnef()
    codepage = "gb18030"
    name, content, open_ = "", b"", False

    def close() -> None:
        if open_ and content:
            found.attachments.append((name or "winmail-attachment.bin", content))

    for kind, value in _objects(data):
        if kind == _CODEPAGE and len(value) >= 4:
            number = struct.unpack_from("<I", value)[0]
            codepage = charset.codec_of(f"cp{number}") or ""
        elif kind == _RENDER:
            close()
            name, content, open_ = "", b"", True
        elif kind == _TITLE:
            name = name or charset.decode(value.rstrip(b"\0"), codepage)
        elif kind == _DATA:
            content, open_ = value, True
        elif kind == _ATTACHMENT:
            for key, sort, item in _properties(value):
                if key in (0x3707, 0x3704) and item:  # long file name, short one
                    name = _text(sort, item, codepage) if key == 0x3707 else name or _text(sort, item, codepage)
                elif key == 0x3701 and item and not content:
                    content, open_ = item.removeprefix(_MESSAGE_OBJECT), True
        elif kind == _BODY:
            found.text = found.text or charset.decode(value.rstrip(b"\0"), codepage)
        elif kind == _MAPI:
            _message(found, value, codepage)
    close()
    return found


def _message(found: Tnef, value: bytes, codepage: str) -> None:
    for key, sort, item in _properties(value):
        if key == 0x1000:
            found.text = _text(sort, item, codepage) or found.text
        elif key == 0x1013:
            found.html = (
                charset.decode(item.rstrip(b"\0"), html.charset_of(item)) if sort != 0x1F else _text(sort, item, "")
            )


def _text(sort: int, value: bytes, codepage: str) -> str:
    if sort == 0x1F:
        return charset.clean(value.decode("utf-16-le", "replace"))
    return charset.decode(value.rstrip(b"\0"), codepage)


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 6
    for _ in range(MAX_OBJECTS):
        if offset + 11 > len(data):
            return
        kind, _sort, size = struct.unpack_from("<HHI", data, offset + 1)
        yield kind, data[offset + 9 : min(offset + 9 + size, len(data))]
        offset += size + 11


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(property id, type, value) of a MAPI property list; stops at the first thing it cannot read."""
    if len(data) < 4:
        return
    count = struct.unpack_from("<I", data)[0]
    offset = 4
    try:
        for _ in range(min(count, MAX_OBJECTS)):
            sort, key = struct.unpack_from("<HH", data, offset)
            offset += 4
            if key >= 0x8000:  # a named property: GUID, then a number or a name
                named = struct.unpack_from("<I", data, offset + 16)[0]
                offset += 20
                size = struct.unpack_from("<I", data, offset)[0]
                offset += 4 if named == 0 else 4 + size + -size % 4
            base, values = sort & ~0x1000, 1
            if sort & 0x1000 or base in _VARIABLE:
                values = struct.unpack_from("<I", data, offset)[0]
                offset += 4
            if values > (len(data) - offset) // 2:
                return
            for _ in range(values):
                if base in _VARIABLE:
                    size = struct.unpack_from("<I", data, offset)[0]
                    offset += 4
                    yield key, base, data[offset : offset + size]
                    offset += size + -size % 4
                else:
                    size = _FIXED[base] if not sort & 0x1000 or base not in (2, 0xB) else 2
                    yield key, base, data[offset : offset + size]
                    offset += size
                if offset > len(data):
                    return
    except (struct.error, KeyError):
        return
