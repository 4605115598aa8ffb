"""Files of a watched folder: what lies in it, which version it is, reading exactly that version, moving it away.

Shared by the recordings folder of `phone` and the scanner folder of `letter`; when a file is complete each decides.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 200_000
MAX_DEPTH = 8  # recorders make folders of year, month, day
TEMPORARY = (".part", ".tmp", ".temp", ".partial", ".crdownload", ".download", ".filepart", ".swp", ".lock", "~")


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file below the folder, as it was when looked at."""

    place: str  # the path to open
    name: str  # relative to the folder, with slashes
    folder: str  # of `name`; "" at the top
    last: str  # last component as written
    base: str  # last component, lower case
    stem: str  # `base` without its extension
    temporary: bool  # hidden, or still being written by its name
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    token: str
    """Names this version of this file without reading it.

    No program can set ctime, so a rewritten file of equal size and forged mtime still has another token.
    """

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def stored(self) -> str:
        return storable(self.name)


def storable(name: str) -> str:
    """A name as text that can be stored: a file system may hold names that are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _entry(place: str, name: str, known: os.stat_result) -> Entry:
    folder, _, last = name.rpartition("/")
    base = last.lower()
    version = f"{name}\0{known.st_size}\0{known.st_mtime_ns}\0{known.st_ctime_ns}\0{known.st_ino}"
    return Entry(
        place,
        name,
        folder,
        last,
        base,
        base.rpartition(".")[0] or base,
        last.startswith((".", "~")) or base.endswith(TEMPORARY),
        known.st_dev,
        known.st_ino,
        known.st_size,
        known.st_mtime_ns,
        known.st_ctime_ns,
        f"stat:{hashlib.sha256(version.encode('utf-8', 'surrogateescape')).hexdigest()}",
    )


class ChangedError(OSError):
    """The file is not the one that was looked at: it grew, was replaced, or became a link."""


def scan(root: Path, *, skip: Path | None = None) -> Iterator[Entry]:
    """Regular files below `root`. Links are never followed; hidden folders and `skip` are left out.

    Raises OSError where `root` itself cannot be read; a folder inside that cannot be is passed over.
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
            name = f"{prefix}{item.name}"
            try:
                known = item.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            if stat.S_ISDIR(known.st_mode):
                if depth < MAX_DEPTH and not item.name.startswith((".", "~")) and Path(item.path) != skip:
                    waiting.append((Path(item.path), f"{name}/", depth + 1))
            elif stat.S_ISREG(known.st_mode):
                count += 1
                if count > MAX_FILES:
                    return
                yield _entry(item.path, name, known)


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
        entry.device,
        entry.inode,
        entry.size,
        entry.mtime_ns,
    )


def move(entry: Entry, done_root: Path) -> bool:
    """Moves a file that is stored into the folder of the done ones; two of one name both stay. False: it failed."""
    target = done_root / entry.name
    try:
        if entry.path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target = target.with_name(f"{target.stem}.{entry.token[5:13]}{target.suffix}")
            shutil.move(entry.path, target)
    except OSError:
        return False
    return True
