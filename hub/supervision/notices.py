"""The notices of a clue for the case desk: each attempt, what comes next, what may be taken back, what people must do.

Of the reporters only masked forms: a first character, the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.contract import Sender
from hub import clock, notify
from hub.access.masking import mask_name, mask_phone
from hub.access.people import Actor
from hub.casework.fields import VALUES
from hub.models import Attempt, Clue, ClueReporter, Notice, NoticeTask, Unit, Work
from hub.notify import routes, tasks
from hub.notify.parties import identity

TASK_STATES = {"open": "待办", "done": "已办", "failed": "未成", "recalled": "已撤回"}
UNTAKEN = frozenset({"sending", "unknown", "sent", "delivered"})
"""States of an attempt after which a notice cannot be taken back."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """What people do to tell a party."""

    id: int
    kind: str
    label: str
    state: str
    unit: str
    reference: str
    done: datetime | None


@dataclass
class NoticeView:
    """One notice to one party. `told` is what `notify.history` says of it."""

    told: dict[str, Any]
    party: str
    recallable: bool
    next_at: datetime | None
    following: str  # the route that is tried when the present one fails
    tasks: list[TaskView] = field(default_factory=list)

    @property
    def tone(self) -> str:
        return {"told": "green", "undelivered": "red", "queued": "amber"}.get(self.told["state"], "grey")


@dataclass(frozen=True, slots=True)
class WishView:
    """A reporter of the clue and how they may be told. `choices`: (route, label, wished)."""

    reporter_id: int
    label: str
    masked: tuple[str, ...]
    choices: tuple[tuple[str, str, bool], ...]
    hour_from: int | None
    hour_to: int | None
    neutral: bool
    recorded: datetime | None


def shown(session: Session, clue: Clue) -> list[NoticeView]:
    """Every notice of the clue, the latest first."""
    rows = {row.id: row for row in session.scalars(select(Notice).where(Notice.clue_id == clue.id))}
    labels = _labels(session, clue)
    return [_view(session, told, rows[told["id"]], labels) for told in reversed(notify.history(session, clue.id))]


def _labels(session: Session, clue: Clue) -> dict[int, str]:
    query = select(ClueReporter.reporter_id, ClueReporter.represented_by).where(ClueReporter.clue_id == clue.id)
    rows = session.execute(query.order_by(ClueReporter.reporter_id)).all()
    speakers = {row.represented_by for row in rows}
    if len(rows) == 1:
        return {rows[0].reporter_id: "举报人"}
    return {
        row.reporter_id: f"举报人 {place}"
        + ("（由代表人转告）" if row.represented_by else "（代表人）" if row.reporter_id in speakers else "")
        for place, row in enumerate(rows, 1)
    }


def _view(session: Session, told: dict[str, Any], row: Notice, labels: dict[int, str]) -> NoticeView:
    attempts = session.scalars(select(Attempt).where(Attempt.notice_id == row.id)).all()
    live = row.state == "queued"
    return NoticeView(
        told=told,
        party=labels.get(row.reporter_id, told["party"]) if row.reporter_id is not None else told["party"],
        recallable=live and not any(one.state in UNTAKEN for one in attempts),
        next_at=_next_at(session, row) if live else None,
        following=_following(session, row, {one.route for one in attempts}) if live else "",
        tasks=_tasks(session, row),
    )


def _next_at(session: Session, row: Notice) -> datetime | None:
    """When the worker takes the next step."""
    run_at = session.scalar(select(Work.run_at).where(Work.once == f"notify:{row.id}", Work.state == "pending"))
    return clock.china(run_at + clock.moved()) if run_at is not None else None


def _following(session: Session, row: Notice, tried: set[str]) -> str:
    left = [one.route.label for one in routes.options(session, row) if one.route.name not in tried and not one.why]
    return left[0] if left else ""


def _tasks(session: Session, row: Notice) -> list[TaskView]:
    found = session.scalars(select(NoticeTask).where(NoticeTask.notice_id == row.id).order_by(NoticeTask.id)).all()
    units = {
        unit.id: unit.name for unit in session.scalars(select(Unit).where(Unit.id.in_([t.unit_id for t in found])))
    }
    return [
        TaskView(
            one.id, one.kind, tasks.LABELS[one.kind], TASK_STATES[one.state], units.get(one.unit_id, ""), one.reference,
            clock.china(one.done_at) if one.done_at else None,
        )
        for one in found
    ]  # fmt: skip


def wishes(session: Session, clue: Clue) -> list[WishView]:
    """The reporters of the clue with the routes that could reach them; ticked are those that would be used now."""
    out = []
    for number, label in _labels(session, clue).items():
        sender, wish = identity(session, number), routes.wish_of(session, clue.id, number)
        known = [(name, route) for name, (code, route) in routes.known_routes().items() if code and route.fits(sender)]
        used = set(wish.routes) if wish is not None else _implied(session, clue, number)
        known.sort(key=lambda pair: pair[1].rank)
        out.append(
            WishView(
                number, label, _masked(sender), tuple((name, route.label, name in used) for name, route in known),
                wish.hour_from if wish else None, wish.hour_to if wish else None, bool(wish and wish.neutral),
                clock.china(wish.at) if wish else None,
            )
        )  # fmt: skip
    return out


def _implied(session: Session, clue: Clue, reporter_id: int) -> set[str]:
    """Routes that count as consented without a recorded wish: what a notice asked for now would use."""
    intake_id = session.scalar(
        select(ClueReporter.intake_id).where(ClueReporter.clue_id == clue.id, ClueReporter.reporter_id == reporter_id)
    )
    draft = Notice(
        clue_id=clue.id, kind="accepted", party="reporter", reporter_id=reporter_id, intake_id=intake_id,
        unit_id=clue.owner_unit_id,
    )  # fmt: skip
    return {one.route.name for one in routes.options(session, draft)}


def _masked(sender: Sender) -> tuple[str, ...]:
    told = [mask_name(sender.name)] if sender.name else []
    told += [mask_phone(sender.phone)] if sender.phone else []
    told += [
        word for word, there in (("邮箱", sender.email), ("微信", sender.openid), ("地址", sender.address)) if there
    ]
    return tuple(told)


def asked(session: Session, who: Actor, clue: Clue, reporter_id: int) -> bool:
    """Whether this is a reporter of the clue and the clue is this person's unit's to handle."""
    mine = who.unit_id in (clue.owner_unit_id, clue.received_unit_id)
    return mine and session.get(ClueReporter, (clue.id, reporter_id)) is not None


def preview(session: Session, clue: Clue, kind: str, data: dict[str, Any]) -> str:
    """The words an act would send, as far as they are known yet; "" where they cannot be made from what is there."""
    slots: dict[str, Any] = {}
    if kind == "supplement":
        slots = {"elements": [data.get("missing") or next(iter(VALUES["missing"]))]}
    if kind == "correction":
        slots = {"date": clock.today().isoformat(), "corrected": "accepted"}
    if kind == "duplicate":
        slots = {"earlier_date": data["earlier_date"]} if data.get("earlier_date") else {}
    try:
        return notify.preview(session, clue.id, kind, slots)
    except notify.NoticeRefusedError:
        return ""
