"""The recordings folder: growing files, late side-cars, renames, restarts, links."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from channels.contract import Continuation, NewReport, NormalizeError, Source
from channels.folders import scan
from channels.phone.folder import poll, poll_once
from channels.phone.normalize import normalize
from channels.phone.watch import Watch
from channels.testing import FailpointError, MemoryPorts, StorageDownError, check_normalize

Wav = Callable[..., bytes]
SIDECAR = {
    "call_id": "000123",
    "caller": "13800138000",
    "agent": "8003",
    "start": "2026-03-02 09:05:03",
    "duration": 65,
}


class Recorder:
    """Looks at the folder like the poller, with a clock that is moved by hand."""

    def __init__(self, ports: MemoryPorts, source: Source) -> None:
        self.ports, self.source, self.watch = ports, source, Watch()
        ports.clock = datetime.now(UTC) + timedelta(minutes=1)

    def look(self, after: float = 0.0) -> int:
        self.ports.advance(timedelta(seconds=after))
        return poll_once(self.ports, self.source, self.watch)

    def wait(self, seconds: float) -> int:
        """Look each second."""
        return sum(self.look(1) for _ in range(int(seconds)))

    def restart(self) -> "Recorder":
        again = Recorder(self.ports, self.source)
        again.ports.clock = self.ports.clock
        return again

    def set(self, **settings: object) -> None:
        self.source = replace(self.source, settings={**self.source.settings, **settings})


@pytest.fixture
def recorder(ports: MemoryPorts, source: Source) -> Recorder:
    return Recorder(ports, source)


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


def check_normalize_one(raw: object) -> list[object]:
    from channels.phone import CHANNEL

    found = check_normalize(CHANNEL, raw)
    assert found is not None
    return found


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


def test_another_recording_under_a_used_name_is_a_new_intake(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav(seed=1))
    os.utime(folder / "a.wav", ns=(10**18, 10**18))
    recorder.look()
    assert recorder.wait(11) == 1
    (folder / "a.wav").write_bytes(wav(seed=2))
    os.utime(folder / "a.wav", ns=(10**18, 10**18))  # same size, same mtime
    recorder.look()
    assert recorder.wait(12) == 1


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


def test_two_recordings_of_one_name_both_stay_in_the_done_folder(recorder: Recorder, folder: Path, wav: Wav) -> None:
    recorder.set(done_folder="done")
    for seed in (1, 2):
        (folder / "a.wav").write_bytes(wav(seed=seed))
        recorder.look()
        assert recorder.wait(12) == 1
    assert sorted(path.read_bytes() for path in (folder / "done").iterdir()) == sorted([wav(seed=1), wav(seed=2)])


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


def test_a_broken_sidecar_does_not_hold_the_recording_back(recorder: Recorder, folder: Path, wav: Wav) -> None:
    (folder / "a.wav").write_bytes(wav())
    (folder / "a.json").write_bytes(b"{" * 5000)
    recorder.look()
    assert recorder.wait(3) == 1
    (outcome,) = check_normalize_one(recorder.ports.delivered[0])
    assert outcome.report.warnings


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


def test_names_that_are_no_utf8_are_taken_in(recorder: Recorder, folder: Path, wav: Wav) -> None:
    raw_name = os.fsencode(folder) + b"/" + "录音.wav".encode("gbk")
    with open(raw_name, "wb") as file:  # noqa: PTH123  the name is bytes
        file.write(wav())
    recorder.look()
    assert recorder.wait(12) == 1
    recorder.ports.delivered[0].key.encode()
    check_normalize_one(recorder.ports.delivered[0])


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
