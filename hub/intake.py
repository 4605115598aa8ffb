"""accept: store first, acknowledge after commit. register: a message becomes a clue, part of one, or a known non-clue.

The only two doors into the hub (ARCHITECTURE §1). `accept` is called by the ports of every channel, `register` by the
normalize worker.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from channels import contract
from channels.registry import channels
from hub import casework, clock, db, failpoints, notify, search
from hub.access import audit
from hub.access.sealing import Key, blind, new_key, open_key
from hub.casework import citizens
from hub.evidence import INLINE, Store
from hub.jurisdiction import units
from hub.models import Blob, Clue, Conversation, DataKey, Intake, IntakeClue, IntakeKey, Part, Source, Unit
from hub.settings import settings
from hub.terms import IntakeKind, IntakeState
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


def store() -> Store:
    """The evidence store of this installation."""
    return Store(settings().folder("evidence"))


def unit_of(session: Session, source_id: str, code: str | None = None) -> Unit:
    """The receiving unit of an entrance, or the one named by `code`. Raises UnknownSourceError."""
    if code is not None:
        unit = units.by_code(session, code)
    else:
        source = session.get(Source, source_id)
        unit = session.get(Unit, source.unit_id) if source else None
    if unit is None:
        raise UnknownSourceError(f"no unit for {source_id}")
    return unit


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
    with db.reading() as session:
        known = _known(session, raw.source_id, tokens)
        if known is not None and len(known) == len(tokens):
            return _redelivered(known[0], body, strict=strict)
    with db.transaction() as session:
        receiver = unit_of(session, raw.source_id, unit)
        key = new_key(session, receiver.id)
        intake_id = session.scalar(text("select nextval(pg_get_serial_sequence('intake', 'id'))"))
        assert intake_id is not None
        taken = _claim_keys(session, raw.source_id, tokens, intake_id, body)
        if taken is not None:
            session.delete(session.get_one(DataKey, key.id))
            return _redelivered(taken, body, strict=strict)
        session.add(_row(raw, intake_id, receiver.id, key))
        session.flush()
        failpoints.hit("intake.before_blobs")
        for number, blob in enumerate(raw.blobs):
            add_blob(session, intake_id, key, number, blob, "raw")
        work.put(session, "normalize", {"intake": intake_id})
        for number in range(len(raw.remotes)):
            work.put(session, "fetch", {"intake": intake_id, "remote": number})
        audit.record(
            session, f"intake:{intake_id}", "accept", actor=actor, at=_base(raw.at),
            data={"channel": raw.channel, "sha256": [blob.sha256() for blob in raw.blobs], "unit": receiver.code},
        )  # fmt: skip
        failpoints.hit("intake.before_commit")
    failpoints.hit("intake.after_commit")
    return Accepted(intake_id, True)


def _base(at: datetime) -> datetime:
    """The base of the clocks is never in the future."""
    now = clock.now()
    return now if at > now + FUTURE else at


def _row(raw: contract.RawIntake, intake_id: int, unit_id: int, key: Key) -> Intake:
    remotes = [asdict(remote) for remote in raw.remotes]
    return Intake(
        id=intake_id,
        channel=raw.channel,
        sub_channel=raw.sub_channel,
        source_id=raw.source_id,
        station=raw.station,
        unit_id=unit_id,
        at=_base(raw.at),
        key_id=key.id,
        meta=key.seal_json({"key": raw.key, "also": list(raw.also), "meta": dict(raw.meta)}, "intake.meta"),
        remotes=key.seal_json(remotes, "intake.remotes") if remotes else None,
    )


def _body(blobs: Sequence[contract.Blob]) -> bytes:
    return hashlib.sha256("\n".join(blob.sha256() for blob in blobs).encode()).digest()


def _known(session: Session, source_id: str, tokens: list[bytes]) -> list[IntakeKey] | None:
    rows = session.scalars(select(IntakeKey).where(IntakeKey.source_id == source_id, IntakeKey.token.in_(tokens))).all()
    return sorted(rows, key=lambda row: row.intake_id) or None


def _redelivered(row: IntakeKey, body: bytes, *, strict: bool) -> Accepted:
    if strict and row.body is not None and row.body != body:
        raise KeyReusedError
    return Accepted(row.intake_id, new=False)


def _claim_keys(session: Session, source_id: str, tokens: list[bytes], intake_id: int, body: bytes) -> IntakeKey | None:
    """Takes all keys for the new intake. If one was already taken, gives the rest to its intake and returns its row."""
    for token in sorted(tokens):  # one order for all, so that two deliveries wait instead of blocking each other
        session.execute(
            insert(IntakeKey)
            .values(source_id=source_id, token=token, intake_id=intake_id, body=body)
            .on_conflict_do_nothing()
        )
    rows = _known(session, source_id, tokens) or []
    earlier = next((row for row in rows if row.intake_id != intake_id), None)
    if earlier is None:
        return None
    for row in rows:
        if row.intake_id == intake_id:
            row.intake_id, row.body = earlier.intake_id, earlier.body
    session.flush()
    return earlier


def add_blob(session: Session, intake_id: int, key: Key, number: int, blob: contract.Blob, origin: str) -> Blob:
    """Seals an original or derived piece: small ones into the row, larger ones into the evidence store first."""
    size = blob.size()
    row = Blob(
        intake_id=intake_id,
        ord=number,
        origin=origin,
        role=blob.role,
        name=key.seal(blob.name[:500], "blob.name"),
        media_type=_plain_type(blob.media_type),
        size=size,
        sha256="",
        sealed=None,
        address=None,
    )
    if size <= INLINE:
        data = blob.read()
        row.sealed, row.sha256 = key.seal(data, "blob"), hashlib.sha256(data).hexdigest()
    else:
        with blob.path.open("rb") if blob.path is not None else io.BytesIO(blob.data) as source:
            stored = store().put(source, key.secret)
        row.address, row.sha256, row.size = stored.address, stored.sha256, stored.size
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


def load(session: Session, intake_id: int) -> contract.RawIntake:
    """The raw intake as it was delivered, opened again for the normalize worker."""
    row = session.get_one(Intake, intake_id)
    key = open_key(session, row.key_id)
    sealed = key.json(row.meta, "intake.meta")
    rows = session.scalars(select(Blob).where(Blob.intake_id == intake_id, Blob.origin == "raw").order_by(Blob.ord))
    blobs = tuple(
        contract.Blob(key.text(b.name, "blob.name"), b.media_type, b"".join(read_blob(session, b)), b.role)
        for b in rows
    )
    remotes = key.json(row.remotes, "intake.remotes") if row.remotes else []
    return contract.RawIntake(
        channel=row.channel,
        source_id=row.source_id,
        key=sealed["key"],
        at=row.at,
        blobs=blobs,
        meta=sealed["meta"],
        also=tuple(sealed["also"]),
        sub_channel=row.sub_channel,
        station=row.station,
        remotes=tuple(contract.Remote(**remote) for remote in remotes),
    )


def register(session: Session, intake_id: int, outcomes: Sequence[contract.Outcome]) -> list[int]:
    """Turns what a channel understood into clues. Idempotent: an intake that is no longer `stored` is left alone.

    Returns the ids of the clues it belongs to. The intake's row lock and the conversation's row make concurrent
    messages of one report meet in one clue.
    """
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    if intake.state != IntakeState.STORED:
        return []
    key = open_key(session, intake.key_id)
    clues: list[Clue] = []
    for outcome in outcomes:
        if isinstance(outcome, contract.DeliveryReport):
            _note_delivery(session, intake, outcome)
            continue
        if isinstance(outcome, contract.NonClue):
            intake.kind_suggested = outcome.kind if outcome.kind in list(IntakeKind) else IntakeKind.OTHER
            intake.reason = outcome.reason[:300]
            _add_parts(session, intake, key, outcome.report, None)
            continue
        clue = _clue_for(session, intake, outcome)
        _add_parts(session, intake, key, outcome.report, clue)
        if outcome.report.sender.known():
            casework.add_reporter(session, clue, intake.id, asdict(outcome.report.sender))
        if intake.source_id == citizens.CITIZEN_SOURCE:  # before the receipt: it brings how to be told
            told = key.json(intake.meta, "intake.meta")["meta"].get("citizen")
            citizens.bind(session, clue, intake, told or {})
        if outcome.report.sender.known():
            notify.receipt(session, clue.id, outcome.report)
        if outcome.report.kind in list(IntakeKind):
            intake.kind_suggested = outcome.report.kind
        if clue not in clues:
            clues.append(clue)
    intake.state = IntakeState.REGISTERED
    _link(session, intake, clues)
    texts = [piece.text for outcome in outcomes if isinstance(outcome, _REPORTS) for piece in outcome.report.parts]
    for clue in clues:  # before anybody of an accused unit sees it (PRODUCT §5)
        casework.look_for_walls(session, clue, texts)
    audit.record(
        session, f"intake:{intake.id}", "register", data={"clues": [c.id for c in clues], "kind": intake.kind_suggested}
    )
    return [clue.id for clue in clues]


def _note_delivery(session: Session, intake: Intake, outcome: contract.DeliveryReport) -> None:
    intake.kind_suggested = IntakeKind.OTHER
    intake.reason = "送达回执"
    data = {"state": outcome.state, "permanent": outcome.permanent, "notices": notify.note_report(session, outcome)}
    audit.record(session, f"intake:{intake.id}", "delivery_report", data=data)


def _clue_for(session: Session, intake: Intake, outcome: contract.NewReport | contract.Continuation) -> Clue:
    """The clue of the open conversation, or a new one that opens it."""
    tokens = sorted({blind(f"talk:{intake.source_id}", key) for key in outcome.correlation_keys})
    until = None if outcome.quiet is None else intake.at + outcome.quiet
    for token in tokens:
        session.execute(
            insert(Conversation)
            .values(source_id=intake.source_id, token=token, clue_id=None, last_at=intake.at, open_until=until)
            .on_conflict_do_nothing()
        )
    talks = session.scalars(
        select(Conversation)
        .where(Conversation.source_id == intake.source_id, Conversation.token.in_(tokens))
        .order_by(Conversation.token)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    clue = None
    if isinstance(outcome, contract.Continuation):
        # Locked before the clue's chain head is: the enrich worker takes both in this order too.
        joined = (t.clue_id for t in talks if _joins(t, intake.at, outcome.quiet))
        clue = next((session.get_one(Clue, found, with_for_update=True) for found in joined), None)
        clue = None if clue is not None and clue.refused_ground == "N4" else clue  # nothing joins what is sealed off
    answered = clue if clue is not None and clue.determination == "P5" else None
    if clue is None or answered is not None:  # what comes after "supplement" is a new clue with its own clock (§5)
        supplements = answered.id if answered else None
        clue = casework.open_clue(session, replace(_opening(intake, outcome.report), supplement_of=supplements))
        number = blind(f"talk:{intake.source_id}", clue.no)
        session.add(Conversation(source_id=intake.source_id, token=number, clue_id=clue.id, last_at=intake.at))
    elif casework.is_open(clue.state):
        audit.record(session, f"clue:{clue.id}", "continue", at=intake.at, data={"intake": intake.id})
    for talk in talks:
        if talk.clue_id != clue.id:
            talk.clue_id, talk.last_at, talk.open_until = clue.id, intake.at, until
        else:
            talk.last_at = max(talk.last_at, intake.at)
            talk.open_until = None if until is None or talk.open_until is None else max(until, talk.open_until)
    return clue


def _joins(talk: Conversation, at: datetime, quiet: timedelta | None) -> bool:
    """Whether a message of `at` falls into the conversation; workers may see messages out of order."""
    if talk.clue_id is None:
        return False
    if talk.open_until is None or quiet is None:
        return True
    return talk.last_at - quiet <= at <= talk.open_until


def _opening(intake: Intake, report: contract.Report) -> casework.Opening:
    return casework.Opening(
        channel=intake.channel,
        number=channels()[intake.channel].number,
        sub_channel=intake.sub_channel,
        unit_id=intake.unit_id,
        at=intake.at,
        title=report.title,
        mode=report.mode,
        intake_id=intake.id,
        due=_due(intake, report),
    )


def _due(intake: Intake, report: contract.Report) -> date | None:
    """The day by which a leader wants an answer (channel 04), where the form names a real one."""
    told = report.fields.get("deadline") if intake.channel == "referral" else None
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        return None


_REPORTS = (contract.NewReport, contract.Continuation)
_WORK = {contract.PartKind.AUDIO: "transcribe", contract.PartKind.SCAN: "read_scan"}
_MEDIA = (contract.PartKind.AUDIO, contract.PartKind.SCAN, contract.PartKind.VIDEO, contract.PartKind.FILE)


def _add_parts(session: Session, intake: Intake, key: Key, report: contract.Report, clue: Clue | None) -> None:
    """Stores the readable parts and derived pieces, indexes text for search, asks for transcripts."""
    raw_ids = list(
        session.scalars(select(Blob.id).where(Blob.intake_id == intake.id, Blob.origin == "raw").order_by(Blob.ord))
    )
    first = _next(session, Blob, intake.id)
    derived = [
        add_blob(session, intake.id, key, first + n, blob, "derived").id for n, blob in enumerate(report.derived)
    ]
    blob_ids = [*raw_ids, *derived]
    number = _next(session, Part, intake.id)
    for piece in report.parts:
        kind = piece.kind
        if kind in _MEDIA and piece.blob is None:  # still with the provider: `fetch` adds its part
            if not piece.text:
                continue
            kind = contract.PartKind.TEXT
        blob_id = blob_ids[piece.blob] if piece.blob is not None and 0 <= piece.blob < len(blob_ids) else None
        add_part(session, intake, key, number, kind, piece, blob_id, clue)
        number += 1
    if report.fields:
        fields = contract.Part(contract.PartKind.FILE, title="fields", data=dict(report.fields))
        add_part(session, intake, key, number, "fields", fields, None, clue)
    if report.warnings:
        notes = contract.Part(contract.PartKind.FILE, title="warnings", data={"warnings": list(report.warnings)})
        add_part(session, intake, key, number + 1, "warnings", notes, None, clue)


def add_part(  # the facts of one part
    session: Session,
    intake: Intake,
    key: Key,
    number: int,
    kind: str,
    piece: contract.Part,
    blob_id: int | None,
    clue: Clue | None,
) -> Part:
    row = Part(
        intake_id=intake.id,
        clue_id=clue.id if clue else None,
        ord=number,
        kind=str(kind),
        title=key.seal(piece.title[:500], "part.title"),
        text=key.seal(piece.text, "part.text"),
        data=key.seal_json(dict(piece.data), "part.data"),
        blob_id=blob_id,
    )
    session.add(row)
    session.flush()
    if clue is not None:
        _offer(session, row, clue, piece.text)
    return row


def _offer(session: Session, part: Part, clue: Clue, content: str) -> None:
    """Makes a part of a clue searchable and readable."""
    if part.kind in (contract.PartKind.TEXT, contract.PartKind.LINK, contract.PartKind.LOCATION) and content:
        chain = casework.seen_by(session, clue.id)
        search.index(session, clue.id, clue.recorded_at, f"part:{part.id}", content, chain)
    wanted = _WORK.get(contract.PartKind(part.kind)) if part.kind in list(contract.PartKind) else None
    if wanted is not None and part.blob_id is not None:
        work.put(session, wanted, {"part": part.id})


def _next(session: Session, table: type[Blob | Part], intake_id: int) -> int:
    last = session.scalar(select(func.max(table.ord)).where(table.intake_id == intake_id))
    return 0 if last is None else last + 1


def _link(session: Session, intake: Intake, clues: Sequence[Clue]) -> None:
    """Ties intake and clues, adopts media that arrived before, and asks for suggestions."""
    for clue in clues:
        session.add(IntakeClue(intake_id=intake.id, clue_id=clue.id))
        casework.reenrich(session, clue)
    if clues:
        early = session.scalars(select(Part).where(Part.intake_id == intake.id, Part.clue_id.is_(None))).all()
        for part in early:
            part.clue_id = clues[0].id
            _offer(session, part, clues[0], "")


def add_fetched(session: Session, intake_id: int, blob: contract.Blob) -> None:
    """A medium arrived from its provider: it becomes an original of the intake and a part of its clue."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    key = open_key(session, intake.key_id)
    row = add_blob(session, intake.id, key, _next(session, Blob, intake.id), blob, "fetched")
    clue = session.scalars(
        select(Clue).join(IntakeClue, IntakeClue.clue_id == Clue.id).where(IntakeClue.intake_id == intake.id)
    ).first()
    piece = contract.Part(media_kind(blob), title=blob.name)
    add_part(session, intake, key, _next(session, Part, intake.id), piece.kind, piece, row.id, clue)
    if clue is not None:
        casework.reenrich(session, clue)
    audit.record(session, f"intake:{intake.id}", "fetched", data={"sha256": row.sha256, "role": blob.role})


def media_kind(blob: contract.Blob) -> contract.PartKind:
    """How a fetched medium is read, by its role and type."""
    if blob.role in ("recording", "voice") or blob.media_type.startswith("audio/"):
        return contract.PartKind.AUDIO
    if blob.role in ("image", "page") or blob.media_type.startswith("image/"):
        return contract.PartKind.SCAN
    return contract.PartKind.VIDEO if blob.role == "video" else contract.PartKind.FILE


def to_manual(session: Session, intake_id: int, reason: str) -> None:
    """The machine cannot read it: the intake waits on the manual list, with the reason (Z3)."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    if intake.state == IntakeState.STORED:
        intake.state, intake.reason = IntakeState.MANUAL, reason[:300]
        audit.record(session, f"intake:{intake.id}", "to_manual", data={})


def medium_lost(session: Session, intake_id: int, reason: str) -> None:
    """A medium cannot be had any more: the intake waits on the manual list, its clue goes on without it (F22)."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    intake.reason = reason[:300]
    if intake.state == IntakeState.REGISTERED:  # a message not read yet still becomes a clue first
        intake.state = IntakeState.MANUAL
    audit.record(session, f"intake:{intake.id}", "to_manual", data={"medium": "lost"})


def register_by_hand(session: Session, intake: Intake, report: contract.Report, actor: str) -> list[int]:
    """A person has read an intake of the manual list and typed what it says."""
    intake.state = IntakeState.STORED
    session.flush()
    made = register(session, intake.id, [contract.NewReport(report)])
    audit.record(session, f"intake:{intake.id}", "register_by_hand", actor=actor, data={"clues": made})
    return made
