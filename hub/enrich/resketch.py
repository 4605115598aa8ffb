"""Reads clues anew whose sketch is of another version: a release that compares otherwise forgets nothing.

One work row at a time takes a batch, the newest clues first, and puts the next row while any are left; it waits behind
whatever has just come in. Nothing else of a clue is made anew: suggestions stay as they were made.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import db
from hub.access import walls
from hub.enrich import duplicates, likeness
from hub.models import Clue, Likeness
from hub.work import rows as work
from hub.work.rows import Job

BATCH = 50  # some half a second
LAST = 9  # priority: after everything that came in


def older(session: Session, limit: int = 1) -> list[int]:
    """Clues whose sketch is of another version, the newest first; two steps along the index, whatever the size."""
    for other in (Likeness.version > likeness.VERSION, Likeness.version < likeness.VERSION):
        version = session.scalar(select(Likeness.version).where(other).order_by(Likeness.version).limit(1))
        if version is not None:
            query = select(Likeness.clue_id).where(Likeness.version == version)
            return list(session.scalars(query.order_by(Likeness.clue_id.desc()).limit(limit)))
    return []


def begin(session: Session) -> bool:
    """Puts the work row where a sketch of another version is left; one pending row is enough."""
    if not older(session):
        return False
    work.put(session, "resketch", {}, once="resketch", priority=LAST)
    return True


def resketch(job: Job) -> None:
    """Handler: no args."""
    with db.reading() as session:
        ids = older(session, BATCH)
    for number in ids:
        _again(number)
        job.renew()
    with db.transaction() as session:
        begin(session)
        job.done(session)


def _again(number: int) -> None:
    with db.reading() as session:
        clue = session.get_one(Clue, number)
        row = None if _unseen(session, clue) else duplicates.sketch(session, clue)
    with db.transaction() as session:
        clue = session.scalars(select(Clue).where(Clue.id == number).with_for_update()).one()
        stored = session.get(Likeness, number)
        if stored is None or stored.version == likeness.VERSION:
            return  # read or forgotten meanwhile
        if row is None or _unseen(session, clue):
            duplicates.forget(session, number)
        else:
            duplicates.remember(session, clue, row)


def _unseen(session: Session, clue: Clue) -> bool:
    """Whether the clue is of those that are compared with nothing (N2, N4)."""
    return walls.quarantined(session, clue.id) or clue.refused_ground in duplicates.WALLED
