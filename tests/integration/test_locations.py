"""Points of senders end to end: from WeChat and the citizens' page to a suggestion in CGCS2000 with its source."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from channels.contract import Blob
from channels.registry import channel, channels
from hub import casework, clock, db, intake
from hub.access.sealing import open_key
from hub.app import create_app
from hub.jurisdiction.place_coordinates import to_gcj
from hub.models import Clue, SuggestionRow, Value
from hub.supervision import case
from hub.worker import drain
from tests.integration.casework.conftest import COUNTY, Desk, desk
from tests.integration.citizen_page import Citizen, app, registered

THERE = (28.518012, 112.155034)  # WGS 84


def work() -> None:
    while drain("light") + drain("text"):
        pass


def points() -> list[dict[str, Any]]:
    with db.reading() as session:
        clue = session.scalars(select(Clue).order_by(Clue.id.desc())).first()
        assert clue is not None
        key = open_key(session, clue.key_id)
        query = select(SuggestionRow).where(SuggestionRow.clue_id == clue.id, SuggestionRow.field == "location")
        return [key.json(row.value, "suggestion.value") for row in session.scalars(query.where(SuggestionRow.current))]


def message(lat: float, lon: float) -> bytes:
    """What WeChat posts for a chosen location, decrypted."""
    return (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oQ7location01</FromUserName><CreateTime>1772413200</CreateTime>"
        f"<MsgType>location</MsgType><Location_X>{lat:.6f}</Location_X><Location_Y>{lon:.6f}</Location_Y><Scale>16</Scale>"
        "<Label>湖南省益阳市桃江县武潭镇红旗村</Label><MsgId>77001</MsgId></xml>"
    ).encode()


def test_a_wechat_location(desk: Desk) -> None:
    sent = tuple(round(value, 6) for value in to_gcj(*THERE))
    blob = Blob("m.xml", "text/xml", message(*sent))
    (raw,) = channels()["wechat"].from_files([blob], {}, source_id="cli:wechat", now=clock.now())
    intake.accept(raw, unit=COUNTY)
    work()
    (made,) = points()
    assert (made["value"]["lat"], made["value"]["lon"]) == pytest.approx(THERE, abs=2e-6)
    assert made["value"]["system"] == "CGCS2000"
    assert made["value"]["given"] == {"lat": sent[0], "lon": sent[1], "system": "GCJ02"}
    assert made["reason"] == "微信位置，已由 GCJ-02 换算"
    assert [span["text"] for span in made["spans"]] == ["湖南省益阳市桃江县武潭镇红旗村"]


def test_the_citizens_page_and_its_confirmation(citizen: Citizen, desk: Desk) -> None:
    citizen.code(lat=str(THERE[0]), lon=str(THERE[1]), accuracy="20")
    registered()
    work()
    (made,) = points()
    assert (made["value"]["lat"], made["value"]["lon"]) == THERE
    assert made["value"]["given"]["system"] == "WGS84"
    assert made["reason"] == "手机定位"
    with db.transaction() as session:
        clue = session.scalars(select(Clue)).one()
        row = session.scalars(select(SuggestionRow).where(SuggestionRow.field == "location")).one()
        value = casework.suggested(session, clue, "location", row.id)
        casework.confirm(session, desk.who(), clue, "location", value, suggestion_id=row.id)
    with db.reading() as session:
        clue = session.scalars(select(Clue)).one()
        assert session.scalars(select(Value.field)).all() == ["location"]
        view = case.view(session, desk.who(), clue, original=True)
        shown = [one.shown for one in view.proposals if one.field == "location"]
        assert shown == [f"{made['value']['label']} 北纬 28.518012，东经 112.155034（CGCS2000）"]
        assert [one["field"] for one in view.decided] == ["location"]


@pytest.fixture
def citizen(app: Flask) -> Citizen:
    return Citizen(app)
