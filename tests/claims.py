"""Taking a clue over, as the button 认领 does: only then is its original open (PRODUCT §10)."""

from __future__ import annotations

from sqlalchemy import select

from hub import casework, db
from hub.access import people
from hub.models import Clue, User


def claim(no: str, login: str = "handler") -> str:
    """Assigns the clue to this person by the act of the rule table; the clue's number again."""
    with db.transaction() as session:
        user = session.scalars(select(User).where(User.login == login)).one()
        who = people.actor(session, user.id)
        clue = session.scalars(select(Clue).where(Clue.no == no)).one()
        casework.apply(session, who, clue, "assign", {"handler": user.id})
    return no
