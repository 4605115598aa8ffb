"""What each forked process does: web, beat, workers. Also started alone in production (`hub web|worker|poll`)."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

import psutil
import structlog
from setproctitle import setproctitle
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from channels.registry import channels
from hub import casework, clock, db, failpoints, intake
from hub.access import audit
from hub.access.sealing import check_fingerprint
from hub.jurisdiction.units import ensure_units
from hub.logs import configure
from hub.mailroom import leaving
from hub.models import Beat
from hub.ports import HubPorts
from hub.runtime.supervisor import ON_DEMAND, Child, want_file
from hub.settings import settings
from hub.work import drain, rows, sweeper, wake

log = structlog.get_logger("hub.process")
MEMORY_LIMIT = 1_500_000_000  # RSS at which a model worker is replaced
SEAL_SECONDS = 20.0
SWEEP_SECONDS = 60.0  # between two looks at the deadlines
_swept: dict[str, Any] = {"at": float("-inf"), "moved": None, "learned": None}
LEFTOVER_SECONDS = 86_400.0  # sealed pieces of writes that were killed


def begin(name: str, *, pool: int = 5) -> None:
    """What every forked process does first: title, logs, its own database pool, failpoints."""
    setproctitle(f"hub: {name}")
    configure()
    clock.follow(settings().clock_file)
    db.forget()
    db.connect(pool=pool)
    failpoints.arm(settings().failpoints, settings().folder("run/failpoints"))


def beat_row(name: str, **detail: object) -> None:
    """Writes a sign of life; a database that is away is noticed elsewhere."""
    with suppress(SQLAlchemyError), db.transaction() as session:
        values = {"at": func.now(), "detail": {"pid": os.getpid(), **detail}}
        statement = insert(Beat).values(name=name, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def web() -> None:
    """Gunicorn gthread in this process group; the master forks its workers."""
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415  only the web process serves

    from hub.app import create_app  # noqa: PLC0415  only the web process serves

    setproctitle("hub: web")
    options = settings()
    # Uploads that a killed web process had spooled lie there in plain; they were not acknowledged and come again.
    shutil.rmtree(options.folder("tmp"), ignore_errors=True)

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
        def load_config(self) -> None:
            config = {
                "bind": f"{options.host}:{options.port}", "workers": options.web_workers, "worker_class": "gthread",
                "threads": options.web_threads, "timeout": 60, "graceful_timeout": 8, "keepalive": 5,
                "preload_app": True, "limit_request_line": 8190, "limit_request_fields": 100,
                "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108,PTH112  heartbeat files
                "post_fork": _web_forked, "proc_name": "hub: web", "loglevel": "warning", "accesslog": None,
                "control_socket_disable": True,
            }  # fmt: skip
            for key, value in config.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> object:
            return create_app()

    Server().run()


def _web_forked(_server: object, _worker: object) -> None:
    begin("web", pool=max(5, settings().web_threads // 5))  # twice that at most: the threads that carry no stream


def worker(queues: Sequence[str], *, idle: float | None = None) -> None:
    """An RQ worker in this process (no fork per job) for the queues; ends after `idle` seconds without a row."""
    from rq import Queue, SimpleWorker  # noqa: PLC0415  only workers need RQ's worker
    from rq.serializers import JSONSerializer  # noqa: PLC0415

    import hub.worker  # noqa: PLC0415  registers the handlers

    begin("worker " + ",".join(queues), pool=3)
    name = f"worker:{','.join(queues)}:{os.getpid()}"
    stop = Event()
    last = [time.monotonic()]

    def heartbeat() -> None:
        while not stop.wait(5):
            beat_row(name, rss=psutil.Process().memory_info().rss)
            with db.reading() as session:
                busy = _busy(session, queues)
            if busy:
                last[0] = time.monotonic()
            elif idle is not None and time.monotonic() - last[0] > idle:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if psutil.Process().memory_info().rss > MEMORY_LIMIT:
                log.warning("worker_recycled", queues=list(queues))
                os.kill(os.getpid(), signal.SIGTERM)
                return

    class Worker(SimpleWorker):  # type: ignore[misc]  # rq is untyped
        """Told to stop, it finishes the row it has and takes no further one."""

        def handle_warm_shutdown_request(self) -> None:
            drain.stop()
            super().handle_warm_shutdown_request()

    beat_row(name)
    hub.worker.started(queues)
    thread = threading.Thread(target=_forever(heartbeat, stop), daemon=True, name="heartbeat")
    thread.start()
    for queue in queues:
        wake.wake(queue, force=True)
    connection = wake.client()
    rq_queues = [Queue(queue, connection=connection, serializer=JSONSerializer) for queue in queues]
    made = Worker(
        rq_queues, connection=connection, serializer=JSONSerializer, name=f"{name}:{time.time_ns()}",
        worker_ttl=30, maintenance_interval=10, job_monitoring_interval=5, log_job_description=False,
    )  # fmt: skip
    try:
        made.work(logging_level="WARNING", with_scheduler=False)
    finally:
        stop.set()


def _busy(session: object, queues: Sequence[str]) -> bool:
    from sqlalchemy import select  # noqa: PLC0415
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from hub.models import Work  # noqa: PLC0415

    assert isinstance(session, Session)
    query = select(Work.id).where(Work.queue.in_(list(queues)), Work.state != "dead").limit(1)
    return session.scalar(query) is not None


def beat() -> None:
    """Pollers of all channels, the sweeper with its chores, the sealer: one thread each."""
    begin("beat", pool=12)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    threads = [
        threading.Thread(target=_forever(lambda: pollers(stop), stop), daemon=True, name="pollers"),
        threading.Thread(
            target=_forever(lambda: sweeper.sweep(stop, _want, chores), stop), daemon=True, name="sweeper"
        ),
        threading.Thread(target=_forever(lambda: sealer(stop), stop), daemon=True, name="sealer"),
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(5):
        beat_row("beat")
    end = time.monotonic() + 5
    for thread in threads:
        thread.join(max(0.1, end - time.monotonic()))


def pollers(stop: Event) -> None:
    """Keeps one thread per poll source running; a new or changed source is noticed within 5 s."""
    ports = HubPorts()
    running: dict[str, tuple[threading.Thread, Event, object]] = {}
    while not stop.is_set():
        wanted = {
            source.id: (channel, source)
            for channel in channels().values()
            if channel.poll is not None
            for source in ports.sources(channel.code)
        }
        for name, (thread, end, known) in list(running.items()):
            changed = name not in wanted or wanted[name][1] != known
            if changed:
                end.set()
            if not thread.is_alive():
                del running[name]
        for name, (channel, source) in wanted.items():
            if name in running:
                continue
            end = Event()
            target = _poll_one(channel.poll, ports, source, end)
            thread = threading.Thread(target=target, daemon=True, name=f"poll {name}")
            thread.start()
            running[name] = (thread, end, source)
        stop.wait(2)
    for _, end, _ in running.values():
        end.set()


def _poll_one(poll: Callable[..., None] | None, ports: HubPorts, source: object, end: Event) -> Callable[[], None]:
    def run() -> None:
        wait = 1.0
        while not end.is_set():
            begun = time.monotonic()
            try:
                assert poll is not None
                poll(ports, source, end)
            except Exception as error:
                log.warning("poller_failed", source=getattr(source, "id", ""), error=type(error).__name__)
                log.debug("poller_failed_trace", exc_info=True)
            wait = 1.0 if time.monotonic() - begun > 60 else min(60.0, wait * 2)
            end.wait(wait)

    return run


def _want(queue: str) -> None:
    if queue in ON_DEMAND:
        want_file(settings(), queue).touch()


def chores() -> None:
    """What the leading sweeper does once a tick besides waking queues."""
    with db.transaction() as session:
        casework.fold_counters(session)
    moved = clock.moved()
    if moved != _swept["moved"] or time.monotonic() - _swept["at"] >= SWEEP_SECONDS:
        _swept.update(at=time.monotonic(), moved=moved)
        with db.transaction() as session:
            casework.sweep(session)
        with db.transaction() as session:
            leaving.clear(session)
    _learn_by_night()


def _learn_by_night() -> None:
    """Once in the hour of HUB_LEARN_HOUR (China): the text worker learns classes from the confirmed decisions."""
    now = clock.real().astimezone(clock.CHINA)
    if now.hour != settings().learn_hour or not settings().learned_classes or _swept["learned"] == now.date():
        return
    with db.transaction() as session:
        rows.put(session, "learn", {}, once="learn", priority=9)
    _swept["learned"] = now.date()


def sealer(stop: Event) -> None:
    """Signs the changed chain heads at least every 60 s and exports the seal outside the database (decision 10)."""
    folder = settings().folder("audit")
    while not stop.wait(SEAL_SECONDS):
        with db.transaction() as session:
            made = audit.seal(session)
        if made is not None:
            audit.export(made, folder)
        intake.store().sweep(time.time() - LEFTOVER_SECONDS)


def _forever(body: Callable[[], None], stop: Event) -> Callable[[], None]:
    """`body`, started again after any failure until `stop`: a database that is away for a minute ends no thread."""

    def run() -> None:
        while not stop.is_set():
            try:
                body()
            except Exception as error:
                log.warning("thread_failed", thread=threading.current_thread().name, error=type(error).__name__)
                log.debug("thread_failed_trace", exc_info=True)
                stop.wait(1)

    return run


def children() -> list[Child]:
    """The processes of `hub up`."""
    idle = float(settings().worker_idle)
    gc.freeze()
    return [
        Child("web", web),
        Child("beat", beat),
        Child("light", lambda: worker(["light"])),
        Child("text", lambda: worker(["text"])),
        Child("speech", lambda: worker(["speech"], idle=idle), on_demand=True),
        Child("scan", lambda: worker(["scan"], idle=idle), on_demand=True),
    ]


def first_rows() -> None:
    """What every installation needs before it serves: the unit tree, and the right key file for this database."""
    db.connect()
    with db.transaction() as session:
        ensure_units(session)
        check_fingerprint(session)
    db.engine().dispose()
    db.forget()
