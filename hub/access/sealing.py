"""Sealing of content and identity (decision 7).

A random data key per intake, clue and reporter is wrapped by the key of the unit that holds it; unit keys, the blind
index and the search tokens are derived (HKDF-SHA256) from one master key in a file outside the database. Fields are
AES-256-GCM: 12 bytes nonce + ciphertext + tag, with the field's name as associated data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

from hub.models import DataKey, SourceCursor
from hub.settings import settings

NONCE = 12


class KeyFileError(RuntimeError):
    """The key file is missing, open to others, or not ours: the hub refuses to start."""


class SealError(RuntimeError):
    """Sealed bytes do not open: wrong key, wrong field, or changed."""


def make_key_file(path: Path) -> None:
    """Makes a new master key, 0600, durably; refuses to overwrite one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps({"format": 1, "master": secrets.token_hex(32)}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_key_file(path: Path) -> bytes:
    """The master key. Raises KeyFileError with what to do."""
    try:
        mode = path.stat().st_mode
        content = json.loads(path.read_text())
        master = bytes.fromhex(content["master"])
    except FileNotFoundError:
        raise KeyFileError(f"key file {path} is missing: restore it; without it nothing sealed can be read") from None
    except (ValueError, KeyError, TypeError):
        raise KeyFileError(f"key file {path} is damaged: restore it from its backup") from None
    if mode & 0o077:
        raise KeyFileError(f"key file {path} is open to others: chmod 600")
    if len(master) != 32:
        raise KeyFileError(f"key file {path} holds no 256-bit key")
    return master


@cache
def _master() -> bytes:
    return read_key_file(settings().key_path)


def forget_keys() -> None:
    """Drops cached keys (tests, rotation)."""
    _master.cache_clear()
    derived.cache_clear()
    _opened.cache_clear()


@lru_cache(maxsize=8192)
def derived(purpose: str) -> bytes:
    """A 256-bit key for one purpose: "unit:17:1", "blind", "search", "chain", "serial"."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(_master())


@dataclass(frozen=True, slots=True)
class Key:
    """An opened data key. `id` is 0 until its row is flushed."""

    id: int
    secret: bytes

    def seal(self, value: str | bytes, field: str) -> bytes:
        plain = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        nonce = os.urandom(NONCE)
        return nonce + AESGCM(self.secret).encrypt(nonce, plain, field.encode())

    def seal_json(self, value: Any, field: str) -> bytes:
        return self.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")), field)

    def open(self, sealed: bytes, field: str) -> bytes:
        """The plain bytes. Raises SealError when they were changed or belong to another field or key."""
        try:
            return AESGCM(self.secret).decrypt(sealed[:NONCE], sealed[NONCE:], field.encode())
        except (InvalidTag, ValueError):
            raise SealError(f"{field} of key {self.id} does not open") from None

    def text(self, sealed: bytes, field: str) -> str:
        return self.open(sealed, field).decode("utf-8", "surrogatepass")

    def json(self, sealed: bytes, field: str) -> Any:
        return json.loads(self.open(sealed, field))


def new_key(session: Session, unit_id: int) -> Key:
    """A fresh data key, wrapped for the unit, in the running transaction."""
    secret = secrets.token_bytes(32)
    nonce = os.urandom(NONCE)
    kek = AESGCM(derived(f"unit:{unit_id}:1"))
    row = DataKey(unit_id=unit_id, version=1, wrapped=nonce + kek.encrypt(nonce, secret, b"data_key"))
    session.add(row)
    session.flush()
    return Key(row.id, secret)


def rewrap(session: Session, key_id: int, unit_id: int) -> None:
    """Hands a data key over to another unit: what it seals stays as it is, only the wrapping changes."""
    row = session.get_one(DataKey, key_id)
    if row.unit_id == unit_id:
        return
    secret, nonce = open_key(session, key_id).secret, os.urandom(NONCE)
    kek = AESGCM(derived(f"unit:{unit_id}:1"))
    row.unit_id, row.version, row.wrapped = unit_id, 1, nonce + kek.encrypt(nonce, secret, b"data_key")


@lru_cache(maxsize=4096)
def _opened(key_id: int, unit_id: int, version: int, wrapped: bytes) -> Key:
    kek = AESGCM(derived(f"unit:{unit_id}:{version}"))
    try:
        return Key(key_id, kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], b"data_key"))
    except InvalidTag:
        raise SealError(f"data key {key_id} does not open: wrong key file?") from None


def open_key(session: Session, key_id: int) -> Key:
    """The data key of this id. Raises SealError where it was shredded or the key file is another."""
    row = session.get(DataKey, key_id)
    if row is None:
        raise SealError(f"data key {key_id} is gone")
    return _opened(row.id, row.unit_id, row.version, row.wrapped)


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
