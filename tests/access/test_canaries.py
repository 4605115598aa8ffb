"""Identity canaries: people with words of their own go through every door, and nothing of them is found elsewhere.

Every operation is one of: an intake by one of the channels or citizens' forms, work of the workers, an act by somebody
of some role with their words in its reasons, a look at a page by somebody who may not see identity, a search for it, an
export, a printed sheet, a notice sent, an error provoked with their words in it. Looked at afterwards: logs, Redis,
every column of every table, files of the hub and of the server, temporary files; at once: answers, mails, messages.
"""
# ruff: noqa: F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select, text, update

from hub import db
from hub.models import Clue, User
from hub.settings import settings
from tests.access.canary import in_dump
from tests.access.canary_doors import DOORS, by_wechat, take
from tests.access.canary_run import Run, run  # noqa: F401
from tests.access.canary_work import OPERATIONS, PRINTING
from tests.integration.notify.conftest import county  # noqa: F401
from tests.integration.test_sealed_at_rest import dump, server_folder

ROUNDS: list[Any] = [pytest.param(200, marks=pytest.mark.timeout(900))]
if os.environ.get("HUB_TEST_LONG"):  # make test-long: as many as the requirement says
    ROUNDS.append(pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_nobody_is_found_where_they_should_not_be(
    run: Run, rounds: int, hub: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.time() - 1
    for door in DOORS:
        door(run)
    take(run)
    operations = OPERATIONS + (PRINTING if rounds >= 2000 else [])
    ways = [way for way, weight in operations for _ in range(weight)]
    for number in range(rounds):
        way = run.rng.choice(ways)
        run.done[way.__name__] += 1
        way(run)
        if number % 50 == 0:
            assert run.net.in_files(tmp_path / "tmp") == {}, "temporary files"
    said = ("\n".join(run.said) + caplog.text).encode()
    assert run.hits == []  # where, what
    assert run.net.in_bytes(said) == set(), "logs"
    assert b"request_failed" in said, "something was logged"
    with redis.Redis.from_url(settings().redis_url) as client:
        values = b"".join(key + b"\n" + (client.dump(key) or b"") for key in client.scan_iter())
    assert run.net.in_bytes(values) == set(), "Redis"
    assert in_dump(run.net, dump()) == {}, "columns of the database"
    with db.reading() as session:
        session.execute(text("checkpoint"))
    assert run.net.in_files(hub) == {}, "data folder"
    assert run.net.in_files(server_folder(), begun) == {}, "files of the database and the queue"
    assert {way.__name__ for way, _ in operations} <= set(run.done)
    assert len(run.clues) > rounds // 8
    assert {"zip", "page", "letter", "speech", "scan"} <= set(run.papers) or rounds < 2000, run.papers
    assert run.statuses[200] > run.statuses[404] > 0


def test_what_is_looked_for_would_be_found(run: Run, hub: Path) -> None:
    """The nets hold: a canary in a page, a log line, a column of any kind, a temporary file."""
    one = run.bird
    assert run.net.in_text(f"<p>{one.address}</p>") == {one.address}
    assert run.net.in_bytes(json.dumps({"a": one.name}).encode()) == {one.name}
    (hub / "spool").write_bytes(b"x" * 500 + one.mail.encode())
    assert run.net.in_files(hub) == {"spool": {one.mail}}
    clue = by_wechat(run)
    with db.transaction() as session:
        session.execute(update(User).where(User.login == "lead").values(name=one.name))
        session.execute(text("update blob set sealed = :b where sealed is not null"), {"b": one.facts.encode("gbk")})
        session.execute(text("insert into beat values ('x', now(), cast(:d as jsonb))"),
                        {"d": json.dumps({"a": one.phone})})  # fmt: skip
    found = in_dump(run.net, dump())
    assert set(found) == {"public.staff", "public.blob", "public.beat"}
    assert found["public.beat"] == {one.phone}
    with db.reading() as session:
        no = session.scalar(select(Clue.no).where(Clue.id == clue))
        session.execute(update(Clue).where(Clue.id == clue).values(handler_id=None))
    client, _ = run.clients["handler"]
    with db.transaction() as session:
        handler = session.scalar(select(User.id).where(User.login == "handler"))
        session.execute(update(Clue).where(Clue.id == clue).values(handler_id=handler))
    run.look("the handler's own page", client.get(f"/clues/{no}").text)
    assert run.hits, "the handler does see who reported"
