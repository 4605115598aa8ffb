"""Whoever changes the event log by SQL is found: the verdict names the first row that does not hold."""

import json
import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from hub import db
from hub.access import audit
from hub.access.audit import _digest, _fields
from hub.models import ChainHead, Event, Seal


@pytest.fixture
def log(hub):
    """Two objects with four events each, sealed twice, and one each that is not sealed. Gives the export folder."""
    for number in range(4):
        for obj in ("clue:1", "intake:1"):
            with db.transaction() as session:
                audit.record(session, obj, f"act{number}", data={"n": number, "名": "值"})
        if number in (1, 3):
            with db.transaction() as session:
                audit.export(audit.seal(session), hub)
    for obj in ("clue:1", "intake:1"):
        with db.transaction() as session:
            audit.record(session, obj, "tail")
    return hub


def verdict(folder=None):
    with db.reading() as session:
        return audit.verify(session, folder / "seals.jsonl" if folder else None)


def tamper(*statements, **values):
    """What somebody with the database's password can do: triggers off, then any SQL."""
    with db.engine().begin() as connection:
        connection.execute(text("set session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement), values)


def rebuild(obj, *, upto=None):
    """Makes a chain consistent in itself again, as a thoughtful attacker would, head included."""
    with db.engine().begin() as connection:
        connection.execute(text("set session_replication_role = replica"))
        with db.Session(connection) as session:
            previous, number = audit.GENESIS, 0
            for event in session.scalars(select(Event).where(Event.object == obj).order_by(Event.seq, Event.id)):
                number += 1
                event.seq, event.previous = number, previous
                event.hash = previous = _digest(previous, _fields(event))
                session.flush()
            head = session.get_one(ChainHead, obj)
            head.seq, head.hash = number, previous
            head.sealed = min(head.sealed, number)
            session.flush()


def test_an_untouched_log_holds_and_tells_its_unsealed_tail(log) -> None:
    found = verdict(log)
    assert found.ok
    assert found.bad == ""
    assert (found.events, found.seals, found.unsealed) == (10, 2, 2)


def test_changes_are_refused_by_the_database_itself(log) -> None:
    for statement in (
        "update event set actor = 'x'", "delete from event", "truncate event",
        "update seal set objects = 0", "delete from seal", "truncate seal",
    ):  # fmt: skip
        with pytest.raises(ProgrammingError, match="append-only"), db.engine().begin() as connection:
            connection.execute(text(statement))
    assert verdict(log).events == 10


@pytest.mark.parametrize(
    "change",
    ["actor = 'user:9'", "act = 'other'", "data = '{}'", "at = at - interval '1 day'", "hash = decode('00', 'hex')",
     "previous = decode('00', 'hex')", "received_at = received_at + interval '1 microsecond'"],
)  # fmt: skip
def test_an_edited_event_is_named(log, change) -> None:
    tamper(f"update event set {change} where object = 'clue:1' and seq = 2")
    found = verdict(log)
    assert not found.ok
    assert "(clue:1 #2)" in found.bad


def test_a_deleted_event_is_named(log) -> None:
    tamper("delete from event where object = 'clue:1' and seq = 2")
    assert "(clue:1 #3)" in verdict(log).bad


def test_the_deleted_end_of_a_chain_is_named(log) -> None:
    tamper("delete from event where object = 'clue:1' and seq = 5")
    assert verdict(log).bad == "clue:1: its last event is not the recorded head"


def test_an_inserted_event_is_named(log) -> None:
    tamper(
        "insert into event (received_at, id, object, seq, act, actor, at, data, previous, hash) select received_at,"
        " 999, object, seq, 'extra', actor, at, data, previous, hash from event where object = 'clue:1' and seq = 3"
    )
    assert "(clue:1 #3)" in verdict(log).bad


def test_swapped_events_are_named(log) -> None:
    tamper("update event set seq = 5 - seq where object = 'clue:1' and seq in (2, 3)")
    assert "(clue:1 #2)" in verdict(log).bad


def test_a_chain_without_head_is_named(log) -> None:
    tamper("delete from chain_head where object = 'clue:1'")
    assert verdict(log).bad == "clue:1: no head recorded"


@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_a_rebuilt_chain_differs_from_what_was_sealed(log, last) -> None:
    tamper(f"update event set actor = 'user:9' where object = 'clue:1' and seq = {last}")
    rebuild("clue:1")
    found = verdict(log)
    assert not found.ok
    assert "clue:1 #" in found.bad
    assert "sealed" in found.bad


def test_a_cut_and_rebuilt_chain_is_missed_by_its_seal(log) -> None:
    tamper("delete from event where object = 'clue:1' and seq >= 3")
    rebuild("clue:1")
    assert verdict(log).bad == "clue:1 #4: sealed but gone"


def test_a_whole_object_that_is_gone_is_missed_by_its_seal(log) -> None:
    tamper("delete from event where object = 'clue:1'", "delete from chain_head where object = 'clue:1'")
    assert verdict(log).bad == "clue:1 #2: sealed but gone"


def test_a_rebuilt_seal_needs_the_key(log) -> None:
    tamper("update event set actor = 'user:9' where object = 'clue:1' and seq = 4")
    rebuild("clue:1")
    with db.reading() as session:
        row = session.get_one(Seal, 2)
        head = session.scalars(select(Event).where(Event.object == "clue:1", Event.seq == 4)).one()
        heads = [[o, s, head.hash.hex() if o == "clue:1" else h] for o, s, h in row.heads]
        root = audit._merkle([audit._leaf(*item) for item in heads])
    tamper(
        "update seal set heads = cast(:heads as jsonb), root = :root where id = 2", heads=json.dumps(heads), root=root
    )
    assert verdict(log).bad == "seal 2: signature"


@pytest.mark.parametrize(("statement", "bad"), [
    ("delete from seal where id = 1", "seal 2"),
    ("update seal set heads = '[]' where id = 1", "seal 1"),
    ("update seal set previous = decode('00', 'hex') where id = 2", "seal 2"),
])  # fmt: skip
def test_a_changed_or_missing_seal_is_named(log, statement, bad) -> None:
    tamper(statement)
    assert verdict(log).bad.startswith(bad)


def test_cut_seals_are_missed_by_their_export(log) -> None:
    tamper("delete from seal where id = 2", "update chain_head set sealed = 2")
    assert verdict().ok  # inside the database alone nothing tells
    assert verdict(log).bad == "seal 2: differs from the exported one"


def test_a_head_that_only_pretends_to_be_sealed_is_counted_as_unsealed(log) -> None:
    tamper("update chain_head set sealed = seq")
    found = verdict(log)
    assert not found.ok
    assert "never sealed" in found.bad
    assert found.unsealed >= 1


def test_acts_of_many_on_one_object_make_one_chain(hub) -> None:
    def act(name: int) -> None:
        for _ in range(10):
            with db.transaction() as session:
                audit.record(session, "clue:7", "act", actor=f"user:{name}")

    threads = [threading.Thread(target=act, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verdict()
    assert found.ok
    assert found.events == 40
    with db.reading() as session:
        assert session.scalars(select(Event.seq).order_by(Event.seq)).all() == list(range(1, 41))


def test_verifying_while_people_work_raises_no_false_alarm(hub) -> None:
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            with db.transaction() as session:
                audit.record(session, f"clue:{number % 5}", "act")
                if number % 7 == 0:
                    audit.seal(session)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        bad = [found.bad for found in (verdict() for _ in range(40)) if not found.ok]
    finally:
        over.set()
        thread.join()
    assert bad == []


def test_a_rolled_back_act_leaves_no_event(hub) -> None:
    def act() -> None:
        with db.transaction() as session:
            audit.record(session, "clue:1", "act")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    assert verdict().events == 0


# ---- two hundred tamperings of the sealed part


def _edit(session, rng, events):
    one = rng.choice(events)
    what = rng.choice(["actor = 'user:99'", "act = 'nothing'", "data = '{\"n\": 77}'", "at = at - interval '1 hour'"])
    session.execute(text(f"update event set {what} where id = :id"), {"id": one.id})
    return one.object


def _delete(session, rng, events):
    one = rng.choice(events)
    session.execute(text("delete from event where id = :id"), {"id": one.id})
    return one.object


def _insert(session, rng, events):
    one = rng.choice(events)
    session.execute(text(
        "insert into event (received_at, id, object, seq, act, actor, at, data, previous, hash) select received_at,"
        " id + 100000, object, seq, 'slipped in', actor, at, data, previous, hash from event where id = :id"
    ), {"id": one.id})  # fmt: skip
    return one.object


def _reorder(session, rng, events):
    one = rng.choice([event for event in events if event.seq > 1])
    session.execute(text(
        "update event set seq = 2 * :seq - 1 - seq where object = :object and seq in (:seq, :seq - 1)"
    ), {"seq": one.seq, "object": one.object})  # fmt: skip
    return one.object


def _truncate(session, rng, events):
    """The end of a chain goes, the head is set back to match."""
    one = rng.choice([event for event in events if event.seq > 1])
    session.execute(text("delete from event where object = :o and seq >= :s"), {"o": one.object, "s": one.seq})
    session.execute(text(
        "update chain_head set seq = :s - 1, sealed = :s - 1, hash = (select hash from event where object = :o"
        " and seq = :s - 1) where object = :o"
    ), {"o": one.object, "s": one.seq})  # fmt: skip
    return one.object


def _rechain(session, rng, events):
    """An edit or a deletion, then the whole chain of the object and its head made anew."""
    obj = rng.choice([_edit, _delete])(session, rng, events)
    previous, number = audit.GENESIS, 0
    for event in session.scalars(select(Event).where(Event.object == obj).order_by(Event.seq)):
        number += 1
        event.seq, event.previous = number, previous
        event.hash = previous = _digest(previous, _fields(event))
    head = session.get_one(ChainHead, obj)
    head.seq, head.hash, head.sealed = number, previous, number
    session.flush()
    return obj


def _whole_object(session, rng, events):
    one = rng.choice(events)
    session.execute(text("delete from event where object = :o"), {"o": one.object})
    session.execute(text("delete from chain_head where object = :o"), {"o": one.object})
    return one.object


def test_200_tamperings_of_the_sealed_part_are_found_and_named(hub) -> None:
    import random

    rng = random.Random(12336)
    for number in range(120):
        with db.transaction() as session:
            audit.record(
                session, f"clue:{number % 10}", f"act{number % 7}", actor=f"user:{number % 4}", data={"n": number}
            )
            if number % 30 == 29:
                session.flush()
                audit.export(audit.seal(session), hub)
    with db.reading() as session:
        events = session.execute(select(Event.id, Event.object, Event.seq)).all()
    ways = [_edit, _delete, _insert, _reorder, _truncate, _rechain, _whole_object]
    missed, seen = [], dict.fromkeys((way.__name__ for way in ways), 0)
    for number in range(200):
        way = ways[number % len(ways)]
        with db.Session(db.engine()) as session:
            session.execute(text("set local session_replication_role = replica"))
            obj = way(session, rng, events)
            session.flush()
            session.expire_all()
            found = audit.verify(session, hub / "seals.jsonl")
            session.rollback()
        seen[way.__name__] += 1
        if found.ok or (f"{obj} #" not in found.bad and not found.bad.startswith(f"{obj}:")):
            missed.append((way.__name__, obj, found.bad))
    assert missed == []
    assert min(seen.values()) >= 28
    assert verdict(hub).ok
