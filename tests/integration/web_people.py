"""People of a county in browsers, with a mail in their queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake
from hub.app import create_app
from hub.models import Clue
from hub.worker import drain
from tests.integration import browsers

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


CAST = {
    "operator": ("430922", "operator"), "mailroom": ("430922", "mailroom"), "handler": ("430922", "handler"),
    "lead": ("430922", "lead"), "statistician": ("430922", "statistician"), "auditor": ("430922", "auditor"),
    "sysadmin": ("430922", "sysadmin"), "secadmin": ("430922", "secadmin"), "supervisor": ("430900", "supervisor"),
    "stranger": ("430903", "operator"),
}  # fmt: skip


MAIL = (
    "From: Zhang <zhang.san@example.org>\r\nTo: clue@example.cn\r\nMessage-ID: <{id}@example.org>\r\n"
    "Subject: =?utf-8?B?5Li+5oql?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
)


TEXT = (
    "我叫张三，电话13800001234。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。"
)


@pytest.fixture
def app(hub: Path) -> Flask:
    del hub
    browsers.join(CAST)
    return create_app()


class Person(browsers.Person):
    """Passes what else Flask's client is to be told."""

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def post(self, path: str, data: dict[str, object] | None = None, **more: object) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, **more)  # type: ignore[arg-type]


Cast = browsers.Cast[Person]


@pytest.fixture
def people(app: Flask) -> Cast:
    return Cast(app, Person)


@pytest.fixture
def operator(app: Flask) -> Person:
    return Person(app, "operator")


@pytest.fixture
def handler(app: Flask) -> Person:
    return Person(app, "handler")


def mail(number: int = 1, text: str = TEXT) -> str:
    """Takes a mail in and reads it; the clue's number."""
    data = MAIL.format(id=number, text=text).encode()
    for raw in channels()["email"].from_files([Blob("a.eml", "", data)], {}, source_id="cli:email", now=AT):
        intake.accept(raw, unit="430922")
    drain("light"), drain("text")
    with db.reading() as session:
        return session.scalars(select(Clue.no).order_by(Clue.id.desc())).first() or ""


def counted(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


FORM = {"outlet": "桃江日报", "published": "2026-11-01", "facts": "桃江县武潭镇有人毁田建房。", "key": "k1"}


@pytest.fixture
def stream(app: Flask) -> Iterator[FlaskClient]:
    return app.test_client()  # type: ignore[return-value]
