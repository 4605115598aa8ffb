"""One act on many clues (C11) and the next handler in turn (C3): tried first, done row by row, taken back."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access import audit
from hub.access.people import Actor
from hub.casework import assigning, bulk
from hub.models import AutoAssign, BulkRun, Event, User
from tests.integration.case_desk_cast import Cast, cast, read, rows  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import CITY, COUNTY, Desk, desk  # noqa: F401


def chosen(desk: Desk, *ids: int) -> list[bulk.Chosen]:
    return [bulk.Chosen(row.no, row.version) for row in (desk.read(number) for number in ids)]


def run(who: Actor, act: str, picked: list[bulk.Chosen], **data: Any) -> bulk.Run:
    with db.transaction() as session:
        return bulk.run(session, who, act, data, picked)


def tried(who: Actor, act: str, picked: list[bulk.Chosen], **data: Any) -> list[bulk.Outcome]:
    with db.reading() as session:
        return bulk.preview(session, who, act, data, picked)


def undone(who: Actor, number: int) -> bulk.Run:
    with db.transaction() as session:
        return bulk.undo(session, who, number)


def events(act: str) -> list[Event]:
    return rows(Event, Event.act == act)


def test_what_is_shown_is_what_is_done_and_it_is_taken_back(desk: Desk) -> None:
    lead, one, two = desk.who(role="lead"), desk.who(), desk.who(name="b")
    first, second, walled, closed = (desk.clue() for _ in range(4))
    desk.act(first, "assign", handler=one.user_id)
    desk.act(walled, "recuse", two, reason_text="亲属")
    desk.act(closed, "determine.P3", ground="N5")
    desk.tell(closed)
    picked = chosen(desk, first, second, walled, closed)
    before = [desk.read(number).version for number in (first, second, walled, closed)]
    shown = tried(lead, "assign", picked, handler=two.user_id)
    assert [desk.read(number).version for number in (first, second, walled, closed)] == before, "only tried"
    assert events("assign")[1:] == []
    assert [(bool(row.refused), row.before, row.after) for row in shown] == [
        (False, "handlera", "handlerb"), (False, "未分派", "handlerb"), (True, "未分派", ""), (True, "未分派", ""),
    ]  # fmt: skip
    assert "已回避" in shown[2].refused
    assert shown[2].article == "内部规则"
    made = run(lead, "assign", picked, handler=two.user_id)
    assert [row.refused for row in made.outcomes] == [row.refused for row in shown]
    assert made.done == 2
    assert [desk.read(number).handler_id for number in (first, second, walled)] == [two.user_id, two.user_id, None]
    back = undone(lead, made.id)
    assert [(row.before, row.after) for row in back.outcomes] == [("handlerb", "handlera"), ("handlerb", "未分派")]
    assert [desk.read(number).handler_id for number in (first, second)] == [one.user_id, None]
    assert len(events("unassign")) == 1
    assert [event.data for event in events("bulk.undo")] == [{"run": made.id, "act": "assign", "done": 2}]
    with pytest.raises(casework.RefusedError, match="已经撤销过"):
        undone(lead, made.id)
    with db.reading() as session:
        assert audit.verify(session).ok


def test_who_was_first_wins_and_is_named(desk: Desk) -> None:
    lead, one, two = desk.who(role="lead"), desk.who(), desk.who(name="b")
    first, second = desk.clue(), desk.clue()
    picked = chosen(desk, first, second)
    desk.act(first, "assign", handler=one.user_id)
    made = run(lead, "assign", picked, handler=two.user_id)
    assert ["刚被他人修改" in row.refused for row in made.outcomes] == [True, False]
    assert desk.read(first).handler_id == one.user_id
    desk.act(second, "mark.importance", lead, importance="important", reason_text="连片")
    back = undone(lead, made.id)
    assert [row.refused for row in back.outcomes] == ["此后又有办理，没有撤销"]
    assert desk.read(second).handler_id == two.user_id


def test_nothing_is_said_of_clues_that_are_not_ones_own_to_see(desk: Desk) -> None:
    lead, hidden = desk.who(role="lead"), desk.clue()
    desk.act(hidden, "recuse", lead, reason_text="亲属")
    far, made_up = desk.clue("430981"), bulk.Chosen("430922-20200101-01-000000", 1)
    one = desk.who()
    assert tried(lead, "assign", [*chosen(desk, hidden, far), made_up], handler=one.user_id) == []
    with pytest.raises(casework.RefusedError, match="没有这次"):
        undone(one, 1)


@pytest.mark.parametrize(("act", "count", "said"), [
    ("determine.P1", 1, "不能批量"), ("assign", 0, "请先选择"), ("assign", bulk.MOST + 1, "最多"),
])  # fmt: skip
def test_what_is_no_run(desk: Desk, act: str, count: int, said: str) -> None:
    picked = [bulk.Chosen(str(number), 1) for number in range(count)]
    with pytest.raises(casework.RefusedError, match=said):
        tried(desk.who(), act, picked, handler=1)
    with pytest.raises(casework.RefusedError, match="不能批量"):
        tried(desk.who(role="operator"), "assign", chosen(desk, desk.clue()), handler=1)


def test_importance_of_many_and_back(desk: Desk) -> None:
    lead, first, second = desk.who(role="lead"), desk.clue(), desk.clue()
    desk.act(second, "mark.importance", lead, importance="important", reason_text="连片")
    picked = chosen(desk, first, second)
    made = run(lead, "mark.importance", picked, importance="important", reason_text="同一片区")
    assert [row.refused for row in made.outcomes] == ["", "重要程度没有变化"]
    assert [(row.before, row.after) for row in undone(lead, made.id).outcomes] == [("重要", "一般")]
    assert desk.read(first).importance == "ordinary"


def test_in_turn_the_fewest_open_first_not_the_absent_nor_the_walled(desk: Desk) -> None:
    lead, one, two, away = desk.who(role="lead"), desk.who(), desk.who(name="b"), desk.who(name="c")
    today = date(2026, 3, 2)
    with db.transaction() as session:
        casework.set_absence(session, lead, away.user_id, two.user_id, today, today + timedelta(days=3))
    busy, first, second, third, walled = (desk.clue() for _ in range(5))
    desk.act(busy, "assign", handler=one.user_id)
    desk.act(walled, "recuse", two, reason_text="亲属")
    made = run(lead, bulk.AUTO, chosen(desk, first, second, third, walled, busy))
    assert [row.after for row in made.outcomes] == ["handlerb", "handlera", "handlerb", "handlera", ""]
    assert made.outcomes[4].refused == "已有承办人"
    assert {event.data["auto"] for event in events("assign")[1:]} == {assigning.FEWEST}
    with db.reading() as session:
        staff = {load.name: (load.open, load.away, load.deputy) for load in assigning.loads(session, lead.unit_id)}
    assert staff == {"handlera": (3, False, ""), "handlerb": (2, False, ""), "handlerc": (0, True, "handlerb")}
    desk.go(timedelta(days=7))
    another = desk.clue()
    assert run(lead, bulk.AUTO, chosen(desk, another)).outcomes[0].after == "handlerc"


def test_a_walled_clue_does_not_show_in_anybodys_load(desk: Desk) -> None:
    one, two, clue = desk.who(), desk.who(name="b"), desk.clue()
    desk.act(clue, "assign", handler=one.user_id)
    desk.act(clue, "recuse", two, reason_text="亲属")
    with db.reading() as session:
        assert [load.open for load in assigning.loads(session, two.unit_id, two)] == [0, 0]
        assert [load.open for load in assigning.loads(session, two.unit_id)] == [0, 1]


def test_the_sweep_assigns_where_the_lead_wants_it(desk: Desk) -> None:
    lead, one, two = desk.who(role="lead"), desk.who(), desk.who(name="b")
    clues = [desk.clue() for _ in range(5)]

    def swept() -> int:
        with db.transaction() as session:
            return assigning.assign_waiting(session)

    assert swept() == 0
    with db.transaction() as session, pytest.raises(casework.RefusedError, match="只有负责人"):
        assigning.set_auto(session, one, running=True, most=None)
    with db.transaction() as session, pytest.raises(casework.RefusedError, match="1至999"):
        assigning.set_auto(session, lead, running=True, most=0)
    with db.transaction() as session:
        assigning.set_auto(session, lead, running=True, most=2)
    assert swept() == 4, "two each"
    assert swept() == 0
    assert sorted(desk.read(number).handler_id or 0 for number in clues[:4]) == [one.user_id] * 2 + [two.user_id] * 2
    assert desk.read(clues[4]).handler_id is None
    assert {event.actor for event in events("assign")} == {"system"}
    with db.transaction() as session:
        assigning.set_auto(session, lead, running=False, most=None)
    desk.act(clues[0], "unassign", lead, reason_text="调整")
    assert swept() == 0
    assert len(rows(AutoAssign)) == 2, "what was set stays as history"


def test_nobody_is_there_or_it_has_moved_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, one, two = desk.who(role="lead"), desk.who(), desk.who(name="b")
    first, second = desk.clue(), desk.clue()
    for who in (one, two):
        desk.act(first, "recuse", who, reason_text="亲属")
    assert "没有可以分派的承办人" in run(lead, bulk.AUTO, chosen(desk, first)).outcomes[0].refused
    with db.transaction() as session:
        assigning.set_auto(session, lead, running=True, most=None)
    walled = assigning.Load(one.user_id, "handlera", 0, away=False)
    with monkeypatch.context() as patched, db.transaction() as session:
        patched.setattr(assigning.Turns, "next", lambda *_: walled)
        assert assigning.assign_waiting(session, limit=2) == 1, "the recused one is refused, the sweep goes on"
    assert desk.read(first).handler_id is None
    assert desk.read(second).handler_id == one.user_id
    more = [desk.clue(), desk.clue()]
    with db.transaction() as session:
        assert assigning.assign_waiting(session, limit=1) == 1
    assert [desk.read(number).handler_id is None for number in more] == [False, True], "the oldest first"


def test_undoing_names_what_cannot_be_undone(desk: Desk) -> None:
    lead, one, two = desk.who(role="lead"), desk.who(), desk.who(name="b")
    left, hidden = desk.clue(), desk.clue()
    desk.act(left, "assign", handler=one.user_id)
    same = run(lead, "assign", chosen(desk, left), handler=one.user_id)
    assert (same.outcomes[0].refused, same.undoable) == ("已由该承办人承办", False)
    made = run(lead, "assign", chosen(desk, left, hidden), handler=two.user_id)
    with db.transaction() as session:
        session.get_one(User, one.user_id).active = False
    desk.act(hidden, "recuse.other", desk.who(role="lead", name="c"), person=lead.user_id, reason_text="亲属")
    told = [(row.no == desk.read(left).no, row.refused) for row in undone(lead, made.id).outcomes]
    assert told == [(True, "只能分派给本单位在岗的承办人"), (False, "有线索已不在可见范围内")]


def test_back_to_nobody_takes_the_members_along(desk: Desk) -> None:
    main, member, one = desk.clue(), desk.clue(), desk.who()
    for number in (main, member):
        desk.p1(number)
    same = dict.fromkeys(("same_place", "same_time", "same_respondent", "same_facts"), True)
    desk.act(member, "merge", main=main, **same)
    desk.act(main, "assign", handler=one.user_id)
    assert desk.refused(main, "unassign", reason_text="").kind == "missing"
    desk.act(main, "unassign", desk.who(role="lead"), reason_text="调离")
    assert [desk.read(number).handler_id for number in (main, member)] == [None, None]
    assert desk.refused(main, "unassign", reason_text="调离").name == "has_handler"
    assert desk.refused(main, "unassign", desk.who(CITY), reason_text="调离").kind == "unit"


def hidden(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', page)


def test_by_the_page(cast: Cast) -> None:
    lead, handler = cast["lead"], cast["handler"]
    nos = [registered(), registered()]
    page = lead.get("/queue").text
    assert page.count('form="bulk"') == 2
    assert 'form="bulk"' not in cast["operator"].get("/queue").text
    ticked = [value for value in re.findall(r'name="row" value="([^"]+)"', page) if value.split("~")[0] in nos]
    person = str(rows(User, User.login == "handler")[0].id)
    shown = lead.post("/queue/bulk", act="assign", handler=person, row=ticked)
    assert shown.status_code == 200
    assert shown.text.count("可以办理") == 2
    assert read(nos[0]).handler_id is None
    done = lead.post("/queue/bulk/do", act="assign", handler=person, row=hidden(shown.text, "row"))
    assert done.status_code == 303
    assert {read(no).handler_id for no in nos} == {int(person)}
    after = lead.get(done.location).text
    assert "已办理 2 条" in after
    number = rows(BulkRun)[0].id
    assert f"/queue/bulk/{number}/undo" in after
    assert "已办理 2 条" not in handler.get(f"/queue?run={number}").text
    assert handler.post(f"/queue/bulk/{number}/undo").status_code == 422
    assert lead.post(f"/queue/bulk/{number}/undo").status_code == 303
    assert {read(no).handler_id for no in nos} == {None}
    again = lead.post("/queue/bulk/do", act="assign", handler=person, row=ticked)
    assert again.status_code == 200, "the rows have changed since: each is named"
    assert again.text.count("没有办理") >= 2
    assert lead.post("/queue/bulk/do", act="unassign", row=ticked).status_code == 422, "no reason"
    assert lead.post("/queue/bulk", act="close.all", row=ticked).status_code == 422
    assert lead.post("/queue/bulk", act="assign").status_code == 422
    assert lead.post("/queue/bulk/99999999999999999999/undo").status_code == 404
    assert cast["operator"].post("/queue/bulk", act="assign", row=ticked).status_code == 404
    assert lead.post("/queue/bulk", act="assign", handler=person, row="\0~1").status_code == 200


def test_one_click_claims_and_can_be_undone(cast: Cast) -> None:
    handler, no = cast["handler"], registered()
    page = handler.get("/queue").text
    form = re.search(r'<form class="take".*?</form>', page, re.DOTALL)
    assert form is not None
    sent = {name: hidden(form.group(0), name)[0] for name in ("act", "row", "handler")}
    answer = handler.post("/queue/bulk/do", **sent)
    assert answer.status_code == 303
    assert "撤销" in handler.get(answer.location).text
    assert read(no).handler_id == int(sent["handler"])
    assert handler.post(f"/queue/bulk/{rows(BulkRun)[0].id}/undo").status_code == 303
    assert read(no).handler_id is None


def test_the_switch_by_the_page(cast: Cast) -> None:
    lead, handler = cast["lead"], cast["handler"]
    assert 'name="running"' in lead.get("/assigning").text
    assert 'name="running"' not in handler.get("/assigning").text
    assert handler.post("/assigning", running="1").status_code == 404
    for wrong in ("abc", "0", "1000"):
        assert lead.post("/assigning", running="1", most=wrong).status_code == 422
    assert lead.post("/assigning", running="1", most="20").status_code == 303
    page = lead.get("/assigning").text
    assert "已开启" in page
    assert "人handler" in page
    with db.reading() as session:
        kept = session.scalars(select(AutoAssign)).one()
        assert (kept.running, kept.most) == (True, 20)


def test_who_stands_in_finds_the_clues_among_their_own_and_takes_them_over(cast: Cast) -> None:
    handler, second, no = cast["handler"], cast["second"], registered()
    people = {row.login: row.id for row in rows(User)}
    handler.done(no, "assign", handler=str(people["handler"]))
    assert no not in second.get("/queue?view=mine").text
    today = date.fromisoformat(handler.get("/rules/absences").text.split('name="until" required min="')[1][:10])
    sent = {"deputy": str(people["second"]), "since": today.isoformat(), "until": today.isoformat()}
    assert handler.post("/rules/absences", **sent).status_code == 303
    assert "由您代理" in second.get("/queue?view=mine").text
    page = second.get(f"/clues/{no}").text
    assert "认领后由您承办" in page
    assert (
        second.post(
            f"/clues/{no}/acts/assign", version=str(read(no).version), handler=str(people["second"])
        ).status_code
        == 303
    )
    assert read(no).handler_id == people["second"]


def test_where_the_unit_wants_approval_many_are_put_forward_and_taken_back(desk: Desk) -> None:
    lead, boss, one = desk.who(role="lead"), desk.who(role="lead", name="b"), desk.who()
    with db.transaction() as session:
        casework.set_chain(session, lead, "assign", [casework.Step("审批", "lead")])
    first, second = desk.clue(), desk.clue()
    picked = chosen(desk, first, second)
    shown = tried(lead, "assign", picked, handler=one.user_id)
    assert [(row.proposed, row.refused) for row in shown] == [(True, "")] * 2
    made = run(lead, "assign", picked, handler=one.user_id)
    assert (made.done, [desk.read(number).handler_id for number in (first, second)]) == (2, [None, None])
    again = run(lead, "assign", chosen(desk, first), handler=one.user_id)
    assert "正在审批" in again.outcomes[0].refused
    with db.transaction() as session:
        waiting = casework.open_proposals(session, boss)
        assert sorted(row.clue_id for row in waiting) == [first, second]
        casework.decide(session, boss, next(row.id for row in waiting if row.clue_id == first), "approve", "")
    assert desk.read(first).handler_id == one.user_id
    back = undone(lead, made.id)
    assert [bool(row.refused) for row in back.outcomes] == [True, False], "what was approved stands"
    assert desk.read(second).handler_id is None
    with db.reading() as session:
        assert casework.open_proposals(session, boss) == []
