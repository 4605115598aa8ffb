"""Passwords: argon2id, a policy by profile, lock-out counted in SQL, the same time for unknown people."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, commonness
from hub.access.sealing import blind
from hub.models import QueryLimit, User
from hub.settings import settings

TRIES, LOCK = 5, timedelta(minutes=15)
ADDRESS_TRIES = 50  # failures of one address in `LOCK`: an office behind one address still gets in
LONGEST = 200
NOBODY = "sign-in"  # the object of refused sign-ins under names that nobody has
KINDS, MIXED, PLAIN, MAX_AGE = 3, 8, 10, timedelta(days=90)
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's argon2id parameters


class PasswordError(ValueError):
    """A new password does not keep the policy; the message says which rule."""


def _mixed() -> bool:
    return settings().password_profile == "mixed"  # noqa: S105  the name of a profile


def hashed(password: str) -> str:
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return hashed("an account that does not exist")


def check_policy(password: str, login: str = "") -> None:
    """Raises PasswordError where the password does not keep the profile of this installation."""
    if len(password) > LONGEST:
        raise PasswordError(f"密码不能超过 {LONGEST} 个字符")
    least = MIXED if _mixed() else PLAIN
    if len(password) < least:
        raise PasswordError(f"密码至少 {least} 个字符")
    kinds = sum((any(c.islower() for c in password), any(c.isupper() for c in password),
                 any(c.isdigit() for c in password), any(not c.isalnum() for c in password)))  # fmt: skip
    if _mixed() and kinds < KINDS:
        raise PasswordError("密码须含大写字母、小写字母、数字、符号中的至少三种")
    if commonness.is_common(password) or (login and login.lower() in password.lower()):
        raise PasswordError("密码过于常见，或包含用户名，请换一个")


def must_change(user: User | Row[Any]) -> bool:
    """Whether the next thing this person does is a new password."""
    old = _mixed() and clock.real() - user.password_at > MAX_AGE
    return bool(user.must_change or (old and not user.demo))


def change(user: User, old: str, new: str) -> None:
    """Sets a new password. Raises PasswordError where the old one is wrong or the new one is refused."""
    if not matches(user.password, old):
        raise PasswordError("当前密码不正确")
    check_policy(new, user.login)
    if matches(user.password, new):
        raise PasswordError("新密码不能与当前密码相同")
    user.password, user.must_change, user.password_at = hashed(new), False, clock.real()


def check(session: Session, login: str, password: str, address: str = "") -> User | None:
    """The person, if the password is right and neither account nor address is locked. Counts and logs failures.

    Unknown people cost what wrong passwords cost: one hash, the same counters and statements, one event. What was typed
    as a name stands in the log as a keyed hash only: it may be a password in the wrong box.
    """
    user = session.scalars(select(User).where(User.login == login).with_for_update()).first()
    now = clock.real()
    right = matches(user.password if user else _nobody(), password)
    blocked = _blocked(session, address, now)
    locked = user is not None and user.locked_until is not None and user.locked_until > now
    if user is not None and right and user.active and not locked and not blocked:
        user.failed, user.locked_until = 0, None
        return user
    name = blind("sign-in name", login)
    _count(session, blind("sign-in address", address), now)
    _count(session, name, now)
    if user is not None and not locked:
        note_failure(user)
        session.flush()
    else:
        session.execute(update(User).where(User.id == 0).values(failed=0))  # nobody: the same work as for somebody
    obj, why = (f"user:{user.id}", "locked" if locked else "wrong") if user is not None else (NOBODY, "unknown")
    told = {"way": "password", "why": "address" if blocked else why, "name": name.hex()}
    audit.record(session, obj, "sign_in_refused", data=told)
    return None


def note_failure(user: User) -> None:
    """Counts a wrong password or second factor; locks the account at the fifth in a row."""
    user.failed += 1
    if user.failed >= TRIES:
        user.failed, user.locked_until = 0, clock.real() + LOCK


def is_locked(user: User) -> bool:
    return user.locked_until is not None and user.locked_until > clock.real()


def _blocked(session: Session, address: str, now: datetime) -> bool:
    row = session.get(QueryLimit, blind("sign-in address", address)) if address else None
    return row is not None and row.failed >= ADDRESS_TRIES and now - row.since <= LOCK


def _count(session: Session, token: bytes, now: datetime) -> None:
    row = session.get(QueryLimit, token, with_for_update=True)
    if row is not None and now - row.since > LOCK:
        row.failed, row.since = 1, now
        return
    first = insert(QueryLimit).values(asker=token, failed=1, since=now)
    session.execute(first.on_conflict_do_update(index_elements=["asker"], set_={"failed": QueryLimit.failed + 1}))


def matches(stored: str, password: str) -> bool:
    """Whether this is the password. Never raises for a hash that is none (an account without password)."""
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
