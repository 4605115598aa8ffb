"""A mail read into plain facts: who, when, what it says, what hangs on it. Pure; every limit ends in a warning."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from channels.email import attachments, charset, html, mime, tnef
from channels.email.addresses import NOBODY, Address, parse

MAX_BYTES: Final = 64 << 20
"""Read at most this much of a mail; the poller's own limit is lower."""
MAX_TEXT: Final = 2_000_000  # characters
MAX_ATTACHMENTS: Final = 500
MAX_REFERENCES: Final = 50

_MAX_BODY: Final = 4 * MAX_TEXT + 4  # bytes: no charset needs more for the characters that are kept
_ID = re.compile(r"<[^<>\s]{1,250}>")
_UU = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,200})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^(?:end|====)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


@dataclass(slots=True)
class Attachment:
    name: str
    media_type: str
    data: bytes
    inline: bool = False  # shown inside the HTML body
    nested: bool = False  # hung on a message that was itself attached


@dataclass(slots=True)
class Mail:
    """One mail as read. Header texts are decoded; `headers` keeps the raw values of the outer message."""

    headers: mime.Entity
    message_id: str = ""
    subject: str = ""
    sender: Address = NOBODY
    to: list[Address] = field(default_factory=list)
    date: datetime | None = None
    references: list[str] = field(default_factory=list)
    text: str = ""
    html: str = ""
    nested: list[tuple[str, str]] = field(default_factory=list)  # (title, text) of attached messages
    attachments: list[Attachment] = field(default_factory=list)
    report: list[mime.Entity] = field(default_factory=list)  # the parts of a multipart/report
    warnings: list[str] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        return bool(self.text or self.html or self.attachments or self.nested)


def message_ids(raw: bytes) -> list[str]:
    """The ids of a Message-ID, In-Reply-To or References header, angle brackets included."""
    text = charset.decode(raw[-65_536:])
    found = _ID.findall(text)
    if not found and (bare := text.strip()) and " " not in bare and len(bare) <= 250:
        return [f"<{bare.strip('<>')}>"]
    return list(found)


def date_of(raw: bytes) -> datetime | None:
    """The Date header, timezone-aware where it says so. Never a base of clocks: the sender writes it."""
    try:
        return parsedate_to_datetime(charset.decode(raw[:200]))
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def read(data: bytes) -> Mail:
    """`data` as a mail. Always returns; what could not be read stands in `warnings`."""
    warnings: list[str] = []
    if len(data) > MAX_BYTES:
        warnings.append(f"邮件超过 {MAX_BYTES >> 20} MB，只读取了前面的部分，完整内容见原件")
        data = data[:MAX_BYTES]
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    entities = list(mime.walk(data, warnings))
    top = entities[0]
    mail = Mail(top, warnings=warnings)
    _envelope(mail, top)
    bodies = _Bodies()
    for entity in entities:
        _take(mail, bodies, entity)
    bodies.finish(mail)
    return mail


def _envelope(mail: Mail, top: mime.Entity) -> None:
    ids = message_ids(top.get("message-id"))
    mail.message_id = ids[0] if ids else ""
    mail.subject = top.text("subject")[:1_000]
    senders = (found for name in ("from", "sender", "reply-to") for found in parse(top.get(name), 20))
    mail.sender = next((found for found in senders if found.email), NOBODY)
    if not mail.sender.email:
        named = parse(top.get("from"), 1)
        mail.sender = named[0] if named else mail.sender
    mail.to = [address for value in top.all("to") for address in parse(value)]
    mail.date = date_of(top.get("date"))
    found = [*message_ids(top.get("in-reply-to")), *reversed(message_ids(top.get("references")))]
    mail.references = [item for item in dict.fromkeys(found) if item != mail.message_id][:MAX_REFERENCES]


@dataclass(slots=True)
class _Bodies:
    """Texts and HTML of each message (number 0 is the outer one) while the parts go by."""

    texts: dict[int, list[str]] = field(default_factory=dict)
    htmls: dict[int, list[str]] = field(default_factory=dict)
    tags: int = html.MAX_TAGS  # that may still go through the tree builder
    heads: dict[int, str] = field(default_factory=dict)
    size: int = 0

    def add(self, where: dict[int, list[str]], number: int, text: str, warnings: list[str]) -> None:
        room = MAX_TEXT - self.size
        if len(text) > room:
            if room > 0:
                warnings.append(f"文字超过 {MAX_TEXT} 字，其余部分只保留在原件中")
            text = text[: max(0, room)]
        self.size += len(text)
        if text.strip():
            where.setdefault(number, []).append(text)

    def finish(self, mail: Mail) -> None:
        mail.html = "\n".join(self.htmls.get(0, []))
        mail.text = self._words(0)
        for number in sorted(self.heads):
            text = "\n\n".join(piece for piece in (self.heads[number], self._words(number)) if piece)
            if text.strip():
                mail.nested.append((f"附带邮件 {len(mail.nested) + 1}", text))

    def _words(self, number: int) -> str:
        plain = "\n\n".join(text.strip("\r\n") for text in self.texts.get(number, ())).strip()
        words = "\n\n".join(self._html_words(source) for source in self.htmls.get(number, ())).strip()
        if not plain:
            return words
        # Some clients write "please use an HTML reader" into the plain text: what only the HTML says must be read too.
        missing = len("".join(words.split())) > 2 * len("".join(plain.split())) + 40
        return f"{plain}\n\n{words}" if missing else plain

    def _html_words(self, source: str) -> str:
        self.tags -= source.count("<")
        return html.to_text(source, tree=self.tags >= 0)


def _take(mail: Mail, bodies: _Bodies, entity: mime.Entity) -> None:
    """One entity to its place."""
    kind = entity.type
    if entity.message and entity.message not in bodies.heads:
        bodies.heads[entity.message] = _head(entity)
    if kind.startswith("multipart/"):
        if kind == "multipart/report" and not mail.report and entity.message == 0:
            mail.report.append(entity)
        if entity.raw().strip() and not raw_has_parts(entity):
            bodies.add(bodies.texts, entity.message, charset.decode(entity.raw()), mail.warnings)
        return
    if mail.report and entity.depth == mail.report[0].depth + 1:
        mail.report.append(entity)
    if kind in ("message/rfc822", "message/global"):
        _hang(mail, entity, entity.content(), entity.filename() or "邮件.eml")
        return
    disposition = entity.disposition()[0]
    name = entity.filename()
    content = entity.content()
    if kind in ("message/delivery-status", "text/rfc822-headers", "message/disposition-notification"):
        bodies.add(bodies.texts, entity.message, charset.decode(content), mail.warnings)
        return
    wrapped = kind in ("application/ms-tnef", "application/vnd.ms-tnef") or content.startswith(tnef.SIGNATURE)
    if wrapped and _unwrap(mail, bodies, entity, content):
        return
    if (
        kind in ("text/plain", "text/html", "text/enriched", "text/richtext")
        and disposition != "attachment"
        and not name
    ):
        if attachments.binary(content):
            _hang(mail, entity, content, "未命名附件")
        else:
            _text(mail, bodies, entity, content)
        return
    if content or name:
        _hang(mail, entity, content, name or attachments.default_name(kind))


def raw_has_parts(entity: mime.Entity) -> bool:
    boundary = mime.raw_param(entity.get("content-type"), b"boundary")
    return bool(boundary) and entity.data.find(b"--" + boundary, entity.start, entity.end) >= 0


def _head(entity: mime.Entity) -> str:
    """The lines that tell what an attached message is."""
    labels = (("subject", "主题"), ("from", "发件人"), ("date", "日期"))
    return "\n".join(f"{label}：{entity.text(name)[:300]}" for name, label in labels if entity.get(name))


def _text(mail: Mail, bodies: _Bodies, entity: mime.Entity, content: bytes) -> None:
    label = entity.params.get("charset", "")
    if entity.type == "text/html":
        content = content[:_MAX_BODY]
        label = label if charset.codec_of(label) else html.charset_of(content)
        bodies.add(bodies.htmls, entity.message, charset.decode(content, label), mail.warnings)
        return
    for name, inner in _uu_files(content):
        mail.attachments.append(Attachment(name, attachments.media_type(name), inner, nested=bool(entity.message)))
    content = _without_uu(content)[:_MAX_BODY] if b"begin" in content else content[:_MAX_BODY]
    text = charset.decode(content, label)
    if entity.params.get("format", "").lower() == "flowed":
        text = _flowed(text, delsp=entity.params.get("delsp", "").lower() == "yes")
    if entity.type != "text/plain":  # RFC 1896: commands in angle brackets
        text = html.to_text(text.replace("<<", "&lt;"))
    bodies.add(bodies.texts, entity.message, text.replace("\r\n", "\n"), mail.warnings)


def _uu_spans(content: bytes) -> list[tuple[int, int, int, str]]:
    """(start, first data line, end, name) of the uuencoded files in a text body."""
    spans: list[tuple[int, int, int, str]] = []
    position = 0
    while len(spans) < MAX_ATTACHMENTS and (begin := _UU.search(content, position)):
        end = _UU_END.search(content, begin.end())
        if end is None:
            break
        name = mime.safe_name(charset.decode_header(begin[1])) or "附件"
        spans.append((begin.start(), begin.end(), end.start(), name))
        position = end.end()
    return spans


def _uu_files(content: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for start, first, end, name in _uu_spans(content):
        is_base64 = content.startswith(b"begin-base64", start)
        inner = charset.base64(content[first:end]) if is_base64 else mime.uudecode(content[first:end])
        if inner:
            found.append((name, inner))
    return found


def _without_uu(content: bytes) -> bytes:
    out: list[bytes] = []
    position = 0
    for start, _first, end, _name in _uu_spans(content):
        out.append(content[position:start])
        line = content.find(b"\n", end)
        position = line + 1 if line >= 0 else len(content)
    return b"".join([*out, content[position:]])


def _flowed(text: str, *, delsp: bool) -> str:
    """Soft line breaks of RFC 3676 joined again."""
    out: list[str] = []
    for line in text.splitlines():
        line = line.removeprefix(" ")  # noqa: PLW2901  space-stuffing undone
        soft = line.endswith(" ") and line != "-- " and not line.startswith(">")
        out.append(line[:-1] if soft and delsp else line)
        if not soft:
            out.append("\n")
    return "".join(out)


def _unwrap(mail: Mail, bodies: _Bodies, entity: mime.Entity, content: bytes) -> bool:
    """A winmail.dat: its text and attachments in its stead. False where it cannot be read."""
    found = tnef.read(content)
    if found is None or not (found.text or found.html or found.attachments):
        mail.warnings.append("winmail.dat 无法解开，作为附件保留")
        return False
    if found.text.strip() and not bodies.texts.get(entity.message):
        bodies.add(bodies.texts, entity.message, found.text.replace("\r\n", "\n"), mail.warnings)
    if found.html.strip() and not bodies.htmls.get(entity.message):
        bodies.add(bodies.htmls, entity.message, found.html, mail.warnings)
    for name, inner in found.attachments:
        name = mime.safe_name(name)  # noqa: PLW2901
        mail.attachments.append(Attachment(name, attachments.media_type(name), inner, nested=bool(entity.message)))
    return True


def _hang(mail: Mail, entity: mime.Entity, content: bytes, name: str) -> None:
    if len(mail.attachments) >= MAX_ATTACHMENTS:
        if len(mail.attachments) == MAX_ATTACHMENTS and not any("附件超过" in text for text in mail.warnings):
            mail.warnings.append(f"附件超过 {MAX_ATTACHMENTS} 个，其余附件只保留在原件中")
        return
    disposition = entity.disposition()[0]
    inline = disposition != "attachment" and bool(entity.get("content-id") or disposition == "inline")
    mail.attachments.append(Attachment(name, entity.type, content, inline=inline, nested=bool(entity.message)))
