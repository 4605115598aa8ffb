"""F04–F06, F24, F27, F33: orphans, limits, poison, children that die or hang, SIGTERM, numbering."""

from __future__ import annotations

import random
import signal
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake
from hub import worker as _worker  # noqa: F401  registers the handlers
from hub.access import audit
from hub.models import Clue, Event, Intake, Work
from hub.settings import settings
from hub.work import rows
from hub.work.child import ChildDiedError, LimitedChild, RefusedError
from tests.fault.kit import UNIT, Ledger, Zygote, count, mail, many, until, waiting

pytestmark = pytest.mark.fault


def accept(ledger: Ledger, name: str, data: bytes) -> int:
    blob = Blob(f"{name}.eml", "message/rfc822", ledger.note(name, data))
    made = channels()["email"].from_files([blob], {}, source_id="cli:email", now=datetime.now(UTC))
    return intake.accept(made[0], unit=UNIT).intake_id


def test_f04_an_orphaned_worker_is_fenced(forked: Zygote, ledger: Ledger, rng: random.Random) -> None:
    """It wakes up after its lease ran out and another worker finished: nothing of its effect is kept."""
    number = accept(ledger, "m", mail(rng, "m", 300))
    orphan = forked.run("stopped_before_done", queue="light", name="normalize.before_register", lease=0.5)
    until(lambda: orphan.state() == "T", what="the worker stands still before its effect")
    time.sleep(0.6)
    assert forked.run("drain", queue="light").wait() == 1
    orphan.kill(signal.SIGCONT)
    assert orphan.wait() == "fenced"
    with db.reading() as session:
        events = session.scalars(select(Event.act).where(Event.object == f"intake:{number}")).all()
    assert events == ["accept", "register"]
    ledger.check()


def test_f04_a_lost_lease_rolls_the_effect_back(hub: object) -> None:
    """Fencing alone, without what else makes an effect idempotent."""
    with db.transaction() as session:
        rows.put(session, "enrich", {"n": 1})
    first = rows.claim("text")
    with db.transaction() as session:
        session.execute(update(Work).values(lease_until=func.now() - rows.timedelta(seconds=1)))
    second = rows.claim("text")
    assert first is not None
    assert second is not None
    assert (first.id, first.token + 1) == (second.id, second.token)

    def finish(job: rows.Job) -> None:
        with db.transaction() as session:
            audit.record(session, "test:1", "effect", data={"token": job.token})
            job.done(session)

    with pytest.raises(rows.FencedError):
        finish(first)
    with pytest.raises(rows.FencedError):
        first.renew()
    rows.fail(first, "late", permanent=True)  # an orphan's failure changes nothing either
    finish(second)
    with pytest.raises(rows.FencedError):
        finish(second)
    with db.reading() as session:
        (event,) = session.scalars(select(Event).where(Event.act == "effect")).all()
        assert event.data == {"token": second.token}
        assert session.scalars(select(Work)).first() is None


def _eat(args: object, blobs: list[bytes]) -> tuple[object, list[bytes]]:
    hoard = []
    while args == "eat":
        hoard.append(bytearray(8 << 20))
    return len(blobs[0]), []


def test_f05_the_limited_child_cannot_grow(hub: object) -> None:
    child = LimitedChild({"eat": _eat}, memory=1 << 30, cpu_seconds=20, wall_seconds=30)
    try:
        with pytest.raises((ChildDiedError, RefusedError)):
            child.run("eat", "eat", [b""])
        assert child.run("eat", "no", [b"abc"]) == (3, [])
    finally:
        child.close()


@pytest.mark.parametrize("action", ["die", "hang", "spin", "eat"])
def test_f05_f06_f24_poison_is_parked_and_others_go_on(
    forked: Zygote, ledger: Ledger, rng: random.Random, action: str
) -> None:
    """An input whose reading dies, hangs, spins or eats memory: three attempts, then the manual list."""
    others = many(12, 200)
    poison = accept(ledger, "poison", mail(rng, "venenum", 300))
    for n in range(others):
        accept(ledger, f"m{n}", mail(rng, f"m{n}", 300))
    child = forked.run("poisoned_drain", queue="light", marker="venenum", action=action)
    child.wait(90)
    with db.reading() as session:
        row = session.get_one(Intake, poison)
        assert (row.state, bool(row.reason)) == ("manual", True)
        parked = session.scalars(select(Work).where(Work.handler == "normalize")).one()
        assert (parked.state, parked.attempts) == ("dead", 3)
        clues = session.scalars(select(Clue)).all()
        assert len(clues) == others
        ended = session.scalars(select(Event).where(Event.object == f"intake:{poison}", Event.act == "to_manual")).one()
        waited = [c.recorded_at for c in clues if c.recorded_at > ended.received_at]
        assert not waited, "others stood behind the poison until it was parked"
    ledger.check()


def test_f06_a_row_that_kills_its_worker_is_parked_too(forked: Zygote) -> None:
    """The worker itself dies (not the child): the attempt counts although nobody could note it."""
    with db.transaction() as session:
        rows.put(session, "enrich", {"n": 0})
    for n in range(3):
        point = f"work.enrich.claimed=kill@{1}"
        child = forked.run("drain", failpoints=point, queue="text", lease=0.2, marked=True)
        until(lambda child=child: not child.alive())
        (settings().folder("run/failpoints") / "work.enrich.claimed").unlink()
        time.sleep(0.3)
        with db.reading() as session:
            assert session.scalars(select(Work)).one().attempts == n + 1
    forked.run("drain", queue="text", marked=True).wait()
    with db.reading() as session:
        row = session.scalars(select(Work)).one()
        assert row.state == "dead"
        assert row.error


def test_f27_sigterm_finishes_the_row_in_work_and_takes_no_further_one(
    forked: Zygote, ledger: Ledger, rng: random.Random
) -> None:
    for n in range(6):
        accept(ledger, f"m{n}", mail(rng, f"m{n}", 300))
    worker = forked.run("worker", queues=["light"], slow=0.5)
    until(_running, what="the worker has a row")
    worker.kill(signal.SIGTERM)
    until(lambda: not worker.alive(), what="the worker ends")
    assert not _running(), "the row in work was finished, not dropped"
    assert 1 <= waiting("normalize") <= 5
    with db.reading() as session:
        assert max(row.attempts for row in session.scalars(select(Work))) <= 1
    forked.run("drain", queue="light").wait()
    ledger.check()


def _running() -> bool:
    with db.reading() as session:
        return session.scalars(select(Work.id).where(Work.state == "running")).first() is not None


def test_f33_numbers_by_eight_processes_are_unique(forked: Zygote) -> None:
    each = many(25, 250)
    made = [number for child in [forked.run("open_clues", count=each) for _ in range(8)] for number in child.wait(120)]
    assert len(set(made)) == len(made) == 8 * each == count(Clue)
    with db.reading() as session:
        assert set(session.scalars(select(Clue.no))) == set(made)
        assert audit.verify(session).ok
    serials = sorted(int(number.rpartition("-")[2]) for number in made)
    assert serials != list(range(serials[0], serials[0] + len(serials))), "numbers tell nothing of how many came before"
