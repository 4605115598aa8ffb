"""Units, certificates and lists on screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from hub import db
from hub.jurisdiction import units
from hub.models import Certificate, Unit
from hub.terms import Role
from tests.integration.browsers import official

Signed = Callable[[Role, str], tuple[FlaskClient, str]]


@pytest.fixture
def signed(hub: Path) -> Signed:
    del hub
    return official


def test_a_unit_is_found_and_set_up(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430900")
    assert "桃江县" in client.get("/units?q=桃江").text
    assert client.get("/units?q=%25").status_code == 200
    assert "没有找到" in client.get("/units?q=不存在的单位").text
    new = {"code": "430922-kfq", "name": "桃江经开区分局", "level": "county", "kind": "authority", "csrf_token": csrf,
           "places": "", "since": "2026-03-02"}  # fmt: skip
    told = client.post("/units/430900/below", data=new, follow_redirects=True)
    assert told.status_code == 200
    assert "桃江经开区分局" in told.text
    assert "设立" in told.text
    told = client.post("/units/430900/below", data=new)
    assert told.status_code == 422
    assert "已经使用过" in told.text
    assert 'value="桃江经开区分局"' in told.text, "what was typed stays"
    assert client.get("/units?q=%00").status_code == 200
    for wrong in ("\0", "9" * 20):
        told = client.post("/units/430922-kfq/rename", data={"name": wrong, "csrf_token": csrf, "since": wrong})
        assert told.status_code == 422, "no text of the database, no day"
    told = client.post("/units/430922-kfq/rename", data={"name": "经开区分局", "csrf_token": csrf, "since": ""})
    assert told.status_code == 303
    page = client.get("/units/430922-kfq").text
    assert "桃江经开区分局 → 经开区分局" in page
    told = client.post("/units/430922-kfq/close", data={"successor": "430922", "csrf_token": csrf})
    assert told.status_code == 303
    assert "已撤并" in client.get("/units/430922-kfq").text


def test_only_the_administrator_of_the_area_changes_units(signed: Signed) -> None:
    client, csrf = signed(Role.SYSADMIN, "430922")
    told = client.post("/units/430900/rename", data={"name": "某局", "csrf_token": csrf})
    assert told.status_code == 422
    assert client.post("/units/999999/rename", data={"name": "某局", "csrf_token": csrf}).status_code == 404
    assert client.post("/units/430922/explode", data={"csrf_token": csrf}).status_code == 404
    client, csrf = signed(Role.LEAD, "430922")
    assert client.post("/units/430922/rename", data={"name": "某局", "csrf_token": csrf}).status_code == 404
    assert "变更" not in client.get("/units/430922").text
    with db.reading() as session:
        assert session.scalars(select(Unit.name).where(Unit.code == "430900")).one() != "某局"


def test_staff_of_other_areas_are_not_listed(signed: Signed) -> None:
    client, _ = signed(Role.HANDLER, "430922")
    assert "人handler.430922" in client.get("/units/430922").text
    assert "人员</h2>" not in client.get("/units/430981").text


def test_the_ledger(signed: Signed) -> None:
    client, csrf = signed(Role.LEAD, "430922")
    assert "台账还是空的" in client.get("/certificates").text
    new = {"name": "张三", "number": "湘1", "valid_from": "2025-01-01", "valid_until": "2030-12-31", "csrf_token": csrf}
    assert client.post("/certificates", data=new).status_code == 303
    told = client.post("/certificates", data=new)
    assert told.status_code == 422
    assert "已在台账中" in told.text
    assert client.post("/certificates", data=new | {"number": "湘2", "valid_until": "x"}).status_code == 422
    with db.reading() as session:
        number = session.scalars(select(Certificate.id)).one()
    other, other_csrf = signed(Role.LEAD, "430981")
    assert other.post(f"/certificates/{number}/withdraw", data={"csrf_token": other_csrf}).status_code == 404
    assert client.post(f"/certificates/{number}/withdraw", data={"csrf_token": csrf}).status_code == 303
    assert "注销" in client.get("/certificates").text
    assert client.post("/certificates", data=new | {"valid_from": "2030-01-01"}).status_code == 303, "renewed"
    with db.reading() as session:
        unit = units.by_code(session, "430922")
        assert unit is not None
        assert {row.unit_id for row in session.scalars(select(Certificate))} == {unit.id}
