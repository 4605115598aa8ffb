"""What the telephone told of calls: those that ring now, and those nobody answered (A4, W7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.contract import Route
from hub import clock
from hub.access import audit
from hub.access.masking import mask_phone
from hub.access.people import Actor, shown_intake
from hub.access.sealing import fetch_keys, open_key
from hub.models import Intake, PadCall
from hub.notify.routes import allowed_from
from hub.supervision.callers import CallError, Draft, begin

MISSED = frozenset({"no-answer", "busy", "failed", "canceled"})
"""Call statuses after which nobody spoke with the caller (those of the telephone channel)."""
RINGS = timedelta(minutes=5)  # a call that told nothing of its end rings no longer than this
LOOKED_BACK = timedelta(days=3)
LOOKED_AT = 200  # newest events of the unit's lines
_DIAL = Route("call", "", 0, lambda _sender: True)


@dataclass(frozen=True, slots=True)
class Ring:
    """A call the telephone told of. `id`: its first event; `number` masked."""

    id: int
    at: datetime
    number: str
    missed: bool


@dataclass(slots=True)
class _Call:
    first: Intake
    number: str = ""
    rang: datetime | None = None
    status: str = ""
    taken: bool = False


def rings(session: Session, who: Actor) -> list[Ring]:
    """Calls of the own unit's lines that wait for somebody, newest first: ringing, or missed and not called back."""
    since = clock.now() - LOOKED_BACK
    query = select(Intake).where(
        Intake.unit_id == who.unit_id, Intake.channel == "phone", Intake.at > since,
        ~Intake.source_id.startswith("form:"), shown_intake(who),
    )  # fmt: skip
    rows = session.scalars(query.order_by(Intake.id.desc()).limit(LOOKED_AT)).all()
    fetch_keys(session, [row.key_id for row in rows])
    ids = [row.id for row in rows]
    taken = set(session.scalars(select(PadCall.ring_id).where(PadCall.ring_id.in_(ids))))
    calls: dict[str, _Call] = {}
    for row in reversed(rows):
        told = open_key(session, row.key_id).json(row.meta, "intake.meta")["meta"]
        name = f"{row.source_id}/{told.get('call_id')}"
        if not told.get("call_id") or told.get("event") not in ("voice", "status", "recording"):
            continue
        call = calls.setdefault(name, _Call(row))
        call.number = call.number or str(told.get("caller", ""))
        call.taken = call.taken or row.id in taken or row.kind is not None
        if told["event"] == "voice":
            call.rang = row.at
        else:
            call.status = str(told.get("call_status") or "over")
    now = clock.now()
    waiting = [call for call in calls.values() if not call.taken]
    found = [
        Ring(call.first.id, call.first.at, mask_phone(call.number) or "未显示号码", call.status in MISSED)
        for call in waiting
        if call.status in MISSED or (not call.status and call.rang is not None and now - call.rang <= RINGS)
    ]
    return sorted(found, key=lambda ring: (ring.missed, -ring.id))


def answer(session: Session, who: Actor, ring_id: int) -> Draft:
    """Takes a ringing call, or calls a missed one back: the number then stands in the form, which is noted as a look
    at it. Raises CallError where there is none, somebody took it, or nobody may be rung up now.
    """
    ring = next((one for one in rings(session, who) if one.id == ring_id), None)
    if ring is None:
        raise CallError("这个来电已有人接听或已处理", status=409)
    row = session.scalars(select(Intake).where(Intake.id == ring.id).with_for_update()).one()
    if session.scalar(select(PadCall.id).where(PadCall.ring_id == row.id).limit(1)) is not None:
        raise CallError("这个来电已有人接听或已处理", status=409)
    wait = allowed_from(clock.now(), _DIAL, None)
    if ring.missed and wait > clock.now():
        raise CallError(f"现在不宜回拨，请在 {clock.china(wait):%m-%d %H:%M} 以后拨打", status=422)
    if ring.missed:
        audit.record(session, f"intake:{row.id}", "reveal_number", actor=who.label, data={"for": "call_back"})
    told = open_key(session, row.key_id).json(row.meta, "intake.meta")["meta"]
    number = str(told.get("caller", ""))
    return begin(session, who, row, number if sum(char.isdigit() for char in number) >= 5 else "")
