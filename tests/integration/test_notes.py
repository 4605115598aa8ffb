"""Notes and mentions on a clue (C10): sealed, for those who work on it, never for whom a wall keeps from it."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import pytest
from sqlalchemy import select, text

from hub import casework, db, search
from hub.access import people
from hub.casework import notes as writing
from hub.models import Clue, ClueNote, Event, NoteMention, User
from hub.supervision import notes
from tests.integration.case_desk_cast import Cast, cast, rows  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import CITY, COUNTY, SIBLING, Desk, desk  # noqa: F401

WORDS = "张三丰说老板明天要跑，@430922-handler-b 请先去现场"


def write(desk: Desk, clue: int, text: str, who: people.Actor | None = None) -> ClueNote:
    with db.transaction() as session:
        return casework.add_note(session, who or desk.who(), session.get_one(Clue, clue), text)


def refusal(desk: Desk, clue: int, text: str, who: people.Actor | None = None) -> str:
    with pytest.raises(casework.RefusedError) as error:
        write(desk, clue, text, who)
    return str(error.value)


def test_a_note_is_sealed_logged_without_words_and_found(desk: Desk) -> None:
    clue, second = desk.clue(), desk.who(name="b")
    version = desk.read(clue).version
    row = write(desk, clue, WORDS)
    with db.reading() as session:
        stored = session.execute(text("select text from clue_note")).scalar_one()
        event = session.scalars(select(Event).where(Event.act == "note")).one()
        assert event.data == {"note": row.id, "mentions": [second.user_id]}
        hits = search.find(session, second.unit_id, "明天要跑", seen=people.visible(second))
        assert [hit.ref for hit in hits] == [f"note:{row.id}"]
        city = desk.who(CITY, "supervisor")
        assert search.find(session, city.unit_id, "明天要跑", seen=people.visible(city)) == []
    assert "张三丰".encode() not in bytes(stored)
    assert desk.read(clue).version == version, "nobody's form is stale because of a note"


def test_only_colleagues_who_may_see_the_clue_are_offered_and_mentioned(desk: Desk) -> None:
    clue = desk.clue()
    me, second, lead = desk.who(), desk.who(name="b"), desk.who(role="lead")
    walled, elsewhere, above = desk.who(name="c"), desk.who(SIBLING), desk.who(CITY, "supervisor")
    desk.act(clue, "recuse", walled, reason_text="亲属")
    with db.reading() as session:
        offered = {one.id for one in writing.colleagues(session, me, session.get_one(Clue, clue))}
    assert offered == {second.user_id, lead.user_id}
    said = {refusal(desk, clue, f"请 @{one.login} 看").replace(one.login, "?") for one in (walled, elsewhere, above)}
    assert said == {refusal(desk, clue, "请 @nobody.at.all 看").replace("nobody.at.all", "?")}, "who exists is not told"
    for who in (walled, elsewhere, above):
        assert "只有承办单位和接收单位" in refusal(desk, clue, "看", who)
    write(desk, clue, f"写信到 a@{second.login} ，自己 @{me.login} 也记着")
    assert rows(NoteMention) == [], "a mail address and oneself are no mentions"
    assert "不能为空" in refusal(desk, clue, "  ")
    assert "2000" in refusal(desk, clue, "长" * 2001)


def test_a_wall_takes_the_mention_away_again(desk: Desk) -> None:
    clue, second = desk.clue(), desk.who(name="b")
    write(desk, clue, WORDS)
    with db.reading() as session:
        assert notes.unseen(session, second) == 1
        assert [one.clue_no for one in notes.mentions(session, second)] == [desk.read(clue).no]
        assert notes.unseen(session, desk.who()) == 0
    desk.act(clue, "recuse", second, reason_text="同学")
    with db.reading() as session:
        assert notes.unseen(session, second) == 0
        assert notes.mentions(session, second) == []


def test_the_list_masks_what_the_person_may_not_read_and_is_seen_by_opening(desk: Desk) -> None:
    clue, second = desk.clue(reporter={"name": "张三丰", "phone": "13800001234"}), desk.who(name="b")
    write(desk, clue, WORDS + "，电话13800001234")
    with db.reading() as session:
        shown = "".join(words for words, _ in notes.mentions(session, second)[0].note.pieces)
    assert "张三丰" not in shown
    assert "1380000" not in shown
    assert "@handlerb" in shown, "the colleague by name"
    desk.act(clue, "assign", handler=second.user_id)
    with db.reading() as session:
        assert "张三丰" in notes.mentions(session, second)[0].note.pieces[0][0]
    with db.transaction() as session:
        assert casework.note_seen(session, second, [clue]) == 1
        assert casework.note_seen(session, second) == 0
        assert notes.unseen(session, second) == 0


def test_a_note_comes_back_into_the_index_after_quarantine(desk: Desk) -> None:
    clue = desk.clue()
    row = write(desk, clue, "后山的沙场")
    with db.transaction() as session:
        made = session.get_one(Clue, clue)
        search.rebuild(session, clue, [made.owner_unit_id, desk.who(CITY).unit_id])
        hits = search.find(session, made.owner_unit_id, "后山的沙场")
        assert [hit.ref for hit in hits] == [f"note:{row.id}"]
        assert search.find(session, desk.who(CITY).unit_id, "后山的沙场") == []


def test_notes_by_the_page(cast: Cast) -> None:
    no, lead, second = registered(), cast["lead"], cast["second"]
    page = lead.get(f"/clues/{no}").text
    assert 'option value="second"' in page
    assert 'option value="city"' not in page
    refused = lead.post(f"/clues/{no}/notes", note="请 @stranger 看一下现场照片")
    assert refused.status_code == 422
    assert "没有可以提到的同事：@stranger" in refused.text
    assert "看一下现场照片</textarea>" in refused.text, "what was typed is not lost"
    answer = lead.post(f"/clues/{no}/notes", note="@second 请看")
    assert answer.status_code == 303
    assert second.get("/mentions/count").json == {"unseen": 1}
    assert ">1<span" in second.get("/queue").text
    listed = second.get("/mentions").text
    assert no in listed
    assert "未看" in listed
    assert '<b class="at-name">@人second</b>' in second.get(f"/clues/{no}").text
    assert second.get("/mentions/count").json == {"unseen": 0}
    assert "写备注" in lead.get(f"/clues/{no}").text
    lead.post(f"/clues/{no}/notes", note="@second 再看")
    assert second.post("/mentions/seen").status_code == 303
    assert second.get("/mentions/count").json == {"unseen": 0}
    for who in ("city", "statistician"):
        assert cast[who].post(f"/clues/{no}/notes", note="看").status_code == 404
        assert cast[who].get("/mentions").status_code == 404
        assert "请看" not in cast[who].get(f"/clues/{no}").text
    assert rows(User, User.login == "stranger") == []
