"""Groups of clues handled together, read; and the second person of a changed kind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.casework.doing import Doing
from hub.models import Clue, IntakeClue, KindProposal, Membership


def members(session: Session, clue: Clue) -> list[Clue]:
    """The clues handled together with this one, in the order of their ids; empty where it is no main clue."""
    return list(session.scalars(select(Clue).where(Clue.main_id == clue.id).order_by(Clue.id)))


def membership(session: Session, clue: Clue) -> Membership | None:
    """Its place in a group now."""
    return session.scalars(
        select(Membership).where(Membership.member_id == clue.id, Membership.left_at.is_(None))
    ).first()


def second_person(doing: Doing) -> dict[str, Any]:
    """Who proposed that the intake of this clue is none, and who confirms it now."""
    since = doing.clue.state_at or doing.clue.at  # a decision before an objection is spent
    row = doing.session.scalars(
        select(KindProposal)
        .join(IntakeClue, IntakeClue.intake_id == KindProposal.intake_id)
        .where(IntakeClue.clue_id == doing.clue.id, KindProposal.kind == doing.data.get("kind"))
        .where(or_(KindProposal.decided_at.is_(None), KindProposal.decided_at >= since))
        .order_by(KindProposal.id.desc())
    ).first()
    proposer = row.by_user if row is not None else doing.user_id
    return {"registered": True, "by": proposer, "second_person": doing.user_id}
