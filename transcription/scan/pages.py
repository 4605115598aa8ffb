"""Decode stage of scans: foreign bytes to pages of our own pixels. Runs in the limited child; raises only DecodeError.

The kind of a file is told by its first bytes, never by its name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator

from transcription.contract import DecodeError, PageImage

MAX_PAGES = 200
MAX_PIXELS = 60_000_000
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def kind_of(data: bytes) -> str:
    """pdf, jpeg, png, gif, bmp, webp, tiff, heif, ofd, docx, zip, ole, or "" for what is none of these."""
    head = data[:16]
    for magic, kind in (
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF8", "gif"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"),
        (b"MM\0+", "tiff"),
        (b"%PDF-", "pdf"),
        (OLE, "ole"),
    ):
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and (head[8:12] in HEIF_BRANDS or any(brand in data[:64] for brand in HEIF_BRANDS)):
        return "heif"
    if head.startswith(b"BM") and data[6:10] == bytes(4):
        return "bmp"
    if head.startswith(b"PK\x03\x04"):
        return _zipped(data)
    return "pdf" if b"%PDF-" in data[:1024] else ""


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {name.lstrip("/").casefold() for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError, UnicodeDecodeError):
        return "zip"
    if "ofd.xml" in names:
        return "ofd"
    return "docx" if "word/document.xml" in names else "zip"


class Pages(Iterator[PageImage]):
    """The pages of one file, decoded one by one. `warnings` is complete once the iteration has ended."""

    def __init__(
        self, data: bytes, *, max_pages: int, max_pixels: int, on_page: Callable[[int], None] | None = None
    ) -> None:
        self.kind = kind_of(data)
        self.warnings: list[str] = []
        self._max_pages = max_pages
        self._given = 0
        self._on_page = on_page
        self._source = self._open(data, max_pages, max_pixels)

    def _open(self, data: bytes, max_pages: int, max_pixels: int) -> Iterator[PageImage]:
        """The reader of this kind; each is imported only when it is needed."""
        how = {"max_pages": max_pages, "max_pixels": max_pixels}
        if self.kind == "pdf":
            from transcription.scan import pdf  # noqa: PLC0415  see docstring

            yield from pdf.pages(data, **how, warn=self._warn)
        elif self.kind == "ofd":
            from transcription.scan import ofd  # noqa: PLC0415

            yield from ofd.pages(data, **how, warn=self._warn)
        elif self.kind == "docx":
            from transcription.scan import word  # noqa: PLC0415

            yield from word.pages(data, **how, warn=self._warn)
        elif self.kind in ("", "zip", "ole"):
            raise DecodeError(_refusal(self.kind, data))
        else:
            from transcription.scan import raster  # noqa: PLC0415

            for picture in raster.pictures(data, **how, warn=self._warn):
                yield raster.page_image(picture)

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def __iter__(self) -> Pages:
        return self

    def __next__(self) -> PageImage:
        if self._given >= self._max_pages:
            if next(self._source, None) is not None:
                self._warn(f"页数超过上限，只读取前 {self._max_pages} 页")
            raise StopIteration
        try:
            page = next(self._source)
        except (StopIteration, DecodeError):
            raise
        except MemoryError:
            raise DecodeError("文件解开后过大，无法读取") from None
        # Image and PDF libraries raise anything on forged data (struct.error, KeyError, ZeroDivisionError …): whatever
        # it is, the bytes are at fault and a person must look at them.
        except Exception as error:  # noqa: BLE001
            raise DecodeError(f"文件无法读取，可能已损坏（{type(error).__name__}）") from None
        if self._on_page is not None:
            self._on_page(self._given)
        self._given += 1
        return page


def _refusal(kind: str, data: bytes) -> str:
    if not data:
        return "文件是空的"
    if kind == "ole":
        return "旧版 Office 文档或加密的文档无法读取，请另存为 PDF 或 DOCX"
    if kind == "zip":
        return "压缩包不能作为来信读取，请解压后上传"
    return "不支持的文件类型，请上传 PDF、TIFF、JPEG、PNG、HEIC、OFD 或 DOCX"


def render(
    data: bytes,
    name: str = "",  # noqa: ARG001  names are untrusted and may carry identity: part of the call, never looked at
    *,
    max_pages: int = MAX_PAGES,
    max_pixels: int = MAX_PIXELS,
    on_page: Callable[[int], None] | None = None,
) -> Pages:
    """The pages of a scan, lazily: a 200-page PDF never stands in memory as a whole.

    `max_pixels` bounds every picture before it is decoded. `on_page(index)` is called as each page is ready.
    Iterating raises DecodeError where nothing can be read; what was left out stands in `.warnings`.
    """
    return Pages(data, max_pages=max_pages, max_pixels=max_pixels, on_page=on_page)
