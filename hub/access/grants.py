"""People and their roles: the system administrator proposes, the security administrator confirms (PRODUCT §10).

What gives rights takes two people; what takes rights away takes one and acts at once, because every request reads the
roles anew. Nobody acts on themselves.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, factors, passwords, sessions, staff
from hub.access.people import Actor
from hub.jurisdiction import units
from hub.models import Grant, GrantChange, SecondFactor, SignIn, Unit, User
from hub.terms import Role

ADMINISTRATORS = staff.ADMINISTRATORS
SHOWN_TO = frozenset({Role.SYSADMIN, Role.SECADMIN, Role.AUDITOR})
HISTORY = 200


class GrantError(ValueError):
    """Not like this; the message names the rule and is for the person."""


@dataclass
class Person:
    """A line of the list of people."""

    id: int
    login: str
    name: str
    unit: str
    active: bool
    factors: int
    last: datetime | None
    roles: list[str] = field(default_factory=list)
    locked: bool = False


def _scope(who: Actor) -> Select[int]:
    """Ids of the units this administrator answers for: the own one and those below."""
    return select(Unit.id).where(Unit.path.contains([who.unit_id]))


def _only(who: Actor, *roles: Role) -> None:
    if not who.has(frozenset(roles)):
        raise GrantError("您的岗位不办理这项")


def _person(session: Session, who: Actor, user_id: int) -> User:
    """The person, if within this administrator's units (or without any role yet)."""
    user = session.get(User, user_id, with_for_update=True)
    held = set(session.scalars(select(Grant.unit_id).where(Grant.user_id == user_id)))
    asked = set(session.scalars(select(GrantChange.unit_id).where(GrantChange.user_id == user_id)))
    mine = set(session.scalars(_scope(who)))
    if user is None or not (held or asked) <= mine:
        raise GrantError("没有这个人员")
    return user


def _unit(session: Session, who: Actor, code: str) -> Unit:
    unit = units.by_code(session, code)
    if unit is None or unit.id not in set(session.scalars(_scope(who))):
        raise GrantError(f"没有代码为 {code[:20]} 的本级或下级单位")
    return unit


def add_person(session: Session, who: Actor, login: str, name: str, unit_code: str, roles: list[str]) -> str:
    """A new person without any right, and the roles proposed for them. Returns the first password, shown once."""
    _only(who, Role.SYSADMIN)
    login, name = login.strip(), name.strip()
    if not login.isascii() or not login.replace("-", "").replace("_", "").replace(".", "").isalnum() or len(login) > 40:
        raise GrantError("用户名用字母、数字、点、横线，最多 40 个字符")
    if not name or len(name) > 40:
        raise GrantError("请填写姓名")
    if session.scalars(select(User.id).where(User.login == login)).first() is not None:
        raise GrantError("用户名已存在")
    if not roles:
        raise GrantError("请至少选择一个岗位")
    _unit(session, who, unit_code)
    first = secrets.token_urlsafe(12)
    user = User(login=login, name=name, password=passwords.hashed(first), must_change=True)
    session.add(user)
    session.flush()
    audit.record(session, f"user:{user.id}", "add", actor=who.label, data={"unit": unit_code})
    for role in roles:
        propose(session, who, user.id, unit_code, role, "新增人员")
    return first


def propose(session: Session, who: Actor, user_id: int, unit_code: str, role: str, reason: str) -> GrantChange:
    """The system administrator asks for a role of somebody else. Gives no right yet."""
    _only(who, Role.SYSADMIN)
    user, unit, reason = _person(session, who, user_id), _unit(session, who, unit_code), " ".join(reason.split())[:200]
    if role not in set(Role):
        raise GrantError("没有这个岗位")
    if user.id == who.user_id:
        raise GrantError("不能为自己申请岗位")
    if not reason:
        raise GrantError("请写明理由")
    _check(session, user.id, unit.id, role)
    row = GrantChange(user_id=user.id, unit_id=unit.id, role=role, act="grant", reason=reason, proposed_by=who.user_id)
    session.add(row)
    session.flush()
    audit.record(session, f"user:{user.id}", "grant_proposed", actor=who.label, data={"role": role, "unit": unit.code})
    return row


def _check(session: Session, user_id: int, unit_id: int, role: str, *, but: int = 0) -> None:
    held = session.execute(select(Grant.unit_id, Grant.role).where(Grant.user_id == user_id)).all()
    asked = session.execute(
        select(GrantChange.unit_id, GrantChange.role).where(
            GrantChange.user_id == user_id, GrantChange.state == "open", GrantChange.id != but
        )
    ).all()
    every = [*held, *asked]
    if (unit_id, role) in {(row.unit_id, row.role) for row in every}:
        raise GrantError("这个岗位已有或已在申请")
    if any(row.unit_id != unit_id for row in every):
        raise GrantError("一人只在一个单位任职：请先撤销在其他单位的岗位")
    problem = staff.conflict({role, *(row.role for row in every)})
    if problem:
        raise GrantError(problem)


def decide(session: Session, who: Actor, change_id: int, *, confirm: bool) -> GrantChange:
    """The security administrator confirms or refuses; a confirmed role works with the person's next request."""
    _only(who, Role.SECADMIN)
    row = session.get(GrantChange, change_id, with_for_update=True)
    if row is None or row.unit_id not in set(session.scalars(_scope(who))):
        raise GrantError("没有这个申请")
    if row.state != "open":
        raise GrantError("这个申请已经处理")
    if row.proposed_by == who.user_id:
        raise GrantError("提出和确认须是两个人")
    if row.user_id == who.user_id:
        raise GrantError("不能确认自己的岗位")
    user = session.get_one(User, row.user_id, with_for_update=True)
    if confirm and not user.active:
        raise GrantError("账户已停用")
    row.state, row.decided_by, row.decided_at = "confirmed" if confirm else "refused", who.user_id, clock.real()
    if confirm:
        _check(session, row.user_id, row.unit_id, row.role, but=row.id)
        session.add(Grant(user_id=row.user_id, unit_id=row.unit_id, role=row.role))
    act = "grant" if confirm else "grant_refused"
    audit.record(session, f"user:{row.user_id}", act, actor=who.label, data={"role": row.role, "change": row.id})
    return row


def revoke(session: Session, who: Actor, user_id: int, role: str, reason: str) -> None:
    """Takes a role away, at once: one administrator suffices."""
    _only(who, *ADMINISTRATORS)
    user, reason = _person(session, who, user_id), " ".join(reason.split())[:200]
    row = session.scalars(select(Grant).where(Grant.user_id == user.id, Grant.role == role)).first()
    if row is None:
        raise GrantError("没有这个岗位")
    if user.id == who.user_id:
        raise GrantError("不能撤销自己的岗位")
    if not reason:
        raise GrantError("请写明理由")
    now = clock.real()
    session.add(
        GrantChange(
            user_id=user.id, unit_id=row.unit_id, role=role, act="revoke", reason=reason, state="confirmed",
            proposed_by=who.user_id, decided_by=who.user_id, decided_at=now,
        )
    )  # fmt: skip
    session.delete(row)
    audit.record(session, f"user:{user.id}", "revoke", actor=who.label, data={"role": role})


def end_account(session: Session, who: Actor, user_id: int) -> None:
    """Ends an account with its sessions, at once: one administrator suffices. Its keys for programs die with it."""
    _only(who, *ADMINISTRATORS)
    user = _person(session, who, user_id)
    if user.id == who.user_id:
        raise GrantError("不能停用自己")
    user.active = False
    sessions.revoke(session, user.id, by=who.label)
    audit.record(session, f"user:{user.id}", "account_ended", actor=who.label)


def new_password(session: Session, who: Actor, user_id: int) -> str:
    """A first password for somebody who forgot theirs: the system administrator's act. Their second factor stays."""
    _only(who, Role.SYSADMIN)
    user = _person(session, who, user_id)
    if user.id == who.user_id:
        raise GrantError("请在“我的账户”修改自己的密码")
    first = secrets.token_urlsafe(12)
    user.password, user.must_change, user.password_at = passwords.hashed(first), True, clock.real()
    user.failed, user.locked_until = 0, None
    sessions.revoke(session, user.id, by=who.label)
    audit.record(session, f"user:{user.id}", "password_reset", actor=who.label)
    return first


def reset_factors(session: Session, who: Actor, user_id: int) -> None:
    """Removes lost second factors: the security administrator's act. The password stays, so one alone opens nothing."""
    _only(who, Role.SECADMIN)
    user = _person(session, who, user_id)
    if user.id == who.user_id:
        raise GrantError("不能重置自己的二次验证")
    factors.reset(session, user.id, who.label)
    sessions.revoke(session, user.id, by=who.label)


# ---- the page


def people(session: Session, who: Actor) -> list[Person]:
    """Everybody with a role, present or proposed, in the administrator's units."""
    mine = _scope(who)
    ids = select(Grant.user_id).where(Grant.unit_id.in_(mine)).union(
        select(GrantChange.user_id).where(GrantChange.unit_id.in_(mine))
    )  # fmt: skip
    confirmed = select(SecondFactor.user_id, func.count().label("n")).where(SecondFactor.confirmed)
    held = confirmed.group_by(SecondFactor.user_id).subquery()
    last = select(SignIn.user_id, func.max(SignIn.seen).label("at")).group_by(SignIn.user_id).subquery()
    rows = session.execute(
        select(User, func.coalesce(held.c.n, 0), last.c.at)
        .outerjoin(held, held.c.user_id == User.id)
        .outerjoin(last, last.c.user_id == User.id)
        .where(User.id.in_(ids))
        .order_by(User.active.desc(), User.login)
    ).all()
    found = {
        user.id: Person(user.id, user.login, user.name, "", user.active, n, at, locked=passwords.is_locked(user))
        for user, n, at in rows
    }
    roles = select(Grant.user_id, Grant.role, Unit.name).join(Unit, Unit.id == Grant.unit_id)
    for user_id, role, unit in session.execute(roles.where(Grant.user_id.in_(found)).order_by(Grant.role)):
        found[user_id].roles.append(role)
        found[user_id].unit = unit
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the open proposals or of the history."""

    id: int
    at: datetime
    person: str
    user_id: int
    unit: str
    role: str
    act: str
    reason: str
    state: str
    proposed_by: str
    decided_by: str


def changes(session: Session, who: Actor, *, still_open: bool) -> list[Line]:
    """Open proposals, or the history, the newest first."""
    person, first, second = (select(User.id, User.name).subquery() for _ in range(3))
    query = (
        select(GrantChange, person.c.name, Unit.name, first.c.name, second.c.name)
        .join(person, person.c.id == GrantChange.user_id)
        .join(Unit, Unit.id == GrantChange.unit_id)
        .join(first, first.c.id == GrantChange.proposed_by)
        .outerjoin(second, second.c.id == GrantChange.decided_by)
        .where(GrantChange.unit_id.in_(_scope(who)), (GrantChange.state == "open") == still_open)
    )
    return [
        Line(
            row.id, clock.china(row.decided_at or row.proposed_at), name, row.user_id, unit, row.role, row.act,
            row.reason, row.state, asked, decided or "",
        )
        for row, name, unit, asked, decided in session.execute(query.order_by(GrantChange.id.desc()).limit(HISTORY))
    ]  # fmt: skip
