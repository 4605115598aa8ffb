"""What the board shows over time and by place: where clues of an area come from, how they stood week by week, what is
overdue in which place. Everything starts at `visible`; each number opens its rows (H1).

Clues count for the unit that holds them now. A week begins on Monday in China.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Date, Select, func, literal, or_, select
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import clock
from hub.access.people import Actor, visible
from hub.jurisdiction.divisions import table
from hub.jurisdiction.units import area_of
from hub.models import Clue, ClueUnit, Event, Unit
from hub.supervision import board, queue
from hub.terms import OPEN_STATES, STATE_LABELS

WEEKS = 12
MOST = 20_000  # clues whose past is read for one picture: the hub's largest areas ask the statistics instead
ELSEWHERE = "-"  # no place known, or one outside the area


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart: a value for each label."""

    key: str
    name: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the area with its open clues."""

    code: str
    name: str
    open: int
    today: int
    overdue: int
    soon: int

    def number(self, what: str) -> int:
        """One of the numbers by its name in board.WHAT."""
        return {"open": self.open, "today": self.today, "overdue": self.overdue}[what]


@dataclass(frozen=True, slots=True)
class Narrow:
    """What the rows behind a number have in common beside the unit; empty values narrow nothing."""

    state: str = ""  # open clues in this state
    place: str = ""  # open clues there: a code, or ELSEWHERE
    channel: str = ""  # with `week`: clues that came by it in the week, open or not
    week: date | None = None

    @property
    def any_state(self) -> bool:
        """Whether closed clues count too."""
        return self.week is not None


def mondays(today: date | None = None) -> list[date]:
    """The first days of the last WEEKS weeks, the oldest first; the last one is running."""
    day = today or clock.today()
    last = day - timedelta(days=day.weekday())
    return [last - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def moment(day: date) -> datetime:
    """When a day begins in China."""
    return datetime.combine(day, time.min, clock.CHINA)


def held(who: Actor, unit: Unit) -> Select[ClueUnit]:
    """Clues the person sees that the unit or anything below it holds, open or not."""
    return (
        visible(who)
        .join(Clue, Clue.id == ClueUnit.clue_id)
        .join(Unit, Unit.id == Clue.owner_unit_id)
        .where(Unit.path.contains([unit.id]))
    )


def by_channel(session: Session, who: Actor, unit: Unit) -> list[Series]:
    """Clues that came in week by week, a series for each channel that had any."""
    days = mondays()
    week = as_type(func.date_trunc("week", func.timezone("Asia/Shanghai", ClueUnit.sort_at)), Date)
    rows = session.execute(
        held(who, unit)
        .where(ClueUnit.sort_at >= moment(days[0]))
        .with_only_columns(ClueUnit.channel, week, func.count(), maintain_column_froms=True)
        .group_by(ClueUnit.channel, week)
    )
    found = {(channel, day): n for channel, day, n in rows}
    return [
        Series(code, channel.label, tuple(found.get((code, day), 0) for day in days))
        for code, channel in channels().items()
        if any((code, day) in found for day in days)
    ]


def by_state(session: Session, who: Actor, unit: Unit) -> list[Series] | None:
    """Open clues by state at the end of each week, the last one now; None where the area is too large to look back.

    What a clue was is read back from its events: before an act it stood in the act's `from`.
    """
    days = mondays()
    since = moment(days[0])
    wanted = held(who, unit).where(or_(ClueUnit.open, Clue.state_at >= since))
    rows = session.execute(
        wanted.with_only_columns(Clue.id, Clue.state, ClueUnit.sort_at, maintain_column_froms=True).limit(MOST + 1)
    ).all()
    if len(rows) > MOST:
        return None
    moves = _moves(session, [row.id for row in rows], since)
    ends = [moment(day + timedelta(weeks=1)) for day in days]
    counted: list[Counter[str]] = [Counter() for _ in ends]
    for row in rows:
        for at, end in enumerate(ends):
            if row.sort_at < end:
                later = (before for when, before in moves[row.id] if when >= end)
                counted[at][next(later, row.state)] += 1
    return [
        Series(state.value, STATE_LABELS[state], tuple(count[state.value] for count in counted))
        for state in OPEN_STATES
        if any(count[state.value] for count in counted)
    ]


def _moves(session: Session, ids: Sequence[int], since: datetime) -> dict[int, list[tuple[datetime, str]]]:
    """For each clue when it left which state since then, the earliest first."""
    found: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    if not ids:
        return found
    before, after = Event.data["from"].astext, Event.data["to"].astext
    rows = session.execute(
        select(Event.object, Event.at, before)
        .where(Event.object.in_([f"clue:{number}" for number in ids]), Event.at >= since, before != after)
        .order_by(Event.object, Event.seq)
    )
    for name, at, state in rows:
        found[int(name.removeprefix("clue:"))].append((at, state))
    return found


def by_place(session: Session, who: Actor, unit: Unit) -> list[Spot]:
    """Open clues by the place of the offence: of the divisions directly below the unit's own, the most overdue first;
    what lies elsewhere or is not known comes last.
    """
    due = board.due_clocks()
    over, today = func.coalesce(due.c.overdue, False), func.coalesce(due.c.today, False)
    rows = session.execute(
        held(who, unit)
        .where(ClueUnit.open)
        .outerjoin(due, due.c.clue_id == ClueUnit.clue_id)
        .with_only_columns(
            Clue.division, func.count().label("open"), func.count().filter(today).label("today"),
            func.count().filter(over).label("overdue"), func.count().filter(today, ~over).label("soon"),
            maintain_column_froms=True,
        )
        .group_by(Clue.division)
    ).all()  # fmt: skip
    below = spots(unit)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        sums[spot_of(row.division, below)] = [
            a + b for a, b in zip(sums[spot_of(row.division, below)], row[1:], strict=True)
        ]
    made = [Spot(code, below.get(code, "地点不明或不在辖区"), *numbers) for code, numbers in sums.items()]
    return sorted(made, key=lambda one: (one.code == ELSEWHERE, -one.overdue, -one.open, one.code))


def spots(unit: Unit) -> dict[str, str]:
    """Code → name of the places that `by_place` tells apart."""
    area = area_of(unit)
    own = table().get(area)
    level = table().children("" if unit.level == "ministry" else area)
    found = {one.code: one.name for one in level}
    return found | ({own.code: f"{own.name}（未到下级）"} if own is not None else {})


def spot_of(division: str | None, below: dict[str, str]) -> str:
    """The one of `below` that a place lies in, the nearest; else ELSEWHERE."""
    if division:
        for code in (division, *(row.code for row in table().ancestors(division))):
            if code in below:
                return code
    return ELSEWHERE


def narrowed(session: Session, who: Actor, unit: Unit, what: Narrow) -> Select[ClueUnit]:
    """The rows behind a number of one of the charts."""
    query = held(who, unit)
    if what.week is not None:
        ends = moment(what.week + timedelta(weeks=1))
        query = query.where(ClueUnit.sort_at >= moment(what.week), ClueUnit.sort_at < ends)
        return query.where(ClueUnit.channel == what.channel) if what.channel else query
    query = query.where(ClueUnit.open)
    if what.state:
        query = query.where(Clue.state == what.state)
    if what.place:
        query = query.where(_there(session, who, unit, what.place))
    return query


def _there(session: Session, who: Actor, unit: Unit, place: str) -> ColumnElement[bool]:
    """Whether a clue's place is counted under `place`: the codes in use are few, each is looked at."""
    below = spots(unit)
    used: Iterable[str | None] = session.scalars(
        held(who, unit).where(ClueUnit.open).with_only_columns(Clue.division, maintain_column_froms=True).distinct()
    )
    mine = [code for code in used if spot_of(code, below) == place]
    known = [code for code in mine if code is not None]
    return or_(Clue.division.in_(known), Clue.division.is_(None) if None in mine else literal(False))


def rows(
    session: Session, who: Actor, unit: Unit, what: Narrow, due: str = "", after: str = ""
) -> tuple[list[queue.Row], str, int]:
    """A page of them, the oldest first: rows, the key of the next page, how many in all. `due`: today or overdue."""
    query = narrowed(session, who, unit, what)
    return board.page_of(session, board.narrow_due(query, due), after)
