"""A stored mail as outcomes: a report, a follow-up, a delivery report or mail that is no clue. Pure.

Correlation keys are Message-IDs with their angle brackets and clue numbers as printed. A mail is never threaded by its
subject: hundreds of citizens write "举报".
"""

from __future__ import annotations

import re
from typing import Final

from channels.contract import (
    Blob,
    Continuation,
    Json,
    NewReport,
    NonClue,
    NormalizeError,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
)
from channels.email import attachments, automatic
from channels.email.reading import MAX_BYTES, Mail, read

MAX_KEYS: Final = 60
_MAX_EXTRA_TEXT: Final = 1_000_000  # characters of attached text files and documents together
CLUE_NO = re.compile(r"(?<![0-9-])[0-9]{6}-[0-9]{8}-[0-9]{2}-[0-9]{6}(?![0-9-])")
_WIDE: Final = str.maketrans("0123456789－–—﹣‐‑", "0123456789------")
# A web form's mailer marks its mail as automatic, yet a citizen speaks: words of our subject outweigh the mark.
_SUBSTANCE = re.compile(r"举报|舉報|违法|违规|非法|盗采|占地|耕地|农田|采矿|采砂|挖沙|土地|信访|投诉")


def normalize(raw: RawIntake) -> list[Outcome]:
    """The outcomes of one mail. Raises NormalizeError only where no person could read anything either."""
    blob = next((blob for blob in raw.blobs if blob.role == "original"), raw.blobs[0] if raw.blobs else None)
    oversize = raw.meta.get("oversize")
    if oversize:
        size = f"{oversize:,} 字节，" if isinstance(oversize, int) else ""
        raise NormalizeError(f"邮件过大（{size}超过本邮箱的上限），只收下了邮件头，请到邮箱中查看原件并人工登记")
    data = _bytes(blob)
    if not data.strip():
        raise NormalizeError("邮件为空")
    mail = read(data)
    if not mail.headers.headers and (not mail.text.strip() or attachments.binary(data)):
        raise NormalizeError("内容不是可以识别的邮件")
    return [_outcome(mail, _report(mail, raw, blob))]


def _bytes(blob: Blob | None) -> bytes:
    if blob is None:
        return b""
    if blob.path is None:
        return blob.data
    with blob.path.open("rb") as file:  # a large mail stays on disk; only what will be read is loaded
        return file.read(MAX_BYTES + 1)


def _outcome(mail: Mail, report: Report) -> Outcome:
    if automatic.receipt(mail):
        return NonClue("other", "阅读回执", report)
    if automatic.bounce(mail):
        return automatic.delivery_report(mail) or NonClue("other", "退信或投递通知，未指明我方邮件", report)
    if automatic.vacation(mail):
        return NonClue("other", "自动答复邮件", report)
    words = f"{mail.subject}\n{mail.text}\n{''.join(text for _title, text in mail.nested)}"
    if (automatic.listed(mail) or automatic.generated(mail)) and not _SUBSTANCE.search(words[:200_000]):
        listed = automatic.listed(mail)
        return NonClue(
            "invalid" if listed else "other", "群发或邮件列表邮件" if listed else "系统自动生成的邮件", report
        )
    if not mail.subject.strip() and not mail.readable:
        return NonClue("invalid", "邮件没有主题、正文和附件", report)
    own = (mail.message_id,) if mail.message_id else ()
    named = dict.fromkeys(CLUE_NO.findall(words.translate(_WIDE)))
    earlier = [*list(named)[:10], *mail.references]
    if earlier:
        return Continuation(report, tuple(dict.fromkeys([*earlier[: MAX_KEYS - 1], *own])))
    return NewReport(report, own)


def _report(mail: Mail, raw: RawIntake, original: Blob | None) -> Report:
    first = len(raw.blobs)
    parts: list[Part] = []
    derived: list[Blob] = []
    facts: dict[str, Json] = {
        "role": "body",
        "message_id": mail.message_id,
        "date": mail.date.isoformat() if mail.date else None,
        "auto_reply_allowed": automatic.auto_reply_allowed(mail),
    }
    parts.append(Part(PartKind.TEXT, mail.text, raw.blobs.index(original) if original else None, data=facts))
    if mail.html:
        parts.append(Part(PartKind.HTML, mail.html))
    parts += [Part(PartKind.TEXT, text, title=title, data={"role": "nested"}) for title, text in mail.nested]
    room = _MAX_EXTRA_TEXT
    for item in mail.attachments:
        index = first + len(derived)
        derived.append(Blob(item.name, item.media_type, item.data, role="attachment"))
        kind = attachments.kind_of(item.data, item.name, item.media_type)
        if (
            kind is PartKind.SCAN
            and item.media_type != "application/pdf"
            and item.inline
            and attachments.tiny(item.data)
        ):
            kind = PartKind.FILE  # a logo in a signature is no page to read
        parts.append(Part(kind, blob=index, title=item.name, data={"inline": item.inline}))
        text = attachments.words(item.data, item.name, item.media_type)[:room] if room else ""
        if text:
            room -= len(text)
            parts.append(Part(PartKind.TEXT, text, index, item.name, {"role": "attachment"}))
    return Report(
        parts=tuple(parts),
        derived=tuple(derived),
        sender=Sender(name=mail.sender.name, email=mail.sender.email),
        title=mail.subject,
        warnings=tuple(dict.fromkeys(mail.warnings)),
    )
