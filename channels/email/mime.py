"""The structure of a mail: entities, headers, parameters. Pure, never raises, bounded whatever the bytes say.

It reads what `email.parser` (policy compat32) reads, which the tests compare, but works on slices of the original
bytes: no copy of every line, no recursion, and it stops at limits instead of building 100,000 objects.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels.email import charset

MAX_HEADER_BYTES: Final = 1 << 20
MAX_HEADERS: Final = 2_000
MAX_VALUE: Final = 1 << 18  # of one header
MAX_PARAMS: Final = 200
MAX_PARTS: Final = 1_000
MAX_DEPTH: Final = 30

_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,100}[ \t]*:")
_FAMILIAR = re.compile(
    rb"(?i)(from|to|cc|date|subject|mime-version|content-[a-z-]+|message-id|received|reply-to|x-[a-z-]+)[ \t]*:"
)
_PARAM = re.compile(rb';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)


@dataclass(slots=True)
class Entity:
    """One node of the mail. `body` spans `data[start:end]`; children of a multipart follow as own entities."""

    data: bytes
    headers: list[tuple[str, bytes]]
    start: int
    end: int
    depth: int
    inside: tuple[str, ...] = ()  # content types of the ancestors, outermost first
    type: str = "text/plain"
    params: dict[str, str] = field(default_factory=dict)
    message: int = 0  # number of the (nested) message it belongs to

    def get(self, name: str) -> bytes:
        """The first header of that (lower-case) name, unfolded, or b""."""
        return next((value for key, value in self.headers if key == name), b"")

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def text(self, name: str) -> str:
        """The first header of that name, decoded, on one line."""
        return " ".join(charset.decode_header(self.get(name)).split())

    def raw(self) -> bytes:
        return self.data[self.start : self.end]

    def content(self) -> bytes:
        """The body with its transfer encoding undone, as well as it can be."""
        encoding = self.get("content-transfer-encoding").split(b";")[0].strip(b" \t\r\n\"'").lower()
        body = self.raw()
        if encoding == b"base64":
            return charset.base64(body)
        if encoding == b"quoted-printable":
            return binascii.a2b_qp(body)
        if encoding in (b"x-uuencode", b"uuencode", b"uue", b"x-uue"):
            return uudecode(body)
        return body

    def disposition(self) -> tuple[str, dict[str, str]]:
        return value_and_params(self.get("content-disposition"))

    def filename(self) -> str:
        """The declared file name without folders, controls or direction marks; "" where there is none."""
        return safe_name(self.disposition()[1].get("filename", "") or self.params.get("name", ""))


def safe_name(name: str) -> str:
    name = re.split(r"[/\\]", name)[-1]
    return re.sub("[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", "", name).strip()[-200:]


def value_and_params(raw: bytes) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=x` as lower-case value and decoded parameters, RFC 2231 pieces joined."""
    raw = raw[:16_384]
    head = raw.split(b";", 1)[0].strip().lower()
    plain: dict[str, bytes] = {}
    pieces: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for count, match in enumerate(_PARAM.finditer(raw)):
        if count >= MAX_PARAMS:
            break
        name, value = match[1].decode("latin-1").lower(), match[2].strip()
        if value[:1] == b'"':
            value = re.sub(rb"\\(.)", rb"\1", value[1:-1] if value[-1:] == b'"' and len(value) > 1 else value[1:])
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(base, value)
            continue
        number, extended = rest.rstrip("*"), rest.endswith("*") or not rest
        if number.isascii() and number.isdigit() and len(number) < 5:
            pieces.setdefault(base, {}).setdefault(int(number), (extended, value))
        elif not number:
            pieces.setdefault(base, {}).setdefault(0, (True, value))
    params = {name: charset.decode_header(value) for name, value in plain.items()}
    params |= {name: _rfc2231(found) for name, found in pieces.items()}
    return head.decode("latin-1"), params


def _rfc2231(found: dict[int, tuple[bool, bytes]]) -> str:
    label = ""
    joined: list[bytes] = []
    for position, number in enumerate(sorted(found)):
        extended, value = found[number]
        if extended and position == 0 and value.count(b"'") >= 2:
            lang = value.split(b"'", 2)
            label, value = lang[0].decode("latin-1"), lang[2]
        joined.append(charset.unquote(value) if extended else value)
    return charset.decode(b"".join(joined), label)


def read_headers(data: bytes, start: int, end: int, *, top: bool = False) -> tuple[list[tuple[str, bytes]], int]:
    """Headers from `start` and the offset of the body.

    A line that is no header ends them, unless familiar headers follow: then it is a value broken over the line.
    """
    headers: list[tuple[str, bytes]] = []
    position = start
    if top:
        position = _skip_preamble(data, start, end)
    limit = min(end, position + MAX_HEADER_BYTES)
    pieces: list[bytes] = []
    while position < limit and len(headers) <= MAX_HEADERS:
        stop = data.find(b"\n", position, limit)
        after = limit if stop < 0 else stop + 1
        line = data[position:after].rstrip(b"\r\n")
        if not line.strip():
            if not line:
                return _joined(headers, pieces), after
            position = after
            continue
        if line[:1] in (b" ", b"\t") and pieces:
            pieces.append(line)
        elif match := _NAME.match(line):
            headers = _joined(headers, pieces)
            pieces = [line[: match.end()], line[match.end() :]]
        elif pieces and _FAMILIAR.match(data, after) and not line.startswith(b"--"):
            pieces.append(b" " + line)
        else:
            return _joined(headers, pieces), position
        position = after
    headers = _joined(headers, pieces)
    if position < end:  # over the limit: the body begins at the next empty line
        match_ = re.compile(rb"\r?\n\r?\n").search(data, position, min(end, position + (1 << 26)))
        position = match_.end() if match_ else position
    return headers, position


def _joined(headers: list[tuple[str, bytes]], pieces: list[bytes]) -> list[tuple[str, bytes]]:
    if pieces:
        name = pieces[0][:-1].strip().decode("latin-1").lower()
        headers.append((name, b"".join(pieces[1:])[:MAX_VALUE].strip()))
        pieces.clear()
    return headers


def _skip_preamble(data: bytes, start: int, end: int) -> int:
    """Past a byte order mark, empty lines and mbox `From ` lines that saved files carry."""
    position = start + 3 if data.startswith(b"\xef\xbb\xbf", start) else start
    for _ in range(20):
        stop = data.find(b"\n", position, end)
        line = data[position : stop if stop >= 0 else end]
        if stop < 0 or not (not line.strip() or line.startswith((b"From ", b">From "))):
            return position
        position = stop + 1
    return position


def walk(data: bytes, warnings: list[str]) -> Iterator[Entity]:
    """Every entity in reading order, multiparts and nested messages before what is inside them."""
    messages = 0
    count = 0
    stack: list[tuple[int, int, int, tuple[str, ...], int]] = [(0, len(data), 0, (), 0)]
    while stack:
        start, end, depth, inside, message = stack.pop()
        is_message = not inside or inside[-1] in ("message/rfc822", "message/global")
        if is_message:
            message, messages = messages, messages + 1
        headers, body = read_headers(data, start, end, top=is_message)
        default = "message/rfc822" if inside and inside[-1] == "multipart/digest" else "text/plain"
        entity = Entity(data, headers, body, end, depth, inside, default, message=message)
        declared, entity.params = value_and_params(entity.get("content-type"))
        if re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", declared):
            entity.type = declared
        elif declared.startswith("multipart"):
            entity.type = "multipart/mixed"
        count += 1
        if count > MAX_PARTS:
            warnings.append(f"邮件部件超过 {MAX_PARTS} 个，其余部件只保留在原件中")
            return
        yield entity
        encoded = entity.get("content-transfer-encoding").strip().lower() in (b"base64", b"quoted-printable")
        container = entity.type.startswith("multipart/") or entity.type in ("message/rfc822", "message/global")
        if not container or (encoded and not entity.type.startswith("multipart/")):
            continue
        if depth >= MAX_DEPTH:
            warnings.append(f"邮件嵌套超过 {MAX_DEPTH} 层，更深的内容只保留在原件中")
            continue
        lineage = (*inside, entity.type)
        if not entity.type.startswith("multipart/"):
            stack.append((body, end, depth + 1, lineage, message))
            continue
        spans = _spans(data, body, end, raw_param(entity.get("content-type"), b"boundary"), MAX_PARTS + 1 - count)
        if not spans:
            warnings.append("邮件缺少分段标记，按纯文本显示")
        stack.extend((low, high, depth + 1, lineage, message) for low, high in reversed(spans))


def raw_param(raw: bytes, name: bytes) -> bytes:
    """A parameter as bytes: a boundary is compared, not read."""
    for match in _PARAM.finditer(raw[:16_384]):
        if match[1].lower().rstrip(b"*0") == name:
            value = match[2].strip()
            return value[1:-1] if value[:1] == b'"' and value[-1:] == b'"' and len(value) > 1 else value.strip(b'"')
    return b""


def _spans(data: bytes, start: int, end: int, boundary: bytes, most: int) -> list[tuple[int, int]]:
    """Where the parts of a multipart lie. A missing end mark is forgiven."""
    if not boundary or len(boundary) > 1_000:
        return []
    pattern = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*(\r?\n|\Z)", re.MULTILINE)
    spans: list[tuple[int, int]] = []
    begin = -1
    position = start
    while match := pattern.search(data, position, end):
        if begin >= 0:
            stop = match.start()
            stop -= 2 if data.endswith(b"\r\n", begin, stop) else int(data.endswith(b"\n", begin, stop))
            spans.append((begin, max(begin, stop)))
        begin = match.end()
        position = max(match.end() - 1, match.start() + 1)
        if match[1] or len(spans) >= most:
            return spans
    if 0 <= begin < end:
        spans.append((begin, end))
    return spans


def uudecode(data: bytes) -> bytes:
    """The lines of one uuencoded file, with or without `begin` and `end`; broken lines are cut, not refused."""
    out: list[bytes] = []
    for line in data.splitlines():
        line = line.rstrip()  # noqa: PLW2901  trailing blanks are the commonest damage
        if not line or line.startswith(b"begin ") or line == b"end":
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            size = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:size]))
            except binascii.Error:
                continue
    return b"".join(out)
