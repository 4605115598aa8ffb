"""Who has a clue: assigned, handed down, referred up hop by hop, designated, returned (Art. 4, 5, 12 (2))."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access import walls
from hub.access.sealing import rewrap
from hub.casework import assisting, facts, group
from hub.casework.acts import effect
from hub.casework.doing import Doing
from hub.models import (
    Clue,
    ClueReporter,
    Grant,
    Hold,
    Hop,
    Intake,
    IntakeClue,
    Objection,
    Opinion,
    Reporter,
    Unit,
    User,
)
from hub.terms import Role, State


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
    if found in walls.people_behind(doing.session, doing.clue.id):
        raise doing.refused("该人员已回避，不能承办", "value", "handler")
    for clue in (doing.clue, *group.members(doing.session, doing.clue)):
        clue.handler_id = found


@effect("unassign")
def unassign(doing: Doing) -> None:
    """Back to nobody: it waits for a handler again."""
    doing.noted["was"] = doing.clue.handler_id
    for clue in (doing.clue, *group.members(doing.session, doing.clue)):
        clue.handler_id = None


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
    hop(doing, above.id, sorted(concerned))


@effect("designate", "confirm_competence", "redesignate")
def designate(doing: Doing) -> None:
    """One unit is the main one; others of the designator's area may be named to assist it (E6)."""
    helpers = doing.data.get("assisting")
    unit = facts.unit_named(doing.session, doing.data["unit"])
    assert unit is not None  # the guard has looked
    if helpers:
        top = doing.facts["designator"] if doing.rule.by == "designator" else doing.clue.owner_unit_id
        assisting.end(doing.session, doing.clue, [unit.id], doing.at)
        why = assisting.refusal(doing.session, doing.clue, helpers, unit.id, top)
        if why is not None:
            raise doing.refused(why, "value", "assisting")
    review(doing, "upheld" if doing.rule.id == "redesignate" else "lapsed")
    _go(doing, str(doing.data["unit"]))
    if helpers:
        assisting.name(doing, helpers)


def objection(session: Session, clue: Clue) -> Objection | None:
    """The objection of the designated unit that waits for its review."""
    return session.scalars(select(Objection).where(Objection.clue_id == clue.id, Objection.state == "open")).first()


def to_review(session: Session, unit_id: int) -> list[Objection]:
    """The objections that wait for this designator, the oldest first; none where the unit has decided meanwhile."""
    wanted = select(Objection).join(Clue, Clue.id == Objection.clue_id).where(Clue.state == State.DESIGNATED)
    return list(
        session.scalars(
            wanted.where(Objection.designator_id == unit_id, Objection.state == "open").order_by(Objection.id)
        )
    )


@effect("object")
def object_to_designation(doing: Doing) -> None:
    """For the designator to review; it stops nothing, no clock either (Art. 12 (2))."""
    designator = facts.designator(doing.session, doing.clue)
    assert designator is not None  # a clue is in this state by designation only
    doing.session.add(
        Objection(
            clue_id=doing.clue.id, unit_id=doing.clue.owner_unit_id, designator_id=designator, at=doing.at,
            by_user=doing.user_id, decided_at=None, decided_by=None,
        )
    )  # fmt: skip
    doing.session.flush()


@effect("objection.dismiss")
def dismiss(doing: Doing) -> None:
    """The designation stands, with the reason."""
    review(doing, "dismissed")


def review(doing: Doing, state: str) -> None:
    """Closes the open objection, where there is one: upheld, dismissed, lapsed."""
    row = objection(doing.session, doing.clue)
    if row is None:
        return
    row.state, row.decided_at, row.decided_by = state, doing.at, doing.user_id
    doing.noted["objection"] = state
    doing.session.flush()


@effect("feedback")
def feed_back(doing: Doing) -> None:
    """What the unit tells the one that handed the clue down (E9); sealed words, visible to everybody above."""
    doing.noted["to_unit"] = doing.facts["handed_down_by"]  # "to" is the state, as in every event of an act


def feedbacks(session: Session, clue: Clue) -> list[Opinion]:
    """What was fed back, the oldest first; words sealed as "clue.opinion" under the clue's key."""
    wanted = select(Opinion).where(Opinion.clue_id == clue.id, Opinion.act == "feedback").order_by(Opinion.id)
    return list(session.scalars(wanted))


def _objection(doing: Doing) -> facts.Facts:
    found = objection(doing.session, doing.clue)
    unit = facts.unit_named(doing.session, doing.data.get("unit"))
    same = unit is not None and unit.id == doing.clue.owner_unit_id
    return {"objection": found.id if found is not None else None, "same_unit": same}


def _handed_down(doing: Doing) -> facts.Facts:
    """The unit above that handed the clue down to its holder or to one above the holder."""
    path = set(doing.session.get_one(Unit, doing.clue.owner_unit_id).path)
    rows = [row for row in facts.hops(doing.session, doing.clue) if row.act == "hand_down" and row.to_unit_id in path]
    return {"handed_down_by": rows[-1].from_unit_id if rows else None}


facts.COLLECTORS.update(
    {
        "not_objecting": _objection,
        "objected": _objection,
        "objection_answered": _objection,
        "was_handed_down": _handed_down,
    }
)


@effect("return")
def give_back(doing: Doing) -> None:
    """Back to the unit that referred it up; its days run on with the old base."""
    hop(doing, int(doing.facts["referred_by"]), [])


def _go(doing: Doing, code: str) -> None:
    unit = facts.unit_named(doing.session, code)
    assert unit is not None  # the guard has looked
    origin = doing.facts["designator"] if doing.rule.by == "designator" else doing.clue.owner_unit_id
    hop(doing, unit.id, [], origin)


def hop(doing: Doing, to_unit_id: int, concerned: list[int], from_unit_id: int | None = None) -> None:
    """One step of jurisdiction: noted, and the clue moved."""
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
    """Hands a clue to another unit."""
    move_to(doing.session, doing.clue, to_unit_id, doing.at)


def move_to(session: Session, clue: Clue, to_unit_id: int, at: datetime) -> None:
    """Hands a clue to another unit: who holds it since when, its keys, nobody's desk yet."""
    if clue.owner_unit_id == to_unit_id:
        return
    live = session.scalars(select(Hold).where(Hold.clue_id == clue.id, Hold.until.is_(None))).one()
    live.until = at
    session.flush()
    assisting.end(session, clue, [to_unit_id], at)  # who is the main unit does not assist
    session.add(Hold(clue_id=clue.id, unit_id=to_unit_id, since=at, until=None))
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
