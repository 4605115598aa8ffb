"""Who has a clue: assigned, handed down, referred up hop by hop, designated, returned (Art. 4, 5, 12 (2))."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.sealing import rewrap
from hub.casework import facts, group
from hub.casework.acts import effect
from hub.casework.doing import Doing
from hub.models import Clue, ClueReporter, Grant, Hold, Hop, Intake, IntakeClue, Reporter, User
from hub.terms import Role


@effect("assign")
def assign(doing: Doing) -> None:
    """Gives the clue, and what is handled together with it, to one person of the unit."""
    given = doing.data["handler"]
    wanted = (
        select(User.id)
        .join(Grant, Grant.user_id == User.id)
        .where(User.id == given, User.active, Grant.unit_id == doing.clue.owner_unit_id)
        .where(Grant.role.in_((Role.HANDLER, Role.LEAD)))
    )
    found = doing.session.scalars(wanted).first() if isinstance(given, int) else None
    if found is None:
        raise doing.refused("只能分派给本单位在岗的承办人", "value", "handler")
    for clue in (doing.clue, *group.members(doing.session, doing.clue)):
        clue.handler_id = found


@effect("hand_down")
def hand_down(doing: Doing) -> None:
    """To the unit below or of the place; the base of every clock stays."""
    _go(doing, str(doing.data["unit"]))


@effect("escalate", "refer_on")
def refer_up(doing: Doing) -> None:
    """One level up: to the next existing superior."""
    session, clue = doing.session, doing.clue
    above = facts.superior(session, clue.owner_unit_id)
    assert above is not None  # the guard has looked
    concerned = {clue.owner_unit_id} if doing.rule.id == "escalate" else set()
    for code in doing.data.get("units") or ():
        unit = facts.unit_named(session, code)
        if unit is None:
            raise doing.refused("所列单位不存在或已停用", "value", "units")
        concerned.add(unit.id)
    _hop(doing, above.id, sorted(concerned))


@effect("designate", "confirm_competence", "redesignate")
def designate(doing: Doing) -> None:
    _go(doing, str(doing.data["unit"]))


@effect("return")
def give_back(doing: Doing) -> None:
    """Back to the unit that referred it up; its days run on with the old base."""
    _hop(doing, int(doing.facts["referred_by"]), [])


def _go(doing: Doing, code: str) -> None:
    unit = facts.unit_named(doing.session, code)
    assert unit is not None  # the guard has looked
    origin = doing.facts["designator"] if doing.rule.by == "designator" else doing.clue.owner_unit_id
    _hop(doing, unit.id, [], origin)


def _hop(doing: Doing, to_unit_id: int, concerned: list[int], from_unit_id: int | None = None) -> None:
    clue = doing.clue
    doing.session.add(
        Hop(
            clue_id=clue.id, act=doing.rule.id, from_unit_id=from_unit_id or clue.owner_unit_id, to_unit_id=to_unit_id,
            reason=str(doing.data.get("reason") or ""), involved=concerned, at=doing.at, by_user=doing.user_id,
        )
    )  # fmt: skip
    doing.noted["holder"] = {"from": clue.owner_unit_id, "to": to_unit_id}
    move(doing, to_unit_id)


def move(doing: Doing, to_unit_id: int) -> None:
    """Hands a clue to another unit: who holds it since when, its keys, nobody's desk yet."""
    session, clue = doing.session, doing.clue
    if clue.owner_unit_id == to_unit_id:
        return
    live = session.scalars(select(Hold).where(Hold.clue_id == clue.id, Hold.until.is_(None))).one()
    live.until = doing.at
    session.flush()
    session.add(Hold(clue_id=clue.id, unit_id=to_unit_id, since=doing.at, until=None))
    clue.owner_unit_id, clue.handler_id = to_unit_id, None
    session.flush()
    hand_over_keys(session, clue)


def hand_over_keys(session: Session, clue: Clue) -> None:
    """Wraps the keys of the clue, its reporters and its intakes for the unit that now has it.

    A reporter or intake shared with a clue of another unit stays with the unit it was received by.
    """
    rewrap(session, clue.key_id, clue.owner_unit_id)
    reporters = (
        select(Reporter.key_id)
        .join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
        .join(Clue, Clue.id == ClueReporter.clue_id)
        .where(Reporter.id.in_(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue.id)))
        .group_by(Reporter.key_id)
        .having(func.count(Clue.owner_unit_id.distinct()) == 1)
    )
    intakes = (
        select(Intake.key_id)
        .join(IntakeClue, IntakeClue.intake_id == Intake.id)
        .join(Clue, Clue.id == IntakeClue.clue_id)
        .where(Intake.id.in_(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id)))
        .group_by(Intake.key_id)
        .having(func.count(Clue.owner_unit_id.distinct()) == 1)
    )
    for key_id in (*session.scalars(reporters), *session.scalars(intakes)):
        rewrap(session, key_id, clue.owner_unit_id)
