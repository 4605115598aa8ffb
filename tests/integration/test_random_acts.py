"""After each of many random acts of everybody, every number on the screens equals a recount in SQL as that viewer.

The long run does 500 acts and looks after each as the lead with a wall, the city and the province, and as one of the
others; every fifth time at the boards of lower units too. The ordinary one does fewer, as one viewer in turn. What was
done until a number was wrong stands in var/test-artifacts, with the seed and the command that repeats it.
"""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import false, text

from hub import db
from hub.access import audit, walls
from hub.app import create_app
from hub.models import CounterDelta
from hub.settings import settings
from tests.integration.casework.conftest import COUNTY, Desk, desk  # noqa: F401
from tests.integration.random_acts import World
from tests.integration.recounting import expected, screens

SEED = int(os.environ.get("HUB_TEST_SEED", "12336"))
ARTIFACTS = Path(__file__).parents[2] / "var/test-artifacts"
ALWAYS, IN_TURN = ("lead", "city", "province"), ("handler", "citylead", "deputy")
VIEWERS = ALWAYS + IN_TURN
DEEP = 5  # so often lower units too
KEPT = {
    "信件在办": ({"channel": "email", "state": "open"}, "channel = 'email' and open"),
    "核查中": ({"state": "verifying"}, "state = 'verifying'"),
    "桃江": ({"division": COUNTY}, f"division like '{COUNTY}%'"),
    "超期来电": ({"view": "overdue", "channel": "phone"}, "open and overdue and channel = 'phone'"),
}
LONG = 500
ACTS: list[Any] = [40]
if os.environ.get("HUB_TEST_LONG"):
    ACTS.append(pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(2 * 3600)]))


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("HUB_NOTICE_WAIT", "0")
    monkeypatch.setenv("HUB_QUIET_HOURS", "")
    settings.cache_clear()
    desk.go("2026-03-02T10:00")
    return World(desk, create_app(), SEED)


def keep_views(world: World, login: str) -> dict[int, str]:
    """The person's kept views: id → what it narrows to, in SQL."""
    found = {}
    for name, (filters, where) in KEPT.items():
        answer = world.post(login, "/views", data={"name": name, **filters})
        assert answer.status_code == 303, answer.text
        found[int(answer.location.rpartition("=")[2])] = where
    return found


def differences(world: World, login: str, views: dict[int, str], *, deep: bool = True) -> dict[str, Any]:
    """Number → (on the screen, recounted), where they are not the same."""
    who = world.who[login]
    shown, counted = screens(world.browser(login)[0], who, deep=deep), expected(who, views, deep=deep)
    both = {name: (shown.get(name, 0), counted.get(name, 0)) for name in sorted(shown.keys() | counted.keys())}
    return {f"{login} {name}": pair for name, pair in both.items() if pair[0] != pair[1]}


def wall_off(world: World) -> None:
    """A clue is hidden from the lead whose screens are counted; a colleague decides it."""
    clue, _ = world._some()
    data = {"person": world.who["lead"].user_id, "reason_text": "亲属"}
    body = {"version": clue.version, "data": data}
    answer = world.post("deputy", f"/api/v1/clues/{clue.no}/acts/recuse.other", json=body)
    assert answer.status_code == 200, answer.text
    world.note("recuse.other", by="deputy", clue=clue.no, data=data)


@pytest.mark.parametrize("acts", ACTS)
def test_every_number_equals_a_recount_after_each_of_many_random_acts(world: World, acts: int) -> None:
    views = {login: keep_views(world, login) for login in VIEWERS}
    for _ in range(3):
        world.call()
    wall_off(world)
    while len(world.ledger) < acts:
        world.step()
        number = len(world.ledger)
        turn = IN_TURN[number % len(IN_TURN)]
        for login in (*ALWAYS, turn) if acts == LONG else [VIEWERS[number % len(VIEWERS)]]:
            wrong = differences(world, login, views[login], deep=number % DEEP == 0)
            if wrong:
                path = ARTIFACTS / f"random-acts-{SEED}.json"
                world.keep(path, wrong)
                pytest.fail(f"after act {number}, {world.ledger[-1]}: {wrong}; the ledger: {path}")
    hidden = [who for who in world.who.values() if _hidden_from(who.user_id)]
    assert world.who["lead"] in hidden
    assert len(world.done) >= min(acts // 4, 40), world.done
    with db.reading() as session:
        assert audit.verify(session).ok
    if acts == LONG:
        said = f"{acts} acts of {len(world.done)} kinds, seed {SEED}: {dict(world.done.most_common())}"
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        (ARTIFACTS / "random-acts.txt").write_text(said + "\n", "utf-8")


def test_acts_whose_event_names_a_unit_are_answered(world: World) -> None:
    """A report of a major clue, and what is fed back on one handed down, were done and answered with 500."""
    world.mail()
    with db.reading() as session:
        clue, unit = session.execute(
            text("select c.no, u.code from clue c join unit u on u.id = c.owner_unit_id")
        ).one()
    login = {COUNTY: "lead", "430981": "neighbourlead", "430900": "citylead"}[unit]
    why = {"reason_text": "占用永久基本农田二十亩"}
    for act, data in (("mark.major", {"criterion": "farmland", **why}), ("report.major", why)):
        with db.reading() as session:
            version = session.scalar(text("select version from clue where no = :no"), {"no": clue})
        body = {"version": version, "data": data}
        answer = world.post(login, f"/api/v1/clues/{clue}/acts/{act}", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json["done"]["to"] == answer.json["clue"]["state"] == "to_determine"


def _hidden_from(user_id: int) -> bool:
    with db.reading() as session:
        query = text("select exists (select from clue_wall where user_id = :u and state <> 'released')")
        return bool(session.scalar(query, {"u": user_id}))


def test_a_wrong_number_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that is one too high, a wall that nobody looks at, a sum of the board: each is found."""
    views = keep_views(world, "lead")
    for _ in range(3):
        world.call()
    wall_off(world)
    assert differences(world, "lead", views) == {}
    with monkeypatch.context() as patched:
        patched.setattr(walls, "hide", lambda who, clue_id: false())
        assert {name.split()[1] for name in differences(world, "lead", views)} >= {
            f"board:{COUNTY}:{COUNTY}:open", f"trend:{COUNTY}:states:to_determine:11",
        }  # fmt: skip
    with db.transaction() as session:
        session.add(CounterDelta(unit_id=world.who["lead"].unit_id, key="open", n=1))
    wrong = differences(world, "lead", views)
    assert set(wrong) == {"lead queue:open"}
    shown, counted = wrong["lead queue:open"]
    assert shown == counted + 1
