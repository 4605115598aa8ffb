"""Server-side sessions: the cookie holds a random token, the table its hash; deleting the row ends it at once.

A session is *half* while a second factor or a new password is still owed: it opens nothing but the pages that ask
for these.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, select, update
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, factors, passwords
from hub.access.people import Actor, person
from hub.models import Grant, SecondFactor, SignIn, Unit, User
from hub.settings import settings

SEEN_EVERY = timedelta(minutes=1)
_BROWSERS = (("Edg", "Edge"), ("MicroMessenger", "微信"), ("Firefox", "Firefox"), ("Chrome", "Chrome"),
             ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("Mac OS", "macOS"),
            ("Linux", "Linux"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A live session. `owes`: "" (whole), "factor" or "password"; `actor`: who may act, once nothing is owed."""

    user_id: int
    name: str
    csrf: str
    factor_at: datetime | None
    owes: str
    stale: bool
    actor: Actor | None


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def name(row: SignIn | Row[Any]) -> str:
    """How a session stands in the log and in the list of one's sessions: never the token."""
    return str(row.token.hex()[:12])


def kind_of(agent: str) -> str:
    """`Firefox · Windows`, as far as the browser's own words tell."""
    found = (next((label for mark, label in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS))
    return " · ".join(filter(None, found)) or "未知"


def begin(
    session: Session, user_id: int, *, agent: str = "", address: str = "", factor_at: datetime | None = None
) -> str:
    """A new session; returns the cookie's value."""
    token, now = secrets.token_urlsafe(32), clock.real()
    session.add(
        SignIn(
            token=token_hash(token), user_id=user_id, csrf=secrets.token_urlsafe(24), created=now, seen=now,
            agent=kind_of(agent), address=address[:45], factor_at=factor_at,
        )
    )  # fmt: skip
    return token


_LOADED: Select[*tuple[Any, ...]] = (
    select(
        SignIn.token, SignIn.user_id, SignIn.created, SignIn.seen, SignIn.csrf, SignIn.factor_at,
        User.id, User.login, User.name, User.demo, User.must_change, User.password_at,
        exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed).label("enrolled"),
        Grant.unit_id, Grant.role, Unit.code, Unit.name.label("unit_name"), Unit.path,
    )
    .join(User, User.id == SignIn.user_id)
    .outerjoin(Grant, Grant.user_id == User.id)
    .outerjoin(Unit, Unit.id == Grant.unit_id)
    .where(SignIn.token == bindparam("token"), User.active)
    .order_by(Grant.id)
)  # fmt: skip
"""All that a request asks about its person, at once: it is asked each time, so that what is taken away is gone."""


def load(asked: Session | Connection, token: str) -> Found | None:
    """The session of this cookie, within its idle and absolute limits, of a person who is active."""
    rows = asked.execute(_LOADED, {"token": token_hash(token)}).all()
    now = clock.real()
    if not rows or now - rows[0].seen > timedelta(minutes=settings().session_idle):
        return None
    row = rows[0]
    if now - row.created > timedelta(hours=settings().session_hours):
        return None
    if row.factor_at is None and factors.owes(row, {one.role for one in rows}, enrolled=row.enrolled):
        owes = "factor"
    else:
        owes = "password" if passwords.must_change(row) else ""
    who = person(row, rows) if not owes and row.unit_id is not None else None
    return Found(row.user_id, name(row), row.csrf, row.factor_at, owes, now - row.seen > SEEN_EVERY, who)


def touch(session: Session, token: str) -> None:
    """Notes that the session was used."""
    session.execute(update(SignIn).where(SignIn.token == token_hash(token)).values(seen=clock.real()))


def end(session: Session, token: str) -> None:
    session.execute(delete(SignIn).where(SignIn.token == token_hash(token)))


def of(session: Session, user_id: int) -> list[SignIn]:
    """The person's live sessions, the newest first."""
    since = clock.real() - timedelta(minutes=settings().session_idle)
    query = select(SignIn).where(SignIn.user_id == user_id, SignIn.seen > since)
    return list(session.scalars(query.order_by(SignIn.created.desc())))


def revoke(session: Session, user_id: int, which: str = "", *, but: str = "", by: str = "") -> int:
    """Ends the person's session named `which`, or all of them `but` one. Returns how many. They end at once."""
    rows = session.scalars(select(SignIn).where(SignIn.user_id == user_id)).all()
    gone = [row for row in rows if name(row) != but and which in ("", name(row))]
    for row in gone:
        session.delete(row)
    if gone:
        audit.record(
            session, f"user:{user_id}", "session_revoked", actor=by or f"user:{user_id}", data={"n": len(gone)}
        )
    return len(gone)


def give_factor(session: Session, row: SignIn) -> str:
    """Marks a second factor as just given. A half session gets a new token with it (no fixation); else ""."""
    now = clock.real()
    if row.factor_at is not None:
        row.factor_at = now
        return ""
    session.delete(row)
    session.flush()
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token=token_hash(token), user_id=row.user_id, csrf=secrets.token_urlsafe(24), created=row.created,
            seen=now, agent=row.agent, address=row.address, factor_at=now,
        )
    )  # fmt: skip
    return token


def recent(factor_at: datetime | None) -> bool:
    """Whether a second factor was given in this session in the last minutes (`HUB_FACTOR_MINUTES`)."""
    return factor_at is not None and clock.real() - factor_at <= timedelta(minutes=settings().factor_minutes)
