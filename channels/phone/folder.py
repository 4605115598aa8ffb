"""The recordings folder: takes in what a call recorder writes, with its side-car (A1).

1. Every file is looked at each `poll_seconds`. It is complete when size and mtime stayed equal for `settle_seconds`, or
   when it was renamed from a temporary name. Recorders write as the call goes on, so age alone would say nothing.
2. A recording with a complete side-car is taken in at once, without one after `sidecar_seconds`. A side-car that comes
   later becomes a continuation of the same call.
3. The bytes are read into memory before they are handed over: what is hashed is what is stored, whatever happens to
   the file meanwhile. Only after deliver returned is the file moved (where `done_folder` is set).
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from pydantic import ValidationError

from channels.contract import Blob, Ports, RawIntake, Source
from channels.folders import ChangedError, Entry, move, read, scan
from channels.phone import audio
from channels.phone.recordings import base_of, facts_of
from channels.phone.settings import PhoneSettings
from channels.phone.sidecar import SideCar
from channels.phone.watch import Car, SideCars, Watch, find_sidecars

CHANNEL = "phone"
BUSY_SECONDS = 5.0
IDLE_SECONDS = 30.0
REST = 10
"""A look at very many files takes long; waiting ten times that keeps the poller below a tenth of a core."""

_observed: dict[tuple[str, str], Watch] = {}
"""Settling of files between calls of `poll_once` without a watch, by source and folder."""


def poll(ports: Ports, source: Source, stop: Event) -> None:
    """Take in recordings until `stop` is set. For a Twilio number it only shows that its secret is there."""
    try:
        settings = PhoneSettings.model_validate(dict(source.settings))
    except ValidationError:
        ports.beat(source.id, False, "入口设置有误")
        stop.wait(IDLE_SECONDS)
        return
    watch = Watch()
    while not stop.is_set():
        if settings.kind == "twilio":
            _beat_twilio(ports, source)
            stop.wait(IDLE_SECONDS)
            continue
        began = time.thread_time()
        with ports.lease(f"phone:{source.id}") as mine:
            if mine:
                poll_once(ports, source, watch)
        rest = REST * (time.thread_time() - began)
        stop.wait(max(settings.poll_seconds, rest) if mine else BUSY_SECONDS)


def _beat_twilio(ports: Ports, source: Source) -> None:
    try:
        ports.secret(source.id, "auth_token")
    except KeyError:
        ports.beat(source.id, False, "未设置 auth_token")
    else:
        ports.beat(source.id, True, "等待回调")


def poll_once(ports: Ports, source: Source, watch: Watch | None = None) -> int:
    """One look at the folder; returns how many new intakes were stored.

    `watch` remembers between looks. Without it only the settling of files is remembered, and what is already stored
    is asked of the hub each time. Raises what `ports.deliver` raises; nothing is moved then.
    """
    settings = PhoneSettings.model_validate(dict(source.settings))
    if settings.kind != "folder":
        return 0
    root = Path(os.path.normpath(settings.folder))
    if watch is None:
        watch = _observed.setdefault((source.id, str(root)), Watch())
        watch.done.clear()
    return _Look(ports, source, settings, root, watch).run()


@dataclass
class _Look:
    ports: Ports
    source: Source
    settings: PhoneSettings
    root: Path
    watch: Watch
    stored: int = 0
    waiting: int = 0
    too_large: int = 0
    unreadable: int = 0
    ignored: int = 0

    def run(self) -> int:
        done = self.settings.done_folder
        done_root = Path(os.path.normpath(self.root / done)) if done else None
        try:
            entries = list(scan(self.root, skip=done_root))
            taken = list(scan(done_root)) if done_root is not None and done_root.is_dir() else []
        except OSError:
            self.ports.beat(self.source.id, False, "录音文件夹无法读取")
            return 0
        now = self.ports.now()
        settle = timedelta(seconds=self.settings.settle_seconds)
        self.watch.look(entries, now)
        ready = {entry.name for entry in entries if self.watch.complete(entry, now, settle)}
        cars = find_sidecars(self.watch, entries, self.root, ready)
        recordings = [entry for entry in entries if audio.is_recording_name(entry.base) and not entry.temporary]
        self.ignored = sum(not _known(entry) for entry in entries)
        recordings.sort(key=lambda entry: (entry.mtime_ns, entry.name))
        taken = [entry for entry in taken if audio.is_recording_name(entry.base) and cars.of(entry) is not None]
        self._recall(recordings + taken, cars)
        for entry in recordings:
            if entry.name in ready:
                self._take(entry, cars.of(entry), now, done_root)
            else:
                self.waiting += 1
        for entry in taken:
            if done_root is not None and (car := cars.of(entry)) is not None:
                self._add(entry, car, done_root)
                self._put_away([car.own], done_root)
        self._report()
        return self.stored

    def _recall(self, recordings: list[Entry], cars: SideCars) -> None:
        """Ask the hub once which of the unknown versions it already has."""
        unknown: set[str] = set()
        for entry in recordings:
            token, car = entry.token, cars.of(entry)
            unknown |= {token} | ({_pair(token, car)} if car is not None else set())
        self.watch.done &= unknown  # files that are gone are forgotten
        unknown -= self.watch.done
        if unknown:
            self.watch.done |= self.ports.seen(self.source.id, sorted(unknown))

    def _take(self, entry: Entry, car: Car | None, now: datetime, done_root: Path | None) -> None:
        if entry.token not in self.watch.done:
            quiet = self.watch.unchanged(entry, now).total_seconds()
            if quiet < self._patience(entry, car):
                self.waiting += 1
                return
            if entry.size > self.settings.max_bytes:
                self.too_large += 1
                return
            if not self._deliver(entry, car):
                return
        elif car is not None:
            self._add(entry, car, self.root)
        if done_root is not None:
            self._put_away([entry, car.own if car is not None else None], done_root)

    def _patience(self, entry: Entry, car: Car | None) -> float:
        """Seconds a complete file still waits: for a side-car, or, when empty, for the call to go on."""
        if not entry.size:
            return self.settings.empty_seconds
        return self.settings.sidecar_seconds if car is None else 0.0

    def _deliver(self, entry: Entry, car: Car | None) -> bool:
        data = self._read(entry, self.root)
        if data is None:
            return False
        digest = hashlib.sha256(data).hexdigest()
        key = f"{entry.stored}:{digest}"
        name = entry.stored.rpartition("/")[2]
        sound = Blob(name, audio.media_type(entry.base, data[:32]), data, "recording")
        token = entry.token
        if car is None:
            self._store(entry, None, key, (sound,), (token,), {})
            self.watch.done.add(token)
            return True
        pair, together = _pair(token, car), _sidecar_key(entry, key, car)
        # The call id names the recording too where the recorder renames or copies it, but only with its hash: a call
        # that was transferred has several recordings.
        call = f"call:{car.said.call_id}:{digest}" if car.said.call_id else ""
        said = f"{call}:{car.digest}" if call else ""
        names = [name for name in (together, call, said) if name]
        known = self.ports.seen(self.source.id, [key, *names])
        if not known & {key, call}:
            side = Blob(car.name, car.media_type, car.data, "sidecar")
            self._store(entry, car, key, (sound, side), (token, pair, *names), {})
        else:
            # The sound is stored already; together with it the side-car would count as stored too, and be lost.
            self._store(entry, None, key, (sound,), (token, call) if call else (token,), {})
            if not known & {together, said}:
                self._add_known(entry, car, key)
        self.watch.done |= {token, pair}
        return True

    def _add(self, entry: Entry, car: Car, root: Path) -> None:
        """A side-car for a recording that is already stored: its key needs the hash of the recording again."""
        if _pair(entry.token, car) in self.watch.done:
            return
        data = self._read(entry, root)
        if data is not None:
            self._add_known(entry, car, f"{entry.stored}:{hashlib.sha256(data).hexdigest()}")

    def _add_known(self, entry: Entry, car: Car, key: str) -> None:
        blob = Blob(car.name, car.media_type, car.data, "sidecar")
        pair = _pair(entry.token, car)
        self._store(entry, car, _sidecar_key(entry, key, car), (blob,), (pair,), {"event": "sidecar"}, about=key)
        self.watch.done.add(pair)

    def _store(
        self,
        entry: Entry,
        car: Car | None,
        key: str,
        blobs: tuple[Blob, ...],
        also: tuple[str, ...],
        meta: dict[str, str],
        about: str = "",
    ) -> bool:
        said = car.said if car is not None else SideCar()
        zone = self.settings.zone()
        changed = datetime.fromtimestamp(entry.mtime_ns / 1e9, tz=UTC)
        raw = RawIntake(
            channel=CHANNEL,
            source_id=self.source.id,
            key=key,
            at=base_of(said, zone, fallback=changed, now=self.ports.now()),
            blobs=blobs,
            meta=meta | facts_of(said, zone, recording=entry.stored, key=about or key, line=self.settings.line),
            also=also,
            station=self.source.station,
        )
        self.ports.fail("phone.before_deliver")
        new = self.ports.deliver(raw)
        self.ports.fail("phone.after_deliver")
        self.stored += new
        return new

    def _read(self, entry: Entry, root: Path) -> bytes | None:
        try:
            return read(entry, root)
        except ChangedError:
            self.waiting += 1
        except OSError:
            self.unreadable += 1
        return None

    def _put_away(self, entries: list[Entry | None], done_root: Path) -> None:
        self.unreadable += sum(not move(entry, done_root) for entry in entries if entry is not None)

    def _report(self) -> None:
        if self.unreadable:
            self.ports.beat(self.source.id, False, f"{self.unreadable} 个文件无法读取或移动")
        elif self.too_large:
            self.ports.beat(self.source.id, False, f"{self.too_large} 个录音超过大小上限，未接收")
        else:
            said = [f"{self.waiting} 个录音等待写完或等待附带资料"] if self.waiting else []
            said += [f"{self.ignored} 个其他类型的文件未接收"] if self.ignored else []
            self.ports.beat(self.source.id, True, "；".join(said))


def _known(entry: Entry) -> bool:
    return entry.temporary or audio.is_recording_name(entry.base) or entry.base.endswith((".json", ".csv"))


def _pair(token: str, car: Car) -> str:
    return f"pair:{token.removeprefix('stat:')}:{car.digest}"


def _sidecar_key(entry: Entry, key: str, car: Car) -> str:
    """One version of the side-car of one version of a recording: a corrected side-car is a further delivery."""
    bound = hashlib.sha256(f"{key}\0{car.digest}".encode()).hexdigest()
    stem = entry.stored.rpartition(".")[0]
    return f"{stem}:sidecar:{bound}"
