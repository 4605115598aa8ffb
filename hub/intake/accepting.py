"""The first door: a delivery is stored durably, in as few statements as its promises need."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import BIGINT, TEXT, Row, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import Session

from channels import contract
from hub import clock, db, failpoints
from hub.access import audit
from hub.access.sealing import Key, blind, fresh_key, open_key
from hub.intake.blobs import read_blob, sealed
from hub.models import Blob, Intake, IntakeKey
from hub.models.base import table_of
from hub.work import rows as work

FUTURE = timedelta(minutes=5)  # a provider's clock may run ahead by this much; never more (PRODUCT §4)


class UnknownSourceError(RuntimeError):
    """Nothing can be taken in through an entrance that is not configured."""


class KeyReusedError(RuntimeError):
    """The same Idempotency-Key came with another body (HTTP 422)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    intake_id: int
    new: bool


_PIECE = {
    "role": TEXT, "name": BYTEA, "media_type": TEXT, "size": BIGINT, "sha256": TEXT, "sealed": BYTEA, "address": TEXT,
}  # fmt: skip
"""What a piece leaves in `blob` beside its place; an array each, in one statement for all."""

_TAKE = """
    with receiver as materialized (
        select unit.id, unit.code, nextval(pg_get_serial_sequence('intake', 'id')) as intake_id from {}
    ), claimed as (
        insert into intake_key (source_id, token, intake_id, body)
        select :source, token, receiver.intake_id, :body from receiver, unnest(:tokens) as token
        on conflict do nothing returning token
    )
    select id, code, intake_id, (select count(*) from claimed) as claimed from receiver"""
_TOKENS = bindparam("tokens", type_=ARRAY(BYTEA))
_BY_SOURCE = text(_TAKE.format("source join unit on unit.id = source.unit_id where source.id = :source")).bindparams(
    _TOKENS
)
_BY_CODE = text(_TAKE.format("unit where unit.code = :code")).bindparams(_TOKENS)

_STORING = f"""
    with key as (
        insert into data_key (unit_id, version, wrapped) values (:unit, :version, :wrapped) returning id
    ), made as (
        insert into intake (id, channel, sub_channel, source_id, station, unit_id, at, key_id, meta, remotes)
        select :id, :channel, :sub_channel, :source, :station, :unit, :at, key.id, :meta, :remotes from key
    ), pieces as (
        insert into blob (intake_id, ord, origin, role, name, media_type, size, sha256, sealed, address)
        select :id, n - 1, 'raw', role, name, media_type, size, sha256, sealed, address
        from unnest(:role, :name, :media_type, :size, :sha256, :sealed, :address)
            with ordinality as one (role, name, media_type, size, sha256, sealed, address, n)
    ), {work.WAITING}, {audit.FIRST}
"""  # noqa: S608  of our own pieces
_STORE = text(_STORING).bindparams(
    *(bindparam(name, type_=ARRAY(kind)) for name, kind in _PIECE.items()),
    bindparam("args", type_=JSONB), bindparam("data", type_=JSONB), bindparam("remotes", type_=BYTEA),
)  # fmt: skip


def accept(
    raw: contract.RawIntake, *, unit: str | None = None, actor: str = "system", strict: bool = False
) -> Accepted:
    """Stores a delivery durably; when this returns, the outside may be told that we have it (Z1–Z3).

    One transaction holds the sealed originals (or the addresses of those already synced to the evidence store), the
    idempotency keys, the intake row, its first event and its work rows. `unit` names the receiving unit's code where
    the entrance is a form or a command. With `strict`, the same key with another body raises KeyReusedError.
    Raises whatever storage raised: then nothing was acknowledged and nothing is half stored.
    """
    tokens = list(dict.fromkeys(blind("intake", key) for key in (raw.key, *raw.also)))
    body = _body(raw.blobs)
    with db.transaction() as session:
        receiver = _receiver(session, raw.source_id, unit, tokens, body)
        if receiver.claimed < len(tokens):
            return _redelivered(_earlier(session, raw.source_id, tokens, receiver.intake_id), body, strict=strict)
        key, version, wrapped = fresh_key(receiver.id)
        failpoints.hit("intake.before_blobs")
        rows = [sealed(receiver.intake_id, key, number, blob, "raw") for number, blob in enumerate(raw.blobs)]
        kept = {"version": version, "wrapped": wrapped} | {name: [row[name] for row in rows] for name in _PIECE}
        event = audit.first(
            f"intake:{receiver.intake_id}", "accept", actor=actor, at=_base(raw.at),
            data={"channel": raw.channel, "sha256": kept["sha256"], "unit": receiver.code},
        )  # fmt: skip
        waiting = work.waiting(session, "normalize", {"intake": receiver.intake_id})
        session.connection().execute(_STORE, _row(raw, receiver.intake_id, receiver.id, key) | kept | waiting | event)
        if raw.meta.get("event") == "voice":  # a telephone rings: pages of its unit's call takers say so at once
            session.execute(select(func.pg_notify("hub_live", json.dumps({"r": 0, "u": [receiver.id]}))))
        for number in range(len(raw.remotes)):
            work.put(session, "fetch", {"intake": receiver.intake_id, "remote": number})
        failpoints.hit("intake.before_commit")
    failpoints.hit("intake.after_commit")
    return Accepted(receiver.intake_id, True)


def _receiver(
    session: Session, source_id: str, code: str | None, tokens: list[bytes], body: bytes
) -> Row[tuple[object, ...]]:
    """The receiving unit of an entrance, or the one named by `code`; a number for the intake, to which the keys belong
    from now on; how many of them did not belong to an earlier one.

    In one order for all, so that two deliveries wait instead of blocking each other.
    """
    given: dict[str, object] = {"source": source_id, "tokens": sorted(tokens), "body": body}
    query = _BY_SOURCE if code is None else _BY_CODE
    row = session.connection().execute(query, given | ({} if code is None else {"code": code})).first()
    if row is None:
        raise UnknownSourceError(f"no unit for {source_id}")
    return row


def _base(at: datetime) -> datetime:
    """The base of the clocks is never in the future."""
    now = clock.now()
    return now if at > now + FUTURE else at


def _row(raw: contract.RawIntake, intake_id: int, unit_id: int, key: Key) -> dict[str, object]:
    remotes = [asdict(remote) for remote in raw.remotes]
    return {
        "id": intake_id,
        "channel": raw.channel,
        "sub_channel": raw.sub_channel,
        "source": raw.source_id,
        "station": raw.station,
        "unit": unit_id,
        "meta": key.seal_json({"key": raw.key, "also": list(raw.also), "meta": dict(raw.meta)}, "intake.meta"),
        "remotes": key.seal_json(remotes, "intake.remotes") if remotes else None,
    }


def _body(blobs: Sequence[contract.Blob]) -> bytes:
    return hashlib.sha256("\n".join(blob.sha256() for blob in blobs).encode()).digest()


def _keys(session: Session, source_id: str, tokens: list[bytes]) -> list[IntakeKey]:
    wanted = select(IntakeKey).where(IntakeKey.source_id == source_id, IntakeKey.token.in_(tokens))
    return list(session.scalars(wanted.order_by(IntakeKey.intake_id)))


def _redelivered(row: IntakeKey, body: bytes, *, strict: bool) -> Accepted:
    if strict and row.body is not None and row.body != body:
        raise KeyReusedError
    return Accepted(row.intake_id, new=False)


def _earlier(session: Session, source_id: str, tokens: list[bytes], intake_id: int) -> IntakeKey:
    """The row of the intake that has one of the keys; those that `intake_id` just took are given to it."""
    keys = table_of(IntakeKey)
    known = _keys(session, source_id, tokens)
    earlier = next(row for row in known if row.intake_id != intake_id)
    if any(row.intake_id == intake_id for row in known):
        session.execute(
            update(keys).where(keys.c.source_id == source_id, keys.c.intake_id == intake_id)
            .values(intake_id=earlier.intake_id, body=earlier.body)
        )  # fmt: skip
    return earlier


def load(session: Session, intake_id: int) -> contract.RawIntake:
    """The raw intake as it was delivered, opened again for the normalize worker."""
    row = session.get_one(Intake, intake_id)
    key = open_key(session, row.key_id)
    told = key.json(row.meta, "intake.meta")
    rows = session.scalars(select(Blob).where(Blob.intake_id == intake_id, Blob.origin == "raw").order_by(Blob.ord))
    blobs = tuple(
        contract.Blob(key.text(b.name, "blob.name"), b.media_type, b"".join(read_blob(session, b)), b.role)
        for b in rows
    )
    remotes = key.json(row.remotes, "intake.remotes") if row.remotes else []
    return contract.RawIntake(
        channel=row.channel,
        source_id=row.source_id,
        key=told["key"],
        at=row.at,
        blobs=blobs,
        meta=told["meta"],
        also=tuple(told["also"]),
        sub_channel=row.sub_channel,
        station=row.station,
        remotes=tuple(contract.Remote(**remote) for remote in remotes),
    )
