"""Reading over what the machine read: letters just taken in, beside their scan, until they are released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, hearing
from hub.access.people import Actor, visible
from hub.mailroom import register
from hub.mailroom.errors import MailroomError
from hub.models import Clue, ClueUnit, Event, Intake, IntakeClue, Letter, Part, Segment, Transcript
from hub.supervision import originals
from hub.supervision.originals import PartView
from hub.terms import IntakeState

DOUBT = 0.9
"""A line below this confidence is doubtful: the page stops at it (QUALITY §3: wrong lines stand below 0.98)."""
MOST = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """A letter that was taken in and not released yet. state: registering, manual, reading (OCR runs), ready."""

    id: int
    no: str
    stamped: date
    state: str
    clue_no: str
    doubts: int
    lines: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One letter to be read over: its scans with their lines, and where it stands among the others."""

    letter: Taken
    parts: list[PartView]
    clue_no: str
    place: int
    count: int
    before: int
    after: int


def unreleased(session: Session, who: Actor) -> list[Taken]:
    """The letters that this person took in and that are still theirs to read over, in the order of the register."""
    found = [_taken(session, who, row) for row in _mine(session, who)]
    return [one for one in found if one is not None]


def count(session: Session, who: Actor) -> int:
    """How many letters this person took in and did not release."""
    return len(_mine(session, who))


def _mine(session: Session, who: Actor) -> list[Letter]:
    """Letters that this person took in and nobody released, in the order of the register."""
    accepted = select(Event.id).where(
        Event.object == func.concat("intake:", Letter.intake_id), Event.act == "accept", Event.actor == who.label
    )
    query = (
        select(Letter)
        .where(Letter.unit_id == who.unit_id, Letter.state == "taken", Letter.released_at.is_(None), accepted.exists())
        .order_by(Letter.stamped, Letter.id)
        .limit(MOST)
    )
    return list(session.scalars(query))


def _clue(session: Session, who: Actor, row: Letter) -> Clue | None:
    """The letter's clue, if this person may still hear its original."""
    seen = visible(who).with_only_columns(ClueUnit.clue_id)
    query = select(Clue).join(IntakeClue, IntakeClue.clue_id == Clue.id)
    query = query.where(IntakeClue.intake_id == row.intake_id, Clue.id.in_(seen))
    clue = session.scalars(query.order_by(Clue.id)).first()
    return clue if clue is not None and hearing.hears_original(session, who, clue) else None


def _taken(session: Session, who: Actor, row: Letter) -> Taken | None:
    arrived = session.get_one(Intake, row.intake_id)
    no = register.number_of(row)
    if arrived.state == IntakeState.STORED:
        return Taken(row.id, no, row.stamped, "registering", "", 0, 0)
    clue = _clue(session, who, row)
    if clue is None:
        return None
    if arrived.state == IntakeState.MANUAL:
        return Taken(row.id, no, row.stamped, "manual", clue.no, 0, 0)
    doubts, lines, waits = _measure(session, clue)
    return Taken(row.id, no, row.stamped, "reading" if waits else "ready", clue.no, doubts, lines)


def _measure(session: Session, clue: Clue) -> tuple[int, int, bool]:
    """(doubtful lines, lines, whether a scan has no text yet) of a clue's scans, without opening any of them."""
    parts = session.scalars(select(Part.id).where(Part.clue_id == clue.id, Part.kind == "scan")).all()
    doubts = lines = 0
    waits = False
    for part in parts:
        newest = session.scalars(
            select(Transcript).where(Transcript.part_id == part).order_by(Transcript.version.desc()).limit(1)
        ).first()
        if newest is None:
            waits = True
            continue
        query = select(Segment.confidence).where(
            Segment.transcript_id == newest.id, Segment.received_at == clue.recorded_at
        )
        found = session.scalars(query).all()
        lines += len(found)
        doubts += sum(1 for confidence in found if confidence < DOUBT)
    return doubts, lines, waits


def sheet(session: Session, who: Actor, number: int) -> Sheet:
    """A letter to be read over. Raises MailroomError (404) where it is not this person's to read any more."""
    row = register.find(session, who, number)
    mine = _mine(session, who)
    place = next((place for place, one in enumerate(mine) if one.id == row.id), None)
    taken = _taken(session, who, row) if place is not None else None
    clue = _clue(session, who, row) if taken is not None else None
    if place is None or taken is None or clue is None:
        raise MailroomError("这封信已交接，或已由承办人办理，收发室不再开放原件", status=404)
    intakes = session.scalars(
        select(Intake).join(IntakeClue, IntakeClue.intake_id == Intake.id).where(IntakeClue.clue_id == clue.id)
        .order_by(Intake.id)
    ).all()  # fmt: skip
    parts = [part for part in originals.parts(session, clue, intakes, original=True) if part.kind == "scan"]
    before, after = (_open(session, who, rows) for rows in (mine[:place][::-1], mine[place + 1 :]))
    return Sheet(taken, parts, clue.no, place + 1, len(mine), before, after)


def _open(session: Session, who: Actor, rows: list[Letter]) -> int:
    """The first of these letters that can be read over; 0: none."""
    return next((row.id for row in rows if _clue(session, who, row) is not None), 0)


def release(session: Session, who: Actor, number: int) -> Letter:
    """The letter is read over: its entry window is shut (PRODUCT §10). Done twice it is done once."""
    row = register.find(session, who, number, lock=True)
    if row.state != "taken":
        raise MailroomError("这封信还没有收件")
    if row.released_at is None:
        row.released_at = clock.now()
        audit.record(session, f"letter:{row.id}", "letter_released", actor=who.label)
    return row


def release_all(session: Session, who: Actor) -> int:
    """Releases every letter of the person's list whose text is there; how many."""
    ready = [one for one in unreleased(session, who) if one.state in ("ready", "manual")]
    for one in ready:
        release(session, who, one.id)
    return len(ready)
