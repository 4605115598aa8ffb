"""What else lies in a watched folder: links, devices, empty and huge files, odd names, wrong types."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import os
from pathlib import Path

import pytest

from channels.contract import NormalizeError
from channels.folders import scan
from channels.phone.normalize import normalize
from tests.channels.phone.recorder import Recorder, Wav, check_normalize_one, recorder


def test_links_and_special_files_are_refused(recorder: Recorder, folder: Path, tmp_path: Path, wav: Wav) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").write_bytes(wav())
    (folder / "link.wav").symlink_to(outside / "secret.wav")
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe.wav")
    recorder.look()
    assert recorder.wait(12) == 0


def test_a_file_swapped_for_a_link_between_look_and_reading_is_refused(
    recorder: Recorder, folder: Path, tmp_path: Path, wav: Wav
) -> None:
    from channels.folders import read

    (folder / "sub").mkdir()
    (folder / "sub" / "a.wav").write_bytes(wav())
    (entry,) = scan(folder)
    assert read(entry, folder) == wav()
    (folder / "sub").rename(tmp_path / "sub")
    (folder / "sub").symlink_to(tmp_path / "sub")
    with pytest.raises(OSError, match="link"):
        read(entry, folder)
    (folder / "sub").unlink()
    (folder / "sub").mkdir()
    (folder / "sub" / "a.wav").symlink_to(tmp_path / "sub" / "a.wav")
    with pytest.raises(OSError):
        read(entry, folder)


def test_an_unreadable_folder_beats_not_ok(recorder: Recorder, folder: Path) -> None:
    recorder.look()
    assert recorder.ports.beats[-1].ok
    folder.rmdir()
    assert recorder.look() == 0
    assert not recorder.ports.beats[-1].ok
    folder.mkdir()
    recorder.look()
    assert recorder.ports.beats[-1].ok


def test_an_oversized_recording_is_reported_and_the_others_go_on(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(max_bytes=5_000)
    (folder / "13800138000.wav").write_bytes(wav(2.0))
    (folder / "b.wav").write_bytes(wav(0.1))
    recorder.look()
    assert recorder.wait(12) == 1
    beat = recorder.ports.beats[-1]
    assert not beat.ok
    assert "上限" in beat.detail
    assert "13800138000" not in beat.detail


def test_an_empty_recording_waits_longer_and_then_goes_to_the_manual_list(recorder: Recorder, folder: Path) -> None:
    (folder / "a.wav").touch()
    recorder.look()
    assert recorder.wait(58) == 0
    assert recorder.wait(3) == 1
    with pytest.raises(NormalizeError, match="空"):
        normalize(recorder.ports.delivered[0])


def test_a_file_of_another_type_is_named_on_the_state_page(recorder: Recorder, folder: Path) -> None:
    (folder / "notes.docx").write_bytes(b"PK\x03\x04")
    recorder.look()
    assert recorder.wait(12) == 0
    assert "1 个其他类型" in recorder.ports.beats[-1].detail


def test_names_that_are_no_utf8_are_taken_in(recorder: Recorder, folder: Path, wav: Wav) -> None:
    raw_name = os.fsencode(folder) + b"/" + "录音.wav".encode("gbk")
    with open(raw_name, "wb") as file:  # noqa: PTH123  the name is bytes
        file.write(wav())
    recorder.look()
    assert recorder.wait(12) == 1
    recorder.ports.delivered[0].key.encode()
    check_normalize_one(recorder.ports.delivered[0])
