"""What a mail is: a new report, more about a clue, a bounce, a machine's letter."""

from __future__ import annotations

import pytest

from channels.contract import (
    Continuation,
    DeliveryReport,
    NewReport,
    NonClue,
    NormalizeError,
)
from channels.email import describe, normalize
from tests.channels.email.reading import outcome, plain, raw, text
from tests.channels.email.samples import (
    FROM,
    TEXT,
    bounce,
    mail,
)


def test_replies_and_named_clues_continue_and_subjects_do_not():
    reply = mail(
        FROM + b"Subject: Re: x", b"In-Reply-To: <n1@hub>", b"References: <n0@hub> <n1@hub>", body=b"x", mid=b"<r@x>"
    )
    found = outcome(reply)
    assert isinstance(found, Continuation)
    assert found.correlation_keys == ("<n1@hub>", "<n0@hub>", "<r@x>")
    named = outcome(plain("补充线索 150821－20261122－03－012345 的材料".encode(), b"utf-8"))
    assert isinstance(named, Continuation)
    assert named.correlation_keys == ("150821-20261122-03-012345", "<one@example.cn>")
    assert isinstance(outcome(mail(FROM + b"Subject: Re: Re: 1", body=TEXT.encode())), NewReport)
    assert isinstance(outcome(plain(b"1150821-20261122-03-0123456")), NewReport)


def test_bounces_become_delivery_reports():
    assert outcome(bounce()) == DeliveryReport("<notice-7@hub.example.cn>", "failed", True, "5.1.1 550")
    assert outcome(bounce("delayed", "4.4.1")).state == "sent"
    assert outcome(bounce("delivered", "2.0.0")).state == "delivered"
    unknown = outcome(bounce(original=b""))
    assert isinstance(unknown, NonClue)
    assert unknown.kind == "other"
    assert "gone@example.cn" not in outcome(bounce()).detail


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (b"Auto-Submitted: auto-replied", "other"),
        ("Subject: 自动回复：您的来信".encode(), "other"),
        (b"Subject: Out of Office: back on Monday", "other"),
        (b"X-Autoreply: yes", "other"),
        (b"Auto-Submitted: auto-generated", "other"),
        (b"List-Id: <news.example.cn>", "invalid"),
        (b"Precedence: bulk", "invalid"),
    ],
)
def test_machine_mail_is_no_clue_and_gets_no_answer(headers: bytes, kind: str):
    data = mail(FROM + headers, body="欢迎订阅".encode())
    found = outcome(data)
    assert isinstance(found, NonClue)
    assert found.kind == kind
    assert found.report.parts[0].text == "欢迎订阅"
    assert describe(data, "x")["auto_reply_allowed"] is False


def test_a_report_sent_through_a_machine_is_still_a_report():
    data = mail(FROM + b"Auto-Submitted: auto-generated", body=TEXT.encode())
    assert isinstance(outcome(data), NewReport)
    assert describe(data, "x")["auto_reply_allowed"] is False


@pytest.mark.parametrize(
    "header",
    [
        b"Return-Path: <>",
        b"List-Unsubscribe: <mailto:u@x>",
        b"X-Auto-Response-Suppress: OOF, AutoReply",
        b"X-Loop: hub",
    ],
)
def test_no_automatic_answer(header: bytes):
    assert describe(mail(FROM + header, body=TEXT.encode()), "x")["auto_reply_allowed"] is False


def test_nothing_to_read():
    for data in (b"", b"\r\n\r\n", b"\x00\x01\x02" * 500):
        with pytest.raises(NormalizeError):
            normalize(raw(data))
    with pytest.raises(NormalizeError, match="过大"):
        normalize(raw(b"Subject: x\r\n\r\n", oversize=99_000_000))
    assert isinstance(outcome(b"Message-ID: <a@b>\r\n\r\n"), NonClue)


def test_a_bare_text_is_still_read():
    assert text(TEXT.encode("gbk")) == TEXT
