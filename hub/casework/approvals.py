"""Acts that wait for approval: proposed → reviewed → approved, then done through the same `apply` (PRODUCT §5).

Nothing of a proposed act is in force, and no clock waits for it: it happens at the moment of the last step, when every
check runs once more. One person never fills two steps, the proposer none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, people
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import acts, chains
from hub.casework.acts import Done
from hub.casework.changes import announce, lock
from hub.casework.errors import RefusedError
from hub.law import workflow
from hub.models import ActProposal, ApprovalDecision, ApprovalStep, Clue, ClueUnit, User
from hub.terms import Role

APPROVE, SEND_BACK = "approve", "send_back"
_PRIVATE = frozenset({"query_code", "name", "contact"})
"""Data that prove who a reporter is: kept sealed for the act, never shown on the sheet."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal as a list shows it. `step` of `steps` is the one it waits for; `stale`: the clue is another now."""

    id: int
    clue_id: int
    clue_no: str
    act: str
    label: str
    article: str
    proposer: str
    at: datetime
    step: int
    steps: int
    waits_for: str
    may_decide: bool
    mine: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the printed sheet: proposed, or a step with its opinion. `deputy_for`: name of who is absent."""

    label: str
    person: str
    deputy_for: str
    verdict: str
    opinion: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """A proposal with its data and opinions, to be read and printed."""

    id: int
    clue_no: str
    act: str
    label: str
    article: str
    state: str
    data: dict[str, Any]
    lines: tuple[Line, ...]


def propose(
    session: Session, who: Actor, clue: Clue, act: str, data: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> ActProposal:  # fmt: skip
    """Puts an act forward for approval. It must be lawful now: it is tried whole and taken back.

    Raises RefusedError as `apply` would; also where the unit wants no approval for the act.
    """
    doing = acts.begin(session, who, clue, act, data, version)
    clue = doing.clue
    given = {name: _plain(value) for name, value in doing.data.items()}
    tried = session.begin_nested()
    try:
        doing.approval = 0
        acts.do(doing)
    finally:
        tried.rollback()
    clue = lock(session, {clue.id})[clue.id]
    chain = chains.in_force(session, who.unit_id, act)
    if chain is None:
        raise doing.refused("本单位未规定此项须经审批，可直接办理", "approval", act)
    waiting = select(ActProposal.id).where(
        ActProposal.clue_id == clue.id, ActProposal.act == act, ActProposal.state == "open"
    )
    if session.scalar(waiting) is not None:
        raise doing.refused("该线索的同一事项正在审批", "approval", act)
    row = ActProposal(
        clue_id=clue.id, unit_id=who.unit_id, chain_id=chain.id, act=act,
        data=open_key(session, clue.key_id).seal_json(given, "act_proposal.data"), clue_state=clue.state,
        owner_unit_id=clue.owner_unit_id, by_user=who.user_id, at=clock.now(), ended_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _log(session, row, "approval.propose", who, {"chain": chain.id})
    announce(session, clue)
    return row


def _plain(value: Any) -> Any:
    """A datum as JSON keeps it; days and moments as ISO text, which acts read as well."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return value


def decide(session: Session, who: Actor, proposal_id: int, verdict: str, opinion: str) -> Done | None:
    """Fills the next step. Approving the last one does the act; then what was done is returned.

    Sending back needs an opinion. Raises RefusedError: not theirs to decide, or the act is not lawful any more; it
    stays open then, to be sent back or withdrawn.
    """
    row, clue = _open(session, who, proposal_id)
    steps = chains.steps_of(session, row.chain_id)
    step = steps[row.step - 1]
    for_user = _as_whom(session, who, row, step)
    words = opinion.strip()
    if verdict not in (APPROVE, SEND_BACK):
        raise _refused(row, "审批意见只能是同意或退回", "value", "verdict")
    if verdict == SEND_BACK and not words:
        raise _refused(row, "退回须写明意见", "missing", "opinion")
    now = clock.now()
    session.add(
        ApprovalDecision(
            proposal_id=row.id, step=row.step, verdict=verdict, by_user=who.user_id, for_user=for_user, at=now,
            opinion=open_key(session, clue.key_id).seal(words[:2000] or "同意", "approval_decision.opinion"),
        )
    )  # fmt: skip
    session.flush()
    _log(session, row, "approval.decide", who, {"step": row.step, "verdict": verdict, "for": for_user})
    done: Done | None = None
    if verdict == SEND_BACK:
        row.state, row.ended_at = "sent_back", now
    elif row.step < len(steps):
        row.step += 1
    else:
        row.state, row.ended_at = "done", now
        session.flush()
        done = _take_effect(session, row, clue)
    session.flush()
    announce(session, clue)
    return done


def _take_effect(session: Session, row: ActProposal, clue: Clue) -> Done:
    """Does the act for its proposer at this moment; a designation is issued on the day it is approved."""
    if _stale(row, clue):
        raise _refused(row, "提出后线索已变化，不能按原提请办理，请退回", "stale")
    proposer = people.actor(session, row.by_user)
    if proposer is None or proposer.unit_id != row.unit_id:
        raise _refused(row, "提出人已不在本单位岗位，请退回", "stale")
    data = dict(open_key(session, clue.key_id).json(row.data, "act_proposal.data"))
    if "issued" in data:
        data["issued"] = clock.today().isoformat()
    doing = acts.begin(session, proposer, clue, row.act, data)
    doing.approval = row.id
    doing.noted["approved_by"] = list(
        session.scalars(
            select(ApprovalDecision.by_user)
            .where(ApprovalDecision.proposal_id == row.id)
            .order_by(ApprovalDecision.step)
        )
    )
    try:
        return acts.do(doing)
    except RefusedError as error:
        raise RefusedError(
            f"审批时已不能办理：{error}。请退回",
            rule=error.rule,
            article=error.article,
            kind=error.kind,
            name=error.name,
        ) from None


def withdraw(session: Session, who: Actor, proposal_id: int) -> None:
    """Takes a proposal back: its proposer, or the lead of the unit."""
    row, clue = _open(session, who, proposal_id)
    if row.by_user != who.user_id and Role.LEAD not in who.roles:
        raise _refused(row, "只有提出人或负责人可以撤回", "role")
    row.state, row.ended_at = "withdrawn", clock.now()
    session.flush()
    _log(session, row, "approval.withdraw", who, {})
    announce(session, clue)


_ANY_OPEN = select(ActProposal.id).where(ActProposal.state == "open", ActProposal.unit_id == bindparam("unit")).limit(1)


def open_proposals(session: Session, who: Actor) -> list[Pending]:
    """The open proposals of the person's unit that they may decide now, made themselves, or lead; oldest first."""
    if session.execute(_ANY_OPEN, {"unit": who.unit_id}).first() is None:  # as nearly always
        return []
    seen = people.visible(who).with_only_columns(ClueUnit.clue_id)
    rows = session.execute(
        select(ActProposal, Clue, User.name)
        .join(Clue, Clue.id == ActProposal.clue_id)
        .join(User, User.id == ActProposal.by_user)
        .where(ActProposal.state == "open", ActProposal.unit_id == who.unit_id, ActProposal.clue_id.in_(seen))
        .order_by(ActProposal.id)
    ).all()
    found = [_pending(session, who, row, clue, name) for row, clue, name in rows]
    return [one for one in found if one.may_decide or one.mine or Role.LEAD in who.roles]


def _pending(session: Session, who: Actor, row: ActProposal, clue: Clue, proposer: str) -> Pending:
    rule = workflow.rule(row.act)
    steps = chains.steps_of(session, row.chain_id)
    step = steps[row.step - 1]
    return Pending(
        id=row.id, clue_id=clue.id, clue_no=clue.no, act=row.act, label=rule.label, article=rule.article,
        proposer=proposer, at=row.at, step=row.step, steps=len(steps), waits_for=step.label,
        may_decide=bool(_choices(session, who, row, step)), mine=row.by_user == who.user_id, stale=_stale(row, clue),
    )  # fmt: skip


def sheet(session: Session, who: Actor, proposal_id: int) -> Sheet:
    """A proposal of the person's unit with its data, steps and opinions, also when it has ended."""
    row, clue = _row(session, who, proposal_id)
    if not who.has(chains.STEP_ROLES):
        raise RefusedError("无权查看审批单", kind="role")
    key, rule = open_key(session, clue.key_id), workflow.rule(row.act)
    names = {step.number: step.label for step in chains.steps_of(session, row.chain_id)}
    ids = select(ApprovalDecision.by_user).where(ApprovalDecision.proposal_id == row.id)
    absent = select(ApprovalDecision.for_user).where(ApprovalDecision.proposal_id == row.id)
    involved = or_(User.id == row.by_user, User.id.in_(ids), User.id.in_(absent))
    people_by_id = {one.id: one.name for one in session.execute(select(User.id, User.name).where(involved))}
    lines = [Line("提出", people_by_id[row.by_user], "", "", "", row.at)]
    decided = session.scalars(
        select(ApprovalDecision).where(ApprovalDecision.proposal_id == row.id).order_by(ApprovalDecision.step)
    )
    lines += [
        Line(
            label=names[one.step],
            person=people_by_id[one.by_user],
            deputy_for=people_by_id[one.for_user] if one.for_user else "",
            verdict="同意" if one.verdict == APPROVE else "退回",
            opinion=key.text(one.opinion, "approval_decision.opinion"),
            at=one.at,
        )
        for one in decided
    ]
    data = key.json(row.data, "act_proposal.data")
    shown = {name: value for name, value in data.items() if name not in _PRIVATE}
    return Sheet(row.id, clue.no, row.act, rule.label, rule.article, row.state, shown, tuple(lines))


def proposals_of(session: Session, clue_id: int) -> list[ActProposal]:
    """Every proposal on the clue, oldest first."""
    return list(session.scalars(select(ActProposal).where(ActProposal.clue_id == clue_id).order_by(ActProposal.id)))


def _row(session: Session, who: Actor, proposal_id: int) -> tuple[ActProposal, Clue]:
    row = session.get(ActProposal, proposal_id)
    seen = people.visible(who).where(ClueUnit.clue_id == row.clue_id) if row is not None else None
    if row is None or row.unit_id != who.unit_id or seen is None or session.scalars(seen).first() is None:
        raise RefusedError("没有这项审批", kind="state")
    return row, session.get_one(Clue, row.clue_id)


def _open(session: Session, who: Actor, proposal_id: int) -> tuple[ActProposal, Clue]:
    """The proposal, its clue locked first as every act does it. Raises RefusedError where it is not open or theirs."""
    row, clue = _row(session, who, proposal_id)
    clue = lock(session, {clue.id})[clue.id]
    session.refresh(row, with_for_update=True)
    if row.state != "open":
        raise _refused(row, "该项审批已结束", "state")
    return row, clue


def _choices(session: Session, who: Actor, row: ActProposal, step: ApprovalStep) -> list[int | None]:
    """As whom the person may fill the step, nobody of this proposal before counted."""
    rows = session.execute(
        select(ApprovalDecision.by_user, ApprovalDecision.for_user).where(ApprovalDecision.proposal_id == row.id)
    )
    before = {row.by_user} | {user for one in rows for user in one if user is not None}
    if who.user_id in before:
        return []
    return [one for one in chains.fills(session, who, step, row.unit_id) if one not in before]


def _as_whom(session: Session, who: Actor, row: ActProposal, step: ApprovalStep) -> int | None:
    choices = _choices(session, who, row, step)
    if choices:
        return choices[0]
    if chains.fills(session, who, step, row.unit_id):
        raise _refused(row, "同一人不能承担两个审批环节，提出人不能审批", "guard", "other_person")
    raise _refused(row, f"本步骤由“{step.label}”办理，无权审批", "role")


def _stale(row: ActProposal, clue: Clue) -> bool:
    return (row.clue_state, row.owner_unit_id) != (clue.state, clue.owner_unit_id)


def _refused(row: ActProposal, reason: str, kind: str, name: str = "") -> RefusedError:
    return RefusedError(reason, rule=row.act, article=workflow.rule(row.act).article, kind=kind, name=name)


def _log(session: Session, row: ActProposal, act: str, who: Actor, data: dict[str, Any]) -> None:
    told = {"proposal": row.id, "act": row.act, **data}
    audit.record(session, f"clue:{row.clue_id}", act, actor=who.label, data=told)
