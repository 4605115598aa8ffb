"""Sidecars and lists beside recordings: late, corrected, growing, shared, broken."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from channels.contract import Continuation, NewReport
from channels.phone.normalize import normalize
from tests.channels.phone.recorder import SIDECAR, Recorder, Wav, check_normalize_one, recorder


def test_a_recording_without_sidecar_is_taken_after_its_grace(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    stamp = datetime(2026, 3, 2, 1, 0, tzinfo=UTC).timestamp()
    os.utime(folder / "a.wav", (stamp, stamp))
    recorder.look()
    assert recorder.wait(9) == 0
    assert recorder.wait(2) == 1
    (raw,) = recorder.ports.delivered
    assert raw.blobs[0].data == wav()
    assert raw.key == f"a.wav:{sha256(wav()).hexdigest()}"
    assert raw.at == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert (raw.source_id, raw.channel, raw.station) == ("folder:5", "phone", "五原站")
    (outcome,) = check_normalize_one(raw)
    assert isinstance(outcome, NewReport)
    assert outcome.report.parts[0].kind == "audio"
    assert outcome.report.fields["line"] == "12336"


def test_a_sidecar_ends_the_wait_and_gives_base_caller_and_agent(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(1) == 0
    assert recorder.wait(1) == 1
    (raw,) = recorder.ports.delivered
    assert raw.at.isoformat() == "2026-03-02T09:05:03+08:00"
    assert [blob.role for blob in raw.blobs] == ["recording", "sidecar"]
    (outcome,) = check_normalize_one(raw)
    assert isinstance(outcome, Continuation)
    assert outcome.correlation_keys[0] == "call:20260302:000123"
    assert outcome.report.sender.phone == "13800138000"
    assert outcome.report.fields == {
        "line": "12336",
        "agent": "8003",
        "call_id": "000123",
        "start": "2026-03-02T09:05:03+08:00",
        "duration": "65",
    }
    assert recorder.wait(20) == 0
    assert not recorder.ports.redelivered


def test_a_late_sidecar_continues_the_same_call(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "2026").mkdir()
    (folder / "2026" / "a.wav").write_bytes(wav())
    recorder.look()
    assert recorder.wait(11) == 1
    (folder / "2026" / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    first, second = recorder.ports.delivered
    assert second.key.startswith("2026/a:sidecar")
    opened, continued = check_normalize_one(first)[0], check_normalize_one(second)[0]
    assert isinstance(opened, NewReport)
    assert isinstance(continued, Continuation)
    assert set(opened.correlation_keys) & set(continued.correlation_keys)
    assert continued.report.sender.phone == "13800138000"
    assert recorder.wait(20) == 0
    assert recorder.restart().wait(20) == 0


def test_a_corrected_sidecar_is_a_further_continuation(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    (folder / "a.json").write_text(json.dumps(SIDECAR | {"agent": "8009"}), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    (outcome,) = normalize(recorder.ports.delivered[1])
    assert outcome.report.fields["agent"] == "8009"
    assert not set(normalize(recorder.ports.delivered[0])[0].correlation_keys).isdisjoint(outcome.correlation_keys)


CSV = "录音文件,流水号,主叫号码,坐席号,开始时间,通话时长\r\n"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_a_csv_serves_many_recordings_each_with_its_own_row(
    recorder: Recorder, folder: Path, wav: Wav, encoding: str
) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.wav").write_bytes(wav(seed=ord(name)))
    rows = "a.wav,1,13800000001,8001,2026-03-02 09:00:00,60\r\nE:\\rec\\b.wav,2,13800000002,8002,2026/3/2 9:10,1:05\r\n"
    (folder / "清单.csv").write_bytes((CSV + rows).encode(encoding))
    recorder.look()
    assert recorder.wait(3) == 2
    phones = {raw.meta["recording"]: normalize(raw)[0].report.sender.phone for raw in recorder.ports.delivered}
    assert phones == {"a.wav": "13800000001", "b.wav": "13800000002"}
    for raw in recorder.ports.delivered:
        text = raw.blobs[1].data.decode()
        assert sum(number in text for number in phones.values()) == 1
    assert recorder.wait(15) == 0


def test_a_growing_csv_adds_only_what_is_new(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav(seed=1))
    (folder / "cdr.csv").write_text(CSV + "a.wav,1,13800000001,8001,2026-03-02 09:00:00,60\r\n", encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    (folder / "b.wav").write_bytes(wav(seed=2))
    recorder.look()
    assert recorder.wait(11) == 1
    with (folder / "cdr.csv").open("a", encoding="utf-8") as file:
        file.write("b.wav,2,13800000002,8002,2026-03-02 09:10:00,65\r\n")
    recorder.look()
    assert recorder.wait(3) == 1, "the row of a says nothing new"
    assert normalize(recorder.ports.delivered[2])[0].report.sender.phone == "13800000002"
    assert recorder.restart().wait(20) == 0


def test_equal_names_in_two_folders_are_not_guessed_between(recorder: Recorder, folder: Path, wav: Wav) -> None:
    for number, day in enumerate(("01", "02"), 1):
        (folder / day).mkdir()
        (folder / day / "1.wav").write_bytes(wav(seed=number))
    rows = "1.wav,1,13800000001,8001,2026-03-02 09:00:00,60\r\n02\\1.wav,2,13800000002,8002,2026-03-02 09:10:00,65\r\n"
    (folder / "cdr.csv").write_text(CSV + rows, encoding="utf-8")
    recorder.look()
    recorder.wait(12)
    phones = {raw.meta["recording"]: normalize(raw)[0].report.sender.phone for raw in recorder.ports.delivered}
    assert phones == {"01/1.wav": "", "02/1.wav": "13800000002"}


def test_the_same_file_again_adds_nothing_and_equal_content_under_two_names_is_two(
    recorder: Recorder, folder: Path, wav: Wav
) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "b.wav").write_bytes(wav())
    recorder.look()
    assert recorder.wait(11) == 2
    assert recorder.restart().wait(15) == 0
    assert not recorder.ports.redelivered, "known versions are not even read again"
    (folder / "a.wav").unlink()
    recorder.look(1)
    (folder / "a.wav").write_bytes(wav())  # copied in again
    recorder.look()
    assert recorder.wait(15) == 0
    assert len(recorder.ports.redelivered) == 1


def test_a_sidecar_that_comes_with_a_copy_of_a_known_recording_is_not_lost(
    recorder: Recorder, folder: Path, wav: Wav
) -> None:
    (folder / "a.wav").write_bytes(wav())
    recorder.look()
    assert recorder.wait(11) == 1
    (folder / "a.wav").unlink()
    recorder.look()
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(5) == 1
    assert recorder.ports.delivered[1].meta["event"] == "sidecar"


def test_two_recordings_of_one_call_are_both_kept_and_share_their_key(
    recorder: Recorder, folder: Path, wav: Wav
) -> None:
    for leg in ("in", "out"):
        (folder / f"{leg}.wav").write_bytes(wav(seed=len(leg)))
        (folder / f"{leg}.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 2
    keys = [set(normalize(raw)[0].correlation_keys) for raw in recorder.ports.delivered]
    assert keys[0] & keys[1]


def test_a_recording_renamed_by_the_recorder_is_known_by_its_call(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    (folder / "a.wav").rename(folder / "archived.wav")
    (folder / "a.json").rename(folder / "archived.json")
    recorder.look()
    assert recorder.wait(15) == 0
    assert len(recorder.ports.redelivered) == 1


def test_a_sidecar_after_the_move_still_finds_its_recording(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(done_folder="done")
    (folder / "a.wav").write_bytes(wav())
    recorder.look()
    assert recorder.wait(11) == 1
    (folder / "a.json").write_text(json.dumps(SIDECAR), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 1
    opened, continued = (normalize(raw)[0] for raw in recorder.ports.delivered)
    assert set(opened.correlation_keys) & set(continued.correlation_keys)
    assert not (folder / "a.json").exists()
    assert recorder.wait(12) == 0


def test_a_broken_sidecar_does_not_hold_the_recording_back(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_bytes(b"{" * 5000)
    recorder.look()
    assert recorder.wait(3) == 1
    (outcome,) = check_normalize_one(recorder.ports.delivered[0])
    assert outcome.report.warnings
