"""People in browsers of Flask's test client, signed in and with the token of their forms; casts are made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub import db
from hub.access import sessions, staff
from hub.access.people import Actor
from hub.app import create_app
from hub.models import User
from hub.terms import Role
from hub.web.security import cookie_name

PASSWORD = "a long password"


def join(people: Mapping[str, tuple[str, str]]) -> None:
    """Adds those who are not there yet: login → (unit, role)."""
    with db.transaction() as session:
        for login, (unit, role) in people.items():
            if session.scalars(select(User).where(User.login == login)).first() is None:
                staff.add(session, login, f"人{login}", PASSWORD, unit, [role])


class Browser:
    """A browser of somebody who is signed in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        found = re.search(r'name="csrf" content="([^"]+)"', client.get("/account").text)
        assert found, "signed in"
        self.csrf = found[1]

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, **data: Any) -> TestResponse:
        """Sends a form."""
        return self.client.post(path, data={"csrf_token": self.csrf, **data})


class Person(Browser):
    """Somebody of a cast, in by password."""

    def __init__(self, app: Flask, login: str) -> None:
        self.login = login
        client = app.test_client()
        assert client.post("/sign-in", data={"login": login, "password": PASSWORD}).status_code == 302, login
        super().__init__(client)


class Page(Browser):
    """A person of a desk, who has no password: in by a session that was begun for them."""

    def __init__(self, app: Flask, who: Actor) -> None:
        with db.transaction() as session:
            token = sessions.begin(session, who.user_id)
        client = app.test_client()
        client.set_cookie(cookie_name(), token)
        super().__init__(client)


One = TypeVar("One", bound=Person)


class Cast(dict[str, One], Generic[One]):
    """A cast by login, each signed in when first asked for."""

    def __init__(self, app: Flask, person: Callable[[Flask, str], One]) -> None:
        super().__init__()
        self.app, self.person = app, person

    def __missing__(self, login: str) -> One:
        self[login] = self.person(self.app, login)
        return self[login]


def official(role: Role, unit: str = "430900") -> tuple[FlaskClient, str]:
    """Somebody new of that role, signed in; with the token of their forms."""
    login = f"{role}.{unit}"
    join({login: (unit, role)})
    person = Person(create_app(), login)
    return person.client, person.csrf
