"""Bytes of unknown Chinese mail software to text. Pure, never raises, linear in its input.

Labels lie: gb2312 means GB18030, us-ascii and iso-8859-1 mean "nobody set this", and many Chinese clients send raw
8-bit headers. So a label is believed only when the bytes fit it; else the bytes themselves are judged.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache
from typing import Final

_ALIASES: Final = {
    "gb2312": "gb18030", "gb-2312": "gb18030", "gb_2312": "gb18030", "gb_2312-80": "gb18030", "gb2312-80": "gb18030",
    "gb231280": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "x-gb2312": "gb18030", "cp936": "gb18030",
    "cp-936": "gb18030", "ms936": "gb18030", "windows-936": "gb18030", "chinese": "gb18030", "euc-cn": "gb18030",
    "x-euc-cn": "gb18030", "gb18030-2000": "gb18030", "gb-18030": "gb18030", "iso-ir-58": "gb18030",
    "csgb2312": "gb18030",
    "big5": "big5hkscs", "big-5": "big5hkscs", "x-x-big5": "big5hkscs", "big5-hkscs": "big5hkscs",
    "cn-big5": "big5hkscs", "cp950": "big5hkscs", "csbig5": "big5hkscs",
    "hz-gb-2312": "hz", "x-hz": "hz",
    "utf8": "utf-8", "utf-8-mac": "utf-8", "unicode-1-1-utf-8": "utf-8", "cp65001": "utf-8", "x-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "ks_c_5601-1987": "cp949", "x-sjis": "cp932",
    "shift_jis": "cp932", "shift-jis": "cp932", "windows-31j": "cp932",
}  # fmt: skip
_MEANINGLESS: Final = frozenset({
    "", "us-ascii", "ascii", "ansi_x3.4-1968", "iso-8859-1", "iso8859-1", "latin-1", "latin1", "windows-1252", "cp1252",
    "unknown-8bit", "unknown", "default", "x-unknown", "binary", "8bit", "7bit", "x-user-defined", "none",
})  # fmt: skip
_SEVEN_BIT: Final = ("hz", "iso-2022-cn", "iso2022", "utf-7", "utf-16", "utf-32")  # more than ASCII in seven bits
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,39}\Z")
# Text codecs only: punycode and idna are quadratic, unicode_escape warns, zip and hex are no text.
_CODEC = re.compile(r"(utf|iso|cp\d|big5|gb|hz|euc|shift|koi8|mac|latin|ascii|tis|johab|ptcp|kz|hp_roman)")
_HIGH = re.compile(rb"[\x80-\xff]")
_PAIR = re.compile(rb"[\x81-\xfe][\x30-\xfe]")
_UTF8_TWO = re.compile(r"[\u0080-\u07ff]")
_UTF8_WIDE = re.compile(r"[\u0800-\U0010ffff]")
_HZ = re.compile(rb"~\{[\x21-\x7e]{2,}?~\}")
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
_SAMPLE = 65_536  # bytes judged when nobody says what they are


@lru_cache(maxsize=256)
def codec_of(label: str) -> str:
    """The Python codec that `label` means, or "" for a label that is unknown or says nothing."""
    name = label.strip().strip("\"'").split("*", 1)[0].lower()
    if name in _MEANINGLESS or not _LABEL.match(name):
        return ""
    if name in _ALIASES:
        return _ALIASES[name]
    if name.replace("_", "-") in ("iso-2022-cn", "iso-2022-cn-ext", "csiso2022cn"):
        return "iso-2022-cn"
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    if found in ("ascii", "iso8859-1", "cp1252"):
        return ""
    if found in ("gb2312", "gbk"):
        return "gb18030"
    return found if _CODEC.match(found) else ""


def clean(text: str) -> str:
    """Without what no database, page or person wants: NUL and other controls, lone surrogates, byte order marks."""
    return _UNWANTED.sub("", text) if _UNWANTED.search(text) else text


def decode(data: bytes, label: str = "") -> str:
    """`data` as text, believing `label` where the bytes allow it."""
    return clean(_decode(data, codec_of(label), label))


def _decode(data: bytes, codec: str, label: str) -> str:
    if data.isascii() and not codec.startswith(_SEVEN_BIT):
        return _guess_seven_bit(data, codec)
    if codec == "iso-2022-cn":
        return _iso_2022_cn(data)
    if codec:
        try:
            text = data.decode(codec)
        except (UnicodeError, ValueError, LookupError):
            return _damaged(data, codec)
        # UTF-8 under a gb2312 label decodes to rare characters without an error.
        return _guess(data) if codec == "gb18030" and _is_utf8(data) else text
    return _guess(data, western=bool(label) and label.strip().lower() not in ("unknown-8bit", "unknown"))


def _guess_seven_bit(data: bytes, codec: str) -> str:
    """Seven bits may still hide HZ or ISO-2022 under a wrong label."""
    if not codec or codec == "gb18030":
        if b"\x1b$" in data:
            if b"\x1b$)A" in data:
                return _iso_2022_cn(data)
            return data.decode("iso2022_jp_2", "replace")
        if b"~{" in data and _HZ.search(data):
            try:
                return data.decode("hz")
            except UnicodeError:
                pass
    return data.decode("ascii")


def _damaged(data: bytes, codec: str) -> str:
    """The label does not fit: perhaps another charset, perhaps only a cut or broken character."""
    text = data.decode(codec, "replace")
    if text.count("\ufffd") <= max(1, len(text) // 50) and codec != "gb18030":
        return text
    guessed = _guess(data)
    return guessed if guessed.count("\ufffd") < text.count("\ufffd") else text


def _is_utf8(data: bytes) -> bool:
    """Whether non-ASCII `data` is UTF-8 by more than accident.

    Two-byte sequences also occur in GBK (联通 is valid UTF-8), so at least one three-byte character must stand there,
    and they must prevail.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3 or len(data) < 12:  # a cut last character is forgiven
            return False
        text = data[: error.start].decode("utf-8")
    wide = len(_UTF8_WIDE.findall(text[:_SAMPLE]))
    return wide > 0 and wide * 2 >= len(_UTF8_TWO.findall(text[:_SAMPLE]))


def _share(data: bytes, low: int, high: int, trails: range) -> float:
    """Share of the double bytes that are everyday characters or punctuation of one charset."""
    pairs = _PAIR.findall(data)
    if not pairs:
        return 0.0
    good = sum(1 for a, b in pairs if (low <= a <= high or 0xA1 <= a <= 0xA3) and (b in trails or 0xA1 <= b <= 0xFE))
    return good / len(pairs)


def _guess(data: bytes, *, western: bool = False) -> str:
    """UTF-8, then GB18030, then Big5; `western`: a Latin label was set and Chinese is not evident."""
    if _is_utf8(data):
        return data.decode("utf-8", "replace")
    sample = data[:_SAMPLE]
    simplified = _share(sample, 0xB0, 0xD7, range(0))  # GB2312 level 1 and its punctuation
    traditional = _share(sample, 0xA4, 0xC6, range(0x40, 0x7F))  # Big5 level 1
    order = ["gb18030", "big5hkscs"]
    if simplified < 0.7 and traditional >= 0.9:
        order.reverse()
    if western and simplified < 0.5 and traditional < 0.5:
        order.insert(0, "cp1252")
    if not _PAIR.search(sample):
        order = ["utf-8", "cp1252"]
    for codec in order:
        try:
            return data.decode(codec)
        except UnicodeDecodeError as error:
            if error.start >= len(data) - 3 and codec != "cp1252":
                return data.decode(codec, "replace")
    best = min(("utf-8", "gb18030", "big5hkscs"), key=lambda codec: sample.decode(codec, "replace").count("\ufffd"))
    return data.decode(best, "replace")


def _iso_2022_cn(data: bytes) -> str:
    """RFC 1922 as far as it is met: GB 2312 between SO and SI; other designations become U+FFFD."""
    out: list[str] = []
    for index, line in enumerate(data.split(b"\n")):  # designations end with the line
        if index:
            out.append("\n")
        set_ = b""
        shifted = False
        for piece in re.split(rb"(\x1b\$\)[AEG]|\x1b\$\*H|\x0e|\x0f)", line):
            if piece[:1] == b"\x1b":
                set_ = piece
            elif piece in (b"\x0e", b"\x0f"):
                shifted = piece == b"\x0e"
            elif not shifted:
                out.append(piece.decode("ascii", "replace"))
            elif set_ == b"\x1b$)A":
                out.append(bytes(byte | 0x80 for byte in piece if byte > 0x20).decode("gb2312", "replace"))
            else:
                out.append("\ufffd" * (len(piece) // 2))
    return "".join(out)


_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(rb"\r?\n[ \t]|\r|\n")
_QP = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = bytes(sorted(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")))


def base64(data: bytes) -> bytes:
    """RFC 2045 base64 without complaints: foreign bytes skipped, padding mended, concatenated runs read one by one."""
    data = data.translate(None, _NOT_BASE64)
    runs = [data.rstrip(b"=")]
    if b"=" in runs[0]:
        runs = [run for run in re.split(rb"=+", data) if run]
    return b"".join(
        binascii.a2b_base64(run[: len(run) - (len(run) % 4 == 1)] + b"=" * (-len(run) % 4))
        for run in runs
        if len(run) > 1
    )


def decode_header(raw: bytes) -> str:
    """A header value: encoded words (RFC 2047) joined before decoding, raw 8-bit text judged by its bytes.

    Clients split multi-byte characters, and even base64 quartets, across adjacent words.
    """
    out: list[str] = []
    held: list[tuple[bytes, bytes]] = []  # (encoding, payload) of adjacent words with one charset
    charset = ""
    end = 0

    def flush() -> None:
        if held:
            out.append(decode(b"".join(_word_bytes(held)), charset))
            held.clear()

    raw = _FOLD.sub(b" ", raw)
    for match in _WORD.finditer(raw):
        between = raw[end : match.start()]
        label = match[1].decode("ascii", "replace")
        if between.strip() or not held or (codec_of(label) or label.lower()) != (codec_of(charset) or charset.lower()):
            flush()
            if between.strip() or not end:
                out.append(decode(between))
        charset = label
        held.append((match[2].lower(), match[3]))
        end = match.end()
    flush()
    if raw[end:]:
        out.append(decode(raw[end:]))
    return "".join(out)


def _word_bytes(words: list[tuple[bytes, bytes]]) -> list[bytes]:
    pieces: list[bytes] = []
    pending = b""
    for encoding, payload in words:
        if encoding == b"q":
            pieces += [base64(pending), unquote(payload.replace(b"_", b" "), _QP)]
            pending = b""
            continue
        pending += payload.translate(None, b" \t")
        if len(pending) % 4 == 0 or pending.endswith(b"="):
            pieces.append(base64(pending))
            pending = b""
    return [*pieces, base64(pending)]


_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def unquote(data: bytes, pattern: re.Pattern[bytes] = _PERCENT) -> bytes:
    """Hex escapes (`%41` of RFC 2231, `=41` of RFC 2047) as bytes."""
    return pattern.sub(lambda match: bytes((int(match[1], 16),)), data)
