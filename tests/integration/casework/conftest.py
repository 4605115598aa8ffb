"""A named cast on a real unit tree, and a hand for acts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub import casework, clock, db
from hub.access import people, sealing
from hub.access.people import Actor
from hub.jurisdiction import units
from hub.models import Clock, Clue, Grant, Intake, IntakeClue, Notice, QueryCode, User
from hub.terms import Role

BEIJING = clock.CHINA
COUNTY, CITY, PROVINCE, MINISTRY, SIBLING = "430922", "430900", "430000", "000000", "430981"
START = datetime(2026, 3, 2, 9, 0, tzinfo=BEIJING)  # a Monday without holidays around it


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


class Desk:
    """One test's hand: a clock that it moves, people by unit and role, acts in transactions of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(clock, "real", lambda: self.now)
        self._people: dict[tuple[str, str, str], Actor] = {}

    def go(self, text: str | timedelta) -> None:
        self.now = self.now + text if isinstance(text, timedelta) else at(text)

    def who(self, unit: str = COUNTY, role: str = Role.HANDLER, name: str = "a") -> Actor:
        key = (unit, role, name)
        if key not in self._people:
            with db.transaction() as session:
                row = units.by_code(session, unit)
                assert row is not None
                person = User(login=f"{unit}-{role}-{name}", name=f"{role}{name}", password="x")
                session.add(person)
                session.flush()
                session.add(Grant(user_id=person.id, unit_id=row.id, role=role))
                session.flush()
                found = people.actor(session, person.id)
            assert found is not None
            self._people[key] = found
        return self._people[key]

    def clue(
        self, unit: str = COUNTY, at: datetime | None = None, *, reporter: dict[str, str] | None = None,
        channel: str = "phone", number: str = "01", sub: str = "", **more: Any,
    ) -> int:  # fmt: skip
        """A registered clue. `reporter`: identity of its reporter; None: one with a phone; {}: nobody."""
        with db.transaction() as session:
            row = units.by_code(session, unit)
            assert row is not None
            made = casework.open_clue(
                session, casework.Opening(channel, number, sub, row.id, at or self.now, title="占地", **more)
            )
            who = {"name": "张三", "phone": f"1380000{made.id:04d}"} if reporter is None else reporter
            if who:
                intake = self.intake(session, row.id)
                session.add(IntakeClue(intake_id=intake, clue_id=made.id))
                casework.add_reporter(session, made, intake, who)
            return made.id

    def intake(self, session: Session, unit_id: int, kind: str = "phone") -> int:
        key = sealing.new_key(session, unit_id)
        row = Intake(
            channel=kind, source_id=f"test:{kind}", unit_id=unit_id, at=self.now, key_id=key.id, state="registered",
            meta=key.seal_json({}, "intake.meta"), remotes=None, kind=None,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id

    def act(
        self, clue_id: int, act: str, who: Actor | None = None, version: int | None = None,
        when: datetime | None = None, **data: Any,
    ) -> casework.Done:  # fmt: skip
        who = who or self.who()
        with db.transaction() as session:
            return casework.apply(session, who, session.get_one(Clue, clue_id), act, data, version, when)

    def refused(self, clue_id: int, act: str, who: Actor | None = None, **data: Any) -> casework.RefusedError:
        """The refusal of the act, after looking that it changed nothing at all."""
        before = snapshot(clue_id)
        with pytest.raises(casework.RefusedError) as error:
            self.act(clue_id, act, who, **data)
        assert snapshot(clue_id) == before
        return error.value

    def p1(self, clue_id: int, who: Actor | None = None, place: str = COUNTY) -> casework.Done:
        return self.act(clue_id, "determine.P1", who, place=place, **{"class": "T2"})

    def verified(self, clue_id: int, result: str = "R1", who: Actor | None = None) -> None:
        today = clock.china(self.now).date().isoformat()
        self.act(clue_id, "verify.start", who, officers=OFFICERS, started=today)
        self.act(clue_id, "verify.end", who, result=result, ended=today)

    def tell(self, clue_id: int, evidence: str = "errcode 0", kinds: tuple[str, ...] = ()) -> int:
        """The sending side hands every queued notice over, as the outbox worker reports it. Returns how many."""
        with db.transaction() as session:
            rows = [
                row for row in notices(session, clue_id) if row.state == "queued" and (row.kind in kinds or not kinds)
            ]
            for row in rows:
                row.state, row.told_at, row.evidence = "told", self.now, evidence
            session.flush()
            for row in rows:
                casework.note_told(session, row.id, self.now, evidence)
            return len(rows)

    def bounce(self, clue_id: int, kind: str, *, exhausted: bool = False) -> None:
        with db.transaction() as session:
            for row in notices(session, clue_id):
                if row.kind == kind:
                    row.state, row.told_at, row.evidence = ("undelivered" if exhausted else "queued"), None, ""
                    session.flush()
                    casework.note_undelivered(session, row.id, self.now, "550", exhausted=exhausted)

    def state(self, clue_id: int) -> str:
        return self.read(clue_id).state

    def read(self, clue_id: int) -> Clue:
        with db.reading() as session:
            found = session.get_one(Clue, clue_id)
            session.expunge_all()
        return found

    def clocks(self, clue_id: int) -> list[Clock]:
        with db.reading() as session:
            found = list(session.scalars(select(Clock).where(Clock.clue_id == clue_id).order_by(Clock.id)))
            session.expunge_all()
        return found

    def clock(self, clue_id: int, kind: str) -> Clock:
        return [row for row in self.clocks(clue_id) if row.kind == kind][-1]

    def kinds(self, clue_id: int) -> list[str]:
        with db.reading() as session:
            return [row.kind for row in notices(session, clue_id)]

    def code(self, clue_id: int, text: str = "ABCD-EFGH-JKMN") -> str:
        """A query code of the clue, as a receipt would have given it."""
        with db.transaction() as session:
            session.add(QueryCode(token=sealing.blind("query", text), clue_id=clue_id, reporter_id=None, tail=None))
        return text


OFFICERS = [
    {"name": "甲", "certificate": "A1", "valid_until": "2027-12-31"},
    {"name": "乙", "certificate": "A2", "valid_until": "2027-12-31"},
]


def notices(session: Session, clue_id: int) -> list[Notice]:
    wanted = select(Notice).where(Notice.clue_id == clue_id, Notice.state != "recalled")
    return list(session.scalars(wanted.order_by(Notice.id)))


def snapshot(clue_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that belongs to the clue, whatever the table."""
    tables = {
        "clue": "id", "clock": "clue_id", "clue_unit": "clue_id", "clue_hold": "clue_id", "clue_hop": "clue_id",
        "clue_group": "member_id", "notice": "clue_id", "clue_opinion": "clue_id", "verification": "clue_id",
        "clue_ask": "clue_id", "follow_up": "clue_id", "clue_value": "clue_id",
        "transfer": "clue_id", "clue_assist": "clue_id", "objection": "clue_id",
    }  # fmt: skip
    with db.reading() as session:
        found = {
            name: [tuple(row) for row in session.execute(text(f"select * from {name} where {key} = :id order by 1, 2"),
                                                         {"id": clue_id})]
            for name, key in tables.items()
        }  # fmt: skip
        events = text("select seq, act from event where object = :o order by seq")
        return found | {"event": [tuple(row) for row in session.execute(events, {"o": f"clue:{clue_id}"})]}


@pytest.fixture
def desk(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    del hub
    return Desk(monkeypatch)
