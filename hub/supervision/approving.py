"""Acts that wait for approval, in words: on the page of their clue and above the queue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub import casework
from hub.access.people import Actor
from hub.casework import approvals, chains
from hub.casework.approvals import Pending, Sheet
from hub.casework.fields import FIELDS, VALUES
from hub.models import Clue


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal on a clue with what it would do, in words."""

    pending: Pending
    sheet: Sheet

    @property
    def told(self) -> list[tuple[str, str]]:
        """(label, words) of what was given with the act."""
        return [(_label(name), _words(name, value)) for name, value in self.sheet.data.items()]


def _label(name: str) -> str:
    return FIELDS[name].label if name in FIELDS else name


def _words(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(str(one.get("name", "")) if isinstance(one, dict) else str(one) for one in value)
    return VALUES.get(name, {}).get(str(value), str(value))


def waiting(session: Session, who: Actor, clue: Clue) -> list[Waiting]:
    """The open proposals on the clue that the person may decide, made themselves, or leads."""
    if not who.has(chains.STEP_ROLES):
        return []
    mine = [one for one in casework.open_proposals(session, who) if one.clue_id == clue.id]
    return [Waiting(one, approvals.sheet(session, who, one.id)) for one in mine]


def to_decide(session: Session, who: Actor) -> list[Pending]:
    """The open proposals that wait for this person."""
    if not who.has(chains.STEP_ROLES):
        return []
    return [one for one in casework.open_proposals(session, who) if one.may_decide]
