"""Hostile files: each ends in pages or in a DecodeError, within bounds of time and memory."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transcription.scan import hostile

ROOT = Path(__file__).resolve().parents[3]
LIMITED = Path(__file__).parent / "limited.py"
CPU = 5.0  # seconds for any one file
READ = {  # what can still be shown, by number of pages
    "large.png": 1, "wide.png": 1, "truncated.jpg": 1, "truncated.png": 1, "loop.tif": 1, "frames.gif": 1,
    "count.pdf": 1, "negative.pdf": 1, "infinite.pdf": 1, "flat.pdf": 1, "inverse.pdf": 1,
    "polyglot.jpg": 1, "nan.ofd": 1,
}  # fmt: skip


def limited(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LIMITED), *map(str, paths)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, dict[str, object]]:
    """What a process with 1 GiB of address space says of each hostile file, one after the other."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in hostile.files().items():
        (folder / name).write_bytes(data)
    done = limited(*sorted(folder.iterdir()))
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines if "name" in line} | {"": lines[-1]}


def test_every_file_is_answered_in_time(told) -> None:
    assert len(told) > 30
    assert set(READ) < set(told)
    slow = {name: line["cpu"] for name, line in told.items() if line.get("cpu", 0) > CPU}
    assert not slow
    assert told[""]["peak_mb"] < 900


def test_what_cannot_be_read_is_permanent_and_says_why(told) -> None:
    for name, line in told.items():
        if not name:
            continue
        if name in READ:
            assert len(line["pages"]) == READ[name], line
        else:
            assert line["permanent"], line
            assert any("\u4e00" <= char <= "\u9fff" for char in line["error"]), line


def test_what_was_left_out_is_said(told) -> None:
    assert "上限为 60 百万像素" in told["huge.png"]["error"]
    assert told["truncated.jpg"]["warnings"] == ["图片不完整，只读出了一部分"]
    assert told["frames.gif"]["warnings"] == ["动态图片只读取第一帧"]
    assert any("1000000" in warning for warning in told["count.pdf"]["warnings"])
    assert "过大" in told["zip.ofd"]["error"]


def test_pages_stay_within_bounds(told) -> None:
    for name, line in told.items():
        for width, height, _lines in line.get("pages", ()):
            assert 1 <= width <= 2600, name
            assert 1 <= height <= 2600, name


def test_exploding_forms_end_the_child_soon(tmp_path) -> None:
    """pdfium expands nested forms while it loads a page; the memory limit ends that, not a clock."""
    path = tmp_path / "forms.pdf"
    path.write_bytes(hostile.nested_forms(9))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = limited(path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode != 0
    assert after.ru_utime - before.ru_utime < 30


def test_scattered_damage_raises_nothing_else(sample) -> None:
    """A few hundred files with bytes changed at fixed places: pages or DecodeError, never another exception."""
    from transcription.contract import DecodeError
    from transcription.scan.pages import render

    originals = [
        sample("fax.tif"),
        sample("phone.heic"),
        sample("vertical.png"),
        hostile.one_page(),
        hostile.ofd("<a/>"),
    ]
    for data in originals:
        for step in range(1, 25):
            hurt = bytearray(data)
            for at in range(step * 7, len(hurt), max(101, len(hurt) // 6)):
                hurt[at] ^= 1 << (step % 8)
            try:
                for page in render(bytes(hurt), max_pages=3):
                    assert page.jpeg
            except DecodeError as error:
                assert str(error)  # noqa: PT017
