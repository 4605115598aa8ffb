"""The Chinese strings of a script: found and replaced like those of a template; `${…}` are the numbered places."""

from __future__ import annotations

import json
import re

from hub.web.tongues import segments
from hub.web.tongues.segments import CHINESE, Lookup, fill

_PIECE = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<plain>'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")|(?P<open>`)"
    r"|(?P<regex>(?<=[(,=:\[!&|?;{}])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*)",
    re.DOTALL,
)
_COMPARED = re.compile(r"[=!]==?\s*$")


def rewrite(source: str, lookup: Lookup) -> str:
    """The script with every string that `lookup` knows replaced; what is compared is left."""
    out, at = [], 0
    while match := _PIECE.search(source, at):
        out.append(source[at : match.start()])
        at = match.end()
        if match.lastgroup == "plain":
            out.append(_plain(source, match, lookup))
        elif match.lastgroup == "open":
            told, at = _template(source, at, lookup)
            out.append(told)
        else:
            out.append(match[0])
    out.append(source[at:])
    return "".join(out)


def _plain(source: str, match: re.Match[str], lookup: Lookup) -> str:
    text = match[0][1:-1]
    if not CHINESE.search(text) or _COMPARED.search(source, max(0, match.start() - 6), match.start()):
        return match[0]
    if "</" in text:  # markup: its segments one by one
        return match[0][0] + segments.rewrite(text, lookup) + match[0][0]
    told = lookup(text)
    return match[0] if told is None else json.dumps(told, ensure_ascii=False)


def _template(source: str, at: int, lookup: Lookup) -> tuple[str, int]:
    """A template literal from after its opening mark; the literal in English, and where it ends."""
    whole = ""
    values: list[str] = []
    while source[at] != "`":
        if source[at] == "\\":
            whole += source[at : at + 2]
            at += 2
        elif source.startswith("${", at):
            end = _closing(source, at + 2)
            whole += f"{{{len(values)}}}"
            values.append("${" + rewrite(source[at + 2 : end], lookup) + "}")
            at = end + 1
        else:
            whole += source[at]
            at += 1
    told = lookup(whole.replace("\\n", "\n")) if CHINESE.search(whole) else None
    if told is not None:
        whole = told.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${").replace("\n", "\\n")
    return "`" + fill(whole, values) + "`", at + 1


def _closing(source: str, at: int) -> int:
    """Where the brace that was opened before `at` is closed."""
    depth = 1
    while True:
        char = source[at]
        if char == "`":
            _, at = _template(source, at + 1, str)
            continue
        if char in "'\"":
            at = source.index(char, at + 1)
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return at
        at += 1
