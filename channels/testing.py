"""The contract checks every channel passes, and ports that live in memory.

`MemoryPorts` behaves as the hub does towards a channel: one stored delivery per external id, cursors, sources, secrets,
leases, beats, a settable clock and failpoints that can be armed. `check_channel` states what `channels.contract` only
promises in words. Both are product, not test code: whoever writes a channel outside this repository uses them too.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from channels import wire
from channels.contract import (
    Blob,
    Channel,
    Continuation,
    DeliveryReport,
    InputRefusedError,
    NewReport,
    NonClue,
    NormalizeError,
    Outcome,
    Part,
    RawIntake,
    Report,
    Sender,
    Source,
)
from channels.hostile import HOSTILE_BYTES, hostile_raws, noise

__all__ = [
    "HOSTILE_BYTES",
    "NOW",
    "Beat",
    "FailpointError",
    "MemoryPorts",
    "StorageDownError",
    "check_channel",
    "check_from_files",
    "check_normalize",
    "check_outcomes",
    "check_report",
    "check_wire_outcome",
    "check_wire_raw",
    "hostile_raws",
    "noise",
    "plain",
]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NON_CLUE_KINDS = frozenset({"consultation", "follow_up", "suggestion", "invalid", "other"})
MODES = frozenset({"", "real_name", "anonymous", "confidential"})
READ_THROUGH_ROLES = frozenset({"form", "sidecar", "envelope"})
"""Blobs whose content normalise turns into text and fields; they need no part that points at them."""
READ_THROUGH_TYPES = (
    "message/rfc822",
    "application/json",
    "application/xml",
    "text/",
    "application/x-www-form-urlencoded",
    "application/vnd.openxmlformats-officedocument.spreadsheetml",
)


class StorageDownError(Exception):
    """What `MemoryPorts.deliver` raises while `broken` is set: nothing may be acknowledged."""


class FailpointError(Exception):
    """An armed failpoint was reached."""


@dataclass(frozen=True, slots=True)
class Beat:
    source: str
    ok: bool
    detail: str
    at: datetime


@dataclass
class MemoryPorts:
    """`channels.contract.Ports` in memory. Thread-safe, so a poller may run in a thread of the test.

    Set `broken` to make deliver refuse, `clock` to move time, `armed` to arm failpoints: a count of passages still
    let through (0 fails at once), or a callable that is run instead.
    """

    clock: datetime = NOW
    broken: bool = False
    delivered: list[RawIntake] = field(default_factory=list)
    redelivered: list[RawIntake] = field(default_factory=list)
    known: dict[str, set[str]] = field(default_factory=dict)
    cursors: dict[tuple[str, str], str] = field(default_factory=dict)
    configured: list[Source] = field(default_factory=list)
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    leases: set[str] = field(default_factory=set)
    beats: list[Beat] = field(default_factory=list)
    armed: dict[str, int | Callable[[], None]] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def deliver(self, raw: RawIntake) -> bool:
        if raw.at.tzinfo is None:
            raise ValueError("RawIntake.at must carry a time zone")
        if not raw.key or not raw.source_id:
            raise ValueError("RawIntake needs source_id and key")
        with self._lock:
            if self.broken:
                raise StorageDownError(raw.source_id)
            known = self.known.setdefault(raw.source_id, set())
            names = {raw.key, *raw.also}
            new = not names & known
            known |= names  # a re-delivery under another name is remembered by that name too
            # The hub copies the bytes before it returns; a caller may delete its spool file afterwards.
            kept = replace(raw, blobs=tuple(Blob(b.name, b.media_type, b.read(), b.role) for b in raw.blobs))
            (self.delivered if new else self.redelivered).append(kept)
            return new

    def seen(self, source: str, keys: Iterable[str]) -> set[str]:
        with self._lock:
            return set(keys) & self.known.get(source, set())

    def cursor(self, source: str, name: str) -> str | None:
        return self.cursors.get((source, name))

    def set_cursor(self, source: str, name: str, value: str) -> None:
        self.cursors[source, name] = value

    def sources(self, channel: str) -> Sequence[Source]:
        return [source for source in self.configured if source.channel == channel]

    def secret(self, source: str, name: str) -> str:
        return self.secrets[source, name]

    @contextmanager
    def lease(self, name: str) -> Iterator[bool]:
        with self._lock:
            mine = name not in self.leases
            self.leases.add(name)
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self.leases.discard(name)

    def beat(self, source: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001  the signature of Ports
        self.beats.append(Beat(source, ok, detail, self.clock))

    def now(self) -> datetime:
        return self.clock

    def advance(self, step: timedelta) -> None:
        self.clock += step

    def arm(self, name: str, action: int | Callable[[], None] = 0) -> None:
        """Make failpoint `name` fail after `action` further passages, or run `action` there."""
        self.armed[name] = action

    def fail(self, name: str) -> None:
        with self._lock:
            self.passed.append(name)
            action = self.armed.get(name)
            if isinstance(action, int) and action > 0:
                self.armed[name] = action - 1
                return
        if action is None:
            return
        if isinstance(action, int):
            raise FailpointError(name)
        action()


# ---- the checks


class _Guard:
    """Refuses what a pure function never does, through the interpreter's audit events. Off unless switched on.

    An audit hook cannot be taken away again, so one is installed for the process, at the first check.
    """

    installed = False
    on = False
    forbidden = (
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
        "os.remove",
        "os.rename",
        "os.mkdir",
        "shutil.rmtree",
    )

    @classmethod
    def hook(cls, event: str, args: tuple[Any, ...]) -> None:
        if not cls.on:
            return
        writes = event == "open" and isinstance(args[1], str) and any(letter in args[1] for letter in "wax+")
        if event in cls.forbidden or writes:
            raise AssertionError(f"normalize is not pure: {event}")

    @classmethod
    @contextmanager
    def pure(cls) -> Iterator[None]:
        if not cls.installed:
            sys.addaudithook(cls.hook)
            cls.installed = True
        cls.on = True
        try:
            yield
        finally:
            cls.on = False


@contextmanager
def _listening() -> Iterator[io.StringIO]:
    """Everything said meanwhile: log records of all levels, stdout and stderr."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def plain(value: Any) -> Any:
    """`value` as comparable plain data: the wire form with the bytes put back as hex."""
    blobs: list[bytes] = []
    data = json.loads(json.dumps(wire.dump(value, blobs)))
    return [data, [blob.hex() for blob in blobs]]


def _through_json(value: Any) -> tuple[Any, list[bytes]]:
    blobs: list[bytes] = []
    return json.loads(json.dumps(wire.dump(value, blobs), ensure_ascii=False)), blobs


def check_wire_raw(raw: RawIntake) -> RawIntake:
    """The raw intake after its way through the pipe. Raises AssertionError where something was lost."""
    again = wire.load_raw(*_through_json(raw))
    assert plain(again) == plain(raw), "the raw intake does not survive the wire"
    return again


def check_wire_outcome(outcome: Outcome) -> None:
    """Raises AssertionError where the outcome does not come through the pipe as it was."""
    again = wire.load_outcome(*_through_json(outcome))
    assert again == outcome, "the outcome does not survive the wire"


def _report_of(outcome: Outcome) -> Report | None:
    return None if isinstance(outcome, DeliveryReport) else outcome.report


def _secrets_of(channel: Channel, raw: RawIntake, outcomes: Sequence[Outcome]) -> set[str]:
    """The strings of this delivery that may appear in no log and no exception text."""
    found = {str(value) for key, value in raw.meta.items() if key in channel.redact and value}
    for outcome in outcomes:
        report = _report_of(outcome)
        if report is not None:
            found |= {getattr(report.sender, f.name) for f in fields(Sender)}
    return {text for text in found if len(text) >= 2}


def check_report(report: Report, raw: RawIntake) -> None:
    """Blob indexes point at something, words are words, and mode and kind are of the vocabulary."""
    reachable = len(raw.blobs) + len(report.derived)
    for part in report.parts:
        _check_part(part, reachable)
    assert report.mode in MODES, f"unknown mode {report.mode!r}"
    assert report.kind in NON_CLUE_KINDS | {"", "clue"}, f"unknown kind {report.kind!r}"
    assert all(isinstance(k, str) and isinstance(v, str) for k, v in report.fields.items()), "fields are strings"
    for text in (report.title, *report.fields.values(), *report.warnings, *(part.text for part in report.parts)):
        assert "\x00" not in text, "PostgreSQL stores no NUL in text"
        text.encode()  # a lone surrogate cannot be stored either


def _check_part(part: Part, reachable: int) -> None:
    if part.blob is not None:
        assert 0 <= part.blob < reachable, f"part points at blob {part.blob} of {reachable}"
    if part.kind in ("audio", "scan", "video", "file"):
        assert part.blob is not None, f"a {part.kind} part needs its blob"
    if part.kind == "location":
        assert {"lat", "lon", "system"} <= set(part.data), "a location names lat, lon and system"
    if part.kind == "link":
        assert part.data.get("url"), "a link names its url"


def check_outcomes(raw: RawIntake, outcomes: Sequence[Outcome]) -> None:
    """Every outcome is well formed and no original falls under the table."""
    assert outcomes, "normalize returned nothing: a delivery never disappears"
    shown: set[int] = set()
    for outcome in outcomes:
        check_wire_outcome(outcome)
        report = _report_of(outcome)
        if report is None:
            continue
        check_report(report, raw)
        shown |= {part.blob for part in report.parts if part.blob is not None}
        if isinstance(outcome, NonClue):
            assert outcome.kind in NON_CLUE_KINDS, f"unknown kind {outcome.kind!r}"
        if isinstance(outcome, Continuation):
            assert outcome.correlation_keys, "a continuation names what it continues"
    if any(isinstance(outcome, NewReport | Continuation) for outcome in outcomes):
        for index, blob in enumerate(raw.blobs):
            read_through = blob.role in READ_THROUGH_ROLES or blob.media_type.lower().startswith(READ_THROUGH_TYPES)
            assert read_through or index in shown, f"no part shows blob {index} ({blob.role})"


def check_normalize(channel: Channel, raw: RawIntake) -> list[Outcome] | None:
    """Normalise `raw` twice and compare. Returns the outcomes, or None where it raised NormalizeError."""
    before = plain(raw)
    heard = io.StringIO()
    outcomes: list[Outcome] | None = None
    complaint = ""
    try:
        with _listening() as heard:
            outcomes = channel.normalize(raw)
            with _Guard.pure():
                again = channel.normalize(check_wire_raw(raw))
    except NormalizeError as error:
        complaint = str(error)
        assert complaint, "staff need a reason"
        assert outcomes is None, "normalize succeeded, then failed on the same bytes"
    else:
        assert plain(outcomes) == plain(again), "normalize is not repeatable"
        check_outcomes(raw, outcomes)
    assert plain(raw) == before, "normalize changed its input"
    said = heard.getvalue() + complaint
    for secret in _secrets_of(channel, raw, outcomes or ()):
        assert secret not in said, "identity reached a log or an exception text"
    return outcomes


def check_from_files(channel: Channel, files: Sequence[Blob], meta: Mapping[str, Any]) -> list[RawIntake]:
    """Hand files over as `hub intake` does. The key depends on what was given, never on when. [] where refused."""
    source = f"cli:{channel.code}"
    try:
        raws = channel.from_files(files, meta, source_id=source, now=NOW)
    except InputRefusedError as error:
        assert str(error), "a person needs a reason"  # noqa: PT017  a check, not a test
        return []
    later = channel.from_files(files, meta, source_id=source, now=NOW + timedelta(days=1))
    assert [raw.key for raw in raws] == [raw.key for raw in later], "the key depends on the clock"
    assert raws, "from_files took the files and made nothing of them"
    for raw in raws:
        assert raw.channel == channel.code
        assert raw.source_id == source
        assert raw.key
        assert raw.at.tzinfo is not None
        assert not raw.sub_channel or raw.sub_channel in channel.sub_channels
    return raws


def check_channel(channel: Channel, samples: Sequence[RawIntake], hostile: Sequence[RawIntake]) -> None:
    """Everything the contract promises of a channel. Raises AssertionError that names the broken promise.

    `samples` must normalise; `hostile` may only give well-formed outcomes or raise NormalizeError.
    """
    for raw in samples:
        assert check_normalize(channel, raw) is not None, f"sample {raw.key} was refused"
    for raw in hostile:
        check_normalize(channel, raw)
    for files in ([], [Blob("", "", b"")], [Blob("a.bin", "application/octet-stream", noise(2_000))]):
        for raw in check_from_files(channel, files, {}):
            check_normalize(channel, raw)
