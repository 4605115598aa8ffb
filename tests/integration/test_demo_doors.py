"""The doors of the demo county are the real ones: every input twice through its door, ports that are taken."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from channels.registry import channels
from hub import db
from hub.app import create_app
from hub.demo import county
from hub.demo.doors import Doors
from hub.demo.inputs import manifest
from hub.demo.providers import SOURCES, Providers
from hub.demo.state import State
from hub.models import Clue, Intake, Source, User
from hub.ports import HubPorts
from hub.settings import export, settings
from hub.worker import drain

DELIVERIES = 35  # 8 mails, 3 letters, 5 recordings, 4 webhooks of one call, 8 WeChat messages, 7 forms


class Quiet(WSGIRequestHandler):
    def log(self, *args: object) -> None:
        del args


@contextmanager
def served() -> Iterator[None]:
    """The hub's web application on a loopback port of its own, and its pollers."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    export(PORT=str(port))
    server = make_server("127.0.0.1", port, create_app(), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def polled() -> Iterator[None]:
    stop, ports, threads = threading.Event(), HubPorts(), []
    for code in channels().values():
        for source in ports.sources(code.code) if code.poll is not None else ():
            assert code.poll is not None
            threads.append(threading.Thread(target=code.poll, args=(ports, source, stop)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def count(what: type[Intake | Clue | Source | User]) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(what)) or 0


def settled(number: int, seconds: float) -> int:
    """How many intakes there are once `number` is reached or the time is over."""
    end = time.monotonic() + seconds
    while count(Intake) < number and time.monotonic() < end:
        time.sleep(0.1)
    return count(Intake)


def test_every_input_twice_through_its_door_is_one_clue_each(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "0")  # restored afterwards
    state = State.load(settings().folder("demo"))
    with served():
        providers = Providers(state)
        county.ensure(state, providers)
        county.ensure(state, providers)
        assert count(Source) == len(SOURCES)
        assert count(User) == len(county.PEOPLE)
        doors = Doors(providers)
        mails = sum(entry.door == "imap" for entry in manifest())
        with db.reading() as session:
            assert county.standing(session, state) == (0, 0, mails)
        with polled():
            for entry in manifest():
                doors.send(entry)
            assert settled(DELIVERIES, 120) == DELIVERIES
            for entry in manifest():
                doors.send(entry)
            time.sleep(6)  # longer than any folder waits for a file to settle
            assert count(Intake) == DELIVERIES
        for _ in range(5):
            drain("light")
        with db.reading() as session:
            total, done, left = county.standing(session, state)
            states = set(session.scalars(select(Intake.state)))
            by_channel = Counter(session.scalars(select(Clue.channel)))
            demo_only = session.scalars(select(User.demo).distinct()).all()
        providers.stop()
    assert states == {"registered"}
    assert (total, done) == (county.expected(state), 0)
    assert left > total  # every clue waits for its suggestions, recordings and scans for their workers
    assert by_channel == Counter(entry.channel for entry in manifest() for _ in entry.expect)
    assert demo_only == [True]


def test_a_taken_port_is_replaced_and_the_entrance_follows(hub: Path) -> None:
    state = State.load(settings().folder("demo"))
    first = Providers(state)
    county.ensure(state, first)
    before = dict(state.ports)
    second = Providers(state)  # the first still holds its ports
    county.ensure(state, second)
    assert not {before[name] for name in ("imap", "wechat", "twilio")} & set(state.ports.values())
    (mailbox,) = HubPorts().sources("email")
    assert mailbox.settings["port"] == state.ports["imap"]
    first.stop()
    second.stop()
    third = Providers(state)
    assert third.mail.port == second.mail.port
    third.stop()
