"""An IMAP connection that a hostile, slow or half-dead server can neither hang nor flood."""

from __future__ import annotations

import contextlib
import imaplib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from channels.email.settings import EmailSettings

logging.getLogger("imapclient").setLevel(logging.INFO)  # at DEBUG it repeats every line of every mail

COMMAND_SECONDS: Final = 120.0
"""Longest time one command may take, however diligently the server drips bytes."""
_FLOOD_BYTES: Final = 64 << 20

ConnectionLost = (imaplib.IMAP4.abort, OSError, EOFError, ssl.SSLError)


class RefusedError(Exception):
    """The server does not let us in: wrong password or authorisation code, or IMAP switched off for the account."""


class _Bounded:
    """Limits for imaplib: one literal, and all that a single command brings, stay in proportion to what was asked."""

    literal_limit = _FLOOD_BYTES
    _budget = _FLOOD_BYTES
    readfile: Any

    def refill(self) -> None:
        self._budget = _FLOOD_BYTES

    def _take(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")

    def read(self, size: int) -> bytes:
        if size > self.literal_limit:
            raise imaplib.IMAP4.abort("the server announces a literal beyond all limits")
        self._take(size)
        data: bytes = super().read(size)  # type: ignore[misc]  # imaplib's, in the classes below
        if len(data) < size:
            raise imaplib.IMAP4.abort("the connection was cut inside a literal")
        return data

    def readline(self) -> bytes:
        line: bytes = super().readline()  # type: ignore[misc]  # imaplib's, in the classes below
        self._take(len(line))
        return line


class _Plain(_Bounded, imaplib.IMAP4):
    pass


class _Tls(_Bounded, imaplib.IMAP4_SSL):
    pass


class Client(IMAPClient):  # type: ignore[misc]  # imapclient carries no types
    """IMAPClient over the bounded connection."""

    limit: int = _FLOOD_BYTES

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802  the seam IMAPClient has
        timeout = self._timeout.connect
        if self.ssl:
            return _Tls(self.host, self.port, ssl_context=self.ssl_context, timeout=timeout)
        return _Plain(self.host, self.port, timeout=timeout)


class Watchdog:
    """Shuts a connection down when a command has taken too long. `feed` before each command."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + COMMAND_SECONDS
        self._sock: socket.socket | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imap-watchdog", daemon=True)
        self._thread.start()

    def guard(self, sock: socket.socket) -> None:
        self._sock = sock

    def feed(self, seconds: float = COMMAND_SECONDS) -> None:
        self._deadline = time.monotonic() + seconds

    def close(self) -> None:
        self._done.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            if time.monotonic() > self._deadline and self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
                return


class Mailbox:
    """A signed-in connection. Each method is one step of the protocol, bounded in time and size."""

    def __init__(self, client: Client, watchdog: Watchdog, capabilities: frozenset[bytes]) -> None:
        self.client = client
        self.capabilities = capabilities
        self._watchdog = watchdog

    def can(self, name: str) -> bool:
        return name.encode() in self.capabilities

    def step(self, seconds: float = COMMAND_SECONDS) -> Client:
        """The client, ready for one more command."""
        self._watchdog.feed(seconds)
        self.client._imap.refill()  # noqa: SLF001  our own subclass behind IMAPClient
        return self.client


@contextmanager
def connect(settings: EmailSettings, password: str) -> Iterator[Mailbox]:
    """A signed-in mailbox. Raises RefusedError, or one of `ConnectionLost` and IMAPClientError."""
    timeout = SocketTimeout(connect=min(15.0, settings.timeout_seconds), read=settings.timeout_seconds)
    context = None
    if settings.tls != "none":
        context = ssl.create_default_context(cadata=settings.ca_pem or None)
    watchdog = Watchdog()
    client: Client | None = None
    try:
        client = Client(
            settings.host, settings.port, ssl=settings.tls == "tls", ssl_context=context, timeout=timeout, use_uid=True
        )
        watchdog.guard(client.socket())
        client.normalise_times = False  # aware INTERNALDATE, not the machine's local time
        if settings.tls == "starttls":
            client.starttls(context)
            watchdog.guard(client.socket())
        watchdog.feed()
        _sign_in(client, settings.user, password)
        capabilities = frozenset(client.capabilities())
        mailbox = Mailbox(client, watchdog, capabilities)
        if mailbox.can("ID"):  # NetEase refuses SELECT ("Unsafe Login") to clients that do not introduce themselves
            with contextlib.suppress(IMAPClientError):
                mailbox.step().id_({"name": "hub12336", "version": "1", "vendor": "hub12336"})
        if mailbox.can("ENABLE") and mailbox.can("CONDSTORE"):  # only before SELECT
            with contextlib.suppress(IMAPClientError):
                mailbox.step().enable("CONDSTORE")
        yield mailbox
        with contextlib.suppress(IMAPClientError, *ConnectionLost):
            mailbox.step(5).logout()
    except imaplib.IMAP4.abort:  # the libraries quote the line they stumbled over, which may be of a mail
        raise imaplib.IMAP4.abort("the connection to the mail server was cut or broke the protocol") from None
    except imaplib.IMAP4.readonly:
        raise IMAPClientError("the folder became read-only") from None
    except IMAPClientError as error:
        raise type(error)("the mail server refused a command") from None
    finally:
        if client is not None:
            with contextlib.suppress(IMAPClientError, *ConnectionLost):
                client.shutdown()
        watchdog.close()


def _sign_in(client: Client, user: str, password: str) -> None:
    try:
        client.login(user, password)
    except LoginError as error:
        cause = error.__context__
        if isinstance(cause, imaplib.IMAP4.abort):
            raise imaplib.IMAP4.abort("the connection ended during login") from None
        raise RefusedError from None  # the server's words may repeat the account name
