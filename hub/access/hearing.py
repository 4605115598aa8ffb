"""Who hears and reads the original of a clue (PRODUCT §10): its handler, who has just entered it, and who said why.

`people.reads_original` says who works on clues of a unit at all; within the unit the original is open only to the
person who handles the clue (claiming it is an act, seen by all), during the entry window, and for OPEN after a reveal.
Everyone else reads text masked and takes redacted copies.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import people, reveal
from hub.access.people import Actor
from hub.models import Clue, Reveal
from hub.terms import Role

OPEN = timedelta(minutes=30)  # our reading: long enough to hear a call; the identity itself is shown for 60 s
CLAIMERS = frozenset({Role.HANDLER, Role.LEAD})


def handles(session: Session, who: Actor, clue: Clue) -> bool:
    """Whether the clue, or the main clue of its group, is assigned to this person."""
    if clue.handler_id == who.user_id:
        return True
    main = session.get(Clue, clue.main_id) if clue.main_id is not None else None
    return main is not None and main.handler_id == who.user_id


def hears_original(session: Session, who: Actor, clue: Clue) -> bool:
    """Whether originals and unmasked text are open to this person now (each sign-in's first read is audited)."""
    if not people.reads_original(who, clue):
        return False
    return (
        handles(session, who, clue)
        or reveal.in_entry_window(session, who, clue)
        or _said_why(session, who, clue)
    )  # fmt: skip


def _said_why(session: Session, who: Actor, clue: Clue) -> bool:
    shown = select(Reveal.id).where(
        Reveal.user_id == who.user_id, Reveal.clue_id == clue.id, Reveal.state == "shown",
        Reveal.shown_at > clock.now() - OPEN,
    )  # fmt: skip
    return session.scalars(shown.limit(1)).first() is not None
