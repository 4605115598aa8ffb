"""Duplicate candidates at size on PostgreSQL: time of a query, top-3, recall and precision.

    python bench/duplicates.py [--rows 1000000] [--queries 300] [--read 12000]

An embedded PostgreSQL in a temporary folder. One in twenty clues lies in one dense county; the texts of all others
that are looked for are read in full, the rest of the rows are read clues moved to other counties (another division and
town, the same words), so that keys which know no county meet everywhere; those in the dense county get other villages
and respondents. Bank "test" of bench/clues.py: unseen wording. A moved row is the same report in every element but the
place, some eighty times over at a million: harder than life. `--read 1000000` reads every clue instead (20 minutes of
two cores), 20,000 in the dense county and the others in the counties of the bank, 2,000 in each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import clues as generator  # noqa: E402 - the project may not be installed
import psutil  # noqa: E402
import psycopg  # noqa: E402
from sqlalchemy import BigInteger, Float, bindparam, event, text  # noqa: E402
from sqlalchemy.dialects.postgresql import ARRAY  # noqa: E402

from hub import clock, db  # noqa: E402
from hub.access import sealing  # noqa: E402
from hub.access.people import Actor  # noqa: E402
from hub.enrich import duplicates, likeness  # noqa: E402
from hub.jurisdiction.divisions import table  # noqa: E402
from hub.jurisdiction.places import resolver  # noqa: E402
from hub.models import Unit  # noqa: E402
from hub.runtime import embedded, schema  # noqa: E402
from hub.settings import export  # noqa: E402
from hub.terms import Role  # noqa: E402

READ = 12_000  # clues outside the dense county whose texts are read; the rest are these, moved
SHARE = 20  # one in so many clues lies in the dense county
DENSE_READ = 20_000
MINISTRY, DENSE = 1, 2
LEVELS = (0.25, 0.35, 0.55, 0.65, 0.75)
"""Settings measured beside the one in force."""
SIGN = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)

Row = tuple[datetime, str, dict[str, list[str]], str]  # time, act, words, division


def read(row: dict[str, Any]) -> Row:
    words = likeness.read(row["text"], resolver().resolve, keys=[row["reporter_key"]] if row["reporter_key"] else [])
    return datetime.fromisoformat(row["received_at"]), row["act"], words, row["county"]


def moved(row: Row, county: str, number: int) -> Row:
    at, act, words, _ = row
    town = [f"{name}{number}" for name in words["town"]]
    keys = [f"{key}/{number}" for key in words["key"]]
    words = words | {"county": [county], "town": town, "key": keys}
    if county == row[3]:  # another village and another respondent of the same county
        names = ("village", "village_sound", "village_parts", "village_said", "company", "company_head",
                 "company_parts", "person", "head", "person_parts", "name_said")  # fmt: skip
        words |= {name: [f"{chr(0xF000 + number % 1777)}{word}" for word in words[name]] for name in names}
    return at + timedelta(minutes=number % 1440), f"{act}/{number}", words, county


def rows(count: int, reading: int) -> tuple[list[Row], list[Row], set[str]]:
    """(read clues, moved ones, acts of the dense county)."""
    with multiprocessing.get_context("fork").Pool() as pool:
        dense = pool.map(read, generator.clues("test", min(count // SHARE, DENSE_READ), 21, dense=True), 200)
        wide = pool.map(read, generator.clues("test", min(count - len(dense), reading), 22), 200)
    wide = [(at, f"w{act}", words, county) for at, act, words, county in wide]
    maker, others = random.Random(4), [row.code for row in table() if row.level == "county"]
    home = dense[0][3]
    more: list[Row] = []
    for number in range(count - len(dense) - len(wide)):
        if number % SHARE == 0 and len(dense) == DENSE_READ:
            more.append(moved(dense[maker.randrange(len(dense))], home, number))  # villages of other towns there
        else:
            more.append(moved(wide[number % len(wide)], maker.choice(others), number))
    return [*dense, *wide], more, {act for _, act, _, _ in dense}


class Binary:
    """Rows for COPY in PostgreSQL's binary form, by the client's own packing: 12 million keys pass in a minute."""

    def __init__(self, to: psycopg.Connection, table_: str, columns: str) -> None:
        self._copy = to.cursor().copy(f"copy {table_} ({columns}) from stdin (format binary)")
        self._out = self._copy.__enter__()
        self._out.write(SIGN)

    def write(self, *values: bytes) -> None:
        self._out.write(struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(v)) + v for v in values))

    def close(self) -> None:
        self._out.write(struct.pack("!h", -1))
        self._copy.__exit__(None, None, None)


def number_(value: int) -> bytes:
    return struct.pack("!q", value)


def fill(url: str, known: list[Row]) -> int:
    """Rows of clue, clue_unit, likeness and likeness_key in time order; the number of keys."""
    with db.transaction() as session:
        session.add(Unit(id=MINISTRY, code="000000", name="部", level="ministry", path=[MINISTRY]))
        session.add(Unit(id=DENSE, code="430922", name="县", level="county", path=[MINISTRY, DENSE]))
        session.flush()
        key = sealing.new_key(session, MINISTRY).id
    host = url.split("host=")[1].replace("%2F", "/")
    where = {"host": host, "user": "hub", "dbname": "hub"}
    epoch = datetime(2000, 1, 1, tzinfo=clock.CHINA).astimezone(clock.CHINA)
    total = 0
    with psycopg.connect(**where) as one, psycopg.connect(**where) as two:
        for to in (one, two):
            to.execute("set session_replication_role = replica")
        one.execute("alter table likeness_key drop constraint pk_likeness_key")
        one.commit()
        sketches = Binary(one, "likeness", "clue_id, at, version, sketch, keys")
        keys = Binary(two, "likeness_key", "key, clue_id")
        for clue, (at, _, words, _) in enumerate(known, 1):
            made = likeness.of_words(words, at, duplicates.keyed)
            blocks = sorted({name for name, _ in made.blocks})
            zone = at.replace(tzinfo=clock.CHINA)
            micro = struct.pack("!q", int((zone - epoch).total_seconds() * 1e6) - 8 * 3_600_000_000)
            array = struct.pack("!iiIii", 1, 0, 20, len(blocks), 1) + b"".join(
                struct.pack("!iq", 8, name) for name in blocks
            )
            if not blocks:
                array = struct.pack("!iiI", 0, 0, 20)
            sketches.write(number_(clue), micro, likeness.VERSION.encode(), likeness.pack(made.elements), array)
            for name in blocks:
                keys.write(number_(name), number_(clue))
            total += len(blocks)
        sketches.close()
        keys.close()
        one.commit()
        two.commit()
        one.execute("alter table likeness_key add constraint pk_likeness_key primary key (key, clue_id)")
        one.execute(
            "insert into clue (id, no, channel, sub_channel, at, received_unit_id, owner_unit_id, state, key_id, title,"
            " summary) overriding system value select clue_id, 'c' || clue_id, 'email', '', at, 1, 1, 'to_determine',"
            f" {key}, '', '' from likeness"
        )
        columns = "unit_id, clue_id, role, state, open, channel, sort_at"
        one.execute(
            f"insert into clue_unit ({columns}) select {MINISTRY}, clue_id, 'ancestor', 'to_determine', true, 'email',"
            " at from likeness"
        )
        one.commit()
    return total


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--queries", type=int, default=300)
    options.add_argument("--read", type=int, default=READ)
    given = options.parse_args()
    var = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    server = None
    begun = time.perf_counter()
    real, more, dense = rows(given.rows, given.read)
    known = sorted([*real, *more], key=lambda row: row[0])
    print(f"{len(real)} texts read, {len(known)} clues made in {time.perf_counter() - begun:.0f} s", flush=True)
    try:
        sealing.make_key_file(var / "hub.key")
        server = embedded.start_postgres(var, name="hub", fast=True)
        export(HUB_VAR=str(var), HUB_KEY_FILE=str(var / "hub.key"), DATABASE_URL=server.url)
        sealing.forget_keys()
        schema.upgrade(server.url)
        db.connect(server.url)
        begun = time.perf_counter()
        total = fill(server.url, known)
        with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
            sizes = "select pg_total_relation_size('likeness') + pg_total_relation_size('likeness_key')"
            size = connection.scalar(text(sizes))
        print(
            f"{total} keys stored in {time.perf_counter() - begun:.0f} s; {float(size or 0) / 1e6:.0f} MB", flush=True
        )
        ask(known, dense, given.queries)
    finally:
        db.forget()
        if server is not None:
            server.stop()
        shutil.rmtree(var, ignore_errors=True)


def ask(known: list[Row], dense: set[str], count: int) -> None:
    """Asks for repeats, from the last ones of the year on: they have the most before them."""
    acts: dict[str, list[int]] = {}
    for clue, row in enumerate(known, 1):
        if "/" not in row[1]:
            acts.setdefault(row[1], []).append(clue)
    latest = len(known) * 2 // 3
    maker = random.Random(5)
    who = Actor(1, "bench", "bench", MINISTRY, "000000", "部", frozenset({Role.HANDLER}), (MINISTRY,))
    for name, inside in (("one dense county", True), ("other counties", False)):
        pool = [(act, clue) for act, found in acts.items() for clue in found if (act in dense) == inside]
        repeats = [one for one in pool if one[1] != acts[one[0]][0] and one[1] > latest]
        asked = maker.sample(repeats, min(count, len(repeats)))
        times, costs, n, asks = [], [], Counter[str](), Counter[int]()
        with db.reading() as session:
            backend = psutil.Process(session.scalar(text("select pg_backend_pid()")))
            for act, clue in asked:
                at, _, words, _ = known[clue - 1]
                row = likeness.of_words(words, at, duplicates.keyed)
                wanted = {other for other in acts[act] if other < clue}
                begun, cpu = time.perf_counter(), time.process_time() + sum(backend.cpu_times()[:2])
                with statements() as told:
                    best = duplicates.judged(session, row, before=clue, who=who, least=0.0, limit=50)
                asks[told[0]] += 1
                times.append((time.perf_counter() - begun) * 1000)
                costs.append((time.process_time() + sum(backend.cpu_times()[:2]) - cpu) * 1000)
                ids = [one.clue_id for one in best]
                shown = {
                    one.clue_id
                    for one in best[: duplicates.SHOWN]
                    if one.score >= duplicates.settings().duplicate_threshold
                }
                n.update(asked=1, top1=bool(set(ids[:1]) & wanted), top3=bool(set(ids[:3]) & wanted))
                n.update(shown=len(shown), right=len(shown & wanted), pairs=len(wanted), any=bool(shown & wanted))
                for least in LEVELS:
                    some = {one.clue_id for one in best[: duplicates.SHOWN] if one.score >= least}
                    n.update({f"shown{least}": len(some), f"right{least}": len(some & wanted)})
                session.expunge_all()
        times.sort()
        costs.sort()
        print(
            f"{name}: {n['asked']} repeats; p50 {times[len(times) // 2]:.1f} ms,"
            f" p95 {times[int(len(times) * 0.95)]:.1f} ms"
            f" (target < 50), CPU p50 {costs[len(costs) // 2]:.0f} p95 {costs[int(len(costs) * 0.95)]:.0f} ms;"
            f" top-1 {n['top1'] / n['asked']:.3f}, top-3"
            f" {n['top3'] / n['asked']:.3f} (target ≥ {0.85 if inside else 0.9}); recall {n['right'] / n['pairs']:.3f},"
            f" precision {n['right'] / max(1, n['shown']):.3f} of pairs shown to repeats;"
            f" {asks.most_common(1)[0][0]} statements", flush=True,
        )  # fmt: skip
        for least in LEVELS:
            share = n[f"right{least}"] / max(1, n[f"shown{least}"])
            print(f"    from {least}: recall {n[f'right{least}'] / n['pairs']:.3f}, precision {share:.3f}", flush=True)
        strangers(known, acts, dense, count, inside=inside, who=who)
        if inside:
            explain(known[asked[-1][1] - 1][2], asked[-1][1])


def strangers(
    known: list[Row], acts: dict[str, list[int]], dense: set[str], count: int, *, inside: bool, who: Actor
) -> None:
    """The same for reports as they come in, first ones and repeats: what a person is shown day by day."""
    pool = [
        clue for act, found in acts.items() if (act in dense) == inside for clue in found if clue > len(known) * 2 // 3
    ]
    n = Counter[str]()
    with db.reading() as session:
        for clue in random.Random(7).sample(pool, min(count, len(pool))):
            at, act, words, _ = known[clue - 1]
            wanted = {other for other in acts[act] if other < clue}
            found = duplicates.judged(session, likeness.of_words(words, at, duplicates.keyed), before=clue, who=who)
            shown = {one.clue_id for one in found}
            n.update(asked=1, pairs=len(wanted), shown=len(shown), right=len(shown & wanted))
            session.expunge_all()
    print(
        f"  any report: {n['asked']} asked; recall {n['right'] / max(1, n['pairs']):.3f}, precision"
        f" {n['right'] / max(1, n['shown']):.3f} of all that is shown", flush=True,
    )  # fmt: skip


@contextmanager
def statements() -> Iterator[list[int]]:
    """Counts what is sent to the database."""
    told = [0]

    def one(*_: object) -> None:
        told[0] += 1

    event.listen(db.engine(), "before_cursor_execute", one)
    try:
        yield told
    finally:
        event.remove(db.engine(), "before_cursor_execute", one)


def explain(words: dict[str, list[str]], before: int) -> None:
    """How PostgreSQL looks the keys up: index only, so many rows and pages."""
    keys, weights = zip(*likeness.of_words(words, datetime(2025, 6, 1), duplicates.keyed).blocks, strict=True)  # noqa: DTZ001
    plan = text("explain (analyze, buffers, costs off, timing off) " + duplicates.HITS.text).bindparams(
        bindparam("keys", type_=ARRAY(BigInteger)), bindparam("weights", type_=ARRAY(Float))
    )
    most = duplicates.COMPARED + duplicates.SPARE
    given = {"keys": list(keys), "weights": list(weights), "before": before, "newest": duplicates.NEWEST, "most": most}
    with db.reading() as session:
        for (line,) in session.execute(plan, given):
            print("   ", line, flush=True)


if __name__ == "__main__":
    os.nice(5)
    main()
