"""`hub demo clock`: moves the demo county's time forward, so that days pass in a moment."""

from __future__ import annotations

import os
import re
from datetime import timedelta

from sqlalchemy import text

from hub import clock, db
from hub.casework import calendar_of
from hub.demo.inputs import UNIT
from hub.jurisdiction import units
from hub.law import deadlines
from hub.settings import settings

STEP = re.compile(r"\+(\d{1,3})(wd|d|h|m)")
_SPANS = {"d": "days", "h": "hours", "m": "minutes"}
FARTHEST = timedelta(days=3660)


class StepError(ValueError):
    """The clock cannot be moved like this; the message says why."""


def ahead(step: str) -> timedelta:
    """How much time `step` is from now: +3wd (working days of the demo county), +2d, +5h, +30m. Raises StepError."""
    found = STEP.fullmatch(step.strip())
    if found is None:
        raise StepError("a step is +3wd (working days), +2d, +5h or +30m; the clock never goes back")
    number, kind = int(found[1]), found[2]
    if kind != "wd":
        return timedelta(**{_SPANS[kind]: number})
    with db.reading() as session:
        unit = units.by_code(session, UNIT)
        if unit is None:
            raise StepError(f"there is no unit {UNIT}")
        days = calendar_of(session, unit.id)
    today = clock.today()
    return deadlines.due(today, number, days).due - today


def move(step: timedelta) -> None:
    """Moves the clock of every process and open page, and brings forward what waits for an hour to tell somebody."""
    seconds = int((clock.moved() + step).total_seconds())
    if seconds > FARTHEST.total_seconds():
        raise StepError("the demo's clock is ten years ahead at most")
    file = settings().clock_file
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(str(seconds), "ascii")
    os.replace(new, file)  # noqa: PTH105  named as what it is: one step, seen whole or not at all
    clock.follow(file)
    assert clock.moved() == timedelta(seconds=seconds)
    with db.transaction() as session:
        session.execute(
            text("update work set run_at = run_at - :step where state = 'pending' and handler = 'notify'"),
            {"step": step},
        )
        session.execute(text("select pg_notify('hub_live', :told)"), {"told": '{"clock": true}'})
