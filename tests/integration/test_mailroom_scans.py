"""Scans on their way: in pieces, cut, twice, arranged by people and by the machine."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import hashlib
import random
import re

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from hub import clock, db, failpoints
from hub.access import people
from hub.mailroom import uploads
from hub.models import Blob, Intake, ScanChunk, ScanFile, Work
from hub.worker import drain
from tests.integration.mailroom_clerk import Clerk, app, clerk, jpeg, line, pdf, sheet, stacks, tiff
from tests.integration.notify.conftest import UNIT, county


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
