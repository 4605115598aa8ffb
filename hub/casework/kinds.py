"""What an intake is (PRODUCT §4): a person says it; a clue that turns out to be none needs a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import clock
from hub.access import audit
from hub.access.people import Actor, shown_intake
from hub.casework import facts
from hub.casework.acts import apply, effect
from hub.casework.doing import Doing
from hub.casework.errors import RefusedError
from hub.casework.opening import Opening, open_clue
from hub.casework.values import reenrich
from hub.law import workflow
from hub.models import Clue, Event, Intake, IntakeClue, KindDecision, KindObjection, KindProposal, Part, Unit, User
from hub.terms import SITE_PHOTOS, IntakeKind, Role, State

CHECKERS = frozenset({Role.LEAD, Role.SUPERVISOR, Role.STATISTICIAN, Role.AUDITOR})


def set_intake_kind(
    session: Session, who: Actor, intake: Intake, kind: str, reason: str, answer: str = ""
) -> KindProposal | None:
    """A person says what an intake is. Anything but a clue needs a reason, a written one an answer to the sender too.

    Where a clue was registered from it, the first person only proposes (the proposal is returned); a second person who
    says the same decides, and the clue is closed as none by its row of the rule table.
    """
    intake = session.scalars(
        select(Intake).where(Intake.id == intake.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    act = "set_kind.clue" if kind == IntakeKind.CLUE else "set_kind.other"
    clues = _clues(session, intake)
    open_row = session.scalars(
        select(KindProposal).where(KindProposal.intake_id == intake.id, KindProposal.decided_at.is_(None))
    ).first()
    second = open_row is not None and open_row.kind == kind and open_row.by_user != who.user_id
    given: dict[str, Any] = {
        "kind": kind, "reason": reason.strip(), "answer": answer.strip(), "channel": intake.channel,
        "sub_channel": intake.sub_channel, "registered": False,
    }  # fmt: skip
    _refuse(who, act, intake, given)
    if clues and act == "set_kind.other":
        if open_row is None:
            return _propose(session, who, intake, kind, bool(given["answer"]))
        if not second:
            raise _refusal(act, "线索登记后改为非线索须由第二人确认", "guard", "second_person_after_registration")
        open_row.decided_by, open_row.decided_at = who.user_id, clock.now()
        session.flush()
        for clue in clues:
            data = {"kind": kind, "reason": reason, "answer": answer}
            apply(session, who, clue, "close.not_a_clue", {k: v for k, v in data.items() if v})
    elif open_row is not None:  # it is a clue after all
        open_row.decided_by = who.user_id if open_row.by_user != who.user_id else None
        open_row.decided_at = clock.now()
    _count(session, who, intake, kind, open_row if clues and act == "set_kind.other" else None)
    intake.kind = kind
    data = {"kind": kind, "rule": act, "article": workflow.rule(act).article}
    audit.record(session, f"intake:{intake.id}", "set_kind", actor=who.label, data=data)
    return None


def _count(session: Session, who: Actor, intake: Intake, kind: str, proposal: KindProposal | None) -> None:
    """Each decision that something is no clue is counted for its person and unit, and may be sampled."""
    if kind != IntakeKind.CLUE:
        session.add(
            KindDecision(
                intake_id=intake.id, unit_id=who.unit_id, kind=kind, was_clue=proposal is not None,
                proposed_by=proposal.by_user if proposal is not None else None, by_user=who.user_id, at=clock.now(),
            )
        )  # fmt: skip
        session.flush()


def _clues(session: Session, intake: Intake) -> list[Clue]:
    """The clues that stand on this intake alone and are not determined yet."""
    wanted = (
        select(Clue)
        .join(IntakeClue, IntakeClue.clue_id == Clue.id)
        .where(IntakeClue.intake_id == intake.id, Clue.state != State.CLOSED)
        .order_by(Clue.id)
    )
    return list(session.scalars(wanted))


def _propose(session: Session, who: Actor, intake: Intake, kind: str, answered: bool) -> KindProposal:  # noqa: FBT001
    row = KindProposal(intake_id=intake.id, kind=kind, by_user=who.user_id, decided_by=None, decided_at=None)
    session.add(row)
    session.flush()
    data = {"kind": kind, "answered": answered}
    audit.record(session, f"intake:{intake.id}", "propose_kind", actor=who.label, data=data)
    return row


def object_to_kind(
    session: Session, who: Actor, intake: Intake, reason: str, proof: Mapping[str, Any] | None = None
) -> list[Clue]:
    """The sender's one objection to a kind other than clue: what was closed by it is open again with its old base.

    Where no clue was registered one opens now, its base the time of the intake. `proof`: data of the act
    "reopen.objection" that shows the caller to be the sender of a registered clue. Raises RefusedError.
    """
    intake = session.scalars(
        select(Intake).where(Intake.id == intake.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    closed = session.scalars(
        select(Clue)
        .join(IntakeClue, IntakeClue.clue_id == Clue.id)
        .where(IntakeClue.intake_id == intake.id, Clue.close_reason == "not_a_clue")
        .order_by(Clue.id)
    ).all()
    objected = select(KindObjection.clue_id).where(KindObjection.intake_id == intake.id)
    known = session.scalar(objected) is not None
    facts = {"kind_now": intake.kind, "objected": known and not closed, "reason": reason.strip()}
    _refuse(who, "set_kind.objection", intake, facts)
    for clue in closed:
        data = {**(proof or {}), "words": reason}
        apply(session, who, clue, "reopen.objection", data)
    found = list(closed) or [_open_after_all(session, who, intake)]
    intake.kind = IntakeKind.CLUE
    data = {"kind": intake.kind, "rule": "set_kind.objection", "article": workflow.INTERNAL}
    audit.record(session, f"intake:{intake.id}", "set_kind", actor=who.label, data=data)
    session.flush()
    return found


def _open_after_all(session: Session, who: Actor, intake: Intake) -> Clue:
    opening = Opening(
        channel=intake.channel, number=channels()[intake.channel].number, sub_channel=intake.sub_channel,
        unit_id=intake.unit_id, at=intake.at, intake_id=intake.id,
    )  # fmt: skip
    clue = open_clue(session, opening)
    session.add(IntakeClue(intake_id=intake.id, clue_id=clue.id))
    session.execute(update(Part).where(Part.intake_id == intake.id).values(clue_id=clue.id))
    _note_objection(session, intake.id, clue.id, who.user_id, clock.now())
    reenrich(session, clue)
    return clue


def _note_objection(session: Session, intake_id: int, clue_id: int, user_id: int, at: datetime) -> None:
    last = session.scalar(
        select(KindDecision.id).where(KindDecision.intake_id == intake_id).order_by(KindDecision.id.desc()).limit(1)
    )
    session.add(KindObjection(intake_id=intake_id, clue_id=clue_id, decision_id=last, by_user=user_id, at=at))
    session.flush()


def _objection(doing: Doing) -> facts.Facts:
    known = select(KindObjection.intake_id).where(KindObjection.clue_id == doing.clue.id)
    return {"objected": doing.session.scalar(known) is not None, "close_reason": doing.clue.close_reason}


facts.COLLECTORS["first_objection"] = _objection


@effect("reopen.objection")
def reopen(doing: Doing) -> None:
    """State and clocks as before it was called no clue; the objection is noted for each intake it is about."""
    closing = doing.session.scalars(
        select(Event)
        .where(Event.object == f"clue:{doing.clue.id}", Event.act == "close.not_a_clue")
        .order_by(Event.seq.desc())
    ).first()
    assert closing is not None  # the guard has looked
    assert doing.user_id is not None
    doing.target = str(closing.data["from"])
    intakes = (
        select(Intake.id)
        .join(IntakeClue, IntakeClue.intake_id == Intake.id)
        .where(IntakeClue.clue_id == doing.clue.id, Intake.kind.is_not(None), Intake.kind != IntakeKind.CLUE)
        .where(Intake.source_id != SITE_PHOTOS)  # ours, nobody objects for them
        .order_by(Intake.id)
    )
    for intake_id in doing.session.scalars(intakes).all():
        _note_objection(doing.session, intake_id, doing.clue.id, doing.user_id, doing.at)
        doing.session.get_one(Intake, intake_id).kind = IntakeKind.CLUE
    doing.noted["restored"] = doing.target


@dataclass(frozen=True, slots=True)
class KindCount:
    """How often one person of a unit said that something is no clue. `was_clue`: a registered clue was closed by it;
    `objected`: the sender objected.
    """

    unit_id: int
    user_id: int
    name: str
    decisions: int
    was_clue: int
    objected: int


def _decisions(who: Actor, since: datetime, until: datetime) -> Select[Any]:
    """The decisions of the person's unit and those below it, from `since` on and before `until`.

    Not those about intakes of a clue that a wall hides from the person: no count may tell of it.
    """
    return (
        select(KindDecision)
        .join(Unit, Unit.id == KindDecision.unit_id)
        .join(Intake, Intake.id == KindDecision.intake_id)
        .where(Unit.path.contains([who.unit_id]), KindDecision.at >= since, KindDecision.at < until, shown_intake(who))
    )


def kind_counts(session: Session, who: Actor, since: datetime, until: datetime) -> list[KindCount]:
    """Decisions that something is no clue per unit and person of the person's area. Raises RefusedError."""
    _may_check(who)
    about = select(KindObjection.decision_id).where(KindObjection.decision_id.is_not(None))
    query = (
        _decisions(who, since, until)
        .join(User, User.id == KindDecision.by_user)
        .with_only_columns(
            KindDecision.unit_id, KindDecision.by_user, User.name, func.count(),
            func.count().filter(KindDecision.was_clue), func.count().filter(KindDecision.id.in_(about)),
        )
        .group_by(KindDecision.unit_id, KindDecision.by_user, User.name)
        .order_by(KindDecision.unit_id, KindDecision.by_user)
    )  # fmt: skip
    return [KindCount(*row) for row in session.execute(query)]


def kind_decisions(session: Session, who: Actor, since: datetime, until: datetime) -> list[KindDecision]:
    """The decisions behind `kind_counts`, the newest first. Raises RefusedError."""
    _may_check(who)
    return list(session.scalars(_decisions(who, since, until).order_by(KindDecision.id.desc())))


def objected(session: Session, rows: Sequence[KindDecision]) -> set[int]:
    """Ids of those decisions that the sender objected to."""
    wanted = select(KindObjection.decision_id).where(KindObjection.decision_id.in_([row.id for row in rows]))
    return {number for number in session.scalars(wanted) if number is not None}


def quality_sample(
    session: Session, who: Actor, since: datetime, until: datetime, size: int, seed: int = 0
) -> list[KindDecision]:
    """`size` of these decisions by chance, to be looked at again; the same seed draws the same ones."""
    _may_check(who)
    chance = func.hashint8extended(KindDecision.id, seed)
    return list(session.scalars(_decisions(who, since, until).order_by(chance, KindDecision.id).limit(max(0, size))))


def _may_check(who: Actor) -> None:
    if not who.has(CHECKERS):
        raise RefusedError("无权查看认定质量", kind="role")


def _refuse(who: Actor, act: str, intake: Intake, given: dict[str, Any]) -> None:
    row = workflow.rule(act)
    role = next((Role(role) for role in sorted(who.roles) if role in row.roles), Role.AUDITOR)
    if who.unit_id != intake.unit_id:
        raise _refusal(act, "来件由其他单位接收", "unit", "")
    found = workflow.refusal(act, intake.state, role, given)
    if found is not None:
        raise _refusal(act, found.reason, found.kind, found.name)


def _refusal(act: str, reason: str, kind: str, name: str) -> RefusedError:
    return RefusedError(reason, rule=act, article=workflow.rule(act).article, kind=kind, name=name)
