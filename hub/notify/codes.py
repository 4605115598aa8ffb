"""Query codes: given to the reporter only, kept as a keyed hash; what the query page may show (G6, G7)."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.sealing import blind
from hub.law import notices
from hub.models import Clue, Notice, QueryCode
from hub.notify.parties import identity
from hub.notify.words import text_of
from hub.terms import STATE_LABELS, State

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are mistaken for another when read out
_TAIL = 4


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as the query page shows it."""

    title: str
    text: str
    day: date


@dataclass(frozen=True, slots=True)
class Progress:
    """What the query page shows: state and what was told. No names, no place, no content."""

    received: date
    state: str
    label: str
    told: tuple[Told, ...]


def issue(session: Session, clue_id: int, reporter_id: int | None) -> str:
    """A new code for a party of the clue. It is in nobody's hands but the receiver of what is told with it."""
    code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    digits = re.sub(r"\D", "", identity(session, reporter_id).phone)
    tail = blind("query_tail", digits[-_TAIL:]) if len(digits) >= _TAIL else None
    session.add(QueryCode(token=blind("query", code), clue_id=clue_id, reporter_id=reporter_id, tail=tail))
    session.flush()
    return code


def _plain(code: str) -> str:
    letters = re.sub(r"[^0-9A-Z]", "", code.upper()[:40])
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def look_up(session: Session, code: str, tail: str = "") -> Progress | None:
    """What the code shows; None for a wrong code, or a wrong phone tail where the reporter gave a phone.

    The caller limits how often it may be asked: one answer for every kind of wrong.
    """
    row = session.get(QueryCode, blind("query", _plain(code)))
    given = blind("query_tail", re.sub(r"\D", "", tail)[-_TAIL:])
    if row is None or (row.tail is not None and not hmac.compare_digest(row.tail, given)):
        return None
    clue = session.get_one(Clue, row.clue_id)
    return Progress(
        received=clock.china(clue.at).date(),
        state=clue.state,
        label=STATE_LABELS[State(clue.state)],
        told=tuple(_told(session, notice) for notice in _notices(session, row)),
    )


def _notices(session: Session, row: QueryCode) -> list[Notice]:
    """The party's notices, and those of a clue with no other party; the page itself shows what could not be sent."""
    wanted = select(Notice).where(
        Notice.clue_id == row.clue_id,
        Notice.kind != "receipt",
        Notice.state.in_(("told", "undelivered", "no_reporter")),
        (Notice.reporter_id == row.reporter_id) if row.reporter_id is not None else (Notice.party == "none"),
    )
    return list(session.scalars(wanted.order_by(Notice.id)))


def _told(session: Session, notice: Notice) -> Told:
    moment: datetime = notice.told_at or notice.asked_at or notice.created
    return Told(notices.KINDS[notice.kind], text_of(session, notice, shown=True), clock.china(moment).date())
