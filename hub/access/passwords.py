"""Passwords: argon2id, lock-out counted in SQL, the same time for unknown people."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.models import User

TRIES, LOCK = 5, timedelta(minutes=15)
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's argon2id parameters


def hashed(password: str) -> str:
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return hashed("an account that does not exist")


def check(session: Session, login: str, password: str) -> User | None:
    """The person, if the password is right and the account is neither locked nor ended. Counts failures."""
    user = session.scalars(select(User).where(User.login == login).with_for_update()).first()
    now = clock.real()
    right = _matches(user.password if user else _nobody(), password)
    if user is None or not user.active or (user.locked_until is not None and user.locked_until > now):
        return None
    if right:
        user.failed, user.locked_until = 0, None
        return user
    user.failed += 1
    if user.failed >= TRIES:
        user.failed, user.locked_until = 0, now + LOCK
    return None


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
