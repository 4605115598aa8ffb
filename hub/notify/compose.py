"""Asking for notices: one for each told party, once; and taking one back before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from channels.contract import Report
from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.law.notices import ALIASES
from hub.models import Attempt, Clue, Notice, NoticeTask, Reporter
from hub.notify import codes, sending, words
from hub.notify.parties import NO_RECEIPT, Party, parties
from hub.notify.routes import options
from hub.settings import settings
from hub.terms import IntakeKind

_CODE = "query_code"


class RecallError(RuntimeError):
    """Too late: it is already on its way or handed over."""


def ask(  # the facts of a notice
    session: Session,
    clue_id: int,
    kind: str,
    slots: Mapping[str, Any],
    *,
    once: str,
    told_clock: str | None = None,
) -> list[Notice]:
    """Asks for a notice to each told party of the clue, in the running transaction; they go out after the recall wait.

    `kind`: a key of hub.law.notices.KINDS or an alias (P1 … R1). `slots`: the template's declared slots; date of the
    clue and owning unit stand in where they are not given. `once` names the act: asked again, the same notices are
    returned and nothing more is sent. `told_clock`: the clock that being told stops.
    Returns one notice per party, at least one (a receipt may have none): state "no_reporter" where there is nobody to
    tell, "undelivered" where no consented route is set up. Raises NoticeRefusedError for words that cannot be told.
    """
    kind = ALIASES.get(kind, kind)
    clue = session.get_one(Clue, clue_id)
    template = words.in_force(session, kind, clock.today())
    told = {**words.defaults(session, clue, template), **slots}
    words.render(template, told)
    wait = timedelta(0) if kind == "receipt" else timedelta(seconds=settings().notice_wait)
    made: list[Notice] = []
    for party in parties(session, clue):
        if kind == "receipt" and not _acknowledged(session, clue, party):
            continue
        notice, new = _claim(session, clue, party, kind, template.id, once)
        made.append(notice)
        if not new:
            continue
        mine = dict(told)
        if kind == "receipt" and _CODE in template.slots and _CODE not in mine:
            mine[_CODE] = codes.issue(session, clue.id, party.reporter_id)
        _fill(session, notice, clue, mine, told_clock or "")
        if party.kind != "none":
            sending.advance(session, notice, wait)
        data = {"notice": notice.id, "kind": kind, "party": party.kind, "state": notice.state}
        audit.record(session, f"clue:{clue.id}", "notice_asked", data=data)
    return made


def _acknowledged(session: Session, clue: Clue, party: Party) -> bool:
    """Whether a receipt can be written at all: a caller has heard it from the operator."""
    if party.kind in NO_RECEIPT:
        return False
    draft = Notice(
        clue_id=clue.id, kind="receipt", party=party.kind, reporter_id=party.reporter_id, intake_id=party.intake_id,
        unit_id=clue.owner_unit_id,
    )  # fmt: skip
    return bool(options(session, draft))


def _claim(session: Session, clue: Clue, party: Party, kind: str, template: str, once: str) -> tuple[Notice, bool]:
    """The party's notice of this act; True where it was made now. Two askers at once meet in the unique index."""
    name = f"{once}:{party.name}"
    state = "no_reporter" if party.kind == "none" else "queued"
    values = {
        "clue_id": clue.id, "kind": kind, "once": name, "template": template, "party": party.kind, "state": state,
        "reporter_id": party.reporter_id, "intake_id": party.intake_id, "unit_id": clue.owner_unit_id,
    }  # fmt: skip
    made = session.scalar(insert(Notice).values(**values).on_conflict_do_nothing().returning(Notice.id))
    wanted = select(Notice).where(Notice.clue_id == clue.id, Notice.kind == kind, Notice.once == name)
    return session.scalars(wanted).one(), made is not None


def _fill(session: Session, notice: Notice, clue: Clue, slots: dict[str, Any], told_clock: str) -> None:
    key_id = clue.key_id
    if notice.reporter_id is not None:
        key_id = session.get_one(Reporter, notice.reporter_id).key_id
    notice.key_id, notice.clock, notice.asked_at = key_id, told_clock, clock.now()
    notice.slots = open_key(session, key_id).seal_json(slots, "notice.slots")
    session.flush()


def receipt(session: Session, clue_id: int, report: Report) -> list[Notice]:
    """Acknowledges a message that opened a clue, where there is somebody to answer and an answer may go out (G1).

    RFC 3834: nothing answers automatic, bulk or list mail. What a channel takes for no clue is not acknowledged here.
    """
    if report.kind not in ("", IntakeKind.CLUE):
        return []
    if any(part.data.get("auto_reply_allowed") is False for part in report.parts):
        return []
    return ask(session, clue_id, "receipt", {}, once="receipt")


def recall(session: Session, who: Actor | None, notice_id: int) -> None:
    """Takes a notice back before it is sent; `who` None: the machine. Raises RecallError where it is too late."""
    notice = session.scalars(select(Notice).where(Notice.id == notice_id).with_for_update()).one()
    attempts = session.scalars(select(Attempt).where(Attempt.notice_id == notice.id)).all()
    if notice.state != "queued" or any(row.state in ("sending", "unknown", "sent", "delivered") for row in attempts):
        raise RecallError("告知已经发出或已有结果，不能撤回；如内容有误，请发更正告知")
    for row in attempts:
        if row.state == "queued":
            row.state, row.changed = "recalled", clock.now()
    for task in session.scalars(
        select(NoticeTask).where(NoticeTask.notice_id == notice.id, NoticeTask.state == "open")
    ):
        task.state, task.done_at, task.by_user = "recalled", clock.now(), who.user_id if who else None
    notice.state = "recalled"
    actor = who.label if who else "system"
    audit.record(session, f"clue:{notice.clue_id}", "notice_recalled", actor=actor, data={"notice": notice.id})
