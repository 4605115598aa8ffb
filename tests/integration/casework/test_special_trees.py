"""The same story where the tree is not province, city, county (PRODUCT §5 Units)."""

from __future__ import annotations

from sqlalchemy import select

from hub import casework, db
from hub.jurisdiction import units
from hub.models import Clue, Hop, LocalSwitch, Unit
from hub.terms import Role
from tests.integration.casework.conftest import OFFICERS, Desk
from tests.integration.casework.test_races import check_history
from tests.integration.casework.test_table import check_rows

TREES = [
    # holder, the other unit concerned, who settles it, who is designated, who assists
    ("429004", "420102", "420000", "420102", "429004"),  # a county directly under its province, and a city's district
    ("110105", "110108", "110000", "110108", "110105"),  # two districts of a municipality: nothing in between
    ("659001", "650102", "650000", "659001", "650102"),  # a city of the Corps and a district of the autonomous region
    ("441900", "440304", "440000", "441900", "440304"),  # a city without districts holds its clues itself
    ("430922", "420102", "000000", "420102", "430922"),  # two provinces: the ministry
    ("500101", "510104", "000000", "510104", "500101"),  # a municipality's district and a province
]


def holder(clue: int) -> str:
    with db.reading() as session:
        return session.get_one(Unit, session.get_one(Clue, clue).owner_unit_id).code


def test_from_report_to_close_on_every_tree(desk: Desk) -> None:
    for start, other, top, main, helper in TREES:
        desk.go("2026-03-02T09:00")
        clue = desk.clue(start)
        desk.act(clue, "escalate", desk.who(start), reason="crosses", units=[other])
        while holder(clue) != top:
            lead = desk.who(holder(clue), Role.LEAD)
            given = {"unit": main, "issued": "2026-03-02"}
            assert desk.refused(clue, "designate", lead, **given).name in ("common_superior", "unit_in_subtree")
            desk.act(clue, "refer_on", lead, reason="crosses")
        chief = desk.who(top, Role.SUPERVISOR)
        desk.act(clue, "designate", chief, unit=main, issued="2026-03-02", assisting=[helper])
        desk.act(clue, "object", desk.who(main), reason_text="主要地块在对方")
        desk.act(clue, "objection.dismiss", chief, reason_text="维持")
        desk.p1(clue, desk.who(main), place=main)
        desk.act(clue, "verify.start", desk.who(main), officers=OFFICERS, started="2026-03-02")
        desk.act(clue, "verify.record", desk.who(helper), visited="2026-03-02")
        desk.act(clue, "verify.end", desk.who(main), result="R1", ended="2026-03-02")
        desk.tell(clue)
        assert (desk.state(clue), holder(clue)) == ("closed", main)
        check_history(clue)
        check_rows(clue)


def test_hops_follow_the_existing_units_only(desk: Desk) -> None:
    for start, above in (("429004", "420000"), ("110105", "110000"), ("659001", "650000"), ("441900", "440000")):
        clue = desk.clue(start)
        desk.act(clue, "escalate", desk.who(start), reason="unclear")
        assert holder(clue) == above
        with db.reading() as session:
            hop = session.scalars(select(Hop).where(Hop.clue_id == clue)).one()
            assert session.get_one(Unit, hop.to_unit_id).code == above


def test_a_city_that_handles_directly_and_its_transfers(desk: Desk) -> None:
    """Its clues of every county are its own, also those that go to another department and come back."""
    with db.transaction() as session:
        city = units.by_code(session, "430900")
        assert city is not None
        people = [desk.who("430900", Role.LEAD), desk.who("430900", Role.SUPERVISOR)]
        made = casework.propose_switch(
            session, people[0], city.code, "direct", value=True, since=desk.now.date(), reason="市政府决定"
        )
        casework.confirm_switch(session, people[1], made.id)
        assert session.scalars(select(LocalSwitch.name)).all() == ["direct"]
    clue = desk.clue("430922")
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.confirm(session, desk.who("430922"), row, "place", {"code": "430922", "name": "桃江县"})
    desk.act(clue, "hand_down", desk.who("430922"), unit="430900")
    desk.act(clue, "transfer", desk.who("430900"), department="农业农村主管部门", stage="verify")
    desk.go("2026-03-10T09:00")
    with db.transaction() as session:
        casework.sweep(session)
    assert (desk.state(clue), holder(clue)) == ("to_determine", "430900")
    desk.p1(clue, desk.who("430900"), place="430922")
    assert desk.clock(clue, "determination").due.isoformat() == "2026-03-11"
    check_history(clue)
    check_rows(clue)
