"""Empties a queue: claim → run → commit until nothing is due, 30 s have passed or 200 rows are done (decision 3)."""

from __future__ import annotations

import threading
import time

from hub import failpoints
from hub.work import rows, wake

SECONDS, ROWS = 30, 200
_stop = threading.Event()


def stop() -> None:
    """This process is to end: the row in work is finished, no further one is taken."""
    _stop.set()


def drain(queue: str) -> int:
    """Runs due rows; when it stops with rows left it wakes itself again. Returns how many rows it ran."""
    wake.begun(queue)
    end, count = time.monotonic() + SECONDS, 0
    while count < ROWS and time.monotonic() < end and not _stop.is_set():
        job = rows.claim(queue)
        if job is None:
            failpoints.hit("drain.after_last_claim")
            return count
        failpoints.hit(f"work.{job.handler}.claimed")
        rows.run(job)
        count += 1
    wake.wake(queue, force=True)
    return count
