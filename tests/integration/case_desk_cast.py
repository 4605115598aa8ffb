"""Whoever works at the case desk, and clues to work on."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub import casework, clock, db
from hub.access.sealing import new_key
from hub.app import create_app
from hub.jurisdiction import units
from hub.models import Clue, Intake, IntakeClue
from tests.integration import browsers

COUNTY, CITY, SIBLING = "430922", "430900", "430981"


CAST = {
    "handler": (COUNTY, "handler"), "second": (COUNTY, "handler"), "lead": (COUNTY, "lead"),
    "operator": (COUNTY, "operator"), "statistician": (COUNTY, "statistician"), "city": (CITY, "supervisor"),
    "stranger": ("430903", "handler"),
}  # fmt: skip


YEAR = str(clock.today().year + 2)


OFFICERS = {
    "officers_1_name": "甲", "officers_1_certificate": "A1", "officers_1_valid_until": f"{YEAR}-12-31",
    "officers_2_name": "乙", "officers_2_certificate": "A2", "officers_2_valid_until": f"{YEAR}-12-31",
}  # fmt: skip


class Person(browsers.Person):
    """A browser of one person at the desk, added to the hub when first opened."""

    def __init__(self, app: Flask, login: str) -> None:
        browsers.join({login: CAST[login]})
        super().__init__(app, login)

    def form(self, no: str, act: str) -> str:
        """The page with the form of an act open."""
        page = self.get(f"/clues/{no}?act={act}").text
        assert f'data-act-form="{act}"' in page, act
        return page

    def act(self, no: str, act: str, **data: Any) -> TestResponse:
        """Opens the form, fills it in and sends it with the version and the last event it was made with."""
        page = self.form(no, act)
        hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
        return self.post(f"/clues/{no}/acts/{act}", **hidden, **data)

    def done(self, no: str, act: str, **data: Any) -> str:
        """As `act`; it must have been done. Returns the page that follows."""
        answer = self.act(no, act, **data)
        assert answer.status_code == 303, re.findall(r'role="alert">(.*?)</', answer.text, re.DOTALL)
        return self.client.get(answer.location).text


Cast = browsers.Cast[Person]


@pytest.fixture
def cast(hub: Path) -> Cast:
    del hub
    return Cast(create_app(), Person)


def clue(days: int = 0, phone: str = "13800001234", unit: str = COUNTY, **more: Any) -> str:
    """A registered clue with one reporter; its number."""
    with db.transaction() as session:
        row = units.by_code(session, unit)
        assert row is not None
        at = clock.now() - timedelta(days=days)
        made = casework.open_clue(session, casework.Opening("phone", "01", "", row.id, at, title="占地", **more))
        key = new_key(session, row.id)
        intake = Intake(
            channel="phone", source_id="test:phone", unit_id=row.id, at=at, key_id=key.id, state="registered",
            meta=key.seal_json({"key": "", "also": [], "meta": {}}, "intake.meta"), remotes=None, kind=None,
        )  # fmt: skip
        session.add(intake)
        session.flush()
        session.add(IntakeClue(intake_id=intake.id, clue_id=made.id))
        if phone:
            casework.add_reporter(session, made, intake.id, {"name": "张三丰", "phone": phone})
        return made.no


def read(no: str) -> Clue:
    with db.reading() as session:
        row = session.scalars(select(Clue).where(Clue.no == no)).one()
        session.expunge_all()
        return row


def rows(table: Any, *where: Any) -> list[Any]:
    with db.reading() as session:
        found = list(session.scalars(select(table).where(*where)))
        session.expunge_all()
        return found


def jpeg() -> bytes:
    """A picture that says which camera took it."""
    picture, out = Image.new("RGB", (320, 240), (90, 140, 90)), io.BytesIO()
    exif = picture.getexif()
    exif[0x010F] = "SECRETCAM"
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def accepted(who: Person, no: str) -> None:
    who.done(no, "determine.P1", place=COUNTY, **{"class": "T2"})
