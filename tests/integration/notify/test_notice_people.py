"""What people do to tell a reporter: call-backs, posted letters, written replies."""

from __future__ import annotations

from datetime import timedelta

import pypdfium2
import pytest

from hub import db, notify
from hub.models import Clue, NoticeTask
from hub.notify import tasks
from tests.integration.notify.conftest import PHONE, UNIT

CITIZEN = {"place": "桃江县武潭镇", "facts": "占用耕地建房", "reporter_name": "张三"}
ADDRESS = "湖南省益阳市桃江县武潭镇红旗村一组7号"


def unit_id(clue_id: int) -> int:
    with db.reading() as session:
        return session.get_one(Clue, clue_id).owner_unit_id


def call(clerk, task: NoticeTask, outcome: str, **more) -> None:
    with db.transaction() as session:
        tasks.called(session, clerk, task.id, outcome, **more)


@pytest.fixture
def phone_notice(county):
    clue_id = county.form("phone", {"caller": "0737-8222222", "place": "桃江县", "facts": "占地"})
    (notice_id,) = county.ask(clue_id)
    county.work()
    return clue_id, notice_id


def test_a_call_back_waits_for_somebody_of_the_unit(county, clerk, phone_notice) -> None:
    clue_id, notice_id = phone_notice
    assert county.attempts(notice_id) == [("call", "queued")]
    with db.reading() as session:
        (shown,) = tasks.waiting(session, [unit_id(clue_id)])
        assert (shown.kind, shown.notice, shown.calls) == ("call", "受理告知", 0)
        assert shown.clue_no.startswith(UNIT)
        assert "8222222" not in str(shown)
        assert tasks.waiting(session, [unit_id(clue_id) + 1]) == []
    with db.transaction() as session:
        assert "属于受理范围" in tasks.words_to_say(session, clerk, shown.id)
    call(clerk, county.tasks()[0], "told")
    notice = county.notice(notice_id)
    assert (notice.state, notice.evidence) == ("told", f"call: call {shown.id}")
    county.work()
    assert county.left() == []
    assert county.tasks() == []


def test_three_calls_on_two_working_days_exhaust_the_route(county, clerk, phone_notice) -> None:
    _, notice_id = phone_notice
    (task,) = county.tasks()
    for _ in range(3):
        call(clerk, task, "no_answer")
        county.later(hours=1)
    assert county.notice(notice_id).state == "queued", "all on one day"
    county.later(days=1)  # a Saturday
    call(clerk, task, "not_proved")
    assert county.notice(notice_id).state == "queued", "the second day was no working day"
    county.later(days=2)
    call(clerk, task, "no_answer")
    assert county.notice(notice_id).state == "undelivered"
    assert county.attempts(notice_id) == [("call", "failed")]
    assert county.details(notice_id) == ["3次回拨未能告知"]
    with pytest.raises(tasks.TaskError):
        call(clerk, task, "told")


@pytest.mark.parametrize("outcome", ["wrong_number", "refused"])
def test_a_call_that_can_never_succeed(county, clerk, phone_notice, outcome) -> None:
    _, notice_id = phone_notice
    call(clerk, county.tasks()[0], outcome)
    assert county.notice(notice_id).state == "undelivered"


def test_what_cannot_be_entered(county, clerk, phone_notice) -> None:
    (task,) = county.tasks()
    bad = [
        lambda s: tasks.called(s, clerk, task.id, "maybe"),
        lambda s: tasks.called(s, clerk, task.id, "told", county.moment + timedelta(minutes=1)),
        lambda s: tasks.called(s, clerk, task.id, "told", county.moment - timedelta(days=1)),
        lambda s: tasks.called(s, clerk, 999_999, "told"),
        lambda s: tasks.posted(s, clerk, task.id, "XA1"),
        lambda s: tasks.replied(s, clerk, task.id, "1"),
        lambda s: tasks.returned(s, clerk, task.id),
        lambda s: tasks.document(s, clerk, task.id),
    ]
    for act in bad:
        with pytest.raises(tasks.TaskError), db.transaction() as session:
            act(session)
    assert county.tasks()[0].state == "open"


@pytest.fixture
def letter_notice(county):
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE, "reporter_address": ADDRESS})
    county.wish(clue_id, "letter", "call")
    (notice_id,) = county.ask(clue_id)
    county.work()
    return clue_id, notice_id


def test_a_letter_is_printed_posted_and_told_by_its_register_number(county, clerk, letter_notice) -> None:
    clue_id, notice_id = letter_notice
    assert county.attempts(notice_id) == [("letter", "queued")]
    task = next(task for task in county.tasks() if task.notice_id == notice_id)
    assert task.kind == "letter"
    assert ADDRESS.encode() not in task.document
    with db.transaction() as session:
        data = tasks.document(session, clerk, task.id)
    document = pypdfium2.PdfDocument(data)
    shown = document[0].get_textpage().get_text_range()
    document.close()
    assert "张三 收" in shown
    assert "属于受理范围" in shown.replace("\r\n", "")
    assert "红旗村一组" in shown
    assert county.acts(clue_id)[-1] == "reveal_address_sheet"
    assert county.notice(notice_id).state == "queued", "printed is not told"
    for number in ("", "  "):
        with pytest.raises(tasks.TaskError), db.transaction() as session:
            tasks.posted(session, clerk, task.id, number)
    with db.transaction() as session:
        tasks.posted(session, clerk, task.id, "XA12345678943")
    assert county.notice(notice_id).evidence == "letter: XA12345678943"
    with pytest.raises(tasks.TaskError), db.transaction() as session:
        tasks.posted(session, clerk, task.id, "XA2")


def test_a_returned_letter_opens_the_notice_again(county, clerk, letter_notice) -> None:
    _, notice_id = letter_notice
    task = next(task for task in county.tasks() if task.notice_id == notice_id)
    with db.transaction() as session:
        tasks.posted(session, clerk, task.id, "XA12345678943")
    county.later(days=5)
    with db.transaction() as session:
        tasks.returned(session, clerk, task.id)
    notice = county.notice(notice_id)
    assert (notice.state, notice.told_at) == ("queued", None)
    county.work()
    assert county.attempts(notice_id) == [("letter", "failed"), ("call", "queued")]
    assert [task.kind for task in county.tasks() if task.notice_id == notice_id] == ["call"]


def test_a_leader_gets_a_written_reply_and_no_receipt(county, clerk) -> None:
    values = {"leader": "李某", "instruction": "请核查", "facts": "占地", "place": "桃江县"}
    clue_id = county.form("referral", values)
    assert county.kind_of(clue_id, "receipt") == []
    (notice_id,) = county.ask(clue_id, "violation")
    county.work()
    (task,) = county.tasks()
    assert task.kind == "reply"
    with db.transaction() as session:
        tasks.replied(session, clerk, task.id, "桃自然资函〔2026〕7号")
    assert county.notice(notice_id).state == "told"


def test_a_recalled_notice_takes_its_task_back(county, clerk, phone_notice) -> None:
    _, notice_id = phone_notice
    with db.transaction() as session:
        notify.recall(session, clerk, notice_id)
    assert county.tasks() == []
    assert county.attempts(notice_id) == [("call", "recalled")]
    county.work(2)
    assert county.notice(notice_id).state == "recalled"


def test_the_worker_running_again_opens_no_second_task(county, phone_notice) -> None:
    _, notice_id = phone_notice
    from hub.models import Notice
    from hub.notify import sending

    with db.transaction() as session:
        sending.put(session, session.get_one(Notice, notice_id))
    county.work()
    assert len(county.tasks()) == 1
    assert county.attempts(notice_id) == [("call", "queued")]
