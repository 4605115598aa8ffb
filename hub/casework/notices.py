"""What the sending side reports: a party was told, a hand-over failed later, no route is left."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.access import audit
from hub.casework.acts import follow
from hub.casework.changes import announce, lock, touch
from hub.models import Clue, Notice


def note_told(session: Session, notice_id: int, at: datetime, evidence: str) -> None:
    """A party was told at `at`: the clock stops when every party is, and the clue is closed where the table says so.

    Idempotent; a notice that came back in the meantime is no longer told, whatever this late report says.
    """
    _settle(session, notice_id, at, evidence)


def note_undelivered(
    session: Session, notice_id: int, at: datetime, evidence: str = "", *, exhausted: bool = False
) -> None:
    """A hand-over failed for good. The clock runs again with its old due date while another route is tried; with
    `exhausted` every consented route was tried: the clock stops with that, not with "told".
    """
    _settle(session, notice_id, at, "exhausted" if exhausted else evidence)


def _settle(session: Session, notice_id: int, at: datetime, evidence: str) -> None:
    notice = session.get_one(Notice, notice_id)
    if not notice.clock:
        return
    locked = lock(session, {notice.clue_id})
    session.refresh(notice, with_for_update=True)
    clue = locked[notice.clue_id]
    data = {"notice": notice.id, "kind": notice.kind, "state": notice.state, "evidence": evidence[:200]}
    audit.record(session, f"clue:{clue.id}", f"notice.{notice.state}", at=at, data=data)
    for one in (clue, locked.get(clue.main_id or 0)):
        if one is not None:
            _follow(session, one, at)


def _follow(session: Session, clue: Clue, at: datetime) -> None:
    follow(session, clue, at)
    touch(session, clue)
    announce(session, clue)
