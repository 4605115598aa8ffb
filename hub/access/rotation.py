"""A new master key: every data key is wrapped anew, what they seal stays. Killed at any point it is simply run again.

The event comes first: one too many tells of a rotation that was broken off, one too few would hide a key.
The order makes it safe beside a running hub: then the new master is in the file beside the old one (processes read
the file again when they make a key or meet a version they lack), then rows are wrapped anew in small transactions, and
only `retire`, when no row and no running transaction can need it, takes an old master out. Both read the file
themselves, beside a key process too (HUB_KEYS): they are commands of whoever may read it.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from hub import db, failpoints
from hub.access import audit, sealing
from hub.models import DataKey

BATCH = 500


class RotationError(RuntimeError):
    """A master cannot be taken out yet; the message says why."""


def begin(path: Path) -> int:
    """Puts a new master into the key file as the current one; its version. An unfinished rotation is gone on with."""
    ring = sealing.read_key_ring(path)
    with db.reading() as session:
        behind = session.scalar(select(func.count()).where(DataKey.version < ring.current)) or 0
    if behind:
        return ring.current
    version = max(ring.masters) + 1
    masters = ring.masters | {version: secrets.token_bytes(32)}
    with db.transaction() as session:
        audit.record(session, "keys", "rotate", data={"version": version})
    sealing.replace_key_file(path, sealing.KeyRing(ring.index, masters, version))
    failpoints.hit("keys.after_file")
    return version


def step(version: int) -> int:
    """Wraps up to `BATCH` data keys anew in one transaction; how many it were."""
    keys = sealing.hold_keys()
    with db.transaction() as session:
        rows = session.scalars(
            select(DataKey).where(DataKey.version < version).order_by(DataKey.id).limit(BATCH).with_for_update()
        ).all()
        for row in rows:
            if row.wrapped:
                secret = keys.unwrap(row.wrapped, row.unit_id, row.version)
                row.wrapped = keys.wrap_with(secret, row.unit_id, version)
            row.version = version  # shredded: there is nothing to wrap
        failpoints.hit("keys.before_commit")
        return len(rows)


def rotate(path: Path) -> tuple[int, int]:
    """A whole rotation; (version, data keys wrapped anew)."""
    version, done = begin(path), 0
    while count := step(version):
        done += count
    return version, done


def _others(session: Session) -> int:
    """Transactions of others in this database that may still hold a key wrapped with an old master."""
    query = text(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and xact_start is not null"
    )
    return session.scalar(query) or 0


def retire(path: Path) -> list[int]:
    """Takes masters that no data key needs out of the file; their versions. Raises RotationError where one is needed.

    Backups made before need the key file of their time: keep it with them, apart.
    """
    ring = sealing.read_key_ring(path)
    with db.reading() as session:
        if _others(session):
            raise RotationError("other transactions are running: try again in a moment")
        used = set(session.scalars(select(DataKey.version).distinct()))
    if used - {ring.current}:
        raise RotationError("data keys still need an older master: run `hub keys rotate` to its end first")
    gone = sorted(set(ring.masters) - {ring.current})
    kept = {ring.current: ring.masters[ring.current]}
    with db.transaction() as session:
        audit.record(session, "keys", "retire", data={"versions": gone})
    failpoints.hit("keys.before_retire")
    sealing.replace_key_file(path, sealing.KeyRing(ring.index, kept, ring.current))
    sealing.forget_keys()
    return gone
