"""Adding people and their roles."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import audit, passwords
from hub.jurisdiction import units
from hub.models import Grant, User
from hub.terms import Role

EXCLUSIVE = frozenset({Role.SYSADMIN, Role.SECADMIN, Role.AUDITOR})
ADMINISTRATORS = frozenset({Role.SYSADMIN, Role.SECADMIN})


class StaffError(ValueError):
    """A person cannot be added like this; the message says why."""


def conflict(roles: Iterable[str]) -> str:
    """Why nobody may hold these roles together; "" where they may."""
    wanted = set(roles)
    if len(wanted & EXCLUSIVE) > 1:
        return "系统管理员、安全管理员、审计员互斥（sysadmin, secadmin and auditor exclude each other）"
    if wanted & ADMINISTRATORS and len(wanted) > 1:
        return "管理员不得兼任经办岗位：管理员不接触线索内容（administrators hold no other role）"
    return ""


def add(
    session: Session, login: str, name: str, password: str, unit_code: str, roles: Iterable[str], *, demo: bool = False
) -> User:
    """Adds a person. System administrator, security administrator and auditor exclude each other (PRODUCT §10)."""
    wanted = set(roles)
    unknown = wanted - set(Role)
    if unknown:
        raise StaffError(f"no such role: {', '.join(sorted(unknown))}")
    problem = conflict(wanted)
    if problem:
        raise StaffError(problem)
    unit = units.by_code(session, unit_code)
    if unit is None:
        raise StaffError(f"no unit {unit_code}")
    if not demo:
        try:
            passwords.check_policy(password, login)
        except passwords.PasswordError as error:
            raise StaffError(str(error)) from None
    if session.scalars(select(User).where(User.login == login)).first() is not None:
        raise StaffError(f"{login} exists already")
    person = User(login=login, name=name, password=passwords.hashed(password), demo=demo)
    session.add(person)
    session.flush()
    session.add_all([Grant(user_id=person.id, unit_id=unit.id, role=role) for role in sorted(wanted)])
    audit.record(session, f"user:{person.id}", "add", data={"roles": sorted(wanted), "unit": unit_code})
    return person
