"""Kept and shared views of the queue (C1): sealed filters, counts that leave walled clues out."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from hub import casework, db
from hub.models import DataKey, SavedView
from hub.supervision import views
from hub.supervision.queue import Filters
from tests.integration.case_desk_cast import Cast, cast  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import COUNTY, SIBLING, Desk, desk  # noqa: F401

OPEN = Filters(state="open", channel="phone")


def keep(who: object, name: str, filters: Filters = OPEN, *, shared: bool = False) -> int:
    with db.transaction() as session:
        return views.save(session, who, name, filters, shared=shared).id  # type: ignore[arg-type]


def names(who: object) -> list[str]:
    with db.reading() as session:
        return [view.name for view in views.of(session, who)]  # type: ignore[arg-type]


def test_filters_are_sealed_and_their_key_goes_with_them(desk: Desk) -> None:
    with db.reading() as session:
        before = session.scalar(select(func.count()).select_from(DataKey))
    number = keep(desk.who(), "张三丰的线索", Filters(query="张三丰"))
    with db.reading() as session:
        stored = bytes(session.execute(text("select kept from saved_view")).scalar_one())
        events = session.execute(text("select data::text from event")).scalars().all()
        found = next(view for view in views.of(session, desk.who()) if view.id == number)
    assert "张三丰".encode() not in stored
    assert not any("张三丰" in event for event in events)
    assert found.filters == Filters(query="张三丰")
    with db.transaction() as session:
        views.delete(session, desk.who(), number)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(DataKey)) == before
        assert session.scalars(select(SavedView)).all() == []


def test_own_are_own_and_a_lead_shares_with_the_unit_only(desk: Desk) -> None:
    me, second, lead, far = desk.who(), desk.who(name="b"), desk.who(role="lead"), desk.who(SIBLING)
    mine, ours = keep(me, "我的电话"), keep(lead, "全县在办", shared=True)
    assert names(me) == ["我的电话", "全县在办"]
    assert names(second) == ["全县在办"]
    assert names(far) == []
    for who, number, shared in ((second, mine, False), (second, ours, True), (far, ours, True)):
        with db.transaction() as session, pytest.raises(casework.RefusedError, match="没有这个视图"):
            views.change(session, who, number, "x", shared=shared)
        with db.transaction() as session, pytest.raises(casework.RefusedError, match="没有这个视图"):
            views.delete(session, who, number)
    with pytest.raises(casework.RefusedError, match="只有负责人"):
        keep(me, "共用", shared=True)
    with db.transaction() as session, pytest.raises(casework.RefusedError, match="只有负责人"):
        views.change(session, me, mine, "我的电话", shared=True)
    other = desk.who(role="lead", name="c")
    with db.transaction() as session:
        views.change(session, other, ours, "在办电话", shared=False)
    assert names(second) == []
    assert names(lead) == ["在办电话"]


@pytest.mark.parametrize(("name", "filters", "said"), [
    ("", OPEN, "起名"), ("长" * 21, OPEN, "20字"), ("已有", OPEN, "同名"), ("空", Filters(), "没有筛选条件"),
])  # fmt: skip
def test_what_cannot_be_kept(desk: Desk, name: str, filters: Filters, said: str) -> None:
    keep(desk.who(), "已有")
    with pytest.raises(casework.RefusedError, match=said):
        keep(desk.who(), name, filters)


def test_thirty_are_enough(desk: Desk) -> None:
    for number in range(views.MOST_KEPT):
        keep(desk.who(), f"视图{number}")
    with pytest.raises(casework.RefusedError, match="最多"):
        keep(desk.who(), "又一个")


def test_counts_follow_and_leave_out_what_is_walled(desk: Desk) -> None:
    me, second = desk.who(), desk.who(name="b")
    by_word, by_state = keep(me, "占地", Filters(query="占地")), keep(me, "在办")
    first, _ = desk.clue(), desk.clue()
    with db.transaction() as session:
        casework.add_note(session, me, session.get_one(casework.notes.Clue, first), "占地")

    def counted(who: object) -> dict[int, int]:
        with db.reading() as session:
            return views.counts(session, who)  # type: ignore[arg-type]

    assert counted(me) == {by_word: 2, by_state: 2}
    desk.act(first, "recuse", me, reason_text="亲属")
    assert counted(me) == {by_word: 1, by_state: 1}
    assert counted(second) == {}


def test_views_by_the_page(cast: Cast) -> None:
    lead, second, no = cast["lead"], cast["second"], registered()
    filters = {"channel": "phone", "state": "open", "query": ""}
    assert 'name="shared"' in lead.get("/queue?channel=phone").text
    assert 'name="shared"' not in second.get("/queue?channel=phone").text
    made = lead.post("/views", name="在办电话", shared="1", **filters)
    assert made.status_code == 303
    number = made.location.rsplit("=", 1)[1]
    page = second.get(f"/queue?saved={number}").text
    assert no in page
    assert f'data-view="{number}" aria-current="true"' in page
    assert second.get("/views/counts").json == {number: 1}
    assert cast["stranger"].get(f"/queue?saved={number}").status_code == 404
    assert second.get("/queue?saved=99999999999999999999").status_code == 404
    assert lead.post("/views/99999999999999999999", name="x").status_code == 404
    assert lead.post("/views", name="在办电话", **filters).status_code == 422
    assert "在办电话" in second.get("/views").text
    assert second.post(f"/views/{number}", name="改名").status_code == 422
    assert lead.post(f"/views/{number}", name="电话", shared="1").status_code == 303
    assert "电话" in second.get("/queue").text
    assert lead.post(f"/views/{number}/delete").status_code == 303
    assert lead.post(f"/views/{number}/delete").status_code == 422
    assert second.get("/views/counts").json == {}
    assert second.post("/views", name="搜", query="张三丰").location.endswith("张三丰") is False
