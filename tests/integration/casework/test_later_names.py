"""Who becomes known later is hidden in what was made before: the summary of the lists, the title, the text."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access.sealing import open_key
from hub.casework import values
from hub.models import Clue, Reporter
from hub.supervision import case, listing
from tests.integration.casework.conftest import Desk

NAME, OTHER = "欧阳震南", "司马承泽"
TEXT = f"红旗村村民{NAME}和{OTHER}家旁边，鑫隆公司占用耕地八亩建厂房，{NAME}去问过三次，没有结果。"


def summary(clue: int) -> str:
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        return open_key(session, row.key_id).text(row.summary, "clue.summary")


def shown(clue: int) -> str:
    """All that somebody who may not see identity meets of its words."""
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        return f"{summary(clue)}\n{case.title_of(session, row, original=False)}\n{listing.masked_text(session, row)}"


@pytest.fixture
def clue(desk: Desk) -> int:
    """Read by the machine while only a telephone was known; its summary, title and text hold names."""
    number = desk.clue(reporter={"phone": "13800001234"})
    with db.transaction() as session:
        row = session.get_one(Clue, number)
        key = open_key(session, row.key_id)
        row.title, row.enriched = key.seal(f"{NAME}、{OTHER}反映占地", "clue.title"), True
        row.summary = key.seal(TEXT[:40] + NAME[:2], "clue.summary")
    assert NAME in shown(number)
    assert OTHER in shown(number)
    return number


def test_a_reporter_who_joins_is_hidden_at_once(desk: Desk, clue: int) -> None:
    with db.transaction() as session:
        casework.join_reporter(session, desk.who(), session.get_one(Clue, clue), {"name": NAME, "phone": "13912345678"})
    assert NAME not in shown(clue)
    assert not summary(clue).endswith(NAME[:2]), "nor the beginning of a name at the end"
    assert OTHER in shown(clue)


def test_what_is_learned_of_a_known_reporter_is_hidden_at_once(desk: Desk, clue: int) -> None:
    """The same telephone is the same reporter, whose name was not known."""
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        same = {"name": NAME, "phone": "13800001234"}
        assert casework.join_reporter(session, desk.who(), row, same) == 1
    assert NAME not in shown(clue)
    assert OTHER in shown(clue)


def test_a_name_that_a_person_corrects_is_hidden_at_once(desk: Desk, clue: int) -> None:
    with db.transaction() as session:
        values.confirm(session, desk.who(), session.get_one(Clue, clue), "reporter_name", OTHER)
    assert OTHER not in shown(clue)
    assert NAME in shown(clue), "only who is named"
    with db.transaction() as session:
        values.confirm(session, desk.who(), session.get_one(Clue, clue), "reporter_name", {"name": NAME})
    assert NAME not in shown(clue)


def test_another_name_from_the_same_telephone_is_kept_and_hidden(desk: Desk, clue: int) -> None:
    """Who answers may be the husband or the wife: neither name is lost, neither stands open."""
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        for name in (NAME, OTHER, OTHER):
            assert casework.join_reporter(session, desk.who(), row, {"name": name, "phone": "13800001234"}) == 1
    assert NAME not in shown(clue)
    assert OTHER not in shown(clue)
    with db.reading() as session:
        reporter = session.scalars(select(Reporter)).one()
        told = open_key(session, reporter.key_id).json(reporter.identity, "reporter.identity")
    assert (told["name"], told["also"]) == (NAME, OTHER)
