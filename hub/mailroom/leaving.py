"""Working copies that nobody comes back for are destroyed by time itself, each with an event.

Only what is no letter: pieces of a file whose sending was given up, and slips and left-out pages of a batch in which
nothing waits any more. A page that was never taken in may be the only picture of a citizen's letter: it stays, and the
list of batches says how long it has waited.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from hub import clock
from hub.access import audit
from hub.mailroom import uploads
from hub.mailroom.taking import SKIPPED
from hub.models import Event, ScanBatch, ScanFile, ScanPage, ScanStack

GIVEN_UP = timedelta(days=7)
"""After so long a file that did not come whole is given up; dropped again it comes anew."""
WORKED_OFF = timedelta(days=30)
"""So long slips and left-out pages wait for "this batch is done" (internal)."""
MOST = 200  # files of one step


def clear(session: Session) -> int:
    """One step in the running transaction; how many files went. Batches somebody works in are left for later."""
    now = clock.now()
    rest = select(ScanFile).where(
        ScanFile.state != "gone",
        or_(
            (ScanFile.state == "sending") & (ScanFile.at < now - GIVEN_UP),
            ScanFile.state.in_(("read", "sending")) & (ScanFile.at < now - WORKED_OFF) & ~_waits() & ~_busy(),
        ),
    )
    locked = select(ScanBatch.id).where(ScanBatch.id.in_(rest.with_only_columns(ScanFile.batch_id)))
    batches = list(session.scalars(locked.order_by(ScanBatch.id).limit(MOST).with_for_update(skip_locked=True)))
    files = session.scalars(rest.where(ScanFile.batch_id.in_(batches)).order_by(ScanFile.id).limit(MOST)).all()
    for file in files:
        why = "given_up" if file.state == "sending" else "worked_off"
        uploads.let_go(session, file)
        data = {"file": file.id, "sha256": file.sha256, "why": why}
        audit.record(session, f"batch:{file.batch_id}", "scan_cleared", data=data)
    for row in session.scalars(select(ScanBatch).where(ScanBatch.id.in_({file.batch_id for file in files}))):
        row.version += 1
    return len(files)


def _waits() -> ColumnElement[bool]:
    """Whether a page of the file's batch waits to be taken in, or a person has to look at one of its files."""
    page = (
        select(ScanPage.id)
        .join(ScanStack, ScanStack.id == ScanPage.stack_id)
        .where(ScanStack.batch_id == ScanFile.batch_id, ScanStack.intake_id.is_(None), ScanPage.role.not_in(SKIPPED))
    )
    other = aliased(ScanFile)
    unread = select(other.id).where(
        other.batch_id == ScanFile.batch_id, other.state.in_(("stored", "unreadable"))
    )  # fmt: skip
    return page.exists() | unread.exists()


def _busy() -> ColumnElement[bool]:
    """Whether something happened in the batch of late."""
    late = select(Event.id).where(
        Event.object == func.concat("batch:", ScanFile.batch_id), Event.at >= clock.now() - WORKED_OFF
    )  # fmt: skip
    return late.exists()
