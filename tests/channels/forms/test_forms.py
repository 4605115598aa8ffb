"""Referral, media and the other ways: form and files become one report; what is wrong is refused or warned about."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from channels import media, other, referral, subordinate
from channels.contract import Blob, InputRefusedError, NewReport, NormalizeError, PartKind, form_intake
from channels.files import clean, content_type, decode, docx_text
from channels.forms import MAX_FILE_BYTES, iso_date, values_of
from channels.media.normalize import page_words
from channels.testing import NOW, check_from_files, check_normalize

MANUAL = [referral.CHANNEL, subordinate.CHANNEL, media.CHANNEL, other.CHANNEL]
PDF = b"%PDF-1.4\n%%EOF"
TIFF = b"II*\x00" + b"\x00" * 20


def submit(channel, values, *files, form=0, sub=""):
    raw = form_intake(channel.code, channel.forms[form], values, files, key="k", at=NOW, sub_channel=sub)
    outcomes = check_normalize(channel, raw)
    assert outcomes is not None, "refused"
    return outcomes


def only(outcomes):
    (outcome,) = outcomes
    assert isinstance(outcome, NewReport)
    return outcome.report


def docx(*paragraphs):
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>')
    return packed.getvalue()


def test_a_referral_is_one_report_with_its_instruction_apart():
    report = only(
        submit(
            referral.CHANNEL,
            {
                "leader": "李某", "rank": "bureau", "document_no": "巴批〔2026〕7号", "received": "2026年3月2日",
                "deadline": "2026/3/16", "instruction": "请核查。", "place": "五原县隆兴昌镇", "respondent": "某砂石厂",
                "facts": "占用耕地12亩。", "reporter_name": "王某", "reporter_phone": "13900001111", "mode": "实名",
            },
            Blob("批示.pdf", "application/pdf", PDF),
        )
    )  # fmt: skip
    assert [part.kind for part in report.parts] == [PartKind.TEXT, PartKind.TEXT, PartKind.SCAN]
    assert report.parts[0].text == "违法行为发生地：五原县隆兴昌镇\n违法主体：某砂石厂\n主要违法事实：占用耕地12亩。"
    assert report.parts[0].blob == 0
    assert report.parts[1].text == "请核查。"
    assert report.parts[2].blob == 1
    told = {"leader": "李某", "rank": "厅局级", "document_no": "巴批〔2026〕7号", "received": "2026-03-02"}
    assert told.items() <= report.fields.items()
    assert report.fields["deadline"] == "2026-03-16"
    assert (report.sender.name, report.sender.phone, report.mode) == ("王某", "13900001111", "real_name")
    assert not {"reporter_name", "reporter_phone", "mode"} & set(report.fields)
    assert "13900001111" not in report.parts[0].text
    assert report.warnings == ()


def test_identity_never_stands_in_fields_or_text():
    for channel in MANUAL:
        values = {"facts": "占地", "place": "某县", "reporter_name": "王小明", "reporter_phone": "13900001111"}
        report = only(submit(channel, values))
        assert "王小明" not in json.dumps([dict(report.fields), [p.text for p in report.parts]], ensure_ascii=False)
        assert report.sender.name == "王小明"


@pytest.mark.parametrize("channel", MANUAL, ids=lambda c: c.code)
def test_a_form_without_content_goes_to_the_manual_list(channel):
    raw = form_intake(channel.code, channel.forms[0], {"received": "2026-03-02"}, (), key="k", at=NOW)
    with pytest.raises(NormalizeError) as caught:
        channel.normalize(raw)
    assert "没有" in str(caught.value)


@pytest.mark.parametrize("channel", MANUAL, ids=lambda c: c.code)
def test_what_is_missing_is_named(channel):
    report = only(submit(channel, {"place": "某县某村"}))
    if channel is not media.CHANNEL:
        assert "未填写“主要违法事实”" in report.warnings
    assert "facts" not in report.fields


def test_dates_that_are_none_stay_and_are_told():
    report = only(submit(referral.CHANNEL, {"facts": "占地", "received": "昨天", "deadline": "2026-13-40"}))
    assert report.fields["received"] == "昨天"
    assert len([text for text in report.warnings if "不是日期" in text]) == 2
    early = only(submit(referral.CHANNEL, {"facts": "占地", "received": "2026-03-02", "deadline": "2026-03-01"}))
    assert "要求办结日期早于收文日期" in early.warnings


@pytest.mark.parametrize(
    ("text", "iso"),
    [("2026-03-02", "2026-03-02"), ("2026/3/2", "2026-03-02"), ("2026.3.2", "2026-03-02"), ("20260302", "2026-03-02"),
     ("2026年 3 月 2日", "2026-03-02"), ("2026-03-02T10:00", "2026-03-02"), ("2026-02-30", None), ("3月2日", None),
     ("", None), ("明天", None), ("2026-3", None)],
)  # fmt: skip
def test_dates_of_people(text, iso):
    assert iso_date(text) == iso


def test_files_are_read_by_what_they_are():
    report = only(
        submit(
            referral.CHANNEL,
            {"facts": "占地"},
            Blob("批示.docx", "", docx("关于某县违法占地的批示", "请依法查处")),
            Blob("录音.amr", "", b"#!AMR\n" + bytes(20)),
            Blob("视频.mp4", "", b"\x00\x00\x00\x18ftypisom" + bytes(20)),
            Blob("说明.txt", "", "现场在河边".encode("gb18030")),
            Blob("假的.pdf", "", b"no pdf at all"),
            Blob("图.png", "", b"\xff\xd8\xff\xe0" + bytes(20)),
            Blob("空.pdf", "", b""),
        )
    )
    kinds = [part.kind for part in report.parts]
    assert kinds == ["text", "text", "audio", "video", "text", "file", "scan", "file"]
    assert report.parts[1].text == "关于某县违法占地的批示\n请依法查处"
    assert report.parts[4].text == "现场在河边"
    assert any("不是扩展名所说的类型" in text for text in report.warnings)
    assert any("实为 jpeg" in text for text in report.warnings)
    assert any("为空" in text for text in report.warnings)


def test_a_text_file_alone_is_the_facts():
    (raw,) = check_from_files(other.CHANNEL, [Blob("来件.txt", "text/plain", "某村有人挖沙".encode())], {})
    report = only(check_normalize(other.CHANNEL, raw))
    assert report.fields["facts"] == "某村有人挖沙"
    assert raw.sub_channel == "0899"


def test_broken_word_files_are_kept():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * (40 * 1024 * 1024))
    whole = docx("词")
    dtd = io.BytesIO()
    with zipfile.ZipFile(dtd, "w") as archive:
        archive.writestr("word/document.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    for data in (bomb.getvalue(), dtd.getvalue(), whole[:40] + b"\x00" * 20 + whole[60:]):
        with pytest.raises(ValueError):
            docx_text(data)
        if content_type(data) == "docx":
            report = only(submit(referral.CHANNEL, {"facts": "占地"}, Blob("a.docx", "", data)))
            assert report.parts[1].kind == PartKind.FILE
            assert any("无法读取文字" in text for text in report.warnings)


def test_text_that_cannot_be_stored_is_cleaned():
    assert clean("a\x00b\ud800c\u202ed\r\ne\tf\x1b") == "abcd\ne\tf"
    assert decode("位置".encode("utf-16")) == ("位置", True)
    assert decode("位置".encode("utf-8-sig")) == ("位置", True)
    assert decode(b"\xff\xff\xff\x81")[1] is False


def test_word_text_keeps_breaks_and_reads_a_text_box_once():
    space = 'xmlns:w="w" xmlns:mc="mc"'
    body = (
        f"<w:document {space}><w:p><w:r><w:t>甲</w:t><w:tab/><w:t>乙</w:t><w:br/><w:t>丙</w:t></w:r></w:p>"
        "<mc:AlternateContent><mc:Choice><w:p><w:t>框</w:t></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:t>框</w:t><w:br/></w:p></mc:Fallback></mc:AlternateContent></w:document>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("word/document.xml", body)
    assert docx_text(made.getvalue()) == "甲\t乙\n丙\n框"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x00\x00\x18ftypheic", "heic"), (b"\x00\x00\x00\x18ftypM4A ", "m4a"), (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf1\x50", "aac"), (b"\x00\x00\x00\x14ftypqt  ", "mov"), (b"RIFF\x00\x00\x00\x00AVI ", "avi"),
        (b"RIFF\x00\x00\x00\x00WEBP", ""), (b"junk %PDF-1.4", "pdf"), (b"II*\x00", "tiff"), (b"MM\x00*", "tiff"),
        (b"PK\x03\x04broken", ""), (b"", ""), (b"\xff", ""), ("文字".encode(), ""),
    ],
)  # fmt: skip
def test_content_types(data, kind):
    assert content_type(data) == kind


def test_zip_kinds():
    for name, kind in (("OFD.xml", "ofd"), ("xl/workbook.xml", "xlsx"), ("a.txt", "zip")):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(name, "x")
        assert content_type(made.getvalue()) == kind


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[]", "对照"), (b"{", "JSON"), (b"\xff", "JSON"), (b"[" * 100_000, "JSON"),
        (b'{"a":' + b"1" * 5_000 + b"}", "JSON"),
        (b'{"a":{}}', "不是文字"), (b'{"a":"' + b"x" * 1_048_576 + b'"}', "1 MB"),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_form_that_is_none_goes_to_the_manual_list(body, why):
    with pytest.raises(NormalizeError, match=why):
        values_of(body)


def test_values_are_words():
    body = b'{"a": true, "b": false, "c": null, "d": 3.5, "e": NaN, "f": " ", "\\u0000": "x"}'
    assert values_of(body) == {"a": "是", "b": "否", "d": "3.5", "e": "nan"}


def test_unreadable_signs_of_a_text_file_are_told():
    report = only(submit(other.CHANNEL, {"place": "某县"}, Blob("a.txt", "", "占地".encode("gb18030") + b"\xff\xff")))
    assert any("无法识别的字符" in text for text in report.warnings)


def test_meta_that_is_no_json_is_refused():
    for meta in ({"a": object()}, {"a": {1, 2}}):
        with pytest.raises(InputRefusedError):
            referral.CHANNEL.from_files([Blob("a.pdf", "", PDF)], meta, source_id="s", now=NOW)
    (raw,) = check_from_files(referral.CHANNEL, [], {"facts": "占地", "urgent": True})
    assert only(check_normalize(referral.CHANNEL, raw)).fields["urgent"] == "是"


def test_a_file_over_the_limit_is_refused(tmp_path):
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputRefusedError, match="超过 200 MB"):
        referral.CHANNEL.from_files([Blob("a.pdf", "", path=big)], {}, source_id="s", now=NOW)


# ---- media


def test_a_media_report_keeps_link_snapshot_and_clip():
    values = {"outlet": "某某晚报", "media_kind": "paper", "published": "2026.2.28", "headline": "河滩采砂",
              "url": "https://news.example/1.html", "snapshot": "浠水县夜间采砂。"}  # fmt: skip
    report = only(submit(media.CHANNEL, values, Blob("clip.wav", "", b"RIFF\x00\x00\x00\x00WAVE" + bytes(9))))
    assert [part.kind for part in report.parts] == ["link", "text", "audio"]
    assert report.parts[0].data == {"url": "https://news.example/1.html"}
    assert report.parts[1].text == "河滩采砂\n浠水县夜间采砂。"
    assert report.fields["published"] == "2026-02-28"
    assert report.fields["media_kind"] == "报刊"
    assert report.fields["facts"] == "河滩采砂\n浠水县夜间采砂。"
    assert report.title == "河滩采砂"
    assert "snapshot" not in report.fields


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "http://[::1", "news.example/1", "http://"]
)
def test_a_strange_address_becomes_no_link(url):
    report = only(submit(media.CHANNEL, {"facts": "采砂", "url": url}))
    assert [part.kind for part in report.parts] == ["text"]
    assert any("网址" in text for text in report.warnings)
    assert report.fields["url"] == url


def test_a_saved_page_is_read_and_kept():
    page = "<title>挖塘</title><SCRIPT>if(a<b){}</script><p>沂水县<b>耕地</b>&amp;被挖<br>二<!-- <p>不算</p> -->"
    page += "<style>p{}</style>"
    report = only(submit(media.CHANNEL, {"outlet": "网"}, Blob("p.html", "text/html", page.encode())))
    assert [(part.kind, part.blob) for part in report.parts] == [("html", 1), ("text", 1)]
    assert report.parts[1].text == "挖塘\n沂水县耕地&被挖\n二"


@pytest.mark.parametrize("source", ["<" * 200_000, "<!--" * 50_000, "<script>" * 25_000, "<p>" * 60_000, "&" * 200_000])
def test_hostile_pages_take_linear_time(source):
    started = datetime.now(tz=UTC)
    page_words(source)
    assert datetime.now(tz=UTC) - started < timedelta(seconds=2)


# ---- other ways


def test_a_fax_is_read_as_a_scan_and_its_number_is_identity():
    files = [Blob("fax.tif", "image/tiff", TIFF)]
    (raw,) = check_from_files(other.CHANNEL, files, {"sub_channel": "传真", "fax_no": "0478-5212345"})
    assert (raw.sub_channel, raw.source_id) == ("0801", "cli:other")
    report = only(check_normalize(other.CHANNEL, raw))
    assert [part.kind for part in report.parts] == ["scan"]
    assert report.sender.phone == "0478-5212345"
    assert report.warnings == ()
    assert report.title == "传真"


def test_every_sub_code_has_a_form_that_works():
    assert set(other.CHANNEL.sub_channels) == {f"08{n:02}" for n in range(1, 10)} | {"0899"}
    for number, spec in enumerate(other.CHANNEL.forms):
        values = {
            box.name: "2026-03-02" if box.kind == "date" else "某县某村" for box in spec.fields if box.kind != "files"
        }
        raw = form_intake("other", spec, values, (), key="k", at=NOW)
        assert raw.sub_channel == spec.sub_channel
        assert only(submit(other.CHANNEL, values, form=number)).title == other.SUB_CHANNELS[spec.sub_channel]


def test_an_unknown_sub_code_is_refused_at_the_door_and_warned_about_behind_it():
    with pytest.raises(InputRefusedError, match="0801 传真"):
        other.from_files([Blob("a.txt", "", b"x")], {"sub_channel": "0842"}, source_id="cli:other", now=NOW)
    report = only(submit(other.CHANNEL, {"facts": "占地", "place": "某县"}, sub="0842"))
    assert report.warnings == ("未知的子渠道，按“其他”登记",)


# ---- files handed over


def test_the_same_command_twice_has_one_key_and_another_meta_another():
    files = [Blob("a.pdf", "application/pdf", PDF)]

    def key(meta, blobs=files):
        (raw,) = check_from_files(referral.CHANNEL, blobs, meta)
        return raw.key

    assert key({"leader": "李", "rank": "bureau"}) == key({"rank": "bureau", "leader": "李"})
    assert key({"leader": "李"}) != key({"leader": "张"})
    assert key({}) != key({}, [Blob("a.pdf", "application/pdf", PDF + b"2")])
    assert key({"external_id": "OA-77", "leader": "李"}) == key({"external_id": "OA-77"}) == "OA-77"


def test_boxes_may_stand_in_a_json_file_and_meta_wins():
    files = [Blob("f.json", "application/json", '{"leader":"李某","facts":"占地"}'.encode()), Blob("a.pdf", "", PDF)]
    (raw,) = check_from_files(referral.CHANNEL, files, {"leader": "张某", "area": 3})
    assert [blob.role for blob in raw.blobs] == ["form", "original"]
    assert only(check_normalize(referral.CHANNEL, raw)).fields == {"leader": "张某", "facts": "占地", "area": "3"}


def test_the_base_of_the_clocks_is_the_register_and_never_the_future():
    files = [Blob("a.pdf", "", PDF)]
    (raw,) = referral.CHANNEL.from_files(files, {"received": "2026年2月27日"}, source_id="s", now=NOW)
    assert raw.at.isoformat() == "2026-02-27T00:00:00+08:00"
    (raw,) = referral.CHANNEL.from_files(files, {"at": "2026-02-27T10:30:00+08:00"}, source_id="s", now=NOW)
    assert raw.at == datetime(2026, 2, 27, 2, 30, tzinfo=UTC)
    (raw,) = referral.CHANNEL.from_files(files, {}, source_id="s", now=NOW)
    assert raw.at == NOW
    for told, why in (("2026-03-09", "不能晚于现在"), ("不知道", "不是日期")):
        with pytest.raises(InputRefusedError, match=why):
            referral.CHANNEL.from_files(files, {"received": told}, source_id="s", now=NOW)


@pytest.mark.parametrize(
    ("files", "meta", "why"),
    [
        ([], {}, "没有内容"),
        ([], {"external_id": "x"}, "没有内容"),
        ([Blob("a.pdf", "", b"")], {}, "文件为空"),
        ([Blob("程序.exe", "", b"MZ\x90\x00")], {}, r"不支持的文件类型（\.exe）"),
        ([Blob("王小明举报", "", b"\x00\x01\x02")], {}, "不支持的文件类型$"),
        ([Blob("a.pdf", "", b"<html>")], {}, "不支持"),
        ([Blob("a.zip", "", b"PK\x03\x04")], {}, "不支持"),
        ([Blob("f.json", "", b"[1]")], {}, "表单内容"),
        ([], {"facts": ["a"]}, "不是文字"),
        ([Blob("a.pdf", "", PDF)] * 201, {}, "最多 200"),
    ],
)
@pytest.mark.parametrize("channel", MANUAL, ids=lambda c: c.code)
def test_what_cannot_be_an_intake_is_refused_with_a_reason(channel, files, meta, why):
    with pytest.raises(InputRefusedError, match=why) as caught:
        channel.from_files(files, meta, source_id="s", now=NOW)
    assert "王小明" not in str(caught.value)


def test_a_report_without_files_is_told_by_meta_alone():
    (raw,) = check_from_files(media.CHANNEL, [], {"url": "https://a.example/", "outlet": "某报"})
    assert only(check_normalize(media.CHANNEL, raw)).parts[0].kind == PartKind.LINK
