"""Notices to followers of the account, against the simulated WeChat."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.contract import NotifyError, Outgoing, Sender
from channels.wechat import CHANNEL, media
from channels.wechat.message import person_key
from channels.wechat.notify import send, send_template
from channels.wechat.sandbox import Sandbox
from tests.channels.wechat.conftest import AES_KEY, APP_ID, OPENID, SECRET, TOKEN

NOTICE = Outgoing(
    "k" * 32, "12336举报办理告知", "您好！已受理。", Sender(openid=OPENID), datetime(2026, 3, 2, tzinfo=UTC)
)


@pytest.fixture
def wechat(ports):
    with Sandbox(APP_ID, TOKEN, AES_KEY, SECRET) as made:
        ports.settings |= {"api_base": made.api_base, "template_id": "tmpl-1"}
        yield made


def refused(act, ports, given=NOTICE) -> NotifyError:
    with pytest.raises(NotifyError) as error:
        act(ports, ports.source, given)
    assert OPENID not in str(error.value)
    return error.value


def test_errcode_0_is_the_evidence(wechat, ports) -> None:
    handed = send(ports, ports.source, NOTICE)
    assert handed.evidence == "errcode 0"
    assert handed.keys == (person_key(OPENID),)
    assert wechat.sent == [{"touser": OPENID, "msgtype": "text", "text": {"content": "您好！已受理。"}}]


def test_a_shut_window_ends_the_route_and_the_template_reaches(wechat, ports) -> None:
    wechat.api.shut_window(OPENID)
    error = refused(send, ports)
    assert error.permanent
    assert "45015" in str(error)
    handed = send_template(ports, ports.source, NOTICE)
    assert handed.keys == ("1000000", person_key(OPENID))
    assert wechat.api.templates[0]["data"] == {"content": {"value": "您好！已受理。"}}
    again = send_template(ports, ports.source, replace(NOTICE, again=True))
    assert again.keys == handed.keys
    assert len(wechat.api.templates) == 1, "client_msg_id keeps WeChat from sending it twice"


def test_fields_of_a_template_are_filled(wechat, ports) -> None:
    ports.settings["template_fields"] = {"thing1": "{title}", "time2": "{date}"}
    send_template(ports, ports.source, NOTICE)
    told = wechat.api.templates[0]["data"]
    assert told == {"thing1": {"value": "12336举报办理告知"}, "time2": {"value": "2026-03-02"}}


def test_a_token_thrown_away_by_others_is_fetched_once(wechat, ports) -> None:
    send(ports, ports.source, NOTICE)
    wechat.api._token = "another process asked with force"
    send(ports, ports.source, NOTICE)
    assert wechat.api.calls.count("/cgi-bin/stable_token") in (2, 3)
    assert len(wechat.sent) == 2


def test_a_token_that_stays_refused_passes(wechat, ports) -> None:
    wechat.api.refusals = [40001, 40001]
    error = refused(send, ports)
    assert not error.permanent
    assert not wechat.sent


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(-1, False), (45009, False), (40164, False), (43004, True), (40003, True), (45047, True), (48001, True)],
)
def test_errcodes(wechat, ports, code, permanent) -> None:
    wechat.api.refusals = [code]
    error = refused(send, ports)
    assert (error.permanent, error.unknown) == (permanent, False)


def test_a_lost_answer_is_unknown(wechat, ports) -> None:
    wechat.api.lose_answers = 1
    assert refused(send, ports).unknown
    assert len(wechat.sent) == 1


def test_who_left_is_not_reached(wechat, ports) -> None:
    wechat.api.unfollowed.add(OPENID)
    assert refused(send, ports).permanent
    assert refused(send_template, ports).permanent


def test_no_secret_or_wrong_settings_pass(wechat, ports) -> None:
    ports.secrets.pop("app_secret")
    assert not refused(send, ports).permanent
    ports.settings["reply"] = 7
    assert not refused(send, ports).permanent


def test_one_process_at_a_time_fetches_a_token(wechat, ports, monkeypatch) -> None:
    monkeypatch.setattr(media, "_LEASE_WAIT_S", 0.2)
    ports.lease_free = False
    error = refused(send, ports)
    assert (error.permanent, error.unknown) == (False, False)


def test_routes_are_declared(ports) -> None:
    by_name = {route.name: route for route in CHANNEL.notify or ()}
    assert list(by_name) == ["wechat", "wechat_template"]
    assert by_name["wechat"].ready(ports.source)
    assert not by_name["wechat_template"].ready(ports.source)
    assert by_name["wechat"].own_source
    assert not by_name["wechat"].fits(Sender(phone="13800138000"))
