"""The mailroom behind its pages: register, scans on their way, order of pages, taking in once, reading over."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from hub import clock, db, intake, notify
from hub.access import hearing, people, staff
from hub.access.sealing import open_key
from hub.enrich import transcribe
from hub.mailroom import register, taking
from hub.models import (
    Blob,
    Clue,
    ClueReporter,
    DataKey,
    Event,
    Intake,
    IntakeClue,
    Letter,
    Part,
    Reporter,
    ScanFile,
    ScanPage,
    ScanStack,
)
from hub.supervision import notices
from hub.worker import drain
from tests.integration.mailroom_clerk import (
    ADDRESS,
    ENTRY,
    NAME,
    PHONE,
    Clerk,
    app,
    clerk,
    jpeg,
    line,
    pdf,
    sheet,
    stacks,
    tiff,
)
from tests.integration.notify.conftest import County, county
from transcription.contract import Page, Segment, Transcript


# ---- taking in
def taken(number: int) -> tuple[Intake, list[Blob], Clue]:
    with db.reading() as session:
        letter = session.get_one(Letter, number)
        row = session.get_one(Intake, letter.intake_id)
        blobs = list(
            session.scalars(select(Blob).where(Blob.intake_id == row.id, Blob.origin == "raw").order_by(Blob.ord))
        )
        clue = session.scalars(
            select(Clue).join(IntakeClue, IntakeClue.clue_id == Clue.id).where(IntakeClue.intake_id == row.id)
        ).one()
        session.expunge_all()
        return row, blobs, clue


def test_a_letter_goes_through_its_channel_with_the_registers_data(clerk: Clerk) -> None:
    stamped = clock.today() - timedelta(days=2)
    number = clerk.enter(**ENTRY, stamped=stamped.isoformat())
    batch = clerk.batch()
    data = pdf(sheet("a"), sheet("b"))
    clerk.send(batch, {"a.pdf": data, "b.jpg": jpeg("envelope")})
    (first, _, _), (second, ((page, _, _),), _) = stacks(batch)
    clerk.change(batch, "join", stack=second)
    clerk.change(batch, "mark", pages=[page], role="envelope")
    clerk.change(batch, "assign", stack=first, no="1")
    assert clerk.take(batch) == {"taken": 1, "left": []}
    assert clerk.change(batch, "turn", pages=[page]).status_code == 422, "fixed"
    drain("light")
    row, blobs, clue = taken(number)
    assert clock.china(row.at) == datetime.combine(stamped, datetime.min.time(), clock.CHINA)
    assert clue.at == row.at
    assert [blob.role for blob in blobs] == ["form", "page", "envelope"]
    assert blobs[1].sha256 == hashlib.sha256(data).hexdigest(), "a whole file stays the file"
    with db.reading() as session:
        fields = session.scalars(select(Part).where(Part.intake_id == row.id, Part.kind == "fields")).one()
        told = open_key(session, row.key_id).json(fields.data, "part.data")
        who = session.scalars(
            select(Reporter).join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
            .where(ClueReporter.clue_id == clue.id)
        ).one()  # fmt: skip
        identity = open_key(session, who.key_id).json(who.identity, "reporter.identity")
        actor = session.scalars(
            select(Event.actor).where(Event.object == f"intake:{row.id}", Event.act == "accept")
        ).one()
        staff_id = session.execute(text("select id from staff where login = 'clerk'")).scalar_one()
    assert told["register_no"] == f"{stamped.year}-00001"
    assert (told["received"], told["shelf"], told["opened"]) == (stamped.isoformat(), "甲-12", "是")
    assert (identity["name"], identity["address"], identity["phone"]) == (NAME, ADDRESS, PHONE)
    assert actor == f"user:{staff_id}"


def test_taken_in_the_working_copies_are_destroyed(hub: Any, clerk: Clerk) -> None:
    number = clerk.enter(**ENTRY)
    with db.reading() as session:
        old = session.get_one(Letter, number).key_id
    batch = clerk.batch()
    (file,) = clerk.send(batch, {"a.pdf": pdf(sheet("a"))})
    with db.reading() as session:
        row = session.get_one(ScanFile, file)
        addresses = [row.address, *session.scalars(select(ScanPage.image))]
        key_id = row.key_id
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    drain("light")
    with db.reading() as session:
        assert not any(intake.store().exists(address or "") for address in addresses)
        assert session.get(DataKey, key_id) is None
        assert session.get(DataKey, old) is None
        row = session.get_one(ScanFile, file)
        assert (row.state, row.address) == ("gone", None)
        assert [page.image for page in session.scalars(select(ScanPage))] == [None]
        told = register.opened(session, session.get_one(Letter, number))
    assert told == {"addressee": "县自然资源局", "enclosures": "照片4张", "shelf": "甲-12", "mode": "real_name"}
    page = clerk.get("/mailroom").text
    assert "已收件" in page
    assert "李**" not in page
    assert "已收件" in clerk.get(f"/mailroom/batches/{batch}").text


@pytest.mark.parametrize("kind", ["pdf", "tiff", "jpg"])
def test_pages_of_one_file_become_two_letters_without_loss(clerk: Clerk, kind: str) -> None:
    one, two = clerk.enter(), clerk.enter()
    batch = clerk.batch()
    made = {"pdf": pdf, "tiff": tiff}
    if kind == "jpg":
        clerk.send(batch, {"a.jpg": jpeg("a"), "b.jpg": jpeg("b")})
        ((_, ((a, _, _),), _), _) = stacks(batch)
        clerk.change(batch, "turn", pages=[a], by=1)
    else:
        clerk.send(batch, {f"a.{kind}": made[kind](sheet("a"), sheet("b"), sheet("c"))})
        ((_, ((_, _, _), (b, _, _), _), _),) = stacks(batch)
        clerk.change(batch, "split", pages=[b])
        clerk.change(batch, "turn", pages=[b], by=1)
    clerk.change(batch, "in_turn")
    assert clerk.take(batch)["taken"] == 2
    drain("light")
    (_, first, _), (_, second, _) = taken(one), taken(two)
    with db.reading() as session:
        opened = [b"".join(intake.read_blob(session, session.get_one(Blob, blobs[1].id))) for blobs in (first, second)]
    from transcription.scan.pages import render

    sizes = [[(page.width > page.height) for page in render(data)] for data in opened]
    assert sizes == ([[True], [False]] if kind == "jpg" else [[False], [True, False]])
    if kind != "jpg":
        assert [blob.media_type for blob in (first[1], second[1])] == [
            f"{'image' if kind == 'tiff' else 'application'}/{kind}"
        ] * 2


def test_killed_after_it_was_stored_a_letter_is_taken_in_once(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = clerk.enter(**ENTRY)
    batch = clerk.batch()
    clerk.send(batch, {"a.jpg": jpeg("a")})
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    real, calls = taking.note_taken, []

    def dies(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("killed")
        real(*args)

    monkeypatch.setattr(taking, "note_taken", dies)
    drain("light")  # its back-off is two seconds: reading the stored letter may outlast it
    with db.reading() as session:
        assert len(calls) == 2 or session.get_one(Letter, number).state == "open"
    with db.transaction() as session:
        session.execute(text("update work set run_at = now()"))
    drain("light")
    assert len(calls) == 2
    assert line(number).state == "taken"
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Intake)) == 1
        assert session.scalar(select(func.count()).select_from(Clue)) == 1


def test_given_up_after_it_was_stored_it_is_noted_else_it_is_free_again(clerk: Clerk) -> None:
    number = clerk.enter()
    clerk.enter()
    batch = clerk.batch()
    clerk.send(batch, {"a.jpg": jpeg("a"), "b.jpg": jpeg("b")})
    clerk.change(batch, "in_turn")
    (first, _, _), (second, _, _) = stacks(batch)
    clerk.take(batch)
    with db.reading() as session:
        raw, unit = taking._delivery(session, session.get_one(ScanStack, first))
    intake.accept(raw, unit=unit)
    for stack in (first, second):
        with db.transaction() as session:
            taking.stopped(session, {"stack": stack, "by": 1}, "三次失败")
    assert line(number).state == "taken"
    with db.reading() as session:
        assert session.get_one(ScanStack, second).taking_at is None
    drain("light")  # the rows that are still there find nothing to do, or nothing fixed
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Intake)) == 1


def test_pages_found_later_join_their_letter(clerk: Clerk) -> None:
    number = clerk.enter(**ENTRY)
    batch = clerk.batch()
    clerk.send(batch, {"a.jpg": jpeg("a")})
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    clerk.send(batch, {"back.jpg": jpeg("back")})
    late = stacks(batch)[1][0]
    clerk.change(batch, "assign", stack=late, no="1")
    drain("light")
    assert clerk.take(batch) == {"taken": 1, "left": []}
    drain("light")
    _, _, clue = taken(number)
    with db.reading() as session:
        joined = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id)).all()
        reporters = session.scalar(select(func.count()).where(ClueReporter.clue_id == clue.id))
        assert session.scalar(select(func.count()).select_from(Clue)) == 1
    assert (len(joined), reporters) == (2, 1)


def test_of_a_joint_letter_the_representative_is_told(county: County, clerk: Clerk) -> None:
    signers = "王五，13700001111，红旗村四组\n赵六\n\n 钱七、13600002222 "
    number = clerk.enter(**ENTRY, signers=signers)
    assert "联名 4 人" in clerk.get("/mailroom").text
    batch = clerk.batch()
    clerk.send(batch, {"a.jpg": jpeg("a")})
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    drain("light")
    _, _, clue = taken(number)
    with db.reading() as session:
        rows = session.execute(
            select(Reporter, ClueReporter.represented_by).join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
            .where(ClueReporter.clue_id == clue.id).order_by(Reporter.id)
        ).all()  # fmt: skip
        told = [(open_key(session, row.key_id).json(row.identity, "reporter.identity"), by) for row, by in rows]
        fields = session.scalars(select(Part).where(Part.clue_id == clue.id, Part.kind == "fields")).one()
        stated = open_key(session, session.get_one(Intake, fields.intake_id).key_id).json(fields.data, "part.data")
    first = rows[1][1]
    assert first is not None
    assert [(who["name"], who["phone"], by) for who, by in told] == [
        (NAME, PHONE, None), ("王五", "13700001111", first), ("赵六", "", first), ("钱七", "13600002222", first)
    ]  # fmt: skip
    assert "signers" not in stated
    (notice,) = county.ask(clue.id)
    assert county.notice(notice).reporter_id == first
    with db.transaction() as session:
        labels = [one.label for one in notices.wishes(session, session.get_one(Clue, clue.id))]
        notify.record_wish(session, clue.id, first + 1, ["call"])  # who asks to be told is told
    assert labels[:2] == ["举报人 1（代表人）", "举报人 2（由代表人转告）"]
    assert {county.notice(one).reporter_id for one in county.ask(clue.id, once="act:2")} == {first, first + 1}


# ---- reading over
def test_letters_are_read_over_line_by_line_and_released(app: Flask, clerk: Clerk) -> None:
    number = clerk.enter(**ENTRY)
    batch = clerk.batch()
    clerk.send(batch, {"a.jpg": jpeg("a")})
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    drain("light")
    assert "正在识别文字" in clerk.get("/mailroom/reading").text
    _, _, clue = taken(number)
    with db.transaction() as session:
        part = session.scalars(select(Part.id).where(Part.clue_id == clue.id, Part.kind == "scan")).one()
        transcribe.add_rendition(session, part, f"page:{part}", "image/jpeg", [jpeg("a")], numbered=True)
        lines = [("有人在武潭镇占地", 0.99), ("建厂房八苗", 0.62)]
        segments = tuple(
            Segment(words, sure, order=n, page=0, box=(0.1, 0.1 + n / 10, 0.9, 0.15 + n / 10), source="ocr")
            for n, (words, sure) in enumerate(lines)
        )
        transcribe.store(session, part, Transcript("scan", "t", "m", segments, pages=(Page(620, 877),)))
    assert "1 / 2 行" in clerk.get("/mailroom/reading").text
    page = clerk.get(f"/mailroom/reading/{number}").text
    assert page.count("<rect") == 2
    assert page.count('class="bad') == 2
    saved = clerk.form(f"/clues/{clue.no}/parts/{part}/segments/1", text="建厂房八亩", version="1")
    assert saved.status_code == 303
    assert "0 / 2 行" in clerk.get("/mailroom/reading").text
    for other in ("colleague", "lead", "stranger"):
        assert Clerk(app, other).get(f"/mailroom/reading/{number}").status_code == 404, other
    with db.reading() as session:
        who = people.actor(session, session.execute(text("select id from staff where login = 'clerk'")).scalar_one())
        assert who is not None
        assert hearing.hears_original(session, who, session.get_one(Clue, clue.id))
    assert clerk.form(f"/mailroom/reading/{number}/release").status_code == 303
    assert clerk.get(f"/mailroom/reading/{number}").status_code == 404
    with db.reading() as session:
        assert not hearing.hears_original(session, who, session.get_one(Clue, clue.id)), "the entry window is shut"
    assert clerk.form("/mailroom/reading/release").status_code == 303
