"""`hub up` as a whole: each process killed, PostgreSQL and Valkey included, the supervisor itself; a second start."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest

from hub.runtime import embedded
from tests.fault.kit import ROOT, UNIT, mail, until

pytestmark = pytest.mark.fault

KINDS = ("web", "beat", "worker light", "worker text", "valkey", "postgres")
HUB = Path(sys.executable).with_name("hub")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hub:
    """A hub of its own: data folder, port, and the running supervisor."""

    def __init__(self, var: Path) -> None:
        self.var, self.port = var, free_port()
        names = ("DATABASE_URL", "REDIS_URL", "PORT")
        self.env = {k: v for k, v in os.environ.items() if k not in names and not k.startswith("HUB_")}
        self.env |= {"HUB_VAR": str(var), "PORT": str(self.port), "HUB_WEB_WORKERS": "1", "HUB_WEB_THREADS": "4"}
        self.process: subprocess.Popen[bytes] | None = None
        self.pids: set[int] = set()

    def start(self) -> float:
        """Starts and waits for /healthz; the seconds that took."""
        began = time.monotonic()
        with (self.var.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen([HUB, "up", "--no-demo"], env=self.env, cwd=ROOT, stdout=log, stderr=log)
        until(self.healthy, what=f"the hub answers: {self.said()}")
        return time.monotonic() - began

    def said(self) -> str:
        return (self.var.parent / "up.log").read_text()[-1500:]

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.json()["redis"] == "ok"

    def tree(self) -> dict[str, psutil.Process]:
        """Its processes by what they are."""
        assert self.process is not None
        found: dict[str, psutil.Process] = {}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                name, parent = process.name(), process.parent()
                if name == "postgres" and (parent is None or parent.name() != "postgres"):
                    found["postgres"] = process
                elif name.startswith("valkey"):
                    found["valkey"] = process
                elif parent is not None and parent.pid == self.process.pid:
                    title = " ".join(process.cmdline())
                    kind = next((kind for kind in KINDS if kind.rpartition(" ")[2] in title), title)
                    found[kind] = process  # RQ renames its workers: "rq:worker:…: Listening on light"
                self.pids.add(process.pid)
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HUB, *words], env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
        )

    def take(self, folder: Path, rng: random.Random, names: list[str]) -> None:
        """Hands mails to the running hub by the command line, until it says that it has them."""
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / f"{name}.eml").write_bytes(mail(rng, name, rng.choice((300, 100_000))))
        files = [str(folder / f"{name}.eml") for name in names]
        until(
            lambda: self.command("intake", "email", *files, "--unit", UNIT).returncode == 0, what="mails are taken in"
        )

    def clues(self) -> list[dict[str, object]]:
        done = self.command("clues", "--json", "--text")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def holds(self, names: list[str]) -> bool:
        texts = [str(row["text"]) for row in self.clues()]
        return len(texts) == len(names) and all(sum(f"编号{name}。" in text for text in texts) == 1 for name in names)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.tree()
        self.process.send_signal(number)
        code = self.process.wait(120)
        self.process = None
        return code

    def left(self) -> list[str]:
        """Processes of this hub that are still there."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.pid in self.pids or str(self.var) in " ".join(process.cmdline())
                if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        return found


Kind = TypeVar("Kind", bound=Hub)


@contextlib.contextmanager
def started(kind: type[Kind]) -> Iterator[Kind]:
    """A hub of that kind in a folder of its own; gone afterwards, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix="hubr-"))
    made = kind(folder / "var")
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running() -> Iterator[Hub]:
    with started(Hub) as made:
        yield made


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("HUB_TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"HUB_TEST_SEED={seed}")
    return random.Random(seed)


def replaced(hub: Hub, name: str, old: int) -> Callable[[], bool]:
    def there() -> bool:
        found = hub.tree().get(name)
        return found is not None and found.pid != old and hub.healthy()

    return there


@pytest.mark.timeout(300)
def test_whatever_is_killed_comes_back_and_nothing_is_lost(running: Hub, rng: random.Random, tmp_path: Path) -> None:
    names: list[str] = []
    until(lambda: set(KINDS) <= set(running.tree()), what=f"all processes run: {list(running.tree())}")
    for number, kind in enumerate(KINDS):
        fresh = [f"k{number}a", f"k{number}b"]
        names += fresh
        running.take(tmp_path / "mails", rng, fresh)
        victim = running.tree()[kind]
        victim.kill()
        until(replaced(running, kind, victim.pid), what=f"{kind} comes back: {running.said()}")
    until(lambda: running.holds(names), 100, "each mail is one clue with its text")
    # the supervisor itself: its children end with it, the next start goes on
    names += ["s1", "s2", "s3"]
    running.take(tmp_path / "mails", rng, names[-3:])
    assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    took = running.start()
    print(f"start after kill -9 of the supervisor: {took:.1f} s")
    until(lambda: running.holds(names), what="nothing is lost with the supervisor")
    assert running.command("audit", "verify").returncode == 0
    # an orderly stop leaves nothing behind
    assert running.stop() == 0
    until(lambda: not running.left(), what=f"no process is left: {running.left()}")


def test_a_second_start_says_so_and_ends(running: Hub) -> None:
    assert running.process is not None
    second = running.command("up", "--no-demo")
    assert second.returncode != 0
    assert f"another hub (pid {running.process.pid}) already uses" in second.stderr
    other = Hub(running.var.parent / "other")
    other.env["PORT"] = str(running.port)
    taken = other.command("up", "--no-demo")
    assert taken.returncode != 0
    assert f"port {running.port} is taken" in taken.stderr
    assert running.healthy()
    # F36: without its key file it refuses to start, and makes no new one
    assert running.stop() == 0
    key = running.var / "keys" / "hub.key"
    key.rename(key.with_name("away"))
    refused = running.command("up", "--no-demo")
    assert refused.returncode != 0
    assert "missing" in refused.stderr
    assert not key.exists()
    key.with_name("away").rename(key)
    assert not running.left()


def test_a_stale_postmaster_pid_of_another_process_is_no_obstacle(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hubr-"))
    try:
        first = embedded.start_postgres(folder)
        assert first.process is not None
        first.process.send_signal(signal.SIGQUIT)
        first.process.wait(20)
        file = folder / "pg" / "postmaster.pid"
        file.write_text(f"{os.getpid()}\n{folder}/pg\n")  # the number was given to somebody else meanwhile
        again = embedded.start_postgres(folder)
        again.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
