"""The second door: what a channel understood becomes a clue, part of one, a delivery report or a known non-clue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from channels import contract
from channels.registry import channels
from hub import casework, notify, search
from hub.access import audit
from hub.access.sealing import Key, blind, open_key
from hub.casework import citizens
from hub.intake.blobs import add_blob
from hub.models import Blob, Clue, Conversation, Intake, IntakeClue, Part
from hub.terms import IntakeKind, IntakeState
from hub.work import rows as work


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
            speaker = casework.add_reporter(session, clue, intake.id, asdict(outcome.report.sender))
            for other in outcome.report.others:  # of a joint letter: who is represented is told through the first
                casework.add_reporter(session, clue, intake.id, asdict(other), represented_by=speaker)
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
    first = next_number(session, Blob, intake.id)
    derived = [
        add_blob(session, intake.id, key, first + n, blob, "derived").id for n, blob in enumerate(report.derived)
    ]
    blob_ids = [*raw_ids, *derived]
    number = next_number(session, Part, intake.id)
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
        if piece.title.strip() and row.kind in list(contract.PartKind):
            chain = casework.seen_by(session, clue.id)
            search.index(session, clue.id, clue.recorded_at, f"title:{row.id}", piece.title[:500], chain)
    return row


def _offer(session: Session, part: Part, clue: Clue, content: str) -> None:
    """Makes a part of a clue searchable and readable."""
    if part.kind in (contract.PartKind.TEXT, contract.PartKind.LINK, contract.PartKind.LOCATION) and content:
        chain = casework.seen_by(session, clue.id)
        search.index(session, clue.id, clue.recorded_at, f"part:{part.id}", content, chain)
    wanted = _WORK.get(contract.PartKind(part.kind)) if part.kind in list(contract.PartKind) else None
    if wanted is not None and part.blob_id is not None:
        work.put(session, wanted, {"part": part.id})


def next_number(session: Session, table: type[Blob | Part], intake_id: int) -> int:
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
