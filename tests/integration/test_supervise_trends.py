"""Charts of the board: every number equals a recount in SQL as that viewer (test_random_acts.py: after each act)."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from hub import casework, clock, db
from hub.access import sessions
from hub.access.people import Actor
from hub.app import create_app
from hub.jurisdiction.divisions import table
from hub.models import Clue, Unit
from hub.supervision import board, trends
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk, desk
from tests.integration.test_supervise_pages import area, recount, summed

__all__ = ["desk"]
Open = Callable[[Actor], FlaskClient]
PLACES = (None, "430922", "430981", "430981100", "430100", "430922104")

SEEN = """
    from clue c join unit owner on owner.id = c.owner_unit_id
    where exists (select from clue_unit s where s.clue_id = c.id and s.unit_id = :unit)
      and owner.path @> to_jsonb(cast(:top as bigint))
      and not exists (select from clue_wall w where w.clue_id = c.id and w.state <> 'released'
                      and (w.user_id = :person or w.unit_id = any(:path) or (w.user_id is null and w.unit_id is null)))
"""
OPEN = " and c.state in ('received', 'to_determine', 'escalated', 'designated', 'verifying', 'to_tell') "


def counted(what: str, who: Actor, top: int, where: str = "", by: str = "") -> list[Any]:
    """`what` of the clues the person sees in the area of `top`, by SQL that shares nothing with the charts."""
    given = {"unit": who.unit_id, "top": top, "person": who.user_id, "path": list(who.path), "today": clock.today()}
    with db.reading() as session:
        return list(session.execute(text(f"select {what} {SEEN} {where} {by}"), given))


def sign(who: Actor) -> FlaskClient:
    with db.transaction() as session:
        cookie = sessions.begin(session, who.user_id)
    client = create_app().test_client()
    client.set_cookie("hub", cookie)
    return client


class Programme:
    """Random acts of several units; what it noted of the past is the chart's oracle."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.clues: list[int] = []

    def step(self) -> None:
        """One act that goes through; what the state of a clue refuses is tried with another."""
        while True:
            kind = self.random.choice(("new", "new", "act", "act", "act", "act", "day"))
            if kind == "day":
                self.desk.go(timedelta(days=1))
                continue
            if kind == "new" or not self.clues:
                self._new()
                return
            if self._act(self.random.choice(self.clues)):
                return

    def _new(self) -> None:
        unit = self.random.choice((COUNTY, COUNTY, SIBLING, CITY))
        number, channel = self.random.choice((("01", "phone"), ("02", "letter"), ("07", "wechat")))
        made = self.desk.clue(unit, channel=channel, number=number)
        with db.transaction() as session:
            session.get_one(Clue, made).division = self.random.choice(PLACES)
        self.clues.append(made)

    def _act(self, clue: int) -> bool:
        state = self.desk.state(clue)
        with db.reading() as session:
            unit = session.get_one(Unit, session.get_one(Clue, clue).owner_unit_id).code
        desk, who = self.desk, self.desk.who(unit)
        today = clock.today().isoformat()
        try:
            if state == "to_determine":
                if self.random.random() < 0.2 and unit in (COUNTY, SIBLING):
                    desk.act(clue, "escalate", who, reason="unclear")
                else:
                    desk.p1(clue, who, unit)
            elif state == "escalated":
                desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=SIBLING, issued=today)
            elif state == "designated":
                desk.p1(clue, who, unit)
            elif state == "verifying":
                if self.random.random() < 0.2:
                    person = desk.who(CITY, Role.SUPERVISOR).user_id
                    desk.act(clue, "recuse.other", desk.who(unit, Role.LEAD), person=person, reason_text="亲属")
                else:
                    desk.verified(clue, self.random.choice(("R0", "R1")), who)
            elif state == "to_tell":
                if not desk.tell(clue):
                    return False
            else:
                return False
        except casework.RefusedError:
            return False
        return True


def check(who: Actor, past: dict[str, Counter[str]]) -> None:
    """Board and charts of the viewer against SQL; the weeks that are over against what was counted at their end."""
    with db.reading() as session:
        unit = session.get_one(Unit, who.unit_id)
        code = unit.code
        lines, spots = board.board(session, who, unit), trends.by_place(session, who, unit)
        states, sources = trends.by_state(session, who, unit), trends.by_channel(session, who, unit)
        days = trends.mondays()
    rows = recount(who)
    for line in lines:
        wanted = summed(rows, area(line.code) if line.area else {line.code})
        assert (line.open, line.today, line.overdue, line.oldest) == wanted, (who.login, line)
    assert tuple(sum(spot.number(name) for spot in spots) for name in board.WHAT) == summed(rows, set(rows))[:3]
    below = {one.code for one in table().children(code)} | {code}
    places: Counter[str] = Counter()
    for division, n in counted("c.division, count(*)", who, who.unit_id, OPEN, "group by 1"):
        chain = [division, *(row.code for row in table().ancestors(division))] if division else []
        places[next((code for code in chain if code in below), "-")] += n
    assert {spot.code: spot.open for spot in spots} == dict(places)
    assert states is not None
    now = {one.key: one.values[-1] for one in states if one.values[-1]}
    assert now == {state: n for state, n in counted("c.state, count(*)", who, who.unit_id, OPEN, "group by 1")}  # noqa: C416
    for at, day in enumerate(days[:-1]):
        if day.isoformat() in past:
            found = Counter({one.key: one.values[at] for one in states if one.values[at]})
            assert found == past[day.isoformat()], (who.login, day)
    week = "to_char(date_trunc('week', c.at at time zone 'Asia/Shanghai'), 'YYYY-MM-DD')"
    since = f" and c.at >= timestamptz '{days[0]} 00:00+08'"
    came = {(channel, day): n for channel, day, n in counted(f"c.channel, {week}, count(*)", who, who.unit_id, since,
                                                             "group by 1, 2")}  # fmt: skip
    drawn = {(one.key, day.isoformat()): one.values[at] for one in sources for at, day in enumerate(days)}
    assert {key: n for key, n in drawn.items() if n} == came


def test_weeks_that_are_over_keep_what_was_counted_then(desk: Desk) -> None:
    who, programme = desk.who(CITY, Role.LEAD), Programme(desk, 7)
    past: dict[str, Counter[str]] = {}
    for week in range(4):
        desk.go(f"2026-03-{2 + 7 * week:02d}T09:00")
        for _ in range(6):
            programme.random.choice((programme._new, lambda: programme.clues and programme._act(programme.clues[-1])))()
        for clue in list(programme.clues)[::2]:
            programme._act(clue)
        rows = counted("c.state, count(*)", who, who.unit_id, OPEN, "group by 1")
        past[trends.mondays()[-1].isoformat()] = Counter(dict(tuple(row) for row in rows))
    desk.go("2026-03-30T09:00")
    assert len(set(map(str, past.values()))) > 2, "the weeks differ"
    check(who, past)


def test_each_number_opens_as_many_rows_and_what_is_none_is_nothing(desk: Desk) -> None:
    programme = Programme(desk, 3)
    for _ in range(14):
        programme.step()
    boss = sign(desk.who(CITY, Role.SUPERVISOR))
    page = boss.get("/supervise/trends").text
    links = re.findall(r'href="([^"]+)" data-count="([^"]+)"[^>]*>(\d+)</a>', page)
    assert len({name for _, name, _ in links}) == len(links) > 6
    assert 'href=""' not in page, "of weeks that are over only the numbers are known"
    for address, name, number in links:
        found = boss.get(unescape(address))
        assert found.status_code == 200, address
        assert len(re.findall(r'tr data-no="', found.text)) == int(number), (name, address)
    for wrong in ("state=x", "place=430100", "channel=phone", "channel=x&week=2026-03-02", "week=x", "week=0001-01-01"):
        assert boss.get(f"/supervise/clues?area=1&{wrong}").status_code == 404, wrong
    assert boss.get("/supervise/trends?unit=430100").status_code == 404
    assert sign(desk.who(CITY, Role.HANDLER)).get("/supervise/trends").status_code == 404


def test_an_area_too_large_to_look_back_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.clue(), desk.clue()
    monkeypatch.setattr(trends, "MOST", 1)
    assert "请点开下级单位查看" in sign(desk.who(CITY, Role.SUPERVISOR)).get("/supervise/trends").text
