"""Sealing of content and identity (decision 7).

A random data key per intake, clue and reporter is wrapped by the key of the unit that holds it (hub.access.keyring).
Fields are AES-256-GCM or SM4-GCM (by the size of the data key): 12 bytes nonce + ciphertext + tag, with the field's
name as associated data. The keys of the key file are in this process or, with HUB_KEYS=process, in one of their own.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import ciphers
from hub.access.keyclient import ProcessKeys, socket_path
from hub.access.keyring import (
    NONCE,
    FileKeys,
    KeyFileError,
    KeyRing,
    Keys,
    KeysAwayError,
    SealError,
    make_key_file,
    read_key_file,
    read_key_ring,
    replace_key_file,
)
from hub.models import DataKey, SourceCursor
from hub.settings import settings

__all__ = [  # what others know of the key file they take from here
    "KeyFileError", "KeyRing", "KeysAwayError", "SealError", "make_key_file", "read_key_file", "read_key_ring",
    "replace_key_file",
]  # fmt: skip


@dataclass
class _Held:
    """Who uses the keys for this process."""

    keys: Keys | None = None


_held = _Held()


def _keys() -> Keys:
    if _held.keys is None:
        by_process = settings().keys == "process"
        _held.keys = ProcessKeys(socket_path()) if by_process else FileKeys(settings().key_path)
    return _held.keys


def hold_keys() -> FileKeys:
    """Reads the file in this process whatever is set: commands about the key file itself, rotation, restore."""
    forget_keys()
    _held.keys = held = FileKeys(settings().key_path)
    return held


def check_keys() -> None:
    """Whether the keys can be used at all. Raises KeyFileError with what to do."""
    if settings().keys != "process":
        read_key_file(settings().key_path)
        return
    try:
        _keys().fingerprint()
    except KeysAwayError:
        raise KeyFileError("the key process does not answer: start `hub keys serve` first (HUB_KEYS=process)") from None


def reach_keys() -> None:
    """As check_keys for commands: while the key process is away, whoever may read its file does so themselves."""
    try:
        check_keys()
    except KeyFileError:
        if settings().keys != "process" or not os.access(settings().key_path, os.R_OK):
            raise
        hold_keys().ring()


def forget_keys() -> None:
    """Drops cached keys (tests, rotation)."""
    if isinstance(_held.keys, ProcessKeys):
        _held.keys.close()
    _held.keys = None
    derived.cache_clear()
    _opened.cache_clear()


@lru_cache(maxsize=64)
def derived(purpose: str) -> bytes:
    """A 256-bit key for one purpose, as "search". It stays through rotations.

    A key process hands out those of words only (keyserver.HANDED_OUT); for all others ask `mac`.
    """
    return _keys().derived(purpose)


def mac(purpose: str, data: bytes) -> bytes:
    """HMAC-SHA256 under the key of one purpose: "blind", "chain", "serial", "oidc"."""
    return _keys().mac(purpose, data)


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


def new_key(session: Session, unit_id: int) -> Key:
    """A fresh data key of the cipher that is set, wrapped for the unit, in the running transaction."""
    key, version, wrapped = fresh_key(unit_id)
    row = DataKey(unit_id=unit_id, version=version, wrapped=wrapped)
    session.add(row)
    session.flush()
    _keep(session, row)
    return Key(row.id, key.secret)


def fresh_key(unit_id: int) -> tuple[Key, int, bytes]:
    """(a fresh data key, version of the master, the key wrapped for the unit): for who writes its row themselves."""
    secret = secrets.token_bytes(ciphers.KEY_BYTES[settings().seal_algorithm])
    return Key(0, secret), *_keys().wrap(secret, unit_id)


def rewrap(session: Session, key_id: int, unit_id: int) -> None:
    """Hands a data key over to another unit: what it seals stays as it is, only the wrapping changes."""
    row = session.get_one(DataKey, key_id)
    if row.unit_id != unit_id:
        row.version, row.wrapped = _keys().move(row.wrapped, row.unit_id, row.version, unit_id)
        row.unit_id = unit_id


@lru_cache(maxsize=4096)
def _opened(key_id: int, unit_id: int, version: int, wrapped: bytes) -> Key:
    return Key(key_id, _keys().unwrap(wrapped, unit_id, version))


def open_key(session: Session, key_id: int) -> Key:
    """The data key of this id. Raises SealError where it was shredded or the key file is another."""
    row = session.get(DataKey, key_id)
    if row is None or not row.wrapped:  # shredded
        raise SealError(f"data key {key_id} is gone")
    _keep(session, row)
    return _opened(row.id, row.unit_id, row.version, row.wrapped)


def opened_key(key_id: int, unit_id: int, version: int, wrapped: bytes) -> Key:
    """The data key whose row a question of columns brought with it. Raises SealError where it was shredded."""
    if not wrapped:
        raise SealError(f"data key {key_id} is gone")
    return _opened(key_id, unit_id, version, wrapped)


def fetch_keys(session: Session, key_ids: Iterable[int]) -> None:
    """Reads the data keys of a list in one statement; `open_key` finds them in the session."""
    wanted = set(key_ids)
    for row in session.scalars(select(DataKey).where(DataKey.id.in_(wanted))) if wanted else ():
        _keep(session, row)


def _keep(session: Session, row: DataKey) -> None:
    """Holds a row as long as the session lives: a session alone forgets what nobody holds, and asks again."""
    session.info.setdefault("data_keys", {})[row.id] = row


def blind(kind: str, value: str) -> bytes:
    """The 128-bit keyed hash that stands for an identifier in indexes and keys; `kind` separates name spaces."""
    return mac("blind", f"{kind}\0{value}".encode("utf-8", "surrogatepass"))[:16]


def fingerprint() -> str:
    """A short public name of the master key, stored in the database so that another key file is noticed at once."""
    return _keys().fingerprint()


def check_fingerprint(session: Session) -> None:
    """Refuses to go on with a key file that is not the one this database was sealed with."""
    row = session.get(SourceCursor, ("hub", "key"))
    if row is None:
        session.add(SourceCursor(source_id="hub", name="key", value=fingerprint()))
    elif not hmac.compare_digest(row.value, fingerprint()):
        raise KeyFileError(f"{settings().key_path} is not the key file of this database: restore the right one")
