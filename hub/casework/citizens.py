"""What a citizen's own page brings: the query code of a report, how to be told, a follow-up proved by the code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock, notify
from hub.access import audit
from hub.access.sealing import blind
from hub.models import Clue, ClueReporter, Conversation, FollowUp, Intake, IntakeClue, QueryCode, QueryLimit, Wish

CITIZEN_SOURCE = "citizen:web"
"""The entrance of the citizens' pages; the receiving unit comes with each delivery."""
KINDS = {
    "supplement": "补充材料", "correction": "更正内容", "urge": "催办", "objection": "对结果有异议",
    "withdrawal": "撤回举报", "thanks": "感谢",
}  # fmt: skip
"""Follow-ups a reporter may send from the page; a withdrawal is an event, work goes on (PRODUCT §4)."""
SENDINGS, PERIOD = 30, timedelta(hours=1)
"""Deliveries one address may make in the period: a village shares one, a machine makes more."""


def may_send(session: Session, asker: str) -> bool:
    """Whether this address may send now, counted in SQL; the sending is counted at once. Survives a Redis flush."""
    token, now = blind("sender", asker), clock.real()
    row = session.get(QueryLimit, token, with_for_update=True)
    if row is not None and now - row.since > PERIOD:
        row.failed, row.since = 0, now
    if row is not None and row.failed >= SENDINGS:
        return False
    first = insert(QueryLimit).values(asker=token, failed=1, since=now)
    session.execute(first.on_conflict_do_update(index_elements=["asker"], set_={"failed": QueryLimit.failed + 1}))
    return True


def bind(session: Session, clue: Clue, intake: Intake, told: Mapping[str, Any]) -> None:
    """Ties what came with a citizen's delivery to its clue, in the transaction that registers it.

    `told`: "query" and "tail" (keyed hashes, hex) of a report's code; "wish" {routes, hours, neutral};
    "follow_up" {kind, query}: the code that proved it.
    """
    reporter_id = session.scalars(
        select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue.id, ClueReporter.intake_id == intake.id)
    ).first()
    if told.get("query"):
        tail = bytes.fromhex(told["tail"]) if told.get("tail") else None
        values = {"token": bytes.fromhex(told["query"]), "clue_id": clue.id, "reporter_id": reporter_id, "tail": tail}
        session.execute(insert(QueryCode).values(**values).on_conflict_do_nothing())
    wish = told.get("wish")
    if wish and reporter_id is not None:
        hours = tuple(wish["hours"]) if wish.get("hours") else None
        notify.record_wish(session, clue.id, reporter_id, wish["routes"], hours=hours, neutral=bool(wish["neutral"]))
    if told.get("follow_up"):
        _follow_up(session, clue, intake, told["follow_up"])


def _follow_up(session: Session, clue: Clue, intake: Intake, told: Mapping[str, Any]) -> None:
    code = session.get(QueryCode, bytes.fromhex(told["query"]))
    if code is None or notify.latest(session, code.clue_id).id != clue.id:
        return
    opened_by_it = session.scalars(select(IntakeClue).where(IntakeClue.clue_id == clue.id)).first() is None
    if opened_by_it:  # after "supplement" (P5): no follow-up but a report of its own
        _same_reporter(session, clue, code, intake)
        return
    session.add(
        FollowUp(
            clue_id=clue.id, intake_id=intake.id, kind=told["kind"], proof="query_code", at=intake.at, by_user=None
        )
    )  # fmt: skip
    session.flush()
    data = {"kind": told["kind"], "proof": "query_code", "intake": intake.id}
    audit.record(session, f"clue:{clue.id}", "follow_up", at=intake.at, data=data)


def _same_reporter(session: Session, clue: Clue, code: QueryCode, intake: Intake) -> None:
    """A report supplemented after P5 is a new clue of the same reporter, with the same wishes."""
    if code.reporter_id is None or session.get(ClueReporter, (clue.id, code.reporter_id)) is not None:
        return
    session.add(ClueReporter(clue_id=clue.id, reporter_id=code.reporter_id, intake_id=intake.id))
    earlier = session.get_one(Clue, code.clue_id)
    clue.report_mode = clue.report_mode or earlier.report_mode
    last = session.scalars(
        select(Wish).where(Wish.clue_id == code.clue_id, Wish.reporter_id == code.reporter_id).order_by(Wish.id.desc())
    ).first()
    if last is not None:
        session.add(
            Wish(
                clue_id=clue.id, reporter_id=last.reporter_id, routes=last.routes, hour_from=last.hour_from,
                hour_to=last.hour_to, neutral=last.neutral, by_user=None,
            )
        )  # fmt: skip
    session.flush()


def thread_of(session: Session, clue: Clue) -> str:
    """The correlation key by which a later delivery of the citizens' pages joins the clue, wherever it came from."""
    token = blind(f"talk:{CITIZEN_SOURCE}", clue.no)
    values = {"source_id": CITIZEN_SOURCE, "token": token, "clue_id": clue.id, "last_at": clock.now()}
    session.execute(insert(Conversation).values(**values).on_conflict_do_nothing())
    return clue.no
