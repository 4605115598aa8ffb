"""The key process: alone reads the key file; wraps, unwraps and computes keyed hashes for the others (decision 21).

It listens on a unix socket, looks at who connects (SO_PEERCRED), has no database, no network and no dump of its memory
(prctl PR_SET_DUMPABLE), and gives no more than `HUB_KEYS_RATE` data keys and look-ups a second in the long run: whoever
takes the web process over cannot carry the whole register away in a night without its log saying so.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from hub.access import keyclient
from hub.access.keyring import FileKeys, KeyFileError, SealError
from hub.settings import settings

log = structlog.get_logger("hub.keys")
KEPT = frozenset({"blind", "chain", "serial", "oidc"})
"""Purposes whose keys never leave: identity, the signature under the event log, numbers, sign-in."""
HANDED_OUT = frozenset({"search", "likeness", "learning"})
"""Purposes whose keys the others hold: they stand for single words by the thousand, of texts the asker reads."""
COUNTED = frozenset({"unwrap", "move"})
BURST = 40.0  # seconds of the rate that may be used at once
WAIT = 1.0  # seconds an asker waits before being told to come again
TOLD = 60.0  # seconds between two lines of the log
CONNECTIONS = 1024
_DUMPABLE = 4


@dataclass
class Bucket:
    """So many a second in the long run (0: any number), `BURST` seconds' worth at once."""

    rate: int
    clock: Callable[[], float] = time.monotonic
    level: float = field(init=False)
    at: float = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.level, self.at = self.rate * BURST, self.clock()

    def take(self) -> float:
        """Takes one; the seconds to wait before it is there."""
        if not self.rate:
            return 0.0
        with self.lock:
            now = self.clock()
            self.level = min(self.rate * BURST, self.level + (now - self.at) * self.rate)
            self.at = now
            if self.level < 1:
                return (1 - self.level) / self.rate
            self.level -= 1
            return 0.0


class Server:
    """Answers on one socket until the process ends."""

    def __init__(self, path: Path, keys: FileKeys, clients: frozenset[int], rate: int) -> None:
        self.path, self.keys, self.clients = path, keys, clients
        self.bucket = Bucket(rate)
        self.done: Counter[str] = Counter()
        self._live = threading.Semaphore(CONNECTIONS)

    def listen(self) -> socket.socket:
        """The socket, open to the own user, and to the folder's group where other users may ask.

        Raises KeyFileError where another key process answers there.
        """
        with keyclient.reachable(self.path) as name:
            if keyclient.answers(self.path):
                raise KeyFileError(f"another key process already answers on {self.path}")
            self.path.unlink(missing_ok=True)
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o177)
            try:
                made.bind(name)
            finally:
                os.umask(before)
        self.path.chmod(0o660 if self.clients - {os.getuid()} else 0o600)
        made.listen(128)
        return made

    def serve(self, listening: socket.socket) -> None:
        threading.Thread(target=self._tell, daemon=True, name="tell").start()
        while True:
            connection, _ = listening.accept()
            if not self._welcome(connection):
                connection.close()
                continue
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _welcome(self, connection: socket.socket) -> bool:
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in self.clients:
            log.warning("keys_refused", uid=uid, pid=pid)
            return False
        return self._live.acquire(blocking=False)

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError, EOFError, ValueError):
                while True:
                    keyclient.send(connection, self.answer(keyclient.receive(connection)))
        finally:
            self._live.release()

    def answer(self, message: Any) -> list[Any]:
        """What is asked, done: ["ok", value], ["no", why] or ["busy"]."""
        try:
            what, *given = message
            if what in COUNTED or (what == "mac" and given[0] == "blind"):
                wait = self.bucket.take()
                if wait:
                    self.done["waited"] += 1
                    time.sleep(min(wait, WAIT))
                    if self.bucket.take():
                        self.done["sent_away"] += 1
                        return ["busy"]
            value = self._do(what, *given)
        except SealError as error:
            return ["no", str(error)]
        except (KeyFileError, OSError):  # the file is away or damaged: what is held is still good
            log.warning("keys_file_unreadable")
            return ["busy"]
        except (ValueError, TypeError, KeyError, IndexError):
            return ["no", "no such request"]
        self.done[str(what)] += 1
        return ["ok", value]

    def _do(self, what: str, *given: Any) -> Any:
        keys = self.keys
        match what, given:
            case "fingerprint", ():
                return keys.fingerprint()
            case "mac", (purpose, data) if purpose in KEPT:
                return keys.mac(purpose, bytes.fromhex(data)).hex()
            case "derived", (purpose,) if purpose in HANDED_OUT:
                return keys.derived(purpose).hex()
            case "wrap", (secret, int(unit)):
                version, wrapped = keys.wrap(bytes.fromhex(secret), unit)
                return [version, wrapped.hex()]
            case "unwrap", (wrapped, int(unit), int(version)):
                return keys.unwrap(bytes.fromhex(wrapped), unit, version).hex()
            case "move", (wrapped, int(unit), int(version), int(to)):
                version, other = keys.move(bytes.fromhex(wrapped), unit, version, to)
                return [version, other.hex()]
        raise ValueError

    def tell(self) -> None:
        """One line of how much was asked since the last; louder where somebody was made to wait."""
        done, self.done = self.done, Counter()
        if done:
            (log.warning if done["waited"] else log.info)("keys_used", **dict(sorted(done.items())))

    def _tell(self) -> None:
        while True:
            time.sleep(TOLD)
            self.tell()


def unseen() -> None:
    """No core file, and no other process of this user looks into this one's memory (root still does)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_DUMPABLE, 0, 0, 0, 0)


def users(names: str) -> frozenset[int]:
    """Ids of the own user and of those named. Raises KeyFileError for a name that is nobody's."""
    found = {os.getuid()}
    for name in filter(None, (one.strip() for one in names.split(","))):
        try:
            found.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise KeyFileError(f"HUB_KEYS_CLIENTS: there is no user {name}") from None
    return frozenset(found)


def run() -> None:
    """Serves until it is ended. Raises KeyFileError where the keys cannot be read or the socket is another's."""
    unseen()
    options = settings()
    keys = FileKeys(options.key_path)
    keys.ring()
    server = Server(keyclient.socket_path(), keys, users(options.keys_clients), options.keys_rate)
    with server.listen() as listening:
        log.info("keys_served", version=keys.ring().current)
        server.serve(listening)
