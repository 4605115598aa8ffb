"""From an act to a clock that stops: determination, notice, evidence, casework."""

from __future__ import annotations

from sqlalchemy import select

from channels.contract import DeliveryReport
from hub import casework, db, notify
from hub.models import Clock, Clue
from hub.notify.sending import key_of


def clocks(clue_id: int) -> list[tuple[str, str | None]]:
    with db.reading() as session:
        rows = session.scalars(select(Clock).where(Clock.clue_id == clue_id).order_by(Clock.id))
        return [(row.kind, row.ended_as) for row in rows]


def test_accepted_told_bounced_and_told_again(county, clerk) -> None:
    county.mailbox()
    clue_id = county.mail()
    assert clocks(clue_id) == [("determination", None)], "a receipt stops no clock but its own"
    with db.transaction() as session:
        clue = session.get_one(Clue, clue_id)
        casework.confirm(session, clerk, clue, "place", {"code": "430922"})
        casework.confirm(session, clerk, clue, "class", "T2")
        casework.apply(session, clerk, clue, "determine.P1", {})
    assert clocks(clue_id) == [("determination", None)], "asked for is not told"
    county.work()
    assert clocks(clue_id) == [("determination", "told")]
    (notice,) = county.kind_of(clue_id, "accepted")
    report = DeliveryReport(key_of(notice.id, "email"), "failed", permanent=True, detail="5.1.1")
    with db.transaction() as session:
        notify.note_report(session, report)
    county.work(2)
    assert county.notice(notice.id).state == "undelivered"
    assert clocks(clue_id) == [("determination", "exhausted")]
    assert county.left() == []
