"""Where no source settles a rule, a jurisdiction may choose: dated rows put there by two people (D9, PRODUCT §5-§6).

A row holds for the area of its unit, for one channel or all, from a day on. It is never dated back, so what governs a
clue's `at` does not change once the clue is there. A row of a unit further down wins, then one for the channel, then
the later one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.jurisdiction import units
from hub.law import retention, workflow
from hub.law.deadlines import base_day
from hub.models import Clue, LocalSwitch, Unit
from hub.terms import Role

KEEPERS = frozenset({Role.SYSADMIN, Role.LEAD, Role.SUPERVISOR})
"""Who puts calendars and local rules forward; another of them confirms."""
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True, slots=True)
class Choice:
    """A switch: its Chinese label, what it takes, in words, and the test of a value."""

    label: str
    takes: str
    fits: Callable[[Any], bool]


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _days(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 30


def _years(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= LONGEST_KEPT


LONGEST_KEPT = 100  # years
KEPT: Mapping[str, retention.Period] = {f"keep_{row.id}": row for row in retention.schedule()}
"""Switches that say how long closed clues are kept: never shorter than shipped; the day of closing governs."""
CHOICES: Mapping[str, Choice] = {
    "ask_first": Choice("要求补充前先联系举报人", "是或否", _flag),
    "after_designation": Choice(
        "改变指定后的时限", "restart（重新起算）或 continue（连续计算）", lambda value: value in ("restart", "continue")
    ),
    "escalation": Choice(
        "提请管辖的时限", "per_hop（逐级各计）或 total（合并计算）", lambda value: value in ("per_hop", "total")
    ),
    "extension": Choice("时限可经批准延长", "是或否", _flag),
    "cutoff": Choice(
        "到期日截止时刻", "如 17:30 或 24:00", lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value))
    ),
    "direct": Choice("市级直接办理", "是或否", _flag),
    "hand_down_days": Choice("交办时限（工作日）", "1 至 30", _days),
    "transfer_days": Choice("转交回执时限（工作日）", "1 至 30", _days),
    **{
        name: Choice(
            f"保存期限：{row.label}", f"{row.years} 至 {LONGEST_KEPT} 年；对其后办结的线索适用，已办结的不变",
            _years(row.years),
        )
        for name, row in KEPT.items()
    },
}  # fmt: skip
"""What a jurisdiction may choose: only what PRODUCT calls internal or our reading, never a day of the measures."""


def shipped() -> dict[str, Any]:
    """What holds where nobody chose otherwise."""
    return {**workflow.switches(), **{name: row.years for name, row in KEPT.items()}}


def switches(session: Session, clue: Clue) -> dict[str, Any]:
    """What governs the clue: the rows of its holder's area in force on the day of its `at`."""
    return in_force(session, clue.owner_unit_id, clue.channel, base_day(clue.at))


def in_force(session: Session, unit_id: int, channel: str, day: date) -> dict[str, Any]:
    """The switches of a unit for a channel on a day: the shipped ones, then those of its area."""
    ruled = {name: row.value["value"] for name, row in ruling(session, unit_id, channel, day).items()}
    return {**shipped(), **ruled}


def ruling(session: Session, unit_id: int, channel: str, day: date) -> dict[str, LocalSwitch]:
    """The rows that make them so, by name; what is not among them is as shipped. `channel` "": any that has none."""
    depth = {number: level for level, number in enumerate(session.get_one(Unit, unit_id).path)}
    rows = session.scalars(
        select(LocalSwitch).where(
            LocalSwitch.unit_id.in_(depth), LocalSwitch.channel.in_(("", channel)), LocalSwitch.since <= day,
            LocalSwitch.confirmed_at.is_not(None),
        )
    ).all()  # fmt: skip
    ranked = sorted(rows, key=lambda row: (depth[row.unit_id], row.channel != "", row.since))
    return {row.name: row for row in ranked}


def cutoff(session: Session, unit_id: int, channel: str, day: date) -> time | None:
    """The time of the last day from which an act of the unit is late; None: 24:00. It never moves a base day."""
    told = str(in_force(session, unit_id, channel, day)["cutoff"])
    return None if told == "24:00" else time.fromisoformat(told)


def propose_switch(
    session: Session, who: Actor, unit_code: str, name: str, value: Any, since: date, *, reason: str, channel: str = ""
) -> LocalSwitch:
    """The first person puts a row forward for a unit's area. Raises RefusedError."""
    if not who.has(KEEPERS):
        raise RefusedError("无权设置本地规则", kind="role")
    unit = units.by_code(session, unit_code)
    if unit is None or not unit.active or who.unit_id not in unit.path:
        raise RefusedError("只能为本级辖区内的单位设置本地规则", kind="unit", name="unit")
    choice = CHOICES.get(name)
    if choice is None:
        raise RefusedError("没有这项可设置的规则；法定时限不能改动", kind="value", name="name")
    if not choice.fits(value):
        raise RefusedError(f"“{choice.label}”的取值应为：{choice.takes}", kind="value", name="value")
    if name == "direct" and unit.level != "city":
        raise RefusedError("只有市级单位可以设置直接办理（第五条）", article="第五条", kind="unit", name="unit")
    if not reason.strip():
        raise RefusedError("请写明设置的依据", kind="missing", name="reason")
    _not_past(since)
    same = select(LocalSwitch.id).where(
        LocalSwitch.unit_id == unit.id, LocalSwitch.channel == channel, LocalSwitch.name == name,
        LocalSwitch.since == since,
    )  # fmt: skip
    if session.scalars(same).first() is not None:
        raise RefusedError("该日起的这项规则已经设置或正在等待确认", kind="state")
    row = LocalSwitch(
        unit_id=unit.id, channel=channel, name=name, value={"value": value}, since=since, reason=reason.strip()[:500],
        by_user=who.user_id, confirmed_by=None, confirmed_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _log(session, who, row, "propose")
    return row


def confirm_switch(session: Session, who: Actor, switch_id: int) -> LocalSwitch:
    """The second person, of the same area or above, confirms: the row holds from its day on. Raises RefusedError."""
    if not who.has(KEEPERS):
        raise RefusedError("无权设置本地规则", kind="role")
    row = session.get(LocalSwitch, switch_id, with_for_update=True)
    if row is None or row.confirmed_at is not None or who.unit_id not in session.get_one(Unit, row.unit_id).path:
        raise RefusedError("没有等待确认的本地规则", kind="state")
    if row.by_user == who.user_id:
        raise RefusedError("须由第二人确认", kind="guard")
    _not_past(row.since)
    row.confirmed_by, row.confirmed_at = who.user_id, clock.now()
    session.flush()
    _log(session, who, row, "confirm")
    return row


def _not_past(since: date) -> None:
    """A rule of the past would change what already governs a clue."""
    if since < clock.today():
        raise RefusedError("生效日期不能早于今天", kind="time", name="since")


def _log(session: Session, who: Actor, row: LocalSwitch, act: str) -> None:
    data = {
        "unit": row.unit_id, "channel": row.channel, "name": row.name, "value": row.value["value"],
        "since": row.since.isoformat(),
    }  # fmt: skip
    audit.record(session, f"switch:{row.id}", act, actor=who.label, data=data)
