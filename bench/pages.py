"""What pages cost the server: CPU of the queue page among N clues (target ≤ 10 ms), growth from N/10 to N (≤ 1.3), and
how long a page takes while 50 consoles are connected (p95 < 200 ms on 2 cores). Client and database together.

python bench/pages.py [--clues 100000] [--consoles 50]
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg
from sqlalchemy import text

from bench.access import spent_by
from hub import casework, clock, db
from hub.access import sessions, staff
from hub.app import create_app
from hub.casework import fold_counters
from hub.cli.attach import attached
from hub.jurisdiction.units import by_code
from hub.models import Base
from hub.settings import export, settings

ROOT = Path(__file__).resolve().parents[1]
TIMES = 60
THINKS = 2.0  # seconds between two pages of one console
SECONDS = 30  # of the consoles
NEAR = 5  # every how many-th clue belongs to the county of the viewers; the rest lie in 99 others
OPEN = 11  # every how many-th is still open: three years of reports, the old ones closed
FILL = """
insert into data_key (id, unit_id, version, wrapped) overriding system value
    select n, k.unit_id, k.version, k.wrapped from data_key k, generate_series({first}::bigint, {last}::bigint) n
    where k.id = {key};
insert into clue ({clue}) overriding system value select {clue_made}
    from clue c, place p, generate_series({first}::bigint, {last}::bigint) n where c.id = {one} and p.ord = {ord};
insert into clock ({clock}) overriding system value select {clock_made}
    from clock k, clue c where k.clue_id = {one} and c.id between {first} and {last};
insert into clue_unit (unit_id, clue_id, role, state, open, channel, division, sort_at, due, due_last)
    select u::bigint, c.id, case when u::bigint = c.owner_unit_id then 'owner' else 'ancestor' end, c.state,
        c.state <> 'closed', c.channel, c.division, c.at, k.due, k.due
    from clue c join place p on p.id = c.owner_unit_id left join clock k on k.clue_id = c.id and k.stopped_at is null,
        jsonb_array_elements_text(p.path) u
    where c.id between {first} and {last};
delete from counter;
insert into counter (unit_id, key, n) select unit_id, key, count(*) from clue_unit,
    unnest(array['all', 'state:' || state, 'channel:' || channel]
        || case when open then array['open'] else '{{}}' end) key
    group by 1, 2;
"""
CLUE = {
    "id": "n", "no": "c.no || '-' || n", "key_id": "n", "owner_unit_id": "p.id", "received_unit_id": "p.id",
    "at": "c.at - make_interval(secs => n * 7919 % 1000003 * 90)", "division": "p.code", "enriched": "true",
    "class_code": "(array['T1','T2','K1','N1'])[1 + n % 4]", "missing": "(array['{}', '{place}'])[1 + n % 2]::text[]",
    "channel": "(array['phone','letter','email','wechat'])[1 + n % 4]", "urgent": "n % 20 = 0",
    "state": f"case when n % {OPEN} = 0 then c.state else 'closed' end",
    "close_reason": f"case when n % {OPEN} = 0 then null else 'out_of_scope' end",
    "handler_id": f"case when n % {OPEN * 3} = 0 and p.ord = 0 then 1 + n / {OPEN * 3 * NEAR} % 50 end",
}  # fmt: skip
CLOCK = {
    "id": "c.id", "clue_id": "c.id", "unit_id": "c.owner_unit_id", "due": "current_date + (c.id / 11 % 40)::int - 5",
    "stopped_at": "case when c.state = 'closed' then c.at end",
    "ended_as": "case when c.state = 'closed' then 'told' end",
}  # fmt: skip


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


def grow(url: str, first: int, last: int) -> None:
    """Clues `first` to `last` beside clue 1: each with its own key, its clock and a row for each unit that sees it."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # no look at each foreign key
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(
            "create temp table place as select id, code, path, row_number() over (order by code <> '430922', code) - 1"
            " as ord from unit where level = 'county' limit 100"
        )
        ord_of = f"case when n % {NEAR} = 0 then 0 else 1 + n % 99 end"
        kept = connection.execute(
            "select schemaname, indexname, indexdef from pg_indexes where tablename in ('clue', 'clue_unit', 'clock')"
            " and indexdef not like '%UNIQUE%'"
        ).fetchall()
        for schema, name, _ in kept:
            connection.execute(f'drop index "{schema}"."{name}"')
        words = {"first": first, "last": last, "one": 1, "ord": ord_of, "key": "(select key_id from clue where id = 1)"}
        for table, made, alias in (("clue", CLUE, "c"), ("clock", CLOCK, "k")):
            names = [column.name for column in Base.metadata.tables[table].columns]
            words[table] = ", ".join(f'"{name}"' for name in names)
            words[f"{table}_made"] = ", ".join(made.get(name, f'{alias}."{name}"') for name in names)
        for statement in FILL.format(**words).split(";\n"):
            if statement.strip():
                connection.execute(statement)
        for _, _, definition in kept:
            connection.execute(definition)
        connection.execute("vacuum analyze")


def page_cpu(cookie: str) -> tuple[float, float]:
    """(CPU ms of web and database for a queue page, ms until it is there), medians."""
    client = create_app().test_client()
    client.set_cookie("hub", cookie)
    with db.reading() as session:  # the pool gives the pages the same connection
        pids = [session.scalar(text("select pg_backend_pid()"))]
    cpu, wall = [], []
    for _ in range(TIMES):
        before = time.process_time() + sum(spent_by(pid) for pid in pids)
        begun = time.perf_counter()
        answer = client.get("/queue")
        if answer.status_code != 200:
            raise RuntimeError(f"the queue answered {answer.status_code}")
        wall.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() + sum(spent_by(pid) for pid in pids) - before) * 1000)
    return statistics.mean(cpu), statistics.median(wall)


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


def consoles(port: int, cookies: list[str]) -> str:
    """The running hub with all consoles connected: how long a page takes."""
    until = time.monotonic() + SECONDS
    made = [Console(port, cookie, until) for cookie in cookies]
    for one in made:
        one.start()
    for one in made:
        one.join()
    spent = sorted(value for one in made for value in one.spent)
    return (
        f"{len(cookies)} consoles, {sum(one.streams for one in made)} live streams, {len(spent)} pages: "
        f"median {statistics.median(spent):.0f} ms, p95 {spent[int(len(spent) * 0.95)]:.0f} ms (< 200)"
    )


@contextmanager
def running(var: Path) -> Iterator[int]:
    """A hub in the data folder, until the end of the block; its port."""
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
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clues", type=int, default=100_000)
    options.add_argument("--consoles", type=int, default=50)
    given = options.parse_args()
    var = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    found = {}
    export(HUB_VAR=str(var), HUB_SECOND_FACTOR="off")
    try:
        with running(var) as port, attached():
            cookies = people(given.consoles)
            last = 1
            for count in (given.clues // 10, given.clues):
                grow(settings().database_url, last + 1, count)
                last = count
                found[count] = page_cpu(cookies[0])
                print(f"queue page among {count}: CPU {found[count][0]:.1f} ms, there after {found[count][1]:.1f} ms")
            small, large = (cpu for cpu, _ in found.values())
            print(f"growth {large / small:.2f}x (<= 1.3), target <= 10 ms CPU at a million")
            print(consoles(port, cookies))
    finally:
        shutil.rmtree(var, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
