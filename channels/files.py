"""What an uploaded file is, told by its bytes and not by its name; and the words of the simple kinds.

Pure: bytes in, values out. Used by the manual channels, whose files come from people.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import PurePath
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.sax import parse

from channels.contract import Blob, PartKind

MAX_TEXT = 2_000_000  # characters read out of one file
MAX_DOCX_XML = 32 * 1024 * 1024  # unpacked bytes of word/document.xml
MAX_ZIP_ENTRIES = 5_000

_HEIF = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"heim", b"heis"})
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"ID3", "mp3"),
    (b"#!AMR", "amr"),
    (b"#!SILK", "silk"),
    (b"\x02#!SILK", "silk"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1aE\xdf\xa3", "mkv"),
    (b"0&\xb2u\x8ef\xcf\x11", "wma"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),  # .doc, .xls, and Office files with a password
)
KINDS: dict[str, PartKind] = {
    **dict.fromkeys(("pdf", "tiff", "jpeg", "png", "heic", "ofd"), PartKind.SCAN),
    **dict.fromkeys(("wav", "mp3", "amr", "silk", "ogg", "flac", "wma", "m4a", "aac"), PartKind.AUDIO),
    **dict.fromkeys(("mp4", "mov", "avi", "mkv"), PartKind.VIDEO),
}
"""Content type → how it is read. What is not here is kept as a FILE, or is text or a table."""

ENDINGS: dict[str, frozenset[str]] = {
    "pdf": frozenset({".pdf"}),
    "tiff": frozenset({".tif", ".tiff"}),
    "jpeg": frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    "png": frozenset({".png"}),
    "heic": frozenset({".heic", ".heif"}),
    "ofd": frozenset({".ofd"}),
    "docx": frozenset({".docx"}),
    "xlsx": frozenset({".xlsx", ".xlsm"}),
}


def ending(blob: Blob) -> str:
    """The lower-case ending of the declared name, with its dot; "" where it has none or a strange one."""
    found = PurePath(blob.name.replace("\\", "/").replace("\x00", "")).suffix.lower()
    return found if 1 < len(found) <= 10 and found[1:].isalnum() and found.isascii() else ""


def _of_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {info.filename.lstrip("/") for info in archive.infolist()[:MAX_ZIP_ENTRIES]}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, struct.error, OverflowError):
        return ""
    for mark, kind in (("OFD.xml", "ofd"), ("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx")):
        if mark in names:
            return kind
    return "zip"


def content_type(data: bytes) -> str:
    """The kind of file `data` really is: pdf, tiff, jpeg, …, ole, docx, xlsx, ofd, zip; "" where no mark is known."""
    head = data[:16]
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(data)
    if head[:4] == b"RIFF":
        return {b"WAVE": "wav", b"AVI ": "avi"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "heic" if brand in _HEIF else "m4a" if brand[:3] == b"M4A" else "mov" if brand == b"qt  " else "mp4"
    if len(head) >= 2 and head[0] == 0xFF and head[1] in (0xFB, 0xF3, 0xF2, 0xFA):
        return "mp3"
    if len(head) >= 2 and head[0] == 0xFF and head[1] in (0xF1, 0xF9):
        return "aac"
    return ""


_UNSTORABLE = {
    **dict.fromkeys((*range(9), *range(11, 32), *range(127, 160))),  # control characters but tab and newline
    **dict.fromkeys(range(0xD800, 0xE000)),  # lone surrogates
    **dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),  # direction marks, BOM
}


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """`text` as it may be stored and shown: no NUL, lone surrogates, control or direction-changing characters."""
    return text[:limit].replace("\r\n", "\n").replace("\r", "\n").translate(_UNSTORABLE).strip()


def decode(data: bytes) -> tuple[str, bool]:
    """The words of a text file and whether every byte could be read: BOM, then UTF-8, then GB18030."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            body, exact = data[len(mark) :], encoding
            try:
                return body.decode(exact), True
            except UnicodeDecodeError:
                return body.decode(exact, "replace"), False
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding), True
        except UnicodeDecodeError:
            continue
    return data.decode("gb18030", "replace"), False


class _Words(ContentHandler):
    """Collects the text of WordprocessingML as it streams by: no tree is built, so memory stays small."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.words: list[str] = []
        self.length = 0
        self.reading = False
        self.fallback = 0  # inside mc:Fallback: the same text box a second time

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802  the interface of SAX
        local = name.rpartition(":")[2]
        if local == "Fallback":
            self.fallback += 1
        elif local == "t":
            self.reading = not self.fallback
        elif local in ("tab", "br") and not self.fallback:
            self.words.append("\t" if local == "tab" else "\n")

    def endElement(self, name: str) -> None:  # noqa: N802
        local = name.rpartition(":")[2]
        if local == "Fallback":
            self.fallback -= 1
        elif local == "t":
            self.reading = False
        elif local == "p" and self.words:
            self.lines.append("".join(self.words))
            self.words.clear()

    def characters(self, content: str) -> None:
        if self.reading and self.length < MAX_TEXT:
            self.words.append(content)
            self.length += len(content)


def docx_text(data: bytes) -> str:
    """The paragraphs of a Word document, one a line, tables cell by cell. Raises ValueError where it cannot be read."""
    words = _Words()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("word/document.xml")
            if info.file_size > MAX_DOCX_XML:
                raise ValueError("the document is too large when unpacked")
            with archive.open(info) as body:
                parse(body, words)
    except Exception as error:
        # A broken archive provokes KeyError, BadZipFile, zlib.error, SAXParseException, RuntimeError (password),
        # EOFError …, which share no base class. The caller keeps the file and says that it could not be read.
        raise ValueError(type(error).__name__) from error
    return clean("\n".join(line for line in [*words.lines, "".join(words.words)] if line.strip()))
