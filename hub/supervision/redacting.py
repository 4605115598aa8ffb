"""Redacted copies (J3): a recording beeped where words name the reporter, pages blacked. Made when somebody asks.

A copy belongs to what was known when it was made: its role names the part, the page and a digest of what is hidden.
When a correction or a newer run finds more names, the digest changes, the old copy is no longer served and a new one
replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, db, intake
from hub.access import audit
from hub.access.masking import BLOCK, mask
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.enrich import decoding, passages, transcribe
from hub.models import Blob, Clue, Intake, Part, Segment, Work
from hub.supervision.listing import identity_spans, named, reporter_names
from hub.supervision.originals import PartView, timed
from hub.work import rows as work
from hub.work.rows import Job
from transcription import registry

PAD = 0.15  # seconds: word times are not exact
CLEAR = 0.90  # a line read less surely may hide a name the reader did not see
KINDS = {"speech": "beep", "scan": "black"}  # of a transcript → name of the work
Box = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a copy of a part hides: stretches of a recording in seconds, or by page the boxes shown and hidden."""

    part_id: int
    kind: str  # speech | scan
    rev: str
    seconds: tuple[tuple[float, float], ...]
    pages: dict[int, tuple[list[Box], list[Box]]]

    def role(self, number: int) -> str:
        """The role of the copy's blob."""
        return f"redacted:{self.part_id}:{self.rev}:{number}"


def plan(session: Session, clue: Clue, part: Part) -> Plan | None:
    """What must be hidden as things are known now; None where nothing can be said yet or there is nothing to copy."""
    transcript = passages.current(session, part.id)
    if transcript is None or not clue.enriched or transcript.kind not in KINDS or part.clue_id != clue.id:
        return None
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    spans = [(s, start, end) for number, s, start, end in identity_spans(session, clue) if number == part.id]
    names = reporter_names(session, clue)
    seconds: list[tuple[float, float]] = []
    pages: dict[int, tuple[list[Box], list[Box]]] = {}
    for row in passages.segments(session, transcript):
        text = key.text(row.text, "segment.text")
        masked = mask(text, [*((a, b) for number, a, b in spans if number == row.ord), *named(text, names)])
        hidden = {at for at, (was, now) in enumerate(zip(text, masked, strict=True)) if now == BLOCK != was}
        if transcript.kind == "speech":
            words = key.json(row.words, "segment.words") if row.words else []
            seconds += stretches(row, text, words, hidden) if hidden else []
        elif row.box:
            shown, black = pages.setdefault(row.page, ([], []))
            (black if hidden else shown if row.confidence >= CLEAR else []).append(tuple(row.box))
    told = repr((transcript.version, seconds, sorted(pages.items())))
    rev = hashlib.sha256(told.encode()).hexdigest()[:12]
    return Plan(part.id, transcript.kind, rev, tuple(seconds), pages)


def stretches(row: Segment, text: str, words: list[list[Any]], hidden: set[int]) -> list[tuple[float, float]]:
    """Seconds of the words that hold hidden characters; the whole turn where one of them has no time of its own."""
    found, at, timeless = [], 0, set(hidden)
    for view in timed(text, words):
        reach = set(range(at, at + len(view.text)))
        at += len(view.text)
        if view.start is not None and hidden & reach:
            found.append((max(0.0, view.start - PAD), view.end + PAD))
            timeless -= reach
    if any(text[place].isalnum() for place in timeless):
        return [(max(0.0, row.start - PAD), row.stop + PAD)]
    return found


def copies(session: Session, plan: Plan) -> list[Blob]:
    """The blobs of the copy that belongs to this plan, in the order of the pages."""
    part = session.get_one(Part, plan.part_id)
    query = select(Blob).where(
        Blob.intake_id == part.intake_id, Blob.origin == "rendered", Blob.role.startswith(plan.role(0)[:-1])
    )
    return sorted(session.scalars(query), key=lambda blob: int(blob.role.rsplit(":", 1)[1]))


def attach(session: Session, clue: Clue, views: Sequence[PartView]) -> None:
    """Gives the masked parts of a page their copies, or says that one can be asked for or is being made."""
    for view in views:
        part = session.get_one(Part, view.id)
        made = plan(session, clue, part) if part.blob_id is not None else None
        if made is None:
            continue
        view.copies = copies(session, made)
        waiting = select(Work.id).where(Work.once == f"redact:{part.id}", Work.state.in_(("pending", "running")))
        view.copy = "ready" if view.copies else "making" if session.scalar(waiting) else "possible"
        view.rev += f".{made.rev[:4]}{view.copy}"


def ask(session: Session, who: Actor, clue: Clue, part: Part) -> bool:
    """Puts the work of making a copy, noted with who asked; False where there is nothing to make."""
    made = plan(session, clue, part) if part.blob_id is not None else None
    if made is None:
        return False
    if not copies(session, made):
        work.put(session, KINDS[made.kind], {"part": part.id}, once=f"redact:{part.id}")
        audit.record(session, f"clue:{clue.id}", "copy_asked", actor=who.label, data={"part": part.id})
        casework.announce(session, clue)
    return True


def is_copy(session: Session, clue: Clue, blob: Blob) -> bool:
    """Whether the blob is the current redacted copy of a part of this clue: one made before more was known is not."""
    steps = blob.role.split(":")
    if blob.origin != "rendered" or steps[0] != "redacted":
        return False
    part = session.get(Part, int(steps[1]))
    if part is None or part.intake_id != blob.intake_id:
        return False
    made = plan(session, clue, part)
    return made is not None and blob.role.startswith(made.role(0)[:-1])


def redact(job: Job) -> None:
    """Handler: args {"part": id}. Foreign sound is decoded in the limited child; pages are our own renditions."""
    with db.reading() as session:
        part = session.get_one(Part, job.args["part"])
        made = plan(session, session.get_one(Clue, part.clue_id), part) if part.clue_id is not None else None
        pages = _rendered(session, part) if made is not None and made.kind == "scan" else []
    files: list[bytes] = []
    if made is not None and made.kind == "speech":
        data, name = transcribe.original(made.part_id)
        with transcribe.renewing(job):
            files = [registry.playable(registry.beeped(decoding.audio(data, name), made.seconds))]
    elif made is not None:
        files = [registry.blacked(jpeg, *made.pages.get(number, ([], []))) for number, jpeg in enumerate(pages)]
    with db.transaction() as session:
        if made is not None:
            _keep(session, made, files)
        job.done(session)


def _rendered(session: Session, part: Part) -> list[bytes]:
    """The upright page images of the part, in order."""
    stem = f"page:{part.id}:"
    query = select(Blob).where(
        Blob.intake_id == part.intake_id, Blob.origin == "rendered", Blob.role.startswith(stem)
    )  # fmt: skip
    rows = sorted(session.scalars(query), key=lambda blob: int(blob.role.rsplit(":", 1)[1]))
    return [b"".join(intake.read_blob(session, row)) for row in rows]


def _keep(session: Session, made: Plan, files: list[bytes]) -> None:
    """Stores the copy beside the original and drops copies of before; nothing where more has become known meanwhile."""
    part = session.get_one(Part, made.part_id)
    clue = session.get_one(Clue, part.clue_id)
    now = plan(session, clue, part)
    if now is None or now.rev != made.rev:
        work.put(session, KINDS[made.kind], {"part": part.id}, once=f"redact:{part.id}")
        return
    stale = select(Blob).where(
        Blob.intake_id == part.intake_id, Blob.origin == "rendered", Blob.role.startswith(f"redacted:{part.id}:")
    )
    for blob in session.scalars(stale).all():
        if not blob.role.startswith(made.role(0)[:-1]):
            session.delete(blob)
            if blob.address is not None:
                db.after_commit(session, lambda address=blob.address: intake.store().remove(address))  # type: ignore[misc]
    session.flush()
    kind = "audio/ogg" if made.kind == "speech" else "image/jpeg"
    transcribe.add_rendition(session, part.id, made.role(0)[:-2], kind, files, numbered=True)
    casework.announce(session, clue)
