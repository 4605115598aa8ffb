"""Mails as Chinese mail programs, machines and attackers write them, built byte by byte."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

TEXT = "我要举报：大同市平城区马军营乡某砖厂占用基本农田二十亩取土，破坏耕地。"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
FROM = (
    b"From: =?utf-8?B?" + base64.b64encode("王举报".encode()) + b"?= <reporter@example.cn>\r\nTo: <clue@example.cn>\r\n"
)


def word(text: str, charset: str, codec: str = "") -> bytes:
    return b"=?" + charset.encode() + b"?B?" + base64.b64encode(text.encode(codec or charset)) + b"?="


def mail(*headers: bytes, body: bytes = b"", mid: bytes = b"<one@example.cn>") -> bytes:
    return b"\r\n".join([b"Message-ID: " + mid, *headers, b"", body])


def multipart(
    *parts: bytes, kind: bytes = b"mixed", head: bytes = b"Subject: s\r\n", boundary: bytes = b"=_b"
) -> bytes:
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    top = b"Message-ID: <one@example.cn>\r\n" + FROM + head + b"MIME-Version: 1.0\r\n"
    return top + b"Content-Type: multipart/" + kind + b'; boundary="' + boundary + b'"\r\n\r\npreamble\r\n' + body


def part(data: bytes, kind: bytes, name: bytes = b"", extra: bytes = b"") -> bytes:
    """A base64 part; `name` is put behind `Content-Disposition: attachment; ` as it is."""
    lines = [b"Content-Type: " + kind, b"Content-Transfer-Encoding: base64"]
    if name:
        lines.append(b"Content-Disposition: attachment; " + name)
    return b"\r\n".join([*lines, *([extra] if extra else []), b"", base64.encodebytes(data).replace(b"\n", b"\r\n")])


def gbk_raw() -> bytes:
    """Raw 8-bit gb2312 in headers, body and file name: what many Chinese programs still send."""
    subject = "Subject: 举报违法占地\r\n".encode("gbk")
    sender = 'From: "李村民" <li@example.cn>\r\n'.encode("gbk")
    body = b"Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + TEXT.encode("gbk")
    name = 'filename="现场照片.pdf"'.encode("gbk")
    made = multipart(body, part(PDF, b"application/pdf", name), head=subject)
    return made.replace(FROM, sender + b"To: <clue@example.cn>\r\n")


def tnef_object(level: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, kind, 0, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def mapi(*properties: tuple[int, int, bytes]) -> bytes:
    out = struct.pack("<I", len(properties))
    for sort, key, value in properties:
        out += struct.pack("<HHII", sort, key, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return out


def winmail(text: str = TEXT) -> bytes:
    return (
        struct.pack("<IH", 0x223E9F78, 7)
        + tnef_object(1, 0x9007, struct.pack("<II", 936, 0))
        + tnef_object(1, 0x800C, text.encode("gbk") + b"\0")
        + tnef_object(2, 0x9002, b"\0" * 14)
        + tnef_object(2, 0x8010, "现场.pdf".encode("gbk") + b"\0")
        + tnef_object(2, 0x800F, PDF)
        + tnef_object(2, 0x9005, mapi((0x1F, 0x3707, "现场照片一.pdf\0".encode("utf-16-le"))))
    )


def bounce(action: str = "failed", status: str = "5.1.1", original: bytes = b"<notice-7@hub.example.cn>") -> bytes:
    report = (
        f"Reporting-MTA: dns; mx.example.cn\r\n\r\nFinal-Recipient: rfc822; gone@example.cn\r\nAction: {action}\r\n"
        f"Status: {status}\r\nDiagnostic-Code: smtp; 550 5.1.1 <gone@example.cn> user unknown\r\n"
    ).encode()
    head = b"Subject: Undelivered Mail Returned to Sender\r\nReturn-Path: <>\r\nAuto-Submitted: auto-replied\r\n"
    made = multipart(
        b"Content-Type: text/plain\r\n\r\nsorry",
        b"Content-Type: message/delivery-status\r\n\r\n" + report,
        b"Content-Type: text/rfc822-headers\r\n\r\nSubject: notice\r\n"
        + (b"Message-ID: " + original + b"\r\n" if original else b""),
        kind=b"report; report-type=delivery-status",
        head=head,
    )
    return made.replace(b"reporter@example.cn", b"MAILER-DAEMON@example.cn")


def _nested(levels: int) -> bytes:
    out = FROM
    for level in range(levels):
        out += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    return out + b"\r\ndeep"


def _many(count: int) -> bytes:
    return FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--"


def _html(source: bytes) -> bytes:
    return FROM + b"Content-Type: text/html\r\n\r\n" + source


def _tnef_counters() -> bytes:
    value = struct.pack("<IHHI", 0xFFFFFFFF, 0x1002, 0x1000, 0xFFFFFFFF) + b"\0" * 2_000_000
    data = struct.pack("<IH", 0x223E9F78, 1) + tnef_object(1, 0x9003, value)
    return FROM + b"Content-Type: application/ms-tnef\r\n\r\n" + data


HOSTILE: dict[str, Callable[[], bytes]] = {
    "10k parts": lambda: _many(10_000),
    "100k parts": lambda: _many(100_000),
    "nesting 3000": lambda: _nested(3_000),
    "one boundary nested": lambda: FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 3_000,
    "messages nested 3000": lambda: FROM + b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"\r\nx",
    "20k encoded words": lambda: b"Subject: " + b" ".join([b"=?gb2312?B?1tC5+g==?="] * 20_000) + b"\r\n\r\nx",
    "unclosed words": lambda: b"Subject: " + b"=?a?b?" * 200_000 + b"\r\n\r\nx",
    "50k addresses": lambda: b"To: " + b", ".join(b'"a, b" <u%d@example.cn>' % n for n in range(50_000)) + b"\r\n\r\nx",
    "nested comments": lambda: b"From: " + b"(" * 100_000 + b"a@b.cn\r\n\r\nx",
    "10k parameters": lambda: b"Content-Type: text/plain" + b'; p="x' * 10_000 + b"\r\n\r\nx",
    "10k continuations": lambda: (
        b"Content-Disposition: attachment" + b"".join(b"; filename*%d*=%%41" % n for n in range(10_000)) + b"\r\n\r\nx"
    ),
    "base64 60 MB": lambda: (
        FROM
        + b"Content-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + (b"QUJD" * 19 + b"\r\n") * 769_230
    ),
    "NUL charset": lambda: b'Subject: =?a\0b?B?1tC5+g==?=\r\nContent-Type: text/plain; charset="a\0b"\r\n\r\n\xd6\xd0',
    "punycode charset": lambda: FROM + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 200_000,
    "100k div": lambda: _html(b"<div>" * 100_000 + b"x" + b"</div>" * 100_000),
    "6k tables": lambda: _html(b"<table><tr><td>" * 6_000 + b"x"),
    "open tags": lambda: _html(b"<a " * 300_000),
    "open comments": lambda: _html(b"<!--" * 300_000),
    "1000 HTML parts": lambda: (
        FROM
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>x</p>" * 200 + b"\r\n") * 990
    ),
    "uu begins": lambda: FROM + b"\r\n" + b"begin 644 a\r\n" * 100_000,
    "uu files": lambda: FROM + b"\r\n" + b"begin 644 a\r\n#86)C\r\n`\r\nend\r\n" * 20_000,
    "tnef counters": _tnef_counters,
    "tnef objects": lambda: (
        FROM
        + b"Content-Type: application/ms-tnef\r\n\r\n\x78\x9f\x3e\x22\0\0"
        + b"\2\x0f\x80\0\0\0\0\0\0\0\0" * 200_000
    ),
    "1M headers": lambda: b"X-A: b\r\n" * 1_000_000,
    "folded for ever": lambda: b"Subject: " + b"a\r\n " * 1_000_000 + b"\r\n\r\nx",
    "flowed": lambda: FROM + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 500_000,
    "status blocks": lambda: (
        FROM
        + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"a: b\r\n\r\n" * 100_000
    ),
    "references": lambda: b"References: " + b"<a@b> " * 40_000 + b"\r\nIn-Reply-To: " + b"<" * 100_000 + b"\r\n\r\nx",
}
