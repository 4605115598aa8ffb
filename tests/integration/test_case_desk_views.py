"""What the case desk shows: comparison, days of a clock, notices, sheets, quick views, nothing to who may not."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import re
from datetime import date, timedelta

from sqlalchemy import select, update

from hub import clock, db
from hub.access import people as access
from hub.access.sealing import blind, open_key
from hub.models import Blob, Clock, Clue, Event, Intake, IntakeClue, Notice, Part, QueryCode, User, Wish
from hub.supervision import clocks, queue
from tests.claims import claim
from tests.integration.case_desk_cast import COUNTY, Cast, accepted, cast, clue, read, rows


def test_merge_after_comparing_and_unmerge_restores(cast: Cast) -> None:
    handler, first, second = cast["handler"], clue(days=1), clue(phone="13900002222")
    accepted(handler, first)
    page = handler.get(f"/clues/{second}/compare?other={first}").text
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    half = handler.post(f"/clues/{second}/acts/merge", **hidden, main=first, same_place="1", back="compare")
    assert half.status_code == 422
    assert "时间未确认相同" in half.text
    assert 'name="same_place" value="1" checked' in half.text
    same = dict.fromkeys(("same_place", "same_time", "same_respondent", "same_facts"), "1")
    answer = handler.post(f"/clues/{second}/acts/merge", **hidden, main=first, back="compare", **same)
    assert answer.status_code == 303
    assert read(second).state == "merged"
    page = handler.get(f"/clues/{first}").text
    assert second in page
    assert "并案成员" in page
    handler.done(second, "determine.member", place=COUNTY, **{"class": "T2"})
    handler.done(second, "unmerge", reason_text="不是同一地块")
    after = read(second)
    assert (after.state, after.main_id, after.determination) == ("verifying", None, "P1")
    assert second not in handler.get(f"/clues/{first}").text.split('id="relatives"')[1].split("可能是同一行为")[0]


def test_a_duplicate_is_determined_from_the_comparison(cast: Cast) -> None:
    handler, first, second = cast["handler"], clue(days=1), clue()
    with db.transaction() as session:
        row = session.scalars(select(Clue).where(Clue.no == first)).one()
        session.add(QueryCode(token=blind("query", "ABCD-EFGH-JKMN"), clue_id=row.id, reporter_id=None, tail=None))
    accepted(handler, first)
    page = handler.get(f"/clues/{second}/compare?other={first}").text
    hidden = {name: re.findall(rf'name="{name}" value="(\d+)"', page)[0] for name in ("version", "seen")}
    same = dict.fromkeys(("same_place", "same_respondent", "same_facts"), "1")
    answer = handler.post(
        f"/clues/{second}/acts/determine.P4", **hidden, earlier_clue=first, same_reporter="query_code",
        query_code="ABCD-EFGH-JKMN", back="compare", **same,
    )  # fmt: skip
    assert answer.status_code == 303
    assert read(second).determination == "P4"
    assert "原线索" in handler.get(answer.location).text
    assert "重复举报" in handler.get(f"/clues/{first}").text


def test_a_clue_out_of_sight_cannot_be_compared_or_opened(cast: Cast) -> None:
    no, other = clue(), clue(unit="430903", phone="")
    page = cast["handler"].get(f"/clues/{no}/compare?other={other}").text
    assert "没有找到线索" in page
    stranger = cast["stranger"]
    for path in (f"/clues/{no}/compare", f"/clues/{no}/sheets/registration", f"/clues/{no}/sheets/handling"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"/clues/{no}/acts/determine.P1", place=COUNTY).status_code == 404
    assert stranger.post(f"/clues/{no}/notices/1/recall").status_code == 404
    assert stranger.post(f"/clues/{no}/reporters/1/wish").status_code == 404
    assert cast["handler"].get(f"/clues/{no}/sheets/other").status_code == 404
    assert cast["handler"].post(f"/clues/{no}/acts/close.by_force").status_code == 404


def test_who_may_only_look_has_no_buttons_and_is_refused(cast: Cast) -> None:
    no = clue()
    reader = cast["statistician"]
    page = reader.get(f"/clues/{no}").text
    assert re.findall(r'data-act="([^"]+)"', page) == ["recuse"]  # everybody who reads may say that they must not
    answer = reader.post(f"/clues/{no}/acts/determine.P1", place=COUNTY, **{"class": "T2"})
    assert answer.status_code == 422
    assert "无权受理" in answer.text
    above = cast["city"].post(f"/clues/{no}/acts/assign", handler="1")
    assert above.status_code == 422
    assert "其他单位办理" in above.text


def test_clocks_are_explained_day_by_day_and_lateness_stays(cast: Cast) -> None:
    handler, no = cast["handler"], clue(phone="13900003333")
    with db.transaction() as session:
        row = session.scalars(select(Clock)).one()
        session.execute(
            update(Clock)
            .where(Clock.id == row.id)
            .values(base=date(2026, 2, 12), due=date(2026, 2, 28), provisional=False)
        )
    with db.reading() as session:
        view = clocks.explained(session, read(no))[0]
    assert [step.day.isoformat() for step in view.steps if step.counts] == [
        "2026-02-13", "2026-02-14", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28"
    ]  # fmt: skip
    assert {step.day.day: step.tone for step in view.steps}[14] == "makeup"
    assert {step.day.day: step.tone for step in view.steps}[17] == "holiday"
    assert view.tone == "over"
    page = handler.get(f"/clues/{no}").text
    assert "调休上班" in page
    assert re.search(r"超期 \d+ 个工作日", page)
    accepted(handler, no)
    now = clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M:%S")
    page = handler.done(no, "tell.determination", told_at=now, evidence="电话本人接听")
    assert "逾期" in page.split('id="history"')[1]
    assert clocks.remaining(0) == "今天到期"
    assert (clocks.remaining(3), clocks.remaining(-2)) == ("剩 3 个工作日", "超期 2 个工作日")


def test_notices_are_shown_recalled_and_wishes_recorded(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    accepted(handler, no)
    notice = rows(Notice, Notice.kind == "accepted")[0]
    page = handler.get(f"/clues/{no}").text
    assert "撤回（尚未发出）" in page
    assert "张*" in page
    assert "138****1234" in page
    assert "13800001234" not in page
    assert "张三丰" not in page
    assert handler.post(f"/clues/{no}/notices/{notice.id}/recall").status_code == 303
    assert rows(Notice, Notice.id == notice.id)[0].state == "recalled"
    again = handler.post(f"/clues/{no}/notices/{notice.id}/recall")
    assert again.status_code == 409
    assert "不能撤回" in again.text
    other = clue(phone="13900002222")
    assert handler.post(f"/clues/{other}/notices/{notice.id}/recall").status_code == 404
    reporter = notice.reporter_id
    wrong = handler.post(f"/clues/{no}/reporters/{reporter}/wish", routes=["call"], hour_from="20", hour_to="8")
    assert wrong.status_code == 422
    assert handler.post(f"/clues/{no}/reporters/{reporter}/wish", routes=["pigeon"]).status_code == 422
    good = handler.post(
        f"/clues/{no}/reporters/{reporter}/wish", routes=["call"], hour_from="9", hour_to="18", neutral="1"
    )
    assert good.status_code == 303
    wish = rows(Wish)[0]
    assert (wish.routes, wish.hour_from, wish.hour_to, wish.neutral) == (["call"], 9, 18, True)
    assert handler.post(f"/clues/{other}/reporters/{reporter}/wish", routes=["call"]).status_code == 404


def test_superiors_see_no_reporter_and_no_words(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    handler.done(no, "split", reason_text="另有一处采砂")
    page = cast["city"].get(f"/clues/{no}").text
    assert "另有一处采砂" not in page
    assert "138****1234" not in page
    assert "/sheets/" not in page
    assert "拆分线索" in page


def test_sheets_are_masked_and_noted(cast: Cast) -> None:
    handler, no = cast["handler"], clue()
    accepted(handler, no)
    for kind, words in (("registration", "线索登记表"), ("handling", "线索办理单")):
        page = handler.get(f"/clues/{no}/sheets/{kind}").text
        assert words in page
        assert no in page
        assert "张三丰" not in page
        assert "13800001234" not in page
    assert [event.data["sheet"] for event in rows(Event, Event.act == "print")] == ["registration", "handling"]


def test_quick_views_and_claiming(cast: Cast) -> None:
    handler, fresh, late = cast["handler"], clue(), clue(phone="13900002222")
    with db.transaction() as session:
        past = select(Clue.id).where(Clue.no == late).scalar_subquery()
        session.execute(update(Clock).where(Clock.clue_id == past).values(due=clock.today() - timedelta(days=9)))
        now = select(Clue.id).where(Clue.no == fresh).scalar_subquery()
        session.execute(update(Clock).where(Clock.clue_id == now).values(due=clock.today()))

    def shown(view: str) -> set[str]:
        return set(re.findall(r'<tr data-no="([^"]+)"', handler.get(f"/queue?view={view}").text))

    assert (shown("overdue"), shown("today"), shown("mine")) == ({late}, {fresh}, set())
    assert shown("unread") == {fresh, late}
    handler.get(f"/clues/{late}")
    assert shown("unread") == {fresh}
    assert shown("nonsense") == shown("unit") == {fresh, late}
    version = read(fresh).version
    me = str(rows(User, User.login == "handler")[0].id)
    answer = handler.post(f"/clues/{fresh}/acts/assign", version=version, handler=me)
    assert answer.location.startswith(f"/clues/{fresh}?done=assign")
    assert shown("mine") == {fresh}
    with db.reading() as session:
        who = access.actor(session, int(me))
        assert who is not None
        assert queue.view_counts(session, who) == {"mine": 1, "today": 1, "overdue": 1}
    assert "今天到期" in handler.get("/queue").text


def test_a_text_attachment_stands_once_and_fields_stand_last(cast: Cast) -> None:
    handler, no = cast["handler"], claim(clue())
    with db.transaction() as session:
        row = session.scalars(select(Clue).where(Clue.no == no)).one()
        intake = session.scalars(select(Intake).join(IntakeClue).where(IntakeClue.clue_id == row.id)).one()
        key = open_key(session, intake.key_id)
        blob = Blob(
            intake_id=intake.id, ord=0, origin="derived", role="attachment", name=key.seal("说明.txt", "blob.name"),
            media_type="text/plain", size=3, sha256="0" * 64, sealed=key.seal(b"abc", "blob"), address=None,
        )  # fmt: skip
        session.add(blob)
        session.flush()
        pieces = (("text", "正文", None), ("fields", "", None), ("file", "", blob.id), ("text", "附件文字", blob.id))
        for number, (kind, text, blob_id) in enumerate(pieces):
            session.add(
                Part(
                    intake_id=intake.id, clue_id=row.id, ord=number, kind=kind, blob_id=blob_id,
                    title=key.seal("说明.txt" if blob_id else "", "part.title"), text=key.seal(text, "part.text"),
                    data=key.seal_json({}, "part.data"),
                )
            )  # fmt: skip
    page = handler.get(f"/clues/{no}").text
    assert re.findall(r"part-(text|file|fields)\"", page) == ["text", "text", "fields"]
