"""What an attachment is, by its bytes before its label, and the words of those that are mere text."""

from __future__ import annotations

import html
import io
import re
import struct
import zipfile
import zlib
from typing import Final

from channels.contract import PartKind
from channels.email import charset

MAX_DOCX: Final = 8 << 20
_MAX_TXT: Final = 1 << 20
_TINY_BYTES: Final = 8_192
_TINY_PIXELS: Final = 128

_TYPES: Final = {
    "pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp", "webp": "image/webp", "heic": "image/heic",
    "heif": "image/heif", "ofd": "application/ofd",
    "mp3": "audio/mpeg", "wav": "audio/wav", "amr": "audio/amr", "m4a": "audio/mp4", "aac": "audio/aac",
    "ogg": "audio/ogg", "opus": "audio/ogg", "wma": "audio/x-ms-wma", "flac": "audio/flac", "silk": "audio/silk",
    "mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo", "3gp": "video/3gpp",
    "wmv": "video/x-ms-wmv", "mkv": "video/x-matroska", "flv": "video/x-flv", "mpg": "video/mpeg",
    "mpeg": "video/mpeg", "webm": "video/webm",
    "txt": "text/plain", "csv": "text/csv", "html": "text/html", "htm": "text/html", "eml": "message/rfc822",
    "doc": "application/msword", "xls": "application/vnd.ms-excel", "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint", "rar": "application/vnd.rar", "ics": "text/calendar",
}  # fmt: skip
_SUFFIX: Final = {kind: suffix for suffix, kind in reversed(_TYPES.items())}
_MAGIC: Final = (
    (re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|II\*\0|MM\0\*|BM....\0\0\0\0", re.DOTALL), PartKind.SCAN),
    (re.compile(rb"RIFF....WEBP|....ftyp(?:heic|heix|mif1|msf1|heim|heis|hevc|avif)", re.DOTALL), PartKind.SCAN),
    (re.compile(rb"RIFF....WAVE|ID3|#!AMR|OggS|fLaC|.?#!SILK|....ftypM4A|\xff[\xfb\xf3\xf2\xf1\xf9]", re.DOTALL),
     PartKind.AUDIO),
    (re.compile(rb"....ftyp|RIFF....AVI |\x1aE\xdf\xa3|FLV\x01|\0\0\x01[\xba\xb3]", re.DOTALL), PartKind.VIDEO),
)  # fmt: skip
_FAMILY: Final = {"image": PartKind.SCAN, "audio": PartKind.AUDIO, "video": PartKind.VIDEO}


def media_type(name: str) -> str:
    return _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def default_name(kind: str) -> str:
    suffix = _SUFFIX.get(kind, "")
    return f"附件.{suffix}" if suffix else "附件"


def binary(data: bytes) -> bool:
    """Whether these bytes are no text in any charset a mail would use (ESC, SO and SI belong to ISO-2022)."""
    sample = data[:4_096]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = len(re.findall(rb"[\x00-\x08\x0b\x0c\x10-\x1a\x1c-\x1f]", sample))
    return controls * 20 > len(sample)


def kind_of(data: bytes, name: str, declared: str) -> PartKind:
    """Which workers read it. SVG is never a picture here: it is a programme."""
    if b"%PDF-" in data[:1024]:
        return PartKind.SCAN
    for pattern, kind in _MAGIC:
        if pattern.match(data):
            return kind
    guess = media_type(name)
    if guess == "application/ofd" or declared == "application/ofd":
        return PartKind.SCAN
    if guess == "application/octet-stream":
        guess = declared
    family = _FAMILY.get(guess.partition("/")[0])
    # WMA and WMV share their first bytes, MPEG audio often starts anywhere: the label decides between those.
    return family if family in (PartKind.AUDIO, PartKind.VIDEO) and data else PartKind.FILE


def tiny(data: bytes) -> bool:
    """A picture of the size of a signature logo or tracking dot."""
    if len(data) < _TINY_BYTES:
        width, height = _pixels(data)
        return max(width, height) <= 2 * _TINY_PIXELS
    width, height = _pixels(data)
    return 0 < max(width, height) <= _TINY_PIXELS


def _pixels(data: bytes) -> tuple[int, int]:
    """Width and height of PNG and GIF, (0, 0) where they are not said up front."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if data.startswith(b"GIF8") and len(data) >= 10:
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    return 0, 0


def words(data: bytes, name: str, declared: str) -> str:
    """The text of a .txt, .csv or .docx attachment, "" for others."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("txt", "csv") or (declared == "text/plain" and suffix not in _TYPES):
        return "" if binary(data) else _plain(data[:_MAX_TXT])
    if suffix == "docx" or declared == _TYPES["docx"]:
        return _docx(data)
    return ""


def _plain(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return charset.clean(data.decode("utf-16", "replace"))
    return charset.decode(data).replace("\r\n", "\n").strip()


def _docx(data: bytes) -> str:
    """The paragraphs of word/document.xml, taken with patterns: no XML parser, so no entities, and a size cap."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("word/document.xml") as member:
            xml = member.read(MAX_DOCX + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, OSError, ValueError, EOFError):
        return ""
    except struct.error:
        return ""
    if len(xml) > MAX_DOCX:
        return ""
    text = xml.decode("utf-8", "replace")
    found = re.finditer(r"<w:t(?:\s[^<>]*)?>([^<]*)</w:t>|</w:p>|<w:(?:br|tab)\b", text)
    out = (m[1] if m[1] is not None else "\t" if m[0].startswith("<w:tab") else "\n" for m in found)
    return charset.clean(html.unescape("".join(out))).strip()
