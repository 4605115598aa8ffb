"""Sealing of content and identity (decision 7).

A random data key per intake, clue and reporter is wrapped by the key of the unit that holds it. The key file outside
the database holds a master, from which the units' keys are derived (HKDF-SHA256) and which is rotated, and apart from
it the key of blind indexes, search and seals, which stays. Fields are AES-256-GCM or SM4-GCM (by the size of the data
key): 12 bytes nonce + ciphertext + tag, with the field's name as associated data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import ciphers, failpoints
from hub.models import DataKey, SourceCursor
from hub.settings import settings

NONCE = 12


class KeyFileError(RuntimeError):
    """The key file is missing, open to others, or not ours: the hub refuses to start."""


class SealError(RuntimeError):
    """Sealed bytes do not open: wrong key, wrong field, or changed."""


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
    """Puts other keys in the file's place, whole or not at all, durably. What a killed one left over goes."""
    for left in path.parent.glob(f"{path.name}.*.new"):
        left.unlink(missing_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        _write(new, ring.text())
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


@dataclass
class _Held:
    """The ring this process read, and which file it was: another process may rotate the keys."""

    ring: KeyRing | None = None
    seen: tuple[int, int] = (0, 0)


_held = _Held()


def _ring(*, anew: bool = False) -> KeyRing:
    """The keys; with `anew` read again if the file is another one by now."""
    path = settings().key_path
    if _held.ring is None or anew:
        try:
            stat = path.stat()
        except FileNotFoundError:
            return read_key_ring(path)
        if _held.ring is None or (stat.st_ino, stat.st_mtime_ns) != _held.seen:
            _held.ring, _held.seen = read_key_ring(path), (stat.st_ino, stat.st_mtime_ns)
    return _held.ring


def forget_keys() -> None:
    """Drops cached keys (tests, rotation)."""
    _held.ring = None
    derived.cache_clear()
    _opened.cache_clear()


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


@lru_cache(maxsize=8192)
def derived(purpose: str) -> bytes:
    """A 256-bit key for one purpose: "blind", "search", "chain", "serial". It stays through rotations."""
    return _derive(_ring().index, purpose)


def _unit_key(unit_id: int, version: int, size: int) -> bytes:
    """The key that wraps a unit's data keys. Raises SealError where that master is in no key file any more."""
    ring = _ring()
    if version not in ring.masters:
        ring = _ring(anew=True)
    if version not in ring.masters:
        raise SealError(f"master key {version} is not in the key file: restore the file that belongs to these data")
    return _derive(ring.masters[version], f"unit:{unit_id}:{version}")[:size]


@dataclass(frozen=True, slots=True)
class Key:
    """An opened data key. `id` is 0 until its row is flushed."""

    id: int
    secret: bytes

    def seal(self, value: str | bytes, field: str) -> bytes:
        plain = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        nonce = os.urandom(NONCE)
        return nonce + ciphers.box(self.secret).encrypt(nonce, plain, field.encode())

    def seal_json(self, value: Any, field: str) -> bytes:
        return self.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")), field)

    def open(self, sealed: bytes, field: str) -> bytes:
        """The plain bytes. Raises SealError when they were changed or belong to another field or key."""
        try:
            return ciphers.box(self.secret).decrypt(sealed[:NONCE], sealed[NONCE:], field.encode())
        except (InvalidTag, ValueError):
            raise SealError(f"{field} of key {self.id} does not open") from None

    def text(self, sealed: bytes, field: str) -> str:
        return self.open(sealed, field).decode("utf-8", "surrogatepass")

    def json(self, sealed: bytes, field: str) -> Any:
        return json.loads(self.open(sealed, field))


def _wrap(secret: bytes, unit_id: int, version: int) -> bytes:
    nonce = os.urandom(NONCE)
    kek = ciphers.box(_unit_key(unit_id, version, len(secret)))
    return nonce + kek.encrypt(nonce, secret, b"data_key")


def new_key(session: Session, unit_id: int) -> Key:
    """A fresh data key of the cipher that is set, wrapped for the unit, in the running transaction."""
    secret, version = secrets.token_bytes(ciphers.KEY_BYTES[settings().seal_algorithm]), _ring(anew=True).current
    row = DataKey(unit_id=unit_id, version=version, wrapped=_wrap(secret, unit_id, version))
    session.add(row)
    session.flush()
    _keep(session, row)
    return Key(row.id, secret)


def rewrap(session: Session, key_id: int, unit_id: int) -> None:
    """Hands a data key over to another unit: what it seals stays as it is, only the wrapping changes."""
    row = session.get_one(DataKey, key_id)
    if row.unit_id != unit_id:
        wrap_anew(row, unit_id, _ring(anew=True).current)


def wrap_anew(row: DataKey, unit_id: int, version: int) -> None:
    """Wraps a data key with another unit's key or another master."""
    secret = _opened(row.id, row.unit_id, row.version, row.wrapped).secret
    row.unit_id, row.version, row.wrapped = unit_id, version, _wrap(secret, unit_id, version)


@lru_cache(maxsize=4096)
def _opened(key_id: int, unit_id: int, version: int, wrapped: bytes) -> Key:
    kek = ciphers.box(_unit_key(unit_id, version, len(wrapped) - NONCE - ciphers.TAG))
    try:
        return Key(key_id, kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], b"data_key"))
    except InvalidTag:
        raise SealError(f"data key {key_id} does not open: wrong key file?") from None


def open_key(session: Session, key_id: int) -> Key:
    """The data key of this id. Raises SealError where it was shredded or the key file is another."""
    row = session.get(DataKey, key_id)
    if row is None or not row.wrapped:  # shredded
        raise SealError(f"data key {key_id} is gone")
    _keep(session, row)
    return _opened(row.id, row.unit_id, row.version, row.wrapped)


def fetch_keys(session: Session, key_ids: Iterable[int]) -> None:
    """Reads the data keys of a list in one statement; `open_key` finds them in the session."""
    for row in session.scalars(select(DataKey).where(DataKey.id.in_(set(key_ids)))):
        _keep(session, row)


def _keep(session: Session, row: DataKey) -> None:
    """Holds a row as long as the session lives: a session alone forgets what nobody holds, and asks again."""
    session.info.setdefault("data_keys", {})[row.id] = row


def blind(kind: str, value: str) -> bytes:
    """The 128-bit keyed hash that stands for an identifier in indexes and keys; `kind` separates name spaces."""
    return hmac.digest(derived("blind"), f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")[:16]


def fingerprint() -> str:
    """A short public name of the master key, stored in the database so that another key file is noticed at once."""
    return hashlib.sha256(derived("fingerprint")).hexdigest()[:16]


def check_fingerprint(session: Session) -> None:
    """Refuses to go on with a key file that is not the one this database was sealed with."""
    row = session.get(SourceCursor, ("hub", "key"))
    if row is None:
        session.add(SourceCursor(source_id="hub", name="key", value=fingerprint()))
    elif not hmac.compare_digest(row.value, fingerprint()):
        raise KeyFileError(f"{settings().key_path} is not the key file of this database: restore the right one")
