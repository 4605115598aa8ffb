"""What protection costs: verifying a million events (target ≤ 30 s); list page and intake against the same without
sealing (target ≤ 1.2×).

python bench/access.py [--events 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg

from channels.contract import Blob
from channels.registry import channels
from hub import casework, clock, db, intake
from hub.access import audit, people, sealing, staff
from hub.jurisdiction.units import by_code, ensure_units
from hub.models import User
from hub.runtime import embedded, schema
from hub.settings import export
from hub.supervision import queue

EACH = 100  # events of an object
MAIL = "From: a@example.org\r\nMessage-ID: <{n}@x>\r\nSubject: s\r\n\r\n{text}\r\n"


def fill(url: str, count: int) -> None:
    """Chains as `audit.record` writes them, by COPY."""
    at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    heads = []
    with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        columns = "received_at, id, object, seq, act, actor, at, data, previous, hash"
        with cursor.copy(f"copy event ({columns}) from stdin") as copy:
            number = 0
            for obj in range(count // EACH):
                previous, name = audit.GENESIS, f"bench:{obj}"
                for seq in range(1, EACH + 1):
                    number += 1
                    data = {"n": number, "field": "place", "unit": 430922}
                    digest = audit._digest(previous, [name, seq, *audit._told("confirm", "user:3", at, at, data)])  # noqa: SLF001  as record does
                    copy.write_row(
                        (
                            at,
                            10_000_000 + number,
                            name,
                            seq,
                            "confirm",
                            "user:3",
                            at,
                            json.dumps(data),
                            previous,
                            digest,
                        )
                    )
                    previous = digest
                heads.append((name, EACH, previous, 0))
        with cursor.copy("copy chain_head (object, seq, hash, sealed) from stdin") as copy:
            for head in heads:
                copy.write_row(head)
        connection.commit()
    while True:
        with db.transaction() as session:
            if audit.seal(session) is None:
                return


def spent_by(pid: int) -> float:
    """Seconds of CPU a process has used so far (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ran(pid: int) -> float:
    """Milliseconds that a process was on a processor (schedstat of Linux: finer than the ticks of proc(5))."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def timed(work: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU and waiting, the median."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


class Plain:
    """The same calls without any cipher."""

    @staticmethod
    def box(key: bytes) -> type[Plain]:
        del key
        return Plain

    @staticmethod
    def encrypt(nonce: bytes, data: bytes, associated: bytes) -> bytes:
        del nonce, associated
        return data + bytes(16)

    @staticmethod
    def decrypt(nonce: bytes, data: bytes, associated: bytes) -> bytes:
        del nonce, associated
        return data[:-16]


def world(rows: int) -> people.Actor:
    """Clues of one county to list, under keys of the cipher that is patched in."""
    with db.transaction() as session:
        unit = by_code(session, "430922")
        assert unit is not None
        for number in range(rows):
            casework.open_clue(
                session, casework.Opening("phone", "01", "", unit.id, clock.now(), title=f"占地{number}")
            )
        user = session.query(User).first() or staff.add(session, "a", "甲", "correct horse", "430922", ["handler"])
        who = people.actor(session, user.id)
    assert who is not None
    return who


def listed(who: people.Actor) -> int:
    sealing._opened.cache_clear()  # noqa: SLF001  as another person's first look
    with db.reading() as session:
        rows, _ = queue.page(session, who, queue.Filters())
    return len(rows)


def taken(start: int) -> Callable[[], object]:
    state = {"n": start}

    def one() -> None:
        state["n"] += 1
        data = MAIL.format(n=state["n"], text="某村占用耕地八亩" * 40).encode()
        for raw in channels()["email"].from_files(
            [Blob("a.eml", "", data)], {}, source_id="cli:email", now=clock.now()
        ):
            intake.accept(raw, unit="430922")

    return one


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--times", type=int, default=40)
    given = options.parse_args()
    var = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    server, late = None, 0
    try:
        sealing.make_key_file(var / "hub.key")
        server = embedded.start_postgres(var, name="hub", fast=True)
        export(HUB_VAR=str(var), HUB_KEY_FILE=str(var / "hub.key"), DATABASE_URL=server.url)
        sealing.forget_keys()
        schema.upgrade(server.url)
        db.connect(server.url)
        with db.transaction() as session:
            ensure_units(session)
        figures: dict[str, dict[str, float]] = {"list page of 50": {}, "intake of a mail": {}}
        plain = patch.object(sealing.ciphers, "box", Plain.box)
        for name, cipher in (("plain", plain), ("sealed", None)):
            if cipher is not None:
                cipher.start()
            sealing.forget_keys()
            who = world(60)
            figures["list page of 50"][name] = timed(lambda who=who: listed(who), given.times)
            one = taken(0 if cipher else 100_000)
            timed(one, 10)
            figures["intake of a mail"][name] = timed(one, given.times)
            if cipher is not None:
                cipher.stop()
        for what, found in figures.items():
            ratio = found["sealed"] / found["plain"]
            late += ratio > 1.2
            print(f"{what:18} sealed {found['sealed']:6.2f} ms  plain {found['plain']:6.2f} ms  {ratio:.2f}× (≤ 1.2)")
        begun = time.perf_counter()
        fill(server.url, given.events)
        print(f"{given.events} events written in {time.perf_counter() - begun:.0f} s")
        with db.reading() as session:
            server_pid = session.connection().connection.driver_connection.info.backend_pid
            session.rollback()
            begun, own, theirs = time.perf_counter(), time.process_time(), spent_by(server_pid)
            verdict = audit.verify(session)
            spent, own, theirs = time.perf_counter() - begun, time.process_time() - own, spent_by(server_pid) - theirs
        late += not verdict.ok or spent > 30 * given.events / 1_000_000
        print(
            f"verify: ok {verdict.ok}, {verdict.events} events, {verdict.seals} seals, {spent:.1f} s, "
            f"CPU {own:.1f} s and of the server {theirs:.1f} s (target ≤ 30 s a million)"
        )
    finally:
        db.engine().dispose()
        if server is not None:
            server.stop()
        shutil.rmtree(var, ignore_errors=True)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
