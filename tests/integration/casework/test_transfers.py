"""Another department (Art. 20): inside the hub an owner like any other, outside slip, package, receipt and answer."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pypdfium2
import pytest
from sqlalchemy import select, text

from hub import casework, db
from hub.access import audit
from hub.access.people import find
from hub.casework import competence, transfers
from hub.casework.competence import NewEntry
from hub.jurisdiction import units
from hub.jurisdiction.units import NewUnit
from hub.models import Blob, Clue, Event, IntakeClue, Notice, Opinion, Transfer, Unit, User
from hub.notify import words
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, SIBLING, Desk, notices
from tests.integration.casework.test_races import check_history

WATER, FARM = f"{COUNTY}-sl", "农业农村主管部门"
OUT = {"department": FARM, "stage": "verify"}


def department(desk: Desk) -> str:
    """The county's water department works in the hub, and the map names it."""
    admin = desk.who(COUNTY, Role.SYSADMIN)
    with db.transaction() as session:
        new = NewUnit(WATER, "桃江县水利局", "county", "department")
        casework.set_up_unit(session, admin, new, COUNTY, date(2026, 3, 1))
        entry = NewEntry("桃江县水利局", "verify", "三定规定", date(2026, 3, 1), COUNTY, "K2", unit_code=WATER)
        casework.add_entry(session, admin, entry)
    return WATER


def transfer_of(clue: int) -> Transfer:
    with db.reading() as session:
        row = session.scalars(select(Transfer).where(Transfer.clue_id == clue).order_by(Transfer.id.desc())).first()
        session.expunge_all()
    assert row is not None
    return row


def printed(desk: Desk, clue: int, part: str) -> str:
    with db.transaction() as session:
        name, data = transfers.document(session, desk.who(), transfer_of(clue).id, part)
    assert name.endswith(f"{part}.pdf")
    pages = pypdfium2.PdfDocument(io.BytesIO(data))
    return "".join(page.get_textpage().get_text_bounded() for page in pages).replace("\r\n", "").replace("\n", "")


def told(clue: int) -> list[str]:
    with db.reading() as session:
        return [words.text_of(session, row) for row in notices(session, clue)]


def test_out_receipt_answer_told_closed(desk: Desk) -> None:
    clue = desk.clue()
    desk.go("2026-03-04T10:00")
    desk.act(clue, "transfer", words="地块为宅基地，举报人张三称", **OUT)
    assert (desk.state(clue), desk.read(clue).department) == ("transferred", FARM)
    (notice,) = told(clue)
    assert FARM in notice
    assert desk.clock(clue, "determination").due.isoformat() == "2026-03-11", "the reporter is told in the same 7 days"
    receipt = desk.clock(clue, "transfer")
    assert (receipt.base, receipt.due, receipt.article) == (date(2026, 3, 4), date(2026, 3, 11), "内部规则")
    desk.go("2026-03-05T10:00")
    desk.tell(clue)
    assert (desk.clock(clue, "determination").ended_as, desk.state(clue)) == ("told", "transferred")
    assert desk.refused(clue, "transfer.receipt", receipt_no="收到;drop").name == "receipt_no"
    desk.act(clue, "transfer.receipt", desk.who(role=Role.MAILROOM), receipt_no="桃农函〔2026〕5号")
    assert desk.clock(clue, "transfer").ended_as == "done"
    assert desk.refused(clue, "transfer.receipt", receipt_no="6号").name == "no_receipt_yet"
    desk.go("2026-03-16T10:00")
    with db.transaction() as session:
        casework.sweep(session)
    assert desk.state(clue) == "transferred", "after the receipt the department answers"
    desk.act(clue, "transfer.result", result="R1", answer_no="桃农函〔2026〕9号", words="已立案")
    result = desk.clock(clue, "result")
    assert (desk.state(clue), result.due.isoformat()) == ("to_tell", "2026-03-23")
    assert desk.refused(clue, "close.violation").name == "determination"
    assert desk.refused(clue, "close.transferred").name == "all_told"
    desk.tell(clue)
    assert (desk.state(clue), desk.read(clue).close_reason) == ("closed", "transferred")
    assert [row.late for row in desk.clocks(clue)] == [False, False, False]
    assert desk.kinds(clue) == ["accepted", "violation"]
    check_history(clue)
    with db.reading() as session:
        assert audit.verify(session).ok


def test_slip_and_package_name_no_reporter(desk: Desk) -> None:
    clue = desk.clue(reporter={"name": "欧阳修文", "phone": "13800001234", "address": "桃花江镇幸福路9号"})
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.confirm(session, desk.who(), row, "place", {"code": COUNTY, "name": "桃江县"})
        casework.confirm(session, desk.who(), row, "class", "T2")
        casework.confirm(session, desk.who(), row, "respondent", "欧阳修文的邻居王五")
        intake = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue)).one()
        session.add(Blob(intake_id=intake, ord=0, origin="raw", role="original", name=b"x", media_type="audio/wav",
                         size=3, sha256="ab" * 32, sealed=b"123", address=None))  # fmt: skip
    desk.act(clue, "transfer", words="欧阳修文（13800001234）住桃花江镇幸福路9号，说有人建房", **OUT)
    slip, package = printed(desk, clue, "slip"), printed(desk, clue, "package")
    number, row = desk.read(clue).no, transfer_of(clue)
    assert "线索转交单" in slip
    assert f"{number}-ZJ1" in slip
    assert "依法保密，不随附" in slip
    assert row.package_sha256 in slip.replace(" ", "")
    assert "湖南省益阳市桃江县" in package
    assert "违法占地" in package
    assert "邻居王五" in package
    assert "ab" * 32 in package.replace(" ", "")
    for secret in ("欧阳修文", "13800001234", "幸福路9号"):
        assert secret not in slip + package
    with db.reading() as session:
        events = session.scalars(select(Event).where(Event.object == f"clue:{clue}")).all()
        (sent,) = [event.data for event in events if event.act == "transfer"]
        assert (sent["slip"], sent["package"], sent["identity"]) == (row.slip_sha256, row.package_sha256, False)
        assert [event.data["part"] for event in events if event.act == "transfer_read"] == ["slip", "package"]
        assert "欧阳" not in str([event.data for event in events])
        assert not [event for event in events if event.act == "reveal_to_department"]


def test_identity_goes_along_only_by_consent(desk: Desk) -> None:
    clue = desk.clue(reporter={"name": "欧阳修文", "phone": "13800001234"})
    assert desk.refused(clue, "transfer", with_identity=True, **OUT).name == "consented"
    desk.act(clue, "transfer", with_identity=True, consent="3月2日电话同意", **OUT)
    assert "欧阳修文" in printed(desk, clue, "package")
    assert "经举报人同意" in printed(desk, clue, "slip")
    assert "欧阳修文" not in printed(desk, clue, "slip")
    with db.reading() as session:
        events = session.scalars(select(Event).where(Event.object == f"clue:{clue}").order_by(Event.seq)).all()
        acts = [event.act for event in events]
        assert acts.index("reveal_to_department") < acts.index("transfer")
        assert session.scalars(select(Opinion.name).where(Opinion.clue_id == clue).order_by(Opinion.name)).all() == [
            "consent", "department",
        ]  # fmt: skip


def test_long_words_run_over_pages(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "transfer", words="占用耕地建房。" * 600, **OUT)
    assert printed(desk, clue, "package").count("耕") == 600


def test_without_receipt_the_sweep_brings_it_back_with_the_old_base(desk: Desk) -> None:
    clue = desk.clue()
    before = desk.clock(clue, "determination")
    desk.act(clue, "transfer", **OUT)
    desk.tell(clue)
    desk.go("2026-03-09T23:59")
    with db.transaction() as session:
        casework.sweep(session)
    assert desk.state(clue) == "transferred", "the last day is not over"
    desk.go("2026-03-10T00:00")
    for _ in range(2):
        with db.transaction() as session:
            casework.sweep(session)
    row = desk.read(clue)
    assert (row.state, row.department, transfer_of(clue).state) == ("to_determine", None, "back")
    again = desk.clock(clue, "determination")
    assert (again.number, again.base, again.due, again.stopped_at) == (2, before.base, before.due, None)
    receipt = desk.clock(clue, "transfer")
    assert (receipt.ended_as, receipt.late) == ("superseded", True)
    assert desk.kinds(clue) == ["accepted", "correction"]
    with db.reading() as session:
        backs = session.scalars(select(Event).where(Event.object == f"clue:{clue}", Event.act == "transfer.back")).all()
        assert [event.actor for event in backs] == ["system"]
    desk.act(clue, "determine.P3", ground="N5")
    desk.go("2026-03-12T10:00")
    desk.tell(clue)
    last = desk.clock(clue, "determination")
    assert (desk.state(clue), last.ended_as, last.late) == ("closed", "told", True)
    check_history(clue)


def test_a_designated_clue_comes_back_as_designated(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "escalate", reason="crosses", units=[SIBLING])
    desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=SIBLING, issued="2026-03-02")
    there = desk.who(SIBLING)
    desk.act(clue, "transfer", there, **OUT)
    desk.go("2026-03-04T10:00")
    assert desk.refused(clue, "transfer.back", there).name == "reason_text"
    desk.act(clue, "transfer.back", there, reason_text="部门来函退回")
    assert desk.state(clue) == "designated"
    clock = desk.clock(clue, "after_designation")
    assert (clock.number, clock.stopped_at, clock.due.isoformat()) == (1, None, "2026-03-11"), "not told: it ran on"
    with db.reading() as session:
        states = session.scalars(select(Notice.state).where(Notice.clue_id == clue)).all()
        assert states == ["recalled"], "what was not sent yet is taken back"
    desk.act(clue, "transfer", there, **OUT)
    assert transfer_of(clue).number.endswith("-ZJ2")


def test_a_wrong_answer_is_corrected(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "transfer", **OUT)
    desk.act(clue, "transfer.result", result="R0", answer_no="9号")
    desk.tell(clue)
    assert desk.state(clue) == "closed"
    lead = desk.who(role=Role.LEAD)
    assert desk.refused(clue, "reopen.result", lead, reason_text="部门更正").name == "own_result"
    desk.act(clue, "reopen.transfer", lead, reason_text="部门更正")
    assert desk.state(clue) == "transferred"
    desk.go("2026-03-03T10:00")
    desk.act(clue, "transfer.result", result="R1", answer_no="10号")
    desk.tell(clue)
    assert (desk.state(clue), desk.read(clue).result) == ("closed", "R1")
    assert [row.number for row in desk.clocks(clue) if row.kind == "result"] == [1, 2]
    assert desk.kinds(clue) == ["accepted", "no_violation", "correction", "violation"]
    check_history(clue)


def test_only_departments_of_the_map(desk: Desk) -> None:
    clue = desk.clue()
    assert desk.refused(clue, "transfer", department="桃江县气象局", stage="verify").name == "competent"
    assert desk.refused(clue, "transfer", department=FARM, stage="discover").name == "competent"
    admin = desk.who(COUNTY, Role.SYSADMIN)
    new = NewEntry("桃江县林业局", "verify", "三定规定", date(2026, 3, 2), COUNTY)
    for who, entry, name in (
        (desk.who(), new, ""), (desk.who(SIBLING, Role.SYSADMIN), new, "division"),
        (admin, NewEntry("桃江县林业局", "verify", "三定规定", date(2026, 3, 2)), "division"),
        (admin, NewEntry("桃江县林业局", "verify", "三定规定", date(2026, 3, 2), "999999"), "division"),
        (admin, NewEntry("桃江县林业局", "see", "三定规定", date(2026, 3, 2), COUNTY), "stage"),
        (admin, NewEntry("林业", "verify", "三定规定", date(2026, 3, 2), COUNTY), "department"),
        (admin, NewEntry("桃江县林业局", "verify", " ", date(2026, 3, 2), COUNTY), "source"),
        (admin, NewEntry("桃江县林业局", "verify", "三定规定", date(2026, 3, 2), COUNTY, "N1"), "matter"),
        (admin, NewEntry("桃江县林业局", "verify", "三定规定", date(2026, 3, 2), COUNTY, unit_code=CITY), "unit_code"),
    ):  # fmt: skip
        with db.reading() as session, pytest.raises(casework.RefusedError) as error:
            casework.add_entry(session, who, entry)
        assert error.value.name == name
    with db.transaction() as session:
        row = casework.add_entry(session, admin, new).id
    desk.act(clue, "transfer", department="桃江县林业局", stage="verify")
    with db.transaction() as session:
        competence.end_entry(session, admin, row, date(2026, 3, 4))
    second = desk.clue()
    desk.go("2026-03-04T09:00")
    assert desk.refused(second, "transfer", department="桃江县林业局", stage="verify").name == "competent"
    with db.reading() as session:
        names = [entry.department for entry in casework.directory(session, COUNTY, "K2", "verify", date(2026, 3, 3))]
        assert names == ["桃江县林业局", "水行政主管部门"], "the smallest area first"
        with pytest.raises(casework.RefusedError):
            competence.end_entry(session, admin, row, date(2026, 3, 9))


def test_a_department_in_the_hub_is_an_owner_like_any_other(desk: Desk) -> None:
    department(desk)
    clue = desk.clue()
    before = desk.clock(clue, "determination")
    inside = {"unit": WATER, "stage": "verify"}
    assert desk.refused(clue, "transfer", department="桃江县水利局", stage="verify").name == "outside"
    assert desk.refused(clue, "transfer.inside", unit=SIBLING, stage="verify").name == "department_unit"
    assert desk.refused(clue, "transfer.inside", unit=WATER, stage="punish").name == "competent"
    assert desk.refused(clue, "hand_down", unit=WATER).name == "unit_takes", "no handing down to another department"
    desk.go("2026-03-04T10:00")
    desk.act(clue, "transfer.inside", **inside)
    there = desk.who(WATER)
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        assert session.get_one(Unit, row.owner_unit_id).code == WATER
        seen = {code: find(session, desk.who(code), row.no) is not None for code in (WATER, COUNTY, CITY, SIBLING)}
        assert seen == {WATER: True, COUNTY: True, CITY: True, SIBLING: False}
    after = desk.clock(clue, "determination")
    assert (after.id, after.due, desk.state(clue)) == (before.id, before.due, "to_determine")
    assert desk.refused(clue, "escalate", there, reason="unclear").name == "superior_above"
    desk.act(clue, "transfer.refuse", there, reason_text="河道外，不属水利")
    assert desk.refused(clue, "transfer.refuse", reason_text="x").name == "came_by_transfer"
    desk.act(clue, "transfer.inside", **inside)
    desk.act(clue, "determine.P1", there, place=COUNTY, **{"class": "K2"})
    desk.verified(clue, who=there)
    desk.tell(clue)
    assert (desk.state(clue), desk.read(clue).close_reason) == ("closed", "violation")
    held = desk.clock(clue, "determination").held
    assert held == {str(desk.who().unit_id): 2}, "the days are the county's: the department had it the same day"
    check_history(clue)


def test_numbers_keep_six_digits_for_units_beside(desk: Desk) -> None:
    department(desk)
    with db.transaction() as session:
        unit = units.by_code(session, WATER)
        assert unit is not None
        made = casework.open_clue(session, casework.Opening("phone", "01", "", unit.id, desk.now))
        assert made.no.startswith(f"{COUNTY}-20260302-01-")


def test_documents_open_for_the_transferring_unit_only(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "transfer", **OUT)
    with db.transaction() as session:
        for who, number, part in (
            (desk.who(SIBLING), transfer_of(clue).id, "slip"), (desk.who(MINISTRY), transfer_of(clue).id, "slip"),
            (desk.who(), 10**9, "slip"), (desk.who(), transfer_of(clue).id, "all"),
        ):  # fmt: skip
            with pytest.raises(casework.RefusedError, match="没有这份"):
                transfers.document(session, who, number, part)
        session.execute(text("update transfer set slip_sha256 = 'x'"))
        with pytest.raises(casework.RefusedError, match="校验值"):
            transfers.document(session, desk.who(), transfer_of(clue).id, "slip")
        session.rollback()


def test_an_anonymous_report_is_transferred_too(desk: Desk) -> None:
    clue = desk.clue(reporter={}, channel="media", number="06")
    desk.act(clue, "transfer", **OUT)
    assert desk.clock(clue, "determination").ended_as == "nobody", "nobody to tell: the decision stops the clock"
    desk.act(clue, "transfer.result", result="R0", answer_no="9号")
    assert desk.state(clue) == "closed"


def test_refused_by_the_rules_nothing_is_left_half_done(desk: Desk) -> None:
    clue = desk.clue()
    future = desk.now + timedelta(days=1)
    with pytest.raises(casework.RefusedError, match="不能晚于现在"):
        desk.act(clue, "transfer", when=future, **OUT)
    assert desk.refused(clue, "transfer", desk.who(SIBLING), **OUT).kind == "unit"
    assert desk.refused(clue, "transfer", words="x" * 10, unit=CITY, **OUT).kind == "value"
    with db.reading() as session:
        assert session.scalars(select(Transfer.id)).all() == []
        assert session.scalars(select(User.id)).first() is not None
