"""Supervision on screen: each number of the board equals a recount in SQL as that viewer, and opens as many rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from hub import casework, clock, db
from hub.access.people import Actor
from hub.app import create_app
from hub.models import Clue, Unit
from hub.supervision import board
from hub.terms import Role
from tests.integration.browsers import Page
from tests.integration.casework.conftest import CITY, COUNTY, MINISTRY, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_kinds import intake_of, say
from tests.integration.casework.test_walls import ACCUSING, received

Open = Callable[[Actor], FlaskClient]
WHY: dict[str, Any] = {"criterion": "farmland", "reason_text": "占用永久基本农田二十亩"}


@pytest.fixture
def desk(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    del hub
    return Desk(monkeypatch)


@pytest.fixture
def signed(desk: Desk) -> Open:
    app = create_app()

    def sign(who: Actor) -> FlaskClient:
        return Page(app, who).client

    del desk
    return sign


RECOUNT = text("""
    select owner.code, count(*) as open,
           count(*) filter (where exists (select from clock where clue_id = c.id and stopped_at is null
                                          and due = :today)) as today,
           count(*) filter (where exists (select from clock where clue_id = c.id and stopped_at is null
                                          and due < :today)) as overdue,
           min(c.at) as oldest
    from clue c join unit owner on owner.id = c.owner_unit_id
    where exists (select from clue_unit s where s.clue_id = c.id and s.unit_id = :unit)
      and c.state in ('received', 'to_determine', 'escalated', 'designated', 'verifying', 'to_tell')
      and owner.path @> to_jsonb(cast(:unit as bigint))
      and not exists (select from clue_wall w where w.clue_id = c.id and w.state <> 'released'
                      and (w.user_id = :person or w.unit_id = any(:path) or (w.user_id is null and w.unit_id is null)))
    group by owner.code
""")


def recount(who: Actor) -> dict[str, tuple[int, int, int, object]]:
    """What the person sees, per holding unit, by SQL that shares nothing with the board."""
    with db.reading() as session:
        given = {"today": clock.today(), "unit": who.unit_id, "person": who.user_id, "path": list(who.path)}
        rows = session.execute(RECOUNT, given).all()
    return {row.code: (row.open, row.today, row.overdue, row.oldest) for row in rows}


def summed(rows: dict[str, tuple[int, int, int, object]], codes: set[str]) -> tuple[int, int, int, object]:
    of = [row for code, row in rows.items() if code in codes]
    oldest = min((row[3] for row in of), default=None)  # type: ignore[type-var]
    return sum(row[0] for row in of), sum(row[1] for row in of), sum(row[2] for row in of), oldest


def area(code: str) -> set[str]:
    with db.reading() as session:
        unit = session.scalars(text("select id from unit where code = :code"), {"code": code}).one()
        found = session.scalars(text("select code from unit where path @> to_jsonb(cast(:id as bigint))"), {"id": unit})
        return set(found)


def arrange(desk: Desk) -> None:
    """Clues of several units, due on several days; one closed, one walled off from the county, one from a person."""
    desk.go("2026-03-02T09:00")
    for unit in (COUNTY, COUNTY, SIBLING, CITY, PROVINCE):
        desk.clue(unit)
    late = desk.clue(COUNTY)
    done = desk.clue(SIBLING)
    desk.p1(done, desk.who(SIBLING), SIBLING)
    desk.verified(done, "R0", desk.who(SIBLING))
    desk.tell(done)
    assert desk.state(done) == "closed"
    received(desk, ACCUSING)
    desk.go("2026-03-04T09:00")
    desk.clue(COUNTY)
    recused = desk.clue(COUNTY)
    desk.act(recused, "recuse.other", desk.who(COUNTY, Role.LEAD, "b"), person=desk.who(COUNTY, Role.LEAD).user_id,
             reason_text="亲属")  # fmt: skip
    desk.act(late, "escalate", reason="unclear")
    desk.go("2026-03-11T09:00")  # seven working days after the first: due today


def test_each_number_is_a_recount_and_opens_its_rows(desk: Desk, signed: Open) -> None:
    arrange(desk)
    viewers = [
        desk.who(COUNTY, Role.LEAD), desk.who(COUNTY, Role.LEAD, "b"), desk.who(CITY, Role.LEAD),
        desk.who(CITY, Role.SUPERVISOR), desk.who(PROVINCE, Role.SUPERVISOR), desk.who(MINISTRY, Role.SUPERVISOR),
        desk.who(SIBLING, Role.LEAD), desk.who("430100", Role.SUPERVISOR),
    ]  # fmt: skip
    for day in ("2026-03-11T09:00", "2026-03-12T09:00"):
        desk.go(day)
        seen = []
        for who in viewers:
            rows = recount(who)
            with db.reading() as session:
                lines = board.board(session, who, session.get_one(Unit, who.unit_id))
            for line in lines:
                wanted = summed(rows, area(line.code) if line.area else {line.code})
                assert (line.open, line.today, line.overdue, line.oldest) == wanted, (who.login, line)
                assert line.soon <= line.today
            total = tuple(sum(line.number(name) for line in lines) for name in board.WHAT)
            assert total == summed(rows, set(rows))[:3], who.login
            seen.append(total[0])
            client = signed(who)
            page = client.get("/supervise").text
            links = re.findall(r'href="([^"]+)" data-count="[^"]+"[^>]*>(\d+)</a>', page)
            assert len(links) >= (1 if total[0] else 0)
            for address, number in links:
                found = client.get(address.replace("&amp;", "&"))
                assert found.status_code == 200
                assert len(re.findall(r'tr data-no="', found.text)) == int(number), address
        assert seen == [3, 4, 8, 8, 9, 9, 1, 0], "one less for the recused lead; the county: nothing of the accusation"


def test_oldest_first_page_by_page(desk: Desk, signed: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("2026-03-04", "2026-03-02", "2026-03-03"):
        desk.go(f"{day}T09:00")
        desk.clue(COUNTY)
    monkeypatch.setattr("hub.supervision.queue.PAGE", 2)
    client = signed(desk.who(CITY, Role.SUPERVISOR))
    first = client.get(f"/supervise/clues?unit={COUNTY}&what=open").text
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None
    second = client.get(onward.group(1).replace("&amp;", "&")).text
    days = re.findall(r'<td class="nowrap num">(2026-03-0\d)</td>', first + second)
    assert days == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert "在办 3 件" in first


def test_who_may_and_out_of_the_area_is_nothing(desk: Desk, signed: Open) -> None:
    boss = signed(desk.who(CITY, Role.SUPERVISOR))
    for address in ("/supervise?unit=430000", "/supervise?unit=430100", "/supervise?unit=x", "/supervise/nothing",
                    "/supervise/clues?unit=430000", "/supervise/clues?what=all", "/supervise/directives?kind=x",
                    "/supervise/directives?unit=430100", "/supervise/kinds?which=x"):  # fmt: skip
        assert boss.get(address).status_code == 404, address
    for name in ("since=morgen", "since=2026-03-05&until=2026-03-01", "since=0001-01-01", "until=0001-01-01",
                 "until=9999-12-31"):  # fmt: skip
        answer = boss.get(f"/supervise/directives?{name}")
        assert answer.status_code == 422, name
        assert "日期" in answer.text
    assert boss.get("/supervise/clues?after=xx~yy").status_code == 200
    assert boss.get("/supervise/kinds?sample=abc").status_code == 200
    for role in (Role.HANDLER, Role.OPERATOR, Role.STATISTICIAN, Role.AUDITOR, Role.SYSADMIN):
        assert signed(desk.who(CITY, role)).get("/supervise").status_code == 404, role
    page = boss.get(f"/supervise?unit={COUNTY}").text
    assert "桃江县" in page
    assert 'href="/supervise?unit=430900"' in page, "the way back up"
    rows = boss.get("/supervise", headers={"HX-Request": "true"}).text
    assert "<html" not in rows
    assert 'class="table board"' in rows


def number(client: FlaskClient, name: str) -> str:
    page = client.get("/supervise").text
    found = re.search(rf'href="/supervise/{name}">[^<]+<b class="num">(\d+\+?)</b><small>([^<]+)<', page)
    assert found is not None, name
    return f"{found.group(1)} {found.group(2)}"


def test_objections_wait_for_the_designator(desk: Desk, signed: Open) -> None:
    clue = desk.clue(COUNTY)
    desk.act(clue, "escalate", reason="unclear")
    desk.act(clue, "designate", desk.who(CITY, Role.LEAD), unit=SIBLING, issued="2026-03-02")
    desk.act(clue, "object", desk.who(SIBLING), reason_text="不在本县")
    boss, county = signed(desk.who(CITY, Role.SUPERVISOR)), signed(desk.who(SIBLING, Role.LEAD))
    page = boss.get("/supervise/objections").text
    no = desk.read(clue).no
    assert f"{no}?act=objection.dismiss" in page
    assert (number(boss, "objections"), number(county, "objections")) == ("1 现有", "0 现有")
    assert no not in county.get("/supervise/objections").text
    assert boss.get(f"/clues/{no}?act=objection.dismiss").text.count('data-act-form="objection.dismiss"') == 1
    desk.act(clue, "recuse.other", desk.who(CITY, Role.LEAD), person=desk.who(CITY, Role.SUPERVISOR).user_id,
             reason_text="亲属")  # fmt: skip
    assert number(boss, "objections") == "0 现有", "nothing of a clue behind a wall"


def test_holds_are_decided_in_one_working_day(desk: Desk, signed: Open) -> None:
    clue = received(desk, ACCUSING)
    no = desk.read(clue).no
    boss, above = signed(desk.who(CITY, Role.LEAD)), signed(desk.who(PROVINCE, Role.SUPERVISOR))
    county = signed(desk.who(COUNTY, Role.LEAD))
    page = boss.get("/supervise/holds").text
    assert f"{no}?act=wall.confirm" in page
    assert "剩 1 个工作日" in page
    assert number(boss, "holds") == "1 现有"
    assert no in above.get("/supervise/holds").text
    assert "由承办单位核定" in above.get("/supervise/holds").text
    assert number(above, "holds") == "0 现有", "the holder decides"
    assert no not in county.get("/supervise/holds").text
    desk.go("2026-03-04T09:00")
    boss, county = signed(desk.who(CITY, Role.LEAD)), signed(desk.who(COUNTY, Role.LEAD))
    assert number(boss, "holds") == "1 超期 1"
    desk.act(clue, "wall.release", desk.who(CITY, Role.LEAD), reason_text="没有依据")
    assert number(boss, "holds") == "0 现有"
    mine = desk.clue(COUNTY)
    with db.transaction() as session:
        casework.look_for_walls(session, session.get_one(Clue, mine), [], ["nobody"])
    desk.who(COUNTY, Role.HANDLER)
    with db.transaction() as session:
        casework.look_for_walls(session, session.get_one(Clue, mine), [], ["handlera"])
    page = county.get("/supervise/holds").text
    assert "违法主体与工作人员同名" in page
    assert f"{desk.read(mine).no}?act=recuse.confirm" in page


def test_directives_add_up_and_open(desk: Desk, signed: Open) -> None:
    boss, above = desk.who(CITY, Role.SUPERVISOR), desk.who(PROVINCE, Role.SUPERVISOR)
    one, other, third = desk.clue(COUNTY), desk.clue(COUNTY), desk.clue(SIBLING)
    desk.act(one, "supervise.order", boss, due="2026-03-04", reason_text="请速办")
    desk.act(other, "supervise.order", boss, due="2026-03-20", reason_text="请速办")
    desk.act(third, "supervise.order", above, due="2026-03-05", reason_text="请速办")
    desk.act(third, "reply.order", desk.who(SIBLING), reason_text="已办")
    desk.go("2026-03-06T09:00")
    desk.act(one, "supervise.order", above, due="2026-03-10", reason_text="再催")
    client = signed(boss)
    page = client.get("/supervise/directives").text
    links = re.findall(r'href="([^"]+)" data-count="([^"]+)">(\d+)</a>', page)
    told = {name: int(count) for _, name, count in links}
    assert told == {
        f"{COUNTY}:order:asked": 3, f"{COUNTY}:order:again": 1, f"{COUNTY}:order:open": 3,
        f"{COUNTY}:order:overdue": 1, f"{SIBLING}:order:asked": 1, f"{SIBLING}:order:in_time": 1,
    }  # fmt: skip
    for address, name, count in links:
        rows = client.get(address.replace("&amp;", "&")).text
        assert len(re.findall(r'tr data-no="', rows)) == int(count), name
    assert number(client, "directives") == "4 超期 1"
    assert "第 2 次" in page
    assert "请速办" not in page, "words stay with the clue"
    county = signed(desk.who(COUNTY, Role.LEAD)).get("/supervise/directives").text
    assert SIBLING not in county
    assert len(re.findall(r'tr data-no="', county)) == 3, "what the unit itself was asked"
    early = client.get("/supervise/directives?since=2026-03-06&until=2026-03-06").text
    assert len(re.findall(r'tr data-no="', early)) == 1


def test_major_clues_alerts_and_feedback(desk: Desk, signed: Open) -> None:
    boss = desk.who(CITY, Role.SUPERVISOR)
    clue = desk.clue(COUNTY)
    desk.act(clue, "mark.major", **WHY)
    desk.go("2026-03-03T09:00")
    desk.act(clue, "report.major", reason_text="报告")
    client = signed(boss)
    page = client.get("/supervise/major").text
    assert "迟报" in page
    assert f"{desk.read(clue).no}?act=supervise.letter" in page
    assert number(client, "major") == "1 超期 1"
    handed = desk.clue(CITY)
    desk.act(handed, "hand_down", desk.who(CITY, Role.LEAD), unit=COUNTY)
    desk.act(handed, "feedback", words="已与张三核实，电话13800001234")
    page = client.get("/supervise/feedback").text
    assert "已与▇▇核实" in page, "names and numbers masked"
    assert "13800001234" not in page
    assert number(client, "feedback").startswith("1 ")
    assert number(signed(desk.who(PROVINCE, Role.SUPERVISOR)), "feedback").startswith("0 "), "to who handed it down"
    desk.go("2026-03-20T09:00")
    with db.transaction() as session:
        while casework.sweep(session):
            pass
    client = signed(boss)
    page = client.get("/supervise/alerts").text
    assert "超期报上级" in page
    assert "明天到期" not in page, "of each clock the furthest point only"
    assert desk.read(clue).no in page
    assert int(number(client, "alerts").split()[0]) == len(re.findall(r'tr data-no="', page))


def test_kind_decisions_counted_opened_and_sampled(desk: Desk, signed: Open) -> None:
    one, other = desk.who(role=Role.OPERATOR), desk.who(role=Role.OPERATOR, name="b")
    clues = [desk.clue(COUNTY) for _ in range(3)]
    for clue in clues:
        say(one, intake_of(clue), "consultation")
        say(other, intake_of(clue), "consultation")
    client = signed(desk.who(CITY, Role.SUPERVISOR))
    page = client.get("/supervise/kinds").text
    links = re.findall(r'href="([^"]+)" data-count="[^"]+">(\d+)</a>', page)
    assert [count for _, count in links] == ["3", "3"]
    for address, count in links:
        rows = client.get(address.replace("&amp;", "&")).text
        assert rows.count("登记后改为非线索</span>") == int(count)
    assert number(client, "kinds").startswith("3 ")
    drawn = [client.get("/supervise/kinds?sample=2").text for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].count("登记后改为非线索</span>") == 2
    lead = desk.who(COUNTY, Role.LEAD)
    desk.act(clues[0], "recuse", lead, reason_text="亲属")
    assert number(signed(lead), "kinds").startswith("2 "), "no count tells of a clue behind a wall"
    assert desk.read(clues[0]).no not in signed(lead).get("/supervise/kinds?which=all").text
    assert number(client, "kinds").startswith("3 ")
    outside = client.get(f"/supervise/kinds?since={date(2026, 1, 1)}&until={date(2026, 1, 31)}").text
    assert "没有认定为非线索的来件" in outside


def test_programs_read_the_same_numbers_and_rows(desk: Desk, signed: Open) -> None:
    arrange(desk)
    lead = desk.who(COUNTY, Role.LEAD, "b")
    client = signed(lead)
    told = client.get("/api/v1/supervision").json
    assert told["unit"] == COUNTY
    counted = recount(lead)[COUNTY]
    (own,) = (line for line in told["lines"] if line["code"] == COUNTY)
    assert (own["open"], own["today"], own["overdue"]) == counted[:3]
    rows = client.get("/api/v1/supervision/clues?what=overdue").json["rows"]
    assert len(rows) == counted[2]
    for name in ("objections", "holds", "directives", "major", "alerts", "feedback", "kinds"):
        found = client.get(f"/api/v1/supervision/{name}")
        assert (found.status_code, found.json["name"]) == (200, name)
        assert not {key for row in found.json["rows"] for key in row} & {"clue_id", "by_user", "unit_id"}
    assert client.get("/api/v1/supervision/none").status_code == 404
    assert client.get("/api/v1/supervision?unit=110000").status_code == 404
    assert client.get("/api/v1/supervision/major?since=x").status_code == 422
    assert signed(desk.who(COUNTY)).get("/api/v1/supervision").status_code == 404


@pytest.mark.parametrize(
    "after", ["x", "~", "2026-03-02~", "2026-03-02~1", f"2026-03-02T00:00:00+08:00~{10**30}", "0001-01-01~-1"]
)
def test_a_made_up_place_in_a_list_is_no_fault(desk: Desk, signed: Open, after: str) -> None:
    desk.clue(COUNTY)
    client = signed(desk.who(COUNTY, Role.LEAD))
    for path in ("/queue", "/api/v1/clues", "/supervise/clues", "/api/v1/supervision/clues"):
        for query in ({}, {"query": "占地"}):
            assert client.get(path, query_string={"after": after, **query}).status_code == 200, (path, query)


def test_the_box_of_a_limit_takes_days_that_lie_ahead(desk: Desk, signed: Open) -> None:
    """Browsers refused every order: its day had to be one that was over."""
    no = desk.read(desk.clue(COUNTY)).no
    page = signed(desk.who(CITY, Role.SUPERVISOR)).get(f"/clues/{no}?act=supervise.order").text
    box = re.search(r'<input[^>]+id="x-due"[^>]*>', page)
    assert box is not None
    assert 'min="2026-03-02"' in box[0]
    assert "max=" not in box[0]
