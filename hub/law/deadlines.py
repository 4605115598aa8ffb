"""Due dates in working days, each explained day by day (PRODUCT §6, D5). Pure: time and calendar come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from hub.law.workdays import ONE, Calendar

BEIJING = timezone(timedelta(hours=8), "CST")
"""China Standard Time: without summer time since 1992, older dates carry no clock."""
MAX_DAYS = 2_500  # ten years; a longer limit is a mistake

DETERMINATION = 7
ESCALATION = 2
RESULT = 5
"""Working days of Art.12, Art.4 and Art.14 of the 2017 measures."""


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    counts: bool
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a limit. `provisional`: a day on the way lies in a year whose notice is not known yet.

    `days` runs from the base (day 0, never counted) to `due`.
    """

    due: date
    provisional: bool
    days: tuple[Day, ...]

    def json(self) -> dict[str, Any]:
        """What `hub try due BASE DAYS` prints."""
        return {
            "due": self.due.isoformat(),
            "provisional": self.provisional,
            "days": [{"date": day.date.isoformat(), "counts": day.counts, "why": day.why} for day in self.days],
        }


def due(base: date, days: int, calendar: Calendar, cutoff: time | None = None) -> Due:
    """The day on which a limit of `days` working days ends that starts with an event on `base` (a day of China time).

    The day of the base is day 0, whether it is a working day or not; day 1 is the next working day; the limit ends at
    24:00 of the last, or at the unit's `cutoff`: only the explanation says so, no day moves by it.
    Raises ValueError for days below 0 or above MAX_DAYS, or beyond the year 9999.
    """
    if not 0 <= days <= MAX_DAYS:
        raise ValueError(f"days must be 0…{MAX_DAYS}")
    walked = [Day(base, counts=False, why="起算日，不计入")]
    left = days
    day = base
    try:
        while left:
            day += ONE
            counts = calendar.counts(day)
            left -= counts
            walked.append(Day(day, counts, _why(calendar, day, days - left) if counts else calendar.why(day)))
    except OverflowError as error:
        raise ValueError("the limit ends beyond the year 9999") from error
    if cutoff is not None:
        walked[-1] = replace(walked[-1], why=f"{walked[-1].why}，{cutoff:%H:%M}截止")
    provisional = any(calendar.provisional(step.date) for step in walked[1:])
    return Due(day, provisional, tuple(walked))


def _why(calendar: Calendar, day: date, number: int) -> str:
    return f"{calendar.why(day)}，第{number}个工作日"


def base_day(at: datetime) -> date:
    """The day of China time on which `at` lies. Raises ValueError for a time without zone."""
    if at.tzinfo is None:
        raise ValueError("a legal time needs its zone")
    return at.astimezone(BEIJING).date()


def closes_at(last: date, cutoff: time | None = None) -> datetime:
    """The moment from which an act is late: the end of `last` (24:00), or the unit's `cutoff` on that day.

    The cutoff is a switch of the unit (17:30); it never moves the base day.
    """
    if cutoff is None:
        return datetime.combine(last + ONE, time(), BEIJING)
    return datetime.combine(last, cutoff, BEIJING)


def in_time(done: datetime, last: date, cutoff: time | None = None) -> bool:
    """Whether something done at `done` was in time."""
    return done < closes_at(last, cutoff)


def monthly_return(year: int, month: int, calendar: Calendar) -> date:
    """The last day of the return for a month: the 20th of the next, on a rest day the working day before (Sheet)."""
    following = date(year + month // 12, month % 12 + 1, 20)
    return calendar.on_or_before(following)


def penalty_publication(effective: date) -> date:
    """The last day to publish a penalty decision: 20 calendar days after it took effect (Sheet)."""
    return effective + timedelta(days=20)
