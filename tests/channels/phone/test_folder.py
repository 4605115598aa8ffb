"""The recordings folder: growing files, late side-cars, renames, restarts, links."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.contract import Source
from channels.phone.folder import poll, poll_once
from channels.testing import FailpointError, MemoryPorts, StorageDownError
from tests.channels.phone.recorder import SIDECAR, Recorder, Wav, recorder


def test_a_growing_file_is_left_alone_until_it_rests(recorder: Recorder, folder: Path, wav: Wav) -> None:
    data = wav(2.0)
    recorder.set(sidecar_seconds=2)
    for end in range(0, len(data), 4000):
        with (folder / "a.wav").open("ab") as file:
            file.write(data[end : end + 4000])
        assert recorder.look(1) == 0
    assert recorder.wait(1) == 0
    assert recorder.wait(1) == 1
    assert recorder.ports.delivered[0].blobs[0].data == data


def test_equal_size_with_new_mtime_is_still_growing(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(sidecar_seconds=0)
    (folder / "a.wav").write_bytes(wav(seed=1))  # preallocated by the recorder, then filled
    recorder.look()
    recorder.look(1.5)
    (folder / "a.wav").write_bytes(wav(seed=2))
    os.utime(folder / "a.wav", ns=(1, 12345))
    assert recorder.look(1.5) == 0
    assert recorder.look(2) == 1
    assert recorder.ports.delivered[0].blobs[0].data == wav(seed=2)


def test_a_file_renamed_into_place_is_complete_at_once(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(sidecar_seconds=0)
    (folder / "a.wav.part").write_bytes(wav())
    assert recorder.wait(20) == 0
    (folder / "a.wav.part").rename(folder / "a.wav")
    assert recorder.look(0.1) == 1


def test_a_rename_in_mid_writing_is_not_trusted(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(sidecar_seconds=0)
    data = wav()
    (folder / "a.tmp").write_bytes(data[:100])
    recorder.look()
    (folder / "a.tmp").rename(folder / "a.wav")
    (folder / "a.wav").write_bytes(data)
    assert recorder.look(0.5) == 0
    assert recorder.look(2) == 1


@pytest.mark.parametrize("name", [".a.wav", "~a.wav", "a.wav.tmp", "a.wav~", ".hidden/a.wav", "a.wav.filepart"])
def test_hidden_and_temporary_files_are_not_recordings(recorder: Recorder, folder: Path, wav: Wav, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(wav())
    recorder.look()
    assert recorder.wait(12) == 0


def test_another_recording_under_a_used_name_is_a_new_intake(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav(seed=1))
    os.utime(folder / "a.wav", ns=(10**18, 10**18))
    recorder.look()
    assert recorder.wait(11) == 1
    (folder / "a.wav").write_bytes(wav(seed=2))
    os.utime(folder / "a.wav", ns=(10**18, 10**18))  # same size, same mtime
    recorder.look()
    assert recorder.wait(12) == 1


@pytest.mark.parametrize("point", ["phone.before_deliver", "phone.after_deliver"])
def test_a_kill_around_deliver_loses_and_doubles_nothing(
    recorder: Recorder, folder: Path, wav: Wav, point: str
) -> None:
    recorder.set(done_folder="done")
    for seed in range(3):
        (folder / f"{seed}.wav").write_bytes(wav(seed=seed + 1))
    recorder.look()
    recorder.ports.arm(point, 1)
    with pytest.raises(FailpointError):
        recorder.wait(12)
    del recorder.ports.armed[point]
    again = recorder.restart()
    again.look()
    again.wait(12)
    assert sorted(raw.key.partition(":")[0] for raw in again.ports.delivered) == ["0.wav", "1.wav", "2.wav"]
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["0.wav", "1.wav", "2.wav"]


def test_nothing_is_moved_while_storage_is_down(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(done_folder="done")
    (folder / "a.wav").write_bytes(wav())
    recorder.look()
    recorder.ports.broken = True
    with pytest.raises(StorageDownError):
        recorder.wait(12)
    assert (folder / "a.wav").exists()
    recorder.ports.broken = False
    assert recorder.wait(1) == 1
    assert not (folder / "a.wav").exists()
    assert (folder / "done" / "a.wav").read_bytes() == wav()


def test_two_recordings_of_one_name_both_stay_in_the_done_folder(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(done_folder="done")
    for seed in (1, 2):
        (folder / "a.wav").write_bytes(wav(seed=seed))
        recorder.look()
        assert recorder.wait(12) == 1
    assert sorted(path.read_bytes() for path in (folder / "done").iterdir()) == sorted([wav(seed=1), wav(seed=2)])


def test_a_base_is_never_in_the_future_and_of_a_voice_mail_is_its_end(
    recorder: Recorder, folder: Path, wav: Wav
) -> None:
    (folder / "a.wav").write_bytes(wav(seed=1))
    (folder / "a.json").write_text(json.dumps({"start": "2099-01-01 00:00:00", "caller": "1"}), encoding="utf-8")
    (folder / "b.wav").write_bytes(wav(seed=2))
    voice_mail = SIDECAR | {"type": "语音留言", "ring": "2026-03-02 09:00:00"}
    (folder / "b.json").write_text(json.dumps(voice_mail), encoding="utf-8")
    recorder.look()
    assert recorder.wait(3) == 2
    bases = {raw.meta["recording"]: raw.at for raw in recorder.ports.delivered}
    assert bases["a.wav"] <= recorder.ports.now()
    assert bases["b.wav"].isoformat() == "2026-03-02T09:01:05+08:00"


def test_poll_once_without_a_watch_remembers_settling_and_asks_the_hub_the_rest(
    ports: MemoryPorts, source: Source, folder: Path, wav: Wav
) -> None:
    (folder / "a.wav").write_bytes(wav())
    assert poll_once(ports, source) == 0
    ports.advance(timedelta(seconds=11))
    assert poll_once(ports, source) == 1
    assert poll_once(ports, source) == 0
    fresh = MemoryPorts(clock=ports.clock + timedelta(seconds=11))  # another hub on the same folder
    assert poll_once(fresh, source) == 1


def test_poll_runs_until_stopped_and_holds_a_lease(source: Source, folder: Path, wav: Wav) -> None:
    class LivePorts(MemoryPorts):
        def now(self) -> datetime:
            return datetime.now(UTC)

    ports = LivePorts()
    fast = {"settle_seconds": 0.1, "sidecar_seconds": 0.2, "poll_seconds": 0.05}
    live = replace(source, settings={**source.settings, **fast})
    (folder / "a.wav").write_bytes(wav())
    stop = threading.Event()
    thread = threading.Thread(target=poll, args=(ports, live, stop))
    thread.start()
    for _ in range(200):
        if ports.delivered:
            break
        stop.wait(0.02)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(ports.delivered) == 1
    assert ports.leases == set()


def test_poll_of_a_wrongly_configured_entrance_says_so(ports: MemoryPorts) -> None:
    stop = threading.Event()
    stop.set()
    poll(ports, Source("folder:9", "phone", "150821", {"folder": ""}), stop)
    assert not ports.beats[-1].ok
