"""Notes of a clue as its page shows them, and what mentions a person: masked as far as the reader's right goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import hearing, people
from hub.access.masking import mask
from hub.access.people import Actor
from hub.access.sealing import fetch_keys, open_key
from hub.casework import notes
from hub.models import Clue, ClueNote, ClueUnit, NoteMention, Unit, User
from hub.supervision.listing import named, reporter_names

LISTED = 100  # mentions on one page


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note. `pieces`: its text cut at mentions: (words, whether they are the name of somebody mentioned)."""

    id: int
    by: str
    unit: str
    at: datetime
    pieces: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Mention:
    """A note that speaks to the person."""

    note: NoteView
    clue_no: str
    seen: bool


def of_clue(session: Session, who: Actor, clue: Clue, *, original: bool) -> list[NoteView]:
    """The notes of the clue, oldest first, for people of the units that work on it; masked without `original`."""
    if not people.reads_original(who, clue):
        return []
    rows = session.execute(
        select(ClueNote, User.name, Unit.name.label("unit"))
        .join(User, User.id == ClueNote.by_user)
        .join(Unit, Unit.id == ClueNote.unit_id)
        .where(ClueNote.clue_id == clue.id)
        .order_by(ClueNote.id)
    ).all()
    names = reporter_names(session, clue) if rows and not original else []
    logins = _logins(session, [row.ClueNote.id for row in rows])
    return [_view(session, clue, row.ClueNote, row.name, row.unit, logins, None if original else names) for row in rows]


def _view(
    session: Session, clue: Clue, row: ClueNote, by: str, unit: str, logins: dict[str, str], names: list[str] | None
) -> NoteView:  # fmt: skip
    text = open_key(session, clue.key_id).text(row.text, "clue.note")
    if names is not None:
        text = mask(text, named(text, names))
    return NoteView(row.id, by, unit, clock.china(row.at), _pieces(text, logins))


def _pieces(text: str, logins: dict[str, str]) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    end = 0
    for match in notes.MENTION.finditer(text):
        if match.group(1) in logins:
            found += [(text[end : match.start()], False), ("@" + logins[match.group(1)], True)]
            end = match.end()
    return [piece for piece in (*found, (text[end:], False)) if piece[0]]


def _logins(session: Session, note_ids: list[int]) -> dict[str, str]:
    """Login → name of everybody these notes mention."""
    wanted = (
        select(User.login, User.name)
        .join(NoteMention, NoteMention.user_id == User.id)
        .where(NoteMention.note_id.in_(note_ids))
        .distinct()
    )
    return {row.login: row.name for row in session.execute(wanted)} if note_ids else {}


def _mine(who: Actor) -> Select[NoteMention]:
    """What mentions the person on clues they may see now and whose notes are open to them."""
    seen = people.visible(who).with_only_columns(ClueUnit.clue_id)
    return (
        select(NoteMention)
        .join(ClueNote, ClueNote.id == NoteMention.note_id)
        .join(Clue, Clue.id == ClueNote.clue_id)
        .where(NoteMention.user_id == who.user_id, Clue.id.in_(seen))
        .where((Clue.owner_unit_id == who.unit_id) | (Clue.received_unit_id == who.unit_id))
    )


def unseen(session: Session, who: Actor) -> int:
    """How many notes speak to the person that they have not seen."""
    return session.scalar(unseen_of(who)) or 0


def unseen_of(who: Actor) -> Select[int]:
    """The same as a question to be asked with others."""
    return _mine(who).where(NoteMention.seen_at.is_(None)).with_only_columns(func.count())


def mentions(session: Session, who: Actor) -> list[Mention]:
    """The newest notes that speak to the person, masked where the clue's original is not open to them."""
    rows = session.execute(
        _mine(who)
        .join(User, User.id == ClueNote.by_user)
        .join(Unit, Unit.id == ClueNote.unit_id)
        .with_only_columns(ClueNote, Clue, User.name, Unit.name.label("unit"), NoteMention.seen_at)
        .order_by(ClueNote.id.desc())
        .limit(LISTED)
    ).all()
    fetch_keys(session, (row.Clue.key_id for row in rows))
    logins = _logins(session, [row.ClueNote.id for row in rows])
    found = []
    for row in rows:
        open_ = hearing.hears_original(session, who, row.Clue)
        names = None if open_ else reporter_names(session, row.Clue)
        view = _view(session, row.Clue, row.ClueNote, row.name, row.unit, logins, names)
        found.append(Mention(view, row.Clue.no, row.seen_at is not None))
    return found
