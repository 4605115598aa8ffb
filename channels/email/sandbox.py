"""A small IMAP4rev1 server for demos and tests (RFC 3501 as far as a poller goes; IDLE, MOVE, UIDPLUS, ID).

It keeps bytes as they were appended and its UIDs over restarts, on loopback only. It is no mail server: one account,
no TLS, everything in memory beside the files. What a hub writes goes to its `post` (`sandbox_post`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from channels.email.sandbox_post import PostOffice
from channels.email.sandbox_session import Session
from channels.email.sandbox_store import Folder


class Sandbox:
    """The server. `start()` gives the port; `append` puts a mail into the mailbox; `stop()` ends it.

    Use as a context manager, or start and stop by hand. `append` also works while the server is stopped.
    """

    def __init__(self, directory: Path | str, user: str = "clue@example.cn", password: str = "", port: int = 0) -> None:
        self.directory = Path(directory)
        self.user = user
        self.password = password or "sandbox"
        self.port = port
        self.lock = threading.RLock()
        self.post = PostOffice()  # started by whoever wants mails to be taken
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.waiting: set[asyncio.Event] = set()
        self._folders: dict[str, Folder] = {"INBOX": Folder.open(self.directory / "INBOX")}
        for path in sorted(self.directory.glob("folder-*")):
            name = base64.urlsafe_b64decode(path.name.removeprefix("folder-")).decode()
            self._folders[name] = Folder.open(path)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> int:
        """Listen on 127.0.0.1; returns the port. Raises OSError where the port is taken."""
        ready = threading.Event()
        failed: list[OSError] = []

        def run() -> None:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                with contextlib.suppress(asyncio.CancelledError):
                    runner.run(self._serve(ready, failed))

        self._thread = threading.Thread(target=run, name="imap-sandbox", daemon=True)
        self._thread.start()
        ready.wait(10)
        if failed:
            self._thread.join(5)
            raise failed[0]
        return self.port

    def stop(self) -> None:
        """End all connections. What was appended stays on disk."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stopping.set)
            thread.join(10)

    def append(self, data: bytes, internaldate: datetime | None = None, folder: str = "INBOX") -> int:
        """Put a mail into a folder as if it had just arrived (or at `internaldate`); returns its UID."""
        with self.lock:
            uid = self.folder(folder).add(data, internaldate or datetime.now(UTC), set())
        self.wake()
        return uid

    def flags(self, uid: int, folder: str = "INBOX") -> set[str]:
        """The flags of one mail. Raises KeyError where it is gone."""
        with self.lock:
            for mail in self.folder(folder).mails:
                if mail.uid == uid:
                    return set(mail.flags)
        raise KeyError(uid)

    def renumber(self, folder: str = "INBOX") -> None:
        """A new UIDVALIDITY and new UIDs, as after a server was restored or migrated."""
        with self.lock:
            found = self.folder(folder)
            found.uidvalidity += 1
            for mail in found.mails:
                mail.uid += 1_000
                mail.file = mail.file.rename(found.path / f"{mail.uid}.eml")
            found.uidnext += 1_000
            found.save()

    def folder(self, name: str) -> Folder:
        """The folder, made where it is missing."""
        name = "INBOX" if name.upper() == "INBOX" else name
        if name not in self._folders:
            path = self.directory / f"folder-{base64.urlsafe_b64encode(name.encode()).decode()}"
            self._folders[name] = Folder.open(path)
        return self._folders[name]

    def folder_names(self) -> list[str]:
        return list(self._folders)

    def knows(self, name: str) -> bool:
        return name.upper() == "INBOX" or name in self._folders

    def wake(self) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        for event in self.waiting:
            event.set()

    async def _serve(self, ready: threading.Event, failed: list[OSError]) -> None:
        self._stopping = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
                await Session(self, reader, writer).run()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        try:
            server = await asyncio.start_server(accept, "127.0.0.1", self.port, limit=1 << 20)
        except OSError as error:
            failed.append(error)
            ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def serve(directory: Path | str, port: int, user: str = "clue@example.cn", password: str = "") -> Sandbox:
    """A started sandbox on a fixed port, for a supervisor."""
    box = Sandbox(directory, user, password, port)
    box.start()
    return box
