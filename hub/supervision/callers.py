"""Calls as an operator takes them: a sealed draft saved at every change, today's list, the next shift (A3, A18)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.masking import mask_phone
from hub.access.people import Actor, visible
from hub.access.sealing import Key, new_key, open_key
from hub.models import Clue, ClueUnit, Grant, Intake, PadCall, ShiftNote, Unit, User
from hub.supervision.call_hints import name_of
from hub.terms import Role

BOXES: Mapping[str, int] = {
    "caller": 64, "name": 100, "mode": 20, "place": 500, "division": 12, "respondent": 500, "facts": 20_000,
    "area": 100, "occurred": 200, "class": 2, "evidence": 5_000, "routes": 40, "hours": 5, "dialect": 20,
}  # fmt: skip
"""Boxes of the draft and how many characters each holds."""
ENDINGS = {"clue": "线索登记", "consultation": "咨询", "follow_up": "跟进已有线索", "invalid": "打错/骚扰"}
WINDOW = timedelta(minutes=30)
"""The entry window (PRODUCT §10): so long after its end the caller can be read the code again."""
SHOWN_NOTES = 5


class CallError(ValueError):
    """It cannot be done as asked. The message (Chinese) names what is missing; `name` the box; `status` of HTTP."""

    def __init__(self, message: str, name: str = "", status: int = 422) -> None:
        super().__init__(message)
        self.name, self.status = name, status


@dataclass(frozen=True, slots=True)
class Draft:
    """A call that is being taken, as its operator sees it. `at`: ring, the base of the clocks."""

    id: int
    at: datetime
    version: int
    values: dict[str, str]
    urgent: bool
    ring: bool


def clean(given: Any) -> dict[str, str]:
    """The boxes of a draft: known names, text only, cut to length, nothing a database refuses."""
    if not isinstance(given, Mapping):
        return {}
    told = {name: given.get(name) for name in BOXES}
    return {
        name: value.replace("\0", "").encode("utf-8", "ignore").decode()[: BOXES[name]]
        for name, value in told.items()
        if isinstance(value, str) and value.strip()
    }


# ---- the draft


def begin(session: Session, who: Actor, ring: Intake | None = None, number: str = "") -> Draft:
    """A new call: answered now, or the one that rings (its time is the base, its number stands in the form)."""
    key = new_key(session, who.unit_id)
    values = {"caller": number} if number else {}
    row = PadCall(
        name=secrets.token_hex(16), unit_id=who.unit_id, user_id=who.user_id, ring_id=ring.id if ring else None,
        at=ring.at if ring else clock.now(), key_id=key.id, draft=_sealed(key, "", 0, values), saved=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, f"call:{row.id}", "call_answered", actor=who.label, data={"ring": row.ring_id})
    return drafted(session, row)


def _sealed(key: Key, page: str, number: int, values: Mapping[str, str]) -> bytes:
    return key.seal_json({"page": page, "seq": number, "values": dict(values)}, "pad_call.draft")


def opened(session: Session, row: PadCall) -> dict[str, Any]:
    """What the draft holds: page, seq, values; nothing once it is let go."""
    if row.draft is None or row.key_id is None:
        return {"page": "", "seq": 0, "values": {}}
    kept: dict[str, Any] = open_key(session, row.key_id).json(row.draft, "pad_call.draft")
    return kept


def drafted(session: Session, row: PadCall) -> Draft:
    """A call with what is typed."""
    values = opened(session, row)["values"]
    return Draft(row.id, row.at, row.version, values, row.urgent_at is not None, row.ring_id is not None)


def find(session: Session, who: Actor, number: int, *, lock: bool = False) -> PadCall:
    """The person's own call. Raises CallError (404): nobody opens another's draft."""
    query = select(PadCall).where(PadCall.id == number, PadCall.user_id == who.user_id, PadCall.unit_id == who.unit_id)
    row = session.scalars(query.with_for_update() if lock else query).first() if number < 1 << 62 else None
    if row is None:
        raise _taken(session, who, number) or CallError("没有这个通话", status=404)
    return row


def _taken(session: Session, who: Actor, number: int) -> CallError | None:
    """Why somebody who is beside the call types nothing into it: the other one does."""
    query = select(User.name).join(PadCall, PadCall.user_id == User.id)
    name = session.scalar(query.where(PadCall.id == min(number, 1 << 62), PadCall.with_user == who.user_id))
    return CallError(f"{name}正在填写这个通话", status=409) if name is not None else None


def current(session: Session, who: Actor, number: int = 0) -> Draft | None:
    """The call to go on with: the one asked for, else the newest that has not ended."""
    query = select(PadCall).where(
        PadCall.user_id == who.user_id, PadCall.unit_id == who.unit_id, PadCall.ending.is_(None)
    )
    rows = session.scalars(query.order_by(PadCall.id.desc()).limit(20)).all()
    chosen = next((row for row in rows if row.id == number), rows[0] if rows else None)
    return drafted(session, chosen) if chosen is not None else None


def save(session: Session, who: Actor, number: int, values: Any, *, page: str, seq: int, version: int) -> PadCall:
    """Saves the draft as the page `page` has it; `seq` rises with each change, so that a repeated or overtaken request
    does no harm. Another page of the same call is refused unless it read what is saved. Raises CallError.
    """
    row = find(session, who, number, lock=True)
    if row.ending is not None:
        raise CallError("这个通话已经结束", status=409)
    kept = opened(session, row)
    if kept["page"] == page and seq <= kept["seq"]:
        return row
    if kept["page"] != page and row.version != version:
        raise CallError("这个通话正在另一个窗口填写，请刷新后继续", status=409)
    assert row.key_id is not None  # held while the call is open (ck_pad_call_draft)
    row.draft = _sealed(open_key(session, row.key_id), page, seq, clean(values))
    row.version, row.saved = row.version + 1, clock.now()
    session.flush()
    return row


def flag(session: Session, who: Actor, number: int) -> PadCall:
    """It is happening now: noted once; the page shows whom to ring."""
    row = find(session, who, number, lock=True)
    if row.urgent_at is None:
        row.urgent_at = clock.now()
        audit.record(session, f"call:{row.id}", "call_urgent", actor=who.label, at=row.urgent_at)
    return row


def on_duty(session: Session, who: Actor) -> list[dict[str, str]]:
    """Whom to ring: lead and handlers of the own unit, then the leads above, the nearest first."""
    order = {number: depth for depth, number in enumerate(reversed(who.path))}
    rows = session.execute(
        select(User.name, Unit.name.label("unit"), Grant.unit_id, Grant.role)
        .join(Grant, Grant.user_id == User.id)
        .join(Unit, Unit.id == Grant.unit_id)
        .where(Grant.unit_id.in_(order), User.active, Grant.role.in_((Role.LEAD, Role.HANDLER)))
        .order_by(Grant.role.desc(), User.id)
    ).all()
    mine = [row for row in rows if row.unit_id == who.unit_id or row.role == Role.LEAD]
    mine.sort(key=lambda row: order[row.unit_id])
    labels = {Role.LEAD: "负责人", Role.HANDLER: "承办人"}
    return [{"name": row.name, "unit": row.unit, "role": labels[Role(row.role)]} for row in mine[:12]]


# ---- lists


def in_window(row: PadCall) -> bool:
    return row.ended_at is not None and clock.now() - row.ended_at <= WINDOW


def seen_no(session: Session, who: Actor, clue_id: int) -> str:
    seen = session.scalars(visible(who).where(ClueUnit.clue_id == clue_id)).first()
    return session.get_one(Clue, clue_id).no if seen is not None else ""


def today(session: Session, who: Actor) -> list[dict[str, Any]]:
    """The person's calls of today, newest first, numbers masked; open ones of before too."""
    midnight = clock.china(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = session.scalars(
        select(PadCall)
        .where(PadCall.user_id == who.user_id, PadCall.unit_id == who.unit_id)
        .where((PadCall.at >= midnight) | PadCall.ending.is_(None))
        .order_by(PadCall.id.desc())
        .limit(60)
    ).all()
    listed = []
    for row in rows:
        values = opened(session, row)["values"]
        listed.append({
            "id": row.id, "at": row.at, "ending": ENDINGS.get(row.ending or "", ""), "open": row.ending is None,
            "number": mask_phone(values.get("caller", "")), "place": name_of(values.get("division", "")),
            "no": seen_no(session, who, row.clue_id) if row.clue_id is not None else "",
            "told": row.told_at is not None,
            "urgent": row.urgent_at is not None, "waits": row.ending is not None and row.draft is not None,
            "code": row.ending == "clue" and row.told_at is None and in_window(row),
        })  # fmt: skip
    return listed


def counts(session: Session, who: Actor) -> dict[str, int]:
    """How many calls of today ended which way."""
    midnight = clock.china(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(PadCall.ending, func.count()).where(
        PadCall.user_id == who.user_id, PadCall.unit_id == who.unit_id, PadCall.at >= midnight,
        PadCall.ending.is_not(None),
    )  # fmt: skip
    found = {row[0]: row[1] for row in session.execute(query.group_by(PadCall.ending))}
    return {label: found.get(name, 0) for name, label in ENDINGS.items()}


def leave_note(session: Session, who: Actor, said: str) -> None:
    """A word to the next shift of the unit. Raises CallError."""
    said = said.replace("\0", "").strip()[:2000]
    if not said:
        raise CallError("请填写交接内容", "note")
    key = new_key(session, who.unit_id)
    session.add(ShiftNote(unit_id=who.unit_id, key_id=key.id, words=key.seal(said, "shift_note"), by_user=who.user_id))
    audit.record(session, f"unit:{who.unit_id}", "shift_note", actor=who.label)


def notes(session: Session, who: Actor) -> list[dict[str, Any]]:
    """The last words to the unit's shift, newest first."""
    rows = session.execute(
        select(ShiftNote, User.name)
        .join(User, User.id == ShiftNote.by_user)
        .where(ShiftNote.unit_id == who.unit_id)
        .order_by(ShiftNote.id.desc())
        .limit(SHOWN_NOTES)
    ).all()
    return [
        {"at": row.at, "by": name, "words": open_key(session, row.key_id).text(row.words, "shift_note")}
        for row, name in rows
    ]
