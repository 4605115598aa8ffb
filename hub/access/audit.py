"""The event log: append-only, a hash chain per object, signed seals over the heads (decision 10).

Who changes, drops, inserts or reorders events breaks a chain; who rebuilds a whole chain breaks the seal over its head.
 `verify` names the first bad row and says how much is not yet sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, TypeVar

from psycopg import Connection
from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access.sealing import mac
from hub.models import ChainHead, Event, Seal

GENESIS = bytes(32)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode  # made once
Found = TypeVar("Found")


def _digest(previous: bytes, fields: list[Any]) -> bytes:
    return hashlib.sha256(previous + _encode(fields).encode()).digest()


def _fields(event: Event) -> list[Any]:
    return [event.object, event.seq, *_told(event.act, event.actor, event.at, event.received_at, event.data)]


def _told(act: str, actor: str, at: datetime, received_at: datetime, data: dict[str, Any]) -> list[Any]:
    moments = [moment.astimezone(UTC).isoformat(timespec="microseconds") for moment in (at, received_at)]
    return [act, actor, *moments, data]


def record(
    session: Session,
    obj: str,
    act: str,
    *,
    actor: str = "system",
    at: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> Event:
    """Appends an event to the chain of `obj` in the running transaction. `data`: codes and ids only, never content."""
    made = insert(ChainHead).values(object=obj, seq=0, hash=GENESIS).on_conflict_do_nothing()
    session.execute(made)
    locked = (
        select(ChainHead).where(ChainHead.object == obj).with_for_update().execution_options(populate_existing=True)
    )
    head = session.scalars(locked).one()
    event = Event(
        received_at=clock.real(),
        object=obj,
        seq=head.seq + 1,
        act=act,
        actor=actor,
        at=at or clock.now(),
        data=data or {},
        previous=head.hash,
        hash=b"",
    )
    event.hash = _digest(head.hash, _fields(event))
    session.add(event)
    head.seq, head.hash = event.seq, event.hash
    session.flush()
    return event


FIRST = """
    head as (insert into chain_head (object, seq, hash) values (:object, 1, :hash))
    insert into event (id, received_at, object, seq, act, actor, at, data, previous, hash)
    values (nextval('event_id_seq'), :received_at, :object, 1, :act, :actor, :at, :data, :previous, :hash)
"""
"""The end of a statement that begins a chain, after "with": for those who write the object in the same statement."""


def first(obj: str, act: str, *, actor: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """What FIRST is given: the first event of a new object."""
    received_at = clock.real()
    digest = _digest(GENESIS, [obj, 1, *_told(act, actor, at, received_at, data)])
    facts = {"object": obj, "act": act, "actor": actor, "at": at, "received_at": received_at, "data": data}
    return facts | {"previous": GENESIS, "hash": digest}


def _merkle(leaves: list[bytes]) -> bytes:
    """RFC 6962 tree: leaf and node hashes are told apart by a prefix byte."""
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0] if level else GENESIS


def _leaf(obj: Any, seq: Any, digest: Any) -> bytes:
    return f"{obj}\0{seq}\0{digest}".encode()


def _sign(root: bytes, previous: bytes, number: int) -> bytes:
    return mac("chain", b"%d\0" % number + previous + root)


def seal(session: Session, limit: int = 5000) -> Seal | None:
    """Signs the heads that changed since the last seal; None when there are none. One sealer at a time (lock)."""
    session.execute(text("select pg_advisory_xact_lock(123360001)"))
    heads = session.scalars(
        select(ChainHead)
        .where(ChainHead.sealed < ChainHead.seq)
        .order_by(ChainHead.object)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not heads:
        return None
    last = session.scalars(select(Seal).order_by(Seal.id.desc()).limit(1)).first()
    rows = [[head.object, head.seq, head.hash.hex()] for head in heads]
    root = _merkle([_leaf(*row) for row in rows])
    previous = last.root if last else GENESIS
    number = (last.id if last else 0) + 1
    made = Seal(
        id=number, objects=len(rows), root=root, previous=previous, signature=_sign(root, previous, number), heads=rows,
    )  # fmt: skip
    session.add(made)
    for head in heads:
        head.sealed = head.seq
    session.flush()
    return made


def export(made: Seal, folder: Path) -> None:
    """Appends the seal to `seals.jsonl`, outside the database, durably."""
    row = {"id": made.id, "objects": made.objects, "root": made.root.hex(), "signature": made.signature.hex()}
    with (folder / "seals.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Verdict:
    """`bad` names the first row that does not hold; `unsealed` counts events after the last seal."""

    ok: bool
    bad: str
    events: int
    seals: int
    unsealed: int


def verify(session: Session, exported: Path | None = None) -> Verdict:
    """Checks every chain, every seal, the heads and, where given, the exported seals.

    Reads one snapshot (unless the session has already begun one of its own): acts of the meantime are no faults.
    """
    if not session.in_transaction():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    counts = {"events": 0, "unsealed": 0, "seals": 0}
    with closing(_faults(session, counts, exported)) as faults:
        bad = next(faults, "")
    return Verdict(not bad, bad, counts["events"], counts["seals"], counts["unsealed"])


def _streamed(session: Session, query: Select[Found], size: int) -> Iterator[Found]:
    """Rows by a server-side cursor, which is closed even when the reader stops early."""
    found = session.scalars(query.execution_options(yield_per=size))
    try:
        yield from found
    finally:
        found.close()


_READ = """
    select id, object, seq, encode(previous, 'hex'), encode(hash, 'hex'), act, actor,
           to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
           to_char(received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), data::text
    from event order by object, seq, id
"""


def _rows(session: Session) -> Generator[tuple[Any, ...], None, None]:
    """Every event, object by object: times as `_told` writes them, hashes as hexadecimal, data as the server has it.

    The driver's own cursor, and neither a datetime nor an object made of a row: a million in half a minute
    (bench/access.py).
    """
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, Connection)
    connection.execute("set local work_mem = '128MB'")
    connection.execute("set local cursor_tuple_fraction = 1")  # all rows are wanted, soon: one sort beats the index
    with connection.cursor(name="events") as cursor:
        cursor.itersize = 10_000
        cursor.execute(_READ)
        yield from cursor


_quoted = lru_cache(maxsize=10_000)(encode_basestring)  # acts and people come again and again


def _digest_of(previous: bytes, obj: str, seq: int, words: list[str]) -> bytes:
    """As `_digest` of the event whose columns from `act` on are `words`; `obj` is quoted already."""
    act, actor, at, received_at, data = words
    told = _encode(json.loads(data)) if data != "{}" else data
    line = f'[{obj},{seq},{_quoted(act)},{_quoted(actor)},"{at}+00:00","{received_at}+00:00",{told}]'
    return hashlib.sha256(previous + line.encode()).digest()


def _faults(session: Session, counts: dict[str, int], exported: Path | None) -> Generator[str, None, None]:
    sealed: dict[str, dict[int, str]] = {}  # what seals say of each object: hash by number of the event
    covered: dict[str, int] = {}  # the last event of each object that a seal really covers
    yield from _seal_faults(session, counts, exported, sealed, covered)
    reached: dict[str, tuple[int, str]] = {}
    name, quoted, last, known, wanted, seals_to = "", "", 0, GENESIS, dict[int, str](), 0
    with closing(_rows(session)) as rows:
        for number, obj, seq, previous, stated, *words in rows:
            counts["events"] += 1
            if obj != name:
                reached[name] = (last, known.hex())
                name, quoted, last, known = obj, encode_basestring(obj), 0, GENESIS
                wanted, seals_to = sealed.get(obj, {}), covered.get(obj, 0)
            before, known = known, _digest_of(known, quoted, seq, words)
            if seq != last + 1 or previous != before.hex() or stated != known.hex():
                yield f"event {number} ({obj} #{seq})"
            if wanted and wanted.pop(seq, stated) != stated:
                yield f"event {number} ({obj} #{seq}): not what was sealed"
            if seq > seals_to:
                counts["unsealed"] += 1
            last = seq
    reached[name] = (last, known.hex())
    del reached[""]
    for obj, seq in sorted((obj, seq) for obj, rest in sealed.items() for seq in rest):
        yield f"{obj} #{seq}: sealed but gone"
    yield from _head_faults(session, reached, covered)


def _seal_faults(
    session: Session, counts: dict[str, int], exported: Path | None, sealed: dict[str, dict[int, str]],
    covered: dict[str, int],
) -> Iterator[str]:  # fmt: skip
    """What is wrong with the seals; notes in `sealed` and `covered` what they vouch for."""
    previous = GENESIS
    roots: dict[int, str] = {}
    for number, row in enumerate(_streamed(session, select(Seal).order_by(Seal.id), 500), 1):
        counts["seals"] += 1
        roots[row.id] = row.root.hex()
        root = _merkle([_leaf(*head) for head in row.heads])
        if row.id != number or row.previous != previous or row.root != root:
            yield f"seal {row.id}"
        if not hmac.compare_digest(row.signature, _sign(row.root, row.previous, row.id)):
            yield f"seal {row.id}: signature"
        for obj, seq, digest in row.heads:
            sealed.setdefault(obj, {})[seq] = digest
            covered[obj] = seq
        previous = row.root
    if exported is not None and exported.exists():
        for line in exported.read_text().splitlines():
            entry = json.loads(line)
            if roots.get(entry["id"]) != entry["root"]:
                yield f"seal {entry['id']}: differs from the exported one"


def _head_faults(session: Session, reached: dict[str, tuple[int, str]], covered: dict[str, int]) -> Iterator[str]:
    """What the recorded heads say that the events do not."""
    heads = session.execute(select(ChainHead.object, ChainHead.seq, ChainHead.hash, ChainHead.sealed)).all()
    for obj, seq, digest, mark in heads:
        if reached.get(obj) != (seq, digest.hex()):
            yield f"{obj}: its last event is not the recorded head"
        if mark != covered.get(obj, 0):
            yield f"{obj}: #{mark} is marked as sealed but was never sealed"
    headed = {row.object for row in heads}
    for obj in reached:
        if obj not in headed:
            yield f"{obj}: no head recorded"
