"""The demo process: simulators, entrances, inputs, and the mark that all of them have been read."""

from __future__ import annotations

import sys
import time

import click
import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub import db
from hub.demo import county, marker, outbox
from hub.demo.doors import Doors, SendError
from hub.demo.inputs import manifest
from hub.demo.providers import Providers, web_url
from hub.demo.state import State
from hub.runtime.processes import begin
from hub.settings import settings

log = structlog.get_logger("hub.demo")
RETRY = 1.0
TELL_EVERY = 15.0


def serve() -> None:
    """Runs as long as the hub runs."""
    begin("demo", pool=2)
    state = State.load(settings().folder("demo"))
    providers = Providers(state)
    county.ensure(state, providers)
    state.save()
    logins = ", ".join(login for login, *_ in county.PEOPLE)
    click.echo(f"demo county: accounts {logins}; password {county.PASSWORD}", err=True)
    sys.stderr.flush()
    doors = Doors(providers)
    _wait_for_web()
    _send_all(doors, state)
    _until_read(doors, state)
    while True:
        outbox.serve(doors)
        time.sleep(RETRY)


def _wait_for_web() -> None:
    while True:
        try:
            if httpx.get(f"{web_url()}/healthz", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)


def _send_all(doors: Doors, state: State) -> None:
    """Sends what was not sent yet; what a door refuses for now is tried again. Each success is noted at once."""
    told = ""
    while True:
        refused = False
        for entry in manifest():
            if entry.name in state.sent or (entry.continues and entry.continues not in state.sent):
                continue
            try:
                doors.send(entry)
            except (SendError, OSError) as error:
                refused = True
                if str(error) != told:
                    told = str(error)
                    log.warning("demo_input_refused", detail=told)
                continue
            state.sent.append(entry.name)
            state.save()
        if not refused and len(state.sent) >= len(manifest()):
            return
        time.sleep(RETRY)


def _until_read(doors: Doors, state: State) -> None:
    """Waits until every clue stands with its suggestions, then writes the marker; tells how far it is meanwhile."""
    wanted, begun, told = county.expected(state), time.monotonic(), time.monotonic()
    while True:
        try:
            with db.reading() as session:
                total, done, left = county.standing(session, state)
                ids = county.clue_ids(session) if not state.clues else state.clues
        except SQLAlchemyError:  # the database is being restarted
            time.sleep(RETRY)
            continue
        if total >= wanted and done == total and not left:
            state.clues = ids
            state.save()
            marker().touch()
            log.info("demo_loaded", clues=total, seconds=round(time.monotonic() - begun, 1))
            return
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            click.echo(f"demo county: {done} of {wanted} clues read, {left} pieces of work left", err=True)
            sys.stderr.flush()
        outbox.serve(doors)
        time.sleep(RETRY if not state.clues else 0.2)
