"""The acts: acts a second, CPU of each (client and database), and the sweep of many open clocks.

    python bench/casework.py [clues] [clocks]

A life is: registered, accepted, told, verification started and ended, told, closed — 5 acts by people and 2 reports of
the sending side, on the real unit tree with sealed rows, event chain, counters and notices, durable PostgreSQL. CPU is
that of this process and of the database server.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import select, text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hub import casework, clock, db  # noqa: E402  the path above comes first
from hub.access import people, sealing  # noqa: E402
from hub.access.people import Actor  # noqa: E402
from hub.jurisdiction.units import by_code, ensure_units  # noqa: E402
from hub.models import Clue, Grant, Notice, User  # noqa: E402
from hub.runtime import embedded, schema  # noqa: E402
from hub.settings import export  # noqa: E402
from hub.terms import Role  # noqa: E402

COUNTY = "430922"
OFFICERS = [{"name": "甲", "certificate": f"A{n}", "valid_until": "2099-12-31"} for n in range(2)]


class Meter:
    """CPU seconds of this process and of the database server with its processes."""

    def __init__(self) -> None:
        self.servers = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres" and _ours(p)]

    def now(self) -> tuple[float, float]:
        own = psutil.Process().cpu_times()
        server = 0.0
        for process in self.servers:
            try:
                used = process.cpu_times()
            except psutil.Error:
                continue
            server += used.user + used.system
        return own.user + own.system, server


def _ours(process: psutil.Process) -> bool:
    return any(parent.pid == os.getpid() for parent in process.parents())


def handler() -> Actor:
    with db.transaction() as session:
        ensure_units(session)
        sealing.check_fingerprint(session)
        unit = by_code(session, COUNTY)
        assert unit is not None
        user = User(login="bench", name="bench", password="x")
        session.add(user)
        session.flush()
        session.add(Grant(user_id=user.id, unit_id=unit.id, role=Role.LEAD))
        session.flush()
        found = people.actor(session, user.id)
    assert found is not None
    return found


def register(who: Actor) -> int:
    with db.transaction() as session:
        return casework.open_clue(session, casework.Opening("phone", "01", "", who.unit_id, clock.now(), "占地")).id


def act(who: Actor, clue_id: int, name: str, **data: object) -> None:
    with db.transaction() as session:
        casework.apply(session, who, session.get_one(Clue, clue_id), name, data)


def told(clue_id: int) -> None:
    with db.transaction() as session:
        for row in session.scalars(select(Notice).where(Notice.clue_id == clue_id, Notice.state == "queued")):
            row.state, row.told_at = "told", clock.now()
            session.flush()
            casework.note_told(session, row.id, clock.now(), "bench")


def life(who: Actor) -> None:
    today = clock.today().isoformat()
    clue_id = register(who)
    act(who, clue_id, "determine.P1", place=COUNTY, **{"class": "T2"})
    told(clue_id)
    act(who, clue_id, "verify.start", officers=OFFICERS, started=today)
    act(who, clue_id, "verify.record", visited=today, crs="CGCS2000", longitude=112.1, latitude=28.5)
    act(who, clue_id, "verify.end", result="R1", ended=today)
    told(clue_id)


MANY = """
insert into clock (clue_id, kind, number, base, days, due, provisional, article, unit_id)
select (select min(id) from clue), 'determination', 1000 + n, date '2020-01-01', 7, current_date + 1 + (n % 30)::int,
       false, '第十二条', (select owner_unit_id from clue order by id limit 1)
from generate_series(1, :n) n
"""


def sweep(clocks: int) -> None:
    with db.transaction() as session:
        session.execute(
            text("drop index uq_clock_running")
        )  # one clue stands for a million: only the clocks matter here
        session.execute(text(MANY), {"n": clocks})
    with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze clock"))
    begun = time.perf_counter()
    given = 0
    with db.transaction() as session:
        given = len(casework.sweep(session))
    first = time.perf_counter() - begun
    with db.transaction() as session:
        session.execute(text("update clock set due = current_date + 30 where stopped_at is null"))
    begun = time.perf_counter()
    with db.transaction() as session:
        casework.sweep(session)
    idle = time.perf_counter() - begun
    print(f"sweep of {clocks:,} open clocks: step of {given} warnings {first * 1000:.0f} ms")
    print(f"sweep of {clocks:,} open clocks: nothing due {idle * 1000:.0f} ms")


def main() -> None:
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    clocks = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    var = Path(tempfile.mkdtemp(prefix="bench-casework-"))
    sealing.make_key_file(var / "hub.key")
    export(HUB_VAR=str(var), HUB_KEY_FILE=str(var / "hub.key"))
    postgres = embedded.start_postgres(var)
    try:
        schema.upgrade(postgres.url)
        export(DATABASE_URL=postgres.url)
        db.connect(postgres.url)
        who = handler()
        life(who)
        meter = Meter()
        before, begun = meter.now(), time.perf_counter()
        for _ in range(lives):
            life(who)
        after, wall = meter.now(), time.perf_counter() - begun
        acts = lives * 7
        client, server = ((after[n] - before[n]) / acts * 1000 for n in range(2))
        print(f"{lives} lives, {acts} acts: {acts / wall:.0f} acts/s")
        print(f"CPU per act: {client:.1f} ms client, {server:.1f} ms database")
        sweep(clocks)
    finally:
        db.engine().dispose()
        postgres.stop()
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    main()
