"""A release that compares otherwise reads the older clues anew, in the background and behind what has just come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from hub import db, worker
from hub.access import sealing
from hub.enrich import duplicates, likeness, resketch
from hub.models import Likeness, LikenessKey, Wall, Work
from hub.work import rows
from tests.integration.test_duplicates import AT, COUNTY, SAND, clue_of, person, send, shown, work

OLD = "likeness-2"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    duplicates.keyed.cache_clear()
    sealing.forget_keys()


def age(*clues: int, version: str = OLD) -> None:
    """Makes sketches as an older release left them: another version, bytes of another shape, other keys."""
    with db.transaction() as session:
        for row in session.scalars(select(Likeness).where(Likeness.clue_id.in_(clues))):
            session.execute(delete(LikenessKey).where(LikenessKey.clue_id == row.clue_id))
            row.version, row.sketch, row.keys = version, b"\x01\x00older", [row.clue_id]
            session.add(LikenessKey(key=row.clue_id, clue_id=row.clue_id))


def versions() -> dict[int, str]:
    with db.reading() as session:
        return {row.clue_id: row.version for row in session.execute(select(Likeness.clue_id, Likeness.version))}


def two() -> tuple[int, int]:
    """Two clues of one act."""
    sent = send(SAND, "a", 1), send(SAND + "，夜里有船。", "b", 2)
    work()
    with db.reading() as session:
        first, second = (clue_of(session, number).id for number in sent)
    return first, second


def test_older_sketches_are_made_again_by_the_text_worker(hub: Path) -> None:
    first, second = two()
    age(first, second)
    with db.reading() as session:
        third = duplicates.candidates_for_text(session, person(), SAND, COUNTY, at=AT)
        assert third == [], "not comparable yet"
    worker.started(["light"])
    work()
    assert set(versions().values()) == {OLD}, "only the text worker looks"
    worker.started(["text"])
    worker.started(["text"])
    with db.reading() as session:
        (row,) = session.scalars(select(Work).where(Work.handler == "resketch"))
        assert (row.queue, row.priority, row.args) == ("text", 9, {})
    work()
    assert versions() == {first: likeness.VERSION, second: likeness.VERSION}
    with db.reading() as session:
        assert not session.scalar(select(func.count()).select_from(Work))
        assert not session.scalar(
            select(func.count()).select_from(LikenessKey).where(LikenessKey.key.in_([first, second]))
        )
        found = duplicates.candidates_for_text(session, person(login="other"), SAND, COUNTY, at=AT)
        assert {one.clue_id for one in found} == {first, second}


def test_a_clue_of_before_is_compared_when_it_is_opened(hub: Path) -> None:
    """The one whose page is shown does not wait for its turn."""
    first, second = two()
    age(second)
    with db.reading() as session:
        (found,) = duplicates.candidates(session, person(), session.get_one(duplicates.Clue, second))
    assert found.clue_id == first
    assert versions()[second] == OLD


def test_batches_newest_first_until_none_is_left(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two()
    age(first, version="likeness-1")
    age(second, version="likeness-9")  # a release taken back: also read anew
    monkeypatch.setattr(resketch, "BATCH", 1)
    with db.transaction() as session:
        assert resketch.begin(session)
    for left in (1, 0):
        job = rows.claim("text")
        assert job is not None
        rows.run(job)
        assert sum(version != likeness.VERSION for version in versions().values()) == left
    assert rows.claim("text") is None


@pytest.mark.parametrize("reason", ["N2", "N4"])
def test_walled_clues_are_not_read(hub: Path, reason: str) -> None:
    first, second = two()
    age(first, second)
    with db.transaction() as session:
        if reason == "N4":
            session.add(Wall(clue_id=first, unit_id=None, reason="N4", state="held", since=AT))
        else:
            session.execute(
                update(duplicates.Clue)
                .where(duplicates.Clue.id == first)
                .values(refused_ground="N2", determination="P3")
            )
        assert resketch.begin(session)
    work()
    assert versions() == {second: likeness.VERSION}


def test_suggestions_stay_as_they_were_made(hub: Path) -> None:
    first, second = two()
    with db.reading() as session:
        before = shown(session, session.get_one(duplicates.Clue, second))
    age(first, second)
    worker.started(["text"])
    work()
    with db.reading() as session:
        assert shown(session, session.get_one(duplicates.Clue, second)) == before != []
        assert not resketch.older(session)
