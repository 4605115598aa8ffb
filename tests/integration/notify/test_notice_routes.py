"""Who is told, by which way, when: parties, consent, modes, hours, fallbacks (PRODUCT §7)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from channels.contract import DeliveryReport
from hub import clock, db, notify
from hub.law.notices import Template, TemplateError
from hub.notify import codes, words
from hub.notify.parties import parties
from tests.integration.notify.conftest import OPENID, PHONE

CITIZEN = {"place": "桃江县武潭镇", "facts": "占用耕地建房", "reporter_name": "张三"}


def party_kinds(clue_id: int) -> list[str]:
    from hub.models import Clue

    with db.reading() as session:
        return [party.kind for party in parties(session, session.get_one(Clue, clue_id))]


def test_a_follower_is_told_in_wechat(county) -> None:
    county.account()
    clue_id = county.message()
    county.message()
    (receipt,) = county.kind_of(clue_id, "receipt")
    assert receipt.state == "told"
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.attempts(notice_id) == [("wechat", "sent")]
    assert county.notice(notice_id).evidence == "wechat: errcode 0"
    assert [message["touser"] for message in county.wechat.sent] == [OPENID, OPENID]


def test_a_shut_window_falls_back_and_each_attempt_is_shown(county) -> None:
    county.account(template_id="tmpl-1")
    clue_id = county.message()
    county.wechat.api.shut_window(OPENID)
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    assert county.attempts(notice_id) == [("wechat", "failed"), ("wechat_template", "sent")]
    with db.reading() as session:
        told = notify.history(session, clue_id)[-1]
    assert told["state_label"] == "已告知"
    assert [(row["label"], row["state_label"], row["detail"]) for row in told["attempts"]] == [
        ("微信客服消息", "失败", "客服消息时限已过（45015）"),
        ("微信模板消息", "已送出", ""),
    ]


def test_without_a_template_the_follower_cannot_be_told(county) -> None:
    county.account()
    clue_id = county.message()
    county.wechat.api.shut_window(OPENID)
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    assert county.attempts(notice_id) == [("wechat", "failed"), ("wechat_template", "skipped")]
    assert county.notice(notice_id).state == "undelivered"
    assert county.left() == []


def test_a_template_that_was_blocked_opens_the_notice_again(county) -> None:
    county.account(template_id="tmpl-1")
    clue_id = county.message()
    county.wechat.api.shut_window(OPENID)
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    with db.transaction() as session:
        assert notify.note_report(session, DeliveryReport("1000000", "failed", permanent=True, detail="用户拒收")) == 1
    county.work()
    assert county.notice(notice_id).state == "undelivered"


def test_a_template_the_system_lost_is_sent_again(county) -> None:
    county.account(template_id="tmpl-1")
    clue_id = county.message()
    county.wechat.api.shut_window(OPENID)
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    with db.transaction() as session:
        notify.note_report(session, DeliveryReport("1000000", "failed", detail="发送失败"))
    county.work()
    assert county.notice(notice_id).state == "queued", "not within the ten minutes of client_msg_id"
    county.work(2)
    assert county.attempts(notice_id)[-2:] == [("wechat_template", "failed"), ("wechat_template", "sent")]


def test_a_report_that_comes_before_our_note_counts(county) -> None:
    county.account(template_id="tmpl-1")
    clue_id = county.message()
    county.wechat.api.shut_window(OPENID)
    (notice_id,) = county.ask(clue_id)
    with db.transaction() as session:  # TEMPLATESENDJOBFINISH races the answer
        assert notify.note_report(session, DeliveryReport("1000000", "delivered")) == 0
    county.work(2)
    assert county.attempts(notice_id)[-1] == ("wechat_template", "delivered")


@pytest.mark.parametrize(("hours", "state"), [(1, "undelivered"), (49, "told")])
def test_leaving_the_account_counts_for_what_was_just_sent(county, hours, state) -> None:
    from channels.wechat.message import person_key

    county.account()
    clue_id = county.message()
    (notice_id,) = county.ask(clue_id)
    county.work()
    county.later(hours=hours)
    with db.transaction() as session:
        notify.note_report(session, DeliveryReport(person_key(OPENID), "failed", permanent=True, detail="已取消关注"))
    county.work()
    assert county.notice(notice_id).state == state


def test_only_consented_routes_in_the_order_of_rank(county) -> None:
    county.mailbox()
    county.line()
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE, "reporter_address": "桃江县武潭镇红旗村一组"})
    county.wish(clue_id, "call", "sms")
    county.twilio.messages.errors = [(400, 21610)]
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    assert county.attempts(notice_id) == [("sms", "failed"), ("call", "queued")], "no letter: not consented"
    assert [task.kind for task in county.tasks() if task.notice_id == notice_id] == ["call"]


def test_text_messages_wait_for_recorded_consent(county) -> None:
    county.line()
    for code, given in (("letter", CITIZEN | {"reporter_phone": PHONE}), ("phone", {"caller": PHONE, "facts": "占地"})):
        clue_id = county.form(code, given)
        assert county.kind_of(clue_id, "receipt") == [], "nobody is rung up for a receipt"
        (notice_id,) = county.ask(clue_id)
        county.work()
        assert county.attempts(notice_id) == [("call", "queued")]
    assert not county.twilio.messages.sent


def test_sms_told_at_acceptance_and_undone_by_undelivered(county) -> None:
    county.line()
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    county.wish(clue_id, "sms", "call")
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.notice(notice_id).state == "told"
    (sent,) = county.twilio.messages.sent
    assert sent.to == f"+86{PHONE}"
    name = sent.callback.rpartition("=")[2]
    with db.transaction() as session:
        notify.note_report(session, DeliveryReport(name, "delivered"))
    assert county.attempts(notice_id) == [("sms", "delivered")]
    with db.transaction() as session:
        notify.note_report(session, DeliveryReport(name, "failed", permanent=True, detail="短信未送达 30003"))
    assert county.notice(notice_id).state == "queued"
    county.work()
    assert county.attempts(notice_id) == [("sms", "failed"), ("call", "queued")]


def test_a_lost_answer_of_twilio_is_looked_up_not_sent_twice(county) -> None:
    county.line()
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    county.wish(clue_id, "sms")
    county.moment = datetime.now(UTC).replace(hour=3)
    if county.moment > datetime.now(UTC):
        county.later(days=-1)
    county.twilio.messages.lose_answers = 1
    (notice_id,) = county.ask(clue_id)
    county.work(3)
    assert county.attempts(notice_id) == [("sms", "unknown"), ("sms", "sent")]
    assert len(county.twilio.messages.sent) == 1


def test_an_unknown_outcome_is_settled_by_the_report(county) -> None:
    county.line()
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    county.wish(clue_id, "sms")
    county.twilio.messages.lose_answers = 1
    (notice_id,) = county.ask(clue_id)
    county.work()
    name = county.twilio.messages.sent[0].callback.rpartition("=")[2]
    with db.transaction() as session:
        notify.note_report(session, DeliveryReport(name, "delivered"))
    county.work(2)
    assert county.attempts(notice_id) == [("sms", "delivered"), ("sms", "skipped")]
    assert county.notice(notice_id).state == "told"
    assert len(county.twilio.messages.sent) == 1


def test_without_any_entrance_set_up_everything_is_shown_and_nothing_dies(county) -> None:
    clue_id = county.mail(source_id="cli:email")
    (receipt,) = county.kind_of(clue_id, "receipt")
    assert receipt.state == "undelivered"
    (notice_id,) = county.ask(clue_id)
    assert county.attempts(notice_id) == [("email", "skipped")]
    assert county.details(notice_id) == ["未配置"]
    assert county.notice(notice_id).state == "undelivered"
    county.work()
    assert county.left() == []
    assert county.acts(clue_id).count("notice_undelivered") == 2


def test_an_anonymous_report_is_answered_by_its_own_channel_only(county) -> None:
    county.mailbox()
    county.line()
    clue_id = county.form("phone", {"caller": PHONE, "place": "桃江县", "facts": "占地", "mode": "anonymous"})
    county.wish(clue_id, "sms", "email", "letter", "call")
    (notice_id,) = county.ask(clue_id)
    county.work(2)
    assert {route for route, _ in county.attempts(notice_id)} <= {"sms", "call"}


def test_a_confidential_report_gets_neutral_words_and_no_letter(county) -> None:
    county.line()
    clue_id = county.form("phone", {"caller": PHONE, "place": "桃江县", "facts": "占地", "mode": "confidential"})
    county.wish(clue_id, "sms", "letter", hours=(9, 12))
    (notice_id,) = county.ask(clue_id)
    county.work()
    (sent,) = county.twilio.messages.sent
    for word in ("12336", "举报", "受理", "自然资源"):
        assert word not in sent.body
    assert county.notice(notice_id).state == "told"


def test_quiet_hours_hold_what_rings(county) -> None:
    county.account()
    clue_id = county.message()
    for hour, told in ((21, False), (23, False), (7, False), (8, True), (20, True)):
        county.moment = clock.china(county.moment).replace(hour=hour)
        (notice_id,) = county.ask(clue_id, once=f"act:{hour}")
        county.work()
        assert (county.notice(notice_id).state == "told") is told, hour
        if not told:
            assert county.details(notice_id) == ["等待可以联系的时段"]
            county.moment = clock.china(county.moment).replace(hour=9)
            county.work(2)
            assert county.notice(notice_id).state == "told"
            assert county.attempts(notice_id) == [("wechat", "sent")]


def test_a_receipt_in_wechat_comes_at_once_even_at_night(county) -> None:
    county.account()
    county.moment = clock.china(county.moment).replace(hour=3)
    clue_id = county.message()
    assert county.kind_of(clue_id, "receipt")[0].state == "told"


def test_agreed_hours_hold_mail_too(county) -> None:
    county.mailbox()
    clue_id = county.mail()
    county.wish(clue_id, "email", hours=(14, 16))
    (notice_id,) = county.ask(clue_id)
    county.work()
    assert county.notice(notice_id).state == "queued"
    county.moment = clock.china(county.moment).replace(hour=15)
    county.work(2)
    assert county.notice(notice_id).state == "told"


def test_who_wishes_no_route_is_told_by_the_query_page_only(county) -> None:
    county.account()
    clue_id = county.message()
    sent = county.wechat.sent[0]["text"]["content"]
    county.wish(clue_id)
    (notice_id,) = county.ask(clue_id, "no_violation")
    assert county.notice(notice_id).state == "undelivered"
    assert county.attempts(notice_id) == []
    code = sent.partition("查询码：")[2][:14]
    with db.reading() as session:
        shown = codes.look_up(session, code)
    assert [(told.title, "不存在国土资源违法行为" in told.text) for told in shown.told] == [("无违法行为告知", True)]
    assert "张" not in str(shown)


def test_the_phone_tail_is_asked_where_a_phone_was_given(county) -> None:
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    with db.transaction() as session:
        code = codes.issue(session, clue_id, county.reporter(clue_id))
    with db.reading() as session:
        assert codes.look_up(session, code) is None
        assert codes.look_up(session, code, "9999") is None
        assert codes.look_up(session, code, "8000") is not None
        assert codes.look_up(session, "x" * 10_000, "8000") is None


def test_told_parties(county) -> None:
    referred = {"leader": "李某", "instruction": "请核查", "facts": "占地", "place": "桃江县"}
    cases: list[tuple[str, dict[str, str], str, list[str]]] = [
        ("media", {"outlet": "某报", "title": "报道", "facts": "占地", "place": "桃江县"}, "", ["none"]),
        ("other", {"place": "桃江县", "facts": "占地"}, "0807", ["none"]),
        ("referral", referred, "", ["leader"]),
        ("referral", referred | {"reporter_name": "张三", "reporter_phone": PHONE}, "", ["leader", "reporter"]),
        ("other", {"place": "桃江县", "facts": "占地"}, "0805", ["unit"]),
        ("letter", CITIZEN, "", ["reporter"]),
    ]
    for code, values, sub, kinds in cases:
        clue_id = county.form(code, values, sub)
        assert party_kinds(clue_id) == kinds
        ids = county.ask(clue_id)
        assert [county.notice(one).party for one in ids] == kinds
        if kinds == ["none"]:
            assert county.notice(ids[0]).state == "no_reporter"
            assert county.attempts(ids[0]) == []


def test_a_joint_letter_tells_each_and_names_no_other(county) -> None:
    from hub import casework
    from hub.models import Clue, ClueReporter, IntakeClue

    county.line()
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    with db.transaction() as session:
        clue = session.get_one(Clue, clue_id)
        intake_id = session.scalars(select(IntakeClue.intake_id)).one()
        casework.add_reporter(session, clue, intake_id, {"name": "李四", "phone": "13900139000"})
        for number in session.scalars(select(ClueReporter.reporter_id)):
            notify.record_wish(session, clue_id, number, ["sms"])
    ids = county.ask(clue_id)
    assert len(ids) == 2
    county.work()
    assert sorted(message.to for message in county.twilio.messages.sent) == ["+8613800138000", "+8613900139000"]
    assert {message.body for message in county.twilio.messages.sent} == {county.twilio.messages.sent[0].body}


def test_declined_notices_tell_nobody(county) -> None:
    from hub.models import Clue

    county.account()
    clue_id = county.message()
    with db.transaction() as session:
        session.get_one(Clue, clue_id).notices_declined = True
    (notice_id,) = county.ask(clue_id)
    assert county.notice(notice_id).state == "no_reporter"


def test_words_that_could_carry_content_are_refused(county) -> None:
    clue_id = county.mail(source_id="cli:email")
    for slots in (
        {"place": "武潭镇"},
        {"unit": "张三占地"},
        {"date": "昨天"},
        {"unit": "某局<b>"},
        {"query_code": "x"},
    ):
        with pytest.raises(notify.NoticeRefusedError):
            county.ask(clue_id, "accepted", "act:1", **slots)
    assert county.kind_of(clue_id, "accepted") == []


def test_all_notices_render_for_a_clue(county) -> None:
    county.account()
    clue_id = county.message()
    more = {"duplicate": {"earlier_date": "2026-10-01"}, "supplement": {"elements": ["place"]},
            "correction": {"corrected": "accepted"}}  # fmt: skip
    for kind in ("accepted", "out_of_scope", "duplicate", "supplement", "no_violation", "violation", "correction"):
        with db.reading() as session:
            preview = notify.preview(session, clue_id, kind, more.get(kind, {}))
        (notice_id,) = county.ask(clue_id, kind, f"act:{kind}", **more.get(kind, {}))
        county.work()
        assert county.notice(notice_id).state == "told", kind
        assert county.wechat.sent[-1]["text"]["content"] == preview


def test_an_administrator_installs_a_dated_wording(county, clerk) -> None:
    county.account()
    clue_id = county.message()
    made = Template("accepted-ministry-2027", "accepted", "受理告知", "{unit}已受理您{date}的来件。",
                    {"unit": "unit", "date": "date"}, date(2026, 12, 1), "第十二条")  # fmt: skip
    with db.transaction() as session:
        words.install(session, clerk, made)
    before = county.ask(clue_id)[0]
    county.later(days=20)
    after = county.ask(clue_id, once="act:2")[0]
    assert county.notice(before).template == "accepted-2017"
    assert county.notice(after).template == "accepted-ministry-2027"
    with db.reading() as session:
        assert words.text_of(session, county.notice(after)) == "桃江县自然资源主管部门已受理您2026年11月20日的来件。"
    bad = [
        Template("accepted-ministry-2027", "accepted", "t", "{unit}好", {"unit": "unit"}, date(2027, 1, 1)),
        Template("accepted-2017", "accepted", "t", "{unit}好", {"unit": "unit"}, date(2027, 1, 1)),
        Template("early", "accepted", "t", "{unit}好", {"unit": "unit"}, date(2020, 1, 1)),
        Template("free", "accepted", "t", "{unit}{place}", {"unit": "unit", "place": "text"}, date(2027, 1, 1)),
        Template("phrase", "no_violation", "t", "{unit}没有问题", {"unit": "unit"}, date(2027, 1, 1)),
        Template("undeclared", "accepted", "t", "{unit}{place}", {"unit": "unit"}, date(2027, 1, 1)),
    ]
    for template in bad:
        with pytest.raises(TemplateError), db.transaction() as session:
            words.install(session, clerk, template)


def test_wishes_that_make_no_sense_are_refused(county) -> None:
    clue_id = county.form("letter", CITIZEN | {"reporter_phone": PHONE})
    for routes, more in ((["fax"], {}), (["reply"], {}), (["sms"], {"hours": (9, 9)}), (["sms"], {"hours": (-1, 5)})):
        with pytest.raises(notify.WishError):
            county.wish(clue_id, *routes, **more)
