"""Mail that machines wrote: bounces (RFC 3464), receipts (RFC 8098), vacation replies, lists (RFC 3834)."""

from __future__ import annotations

import re
from typing import Final

from channels.contract import DeliveryReport
from channels.email import charset, mime
from channels.email.reading import Mail, message_ids

_VACATION = re.compile(
    r"\s*(?:(?:re|回复|答复|轉寄|转发)\s*[:：]\s*)?"
    r"(?:自动回复|自動回[覆復复]|自动答复|假期自动|automatic reply|auto[- ]?(?:reply|response|matic reply)|"
    r"out of (?:the )?office)\s*(?:[:：\[(（-]|$)",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"退信|无法投递|投递失败|發送失敗|发送失败|undeliver|delivery (?:status|failure|has failed)|"
    r"mail delivery (?:failed|system)|"
    r"returned mail|failure notice|non[- ]?delivery",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon|mailerdaemon)@", re.IGNORECASE)
NOBODY_READS = re.compile(
    r"(?:no|donot|do-not|do_not|not)[-_.]?reply|bounces?[@+]|mailer-daemon|postmaster@", re.IGNORECASE
)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY_CODE = re.compile(r"\b([45]\d\d)[ -]")
_EMBEDDED_ID = re.compile(rb"(?i)(?:^|\n)[> \t]*message-id:[ \t\r\n]*(<[^<>\s]{1,250}>)")
_LISTS: Final = (
    "list-id",
    "list-post",
    "list-unsubscribe",
    "list-help",
    "list-subscribe",
    "list-owner",
    "list-archive",
)


def _word(mail: Mail, name: str) -> str:
    """A header's first word, lower-case."""
    return charset.decode(mail.headers.get(name)).split(";")[0].strip().lower()


def auto_reply_allowed(mail: Mail) -> bool:
    """Whether an automatic answer may go out (RFC 3834 §2; the caps per address are the hub's)."""
    head = mail.headers
    if _word(mail, "auto-submitted") not in ("", "no"):
        return False
    if _word(mail, "precedence") in ("bulk", "list", "junk", "auto_reply"):
        return False
    if any(head.get(name) for name in (*_LISTS, "x-autoreply", "x-autorespond", "x-auto-reply", "x-loop", "x-list")):
        return False
    suppress = charset.decode(head.get("x-auto-response-suppress")).lower()
    if any(word in suppress for word in ("all", "autoreply", "oof")):
        return False
    if any(value.strip() in (b"<>", b"") for value in head.all("return-path")):
        return False
    if head.type == "multipart/report" or head.type.startswith("message/delivery"):
        return False
    email = mail.sender.email
    return bool(email) and not NOBODY_READS.search(email) and not vacation(mail) and not bounce(mail)


def vacation(mail: Mail) -> bool:
    """An out-of-office answer, by header or by the words the big providers put before the subject."""
    replied = _word(mail, "auto-submitted") == "auto-replied"
    headers = any(mail.headers.get(name) for name in ("x-autoreply", "x-autorespond", "x-auto-reply"))
    return replied or headers or _word(mail, "precedence") == "auto_reply" or bool(_VACATION.match(mail.subject))


def receipt(mail: Mail) -> bool:
    """A message disposition notification: somebody opened a notice."""
    kind = mail.headers.params.get("report-type", "").lower()
    return kind == "disposition-notification" or any(
        part.type == "message/disposition-notification" for part in mail.report
    )


def listed(mail: Mail) -> bool:
    """Bulk or list mail."""
    return bool(mail.headers.get("list-id")) or _word(mail, "precedence") in ("bulk", "list", "junk")


def generated(mail: Mail) -> bool:
    return _word(mail, "auto-submitted") not in ("", "no")


def bounce(mail: Mail) -> bool:
    """A delivery status notification, standard or of the home-made kind that Chinese providers send."""
    if mail.headers.params.get("report-type", "").lower() == "delivery-status":
        return True
    if any(part.type == "message/delivery-status" for part in mail.report):
        return True
    if mail.headers.get("x-failed-recipients"):
        return True
    return bool(_DAEMON.search(mail.sender.email) and _BOUNCE_SUBJECT.search(mail.subject))


def delivery_report(mail: Mail) -> DeliveryReport | None:
    """What became of the message that this bounce speaks of; None where it does not name one.

    `detail` carries status codes only: diagnostics quote addresses.
    """
    fields: dict[str, list[str]] = {}
    original = ""
    for part in mail.report[1:]:
        content = part.content()
        if part.type == "message/delivery-status":
            for name, value in _fields(content):
                fields.setdefault(name, []).append(value)
        elif part.type in ("text/rfc822-headers", "message/rfc822", "message/rfc822-headers"):
            found = _EMBEDDED_ID.search(content[: 1 << 18])
            original = original or (message_ids(found[1])[0] if found else "")
    if not original:
        body = mail.headers.raw()[: 1 << 20]
        found = _EMBEDDED_ID.search(body) or _EMBEDDED_ID.search(mail.text[:200_000].encode())
        original = message_ids(found[1])[0] if found else ""
    if not original and mail.references:
        original = mail.references[0]
    if not original:
        return None
    actions = {value.split(";")[0].strip().lower() for value in fields.get("action", ())}
    status = next((m[1] for value in fields.get("status", ()) if (m := _STATUS.search(value))), "")
    if not status and (match := _STATUS.search(mail.text[:20_000])):
        status = match[1]
    diagnostic = " ".join(fields.get("diagnostic-code", ()))[:2_000] or mail.text[:20_000]
    code = match[1] if (match := _REPLY_CODE.search(diagnostic)) else ""
    detail = " ".join(piece for piece in (status, code) if piece)
    if "failed" in actions or not actions:
        return DeliveryReport(original, "failed", not (status.startswith("4") or code.startswith("4")), detail)
    if actions & {"delivered", "relayed", "expanded"} and "delayed" not in actions:
        return DeliveryReport(original, "delivered", detail=detail)
    return DeliveryReport(original, "sent", detail=detail)


def _fields(content: bytes) -> list[tuple[str, str]]:
    """The per-message and per-recipient fields of a delivery-status body, at most 2,000."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(content) and len(found) < 2_000:
        headers, after = mime.read_headers(content, position, len(content))
        found += [(name, charset.decode(value)[:2_000]) for name, value in headers]
        if after <= position:
            break
        position = after
    return found
