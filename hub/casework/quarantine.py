"""N4: a clue that touches state security is sealed off from everybody, handed over on paper, then shredded (J6). N2:
the way to discipline inspection, with its number (J12).

After a signed hand-over of N4 only the number and the hash of its originals remain. Keys are overwritten, not deleted:
rows go on pointing to them. The hand-over follows the closing: by then the reporter has been told.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub import search
from hub.access import walls
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import clocks
from hub.casework.acts import afterwards, effect
from hub.casework.changes import seen_by
from hub.casework.counters import place
from hub.casework.doing import Doing
from hub.casework.naming import IDENTITY
from hub.casework.values import reenrich
from hub.casework.walls import put_up, shut_out_named
from hub.models import (
    Blob,
    Clue,
    ClueReporter,
    DataKey,
    HandOver,
    Intake,
    IntakeClue,
    Likeness,
    LikenessKey,
    Reporter,
    SearchRow,
    SuggestionRow,
    Unit,
    Wall,
)
from hub.terms import Role

KINDS = {"discipline.hand_over": "discipline", "quarantine.hand_over": "secrecy"}


@afterwards("determine.P3")
def shut_out(doing: Doing) -> None:
    """What a refused ground hides: N2 from the named unit, N4 from everybody."""
    if doing.clue.refused_ground == "N2":
        shut_out_named(doing)
    elif doing.clue.refused_ground == "N4":
        put_up(doing, doing.clue, "N4")
        clocks.end_all(doing.session, doing.clue, "wall", doing.at, "done")
        _forget_words(doing.session, doing.clue)
        place(doing.session, doing.clue)


def _forget_words(session: Session, clue: Clue) -> None:
    """Takes the content out of search, suggestions, comparison, lists. The sealed originals and the title as sent stay
    till handed over: were it lifted, the clue would be whole again.
    """
    session.execute(delete(SearchRow).where(SearchRow.clue_id == clue.id))
    for table in (SuggestionRow, LikenessKey, Likeness):
        session.execute(delete(table).where(table.clue_id == clue.id))
    key = open_key(session, clue.key_id)
    clue.summary = key.seal("", "clue.summary")
    clue.missing, clue.handler_id = [], None
    session.flush()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The offline hand-over sheet: a number, a hash, no content. `originals`: sha256 of each, as it arrived."""

    no: str
    unit: str
    registered: datetime
    originals: tuple[str, ...]
    sha256: str
    handed_over: HandOver | None


def sheet(session: Session, clue: Clue) -> Sheet:
    """What is printed for the hand-over, and what remains of the clue afterwards."""
    wanted = (
        select(Blob.sha256)
        .join(IntakeClue, IntakeClue.intake_id == Blob.intake_id)
        .where(IntakeClue.clue_id == clue.id, Blob.origin.in_(("raw", "fetched")))
        .order_by(Blob.sha256)
    )
    originals = tuple(session.scalars(wanted))
    digest = hashlib.sha256("\n".join((clue.no, *originals)).encode()).hexdigest()
    done = session.scalars(select(HandOver).where(HandOver.clue_id == clue.id).order_by(HandOver.id)).first()
    unit = session.get_one(Unit, clue.received_unit_id).name
    return Sheet(clue.no, unit, clue.at, originals, digest, done)


def quarantined(session: Session, who: Actor) -> list[Clue]:
    """The N4 clues a lead of the holding unit has to hand over, or has handed over; nobody else's business."""
    if Role.LEAD not in who.roles:
        return []
    query = (
        select(Clue)
        .join(Wall, Wall.clue_id == Clue.id)
        .where(Wall.reason == "N4", walls.live(), Clue.owner_unit_id == who.unit_id)
    )
    rows = session.scalars(query.order_by(Clue.id))
    return [clue for clue in rows if not walls.hidden(session, who, clue.id, but_quarantine=True)]


def find_quarantined(session: Session, who: Actor, no: str) -> Clue | None:
    """One of them by its number."""
    return next((clue for clue in quarantined(session, who) if clue.no == no), None)


@effect("discipline.hand_over", "quarantine.hand_over")
def hand_over(doing: Doing) -> None:
    """The receiving body has signed. Of N4 every key is destroyed in the same transaction."""
    session, clue = doing.session, doing.clue
    row = HandOver(
        clue_id=clue.id, kind=KINDS[doing.rule.id], number=str(doing.data["number"]).strip()[:100],
        receiver=str(doing.data["receiver"]).strip()[:100], sha256=sheet(session, clue).sha256, at=doing.at,
        by_user=doing.user_id, shredded_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    doing.noted |= {"hand_over": row.id, "sha256": row.sha256}


@afterwards("quarantine.hand_over")
def destroy(doing: Doing) -> None:
    """In the transaction of the hand-over, once its event is written."""
    row = doing.session.get_one(HandOver, doing.noted["hand_over"])
    shred(doing.session, _keys_of(doing.session, doing.clue))
    row.shredded_at = doing.now
    doing.session.flush()


def _keys_of(session: Session, clue: Clue) -> set[int]:
    """The keys of the clue, and of intakes and reporters that belong to no other clue."""
    intakes = select(Intake.key_id).where(Intake.id.in_(_only(clue, IntakeClue.intake_id, IntakeClue.clue_id)))
    people = _only(clue, ClueReporter.reporter_id, ClueReporter.clue_id)
    reporters = select(Reporter.key_id).where(Reporter.id.in_(people))
    return {clue.key_id, *session.scalars(intakes), *session.scalars(reporters)}


def _only(clue: Clue, column: Any, of: Any) -> Any:
    """Ids of `column` that stand beside this clue and beside no other."""
    mine = select(column).where(of == clue.id)
    return select(column).where(column.in_(mine)).group_by(column).having(func.count(of.distinct()) == 1)


def shred(session: Session, key_ids: set[int]) -> None:
    """Overwrites data keys with noise: what they sealed does not open again, with any key file."""
    for row in session.scalars(select(DataKey).where(DataKey.id.in_(key_ids)).order_by(DataKey.id).with_for_update()):
        row.wrapped = secrets.token_bytes(len(row.wrapped))
    session.flush()


@effect("quarantine.release")
def release(doing: Doing) -> None:
    """No state security after all, found before the hand-over: seen again; the lead corrects the determination."""
    for row in walls.standing(doing.session, doing.clue.id):
        if row.reason == "N4":
            row.state, row.decided_at, row.decided_by = "released", doing.at, doing.user_id
    doing.session.flush()
    place(doing.session, doing.clue)
    search.rebuild(doing.session, doing.clue.id, seen_by(doing.session, doing.clue.id), without=IDENTITY)
    reenrich(doing.session, doing.clue)
