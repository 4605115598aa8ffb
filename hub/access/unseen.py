"""Numbers without what a wall hides: conditions for counts that are not of clues (hidden means unseen, PRODUCT §10)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, and_, func, select, true

from hub.access import walls
from hub.access.people import Actor
from hub.models import Intake, IntakeClue, Notice, Part, Wall, Work


def hidden_from_anybody() -> Select[int]:
    """Ids of all clues with a wall, whoever stands before it: numbers that need no sign-in do without them."""
    return select(Wall.clue_id).where(walls.live())


def other_intakes(clue_ids: Select[int]) -> ColumnElement[bool]:
    """The condition on Intake that it belongs to none of these clues."""
    return Intake.id.not_in(select(IntakeClue.intake_id).where(IntakeClue.clue_id.in_(clue_ids)))


def other_work(clue_ids: Select[int]) -> ColumnElement[bool]:
    """The condition on Work that its arguments name none of these clues, nor a part, notice or intake of theirs."""
    of = {
        "clue": clue_ids,
        "part": select(Part.id).where(Part.clue_id.in_(clue_ids)),
        "notice": select(Notice.id).where(Notice.clue_id.in_(clue_ids)),
        "intake": select(IntakeClue.intake_id).where(IntakeClue.clue_id.in_(clue_ids)),
    }
    return and_(*(func.coalesce(Work.args[name].as_integer().not_in(found), true()) for name, found in of.items()))


def shown_work(who: Actor) -> ColumnElement[bool]:
    """The condition on Work that it is not about a clue hidden from the person."""
    return other_work(walls.clues_hidden_from(who))
