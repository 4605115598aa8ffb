"""Topics on a clue: proposed with it, set by a person, kept from then on, found by their names (B8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, db, search
from hub.access import people
from hub.models import Clue, ClueUnit, SuggestionRow, Unit, User, Value
from tests.integration.test_provenance import UNIT, clerk, send, work

REPORT = "湖南省益阳市桃江县武潭镇红旗村，有人在基本农田里挖鱼塘15亩。"


def the_clue(session: Session) -> Clue:
    return session.scalars(select(Clue)).one()


def test_a_person_sets_the_topics_and_a_later_run_leaves_them(hub: Path) -> None:
    send(REPORT)
    work()
    with db.transaction() as session:
        clue = the_clue(session)
        assert clue.topics == ["basic_farmland", "fish_pond"]
        assert not clue.topics_confirmed
        row = session.scalars(select(SuggestionRow).where(SuggestionRow.field == "topics")).one()
        value = casework.suggested(session, clue, "topics", row.id)
        casework.confirm(session, clerk(session), clue, "topics", value, suggestion_id=row.id)
    with db.transaction() as session:
        clue = the_clue(session)
        assert (clue.topics, clue.topics_confirmed) == (["basic_farmland", "fish_pond"], True)
        typed = casework.typed("topics", "solar, villa,solar")
        assert typed == [{"code": "solar", "name": "光伏风电用地"}, {"code": "villa", "name": "违建别墅"}]
        casework.confirm(session, who(session), clue, "topics", typed)
        casework.reenrich(session, clue)
    work()
    with db.reading() as session:
        clue = the_clue(session)
        assert clue.topics == ["solar", "villa"]
        assert len(session.scalars(select(Value).where(Value.field == "topics")).all()) == 2
        unit = session.scalars(select(Unit).where(Unit.code == UNIT)).one().id
        rows = select(ClueUnit).where(ClueUnit.unit_id == unit)
        assert [row.clue_id for row in search.clues(session, rows, unit, "光伏风电")] == [clue.id]


def who(session: Session) -> people.Actor:
    user = session.scalars(select(User).where(User.login == "clerk")).one()
    found = people.actor(session, user.id)
    assert found is not None
    return found


@pytest.mark.parametrize("text", ["none", "solar,none", "", ",", "光伏风电用地"])
def test_topics_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(casework.RefusedError, match="主题"):
        casework.typed("topics", text)
