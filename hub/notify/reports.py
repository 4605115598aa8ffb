"""What providers tell later: delivered, bounced, undelivered, unfollowed (PRODUCT §7)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from channels.contract import PERSON_KEY, DeliveryReport
from hub import clock
from hub.access import audit
from hub.access.sealing import blind
from hub.models import Attempt, AttemptKey, EarlyReport, Notice
from hub.notify import sending

KEEP = timedelta(days=1)
LATE = timedelta(days=30)
"""Reports on notices handed over longer ago change nothing: a mailbox that is full now was not then."""
LEFT = timedelta(hours=48)
"""Who leaves the account later than this has had time to read what it sent (our reading)."""


def note_report(session: Session, report: DeliveryReport) -> int:
    """Applies a report to the notices it names. Returns how many; one that names none yet is kept for a day.

    The name is known to the receiver and the providers on the way only: 128 bits of a keyed hash.
    """
    tokens = [blind("attempt", key) for key in _names(report.attempt_key)]
    found = session.scalars(
        select(AttemptKey).where(AttemptKey.token.in_(tokens)).order_by(AttemptKey.notice_id, AttemptKey.route)
    ).all()
    pairs = sorted({(row.notice_id, row.route) for row in found})
    for notice_id, route in pairs:
        _apply(session, sending.lock(session, notice_id), route, report)
    if not pairs and not report.attempt_key.startswith(PERSON_KEY):
        session.execute(delete(EarlyReport).where(EarlyReport.at < func.now() - KEEP))
        session.execute(
            insert(EarlyReport)
            .values(
                token=tokens[0], state=report.state, permanent=report.permanent, detail=report.detail[:300],
                at=clock.now(),
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    return len(pairs)


def _names(key: str) -> list[str]:
    """A Message-ID in brackets stands for its local part too: that is our own name of the notice."""
    return list(dict.fromkeys([key, key.strip("<> ").partition("@")[0]]))


def _apply(session: Session, notice: Notice, route: str, report: DeliveryReport) -> None:
    tries = [row for row in sending.attempts_of(session, notice.id) if row.route == route]
    row = next((row for row in reversed(tries) if row.state in ("sending", "unknown", "sent", "delivered")), None)
    about_person = report.attempt_key.startswith(PERSON_KEY)
    if row is None or clock.now() - row.received_at > (LEFT if about_person else LATE):
        return
    data = {"notice": notice.id, "route": route, "state": report.state, "permanent": report.permanent}
    audit.record(session, f"clue:{notice.clue_id}", "notice_report", data=data)
    if report.state == "failed" and report.permanent:
        _failed(session, notice, row, tries, report)
    elif report.state == "failed" and route == "email":  # mail servers go on trying by themselves
        row.detail, row.changed = f"对方暂未收取 {report.detail}".strip()[:300], clock.now()
    elif report.state == "failed":
        _failed(session, notice, row, tries, report)
    elif row.state != "delivered":
        _arrived(session, notice, row, tries, report)


def _arrived(session: Session, notice: Notice, row: Attempt, tries: list[Attempt], report: DeliveryReport) -> None:
    pending = row.state in ("sending", "unknown")
    sending.change(row, report.state, report.detail)
    if notice.state == "queued" and pending:
        _drop_queued(tries, "已确认送达")
        sending.tell(session, notice, row.route, report.detail or report.state)


def _failed(session: Session, notice: Notice, row: Attempt, tries: list[Attempt], report: DeliveryReport) -> None:
    """Not told after all: the clock runs again with its old due date, and the same or the next route is tried."""
    sending.change(row, "failed", report.detail or "退回", permanent=report.permanent)
    _drop_queued(tries, "已退回")
    told = notice.state == "told" and notice.evidence.startswith(f"{row.route}:")
    if told:
        sending.untell(session, notice)
    if notice.state != "queued":
        return
    if not report.permanent:
        # Later than the ten minutes in which WeChat drops a message with a name it has seen.
        sending.retry(session, notice, row, least=sending.UNKNOWN_WAIT)
    elif told:
        sending.put(session, notice)
    else:
        sending.advance(session, notice)


def _drop_queued(tries: list[Attempt], why: str) -> None:
    for row in tries:
        if row.state == "queued":
            sending.change(row, "skipped", why)
