"""An operator with a call pad."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from werkzeug.test import TestResponse

from channels.registry import channel
from hub import db, intake
from hub.app import create_app
from hub.models import Intake, Work
from tests.integration import browsers
from tests.integration.notify.conftest import UNIT, County, county

CAST = {
    "operator": (UNIT, "operator"), "colleague": (UNIT, "operator"), "lead": (UNIT, "lead"),
    "stranger": ("430981", "operator"), "mailroom": (UNIT, "mailroom"),
}  # fmt: skip


NUMBER, NAME, FACTS = "13900004567", "李桂花", "鑫隆建材有限公司未经批准占用耕地八亩建厂房，已经盖好两栋"


CALL = {
    "caller": NUMBER, "name": NAME, "place": "湖南省益阳市桃江县武潭镇红旗村三组", "division": "430922105",
    "respondent": "鑫隆建材有限公司", "facts": FACTS, "area": "8亩", "class": "T2",
    "routes": "call,sms", "hours": "14-18",
}  # fmt: skip


class Operator(browsers.Person):
    """The call pad's page of one person, which speaks JSON."""

    seq = 0

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.csrf})

    def take(self, ring: int = 0) -> int:
        return int(self.post("/call/open", ring=ring).json["id"])  # type: ignore[index]  # JSON of an answer

    def save(self, call: int, values: dict[str, str], page: str = "p", version: int = 1) -> TestResponse:
        self.seq += 1
        return self.post(f"/call/{call}/draft", values=values, page=page, seq=self.seq, version=version)

    def end(self, call: int, ending: str, values: dict[str, str], **proof: str) -> TestResponse:
        self.seq += 1
        return self.post(f"/call/{call}/end", ending=ending, values=values, page="p", seq=self.seq, proof=proof)

    def outcome(self, call: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.post(f"/call/{call}/outcome").json  # type: ignore[assignment]  # JSON
        return answer


@pytest.fixture
def app(county: County) -> Flask:
    del county
    browsers.join(CAST)
    return create_app()


@pytest.fixture
def operator(app: Flask) -> Operator:
    return Operator(app, "operator")


def worked() -> None:
    """What the light worker does, in this process."""
    with db.transaction() as session:
        for row in session.scalars(select(Intake).where(Intake.state == "stored").order_by(Intake.id)).all():
            raw = intake.load(session, row.id)
            intake.register(session, row.id, channel(raw.channel).normalize(raw))
        session.execute(delete(Work).where(Work.handler == "normalize"))


def registered(operator: Operator, values: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    call = operator.take()
    assert operator.end(call, "clue", values or CALL).status_code == 200
    worked()
    return call, operator.outcome(call)


def one(query: Any) -> Any:
    with db.reading() as session:
        found = session.scalars(query).one()
        session.expunge_all()
        return found


def count(query: Any) -> int:
    with db.reading() as session:
        return int(session.scalar(select(func.count()).select_from(query.subquery())) or 0)
