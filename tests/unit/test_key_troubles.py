"""Keys that cannot be had: a file that is away, damaged or another's, a key process that is slow, busy or gone."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from hub.access import keyclient, keyring, keyserver, sealing
from hub.access.keyclient import ProcessKeys
from hub.access.keyring import FileKeys, KeyFileError, KeysAwayError, SealError
from hub.access.keyserver import Server
from hub.settings import export, settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "hub.key"
    keyring.make_key_file(made)
    return made


@pytest.fixture
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: Path):
    """Settings of this test alone: HUB_KEYS=process, nobody listening."""
    for name in ("HUB_KEYS", "HUB_KEYS_SOCKET", "HUB_KEY_FILE"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setattr(keyclient, "PATIENCE", 0.05)
    export(HUB_KEYS="process", HUB_KEYS_SOCKET=str(tmp_path / "nobody.sock"), HUB_KEY_FILE=str(path))
    sealing.forget_keys()
    yield
    sealing.forget_keys()
    monkeypatch.undo()
    settings.cache_clear()


def test_without_a_key_process_a_command_reads_the_file_if_it_may(own_settings: None, path: Path) -> None:
    """§10, seal of identity: the web never reads the file; a command of whoever owns it does, while nobody serves."""
    assert keyclient.socket_path().name == "nobody.sock"
    with pytest.raises(KeyFileError, match="hub keys serve"):
        sealing.check_keys()
    sealing.reach_keys()
    assert sealing.fingerprint() == FileKeys(path).fingerprint()
    path.unlink()
    sealing.forget_keys()
    with pytest.raises(KeyFileError, match="hub keys serve"):
        sealing.reach_keys()
    export(HUB_KEYS="file")
    with pytest.raises(KeyFileError, match="missing"):
        sealing.reach_keys()


def test_a_key_file_that_went_away_or_may_not_be_read_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = FileKeys(path)
    keys.ring()
    away = path.rename(path.with_name("elsewhere"))
    assert keys.ring(), "what is held is still good"
    with pytest.raises(KeyFileError, match="missing"):
        keys.ring(anew=True)
    away.rename(path)

    def closed(*_: object, **__: object) -> str:
        raise PermissionError(13, "closed")

    monkeypatch.setattr(Path, "read_text", closed)
    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(KeyFileError, match="may not be read"):
        keyring.read_key_ring(path)


def test_a_rotation_leaves_the_file_its_owners_and_no_half_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root rotates the key process's file: it stays the key process's. What a killed rotation left goes."""
    ring = keyring.read_key_ring(path)
    left = path.with_name("hub.key.dead.new")
    left.write_text("half")
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(os, "chown", lambda _, uid, gid: given.append((uid, gid)))
    keyring.replace_key_file(path, ring)
    assert given == [(path.stat().st_uid, path.stat().st_gid)]
    assert not left.exists()
    assert keyring.read_key_ring(path) == ring


class Slow:
    """Listens, takes what is asked, and never answers."""

    def __init__(self, path: Path) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()


def test_a_key_process_that_does_not_answer_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyclient, "ANSWER", 0.05)
    slow = Slow(tmp_path / "slow.sock")
    with pytest.raises(KeysAwayError):
        ProcessKeys(tmp_path / "slow.sock").fingerprint()
    slow.listening.close()


def test_a_busy_key_process_sends_the_asker_away(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for many keys waits, then is told to come again; the file's trouble is no answer about the asked key."""
    monkeypatch.setattr(keyserver, "BURST", 1.0)
    monkeypatch.setattr(keyserver, "WAIT", 0.001)
    server = Server(tmp_path / "keys.sock", FileKeys(path), frozenset({os.getuid()}), 1)
    assert server.answer(["mac", "blind", "00"])[0] == "ok"
    assert server.answer(["mac", "blind", "00"]) == ["busy"]
    assert server.done["sent_away"] == 1
    other = ProcessKeys(tmp_path / "keys.sock")
    monkeypatch.setattr(other, "_once", lambda message: ["busy"])
    with pytest.raises(KeysAwayError, match="繁忙"):
        other.fingerprint()
    calm = Server(tmp_path / "keys.sock", FileKeys(path), frozenset({os.getuid()}), 0)
    path.write_text("{")
    assert calm.answer(["fingerprint"]) == ["busy"]


def test_who_waited_long_enough_is_answered(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyserver, "BURST", 1.0)
    server = Server(tmp_path / "keys.sock", FileKeys(path), frozenset({os.getuid()}), 50)
    server.bucket.level = 0
    assert server.answer(["mac", "blind", "00"])[0] == "ok"
    assert (server.done["waited"], server.done["sent_away"]) == (1, 0)


def test_a_child_has_connections_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection would read each other's keys."""
    keys = ProcessKeys(tmp_path / "keys.sock")
    mine, _other = socket.socketpair()
    keys._idle.append(mine)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert keys._take() is None
    assert mine.fileno() == -1, "the parent's, closed here"
    assert keys._pid == -1
    _other.close()


def test_the_key_process_serves_until_it_is_ended(own_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hub keys serve`: hides itself, reads the file, listens where the others look for it."""
    served = threading.Event()

    def serve(self: Server, listening: socket.socket) -> None:
        assert keyclient.socket_path().exists()
        served.set()

    monkeypatch.setattr(keyserver, "unseen", lambda: None)
    monkeypatch.setattr(Server, "serve", serve)
    keyserver.run()
    assert served.is_set()


def test_a_shredded_key_opens_nothing() -> None:
    with pytest.raises(SealError, match="gone"):
        sealing.opened_key(7, 1, 1, b"")
