"""Disposal: schedule, hold, two people; afterwards nothing of the clue's content opens or is found anywhere."""

from __future__ import annotations

import io
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import make_url, select, text, update

from hub import casework, clock, db
from hub.access import audit, people, rotation, sealing
from hub.casework import disposal, protection, switches
from hub.evidence import Store
from hub.law import retention
from hub.models import (
    Blob,
    Clue,
    ClueReporter,
    ClueUnit,
    Counter,
    Disposal,
    Intake,
    IntakeClue,
    LeakIncident,
    MisuseMark,
    Part,
    Reporter,
    SearchRow,
)
from hub.runtime import embedded
from hub.settings import settings
from hub.terms import Role
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, Desk

desk = conftest.desk
NAME, PHONE, WORDS = "欧阳震南", "13912345678", "红旗村后山夜里有人偷挖稀土"


@pytest.fixture
def closed(desk: Desk) -> int:
    """A clue with text, a large original, a search index and a reporter, closed eleven years ago."""
    from hub import search

    clue = desk.clue(reporter={"name": NAME, "phone": PHONE})
    with db.transaction() as session:
        intake_id = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue)).one()
        key = sealing.open_key(session, session.get_one(Intake, intake_id).key_id)
        stored = Store(settings().folder("evidence")).put(io.BytesIO((WORDS + NAME).encode() * 5000), key.secret)
        small = {"intake_id": intake_id, "origin": "raw", "role": "raw", "media_type": "text/plain"}
        session.add_all([
            Blob(**small, ord=0, name=key.seal(f"{NAME}.txt", "blob.name"), size=stored.size, sha256=stored.sha256,
                 address=stored.address),
            Blob(**small, ord=1, name=key.seal("b", "blob.name"), size=9, sha256="0" * 64,
                 sealed=key.seal(NAME, "blob")),
            Part(intake_id=intake_id, clue_id=clue, ord=0, kind="text", title=key.seal("", "part.title"),
                 text=key.seal(WORDS, "part.text"), data=key.seal_json({}, "part.data")),
        ])  # fmt: skip
        row = session.get_one(Clue, clue)
        search.index(session, clue, row.recorded_at, "part:1", WORDS, casework.seen_by(session, clue))
        session.execute(
            update(Clue).where(Clue.id == clue).values(
                state="closed", close_reason="no_violation", determination="P1", result="R0",
                state_at=desk.now - timedelta(days=11 * 366),
            )
        )  # fmt: skip
        session.execute(update(ClueUnit).where(ClueUnit.clue_id == clue).values(state="closed", open=False))
    return clue


def propose(who, clue: int) -> int:
    with db.transaction() as session:
        return disposal.propose(session, who, session.get_one(Clue, clue)).id


def decide(who, number: int, *, agree: bool = True) -> None:
    with db.transaction() as session:
        disposal.decide(session, who, number, agree=agree)


def everything(var: Path) -> bytes:
    """The database as a dump, all files of the data folder (temporary ones too), and Redis."""
    url = make_url(settings().database_url)
    dump = subprocess.run(
        [str(Path(embedded.pg_bin("")) / "pg_dump"), "-h", url.query["host"], "-U", "hub", url.database],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    files = b"".join(path.read_bytes() for path in var.rglob("*") if path.is_file())
    with redis.Redis.from_url(settings().redis_url) as client:
        kept = b"".join(key + (client.dump(key) or b"") for key in client.keys("*"))
    return dump + files + kept


# ---- the schedule


def test_the_schedule_is_data_and_covers_every_way_of_closing() -> None:
    assert retention.period("violation").years == 30
    assert retention.period("not_a_clue").years == 3
    assert retention.period("duplicate").years == 10
    assert retention.ends(date(2024, 2, 29), "not_a_clue") == date(2027, 3, 1)


def test_what_may_not_go(desk: Desk, closed: int) -> None:
    lead, other = desk.who(role=Role.LEAD), desk.who(role=Role.LEAD, name="b")
    for who, word in ((desk.who(), "负责人"), (desk.who(CITY, Role.LEAD), "承办单位")):
        with pytest.raises(casework.RefusedError, match=word):
            propose(who, closed)
    fresh = desk.clue()
    with pytest.raises(casework.RefusedError, match="尚未办结"):
        propose(lead, fresh)
    with db.transaction() as session:
        disposal.hold(session, lead, session.get_one(Clue, closed), "行政诉讼")
    with pytest.raises(casework.RefusedError, match="暂缓"):
        propose(lead, closed)
    with db.transaction() as session:
        disposal.lift(session, lead, session.get_one(Clue, closed))
        session.execute(update(Clue).where(Clue.id == closed).values(state_at=desk.now - timedelta(days=3000)))
    with pytest.raises(casework.RefusedError, match="保存期未满"):
        propose(lead, closed)
    with db.transaction() as session:
        session.execute(update(Clue).where(Clue.id == closed).values(state_at=desk.now - timedelta(days=4100)))
    number = propose(lead, closed)
    with pytest.raises(casework.RefusedError, match="两个人"):
        decide(lead, number)
    with pytest.raises(casework.RefusedError, match="没有"):
        decide(desk.who(), number)
    with db.transaction() as session:
        disposal.hold(session, lead, session.get_one(Clue, closed), "检查")
    with pytest.raises(casework.RefusedError, match="暂缓"):
        decide(other, number)
    decide(other, number, agree=False)
    with db.reading() as session:
        assert session.get_one(Disposal, number).state == "refused"
        assert sealing.open_key(session, session.get_one(Clue, closed).key_id)


# ---- gone


def test_after_disposal_nothing_opens_and_nothing_is_found(desk: Desk, closed: int, hub: Path) -> None:
    with db.reading() as session:
        clue = session.get_one(Clue, closed)
        reporter = session.scalars(select(Reporter)).one()
        keys = [clue.key_id, reporter.key_id, *session.scalars(select(Intake.key_id))]
        secrets = [sealing.open_key(session, key) for key in keys]
        part, address = session.scalars(select(Part.text)).one(), session.scalars(select(Blob.address)).first()
        wrapped = [bytes(row) for row in session.execute(text("select wrapped from data_key")).scalars()]
        no = clue.no
    before = everything(hub)
    assert any(one.hex().encode() in before for one in wrapped)
    decide(desk.who(role=Role.LEAD, name="b"), propose(desk.who(role=Role.LEAD), closed))
    sealing.forget_keys()
    after = everything(hub)
    for needle in (NAME, PHONE, WORDS, WORDS[:4]):
        assert needle.encode() not in after
        assert needle.encode("gb18030") not in after
    assert not any(one.hex().encode() in after for one in wrapped), "the wrapped keys themselves are gone"
    assert not any(one.secret in after or one.secret.hex().encode() in after for one in secrets)
    assert not Store(settings().folder("evidence")).exists(address)
    with db.reading() as session:
        for key in keys:
            with pytest.raises(sealing.SealError, match="gone"):
                sealing.open_key(session, key)
        assert session.scalars(select(SearchRow.id)).all() == []
        assert session.execute(text("select count(*) from reporter_index")).scalar_one() == 0
        assert people.find(session, desk.who(role=Role.LEAD), no) is None
        assert session.scalars(select(Part.text)).one() == part, "what is left is noise"
        assert audit.verify(session).ok
    with db.transaction() as session:
        casework.fold_counters(session)
        own = desk.who().unit_id
        assert session.get_one(Counter, (own, "all")).n == 0


def test_what_belongs_to_another_clue_too_stays(desk: Desk, closed: int) -> None:
    other = desk.clue(reporter={})
    with db.transaction() as session:
        for intake in session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == closed)).all():
            session.add(IntakeClue(intake_id=intake, clue_id=other))
            reporter = session.scalars(select(ClueReporter.reporter_id)).one()
            session.add(ClueReporter(clue_id=other, reporter_id=reporter, intake_id=intake))
    decide(desk.who(role=Role.LEAD, name="b"), propose(desk.who(role=Role.LEAD), closed))
    with db.reading() as session:
        row = session.scalars(select(Reporter)).one()
        assert sealing.open_key(session, row.key_id).json(row.identity, "reporter.identity")["name"] == NAME
        intake = session.scalars(select(Intake)).first()
        assert sealing.open_key(session, intake.key_id)


def test_keys_rotate_past_what_was_shredded(desk: Desk, closed: int, tmp_path: Path) -> None:
    import shutil

    from hub.settings import export

    own = tmp_path / "own.key"
    shutil.copyfile(settings().key_path, own)
    own.chmod(0o600)
    export(HUB_KEY_FILE=str(own))
    sealing.forget_keys()
    decide(desk.who(role=Role.LEAD, name="b"), propose(desk.who(role=Role.LEAD), closed))
    rotation.rotate(own)
    rotation.retire(own)


def test_a_reporter_gets_what_is_held_of_them(desk: Desk, closed: int) -> None:
    with db.transaction() as session:
        told = disposal.subject_export(session, desk.who(role=Role.LEAD), session.get_one(Clue, closed))
    assert told["reporters"][0]["name"] == NAME
    assert told["kept_until"]
    with pytest.raises(casework.RefusedError), db.transaction() as session:
        disposal.subject_export(session, desk.who(), session.get_one(Clue, closed))


# ---- leak incidents, malicious use


def test_a_leak_is_reported_sealed_and_closed_by_another(desk: Desk) -> None:
    clue, operator, lead = desk.clue(), desk.who(role=Role.OPERATOR), desk.who(role=Role.LEAD)
    with db.transaction() as session:
        number = protection.report_leak(
            session, operator, "wrong_recipient", f"{NAME}的答复寄错", desk.now, session.get_one(Clue, clue)
        ).id
    with db.reading() as session:
        assert NAME.encode() not in session.get_one(LeakIncident, number).account
        assert NAME in protection.leaks(session, lead)[0][1][0]
        assert protection.leaks(session, desk.who(role=Role.SECADMIN))[0][1] == []
        assert protection.leaks(session, operator) == []
    with db.transaction() as session:
        protection.close_leak(session, lead, number, "已收回并道歉")
    with pytest.raises(casework.RefusedError), db.transaction() as session:
        protection.close_leak(session, lead, number, "已收回并道歉")


@pytest.mark.parametrize("change", [{"kind": "x"}, {"account": " "}, {"account": "字" * 2001}, {"late": -1}])
def test_a_bad_leak_form_is_refused(desk: Desk, change: dict) -> None:
    sent = {"kind": "lost", "account": "笔记本遗失，已挂失", "late": 1} | change
    noticed = clock.now() - timedelta(hours=sent["late"])
    with pytest.raises(casework.RefusedError), db.transaction() as session:
        protection.report_leak(session, desk.who(), sent["kind"], sent["account"], noticed)


def test_a_mark_takes_two_and_an_appeal_a_third(desk: Desk) -> None:
    one, two, three = (desk.who(role=Role.LEAD, name=name) for name in "abc")
    clue = desk.clue()
    with db.transaction() as session:
        reporter = session.scalars(select(ClueReporter.reporter_id)).one()
        number = protection.mark(session, one, session.get_one(Clue, clue), reporter, "多次捏造事实").id
    with pytest.raises(casework.RefusedError, match="两个人"), db.transaction() as session:
        protection.confirm_mark(session, one, number, agree=True)
    with db.transaction() as session:
        protection.confirm_mark(session, two, number, agree=True)
    with db.transaction() as session:
        protection.appeal(session, number, "所反映属实")
    for who in (one, two):
        with pytest.raises(casework.RefusedError, match="未参与"), db.transaction() as session:
            protection.decide_appeal(session, who, number, lift=True)
    with db.transaction() as session:
        protection.decide_appeal(session, three, number, lift=True)
    with db.reading() as session:
        assert session.get_one(MisuseMark, number).state == "lifted"
    assert desk.clue(), "a mark never keeps a report out"


def test_the_form_keeps_what_was_typed_and_the_lead_closes_it(desk: Desk) -> None:
    from hub.app import create_app
    from tests.integration.test_grants import Page

    app = create_app()
    operator, lead = Page(app, desk.who(role=Role.OPERATOR)), Page(app, desk.who(role=Role.LEAD))
    moment = clock.china(desk.now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    sent = {"kind": "lost", "noticed": moment, "account": f"装有{NAME}材料的文件袋遗失"}
    for wrong in ({"kind": ""}, {"noticed": "x"}, {"no": "430922-1"}, {"account": "短"}):
        answer = operator.post("/leaks", **(sent | wrong))
        assert answer.status_code == 422
        assert wrong.get("account", "文件袋遗失") in answer.text, "what was typed stays"
    assert "已登记" in operator.post("/leaks", **sent).text
    assert NAME not in operator.client.get("/leaks").text
    assert NAME in lead.client.get("/leaks").text
    assert NAME not in Page(app, desk.who(role=Role.SECADMIN)).client.get("/leaks").text
    assert operator.post("/leaks/1/close", measures="已找回").status_code == 404
    assert lead.post("/leaks/1/close", measures="已找回并重新封存").status_code == 303
    assert "已办结" in lead.client.get("/leaks").text


def test_a_unit_keeps_longer_from_a_day_on_never_shorter(desk: Desk) -> None:
    lead, boss = desk.who(role=Role.LEAD), desk.who(CITY, Role.SUPERVISOR)
    today = clock.today()
    for years in (2, 101, True, "5", 9.5):
        with db.transaction() as session, pytest.raises(casework.RefusedError, match="取值应为"):
            casework.propose_switch(
                session, lead, "430922", "keep_not_a_clue", years, today, reason="档案室〔2026〕1号"
            )
    before = _closed(desk, today)
    with db.transaction() as session:
        row = casework.propose_switch(
            session, lead, "430922", "keep_other", 20, today + timedelta(2), reason="档〔2026〕1号"
        )
        casework.confirm_switch(session, boss, row.id)
    after = _closed(desk, today + timedelta(2))
    with db.reading() as session:
        due = {one.clue_id: one.ends.year for one in disposal.due(session, lead)}
    assert (due[before], due[after]) == (today.year + 10, today.year + 20), "what was closed before stays as it was"
    elsewhere = desk.clue("430981")
    with db.reading() as session:
        kept = switches.in_force(session, session.get_one(Clue, elsewhere).owner_unit_id, "", today + timedelta(9))
    assert kept["keep_other"] == 10


def _closed(desk: Desk, day: date) -> int:
    made = desk.clue()
    with db.transaction() as session:
        row = session.get_one(Clue, made)
        row.state, row.close_reason, row.state_at = (
            "closed",
            "no_violation",
            desk.now + timedelta((day - clock.today()).days),
        )
        session.execute(update(ClueUnit).where(ClueUnit.clue_id == made).values(state="closed", open=False))
    return made
