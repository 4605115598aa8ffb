"""The tools of the fault tests: a sender-side ledger, mails, killable processes, cutting proxies."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select

from hub import db, intake
from hub.access import audit
from hub.models import Blob, Clue, Event, Intake, IntakeClue, Work
from hub.ports import add_source
from hub.settings import settings

LONG = bool(os.environ.get("HUB_TEST_LONG"))
UNIT = "430922"
ROOT = Path(__file__).parents[2]


def many(quick: int, long: int) -> int:
    """How many inputs: fewer in `make test`, more in `make test-long`."""
    return long if LONG else quick


# ---- the ledger


@dataclass
class Ledger:
    """What the sender knows it sent: sha256 of the original bytes, by the sender's own name for it."""

    sent: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, data: bytes) -> bytes:
        self.sent[name] = hashlib.sha256(data).hexdigest()
        return data

    def check(self, *, settled: bool = True, origin: str = "raw") -> None:
        """Lost 0, doubled 0, torn 0, nothing strange, audit chain valid; `settled`: every intake reached its end."""
        wanted = set(self.sent.values())
        assert len(wanted) == len(self.sent), "the ledger needs distinct inputs"
        with db.reading() as session:
            rows = session.scalars(
                select(Blob).where(Blob.origin == origin, Blob.role != "form").order_by(Blob.id)
            ).all()
            found = Counter(row.sha256 for row in rows)
            torn = [row.id for row in rows if _digest(session, row) != row.sha256]
            lost = sorted(name for name, sha in self.sent.items() if sha not in found)
            doubled = {sha: n for sha, n in found.items() if n > 1}
            strange = sorted(set(found) - wanted)
            found_so = {"lost": lost, "doubled": doubled, "torn": torn, "strange": strange}
            assert not any(found_so.values()), str(found_so)
            verdict = audit.verify(session, settings().folder("audit") / "seals.jsonl")
            assert verdict.ok, verdict.bad
            acts = Counter((obj, act) for obj, act in session.execute(select(Event.object, Event.act)))
            for (number,) in session.execute(select(Intake.id)):
                assert acts[f"intake:{number}", "accept"] == 1, f"intake {number} has no accept event"  # Z5
                assert acts[f"intake:{number}", "register"] <= 1, f"intake {number} registered twice"
            if settled:
                _settled(session)


def _digest(session: Any, row: Blob) -> str:
    digest = hashlib.sha256()
    for chunk in intake.read_blob(session, row):
        digest.update(chunk)
    return digest.hexdigest()


def _settled(session: Any) -> None:
    waiting = session.execute(
        select(Work.handler, Work.state, func.count()).where(Work.handler.in_(("normalize", "fetch")))
        .where(Work.state != "dead").group_by(Work.handler, Work.state)
    ).all()  # fmt: skip
    assert not waiting, f"work is left: {waiting}"
    clues = Counter(number for (number,) in session.execute(select(IntakeClue.intake_id)))
    for row in session.scalars(select(Intake)):
        assert row.state in ("registered", "manual"), f"intake {row.id} is {row.state}"
        assert clues[row.id] <= 1, f"intake {row.id} is in {clues[row.id]} clues"
        if row.state == "registered" and row.kind_suggested == "clue":
            assert clues[row.id] == 1, f"intake {row.id} reached no clue"
    numbers = Counter(no for (no,) in session.execute(select(Clue.no)))
    assert all(n == 1 for n in numbers.values())


def count(table: Any = Intake) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


PATIENCE = (
    90.0  # seconds that every wait has at least: a busy machine is no fault, and who waits for nothing waits once
)


def until(ready: Callable[[], Any], seconds: float = PATIENCE, what: str = "") -> Any:
    """Waits until `ready()` is true; fails the test when time is up."""
    seconds = max(seconds, PATIENCE)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = ready()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what or ready}")


def waiting(*handlers: str) -> int:
    """Live work rows of the handlers (none named: all)."""
    with db.reading() as session:
        query = select(func.count()).select_from(Work).where(Work.state != "dead")
        return session.scalar(query.where(Work.handler.in_(handlers)) if handlers else query) or 0


# ---- inputs


def mail(rng: random.Random, name: str, attachment: int | None = None) -> bytes:
    """A report by mail with one attachment of random bytes; `name` makes it one of its kind."""
    size = rng.choice((0, 900, 20_000, 90_000, 200_000)) if attachment is None else attachment
    data = base64.encodebytes(rng.randbytes(size)).replace(b"\n", b"\r\n")
    head = (
        f"From: <{name}@example.org>\r\nTo: <clue@example.cn>\r\n"
        f"Message-ID: <{name}.{rng.getrandbits(64):x}@example.org>"
        f"\r\nSubject: =?utf-8?B?{base64.b64encode(f'举报占地 {name}'.encode()).decode()}?=\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
        f"湖南省益阳市桃江县武潭镇红旗村有人未经批准占用耕地{rng.randint(1, 90)}亩建厂房，编号{name}。\r\n"
        f'--cut\r\nContent-Type: application/octet-stream; name="{name}.bin"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="{name}.bin"\r\n\r\n'
    ).encode()
    return head + data + b"\r\n--cut--\r\n"


def entrance(source: str, channel: str, options: dict[str, Any], secrets: dict[str, str] | None = None) -> None:
    with db.transaction() as session:
        add_source(session, source, channel, UNIT, source, settings=options, secrets=secrets or {})


# ---- processes


@dataclass
class Child:
    """A process forked by the zygote."""

    pid: int
    out: Path

    def alive(self) -> bool:
        return self.state() not in ("", "Z")

    def state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][:1]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def killed(self) -> None:
        """kill -9, and gone."""
        self.kill()
        until(lambda: not self.alive(), what="a killed process ends")

    def wait(self, seconds: float = PATIENCE) -> Any:
        """Its result. Raises ChildError with the name of its exception; "killed" when it left none."""
        until(lambda: not self.alive(), seconds, f"process ends, see {self.out.with_suffix('.log')}")
        if not self.out.exists():
            raise ChildError("killed")
        answer = json.loads(self.out.read_text())
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer["value"]


class ChildError(Exception):
    pass


class Zygote:
    """Starts tests.fault.tasks functions as processes of their own within milliseconds."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.folder = Path()
        self.children: list[Child] = []
        self.number = 0
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def begin(self, folder: Path) -> None:
        """From now on results and logs go below this folder."""
        self.folder, self.children = folder, []
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, call: str, failpoints: str = "", env: dict[str, str] | None = None, **args: Any) -> Child:
        self.number += 1
        out = self.folder / f"{self.number:04d}-{call}.json"
        names = ("HUB_", "DATABASE_URL", "REDIS_URL", "PORT")
        inherited = {key: value for key, value in os.environ.items() if key.startswith(names)}
        once = settings().folder("run/failpoints")
        request = {"call": call, "args": args, "env": inherited | (env or {}), "out": str(out), "once": str(once),
                   "failpoints": failpoints}  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        child = Child(int(self.process.stdout.readline()), out)
        self.children.append(child)
        return child

    def end(self) -> None:
        """Ends what a test left running."""
        for child in self.children:
            if child.alive():
                child.kill(signal.SIGCONT)
                child.kill()
        for child in self.children:
            with contextlib.suppress(AssertionError):
                until(lambda child=child: not child.alive())

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


# ---- proxies


class Proxy:
    """Forwards connections to `target` (a TCP port or a unix socket path). Its rules are two functions.

    `budget()`: after how many bytes from the server the connection is cut (None: never). `on_client(data)`: "" to pass
    the bytes on, "cut" to cut before they reach the server, "cut after" to cut once they were passed on. With `mute`
    set nothing is forwarded any more while the connection stays open (half-open).
    """

    def __init__(self, target: int | str, listen: str = "") -> None:
        self.target = target
        self.budget: Callable[[], int | None] = lambda: None
        self.on_client: Callable[[bytes], str] = lambda _data: ""
        self.mute = threading.Event()
        self.cuts = 0
        self._over = threading.Event()
        self._server = socket.socket(socket.AF_UNIX if listen else socket.AF_INET, socket.SOCK_STREAM)
        self._server.bind(listen or ("127.0.0.1", 0))
        self._server.listen(50)
        self._server.settimeout(0.2)
        self.port = 0 if listen else self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._accepting.join(5)
        self._server.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            family = socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET
            server = socket.socket(family, socket.SOCK_STREAM)
            try:
                server.connect(self.target if isinstance(self.target, str) else ("127.0.0.1", self.target))
            except OSError:
                client.close()
                server.close()
                continue
            self._open |= {client, server}
            left = [self.budget()]
            dead, deaf = threading.Event(), threading.Event()
            for source, sink, from_server in ((client, server, False), (server, client, True)):
                thread = threading.Thread(
                    target=self._pump, args=(source, sink, from_server, left, dead, deaf), daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        from_server: bool,
        left: list[int | None],
        dead: threading.Event,
        deaf: threading.Event,
    ) -> None:
        try:
            while data := source.recv(65536):
                if self.mute.is_set() or (from_server and deaf.is_set()):
                    continue
                if from_server and left[0] is not None:
                    sink.sendall(data[: left[0]])
                    left[0] -= len(data)
                    if left[0] <= 0:
                        self.cuts += 1
                        break
                    continue
                rule = "" if from_server else self.on_client(data)
                if rule == "cut":
                    self.cuts += 1
                    break
                if rule == "cut after":
                    deaf.set()
                sink.sendall(data)
                if rule == "cut after":
                    self.cuts += 1
                    time.sleep(0.05)  # the server has read and executed it; its answer is lost
                    break
        except OSError:
            pass
        finally:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            if dead.is_set():  # the second of the pair closes both
                for end in (source, sink):
                    self._open.discard(end)
                    end.close()
            dead.set()


@cache
def may_mount() -> bool:
    """Whether this machine lets us mount a volume: root outside of a confined container."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True).returncode
        return made == 0 and subprocess.run(["umount", folder], check=False).returncode == 0


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A volume of its own at `folder` (needs root): so that it can be filled."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fills the volume to the last byte but `leave`; returns the file to remove."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    if leave:
        os.truncate(path, max(0, path.stat().st_size - leave))
    return path
