"""Live updates (decision 12): one LISTEN thread a process fans out clue ids; a browser holds one stream for 60 s.

The event says only that something changed; the page reads again through `visible`. Streams hold no database session
and at most 60 % of the threads; beyond that 503 with Retry-After, and the page polls.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterator

import psycopg
import structlog
from flask import Blueprint, Response

from hub.access import people
from hub.settings import settings
from hub.web.security import me, signed_in

bp = Blueprint("live", __name__)
log = structlog.get_logger("hub.live")
SECONDS, BEAT, IDLE = 60.0, 15.0, 5.0
EVERYTHING = 0  # no clue has this number: something may have changed before anybody listened
CLOCK = -1  # nor this: a demo's clock was moved, every page counts its days anew
MANY = 50  # changed clues of one burst that are still named one by one


Box = queue.SimpleQueue[int | tuple[str, int]]
"""What a stream still has to say: a changed clue, or ("here", clue), ("mention", 0), ("ring", 0 or 1), ("letters", 0).
"""


class Fanout:
    """The subscribers of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[int, tuple[int, int, Box]] = {}  # number → unit, person, changed clues
        self._thread_of = 0  # pid in which the LISTEN thread runs; 0: none
        self._next = 0
        self._hears = False  # LISTEN is in force

    def join(self, unit_id: int, user_id: int) -> tuple[int, Box] | None:
        """A new subscription, or None when too many streams are open."""
        with self._lock:
            if len(self._queues) >= settings().web_threads * 6 // 10:
                return None
            self._next += 1
            box: Box = queue.SimpleQueue()
            self._queues[self._next] = (unit_id, user_id, box)
            if self._hears:  # else as soon as it does: what changed since the page was made is read again
                box.put(EVERYTHING)
            if self._thread_of != os.getpid():
                self._thread_of = os.getpid()
                self._hears = False
                threading.Thread(target=self._listen, daemon=True, name="listen").start()
            return self._next, box

    def leave(self, number: int) -> None:
        with self._lock:
            self._queues.pop(number, None)

    def _listen(self) -> None:
        """Runs while anybody is subscribed: a process nobody watches holds no connection."""
        while True:
            try:
                url = settings().database_url.replace("+psycopg", "")
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute("listen hub_live")
                    self._hear()
                    while self._wanted():
                        for note in connection.notifies(timeout=IDLE):
                            self._tell(json.loads(note.payload))
                    return
            except (psycopg.Error, ValueError) as error:
                self._hears = False
                log.warning("listen_failed", error=type(error).__name__)
                time.sleep(1)
                if not self._wanted():
                    return

    def _hear(self) -> None:
        with self._lock:
            self._hears = True
            for _unit, _person, box in self._queues.values():
                box.put(EVERYTHING)

    def _wanted(self) -> bool:
        with self._lock:
            if not self._queues:
                self._thread_of = 0
                self._hears = False
            return bool(self._queues)

    def _tell(self, note: dict[str, object]) -> None:
        """To streams of units that see the clue, not to people it is hidden from (recusal); a moved clock: to all."""
        if note.get("clock"):
            with self._lock:
                for _unit, _person, box in self._queues.values():
                    box.put(CLOCK)
            return
        if isinstance(ring := note.get("r"), int):  # a telephone rings in a unit, or a colleague asks into a call
            units, people = note.get("u") or [], note.get("to") or []
            if isinstance(units, list) and isinstance(people, list):
                with self._lock:
                    to = [box for unit, person, box in self._queues.values() if unit in units or person in people]
                for box in to:
                    box.put(("ring", ring))
            return
        if isinstance(at := note.get("l"), int):  # the register of letters of a unit has changed
            with self._lock:
                to = [box for unit, _person, box in self._queues.values() if unit == at]
            for box in to:
                box.put(("letters", 0))
            return
        if isinstance(spoken := note.get("m"), list):  # a note speaks to these people
            with self._lock:
                to = [box for _unit, person, box in self._queues.values() if person in spoken]
            for box in to:
                box.put(("mention", 0))
            return
        units, clue, behind = note.get("u"), note.get("c", note.get("h")), note.get("not") or []
        if not isinstance(units, list) or not isinstance(clue, int) or not isinstance(behind, list):
            return
        with self._lock:
            streams = list(self._queues.values())
        boxes = [box for unit_id, user_id, box in streams if unit_id in units and user_id not in behind]
        for box in boxes:
            box.put(clue if "c" in note else ("here", clue))


fanout = Fanout()


@bp.get("/live")
@signed_in(*people.CONTENT_ROLES)
def stream() -> Response:
    """Server-sent events `clue` with the numbers of changed clues of the own unit; an empty list means "many", or that
    the stream has just begun: a change between the page and its stream is not lost. `clock`: a demo's time was moved.
    `here`: who looks at these clues has changed; `mention`: a note speaks to the person; `ring`: a telephone of the
    unit rings (0), or a colleague asks the person into a call (1); `letters`: the register of the unit has changed.

    Ends after 60 s; the browser comes back by itself and reads again what it shows.
    """
    joined = fanout.join(me().unit_id, me().user_id)
    if joined is None:
        return Response(status=503, headers={"Retry-After": "10"})
    number, box = joined

    def events() -> Iterator[str]:
        end = time.monotonic() + SECONDS
        try:
            yield "retry: 1000\n\n"
            while (left := end - time.monotonic()) > 0:
                try:
                    changed = {box.get(timeout=min(BEAT, left))}
                    while not box.empty():  # a burst is one event
                        changed.add(box.get_nowait())
                    if CLOCK in changed:
                        changed.discard(CLOCK)
                        yield "event: clock\ndata: moved\n\n"
                    for kind in ("here", "mention", "ring", "letters"):
                        named = sorted(one[1] for one in changed if isinstance(one, tuple) and one[0] == kind)
                        if named:
                            yield f"event: {kind}\ndata: {json.dumps(named)}\n\n"
                    clues = {one for one in changed if isinstance(one, int)}
                    told = sorted(clues) if len(clues) <= MANY and EVERYTHING not in clues else []
                    if clues:
                        yield f"event: clue\ndata: {json.dumps(told)}\n\n"
                    time.sleep(0.3)
                except queue.Empty:
                    yield ": beat\n\n"
        finally:
            fanout.leave(number)

    return Response(events(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
