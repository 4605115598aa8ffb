"""The register of letters: numbers, who wrote, refusals, misaddressed, returned, the day that adds up."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from hub import clock, db
from hub.access import people, staff
from hub.mailroom import register
from hub.models import Clue, Event, Letter, Notice, NoticeTask, Work
from hub.worker import drain
from tests.integration.mailroom_clerk import ADDRESS, ENTRY, NAME, PHONE, Clerk, app, clerk, jpeg, line
from tests.integration.notify.conftest import County, county


# ---- the register
def test_numbers_are_the_units_own_without_a_gap_and_a_key_makes_one_line(app: Flask, clerk: Clerk) -> None:
    first = clerk.enter(**ENTRY)
    assert clerk.enter(**ENTRY, key="k1") == first
    refused = clerk.form("/mailroom/letters", stamped="2999-01-01", key="x")
    assert (refused.status_code, refused.json) == (422, {"error": "收文章日期不能晚于今天", "name": "stamped"})
    second = clerk.enter()
    other = Clerk(app, "stranger").enter()
    assert [(row.year, row.number) for row in map(line, (first, second, other))] == [
        (clock.today().year, 1), (clock.today().year, 2), (clock.today().year, 1)
    ]  # fmt: skip
    assert Clerk(app, "operator").get("/mailroom").status_code == 404
    assert Clerk(app, "stranger").get(f"/mailroom/letters/{first}").status_code == 404


def test_two_who_enter_at_once_leave_no_number_out(app: Flask) -> None:
    def enter(login: str) -> None:
        one = Clerk(app, login)
        for _ in range(8):
            one.enter()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(enter, ("clerk", "colleague")))
    with db.reading() as session:
        numbers = session.scalars(select(Letter.number).order_by(Letter.number)).all()
    assert numbers == list(range(1, 17))


def test_who_wrote_is_sealed_masked_in_lists_and_seen_by_who_entered_it(app: Flask, clerk: Clerk) -> None:
    number = clerk.enter(**ENTRY)
    listed = clerk.get("/mailroom").text
    assert "李**" in listed
    assert "照片4张" in listed
    own, other = (
        clerk.get(f"/mailroom/letters/{number}").text,
        Clerk(app, "colleague").get(f"/mailroom/letters/{number}"),
    )
    for secret in (NAME, ADDRESS, PHONE):
        assert secret not in listed
        assert secret in own
        assert secret not in other.text
    assert other.status_code == 200
    with db.reading() as session:
        looks = session.scalars(select(Event.data).where(Event.act == "letter_looked").order_by(Event.id)).all()
        dump = repr(session.execute(text("select * from letter")).all()).encode()
    assert looks == [{"own": True}, {"own": False}]
    assert NAME.encode() not in dump
    changed = Clerk(app, "colleague").form(
        f"/mailroom/letters/{number}/amend", stamped=clock.today().isoformat(), addressee="县局", version="1"
    )
    assert changed.status_code == 303
    with db.reading() as session:
        told = register.opened(session, session.get_one(Letter, number))
    assert (told["reporter_name"], told["addressee"], "enclosures" in told) == (NAME, "县局", False)
    stale = clerk.form(f"/mailroom/letters/{number}/amend", stamped=clock.today().isoformat(), version="1")
    assert stale.status_code == 409


@pytest.mark.parametrize(
    ("given", "words", "box"),
    [
        ({"stamped": ""}, "请填写收文章日期", "stamped"),
        ({"stamped": "2020-01-01"}, "收文章日期已超过一年", "stamped"),
        ({"addressee": "局" * 201}, "不能超过 200 字", "addressee"),
        ({"mode": "loud"}, "举报方式的选项无效", "mode"),
        ({"signers": "王五"}, "联名信须填写代表人", "reporter_name"),
        ({"reporter_name": "赵六", "signers": "\n".join(["某人"] * 501)}, "不能超过 500 人", "signers"),
    ],
)
def test_what_the_register_refuses(clerk: Clerk, given: dict[str, str], words: str, box: str) -> None:
    answer = clerk.form("/mailroom/letters", **{"stamped": clock.today().isoformat(), **given})
    assert answer.status_code == 422
    assert words in answer.json["error"]  # type: ignore[index]
    assert answer.json["name"] == box  # type: ignore[index]
    shown = clerk.client.post("/mailroom/letters", data={"csrf_token": clerk.csrf, **given})
    assert shown.status_code == 422
    assert words in shown.text


def test_a_misaddressed_letter_goes_on_with_a_slip_that_names_nobody(clerk: Clerk) -> None:
    number = clerk.enter(**ENTRY)
    path = f"/mailroom/letters/{number}"
    assert clerk.get(f"{path}/slip").status_code == 404
    assert clerk.form(f"{path}/forward", to="").status_code == 422
    assert clerk.form(f"{path}/forward", to="县信访局").status_code == 303
    slip = clerk.get(f"{path}/slip")
    assert (slip.status_code, slip.data[:5]) == (200, b"%PDF-")
    assert clerk.form(f"{path}/signed", on=clock.today().isoformat()).status_code == 303
    row = line(number)
    assert (row.state, row.signed_for_on) == ("forwarded", clock.today())
    assert clerk.form(f"{path}/void", reason="错了").status_code == 422
    with db.reading() as session:
        printed = session.scalars(select(Event.data).where(Event.act == "print")).all()
    assert printed == [{"sheet": "forwarding"}]


def test_a_return_receipt_and_a_void_line(clerk: Clerk) -> None:
    number, wrong = clerk.enter(receipt="1"), clerk.enter()
    assert clerk.form(f"/mailroom/letters/{number}/receipt", on="2999-01-01").status_code == 422
    assert clerk.form(f"/mailroom/letters/{number}/receipt", on="").status_code == 303
    assert clerk.form(f"/mailroom/letters/{wrong}/receipt", on="").status_code == 422
    assert clerk.form(f"/mailroom/letters/{wrong}/void", reason="重复登记").status_code == 303
    assert line(number).receipt_on == clock.today()
    assert "重复登记" in clerk.get(f"/mailroom/letters/{wrong}").text
    assert clerk.enter() == wrong + 1
    assert line(wrong + 1).number == 3


def test_a_returned_reply_is_the_failure_of_its_notice(county: County, app: Flask, clerk: Clerk) -> None:
    clue = county.form("letter", {"reporter_name": NAME, "reporter_address": ADDRESS, "reporter_phone": PHONE,
                                  "received": "2026-11-20", "facts": "占地建房"})  # fmt: skip
    (asked,) = county.ask(clue)
    county.work(2)
    with db.reading() as session:
        task = session.scalars(
            select(NoticeTask).where(NoticeTask.notice_id == asked, NoticeTask.kind == "letter")
        ).one()
        session.expunge_all()
    assert clerk.form(f"/tasks/{task.id}/sent", reference="XA11223344CN").status_code == 303
    nothing = clerk.form("/mailroom/returned", reference="XA0", stamped=clock.today().isoformat(), key="r0")
    assert (nothing.status_code, nothing.json["name"]) == (422, "reference")  # type: ignore[index]
    for _ in range(2):  # sent twice it is one
        done = clerk.form("/mailroom/returned", reference="XA11223344CN", stamped=clock.today().isoformat(), key="r1")
        assert done.status_code == 200, done.text
    with db.reading() as session:
        notice = session.get_one(Notice, task.notice_id)
        assert (notice.state, notice.told_at) == ("queued", None)
        assert session.get_one(NoticeTask, task.id).state == "failed"
        lines = session.execute(select(Letter.state, Letter.task_id)).all()
    assert [tuple(row) for row in lines] == [("returned", task.id)]
    again = clerk.form("/mailroom/returned", reference="XA11223344CN", stamped=clock.today().isoformat(), key="r2")
    assert "已登记过退回" in again.json["error"]  # type: ignore[index]


def test_random_lines_add_up_to_their_ledger(clerk: Clerk) -> None:
    chance = random.Random(6)
    for _ in range(25):
        number = clerk.enter(**(ENTRY if chance.random() < 0.5 else {}))
        what = chance.choice(["", "", "void", "forward"])
        if what:
            clerk.form(f"/mailroom/letters/{number}/{what}", reason="登记错误", to="县信访局")
    with db.reading() as session:
        who = people.actor(session, session.execute(text("select id from staff where login = 'clerk'")).scalar_one())
        assert who is not None
        shown = register.day(session, who, clock.today())
        rows = session.execute(text("select state, count(*) from letter group by state")).all()
    assert {state: count for state, count in shown.counts.items() if count} == {row[0]: row[1] for row in rows}
    assert shown.arrived == 25 == len(shown.lines)


def test_a_day_adds_up(clerk: Clerk) -> None:
    """Arrived = taken in + open: as the page says and as the database has it; nobody's name in anything written."""
    for n in range(4):
        clerk.enter(**{**ENTRY, "reporter_phone": f"1390000456{n}"})
    batch = clerk.batch()
    clerk.send(batch, {f"{n}.jpg": jpeg(str(n)) for n in range(3)})
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    drain("light")
    page = re.sub(r"<[^>]+>", "", clerk.get("/mailroom").text)
    assert re.search(r"收到 4 =\s*待扫描 1 \+\s*已收件 3 \+", page)
    with db.reading() as session:
        clues = session.scalar(select(func.count()).where(Clue.channel == "letter"))
        events = repr(session.execute(select(Event.object, Event.data)).all())
        works = repr(session.scalars(select(Work.args)).all())
    assert clues == 3
    assert NAME not in events + works
    assert PHONE[:7] not in events + works
    assert min(re.findall(r"\d{4}-0000\d", clerk.get("/mailroom").text)).endswith("00001")
