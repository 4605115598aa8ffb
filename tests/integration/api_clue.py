"""A clue for the API, its events, and who asks."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import db
from hub.access import people
from hub.models import Clue, Event, User
from tests.integration.notify.conftest import County, county
from tests.integration.story_cast import Cast, cast, phone_report

CALLER = "0737-8222221"


@pytest.fixture
def no(county: County, cast: Cast) -> str:
    return phone_report(county, "占用耕地8亩建厂房", CALLER)


def events(no: str, act: str) -> int:
    with db.reading() as session:
        clue_id = session.scalar(select(Clue.id).where(Clue.no == no))
        wanted = select(func.count()).where(Event.object == f"clue:{clue_id}", Event.act == act)
        return session.scalar(wanted) or 0


def actor(session: Session, login: str) -> people.Actor:
    found = people.actor(session, session.scalars(select(User.id).where(User.login == login)).one())
    assert found is not None
    return found
