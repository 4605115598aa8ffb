"""The scanner folder: takes in what a scanner writes, letter by letter (A5).

1. The folder is looked at each `poll_seconds`. A file directly in it is one letter; pages told by their names
   (`0012-1.jpg`, `0012-2.jpg`) and a text beside a scan (`0012.txt`) join; a sub-folder is one letter.
2. A letter is complete when none of its files changed and none came for `settle_seconds`, and no temporary file lies
   beside its pages. Scanners write page by page, so one still file says nothing.
3. The bytes are read before they are handed over: what is hashed is what is stored. Only after deliver returned are the
   files moved (where `done_folder` is set). A page that comes later becomes a continuation of its letter.
A file that is no scan is delivered all the same: a person decides what it is.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from pydantic import ValidationError

from channels.contract import Blob, Ports, RawIntake, Source
from channels.folders import TEMPORARY, ChangedError, Entry, move, read, scan, storable
from channels.letter.files import arranged
from channels.letter.naming import page_name, page_order, scan_kind
from channels.letter.settings import LetterSettings
from channels.letter.watch import JUNK, Watch

CHANNEL = "letter"
BUSY_SECONDS = 5.0
IDLE_SECONDS = 30.0
MEDIA = {
    "pdf": "application/pdf", "tiff": "image/tiff", "jpeg": "image/jpeg", "png": "image/png", "heic": "image/heic",
    "ofd": "application/ofd", "bmp": "image/bmp", "gif": "image/gif", "webp": "image/webp",
}  # fmt: skip


def poll(ports: Ports, source: Source, stop: Event) -> None:
    """Take in letters until `stop` is set. One process at a time looks at a folder."""
    try:
        settings = LetterSettings.model_validate(dict(source.settings))
    except ValidationError:
        ports.beat(source.id, False, "入口设置有误")
        stop.wait(IDLE_SECONDS)
        return
    if not settings.folder:
        ports.beat(source.id, True, "未设置扫描仪文件夹，只用上传")
        stop.wait(IDLE_SECONDS)
        return
    watch = Watch()
    while not stop.is_set():
        with ports.lease(f"letter:{source.id}") as mine:
            if mine:
                poll_once(ports, source, watch)
        stop.wait(settings.poll_seconds if mine else BUSY_SECONDS)


def poll_once(ports: Ports, source: Source, watch: Watch) -> int:
    """One look at the folder; returns how many new intakes were stored.

    Raises what `ports.deliver` raises; nothing is moved then.
    """
    settings = LetterSettings.model_validate(dict(source.settings))
    return _Look(ports, source, settings, Path(settings.folder), watch).run()


@dataclass(frozen=True, slots=True)
class _Letter:
    """Files that are one letter. `batch` names it for pages that come later: a sub-folder, or the stem of its names."""

    name: str
    batch: str
    entries: tuple[Entry, ...]


def letters(entries: Sequence[Entry]) -> list[_Letter]:
    """The files of a look, as letters."""
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, []).append(entry)
    found: list[_Letter] = []
    for folder, inside in sorted(folders.items()):
        if folder:
            found.append(_Letter(folder, f"{folder}/", tuple(inside)))
            continue
        batches: dict[str, list[Entry]] = {}
        for entry in inside:
            batches.setdefault(page_name(entry.last).base, []).append(entry)
        for base, members in batches.items():
            found += _root_letters(base, members)
    return found


def _root_letters(base: str, members: list[Entry]) -> list[_Letter]:
    """Files of one stem: its numbered pages, envelope and text are one letter; two scans named alike are two."""
    pages = [entry for entry in members if page_name(entry.last).number]
    alone = [entry for entry in members if not page_name(entry.last).number]
    texts = [entry for entry in alone if entry.base.endswith(".txt")]
    scans = [entry for entry in alone if entry not in texts]
    if pages:
        together, scans = ((*pages, *scans, *texts), []) if len(scans) < 2 else ((*pages, *texts), scans)
        return [_Letter(base, base, tuple(together)), *(_Letter(entry.name, base, (entry,)) for entry in scans)]
    if len(scans) == 1 and texts:
        return [_Letter(scans[0].name, base, (scans[0], *texts))]
    return [_Letter(entry.name, base, (entry,)) for entry in alone]


@dataclass
class _Look:
    ports: Ports
    source: Source
    settings: LetterSettings
    root: Path
    watch: Watch
    stored: int = 0
    waiting: int = 0
    too_large: int = 0
    unreadable: int = 0
    busy: set[str] = field(default_factory=set)  # letters beside which a temporary file is still growing

    def run(self) -> int:
        done_root = self.root / self.settings.done_folder if self.settings.done_folder else None
        try:
            entries = [entry for entry in scan(self.root, skip=done_root) if entry.base not in JUNK]
        except OSError:
            self.ports.beat(self.source.id, False, "扫描仪文件夹无法读取")
            return 0
        now = self.ports.now()
        self.watch.look(entries, now)
        self.busy = {
            f"{entry.folder}/" if entry.folder else page_name(_final_name(entry.last)).base
            for entry in entries
            if entry.temporary and self.watch.quiet(entry, now) < self._stale()
        }
        found = [entry for entry in entries if not entry.temporary]
        unknown = {entry.token for entry in found} - self.watch.done
        if unknown:
            self.watch.done |= self.ports.seen(self.source.id, sorted(unknown))
        for letter in letters(found):
            if self._complete(letter, now):
                if self._take(letter, now) and done_root is not None:
                    self.unreadable += sum(not move(entry, done_root) for entry in letter.entries)
            else:
                self.waiting += 1
        self._report()
        return self.stored

    def _stale(self) -> timedelta:
        """A temporary file older than this was left behind and holds nothing up."""
        return timedelta(seconds=max(10 * self.settings.settle_seconds, 60))

    def _complete(self, letter: _Letter, now: datetime) -> bool:
        if all(entry.token in self.watch.done for entry in letter.entries):
            return True
        if letter.batch in self.busy:
            return False
        return all(
            self.watch.quiet(entry, now).total_seconds()
            >= (self.settings.settle_seconds if entry.size else self.settings.empty_seconds)
            for entry in letter.entries
        )

    def _take(self, letter: _Letter, now: datetime) -> bool:
        """Delivers the files of a letter that are not stored yet. Returns whether all of them are stored now."""
        new = [entry for entry in letter.entries if entry.token not in self.watch.done]
        if not new:
            return True
        too_many = len(new) > self.settings.max_files
        total = sum(entry.size for entry in new)
        if too_many or total > self.settings.max_letter_bytes or max(e.size for e in new) > self.settings.max_bytes:
            self.too_large += 1
            return False
        read_now: list[tuple[Entry, bytes, str]] = []
        for entry in new:
            try:
                data = read(entry, self.root)
            except ChangedError:
                self.waiting += 1
                return False
            except OSError:
                self.unreadable += 1
                return False
            read_now.append((entry, data, f"{entry.stored}:{hashlib.sha256(data).hexdigest()}"))
        known = self.ports.seen(self.source.id, [key for _, _, key in read_now])
        fresh = [item for item in read_now if item[2] not in known]
        if fresh:
            # Its first pages are stored already, or were moved away: these are further pages.
            first = min(page_name(entry.last).number for entry in letter.entries) if "/" not in letter.batch else 0
            self._deliver(letter, fresh, now, late=len(fresh) < len(letter.entries) or first > 1)
        self.watch.done |= {entry.token for entry in new}
        return True

    def _deliver(self, letter: _Letter, files: list[tuple[Entry, bytes, str]], now: datetime, *, late: bool) -> None:
        files = sorted(files, key=lambda item: page_order(item[0].last))
        blobs = [Blob(entry.stored.rpartition("/")[2], _media_type(entry, data), data) for entry, data, _ in files]
        keys = [key for _, _, key in files]
        name = storable(letter.name)
        together = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        key = keys[0] if len(keys) == 1 else f"{name}:{together}"
        meta = {"file": name, "batch": storable(letter.batch)}
        if late:
            meta["event"] = "page"
        raw = RawIntake(
            channel=CHANNEL,
            source_id=self.source.id,
            key=key,
            at=min(now, _written(entry for entry, _, _ in files)),
            blobs=arranged(blobs),
            meta=meta,
            also=tuple(name for name in (*keys, *(entry.token for entry, _, _ in files)) if name != key),
            station=self.source.station,
        )
        self.ports.fail("letter.before_deliver")
        self.stored += self.ports.deliver(raw)
        self.ports.fail("letter.after_deliver")

    def _report(self) -> None:
        if self.unreadable:
            self.ports.beat(self.source.id, False, f"{self.unreadable} 个文件无法读取或移动")
        elif self.too_large:
            self.ports.beat(self.source.id, False, f"{self.too_large} 封信超过大小或页数上限，未接收")
        else:
            self.ports.beat(self.source.id, True, f"{self.waiting} 封信等待扫描完毕" if self.waiting else "")


def _final_name(base: str) -> str:
    """The name a temporary file will have: `.0012-3.jpg.part` → `0012-3.jpg`."""
    base = base.lstrip("~.$")
    return next((base[: -len(end)] for end in TEMPORARY if base.lower().endswith(end)), base)


def _written(entries: Iterable[Entry]) -> datetime:
    """When the first page came into the folder: its ctime, since copying keeps an old mtime."""
    return datetime.fromtimestamp(min(entry.ctime_ns for entry in entries) / 1e9, tz=UTC)


def _media_type(entry: Entry, data: bytes) -> str:
    kind = scan_kind(data)
    return MEDIA.get(kind) or mimetypes.guess_type(entry.last)[0] or "application/octet-stream"
