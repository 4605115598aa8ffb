"""The key process: does what the key file would, keeps what must not leave, knows who asks, is slow with many."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.access import keyclient, keyring, keyserver
from hub.access.keyclient import ProcessKeys
from hub.access.keyring import FileKeys, KeyFileError, KeysAwayError, SealError
from hub.access.keyserver import Server


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    keyring.make_key_file(tmp_path / "hub.key")
    return FileKeys(tmp_path / "hub.key")


class Running:
    """A server in a thread of this process."""

    def __init__(self, path: Path, keys: FileKeys, clients: frozenset[int] | None = None, rate: int = 0) -> None:
        self.server = Server(path, keys, frozenset({os.getuid()}) if clients is None else clients, rate)
        self.listening = self.server.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        try:
            self.server.serve(self.listening)
        except OSError:
            return

    def stop(self) -> None:
        if self.listening.fileno() < 0:
            return
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


@pytest.fixture
def asked(tmp_path: Path, keys: FileKeys) -> Iterator[tuple[ProcessKeys, Running]]:
    running = Running(tmp_path / "keys.sock", keys)
    made = ProcessKeys(tmp_path / "keys.sock")
    yield made, running
    made.close()
    running.stop()


def test_it_does_what_the_file_would(asked: tuple[ProcessKeys, Running], keys: FileKeys) -> None:
    other, _ = asked
    assert other.fingerprint() == keys.fingerprint()
    for purpose in keyserver.KEPT:
        assert other.mac(purpose, b"\0x") == keys.mac(purpose, b"\0x")
    for purpose in keyserver.HANDED_OUT:
        assert other.derived(purpose) == keys.derived(purpose)
    for secret in (bytes(range(32)), bytes(range(16))):  # AES, SM4
        version, wrapped = other.wrap(secret, 7)
        assert keys.unwrap(wrapped, 7, version) == other.unwrap(wrapped, 7, version) == secret
        version, moved = other.move(wrapped, 7, version, 8)
        assert keys.unwrap(moved, 8, version) == secret
        with pytest.raises(SealError):
            other.unwrap(moved, 7, version)
        with pytest.raises(SealError, match="master key 9"):
            other.unwrap(wrapped, 7, 9)


def test_what_must_stay_stays(asked: tuple[ProcessKeys, Running]) -> None:
    """The keys of identity, seals, numbers and sign-in, and whatever else is asked for."""
    other, _ = asked
    for purpose in (*keyserver.KEPT, "fingerprint", "unit:1:1", "", "search "):
        with pytest.raises(SealError):
            other.derived(purpose)
    for purpose in (*keyserver.HANDED_OUT, "fingerprint", "unit:1:1"):
        with pytest.raises(SealError):
            other.mac(purpose, b"x")
    assert keyserver.KEPT.isdisjoint(keyserver.HANDED_OUT)


@pytest.mark.parametrize(
    "message", [[], {}, None, "x", ["ring"], ["mac"], ["mac", "blind"], ["mac", "blind", "xy"], ["mac", ["blind"], ""],
                ["unwrap", "00", 1, 1], ["unwrap", "", 1, 1], ["unwrap", 5, 1, 1], ["wrap", "00", 1],
                ["unwrap", "00" * 60, "1", 1], ["derived", None], ["move", "00" * 60, 1, 1]],
)  # fmt: skip
def test_nonsense_is_refused_and_the_next_is_answered(asked: tuple[ProcessKeys, Running], message: Any) -> None:
    other, running = asked
    assert running.server.answer(message)[0] == "no"
    with pytest.raises(SealError):
        other.ask(*(message if isinstance(message, list) else [message]))
    assert other.fingerprint()


def test_a_message_that_is_too_large_or_none_ends_the_connection(asked: tuple[ProcessKeys, Running]) -> None:
    other, _ = asked
    for sent in (struct.pack(">I", 1 << 30), struct.pack(">I", 3) + b"{x}", b"\0"):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(other.path))
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(10) == b""
    assert other.fingerprint()


def test_who_is_not_named_is_not_answered(tmp_path: Path, keys: FileKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyclient, "PATIENCE", 0.1)
    running = Running(tmp_path / "keys.sock", keys, clients=frozenset({os.getuid() + 1}))
    other = ProcessKeys(tmp_path / "keys.sock")
    with structlog.testing.capture_logs() as said, pytest.raises(KeysAwayError):
        other.fingerprint()
    assert {line["event"] for line in said} == {"keys_refused"}
    assert said[0]["uid"] == os.getuid()
    running.stop()


def test_the_socket_is_closed_to_others_unless_they_are_named(tmp_path: Path, keys: FileKeys) -> None:
    for clients, mode in ((frozenset({os.getuid()}), 0o600), (frozenset({os.getuid(), 4242}), 0o660)):
        running = Running(tmp_path / "keys.sock", keys, clients)
        assert stat.S_IMODE((tmp_path / "keys.sock").stat().st_mode) == mode
        running.stop()
    assert keyserver.users("") == {os.getuid()}
    assert keyserver.users("root, ") == {os.getuid(), 0}
    with pytest.raises(KeyFileError, match="no user"):
        keyserver.users("nobody-of-this-name")


def test_a_second_one_does_not_take_the_socket_over(asked: tuple[ProcessKeys, Running], keys: FileKeys) -> None:
    other, running = asked
    with pytest.raises(KeyFileError, match="another key process"):
        Server(other.path, keys, frozenset(), 0).listen()
    assert other.fingerprint()
    other.close()
    running.stop()
    again = Running(other.path, keys)  # what a killed one left over is no obstacle
    assert other.fingerprint()
    other.close()
    again.stop()


def test_gone_it_is_missed_and_back_it_is_asked_on(
    asked: tuple[ProcessKeys, Running], keys: FileKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, running = asked
    monkeypatch.setattr(keyclient, "PATIENCE", 0.2)
    version, wrapped = other.wrap(bytes(32), 1)
    running.stop()
    other.close()
    with pytest.raises(KeysAwayError) as gone:
        other.unwrap(wrapped, 1, version)
    assert gone.value.away
    again = Running(other.path, keys)
    assert other.unwrap(wrapped, 1, version) == bytes(32)
    other.close()
    again.stop()


def test_a_path_longer_than_an_address(tmp_path: Path, keys: FileKeys) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    running = Running(deep / "keys.sock", keys)
    other = ProcessKeys(deep / "keys.sock")
    assert other.fingerprint() == keys.fingerprint()
    other.close()
    running.stop()


def test_many_at_once_are_slowed_down_and_told_of(tmp_path: Path, keys: FileKeys) -> None:
    moment = [0.0]
    bucket = keyserver.Bucket(10, clock=lambda: moment[0])
    burst = int(10 * keyserver.BURST)
    assert [bucket.take() for _ in range(burst)] == [0.0] * burst
    assert bucket.take() == pytest.approx(0.1)
    moment[0] += 0.25
    assert [bool(bucket.take()) for _ in range(3)] == [False, False, True]
    assert [keyserver.Bucket(0).take() for _ in range(1000)] == [0.0] * 1000

    server = Server(tmp_path / "keys.sock", keys, frozenset(), rate=1000)
    version, wrapped = keys.wrap(bytes(32), 1)
    server.bucket.level = 2
    server.bucket.clock = lambda: server.bucket.at  # time stands still
    asked = ["unwrap", wrapped.hex(), 1, version]
    kinds = [server.answer(asked)[0] for _ in range(3)]
    assert kinds == ["ok", "ok", "busy"]
    assert server.answer(["mac", "blind", "00"])[0] == "busy", "numbers are not tried out quickly either"
    assert server.answer(["mac", "chain", "00"])[0] == "ok"
    assert server.answer(["wrap", "00" * 32, 1])[0] == "ok", "what comes in is never held up"
    with structlog.testing.capture_logs() as said:
        server.tell()
        server.tell()
    assert said == [{"event": "keys_used", "log_level": "warning", "unwrap": 2, "waited": 2, "sent_away": 2, "mac": 1,
                     "wrap": 1}]  # fmt: skip


def test_the_processes_memory_is_not_to_be_read(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import ctypes, resource\nfrom hub.access import keyserver\nkeyserver.unseen()\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split(maxsplit=1) == ["0", "(0, 0)\n"], "PR_GET_DUMPABLE, core files"
