"""Hidden means unseen: with a walled clue the viewer meets byte for byte what they met without it (PRODUCT §10)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub import casework, db
from hub.access import matrix
from hub.models import Clue
from hub.web import live, supervise
from tests.access.canary import opened
from tests.access.conftest import CITY, World, ids_of, registered

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
         "/running", "/metrics", "/healthz", "/palette?no=4309", "/map", "/"]  # fmt: skip


NOW = re.compile(
    rb'<meta name="now" content="[^"]*">|name="(?:token|key|csrf_token)" value="[^"]*"|value="20[^"]*T[^"]*"'
    rb'|"now": *"[^"]*"|"beat_seconds":[^,}]*|(?m:^hub_(?:work_oldest|source_beat)_seconds\{[^}]*\} \S+)'
    rb'|datetime="[^"]*"|"(?:recorded_)?at": ?"[^"]*"|\b[0-9a-f]{64}\b|"(?:hash|previous)": ?"[^"]*"'
    rb'|title="[^"]* [0-9a-f]{8}"'
    rb"|\d\d-\d\d \d\d:\d\d(?::\d\d)?"
)
"""Times aside, with the hashes of events that hold them, and the random names of forms."""
ABSENT = 10**9
NOT_COMPARED = {
    "GET /live": "a stream, below",
    "GET /static/<path:filename>": "files of the program",
    "GET /static/en/<name>": "the same in English",
    "GET /favicon.ico": "a file of the program",
    "GET /hooks/wechat/<source_id>": "a provider's handshake: repeats what it was sent",
    "GET /sign-in/oidc": "leads to another server",
    "GET /sign-in/oidc/back": "leads back from another server",
}
"""The only reads that the twins do not meet, and why."""
FILLED = {"name": supervise.LISTS, "code": [CITY], "unit": [CITY], "kind": ["registration"], "size": ["small"],
          "channel": ["email"], "source_id": ["test:email"], "form_id": ["letter"], "part": ["1"]}  # fmt: skip
NUMBERS = ("number", "task_id", "blob_id", "copy_id", "part_id")


def reads() -> list[str]:
    return [item for item in matrix.items() if item.startswith("GET ") and item not in NOT_COMPARED]


def addresses(world: World, item: str, ids: dict[str, Any]) -> list[str]:
    """The addresses of a read: each list and unit, the own clue with what is its, and the first rows of any kind."""
    rule, found = item.removeprefix("GET "), [""]
    for piece in re.split(r"(<[^>]+>)", rule):
        name = piece.strip("<>").rpartition(":")[2]
        if not piece.startswith("<"):
            fill = [piece]
        elif name == "no":
            fill = [world.nos["own"]]
        elif name in NUMBERS:
            fill = [str(ids[name])] if "<no>" in rule and name in ids else ["1", "2", "3"]
        else:
            fill = list(FILLED[name])
        found = [begun + more for begun in found for more in fill]
    return found


def every_page(world: World) -> list[str]:
    with db.reading() as session:
        ids = ids_of(session, world.clues["own"])
    return [address for item in reads() for address in addresses(world, item, ids)]


def of_the_hidden(session: Session, world: World, clue: Clue) -> list[tuple[str, str]]:
    """Addresses that name the walled clue or a row of it, each with the same address of what there is not."""
    own, pairs = ids_of(session, clue.id), []
    for item in reads():
        rule = item.removeprefix("GET ")
        names = re.findall(r"<(?:\w+:)?(\w+)>", rule)
        if not set(names) & {"no", *NUMBERS}:
            continue
        one, other = rule, rule
        for name in names:
            there = clue.no if name == "no" else own.get(name, FILLED.get(name, ["1"])[0])
            none = "430900-20200101-03-000000" if name == "no" else ABSENT if name in NUMBERS else there
            one = re.sub(rf"<(?:\w+:)?{name}>", str(there), one)
            other = re.sub(rf"<(?:\w+:)?{name}>", str(none), other)
        pairs.append((one, other))
    return pairs


def body(answer: TestResponse) -> bytes:
    """What the person meets: the text of files that are not text, with the times of their making aside."""
    file = answer.data.startswith((b"%PDF", b"PK"))
    return NOW.sub(b"", opened(answer.data).encode() if file else answer.data)


def met(session: Session, world: World, role: str, paths: list[str]) -> dict[str, tuple[int, bytes]]:
    """The answers, and nothing kept of having looked: what is printed or marked as seen is an event."""
    client, _ = world.clients[role]
    kept, found = session.connection().begin_nested(), {}
    for path in paths:
        answer = client.get(path)
        found[path] = (answer.status_code, body(answer))
    kept.rollback()
    session.expire_all()
    return found


def first_difference(one: tuple[int, bytes], other: tuple[int, bytes]) -> tuple[str, ...]:
    """Where two answers part, to be read in the failure."""
    if one[0] != other[0]:
        return str(one[0]), str(other[0])
    at = next((n for n, (a, b) in enumerate(zip(one[1], other[1], strict=False)) if a != b), -60)
    return tuple(body[max(0, at - 60) : at + 60].decode("utf-8", "replace") for _, body in (one, other))


def compare(world: World, role: str, wall: Callable[[Session, World, str], Clue], paths: list[str]) -> None:
    client, _ = world.clients[role]
    with world.undone() as session:
        without = met(session, world, role, paths)
        assert [path for path, (status, _) in without.items() if status >= 500] == []
        clue = wall(session, world, role)
        session.commit()
        with_it = met(session, world, role, paths)
        assert {path: first_difference(without[path], with_it[path]) for path in paths
                if without[path] != with_it[path]} == {}  # fmt: skip
        whole = b"".join(one for _, one in with_it.values())
        assert clue.no.encode() not in whole
        assert not re.search(HIDDEN[:6].encode(), whole)
        for one, other in of_the_hidden(session, world, clue):
            if wall is secret and "quarantine" in one:  # the list of what is handed over signed, by number alone
                continue
            mine, theirs = client.get(one), client.get(other)
            same = re.sub(rb"\d+", b"", body(mine)) == re.sub(rb"\d+", b"", body(theirs))
            assert (mine.status_code, same) == (theirs.status_code, True), one


def test_every_read_is_met() -> None:
    """A new GET route is met by the twins, or stands with its reason in NOT_COMPARED; its parameters are known."""
    assert set(NOT_COMPARED) <= set(matrix.items())
    for item in reads():
        unknown = set(re.findall(r"<(?:\w+:)?(\w+)>", item)) - {*FILLED, *NUMBERS, "no"}
        assert not unknown, f"{item}: say in FILLED what {unknown} stands for"


@pytest.mark.parametrize("role", ["operator", "lead", "statistician", "auditor"])
@pytest.mark.parametrize("wall", [accused, recused, misconduct, secret])
def test_twins(world: World, role: str, wall: Callable[[Session, World, str], Clue]) -> None:
    """What everybody looks at: queue, search, own clue, tasks, state of the hub."""
    own = f"/clues/{world.nos['own']}"
    compare(world, role, wall, [*PAGES, own, f"/api/v1{own}"])


@pytest.mark.parametrize(
    ("role", "wall"),
    [("lead", accused), ("statistician", recused), ("auditor", accused), ("supervisor", misconduct),
     ("operator", secret), ("handler", recused), ("mailroom", misconduct), ("sysadmin", accused),
     ("secadmin", accused), ("other_department", accused), ("nobody", misconduct)],
)  # fmt: skip
def test_every_page_of_the_viewer(world: World, role: str, wall: Callable[[Session, World, str], Clue]) -> None:
    """All reads of the web server, with their counts and numbers, with the walled clue and without it."""
    compare(world, role, wall, [*PAGES, *every_page(world)])


def test_the_twin_would_be_noticed(world: World) -> None:
    """The same clue without a wall changes what is met."""
    with world.undone() as session:
        without = met(session, world, "lead", PAGES)
        registered(session, CITY, HIDDEN)
        session.commit()
        with_it = met(session, world, "lead", PAGES)
        differing = {path for path in PAGES if without[path] != with_it[path]}
        assert {"/queue", "/api/v1/clues", "/running", "/metrics"} <= differing


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
