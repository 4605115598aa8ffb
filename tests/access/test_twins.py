"""Hidden means unseen: with a walled clue the viewer meets byte for byte what they met without it (PRODUCT §10)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from hub import casework
from hub.access import matrix
from hub.models import Clue
from hub.web import live, supervise
from tests.access.conftest import CITY, World, registered

HIDDEN = "红旗村后山的沙场一直在偷采。"
ACCUSING = HIDDEN + "益阳市自然资源局收了老板的钱包庇他们。"


def accused(session: Session, world: World, role: str) -> Clue:
    return registered(session, CITY, ACCUSING)


def recused(session: Session, world: World, role: str) -> Clue:
    clue = registered(session, CITY, HIDDEN)
    casework.apply(session, world.people[role], clue, "recuse", {"reason_text": "亲属"})
    return clue


def misconduct(session: Session, world: World, role: str) -> Clue:
    clue = registered(session, CITY, HIDDEN)
    casework.apply(session, world.people["lead"], clue, "determine.P3", {"ground": "N2"})
    return clue


def secret(session: Session, world: World, role: str) -> Clue:
    clue = registered(session, CITY, HIDDEN)
    casework.apply(session, world.people["handler"], clue, "determine.P3", {"ground": "N4"})
    return clue


PAGES = ["/queue", "/queue?query=红旗村", "/queue?query=后山的沙场", "/queue?state=open", "/queue?channel=email",
         "/queue?view=overdue", "/api/v1/clues", "/api/v1/clues?query=红旗村", "/manual", "/tasks", "/api/v1/tasks",
         "/"]  # fmt: skip


NOW = re.compile(
    rb'<meta name="now" content="[^"]*">|name="(?:token|key)" value="[^"]*"|value="20[^"]*T[^"]*"|"now": *"[^"]*"'
    rb"|\d\d-\d\d \d\d:\d\d(?::\d\d)?"
)
"""Times aside, and the random names of forms."""
NOT_THE_VIEWERS = ("/live", "/running", "/static/", "/metrics", "/healthz", "/sign-in", "/citizen/", "/hooks/",
                   "/api/v1/openapi.json")  # fmt: skip
"""A stream (tested below), files, machines, pages without a person; /running counts the work of the whole hub."""


def every_page(world: World, role: str) -> list[str]:
    """Each address that the role may open by itself or that names a list or a unit, not a clue, as it stands."""
    found = []
    for item in matrix.items():
        method, rule = item.split(" ", 1)
        if method != "GET" or rule.startswith(NOT_THE_VIEWERS) or matrix.cell(frozenset({role}), item) == "no":
            continue
        if "<name>" in rule:
            found += [rule.replace("<name>", name) for name in supervise.LISTS]
        elif "<code>" in rule and rule.startswith("/units"):
            found.append(rule.replace("<code>", CITY))
        elif "<" not in rule:
            found.append(rule)
    own = [f"/clues/{world.nos['own']}{rest}" for rest in ("", "/compare")]  # a printed sheet is an event
    return [*found, *own, f"/api/v1{own[0]}", f"/api/v1{own[0]}/acts"]


def met(world: World, role: str, more: list[str]) -> dict[str, tuple[int, bytes]]:
    client, _ = world.clients[role]
    found = {}
    for path in [*PAGES, *more]:
        made = client.get(path)
        found[path] = (made.status_code, NOW.sub(b"", made.data))
    return found


@pytest.mark.parametrize("role", ["operator", "lead", "statistician", "auditor"])
@pytest.mark.parametrize("wall", [accused, recused, misconduct, secret])
def test_twins(world: World, role: str, wall: Callable[[Session, World, str], Clue]) -> None:
    own = f"/clues/{world.nos['own']}"
    with world.undone() as session:
        without = met(world, role, [own, f"/api/v1{own}"])
        clue = wall(session, world, role)
        session.commit()
        number, intake = clue.no, f"/received?ids={1}"
        with_it = met(world, role, [own, f"/api/v1{own}"])
        assert [path for path in without if without[path] != with_it[path]] == []
        client, _ = world.clients[role]
        for path in ("/clues/{}", "/api/v1/clues/{}", "/clues/{}/sheets/registration", "/clues/{}/compare"):
            one, other = client.get(path.format(number)), client.get(path.format("430900-20200101-03-000000"))
            mine, theirs = (NOW.sub(b"", answer.data) for answer in (one, other))
            same = mine.replace(number.encode(), b"?") == theirs.replace(b"430900-20200101-03-000000", b"?")
            assert (one.status_code, other.status_code, same) == (404, 404, True), path
        assert client.get(intake).status_code in (200, 302, 404)
        assert not re.search(HIDDEN[:6].encode(), b"".join(body for _, body in with_it.values()))


@pytest.mark.parametrize(
    ("role", "wall"),
    [("lead", accused), ("statistician", recused), ("auditor", accused), ("supervisor", misconduct),
     ("operator", secret), ("handler", recused), ("mailroom", misconduct)],
)  # fmt: skip
def test_every_page_of_the_viewer(world: World, role: str, wall: Callable[[Session, World, str], Clue]) -> None:
    """All pages, lists, counts and numbers the role may open at all, with the walled clue and without it."""
    pages = every_page(world, role)
    assert len(pages) >= 20
    with world.undone() as session:
        met(world, role, pages)  # what a first look marks as seen is seen
        without = met(world, role, pages)
        assert [path for path, (status, _) in without.items() if status >= 500] == []
        assert sum(status == 200 for status, _ in without.values()) > 0.6 * len(without)
        clue = wall(session, world, role)
        session.commit()
        with_it = met(world, role, pages)
        differing = [path for path in without if without[path] != with_it[path]]
        assert differing == []
        assert clue.no.encode() not in b"".join(body for _, body in with_it.values())


def test_the_twin_would_be_noticed(world: World) -> None:
    """The same clue without a wall changes what is met."""
    with world.undone() as session:
        without = met(world, "lead", [])
        registered(session, CITY, HIDDEN)
        session.commit()
        assert sum(without[path] != body for path, body in met(world, "lead", []).items()) >= 4


def test_live_events_pass_by_who_is_behind_the_wall() -> None:
    fan = live.Fanout()
    fan._thread_of = -1
    import queue

    boxes = {person: queue.SimpleQueue() for person in (1, 2)}
    fan._queues = {person: (7, person, box) for person, box in boxes.items()}
    fan._tell({"c": 5, "u": [7], "not": [2]})
    fan._tell({"c": 6, "u": [8]})
    assert [(person, [box.get_nowait() for _ in range(box.qsize())]) for person, box in boxes.items()] == [
        (1, [5]), (2, []),
    ]  # fmt: skip
