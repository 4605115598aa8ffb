"""The mailroom behind its pages: register, scans on their way, order of pages, taking in once, reading over."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import hashlib
import io
import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from hub import clock, db, failpoints, intake, notify
from hub.access import hearing, people, staff
from hub.access.sealing import open_key
from hub.app import create_app
from hub.enrich import transcribe
from hub.mailroom import register, taking, uploads
from hub.models import (
    Blob,
    Clue,
    ClueReporter,
    DataKey,
    Event,
    Intake,
    IntakeClue,
    Letter,
    Notice,
    NoticeTask,
    Part,
    Reporter,
    ScanBatch,
    ScanChunk,
    ScanFile,
    ScanPage,
    ScanStack,
    Work,
)
from hub.supervision import notices
from hub.worker import drain
from tests.integration.notify.conftest import UNIT, County, county
from transcription.contract import Page, Segment, Transcript

PASSWORD = "a long password"
CAST = {
    "clerk": (UNIT, "mailroom"), "colleague": (UNIT, "mailroom"), "lead": (UNIT, "lead"), "handler": (UNIT, "handler"),
    "stranger": ("430981", "mailroom"), "operator": (UNIT, "operator"),
}  # fmt: skip
NAME, ADDRESS, PHONE = "李桂花", "桃江县武潭镇红旗村三组21号", "13900004567"
ENTRY = {
    "reporter_name": NAME, "reporter_address": ADDRESS, "reporter_phone": PHONE, "postal_no": "XA 123 456 785 CN",
    "addressee": "县自然资源局", "enclosures": "照片4张", "shelf": "甲-12", "opened": "1", "mode": "real_name",
}  # fmt: skip


class Clerk:
    """The browser of one person."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        assert self.client.post("/sign-in", data={"login": login, "password": PASSWORD}).status_code == 302
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/", follow_redirects=True).text)
        assert found
        self.login, self.csrf, self.keys = login, found[1], 0

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def form(self, path: str, **boxes: str) -> TestResponse:
        headers = {"Accept": "application/json"}
        return self.client.post(path, data={"csrf_token": self.csrf, **boxes}, headers=headers)

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"})

    def enter(self, **boxes: str) -> int:
        """A line of the register; its id."""
        self.keys += 1
        given = {"stamped": clock.today().isoformat(), "key": f"k{self.keys}", **boxes}
        made = self.form("/mailroom/letters", **given)
        assert made.status_code == 200, made.text
        return int(made.json["id"])  # type: ignore[index]  # JSON

    def batch(self) -> int:
        made = self.form("/mailroom/batches")
        return int(made.headers["Location"].rsplit("/", 1)[1])

    def announce(self, batch: int, files: dict[str, bytes], folder: str = "") -> list[dict[str, Any]]:
        told = [
            {"name": name, "folder": folder, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        ]
        answer = self.post(f"/mailroom/batches/{batch}/files", files=told)
        assert answer.status_code == 200, answer.text
        return list(answer.json["files"])  # type: ignore[index]

    def piece(self, number: int, start: int, data: bytes) -> TestResponse:
        return self.client.post(
            f"/mailroom/files/{number}/pieces?start={start}", data=data,
            headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"},
            content_type="application/octet-stream",
        )  # fmt: skip

    def send(self, batch: int, files: dict[str, bytes], *, read: bool = True) -> list[int]:
        """Announces and sends files whole; `read`: their pages are rendered."""
        found = self.announce(batch, files)
        for one, data in zip(found, files.values(), strict=True):
            at = one["have"]
            while at < len(data):
                answer = self.piece(one["id"], at, data[at : at + uploads.PIECE])
                assert answer.status_code == 200, answer.text
                at = answer.json["have"]  # type: ignore[index]
        if read:
            drain("scan")
        return [one["id"] for one in found]

    def version(self, batch: int) -> int:
        with db.reading() as session:
            return session.get_one(ScanBatch, batch).version

    def change(self, batch: int, what: str, **given: Any) -> TestResponse:
        return self.post(f"/mailroom/batches/{batch}/change", version=self.version(batch), what=what, **given)

    def take(self, batch: int, *stacks: int) -> dict[str, Any]:
        answer = self.post(f"/mailroom/batches/{batch}/take", version=self.version(batch), stacks=list(stacks))
        assert answer.status_code == 200, answer.text
        return dict(answer.json)  # type: ignore[arg-type]


@pytest.fixture
def app(county: County) -> Flask:
    del county
    with db.transaction() as session:
        for login, (unit, role) in CAST.items():
            staff.add(session, login, f"人{login}", PASSWORD, unit, [role])
    return create_app()


@pytest.fixture
def clerk(app: Flask) -> Clerk:
    return Clerk(app, "clerk")


def sheet(words: str = "", *, bars: str = "") -> Image.Image:
    page = Image.new("L", (620, 877), 255)
    ImageDraw.Draw(page).text((60, 300), words, fill=0, font_size=28)
    if bars:
        made = zxingcpp.create_barcode(bars, zxingcpp.BarcodeFormat.QRCode).to_image(scale=5)
        with io.BytesIO():
            page.paste(Image.fromarray(made), (60, 60))
    return page


def jpeg(words: str, **more: str) -> bytes:
    out = io.BytesIO()
    sheet(words, **more).save(out, "JPEG", quality=80)
    return out.getvalue()


def pdf(*pages: Image.Image) -> bytes:
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=75)
    return out.getvalue()


def tiff(*pages: Image.Image) -> bytes:
    out = io.BytesIO()
    first, *rest = [page.convert("1") for page in pages]
    first.save(out, "TIFF", save_all=True, append_images=rest, compression="group4", dpi=(75, 75))
    return out.getvalue()


def stacks(batch: int) -> list[tuple[int, list[tuple[int, str, int]], int | None]]:
    """(id, [(page id, role, rotation)], letter) of a batch in order."""
    with db.reading() as session:
        rows = session.scalars(
            select(ScanStack).where(ScanStack.batch_id == batch).order_by(ScanStack.ord, ScanStack.id)
        ).all()
        out = []
        for row in rows:
            of = session.scalars(
                select(ScanPage).where(ScanPage.stack_id == row.id).order_by(ScanPage.ord, ScanPage.id)
            ).all()
            out.append((row.id, [(page.id, page.role, page.rotation) for page in of], row.letter_id))
        return out


def line(number: int) -> Letter:
    with db.reading() as session:
        found = session.get_one(Letter, number)
        session.expunge_all()
        return found


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


# ---- scans on their way


def test_a_file_comes_in_pieces_and_goes_on_where_it_was_cut(clerk: Clerk) -> None:
    batch = clerk.batch()
    data = pdf(sheet("a")) + random.Random(1).randbytes(3 * uploads.PIECE)
    (file,) = clerk.announce(batch, {"a.pdf": data})
    assert (file["have"], file["state"]) == (0, "sending")
    assert clerk.piece(file["id"], 0, data[: uploads.PIECE]).json["have"] == uploads.PIECE  # type: ignore[index]
    lost = clerk.piece(file["id"], 0, data[: uploads.PIECE])  # the answer was lost: sent again, it changes nothing
    assert lost.json["have"] == uploads.PIECE  # type: ignore[index]
    ahead = clerk.piece(file["id"], 2 * uploads.PIECE, data[2 * uploads.PIECE :])  # a hole is not made
    assert ahead.json["have"] == uploads.PIECE  # type: ignore[index]
    with db.reading() as session:
        (chunk,) = session.scalars(select(ScanChunk.data)).all()
    assert data[:64] not in chunk, "sealed"
    (again,) = clerk.announce(batch, {"a.pdf": data})  # after a reload
    assert (again["id"], again["have"]) == (file["id"], uploads.PIECE)
    clerk.send(batch, {"a.pdf": data}, read=False)
    (done,) = clerk.announce(batch, {"a.pdf": data})
    assert (done["have"], done["state"]) == (len(data), "stored")
    with db.reading() as session:
        row = session.get_one(ScanFile, file["id"])
        assert uploads.original(session, row) == data
        assert session.scalar(select(func.count()).select_from(ScanChunk)) == 0
        assert session.scalars(select(Work.handler)).all() == ["scan_pages"]
    assert clerk.get(f"/mailroom/batches/{batch}").status_code == 200


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
@pytest.mark.parametrize("point", ["db.before_commit", "db.after_commit"])
def test_cut_before_and_after_each_commit_nothing_is_lost_or_doubled(clerk: Clerk, share: float, point: str) -> None:
    """F25: an upload is cut at a share of its pieces, before or after the commit, and goes on from what is stored."""
    data = pdf(sheet("a")) + random.Random(3).randbytes(6 * uploads.PIECE)
    batch, pieces = clerk.batch(), -(-len(data) // uploads.PIECE)
    (file,) = clerk.announce(batch, {"a.pdf": data})
    at = piece = 0
    while at < len(data):
        if piece == int(share * pieces):
            failpoints.arm(f"{point}=raise")
            lost = clerk.piece(file["id"], at, data[at : at + uploads.PIECE])
            failpoints.arm("")
            assert lost.status_code == 500, "cut: the browser hears nothing good"
            at = clerk.announce(batch, {"a.pdf": data})[0]["have"]
            kept = piece + (point == "db.after_commit")
            assert at == min(len(data), kept * uploads.PIECE)
        else:
            at = clerk.piece(file["id"], at, data[at : at + uploads.PIECE]).json["have"]  # type: ignore[index]
        piece += 1
    with db.reading() as session:
        (row,) = session.scalars(select(ScanFile)).all()
        assert (row.state, uploads.original(session, row)) == ("stored", data)
        assert session.scalar(select(func.count()).where(Work.handler == "scan_pages")) == 1


def test_a_file_taken_out_may_come_again(clerk: Clerk) -> None:
    batch, data = clerk.batch(), jpeg("a")
    (file,) = clerk.send(batch, {"a.jpg": data})
    assert clerk.change(batch, "remove", file=file).status_code == 200
    assert stacks(batch) == []
    assert clerk.announce(batch, {"a.jpg": data})[0]["state"] == "sending"
    assert clerk.send(batch, {"a.jpg": data}) == [file]
    assert len(stacks(batch)) == 1


def test_the_machine_goes_on_while_people_arrange(clerk: Clerk) -> None:
    """What a worker reads meanwhile makes no page of a person stale, and only what changed is sent again."""
    batch = clerk.batch()
    clerk.send(batch, {"a.pdf": pdf(sheet("a"), sheet("b"))})
    seen, version = clerk.get(f"/mailroom/batches/{batch}").text, clerk.version(batch)
    mark = re.search(r'data-seen="([^"]+)"', seen)
    assert mark
    path, live = f"/mailroom/batches/{batch}?seen={mark[1]}", {"HX-Request": "true"}
    assert clerk.get(path, headers=live).status_code == 204
    clerk.send(batch, {"b.jpg": jpeg("later")})
    assert clerk.get(path, headers=live).status_code == 200
    (_, (_, (second, _, _)), _), _ = stacks(batch)
    answer = clerk.post(f"/mailroom/batches/{batch}/change", version=version, what="split", pages=[second])
    assert answer.status_code == 200
    assert [len(pages) for _, pages, _ in stacks(batch)] == [1, 1, 1]


def test_a_file_that_changed_while_it_was_sent_comes_once_more(clerk: Clerk) -> None:
    batch, data = clerk.batch(), pdf(sheet("a"))
    (file,) = clerk.announce(batch, {"a.pdf": data})
    spoilt = clerk.piece(file["id"], 0, bytes(len(data)))
    assert (spoilt.json["have"], spoilt.json["state"]) == (0, "sending")  # type: ignore[index]
    too_long = clerk.piece(file["id"], 0, data + b"x")
    assert too_long.status_code == 409
    clerk.send(batch, {"a.pdf": data}, read=False)
    assert clerk.announce(batch, {"a.pdf": data})[0]["state"] == "stored"


def test_what_cannot_be_announced(app: Flask, clerk: Clerk) -> None:
    batch = clerk.batch()
    good = {"name": "a.pdf", "folder": "", "size": 3, "sha256": "0" * 64}
    for wrong, words in (
        ({"name": "a.exe"}, "不是扫描件"), ({"size": 0}, "是空的"), ({"size": 10**12}, "超过"),
        ({"sha256": "x"}, "无法读取"), ({"size": "3"}, "无法读取"),
    ):  # fmt: skip
        answer = clerk.post(f"/mailroom/batches/{batch}/files", files=[{**good, **wrong}])
        assert answer.status_code == 422
        assert words in answer.json["error"]  # type: ignore[index]
    assert clerk.post(f"/mailroom/batches/{batch}/files", files="x").status_code == 422
    many = [{**good, "name": f"{n}.pdf"} for n in range(501)]
    assert "最多 500 个" in clerk.post(f"/mailroom/batches/{batch}/files", files=many).json["error"]  # type: ignore[index]
    assert Clerk(app, "stranger").post(f"/mailroom/batches/{batch}/files", files=[good]).status_code == 404
    assert Clerk(app, "handler").get(f"/mailroom/batches/{batch}").status_code == 404, "another's batch"
    assert Clerk(app, "colleague").get(f"/mailroom/batches/{batch}").status_code == 200, "the mailroom stands in"


def test_an_identical_scan_is_offered_never_refused(clerk: Clerk) -> None:
    first, second, letter = clerk.batch(), clerk.batch(), clerk.enter()
    data = jpeg("one")
    clerk.send(first, {"a.jpg": data})
    ((stack, _, _),) = stacks(first)
    clerk.change(first, "assign", stack=stack, no="1")
    assert clerk.take(first) == {"taken": 1, "left": []}
    drain("light")
    (file,) = clerk.send(second, {"b.jpg": data})
    assert clerk.announce(second, {"b.jpg": data})[0]["twin"] == "asked"
    assert "1 的扫描件完全相同" in clerk.get(f"/mailroom/batches/{second}").text
    clerk.enter()
    ((stack, _, _),) = stacks(second)
    clerk.change(second, "assign", stack=stack, no="2")
    asked = clerk.take(second)
    assert asked["taken"] == 0
    assert "同一封信还是另一封信" in asked["left"][0]["why"]
    assert clerk.change(second, "twin", file=file, same=True).status_code == 200
    assert stacks(second)[0][1][0][1] == "left_out"
    assert clerk.take(second)["left"][0]["why"] == "没有要收的页面"
    assert clerk.change(second, "twin", file=file, same=False).status_code == 200
    assert clerk.take(second) == {"taken": 1, "left": []}
    drain("light")
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Intake)) == 2
        assert session.scalar(select(func.count()).where(Blob.sha256 == hashlib.sha256(data).hexdigest())) == 2
    assert line(letter).state == "taken"


# ---- pages in order


def test_cover_sheets_page_names_and_files_make_stacks(clerk: Clerk) -> None:
    one, two = clerk.enter(), clerk.enter()
    year = clock.today().year
    covers = [f"L{UNIT}-{year}-{number:05d}" for number in (1, 2)]
    batch = clerk.batch()
    clerk.send(batch, {
        "1.tif": tiff(sheet(bars=covers[1]), sheet("a"), sheet("b"), sheet(bars=covers[0]), sheet("c")),
        "2.jpg": jpeg("d"),
    })  # fmt: skip
    found = [([role for _, role, _ in pages], letter) for _, pages, letter in stacks(batch)]
    assert found == [(["cover", "page", "page"], two), (["cover", "page", "page"], one)]
    plain = clerk.batch()
    clerk.send(
        plain,
        {"0012-1.jpg": jpeg("e"), "0012-2.jpg": jpeg("f"), "0013.jpg": jpeg("g"), "x.pdf": pdf(sheet("h"), sheet("i"))},
    )
    assert [len(pages) for _, pages, _ in stacks(plain)] == [2, 1, 2]
    page = clerk.get("/mailroom/covers").text
    assert page.count("<svg") == 2
    assert covers[0] in page


def test_bars_of_an_envelope_name_the_registered_letter(clerk: Clerk) -> None:
    letter = clerk.enter(postal_no="XA 123 456 785 CN")
    batch = clerk.batch()
    clerk.send(batch, {"a.pdf": pdf(sheet("text"), sheet(bars="XA123456785CN"))})
    ((_, pages, found),) = stacks(batch)
    assert ([role for _, role, _ in pages], found) == (["page", "envelope"], letter)


def test_split_join_move_turn_mark_and_assign(clerk: Clerk) -> None:
    for _ in range(3):
        clerk.enter()
    batch = clerk.batch()
    clerk.send(batch, {"a.pdf": pdf(*(sheet(str(n)) for n in range(4))), "b.jpg": jpeg("x")})
    (first, pages, _), (second, (other,), _) = stacks(batch)
    a, b, c, d = (page for page, _, _ in pages)
    e = other[0]

    def order() -> list[list[int]]:
        return [[page for page, _, _ in found] for _, found, _ in stacks(batch)]

    assert clerk.change(batch, "split", pages=[c]).status_code == 200
    assert order() == [[a, b], [c, d], [e]]
    assert clerk.change(batch, "split", pages=[a]).status_code == 422
    middle = stacks(batch)[1][0]
    assert clerk.change(batch, "join", stack=second).status_code == 200
    assert order() == [[a, b], [c, d, e]]
    assert clerk.change(batch, "shift", pages=[e], by=-1).status_code == 200
    assert clerk.change(batch, "move", pages=[d, a], before=e).status_code == 200
    assert order() == [[b], [c, a, d, e]]
    assert clerk.change(batch, "move", pages=[a]).status_code == 200
    assert order() == [[b], [c, d, e], [a]]
    assert clerk.change(batch, "move", pages=[a], stack=first).status_code == 200
    assert order() == [[b, a], [c, d, e]]
    for by, turned in ((1, 90), (1, 180), (-1, 90), (-1, 0), (-1, 270)):
        clerk.change(batch, "turn", pages=[b], by=by)
        assert stacks(batch)[0][1][0][2] == turned
    assert clerk.change(batch, "mark", pages=[a, e], role="envelope").status_code == 200
    assert [role for _, role, _ in stacks(batch)[0][1]] == ["page", "envelope"]
    assert clerk.change(batch, "mark", pages=[a], role="crown").status_code == 422
    assert clerk.change(batch, "assign", stack=first, no="9").status_code == 422
    assert clerk.change(batch, "assign", stack=first, no=f"{clock.today().year}-00002").status_code == 200
    assert clerk.change(batch, "assign", stack=middle, no="2").json["error"].endswith("同一封信请合并")  # type: ignore[index]
    assert clerk.change(batch, "in_turn").status_code == 200
    assert [line(letter or 0).number for _, _, letter in stacks(batch)] == [2, 1]
    stale = clerk.post(f"/mailroom/batches/{batch}/change", version=1, what="in_turn")
    assert stale.status_code == 409
    clerk.send(batch, {"later.jpg": jpeg("later")})  # what people arranged stays as it is
    assert order() == [[b, a], [c, d, e], [order()[2][0]]]
    assert clerk.get(f"/mailroom/pages/{a}/small").data[:2] == b"\xff\xd8"
    assert clerk.get(f"/mailroom/pages/{a}/large").data[:2] == b"\xff\xd8"


def test_a_scan_nobody_can_read_is_kept_and_said(clerk: Clerk) -> None:
    batch = clerk.batch()
    (file,) = clerk.send(batch, {"bad.pdf": b"%PDF-1.4 nothing behind it"})
    page = clerk.get(f"/mailroom/batches/{batch}").text
    assert "读不出页面" in page
    with db.reading() as session:
        row = session.get_one(ScanFile, file)
        assert (row.state, uploads.original(session, row)[:8]) == ("unreadable", b"%PDF-1.4")
    assert clerk.change(batch, "remove", file=file).status_code == 200
    with db.reading() as session:
        row = session.get_one(ScanFile, file)
        assert (row.state, row.sha256) == ("gone", hashlib.sha256(b"%PDF-1.4 nothing behind it").hexdigest())


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
