"""The cases of cases.csv once more, through casework on PostgreSQL: their facts stand in the database, not the call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub import casework, clock, db
from hub.access import sealing
from hub.models import Clock
from tests.law import orders
from tests.law.arranged import IMPOSSIBLE, Case
from tests.law.cases import ROWS

ELSEWHERE = {"register": "clues are opened, not acted on", "due": "pure", "set_kind.clue": "test_kinds",
             "set_kind.other": "test_kinds", **orders.ELSEWHERE}  # fmt: skip
CASES = [row for row in ROWS if row["act"] not in ELSEWHERE and row["id"] not in {"p5-switch-off", *orders.IMPOSSIBLE}]


@pytest.fixture(scope="module")
def base(servers: tuple[str, str], seeded: tuple[str, Path]) -> Iterator[None]:
    """The template database, read and rolled back: no case leaves anything."""
    from hub.settings import export

    export(DATABASE_URL=servers[0], HUB_KEY_FILE=str(seeded[1]), REDIS_URL=servers[1])
    sealing.forget_keys()
    db.connect(servers[0])
    yield
    db.engine().dispose()
    db.forget()


def test_which_cases_run_here() -> None:
    assert len(CASES) > 200
    assert {row["act"] for row in ROWS} - {row["act"] for row in CASES} == set(ELSEWHERE)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["id"])
def test_case_on_postgresql(base: None, monkeypatch: pytest.MonkeyPatch, row: dict[str, str]) -> None:
    with Session(db.engine(), expire_on_commit=False) as session:
        try:
            run(session, row, monkeypatch)
        finally:
            session.rollback()


def run(session: Session, row: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(session, row)
    monkeypatch.setattr(clock, "now", lambda: case.now)
    monkeypatch.setattr(clock, "real", lambda: case.now)
    if row["id"] in IMPOSSIBLE:
        with pytest.raises(IntegrityError):
            case.arrange()
        return
    case.arrange()
    who = case.person()
    case.second(who)
    if row["result"] == "refused":
        with pytest.raises(casework.RefusedError) as error:
            casework.apply(session, who, case.clue, row["act"], case.data)
        kind, _, name = row["why"].partition(":")
        assert (error.value.kind, error.value.name, error.value.article) == (kind, name, row["article"])
        return
    done = casework.apply(session, who, case.clue, row["act"], case.data)
    wanted = "verifying" if row["result"] == "restored" and done.clue.determination else row["result"]
    wanted = "to_determine" if wanted == "restored" else wanted
    assert done.clue.state in ((wanted, "closed") if wanted == "to_tell" else (wanted,))
    if row["base"]:
        rows = session.scalars(select(Clock).where(Clock.clue_id == case.clue.id).order_by(Clock.id)).all()
        assert row["why"] in {one.due.isoformat() for one in rows if one.rule == row["act"] or one.stopped_at is None}
