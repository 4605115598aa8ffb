"""Opening a clue writes all its rows together; confirming keeps machine and person apart."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from hub import casework, db
from hub.access import audit, people, staff
from hub.access.sealing import open_key
from hub.models import Clock, Clue, ClueReporter, ClueUnit, Counter, CounterDelta, Event, Reporter, Unit, Value
from hub.terms import State

AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)  # already the 21st in China


def opened(session, **facts) -> Clue:
    unit = session.scalars(select(Unit.id).where(Unit.code == "430922")).one()
    told = {"channel": "email", "number": "03", "sub_channel": "", "unit_id": unit, "at": AT, "title": "举报"} | facts
    return casework.open_clue(session, casework.Opening(**told))


@pytest.fixture
def lead(hub) -> people.Actor:
    with db.transaction() as session:
        person = staff.add(session, "lead", "负责人", "a-long-password", "430922", ["lead"])
        return people.actor(session, person.id)


def test_a_new_clue_stands_everywhere_it_must(hub) -> None:
    with db.transaction() as session:
        clue = opened(session)
    with db.reading() as session:
        row = session.get_one(Clue, clue.id)
        division, day, channel, serial = row.no.split("-")
        assert (division, day, channel, len(serial)) == ("430922", "20261121", "03", 6)
        assert row.state == State.TO_DETERMINE
        assert open_key(session, row.key_id).text(row.title, "clue.title") == "举报"
        seen = session.execute(select(Unit.level, ClueUnit.role).join(ClueUnit, ClueUnit.unit_id == Unit.id)).all()
        assert sorted(map(tuple, seen)) == [
            ("city", "ancestor"), ("county", "owner"), ("ministry", "ancestor"), ("province", "ancestor"),
        ]  # fmt: skip
        due = session.scalars(select(Clock)).one()
        assert (due.base.isoformat(), due.days, due.article) == ("2026-11-21", 7, "第十二条")
        assert session.scalars(select(Event.act).where(Event.object == f"clue:{clue.id}")).all() == ["register"]


def test_numbers_of_one_day_are_unique_under_concurrency(hub) -> None:
    numbers, lock = [], threading.Lock()

    def act() -> None:
        for _ in range(10):
            with db.transaction() as session:
                made = opened(session).no
            with lock:
                numbers.append(made)

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 40
    with db.reading() as session:
        assert audit.verify(session).ok


def test_a_rolled_back_clue_leaves_nothing(hub) -> None:
    def act() -> None:
        with db.transaction() as session:
            opened(session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    with db.reading() as session:
        for table in (Clue, ClueUnit, Clock, CounterDelta, Event):
            assert session.scalar(select(func.count()).select_from(table)) == 0, table


def test_counters_are_the_same_before_and_after_folding(hub, lead) -> None:
    from hub.supervision import queue

    with db.transaction() as session:
        for _ in range(3):
            opened(session)
        opened(session, channel="phone", number="01")
    expected = {"all": 4, "open": 4, "state:to_determine": 4, "channel:email": 3, "channel:phone": 1}
    for limit in (0, 7, 1000, 1000):
        if limit:
            with db.transaction() as session:
                casework.fold_counters(session, limit)
        with db.reading() as session:
            assert queue.counts(session, lead) == expected
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(CounterDelta)) == 0
        assert session.scalar(select(func.count()).select_from(Counter)) == 4 * len(expected)


def test_a_persons_value_stands_beside_the_machines_and_wins(lead) -> None:
    with db.transaction() as session:
        clue = opened(session)
        casework.apply_suggestions(
            session, clue, {"division": "430922", "class": "T2", "missing": ["place"]}, complete=True
        )
    with db.transaction() as session:
        row = session.get_one(Clue, clue.id)
        assert (row.division, row.class_code, row.missing) == ("430922", "T2", ["place"])
        casework.confirm(session, lead, row, "class", "K2")
        casework.confirm(session, lead, row, "place", {"code": "430981", "name": "沅江"})
    with db.transaction() as session:
        row = session.get_one(Clue, clue.id)
        assert row.missing == []
        casework.apply_suggestions(session, row, {"division": "110101", "class": "T1"}, complete=True)
        assert (row.division, row.class_code) == ("430981", "K2")
        assert set(session.scalars(select(ClueUnit.division))) == {"430981"}
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{clue.id}").order_by(Event.seq)).all()
        assert acts == ["register", "set_value", "set_value"]


def test_what_is_no_decision_is_refused(lead) -> None:
    with db.transaction() as session:
        clue = opened(session)
    for field, value in (("state", "closed"), ("class", ""), ("facts", None), ("no", "1")):
        with pytest.raises(casework.RefusedError), db.transaction() as session:
            casework.confirm(session, lead, session.get_one(Clue, clue.id), field, value)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Value)) == 0


def test_a_stale_edit_is_told_so(lead) -> None:
    with db.transaction() as session:
        clue = opened(session)
    seen = clue.version
    with db.transaction() as session:
        casework.confirm(session, lead, session.get_one(Clue, clue.id), "facts", "占地", version=seen)
    with pytest.raises(casework.StaleError), db.transaction() as session:
        casework.confirm(session, lead, session.get_one(Clue, clue.id), "facts", "占田", version=seen)


def test_eight_people_with_the_same_page_open_change_it_once(lead) -> None:
    with db.transaction() as session:
        clue = opened(session)
    results, barrier = [], threading.Barrier(8)

    def act(number: int) -> None:
        barrier.wait()
        try:
            with db.transaction() as session:
                row = session.get_one(Clue, clue.id)
                casework.confirm(session, lead, row, "facts", f"第{number}", version=clue.version)
            results.append(True)
        except casework.StaleError:
            results.append(False)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Value)) == 1


def test_one_reporter_is_found_again_by_a_keyed_hash_only(hub) -> None:
    with db.transaction() as session:
        clue = opened(session)
        for identity in (
            {"name": "张三", "phone": "+86 138 0000 1234"},
            {"name": "张先生", "phone": "13800001234"},
            {"name": "李四", "phone": "13900001234"},
            {"name": "无名"},
        ):
            casework.add_reporter(session, clue, _intake(session), identity)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(ClueReporter)) == 3
        for row in session.scalars(select(Reporter)):
            assert "张三".encode() not in row.identity


def _intake(session) -> int:
    from hub.access.sealing import new_key
    from hub.models import Intake

    unit = session.scalars(select(Unit.id).where(Unit.code == "430922")).one()
    key = new_key(session, unit)
    row = Intake(channel="email", source_id="t", unit_id=unit, at=AT, key_id=key.id, meta=b"")
    session.add(row)
    session.flush()
    return row.id
