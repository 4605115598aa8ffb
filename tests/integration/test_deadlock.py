"""Two people whose acts cross in the database: PostgreSQL ends one of them, which is done again, not lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from hub import casework, db
from hub.models import Clue, Event
from tests.integration.case_desk_cast import COUNTY, Cast, cast, clue  # noqa: F401  the cast of the case desk


def crossed(first: int, second: int, met: threading.Barrier, seen: list[str]) -> None:
    tries = []

    def work() -> None:
        tries.append(first)
        with db.transaction() as session:
            session.execute(text("select 1 from clue where id = :n for update"), {"n": first})
            if len(tries) == 1:
                met.wait(20)
            session.execute(text("select 1 from clue where id = :n for update"), {"n": second})
        seen.append(f"{first}:{len(tries)}")

    db.again(work)


def test_a_unit_of_work_that_lost_a_deadlock_is_done_again(hub: Path) -> None:
    del hub
    ids = [number_of(clue()), number_of(clue(phone="13900001111"))]
    met, seen = threading.Barrier(2), list[str]()
    hands = [threading.Thread(target=crossed, args=(*order, met, seen)) for order in (ids, ids[::-1])]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert sorted(int(one.split(":")[1]) for one in seen) == [1, 2], "one went through, one was done twice"


def test_another_fault_is_not_tried_again(hub: Path) -> None:
    del hub
    tries = []

    def work() -> None:
        tries.append(1)
        with db.transaction() as session:
            session.execute(text("set local statement_timeout = 50"))
            session.execute(text("select pg_sleep(5)"))

    with pytest.raises(OperationalError):
        db.again(work)
    assert tries == [1]


def test_an_act_that_met_a_deadlock_is_done_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from psycopg.errors import DeadlockDetected

    no, handler, apply, tries = clue(), cast["handler"], casework.apply, []

    def deadlocked(*args, **more):  # type: ignore[no-untyped-def]  as casework.apply
        tries.append(1)
        done = apply(*args, **more)
        if len(tries) == 1:
            raise OperationalError("select", {}, DeadlockDetected())
        return done

    monkeypatch.setattr(casework, "apply", deadlocked)
    handler.done(no, "determine.P1", place=COUNTY, **{"class": "T2"})
    assert len(tries) == 2
    with db.reading() as session:
        found = session.scalars(select(Clue).where(Clue.no == no)).one()
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{found.id}")).all()
    assert acts.count("determine.P1") == 1


def number_of(no: str) -> int:
    with db.reading() as session:
        return session.scalars(select(Clue.id).where(Clue.no == no)).one()
