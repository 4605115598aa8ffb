"""Corners of casework that no ordinary life of a clue walks through: each a rule of its own, each refused in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import casework, db, notify
from hub.access import people, sealing
from hub.casework import (
    dossier,
    following,
    linking,
    major,
    reorganising,
    reporters,
    transfers,
)
from hub.jurisdiction import units
from hub.models import Clue, ClueCounter, ClueReporter, Event, Grant, Intake, QueryCode, StopOrder, Unit, Wall
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, OFFICERS, PROVINCE, SIBLING, Desk, notices
from tests.integration.casework.test_calendars import CHANGE
from tests.integration.casework.test_following import ORDER, orders
from tests.integration.casework.test_transfers import OUT, transfer_of

UP = {"reason": "crosses", "reason_text": "跨两县"}


def no(error: casework.RefusedError) -> tuple[str, str]:
    return error.kind, error.name


def refuses(words: str, do: Callable[[Any], object]) -> None:
    """The call is refused in these words and leaves nothing."""
    with pytest.raises(casework.RefusedError, match=words), db.transaction() as session:
        do(session)


def test_a_moment_without_zone_is_no_moment(desk: Desk) -> None:
    """D12: two times per event, and both are moments; 9 o'clock of nowhere is refused."""
    clue = desk.clue()
    with pytest.raises(casework.RefusedError, match="时区") as error:
        desk.act(clue, "determine.P3", when=desk.now.replace(tzinfo=None), ground="N3")
    assert no(error.value) == ("time", "at")
    assert desk.state(clue) == "to_determine"


def test_units_named_on_the_way_up_are_concerned_too(desk: Desk) -> None:
    """Art. 12(2), P2: to the lowest common superior of all that are concerned, those a hop names included."""
    clue = desk.clue()
    assert no(desk.refused(clue, "escalate", units=["nowhere"], **UP)) == ("value", "units")
    desk.act(clue, "escalate", units=[SIBLING], **UP)
    city = desk.who(CITY, Role.LEAD)
    assert desk.refused(clue, "refer_on", city, **UP).name == "not_common_yet", "the city is above both"
    assert desk.refused(clue, "refer_on", city, units=["nowhere"], **UP).name == "not_common_yet"
    desk.act(clue, "refer_on", city, units=["430100"], **UP)
    with db.reading() as session:
        assert session.get_one(Unit, desk.read(clue).owner_unit_id).code == PROVINCE


def test_what_lies_at_a_city_is_the_citys(desk: Desk) -> None:
    """E2, E3: the owner is the county of the place; of a place no county has, the unit of the place itself."""
    clue = desk.clue()
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        assert casework.facts.place_owner(session, row) is None, "no place is confirmed"
        casework.confirm(session, desk.who(), row, "place", {"code": CITY, "name": "湖南省/益阳市"})
    with db.reading() as session:
        owner = casework.facts.place_owner(session, session.get_one(Clue, clue))
        assert owner is not None
        assert owner.code == CITY


def test_officers_are_named(desk: Desk) -> None:
    """F1: two officers with valid certificates; a certificate without a name is nobody's."""
    clue = desk.clue()
    desk.p1(clue)
    nameless = [OFFICERS[0], {**OFFICERS[1], "name": " "}]
    refused = desk.refused(clue, "verify.start", officers=nameless, started="2026-03-02")
    assert no(refused) == ("value", "officers")


def test_numbers_of_a_day_are_used_up_some_day(desk: Desk) -> None:
    """§4: unique and never reused: the millionth clue of a division, day and channel has no number left."""
    desk.clue()
    with db.transaction() as session:
        session.execute(update(ClueCounter).values(n=999_999))
    with pytest.raises(casework.RefusedError, match="用完"):
        desk.clue()
    assert desk.clue(number="02"), "another channel counts for itself"


def test_one_of_several_notices_may_be_told_by_a_person(desk: Desk) -> None:
    """A joint letter has several parties: a spoken word to one of them tells that one, and no later than now."""
    clue = desk.clue(reporter={"name": "张三", "phone": "13800001111"})
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        assert reporters.join_reporter(session, desk.who(), row, {"name": "李四", "phone": "13800002222"}) == 2
    desk.p1(clue)
    desk.tell(clue)
    desk.verified(clue, "R0")
    with db.reading() as session:
        first, second = (one.id for one in notices(session, clue) if one.kind == "no_violation")
    assert desk.refused(clue, "tell.no_violation", told_at="2026-03-02", evidence="电话").name == "every_reporter"
    early = desk.refused(clue, "tell.no_violation", notice=first, told_at="2026-03-01", evidence="电话")
    assert no(early) == ("time", "told_at"), "nobody is told of what is not decided yet"
    late = desk.refused(clue, "tell.no_violation", notice=first, told_at="2026-03-03T09:00+08:00", evidence="电话")
    assert no(late) == ("time", "told_at")
    assert no(desk.refused(clue, "tell.no_violation", notice=0x7FFF, told_at="2026-03-02", evidence="电话")) == (
        "guard", "notice",
    )  # fmt: skip
    desk.act(clue, "tell.no_violation", notice=first, told_at="2026-03-02T09:00+08:00", evidence="电话接通")
    assert desk.state(clue) == "to_tell"
    desk.act(clue, "tell.no_violation", notice=second, told_at="2026-03-02", evidence="电话接通")
    assert desk.state(clue) == "closed"


def test_who_else_signed_can_be_entered_while_the_clue_is_open(desk: Desk) -> None:
    """C6, joint letters: a person adds a signer; not without a word of who it is, not where nothing came in."""
    clue, bare, who = desk.clue(), desk.clue(reporter={}), desk.who()

    def join(number: int, **told: str) -> Callable[[Any], object]:
        return lambda session: reporters.join_reporter(session, who, session.get_one(Clue, number), told)

    refuses("姓名或一种联系方式", join(clue, name="  "))
    refuses("没有来件", join(bare, name="李四"))
    desk.act(clue, "determine.P3", ground="N3")
    desk.tell(clue)
    refuses("已办结", join(clue, name="李四"))


def test_a_follow_up_brings_its_own_intake(desk: Desk) -> None:
    """§4: a follow-up is linked to its clue by a person of the unit that took it in; a bare number links nothing."""
    clue = desk.clue()
    code = desk.code(clue)
    with db.transaction() as session:
        county, sibling = (units.by_code(session, one) for one in (COUNTY, SIBLING))
        assert county is not None
        assert sibling is not None
        own, foreign = desk.intake(session, county.id), desk.intake(session, sibling.id)
    told = {"kind": "progress", "proof": "query_code", "query_code": code}
    for wrong in (foreign, 10**6, True, "1"):
        assert no(desk.refused(clue, "follow_up", intake=wrong, **told)) == ("value", "intake"), wrong
    desk.act(clue, "follow_up", intake=own, **told)
    desk.act(clue, "follow_up", intake=own, **{**told, "kind": "urge"})
    with db.reading() as session:
        kept = session.scalars(select(linking.FollowUp.kind).order_by(linking.FollowUp.id)).all()
        assert kept == ["progress", "urge"]
        linked = select(linking.IntakeClue.clue_id).where(linking.IntakeClue.intake_id == own)
        assert session.scalars(linked).all() == [clue], "linked once"


def test_a_split_goes_to_who_handles_the_clue_now(desk: Desk) -> None:
    """C7: a split inherits base and owner: of a clue that was handed on, the part is where the whole is."""
    clue = desk.clue(CITY)
    desk.act(clue, "hand_down", desk.who(CITY), unit=COUNTY)
    made = desk.act(clue, "split", reason_text="另有一处占地").made
    assert made is not None
    part, whole = desk.read(made.id), desk.read(clue)
    assert part.owner_unit_id == whole.owner_unit_id != whole.received_unit_id
    assert part.at == whole.at
    assert part.no.startswith(CITY), "the number is the receiving unit's"


def test_a_confirmed_area_counts_where_nobody_measured(desk: Desk) -> None:
    """B9: signs of importance rest on the last site record, before there is one on what a person confirmed."""
    clue = desk.clue()
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        assert major._measured(session, row) == ("", 0.0)
        casework.confirm(session, desk.who(), row, "area", "约八亩")
        assert major._measured(session, row) == ("", 0.0), "words are no measure"
        casework.confirm(session, desk.who(), row, "area", {"m2": 6800.0, "text": "10.2亩"})
        assert major._measured(session, row) == ("", 6800.0)
        assert major.signs(session, row) == [], "an area of no known land is no sign"


def test_a_stop_order_that_was_changed_is_not_handed_out(desk: Desk) -> None:
    """F7: the paper's hash is in the register; a paper that differs is not shown."""
    clue = desk.clue()
    desk.p1(clue)
    desk.act(clue, "stop_order", **ORDER)
    (row,) = orders(clue)
    with db.transaction() as session:
        session.execute(update(StopOrder).values(sha256="0" * 64))
    refuses("校验值", lambda s: following.stop_paper(s, desk.who(), s.get_one(Clue, clue), row.id, "paper"))


@pytest.mark.parametrize("other", ["sweep", "receipt"])
def test_a_transfer_that_was_just_settled_is_not_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Art. 20: the sweep found a late receipt; while it waited for the lock another sweep, or the receipt, came."""
    clue = desk.clue()
    desk.act(clue, "transfer", **OUT)
    desk.go("2026-03-10T00:00")
    lock, raced, told = transfers.lock, list[int](), {"receipt_no": "桃农函〔2026〕5号"}

    def meanwhile(session: Any, ids: set[int]) -> dict[int, Clue]:
        """The other sweep is done with it before this one has the lock."""
        if not raced:
            raced.extend(ids)
            if other == "sweep":
                assert transfers.take_back_unreceived(session) == 1
            else:
                casework.apply(session, desk.who(), session.get_one(Clue, clue), "transfer.receipt", told)
        return lock(session, ids)

    monkeypatch.setattr(transfers, "lock", meanwhile)
    with db.transaction() as session:
        assert transfers.take_back_unreceived(session) == 0
    assert raced == [clue]
    wanted = ("to_determine", "back", 1) if other == "sweep" else ("transferred", transfer_of(clue).state, 0)
    with db.reading() as session:
        backs = session.scalars(select(Event).where(Event.act == "transfer.back")).all()
    assert (desk.state(clue), transfer_of(clue).state, len(backs)) == wanted


def test_clues_of_a_closed_unit_follow_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """E12: two steps at once move a clue to the successor once; who works in both units keeps one role there."""
    clue, both = desk.clue(SIBLING), desk.who(SIBLING)
    with db.transaction() as session:
        county = units.by_code(session, COUNTY)
        assert county is not None
        session.add(Grant(user_id=both.user_id, unit_id=county.id, role=Role.HANDLER))
    with db.transaction() as session:
        admin = desk.who(CITY, Role.SYSADMIN)
        casework.close_unit(session, admin, SIBLING, date(2026, 3, 1), COUNTY)
        held = session.scalars(select(Grant.unit_id).where(Grant.user_id == both.user_id)).all()
        assert held == [county.id], "the same role is not held twice"
    lock, raced = reorganising.lock, list[int]()

    def meanwhile(session: Any, ids: set[int]) -> dict[int, Clue]:
        if not raced:
            raced.extend(ids)
            assert casework.follow_clues(session) == 1
        return lock(session, ids)

    monkeypatch.setattr(reorganising, "lock", meanwhile)
    with db.transaction() as session:
        assert casework.follow_clues(session) == 0
    assert raced == [clue]
    assert desk.read(clue).owner_unit_id == county.id


def test_a_wall_keeps_its_other_recusals(desk: Desk) -> None:
    """J4: one person's recusal is decided; another's stands as it was."""
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    first, second = desk.who(name="b"), desk.who(name="c")
    desk.act(clue, "recuse", first, reason_text="亲属")
    desk.act(clue, "recuse", second, reason_text="亲属")
    desk.act(clue, "recuse.release", lead, person=first.user_id, reason_text="并非亲属")
    with db.reading() as session:
        standing = {row.user_id for row in casework.walls.walls.standing(session, clue)}
    assert standing == {second.user_id}


def test_the_machine_sets_no_duplicate_and_merges_nothing(desk: Desk) -> None:
    """§5: no candidate sets P4 or merges, however sure: a person's act does."""
    clue, first = desk.clue(), desk.clue()
    same = {"same_place": True, "same_respondent": True, "same_facts": True}
    for act, data in (
        ("determine.P4", {"earlier_clue": first, **same}), ("merge", {"main": first, "same_time": True, **same}),
    ):  # fmt: skip
        with pytest.raises(casework.RefusedError) as error, db.transaction() as session:
            casework.apply(session, None, session.get_one(Clue, clue), act, data)
        assert error.value.kind == "role", act
    assert desk.state(clue) == "to_determine"


def test_a_notice_that_says_too_much_is_not_asked_for(desk: Desk) -> None:
    """G11, §7: the slot of the right department takes the name of an office, nothing of the case."""
    clue = desk.clue()
    refused = desk.refused(clue, "determine.P3", ground="N5", department="打13800001111找李四")
    assert no(refused) == ("value", "notice")


def test_values_as_documents_write_them() -> None:
    """F7: what was confirmed, as words: of a place or area its text, of several their list."""
    assert dossier.in_words({"text": "约八亩", "m2": 5333.6}) == "约八亩"
    assert dossier.in_words({"name": "桃江县"}) == "桃江县"
    assert dossier.in_words({"from": "2026-03-01", "to": "2026-03-02"}) == "2026-03-01、2026-03-02"
    assert dossier.in_words(["照片", "录像"]) == "照片、录像"
    assert dossier.in_words("砂场") == "砂场"


def test_a_notice_on_its_way_is_corrected_not_recalled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """§5: a correction is a new dated act with a corrective notice; only what was not sent yet is taken back."""
    clue, lead = desk.clue(), desk.who(role=Role.LEAD)
    desk.p1(clue)

    def gone(*_: object) -> None:
        raise notify.RecallError("正在发送")

    monkeypatch.setattr(notify, "recall", gone)
    desk.act(clue, "reopen.determination", lead, reason_text="判定有误")
    assert desk.kinds(clue) == ["accepted", "correction"]


def test_who_declined_notices_is_not_told_the_first_result_either(desk: Desk) -> None:
    """Art. 12(4): the reporter of a duplicate also gets the first clue's result, unless they declined notices (§4)."""
    first = desk.clue(reporter={"openid": "o-1"})
    desk.go(timedelta(hours=1))
    again = desk.clue(reporter={"openid": "o-1"})
    same = {"same_place": True, "same_respondent": True, "same_facts": True}
    desk.act(again, "determine.P4", earlier_clue=first, same_reporter="openid", **same)
    desk.tell(again)
    with db.transaction() as session:
        session.get_one(Clue, again).notices_declined = True
    desk.p1(first)
    desk.tell(first)
    desk.verified(first, "R0")
    assert (desk.kinds(first)[-1], desk.kinds(again)) == ("no_violation", ["duplicate"])


def test_one_layer_moves_every_clock_of_the_same_days(desk: Desk) -> None:
    """D10: a calendar change recomputes each open clock, alike where base and days are the same."""
    clues = [desk.clue(), desk.clue()]
    with db.transaction() as session:
        number = casework.propose_calendar(session, desk.who(role=Role.LEAD), CHANGE).id
    with db.transaction() as session:
        assert casework.confirm_calendar(session, desk.who(role=Role.SYSADMIN), number) == 2
    assert {desk.clock(clue, "determination").due for clue in clues} == {date(2026, 3, 12)}


def test_a_recusal_outlives_the_quarantine(desk: Desk) -> None:
    """J4, J6: what is no state secret after all is seen again, not by those who recused themselves."""
    clue, lead, handler = desk.clue(), desk.who(role=Role.LEAD), desk.who(name="b")
    desk.act(clue, "recuse", handler, reason_text="亲属")
    desk.act(clue, "determine.P3", lead, ground="N4")
    desk.act(clue, "quarantine.release", lead, reason_text="不涉密")
    with db.reading() as session:
        assert people.find(session, lead, desk.read(clue).no) is not None
        assert people.find(session, handler, desk.read(clue).no) is None


def test_who_is_held_off_and_declares_it_is_recused_once(desk: Desk) -> None:
    """J4: automatic recusal is a hold to be confirmed, never final; the person's own word confirms it."""
    clue, handler = desk.clue(), desk.who(name="b")
    with db.transaction() as session:
        casework.acts.perform(
            session, session.get_one(Clue, clue), "recuse.hold", {"person": handler.user_id}, desk.now
        )
    desk.act(clue, "recuse.other", desk.who(role=Role.LEAD), person=handler.user_id, reason_text="亲属")
    with db.reading() as session:
        rows = session.scalars(select(Wall).where(Wall.clue_id == clue)).all()
    assert [(row.user_id, row.state) for row in rows] == [(handler.user_id, "confirmed")]


def test_a_code_speaks_for_its_own_clue_and_reporter(desk: Desk) -> None:
    """§4: a follow-up after the query code is proved; what an unknown or another clue's code brings is no follow-up,
    and a report supplemented after P5 keeps its reporter, with a wish or without.
    """
    clue, other, bare = desk.clue(), desk.clue(), desk.clue(reporter={})
    desk.code(other, "ABCD-EFGH-JKMN")

    def told(text: str) -> dict[str, Any]:
        return {"follow_up": {"kind": "progress", "query": sealing.blind("query", text).hex()}}

    with db.transaction() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        intake = session.get_one(Intake, desk.intake(session, unit.id))
        for text in ("AAAA-BBBB-CCCC", "ABCD-EFGH-JKMN"):
            casework.citizens.bind(session, session.get_one(Clue, clue), intake, told(text))
        assert session.scalars(select(linking.FollowUp)).all() == []
        reporter = session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == other)).one()
        session.execute(update(QueryCode).values(reporter_id=reporter))
        session.execute(update(Clue).where(Clue.id == bare).values(supplement_of=other))
        casework.citizens.bind(session, session.get_one(Clue, bare), intake, told("ABCD-EFGH-JKMN"))
        kept = select(ClueReporter.reporter_id).where(ClueReporter.clue_id == bare)
        assert session.scalars(kept).all() == [reporter]
        assert session.scalars(select(linking.FollowUp)).all() == [], "a report of its own, no follow-up"
