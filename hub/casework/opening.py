"""A clue opens: its number, who may see it, its first clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock, search
from hub.access import audit
from hub.access.sealing import mac, new_key
from hub.casework.changes import announce, seen_by
from hub.casework.clocks import start
from hub.casework.counters import place
from hub.casework.errors import RefusedError
from hub.jurisdiction import units
from hub.law import deadlines, workflow
from hub.models import Clue, ClueCounter, Directive, Hold, Unit
from hub.terms import State

_SERIALS = 1_000_000


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
    supplement_of: int | None = None  # clue that was answered "supplement" (P5): a new clue, own clock, same handler
    split_from: int | None = None  # clue it was split from: it inherits the base of the clocks
    due: date | None = None  # the day by which a leader wants an answer (channel 04)


def serial(division: str, day: date, channel: str, n: int) -> int:
    """The n-th number of a counter through a keyed permutation of 0…999,999: unique, not consecutive to a reader.

    A four-round Feistel network over 10 + 10 bits, walked until it falls inside the range.
    """
    tweak = f"{division}{day:%Y%m%d}{channel}".encode()
    value = n
    while True:
        left, right = value >> 10, value & 1023
        for step in range(4):
            mixed = mac("serial", tweak + bytes([step]) + right.to_bytes(2, "big"))
            left, right = right, left ^ (int.from_bytes(mixed[:2], "big") & 1023)
        value = (left << 10) | right
        if value < _SERIALS:
            return value


def _number(session: Session, opening: Opening, unit: Unit) -> str:
    day = clock.china(opening.at).date()
    n = session.scalars(
        insert(ClueCounter)
        .values(division=unit.code[:6], day=day, channel=opening.number, n=0)
        .on_conflict_do_update(index_elements=["division", "day", "channel"], set_={"n": ClueCounter.n + 1})
        .returning(ClueCounter.n)
    ).one()
    if n >= _SERIALS:
        raise RefusedError("当日该渠道编号已用完")
    return f"{unit.code[:6]}-{day:%Y%m%d}-{opening.number}-{serial(unit.code[:6], day, opening.number, n):06d}"


def open_clue(session: Session, opening: Opening) -> Clue:
    """Registers a clue: number, states, who may see it, the determination clock, counters, event (Art. 10–12)."""
    unit = units.standing(session, session.get_one(Unit, opening.unit_id))  # entrances outlive a closed unit
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
        state_at=opening.at,
        supplement_of=opening.supplement_of,
        split_from=opening.split_from,
        handler_id=_handler(session, opening),
    )
    session.add(clue)
    session.flush()
    session.add(Hold(clue_id=clue.id, unit_id=unit.id, since=opening.at, until=None))
    session.flush()
    place(session, clue)
    start(session, clue, "determination", deadlines.base_day(opening.at), deadlines.DETERMINATION)
    if opening.due is not None and opening.due >= deadlines.base_day(opening.at):
        start(session, clue, "referral", deadlines.base_day(opening.at), 0, last=opening.due)
        session.add(
            Directive(
                clue_id=clue.id, kind="referral", number=1, from_unit_id=None, to_unit_id=unit.id, due=opening.due,
                at=opening.at, by_user=None, replied_at=None, replied_by=None,
            )
        )  # fmt: skip
    audit.record(
        session, f"clue:{clue.id}", "register", at=opening.at,
        data={
            "no": clue.no, "state": clue.state, "unit": unit.code, "intake": opening.intake_id,
            "rule": "register", "article": workflow.rule("register").article,
            "supplement_of": opening.supplement_of, "split_from": opening.split_from,
        },
    )  # fmt: skip
    session.flush()
    seen = seen_by(session, clue.id)
    search.index(session, clue.id, clue.recorded_at, f"subject:{clue.id}", opening.title[:500], seen)
    announce(session, clue)
    return clue


def _handler(session: Session, opening: Opening) -> int | None:
    """What supplements or is split from a clue stays with its handler, where the same unit has it."""
    before = opening.supplement_of or opening.split_from
    earlier = session.get(Clue, before) if before is not None else None
    return earlier.handler_id if earlier is not None and earlier.owner_unit_id == opening.unit_id else None


def takes_material(clue: Clue) -> bool:
    """Whether what its reporter sends now joins this clue: before it is determined. Afterwards it is a follow-up, and
    after "supplement" (P5) a new clue (`Opening.supplement_of`).
    """
    return clue.determination is None and clue.state != State.CLOSED
