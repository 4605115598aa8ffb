"""Showing a reporter's identity (PRODUCT §10, J2): right, reason, a fresh second factor, a committed row, then 60 s.

Two transactions on purpose: `ask` writes the row and the event and commits; only then `identities` opens the seal.
A fault in between leaves a row for something nobody saw, never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, false, func, select, true
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, factors
from hub.access.masking import mask_name, mask_phone
from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.models import Clue, ClueReporter, ClueUnit, Event, IntakeClue, Letter, Reporter, Reveal, Unit, User
from hub.settings import settings
from hub.terms import Role, State

SECONDS = 60
ENTRY = timedelta(minutes=30)
BATCH = timedelta(hours=24)  # our reading: a batch of letters is released by then at the latest
CONSENT = timedelta(hours=24)  # how long another person's consent may be used
LEAST_REASON, LONGEST_REASON = 4, 500
RIGHT = frozenset({Role.HANDLER, Role.LEAD})
ENTRANCE = frozenset({Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD})
LOOKERS = frozenset({Role.LEAD, Role.AUDITOR})
GROUNDS = {"handler": "承办人", "entry": "登记时段", "quota": "说明事由", "four_eyes": "双人同意"}
FIELDS = {
    "name": "姓名", "phone": "电话", "email": "电子邮件", "openid": "微信 OpenID", "address": "住址",
    "id_number": "证件号", "nickname": "昵称", "also": "另有说法",
}  # fmt: skip


class RevealError(ValueError):
    """Identity is not shown; the message names the rule."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the clue page may offer: `left` reveals today, whether a reason and a second factor are needed."""

    ground: str
    label: str
    needs_reason: bool
    factor_owed: bool
    left: int
    state: str  # of a request for consent: "", "asked", "approved", "refused"
    masked: list[dict[str, str]]


def _registered_by(session: Session, who: Actor, clue: Clue) -> bool:
    mine = select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id)
    objects = [f"intake:{number}" for number in session.scalars(mine)]
    query = select(Event.id).where(
        Event.object.in_(objects), Event.actor == who.label, Event.act.in_(("accept", "register_by_hand"))
    )
    return session.scalars(query.limit(1)).first() is not None


def in_entry_window(session: Session, who: Actor, clue: Clue) -> bool:
    """Whether this person has just registered the clue: 30 minutes; the mailroom until somebody works on it."""
    if not who.has(ENTRANCE) or who.unit_id != clue.received_unit_id:
        return False
    age = clock.now() - clue.recorded_at
    untouched = clue.handler_id is None and clue.state in (State.RECEIVED, State.TO_DETERMINE)
    open_still = age <= ENTRY or (who.has(frozenset({Role.MAILROOM})) and untouched and age <= BATCH)
    open_still = open_still and not _released(session, clue)
    return open_still and _registered_by(session, who, clue)


def _released(session: Session, clue: Clue) -> bool:
    """Whether the mailroom handed the letter over: its entry window is shut before its time."""
    query = select(Letter.id).join(IntakeClue, IntakeClue.intake_id == Letter.intake_id)
    query = query.where(IntakeClue.clue_id == clue.id, Letter.released_at.is_not(None))
    return session.scalars(query.limit(1)).first() is not None


def ground(session: Session, who: Actor, clue: Clue) -> str | None:
    """Why this person may see who reported a clue they can see: None, handler, entry, quota or four_eyes."""
    if who.unit_id not in (clue.owner_unit_id, clue.received_unit_id):
        return None
    if clue.handler_id == who.user_id and who.has(RIGHT):
        return "handler"
    if in_entry_window(session, who, clue):
        return "entry"
    if not who.has(RIGHT):
        return None
    return "quota" if used_today(session, who.user_id) < settings().reveal_quota else "four_eyes"


def used_today(session: Session, user_id: int) -> int:
    """Reveals of this person since midnight in China that count against the quota."""
    begun = clock.china(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(func.count()).where(
        Reveal.user_id == user_id, Reveal.ground == "quota", Reveal.state == "shown", Reveal.shown_at >= begun
    )
    return session.scalar(query) or 0


def _reporters(session: Session, clue: Clue) -> list[Reporter]:
    query = select(Reporter).join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
    return list(session.scalars(query.where(ClueReporter.clue_id == clue.id).order_by(Reporter.id)))


def _delivered(session: Session, clue: Clue) -> bool:
    """Whether there is an original at all: without a known reporter a voice or a hand may still name one."""
    return session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id)).first() is not None


def _masked(identity: dict[str, Any]) -> dict[str, str]:
    name, phone = str(identity.get("name", "")), str(identity.get("phone", ""))
    return {"name": mask_name(name), "phone": mask_phone(phone) if phone else ""}


def offer(session: Session, who: Actor, clue: Clue) -> Offer | None:
    """What the page of a clue this person can see may offer; None where there is nobody or no right."""
    why = ground(session, who, clue)
    rows = _reporters(session, clue) if why is not None else []
    if why is None or not (rows or _delivered(session, clue)):
        return None
    waiting = _request(session, who, clue)
    return Offer(
        ground=why, label=GROUNDS[why], needs_reason=why in ("quota", "four_eyes"),
        factor_owed=factors.owed(session, session.get_one(User, who.user_id)),
        left=max(0, settings().reveal_quota - used_today(session, who.user_id)),
        state=waiting.state if waiting is not None and why == "four_eyes" else "",
        masked=[_masked(open_key(session, row.key_id).json(row.identity, "reporter.identity")) for row in rows],
    )  # fmt: skip


def _request(session: Session, who: Actor, clue: Clue) -> Reveal | None:
    """The newest request for consent that can still be used."""
    query = select(Reveal).where(
        Reveal.user_id == who.user_id, Reveal.clue_id == clue.id, Reveal.ground == "four_eyes",
        Reveal.state != "shown", Reveal.asked_at > clock.real() - CONSENT,
    )  # fmt: skip
    return session.scalars(query.order_by(Reveal.id.desc()).limit(1)).first()


def ask(session: Session, who: Actor, clue: Clue, reason: str, *, fresh: bool, sign_in: str) -> Reveal:
    """Writes the row and the event for one look. `fresh`: a second factor was given lately (or none is owed).

    The caller commits and only then calls `identities`. A row in state "asked" waits for another person: nothing may
    be shown. Raises RevealError naming the rule that refuses.
    """
    user = session.get_one(User, who.user_id, with_for_update=True)  # one look after the other: the quota holds
    why, text = ground(session, who, clue), " ".join(reason.split())
    if why is None or not (_reporters(session, clue) or _delivered(session, clue)):
        raise RevealError("您无权查看这条线索的举报人身份")
    if not fresh and factors.owed(session, user):
        raise RevealError("请先完成二次验证，再查看举报人身份")
    if why in ("quota", "four_eyes") and not LEAST_REASON <= len(text) <= LONGEST_REASON:
        raise RevealError(f"请写明查看事由（{LEAST_REASON} 至 {LONGEST_REASON} 字）")
    now, waiting = clock.real(), _request(session, who, clue)
    if why == "four_eyes" and waiting is not None and waiting.state == "asked":
        raise RevealError("已提出申请，请等待本单位另一位负责人同意")
    if why == "four_eyes" and waiting is not None and waiting.state == "approved":
        row = waiting
        row.state, row.shown_at = "shown", clock.now()
    else:
        shown = why != "four_eyes"
        key = open_key(session, clue.key_id)
        row = Reveal(
            clue_id=clue.id, user_id=who.user_id, unit_id=who.unit_id, ground=why, asked_at=now,
            reason=key.seal(text or GROUNDS[why], "reveal.reason"), state="shown" if shown else "asked",
            shown_at=clock.now() if shown else None,
        )  # fmt: skip
        session.add(row)
    session.flush()
    audit.record(
        session, f"clue:{clue.id}", "reveal" if row.state == "shown" else "reveal_asked", actor=who.label,
        data={"reveal": row.id, "ground": why, "sign_in": sign_in},
    )  # fmt: skip
    return row


def identities(session: Session, reveal_id: int) -> list[dict[str, str]]:
    """Who reported, in clear, for a look whose row is committed. Raises RevealError where it is none or too late."""
    row = session.get(Reveal, reveal_id)
    if row is None or row.state != "shown" or row.shown_at is None:
        raise RevealError("没有这次查看的记录")
    if clock.now() - row.shown_at > timedelta(seconds=SECONDS):
        raise RevealError("显示时间已过")
    found = []
    for reporter in _reporters(session, session.get_one(Clue, row.clue_id)):
        told = open_key(session, reporter.key_id).json(reporter.identity, "reporter.identity")
        found.append({FIELDS.get(name, name): str(value) for name, value in told.items() if value})
    return found


def decide(session: Session, who: Actor, reveal_id: int, *, approve: bool) -> Reveal:
    """Another lead of the unit agrees to a look over the quota, or not. Raises RevealError."""
    row = session.get(Reveal, reveal_id, with_for_update=True)
    if row is None or not who.has(frozenset({Role.LEAD})) or row.unit_id != who.unit_id:
        raise RevealError("没有这个申请")
    seen = session.scalars(visible(who).where(ClueUnit.clue_id == row.clue_id).limit(1)).first()
    if seen is None:
        raise RevealError("没有这个申请")
    if row.user_id == who.user_id:
        raise RevealError("不能同意自己的申请")
    if row.state != "asked":
        raise RevealError("这个申请已经处理")
    row.state, row.decided_by, row.decided_at = "approved" if approve else "refused", who.user_id, clock.real()
    act = "reveal_approved" if approve else "reveal_refused"
    audit.record(session, f"clue:{row.clue_id}", act, actor=who.label, data={"reveal": row.id})
    return row


@dataclass(frozen=True, slots=True)
class Look:
    """A line of the lead's and the auditor's list."""

    id: int
    at: datetime
    person: str
    user_id: int
    unit: str
    no: str
    ground: str
    reason: str
    state: str
    decided_by: str
    new: bool


def looks(session: Session, who: Actor, limit: int = 200) -> list[Look]:
    """Looks at clues this person can see, made from their unit, the newest first. Reasons only for leads of it."""
    if not who.has(LOOKERS):
        return []
    mine = visible(who).with_only_columns(ClueUnit.clue_id)
    other = select(User.id, User.name).subquery()
    rows = session.execute(
        select(Reveal, User.name, Unit.name, Clue.no, Clue.key_id, other.c.name)
        .join(User, User.id == Reveal.user_id)
        .join(Unit, Unit.id == Reveal.unit_id)
        .join(Clue, Clue.id == Reveal.clue_id)
        .outerjoin(other, other.c.id == Reveal.decided_by)
        .where(Reveal.clue_id.in_(mine))
        .order_by(Reveal.id.desc())
        .limit(limit)
    ).all()
    lead = who.has(frozenset({Role.LEAD}))
    return [
        Look(
            row.id, clock.china(row.shown_at or row.asked_at), person, row.user_id, unit, no, GROUNDS[row.ground],
            open_key(session, key_id).text(row.reason, "reveal.reason") if lead and row.unit_id == who.unit_id else "",
            row.state, decided or "",
            row.seen_at is None,
        )
        for row, person, unit, no, key_id, decided in rows
    ]  # fmt: skip


def unread(session: Session, who: Actor) -> int:
    """How many looks the leads of this unit have not had on the screen yet, with requests that wait."""
    return session.scalar(unread_of(who)) or 0


def unread_of(who: Actor) -> Select[int]:
    """The same as a question to be asked with others; 0 for who is no lead."""
    mine = visible(who).with_only_columns(ClueUnit.clue_id)
    return select(func.count()).where(
        true() if who.has(frozenset({Role.LEAD})) else false(),
        Reveal.unit_id == who.unit_id, Reveal.user_id != who.user_id, Reveal.clue_id.in_(mine),
        (Reveal.seen_at.is_(None)) | (Reveal.state == "asked"),
    )  # fmt: skip


def mark_seen(session: Session, who: Actor, ids: list[int]) -> None:
    """A lead had these lines on the screen."""
    if who.has(frozenset({Role.LEAD})) and ids:
        for row in session.scalars(select(Reveal).where(Reveal.id.in_(ids), Reveal.user_id != who.user_id)):
            row.seen_at = row.seen_at or clock.real()
