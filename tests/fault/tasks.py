"""What the killable processes run: the hub's own functions, with shorter waits where a test says so."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


def _hurry(lease: float | None, back_off: float | None) -> None:
    """Shorter leases and back-off, so that a test need not wait for minutes."""
    from hub.work import rows

    if lease is not None:
        rows.LEASE = timedelta(seconds=lease)
        for name, known in list(rows._handlers.items()):
            rows._handlers[name] = rows.Handler(
                known.name, known.queue, known.run, known.dead, timedelta(seconds=lease), known.attempts
            )
    if back_off is not None:
        rows.BACK_OFF = (back_off,) * 5


def poll_once(channel: str, source: str, *, lease: bool = True, linger: float = 0.0, begun: str = "") -> int:
    """One pass of a channel's poller over an entrance; folders are looked at until they are quiet for `linger` s.

    `begun`: a file made when it has signed in and is about to fetch.
    """
    from hub.ports import HubPorts

    class Watched(HubPorts):
        @contextmanager
        def lease(self, name: str) -> Iterator[bool]:
            if lease:
                with super().lease(name) as held:
                    yield held
            else:
                yield True

        def seen(self, source: str, keys: Iterable[str]) -> set[str]:
            if begun:
                Path(begun).touch()
            return super().seen(source, keys)

    ports = Watched()
    entrance = next(e for e in ports.sources(channel) if e.id == source)
    if channel == "email":
        from channels.email import receive

        return receive.poll_once(ports, entrance)
    new, end = 0, time.monotonic() + linger
    if channel == "phone":
        from channels.phone import folder as recordings

        watch = recordings.Watch()
        while True:
            new += recordings.poll_once(ports, entrance, watch)
            if time.monotonic() > end:
                return new
            time.sleep(0.05)
    from channels.letter import folder as scans

    known = scans.Watch()
    while True:
        new += scans.poll_once(ports, entrance, known)
        if time.monotonic() > end:
            return new
        time.sleep(0.05)


def poll_until(channel: str, source: str, file: str) -> None:
    """The real endless poller of a channel, until the file appears."""
    from threading import Event, Thread

    from channels.registry import channels
    from hub.ports import HubPorts

    ports, stop = HubPorts(), Event()
    entrance = next(e for e in ports.sources(channel) if e.id == source)

    def watch() -> None:
        while not Path(file).exists():
            time.sleep(0.05)
        stop.set()

    Thread(target=watch, daemon=True).start()
    run = channels()[channel].poll
    assert run is not None
    run(ports, entrance, stop)


def drain(queue: str, *, lease: float | None = None, back_off: float | None = None, marked: bool = False) -> int:
    """What an RQ worker runs when woken. `marked`: the heavy handlers only note that they ran (see `mark`)."""
    from hub.work import drain as draining

    _hurry(lease, back_off)
    if marked:
        mark()
    return draining.drain(queue)


def mark() -> None:
    """Puts a light effect in the place of the engines: an audit event and the end of the row, in one transaction."""
    from hub import db
    from hub.access import audit
    from hub.work import rows

    def effect(job: rows.Job) -> None:
        with db.transaction() as session:
            audit.record(session, f"test:{job.args['n']}", "effect")
            job.done(session)

    for name in set(rows.QUEUES) - {"normalize"}:
        known = rows._handlers[name]
        rows._handlers[name] = rows.Handler(name, known.queue, effect, None, known.lease, known.attempts)


def stopped_before_done(queue: str, name: str, lease: float) -> str:
    """Claims one row, stops itself (SIGSTOP) before its effect, and tells how the handler ended once woken."""
    from hub import failpoints
    from hub.work import rows

    _hurry(lease, None)
    job = rows.claim(queue)
    assert job is not None
    real = failpoints.hit

    def hit(passed: str) -> None:
        if passed == name:
            os.kill(os.getpid(), signal.SIGSTOP)
        real(passed)

    failpoints.hit = hit
    try:
        rows.handler(job.handler).run(job)
    except rows.FencedError:
        return "fenced"
    return "done"


def worker(
    queues: list[str], *, lease: float | None = None, back_off: float | None = None, marked: bool = False,
    slow: float = 0.0, poison: str = "",
) -> None:  # fmt: skip
    """The real RQ worker process. `slow`: each row takes that long. `poison`: reading such bytes ends the child."""
    from hub.runtime import processes
    from hub.work import rows

    _hurry(lease, back_off)
    if marked:
        mark()
    if poison:
        poisonous(poison)
    if slow:
        for name, known in list(rows._handlers.items()):

            def late(job: rows.Job, run: Any = known.run) -> None:
                time.sleep(slow)
                run(job)

            rows._handlers[name] = rows.Handler(name, known.queue, late, known.dead, known.lease, known.attempts)
    processes.worker(queues)


def poisonous(marker: str, action: str = "die", wall: float = 1.0) -> None:
    """Makes the decoding child die, hang or swallow memory on bytes that hold the marker."""
    from hub.enrich import decoding
    from hub.work.child import LimitedChild

    real = decoding._normalize

    def normalize(args: Any, blobs: list[bytes]) -> Any:
        if any(marker.encode() in blob for blob in blobs):
            if action == "die":
                os.abort()
            if action == "hang":
                time.sleep(3600)
            if action == "spin":
                while True:
                    pass
            hoard = []
            while True:
                hoard.append(bytearray(16 << 20))
        return real(args, blobs)

    decoding.text_child.cache_clear()
    made = LimitedChild({"normalize": normalize}, memory=512 << 20, cpu_seconds=2, wall_seconds=wall)
    decoding.text_child = lambda: made
    decoding.text_child.cache_info = lambda: None
    decoding.text_child.cache_clear = lambda: None


def beat() -> None:
    """Pollers, sweeper, sealer: `hub poll`."""
    from hub.runtime import processes

    processes.beat()


def sweeper_only() -> None:
    from threading import Event

    from hub.runtime import processes
    from hub.work import sweeper

    sweeper.sweep(Event(), lambda _queue: None, processes.chores, tick=0.2)


def web(port: int) -> None:
    """The real gunicorn of `hub web`."""
    from hub.runtime import processes
    from hub.settings import export

    export(PORT=str(port), HUB_WEB_WORKERS="1", HUB_WEB_THREADS="8")
    processes.web()


def send(folder: str, ledger: str, *, patience: float = 60.0) -> int:
    """A sender: hands each file of the folder to the hub until it is told "received", and notes that in the ledger."""
    from channels.registry import channels

    done = 0
    with open(ledger, "a") as book:  # noqa: PTH123
        for path in sorted(Path(folder).iterdir()):
            if deliver(channels(), path, patience):
                book.write(path.name + "\n")
                book.flush()
                done += 1
    return done


def deliver(known: Any, path: Path, patience: float) -> bool:
    """One delivery, again and again until it is acknowledged."""
    from channels.contract import Blob
    from hub import intake

    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            for raw in known["email"].from_files(
                [Blob(path.name, "message/rfc822", path.read_bytes())], {"external_id": path.name},
                source_id="cli:email", now=datetime.now(UTC),
            ):  # fmt: skip
                intake.accept(raw, unit="430922")
        except Exception as error:
            print(f"{path.name}: {type(error).__name__}", file=sys.stderr)
            time.sleep(0.05)
            continue
        return True
    return False


def open_clues(count: int) -> list[str]:
    """Opens clues of one division, day and channel; returns their numbers."""
    from hub import casework, db
    from hub.jurisdiction import units

    numbers = []
    for _ in range(count):
        with db.transaction() as session:
            unit = units.by_code(session, "430922")
            assert unit is not None
            opening = casework.Opening("email", "03", "", unit.id, datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
            numbers.append(casework.open_clue(session, opening).no)
    return numbers


def post(path: str, query: dict[str, str], body: str, content_type: str, headers: dict[str, str]) -> int:
    """One webhook call against the application in this process; the HTTP status."""
    from hub.app import create_app

    answer = (
        create_app()
        .test_client()
        .post(path, query_string=query, data=body.encode("latin-1"), content_type=content_type, headers=headers)
    )
    return answer.status_code


def wait_port(port: int, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError


def poisoned_drain(queue: str, marker: str, action: str) -> None:
    """Drains until nothing but parked rows is left; reading what holds the marker goes wrong as `action` says."""
    from sqlalchemy import func, select

    from hub import db
    from hub.models import Work
    from hub.work import drain as draining

    _hurry(None, 0.5)
    poisonous(marker, action)
    while True:
        draining.drain(queue)
        with db.reading() as session:
            if not session.scalar(select(func.count()).where(Work.queue == queue, Work.state != "dead")):
                return
        time.sleep(0.1)


def send_limited(file: str, limit: int) -> str:
    """Delivers a file in a process that may not write files beyond `limit` bytes; the name of the error."""
    import errno
    import resource

    from channels.contract import Blob
    from channels.registry import channels
    from hub import intake

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    blob = Blob("a.eml", "message/rfc822", Path(file).read_bytes())
    made = channels()["email"].from_files([blob], {"external_id": "big"}, source_id="cli:email", now=datetime.now(UTC))
    try:
        intake.accept(made[0], unit="430922")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "stored"
