"""What an intake is (PRODUCT §4): a person says it; a clue that turns out to be none needs a second person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework.acts import apply
from hub.casework.errors import RefusedError
from hub.law import workflow
from hub.models import Clue, Intake, IntakeClue, KindProposal
from hub.terms import IntakeKind, Role, State


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
    intake.kind = kind
    data = {"kind": kind, "rule": act, "article": workflow.rule(act).article}
    audit.record(session, f"intake:{intake.id}", "set_kind", actor=who.label, data=data)
    return None


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
