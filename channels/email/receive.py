r"""Mail from an IMAP mailbox, each exactly once, none lost (QUALITY F01, F02, F17–F20).

The loop, in this order and no other:
1. all UIDs of the folder minus those the hub has: flags are not trusted, people read mail in other programs too;
2. RFC822.SIZE; over the limit → the header alone, for the manual list;
3. BODY.PEEK[] in pieces, total compared with the size;
4. `Ports.deliver`: returns when the mail is on stable storage;
5. only then \Seen or the move to the done folder. A crash between 4 and 5 is made good in the next pass.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from threading import Event
from typing import Any, Final

from imapclient.exceptions import IMAPClientError
from pydantic import ValidationError

from channels.contract import Blob, Ports, RawIntake, Source
from channels.email import mime, reading
from channels.email.imap import ConnectionLost, Mailbox, RefusedError, connect
from channels.email.settings import EmailSettings

log = logging.getLogger("hub12336.email")

IDLE_SECONDS: Final = 29 * 60 - 60  # RFC 2177: renew before 29 minutes
_SEQUENCE_PAGE: Final = 20_000
_FETCH_BATCH: Final = 100
_SEEN_BATCH: Final = 2_000
_HEADER_BYTES: Final = 1 << 20
_BEAT_SECONDS: Final = 5.0
_MAX_FAILURES: Final = 3  # one after another: then it is not the mail but the store
_BACK_OFF: Final = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
_REFUSED_BACK_OFF: Final = (60.0, 300.0, 900.0)  # repeated wrong passwords lock accounts


class TransferError(Exception):
    """A mail did not arrive whole. It stays where it is and is fetched again."""


def poll_once(ports: Ports, source: Source) -> int:
    """One pass over all folders of the mailbox; the number of new deliveries. 0 where another poller holds it.

    Raises RefusedError, TransferError, IMAPClientError, OSError, imaplib errors, and what `deliver` raised.
    """
    settings = EmailSettings.model_validate(dict(source.settings))
    with ports.lease(f"email:{source.id}") as mine:
        if not mine:
            return 0
        with connect(settings, ports.secret(source.id, "password")) as mailbox:
            return _Pass(ports, source, settings, mailbox).folders()


def poll(ports: Ports, source: Source, stop: Event) -> None:
    """Watch the mailbox until `stop`: IDLE where the server has it, a pass every `poll_seconds` in any case."""
    failures = 0
    refused: set[str] = set()
    while not stop.is_set():
        wait: float
        try:
            settings = EmailSettings.model_validate(dict(source.settings))
            with ports.lease(f"email:{source.id}") as mine:
                if mine:
                    _session(ports, source, settings, stop, refused)
                failures = 0
            wait = min(settings.poll_seconds, 10.0)  # another poller has it, or the connection ended in good order
        except (RefusedError, KeyError, ValidationError) as error:
            ports.beat(source.id, False, _reason(error))
            wait = _REFUSED_BACK_OFF[min(failures, len(_REFUSED_BACK_OFF) - 1)]
            failures += 1
        except Exception as error:  # noqa: BLE001  one mailbox's bad day must not end the watch over it
            log.warning("email poller: %s, next try follows", type(error).__name__)
            ports.beat(source.id, False, _reason(error))
            wait = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
            failures += 1
        stop.wait(wait)


def _reason(error: BaseException) -> str:
    """The state in plain words for the running-state page; never a name, never the server's text."""
    if isinstance(error, RefusedError):
        return "邮箱拒绝登录：请检查账号、密码或授权码，并确认邮箱已开启 IMAP 服务"
    if isinstance(error, KeyError):
        return "尚未设置邮箱密码或授权码"
    if isinstance(error, ValidationError):
        return "邮箱设置不完整或有误"
    if isinstance(error, TransferError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "邮件服务器没有回应（超时），稍后重试"
    if isinstance(error, ConnectionLost):
        return f"与邮件服务器的连接中断或无法建立（{type(error).__name__}），稍后重试"
    if isinstance(error, IMAPClientError):
        return "邮件服务器拒绝了一个操作，请检查文件夹名称和权限"
    return f"收件未能完成（{type(error).__name__}），邮件仍在邮箱中，稍后重试"


def _session(ports: Ports, source: Source, settings: EmailSettings, stop: Event, refused: set[str]) -> None:
    with connect(settings, ports.secret(source.id, "password")) as mailbox:
        work = _Pass(ports, source, settings, mailbox, refused)
        while not stop.is_set():
            work.folders()
            ports.beat(source.id, True)
            if settings.idle and mailbox.can("IDLE"):
                work.idle(stop)
            elif not stop.wait(settings.poll_seconds):
                mailbox.step(settings.timeout_seconds + 5).noop()


class _Pass:
    """Passes over the folders of one signed-in mailbox."""

    def __init__(
        self,
        ports: Ports,
        source: Source,
        settings: EmailSettings,
        mailbox: Mailbox,
        refused: set[str] | None = None,
    ) -> None:
        self.ports = ports
        self.source = source
        self.settings = settings
        self.mailbox = mailbox
        self._refused = set() if refused is None else refused  # keys that could not be stored: they wait behind others
        self._unchanged: dict[str, tuple[Any, ...]] = {}
        self._done_ready = False
        self._beaten = 0.0  # a sign of life costs a transaction: not one each mail

    def folders(self) -> int:
        """All folders once. One that cannot be opened does not keep the others from being read."""
        new = 0
        failed: IMAPClientError | None = None
        for folder in self.settings.folders:
            try:
                new += self.folder(folder)
            except ConnectionLost:  # imaplib's abort is also an IMAPClientError
                raise
            except IMAPClientError as error:
                failed = error
        if failed is not None:
            raise failed
        return new

    def folder(self, name: str) -> int:
        state = self.mailbox.step().select_folder(name)
        version = tuple(state.get(key) for key in (b"UIDVALIDITY", b"UIDNEXT", b"EXISTS", b"HIGHESTMODSEQ"))
        if version[3] is not None and self._unchanged.get(name) == version:
            return 0
        prefix = f"{name}/{int(state[b'UIDVALIDITY'])}:"
        uids = self._all_uids(int(state.get(b"EXISTS", 0)))
        known = self._known(prefix, uids)
        new, errors = self._take([uid for uid in uids if uid not in known], prefix)
        self._finish(known)
        if errors:
            raise errors[0]
        if not new:  # after deliveries the next pass looks again: our own flags moved the counters
            self._unchanged[name] = version
        return new

    def _all_uids(self, exists: int) -> list[int]:
        """Paged by sequence number: a SEARCH reply is one line, and lines have a limit."""
        uids: list[int] = []
        for first in range(1, exists + 1, _SEQUENCE_PAGE):
            last = min(exists, first + _SEQUENCE_PAGE - 1)
            uids += self.mailbox.step().search(f"{first}:{last}")
        return sorted({int(uid) for uid in uids})

    def _known(self, prefix: str, uids: Sequence[int]) -> set[int]:
        known: set[int] = set()
        for at in range(0, len(uids), _SEEN_BATCH):
            keys = {f"{prefix}{uid}": uid for uid in uids[at : at + _SEEN_BATCH]}
            known |= {keys[key] for key in self.ports.seen(self.source.id, keys) if key in keys}
        return known

    def _take(self, uids: Sequence[int], prefix: str) -> tuple[int, list[Exception]]:
        """Deliver what is new. A mail that fails is left for the next pass and the others go on."""
        new = 0
        in_a_row = 0
        errors: list[Exception] = []
        for uid, facts in self._facts(sorted(uids, key=lambda uid: (f"{prefix}{uid}" in self._refused, uid))):
            try:
                raw = self._raw(uid, facts, prefix)
            except ConnectionLost:
                raise
            except (IMAPClientError, TransferError) as error:  # the server cannot give this one; others it can
                errors.append(error)
                continue
            if raw is None:  # expunged meanwhile
                continue
            try:
                self.ports.fail("email.before_deliver")
                fresh = self.ports.deliver(raw)
            except Exception as error:  # noqa: BLE001  a poisonous mail must not stop those behind it
                errors.append(error)
                self._refused.add(raw.key)
                in_a_row += 1
                if in_a_row >= _MAX_FAILURES:
                    break
                continue
            in_a_row = 0
            new += fresh
            self.ports.fail("email.after_deliver")
            self._acknowledge([uid], oversize="oversize" in raw.meta)
            self.ports.fail("email.after_flag")
            if time.monotonic() - self._beaten > _BEAT_SECONDS:
                self.ports.beat(self.source.id, True)
                self._beaten = time.monotonic()
        return new, errors

    def _facts(self, uids: Sequence[int]) -> Iterator[tuple[int, dict[bytes, Any]]]:
        for at in range(0, len(uids), _FETCH_BATCH):
            batch = list(uids[at : at + _FETCH_BATCH])
            found = self.mailbox.step().fetch(batch, ["RFC822.SIZE", "INTERNALDATE"])
            for uid in batch:
                if uid in found:
                    yield uid, found[uid]

    def _raw(self, uid: int, facts: dict[bytes, Any], prefix: str) -> RawIntake | None:
        size = int(facts.get(b"RFC822.SIZE") or 0)
        now = self.ports.now()
        arrived = facts.get(b"INTERNALDATE")
        at = min(arrived, now) if isinstance(arrived, datetime) and arrived.tzinfo is not None else now
        meta: dict[str, Any] = {"size": size}
        data = b""
        if size <= self.settings.max_bytes:
            data = self._body(uid, size)
            if len(data) > self.settings.max_bytes:  # the server understated it
                size, data = len(data), b""
            elif not data:
                return None
        if size > self.settings.max_bytes:
            meta["oversize"] = size
            data = self._header(uid)
            if not data:
                return None
        digest = hashlib.sha256(data).hexdigest()
        ids = reading.message_ids(
            mime.Entity(data, mime.read_headers(data, 0, len(data), top=True)[0], 0, 0, 0).get("message-id")
        )
        # Without a Message-ID the bytes stand in (headers included): a mail put back is no second one, also after a new
        # UIDVALIDITY. Mail servers add a Message-ID of their own, so two senders never look alike.
        soft = f"mid:{ids[0]}:{digest}" if ids else f"bytes:{digest}"
        original = Blob("mail.eml", "message/rfc822", data, "original")
        return RawIntake(
            "email", self.source.id, f"{prefix}{uid}", at, (original,), meta, (soft,), station=self.source.station
        )

    def _body(self, uid: int, size: int) -> bytes:
        """The whole mail. The announced size is checked; a server that misstates it is believed the second time."""
        data = self._chunks(uid)
        if len(data) == size or not data:
            return data
        again = self._chunks(uid)
        if again != data or len(data) < size // 2:
            raise TransferError("有邮件没有完整取回，稍后重试")
        return data

    def _chunks(self, uid: int) -> bytes:
        pieces: list[bytes] = []
        total = 0
        length = self.settings.chunk_bytes
        while total <= self.settings.max_bytes:
            found = self.mailbox.step().fetch([uid], [f"BODY.PEEK[]<{total}.{length}>"]).get(uid, {})
            piece = next((value for key, value in found.items() if key.startswith(b"BODY[]") and value), b"")
            pieces.append(piece)
            total += len(piece)
            if len(piece) != length:  # the end; or a server that ignores the range and sends everything at once
                break
        return b"".join(pieces)

    def _header(self, uid: int) -> bytes:
        found = self.mailbox.step().fetch([uid], [f"BODY.PEEK[HEADER]<0.{_HEADER_BYTES}>"]).get(uid, {})
        return next((bytes(value) for key, value in found.items() if key.startswith(b"BODY[HEADER]") and value), b"")

    def _finish(self, known: set[int]) -> None:
        """What was delivered but, for a crash, not acknowledged."""
        if not known:
            return
        left = self.mailbox.step().search("UNFLAGGED" if self.settings.done_folder else "UNSEEN")
        for uid in sorted(known & {int(uid) for uid in left}):
            self._acknowledge([uid], oversize=False)

    def _acknowledge(self, uids: list[int], *, oversize: bool) -> None:
        r"""\Seen or moved; an oversize mail stays, starred, for the person who has to fetch it.

        A read-only mailbox refuses: nothing is lost by that, the UID is known.
        """
        try:
            if oversize:
                self.mailbox.step().add_flags(uids, [b"\\Seen", b"\\Flagged"], silent=True)
            elif self.settings.done_folder:
                self._move(uids)
            else:
                self.mailbox.step().add_flags(uids, [b"\\Seen"], silent=True)
        except ConnectionLost:
            raise
        except IMAPClientError:
            log.warning("email poller: the mailbox does not accept flags or moves")

    def _move(self, uids: list[int]) -> None:
        target = self.settings.done_folder
        if not self._done_ready:
            if not self.mailbox.step().folder_exists(target):
                self.mailbox.step().create_folder(target)
            self._done_ready = True
        self.mailbox.step().add_flags(uids, [b"\\Seen"], silent=True)
        if self.mailbox.can("MOVE"):
            self.mailbox.step().move(uids, target)
            return
        self.mailbox.step().copy(uids, target)
        self.mailbox.step().delete_messages(uids, silent=True)
        if self.mailbox.can("UIDPLUS"):  # without it EXPUNGE would also take what others marked
            self.mailbox.step().uid_expunge(uids)

    def idle(self, stop: Event) -> None:
        """Wait for news of the first folder, at most `poll_seconds` and never near 29 minutes."""
        wait = min(self.settings.poll_seconds, IDLE_SECONDS)
        self.mailbox.step().select_folder(self.settings.folders[0])
        client = self.mailbox.step(wait + self.settings.timeout_seconds + 10)
        client.idle()
        waited = 0
        news = False
        while not stop.is_set() and waited < wait and not news:
            replies = client.idle_check(timeout=1)
            waited += 1
            news = any(re.search(rb"EXISTS|RECENT", bytes(str(reply), "ascii", "replace")) for reply in replies)
        client.idle_done()
