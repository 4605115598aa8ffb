"""What reporters are told because of an act, and what their being told does to the clocks (PRODUCT §7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock, notify
from hub.access import audit
from hub.casework import clocks
from hub.casework.doing import Doing
from hub.law import workflow
from hub.law.deadlines import base_day
from hub.models import ChainHead, Clock, Clue, Event, Membership, Notice

RESULT_KINDS = ("no_violation", "violation")
DETERMINATION_KINDS = ("accepted", "out_of_scope", "duplicate", "supplement")
LEGAL_KINDS = (*DETERMINATION_KINDS, *RESULT_KINDS)
_RESULT = {"R0": "no_violation", "R1": "violation"}
_BY_NOTICE = ("told", "exhausted", "nobody")


def ask(doing: Doing) -> None:
    """Asks for the notice of the act's row, to every party, and ties it to the clock that being told stops."""
    session, clue = doing.session, doing.clue
    kind = _RESULT[clue.result or ""] if doing.rule.notice == "result" else doing.rule.notice
    if kind == "correction":
        if doing.noted.get("corrected"):
            _send(doing, kind, {"date": doing.noted["corrected_on"], "corrected": doing.noted["corrected"]}, None)
        return
    row = clocks.running(session, clue, ["result"]) if kind in RESULT_KINDS else clocks.telling(session, clue)
    if clue.notices_declined:
        if row is not None:
            _log(session, clue, [clocks.stop(session, row, doing.at, "nobody")], doing.at)
        return
    _send(doing, kind, _slots(doing, kind), row)


def _send(doing: Doing, kind: str, slots: dict[str, Any], row: Clock | None) -> None:
    session, clue = doing.session, doing.clue
    seq = session.scalar(select(ChainHead.seq).where(ChainHead.object == f"clue:{clue.id}"))
    try:
        notify.ask(
            session, clue.id, kind, slots, once=f"{doing.rule.id}:{seq}", told_clock=str(row.id) if row else None
        )
    except notify.NoticeRefusedError as error:
        raise doing.refused(str(error), "value", "notice") from None


def _slots(doing: Doing, kind: str) -> dict[str, Any]:
    if kind == "out_of_scope" and doing.data.get("department"):
        return {"department": doing.data["department"]}
    if doing.rule.id == "transfer":
        return {"unit": doing.data["department"]}  # who handles it now (Art. 20)
    if kind == "duplicate":
        earlier = doing.session.get_one(Clue, doing.clue.duplicate_of)
        return {"earlier_date": base_day(earlier.at).isoformat()}
    return {"elements": [doing.data["missing"]]} if kind == "supplement" else {}


def result_of_earlier(doing: Doing, duplicate: Clue) -> None:
    """The reporter of a duplicate also gets the first clue's result; no clock of the duplicate depends on it."""
    kind = _RESULT[doing.clue.result or ""]
    if not duplicate.notices_declined:
        notify.ask(doing.session, duplicate.id, kind, {}, once=f"earlier:{doing.clue.id}:{doing.rule.id}")


def notices(session: Session, clue: Clue, kinds: tuple[str, ...] = LEGAL_KINDS) -> list[Notice]:
    """The notices of these kinds that count: not those taken back."""
    wanted = select(Notice).where(Notice.clue_id == clue.id, Notice.kind.in_(kinds), Notice.state != "recalled")
    return list(session.scalars(wanted.order_by(Notice.id)))


def pending(session: Session, clue: Clue, kinds: tuple[str, ...] = LEGAL_KINDS) -> list[Notice]:
    """Notices on their way that a clock waits for."""
    return [row for row in notices(session, clue, kinds) if row.state == "queued" and row.clock]


def group_results(session: Session, main: Clue) -> list[Notice]:
    """The result notices of the members: the result is told when every reporter of the group is told (Art. 13-14).

    A member with a result of its own has a clock of its own.
    """
    members = session.scalars(
        select(Clue)
        .join(Membership, (Membership.member_id == Clue.id) & Membership.left_at.is_(None))
        .where(Clue.main_id == main.id, ~Membership.own_result)
        .order_by(Clue.id)
    ).all()
    return [row for member in members for row in notices(session, member, RESULT_KINDS) if row.clock]


def take_back(doing: Doing, kinds: tuple[str, ...]) -> None:
    """An act makes earlier notices wrong: those not sent yet are recalled; of one told, a correction is due."""
    for row in notices(doing.session, doing.clue, kinds):
        if not row.clock:
            continue
        if row.state == "queued":
            try:
                notify.recall(doing.session, doing.who, row.id)
            except notify.RecallError:
                _correct(doing, row)
        elif row.state == "told":
            _correct(doing, row)
        row.clock = ""  # no clock of the corrected act waits for it any more
    doing.session.flush()


def _correct(doing: Doing, row: Notice) -> None:
    doing.noted["corrected"] = row.kind
    doing.noted["corrected_on"] = base_day(row.told_at or row.asked_at or row.created).isoformat()


def settle(session: Session, clue: Clue, at: datetime) -> None:
    """Brings the clocks to what the notices say. Told = every party told, or every route tried, or nobody there.

    Works from the present state of the notices, so that reports may come late, twice or in any order.
    """
    rows = session.scalars(select(Clock).where(Clock.clue_id == clue.id).order_by(Clock.id)).all()
    by_clock: dict[int, list[Notice]] = {}
    for notice in notices(session, clue):
        if notice.clock.isdecimal():
            by_clock.setdefault(int(notice.clock), []).append(notice)
    changes: list[dict[str, Any]] = []
    moment = at
    for row in rows:
        about = by_clock.get(row.id, [])
        if row.kind == "result" and about:
            about = about + group_results(session, clue)
        waits = any(notice.state == "queued" for notice in about)
        if not about:
            continue
        if row.stopped_at is None and not waits:
            told = [notice for notice in about if notice.told_at is not None]
            last = max(told, key=lambda notice: notice.told_at or at) if told else None
            moment, ended_as = _ended(session, about, at)
            changes.append(clocks.stop(session, row, moment, ended_as, last.id if last else None))
        elif row.stopped_at is not None and row.ended_as in _BY_NOTICE and waits:
            changes.append(clocks.reopen(session, row))
    _log(session, clue, changes, moment)


def _ended(session: Session, about: list[Notice], at: datetime) -> tuple[datetime, str]:
    """When and how a clock ends whose parties' notices are all settled.

    Told is told to every party: where one could not be reached the clock ends as exhausted, however many were told,
    and not before that party's last route failed (PRODUCT §7). Parties that nobody has to tell change nothing.
    """
    moments = [row.told_at for row in about if row.told_at is not None]
    lost = [row for row in about if row.state == "undelivered"]
    if lost:
        moments.append(_lost_at(session, lost) or at)
    return max(moments, default=at), "exhausted" if lost else "told" if moments else "nobody"


def _lost_at(session: Session, lost: list[Notice]) -> datetime | None:
    """When the last of these notices had no route left, by the log: reports come late and in any order."""
    return session.scalar(
        select(func.max(Event.at)).where(
            Event.object.in_({f"clue:{row.clue_id}" for row in lost}),
            Event.act == "notice.undelivered",
            Event.data["notice"].as_integer().in_([row.id for row in lost]),
        )
    )


def _log(session: Session, clue: Clue, changes: list[dict[str, Any]], at: datetime) -> None:
    for change in changes:
        act = "tell.determination" if change["kind"] != "result" else "tell.violation"
        data = {"clocks": [change], "article": workflow.rule(act).article}
        audit.record(session, f"clue:{clue.id}", f"clock.{change['effect']}", at=min(at, clock.now()), data=data)
