"""The evidence store: sealed, content-addressed, write-once.

Layout: root/ab/cd/<sha256 of the sealed file>. A file is one format byte (1), a 7-byte nonce prefix, then chunks of
64 KiB plain text each as AES-256-GCM or SM4-GCM (STREAM: nonce = prefix + 4-byte counter + last-flag), so that ranges
can be read and a truncated or reordered file does not open. Written as: temp file → write → size check → fsync →
rename → fsync of the folder; only then may a row point to it (QUALITY §1).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag

from hub import ciphers, failpoints

CHUNK = 64 * 1024
TAG = 16
HEADER = 8
FORMAT = b"\x01"
INLINE = 64 * 1024  # originals up to this size are sealed into their row instead


class EvidenceError(RuntimeError):
    """A stored file is missing or does not open."""


@dataclass(frozen=True, slots=True)
class Stored:
    address: str
    sha256: str  # of the plain bytes
    size: int  # of the plain bytes


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    return prefix + struct.pack(">I?", index, last)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Store:
    """A store on a local disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, address: str) -> Path:
        return self.root / address[:2] / address[2:4] / address

    def put(self, source: BinaryIO, key: bytes) -> Stored:
        """Seals the stream under `key` (32 bytes: AES, 16: SM4); returns once it is on stable storage, or OSError."""
        temp = self.root / "tmp" / secrets.token_hex(16)
        try:
            stored = self._write(temp, source, key)
            path = self._path(stored.address)
            for folder in (path.parent.parent, path.parent):
                if not folder.exists():
                    folder.mkdir(mode=0o700, exist_ok=True)
                    _fsync_folder(folder.parent)
            temp.rename(path)
            failpoints.hit("evidence.before_fsync_folder")
            _fsync_folder(path.parent)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        return stored

    def _write(self, temp: Path, source: BinaryIO, key: bytes) -> Stored:
        box, prefix = ciphers.box(key), os.urandom(7)
        plain, sealed, size, written, index = hashlib.sha256(), hashlib.sha256(), 0, 0, 0
        with temp.open("xb") as file:
            block = FORMAT + prefix
            chunk = source.read(CHUNK)
            while True:
                following = source.read(CHUNK)
                plain.update(chunk)
                size += len(chunk)
                block += box.encrypt(_nonce(prefix, index, last=not following), chunk, None)
                sealed.update(block)
                written += file.write(block)
                block, index = b"", index + 1
                if not following:
                    break
                chunk = following
            file.flush()
            failpoints.hit("evidence.before_fsync")
            os.fsync(file.fileno())
        if temp.stat().st_size != written:
            raise OSError("short write")
        return Stored(sealed.hexdigest(), plain.hexdigest(), size)

    def read(self, address: str, key: bytes, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yields the plain bytes [start, stop). Raises EvidenceError when the file is gone, changed or cut."""
        try:
            file = self._path(address).open("rb")
        except FileNotFoundError:
            raise EvidenceError(f"evidence {address[:12]} is missing") from None
        with file:
            length = os.fstat(file.fileno()).st_size
            header = file.read(HEADER)
            if len(header) != HEADER or header[:1] != FORMAT:
                raise EvidenceError(f"evidence {address[:12]} has an unknown format")
            box, prefix = ciphers.box(key), header[1:]
            chunks = max(1, -(-(length - HEADER) // (CHUNK + TAG)))
            size = length - HEADER - chunks * TAG
            stop = size if stop is None else min(stop, size)
            for index in range(start // CHUNK, max(start // CHUNK + 1, -(-stop // CHUNK))):
                if index >= chunks:
                    return
                file.seek(HEADER + index * (CHUNK + TAG))
                try:
                    plain = box.decrypt(_nonce(prefix, index, last=index == chunks - 1), file.read(CHUNK + TAG), None)
                except InvalidTag:
                    raise EvidenceError(f"evidence {address[:12]} does not open") from None
                base = index * CHUNK
                yield plain[max(0, start - base) : max(0, stop - base)]

    def sweep(self, older_than: float) -> int:
        """Removes sealed leftovers of writes that were killed before they had a name. Returns how many."""
        gone = 0
        for file in (self.root / "tmp").iterdir():
            if file.stat().st_mtime < older_than:
                file.unlink(missing_ok=True)
                gone += 1
        return gone

    def remove(self, address: str) -> None:
        """Takes a sealed file away: the disposal of a clue. Its key is destroyed before."""
        self._path(address).unlink(missing_ok=True)

    def exists(self, address: str) -> bool:
        return self._path(address).exists()
