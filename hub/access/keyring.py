"""The key file, and what is done with the keys in it (decisions 7, 18 and 21).

The file holds a master, from which the units' keys are derived (HKDF-SHA256) and which is rotated, and apart from it
the key of blind indexes, search and seals, which stays. `FileKeys` is whoever holds it: each process of the hub, or
the key process alone, which the others ask.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub import ciphers, failpoints

NONCE = 12


class KeyFileError(RuntimeError):
    """The key file is missing, open to others, or not ours: the hub refuses to start."""


class SealError(RuntimeError):
    """Sealed bytes do not open: wrong key, wrong field, or changed."""


class KeysAwayError(RuntimeError):
    """The process that holds the keys does not answer: nothing can be opened or sealed now, and nothing is lost."""

    away = True
    """Work rows wait for it without losing an attempt (hub.work.rows)."""


class Keys(Protocol):
    """Whoever can use the keys of the file. Raises KeysAwayError where they are out of reach."""

    def fingerprint(self) -> str: ...

    def mac(self, purpose: str, data: bytes) -> bytes: ...

    def derived(self, purpose: str) -> bytes: ...

    def wrap(self, secret: bytes, unit_id: int) -> tuple[int, bytes]: ...

    def unwrap(self, wrapped: bytes, unit_id: int, version: int) -> bytes: ...

    def move(self, wrapped: bytes, unit_id: int, version: int, to: int) -> tuple[int, bytes]: ...


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What the key file holds: the key of indexes, seals and search, which stays; the masters of the units' keys."""

    index: bytes
    masters: dict[int, bytes]
    current: int

    def text(self) -> str:
        masters = {str(version): key.hex() for version, key in self.masters.items()}
        return json.dumps({"format": 2, "index": self.index.hex(), "masters": masters, "current": self.current})


def make_key_file(path: Path) -> None:
    """Makes new keys, 0600, durably; refuses to overwrite any."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = KeyRing(secrets.token_bytes(32), {1: secrets.token_bytes(32)}, 1)
    _write(path, ring.text())


def _write(path: Path, content: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_key_file(path: Path, ring: KeyRing) -> None:
    """Puts other keys in the file's place, whole or not at all, durably. What a killed one left over goes.

    The file stays its owner's, who may be the key process while root rotates.
    """
    for left in path.parent.glob(f"{path.name}.*.new"):
        left.unlink(missing_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        _write(new, ring.text())
        was = path.stat()
        if (was.st_uid, was.st_gid) != (os.getuid(), os.getgid()):
            os.chown(new, was.st_uid, was.st_gid)
        failpoints.hit("keys.before_replace")
        new.replace(path)
        _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def read_key_ring(path: Path) -> KeyRing:
    """The keys. Raises KeyFileError with what to do. A file of format 1 holds one key for everything."""
    try:
        mode = path.stat().st_mode
        content = json.loads(path.read_text())
        if content.get("format") == 2:
            masters = {int(version): bytes.fromhex(key) for version, key in content["masters"].items()}
            ring = KeyRing(bytes.fromhex(content["index"]), masters, int(content["current"]))
        else:
            only = bytes.fromhex(content["master"])
            ring = KeyRing(only, {1: only}, 1)
    except FileNotFoundError:
        raise KeyFileError(f"key file {path} is missing: restore it; without it nothing sealed can be read") from None
    except PermissionError:
        raise KeyFileError(f"key file {path} may not be read by this user") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError(f"key file {path} is damaged: restore it from its backup") from None
    if mode & 0o077:
        raise KeyFileError(f"key file {path} is open to others: chmod 600")
    if any(len(key) != 32 for key in (ring.index, *ring.masters.values())) or ring.current not in ring.masters:
        raise KeyFileError(f"key file {path} holds no 256-bit key")
    return ring


def read_key_file(path: Path) -> bytes:
    """The key of indexes and seals, as a check that the file is whole. Raises KeyFileError with what to do."""
    return read_key_ring(path).index


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


class FileKeys:
    """The keys of a file, in the memory of this process. Another process may rotate them: then it is read again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ring: KeyRing | None = None
        self._seen = (0, 0)
        self._derived: dict[str, bytes] = {}

    def ring(self, *, anew: bool = False) -> KeyRing:
        """The keys; with `anew` read again if the file is another one by now. Raises KeyFileError."""
        if self._ring is None or anew:
            try:
                stat = self.path.stat()
            except FileNotFoundError:
                return read_key_ring(self.path)
            if self._ring is None or (stat.st_ino, stat.st_mtime_ns) != self._seen:
                self._ring, self._seen = read_key_ring(self.path), (stat.st_ino, stat.st_mtime_ns)
        return self._ring

    def derived(self, purpose: str) -> bytes:
        """A 256-bit key for one purpose. It stays through rotations."""
        if purpose not in self._derived:
            self._derived[purpose] = _derive(self.ring().index, purpose)
        return self._derived[purpose]

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA256 under the key of this purpose."""
        return hmac.digest(self.derived(purpose), data, "sha256")

    def fingerprint(self) -> str:
        """A short public name of the keys."""
        return hashlib.sha256(self.derived("fingerprint")).hexdigest()[:16]

    def _unit_key(self, unit_id: int, version: int, size: int) -> bytes:
        ring = self.ring()
        if version not in ring.masters:
            ring = self.ring(anew=True)
        if version not in ring.masters:
            raise SealError(f"master key {version} is not in the key file: restore the file that belongs to these data")
        return _derive(ring.masters[version], f"unit:{unit_id}:{version}")[:size]

    def wrap_with(self, secret: bytes, unit_id: int, version: int) -> bytes:
        """The data key under the key of a unit, of this master."""
        nonce = os.urandom(NONCE)
        return nonce + ciphers.box(self._unit_key(unit_id, version, len(secret))).encrypt(nonce, secret, b"data_key")

    def wrap(self, secret: bytes, unit_id: int) -> tuple[int, bytes]:
        """(version of the present master, the data key under it)."""
        version = self.ring(anew=True).current
        return version, self.wrap_with(secret, unit_id, version)

    def unwrap(self, wrapped: bytes, unit_id: int, version: int) -> bytes:
        """The data key. Raises SealError where this file does not open it."""
        kek = ciphers.box(self._unit_key(unit_id, version, len(wrapped) - NONCE - ciphers.TAG))
        try:
            return kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], b"data_key")
        except InvalidTag:
            raise SealError("a data key does not open: wrong key file?") from None

    def move(self, wrapped: bytes, unit_id: int, version: int, to: int) -> tuple[int, bytes]:
        """The data key wrapped for another unit, with the present master."""
        return self.wrap(self.unwrap(wrapped, unit_id, version), to)
