"""Who approves what in a unit: chains of 0-3 steps per act as dated rows, and who stands in for whom (PRODUCT §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.law import workflow
from hub.models import Absence, ApprovalChain, ApprovalStep, Grant, User
from hub.terms import Role

MOST = 3
KEEPERS = frozenset({Role.LEAD, Role.SYSADMIN})
STEP_ROLES = frozenset({Role.HANDLER, Role.LEAD, Role.SUPERVISOR})
FACTS = frozenset(
    {"register", "follow_up", "ask", "verify.record", "tell.determination", "tell.no_violation", "tell.violation"}
)
"""Acts that record what has happened: there is nothing to approve in them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step to be set: everybody of the unit with `role`, or of these only the person `user_id`."""

    label: str
    role: str
    user_id: int | None = None


def approvable(act: str) -> bool:
    """Whether an act is a decision of people on a clue, so that a unit may want it approved."""
    row = workflow.rules().get(act)
    return row is not None and row.object == "clue" and bool(row.roles) and act not in FACTS


def in_force(session: Session, unit_id: int, act: str, day: date | None = None) -> ApprovalChain | None:
    """The chain of the unit for the act on that day (none: today), or None where the act needs no approval."""
    row = session.scalars(
        select(ApprovalChain)
        .where(
            ApprovalChain.unit_id == unit_id, ApprovalChain.act == act, ApprovalChain.since <= (day or clock.today())
        )
        .order_by(ApprovalChain.since.desc(), ApprovalChain.id.desc())
        .limit(1)
    ).first()
    return row if row is not None and steps_of(session, row.id) else None


def steps_of(session: Session, chain_id: int) -> list[ApprovalStep]:
    return list(
        session.scalars(select(ApprovalStep).where(ApprovalStep.chain_id == chain_id).order_by(ApprovalStep.number))
    )


def set_chain(
    session: Session, who: Actor, act: str, steps: Sequence[Step], since: date | None = None
) -> ApprovalChain:
    """From `since` on (none: today) the unit of `who` wants the act approved in these steps; no steps: not any more.

    Never for days that have passed. Raises RefusedError.
    """
    if not who.has(KEEPERS):
        raise RefusedError("只有负责人或系统管理员可以设置审批流程", kind="role")
    if not approvable(act):
        raise RefusedError("这一办理动作不能设置审批", kind="value", name="act")
    if len(steps) > MOST:
        raise RefusedError("审批最多三步", kind="value", name="steps")
    first = since or clock.today()
    if first < clock.today():
        raise RefusedError("审批流程不能从已过去的日期起执行", kind="time", name="since")
    named = [step.user_id for step in steps if step.user_id is not None]
    if len(set(named)) < len(named):
        raise RefusedError("同一人不能承担两个审批步骤", kind="value", name="steps")
    for step in steps:
        if step.role not in STEP_ROLES or not step.label.strip():
            raise RefusedError("审批步骤须写明名称和岗位", kind="value", name="steps")
        if step.user_id is not None and not _holds(session, step.user_id, who.unit_id, step.role):
            raise RefusedError("所列审批人不在本单位该岗位", kind="value", name="steps")
    row = ApprovalChain(unit_id=who.unit_id, act=act, since=first, by_user=who.user_id)
    session.add(row)
    session.flush()
    for number, step in enumerate(steps, 1):
        made = ApprovalStep(
            chain_id=row.id, number=number, label=step.label.strip()[:30], role=step.role, user_id=step.user_id
        )
        session.add(made)
    session.flush()
    data = {"act": act, "since": first.isoformat(), "steps": [[step.role, step.user_id] for step in steps]}
    audit.record(session, f"unit:{who.unit_id}", "approval.chain", actor=who.label, data=data)
    return row


def _holds(session: Session, user_id: int, unit_id: int, role: str | None = None) -> bool:
    wanted = select(Grant.id).where(Grant.user_id == user_id, Grant.unit_id == unit_id)
    wanted = wanted.join(User, User.id == Grant.user_id).where(User.active)
    return session.scalar(wanted if role is None else wanted.where(Grant.role == role)) is not None


def set_absence(session: Session, who: Actor, user_id: int, deputy_id: int, since: date, until: date) -> Absence:
    """From `since` to `until`, both included, `deputy_id` fills the steps of `user_id`. Own absence, or by the lead."""
    if who.user_id != user_id and not who.has(frozenset({Role.LEAD})):
        raise RefusedError("只能登记本人的离岗，或由负责人登记", kind="role")
    if user_id == deputy_id:
        raise RefusedError("代理人不能是本人", kind="value", name="deputy")
    if not (_holds(session, user_id, who.unit_id) and _holds(session, deputy_id, who.unit_id)):
        raise RefusedError("离岗人和代理人须是本单位在岗人员", kind="value", name="deputy")
    if until < since or until < clock.today():
        raise RefusedError("离岗起止日期不正确", kind="time", name="until")
    row = Absence(
        unit_id=who.unit_id, user_id=user_id, deputy_id=deputy_id, since=since, until=until, by_user=who.user_id,
        ended_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    data = {"user": user_id, "deputy": deputy_id, "since": since.isoformat(), "until": until.isoformat()}
    audit.record(session, f"unit:{who.unit_id}", "absence", actor=who.label, data=data)
    return row


def end_absence(session: Session, who: Actor, absence_id: int) -> None:
    """Back earlier than entered: the deputy stands in no more."""
    row = session.get(Absence, absence_id, with_for_update=True)
    own = row is not None and row.unit_id == who.unit_id and (row.user_id == who.user_id or Role.LEAD in who.roles)
    if row is None or not own or row.ended_at is not None:
        raise RefusedError("没有这条离岗记录", kind="state")
    row.ended_at = clock.now()
    session.flush()
    audit.record(session, f"unit:{row.unit_id}", "absence.end", actor=who.label, data={"user": row.user_id})


_STOOD_IN_FOR = select(Absence.user_id).where(
    Absence.deputy_id == bindparam("deputy"), Absence.unit_id == bindparam("unit"), Absence.since <= bindparam("day"),
    Absence.until >= bindparam("day"), Absence.ended_at.is_(None),
)  # fmt: skip


def stood_in_for(user_id: int, unit_id: int) -> Select[int]:
    """Ids of those whom the person stands in for today."""
    given = {"deputy": user_id, "unit": unit_id, "day": clock.today()}
    return _STOOD_IN_FOR.params(**given)


def stands_in_for(session: Session, user_id: int, unit_id: int) -> set[int]:
    """Whose steps the person fills today besides their own; whose clues stand among their own."""
    given = {"deputy": user_id, "unit": unit_id, "day": clock.today()}
    return set(session.scalars(_STOOD_IN_FOR, given))


def fills(session: Session, who: Actor, step: ApprovalStep, unit_id: int) -> list[int | None]:
    """As whom the person may fill the step: None is in their own right, else the id of whom they stand in for."""
    if who.unit_id != unit_id:
        return []
    found: list[int | None] = []
    if step.role in who.roles and step.user_id in (None, who.user_id):
        found.append(None)
    found += [
        absent
        for absent in sorted(stands_in_for(session, who.user_id, unit_id))
        if step.user_id in (None, absent) and _holds(session, absent, unit_id, step.role)
    ]
    return found


def chains(session: Session, unit_id: int) -> list[tuple[ApprovalChain, list[ApprovalStep]]]:
    """Every chain row of the unit, the newest first, for the screen of rules with their history."""
    rows = session.scalars(
        select(ApprovalChain)
        .where(ApprovalChain.unit_id == unit_id)
        .order_by(ApprovalChain.act, ApprovalChain.since.desc(), ApprovalChain.id.desc())
    ).all()
    steps: dict[int, list[ApprovalStep]] = {row.id: [] for row in rows}
    query = select(ApprovalStep).where(ApprovalStep.chain_id.in_(steps))
    for step in session.scalars(query.order_by(ApprovalStep.number)) if rows else ():
        steps[step.chain_id].append(step)
    return [(row, steps[row.id]) for row in rows]
