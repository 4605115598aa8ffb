"""Upload, form and normalisation of letters."""

import io
import zipfile

import pytest

from channels.contract import Blob, InputRefusedError, NewReport, NormalizeError, PartKind, RawIntake, form_intake
from channels.letter import CHANNEL
from channels.letter.forms import FORM
from channels.letter.naming import page_name
from channels.testing import NOW, check_channel, hostile_raws

JPEG = b"\xff\xd8\xff" + bytes(32)
PDF = b"%PDF-1.4\n"


def zipped(name: str, text: str = "<a/>") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def upload(*blobs: Blob, **meta: object) -> RawIntake:
    [raw] = CHANNEL.from_files(blobs, meta, source_id="upload:letter", now=NOW)
    return raw


def test_the_files_of_one_call_are_one_letter_in_page_order() -> None:
    raw = upload(
        Blob("第10页.jpg", "", JPEG + b"10"), Blob("信封.jpg", "", JPEG + b"e"), Blob("第2页.jpg", "", JPEG + b"2"),
        register_no="信31号", received="2026-02-27", reporter_name="赵某", reporter_phone="13900001234", mode="保密",
    )  # fmt: skip
    assert [blob.name for blob in raw.blobs[1:]] == ["第2页.jpg", "第10页.jpg", "信封.jpg"]
    assert [blob.role for blob in raw.blobs] == ["form", "page", "page", "envelope"]
    assert raw.at.isoformat() == "2026-02-27T00:00:00+08:00"
    [outcome] = CHANNEL.normalize(raw)
    assert isinstance(outcome, NewReport)
    report = outcome.report
    assert [part.blob for part in report.parts] == [1, 2, 3]
    assert {part.kind for part in report.parts} == {PartKind.SCAN}
    assert (report.sender.name, report.sender.phone, report.mode) == ("赵某", "13900001234", "confidential")
    assert report.fields == {"register_no": "信31号", "received": "2026-02-27"}
    assert report.title == "举报信件 信31号"


def test_same_upload_same_key_another_sender_another() -> None:
    one = upload(Blob("a.pdf", "", PDF), reporter_name="赵")
    assert upload(Blob("a.pdf", "", PDF), reporter_name="赵").key == one.key
    assert upload(Blob("a.pdf", "", PDF), reporter_name="钱").key != one.key
    assert upload(Blob("a.pdf", "", PDF), external_id="X1").key == "X1"


@pytest.mark.parametrize(
    "data",
    [PDF, JPEG, b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"\0\0\0\x18ftypheic", zipped("OFD.xml"), b"GIF89a",
     b"RIFF\0\0\0\0WEBPVP8 ", zipped("word/document.xml")],
)  # fmt: skip
def test_kinds_taken_by_content(data: bytes) -> None:
    assert upload(Blob("noname", "", data)).blobs[-1].read() == data


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        ([], "没有文件"),
        ([Blob("a.json", "", b"{}")], "没有文件"),
        ([Blob("a.pdf", "", b"")], "为空"),
        ([Blob("a.pdf", "", b"MZ\x90\0")], "不支持"),
        ([Blob("a.html", "", b"<svg onload=1>")], "不支持"),
        ([Blob("a.pdf", "", zipped("a.txt"))], "不支持"),
        ([Blob("a.jpg", "", JPEG), Blob("b.mp3", "", b"ID3")], "不支持"),
    ],
)
def test_refused_with_a_reason(blobs: list[Blob], words: str) -> None:
    with pytest.raises(InputRefusedError, match=words):
        CHANNEL.from_files(blobs, {}, source_id="upload:letter", now=NOW)


def test_future_receipt_is_refused() -> None:
    with pytest.raises(InputRefusedError, match="不能晚于"):
        upload(Blob("a.pdf", "", PDF), received="2026-12-01")


def test_a_text_beside_the_scan_is_read() -> None:
    raw = upload(Blob("a.jpg", "", JPEG), Blob("a.txt", "", "东坪村占地三亩".encode("gb18030")))
    [outcome] = CHANNEL.normalize(raw)
    assert isinstance(outcome, NewReport)
    assert [part.text for part in outcome.report.parts] == ["", "东坪村占地三亩"]


def test_register_entry_with_words_is_read_without_scans() -> None:
    raw = form_intake("letter", FORM, {"place": "五原县", "received": "不是日期"}, (), key="k", at=NOW)
    [outcome] = CHANNEL.normalize(raw)
    assert isinstance(outcome, NewReport)
    assert "五原县" in outcome.report.parts[0].text
    assert outcome.report.warnings
    with pytest.raises(NormalizeError):
        CHANNEL.normalize(form_intake("letter", FORM, {"register_no": "1"}, (), key="k", at=NOW))


def test_a_broken_word_file_is_kept_with_a_warning() -> None:
    raw = upload(Blob("a.docx", "", zipped("word/document.xml", "<a")), Blob("b.jpg", "", JPEG))
    [outcome] = CHANNEL.normalize(raw)
    assert isinstance(outcome, NewReport)
    assert [part.kind for part in outcome.report.parts] == [PartKind.FILE, PartKind.SCAN]
    assert outcome.report.warnings


def test_a_word_file_is_text_or_a_frame_for_pictures() -> None:
    start = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    text = f"{start}<w:p><w:r><w:t>{'砖厂占用耕地' * 5}</w:t></w:r></w:p></w:body></w:document>"
    [written] = CHANNEL.normalize(upload(Blob("a.docx", "", zipped("word/document.xml", text))))
    [frame] = CHANNEL.normalize(upload(Blob("a.docx", "", zipped("word/document.xml"))))
    assert isinstance(written, NewReport)
    assert isinstance(frame, NewReport)
    assert [part.kind for part in written.report.parts] == [PartKind.TEXT]
    assert [part.kind for part in frame.report.parts] == [PartKind.SCAN]


@pytest.mark.parametrize(
    ("name", "base", "number"),
    [("0012-1.jpg", "0012", 1), ("letter7_p1.tif", "letter7", 1), ("a_p12.pdf", "a", 12), ("来信第3页.png", "来信", 3),
     ("0012-信封.jpg", "0012", 99), ("map1.jpg", "map1", 0), ("-1.jpg", "-1", 0), ("", "", 0), ("p1", "p1", 0)],
)  # fmt: skip
def test_page_names(name: str, base: str, number: int) -> None:
    assert (page_name(name).base, page_name(name).number) == (base, number)


def test_contract() -> None:
    samples = [upload(Blob("a.pdf", "", PDF), reporter_name="孙某某", reporter_phone="13900001234")]
    check_channel(CHANNEL, samples, hostile_raws(CHANNEL))


def test_scans_alone_bring_no_empty_form() -> None:
    from channels.letter.files import from_files

    scan = Blob("a.pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n")
    (raw,) = from_files([scan], {}, source_id="cli:letter", now=NOW)
    assert [blob.data for blob in raw.blobs] == [scan.data]
    (raw,) = from_files([scan], {"register_no": "12"}, source_id="cli:letter", now=NOW)
    assert raw.blobs[0].role == "form"
    assert len(raw.blobs) == 2
