"""A demo's time goes forward in every process; sign-ins, signatures and the log keep the world's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from channels.contract import Blob, RawIntake
from hub import clock, db
from hub.access import audit
from hub.app import create_app
from hub.demo import moved
from hub.demo.state import State
from hub.models import Event, Intake, Work
from hub.settings import settings


@pytest.fixture(autouse=True)
def _still(hub: Path) -> Iterator[None]:
    clock.follow(settings().clock_file)
    yield
    clock.follow(hub / "none")


def test_steps() -> None:
    assert moved.ahead("+5h") == timedelta(hours=5)
    assert moved.ahead("+30m") == timedelta(minutes=30)
    for wrong in ("-1d", "3wd", "+wd", "+1y", "+1000d", ""):
        with pytest.raises(moved.StepError):
            moved.ahead(wrong)


def test_working_days_are_those_of_the_county(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2026, 2, 12))
    assert moved.ahead("+7wd") == timedelta(days=16)  # the gold vector 2026-02-12 → 02-28


def test_the_whole_hub_moves_and_the_log_does_not(hub: Path) -> None:
    before = clock.real()
    moved.move(timedelta(days=3))
    moved.move(timedelta(hours=2))
    assert clock.moved() == timedelta(days=3, hours=2)
    assert abs(clock.now() - clock.real() - clock.moved()) < timedelta(seconds=1)
    with db.transaction() as session:
        audit.record(session, "test:1", "look")
    with db.reading() as session:
        event = session.scalars(select(Event)).one()
        assert abs(event.received_at - before) < timedelta(minutes=1)
        assert abs(event.at - before - timedelta(days=3, hours=2)) < timedelta(minutes=1)
    other = """from hub import clock
from hub.settings import settings
clock.follow(settings().clock_file)
print(int(clock.moved().total_seconds()))"""
    told = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True)
    assert int(told.stdout) == 3 * 86400 + 7200


def test_what_arrives_is_dated_by_the_hub(hub: Path) -> None:
    from hub.ports import HubPorts, add_source

    with db.transaction() as session:
        add_source(session, "letter:t", "letter", "430922", "夹", settings={}, secrets={})
    moved.move(timedelta(days=3))
    sent = HubPorts().now()
    assert abs(sent - clock.real()) < timedelta(seconds=5)
    raw = RawIntake("letter", "letter:t", "k1", sent, (Blob("a.txt", "text/plain", b"x"),))
    assert HubPorts().deliver(raw)
    with db.reading() as session:
        at = session.scalars(select(Intake.at)).one()
    assert abs(at - clock.now()) < timedelta(minutes=1)


def test_waiting_notices_come_forward(hub: Path) -> None:
    with db.transaction() as session:
        session.execute(text(
            "insert into work (queue, handler, args, run_at) values"
            " ('light', 'notify', '{}', now() + interval '10 minutes'),"
            " ('light', 'normalize', '{}', now() + interval '10 minutes')"
        ))  # fmt: skip
    moved.move(timedelta(hours=1))
    with db.reading() as session:
        due = dict(session.execute(select(Work.handler, Work.run_at <= text("now()"))).all())
    assert due == {"notify": True, "normalize": False}


def test_every_page_says_so(hub: Path) -> None:
    client = create_app().test_client()
    assert "演示时间已拨快" not in client.get("/sign-in").text
    moved.move(timedelta(days=1))
    assert "演示时间已拨快" in client.get("/sign-in").text


def test_a_broken_file_changes_nothing(hub: Path) -> None:
    moved.move(timedelta(hours=1))
    settings().clock_file.write_text("soon")
    clock.follow(settings().clock_file)
    assert clock.moved() == timedelta(hours=1)
    settings().clock_file.write_text("-5")
    clock.follow(settings().clock_file)
    assert clock.moved() == timedelta(0)


def test_refused_outside_a_demo(hub: Path) -> None:
    from click.testing import CliRunner

    from hub.cli.sandbox import demo

    told = CliRunner().invoke(demo, ["clock", "+1d"])
    assert told.exit_code == 1
    assert "no demo" in told.output
    folder = settings().folder("demo")
    state = State.load(folder)
    state.fresh = False
    state.save()
    told = CliRunner().invoke(demo, ["clock", "+1d"])
    assert told.exit_code == 1
    assert json.loads((folder / "state.json").read_text())["fresh"] is False
    assert not settings().clock_file.exists()
