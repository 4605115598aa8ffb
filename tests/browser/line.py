"""A line between a browser and the hub that can really be cut: connections end at once, new ones are not taken."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK = 64 * 1024


class Line:
    """Carries bytes between a port of its own and the hub's. `cut_after`: it goes dead by itself after so many bytes
    towards the hub.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._hub = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.dead = threading.Event()
        self.left: int | None = None
        self.cuts = 0  # connections that were ended by a cut
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends now."""
        self.dead.set()
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                self.cuts += 1
            self._open.clear()

    def cut_after(self, octets: int) -> None:
        self.left = octets

    def mend(self) -> None:
        self.left = None
        self.dead.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(near,), daemon=True).start()

    def _connection(self, near: socket.socket) -> None:
        with near:
            if self.dead.is_set():
                return
            with contextlib.suppress(OSError), socket.create_connection(self._hub) as far:
                with self._lock:
                    self._open |= {near, far}
                back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
                back.start()
                self._carry(near, far, up=True)
                back.join()
                with self._lock:
                    self._open -= {near, far}

    def _carry(self, source: socket.socket, target: socket.socket, *, up: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if up and self.left is not None:
                    self.left -= len(data)
                    if self.left < 0:
                        target.sendall(data[: len(data) // 2])  # torn in the middle
                        self.cut()
                        break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    made = Line(url)
    try:
        yield made
    finally:
        made.close()
