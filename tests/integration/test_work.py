"""Work rows: one claim at a time, leases, fencing, back-off, once, parking, wake-ups."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import redis
from sqlalchemy import func, select, text, update

from hub import clock, db
from hub.models import Event, Work
from hub.settings import settings
from hub.work import drain, rows, wake


class Known(RuntimeError):
    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@pytest.fixture
def ran(hub, monkeypatch):
    """A handler "probe" in queue "light" whose behaviour a test sets; gives the list of its runs."""
    seen: list[rows.Job] = []
    monkeypatch.setitem(rows.QUEUES, "probe", "light")
    monkeypatch.setitem(rows.QUEUES, "unknown", "light")

    def run(job: rows.Job) -> None:
        seen.append(job)
        with db.transaction() as session:
            job.done(session)

    monkeypatch.setattr(rows, "_handlers", {"probe": rows.Handler("probe", "light", run)})
    return seen


def handle(run, **facts) -> None:
    rows._handlers["probe"] = rows.Handler("probe", "light", run, **facts)


def put(n: int = 1, **facts) -> None:
    with db.transaction() as session:
        for number in range(n):
            rows.put(session, "probe", {"n": number}, **facts)


def expire(**values) -> None:
    with db.transaction() as session:
        session.execute(update(Work).values(lease_until=func.now() - timedelta(seconds=1), **values))


def due_now() -> None:
    with db.transaction() as session:
        session.execute(update(Work).values(run_at=func.now()))


def table() -> list[tuple[str, int, str]]:
    with db.reading() as session:
        return [tuple(row) for row in session.execute(select(Work.state, Work.attempts, Work.error).order_by(Work.id))]


def test_rows_run_in_order_of_priority_and_age_and_are_gone(ran) -> None:
    put(2)
    put(1, priority=1)
    assert drain.drain("light") == 3
    assert [job.args["n"] for job in ran] == [0, 0, 1]
    assert table() == []


def test_a_rolled_back_put_leaves_no_row_and_wakes_nobody(ran) -> None:
    def act() -> None:
        with db.transaction() as session:
            rows.put(session, "probe", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    assert table() == []
    with redis.Redis.from_url(settings().redis_url) as client:
        assert client.keys() == []


def test_many_workers_never_share_a_row(ran) -> None:
    put(60)
    got: list[int] = []
    lock = threading.Lock()

    def worker() -> None:
        while (job := rows.claim("light")) is not None:
            with lock:
                got.append(job.id)
            with db.transaction() as session:
                job.done(session)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 60


def test_a_claimed_row_is_not_due_until_its_lease_ends(ran) -> None:
    put()
    first = rows.claim("light")
    assert first is not None
    assert rows.claim("light") is None
    with db.reading() as session:
        assert rows.due(session) == []
    expire()
    with db.reading() as session:
        assert rows.due(session) == ["light"]
    second = rows.claim("light")
    assert second is not None
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.token > first.token


def test_who_lost_the_lease_can_neither_finish_nor_renew_nor_fail(ran) -> None:
    put()
    late = rows.claim("light")
    expire()
    current = rows.claim("light")

    def finish() -> None:
        with db.transaction() as session:
            from hub.access import audit

            audit.record(session, "clue:1", "effect")
            late.done(session)

    with pytest.raises(rows.FencedError):
        finish()
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0  # its effect went with it
    with pytest.raises(rows.FencedError):
        late.renew()
    rows.fail(late, "late", permanent=True)
    assert table() == [("running", 2, "")]
    current.renew()
    with db.transaction() as session:
        current.done(session)
    assert table() == []


def test_renewing_lengthens_the_lease(ran) -> None:
    handle(lambda job: None, lease=timedelta(seconds=300))
    put()
    job = rows.claim("light")
    with db.reading() as session:
        left = session.scalar(select(Work.lease_until - func.now()))
        assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    expire()
    job.renew()
    with db.reading() as session:
        assert session.scalar(select(Work.lease_until)) > clock.now() + timedelta(seconds=290)


def test_a_failing_row_waits_longer_each_time_and_is_parked_after_three(ran) -> None:
    parked = []

    def run(job: rows.Job) -> None:
        raise ValueError("张三 13800001234")

    handle(run, dead=lambda session, args, reason: parked.append((args, reason)))
    put()
    waits = []
    for _ in range(3):
        assert drain.drain("light") == 1
        with db.reading() as session:
            waits.append(session.scalar(select(func.extract("epoch", Work.run_at - func.now()))))
        assert rows.claim("light") is None
        due_now()
    assert 1 < waits[0] <= 2 < 9 < waits[1] <= 10
    assert table() == [("dead", 3, "ValueError")]  # foreign texts of exceptions may carry identity
    assert parked == [({"n": 0}, "ValueError")]
    assert drain.drain("light") == 0


def test_a_permanent_error_parks_at_once_with_its_own_words(ran) -> None:
    def run(job: rows.Job) -> None:
        raise Known("无法读取", permanent=True)

    handle(run)
    put()
    drain.drain("light")
    assert table() == [("dead", 1, "无法读取")]


def test_who_kills_its_worker_is_parked_and_others_go_on(ran) -> None:
    parked = []
    handle(lambda job: None, dead=lambda session, args, reason: parked.append(reason))
    put(2)
    for _ in range(3):
        job = rows.claim("light")
        assert job.args == {"n": 0}
        with db.transaction() as session:
            session.execute(
                update(Work)
                .where(Work.id == job.id)
                .values(lease_until=func.now() - timedelta(seconds=1), run_at=func.now() - timedelta(hours=1))
            )
    job = rows.claim("light")
    assert job.args == {"n": 1}
    assert parked == ["处理过程多次中断"]
    assert [state for state, _, _ in table()] == ["dead", "running"]


def test_a_row_nobody_can_handle_is_parked(ran) -> None:
    with db.transaction() as session:
        rows.put(session, "unknown", {})
    put()
    assert drain.drain("light") == 1
    assert table() == [("dead", 1, "没有对应的处理程序")]


def test_a_parking_that_fails_blocks_nobody(ran) -> None:
    """What a row's `dead` does may fail; the row is parked all the same and the queue goes on."""

    def dead(session, args, reason) -> None:
        session.execute(text("select 1/0"))

    def run(job: rows.Job) -> None:
        if job.args["n"] == 0:
            raise Known("nein", permanent=True)
        with db.transaction() as session:
            job.done(session)

    handle(run, dead=dead)
    put(2)
    assert drain.drain("light") == 2
    assert [(state, error) for state, _, error in table()] == [("dead", "nein")]


def test_once_means_one_waiting_row(ran) -> None:
    put(1, once="enrich:1")
    put(1, once="enrich:1")
    put(1, once="enrich:2")
    assert len(table()) == 2
    job = rows.claim("light")  # being worked on: new text needs a new run
    put(1, once="enrich:1")
    assert len(table()) == 3
    rows.fail(job, "later", permanent=False)  # goes back beside its twin without breaking the rule
    with db.reading() as session:
        assert sorted(session.scalars(select(Work.once).where(Work.once.is_not(None)))) == ["enrich:1", "enrich:2"]


def test_a_row_for_later_is_not_due_before(ran) -> None:
    put(1, run_at=clock.now() + timedelta(hours=1))
    assert rows.claim("light") is None
    with db.reading() as session:
        assert rows.due(session) == []


def test_reviving_gives_new_attempts(ran) -> None:
    def run(job: rows.Job) -> None:
        raise Known("nein", permanent=True)

    handle(run)
    put()
    drain.drain("light")
    with db.transaction() as session:
        rows.revive(session, session.scalar(select(Work.id)))
        rows.revive(session, 0)
    assert table() == [("pending", 0, "")]


def test_one_wake_up_for_many_rows_and_a_new_one_after_it_began(ran) -> None:
    with redis.Redis.from_url(settings().redis_url) as client:
        put(5)
        assert client.llen("rq:queue:light") == 1
        wake.begun("light")
        put()
        assert client.llen("rq:queue:light") == 2


def test_a_queue_server_that_is_away_holds_nothing_up(ran, monkeypatch) -> None:
    monkeypatch.setattr(settings(), "redis_url", "redis://127.0.0.1:1/0")
    put()
    assert drain.drain("light") == 1


def test_a_long_queue_is_left_after_200_rows_and_wakes_itself(ran, monkeypatch) -> None:
    monkeypatch.setattr(drain, "ROWS", 3)
    put(5)
    with redis.Redis.from_url(settings().redis_url) as client:
        client.flushall()
        assert drain.drain("light") == 3
        assert client.llen("rq:queue:light") == 1
    assert drain.drain("light") == 2
