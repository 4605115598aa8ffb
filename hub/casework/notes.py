"""Words to colleagues about a clue (C10): sealed, never changed, seen by the units that work on it.

A colleague is mentioned by "@login". Only who may read the note can be: never somebody a wall keeps from the clue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub import clock, search
from hub.access import audit, people, walls
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework.changes import announce
from hub.casework.errors import RefusedError
from hub.models import Clue, ClueNote, ClueUnit, Grant, NoteMention, Unit, User

LONGEST = 2000  # characters of a note
MENTION = re.compile(r"(?<![A-Za-z0-9._+-])@([A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?)")
"""@login; not the domain of a mail address."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may be mentioned."""

    id: int
    login: str
    name: str
    unit: str


def readers(session: Session, clue: Clue) -> list[int]:
    """Ids of the units whose notes and opinions on the clue are open to one another: who has it and who received it."""
    seeing = select(ClueUnit.unit_id).where(
        ClueUnit.clue_id == clue.id, ClueUnit.unit_id.in_({clue.owner_unit_id, clue.received_unit_id})
    )
    return sorted(session.scalars(seeing))


def colleagues(session: Session, who: Actor, clue: Clue) -> list[Colleague]:
    """Whom `who` may mention on the clue: people who work on it and whom no wall keeps from it, by name."""
    units = readers(session, clue)
    units = sorted(set(units) - walls.stands_before(session, clue.id, units))
    rows = session.execute(
        select(User.id, User.login, User.name, func.min(Unit.name).label("unit"))
        .join(Grant, Grant.user_id == User.id)
        .join(Unit, Unit.id == Grant.unit_id)
        .where(User.active, Unit.id.in_(units), Grant.role.in_(people.ORIGINAL_ROLES), User.id != who.user_id)
        .where(User.id.not_in(walls.people_behind(session, clue.id)))
        .group_by(User.id)
        .order_by(User.name, User.id)
    )
    return [Colleague(row.id, row.login, row.name, row.unit) for row in rows]


def mentioned(text: str) -> list[str]:
    """The logins a text speaks to, each once, in their order."""
    return list(dict.fromkeys(MENTION.findall(text)))


def add_note(session: Session, who: Actor, clue: Clue, text: str) -> ClueNote:
    """Writes a note and tells whom it mentions. The event holds numbers only. Raises RefusedError."""
    words = text.strip()
    if not people.reads_original(who, clue) or walls.hidden(session, who, clue.id):
        raise RefusedError("只有承办单位和接收单位的办理人员可以写备注", kind="role")
    if not words or len(words) > LONGEST:
        raise RefusedError("备注不能为空" if not words else f"备注不能超过{LONGEST}字", kind="value", name="note")
    known = {one.login: one for one in colleagues(session, who, clue)}
    asked = mentioned(words)
    strangers = [login for login in asked if login not in known and login != who.login]
    if strangers:  # the same words whether there is no such person or they may not see the clue
        raise RefusedError(f"没有可以提到的同事：@{strangers[0]}", kind="value", name="note")
    key = open_key(session, clue.key_id)
    row = ClueNote(
        clue_id=clue.id, unit_id=who.unit_id, text=key.seal(words, "clue.note"), by_user=who.user_id, at=clock.now()
    )
    session.add(row)
    session.flush()
    to = [known[login].id for login in asked if login in known]
    session.add_all(NoteMention(note_id=row.id, user_id=number) for number in to)
    search.index(session, clue.id, clue.recorded_at, f"note:{row.id}", words, readers(session, clue))
    data = {"note": row.id, **({"mentions": to} if to else {})}
    audit.record(session, f"clue:{clue.id}", "note", actor=who.label, data=data)
    announce(session, clue)
    if to:  # their open pages, after the commit: numbers of people, nothing else
        session.execute(select(func.pg_notify("hub_live", json.dumps({"m": to}))))
    return row


def note_seen(session: Session, who: Actor, clue_ids: Sequence[int] | None = None) -> int:
    """The person has seen what mentions them: on these clues, or everywhere. Returns how many mentions that were."""
    notes = select(ClueNote.id)
    if clue_ids is not None:
        notes = notes.where(ClueNote.clue_id.in_(clue_ids))
    seen = (
        update(NoteMention)
        .where(NoteMention.user_id == who.user_id, NoteMention.seen_at.is_(None), NoteMention.note_id.in_(notes))
        .values(seen_at=clock.now())
        .returning(NoteMention.note_id)
    )
    return len(session.scalars(seen, execution_options={"synchronize_session": False}).all())
