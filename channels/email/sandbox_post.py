"""A mail server for demos that takes every mail and keeps it in memory (RFC 5321 as far as handing over goes).

On loopback only, no TLS, nothing is passed on: what was taken is what a reporter would read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Self

MAX_MAIL = 1 << 20  # bytes of one mail; a notice is a few lines
_PATH = re.compile(r"^(?:MAIL FROM|RCPT TO):\s*<([^<>\s]*)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was handed over: envelope addresses and the mail as it came."""

    sender: str
    to: tuple[str, ...]
    data: bytes

    @property
    def text(self) -> str:
        """The words of the mail."""
        body = message_from_bytes(self.data, policy=default).get_body(("plain",))
        return str(body.get_content()).strip() if body is not None else ""


class PostOffice:
    """`start()` gives the port; `taken` are the mails in the order they came; `stop()` ends it."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.taken: list[Taken] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> int:
        """Listen on 127.0.0.1; returns the port. Raises OSError where the port is taken."""
        ready, failed = threading.Event(), list[OSError]()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready, failed)), name="smtp-sandbox", daemon=True
        )
        self._thread.start()
        ready.wait(10)
        if failed:
            self._thread.join(5)
            raise failed[0]
        return self.port

    def stop(self) -> None:
        """End all connections."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stopping.set)
            thread.join(10)

    async def _serve(self, ready: threading.Event, failed: list[OSError]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._answer, "127.0.0.1", self.port, limit=MAX_MAIL)
        except OSError as error:
            failed.append(error)
            ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError):  # whoever hangs up or talks nonsense is let go
            await _say(writer, "220 sandbox ESMTP")
            await self._conversation(reader, writer)
        writer.close()

    async def _conversation(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, to = "", list[str]()
        while line := (await reader.readline()).decode("utf-8", "replace"):
            verb, path = line[:4].upper().strip(), _PATH.match(line)
            if verb in ("EHLO", "HELO"):
                await _say(writer, f"250-sandbox\r\n250-8BITMIME\r\n250 SIZE {MAX_MAIL}")
            elif verb == "MAIL" and path:
                sender, to = path[1], []
                await _say(writer, "250 2.1.0 ok")
            elif verb == "RCPT" and path:
                to.append(path[1])
                await _say(writer, "250 2.1.5 ok")
            elif verb == "DATA" and to:
                await _say(writer, "354 end with a dot")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.taken.append(Taken(sender, tuple(to), data[:-3].replace(b"\r\n..", b"\r\n.")))
                await _say(writer, f"250 2.0.0 taken as {len(self.taken)}")
            elif verb in ("RSET", "NOOP"):
                sender, to = "", []
                await _say(writer, "250 2.0.0 ok")
            elif verb == "QUIT":
                await _say(writer, "221 2.0.0 bye")
                return
            else:
                await _say(writer, "503 5.5.1 not now")


async def _say(writer: asyncio.StreamWriter, answer: str) -> None:
    writer.write(f"{answer}\r\n".encode())
    await writer.drain()
