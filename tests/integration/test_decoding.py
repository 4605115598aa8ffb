"""The limited child reads real inputs although it owns nothing, and its limits hold."""

from __future__ import annotations

import io
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from channels.contract import Blob, NewReport
from channels.registry import channels
from hub.enrich import decoding
from hub.work.child import ChildDiedError, LimitedChild, RefusedError


def sound(seconds: float = 0.3) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\1\0" * int(8000 * seconds))
    return out.getvalue()


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "white").save(out, kind)
    return out.getvalue()


def test_every_channel_is_read_in_the_child(hub: Path) -> None:
    samples = {
        "email": ("a.eml", b"Subject: =?gb2312?B?vtmxqA==?=\r\nContent-Type: text/plain; charset=big5\r\n\r\n\xa4\xa4"),
        "phone": ("a.wav", sound()),
        "letter": ("a.png", picture("PNG")),
        "subordinate": ("a.csv", "违法地点,问题描述\n桃江县,占用耕地建房\n".encode("gbk")),
        "referral": ("a.txt", "请核查".encode()),
    }
    for code, (name, data) in samples.items():
        (raw,) = channels()[code].from_files([Blob(name, "", data)], {}, source_id="cli:x", now=datetime.now(UTC))
        assert isinstance(decoding.normalize(raw)[0], NewReport), code


def test_recordings_and_scans_are_decoded_in_the_child(hub: Path) -> None:
    pcm = decoding.audio(sound(), "a.wav")
    assert pcm.duration == pytest.approx(0.3, abs=0.05)
    for kind in ("PNG", "JPEG", "TIFF", "PDF", "WEBP", "BMP"):
        (page,), _ = decoding.pages(picture(kind), f"a.{kind.lower()}")
        assert page.width > 0, kind
    with pytest.raises(RefusedError) as refused:
        decoding.audio(b"no sound at all", "a.wav")
    assert refused.value.permanent


ROOT = Path(__file__).parents[2]


def test_no_decoder_needs_a_module_that_was_not_loaded_before_the_fork(hub: Path) -> None:
    files = [
        file
        for folder in ("hub/demo/data", "tests/transcription/scan/data", "tests/transcription/speech/data")
        for file in sorted((ROOT / folder).rglob("*"))
        if file.is_file() and file.stat().st_size < 1_000_000
    ]
    assert len(files) > 20
    for file in files:
        for decode in (decoding.audio, decoding.pages):
            try:
                decode(file.read_bytes(), file.name)
            except RefusedError as error:
                assert "模块" not in str(error), f"{file}: {error}"  # noqa: PT017  most files are no sound or no page


def test_a_late_import_in_the_child_is_our_fault_not_the_inputs() -> None:
    def late(_args: object, _blobs: list[bytes]) -> tuple[object, list[bytes]]:
        try:
            import this_module_is_new  # noqa: F401
        except ImportError:
            raise ValueError("damaged") from None
        return None, []

    child = LimitedChild({"late": late}, memory=3_000_000_000, cpu_seconds=5)
    try:
        with pytest.raises(RefusedError, match="this_module_is_new") as refused:
            child.run("late", None, [])
        assert not refused.value.permanent
    finally:
        child.close()


def _eat(_args: object, _blobs: list[bytes]) -> tuple[object, list[bytes]]:
    return len(bytearray(4_000_000_000)), []


def _spin(_args: object, _blobs: list[bytes]) -> tuple[object, list[bytes]]:
    while True:
        pass


def _hang(_args: object, _blobs: list[bytes]) -> tuple[object, list[bytes]]:
    import time

    time.sleep(60)
    return None, []


def _write(_args: object, _blobs: list[bytes]) -> tuple[object, list[bytes]]:
    Path("/var/tmp/hub-child").write_bytes(b"x")
    return None, []


def _echo(args: object, blobs: list[bytes]) -> tuple[object, list[bytes]]:
    return args, blobs


def test_limits_end_the_child_and_the_next_job_gets_a_new_one() -> None:
    tasks = {"eat": _eat, "spin": _spin, "hang": _hang, "write": _write, "echo": _echo}
    child = LimitedChild(tasks, memory=3_000_000_000, cpu_seconds=1, wall_seconds=4)
    try:
        for task in ("eat", "spin", "hang"):
            with pytest.raises(ChildDiedError):
                child.run(task, None, [])
            assert child.run("echo", {"a": [1]}, [b"x" * 3_000_000])[1] == [b"x" * 3_000_000]
        with pytest.raises(RefusedError):
            child.run("write", None, [])
    finally:
        child.close()
