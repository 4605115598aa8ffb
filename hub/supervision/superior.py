"""What waits for a superior: objections, holds, directives, major clues, warnings, feedback, decisions that an intake
is no clue (H2–H4, PRODUCT §5). Every list starts at `visible`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access.masking import mask
from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.access.walls import live
from hub.casework import jurisdiction, kinds, orders
from hub.models import (
    Clock,
    Clue,
    ClueUnit,
    Directive,
    Event,
    Hop,
    Intake,
    IntakeClue,
    KindDecision,
    Objection,
    Opinion,
    Unit,
    User,
    Wall,
)
from hub.supervision.clocks import left_of, remaining
from hub.supervision.listing import named, reporter_names
from hub.terms import State

POINTS = ("near", "due", "overdue", "lead", "head", "superior")  # of warnings, from the first to the last
READ = 2000  # feedbacks looked through for a period
MOST = 200  # of a list that is no page of clues; the page says so where there are more
REASONS = {
    "named": "违法主体与工作人员同名", "accused": "来件指向本系统单位", "lead": "负责人决定", "N2": "反映公职人员问题",
}  # fmt: skip
DIRECTIVES = {"order": "督办", "letter": "核查函", "referral": "领导批办"}


def _seen(who: Actor) -> Select[int]:
    return visible(who).with_only_columns(ClueUnit.clue_id)


def _numbers(session: Session, ids: set[int]) -> dict[int, str]:
    return {row.id: row.no for row in session.execute(select(Clue.id, Clue.no).where(Clue.id.in_(ids)))}


def _names(session: Session, ids: set[int]) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(ids)))}


@dataclass(frozen=True, slots=True)
class Objected:
    """A designated unit's objection that waits for the own unit's review."""

    clue_no: str
    unit: str
    at: datetime


def objections(session: Session, who: Actor) -> list[Objected]:
    """Those the own unit has to review, the oldest first (E8)."""
    rows: list[Objection] = jurisdiction.to_review(session, who.unit_id)
    seen = set(session.scalars(_seen(who).where(ClueUnit.clue_id.in_([row.clue_id for row in rows]))))
    rows = [row for row in rows if row.clue_id in seen]
    nos, names = _numbers(session, seen), _names(session, {row.unit_id for row in rows})
    return [Objected(nos[row.clue_id], names[row.unit_id], row.at) for row in rows]


@dataclass(frozen=True, slots=True)
class Held:
    """A machine's hold that a person has to confirm or release. `mine`: the own unit holds the clue and decides."""

    clue_no: str
    whom: str
    person: bool
    reason: str
    since: datetime
    due: date | None
    holder: str
    mine: bool
    state: str

    @property
    def over(self) -> bool:
        """The day of the decision is past."""
        return self.due is not None and self.due < clock.today()

    @property
    def acts(self) -> tuple[tuple[str, str], ...]:
        """(act, label) that settle it; for an accused unit by the state of the clue."""
        if self.person:
            return ("recuse.confirm", "核定回避"), ("recuse.release", "解除")
        confirm = "wall.reassign" if self.state in (State.VERIFYING, State.TO_TELL) else "wall.confirm"
        return (confirm, "核定回避"), ("wall.release", "解除")


def holds(session: Session, who: Actor) -> list[Held]:
    """Undecided holds on clues the person sees, the own unit's first, the oldest first. Groups are decided as one."""
    decision = select(Clock).where(Clock.kind == "wall", Clock.stopped_at.is_(None)).subquery()
    holder = select(Unit.id, Unit.name).subquery()
    rows = session.execute(
        select(Wall, Clue.no, Clue.state, Clue.owner_unit_id, User.name, Unit.name, holder.c.name, decision.c.due)
        .join(Clue, Clue.id == Wall.clue_id)
        .join(holder, holder.c.id == Clue.owner_unit_id)
        .outerjoin(User, User.id == Wall.user_id)
        .outerjoin(Unit, Unit.id == Wall.unit_id)
        .outerjoin(decision, decision.c.clue_id == Wall.clue_id)
        .where(live(), Wall.state == "held", Clue.state != State.MERGED, Wall.clue_id.in_(_seen(who)))
        .order_by(Wall.since, Wall.id)
    )
    found = [
        Held(
            no, person or unit or "", person is not None, REASONS.get(row.reason, ""), row.since,
            due if person is None else None, holder_name, owner == who.unit_id, state,
        )
        for row, no, state, owner, person, unit, holder_name, due in rows
    ]  # fmt: skip
    return sorted(found, key=lambda one: not one.mine)


@dataclass(frozen=True, slots=True)
class Directed:
    """A directive with what became of it."""

    clue_no: str
    kind: str
    number: int
    unit: str
    sender: str
    at: datetime
    due: date
    replied: datetime | None
    stands: frozenset[str]


def directives(  # the filters of a number
    session: Session, who: Actor, since: date, until: date, *, kind: str = "", unit: int = 0, stands: str = "asked"
) -> list[Directed]:
    """The directives behind a number of `orders.supervised`, the newest first."""
    rows: list[tuple[Directive, str]] = [
        (row, name)
        for row, name in orders.directed(session, who, since, until)
        if kind in ("", row.kind) and unit in (0, row.to_unit_id) and stands in orders.stands_as(row)
    ]
    nos = _numbers(session, {row.clue_id for row, _ in rows})
    senders = _names(session, {row.from_unit_id for row, _ in rows if row.from_unit_id is not None})
    made = [
        Directed(
            nos[row.clue_id], row.kind, row.number, name, senders.get(row.from_unit_id or 0, "领导批办"), row.at,
            row.due, row.replied_at, orders.stands_as(row),
        )
        for row, name in rows
    ]  # fmt: skip
    return sorted(made, key=lambda one: one.at, reverse=True)


@dataclass(frozen=True, slots=True)
class Reported:
    """A major clue reported to the own unit."""

    clue_no: str
    unit: str
    at: datetime
    late: bool


def majors(session: Session, who: Actor, since: datetime) -> list[Reported]:
    """Reports of major clues to the own unit since that moment, the newest first (F11)."""
    rows = casework.reported_to(session, who, since)
    names = _names(session, {row.from_unit_id for row in rows})
    return [Reported(row.clue_no, names[row.from_unit_id], row.at, row.late) for row in rows]


def alerts(session: Session, who: Actor) -> list[casework.Alert]:
    """The warnings for the person, of each clock or stall only the furthest point reached, the newest first; at most
    MOST.
    """
    found: dict[tuple[int, str], casework.Alert] = {}
    for one in casework.alerts(session, who, MOST * len(POINTS)):
        kept = found.get((one.clue_id, one.what))
        if kept is None or POINTS.index(one.point) > POINTS.index(kept.point):
            found[one.clue_id, one.what] = one
    return sorted(found.values(), key=lambda one: (one.at, one.clue_id), reverse=True)[:MOST]


@dataclass(frozen=True, slots=True)
class Told:
    """What a unit below fed back about a clue handed down to it. `words` masked."""

    clue_no: str
    unit: str
    by: str
    at: datetime
    words: str


def feedbacks(session: Session, who: Actor, since: datetime, until: datetime) -> tuple[list[Told], bool]:
    """Feedback of the time on clues the own unit handed down, the newest first (E9), and whether there is more.

    When it was given stands in the event; its words beside it, in the same order.
    """
    handed = select(Hop.clue_id).where(Hop.act == "hand_down", Hop.from_unit_id == who.unit_id)
    rows = session.scalars(
        select(Opinion)
        .where(Opinion.act == "feedback", Opinion.clue_id.in_(handed), Opinion.clue_id.in_(_seen(who)))
        .order_by(Opinion.id.desc())
        .limit(READ)
    ).all()
    objects = {f"clue:{row.clue_id}" for row in rows}
    events: dict[str, list[datetime]] = {}
    noted = select(Event.object, Event.at).where(Event.object.in_(objects), Event.act == "feedback")
    for event in session.execute(noted.order_by(Event.seq)):
        events.setdefault(event.object, []).append(event.at)
    timed = [(row, events[f"clue:{row.clue_id}"].pop()) for row in rows]
    asked = [(row, at) for row, at in timed if since <= at < until]
    made = [_told(session, row, at) for row, at in asked[:MOST]]
    return made, len(asked) > MOST or len(rows) == READ


def _told(session: Session, row: Opinion, at: datetime) -> Told:
    clue = session.get_one(Clue, row.clue_id)
    by = session.get(User, row.by_user) if row.by_user is not None else None
    unit = session.get_one(Unit, clue.owner_unit_id).name
    return Told(clue.no, unit, by.name if by is not None else "", at, _masked(session, clue, row.text))


def _masked(session: Session, clue: Clue, sealed: bytes) -> str:
    words = open_key(session, clue.key_id).text(sealed, "clue.opinion")
    return mask(words, named(words, reporter_names(session, clue)))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that an intake is no clue. `clue_no`: of the clue that was closed by it, where the person sees it."""

    intake: int
    channel: str
    kind: str
    unit: str
    by: str
    by_user: int
    unit_id: int
    at: datetime
    was_clue: bool
    objected: bool
    clue_no: str


def decisions(session: Session, rows: list[KindDecision], who: Actor) -> list[Decision]:
    """Kind decisions in words, in the order given."""
    intakes = {row.intake_id for row in rows}
    channel = {one.id: one.channel for one in session.scalars(select(Intake).where(Intake.id.in_(intakes)))}
    people = {one.id: one.name for one in session.scalars(select(User).where(User.id.in_({r.by_user for r in rows})))}
    names, against = _names(session, {row.unit_id for row in rows}), kinds.objected(session, rows)
    linked = select(IntakeClue.intake_id, Clue.no).join(Clue, Clue.id == IntakeClue.clue_id)
    linked = linked.where(IntakeClue.intake_id.in_(intakes), Clue.id.in_(_seen(who))).order_by(Clue.id)
    nos = {row.intake_id: row.no for row in session.execute(linked)}
    return [
        Decision(
            row.intake_id, channel[row.intake_id], row.kind, names[row.unit_id], people[row.by_user], row.by_user,
            row.unit_id, row.at, row.was_clue, row.id in against, nos.get(row.intake_id, ""),
        )
        for row in rows
    ]  # fmt: skip


def left(session: Session, who: Actor, due: date) -> str:
    """Working days to a day by the own unit's calendar, for people."""
    return remaining(left_of(casework.calendar_of(session, who.unit_id), due, clock.today()))
