"""What an intake is: a reason, an answer, a second person (PRODUCT §4)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access.people import Actor
from hub.models import Event, Intake, IntakeClue, KindProposal
from hub.terms import Role
from tests.integration.casework.conftest import SIBLING, Desk


def intake_of(clue: int) -> int:
    with db.reading() as session:
        return session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue)).one()


def say(who: Actor, intake: int, kind: str, reason: str = "咨询确权", answer: str = "") -> bool:
    """Whether it only was proposed."""
    with db.transaction() as session:
        row = session.get_one(Intake, intake)
        return casework.set_intake_kind(session, who, row, kind, reason, answer) is not None


def test_a_registered_clue_needs_a_second_person(desk: Desk) -> None:
    clue = desk.clue()
    intake, one, other = intake_of(clue), desk.who(role=Role.OPERATOR), desk.who(role=Role.OPERATOR, name="b")
    assert say(one, intake, "consultation")
    assert desk.state(clue) == "to_determine"
    with pytest.raises(casework.RefusedError, match="第二人"):
        say(one, intake, "consultation")
    assert desk.refused(clue, "close.not_a_clue", one, kind="consultation", reason="x").kind == "guard"
    assert desk.refused(clue, "close.not_a_clue", other, kind="invalid", reason="x").kind == "guard", "another kind"
    assert not say(other, intake, "consultation")
    row = desk.read(clue)
    assert (row.state, row.close_reason) == ("closed", "not_a_clue")
    assert desk.clock(clue, "determination").ended_as == "superseded"
    with db.reading() as session:
        assert session.get_one(Intake, intake).kind == "consultation"
        decided = session.scalars(select(KindProposal)).one()
        assert (decided.by_user, decided.decided_by) == (one.user_id, other.user_id)
        event = session.scalars(select(Event).where(Event.act == "close.not_a_clue")).one()
        assert event.data["article"] == "第十二条"
        assert "咨询确权" not in str(event.data)


def test_a_clue_after_all(desk: Desk) -> None:
    clue = desk.clue()
    intake, one, other = intake_of(clue), desk.who(), desk.who(name="b")
    say(one, intake, "invalid")
    say(other, intake, "clue", "")
    with db.reading() as session:
        assert session.scalars(select(KindProposal.decided_at)).one() is not None
        assert session.get_one(Intake, intake).kind == "clue"
    assert desk.state(clue) == "to_determine"
    assert say(other, intake, "invalid"), "a new proposal, again for two"


def test_what_is_refused(desk: Desk) -> None:
    clue = desk.clue()
    intake = intake_of(clue)
    with db.transaction() as session:
        session.get_one(Intake, intake).channel = "letter"
    for who, kind, reason, answer, wanted in (
        (desk.who(), "spam", "x", "y", "value"),
        (desk.who(), "invalid", "  ", "y", "missing"),
        (desk.who(), "suggestion", "x", "", "guard"),
        (desk.who(role=Role.AUDITOR), "suggestion", "x", "y", "role"),
        (desk.who(SIBLING), "suggestion", "x", "y", "unit"),
    ):
        with pytest.raises(casework.RefusedError) as error:
            say(who, intake, kind, reason, answer)
        assert error.value.kind == wanted
    desk.p1(clue)
    assert say(desk.who(), intake, "suggestion", "x", "已复函")
    with pytest.raises(casework.RefusedError) as error:
        say(desk.who(name="b"), intake, "suggestion", "x", "已复函")
    assert error.value.kind == "state", "after the determination it is corrected, not renamed"
    with db.reading() as session:
        assert session.get_one(Intake, intake).kind is None, "nothing half done"
