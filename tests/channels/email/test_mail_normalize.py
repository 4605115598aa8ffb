"""Ordinary and odd mail becomes the right outcome with the right words."""

from __future__ import annotations

import base64
import binascii
import email
import hashlib
import io
import zipfile
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels import testing
from channels.contract import (
    Blob,
    InputRefusedError,
    NewReport,
    PartKind,
)
from channels.email import CHANNEL, charset, describe, from_files, tnef
from tests.channels.email.reading import NOW, outcome, plain, raw, report, text
from tests.channels.email.samples import (
    FROM,
    PDF,
    PNG,
    TEXT,
    bounce,
    gbk_raw,
    mail,
    mapi,
    multipart,
    part,
    winmail,
    word,
)


def test_an_ordinary_mail():
    data = multipart(
        b'Content-Type: text/plain; charset="utf-8"\r\n\r\n' + TEXT.encode(),
        part(PDF, b"application/pdf", b'filename="a.pdf"'),
        head=b"Subject: " + word("举报违法占地", "utf-8") + b"\r\nDate: Mon, 02 Mar 2026 08:00:00 +0800\r\n",
    )
    found = outcome(data)
    assert isinstance(found, NewReport)
    assert found.correlation_keys == ("<one@example.cn>",)
    assert (found.report.title, found.report.parts[0].text) == ("举报违法占地", TEXT)
    assert (found.report.sender.name, found.report.sender.email) == ("王举报", "reporter@example.cn")
    assert [(p.kind, p.blob) for p in found.report.parts] == [(PartKind.TEXT, 0), (PartKind.SCAN, 1)]
    assert found.report.derived[0].data == PDF
    assert found.report.derived[0].name == "a.pdf"
    assert found.report.parts[0].data["auto_reply_allowed"] is True
    assert found.report.warnings == ()


def test_raw_eight_bit_gb2312_in_headers_body_and_file_name():
    found = report(gbk_raw())
    assert found.title == "举报违法占地"
    assert found.sender.name == "李村民"
    assert found.parts[0].text == TEXT
    assert found.derived[0].name == "现场照片.pdf"
    assert found.derived[0].data == PDF


@pytest.mark.parametrize(
    ("codec", "label"),
    [
        ("gbk", b"gb2312"), ("gb18030", b"gb2312"), ("gbk", b"us-ascii"), ("gbk", b"iso-8859-1"), ("gbk", b""),
        ("gbk", b"utf-8"), ("utf-8", b"gb2312"), ("utf-8", b""), ("utf-8", b"us-ascii"), ("utf-8", b"no-such-charset"),
        ("hz", b"hz-gb-2312"), ("hz", b""), ("utf-16", b"utf-16"), ("utf-7", b"utf-7"), ("gbk", b"x-gbk"),
        ("gbk", b"unknown-8bit"), ("gb18030", b"GB18030"), ("gbk", b"cp936"),
    ],
)  # fmt: skip
def test_the_text_survives_every_charset_and_label(codec: str, label: bytes):
    assert text(plain(TEXT.encode(codec), label)) == TEXT
    assert text(plain(base64.encodebytes(TEXT.encode(codec)), label, b"base64")) == TEXT


@pytest.mark.parametrize("label", [b"big5", b"", b"us-ascii", b"gb2312-not", b"big5-hkscs"])
def test_big5(label: bytes):
    words = "我要舉報鄰村非法佔用農田興建廠房，請派人前來查看處理。"
    assert text(plain(words.encode("big5hkscs"), label)) == words


def test_iso_2022_cn():
    packed = b"\x1b$)A\x0e" + bytes(b & 0x7F for b in "违法占地".encode("gb2312")) + b"\x0f ok\r\n"
    assert text(plain(packed, b"iso-2022-cn")) == "违法占地 ok"


def test_rare_names_of_gb18030_and_short_words():
    assert text(plain("反映人：䶮玥 镕".encode("gb18030"), b"gb2312")) == "反映人：䶮玥 镕"
    assert charset.decode("联通".encode("gbk")) == "联通"
    assert charset.decode("für".encode("latin-1"), "iso-8859-1") == "für"


def test_characters_split_across_encoded_words():
    data = "举报某村违法占地建房".encode("gbk")
    first, second = data[:7], data[7:]
    words = b" ".join(b"=?gb2312?B?" + base64.b64encode(piece) + b"?=" for piece in (first, second))
    assert report(mail(FROM + b"Subject: " + words, body=b"x")).title == "举报某村违法占地建房"
    packed = base64.b64encode(data)
    cut = b"=?GB2312?B?" + packed[:9] + b"?=\r\n =?gb2312?B?" + packed[9:] + b"?="
    assert report(mail(FROM + b"Subject: " + cut, body=b"x")).title == "举报某村违法占地建房"
    mixed = b"Re: =?gbk?Q?=BE=D9=B1=A8?= (1) =?utf-8?Q?=E5=8D=A0=E5=9C=B0?="
    assert report(mail(FROM + b"Subject: " + mixed, body=b"x")).title == "Re: 举报 (1) 占地"


@pytest.mark.parametrize(
    "declared",
    [
        b"filename*=GB18030''" + b"".join(b"%%%02X" % b for b in "现场.pdf".encode("gbk")),
        b"filename*0*=utf-8''%E7%8E%B0; filename*1*=%E5%9C%BA; filename*2=.pdf",
        b'filename="' + word("现场.pdf", "gb2312", "gbk") + b'"',
        'filename="现场.pdf"'.encode("gbk"),
        'filename="现场.pdf"'.encode(),
        'filename="../../etc/\u202e现场.pdf"'.encode(),
        'filename="C:\\\\照片\\\\现场.pdf"'.encode("gb18030"),
    ],
)
def test_file_names(declared: bytes):
    assert report(multipart(part(PDF, b"application/pdf", declared))).derived[0].name == "现场.pdf"


def test_html_only_mail_is_read_and_kept():
    source = (
        "<html><head><meta charset=gbk><style>p{}</style></head><body><p>我要举报</p><p>占地&nbsp;二十亩</p></body>"
    )
    found = report(mail(FROM + b"Subject: x", b"Content-Type: text/html", body=source.encode("gbk")))
    assert found.parts[0].text.split() == ["我要举报", "占地", "二十亩"]
    assert found.parts[1].kind is PartKind.HTML
    assert found.parts[1].text == source


def test_what_only_the_html_says_is_read_too():
    data = multipart(
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "您的邮件程序不支持 HTML".encode(),
        b"Content-Type: text/html; charset=utf-8\r\n\r\n" + f"<div>{TEXT * 3}</div>".encode(),
        kind=b"alternative",
    )
    assert TEXT in text(data)


def test_quoted_text_is_kept():
    body = f"补充如下。\n\n在 2026-03-01，王某 写道：\n> {TEXT}\n发件人：x\n正文".encode()
    assert text(plain(body, b"utf-8")).endswith("正文")


def test_flowed_text_is_joined():
    data = mail(
        FROM + b"Subject: x",
        b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes",
        body="我要举报 \r\n违法占地\r\n第二段".encode(),
    )
    assert text(data) == "我要举报违法占地\n第二段"


def test_nested_message_and_its_attachment_are_read():
    inner = multipart(
        b"Content-Type: text/plain; charset=gbk\r\n\r\n" + TEXT.encode("gbk"),
        part(PNG * 200, b"image/png", b'filename="in.png"'),
        head="Subject: 原信\r\n".encode("gbk"),
        boundary=b"inner",
    )
    data = multipart(
        b"Content-Type: text/plain\r\n\r\nsee below",
        b'Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename="old.eml"\r\n\r\n' + inner,
    )
    found = report(data)
    nested = [p.text for p in found.parts if p.data.get("role") == "nested"]
    assert len(nested) == 1
    assert "主题：原信" in nested[0]
    assert TEXT in nested[0]
    assert [blob.name for blob in found.derived] == ["old.eml", "in.png"]
    assert [p.kind for p in found.parts if p.blob is not None and p.blob > 0] == [PartKind.FILE, PartKind.SCAN]


def test_winmail_is_opened():
    found = report(multipart(part(winmail(), b"application/ms-tnef", b'filename="winmail.dat"')))
    assert found.parts[0].text == TEXT
    assert [(blob.name, blob.data) for blob in found.derived] == [("现场照片一.pdf", PDF)]
    assert found.warnings == ()


def test_our_tnef_reader_agrees_with_the_library():
    from tnefparse import TNEF

    theirs = TNEF(winmail())
    ours = tnef.read(winmail())
    assert ours is not None
    assert [data for _name, data in ours.attachments] == [bytes(a.data) for a in theirs.attachments]
    assert tnef.read(mapi()) is None


def test_broken_winmail_stays_as_a_file():
    found = report(multipart(part(winmail()[:30], b"application/ms-tnef", b'filename="winmail.dat"')))
    assert [blob.name for blob in found.derived] == ["winmail.dat"]
    assert found.warnings


def test_uuencoded_file_in_the_text():
    lines = [binascii.b2a_uu(PDF[at : at + 45]) for at in range(0, len(PDF), 45)]
    body = TEXT.encode("gbk") + "\r\nbegin 644 现场.pdf\r\n".encode("gbk")
    body += b"".join(line.replace(b"\n", b"\r\n") for line in lines) + b"`\r\nend\r\n" + "谢谢".encode("gbk")
    found = report(plain(body, b"gb2312"))
    assert found.parts[0].text.split() == [TEXT, "谢谢"]
    assert [(blob.name, blob.data) for blob in found.derived] == [("现场.pdf", PDF)]


def test_kinds_of_attachments():
    docx = io.BytesIO()
    with zipfile.ZipFile(docx, "w") as archive:
        archive.writestr("word/document.xml", f"<w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p><w:p><w:t>&lt;完</w:t></w:p>")
    logo = b"Content-ID: <l@x>\r\nContent-Disposition: inline; filename=logo.png"
    files = [
        (PNG * 200, b"image/png", b"filename=photo.png", b"", PartKind.SCAN),
        (PNG, b"image/png", b"", logo, PartKind.FILE),
        (b"II*\0abcd", b"application/octet-stream", b"filename=fax.tif", b"", PartKind.SCAN),
        (b"#!AMR\n123", b"application/octet-stream", b"filename=a.bin", b"", PartKind.AUDIO),
        (b"\0\0\0\x18ftypisom123", b"video/mp4", b"filename=a.mp4", b"", PartKind.VIDEO),
        (b"\xd0\xcf\x11\xe0abc", b"application/msword", b"filename=a.doc", b"", PartKind.FILE),
        (docx.getvalue(), b"application/octet-stream", b"filename=a.docx", b"", PartKind.FILE),
        (TEXT.encode("gbk"), b"text/plain", b"filename=a.txt", b"", PartKind.FILE),
        (b"<svg onload=x>", b"image/svg+xml", b"filename=a.svg", b"", PartKind.FILE),
    ]
    found = report(multipart(*(part(*item[:4]) for item in files)))
    kinds = [p.kind for p in found.parts if p.blob and p.kind is not PartKind.TEXT]
    assert kinds == [item[4] for item in files]
    assert [blob.data for blob in found.derived] == [item[0] for item in files]
    texts = [p.text for p in found.parts if p.data.get("role") == "attachment"]
    assert texts == [f"{TEXT}\n<完", TEXT]


# ---- describe and files


def test_describe():
    found = describe(gbk_raw(), "a.eml")
    assert found["message_id"] == "<one@example.cn>"
    assert (found["subject"], found["text"]) == ("举报违法占地", TEXT)
    assert (found["from"], found["to"]) == ("李村民 <li@example.cn>", "clue@example.cn")
    assert found["attachments"] == [
        {"name": "现场照片.pdf", "type": "application/pdf", "size": len(PDF), "sha256": hashlib.sha256(PDF).hexdigest()}
    ]
    assert found["auto_reply_allowed"] is True
    assert found["date"] is None
    assert found["warnings"] == []


def test_files_handed_over():
    blobs = [Blob("a.eml", "x/y", gbk_raw()), Blob("b.eml", "x/y", plain(b"b"))]
    made = from_files(blobs, {"at": "2026-03-01T08:00:00+08:00"}, source_id="cli:email", now=NOW)
    assert [r.key for r in made] == [f"sha256:{b.sha256()}" for b in blobs]
    assert made[0].at.isoformat() == "2026-03-01T08:00:00+08:00"
    assert from_files(blobs[:1], {"external_id": "m-1"}, source_id="s", now=NOW)[0].key == "m-1"
    for refused in ([], [Blob("a", "", b"")], [Blob("a", "", b" \r\n")]):
        with pytest.raises(InputRefusedError):
            from_files(refused, {}, source_id="s", now=NOW)
    for at in ("gestern", (NOW + timedelta(days=1)).isoformat()):
        with pytest.raises(InputRefusedError):
            from_files(blobs, {"at": at}, source_id="s", now=NOW)


def test_the_contract():
    samples = [
        raw(data) for data in (gbk_raw(), bounce(), plain(b"x"), multipart(part(winmail(), b"application/ms-tnef")))
    ]
    testing.check_channel(CHANNEL, samples, testing.hostile_raws(CHANNEL))


# ---- properties

WORDS = st.sampled_from([
    b"\r\n", b"\r\n\r\n", b"--b\r\n", b"--b--", b"Content-Type: ", b"multipart/mixed; boundary=b", b"message/rfc822",
    b"text/html", b"Subject: ", b"=?gbk?B?", b"?=", b"From: ", b"<", b">", b'"', b"(", b"base64", b"\xd6\xd0", b"\0",
    b"Content-Transfer-Encoding: ", b"begin 644 a\r\n", b"end\r\n", b"\x78\x9f\x3e\x22", b"filename*0*=", b"charset=",
])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.lists(st.one_of(WORDS, st.binary(max_size=6)), max_size=60).map(b"".join)))
@example(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--")
def test_any_bytes_give_contract_outcomes(data: bytes):
    testing.check_normalize(CHANNEL, raw(data))
    describe(data, "x")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60).map(lambda b: part(b + b"!", b"application/octet-stream", b"filename=f")),
            st.just(b"Content-Type: text/plain\r\n\r\nhello"),
            st.just(
                multipart(part(b"inner", b"application/pdf", b"filename=i"), boundary=b"inner")[
                    len(b"Message-ID: <one@example.cn>\r\n") + len(FROM) :
                ]
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_attachments_are_those_the_standard_library_finds(parts: list[bytes]):
    data = multipart(*parts)
    theirs = [
        p.get_payload(decode=True)
        for p in email.message_from_bytes(data).walk()
        if p.get_filename() and not p.is_multipart()
    ]
    assert [blob.data for blob in report(data).derived] == theirs
