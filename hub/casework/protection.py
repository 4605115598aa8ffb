"""When protection failed or was abused: the leak-incident form (J11), the malicious-use mark with appeal (J13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor, visible
from hub.access.sealing import new_key, open_key
from hub.casework.errors import RefusedError
from hub.models import Clue, ClueReporter, ClueUnit, LeakIncident, MisuseMark, User
from hub.terms import Role

LEAKS = {
    "wrong_recipient": "告知或邮寄给了错误的人", "lost": "文件或设备遗失", "seen": "无权者看到",
    "published": "被公开或上网", "other": "其他",
}  # fmt: skip
REPORTERS_OF_LEAKS = frozenset(set(Role) - {Role.OTHER_DEPARTMENT})
CLOSERS = frozenset({Role.LEAD, Role.SECADMIN})
DECIDERS = frozenset({Role.LEAD, Role.SUPERVISOR})
LEAST, LONGEST = 5, 2000


def report_leak(  # the five facts of the form
    session: Session, who: Actor, kind: str, account: str, noticed: datetime, clue: Clue | None = None
) -> LeakIncident:
    """Anybody of the staff reports a leak; the text is sealed for the unit. Raises RefusedError."""
    text = account.strip()
    if kind not in LEAKS:
        raise RefusedError("请选择泄露的情形")
    if not LEAST <= len(text) <= LONGEST:
        raise RefusedError(f"请写明经过、涉及的人和已采取的措施（{LEAST} 至 {LONGEST} 字）")
    if noticed > clock.now():
        raise RefusedError("发现时间不能在将来")
    key = new_key(session, who.unit_id)
    row = LeakIncident(
        unit_id=who.unit_id, clue_id=clue.id if clue is not None else None, kind=kind, key_id=key.id,
        account=key.seal_json([text], "leak.account"), noticed=noticed, by_user=who.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, f"leak:{row.id}", "leak_reported", actor=who.label, data={"kind": kind})
    if clue is not None:
        audit.record(session, f"clue:{clue.id}", "leak_reported", actor=who.label, data={"leak": row.id})
    return row


def leaks(session: Session, who: Actor) -> list[tuple[LeakIncident, list[str]]]:
    """The unit's incidents with their text: for its leads; the security administrator sees them without text."""
    if not who.has(CLOSERS):
        return []
    rows = session.scalars(
        select(LeakIncident).where(LeakIncident.unit_id == who.unit_id).order_by(LeakIncident.id.desc())
    ).all()
    lead = who.has(frozenset({Role.LEAD}))
    return [(row, open_key(session, row.key_id).json(row.account, "leak.account") if lead else []) for row in rows]


def close_leak(session: Session, who: Actor, number: int, measures: str) -> None:
    """A lead closes an incident with what was done. The one who reported it does not close it alone."""
    row = session.get(LeakIncident, number, with_for_update=True)
    if row is None or row.unit_id != who.unit_id or not who.has(frozenset({Role.LEAD})):
        raise RefusedError("没有这个事件")
    if row.state == "closed":
        raise RefusedError("这个事件已经办结")
    if row.by_user == who.user_id:
        raise RefusedError("报告人不能自己办结")
    if not LEAST <= len(measures.strip()) <= LONGEST:
        raise RefusedError("请写明处置措施")
    key = open_key(session, row.key_id)
    told = key.json(row.account, "leak.account")
    row.account = key.seal_json([*told, measures.strip()], "leak.account")
    row.state, row.closed_by = "closed", who.user_id
    audit.record(session, f"leak:{row.id}", "leak_closed", actor=who.label)


# ---- malicious use: a person marks, a second confirms, a third decides the appeal; nothing follows by itself


def mark(session: Session, who: Actor, clue: Clue, reporter_id: int, reason: str) -> MisuseMark:
    """A lead proposes the mark. It changes nothing of how reports are taken in. Raises RefusedError."""
    if not who.has(frozenset({Role.LEAD})) or clue.owner_unit_id != who.unit_id:
        raise RefusedError("只有承办单位负责人可以提出")
    if session.get(ClueReporter, (clue.id, reporter_id)) is None:
        raise RefusedError("这条线索没有这个举报人")
    if not LEAST <= len(reason.strip()) <= LONGEST:
        raise RefusedError("请写明理由")
    live = select(MisuseMark.id).where(
        MisuseMark.reporter_id == reporter_id, MisuseMark.state.in_(("open", "confirmed", "appealed"))
    )
    if session.scalars(live).first() is not None:
        raise RefusedError("已有标记")
    sealed = open_key(session, clue.key_id).seal(reason.strip(), "misuse.reason")
    row = MisuseMark(reporter_id=reporter_id, clue_id=clue.id, reason=sealed, proposed_by=who.user_id)
    session.add(row)
    session.flush()
    audit.record(session, f"clue:{clue.id}", "misuse_proposed", actor=who.label, data={"mark": row.id})
    return row


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark as its page shows it; words only for leads and supervisors who see the clue."""

    id: int
    no: str
    state: str
    at: datetime
    proposed_by: str
    reason: str
    appeal: str
    involved: bool  # the viewer proposed or decided it, and cannot take the next step


def marks(session: Session, who: Actor, limit: int = 100) -> list[Marked]:
    """Marks on reporters of clues this person sees, those that wait first."""
    if not who.has(DECIDERS):
        return []
    mine = visible(who).with_only_columns(ClueUnit.clue_id)
    waits = MisuseMark.state.in_(("open", "appealed"))
    rows = session.execute(
        select(MisuseMark, Clue.no, Clue.key_id, User.name)
        .join(Clue, Clue.id == MisuseMark.clue_id)
        .join(User, User.id == MisuseMark.proposed_by)
        .where(MisuseMark.clue_id.in_(mine))
        .order_by(~waits, MisuseMark.id.desc())
        .limit(limit)
    )
    found = []
    for row, no, key_id, name in rows:
        key = open_key(session, key_id)
        words = key.text(row.appeal, "misuse.appeal") if row.appeal is not None else ""
        involved = who.user_id in (row.proposed_by, row.decided_by)
        at = clock.china(row.proposed_at)
        reason = key.text(row.reason, "misuse.reason")
        found.append(Marked(row.id, no, row.state, at, name, reason, words, involved))
    return found


def _sees(session: Session, who: Actor, row: MisuseMark) -> bool:
    return session.scalars(visible(who).where(ClueUnit.clue_id == row.clue_id).limit(1)).first() is not None


def _mark(session: Session, who: Actor, number: int, state: str) -> MisuseMark:
    row = session.get(MisuseMark, number, with_for_update=True)
    if row is None or not who.has(DECIDERS) or not _sees(session, who, row):
        raise RefusedError("没有这个标记")
    if row.state != state:
        raise RefusedError("这个标记已经处理")
    return row


def confirm_mark(session: Session, who: Actor, number: int, *, agree: bool) -> None:
    """A second person confirms or refuses the mark."""
    row = _mark(session, who, number, "open")
    if row.proposed_by == who.user_id:
        raise RefusedError("提出和确认须是两个人")
    row.state, row.decided_by = "confirmed" if agree else "refused", who.user_id
    act = "misuse_confirmed" if agree else "misuse_refused"
    audit.record(session, f"clue:{row.clue_id}", act, actor=who.label, data={"mark": row.id})


def appeal(session: Session, number: int, words: str, who: Actor | None = None) -> None:
    """The reporter objects, by whatever channel a person took it from: `who` entered it for them."""
    row = session.get(MisuseMark, number, with_for_update=True)
    if row is None or row.state != "confirmed" or (who is not None and not _sees(session, who, row)):
        raise RefusedError("没有可以申诉的标记")
    if not LEAST <= len(words.strip()) <= LONGEST:
        raise RefusedError(f"请写明举报人的申诉（{LEAST} 至 {LONGEST} 字）")
    key = open_key(session, session.get_one(Clue, row.clue_id).key_id)
    row.state, row.appeal = "appealed", key.seal(words.strip(), "misuse.appeal")
    actor = who.label if who is not None else "system"
    audit.record(session, f"clue:{row.clue_id}", "misuse_appealed", actor=actor, data={"mark": row.id})


def decide_appeal(session: Session, who: Actor, number: int, *, lift: bool) -> None:
    """A third person decides the appeal: the mark is lifted, or stands."""
    row = _mark(session, who, number, "appealed")
    if who.user_id in (row.proposed_by, row.decided_by):
        raise RefusedError("申诉须由未参与标记的人处理")
    row.state, row.appeal_by = "lifted" if lift else "confirmed", who.user_id
    act = "misuse_lifted" if lift else "misuse_upheld"
    audit.record(session, f"clue:{row.clue_id}", act, actor=who.label, data={"mark": row.id})
