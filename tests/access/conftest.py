"""One hub for all cells: a cast of every role in one city, a clue for each relation, each cell rolled back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from channels.contract import NewReport, Part, PartKind, Report, Sender
from hub import casework, clock, db, intake, notify, search
from hub.access import audit, people, sealing, sessions
from hub.access.people import Actor
from hub.app import create_app
from hub.casework import counters
from hub.enrich import transcribe
from hub.jurisdiction import units
from hub.models import Assist, Blob, Clue, ClueReporter, Grant, Intake, Notice, SignIn, User, Wall
from hub.models import Part as PartRow
from hub.settings import export, settings
from hub.supervision import redacting
from hub.terms import Role
from transcription.contract import Segment, Transcript

CITY, COUNTY, COUNTY2, PROVINCE, SIBLING = "430900", "430922", "430981", "430000", "430100"
NAME, PHONE = "张三丰", "13800001234"
TEXT = f"我叫{NAME}，电话{PHONE}。红旗村鑫隆公司占耕地8亩建厂房。"
WALLED = {"walled": ("person", "unit", "n4-elsewhere"), "sealed": ("n4",)}


@dataclass
class World:
    """The cast by role, a clue by relation, and one connection under which each cell is undone."""

    app: Flask
    people: dict[str, Actor] = field(default_factory=dict)
    clues: dict[str, int] = field(default_factory=dict)  # relation, or kind of wall
    nos: dict[str, str] = field(default_factory=dict)
    clients: dict[str, tuple[FlaskClient, str]] = field(default_factory=dict)  # role → client, CSRF token

    @contextmanager
    def undone(self) -> Iterator[Session]:
        """All sessions of the hub share one connection; nothing of the cell is kept."""
        with db.engine().connect() as connection:
            outer = connection.begin()
            made = lambda: Session(  # noqa: E731  the two doors below differ only in what they end with
                connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
            )

            @contextmanager
            def transaction() -> Iterator[Session]:
                with made() as session, session.begin():
                    yield session

            @contextmanager
            def reading() -> Iterator[Session]:
                with made() as session:
                    yield session
                    session.rollback()

            @contextmanager
            def asking() -> Iterator[Connection]:
                yield connection

            kept = db.transaction, db.reading, db.asking
            db.transaction, db.reading, db.asking = transaction, reading, asking
            try:
                with made() as session:
                    yield session
            finally:
                db.transaction, db.reading, db.asking = kept
                outer.rollback()

    def relations(self) -> list[tuple[str, str]]:
        """(relation of the matrix, clue that stands in it)."""
        single = [(name, name) for name in self.clues if name in
                  ("own", "received", "assisting", "designated", "below", "above", "sibling")]  # fmt: skip
        return single + [(relation, kind) for relation, kinds in WALLED.items() for kind in kinds]


ARRIVED = timedelta(minutes=10)  # ago: before it was recorded, as everywhere
CAST: list[Actor] = []
"""People of the city: they have just entered its clues."""


def registered(session: Session, code: str, text: str = TEXT) -> Clue:
    unit = units.by_code(session, code)
    assert unit is not None
    key = sealing.new_key(session, unit.id)
    row = Intake(channel="email", source_id="test:email", unit_id=unit.id, at=clock.now() - ARRIVED, key_id=key.id,
                 state="stored", remotes=None, kind=None,
                 meta=key.seal_json({"key": "k", "also": [], "meta": {}}, "intake.meta"))  # fmt: skip
    session.add(row)
    session.flush()
    parts = (Part(PartKind.TEXT, text=text), Part(PartKind.HTML, text="<b>x</b>"))
    made = intake.register(session, row.id, [NewReport(Report(parts=parts, sender=Sender(name=NAME, phone=PHONE)))])
    original = Blob(intake_id=row.id, ord=90, origin="raw", role="raw", name=key.seal("a.txt", "blob.name"),
                    media_type="text/plain", size=1, sha256="0" * 64, sealed=key.seal(b"x", "blob"),
                    address=None)  # fmt: skip
    session.add(original)
    session.flush()
    clue = session.get_one(Clue, made[0])
    clue.enriched = True
    for person in CAST if code == CITY else ():  # the entry window stands for every way to an original (access.hearing)
        audit.record(session, f"intake:{row.id}", "accept", actor=person.label)
    notify.ask(session, clue.id, "accepted", {}, once="test")
    heard = Transcript(kind="speech", engine="test", model="", segments=(Segment(text=text, confidence=0.9, order=0),),
                       settings={})  # fmt: skip
    part = session.scalars(select(PartRow.id).where(PartRow.clue_id == clue.id, PartRow.kind == "text")).one()
    transcribe.store(session, part, heard)
    clue.enriched = True
    session.get_one(PartRow, part).blob_id = original.id
    session.flush()
    made = redacting.plan(session, clue, session.get_one(PartRow, part))
    assert made is not None
    session.add(Blob(intake_id=row.id, ord=91, origin="rendered", role=made.role(0), name=key.seal("a", "blob.name"),
                     media_type="audio/ogg", size=1, sha256="1" * 64, sealed=key.seal(b"x", "blob"),
                     address=None))  # fmt: skip
    session.flush()
    return clue


def _actor(session: Session, code: str, role: str, login: str) -> Actor:
    unit = units.by_code(session, code)
    assert unit is not None
    person = User(login=login, name=login, password="x")
    session.add(person)
    session.flush()
    session.add(Grant(user_id=person.id, unit_id=unit.id, role=role))
    session.flush()
    found = people.actor(session, person.id)
    assert found is not None
    return found


def _arrange(world: World) -> None:
    today = clock.today().isoformat()
    with db.transaction() as session:
        for role in Role:
            world.people[role.value] = _actor(session, CITY, role.value, f"city-{role.value}")
        CAST[:] = world.people.values()
        county = _actor(session, COUNTY, "handler", "county-handler")
        lead = world.people["lead"]
        made = {name: registered(session, code) for name, code in {
            "own": CITY, "received": CITY, "assisting": PROVINCE, "designated": COUNTY, "below": COUNTY,
            "above": PROVINCE, "sibling": SIBLING, "person": CITY, "unit": CITY, "n4-elsewhere": COUNTY, "n4": CITY,
        }.items()}  # fmt: skip
        casework.apply(session, world.people["handler"], made["received"], "escalate", {"reason": "unclear"})
        casework.apply(session, county, made["designated"], "escalate", {"reason": "unclear"})
        designate = {"unit": COUNTY2, "issued": today}
        casework.apply(session, lead, made["designated"], "designate", designate)
        session.add(Assist(clue_id=made["assisting"].id, unit_id=lead.unit_id, act="assist.add", since=clock.now(),
                           until=None))  # fmt: skip
        for who in world.people.values():
            session.add(_wall(made["person"].id, "lead", user_id=who.user_id))
        session.add(_wall(made["unit"].id, "accused", unit_id=lead.unit_id))
        for name in ("n4", "n4-elsewhere"):
            session.add(_wall(made[name].id, "N4"))
        session.flush()
        for name, clue in made.items():
            counters.place(session, clue)
            if "n4" not in name:  # findable by everybody whom the query lets through, walls or not
                search.rebuild(session, clue.id, [lead.unit_id, clue.owner_unit_id, clue.received_unit_id])
        world.clues = {name: clue.id for name, clue in made.items()}
        world.nos = {name: clue.no for name, clue in made.items()}
        cookies = {role: sessions.begin(session, who.user_id) for role, who in world.people.items()}
        session.flush()
        tokens = {
            role: session.scalars(select(SignIn.csrf).where(SignIn.user_id == who.user_id)).one()
            for role, who in world.people.items()
        }
    for role, cookie in cookies.items():
        client = world.app.test_client()
        client.set_cookie("hub", cookie)
        world.clients[role] = (client, tokens[role])
    world.clients |= {name: (world.app.test_client(), "") for name in ("reporter", "nobody")}


def _wall(clue_id: int, reason: str, *, user_id: int | None = None, unit_id: int | None = None) -> Wall:
    return Wall(clue_id=clue_id, user_id=user_id, unit_id=unit_id, reason=reason, state="confirmed", since=clock.now(),
                by_user=None, decided_at=clock.now(), decided_by=None, moved_from=None)  # fmt: skip


@pytest.fixture(scope="module")
def world(
    servers: tuple[str, str], seeded: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One database for all cells of a module."""
    url, key = seeded
    name = f"matrix_{os.getpid()}_{os.urandom(4).hex()}"
    admin = psycopg.connect(
        host=url.split("host=")[1].replace("%2F", "/"), user="hub", dbname="postgres", autocommit=True
    )
    admin.execute(f'create database "{name}" template template_hub strategy file_copy')
    with redis.Redis.from_url(servers[1]) as client:
        client.flushall()
    export(HUB_VAR=str(tmp_path_factory.mktemp("var")), HUB_KEY_FILE=str(key), REDIS_URL=servers[1],
           DATABASE_URL=url.replace("/template_hub?", f"/{name}?"))  # fmt: skip
    sealing.forget_keys()
    db.connect()
    made = World(create_app())
    _arrange(made)
    yield made
    db.engine().dispose()
    db.forget()
    admin.execute(f'drop database "{name}" with (force)')
    admin.close()
    for variable in ("DATABASE_URL", "REDIS_URL", "HUB_VAR", "HUB_KEY_FILE"):
        os.environ.pop(variable, None)
    settings.cache_clear()
    sealing.forget_keys()


def ids_of(session: Session, clue_id: int) -> dict[str, Any]:
    """What the parameters of a clue's routes stand for."""
    part = session.scalars(select(PartRow).where(PartRow.clue_id == clue_id).order_by(PartRow.id)).all()[0]
    blob = session.scalars(select(Blob.id).where(Blob.intake_id == part.intake_id, Blob.ord == 90)).one()
    notice = session.scalars(select(Notice.id).where(Notice.clue_id == clue_id)).first()
    reporter = session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue_id)).first()
    copy = session.scalars(select(Blob.id).where(Blob.intake_id == part.intake_id, Blob.ord == 91)).one()
    return {"part_id": part.id, "blob_id": blob, "copy_id": copy, "notice_id": notice or 1, "number": notice or 1,
            "reporter_id": reporter or 1, "act": "assign", "kind": "registration", "part": "1"}  # fmt: skip
