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


class StaffError(ValueError):
    """A person cannot be added like this; the message says why."""


def add(
    session: Session, login: str, name: str, password: str, unit_code: str, roles: Iterable[str], *, demo: bool = False
) -> User:
    """Adds a person. System administrator, security administrator and auditor exclude each other (PRODUCT §10)."""
    wanted = set(roles)
    unknown = wanted - set(Role)
    if unknown:
        raise StaffError(f"no such role: {', '.join(sorted(unknown))}")
    if len(wanted & EXCLUSIVE) > 1:
        raise StaffError("sysadmin, secadmin and auditor exclude each other")
    unit = units.by_code(session, unit_code)
    if unit is None:
        raise StaffError(f"no unit {unit_code}")
    if len(password) < 8:
        raise StaffError("a password has at least 8 characters")
    if session.scalars(select(User).where(User.login == login)).first() is not None:
        raise StaffError(f"{login} exists already")
    person = User(login=login, name=name, password=passwords.hashed(password), demo=demo)
    session.add(person)
    session.flush()
    session.add_all([Grant(user_id=person.id, unit_id=unit.id, role=role) for role in sorted(wanted)])
    audit.record(session, f"user:{person.id}", "add", data={"roles": sorted(wanted), "unit": unit_code})
    return person
