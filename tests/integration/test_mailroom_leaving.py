"""Working copies nobody comes back for: what is no letter goes by itself with an event, what may be one never does."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from hub import db, intake
from hub.mailroom import leaving
from hub.models import DataKey, Event, ScanChunk, ScanFile, ScanPage
from hub.worker import drain
from tests.integration.mailroom_clerk import ENTRY, Clerk, app, clerk, pdf, sheet
from tests.integration.notify.conftest import County, county


def clear() -> int:
    with db.transaction() as session:
        return leaving.clear(session)


def states(batch: int) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(ScanFile.state).where(ScanFile.batch_id == batch).order_by(ScanFile.id)))


def events(batch: int) -> list[str]:
    with db.reading() as session:
        rows = session.scalars(select(Event).where(Event.object == f"batch:{batch}", Event.act == "scan_cleared"))
        return [row.data["why"] for row in rows]


def test_a_file_that_never_came_whole_is_given_up_and_may_come_again(county: County, clerk: Clerk) -> None:
    batch, data = clerk.batch(), pdf(sheet("a"))
    (one,) = clerk.announce(batch, {"a.pdf": data})
    assert clerk.piece(one["id"], 0, data[:100]).status_code == 200
    county.later(days=6)
    assert clear() == 0
    county.later(days=2)
    assert clear() == 1
    assert (states(batch), events(batch), clear()) == (["gone"], ["given_up"], 0)
    with db.reading() as session:
        assert session.scalars(select(ScanChunk)).all() == []
    clerk = Clerk(clerk.client.application, clerk.login)  # days have passed
    (file,) = clerk.send(clerk.batch(), {"a.pdf": data})
    with db.reading() as session:
        assert session.get_one(ScanFile, file).state == "read"


def test_a_page_never_taken_in_stays_and_the_list_says_how_long(county: County, clerk: Clerk) -> None:
    batch = clerk.batch()
    clerk.send(batch, {"a.pdf": pdf(sheet("a"))})
    county.later(days=400)
    assert clear() == 0
    assert states(batch) == ["read"]
    clerk = Clerk(clerk.client.application, clerk.login)
    assert "已搁置 400 天" in clerk.get("/mailroom/batches").text


def test_left_out_pages_of_a_batch_worked_off_go(county: County, clerk: Clerk) -> None:
    batch = clerk.batch()
    _first, second = clerk.send(batch, {"a.pdf": pdf(sheet("a")), "b.pdf": pdf(sheet("b"))})
    with db.reading() as session:
        page = session.scalars(select(ScanPage.id).where(ScanPage.file_id == second)).one()
        row = session.get_one(ScanFile, second)
        addresses = [row.address, session.get_one(ScanPage, page).image]
        key_id = row.key_id
    clerk.enter(**ENTRY)
    assert clerk.change(batch, "mark", pages=[page], role="left_out").status_code == 200
    clerk.change(batch, "in_turn")
    clerk.take(batch)
    drain("light")
    before = states(batch)
    assert before == ["gone", "read"], "what was left out waits"
    county.later(days=29)
    assert clear() == 0
    county.later(days=2)
    assert clear() == 1
    assert (states(batch), events(batch)) == (["gone", "gone"], ["worked_off"])
    with db.reading() as session:
        assert session.get(DataKey, key_id) is None
    assert not any(intake.store().exists(address or "") for address in addresses)
