"""How many statements the page of a clue asks: bound, so that nobody adds one per act without noticing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from hub import db
from hub.casework.offering import offered
from hub.models import Clue
from tests.integration.case_desk_cast import Cast, cast  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import OFFICERS, Desk, desk  # noqa: F401

# ruff: noqa: F811  fixtures are imported by name
OFFERS, PAGE, QUEUE = 40, 100, 14
"""Statements of `offered` on a clue in verification, of its whole page, of a page of the queue."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """The statements that reach PostgreSQL within."""
    found: Counter[str] = Counter()

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        found[f"{statement} {parameters}"] += 1

    event.listen(db.engine(), "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine(), "before_cursor_execute", note)


def test_the_acts_of_a_clue_are_found_with_few_statements(desk: Desk) -> None:
    clue, lead = desk.clue(), desk.who(role="lead")
    told = {}
    for stage in ("to_determine", "verifying"):
        with db.reading() as session, counted() as found:
            row = session.get_one(Clue, clue)
            offers = offered(session, lead, row)
        told[stage] = found.total()
        assert len(offers) > 15
        assert found.most_common(1)[0][1] == 1, found.most_common(1)
        if stage == "to_determine":
            desk.p1(clue)
            desk.act(clue, "verify.start", officers=OFFICERS, started="2026-03-02")
    assert max(told.values()) <= OFFERS, told


def test_the_page_of_a_clue(cast: Cast) -> None:
    no, lead = registered(), cast["lead"]
    lead.get(f"/clues/{no}")
    with counted() as found:
        assert lead.get(f"/clues/{no}").status_code == 200
    assert found.total() <= PAGE, found.most_common(8)


def test_the_queue_asks_as_much_for_fifty_rows_as_for_one(cast: Cast) -> None:
    lead = cast["lead"]
    registered()
    told = []
    for _ in range(2):
        lead.get("/queue")
        with counted() as found:
            assert lead.get("/queue").status_code == 200
        told.append(found.total())
        for number in range(5):
            registered(phone=f"1390000{number:04d}")
    assert told[0] == told[1] <= QUEUE, told


def test_remembering_forgets_what_was_written_and_never_what_is_locked(desk: Desk) -> None:
    clue = desk.clue()
    wanted = select(Clue.importance).where(Clue.id == clue)
    with db.transaction() as session, db.remembering(session):
        row = session.get_one(Clue, clue)
        with counted() as found:
            assert [session.scalar(wanted) for _ in range(3)] == ["ordinary"] * 3
        assert found.total() == 1
        row.importance = "important"
        assert session.scalar(wanted) == "important", "a flush"
        session.execute(update(Clue).where(Clue.id == clue).values(importance="ordinary"))
        assert session.scalar(wanted) == "ordinary", "a statement"
        with counted() as found:
            for _ in range(2):
                session.scalars(select(Clue).where(Clue.id == clue).with_for_update()).all()
        assert found.total() == 2, "a lock is taken each time"
        with counted() as found:
            assert [session.scalar(wanted.where(Clue.no == no)) for no in ("x", desk_no(session, clue), "x")] == [
                None, "ordinary", None,
            ]  # fmt: skip
        assert found.total() == 3, "other values are another question"
    with db.reading() as session, counted() as found:
        assert [session.scalar(wanted) for _ in range(2)] == ["ordinary"] * 2
    assert found.total() == 2, "only within"


def desk_no(session: Session, clue: int) -> str:
    return session.scalars(select(Clue.no).where(Clue.id == clue)).one()
