"""Pieces of an intake: sealed into its row or the evidence store, and opened again."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from channels import contract
from hub.access.sealing import Key, open_key
from hub.evidence import INLINE, Store
from hub.models import Blob, Intake
from hub.settings import settings


def store() -> Store:
    """The evidence store of this installation."""
    return Store(settings().folder("evidence"))


def sealed(intake_id: int, key: Key, number: int, blob: contract.Blob, origin: str) -> dict[str, Any]:
    """The row of an original or derived piece: small ones sealed into it, larger ones into the evidence store first."""
    row: dict[str, Any] = {
        "intake_id": intake_id,
        "ord": number,
        "origin": origin,
        "role": blob.role,
        "name": key.seal(blob.name[:500], "blob.name"),
        "media_type": _plain_type(blob.media_type),
    }
    if blob.size() <= INLINE:
        data = blob.read()
        size, digest, place, address = len(data), hashlib.sha256(data).hexdigest(), key.seal(data, "blob"), None
    else:
        with blob.path.open("rb") if blob.path is not None else io.BytesIO(blob.data) as source:
            stored = store().put(source, key.secret)
        size, digest, place, address = stored.size, stored.sha256, None, stored.address
    return row | {"size": size, "sha256": digest, "sealed": place, "address": address}


def add_blob(session: Session, intake_id: int, key: Key, number: int, blob: contract.Blob, origin: str) -> Blob:
    """Stores one piece; its row with its id."""
    row = Blob(**sealed(intake_id, key, number, blob, origin))
    session.add(row)
    session.flush()
    return row


_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")


def _plain_type(declared: str) -> str:
    """The bare media type: parameters a sender adds may carry names and are dropped."""
    match = _TYPE.match(declared.strip().lower())
    return match.group() if match else "application/octet-stream"


def read_blob(session: Session, blob: Blob, start: int = 0, stop: int | None = None) -> Iterable[bytes]:
    """The plain bytes of a blob, in chunks. Raises SealError or EvidenceError."""
    intake = session.get_one(Intake, blob.intake_id)
    key = open_key(session, intake.key_id)
    if blob.sealed is not None:
        return [key.open(blob.sealed, "blob")[start:stop]]
    assert blob.address is not None
    return store().read(blob.address, key.secret, start, stop)
