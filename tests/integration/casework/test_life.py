"""From receipt to close on real PostgreSQL: determinations, notices, clocks, closing (Art. 12, 14)."""

from __future__ import annotations

from sqlalchemy import select

from hub import db
from hub.access import audit
from hub.models import Event
from tests.integration.casework.conftest import Desk


def test_a_clue_from_receipt_to_close(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.clock(clue, "determination").due.isoformat() == "2026-03-11"
    desk.go("2026-03-04T10:00")
    desk.p1(clue)
    assert desk.state(clue) == "verifying"
    assert desk.kinds(clue) == ["accepted"]
    assert desk.clock(clue, "determination").stopped_at is None, "determined is not told"
    desk.go("2026-03-05T10:00")
    assert desk.tell(clue) == 1
    stopped = desk.clock(clue, "determination")
    assert (stopped.stopped_at, stopped.ended_as, stopped.late) == (desk.now, "told", False)
    assert list(stopped.held.values()) == [3]
    desk.verified(clue, "R1")
    assert desk.state(clue) == "to_tell"
    assert desk.clock(clue, "result").due.isoformat() == "2026-03-12"
    desk.go("2026-03-16T10:00")
    desk.tell(clue)
    row = desk.read(clue)
    assert (row.state, row.close_reason, row.result) == ("closed", "violation", "R1")
    assert desk.clock(clue, "result").late, "four days late"
    with db.reading() as session:
        assert audit.verify(session).ok
        events = session.scalars(select(Event).where(Event.object == f"clue:{clue}").order_by(Event.seq)).all()
        session.expunge_all()
    acts = [event.act for event in events if not event.act.startswith("notice")]
    assert acts == [
        "register",
        "determine.P1",
        "clock.stop",
        "verify.start",
        "verify.end",
        "clock.stop",
        "close.violation",
    ]
    assert all(event.data["article"].startswith("第") for event in events if event.act in acts)
