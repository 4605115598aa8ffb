"""A citizen in a browser, and what came of the report."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from channels.registry import channel
from hub import db, intake
from hub.access import staff
from hub.app import create_app
from hub.models import Intake
from hub.web.citizen import consent
from tests.integration.casework.conftest import COUNTY, Desk, desk

VERSION = consent.VERSIONS[-1].version


PHONE = "13800001234"


REPORT = {
    "place": "湖南省益阳市桃江县武潭镇红旗村", "respondent": "鑫隆建材有限公司", "facts": "未经批准占用耕地8亩建厂房",
    "mode": "real_name", "reporter_name": "张三", "reporter_phone": PHONE, "consent": VERSION,
}  # fmt: skip


ANONYMOUS = {name: REPORT[name] for name in ("place", "facts", "consent")} | {"mode": "anonymous"}


JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 100


class Citizen:
    """Somebody's telephone."""

    def __init__(self, app: Flask, address: str = "203.0.113.7") -> None:
        self.client: FlaskClient = app.test_client()
        self.address = {"REMOTE_ADDR": address}

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/citizen/{path}", environ_overrides=self.address)

    def post(self, path: str, data: dict[str, Any]) -> TestResponse:
        return self.client.post(f"/citizen/{path}", data=data, environ_overrides=self.address)

    def token(self, path: str = "report") -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get(path).text)
        assert found
        return found[1]

    def report(self, token: str = "", path: str = f"report/{COUNTY}", **more: Any) -> TestResponse:
        values = (ANONYMOUS if more.get("mode") == "anonymous" else REPORT) | more
        return self.post(path, {"token": token or self.token(), **values})

    def code(self, **more: Any) -> str:
        answer = self.report(**more)
        assert answer.status_code == 200, answer.text
        found = re.search(r'id="code"[^>]*>([^<]+)<', answer.text)
        assert found
        return found[1]

    def ask(self, code: str, tail: str = PHONE[-4:]) -> TestResponse:
        return self.post("query", {"code": code, "tail": tail})


@pytest.fixture
def app(desk: Desk) -> Flask:
    del desk
    with db.transaction() as session:
        staff.add(session, "lead", "周科长", "a long password", COUNTY, ["lead"])
    return create_app()


@pytest.fixture
def citizen(app: Flask) -> Citizen:
    return Citizen(app)


def registered() -> list[int]:
    """Reads what is stored in this process (other tests prove the child); the ids of the clues."""
    made: list[int] = []
    with db.transaction() as session:
        for row in session.scalars(select(Intake).where(Intake.state == "stored").order_by(Intake.id)):
            raw = intake.load(session, row.id)
            made += intake.register(session, row.id, channel(row.channel).normalize(raw))
    return made


def count(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
