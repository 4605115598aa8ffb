"""Who is to be told of a clue: told parties are data (PRODUCT §7)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.contract import Sender
from hub.access.sealing import open_key
from hub.models import Clue, ClueReporter, Intake, IntakeClue, Reporter

WRITTEN_REPLY = {"referral": "leader", "subordinate": "unit", "0804": "unit", "0805": "unit", "0806": "unit"}
"""Channel or sub-channel → who gets a written reply: leader, lower unit, department, 12345, internet+supervision."""
NO_RECEIPT = frozenset({"leader", "unit", "none"})


@dataclass(frozen=True, slots=True)
class Party:
    """`kind`: reporter, leader, unit, none. `intake_id`: the delivery by which the party came."""

    kind: str
    intake_id: int | None = None
    reporter_id: int | None = None

    @property
    def name(self) -> str:
        """Part of the dedupe key of its notices."""
        return f"r{self.reporter_id}" if self.reporter_id is not None else self.kind


def parties(session: Session, clue: Clue) -> list[Party]:
    """Every party of the clue that is to be told, each once; one of kind "none" where there is nobody.

    A joint letter has several reporters, each told, or the representative for those who signed with them (our reading:
    the representative answers to them); a referral or transfer has the office that sent it, and beside it the citizen
    whose letter was attached. After a withdrawal notices may be declined.
    """
    rows = session.execute(
        select(ClueReporter.reporter_id, ClueReporter.intake_id)
        .where(ClueReporter.clue_id == clue.id, ClueReporter.represented_by.is_(None))
        .order_by(ClueReporter.reporter_id)
    ).all()
    found = [Party("reporter", intake_id, reporter_id) for reporter_id, intake_id in rows if not clue.notices_declined]
    office = WRITTEN_REPLY.get(clue.sub_channel) or WRITTEN_REPLY.get(clue.channel)
    if office is not None:
        found.insert(0, Party(office, _first_intake(session, clue)))
    return found or [Party("none", _first_intake(session, clue))]


def _first_intake(session: Session, clue: Clue) -> int | None:
    return session.scalars(
        select(Intake.id)
        .join(IntakeClue, IntakeClue.intake_id == Intake.id)
        .where(IntakeClue.clue_id == clue.id)
        .order_by(Intake.id)
    ).first()


def identity(session: Session, reporter_id: int | None) -> Sender:
    """The sealed identity, opened for the machine that sends; nobody for a party that is no citizen."""
    if reporter_id is None:
        return Sender()
    row = session.get_one(Reporter, reporter_id)
    told = open_key(session, row.key_id).json(row.identity, "reporter.identity")
    return Sender(**{name: str(told.get(name) or "") for name in Sender.__slots__})
