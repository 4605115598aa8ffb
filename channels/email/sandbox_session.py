"""One connection to the sandbox server: RFC 3501 as far as a poller goes, with IDLE, MOVE, UIDPLUS and ID."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from channels.email.sandbox_store import Folder, Stored

if TYPE_CHECKING:
    from channels.email.sandbox import Sandbox

_CAPABILITIES: Final = "IMAP4rev1 LITERAL+ IDLE MOVE UIDPLUS ID UNSELECT"
_MAX_LITERAL: Final = 64 << 20
_DATE: Final = "%d-%b-%Y %H:%M:%S %z"
_TOKEN = re.compile(rb'\s*(?:"((?:[^"\\]|\\.)*)"|\0(\d+)\0|(\([^()]*\))|([^\s]+))')
_ITEM = re.compile(rb"(BODY(?:\.PEEK)?)\[([^\]]*)\](?:<(\d+)\.(\d+)>)?|[A-Z0-9.]+", re.IGNORECASE)


class Session:
    """One connection: a command at a time."""

    def __init__(self, box: Sandbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box = box
        self.reader = reader
        self.writer = writer
        self.signed_in = False
        self.selected: Folder | None = None
        self.read_only = False
        self.told = 0  # EXISTS as the client knows it

    def say(self, text: str | bytes) -> None:
        if self.writer.transport.is_closing():  # the client went away in the middle of an answer
            return
        self.writer.write((text.encode() if isinstance(text, str) else text) + b"\r\n")

    async def run(self) -> None:
        self.say(f"* OK [CAPABILITY {_CAPABILITIES}] ready")
        while True:
            await self.writer.drain()
            line, literals = await self._command()
            if not line:
                return
            tag, _, rest = line.partition(b" ")
            name, _, args = rest.partition(b" ")
            verb = name.decode("ascii", "replace").upper()
            if verb == "LOGOUT":
                self.say("* BYE")
                self.say(tag + b" OK done")
                await self.writer.drain()
                return
            self.say(tag + b" " + (await self._answer(verb, args, literals)).encode())

    async def _command(self) -> tuple[bytes, list[bytes]]:
        """A command line; literals are taken out and stand as NUL number NUL."""
        literals: list[bytes] = []
        line = b""
        while True:
            piece = (await self.reader.readline()).rstrip(b"\r\n")
            match = re.search(rb"\{(\d{1,10})(\+?)\}\Z", piece)
            if match is None:
                return line + piece, literals
            if int(match[1]) > _MAX_LITERAL:
                raise ValueError("literal too large")
            if not match[2]:
                self.writer.write(b"+ go on\r\n")
            literals.append(await self.reader.readexactly(int(match[1])))
            line += piece[: match.start()] + b"\0%d\0" % (len(literals) - 1)

    async def _answer(self, verb: str, args: bytes, literals: list[bytes]) -> str:
        words = [_word(match, literals) for match in _TOKEN.finditer(args)]
        if verb == "CAPABILITY":
            self.say(f"* CAPABILITY {_CAPABILITIES}")
            return "OK done"
        if verb in ("NOOP", "CHECK"):
            self._news()
            return "OK done"
        if verb == "ID":
            self.say('* ID ("name" "hub12336 sandbox")')
            return "OK done"
        if verb == "LOGIN":
            given = [*words, b"", b""][:2]
            self.signed_in = given[0] == self.box.user.encode() and hmac.compare_digest(
                given[1], self.box.password.encode()
            )
            return "OK signed in" if self.signed_in else "NO [AUTHENTICATIONFAILED] no"
        if not self.signed_in:
            return "NO sign in first"
        if verb == "IDLE":
            await self._idle()
            return "OK idle ended"
        handler: Callable[[list[bytes], bytes], str] | None = {
            "SELECT": lambda w, _a: self._select(w, read_only=False),
            "EXAMINE": lambda w, _a: self._select(w, read_only=True),
            "LIST": self._list,
            "CREATE": lambda w, _a: self._create(w),
            "STATUS": lambda w, _a: self._status(w),
            "APPEND": lambda w, _a: self._append(w),
            "UNSELECT": lambda _w, _a: self._close(),
            "CLOSE": lambda _w, _a: self._close(),
            "UID": self._uid,
            "SEARCH": lambda w, _a: self._search(w, by_uid=False),
            "EXPUNGE": lambda _w, _a: self._expunge(None),
        }.get(verb)
        if handler is None:
            return "BAD no such command"
        with self.box.lock:
            return handler(words, args)

    def _news(self) -> None:
        if self.selected is not None and self.told != len(self.selected.mails):
            self.told = len(self.selected.mails)
            self.say(f"* {self.told} EXISTS")

    async def _idle(self) -> None:
        event = asyncio.Event()
        self.box.waiting.add(event)
        self.say("+ idling")
        done = asyncio.ensure_future(self.reader.readline())
        try:
            while not done.done():
                self._news()
                await self.writer.drain()
                news = asyncio.ensure_future(event.wait())
                await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                event.clear()
        finally:
            self.box.waiting.discard(event)
            if not done.done():
                done.cancel()

    def _select(self, words: list[bytes], *, read_only: bool) -> str:
        name = _folder_name(words[0]) if words else ""
        self.selected = None
        if not self.box.knows(name):
            return "NO no such folder"
        self.selected, self.read_only = self.box.folder(name), read_only
        self.told = len(self.selected.mails)
        self.say("* FLAGS (\\Seen \\Flagged \\Deleted \\Answered \\Draft)")
        self.say(f"* {self.told} EXISTS")
        self.say("* 0 RECENT")
        self.say(f"* OK [UIDVALIDITY {self.selected.uidvalidity}] ok")
        self.say(f"* OK [UIDNEXT {self.selected.uidnext}] ok")
        return "OK [READ-ONLY] selected" if read_only else "OK [READ-WRITE] selected"

    def _close(self) -> str:
        self.selected = None
        return "OK closed"

    def _list(self, words: list[bytes], _args: bytes) -> str:
        pattern = _folder_name(words[1]) if len(words) > 1 else "*"
        wanted = re.compile("".join(".*" if c in "*%" else re.escape(c) for c in pattern), re.IGNORECASE)
        for name in self.box.folder_names():
            if wanted.fullmatch(name):
                self.say(b'* LIST (\\HasNoChildren) "/" "' + _utf7(name) + b'"')
        return "OK listed"

    def _create(self, words: list[bytes]) -> str:
        name = _folder_name(words[0]) if words else ""
        if not name or self.box.knows(name):
            return "NO not created"
        self.box.folder(name)
        return "OK created"

    def _status(self, words: list[bytes]) -> str:
        name = _folder_name(words[0]) if words else ""
        if not self.box.knows(name):
            return "NO no such folder"
        folder = self.box.folder(name)
        counts = f"MESSAGES {len(folder.mails)} UIDNEXT {folder.uidnext} UIDVALIDITY {folder.uidvalidity}"
        self.say(b'* STATUS "' + _utf7(name) + f'" ({counts})'.encode())
        return "OK done"

    def _append(self, words: list[bytes]) -> str:
        if len(words) < 2 or not self.box.knows(_folder_name(words[0])):
            return "NO [TRYCREATE] no such folder"
        folder = self.box.folder(_folder_name(words[0]))
        flags: set[str] = set()
        date = datetime.now(UTC)
        for word in words[1:-1]:
            if word.startswith(b"("):
                flags = set(word.strip(b"()").decode("ascii", "replace").split())
            else:
                with contextlib.suppress(ValueError):
                    date = datetime.strptime(word.decode("ascii", "replace").strip(), _DATE)  # noqa: DTZ007  %z is in _DATE
        uid = folder.add(words[-1], date, flags)
        self.box.wake()
        return f"OK [APPENDUID {folder.uidvalidity} {uid}] appended"

    def _uid(self, words: list[bytes], args: bytes) -> str:
        if self.selected is None or not words:
            return "BAD select a folder first"
        verb = words[0].decode("ascii", "replace").upper()
        if verb == "SEARCH":
            return self._search(words[1:], by_uid=True)
        chosen = list(self._chosen(words[1].decode("ascii", "replace") if len(words) > 1 else ""))
        if verb == "FETCH":
            items = args.split(None, 2)[2] if len(args.split(None, 2)) > 2 else b""
            for number, mail in chosen:
                self._fetch(number, mail, items)
            return "OK fetched"
        if self.read_only:
            return "NO the folder is read-only"
        if verb == "STORE":
            return self._store(chosen, words[2:])
        if verb == "EXPUNGE":
            return self._expunge({mail.uid for _number, mail in chosen})
        if verb in ("COPY", "MOVE"):
            return self._copy(chosen, words[2] if len(words) > 2 else b"", move=verb == "MOVE")
        return "BAD no such command"

    def _chosen(self, text: str) -> Iterator[tuple[int, Stored]]:
        folder = self.selected
        if folder is None:
            return
        last = folder.mails[-1].uid if folder.mails else 0
        ranges = []
        for piece in text.split(","):
            low, _, high = piece.partition(":")
            ends = [last if end == "*" else int(end) for end in (low, high or low) if end == "*" or end.isdigit()]
            if len(ends) == 2:
                ranges.append((min(ends), max(ends)))
        for number, mail in enumerate(list(folder.mails), 1):
            if any(low <= mail.uid <= high for low, high in ranges):
                yield number, mail

    def _search(self, words: list[bytes], *, by_uid: bool) -> str:
        if self.selected is None:
            return "BAD select a folder first"
        tests: list[Callable[[int, Stored], bool]] = []
        terms = [word.decode("ascii", "replace").strip("()").upper() for word in words]
        while terms:
            term = terms.pop(0)
            if term == "CHARSET" and terms:
                terms.pop(0)
            elif term == "UID" and terms:
                uids = {mail.uid for _n, mail in self._chosen(terms.pop(0))}
                tests.append(lambda _n, mail, uids=uids: mail.uid in uids)  # type: ignore[misc]
            elif match := re.fullmatch(r"(\d+)(?::(\d+|\*))?", term):
                low = int(match[1])
                high = low if match[2] is None else len(self.selected.mails) if match[2] == "*" else int(match[2])
                tests.append(lambda n, _mail, low=low, high=high: low <= n <= high)  # type: ignore[misc]
            elif term in ("SEEN", "FLAGGED", "DELETED", "ANSWERED"):
                flag = f"\\{term.title()}"
                tests.append(lambda _n, mail, flag=flag: flag in mail.flags)  # type: ignore[misc]
            elif term in ("UNSEEN", "UNFLAGGED", "UNDELETED"):
                flag = f"\\{term[2:].title()}"
                tests.append(lambda _n, mail, flag=flag: flag not in mail.flags)  # type: ignore[misc]
            elif term != "ALL":
                return "BAD no such search"
        found = [
            str(mail.uid if by_uid else number)
            for number, mail in enumerate(self.selected.mails, 1)
            if all(test(number, mail) for test in tests)
        ]
        self.say(" ".join(["* SEARCH", *found]))
        return "OK searched"

    def _fetch(self, number: int, mail: Stored, items: bytes) -> None:
        out = [f"UID {mail.uid}".encode()]
        for match in _ITEM.finditer(items.strip().strip(b"()")):
            name = match[0].upper()
            if match[1]:
                out.append(_section(mail, match))
                if match[1].upper() == b"BODY" and not self.read_only:
                    mail.flags.add("\\Seen")
            elif name == b"RFC822.SIZE":
                out.append(b"RFC822.SIZE %d" % mail.file.stat().st_size)
            elif name == b"INTERNALDATE":
                out.append(f'INTERNALDATE "{mail.date.strftime(_DATE)}"'.encode())
            elif name == b"FLAGS":
                out.append(f"FLAGS ({' '.join(sorted(mail.flags))})".encode())
        self.say(b"* %d FETCH (" % number + b" ".join(out) + b")")

    def _store(self, chosen: list[tuple[int, Stored]], words: list[bytes]) -> str:
        if len(words) < 2 or self.selected is None:
            return "BAD what to store"
        action = words[0].decode("ascii", "replace").upper()
        flags = set(b" ".join(words[1:]).strip(b"()").decode("ascii", "replace").split())
        for number, mail in chosen:
            if action.startswith("+"):
                mail.flags |= flags
            elif action.startswith("-"):
                mail.flags -= flags
            else:
                mail.flags = set(flags)
            if not action.endswith(".SILENT"):
                self.say(f"* {number} FETCH (UID {mail.uid} FLAGS ({' '.join(sorted(mail.flags))}))")
        self.selected.save()
        return "OK stored"

    def _expunge(self, uids: set[int] | None) -> str:
        if self.selected is None or self.read_only:
            return "NO not possible"
        doomed = {m.uid for m in self.selected.mails if "\\Deleted" in m.flags and (uids is None or m.uid in uids)}
        self._report_gone(self.selected.drop(doomed))
        return "OK expunged"

    def _report_gone(self, numbers: list[int]) -> None:
        for number in numbers:
            self.say(f"* {number} EXPUNGE")
        self.told = len(self.selected.mails) if self.selected else 0

    def _copy(self, chosen: list[tuple[int, Stored]], target: bytes, *, move: bool) -> str:
        name = _folder_name(target)
        if not self.box.knows(name) or self.selected is None:
            return "NO [TRYCREATE] no such folder"
        folder = self.box.folder(name)
        for _number, mail in chosen:
            folder.add(mail.file.read_bytes(), mail.date, set(mail.flags))
        if move:
            self._report_gone(self.selected.drop({mail.uid for _number, mail in chosen}))
        return "OK moved" if move else "OK copied"


def _word(match: re.Match[bytes], literals: list[bytes]) -> bytes:
    if match[1] is not None:
        return re.sub(rb"\\(.)", rb"\1", match[1])
    if match[2] is not None:
        return literals[int(match[2])]
    return match[3] if match[3] is not None else match[4]


def _section(mail: Stored, match: re.Match[bytes]) -> bytes:
    data = mail.file.read_bytes()
    section = match[2].upper()
    end = re.search(rb"\r?\n\r?\n", data)
    split = end.end() if end else len(data)
    if section == b"HEADER":
        data = data[:split]
    elif section == b"TEXT":
        data = data[split:]
    name = b"BODY[" + section + b"]"
    if match[3] is not None:
        data = data[int(match[3]) : int(match[3]) + int(match[4])]
        name += b"<" + match[3] + b">"
    return name + b" {%d}\r\n" % len(data) + data


def _folder_name(word: bytes) -> str:
    """Modified UTF-7 of RFC 3501 §5.1.3 to text."""

    def shift(match: re.Match[str]) -> str:
        if not match[1]:
            return "&"
        packed = match[1].replace(",", "/")
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-16-be", "replace")

    with contextlib.suppress(ValueError):
        return re.sub(r"&([A-Za-z0-9+,]*)-", shift, word.decode("ascii"))
    return word.decode("utf-8", "replace")


def _utf7(name: str) -> bytes:
    def pack(match: re.Match[str]) -> str:
        packed = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{packed}-"

    return re.sub(r"[^\x20-\x7e]+", pack, name.replace("&", "&-")).encode()
