"""The world of a run of canaries: who acts in it, who looks, and what was met."""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import select

from hub import db
from hub.access import sessions, staff
from hub.app import create_app
from hub.models import Clue, SignIn
from hub.settings import settings
from tests.access.canary import Canary, Net, flock, opened
from tests.integration.notify.conftest import UNIT, County

CITY, SIBLING = "430900", "430981"
BLIND = {  # nobody of these ever sees who reported: login → unit, role
    "supervisor": (CITY, "supervisor"), "citylead": (CITY, "lead"), "statistician": (UNIT, "statistician"),
    "auditor": (UNIT, "auditor"), "colleague": (UNIT, "handler"), "sibling": (SIBLING, "lead"),
    "sysadmin": (UNIT, "sysadmin"), "secadmin": (UNIT, "secadmin"), "department": (UNIT, "other_department"),
}  # fmt: skip
ACTING = {"handler": (UNIT, "handler"), "lead": (UNIT, "lead"), "operator": (UNIT, "operator"),
          "mailroom": (UNIT, "mailroom")}  # fmt: skip


@dataclass
class Run:
    """The world of one run, and what was met in it."""

    county: County
    app: Flask
    rng: random.Random
    flock: list[Canary]
    net: Net
    clients: dict[str, tuple[Any, str]] = field(default_factory=dict)
    clues: list[int] = field(default_factory=list)
    hits: list[tuple[str, set[str]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # lines of the log as they are written
    done: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    papers: Counter[str] = field(default_factory=Counter)  # files that were opened and looked through, by kind

    @property
    def bird(self) -> Canary:
        return self.rng.choice(self.flock)

    def ask(self, login: str, path: str, method: str = "GET", **more: Any) -> Any:
        """A request; the answer is looked through unless its asker may see who reported. Addresses always are."""
        client, token = self.clients[login]
        answer = client.open(path, method=method, headers={"X-CSRF-Token": token}, **more)
        self.statuses[answer.status_code] += 1
        text = "" if login in ACTING and answer.status_code < 400 else opened(answer.data)
        if "query_string" in more:  # boxes and links to further pages hold what was typed: the rows must not
            text = "".join(re.findall(r"<td.*?</td>", text, re.DOTALL)) if "<html" in text else text
            text = re.sub(r'#find=[^"]*', "", text)  # leads to the place of what was typed; browsers do not send it
        self.look(f"{login} {method} {path}", text + str(answer.headers.get("Location", "")))
        return answer

    def look(self, where: str, text: str) -> None:
        if words := self.net.in_text(text):
            self.hits.append((where, words))

    def no(self) -> str:
        with db.reading() as session:
            return session.scalar(select(Clue.no).where(Clue.id == self.rng.choice(self.clues))) or ""


@pytest.fixture
def run(county: County, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "100000")
    settings.cache_clear()
    county.mailbox()
    county.account()
    rng = random.Random(12336)
    birds = flock(rng)
    made = Run(county, create_app(), rng, birds, Net(birds))
    with db.transaction() as session:
        for login, (unit, role) in (BLIND | ACTING).items():
            person = staff.add(session, login, f"人{login}", "a long password", unit, [role])
            session.flush()
            client = made.app.test_client()
            client.set_cookie("hub", sessions.begin(session, person.id))
            session.flush()
            token = session.scalars(select(SignIn.csrf).where(SignIn.user_id == person.id)).one()
            made.clients[login] = (client, token)
    for name in ("msg", "debug", "info", "warning", "error", "critical", "exception"):
        monkeypatch.setattr(structlog.PrintLogger, name, lambda _, line: made.said.append(line))
    yield made
    tempfile.tempdir = None
