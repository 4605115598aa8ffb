"""What a stored message, form or hand-over becomes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import (
    Blob,
    Continuation,
    DeliveryReport,
    InputRefusedError,
    NewReport,
    NonClue,
    NormalizeError,
    PartKind,
    RawIntake,
    Remote,
    form_intake,
)
from channels.testing import HOSTILE_BYTES, check_channel, hostile_raws
from channels.wechat import CHANNEL
from channels.wechat.form import FORM
from channels.wire import dump, load_outcome, load_raw

OPENID = "oTest00000000000000000000001"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def stored(xml: bytes, *media: Blob, **meta: object) -> RawIntake:
    original = Blob("message.xml", "text/xml", xml)
    return RawIntake("wechat", "wechat:county", "1", NOW, (original, *media), {"quiet_minutes": 30} | meta)


def one(raw: RawIntake):
    """The outcome, after a trip over the wire in both directions."""
    blobs: list[bytes] = []
    raw = load_raw(json.loads(json.dumps(dump(raw, blobs))), blobs)
    (outcome,) = CHANNEL.normalize(raw)
    back: list[bytes] = []
    assert load_outcome(json.loads(json.dumps(dump(outcome, back))), back) == outcome
    return outcome


def test_text_continues_the_senders_conversation(make_xml):
    outcome = one(stored(make_xml(Content="  绥德县名州镇有人挖沙 ")))
    assert isinstance(outcome, Continuation)
    assert [(p.kind, p.text) for p in outcome.report.parts] == [(PartKind.TEXT, "绥德县名州镇有人挖沙")]
    assert outcome.report.sender.openid == OPENID
    assert outcome.quiet == timedelta(minutes=30)
    assert outcome.report.kind == ""


def test_five_messages_of_one_report_name_one_conversation(make_xml):
    messages = [
        make_xml(Content="你好"),
        make_xml(Content="举报占地"),
        make_xml("location", Location_X="36.59", Location_Y="109.48", Scale="16", Label="延安市宝塔区"),
        make_xml("image", MediaId="m"),
        make_xml("voice", MediaId="v", Format="amr"),
    ]
    keys = {one(stored(message)).correlation_keys for message in messages}
    assert len(keys) == 1
    other = one(stored(make_xml(Content="你好", FromUserName="oOther")))
    assert other.correlation_keys not in keys
    assert OPENID not in str(keys)  # an openid is identity


@pytest.mark.parametrize(("minutes", "expected"), [(5, 5), (0, 30), (True, 30), ("x", 30), (10**9, 30), (1440, 1440)])
def test_quiet_window_is_the_sources_setting(make_xml, minutes, expected):
    assert one(stored(make_xml(Content="x"), quiet_minutes=minutes)).quiet == timedelta(minutes=expected)


def test_voice_gives_the_audio_and_wechats_words(make_xml):
    silk = Blob("v.amr", "audio/amr", b"\x02#!SILK_V3...", "voice")
    report = one(stored(make_xml("voice", MediaId="v", Format="amr", Recognition="有人采矿"), silk)).report
    assert [(p.kind, p.text, p.blob) for p in report.parts] == [
        (PartKind.TEXT, "有人采矿", None),
        (PartKind.AUDIO, "", 1),
    ]
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("kind", "blob", "expected"),
    [
        ("image", Blob("i", "image/jpeg", b"\xff\xd8\xff\xe0", "image"), PartKind.SCAN),
        ("image", Blob("i", "", b"unreadable", "image"), PartKind.SCAN),
        ("video", Blob("v", "video/mp4", b"\0\0\0\x18ftypmp42", "video"), PartKind.VIDEO),
        ("shortvideo", Blob("v", "", b"??", "video"), PartKind.VIDEO),
        ("voice", Blob("v", "", b"#!AMR\n", "voice"), PartKind.AUDIO),
    ],
)
def test_media_once_fetched_and_before(make_xml, kind, blob, expected):
    xml = make_xml(kind, MediaId="m")
    assert [(p.kind, p.blob) for p in one(stored(xml, blob)).report.parts] == [(expected, 1)]
    remote = (Remote("m", blob.role, "x"),)
    pending = one(replace(stored(xml), remotes=remote)).report
    assert (pending.parts, pending.warnings) == ((), ())
    assert one(stored(xml)).report.warnings == ("消息没有附带可取回的媒体文件",)


def test_location_is_gcj02_with_its_label_as_text(make_xml):
    xml = make_xml("location", Location_X="38.285390", Location_Y="109.734589", Scale="16", Label="榆林市榆阳区")
    (location,) = one(stored(xml)).report.parts
    assert (location.kind, location.text) == (PartKind.LOCATION, "榆林市榆阳区")
    assert location.data == {"lat": 38.28539, "lon": 109.734589, "system": "GCJ02", "label": "榆林市榆阳区"}


@pytest.mark.parametrize(("x", "y"), [("nan", "109"), ("1e999", "1"), ("91", "0"), ("", ""), ("北", "东")])
def test_impossible_coordinates_are_left_out(make_xml, x, y):
    report = one(stored(make_xml("location", Location_X=x, Location_Y=y, Label="某村"))).report
    assert [p.kind for p in report.parts] == [PartKind.TEXT]
    assert report.warnings == ("位置坐标无效",)


def test_link(make_xml):
    xml = make_xml("link", Title="毁田报道", Description="某地", Url="https://example.cn/a")
    (part,) = one(stored(xml)).report.parts
    assert (part.kind, part.text, part.data) == (PartKind.LINK, "毁田报道\n某地", {"url": "https://example.cn/a"})
    bad = one(stored(make_xml("link", Title="t", Url="javascript:alert(1)"))).report
    assert [(p.kind, p.text, dict(p.data)) for p in bad.parts] == [(PartKind.TEXT, "t", {})]
    assert bad.warnings == ("链接地址无效",)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("subscribe", "关注公众号"),
        ("CLICK", "点击菜单"),
        ("SCAN", "扫描带参数二维码"),
        ("LOCATION", "上报地理位置"),
        ("never_seen", "其他微信事件"),
    ],
)
def test_events_open_no_clue(make_xml, event, reason):
    outcome = one(stored(make_xml("event", Event=event, EventKey="k")))
    assert isinstance(outcome, NonClue)
    assert (outcome.kind, outcome.reason) == ("other", reason)
    assert outcome.report.sender.openid == OPENID


def test_leaving_the_account_is_told_to_what_was_just_sent(make_xml):
    report, outcome = CHANNEL.normalize(stored(make_xml("event", Event="unsubscribe")))
    assert (report.state, report.permanent) == ("failed", True)
    assert report.attempt_key.startswith("person:")
    assert OPENID not in report.attempt_key
    assert (outcome.kind, outcome.reason) == ("other", "取消关注公众号")


@pytest.mark.parametrize(
    ("status", "state", "permanent"),
    [
        ("success", "delivered", False),
        ("failed:user block", "failed", True),
        ("failed: system failed", "failed", False),
    ],
)
def test_template_result_is_a_delivery_report(make_xml, status, state, permanent):
    xml = make_xml("event", Event="TEMPLATESENDJOBFINISH", MsgID="200163836", Status=status)
    outcome = one(stored(xml))
    assert isinstance(outcome, DeliveryReport)
    assert (outcome.attempt_key, outcome.state, outcome.permanent) == ("200163836", state, permanent)


def test_unknown_type_keeps_its_words(make_xml):
    outcome = one(stored(make_xml("hologram", Title="毁林", Description="照片")))
    assert isinstance(outcome, NonClue)
    assert outcome.kind == "other"
    assert outcome.report.parts[0].text == "毁林\n照片"


@pytest.mark.parametrize(
    "data", [b"", b"<xml", b"\xff\xfe<", b"<!DOCTYPE x><x/>", b"<xml><MsgType>text</MsgType></xml>"]
)
def test_unreadable_goes_to_the_manual_list_without_quoting(data):
    with pytest.raises(NormalizeError) as error:
        CHANNEL.normalize(stored(data))
    assert error.value.permanent
    assert "<" not in str(error.value)


VALUES = {
    "place": "陕西省榆林市神木市大柳塔镇",
    "respondent": "某煤业公司",
    "facts": "越界采煤约三十亩",
    "evidence": "照片两张",
    "since": "2026年1月起",
    "name": "王某",
    "phone": "13800000000",
    "mode": "real_name",
}


def test_form_gives_the_four_elements():
    photo = Blob("a.jpg", "image/jpeg", b"\xff\xd8\xff", "attachment")
    outcome = one(form_intake("wechat", FORM, VALUES, [photo], key="k", at=NOW))
    assert isinstance(outcome, NewReport)
    report = outcome.report
    said = {name: VALUES[name] for name in ("place", "respondent", "facts", "evidence")}
    assert report.fields == said | {"occurred": VALUES["since"]}
    assert all(text in report.parts[0].text for text in report.fields.values())
    assert (report.sender.name, report.sender.phone, report.mode) == ("王某", "13800000000", "real_name")
    assert [(p.kind, p.blob) for p in report.parts][-1] == (PartKind.SCAN, 1)
    assert "王某" not in "".join(p.text for p in report.parts)
    anonymous = one(form_intake("wechat", FORM, VALUES | {"mode": "anonymous"}, [], key="k", at=NOW)).report
    assert anonymous.warnings == ("匿名举报但留有姓名或电话",)


def test_form_declares_its_sensitive_boxes():
    assert {field.name for field in FORM.fields if field.sensitive} == {"name", "phone"}
    assert {field.name for field in FORM.fields} == {*VALUES, "files"}


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"facts": [3]}', b"{}"])
def test_broken_form(body):
    raw = RawIntake("wechat", "form:wechat-h5", "k", NOW, (Blob("f", "application/json", body, "form"),))
    with pytest.raises(NormalizeError):
        CHANNEL.normalize(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["original", "form", "voice"]), st.sampled_from(["text/xml", "x", ""]))
def test_normalize_raises_only_its_own_error(data, role, media_type):
    raw = RawIntake("wechat", "s", "k", NOW, (Blob("n", media_type, data, role),), {"openid": 3, "quiet_minutes": None})
    with contextlib.suppress(NormalizeError):
        assert len(CHANNEL.normalize(raw)) == 1


def handed(*blobs: Blob, now: datetime = NOW, **meta: object) -> list[RawIntake]:
    return CHANNEL.from_files(list(blobs), meta, source_id="cli:wechat", now=now)


def test_xml_files_are_messages(make_xml):
    first, second = make_xml(msg_id="11", Content="一"), make_xml(msg_id="12", Content="二", created=1772441000)
    raws = handed(Blob("a.xml", "", first), Blob("b", "text/plain", b"\xef\xbb\xbf" + second))
    assert [raw.key for raw in raws] == ["11", "12"]
    assert raws[1].at == datetime.fromtimestamp(1772441000, UTC)
    assert [one(raw).report.parts[0].text for raw in raws] == ["一", "二"]
    assert handed(Blob("c.xml", "", first))[0].key == "11"  # the same message again has the same key


def test_media_beside_one_message_belong_to_it(make_xml):
    voice = Blob("v.amr", "", b"#!AMR\n...")
    (raw,) = handed(Blob("m.xml", "text/xml", make_xml("voice", MediaId="v")), voice)
    assert [(p.kind, p.blob) for p in one(raw).report.parts] == [(PartKind.AUDIO, 1)]
    with pytest.raises(InputRefusedError):
        handed(Blob("m.xml", "", make_xml()), Blob("n.xml", "", make_xml(msg_id="2")), voice)


def test_loose_files_are_one_report_of_the_sender():
    files = (Blob("说明.txt", "text/plain", "洛川县凤栖镇取土".encode("gb18030")), Blob("p.jpg", "", b"\xff\xd8\xff"))
    (raw,) = handed(*files, openid=OPENID, quiet_minutes=10, at="2026-03-01T12:00:00")
    outcome = one(raw)
    assert isinstance(outcome, Continuation)
    assert [(p.kind, p.text) for p in outcome.report.parts] == [
        (PartKind.TEXT, "洛川县凤栖镇取土"),
        (PartKind.SCAN, ""),
    ]
    assert outcome.quiet == timedelta(minutes=10)
    assert raw.at == datetime(2026, 3, 1, 4, tzinfo=UTC)  # a bare time is Beijing's
    assert handed(*files, openid=OPENID, quiet_minutes=10, at="2026-03-01T12:00:00")[0].key == raw.key
    assert handed(*files, openid="oOther", quiet_minutes=10, at="2026-03-01T12:00:00")[0].key != raw.key
    assert isinstance(one(handed(*files)[0]), NewReport)


def test_time_is_never_later_than_now(make_xml):
    assert handed(Blob("m.xml", "", make_xml(created=1900000000)))[0].at == NOW
    with pytest.raises(InputRefusedError, match="晚于"):
        handed(Blob("m.txt", "", b"x"), at="2030-01-01")


@pytest.mark.parametrize(
    ("blobs", "meta"),
    [
        ([], {}),
        ([Blob("a.txt", "", b"")], {}),
        ([Blob("a.xml", "", b"<xml><MsgType>")], {}),
        ([Blob("a.xml", "", b"<html/>")], {}),
        ([Blob("a.xml", "", b"<xml><Encrypt>x</Encrypt></xml>")], {}),
        ([Blob("a.xml", "", b"<xml>" + b" " * 65_536 + b"</xml>")], {}),
        ([Blob("a", "", b"<!DOCTYPE xml []><xml/>")], {}),
        ([Blob("a.txt", "", b"x")], {"openid": 3}),
        ([Blob("a.txt", "", b"x")], {"at": "yesterday"}),
        ([Blob("a.txt", "", b"x")], {"at": 3}),
        ([Blob("a.txt", "", b"x")], {"at": "0001-01-01T00:00:00+14:00"}),
        ([Blob("a.txt", "", b"x")], {"big": "x" * 70_000}),
        ([Blob("a.txt", "", b"x")] * 51, {}),
    ],
)
def test_what_cannot_be_an_intake_is_refused(blobs, meta):
    with pytest.raises(InputRefusedError):
        handed(*blobs, **meta)


def test_large_upload_on_disk_is_measured_before_it_is_read(tmp_path):
    big = tmp_path / "v.mp4"
    with big.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(InputRefusedError, match="64 MB"):
        handed(Blob("v.mp4", "video/mp4", path=big))


def test_the_limited_child_loads_no_web_framework():
    heavy = "('flask', 'httpx', 'wechatpy', 'requests')"
    code = f"import sys, channels.wechat; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_contract_of_every_channel(make_xml):
    photo = Blob("a.jpg", "image/jpeg", b"\xff\xd8\xff", "image")
    link = make_xml("link", Title="t", Url="https://example.cn/a")
    place = make_xml("location", Location_X="34.05", Location_Y="108.32", Label="周至县")
    samples = [
        stored(make_xml(Content="占地\u202e")),
        stored(make_xml("image", MediaId="m"), photo),
        stored(make_xml("voice", MediaId="m", Recognition="采矿")),
        stored(link),
        stored(place),
        stored(make_xml("event", Event="subscribe")),
        stored(make_xml("hologram")),
        form_intake("wechat", FORM, VALUES, [photo], key="k", at=NOW),
        *handed(Blob("说明.txt", "", "取土".encode("gb18030")), photo, openid=OPENID),
    ]
    hostile = [stored(data) for data in HOSTILE_BYTES]
    check_channel(CHANNEL, samples, [*hostile, *hostile_raws(CHANNEL)])


def test_declared_facts():
    assert (CHANNEL.code, CHANNEL.number, CHANNEL.label, CHANNEL.rollup) == ("wechat", "07", "微信平台", "其他方面")
    assert CHANNEL.redact == {"openid"}
    assert replace(CHANNEL, code="x").forms == (FORM,)
