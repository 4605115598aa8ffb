"""One message from its entrance to a clue with suggestions, on real PostgreSQL, with the limited child."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake, ports
from hub.access import audit
from hub.models import Blob as BlobRow
from hub.models import Clock, Clue, ClueUnit, Intake, IntakeClue, SearchRow, SuggestionRow, Work
from hub.supervision import listing
from hub.worker import drain

MAIL = (
    "From: =?utf-8?B?5byg5LiJ?= <zhang.san@example.org>\r\nTo: clue@example.cn\r\nMessage-ID: <a1@example.org>\r\n"
    "Subject: =?utf-8?B?5Li+5oql?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n"
    "我叫张三，电话13800001234。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。\r\n"
).encode()

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def take(code: str, name: str, data: bytes, **meta: object) -> list[intake.Accepted]:
    made = channels()[code].from_files([Blob(name, "", data)], meta, source_id=f"cli:{code}", now=AT)
    return [intake.accept(raw, unit="430922") for raw in made]


@pytest.fixture
def _running(hub: Path) -> None:
    del hub


def test_a_mail_becomes_a_clue_with_place_class_and_everything_sealed(hub: Path) -> None:
    (first,) = take("email", "a.eml", MAIL)
    assert first.new
    assert drain("light") == 1
    assert drain("text") == 1
    with db.reading() as session:
        clue = session.scalars(select(Clue)).one()
        assert clue.no.startswith("430922-20261120-03-")
        assert clue.division == "430922"
        assert clue.class_code == "T2"
        assert clue.enriched
        assert session.scalar(select(func.count()).select_from(ClueUnit)) == 4  # county, city, province, ministry
        assert session.scalars(select(Clock)).one().due.isoformat() == "2026-12-01"
        assert session.scalar(select(func.count()).select_from(Work)) == 0
        assert session.scalars(select(SuggestionRow.field)).all()
        assert audit.verify(session).ok
        (row,) = list(listing.rows(session, with_text=True))
    assert row["place"] == "湖南省/益阳市/桃江县"
    assert "13800001234" not in row["text"]
    assert "张三" not in row["text"]
    assert "▇" in row["text"]


def test_the_same_delivery_again_adds_nothing(hub: Path) -> None:
    (first,) = take("email", "a.eml", MAIL)
    (again,) = take("email", "other-name.eml", MAIL)
    assert (again.intake_id, again.new) == (first.intake_id, False)
    drain("light")
    assert not take("email", "a.eml", MAIL)[0].new
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Intake)) == 1
        assert session.scalar(select(func.count()).select_from(BlobRow)) == 1


def test_the_same_content_from_two_senders_is_two_intakes(hub: Path) -> None:
    (one,) = take("email", "a.eml", MAIL, external_id="one")
    (two,) = take("email", "a.eml", MAIL, external_id="two")
    assert one.new
    assert two.new
    assert one.intake_id != two.intake_id


def test_what_cannot_be_read_waits_on_the_manual_list(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = channels()["referral"].from_files(
        [Blob("a.txt", "text/plain", "批示：请核查桃江县".encode())], {}, source_id="cli:referral", now=AT
    )[0]
    broken = type(raw)(
        **{**{f: getattr(raw, f) for f in raw.__slots__}, "blobs": (Blob("x", "", b"\xff\x00not json", "form"),)}
    )
    made = intake.accept(broken, unit="430922")
    drain("light")
    with db.reading() as session:
        row = session.get_one(Intake, made.intake_id)
        assert row.state == "manual"
        assert row.reason
        assert session.scalars(select(IntakeClue)).first() is None


def test_search_finds_two_characters_for_the_unit_and_its_superiors(hub: Path) -> None:
    from hub import search

    take("email", "a.eml", MAIL)
    drain("light")
    with db.reading() as session:
        chain = {row.unit_id for row in session.scalars(select(ClueUnit))}
        for unit_id in chain:
            for words in ("耕地", "厂", "鑫隆建材有限公司"):
                assert session.scalars(select(SearchRow).where(search.matching(words, unit_id))).first(), words
            assert session.scalars(select(SearchRow).where(search.matching("厂耕", unit_id))).first() is None
        assert session.scalars(select(SearchRow).where(search.matching("耕地", 1_000_000))).first() is None


def test_ports_know_what_was_delivered(hub: Path) -> None:
    with db.transaction() as session:
        ports.add_source(
            session, "email:t", "email", "430922", "t", settings={"host": "h", "user": "u"}, secrets={"password": "s"}
        )
    made = ports.HubPorts()
    assert made.secret("email:t", "password") == "s"
    assert made.seen("email:t", ["1:1"]) == set()
    raw = channels()["email"].from_files([Blob("a.eml", "", MAIL)], {}, source_id="email:t", now=AT)[0]
    raw = type(raw)(**{**{f: getattr(raw, f) for f in raw.__slots__}, "key": "1:1"})
    assert made.deliver(raw)
    assert made.seen("email:t", ["1:1", "1:2"]) == {"1:1"}
    assert not made.deliver(raw)
    made.set_cursor("email:t", "uid", "5")
    assert made.cursor("email:t", "uid") == "5"
    with made.lease("x") as held, made.lease("x") as second:
        assert held
        assert not second
