"""The scanner folder: what is one letter, when it is complete, and that nothing is lost or doubled."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from channels.contract import Continuation, NewReport, NormalizeError, PartKind, Source
from channels.letter import CHANNEL
from channels.letter.folder import poll, poll_once
from channels.letter.watch import Watch
from channels.testing import FailpointError, MemoryPorts, StorageDownError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PDF = b"%PDF-1.4\n" + bytes(64)


class Scanner:
    """A folder, a poller and a clock."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root = root
        self.ports = MemoryPorts(clock=datetime(2099, 1, 5, 9, tzinfo=UTC))
        told = {"folder": str(root), "settle_seconds": 5} | settings
        self.source = Source("folder:1", "letter", "150821", told, station="收发室")
        self.watch = Watch()

    def put(self, name: str, data: bytes = PNG) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def look(self, seconds: float = 0) -> int:
        self.ports.advance(timedelta(seconds=seconds))
        return poll_once(self.ports, self.source, self.watch)

    def settle(self) -> int:
        return self.look() + self.look(6)

    def restart(self) -> None:
        self.watch = Watch()

    @property
    def delivered(self) -> list[list[str]]:
        return [[blob.name for blob in raw.blobs] for raw in self.ports.delivered]


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    return Scanner(tmp_path)


def test_a_file_is_one_letter_once(scanner: Scanner) -> None:
    scanner.put("来信.pdf", PDF)
    assert scanner.look() == 0, "it may still be written"
    assert scanner.look(4) == 0
    assert scanner.look(1) == 1
    raw = scanner.ports.delivered[0]
    assert raw.key == f"来信.pdf:{raw.blobs[0].sha256()}"
    assert (raw.channel, raw.source_id, raw.station, raw.blobs[0].media_type) == (
        "letter", "folder:1", "收发室", "application/pdf",
    )  # fmt: skip
    assert raw.blobs[0].read() == PDF
    assert abs(raw.at - datetime.now(UTC)) < timedelta(minutes=5), "when it came into the folder"
    assert scanner.look(60) == 0
    scanner.restart()
    assert scanner.settle() == 0
    assert len(scanner.ports.delivered) == 1


def test_time_never_lies_in_the_future(scanner: Scanner) -> None:
    scanner.ports.clock = datetime(2001, 1, 5, 9, tzinfo=UTC)
    scanner.put("a.pdf", PDF)
    scanner.settle()
    assert scanner.ports.delivered[0].at == scanner.ports.clock


def test_a_growing_file_waits(scanner: Scanner) -> None:
    path = scanner.put("a.tif", b"II*\0")
    for _ in range(5):
        scanner.look(3)
        path.write_bytes(path.read_bytes() + bytes(100))
    assert scanner.delivered == []
    scanner.settle()
    assert scanner.ports.delivered[0].blobs[0].size() == 504


def test_touched_or_same_content_adds_nothing_other_name_does(scanner: Scanner) -> None:
    path = scanner.put("a.pdf", PDF)
    scanner.settle()
    os.utime(path, (1, 1))
    path.write_bytes(PDF)
    assert scanner.settle() == 0
    scanner.put("b.pdf", PDF)
    assert scanner.settle() == 1
    scanner.put("a.pdf", PDF + b"another letter")
    assert scanner.settle() == 1


def test_pages_by_name_are_one_letter(scanner: Scanner) -> None:
    for name in ("0012-2.jpg", "0012-10.jpg", "0012-1.jpg", "0012-信封.jpg", "0012.txt"):
        scanner.put(name, b"\xff\xd8\xff" + name.encode())
    scanner.put("letter7_p2.tif", b"II*\0b")
    scanner.put("letter7_p1.tif", b"II*\0a")
    assert scanner.settle() == 2
    assert scanner.delivered[0][:3] == ["0012-1.jpg", "0012-2.jpg", "0012-10.jpg"]
    assert scanner.delivered[0][-1] == "0012-信封.jpg"
    assert [blob.role for blob in scanner.ports.delivered[0].blobs] == ["page"] * 3 + ["sidecar", "envelope"]
    assert scanner.delivered[1] == ["letter7_p1.tif", "letter7_p2.tif"]
    scanner.restart()
    assert scanner.settle() == 0


@pytest.mark.parametrize(
    "names",
    [
        ("IMG_0001.jpg", "IMG_0002.jpg"),
        ("2024-06-03.jpg", "2024-06-04.jpg"),
        ("2024-1.pdf", "2024-2.pdf"),
        ("scan (1).jpg", "scan (2).jpg"),
        ("1.jpg", "2.jpg"),
        ("same.jpg", "same.png"),
    ],
)
def test_letters_of_their_own(scanner: Scanner, names: tuple[str, ...]) -> None:
    for name in names:
        scanner.put(name)
    assert scanner.settle() == len(names)


def test_a_sub_folder_is_one_letter_when_all_of_it_is_quiet(scanner: Scanner) -> None:
    scanner.put("批次7/b.jpg", b"\xff\xd8\xffb")
    scanner.look()
    scanner.look(4)
    scanner.put("批次7/a.jpg", b"\xff\xd8\xffa")
    assert scanner.look(2) == 0, "a page came just now"
    assert scanner.look(6) == 1
    assert scanner.delivered == [["a.jpg", "b.jpg"]]
    assert scanner.ports.delivered[0].key.startswith("批次7:")


def test_a_temporary_file_holds_its_letter_up_but_no_other(scanner: Scanner) -> None:
    scanner.put("0012-1.jpg")
    scanner.put("0013-1.jpg", PNG + b"13")
    part = scanner.put("0012-2.jpg.part")
    scanner.settle()
    assert scanner.delivered == [["0013-1.jpg"]]
    part.rename(part.with_name("0012-2.jpg"))
    scanner.settle()
    assert scanner.delivered[1] == ["0012-1.jpg", "0012-2.jpg"]
    scanner.put("0014-1.jpg", PNG + b"14")
    scanner.put("0014-2.jpg.part")
    scanner.settle()
    scanner.look(100)
    assert scanner.delivered[2] == ["0014-1.jpg"], "a file left behind holds nothing up"


def test_a_late_page_joins_its_letter(scanner: Scanner) -> None:
    scanner.put("0012-1.jpg", PNG)
    scanner.settle()
    scanner.restart()
    scanner.put("0012-2.jpg", PNG + b"2")
    assert scanner.settle() == 1
    first, late = scanner.ports.delivered
    assert [blob.name for blob in late.blobs] == ["0012-2.jpg"]
    [begun], [joined] = CHANNEL.normalize(first), CHANNEL.normalize(late)
    assert isinstance(begun, NewReport)
    assert isinstance(joined, Continuation)
    assert begun.correlation_keys == joined.correlation_keys == ("letter:0012",)
    scanner.restart()
    assert scanner.settle() == 0


def test_files_move_only_after_they_are_stored(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path, done_folder="已收")
    scanner.put("a.pdf", PDF)
    scanner.put("批次/1.png")
    scanner.ports.broken = True
    scanner.look()
    with pytest.raises(StorageDownError):
        scanner.look(6)
    assert (tmp_path / "a.pdf").exists()
    scanner.ports.broken = False
    assert scanner.look(1) == 2
    assert not (tmp_path / "a.pdf").exists()
    assert (tmp_path / "已收" / "a.pdf").read_bytes() == PDF
    assert (tmp_path / "已收" / "批次" / "1.png").exists()
    scanner.put("a.pdf", PDF + b"2")
    assert scanner.settle() == 1
    assert len(list((tmp_path / "已收").glob("a*.pdf"))) == 2, "a second letter of that name hides no first"
    scanner.put("0012-2.png", PNG + b"late")
    scanner.settle()
    assert isinstance(CHANNEL.normalize(scanner.ports.delivered[-1])[0], Continuation), "page 1 was moved away"


@pytest.mark.parametrize("point", ["letter.before_deliver", "letter.after_deliver"])
def test_killed_around_delivery(tmp_path: Path, point: str) -> None:
    scanner = Scanner(tmp_path, done_folder="done")
    scanner.put("a.pdf", PDF)
    scanner.ports.arm(point)
    scanner.look()
    with pytest.raises(FailpointError):
        scanner.look(6)
    assert (tmp_path / "a.pdf").exists()
    del scanner.ports.armed[point]
    scanner.restart()
    scanner.settle()
    assert len(scanner.ports.delivered) == 1
    assert not (tmp_path / "a.pdf").exists()


def test_what_is_no_scan_is_delivered_and_ends_on_the_manual_list(scanner: Scanner) -> None:
    scanner.put("odd.xyz", b"what is this")
    scanner.put("empty.pdf", b"")
    scanner.put("Thumbs.db", b"x")
    scanner.settle()
    assert scanner.delivered == [["odd.xyz"]]
    scanner.look(60)
    assert scanner.delivered == [["odd.xyz"], ["empty.pdf"]]
    for raw in scanner.ports.delivered:
        with pytest.raises(NormalizeError) as caught:
            CHANNEL.normalize(raw)
        assert caught.value.permanent


def test_a_bad_page_beside_good_ones_is_kept(scanner: Scanner) -> None:
    scanner.put("7/a.jpg", b"\xff\xd8\xffa")
    scanner.put("7/b.xyz", b"?")
    scanner.settle()
    [outcome] = CHANNEL.normalize(scanner.ports.delivered[0])
    assert isinstance(outcome, NewReport)
    assert [part.kind for part in outcome.report.parts] == [PartKind.SCAN, PartKind.FILE]
    assert outcome.report.warnings


def test_too_large_stays_and_is_shown(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path, max_bytes=10)
    path = scanner.put("a.pdf", PDF)
    scanner.put("b.pdf", b"%PDF-1")
    scanner.settle()
    assert scanner.delivered == [["b.pdf"]]
    assert path.exists()
    assert not scanner.ports.beats[-1].ok
    assert "上限" in scanner.ports.beats[-1].detail


def test_links_are_not_followed(scanner: Scanner, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-outside.pdf"
    secret.write_bytes(PDF)
    (tmp_path / "link.pdf").symlink_to(secret)
    (tmp_path / "up").symlink_to(tmp_path.parent)
    os.mkfifo(tmp_path / "pipe.pdf")
    assert scanner.settle() == 0


def test_names_without_utf8_are_stored(scanner: Scanner) -> None:
    Path(os.fsdecode(os.fsencode(scanner.root) + b"/\xbe\xd9\xb1\xa8.pdf")).write_bytes(PDF)
    assert scanner.settle() == 1
    scanner.ports.delivered[0].key.encode()
    scanner.ports.delivered[0].blobs[0].name.encode()


def test_missing_folder_says_so(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path / "gone")
    assert scanner.look() == 0
    assert not scanner.ports.beats[-1].ok


def test_the_poller_runs_until_told_to_stop(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path, settle_seconds=0, poll_seconds=0.05)
    stop = Event()
    thread = Thread(target=poll, args=(scanner.ports, scanner.source, stop))
    thread.start()
    scanner.put("a.pdf", PDF)
    for _ in range(200):
        if scanner.ports.delivered:
            break
        stop.wait(0.05)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert scanner.delivered == [["a.pdf"]]
    assert all("a.pdf" not in beat.detail for beat in scanner.ports.beats)


@pytest.mark.parametrize("settings", [{"folder": "a", "done_folder": "."}, {"done_folder": "b"}, {"unknown": 1}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        CHANNEL.settings.model_validate(settings)
    ports = MemoryPorts()
    stop = Event()
    stop.set()
    poll(ports, Source("folder:9", "letter", "150821", settings), stop)
    assert not ports.beats[-1].ok
