"""Where two parts meet: quarantine and listing, search, bounces; confirmed names and walls; photos and suggestions."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from channels.contract import Blob, DeliveryReport, PartKind
from hub import casework, db, notify, search
from hub.access import people, staff
from hub.access.people import Actor
from hub.casework import transfers
from hub.enrich import passages, run, transcribe
from hub.jurisdiction import units
from hub.models import Clue, Event, HandOver, Intake, Notice, NoticeTask, Part, SuggestionRow, Wall, Work
from hub.notify.sending import key_of
from hub.supervision import listing, visits
from hub.terms import SITE_PHOTOS, Role
from hub.worker import drain
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, Desk
from tests.integration.casework.test_walls import first_intake, received, wall_states
from tests.integration.notify.conftest import County, clerk, county
from tests.integration.test_tasks_pages import CODE, Cast, Person, call, cast
from transcription.contract import Segment, Transcript

SECRET = "红旗村后山的设施涉密，有人在里面挖沙。"


@pytest.fixture
def desk(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    del hub
    return Desk(monkeypatch)


def shredded(desk: Desk) -> int:
    clue, lead = received(desk, SECRET), desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", lead, ground="N4")
    desk.act(clue, "quarantine.hand_over", lead, number="保移1号", receiver="市国家安全局")
    return clue


def test_an_n4_clue_is_a_number_in_the_listing(desk: Desk) -> None:
    gone, open_ = shredded(desk), received(desk, "红旗村有人挖沙。")
    sealed = received(desk, SECRET)
    desk.act(sealed, "determine.P3", desk.who(COUNTY, Role.LEAD), ground="N4")
    with db.reading() as session:
        rows = {row["no"]: row for row in listing.rows(session, with_text=True)}
    for clue in (gone, sealed):
        row = rows[desk.read(clue).no]
        assert (row["text"], row["place"], row["class"], row["division"]) == (None, None, None, None)
        assert row["state"] == "closed"
    assert rows[desk.read(open_).no]["text"] is not None
    assert SECRET[:6] not in str(rows)


def hits(desk: Desk, words: str) -> int:
    who = desk.who(COUNTY, Role.LEAD)
    with db.reading() as session:
        return len(search.find(session, who.unit_id, words, seen=people.visible(who)))


def test_a_lifted_quarantine_is_found_and_read_again(desk: Desk) -> None:
    clue, lead = received(desk, SECRET), desk.who(COUNTY, Role.LEAD)
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.confirm(session, desk.who(), row, "respondent", {"name": "鑫隆砂石公司"})
        casework.confirm(session, desk.who(), row, "phone", "13800001234")
        part = session.scalars(select(Part.id).where(Part.clue_id == clue)).one()
        said = (Segment(text="夜里三点", confidence=0.9, order=0), Segment(text="开始挖掘", confidence=0.9, order=1))
        transcribe.store(session, part, Transcript(kind="speech", engine="t", model="", segments=said, settings={}))
    wanted = {"后山": 1, "鑫隆砂石": 1, "夜里三点": 1, "开始挖掘": 1, "13800001234": 0, "经核不涉密": 0}
    before = {words: hits(desk, words) for words in wanted}
    assert before == wanted
    desk.act(clue, "determine.P3", lead, ground="N4")
    assert {hits(desk, words) for words in wanted} == {0}
    with db.transaction() as session:
        session.execute(delete(Work))
    desk.act(clue, "quarantine.release", lead, reason_text="经核不涉密")
    assert {words: hits(desk, words) for words in wanted} == wanted | {"经核不涉密": 1}
    with db.reading() as session:
        assert session.scalars(select(Work.handler)).all() == ["enrich"], "suggestions are made again"


def test_a_confirmed_respondent_of_the_same_name_is_held_off(desk: Desk) -> None:
    clue, other = desk.clue(), desk.clue()
    with db.transaction() as session:
        row = units.by_code(session, COUNTY)
        assert row is not None
        named = staff.add(session, "ljj", "刘建军", "a long password", COUNTY, [Role.HANDLER])
        session.flush()
        person = people.actor(session, named.id)
    assert person is not None
    with db.transaction() as session:
        casework.confirm(session, desk.who(), session.get_one(Clue, other), "organisation", "刘建军")
        made = session.get_one(Clue, clue)
        casework.confirm(session, desk.who(), made, "respondent", {"name": "刘建军", "kind": "natural"})
        assert made.version == session.get_one(Clue, clue).version
    assert (wall_states(clue), wall_states(other)) == ([("named", "held")], [])
    with db.reading() as session:
        assert people.find(session, person, desk.read(clue).no) is None
        assert people.find(session, desk.who(), desk.read(clue).no) is not None
    desk.act(clue, "recuse.release", desk.who(COUNTY, Role.LEAD), person=person.user_id, reason_text="同名不同人")
    with db.transaction() as session:
        casework.confirm(session, desk.who(), session.get_one(Clue, clue), "respondent", "刘建军")
    assert wall_states(clue) == [("named", "released")], "what a person decided stays decided"


def test_what_the_sweep_takes_back_recalls_what_was_not_sent(desk: Desk) -> None:
    clue = desk.clue()
    desk.act(clue, "transfer", department="农业农村主管部门", stage="verify")
    desk.go("2026-03-10T00:00")
    with db.transaction() as session:
        casework.sweep(session)
    assert desk.state(clue) == "to_determine"
    with db.reading() as session:
        notices = session.scalars(select(Notice).where(Notice.clue_id == clue).order_by(Notice.id)).all()
        found = [(row.kind, row.state) for row in notices]
        assert found == [("accepted", "recalled")], "no correction of what went to nobody"
        event = session.scalars(select(Event).where(Event.act == "notice_recalled")).one()
        assert event.actor == "system"
        tasks = session.scalars(select(NoticeTask).where(NoticeTask.notice_id == notices[0].id)).all()
        assert all((row.state, row.by_user) == ("recalled", None) for row in tasks)
        assert transfers.last_transfer(session, session.get_one(Clue, clue)).state == "back"  # type: ignore[union-attr]


def test_the_ministry_stays_and_its_officers_are_held_off(desk: Desk) -> None:
    """No superior above it could decide; who of its people is named or accused sees nothing."""
    with db.transaction() as session:
        boss = staff.add(session, "wdl", "王德林", "a long password", MINISTRY, [Role.SUPERVISOR])
        session.flush()
        named = people.actor(session, boss.id)
    assert named is not None
    ministry = received(desk, "自然资源部收了老板的钱，一直包庇他们。")
    officer = received(desk, "桃江县有人占地。王德林收了老板的好处费。")
    seen = desk.who(MINISTRY, Role.SUPERVISOR)
    with db.reading() as session:
        found = {
            (who.name, clue): people.find(session, who, session.get_one(Clue, clue).no) is not None
            for who in (named, seen)
            for clue in (ministry, officer)
        }
        rows = session.execute(select(Wall.reason, Wall.user_id).where(Wall.clue_id == officer)).all()
    assert found[seen.name, ministry]
    assert found[seen.name, officer]
    assert found[named.name, ministry]
    assert not found[named.name, officer]
    assert [tuple(row) for row in rows] == [("named", named.user_id)]


def test_photos_of_a_visit_are_no_report(desk: Desk) -> None:
    clue = desk.clue()
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(picture, "PNG")
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        visits.keep_photos(session, desk.who(), row, [Blob("a.png", "image/png", picture.getvalue())])
        part = session.scalars(select(Part).where(Part.clue_id == clue, Part.kind == PartKind.SCAN)).one()
        said = (Segment(text="桃江县国土局收了老板的钱，占地88亩", confidence=0.99, order=0),)
        transcribe.store(session, part.id, Transcript(kind="scan", engine="t", model="", segments=said, settings={}))
        intake = session.get_one(Intake, part.intake_id)
        assert (intake.source_id, intake.kind) == (SITE_PHOTOS, "other")
    with db.reading() as session:
        row = session.get_one(Clue, clue)
        assert passages.of_clue(session, row) == []
        assert not run._has_evidence(session, clue), "the reporter sent none"
        assert "88" not in listing.masked_text(session, row)
    drain("text")
    assert wall_states(clue) == []
    with db.reading() as session:
        fields = session.scalars(select(SuggestionRow.field).where(SuggestionRow.clue_id == clue)).all()
        assert "area" not in fields
    assert hits(desk, "88亩") == 1, "it is evidence, and found as such"


def test_a_bounce_after_shredding_ends(county: County, clerk: Actor) -> None:
    county.mailbox()
    clue_id = county.mail()
    with db.transaction() as session:
        lead = staff.add(session, "lead", "负责人", "a long password", COUNTY, [Role.LEAD])
        session.flush()
        boss = people.actor(session, lead.id)
        assert boss is not None
        casework.apply(session, boss, session.get_one(Clue, clue_id), "determine.P3", {"ground": "N4"})
    county.work(2)
    with db.transaction() as session:
        clue = session.get_one(Clue, clue_id)
        assert clue.state == "closed"
        given = {"number": "保移1号", "receiver": "市国家安全局"}
        casework.apply(session, boss, clue, "quarantine.hand_over", given)
        assert session.scalars(select(HandOver.shredded_at)).one() is not None
    (notice,) = county.kind_of(clue_id, "out_of_scope")
    report = DeliveryReport(key_of(notice.id, "email"), "failed", permanent=True, detail="5.1.1")
    with db.transaction() as session:
        assert notify.note_report(session, report) == 1
    county.work(3)
    assert county.notice(notice.id).state == "undelivered"
    assert county.left() == [], "nothing waits, nothing is dead"
    with db.reading() as session:
        assert session.get_one(Clue, clue_id).state == "closed"


def test_told_over_the_interface_needs_the_same_proof(county: County, cast: Cast, call: NoticeTask) -> None:
    operator, path = cast["operator"], f"/api/v1/tasks/{call.id}"

    def post(who: Person, end: str, **body: Any) -> TestResponse:
        return who.client.post(f"{path}/{end}", json=body, headers={"X-CSRF-Token": who.csrf})

    for proof in ("", "99999999999.00", "x"):
        assert post(operator, "outcome", outcome="told", proof=proof).status_code == 422, proof
    assert post(operator, "proof", query_code="WXYZ-WXYZ-WXYZ").status_code == 422
    shown = post(operator, "proof", query_code=CODE)
    assert shown.status_code == 200
    given = shown.json["proof"] if shown.json else ""
    assert post(cast["lead"], "outcome", outcome="told", proof=given).status_code == 422, "another's proof"
    assert county.notice(call.notice_id).state == "queued"
    assert post(operator, "outcome", outcome="told", proof=given).status_code == 200
    assert county.notice(call.notice_id).state == "told"
