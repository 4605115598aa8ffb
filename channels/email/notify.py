"""Hands a notice to the mail server (SMTP, RFC 5321); 250 after the text is the evidence of hand-over.

The mail is the same bytes at every try: Message-ID from the notice's key, Date from when it was asked for. So a server
that already has it can drop the second copy, answers and bounces find the notice, and nothing is sent under two names.
Loop-safe by RFC 3834 §5 (Auto-Submitted) and by never writing to addresses nobody reads.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from pydantic import ValidationError

from channels.contract import Handed, NotifyError, Outgoing, Ports, Route, Sender, Source
from channels.email.automatic import NOBODY_READS
from channels.email.settings import EmailSettings

TIMEOUT_S: Final = 15.0
TEXT_TIMEOUT_S: Final = 120.0
"""Servers look for viruses before they answer the text; RFC 5321 §4.5.3.2.6 asks for ten minutes."""
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\@]{1,64}@[^\s<>,;:\"()\[\]\\@]{1,255}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_STATUS = re.compile(rb"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LOST = (OSError, smtplib.SMTPException, EOFError)  # OSError holds timeouts and TLS errors


def fits(sender: Sender) -> bool:
    """An address that a person reads, as far as it tells."""
    return bool(_ADDRESS.fullmatch(sender.email)) and not NOBODY_READS.search(sender.email)


def ready(source: Source) -> bool:
    try:
        settings = EmailSettings.model_validate(dict(source.settings))
    except ValidationError:
        return False
    return bool(settings.smtp_host and settings.from_address)


def send(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    """One mail to one recipient. Raises NotifyError: 4xx passes, 5xx is permanent, silence after the text unknown."""
    try:
        settings = EmailSettings.model_validate(dict(source.settings))
    except ValidationError:
        raise NotifyError("邮箱设置无效", permanent=False) from None
    to = _ascii_domain(notice.to.email)
    if to.lower() == settings.from_address.lower():
        raise NotifyError("收件地址就是本邮箱", permanent=True)
    mail = compose(settings, notice, to)
    with _server(settings, _password(ports, source) if settings.smtp_sign_in else "") as server:
        code, status = _hand_over(server, settings.from_address, to, mail)
    return Handed(f"{code} {status}".strip(), (str(mail["Message-ID"]),))


def _ascii_domain(address: str) -> str:
    """The address with its domain in letters the mail system knows (RFC 5891)."""
    local, _, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
        local.encode("ascii")
    except UnicodeError:
        raise NotifyError("收件地址含有不能投递的字符", permanent=True) from None
    if not _ADDRESS.fullmatch(f"{local}@{domain}") or NOBODY_READS.search(address):
        raise NotifyError("收件地址不能投递", permanent=True)
    return f"{local}@{domain}"


def compose(settings: EmailSettings, notice: Outgoing, to: str) -> EmailMessage:
    """The mail. Its subject is ours: that of the reporter's mail would show what it is about (G11)."""
    local, _, domain = settings.from_address.rpartition("@")
    mail = EmailMessage(policy=SMTP.clone(max_line_length=76))
    mail["From"] = Address(settings.sender_name, local, domain)
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = notice.title
    mail["Date"] = format_datetime(notice.at)
    mail["Message-ID"] = f"<{notice.key}@{domain}>"
    earlier = [name for name in notice.thread if _MESSAGE_ID.fullmatch(name)]
    if earlier:
        mail["In-Reply-To"] = earlier[-1]
        mail["References"] = " ".join(earlier)
    mail["Auto-Submitted"] = "auto-replied" if notice.answering else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(notice.text + "\n", charset="utf-8", cte="base64")
    return mail


def _password(ports: Ports, source: Source) -> str:
    for name in ("smtp_password", "password"):
        with contextlib.suppress(KeyError):
            return ports.secret(source.id, name)
    raise NotifyError("未设置邮箱密码", permanent=False)


@contextlib.contextmanager
def _server(settings: EmailSettings, password: str) -> Iterator[smtplib.SMTP]:
    """A greeted and signed-in connection. Before the text is sent every failure passes."""
    context = ssl.create_default_context(cadata=settings.ca_pem or None) if settings.smtp_tls != "none" else None
    server: smtplib.SMTP | None = None
    try:
        if context is not None and settings.smtp_tls == "tls":
            server = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S)
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
        server.ehlo_or_helo_if_needed()
        if settings.smtp_sign_in:
            server.login(settings.user, password)
    except _LOST as error:
        if server is not None:
            server.close()
        refused = isinstance(error, smtplib.SMTPAuthenticationError)
        message = "邮件服务器拒绝登录" if refused else "邮件服务器没有应答"
        raise NotifyError(message, permanent=False) from None  # the cause may quote the account
    try:
        yield server
    finally:
        with contextlib.suppress(*_LOST):
            server.quit()
        server.close()


def _hand_over(server: smtplib.SMTP, sender: str, to: str, mail: EmailMessage) -> tuple[int, str]:
    """MAIL, RCPT, DATA; reply code and enhanced status of the last. Raises NotifyError."""
    try:
        _check(*server.mail(sender), ours=True)
        _check(*server.rcpt(to))
        server.putcmd("data")
        code, reply = server.getreply()
        if code != 354:
            _check(code, reply)
            raise NotifyError(f"邮件服务器应答异常（{code}）", permanent=False)
    except _LOST:
        raise NotifyError("与邮件服务器的连接中断", permanent=False) from None
    try:
        if server.sock is not None:
            server.sock.settimeout(TEXT_TIMEOUT_S)
        server.send(_stuffed(mail.as_bytes()))
        code, reply = server.getreply()
    except _LOST:
        # The server may have taken it: whoever sends again now may send twice (RFC 1047).
        raise NotifyError("正文发出后连接中断，结果不明", permanent=False, unknown=True) from None
    _check(code, reply)
    return code, _status(reply)


def _stuffed(text: bytes) -> bytes:
    """RFC 5321 §4.5.2: lines end in CRLF, a leading dot is doubled, a dot alone ends the text."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _status(reply: bytes) -> str:
    found = _STATUS.search(reply)
    return found[1].decode() if found else ""


def _check(code: int, reply: bytes, *, ours: bool = False) -> None:
    """Raises NotifyError for a refusal. The server's words may quote the address: only its numbers are kept.

    `ours`: a 5xx against our own sender address says nothing about the recipient.
    """
    if 200 <= code < 300:
        return
    shown = f"{code} {_status(reply)}".strip()
    if code == 421 or code < 500 or ours:
        raise NotifyError(f"邮件服务器暂不接收（{shown}）", permanent=False)
    raise NotifyError(f"邮件服务器拒收（{shown}）", permanent=True)


ROUTES = (Route("email", "电子邮件", 30, fits, send, ready, rings=False),)
