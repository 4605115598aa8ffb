"""Zip containers (OFD, DOCX) opened with limits on number, size and growth of their parts."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse as parse_xml

from transcription.contract import DecodeError

MAX_ENTRIES = 5_000
MAX_XML = 16 * 1024 * 1024
MAX_MEDIA = 64 * 1024 * 1024
MAX_ELEMENTS = 400_000  # of one XML part


class Archive:
    """Parts of a container by name. Declared sizes bound what is read; a lying size ends in a checksum error."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
            raise DecodeError("文件容器已损坏") from None
        if len(entries) > MAX_ENTRIES:
            raise DecodeError("文件内部件数过多")
        self._by_name = {info.filename.lstrip("/").replace("\\", "/"): info for info in entries}
        self._by_case = {name.casefold(): name for name in self._by_name}

    def names(self) -> list[str]:
        return list(self._by_name)

    def find(self, name: str) -> str | None:
        """The part of this name, without regard to a leading slash or to case."""
        return self._by_case.get(name.lstrip("/").replace("\\", "/").casefold())

    def _open(self, name: str, limit: int) -> IO[bytes]:
        info = self._by_name[name]
        if info.flag_bits & 1:
            raise DecodeError("文件有密码，无法读取；请向来信人索取密码或无密码的文件")
        if info.file_size > limit:
            raise DecodeError("文件解开后过大，无法读取")
        return self._zip.open(info)

    def media(self, name: str) -> bytes:
        """A picture's bytes. Raises DecodeError."""
        try:
            with self._open(name, MAX_MEDIA) as part:
                return part.read(MAX_MEDIA)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
            raise DecodeError("文件容器已损坏") from None

    def xml(self, name: str) -> Element:
        """The root of an XML part, without DTD or entities. Raises DecodeError."""
        try:
            with self._open(name, MAX_XML) as part:
                head = part.read(MAX_XML)
            if head.count(b"<") > 2 * MAX_ELEMENTS:
                raise DecodeError("文件内容过多，无法读取")
            root = parse_xml(io.BytesIO(head), forbid_dtd=True).getroot()
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            raise DecodeError("文件内容已损坏") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
            raise DecodeError("文件容器已损坏") from None
        if root is None:
            raise DecodeError("文件内容已损坏")
        return root


def local(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
