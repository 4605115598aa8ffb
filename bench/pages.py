"""What pages cost the server: CPU of the queue page among N clues (target ≤ 10 ms), growth from N/10 to N (≤ 1.3), and
how long a page takes while 50 consoles are connected (p95 < 200 ms on 2 cores). Client and database together.

A busy machine makes CPU dearer as well: turn by turn with the page runs a floor, a bare Flask view that asks for 50
rows in one question and renders as many cells in a template. Their ratio is what the page itself adds.

`--every` instead prints what each GET page costs a lead of a county and one of the ministry among N clues: CPU, that of
the database, statements, size; dearest first. Pages named by a number of something else than a clue are left out.

python bench/pages.py [--clues 100000] [--consoles 50] [--every]
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from sqlalchemy import event, select, text

from bench.access import ran, spent_by
from bench.growing import grow
from hub import casework, clock, db
from hub.access import sessions, staff
from hub.app import create_app
from hub.casework import fold_counters
from hub.cli.attach import attached
from hub.jurisdiction.units import by_code
from hub.models import Base, Clue, ClueUnit
from hub.settings import export, settings
from hub.web import supervise

ROOT = Path(__file__).resolve().parents[1]
TIMES, WARM = 100, 12  # pages measured; pages before, until statements are prepared
THINKS = 2.0  # seconds between two pages of one console
SECONDS = 30  # of the consoles
DEAR = 60.0  # ms of CPU of a page that is out of line


def people(consoles: int) -> list[str]:
    """A clue to copy, and a session for each console."""
    with db.transaction() as session:
        unit = by_code(session, "430922")
        assert unit is not None
        casework.open_clue(session, casework.Opening("phone", "01", "", unit.id, clock.now(), title="占地八亩"))
        name = "correct horse 12"
        made = [staff.add(session, f"u{n}", f"承办{n}", name, "430922", ["handler"]) for n in range(consoles)]
        session.flush()
        fold_counters(session)
        return [sessions.begin(session, one.id) for one in made]


CELLS = """{% for row in rows %}<tr data-no="{{ row.no }}">{% for one in row %}<td><span>{{ one }}</span></td>
{% endfor %}</tr>{% endfor %}"""


def floor() -> FlaskClient:
    """The bare page: 50 rows of 25 columns by one question, rendered with escaping."""
    app = Flask("floor")
    wanted = select(*(Base.metadata.tables["clue"].columns[:25])).limit(50)

    @app.get("/queue")
    def _page() -> str:
        with db.asking() as connection:
            return render_template_string(f"{{% autoescape true %}}{CELLS}{{% endautoescape %}}",
                                          rows=connection.execute(wanted).all())  # fmt: skip

    return app.test_client()


def page_cpu(cookie: str) -> tuple[float, float, float]:
    """(CPU ms of web and database for a queue page, ms until it is there, CPU ms of the floor): mean, median, mean."""
    client = create_app().test_client()
    client.set_cookie("hub", cookie)
    with db.reading() as session:  # the pool gives the pages the same connection
        pid = session.scalar(text("select pg_backend_pid()"))
    cpu: dict[str, list[float]] = {"page": [], "floor": []}
    wall = []
    asked = {"page": client, "floor": floor()}
    for turn in range(WARM + TIMES):
        for name, one in asked.items():
            before, begun = time.process_time() + spent_by(pid), time.perf_counter()
            answer = one.get("/queue")
            if answer.status_code != 200:
                raise RuntimeError(f"the {name} answered {answer.status_code}")
            if turn >= WARM:
                cpu[name].append((time.process_time() + spent_by(pid) - before) * 1000)
                wall += [(time.perf_counter() - begun) * 1000] if name == "page" else []
    return statistics.mean(cpu["page"]), statistics.median(wall), statistics.mean(cpu["floor"])


@dataclass(frozen=True)
class Cost:
    """What a page took, its second best time: ms of CPU of all, of the database; statements; bytes."""

    path: str
    who: str
    status: int
    cpu: float
    database: float
    statements: int
    size: int


SPARED = ("/live", "/static/")  # a stream; files
VARIED = {  # further addresses of a page
    "/queue": ("view=mine", "view=overdue", "view=unread", "state=open", "division=431200", "channel=letter",
               "query=占地", "query=没有的字", "state=closed&division=430922", "topic=photovoltaic"),
    "/map": ("layer=heat", "state=closed", "state=", "division=430000", "view=overdue"),
    "/supervise": ("unit=430000", "unit=430922"),
    "/api/v1/clues": ("state=open", "query=占地"),
}  # fmt: skip


def addresses(no: str, unit: str) -> list[str]:
    """All GET pages that need no number of anything but a clue."""
    known = {"no": no, "code": unit, "unit": unit, "kind": "registration", "form_id": "phone", "channel": "email"}
    found = []
    for rule in create_app().url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or str(rule).startswith(SPARED):
            continue
        names = supervise.LISTS if str(rule).endswith("/supervise/<name>") else [""]
        for name in names:
            values = known | ({"name": name} if name else {})
            if rule.arguments <= values.keys():
                path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", str(rule)).format(**values)
                found += [path, *(f"{path}?{more}" for more in VARIED.get(path, ()))]
    return sorted(set(found))


def costs(who: str, cookie: str, paths: Iterable[str]) -> Iterator[Cost]:
    """Each page twice for warmth and twice for the figure, of which the lower counts."""
    client = create_app().test_client()
    client.set_cookie("hub", cookie)
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    with db.reading() as session:
        server = int(session.scalar(text("select pg_read_file('postmaster.pid')")).split()[0])
    for path in paths:
        if client.get(path).status_code >= 400:
            continue
        client.get(path)
        best = None
        for _ in range(2):
            asked, own, base = 0, time.process_time(), serving(server)
            event.listen(db.engine(), "before_cursor_execute", count)
            answer = client.get(path)
            size = len(answer.data)
            event.remove(db.engine(), "before_cursor_execute", count)
            own, base = (time.process_time() - own) * 1000, serving(server) - base
            made = Cost(path, who, answer.status_code, own + base, base, asked, size)
            best = made if best is None or made.cpu < best.cpu else best
        assert best is not None
        yield best


def serving(server: int) -> float:
    """Milliseconds on a processor of all of PostgreSQL that runs: a page may use more connections than one."""
    found = 0.0
    for one in psutil.Process(server).children():
        with suppress(OSError, psutil.Error):  # ended meanwhile
            found += ran(one.pid)
    return found


def leads() -> dict[str, tuple[str, str]]:
    """Who looks: code and session of a lead of the county and of the ministry."""
    found = {}
    with db.transaction() as session:
        for name, code in (("county", "430922"), ("ministry", "000000")):
            roles = ["lead", "supervisor", "handler"]
            one = staff.add(session, name, f"负责{name}", "correct horse 12", code, roles)
            session.flush()
            found[name] = code, sessions.begin(session, one.id)
    return found


def every() -> list[Cost]:
    """All pages of both leads, dearest first."""
    found: list[Cost] = []
    for who, (code, cookie) in leads().items():
        with db.reading() as session:
            unit = by_code(session, code)
            assert unit is not None
            mine = select(Clue.no).join(ClueUnit, ClueUnit.clue_id == Clue.id).where(ClueUnit.unit_id == unit.id)
            no = session.scalar(mine.order_by(ClueUnit.sort_at.desc()).limit(1)) or ""
        found += costs(who, cookie, addresses(no, code))
    return sorted(found, key=lambda one: -one.cpu)


def told(found: Iterable[Cost]) -> Iterator[str]:
    """The table."""
    yield f"{'page':54} {'lead of':9} {'CPU ms':>8} {'database':>8} {'statements':>10} {'KB':>6}"
    for one in found:
        mark = " *" if one.cpu > DEAR else ""
        yield (f"{one.path:54} {one.who:9} {one.cpu:8.1f} {one.database:8.1f} {one.statements:10} "
               f"{one.size / 1024:6.0f}{mark}")  # fmt: skip


class Console(threading.Thread):
    """One browser: a live stream that stays open, and a page every few seconds."""

    def __init__(self, port: int, cookie: str, until: float) -> None:
        super().__init__(daemon=True)
        self.port, self.headers, self.until = port, {"Cookie": f"hub={cookie}"}, until
        self.spent: list[float] = []
        self.streams = 0

    def run(self) -> None:
        stream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS + 30)
        stream.request("GET", "/live", headers=self.headers)
        self.streams = int(stream.getresponse().status == 200)
        time.sleep(random.random() * THINKS)
        while time.monotonic() < self.until:
            begun = time.perf_counter()
            page = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            page.request("GET", "/queue", headers=self.headers)
            answer = page.getresponse()
            answer.read()
            page.close()
            if answer.status == 200:
                self.spent.append((time.perf_counter() - begun) * 1000)
            time.sleep(THINKS)
        stream.close()


def _spent(process: psutil.Process) -> float:
    """CPU seconds of a process and all below it."""
    return sum(spent_by(one.pid) for one in (process, *process.children(recursive=True)))


def consoles(port: int, pid: int, cookies: list[str]) -> str:
    """The running hub with all consoles connected: how long a page takes."""
    until, hub = time.monotonic() + SECONDS, psutil.Process(pid)
    before = _spent(hub)
    made = [Console(port, cookie, until) for cookie in cookies]
    for one in made:
        one.start()
    for one in made:
        one.join()
    spent = sorted(value for one in made for value in one.spent)
    return (
        f"{len(cookies)} consoles, {sum(one.streams for one in made)} live streams, {len(spent)} pages: "
        f"median {statistics.median(spent):.0f} ms, p95 {spent[int(len(spent) * 0.95)]:.0f} ms (< 200); the whole hub "
        f"used {(_spent(hub) - before) * 1000 / len(spent):.0f} ms CPU a page, load {os.getloadavg()[0]:.0f} on "
        f"{os.cpu_count()} cores"
    )


@contextmanager
def running(var: Path) -> Iterator[tuple[int, int]]:
    """A hub in the data folder, until the end of the block; its port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-c", "from hub.cli import main; main()", "up", "--no-demo"]
    log = (var / "up.log").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, env=kept | {"HUB_VAR": str(var), "PORT": str(port)}, stdout=log,
                               stderr=log, start_new_session=True)  # fmt: skip
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            try:
                asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                asked.request("GET", "/healthz")
                if asked.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.2)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clues", type=int, default=100_000)
    options.add_argument("--consoles", type=int, default=50)
    options.add_argument("--every", action="store_true")
    given = options.parse_args()
    var = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    found = {}
    export(HUB_VAR=str(var), HUB_SECOND_FACTOR="off")
    try:
        with running(var) as (port, pid), attached():
            cookies = people(given.consoles)
            last = 1
            for count in (given.clues // 10, given.clues):
                grow(settings().database_url, last + 1, count)
                last = count
                if given.every:
                    continue
                if not found:
                    page_cpu(cookies[0])  # the first pages of a process are dearer, or its floor is
                found[count] = page_cpu(cookies[0])
                cpu, wall, bare = found[count]
                print(f"queue page among {count}: CPU {cpu:.1f} ms, there after {wall:.1f} ms; floor {bare:.1f} ms")
            if given.every:
                print("\n".join(told(every())))
                return 0
            small, large = (cpu / bare for cpu, _, bare in found.values())
            print(f"growth {large / small:.2f}x (<= 1.3, each over its floor), target <= 10 ms CPU at a million")
            print(consoles(port, pid, cookies))
    finally:
        shutil.rmtree(var, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
