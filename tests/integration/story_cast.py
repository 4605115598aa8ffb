"""The cast of the stories: officials who act by the API, callers, and what was said to whom."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from hub import db
from hub.access import staff
from hub.app import create_app
from hub.models import Clue
from tests.integration import browsers
from tests.integration.notify.conftest import UNIT, County, county

CITY, SIBLING = "430900", "430981"


CAST = {
    "operator": (UNIT, ["operator"]), "handler": (UNIT, ["handler"]), "lead": (UNIT, ["lead"]),
    "city": (CITY, ["lead", "supervisor"]), "sibling": (SIBLING, ["handler"]), "mailroom": (UNIT, ["mailroom"]),
    "sysadmin": (UNIT, ["sysadmin"]), "supervisor": (CITY, ["supervisor"]),
}  # fmt: skip


class Caller(browsers.Person):
    """A program that acts for one person, added to the hub when first called."""

    def __init__(self, app: Flask, login: str) -> None:
        unit, roles = CAST[login]
        with db.transaction() as session:
            staff.add(session, login, f"人{login}", browsers.PASSWORD, unit, roles)
        super().__init__(app, login)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.csrf}

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}")
        if answer.status_code == 401:  # days have passed since
            super().__init__(self.client.application, self.login)
            answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: dict[str, Any], **headers: str) -> TestResponse:
        self.get("problems")  # signed in still
        return self.client.post(f"/api/v1/{path}", json=body, headers=self.headers | headers)

    def done(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def clue(self, no: str) -> Any:
        return self.get(f"clues/{no}")

    def offers(self, no: str) -> dict[str, Any]:
        return {offer["id"]: offer for offer in self.get(f"clues/{no}/acts")["acts"]}

    def act(self, no: str, act: str, **data: Any) -> Any:
        """Does an act that is offered; the clue after it."""
        offer = self.offers(no)[act]
        assert offer["refusal"] is None, offer["refusal"]
        lacking = {f["name"] for f in offer["fields"] if f["required"]} - data.keys()
        assert not lacking, f"{act} also needs {lacking}"
        return self.done(f"clues/{no}/acts/{act}", {"version": self.clue(no)["version"], "data": data})["clue"]

    def refused(self, no: str, act: str, **data: Any) -> Any:
        answer = self.post(f"clues/{no}/acts/{act}", {"version": self.clue(no)["version"], "data": data})
        assert answer.status_code in (403, 422), answer.text
        assert answer.mimetype == "application/problem+json"
        return answer.json


Cast = browsers.Cast[Caller]


@pytest.fixture
def cast(county: County) -> Cast:
    county.moment = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 9:00 in China, no holidays around it
    return Cast(create_app(), Caller)


def number(clue_id: int) -> str:
    with db.reading() as session:
        return session.get_one(Clue, clue_id).no


def of_kind(rows: list[Any], kind: str) -> Any:
    return [row for row in rows if row["kind"] == kind][-1]


def phone_report(county: County, place: str, caller: str) -> str:
    values = {"caller": caller, "name": f"举报人{caller[-1]}", "place": "桃江县武潭镇红旗村", "facts": place}
    return number(county.form("phone", values))


MEDIA = {"outlet": "某晚报", "published": "2026-03-01", "url": "https://example.com/a", "facts": "占用耕地建厂房"}
