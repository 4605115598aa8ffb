"""Keys for programs (`Authorization: Bearer hub12336_…`): scopes, expiry, networks; stored as hashes.

The prefix lets secret scanners find a leaked key; the last six characters are a checksum, so that they need not ask us.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor, actor
from hub.models import ApiToken
from hub.terms import Role

PREFIX = "hub12336_"
SCOPES = {"clues:read": "读取线索（遮盖）", "intakes:write": "提交来件", "acts:write": "办理线索（判定、核查、告知等）"}
_HANDING_IN = re.compile(r"/api/v1/intakes/[a-z]+")
LONGEST, MOST = timedelta(days=366), 20
SEEN_EVERY = timedelta(minutes=1)


class TokenError(ValueError):
    """A key cannot be made like this; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that acts for a person, within the scopes of its key."""

    actor: Actor
    scopes: frozenset[str]
    token_id: int
    stale: bool


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"[:6]


def well_formed(text: str) -> bool:
    """Whether this could be a key of ours, judged by itself (for scanners; no look-up)."""
    body, check = text[:-6], text[-6:]
    return text.startswith(PREFIX) and len(text) == len(PREFIX) + 43 + 6 and _checksum(body) == check


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def networks(lines: str) -> list[str]:
    """Addresses or networks, one a line. Raises TokenError naming the one that is none."""
    found = []
    for word in lines.replace(",", "\n").replace("，", "\n").split():
        try:
            found.append(str(ipaddress.ip_network(word, strict=False)))
        except ValueError:
            raise TokenError(f"不是有效的地址或网段：{word[:50]}") from None
    if len(found) > MOST:
        raise TokenError(f"网段最多 {MOST} 个")
    return found


def make(
    session: Session, who: Actor, name: str, scopes: Iterable[str], expires: datetime, addresses: list[str]
) -> str:
    """A new key of this person; the text is returned this once. Raises TokenError."""
    wanted, now = sorted(set(scopes)), clock.real()
    if not name.strip():
        raise TokenError("请写明用途")
    if not wanted or not set(wanted) <= set(SCOPES):
        raise TokenError("请至少选择一项权限")
    if not now < expires <= now + LONGEST:
        raise TokenError("有效期须在今天之后、一年以内")
    if len([row for row in of(session, who.user_id) if row.revoked_at is None]) >= MOST:
        raise TokenError(f"有效的密钥最多 {MOST} 个，请先停用不用的")
    body = PREFIX + secrets.token_urlsafe(32)
    text = body + _checksum(body)
    row = ApiToken(
        user_id=who.user_id, name=name.strip()[:60], token=_hash(text), scopes=wanted, addresses=addresses,
        expires=expires, created=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, f"user:{who.user_id}", "token_made", actor=who.label, data={"token": row.id, "scopes": wanted}
    )
    return text


def of(session: Session, user_id: int) -> list[ApiToken]:
    query = select(ApiToken).where(ApiToken.user_id == user_id)
    return list(session.scalars(query.order_by(ApiToken.id.desc())))


def revoke(session: Session, who: Actor, token_id: int) -> bool:
    """Ends one's own key, or, for administrators of security, anybody's. It stops working at once."""
    row = session.get(ApiToken, token_id, with_for_update=True)
    if row is None or (row.user_id != who.user_id and not who.has(frozenset({Role.SECADMIN}))):
        return False
    if row.revoked_at is None:
        row.revoked_at = clock.real()
        audit.record(session, f"user:{row.user_id}", "token_revoked", actor=who.label, data={"token": row.id})
    return True


def _within(addresses: list[str], address: str) -> bool:
    if not addresses:
        return True
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(given in ipaddress.ip_network(network) for network in addresses)


def find(session: Session, text: str, address: str) -> Program | None:
    """The program this key belongs to, if it is ours, alive, and comes from where it may."""
    if not well_formed(text):
        return None
    row = session.scalars(select(ApiToken).where(ApiToken.token == _hash(text))).first()
    now = clock.real()
    if row is None or row.revoked_at is not None or row.expires <= now or not _within(row.addresses, address):
        return None
    who = actor(session, row.user_id)
    if who is None:
        return None
    stale = row.used_at is None or now - row.used_at > SEEN_EVERY
    return Program(replace(who, roles=_narrowed(who)), frozenset(row.scopes), row.id, stale)


def _narrowed(who: Actor) -> frozenset[str]:
    """A program never administers, whoever made its key."""
    return who.roles - {Role.SYSADMIN, Role.SECADMIN, Role.AUDITOR}


def touch(session: Session, token_id: int) -> None:
    """Notes that the key was used."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=clock.real()))


def allows(scopes: frozenset[str], method: str, path: str) -> bool:
    """Whether a key with these scopes may make this request: only below /api/; reading, handing in, or handling.

    Quarantine (N4) is for a lead who has signed in: no program lists it or destroys keys.
    """
    if not path.startswith("/api/") or path.startswith("/api/v1/quarantine"):
        return False
    if method in ("GET", "HEAD"):
        return "clues:read" in scopes
    return ("intakes:write" if _HANDING_IN.fullmatch(path) else "acts:write") in scopes
