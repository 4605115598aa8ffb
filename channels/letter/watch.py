"""What lies in a scanner folder, and how long it has not changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

MAX_FILES = 50_000
MAX_DEPTH = 6
TEMPORARY = (".part", ".tmp", ".temp", ".partial", ".crdownload", ".download", ".filepart", ".lock", "~")
JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})


@dataclass(frozen=True)
class Entry:
    """One regular file. `name` is its path relative to the folder, with slashes."""

    path: Path
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: tuple[int, int]

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def temporary(self) -> bool:
        return self.base.lower().endswith(TEMPORARY) or self.base.startswith(("~", "."))

    @property
    def stored(self) -> str:
        """The relative name as storable text: a file system may hold names that are no UTF-8."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    @cached_property
    def token(self) -> str:
        """Names this version of this file without reading it. No program can set ctime."""
        version = f"{self.name}\0{self.size}\0{self.mtime_ns}\0{self.ctime_ns}\0{self.inode}"
        return f"stat:{hashlib.sha256(version.encode('utf-8', 'surrogateescape')).hexdigest()}"


class ChangedError(OSError):
    """The file is not the one that was looked at."""


def scan(root: Path, *, skip: Path | None = None) -> Iterator[Entry]:
    """Regular files below `root`; links, hidden folders and `skip` are left out.

    Raises OSError where `root` cannot be read; a folder inside that cannot be is passed over.
    """
    count = 0
    waiting: list[tuple[Path, str, int]] = [(root, "", 0)]
    while waiting:
        folder, prefix, depth = waiting.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError:
            if not depth:
                raise
            continue
        for item in found:
            try:
                known = item.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            if stat.S_ISDIR(known.st_mode):
                if depth < MAX_DEPTH and not item.name.startswith(".") and Path(item.path) != skip:
                    waiting.append((Path(item.path), f"{prefix}{item.name}/", depth + 1))
            elif stat.S_ISREG(known.st_mode) and item.name.lower() not in JUNK:
                count += 1
                if count > MAX_FILES:
                    return
                yield Entry(
                    Path(item.path),
                    f"{prefix}{item.name}",
                    known.st_size,
                    known.st_mtime_ns,
                    known.st_ctime_ns,
                    (known.st_dev, known.st_ino),
                )


def read(entry: Entry, root: Path) -> bytes:
    """The bytes of exactly the version that was scanned. Raises OSError (ChangedError) otherwise.

    No part of the way may be a link, and nothing but a regular file is opened: a FIFO would hang the poller.
    """
    way = Path(os.path.realpath(root, strict=True)) / Path(entry.name).parent
    if Path(os.path.realpath(entry.path.parent, strict=True)) != way:
        raise ChangedError("a folder on the way is a link")
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not _same(os.fstat(descriptor), entry):
            raise ChangedError("changed before reading")
        data = file.read(entry.size + 1)
        if len(data) != entry.size or not _same(os.fstat(descriptor), entry):
            raise ChangedError("changed while reading")
    return data


def _same(known: os.stat_result, entry: Entry) -> bool:
    return stat.S_ISREG(known.st_mode) and (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns) == (
        *entry.inode,
        entry.size,
        entry.mtime_ns,
    )


@dataclass
class Watch:
    """What a poller remembers between two looks; losing it costs seconds and some hashing, never a letter."""

    since: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # name → version, first seen
    done: set[str] = field(default_factory=set)  # tokens of versions that are stored

    def look(self, entries: list[Entry], now: datetime) -> None:
        seen: dict[str, tuple[str, datetime]] = {}
        for entry in entries:
            before = self.since.get(entry.name)
            token = entry.token
            keep = before is not None and before[0] == token and before[1] <= now
            seen[entry.name] = before if keep and before is not None else (token, now)
        self.since = seen
        self.done &= {token for token, _ in seen.values()}

    def quiet(self, entry: Entry, now: datetime) -> timedelta:
        """How long this version of the file has stood unchanged."""
        return now - self.since[entry.name][1]
