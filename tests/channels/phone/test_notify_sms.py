"""A notice by text message, against the simulated Twilio."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask

from channels.contract import DeliveryReport, NotifyError, Outgoing, Sender, Source
from channels.phone import CHANNEL, Sandbox
from channels.phone.notify import fits_call, fits_sms, number, ready, send
from channels.testing import MemoryPorts, check_normalize

ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "8f742231b10e8888abcd99yyyzzz85a5"
KEY = "0123456789abcdef" * 2


def notice(**changes) -> Outgoing:
    made = Outgoing(KEY, "t", "您好！您反映的问题已受理。", Sender(phone="138 0013 8000"), datetime.now(UTC))
    return replace(made, **changes)


@pytest.fixture
def twilio():
    with Sandbox(ACCOUNT, TOKEN) as made:
        yield made


@pytest.fixture
def source(twilio) -> Source:
    settings = {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "https://12336.example.gov.cn",
                "api_base": twilio.api_base, "sms_from": "+8612336000", "assessment": "评估-2026-001"}  # fmt: skip
    return Source("phone:t", "phone", "150821", settings)


@pytest.fixture
def ports(source) -> MemoryPorts:
    return MemoryPorts(configured=[source], secrets={(source.id, "auth_token"): TOKEN})


def refused(ports, source, given) -> NotifyError:
    with pytest.raises(NotifyError) as error:
        send(ports, source, given)
    assert "138" not in str(error.value)
    return error.value


def test_a_message_is_handed_over_with_its_callback(twilio, source, ports) -> None:
    handed = send(ports, source, notice())
    (sent,) = twilio.messages.sent
    assert (sent.to, sent.body) == ("+8613800138000", "您好！您反映的问题已受理。")
    assert sent.callback == f"https://12336.example.gov.cn/hooks/phone/phone:t/message?notice={KEY}"
    assert handed.evidence == sent.sid
    assert handed.keys == (sent.sid,)


@pytest.mark.parametrize(
    ("status", "code", "permanent", "unknown"),
    [(400, 21211, True, False), (400, 21610, True, False), (400, 21614, True, False), (429, 20429, False, False),
     (401, 20003, False, False), (403, 20005, False, False), (500, 20500, False, True), (503, 0, False, True)],
)  # fmt: skip
def test_refusals(twilio, source, ports, status, code, permanent, unknown) -> None:
    twilio.messages.errors = [(status, code)]
    error = refused(ports, source, notice())
    assert (error.permanent, error.unknown) == (permanent, unknown)


def test_a_lost_answer_is_unknown_and_found_again_at_twilio(twilio, source, ports) -> None:
    twilio.messages.lose_answers = 1
    first = notice()
    assert refused(ports, source, first).unknown
    handed = send(ports, source, replace(first, again=True))
    (sent,) = twilio.messages.sent
    assert handed.evidence == sent.sid
    send(ports, source, notice(again=True, text="另一件"))
    assert len(twilio.messages.sent) == 2, "other words are another message"


def test_no_answer_before_anything_was_sent_passes(source, ports) -> None:
    gone = replace(source, settings={**source.settings, "api_base": "http://127.0.0.1:9"})
    error = refused(ports, gone, notice())
    assert (error.permanent, error.unknown) == (False, False)


def test_numbers() -> None:
    for good in ("13800138000", "+86 138-0013-8000", "008613800138000", "8613800138000"):
        assert number(good) == "+8613800138000", good
    assert number("+14155550100") == "+14155550100"
    for bad in ("", "0478-5212345", "12336", "1380013800", "+86123", "+8610 12345678", "138001380001", "x"):
        assert not fits_sms(Sender(phone=bad)), bad
    assert fits_call(Sender(phone="0478-5212345"))
    assert not fits_call(Sender(phone="匿名"))


def test_off_until_sender_and_assessment_are_entered(source) -> None:
    assert ready(source)
    for name in ("sms_from", "assessment"):
        assert not ready(replace(source, settings={**source.settings, name: ""}))
    assert not ready(replace(source, settings={"kind": "folder", "folder": "/x"}))


@contextmanager
def hub(ports):
    class Quiet(WSGIRequestHandler):
        def log_message(self, *args) -> None:
            pass

    app = Flask("hub")
    app.register_blueprint(CHANNEL.blueprint(ports), url_prefix="/hooks/phone")
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_status_callbacks_become_delivery_reports(twilio, source, ports) -> None:
    with hub(ports) as base:
        ports.configured = [replace(source, settings={**source.settings, "public_url": base})]
        send(ports, ports.configured[0], notice())
        (sent,) = twilio.messages.sent
        assert twilio.settle(sent, "sent") == 204
        assert not ports.delivered, "what is on its way changes nothing"
        assert twilio.settle(sent, "delivered") == 204
        assert twilio.settle(sent, "delivered") == 204
        assert twilio.settle(sent, "undelivered", error_code="30003") == 204
        forged = replace(sent, callback=sent.callback.replace("notice=0", "notice=x"))
        assert twilio.settle(forged) == 400
        twilio.auth_token = "wrong"
        assert twilio.settle(sent) == 403
    outcomes = [(check_normalize(CHANNEL, raw) or [])[0] for raw in ports.delivered]
    assert outcomes == [
        DeliveryReport(KEY, "delivered"),
        DeliveryReport(KEY, "failed", permanent=True, detail="短信未送达 30003"),
    ]
