"""The end of a clue's content (J7): schedule, hold, two people, and the keys go, so that backups go with them in time.

What stays is what statistics and the law need: number, codes, times, the event log. Text, originals, identity and
everything by which they could be found again are gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, aliased

from hub import clock, db
from hub.access import audit, walls
from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.casework.counters import count, counter_keys
from hub.casework.errors import RefusedError
from hub.casework.switches import in_force
from hub.evidence import Store
from hub.law import retention
from hub.models import (
    Blob,
    Clue,
    ClueReporter,
    ClueUnit,
    Conversation,
    DataKey,
    Disposal,
    Intake,
    IntakeClue,
    Likeness,
    LikenessKey,
    QueryCode,
    Reporter,
    ReporterIndex,
    RetentionHold,
    SearchRow,
    User,
)
from hub.settings import settings
from hub.terms import Role, State

DECIDERS = frozenset({Role.LEAD, Role.SUPERVISOR})
SHREDDED = b""  # a wrapped key that holds nothing


@dataclass(frozen=True, slots=True)
class Due:
    """A closed clue and when its content may go."""

    clue_id: int
    no: str
    rule: str
    label: str
    ends: date
    held: bool


def hold(session: Session, who: Actor, clue: Clue, reason: str) -> RetentionHold:
    """Keeps a clue whatever the schedule says: a lawsuit, an inspection. Raises RefusedError."""
    _lead(who)
    _own(who, clue)
    if not reason.strip():
        raise RefusedError("请写明暂缓处置的理由")
    if _held(session, clue.id) is not None:
        raise RefusedError("这条线索已暂缓处置")
    sealed = open_key(session, clue.key_id).seal(reason.strip()[:500], "hold.reason")
    row = RetentionHold(clue_id=clue.id, reason=sealed, by_user=who.user_id)
    session.add(row)
    session.flush()
    audit.record(session, f"clue:{clue.id}", "retention_hold", actor=who.label)
    return row


def lift(session: Session, who: Actor, clue: Clue) -> None:
    """Ends a hold."""
    _lead(who)
    _own(who, clue)
    row = _held(session, clue.id)
    if row is None:
        raise RefusedError("这条线索没有暂缓处置")
    row.lifted_by, row.lifted_at = who.user_id, clock.real()
    audit.record(session, f"clue:{clue.id}", "retention_lift", actor=who.label)


def _held(session: Session, clue_id: int) -> RetentionHold | None:
    query = select(RetentionHold).where(RetentionHold.clue_id == clue_id, RetentionHold.lifted_at.is_(None))
    return session.scalars(query).first()


def _held_of(session: Session, clue_ids: Collection[int]) -> set[int]:
    """Which of the clues are kept whatever the schedule says."""
    query = select(RetentionHold.clue_id).where(RetentionHold.clue_id.in_(clue_ids), RetentionHold.lifted_at.is_(None))
    return set(session.scalars(query))


def _lead(who: Actor) -> None:
    if not who.has(frozenset({Role.LEAD})):
        raise RefusedError("只有单位负责人可以办理")


def _own(who: Actor, clue: Clue) -> None:
    if clue.owner_unit_id != who.unit_id:
        raise RefusedError("只有承办单位可以办理")


def due(session: Session, who: Actor, limit: int = 200) -> list[Due]:
    """Closed clues of the own unit with the day their content may go, the earliest first."""
    mine = visible(who).with_only_columns(ClueUnit.clue_id).where(ClueUnit.state == State.CLOSED)
    rows = session.scalars(
        select(Clue).where(Clue.id.in_(mine), Clue.owner_unit_id == who.unit_id).order_by(Clue.state_at).limit(limit)
    ).all()
    held = _held_of(session, [row.id for row in rows])
    kept = cache(partial(in_force, session, who.unit_id))  # one question a day of closing, not a clue
    found = [_due(row, kept(row.channel, _closed(row)), held=row.id in held) for row in rows]
    return sorted(found, key=lambda item: item.ends)


def _closed(clue: Clue) -> date:
    return clock.china(clue.state_at or clue.at).date()


def _due(clue: Clue, kept: Mapping[str, Any], *, held: bool) -> Due:
    rule = retention.period(clue.close_reason or "")
    ends = retention.ends(_closed(clue), clue.close_reason or "", kept[f"keep_{rule.id}"])
    return Due(clue.id, clue.no, rule.id, rule.label, ends, held)


def _schedule(session: Session, clue: Clue) -> Due:
    kept = in_force(session, clue.owner_unit_id, clue.channel, _closed(clue))
    return _due(clue, kept, held=_held(session, clue.id) is not None)


def _may_go(session: Session, clue: Clue) -> Due:
    """The clue's row of the schedule, if nothing speaks against disposal. Raises RefusedError naming what does."""
    if clue.state != State.CLOSED:
        raise RefusedError("线索尚未办结，不能处置")
    known = _schedule(session, clue)
    if known.held:
        raise RefusedError("这条线索已暂缓处置")
    if clock.today() < known.ends:
        raise RefusedError(f"保存期未满：{known.label}须保存至 {known.ends}")
    linked = select(func.count()).where(Clue.main_id == clue.id, Clue.state != State.CLOSED)
    if session.scalar(linked):
        raise RefusedError("并案成员尚未办结，不能处置")
    return known


def propose(session: Session, who: Actor, clue: Clue) -> Disposal:
    """The first of two people. Nothing is gone yet. Raises RefusedError."""
    _lead(who)
    if clue.owner_unit_id != who.unit_id:
        raise RefusedError("只有承办单位可以提出处置")
    known = _may_go(session, clue)
    waiting = select(Disposal.id).where(Disposal.clue_id == clue.id, Disposal.state != "refused")
    if session.scalars(waiting).first() is not None:
        raise RefusedError("已提出处置")
    row = Disposal(clue_id=clue.id, rule=known.rule, proposed_by=who.user_id)
    session.add(row)
    session.flush()
    audit.record(session, f"clue:{clue.id}", "disposal_proposed", actor=who.label, data={"rule": known.rule})
    return row


def decide(session: Session, who: Actor, number: int, *, agree: bool) -> None:
    """The second person; agreed, the content is gone with the commit. Raises RefusedError."""
    row = session.get(Disposal, number, with_for_update=True)
    seen = None if row is None else session.scalars(visible(who).where(ClueUnit.clue_id == row.clue_id)).first()
    if row is None or seen is None or not who.has(DECIDERS):
        raise RefusedError("没有这个处置申请")
    if row.state != "open":
        raise RefusedError("这个申请已经处理")
    if row.proposed_by == who.user_id:
        raise RefusedError("提出和同意须是两个人")
    clue = session.get_one(Clue, row.clue_id, with_for_update=True)
    if agree:
        _may_go(session, clue)
    row.state, row.decided_by, row.decided_at = "done" if agree else "refused", who.user_id, clock.real()
    told = shred(session, clue) if agree else {}
    act = "disposal_done" if agree else "disposal_refused"
    audit.record(session, f"clue:{clue.id}", act, actor=who.label, data=told)


@dataclass(frozen=True, slots=True)
class Asked:
    """A disposal somebody proposed: waiting for the second person, done or refused."""

    id: int
    no: str
    label: str
    state: str
    proposed: datetime
    proposed_by: str
    decided: datetime | None
    decided_by: str
    own: bool  # proposed by the viewer, who cannot be the second person


def asked(session: Session, who: Actor, limit: int = 100) -> list[Asked]:
    """Proposals the person may decide, then what the own unit decided before; the newest first."""
    if not who.has(DECIDERS):
        return []
    mine = visible(who).with_only_columns(ClueUnit.clue_id)
    before = (Disposal.state != "open") & (Clue.owner_unit_id == who.unit_id)
    first, second = aliased(User), aliased(User)
    rows = session.execute(
        select(Disposal, Clue.no, first.name, second.name)
        .join(Clue, Clue.id == Disposal.clue_id)
        .join(first, first.id == Disposal.proposed_by)
        .outerjoin(second, second.id == Disposal.decided_by)
        .where(((Disposal.state == "open") & Disposal.clue_id.in_(mine)) | before, ~walls.hide(who, Disposal.clue_id))
        .order_by(Disposal.state != "open", Disposal.id.desc())
        .limit(limit)
    )
    labels = {rule.id: rule.label for rule in retention.schedule()}
    return [
        Asked(
            row.id, no, labels.get(row.rule, row.rule), row.state, clock.china(row.proposed_at), one,
            clock.china(row.decided_at) if row.decided_at is not None else None, other or "",
            row.proposed_by == who.user_id,
        )
        for row, no, one, other in rows
    ]  # fmt: skip


def _only_here(session: Session, clue: Clue) -> tuple[list[int], list[int]]:
    """(intakes, reporters) that belong to this clue and to no other that is still kept."""
    others = select(Disposal.clue_id).where(Disposal.state == "done")
    elsewhere = select(IntakeClue.intake_id).where(IntakeClue.clue_id != clue.id, IntakeClue.clue_id.not_in(others))
    mine = select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id, IntakeClue.intake_id.not_in(elsewhere))
    told = select(ClueReporter.reporter_id).where(ClueReporter.clue_id != clue.id, ClueReporter.clue_id.not_in(others))
    people = select(ClueReporter.reporter_id).where(
        ClueReporter.clue_id == clue.id, ClueReporter.reporter_id.not_in(told)
    )
    return list(session.scalars(mine)), list(session.scalars(people))


def shred(session: Session, clue: Clue) -> dict[str, Any]:
    """Destroys the keys of the clue, of its intakes and reporters, the originals, and every index that finds them."""
    intakes, reporters = _only_here(session, clue)
    keys = {clue.key_id, *session.scalars(select(Intake.key_id).where(Intake.id.in_(intakes))),
            *session.scalars(select(Reporter.key_id).where(Reporter.id.in_(reporters)))}  # fmt: skip
    session.execute(update(DataKey).where(DataKey.id.in_(keys)).values(wrapped=SHREDDED))
    files = list(session.scalars(select(Blob.address).where(Blob.intake_id.in_(intakes), Blob.address.is_not(None))))
    session.execute(update(Blob).where(Blob.intake_id.in_(intakes)).values(sealed=SHREDDED, address=None))
    for table, column, ids in (
        (SearchRow, SearchRow.clue_id, [clue.id]), (Likeness, Likeness.clue_id, [clue.id]),
        (LikenessKey, LikenessKey.clue_id, [clue.id]), (QueryCode, QueryCode.clue_id, [clue.id]),
        (Conversation, Conversation.clue_id, [clue.id]), (ReporterIndex, ReporterIndex.reporter_id, reporters),
    ):  # fmt: skip
        session.execute(delete(table).where(column.in_(ids)))
    for row in session.scalars(select(ClueUnit).where(ClueUnit.clue_id == clue.id)):
        count(session, row.unit_id, dict(counter_keys(row.state, row.channel, sign=-1)))
        session.delete(row)
    db.after_commit(session, lambda: _remove([address for address in files if address]))
    return {"keys": len(keys), "files": len(files)}


def _remove(addresses: list[str]) -> None:
    """The sealed files too: their keys are gone already, so a fault here leaves nothing that opens."""
    store = Store(settings().folder("evidence"))
    for address in addresses:
        store.remove(address)


def subject_export(session: Session, who: Actor, clue: Clue) -> dict[str, Any]:
    """What the hub holds of a clue's reporters, for the reporter who asks (J7): an audited read of identity.

    The caller has proved who asks and committed a reveal first; the answer goes to nobody else.
    """
    _lead(who)
    rows = session.scalars(
        select(Reporter)
        .join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
        .where(ClueReporter.clue_id == clue.id)
        .order_by(Reporter.id)
    ).all()
    audit.record(session, f"clue:{clue.id}", "subject_export", actor=who.label, data={"reporters": len(rows)})
    closed = clue.state == State.CLOSED
    return {
        "clue": clue.no, "received": clock.china(clue.at).isoformat(), "channel": clue.channel, "state": clue.state,
        "kept_until": _schedule(session, clue).ends.isoformat() if closed else None,
        "reporters": [
            {"since": clock.china(row.created).isoformat()}
            | open_key(session, row.key_id).json(row.identity, "reporter.identity")
            for row in rows
        ],
    }  # fmt: skip
