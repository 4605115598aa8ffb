"""A colleague in a call (three-way): asked by who takes it, reads along, may take it over (A3, C10).

The telephone joins the voices; the hub shows the colleague what is typed. Only who was asked sees anything, only while
the call lasts, and each first look is an event. After a take-over the two have changed places: it can be handed back.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.models import Event, Grant, PadCall, User
from hub.supervision.callers import CallError, Draft, drafted, find, opened
from hub.terms import Role

TAKERS = (Role.OPERATOR, Role.HANDLER, Role.LEAD)
"""Who takes calls."""
ASKED = 1
"""In a live event `ring`: a colleague asks for company; 0: a telephone rings."""


def colleagues(session: Session, who: Actor) -> list[tuple[int, str]]:
    """(id, name) of the others of the own unit who take calls."""
    rows = session.execute(
        select(User.id, User.name)
        .join(Grant, Grant.user_id == User.id)
        .where(Grant.unit_id == who.unit_id, Grant.role.in_(TAKERS), User.active, User.id != who.user_id)
        .distinct()
        .order_by(User.name, User.id)
    )
    return [(row.id, row.name) for row in rows]


def ask(session: Session, who: Actor, number: int, colleague: int) -> str:
    """Asks a colleague into the call, in place of one asked before; their name. Raises CallError."""
    row = find(session, who, number, lock=True)
    name = dict(colleagues(session, who)).get(colleague)
    if name is None:
        raise CallError("请选择本单位接听来电的同事", "colleague")
    if row.ending is not None:
        raise CallError("这个通话已经结束", status=409)
    if row.with_user != colleague:
        row.with_user = colleague
        audit.record(session, f"call:{row.id}", "call_company", actor=who.label, data={"colleague": colleague})
    session.execute(select(func.pg_notify("hub_live", json.dumps({"r": ASKED, "to": [colleague]}))))
    return name


def asked(session: Session, who: Actor) -> list[dict[str, Any]]:
    """Open calls of colleagues into which the person was asked, the oldest first."""
    rows = session.execute(_mine(who).add_columns(User.name).join(User, User.id == PadCall.user_id))
    return [{"id": row.PadCall.id, "by": row.name, "at": row.PadCall.at} for row in rows]


def _mine(who: Actor) -> Any:
    return (
        select(PadCall)
        .where(PadCall.with_user == who.user_id, PadCall.unit_id == who.unit_id, PadCall.ending.is_(None))
        .order_by(PadCall.id)
    )


def _found(session: Session, who: Actor, number: int, *, lock: bool = False) -> PadCall:
    query = _mine(who).where(PadCall.id == number)
    row: PadCall | None = session.scalars(query.with_for_update(of=PadCall) if lock else query).first()
    if row is None:
        raise CallError("通话已经结束，或您没有被请加入", status=404)
    return row


def read(session: Session, who: Actor, number: int) -> dict[str, Any]:
    """What is typed in the call now: `by`, `at`, `saved`, `values`. The first look is an event. Raises CallError."""
    row = _found(session, who, number)
    seen = select(Event.id).where(
        Event.object == f"call:{row.id}", Event.act == "call_read", Event.actor == who.label
    )  # fmt: skip
    if session.scalar(seen.limit(1)) is None:
        audit.record(session, f"call:{row.id}", "call_read", actor=who.label)
    by = session.get_one(User, row.user_id).name
    return {"by": by, "at": row.at, "saved": row.saved, "values": opened(session, row)["values"]}


def take_over(session: Session, who: Actor, number: int) -> Draft:
    """The colleague goes on with the call as it is saved; who had it may be asked back. Raises CallError."""
    row = _found(session, who, number, lock=True)
    before, row.user_id, row.with_user = row.user_id, who.user_id, row.user_id
    row.version, row.saved = row.version + 1, clock.now()
    session.flush()
    audit.record(session, f"call:{row.id}", "call_handed", actor=who.label, data={"from": before})
    return drafted(session, row)
