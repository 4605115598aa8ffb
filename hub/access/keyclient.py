"""Asks the key process (hub.access.keyserver) what `FileKeys` would do itself. Safe for threads and across forks."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hub.access.keyring import KeysAwayError, SealError
from hub.settings import settings

PATIENCE = 2.0  # seconds for which an ended process may be on its way back
ANSWER = 5.0  # seconds one answer may take
MAX_NAME = 100
LIMIT = 64 * 1024  # bytes of a message
AWAY = "保管密钥的进程没有应答"


def socket_path() -> Path:
    """Where the key process listens: HUB_KEYS_SOCKET, else run/keys.sock in the data folder."""
    return Path(settings().keys_socket) if settings().keys_socket else settings().folder("run") / "keys.sock"


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name for the socket that fits into its address (107 bytes), however long the path is."""
    if len(os.fsencode(path)) < MAX_NAME:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def send(sock: socket.socket, message: Any) -> None:
    data = json.dumps(message).encode()
    sock.sendall(struct.pack(">I", len(data)) + data)


def receive(sock: socket.socket) -> Any:
    """One message. Raises EOFError at the end, ValueError for what is no message."""
    (size,) = struct.unpack(">I", _exactly(sock, 4))
    if size > LIMIT:
        raise ValueError("message too large")
    return json.loads(_exactly(sock, size))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


class ProcessKeys:
    """The keys as the key process lets them be used: none of them is ever in this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def close(self) -> None:
        """Ends the idle connections; those of a parent, inherited by a fork, only here."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> socket.socket | None:
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()  # the parent's may have been held while it forked
            self.close()
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(ANSWER)
        try:
            with reachable(self.path) as name:
                made.connect(name)
        except BaseException:
            made.close()
            raise
        return made

    def _once(self, message: list[Any]) -> Any:
        sock = self._take() or self._connect()
        try:
            send(sock, message)
            answer = receive(sock)
        except BaseException:
            sock.close()
            raise
        with self._lock:
            self._idle.append(sock)
        return answer

    def ask(self, *message: Any) -> Any:
        """The answer. Asking twice does no harm, so a connection that ended is followed by another for a while.

        Raises KeysAwayError where there is none, SealError as the process said.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._once(list(message))
                break
            except TimeoutError:
                raise KeysAwayError(AWAY) from None
            except (OSError, EOFError, ValueError):
                if time.monotonic() >= end:
                    raise KeysAwayError(AWAY) from None
                time.sleep(0.05)
        kind, *values = answer
        if kind == "ok":
            return values[0]
        if kind == "busy":
            raise KeysAwayError("保管密钥的进程繁忙")
        raise SealError(str(values[0]))

    def fingerprint(self) -> str:
        return str(self.ask("fingerprint"))

    def mac(self, purpose: str, data: bytes) -> bytes:
        return bytes.fromhex(self.ask("mac", purpose, data.hex()))

    def derived(self, purpose: str) -> bytes:
        return bytes.fromhex(self.ask("derived", purpose))

    def wrap(self, secret: bytes, unit_id: int) -> tuple[int, bytes]:
        version, wrapped = self.ask("wrap", secret.hex(), unit_id)
        return int(version), bytes.fromhex(wrapped)

    def unwrap(self, wrapped: bytes, unit_id: int, version: int) -> bytes:
        return bytes.fromhex(self.ask("unwrap", wrapped.hex(), unit_id, version))

    def move(self, wrapped: bytes, unit_id: int, version: int, to: int) -> tuple[int, bytes]:
        moved, other = self.ask("move", wrapped.hex(), unit_id, version, to)
        return int(moved), bytes.fromhex(other)


def answers(path: Path) -> bool:
    """Whether a key process listens there."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(1)
    with probe, suppress(OSError), reachable(path) as name:
        probe.connect(name)
        return True
    return False
