"""Who looks at a clue (C4): colleagues of the own unit see one another, through Valkey and the live stream."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import time

import pytest
import redis

from hub import casework, db
from hub.models import Clue
from hub.web import live, presence
from hub.work import wake
from tests.integration.case_desk_cast import Cast, cast, read  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import CITY, COUNTY, Desk, desk  # noqa: F401


def test_who_is_there_until_they_leave_or_fall_silent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    me, second, far, clue = desk.who(), desk.who(name="b"), desk.who(CITY), desk.clue()
    assert presence.note(me, clue, "v") is True
    assert presence.note(me, clue, "v") is False, "no news"
    assert presence.note(me, clue, "e") is True
    assert presence.present(second, [clue, clue + 1]) == {clue: [(me.user_id, True)]}
    assert presence.present(me, [clue]) == {}, "not oneself"
    assert presence.present(far, [clue]) == {}, "not another unit"
    assert presence.note(me, clue, "") is True
    assert presence.present(second, [clue]) == {}
    presence.note(me, clue, "v")
    later = time.time() + presence.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert presence.present(second, [clue]) == {}


def test_without_valkey_it_is_silent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> redis.Redis:
        raise redis.ConnectionError

    monkeypatch.setattr(wake, "client", away)
    assert presence.note(desk.who(), 1, "v") is False
    assert presence.present(desk.who(), [1]) == {}


def test_streams_hear_of_it_but_for_whom_the_clue_is_hidden_from() -> None:
    import queue

    fan = live.Fanout()
    fan._thread_of = -1
    boxes: dict[int, live.Box] = {person: queue.SimpleQueue() for person in (1, 2, 3)}
    fan._queues = {person: (7, person, box) for person, box in boxes.items()}
    fan._tell({"h": 5, "u": [7], "not": [2]})
    fan._tell({"m": [3]})
    heard = {person: [box.get_nowait() for _ in range(box.qsize())] for person, box in boxes.items()}
    assert heard == {1: [("here", 5)], 2: [], 3: [("here", 5), ("mention", 0)]}


def test_by_the_page(cast: Cast) -> None:
    lead, second, no = cast["lead"], cast["second"], registered()
    clue = str(read(no).id)
    assert lead.post("/here", clue=clue).json == {}
    assert second.post("/here", clue=clue, editing="1").json == {clue: [["人lead", False]]}
    assert lead.get(f"/here?c={clue}&c=999999").json == {clue: [["人second", True]]}
    assert cast["city"].get(f"/here?c={clue}").json == {}
    assert cast["statistician"].post("/here", clue=clue).status_code == 200
    assert lead.get(f"/here?c={clue}").json == {clue: [["人second", True]]}, "who counts looks unseen"
    assert cast["stranger"].post("/here", clue=clue).status_code == 404
    for wrong in ("0", "x", "99999999999999999999", ""):
        assert lead.post("/here", clue=wrong).status_code == 404
    assert second.post("/here", clue=clue, leave="1").json == {}
    assert lead.get(f"/here?c={clue}").json == {}
    second.post("/here", clue=clue)
    with db.transaction() as session:
        row = session.get_one(Clue, int(clue))
        casework.apply(session, _actor(session, "lead"), row, "recuse", {"reason_text": "亲属"})
    assert lead.get(f"/here?c={clue}").json == {}
    assert lead.post("/here", clue=clue).status_code == 404


def _actor(session: object, login: str) -> object:
    from sqlalchemy import select

    from hub.access import people
    from hub.models import User

    person = session.scalars(select(User).where(User.login == login)).one()  # type: ignore[attr-defined]
    return people.actor(session, person.id)  # type: ignore[arg-type]
