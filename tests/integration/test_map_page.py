"""Where clues lie: every number is a recount in SQL as that viewer, points come from who knows best, walls hide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub import clock, db
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.models import Clue, SuggestionRow, Value
from hub.supervision import points, queue
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, OFFICERS, SIBLING, Desk
from tests.integration.test_supervise_pages import Open, signed

__all__ = ["signed"]
RECOUNT = text("""
    select coalesce(c.division, ''), count(*) from clue c
    where exists (select from clue_unit s where s.clue_id = c.id and s.unit_id = :unit and s.open)
      and not exists (select from clue_wall w where w.clue_id = c.id and w.state <> 'released' and w.user_id = :person)
    group by 1
""")


@pytest.fixture
def desk(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    del hub
    made = Desk(monkeypatch)
    made.who()
    return made


def put(number: int, division: str | None, **more: dict[str, Any]) -> None:
    """Where a clue lies; `sent` and `told`: points from the reporter and from a person."""
    with db.transaction() as session:
        clue = session.get_one(Clue, number)
        clue.division = division
        session.execute(text("update clue_unit set division = :d where clue_id = :c"), {"d": division, "c": number})
        key = open_key(session, clue.key_id)
        if "sent" in more:
            body = key.seal_json({"value": more["sent"], "spans": [], "reason": ""}, "suggestion.value")
            session.add(
                SuggestionRow(received_at=clock.now(), clue_id=number, field="location", producer="location",
                              version="1", confidence=0.8, value=body)
            )  # fmt: skip
        if "told" in more:
            body = key.seal_json(more["told"], "clue.value")
            by = session.scalar(text("select min(id) from staff"))
            session.add(Value(clue_id=number, field="location", value=body, by_user=by))


def point(lat: float, lon: float, system: str = "CGCS2000") -> dict[str, Any]:
    return {"lat": lat, "lon": lon, "system": system}


def find(who: Actor, **filters: str) -> points.Found:
    with db.reading() as session:
        return points.find(session, who, queue.Filters(state="open", **filters))


def test_each_number_is_a_recount_and_opens_its_rows(desk: Desk, signed: Open) -> None:
    lead, other = desk.who(CITY, Role.LEAD), desk.who(CITY, Role.SUPERVISOR)
    for unit, division in ((COUNTY, "430922"), (COUNTY, "430922104"), (SIBLING, "430981"), (SIBLING, None)):
        put(desk.clue(unit), division)
    hidden = desk.clue(COUNTY)
    put(hidden, "430922", told=point(28.5, 112.1))
    desk.act(hidden, "recuse.other", desk.who(CITY, Role.LEAD), person=other.user_id, reason_text="亲属")
    assert find(lead).counted == {"430922": 3, "430981": 1, "": 1}
    assert find(other).counted == {"430922": 2, "430981": 1, "": 1}
    assert [len(find(who).pinned) for who in (lead, other)] == [1, 0]
    for who in (lead, other):
        with db.reading() as session:
            rows = session.execute(RECOUNT, {"unit": who.unit_id, "person": who.user_id}).all()
        sums: dict[str, int] = {}
        for code, n in rows:
            sums[code[:6]] = sums.get(code[:6], 0) + n
        assert find(who).counted == sums
        page = signed(who).get("/map?layer=heat").text
        for href, n in re.findall(r'href="(/queue\?[^"]*division=\d+[^"]*)">(\d+)</a>', page):
            listed = signed(who).get(href.replace("&amp;", "&")).text
            assert len(set(re.findall(r'data-no="([^"]+)"', listed))) == int(n)


def test_a_confirmed_point_counts_before_what_was_sent(desk: Desk) -> None:
    clue, who = desk.clue(), desk.who()
    put(clue, "430922", sent=point(28.0, 112.0))
    assert [(one.source, one.point) for one in find(who).pinned] == [("sent", (28.0, 112.0))]
    put(clue, "430922", told=point(28.5, 112.5))
    assert [(one.source, one.point) for one in find(who).pinned] == [("value", (28.5, 112.5))]


def test_a_visit_counts_most_and_its_system_is_converted(desk: Desk) -> None:
    clue = desk.clue()
    put(clue, "430922", told=point(28.5, 112.5))
    desk.p1(clue, desk.who())
    desk.act(clue, "verify.start", officers=OFFICERS, started="2026-03-02")
    desk.act(clue, "verify.record", visited="2026-03-02", longitude=112.1, latitude=28.5, crs="GCJ02", words="现场")
    found = find(desk.who()).pinned
    assert [one.source for one in found] == ["visit"]
    assert 100 < abs(found[0].point[0] - 28.5) * 111_320 < 700  # metres that GCJ-02 is shifted by


def test_what_is_no_point_is_not_drawn(desk: Desk) -> None:
    nothing: tuple[Any, ...] = (
        "益阳", point(95, 112), point(28, 112, "BD09"), {"lat": "28", "lon": 112}, {"lat": None},
    )  # fmt: skip
    for given in nothing:
        put(desk.clue(), "430922", told=given)
    assert find(desk.who()).pinned == ()
    assert find(desk.who()).total == len(nothing)


def test_no_more_than_can_be_read_are_drawn_and_the_page_says_so(
    desk: Desk, signed: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "MOST", 2)
    for n in range(3):
        put(desk.clue(), "430922", told=point(28.5, 112 + n / 10))
    found = find(desk.who())
    assert (len(found.pinned), found.capped, found.total) == (2, True, 3)
    assert "只画最近 2 处" in signed(desk.who()).get("/map").text


def test_nonsense_in_the_address_is_no_fault(desk: Desk, signed: Open) -> None:
    desk.clue()
    for asked in ("layer=x", "state=x&view=y", "division=%00", "channel=zz", "division=99999999999999"):
        assert signed(desk.who()).get(f"/map?{asked}").status_code == 200
