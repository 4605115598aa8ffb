"""A mail as the channel reads it."""

from __future__ import annotations

from datetime import UTC, datetime

from channels import testing
from channels.contract import (
    Blob,
    Continuation,
    NewReport,
    NonClue,
    RawIntake,
    Report,
)
from channels.email import CHANNEL
from tests.channels.email.samples import (
    FROM,
    mail,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def raw(data: bytes, **meta: object) -> RawIntake:
    return RawIntake("email", "email:1", "INBOX/1:1", NOW, (Blob("mail.eml", "message/rfc822", data),), meta)


def outcome(data: bytes):
    outcomes = testing.check_normalize(CHANNEL, raw(data))
    assert outcomes is not None
    assert len(outcomes) == 1
    return outcomes[0]


def report(data: bytes) -> Report:
    found = outcome(data)
    assert isinstance(found, NewReport | Continuation | NonClue), found
    return found.report


def text(data: bytes) -> str:
    return report(data).parts[0].text


def plain(body: bytes, charset_: bytes = b"", encoding: bytes = b"8bit") -> bytes:
    kind = b"Content-Type: text/plain" + (b"; charset=" + charset_ if charset_ else b"")
    return mail(FROM + b"Subject: x", kind, b"Content-Transfer-Encoding: " + encoding, body=body)
