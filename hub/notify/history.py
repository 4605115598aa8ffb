"""The notices of a clue and what became of them, for screens and the interface; nothing of who was told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import audit
from hub.access.people import Actor
from hub.law.notices import KINDS
from hub.models import Clue, ClueReporter, Notice, Reporter, Wish
from hub.notify import routes, sending
from hub.notify.words import text_of

PARTIES = {"reporter": "举报人", "leader": "批示领导", "unit": "来文单位", "none": "无举报人"}
STATES = {
    "queued": "待送达", "told": "已告知", "undelivered": "未能送达", "no_reporter": "无需告知", "recalled": "已撤回",
}  # fmt: skip
ATTEMPT_STATES = {
    "queued": "等待发送", "sending": "正在发送", "unknown": "结果不明", "sent": "已送出", "delivered": "已送达",
    "failed": "失败", "skipped": "未采用", "recalled": "已撤回",
}  # fmt: skip


def history(session: Session, clue_id: int) -> list[dict[str, Any]]:
    """Each notice with its attempts in order: id, kind, title, party, state, told_at, evidence, text, attempts."""
    known = routes.known_routes()
    found = session.scalars(select(Notice).where(Notice.clue_id == clue_id).order_by(Notice.id)).all()
    told: list[dict[str, Any]] = []
    for notice in found:
        attempts = [
            {
                "route": row.route,
                "label": known[row.route][1].label if row.route in known else row.route,
                "state": row.state,
                "state_label": ATTEMPT_STATES[row.state],
                "permanent": row.permanent,
                "detail": row.detail,
                "evidence": row.evidence,
                "at": row.changed,
            }
            for row in sending.attempts_of(session, notice.id)
        ]
        told.append(
            {
                "id": notice.id,
                "kind": notice.kind,
                "title": KINDS.get(notice.kind, notice.kind),
                "party": PARTIES[notice.party],
                "state": notice.state,
                "state_label": STATES[notice.state],
                "asked_at": notice.asked_at or notice.created,
                "told_at": notice.told_at,
                "evidence": notice.evidence,
                "text": text_of(session, notice, shown=True),
                "attempts": attempts,
            }
        )
    return told


class WishError(ValueError):
    """Such a wish cannot be recorded; the message is Chinese."""


def record_wish(  # what a reporter may wish
    session: Session,
    clue_id: int,
    reporter_id: int,
    wanted: list[str],
    *,
    hours: tuple[int, int] | None = None,
    neutral: bool = False,
    who: Actor | None = None,
) -> Wish:
    """Records the routes a reporter consented to (names of routes; none: the query page only). Raises WishError.

    `hours`: from-to in China, full hours, for agreed hours of a call or message. The newest wish counts. A signer of a
    joint letter who names a way to be told is told from then on, not the representative for them.
    """
    unknown = sorted(set(wanted) - (set(routes.known_routes()) - {routes.REPLY.name}))
    if unknown:
        raise WishError(f"没有这种联系方式：{'、'.join(unknown)}")
    if hours is not None and not 0 <= hours[0] < hours[1] <= 24:  # full hours of a day
        raise WishError("联系时段应为同一天内的起止整点")
    session.get_one(Clue, clue_id)
    session.get_one(Reporter, reporter_id)
    row = Wish(
        clue_id=clue_id, reporter_id=reporter_id, routes=sorted(set(wanted)), hour_from=hours[0] if hours else None,
        hour_to=hours[1] if hours else None, neutral=neutral, by_user=who.user_id if who else None,
    )  # fmt: skip
    session.add(row)
    known_as = session.get(ClueReporter, (clue_id, reporter_id))
    if row.routes and known_as is not None:
        known_as.represented_by = None
    session.flush()
    data = {"reporter": reporter_id, "routes": row.routes, "neutral": neutral}
    audit.record(session, f"clue:{clue_id}", "wish", actor=who.label if who else "system", data=data)
    return row
