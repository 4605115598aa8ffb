"""The pages of retention and misuse: two people, holds, a reporter's own data after a reveal, an appeal to a third."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.app import create_app
from hub.casework import disposal, protection
from hub.models import Clue, Event, MisuseMark, Reveal
from hub.terms import Role
from tests.integration import test_retention
from tests.integration.browsers import Page
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, SIBLING, Desk

desk, closed = conftest.desk, test_retention.closed
NAME = test_retention.NAME


class Cast(dict[str, Page]):
    """Leads by name, and the superior unit's supervisor, each signed in."""

    def __init__(self, desk: Desk) -> None:
        app = create_app()
        super().__init__({name: Page(app, desk.who(role=Role.LEAD, name=name)) for name in "abc"})
        self["above"] = Page(app, desk.who(CITY, Role.SUPERVISOR))
        self["beside"] = Page(app, desk.who(SIBLING, Role.LEAD))


@pytest.fixture
def cast(desk: Desk) -> Cast:
    return Cast(desk)


def acts(clue: int) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Event.act).where(Event.object == f"clue:{clue}").order_by(Event.seq)))


def test_one_proposes_and_another_disposes(desk: Desk, cast: Cast, closed: int) -> None:
    no = desk.read(closed).no
    page = cast["a"].client.get("/retention").text
    assert no in page
    assert "期满" in page
    assert cast["a"].post("/retention/propose", no=no).status_code == 303
    assert "同意处置" not in cast["a"].client.get("/retention").text, "not the same person"
    again = cast["a"].post("/retention/propose", no=no)
    assert (again.status_code, "已提出处置" in again.text) == (422, True)
    assert cast["a"].post("/retention/1/decide", agree="1").status_code == 422
    assert no not in cast["beside"].client.get("/retention").text
    assert cast["beside"].post("/retention/1/decide", agree="1").status_code == 422
    assert "同意处置" in cast["above"].client.get("/retention").text
    assert cast["b"].post("/retention/1/decide", agree="1").status_code == 303
    assert "disposal_done" in acts(closed)
    after = cast["a"].client.get("/retention").text
    assert "已处置" in after
    assert f"/clues/{no}" not in after


def test_a_hold_stops_it_until_it_is_lifted(desk: Desk, cast: Cast, closed: int) -> None:
    no = desk.read(closed).no
    assert cast["a"].post("/retention/hold", no=no, reason=" ").status_code == 422
    assert cast["a"].post("/retention/hold", no=no, reason="行政诉讼").status_code == 303
    page = cast["b"].client.get("/retention").text
    assert "暂缓处置</span>" in page
    assert "提出处置</button>" not in page
    refused = cast["b"].post("/retention/propose", no=no)
    assert (refused.status_code, "暂缓" in refused.text) == (422, True)
    assert cast["b"].post("/retention/lift", no=no).status_code == 303
    assert "提出处置</button>" in cast["b"].client.get("/retention").text
    assert cast["b"].post("/retention/hold", no="430922-1", reason="x").status_code == 422


def test_a_unit_above_neither_holds_nor_marks(desk: Desk, closed: int) -> None:
    above = desk.who(CITY, Role.LEAD)
    with db.transaction() as session:
        clue = session.get_one(Clue, closed)
        for act in (
            lambda: disposal.hold(session, above, clue, "诉讼"), lambda: disposal.lift(session, above, clue),
            lambda: protection.mark(session, above, clue, 1, "多次捏造事实"),
        ):  # fmt: skip
            with pytest.raises(casework.RefusedError, match="承办单位"):
                act()


def test_what_is_held_of_a_reporter_is_a_reveal(desk: Desk, cast: Cast, closed: int) -> None:
    no = desk.read(closed).no
    short = cast["a"].post("/retention/export", no=no, reason="")
    assert (short.status_code, NAME in short.text) == (422, False)
    told = cast["a"].post("/retention/export", no=no, reason="本人持身份证到场申请")
    assert told.status_code == 200, told.text
    assert told.json["reporters"][0]["name"] == NAME
    assert told.headers["Cache-Control"] == "no-store"
    assert acts(closed)[-2:] == ["reveal", "subject_export"]
    with db.reading() as session:
        assert session.scalars(select(Reveal.state)).all() == ["shown"]
    assert cast["above"].post("/retention/export", no=no, reason="本人到场申请").status_code == 404


def test_a_mark_goes_through_three_people(desk: Desk, cast: Cast) -> None:
    clue = desk.clue()
    no = desk.read(clue).no
    wrong = cast["a"].post("/misuse", no=no, which="2", reason="多次捏造事实")
    assert (wrong.status_code, "多次捏造事实" in wrong.text) == (422, True), "what was typed stays"
    assert cast["a"].post("/misuse", no=no, which="1", reason="多次捏造事实").status_code == 303
    assert "多次捏造事实" not in cast["beside"].client.get("/misuse").text
    assert cast["beside"].post("/misuse/1/confirm", agree="1").status_code == 422
    assert cast["a"].post("/misuse/1/confirm", agree="1").status_code == 422
    assert cast["b"].post("/misuse/1/confirm", agree="1").status_code == 303
    assert cast["beside"].post("/misuse/1/appeal", words="所反映属实").status_code == 422
    assert cast["a"].post("/misuse/1/appeal", words="短").status_code == 422
    assert cast["a"].post("/misuse/1/appeal", words="所反映属实").status_code == 303
    assert cast["b"].post("/misuse/1/appeal/decide", lift="1").status_code == 422
    assert "申诉：所反映属实" in cast["c"].client.get("/misuse").text
    assert cast["c"].post("/misuse/1/appeal/decide", lift="1").status_code == 303
    with db.reading() as session:
        assert session.scalars(select(MisuseMark.state)).one() == "lifted"
    assert [act for act in acts(clue) if act.startswith("misuse")] == [
        "misuse_proposed", "misuse_confirmed", "misuse_appealed", "misuse_lifted",
    ]  # fmt: skip


@pytest.mark.parametrize("role", [Role.HANDLER, Role.AUDITOR, Role.SYSADMIN, Role.OPERATOR])
def test_others_find_no_such_pages(desk: Desk, role: str) -> None:
    page = Page(create_app(), desk.who(role=role))
    assert page.client.get("/retention").status_code == 404
    assert page.client.get("/misuse").status_code == 404
