"""Recordings handed over by a person or a command; the call pad; settings."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.contract import Blob, InputRefusedError, NewReport, NormalizeError, RawIntake, form_intake
from channels.phone import CHANNEL
from channels.phone.audio import sniff
from channels.phone.files import from_files
from channels.phone.forms import CALL_PAD
from channels.phone.normalize import normalize
from channels.phone.settings import MAX_BYTES, PhoneSettings
from channels.testing import NOW, check_from_files, check_normalize

from .conftest import ACCOUNT, PUBLIC, tone

Wav = Callable[..., bytes]


def files(*pairs: tuple[str, bytes], **meta: object) -> list[RawIntake]:
    raws = check_from_files(CHANNEL, [Blob(name, "", data) for name, data in pairs], meta)
    for raw in raws:
        assert check_normalize(CHANNEL, raw) is not None
    if not raws:
        from_files([Blob(name, "", data) for name, data in pairs], meta, source_id="cli:phone", now=NOW)
    return raws


def test_one_recording_is_one_intake_now(wav: Wav) -> None:
    (raw,) = files(("a.wav", wav()))
    assert (raw.at, raw.blobs[0].role, raw.blobs[0].data) == (NOW, "recording", wav())
    assert isinstance(normalize(raw)[0], NewReport)
    assert files(("other.wav", wav()))[0].key == raw.key, "the name says nothing"
    assert files(("a.wav", wav()), caller="138")[0].key != raw.key


def test_stated_values_count_before_the_sidecar(wav: Wav) -> None:
    side = json.dumps({"caller": "1", "agent": "8", "start": "2026-03-01 08:00:00"}).encode()
    (raw,) = files(("a.wav", wav()), ("a.json", side), caller="0478-5212345", external_id="X1")
    (outcome,) = normalize(raw)
    assert raw.key == "X1"
    assert raw.at.isoformat() == "2026-03-01T08:00:00+08:00"
    assert (outcome.report.sender.phone, outcome.report.fields["agent"]) == ("0478-5212345", "8")


def test_pairs_are_made_by_stem_and_rows_by_file(wav: Wav) -> None:
    table = "文件,主叫,流水号\nb.wav,2,77\nc.wav,3,78\n".encode("gb18030")
    raws = files(
        ("a.wav", wav(seed=1)),
        ("b.wav", wav(seed=2)),
        ("dir/c.WAV", wav(seed=3)),
        ("d.wav", wav(seed=4)),
        ("list.csv", table),
        ("a.json", b'{"caller": "1"}'),
    )
    assert [normalize(raw)[0].report.sender.phone for raw in raws] == ["1", "2", "3", ""]
    assert raws[1].key.startswith("call:77:")
    assert len({raw.key for raw in raws}) == 4


def test_one_recording_and_one_json_belong_together(wav: Wav) -> None:
    (raw,) = files(("rec.wav", wav()), ("meta.json", b'{"caller": "5"}'))
    assert normalize(raw)[0].report.sender.phone == "5"


def test_several_recordings_under_one_external_id_are_all_kept(wav: Wav) -> None:
    raws = files(("a.wav", wav(seed=1)), ("b.wav", wav(seed=2)), external_id="X")
    assert len({raw.key for raw in raws}) == 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.wav", b"", "空"),
        ("13800138000.pdf", b"%PDF-1.7 x", "不是录音"),
        ("a.wav", b"%PDF-1.7 x", "不是录音"),
        ("a.wav", b"<html>", "不是录音"),
        ("a.gsm", b"PK\x03\x04", "不是录音"),
        ("a.json", b"{}", "没有录音"),
    ],
)
def test_what_is_no_recording_is_refused(name: str, data: bytes, words: str) -> None:
    with pytest.raises(InputRefusedError, match=words) as caught:
        files((name, data))
    assert "13800138000" not in str(caught.value)


def test_nothing_is_taken_where_one_of_several_is_refused(wav: Wav) -> None:
    with pytest.raises(InputRefusedError, match="第 2 个"):
        files(("a.wav", wav()), ("b.wav", b""))
    with pytest.raises(InputRefusedError, match="没有文件"):
        files()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("x.json", b"{}", "找不到对应"),
        ("x.csv", b"file,caller\nother.wav,1\n", "找不到对应"),
        ("a.json", b" " * 300_000, "过大"),
    ],
)
def test_a_sidecar_that_would_be_dropped_is_refused(wav: Wav, name: str, data: bytes, words: str) -> None:
    with pytest.raises(InputRefusedError, match=words):
        files(("a.wav", wav(seed=1)), ("b.wav", wav(seed=2)), (name, data))


def test_an_oversized_file_on_disk_is_refused_unread(tmp_path: Path) -> None:
    big = tmp_path / "a.wav"
    with big.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse
    with pytest.raises(InputRefusedError, match="上限"):
        from_files([Blob("a.wav", "", path=big)], {}, source_id="cli:phone", now=NOW)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"#!AMR\n", "audio/amr"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        (b"OggS", "audio/ogg"),
        (bytes.fromhex("3026b2758e66cf11a6d9"), "audio/x-ms-wma"),
        (b"\x02#!SILK_V3", "audio/silk"),
        (b"RIFF\x00\x00\x00\x00AVI ", ""),
        (b"\xff\xd8\xff\xe0", ""),
        (b"\xff\xfe\x00\x00", ""),
        (b"", ""),
    ],
)
def test_signatures(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["a.wav", "a.gsm", "a.json", "a.csv", "..", "a\x00.mp3"]))
def test_any_file_is_taken_or_refused(data: bytes, name: str) -> None:
    for raw in check_from_files(CHANNEL, [Blob(name, "", data), Blob("b.wav", "", tone(0.01))], {"x": name}):
        check_normalize(CHANNEL, raw)


# ---- the call pad

PAD = {
    "caller": "13800138000",
    "name": "刘某",
    "mode": "confidential",
    "place": "五原县隆兴昌镇",
    "respondent": "某砂石厂",
    "facts": "夜间在耕地取土\n三车",
    "evidence": "",
    "start": "2026-03-02T09:05",
}


def pad(values: object, *sounds: Blob) -> RawIntake:
    return form_intake("phone", CALL_PAD, values, sounds, key="k", at=NOW)


def test_the_call_pad_becomes_a_report(wav: Wav) -> None:
    raw = pad(
        PAD, Blob("a.wav", "audio/wav", wav(), "recording"), Blob("b.jpg", "image/jpeg", b"\xff\xd8\xff", "image")
    )
    (outcome,) = check_normalize(CHANNEL, raw) or []
    report = outcome.report
    assert (
        report.parts[0].text == "违法行为发生地：五原县隆兴昌镇\n违法主体：某砂石厂\n主要违法事实：夜间在耕地取土\n三车"
    )
    assert [(part.kind, part.blob) for part in report.parts[1:]] == [("audio", 1), ("file", 2)]
    assert (report.sender.name, report.sender.phone, report.mode) == ("刘某", "13800138000", "confidential")
    assert report.fields["respondent"] == "某砂石厂"
    assert "刘某" not in report.parts[0].text


@pytest.mark.parametrize("values", [{}, {"facts": "  "}, {"mode": "anonymous"}])
def test_an_empty_pad_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(NormalizeError, match="空"):
        normalize(pad(values))


def test_every_box_of_the_pad_is_read() -> None:
    boxes = {field.name for field in CALL_PAD.fields}
    assert boxes >= {"caller", "start", "place", "respondent", "facts", "evidence", "occurred", "mode", "files"}
    assert {field.name for field in CALL_PAD.fields if field.sensitive} == {"caller", "name"}


@pytest.mark.parametrize("word", ["Wrong Number", "骚扰电话", "误拨"])
def test_a_useless_call_is_only_suggested_as_invalid(wav: Wav, word: str) -> None:
    (raw,) = files(("a.wav", wav()), ("a.json", json.dumps({"result": word}).encode()))
    (outcome,) = normalize(raw)
    assert outcome.report.kind == "invalid"
    assert outcome.report.parts


# ---- settings


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"folder": ""},
        {"kind": "twilio"},
        {"kind": "twilio", "account_sid": "XX1", "public_url": PUBLIC},
        {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "ftp://x"},
        {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "https://u:p@x"},
        {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "https://x?y=1"},
        {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "https://x:port"},
        {"folder": "rec", "settle_seconds": -1},
        {"folder": "rec", "timezone": "Mars/Olympus"},
        {"folder": "rec", "timezone": "../etc/passwd"},
        {"folder": "rec", "done_folder": "."},
        {"folder": "rec", "unknown": 1},
        {"kind": "fax", "folder": "rec"},
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PhoneSettings.model_validate(values)


def test_defaults() -> None:
    made = PhoneSettings.model_validate({"kind": "twilio", "account_sid": ACCOUNT, "public_url": PUBLIC + "/"})
    assert (made.settle_seconds, made.sidecar_seconds, made.timezone) == (2, 10, "Asia/Shanghai")
    assert (made.public_url, made.api_base) == (PUBLIC, "https://api.twilio.com")
