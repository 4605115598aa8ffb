"""`hub up`: one process that starts, watches and stops all others (decision 14).

It imports once and forks: web (gunicorn), beat (pollers, sweeper, sealer), light, text; speech and scan workers when
their queue has a row, until they have been idle. With HUB_KEYS=process the key process comes first and ends last.
Stops web → workers → Valkey → PostgreSQL. A lock on the data folder keeps a second one out; a killed supervisor takes
its children with it (parent-death signal).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog
from setproctitle import setproctitle

from hub.access import keyclient, keyserver
from hub.access.sealing import check_keys, make_key_file, read_key_file
from hub.runtime import embedded, schema
from hub.settings import Settings, export, settings

log = structlog.get_logger("hub.supervisor")
ON_DEMAND = ("speech", "scan")
KEYS_SECONDS = 10.0  # for which the first start waits for the key process
QUICK = 5.0  # a child that ended sooner after its start than this waits before its next start
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A process made by forking: `run` never returns to the supervisor's code."""

    name: str
    run: Callable[[], None]
    on_demand: bool = False
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0


@dataclass
class Supervisor:
    options: Settings
    children: list[Child]
    services: list[embedded.Service] = field(default_factory=list)
    stopping: bool = False
    lock: IO[str] | None = None

    def prepare(self) -> None:
        """Takes the lock, checks the port, makes the key, starts the embedded servers, migrates."""
        options = self.options
        var = options.var.resolve()
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.lock = _lock(var)
        _check_port(options.host, options.port)
        if options.keys == "process":
            self.start_keys(new=not (var / "pg").exists() and not options.database_url)
        else:
            self._make_key(new=not (var / "pg").exists() and not options.database_url)
            read_key_file(options.key_path)
        self.start_services()
        schema.upgrade(settings().database_url)

    def _make_key(self, *, new: bool) -> None:
        if new and not self.options.key_path.exists():
            make_key_file(self.options.key_path)

    def start_keys(self, *, new: bool) -> None:
        """Starts the key process, which alone reads the file: what is forked later never had it in its memory."""
        if not self.options.keys_socket:

            def serve() -> None:
                setproctitle("hub: keys")
                self._make_key(new=new)
                keyserver.run()

            child = Child("keys", serve)
            self.children.append(child)
            self._start(child)
            end = time.monotonic() + KEYS_SECONDS
            while child.pid and not keyclient.answers(keyclient.socket_path()) and time.monotonic() < end:
                time.sleep(0.02)
                self._reap()
        check_keys()

    def start_services(self) -> None:
        var, options = self.options.var.resolve(), self.options
        if not options.database_url:
            service = embedded.start_postgres(var, bin_setting=options.pg_bin)
            self.services.append(service)
            export(DATABASE_URL=service.url)
        if not options.redis_url:
            service = embedded.start_valkey(var)
            self.services.append(service)
            export(REDIS_URL=service.url)

    def watch(self, ready: Callable[[], None] | None = None) -> None:
        """Runs until SIGTERM or SIGINT; restarts what dies."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))
        for child in self.children:
            if not child.on_demand and not child.pid:
                self._start(child)
        while not self.stopping:
            self._reap()
            self._revive_services()
            now = time.monotonic()
            for child in self.children:
                if child.pid == 0 and now >= child.next_start and (not child.on_demand or self._wanted(child)):
                    self._start(child)
            if ready is not None:
                ready()
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops everything in order; what does not stop in time is killed."""
        order = sorted((c for c in self.children if c.pid), key=lambda c: c.name != "web")
        self._end([child for child in order if child.name != "keys"])
        self._end([child for child in order if child.name == "keys"])
        for service in reversed(self.services):
            service.stop()

    def _end(self, order: list[Child]) -> None:
        for child in order:
            _signal(child.pid, signal.SIGTERM)
        end = time.monotonic() + 12
        while any(child.pid for child in order) and time.monotonic() < end:
            self._reap()
            time.sleep(0.05)
        for child in order:
            if child.pid:
                _signal(child.pid, signal.SIGKILL, group=True)
                os.waitpid(child.pid, 0)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        child.pid = os.fork()
        if child.pid == 0:
            code = 1
            try:
                os.setsid()
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                child.run()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException as error:
                log.warning("child_failed", child=child.name, error=type(error).__name__, detail=str(error)[:200])
                log.debug("child_failed_trace", exc_info=True)
            finally:
                os._exit(code)

    def _reap(self) -> None:
        for child in self.children:
            if child.pid == 0:
                continue
            try:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = child.pid, 0
            if pid == 0:
                continue
            lived = time.monotonic() - child.started
            child.pid = 0
            child.failures = child.failures + 1 if lived < QUICK else 0
            child.next_start = time.monotonic() + min(30.0, 0.2 * 2**child.failures)
            if not self.stopping and status:
                log.warning(
                    "child_ended", child=child.name, status=os.waitstatus_to_exitcode(status), lived=round(lived, 1)
                )

    def _revive_services(self) -> None:
        for service in list(self.services):
            if service.alive() or self.stopping:
                continue
            log.warning("service_ended", service=service.name)
            self.services.remove(service)
            var = self.options.var.resolve()
            try:
                again = (
                    embedded.start_postgres(var, bin_setting=self.options.pg_bin)
                    if service.name == "PostgreSQL"
                    else embedded.start_valkey(var)
                )
            except embedded.RuntimeRefusedError as error:
                log.warning("service_not_restarted", service=service.name, detail=str(error))
                self.services.append(service)
                time.sleep(1)
                continue
            self.services.insert(0 if service.name == "PostgreSQL" else len(self.services), again)

    def _wanted(self, child: Child) -> bool:
        """Whether the sweeper saw a due row for this on-demand worker since it last ended."""
        flag = want_file(self.options, child.name)
        try:
            return time.time() - flag.stat().st_mtime < 5
        except FileNotFoundError:
            return False


def want_file(options: Settings, queue: str) -> Path:
    """The file the sweeper touches when an on-demand queue has work."""
    return options.folder("run") / f"want-{queue}"


def _lock(var: Path) -> IO[str]:
    file = (var / "hub.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise embedded.RuntimeRefusedError(f"another hub (pid {holder}) already uses {var}") from None
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    os.set_inheritable(file.fileno(), False)
    return file


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise embedded.RuntimeRefusedError(f"port {port} is taken: set PORT to a free one") from None


def _signal(pid: int, number: signal.Signals, *, group: bool = False) -> None:
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return
