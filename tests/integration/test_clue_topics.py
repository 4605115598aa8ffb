"""Topics on a clue: proposed with it, set by a person, kept from then on, found by their names (B8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, db, search
from hub.access import people
from hub.models import Clue, ClueUnit, IntakeClue, SuggestionRow, Unit, User, Value
from hub.supervision import queue, views
from hub.web import console
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


def test_the_queue_is_narrowed_to_a_topic(hub: Path) -> None:
    pond, solar = send(REPORT, 1), send("桃江县武潭镇红旗村，光伏公司没批就在山上装光伏板。", 2)
    work()
    with db.transaction() as session:
        me = clerk(session)
        clues = {number: session.scalars(select(Clue).join(IntakeClue).where(IntakeClue.intake_id == number)).one().id
                 for number in (pond, solar)}  # fmt: skip

        def shown(**asked: str) -> list[int]:
            rows, _ = queue.page(session, me, console.filters_of(asked))
            return [row.clue.id for row in rows]

        assert shown(topic="fish_pond") == [clues[pond]]
        assert shown(topic="solar") == [clues[solar]]
        assert shown(topic="villa") == []
        assert shown(topic="fish_pond", query="红旗村") == [clues[pond]]
        assert shown(topic="none such") == shown() == [clues[solar], clues[pond]]  # what is no topic narrows nothing
        assert "光伏风电用地" in console.filter_words(console.filters_of({"topic": "solar"}))
        kept = views.save(session, me, "光伏", console.filters_of({"topic": "solar"}))
        session.flush()
        (view,) = views.of(session, me)
        assert view.filters.topic == "solar"
        assert views.counts(session, me) == {kept.id: 1}
