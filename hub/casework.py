"""The acts on clues, one function each: change → event → work row in one transaction. The only writer of Clue.state."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import Key, blind, derived, new_key, open_key
from hub.jurisdiction import units
from hub.law import calendar, deadlines, workflow
from hub.models import (
    Clock,
    Clue,
    ClueCounter,
    ClueReporter,
    ClueUnit,
    Counter,
    CounterDelta,
    Intake,
    Reporter,
    ReporterIndex,
    Unit,
    Value,
)
from hub.terms import OPEN_STATES, IntakeKind, State
from hub.work import rows as work

DETERMINATION_DAYS = 7  # Art. 12: the reporter is told within seven working days
_SERIALS = 1_000_000


class RefusedError(RuntimeError):
    """An act that the rules do not allow; the message (Chinese) names the rule."""


class StaleError(RefusedError):
    """Somebody else changed the clue in the meantime; trying again after a look helps."""


@dataclass(frozen=True)
class Opening:
    """What is known when a clue opens."""

    channel: str
    number: str  # of the channel, for the clue number
    sub_channel: str
    unit_id: int
    at: datetime
    title: str = ""
    mode: str = ""
    reporter: dict[str, str] = field(default_factory=dict)
    intake_id: int = 0


def serial(division: str, day: date, channel: str, n: int) -> int:
    """The n-th number of a counter through a keyed permutation of 0…999,999: unique, not consecutive to a reader.

    A four-round Feistel network over 10 + 10 bits, walked until it falls inside the range.
    """
    tweak = f"{division}{day:%Y%m%d}{channel}".encode()
    value = n
    while True:
        left, right = value >> 10, value & 1023
        for step in range(4):
            mixed = hmac.digest(derived("serial"), tweak + bytes([step]) + right.to_bytes(2, "big"), "sha256")
            left, right = right, left ^ (int.from_bytes(mixed[:2], "big") & 1023)
        value = (left << 10) | right
        if value < _SERIALS:
            return value


def _number(session: Session, opening: Opening, unit: Unit) -> str:
    day = clock.china(opening.at).date()
    n = session.scalars(
        insert(ClueCounter)
        .values(division=unit.code, day=day, channel=opening.number, n=0)
        .on_conflict_do_update(index_elements=["division", "day", "channel"], set_={"n": ClueCounter.n + 1})
        .returning(ClueCounter.n)
    ).one()
    if n >= _SERIALS:
        raise RefusedError("当日该渠道编号已用完")
    return f"{unit.code}-{day:%Y%m%d}-{opening.number}-{serial(unit.code, day, opening.number, n):06d}"


def open_clue(session: Session, opening: Opening) -> Clue:
    """Registers a clue: number, states, who may see it, the determination clock, counters, event (Art. 10–12)."""
    unit = session.get_one(Unit, opening.unit_id)
    key = new_key(session, unit.id)
    clue = Clue(
        no=_number(session, opening, unit),
        channel=opening.channel,
        sub_channel=opening.sub_channel,
        at=opening.at,
        received_unit_id=unit.id,
        owner_unit_id=unit.id,
        state=State.TO_DETERMINE,
        key_id=key.id,
        title=key.seal(opening.title[:500], "clue.title"),
        summary=key.seal("", "clue.summary"),
        report_mode=opening.mode,
        rule_version=workflow.VERSION,
    )
    session.add(clue)
    session.flush()
    for ancestor in units.chain(session, unit.id):
        role = "owner" if ancestor.id == unit.id else "ancestor"
        session.add(
            ClueUnit(
                unit_id=ancestor.id, clue_id=clue.id, role=role, state=clue.state, open=True, channel=clue.channel,
                division=None, sort_at=clue.at,
            )
        )  # fmt: skip
        _count(session, ancestor.id, {"all": 1, "open": 1, f"state:{clue.state}": 1, f"channel:{clue.channel}": 1})
    _start_clock(session, clue, "determination", clock.china(opening.at).date(), DETERMINATION_DAYS, "第十二条")
    audit.record(
        session, f"clue:{clue.id}", "register", at=opening.at,
        data={"no": clue.no, "state": clue.state, "unit": unit.code, "intake": opening.intake_id},
    )  # fmt: skip
    session.flush()
    announce(session, clue)
    return clue


def announce(session: Session, clue: Clue) -> None:
    """Tells open pages, after the commit, that this clue changed: unit ids and the clue's id, nothing else."""
    seen_by = session.scalars(select(ClueUnit.unit_id).where(ClueUnit.clue_id == clue.id)).all()
    session.execute(select(func.pg_notify("hub_live", json.dumps({"c": clue.id, "u": list(seen_by)}))))


def _count(session: Session, unit_id: int, deltas: dict[str, int]) -> None:
    session.add_all([CounterDelta(unit_id=unit_id, key=key, n=n) for key, n in deltas.items()])


def _start_clock(session: Session, clue: Clue, kind: str, base: date, days: int, article: str) -> None:
    due = deadlines.due(base, days, calendar.national())
    session.add(
        Clock(
            clue_id=clue.id, kind=kind, base=base, days=days, due=due.due, provisional=due.provisional, article=article,
            stopped_at=None,
        )
    )  # fmt: skip


def add_reporter(session: Session, clue: Clue, intake_id: int, identity: dict[str, str]) -> None:
    """Seals who reported, apart from the clue. The same openid, phone, mail or id number is one reporter here."""
    known = {kind: _normal(kind, identity.get(kind, "")) for kind in ("phone", "email", "openid", "id_number")}
    tokens = {kind: blind(kind, value) for kind, value in known.items() if value}
    if tokens:
        twin = session.scalars(
            select(ReporterIndex.reporter_id)
            .join(ClueReporter, ClueReporter.reporter_id == ReporterIndex.reporter_id)
            .where(ClueReporter.clue_id == clue.id, ReporterIndex.token.in_(tokens.values()))
        ).first()
        if twin is not None:
            return
    key = new_key(session, clue.received_unit_id)
    reporter = Reporter(key_id=key.id, identity=key.seal_json(identity, "reporter.identity"))
    session.add(reporter)
    session.flush()
    session.add_all([ReporterIndex(reporter_id=reporter.id, kind=kind, token=token) for kind, token in tokens.items()])
    session.add(ClueReporter(clue_id=clue.id, reporter_id=reporter.id, intake_id=intake_id))


def _normal(kind: str, value: str) -> str:
    if kind == "phone":
        digits = "".join(char for char in value if char.isdigit())
        return digits[-11:] if len(digits) > 11 and digits.startswith("86") else digits
    return value.strip().lower() if kind == "email" else value.strip()


def apply_suggestions(session: Session, clue: Clue, found: dict[str, Any], *, complete: bool) -> None:
    """Shows the machine's place, class and missing elements where no person has decided yet. Moves no state."""
    if not clue.division_confirmed:
        _set_division(session, clue, found.get("division"))
        clue.ambiguous = bool(found.get("ambiguous"))
    if not clue.class_confirmed:
        clue.class_code = found.get("class")
    clue.missing = list(found.get("missing", ()))
    clue.urgent = clue.urgent or bool(found.get("urgent"))
    clue.enriched = complete
    clue.summary = open_key(session, clue.key_id).seal(str(found.get("summary", ""))[:200], "clue.summary")
    announce(session, clue)


def _set_division(session: Session, clue: Clue, division: str | None) -> None:
    if clue.division != division:
        clue.division = division
        session.execute(update(ClueUnit).where(ClueUnit.clue_id == clue.id).values(division=division))


def _check_version(clue: Clue, version: int | None) -> None:
    if version is not None and clue.version != version:
        raise StaleError("这条线索刚被他人修改，请查看最新内容后再保存")


CONFIRMABLE = frozenset(
    {"place", "class", "respondent", "facts", "area", "occurred", "evidence", "phone", "reporter_name", "organisation",
     "id_number", "urgency", "scope"}
)  # fmt: skip


def confirm(  # the six facts of a decision
    session: Session,
    who: Actor,
    clue: Clue,
    field_name: str,
    value: Any,
    *,
    suggestion_id: int | None = None,
    version: int | None = None,
) -> Value:
    """A person confirms a suggestion or sets another value. Machine text and decision stay apart for ever (B10).

    Raises RefusedError for a field that is none, StaleError when `version` is no longer the clue's.
    """
    if field_name not in CONFIRMABLE:
        raise RefusedError("没有这个要素")
    if value in (None, "", [], {}):
        raise RefusedError("内容不能为空")
    _check_version(clue, version)
    key = open_key(session, clue.key_id)
    row = Value(
        clue_id=clue.id, field=field_name, value=key.seal_json(value, "clue.value"), suggestion_id=suggestion_id,
        by_user=who.user_id,
    )  # fmt: skip
    session.add(row)
    if field_name == "place" and isinstance(value, dict):
        _set_division(session, clue, value.get("code"))
        clue.division_confirmed, clue.ambiguous = True, False
    if field_name == "class":
        clue.class_code, clue.class_confirmed = str(value), True
    if field_name in clue.missing:
        clue.missing = [name for name in clue.missing if name != field_name]
    _touch(session, clue)
    announce(session, clue)
    act = "confirm" if suggestion_id else "set_value"
    audit.record(
        session, f"clue:{clue.id}", act, actor=who.label, data={"field": field_name, "suggestion": suggestion_id}
    )
    return row


def _touch(session: Session, clue: Clue) -> None:
    """Raises the clue's version even where only rows beside it changed, and turns a lost race into StaleError."""
    flag_modified(clue, "urgent")
    try:
        session.flush()
    except StaleDataError:
        raise StaleError("这条线索刚被他人修改，请查看最新内容后再保存") from None


def set_intake_kind(session: Session, who: Actor, intake: Intake, kind: str, reason: str) -> None:
    """A person says what an intake is. Anything but a clue needs a reason (PRODUCT §4)."""
    if kind not in list(IntakeKind):
        raise RefusedError("没有这种来件类别")
    if kind != IntakeKind.CLUE and not reason.strip():
        raise RefusedError("定为非线索须写明理由")
    intake.kind = kind
    audit.record(session, f"intake:{intake.id}", "set_kind", actor=who.label, data={"kind": kind})


def note_read(session: Session, who: Actor, clue: Clue, sign_in: str) -> None:
    """Writes the audited read of an original: one per clue and sign-in (PRODUCT §10)."""
    audit.record(session, f"clue:{clue.id}", "read_original", actor=who.label, data={"sign_in": sign_in})


def is_open(state: str) -> bool:
    return state in OPEN_STATES


def key_of(session: Session, clue: Clue) -> Key:
    """The data key under which the clue's own text is sealed."""
    return open_key(session, clue.key_id)


def reenrich(session: Session, clue: Clue) -> None:
    """Text behind the suggestions has changed: they are made again; those of before are kept, no longer current."""
    clue.enriched = False
    announce(session, clue)
    work.put(session, "enrich", {"clue": clue.id}, once=f"enrich:{clue.id}")


def fold_counters(session: Session, limit: int = 5000) -> int:
    """Adds appended deltas to the counters (the sweeper's chore). Returns how many deltas were folded."""
    ids = select(CounterDelta.id).order_by(CounterDelta.id).limit(limit).with_for_update(skip_locked=True)
    gone = session.execute(
        delete(CounterDelta)
        .where(CounterDelta.id.in_(ids))
        .returning(CounterDelta.unit_id, CounterDelta.key, CounterDelta.n)
    ).all()
    sums: dict[tuple[int, str], int] = {}
    for unit_id, key, n in gone:
        sums[unit_id, key] = sums.get((unit_id, key), 0) + n
    for (unit_id, key), n in sorted(sums.items()):
        statement = insert(Counter).values(unit_id=unit_id, key=key, n=n)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["unit_id", "key"], set_={"n": Counter.n + statement.excluded.n}
            )
        )
    return len(gone)
