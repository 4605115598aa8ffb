"""A person who signs in, with a browser that keeps its cookie."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from flask import Flask

from hub import clock, db
from hub.access import staff
from hub.app import create_app
from hub.settings import settings

PASSWORD = "correct horse battery"


def person(login="anna", role="handler", **more) -> int:
    with db.transaction() as session:
        return staff.add(session, login, "安娜", PASSWORD, "430922", [role], **more).id


@pytest.fixture
def app(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("HUB_SECOND_FACTOR", "identity")
    settings.cache_clear()
    person()
    return create_app()


class Browser:
    """One browser: keeps its cookie and the page's CSRF token."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.csrf = ""

    def get(self, path: str, **more):
        answer = self.client.get(path, **more)
        found = re.search(r'name="csrf" content="([^"]+)"', answer.text)
        self.csrf = found.group(1) if found else self.csrf
        return answer

    def post(self, path: str, data=None, **more):
        if "json" in more:
            return self.client.post(path, headers={"X-CSRF-Token": self.csrf}, **more)
        return self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, **more)

    def password(self, login="anna", password=PASSWORD):
        answer = self.client.post("/sign-in", data={"login": login, "password": password})
        self.get("/account/factors")
        return answer

    @property
    def inside(self) -> bool:
        return self.client.get("/account").status_code == 200

    def enroll(self) -> str:
        """Sets one-time passwords up as the page asks; the secret."""
        page = self.get("/account/factors").text
        secret = re.search(r'class="secret">([A-Z2-7]+)<', page).group(1)
        answer = self.post("/account/factors/totp/confirm", {"code": pyotp.TOTP(secret).now()})
        assert answer.status_code == 200, answer.text
        self.codes = re.findall(r"<code>([A-Z0-9-]{11})</code>", answer.text)
        self.get("/account")
        return secret


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


def travel(monkeypatch, **by) -> None:
    """The world's clock moves on; every reader of it in this process notices."""
    start = clock.real() + timedelta(**by)
    monkeypatch.setattr(clock, "real", lambda: start)
