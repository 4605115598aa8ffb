"""The words of an HTML body. Depth, size and number of tags are checked before a tree is built."""

from __future__ import annotations

import html
import re
from typing import Final

from inscriptis import get_text

MAX_BYTES: Final = 1 << 20
MAX_TAGS: Final = 20_000
MAX_DEPTH: Final = 200

_META = re.compile(rb"(?i)<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{2,40})")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    "p", "li", "td", "tr", "th",  # closed by the parser itself; the tables and lists around them are counted
})  # fmt: skip
_DROP_OPEN = re.compile(r"<(script|style|head|title|template|noscript)\b|<!--", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/table|/blockquote|/section|hr)\b[^<>]{0,200}>", re.IGNORECASE)


def charset_of(data: bytes) -> str:
    """The charset an HTML body declares in its own head, or ""."""
    match = _META.search(data[:4096])
    return match[1].decode("ascii") if match else ""


def to_text(source: str, *, tree: bool = True) -> str:
    """The readable words, blocks on their own lines. `tree=False`: only strip tags."""
    if tree and _harmless(source):
        try:
            text = get_text(_without_hidden(source))
        except (RecursionError, ValueError, AssertionError, TypeError, IndexError, KeyError, AttributeError):
            text = ""  # lxml and inscriptis stumble over markup that no browser minds
        if text.strip():
            return _tidy(text)
    return _tidy(_strip(source))


def _harmless(source: str) -> bool:
    if len(source) > MAX_BYTES or source.count("<") > MAX_TAGS:
        return False
    depth = deepest = 0
    for match in _TAG.finditer(source):
        if match[2].lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest <= MAX_DEPTH


def _without_hidden(source: str) -> str:
    """Without comments, scripts and styles; linear even where thousands of them never end."""
    out: list[str] = []
    lowered = source.lower()
    if len(lowered) != len(source):  # a few characters change their length: keep positions honest
        lowered = source
    position = 0
    while match := _DROP_OPEN.search(source, position):
        out.append(source[position : match.start()])
        mark = "-->" if match[1] is None else f"</{match[1].lower()}"
        stop = lowered.find(mark, match.end())
        if stop < 0:
            # Never closed: browsers drop the rest of a script, but words of a reporter must not vanish.
            return "".join(out) + source[match.end() :]
        close = source.find(">", stop + len(mark) - 1)
        position = close + 1 if close >= 0 else stop + len(mark)
    return "".join(out) + source[position:]


def _strip(source: str) -> str:
    source = _without_hidden(source)
    source = _BREAK.sub("\n", re.sub(r"[ \t\r\n]+", " ", source))
    return html.unescape(_ANY_TAG.sub("", source))


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.replace("\xa0", " ").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
