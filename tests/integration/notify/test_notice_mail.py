"""Notices by mail on the real database with a real mail server: told is what the server took, once."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from channels.contract import Blob
from hub import db, failpoints, notify
from hub.access import audit
from hub.models import Conversation, IntakeClue, QueryCode, Work
from hub.notify import codes
from hub.work import rows
from hub.worker import drain
from tests.integration.notify.conftest import MAIL_FROM


def test_a_mail_is_answered_at_once_and_the_answer_belongs_to_the_clue(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (receipt,) = county.kind_of(clue_id, "receipt")
    assert receipt.state == "told"
    assert receipt.evidence == "email: 250 2.0.0"
    assert county.attempts(receipt.id) == [("email", "sent")]
    (taken,) = county.office.post.taken
    assert taken.to == MAIL_FROM
    assert taken.mail["Auto-Submitted"] == "auto-replied"
    assert taken.mail["In-Reply-To"] == "<m1@example.org>"
    assert "举报" not in taken.mail["Subject"].replace("12336举报办理告知", "")
    for word in ("桃江县武潭", "红旗村", "耕地", "厂房"):
        assert word not in taken.text, "nothing of subject or place"
    code = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", taken.text)
    assert code is not None
    with db.reading() as session:
        shown = codes.look_up(session, code[0].lower().replace("-", " "))
        assert shown is not None
        assert shown.state == "to_determine"
        assert codes.look_up(session, "AAAA-BBBB-CCCC") is None
        assert session.scalars(select(QueryCode)).one().token not in code[0].encode()
        history = notify.history(session, clue_id)
    assert code[0] not in str(history), "staff never see the code"
    answer = f"In-Reply-To: {taken.mail['Message-ID']}\r\n"
    assert county.mail(answer) == clue_id
    with db.reading() as session:
        assert len(session.scalars(select(IntakeClue).where(IntakeClue.clue_id == clue_id)).all()) == 2
        assert session.scalars(select(Conversation.clue_id).distinct()).all() == [clue_id]
    assert len(county.office.post.taken) == 1, "one receipt for a clue and party"
    assert county.left() == []


def test_machines_get_no_receipt(county) -> None:
    county.mailbox()
    heads = ("Auto-Submitted: auto-generated", "Precedence: bulk", "List-Id: <a.example.org>", "Return-Path: <>",
             "X-Auto-Response-Suppress: All")  # fmt: skip
    for head in heads:
        county.mail(f"{head}\r\n")
    assert not county.office.post.taken


def test_a_notice_is_asked_for_once_and_sent_once(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    first = county.ask(clue_id)
    again = county.ask(clue_id)
    assert first == again
    county.work()
    county.ask(clue_id)
    county.work(2)
    mails = [taken for taken in county.office.post.taken if taken.mail["Auto-Submitted"] == "auto-generated"]
    assert len(mails) == 1
    assert "属于受理范围" in mails[0].text
    notice = county.notice(first[0])
    assert (notice.state, notice.clock, notice.told_at) == ("told", "7", county.moment)
    acts = county.acts(clue_id)
    assert acts.count("notice_asked") == 2  # the receipt and this one
    assert acts.count("notice_handed_over") == 2
    with db.reading() as session:
        assert audit.verify(session).ok


def test_askers_at_the_same_moment_make_one_notice(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(county.ask(clue_id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(ids) for ids in found}) == 1
    county.work(2)
    assert len(county.office.post.taken) == 2  # receipt and notice


def test_a_passing_refusal_is_tried_again_each_try_a_row(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.answers[MAIL_FROM] = ["450 4.2.1 greylisted", "451 4.7.1 later"]
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.notice(notice_id).state == "queued", "queued is never told"
    assert county.left() == [("notify", "pending")]
    county.work(3)
    assert county.attempts(notice_id) == [("email", "failed"), ("email", "failed"), ("email", "sent")]
    assert county.notice(notice_id).state == "told"
    assert county.details(notice_id)[0] == "邮件服务器暂不接收（450 4.2.1）"


def test_a_permanent_refusal_exhausts_the_only_route(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.answers[MAIL_FROM] = ["550 5.1.1 <zhang.san@example.org> unknown"]
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    assert county.notice(notice_id).state == "undelivered"
    assert county.attempts(notice_id) == [("email", "failed")]
    assert "notice_undelivered" in county.acts(clue_id)
    assert MAIL_FROM not in str(county.details(notice_id))
    assert county.left() == [], "no dead letters"


def test_tries_end_and_the_next_route_is_taken(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.answers[MAIL_FROM] = ["450 4.2.1 no"] * 10
    (notice_id,) = county.ask(clue_id)
    county.work(8)
    assert county.attempts(notice_id) == [("email", "failed")] * 5
    assert county.notice(notice_id).state == "undelivered"


def test_a_cut_after_the_text_is_not_sent_again_blindly(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.texts = ["drop"]
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.attempts(notice_id) == [("email", "unknown"), ("email", "queued")]
    assert county.notice(notice_id).state == "queued"
    drain("light")
    assert len(county.office.post.taken) == 2, "the receipt, and the text whose answer was lost: nothing more at once"
    county.work(2)
    assert county.notice(notice_id).state == "told"
    first, second = county.office.post.taken[1:]
    assert first.data == second.data, "the same Message-ID and Date: a server that has it can drop it"


def test_a_second_unknown_outcome_takes_the_next_route(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.texts = ["drop", "drop"]
    (notice_id,) = county.ask(clue_id)
    county.work(4)
    assert county.attempts(notice_id) == [("email", "unknown")] * 2
    assert county.notice(notice_id).state == "undelivered"
    assert len(county.office.post.taken) == 3


@pytest.mark.parametrize("point", ["notify.before_send", "notify.after_send"])
def test_a_worker_that_dies_around_sending(county, point) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    failpoints.arm(f"{point}=raise")
    try:
        county.work()
    finally:
        failpoints.arm("")
    assert county.attempts(notice_id) == [("email", "sending")]
    county.work(4)
    assert county.attempts(notice_id) == [("email", "unknown"), ("email", "sent")]
    assert county.notice(notice_id).state == "told"
    mails = [taken.mail["Message-ID"] for taken in county.office.post.taken[1:]]
    assert len(set(mails)) == 1
    assert len(mails) == (1 if point == "notify.before_send" else 2)


def test_a_worker_that_always_dies_leaves_the_route(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    with db.transaction() as session:
        args = {"notice": notice_id}
        rows.handler("notify").dead(session, args, "处理过程多次中断")
    assert county.notice(notice_id).state == "undelivered"
    county.work(2)
    assert len(county.office.post.taken) == 1


def bounce(message_id: str, *, status: str = "5.1.1") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example.org\r\nTo: clue@example.cn\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <b{status}@mx.example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {MAIL_FROM}\r\nAction: {'failed' if status[0] == '5' else 'delayed'}\r\n"
        f"Status: {status}\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounce_after_told_opens_the_notice_again_and_takes_the_next_route(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.notice(notice_id).state == "told"
    sent = county.office.post.taken[-1].mail["Message-ID"]
    county.later(hours=2)
    county.take("email", [Blob("b.eml", "", bounce(sent, status="4.4.1"))], {}, "email:t")
    assert county.notice(notice_id).state == "told", "a delay is no failure"
    assert county.details(notice_id) == ["4.4.1"]
    county.take("email", [Blob("b.eml", "", bounce(sent))], {}, "email:t")
    county.work(2)
    assert county.attempts(notice_id) == [("email", "failed")]
    notice = county.notice(notice_id)
    assert (notice.state, notice.told_at) == ("undelivered", None), "no other consented route"
    assert county.acts(clue_id).count("notice_report") == 2
    county.take("email", [Blob("b.eml", "", bounce(sent))], {}, "email:t")
    assert county.attempts(notice_id) == [("email", "failed")], "the same bounce twice changes nothing"


def test_a_bounce_of_something_else_changes_nothing(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    county.work()
    county.take("email", [Blob("b.eml", "", bounce("<somebody.else@example.org>"))], {}, "email:t")
    assert county.notice(notice_id).state == "told"


def test_a_late_bounce_is_too_late(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    county.work()
    county.later(days=40)
    county.take("email", [Blob("b.eml", "", bounce(county.office.post.taken[-1].mail["Message-ID"]))], {}, "email:t")
    assert county.notice(notice_id).state == "told"


def test_a_loop_between_two_machines_ends(county) -> None:
    county.mailbox()
    for _ in range(12):
        county.mail()
    assert len(county.office.post.taken) == 10
    county.later(hours=11)
    county.mail()
    assert len(county.office.post.taken) == 11


def test_a_statutory_notice_over_the_cap_waits(county) -> None:
    county.mailbox()
    clues = [county.mail() for _ in range(10)]
    (notice_id,) = county.ask(clues[0])
    county.work()
    assert county.notice(notice_id).state == "queued"
    assert county.details(notice_id) == ["同一地址发送过于频繁，稍后再发"]
    county.later(minutes=31)
    county.work(2)
    assert county.notice(notice_id).state == "told"


def test_the_wait_before_sending_allows_recall(county, clerk, monkeypatch) -> None:
    from hub.settings import settings

    county.mailbox()
    clue_id = county.mail()
    monkeypatch.setenv("HUB_NOTICE_WAIT", "600")
    settings.cache_clear()
    (first,) = county.ask(clue_id)
    county.work()
    assert county.attempts(first) == [("email", "queued")]
    with db.reading() as session:
        row = session.scalars(select(Work).where(Work.handler == "notify")).one()
        assert timedelta(minutes=9) < row.run_at - row.created < timedelta(minutes=11)
    with db.transaction() as session:
        notify.recall(session, clerk, first)
    county.work(2)
    assert county.notice(first).state == "recalled"
    assert county.attempts(first) == [("email", "recalled")]
    assert len(county.office.post.taken) == 1
    (second,) = county.ask(clue_id, once="act:2")
    county.work(2)
    with pytest.raises(notify.RecallError), db.transaction() as session:
        notify.recall(session, clerk, second)
    assert county.notice(second).state == "told"


def test_an_entrance_that_was_taken_away_is_skipped(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    (notice_id,) = county.ask(clue_id)
    county.mailbox(smtp_host="")
    county.work(2)
    assert county.attempts(notice_id) == [("email", "skipped")]
    assert county.notice(notice_id).state == "undelivered"
    assert county.left() == []


def test_identity_stands_sealed_or_nowhere(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.office.post.answers[MAIL_FROM] = ["550 5.1.1 <zhang.san@example.org> unknown"]
    county.ask(clue_id)
    county.work(2)
    with db.engine().connect() as connection:
        for table in ("notice", "attempt", "attempt_key", "work", "event", "query_code", "notice_task"):
            shown = str(connection.exec_driver_sql(f"select * from {table}").all())
            assert "zhang" not in shown, table
            assert "example.org" not in shown, table
