"""Servers that behave badly: a proxy that cuts, and scripted IMAP servers that lie or stall."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator


class CuttingProxy:
    """Forwards to a server and cuts each connection after a random number of bytes from it (QUALITY F02, F17)."""

    def __init__(self, target: int, cuts: int, low: int, high: int, seed: int = 1) -> None:
        self.target = target
        self.left = cuts
        self.cut = 0
        self._range = (low, high)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                limit = self._random.randint(*self._range) if self.left > 0 else None
                self.left -= 1
            far = socket.create_connection(("127.0.0.1", self.target))
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._copy, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self._copy, args=(far, near, limit), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        total = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4_096):
                if limit is not None and total + len(data) > limit:
                    sink.sendall(data[: limit - total])
                    self.cut += 1
                    break
                total += len(data)
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


@contextlib.contextmanager
def scripted(answer: Callable[[str, str], bytes | None], greeting: bytes = b"* OK hi\r\n") -> Iterator[int]:
    """A server whose replies `answer(tag, command line)` gives; None stays silent. Yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def talk(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(greeting)
            buffer = b""
            while data := sock.recv(4_096):
                buffer += data
                while b"\r\n" in buffer:
                    line, _, buffer = buffer.partition(b"\r\n")
                    tag, _, command = line.decode("ascii", "replace").partition(" ")
                    reply = answer(tag, command)
                    if reply is not None:
                        sock.sendall(reply)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_.append(sock)
                threading.Thread(target=talk, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for sock in (listener, *open_):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
