"""What a channel is: the only module the hub and a channel share.

A channel turns what arrives at one entrance (a mailbox, a webhook, a folder, a form) into `RawIntake`s, hands each
to `Ports.deliver`, and acknowledges to the outside **only after deliver returned**. Later, in a limited child process,
its pure `normalize` turns the stored raw intake into `Outcome`s. Nothing here reaches Flask, SQLAlchemy or Redis.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from threading import Event

    from flask import Blueprint
    from pydantic import BaseModel

Json: TypeAlias = Any  # plain JSON data: str, int, float, bool, None, list, dict with str keys


class NormalizeError(Exception):
    """The raw intake cannot be read. It is kept and put on the manual list.

    `permanent` says whether reading the same bytes again could ever help. The message is shown to staff, in Chinese,
    and never quotes the content.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


class FetchError(Exception):
    """A provider did not give us a medium. `permanent`: asking again cannot help (expired, refused, not ours)."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class InputRefusedError(Exception):
    """What a person offered cannot be an intake (empty, too large, wrong type). Message in Chinese, nothing stored."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes as they arrived. Either `data` or, for large uploads already on disk, `path`.

    `role`: original, form, sidecar, envelope, page, recording, voice, image, video, clip, attachment.
    `name` and `media_type` are as the sender declared them: untrusted, and `name` may carry identity.
    """

    name: str
    media_type: str
    data: bytes = b""
    role: str = "original"
    path: Path | None = None

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path is not None else self.data

    def size(self) -> int:
        return self.path.stat().st_size if self.path is not None else len(self.data)

    def sha256(self) -> str:
        if self.path is None:
            return hashlib.sha256(self.data).hexdigest()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Remote:
    """A medium that still lies with the provider: fetched at once by its own work row, never by `normalize`."""

    ref: str  # media id or URL, understood only by the channel's `fetch`
    role: str
    name: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class RawIntake:
    """One delivery, exactly as it came in.

    `source_id` names the entrance ("email:3", "wechat:wx12ab", "folder:5", "form:referral", "cli:letter"); `key` is the
    external id, unique within it; `also` are weaker names of the same delivery (Message-ID + sha256). A delivery whose
    `key` or one of `also` is already known to the source is a re-delivery and stored once. Two senders of identical
    content have different keys. `at` is the base of the legal clocks (PRODUCT §4), timezone-aware.
    `meta` holds transport facts; it is sealed, because it may carry identity.
    """

    channel: str
    source_id: str
    key: str
    at: datetime
    blobs: tuple[Blob, ...]
    meta: Mapping[str, Json] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    sub_channel: str = ""
    station: str = ""
    remotes: tuple[Remote, ...] = ()


class PartKind(StrEnum):
    TEXT = "text"  # text to read and enrich
    HTML = "html"  # shown sanitised; its words must also stand in a TEXT part
    AUDIO = "audio"  # goes to the speech workers
    SCAN = "scan"  # page images or PDF: goes to the scan workers
    VIDEO = "video"
    LOCATION = "location"  # data: lat, lon, system (GCJ02|WGS84|CGCS2000), label
    LINK = "link"  # data: url; text: title and description
    FILE = "file"  # kept, not read


@dataclass(frozen=True, slots=True)
class Part:
    """One readable piece of a report. `blob` indexes `raw.blobs + report.derived`."""

    kind: PartKind
    text: str = ""
    blob: int | None = None
    title: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reported, as far as the channel itself knows. Sealed from the moment it is stored."""

    name: str = ""
    phone: str = ""
    email: str = ""
    openid: str = ""
    id_number: str = ""
    address: str = ""

    def known(self) -> bool:
        return any((self.name, self.phone, self.email, self.openid, self.id_number, self.address))


@dataclass(frozen=True, slots=True)
class Report:
    """The canonical content of a message, from any channel.

    `fields` are values the sender stated in named boxes (keys: place, respondent, facts, evidence, occurred, area,
    leader, rank, document_no, instruction, deadline, outlet, published, url, from_unit, register_no …).
    `others`: further signers of a joint letter, whom `sender` represents.
    `mode`: real_name | anonymous | confidential | "" (not stated). `kind`: suggested intake kind ("" = clue).
    """

    parts: tuple[Part, ...] = ()
    derived: tuple[Blob, ...] = ()
    sender: Sender = Sender()
    fields: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    mode: str = ""
    kind: str = ""
    warnings: tuple[str, ...] = ()
    others: tuple[Sender, ...] = ()


@dataclass(frozen=True, slots=True)
class NewReport:
    """Opens a clue. Later messages that name one of `correlation_keys` within `quiet` join it (None: for ever)."""

    report: Report
    correlation_keys: tuple[str, ...] = ()
    quiet: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """Joins the open conversation that one of `correlation_keys` names; where there is none, opens a clue."""

    report: Report
    correlation_keys: tuple[str, ...]
    quiet: timedelta | None = None


PERSON_KEY = "person:"
"""Begins an `attempt_key` that names a receiver, not one message: what was sent to them just now did not arrive."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A provider tells what became of a notice we sent, under one of the names the notifier gave it."""

    attempt_key: str
    state: Literal["sent", "delivered", "failed"]
    permanent: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NonClue:
    """Recorded and counted, opens no clue: kind is one of consultation, follow_up, suggestion, invalid, other."""

    kind: str
    reason: str
    report: Report = Report()


Outcome: TypeAlias = NewReport | Continuation | DeliveryReport | NonClue


@dataclass(frozen=True, slots=True)
class Source:
    """One configured entrance. `settings` fit the channel's settings model; secrets come from Ports.secret."""

    id: str
    channel: str
    unit: str  # receiving unit: division code
    settings: Mapping[str, Json] = field(default_factory=dict)
    station: str = ""


class Ports(Protocol):
    """Everything a channel may ask of the world."""

    def deliver(self, raw: RawIntake) -> bool:
        """Store `raw` durably. Returns True if new, False if a re-delivery; either way it may now be acknowledged.

        Raises if it could not be stored: then nothing may be acknowledged.
        """
        ...

    def seen(self, source: str, keys: Iterable[str]) -> set[str]:
        """Which of `keys` the source has already delivered."""
        ...

    def cursor(self, source: str, name: str) -> str | None: ...

    def set_cursor(self, source: str, name: str, value: str) -> None: ...

    def sources(self, channel: str) -> Sequence[Source]:
        """The enabled entrances of a channel."""
        ...

    def secret(self, source: str, name: str) -> str:
        """A password, token or key of a source. Raises KeyError where it was never set."""
        ...

    def lease(self, name: str) -> AbstractContextManager[bool]:
        """A lock across processes; yields False when another holds it."""
        ...

    def beat(self, source: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001  a flag the running-state page shows
        """Report that a poller is alive; `detail` never names people or content."""
        ...

    def now(self) -> datetime: ...

    def fail(self, name: str) -> None:
        """A named failpoint: does nothing except in fault tests."""
        ...


class NotifyError(Exception):
    """A notice was not handed over. The message (Chinese) holds codes only, never an address or a number.

    `permanent`: this route cannot reach this party, the next one is taken. `unknown`: the provider may have it (the
    answer was lost); it is not sent again blindly.
    """

    def __init__(self, message: str, *, permanent: bool, unknown: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notice for one party by one route. No subject, place or accusation stands in it (PRODUCT §7, G11).

    `key` is the same at every try of this notice by this route: it names the message to the provider (Message-ID,
    client_msg_id) and comes back as `DeliveryReport.attempt_key`. `at` (aware) is when the notice was first asked for.
    `thread` holds the Message-IDs it answers. `answering`: an automatic answer to what just came in (a receipt).
    `again`: an earlier try may have arrived.
    """

    key: str
    title: str
    text: str
    to: Sender
    at: datetime
    thread: tuple[str, ...] = ()
    answering: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Handed:
    """Evidence of hand-over: codes and provider's numbers only. `keys` are further names a report may come under.

    `document`: what people have to post; then the notice is prepared, not handed over.
    """

    evidence: str
    keys: tuple[str, ...] = ()
    document: Blob | None = None


class Notifier(Protocol):
    """Hands one notice over, or prepares it for the people who do. Bounded in time (four minutes)."""

    def __call__(self, ports: Ports, source: Source, notice: Outgoing) -> Handed:
        """Raises NotifyError and nothing else."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """A way to tell a reporter, declared by the channel that owns it.

    `rank` orders the routes behind the party's own channel. `fits` says whether a party can be reached by it at all,
    `ready` whether an entrance is set up for it. `own_source`: only through the entrance the party wrote to (an openid
    belongs to one account). `by_people`: prepared by the hub, done by staff, who enter the evidence. `rings`: it may
    wake somebody, so it keeps quiet hours. `on_wish`: only where the reporter's consent to it was recorded.
    """

    name: str
    label: str
    rank: int
    fits: Callable[[Sender], bool]
    send: Notifier | None = None
    ready: Callable[[Source], bool] | None = None
    own_source: bool = False
    by_people: bool = False
    rings: bool = True
    on_wish: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One box of a form. kind: text, textarea, date, datetime, select, phone, url, number, checkbox, files."""

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""
    max_length: int = 20_000
    sensitive: bool = False  # identity: rendered without autocomplete, never echoed in a list


@dataclass(frozen=True, slots=True)
class FormSpec:
    """A form the hub renders for a manual channel. Its values arrive as blob 0 (role form, JSON), files behind it."""

    id: str
    title: str
    fields: tuple[Field, ...]
    sub_channel: str = ""
    roles: tuple[str, ...] = ("operator", "mailroom", "handler", "lead")
    intro: str = ""


def form_intake(
    channel: str,
    spec: FormSpec,
    values: Mapping[str, str],
    files: Sequence[Blob],
    *,
    key: str,
    at: datetime,
    source_id: str = "",
    sub_channel: str = "",
) -> RawIntake:
    """A submitted form as a raw intake: values as canonical JSON in blob 0, then the files."""
    body = json.dumps(dict(values), ensure_ascii=False, sort_keys=True, indent=0).encode()
    original = Blob(name=f"{spec.id}.json", media_type="application/json", data=body, role="form")
    return RawIntake(
        channel=channel,
        source_id=source_id or f"form:{spec.id}",
        key=key,
        at=at,
        blobs=(original, *files),
        meta={"form": spec.id},
        sub_channel=sub_channel or spec.sub_channel,
    )


class FromFiles(Protocol):
    """Builds the raw intakes of files a person or a command hands over (`hub intake`, upload pages)."""

    def __call__(
        self, blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime
    ) -> list[RawIntake]:
        """Raises InputRefusedError with a message for the person where the files cannot be an intake."""
        ...


@dataclass(frozen=True)
class Channel:
    """The declared facts of a channel; code only where channels differ."""

    code: str  # "email"
    number: str  # "03", part of the clue number
    label: str  # 举报电子邮件
    rollup: str  # line in the 2009 statistics
    normalize: Callable[[RawIntake], list[Outcome]]
    from_files: FromFiles
    settings: type[BaseModel]
    sub_channels: Mapping[str, str] = field(default_factory=dict)
    forms: tuple[FormSpec, ...] = ()
    upload: bool = False  # offers a file-upload page built on from_files
    accept_types: str = ""  # the accept attribute of that page
    poll: Callable[[Ports, Source, Event], None] | None = None  # runs until the event is set; may raise to be restarted
    fetch: Callable[[Ports, Source, Remote], Blob] | None = None
    blueprint: Callable[[Ports], Blueprint] | None = None  # provider webhooks, mounted below /hooks/<code>/
    redact: frozenset[str] = frozenset()  # meta keys that must never reach a log
    describe: Callable[[bytes, str], dict[str, Json]] | None = (
        None  # what `hub try` prints for a file, where the channel has one
    )
    sandbox: Callable[..., Any] | None = None  # the provider simulator: see the channel's README
    notify: tuple[Route, ...] | None = None  # the ways this channel can tell a reporter
    secrets: Mapping[str, str] = field(default_factory=dict)  # names of an entrance's passwords and keys → label
    page_name: Callable[[str], tuple[str, int]] | None = None  # file name → letter it names, its page (0: says nothing)
