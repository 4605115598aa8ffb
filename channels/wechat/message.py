"""A WeChat message as XML: read under hard limits, and the names it has (external id, correlation key, media).

Fields: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html
and …/Receiving_event_pushes.html. Pure: no clock, no network.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from channels.contract import PERSON_KEY, Remote

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8  # the deepest documented event (SendPicsInfo) has 5
MAX_ELEMENTS = 256

CITIZEN_KINDS = frozenset({"text", "image", "voice", "video", "shortvideo", "location", "link"})
"""Message types a person sends; every one of them may be a report."""

_OPENID = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
_MSG_ID = re.compile(r"[0-9]{1,20}")
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SECONDS = re.compile(r"[0-9]{9,10}")
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_VOICE_TYPES = {"amr": "audio/amr", "speex": "audio/speex", "silk": "audio/silk"}


class MalformedError(ValueError):
    """Not a message we read: no XML, too big, too deep, another encoding, a DTD, a doubled field."""


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of a message by tag; nested ones by path ("ScanCodeInfo/ScanResult")."""

    root: str
    values: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def kind(self) -> str:
        """MsgType in lower case, "" where there is none."""
        return self.get("MsgType").lower()

    @property
    def openid(self) -> str:
        """The sender, "" where it is missing or not of an openid's form."""
        value = self.get("FromUserName")
        return value if _OPENID.fullmatch(value) else ""

    @property
    def account(self) -> str:
        """The official account's own name (gh_…), "" where it is missing or odd."""
        value = self.get("ToUserName")
        return value if _OPENID.fullmatch(value) else ""

    @property
    def created(self) -> datetime | None:
        """CreateTime (whole seconds since 1970, UTC), None where it is missing or odd."""
        value = self.get("CreateTime")
        return datetime.fromtimestamp(int(value), UTC) if _SECONDS.fullmatch(value) else None

    @property
    def media_id(self) -> str:
        value = self.get("MediaId")
        return value if _MEDIA_ID.fullmatch(value) else ""


class _Reader:
    """Collects the text of leaves while the parser runs, and stops it at the limits."""

    def __init__(self) -> None:
        self.root = ""
        self.values: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []
        self._elements = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        del attributes  # WeChat uses none
        self._elements += 1
        if len(self._path) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            message = "too deep or too many elements"
            raise MalformedError(message)
        if not self._path:
            self.root = tag
        elif len(self._path) == 1 and tag in self.values:
            # Two answers to one question: which of them was signed or shown would depend on the reader.
            message = "doubled field"
            raise MalformedError(message)
        self._path.append(tag)
        self._text.clear()

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:
        del tag
        name = "/".join(self._path[1:])
        if name:
            self.values.setdefault(name, "".join(self._text))
        self._text.clear()
        self._path.pop()

    def close(self) -> None:
        """Nothing is built; `root` and `values` hold the result."""


def parse(data: bytes) -> Message:
    """Read a message of at most 64 KiB of UTF-8. Raises MalformedError; its text never quotes the content."""
    if len(data) > MAX_BYTES:
        message = "too large"
        raise MalformedError(message)
    # UTF-16 and UTF-32 carry NUL bytes in every tag; a filter that looks for "<!DOCTYPE" would not see through them.
    if b"\x00" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "not UTF-8"
        raise MalformedError(message)
    declared = _DECLARED.match(data)
    if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        message = "not UTF-8"
        raise MalformedError(message)
    reader = _Reader()
    try:
        data.decode("utf-8")
        parser = DefusedXMLParser(target=reader, encoding="utf-8", forbid_dtd=True)
        parser.feed(data)
        parser.close()
    except MalformedError:
        raise
    except (ParseError, ExpatError, DefusedXmlException, ValueError):
        message = "not a well-formed message"
        raise MalformedError(message) from None  # the cause quotes names from the document
    return Message(reader.root, reader.values)


def external_id(message: Message, original: bytes) -> str:
    """The key under which a re-delivery is recognised.

    WeChat: messages by MsgId, events (which have none) by FromUserName + CreateTime. The openid is identity, so such
    keys are digests.
    """
    number = message.get("MsgId")
    if message.kind != "event" and _MSG_ID.fullmatch(number):
        return number
    if message.kind == "event" and message.get("FromUserName") and message.get("CreateTime"):
        names = ("FromUserName", "CreateTime", "Event", "EventKey", "MsgID")
        return "event:" + _digest(*(message.get(name) for name in names))
    return "message:" + hashlib.sha256(original).hexdigest()


def correlation_key(openid: str) -> str:
    """One name for all messages of a sender; a digest, because an openid identifies a person."""
    return "wechat:" + _digest("openid", openid)


def person_key(openid: str) -> str:
    """Under which a report comes that is about the person, not about one notice: they left the account."""
    return PERSON_KEY + correlation_key(openid)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def remotes(message: Message) -> tuple[Remote, ...]:
    """The medium that still lies with WeChat (kept there for three days)."""
    if not message.media_id:
        return ()
    if message.kind == "image":
        return (Remote(message.media_id, "image", "image.jpg", "image/jpeg"),)
    if message.kind == "voice":
        form = message.get("Format").lower()
        known = form if form in _VOICE_TYPES else "amr"
        return (Remote(message.media_id, "voice", f"voice.{known}", _VOICE_TYPES[known]),)
    if message.kind in ("video", "shortvideo"):
        return (Remote(message.media_id, "video", "video.mp4", "video/mp4"),)
    return ()
