"""Whether two clues have the same reporter, and whether a caller is one: by keyed hashes, never by a statement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import blind, open_key
from hub.casework.reporters import normal
from hub.models import Clue, ClueReporter, QueryCode, QueryLimit, Reporter, ReporterIndex, SharedContact

CONTACTS = ("phone", "email")
WRONG_CODES, PERIOD = 10, timedelta(hours=1)
"""Wrong codes one asker may try in the period. A code has 59 random bits: they protect, the limit slows noise down."""


def _tokens(session: Session, clue: Clue) -> set[tuple[str, bytes]]:
    rows = session.execute(
        select(ReporterIndex.kind, ReporterIndex.token)
        .join(ClueReporter, ClueReporter.reporter_id == ReporterIndex.reporter_id)
        .where(ClueReporter.clue_id == clue.id)
    )
    return {(row.kind, row.token) for row in rows}


def has_contact(session: Session, clue: Clue) -> bool:
    """Whether a reporter of the clue can be asked: a phone, a mail address or a WeChat account is known."""
    return any(kind in ("phone", "email", "openid") for kind, _ in _tokens(session, clue))


def established(session: Session, clue: Clue, earlier: Clue, data: Mapping[str, Any]) -> bool:
    """P4: the proof named in the act holds. Equal phone or mail only with a person's recorded confirmation."""
    equal = {kind for kind, _ in _tokens(session, clue) & _tokens(session, earlier)}
    proof = data.get("same_reporter")
    if proof == "openid":
        return "openid" in equal
    if proof == "id_number":
        return "id_number" in equal and bool(data.get("id_verified"))
    if proof == "query_code":
        return code_opens(session, earlier, data.get("query_code"))
    words = str(data.get("confirmation") or "").strip()
    return proof == "confirmed" and bool(equal & set(CONTACTS)) and bool(words)


def proven(session: Session, clue: Clue, other: Clue) -> bool:
    """Whether the hub itself knows the reporters to be the same: openid or id number. A phone alone proves nothing."""
    equal = {kind for kind, _ in _tokens(session, clue) & _tokens(session, other)}
    return bool(equal & {"openid", "id_number"})


def only_shared(session: Session, clue: Clue, earlier: Clue) -> bool:
    """Whether every equal phone or mail address of the two is marked as used by several people."""
    equal = {pair for pair in _tokens(session, clue) & _tokens(session, earlier) if pair[0] in CONTACTS}
    return bool(equal) and all(session.get(SharedContact, pair) is not None for pair in equal)


def mark_shared(session: Session, who: Actor, kind: str, value: str) -> None:
    """A person marks a phone or mail address as used by several people."""
    token = blind(kind, normal(kind, value))
    statement = insert(SharedContact).values(kind=kind, token=token, by_user=who.user_id)
    session.execute(statement.on_conflict_do_nothing())
    audit.record(session, f"contact:{token.hex()}", "mark_shared", actor=who.label, data={"kind": kind})


def code_opens(session: Session, clue: Clue, code: Any) -> bool:
    """Whether a query code belongs to the clue."""
    row = session.get(QueryCode, blind("query", plain_code(code)))
    return row is not None and row.clue_id == clue.id


def plain_code(code: Any) -> str:
    """A code as it is hashed: groups of four, without what people put between them."""
    letters = re.sub(r"[^0-9A-Z]", "", str(code or "").upper()[:40])
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def proved(session: Session, clue: Clue, data: Mapping[str, Any]) -> bool:
    """Whether the caller is a reporter of the clue: the query code, or name and registered contact together."""
    if data.get("proof") == "query_code":
        return code_opens(session, clue, data.get("query_code"))
    name, contact = str(data.get("name") or "").strip(), str(data.get("contact") or "")
    tokens = [blind(kind, normal(kind, contact)) for kind in CONTACTS]
    rows = session.scalars(
        select(Reporter)
        .join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
        .join(ReporterIndex, ReporterIndex.reporter_id == Reporter.id)
        .where(ClueReporter.clue_id == clue.id, ReporterIndex.token.in_(tokens))
    )
    return bool(name) and any(
        open_key(session, row.key_id).json(row.identity, "reporter.identity").get("name") == name for row in rows
    )


def may_try_code(session: Session, asker: str) -> bool:
    """Whether this asker (an address) may try a query code now; counted in SQL, in a transaction of its own."""
    row = session.get(QueryLimit, blind("asker", asker), with_for_update=True)
    return row is None or row.failed < WRONG_CODES or clock.real() - row.since > PERIOD


def note_wrong_code(session: Session, asker: str) -> None:
    """Counts a wrong code of this asker."""
    token, now = blind("asker", asker), clock.real()
    row = session.get(QueryLimit, token, with_for_update=True)
    if row is None:
        first = insert(QueryLimit).values(asker=token, failed=1, since=now)
        session.execute(first.on_conflict_do_update(index_elements=["asker"], set_={"failed": QueryLimit.failed + 1}))
    elif now - row.since > PERIOD:
        row.failed, row.since = 1, now
    else:
        row.failed += 1
