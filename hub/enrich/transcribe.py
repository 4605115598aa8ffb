"""The speech and scan workers: decode in the limited child, recognise here, store a transcript version."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from channels import contract
from hub import casework, db, intake, search
from hub.access import audit
from hub.access.sealing import open_key
from hub.enrich import decoding, passages
from hub.models import Blob, Clue, Intake, Part, SearchRow, Segment, Transcript
from hub.settings import settings
from hub.terms import IntakeState
from hub.work.rows import FencedError, Job
from transcription import contract as text_contract
from transcription import registry

RENEW = 20.0  # seconds between lease renewals of long work


@cache
def engine() -> text_contract.SpeechEngine:
    vosk = Path(settings().vosk_model) if settings().vosk_model else None
    return registry.speech_engine(settings().speech_engine, vosk, settings().models_path)


@cache
def reader() -> Any:
    return registry.scan_reader()


@contextmanager
def renewing(job: Job) -> Iterator[None]:
    """Renews the lease while the body runs; a lost lease surfaces when the work tries to finish."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEW):
            try:
                job.renew()
            except FencedError:
                return
            except SQLAlchemyError:  # the database is away for a moment: the next renewal may come in time
                continue

    thread = threading.Thread(target=renew, daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def original(part_id: int) -> tuple[bytes, str]:
    """The bytes of a part's original and its name."""
    with db.reading() as session:
        part = session.get_one(Part, part_id)
        blob = session.get_one(Blob, part.blob_id)
        row = session.get_one(Intake, part.intake_id)
        name = open_key(session, row.key_id).text(blob.name, "blob.name")
        return b"".join(intake.read_blob(session, blob)), name


def transcribe(job: Job) -> None:
    """Handler: args {"part": id} of an audio part."""
    data, name = original(job.args["part"])
    with renewing(job):
        pcm = decoding.audio(data, name)
        made = engine().transcribe(pcm)
    with db.transaction() as session:
        add_rendition(session, job.args["part"], f"listen:{job.args['part']}", "audio/ogg", [registry.playable(pcm)])
        store(session, job.args["part"], made)
        job.done(session)


def read_scan(job: Job) -> None:
    """Handler: args {"part": id} of a scan part. The upright page images become rendered blobs beside the original."""
    data, name = original(job.args["part"])
    with renewing(job):
        pages, warnings = decoding.pages(data, name)
        made = reader().read(pages, warnings=warnings)
    upright = [registry.turned(page.jpeg, about.rotation) for page, about in zip(pages, made.pages, strict=True)]
    with db.transaction() as session:
        _store_pages(session, job.args["part"], upright)
        store(session, job.args["part"], made)
        job.done(session)


def _store_pages(session: Session, part_id: int, images: list[bytes]) -> None:
    add_rendition(session, part_id, f"page:{part_id}", "image/jpeg", images, numbered=True)


def add_rendition(
    session: Session, part_id: int, role: str, media_type: str, files: list[bytes], *, numbered: bool = False
) -> None:
    """Stores our own rendition of a part beside its original, for the screen; a second run adds nothing."""
    part = session.get_one(Part, part_id)
    row = session.scalars(select(Intake).where(Intake.id == part.intake_id).with_for_update()).one()
    known = set(session.scalars(select(Blob.role).where(Blob.intake_id == row.id, Blob.origin == "rendered")))
    key = open_key(session, row.key_id)
    following = (session.scalar(select(func.max(Blob.ord)).where(Blob.intake_id == row.id)) or 0) + 1
    for number, data in enumerate(files):
        name = f"{role}:{number}" if numbered else role
        if name not in known:
            blob = contract.Blob(name, media_type, data, name)
            intake.add_blob(session, row.id, key, following + number, blob, "rendered")


def store(session: Session, part_id: int, made: text_contract.Transcript, by_user: int | None = None) -> Transcript:
    """Adds a version of the part's text with its segments, makes it searchable, asks for suggestions."""
    part = session.scalars(select(Part).where(Part.id == part_id).with_for_update()).one()
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    clue = session.get(Clue, part.clue_id) if part.clue_id else None
    received = clue.recorded_at if clue else session.get_one(Intake, part.intake_id).recorded_at
    about = {
        "duration": made.duration,
        "channels": made.channels,
        "pages": [{"width": p.width, "height": p.height, "rotation": p.rotation, "source": p.source, "retype": p.retype}
                  for p in made.pages],
        "warnings": list(made.warnings),
    }  # fmt: skip
    row = Transcript(
        part_id=part_id, version=passages.next_version(session, part_id), kind=made.kind, engine=made.engine,
        model=made.model, settings=made.settings, about=about, by_user=by_user,
        fields=key.seal_json(made.fields, "transcript.fields"),
    )  # fmt: skip
    session.add(row)
    session.flush()
    chain = casework.seen_by(session, clue.id) if clue else []
    if clue is not None:  # the words of an earlier version are no longer what the part says
        stale = SearchRow.ref.startswith(f"part:{part_id}:", autoescape=True)
        session.execute(delete(SearchRow).where(SearchRow.clue_id == clue.id, stale))
    for number, segment in enumerate(made.segments):
        words = [[w.start, w.end, w.text, w.confidence] for w in segment.words]
        session.add(
            Segment(
                received_at=received, transcript_id=row.id, ord=number, channel=segment.channel, start=segment.start,
                stop=segment.end, page=segment.page, box=list(segment.box) if segment.box else None,
                confidence=segment.confidence, origin=segment.source, text=key.seal(segment.text, "segment.text"),
                words=key.seal_json(words, "segment.words") if words else None,
            )
        )  # fmt: skip
        if clue is not None:
            ref, onward = f"part:{part_id}:{number}", _onward(made, number)
            search.index(session, clue.id, received, ref, segment.text, chain, onward)
    if clue is not None:
        casework.reenrich(session, clue)
    data = {"part": part_id, "version": row.version, "engine": made.engine, "model": made.model}
    actor = f"user:{by_user}" if by_user else "system"
    audit.record(session, f"intake:{part.intake_id}", "transcript", actor=actor, data=data)
    return row


def _onward(made: text_contract.Transcript, number: int) -> str:
    """What follows a line on its page: words that run over the line's end are found in the line where they begin."""
    page = made.segments[number].page
    following = made.segments[number + 1 : number + 1 + search.OVERLAP]
    return "".join(line.text for line in following if line.page == page) if made.kind == "scan" else ""


def unreadable(session: Session, args: dict[str, Any], reason: str) -> None:
    """A recording or scan that no machine reads: its intake goes to the manual list, the clue stays (Z3)."""
    part = session.get_one(Part, args["part"])
    row = session.scalars(select(Intake).where(Intake.id == part.intake_id).with_for_update()).one()
    row.reason = reason[:300]
    if row.state == IntakeState.REGISTERED:
        row.state = IntakeState.MANUAL
    audit.record(session, f"intake:{row.id}", "to_manual", data={"part": part.id})
    clue = session.get(Clue, part.clue_id) if part.clue_id else None
    if clue is not None:
        casework.reenrich(session, clue)
