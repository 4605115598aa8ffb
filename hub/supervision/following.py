"""What became of intakes that somebody just handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.people import Actor, shown_intake, visible
from hub.models import Clue, ClueUnit, Intake, IntakeClue
from hub.terms import SITE_PHOTOS, IntakeState


@dataclass(frozen=True, slots=True)
class Followed:
    """An intake of the own unit with the clues it became, as far as the person may see them."""

    id: int
    channel: str
    state: str
    reason: str
    clues: tuple[tuple[str, bool], ...]  # number, whether its suggestions are complete

    @property
    def pending(self) -> bool:
        return self.state == IntakeState.STORED or any(not enriched for _, enriched in self.clues)


def followed(session: Session, who: Actor, ids: Sequence[int]) -> list[Followed]:
    """Only deliveries to the own unit, and only clues the person may see; nothing that a wall hides from them."""
    delivered = Intake.source_id != SITE_PHOTOS  # photos of a visit are no report: nobody says what kind they are
    own = select(Intake).where(Intake.id.in_(ids), Intake.unit_id == who.unit_id, delivered, shown_intake(who))
    rows = session.scalars(own.order_by(Intake.id))
    seen = visible(who).with_only_columns(ClueUnit.clue_id)
    linked: dict[int, list[tuple[str, bool]]] = {}
    for number, no, enriched in session.execute(
        select(IntakeClue.intake_id, Clue.no, Clue.enriched)
        .join(Clue, Clue.id == IntakeClue.clue_id)
        .where(IntakeClue.intake_id.in_(ids), Clue.id.in_(seen))
        .order_by(Clue.id)
    ):
        linked.setdefault(number, []).append((no, enriched))
    return [Followed(row.id, row.channel, row.state, row.reason, tuple(linked.get(row.id, ()))) for row in rows]
