"""Twilio's webhooks: signatures made by hand, order, replay, failure."""

import base64
import hashlib
import hmac
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from channels.contract import Continuation, Source
from channels.phone import CHANNEL
from channels.phone.normalize import normalize
from channels.phone.sandbox import signature
from channels.phone.webhooks import MAX_BODY, blueprint
from channels.testing import FailpointError, MemoryPorts, check_normalize

from .conftest import ACCOUNT, PUBLIC, TOKEN

CALL, REC = "CA" + "1" * 32, "RE" + "2" * 32
VOICE = {"AccountSid": ACCOUNT, "CallSid": CALL, "From": "+8613800138000", "To": "+8612336", "CallStatus": "ringing"}
RECORDING = {
    "AccountSid": ACCOUNT,
    "CallSid": CALL,
    "RecordingSid": REC,
    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{REC}",
    "RecordingStatus": "completed",
    "RecordingDuration": "65",
    "RecordingStartTime": "Mon, 02 Mar 2026 09:00:00 +0000",
}


def sign(url: str, form: list[tuple[str, str]], token: str = TOKEN) -> str:
    """Raw HMAC, by the words of the provider's page; sorted by name, repeated names once per different value."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Caller:
    def __init__(self, client: FlaskClient, ports: MemoryPorts) -> None:
        self.client, self.ports = client, ports

    def post(self, last: str, form: dict[str, str], source: str = "twilio:1", **changes: str) -> TestResponse:
        path = f"/hooks/phone/{source}/{last}"
        signed = changes.get("url", PUBLIC + path)
        headers = {"X-Twilio-Signature": changes.get("signature", sign(signed, list(form.items())))}
        body = urlencode(form)
        return self.client.post(path, data=body, content_type="application/x-www-form-urlencoded", headers=headers)


@pytest.fixture
def caller(ports: MemoryPorts, twilio_source: Source) -> Iterator[Caller]:
    app = Flask("hub")
    app.register_blueprint(blueprint(ports), url_prefix="/hooks/phone")
    with app.test_client() as client:
        yield Caller(client, ports)


@pytest.mark.parametrize(
    ("number", "published"),
    [("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")],
)
def test_the_published_vectors_hold(number: str, published: str) -> None:
    """The worked example of Twilio's security page, in its newer and older form (token 12345)."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {"CallSid": "CA1234567890ABCDE", "Caller": number, "Digits": "1234", "From": number, "To": "+18005551212"}
    assert sign(url, list(form.items()), "12345") == published
    assert signature("12345", url, form) == published, "the sandbox signs as Twilio does"
    assert RequestValidator("12345").validate(url, MultiDict(form), published)
    assert not RequestValidator("12345").validate(url, MultiDict(form | {"Digits": "1235"}), published)


def test_the_published_vector_opens_the_receiver(ports: MemoryPorts) -> None:
    """The same example through our own route: public URL with a path, port 443 left out, query kept."""
    form = {"CallSid": "CA1234567890ABCDE", "AccountSid": ACCOUNT, "From": "+14158675309"}
    ports.configured = [
        Source(
            "t", "phone", "1", {"kind": "twilio", "account_sid": ACCOUNT, "public_url": "https://mycompany.com/hub/"}
        )
    ]
    ports.secrets["t", "auth_token"] = "12345"
    app = Flask("hub")
    app.register_blueprint(blueprint(ports), url_prefix="/hooks/phone")
    url = "https://mycompany.com/hub/hooks/phone/t/voice?foo=1&bar=2"
    headers = {"X-Twilio-Signature": sign(url, list(form.items()), "12345")}
    assert app.test_client().post("/hooks/phone/t/voice?foo=1&bar=2", data=form, headers=headers).status_code == 200
    assert app.test_client().post("/hooks/phone/t/voice?foo=1&bar=3", data=form, headers=headers).status_code == 403


def test_a_call_is_stored_and_answered_with_announcement_and_recording(caller: Caller) -> None:
    response = caller.post("voice", VOICE)
    assert response.status_code == 200
    assert response.mimetype == "text/xml"
    root = ET.fromstring(response.data)
    record = root.find("Record")
    assert root.find("Say") is not None
    assert record is not None
    assert record.get("trim") == "do-not-trim"
    assert record.get("recordingStatusCallback") == f"{PUBLIC}/hooks/phone/twilio:1/recording"
    assert record.get("action") == f"{PUBLIC}/hooks/phone/twilio:1/recorded"
    (raw,) = caller.ports.delivered
    assert (raw.key, raw.source_id, raw.at, raw.station) == (f"{CALL}:voice", "twilio:1", caller.ports.now(), "五原站")
    assert raw.blobs[0].data == urlencode(VOICE).encode(), "the original is the body as it came"
    (outcome,) = check_normalize(CHANNEL, raw) or []
    assert isinstance(outcome, Continuation)
    assert outcome.correlation_keys == (f"call:{CALL}",)
    assert outcome.report.sender.phone == "+8613800138000"
    assert outcome.report.parts == ()


@pytest.mark.parametrize("order", [("voice", "recording"), ("recording", "voice")])
def test_a_call_and_its_recording_find_each_other_in_any_order(caller: Caller, order: tuple[str, str]) -> None:
    forms = {"voice": VOICE, "recording": RECORDING}
    for name in order:
        assert caller.post(name, forms[name]).status_code in (200, 204)
    outcomes = [normalize(raw)[0] for raw in caller.ports.delivered]
    assert {outcome.correlation_keys for outcome in outcomes} == {(f"call:{CALL}",)}
    recording = caller.ports.delivered[order.index("recording")]
    assert recording.key == f"{REC}:completed"
    assert recording.at == datetime(2026, 3, 2, 9, 1, 5, tzinfo=UTC), "the end of a voice mail"
    (remote,) = recording.remotes
    assert (remote.ref, remote.role, remote.name) == (RECORDING["RecordingUrl"], "recording", f"{REC}.wav")


@pytest.mark.parametrize("status", ["in-progress", "completed", "absent", "failed"])
def test_each_status_of_a_recording_is_its_own_delivery(caller: Caller, status: str) -> None:
    form = RECORDING | {"RecordingStatus": status}
    assert caller.post("recording", form).status_code == 204
    assert caller.post("recording", form).status_code == 204
    (raw,) = caller.ports.delivered
    assert raw.key == f"{REC}:{status}"
    assert len(raw.remotes) == (status == "completed")
    (outcome,) = check_normalize(CHANNEL, raw) or []
    assert bool(outcome.report.warnings) == (status != "in-progress")


def test_a_replay_is_answered_alike_and_adds_nothing(caller: Caller) -> None:
    first, second = caller.post("voice", VOICE), caller.post("voice", VOICE)
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert (len(caller.ports.delivered), len(caller.ports.redelivered)) == (1, 1)


@pytest.mark.parametrize("status", ["no-answer", "busy", "failed", "canceled"])
def test_a_missed_call_is_kept_as_other_to_be_called_back(caller: Caller, status: str) -> None:
    assert caller.post("status", VOICE | {"CallStatus": status, "CallDuration": "0"}).status_code == 204
    (outcome,) = check_normalize(CHANNEL, caller.ports.delivered[0]) or []
    assert outcome.report.kind == "other"
    assert outcome.report.fields["reason"] == "未接来电"
    assert outcome.report.sender.phone == "+8613800138000"


def test_the_base_of_an_ended_call_is_its_ring(caller: Caller) -> None:
    stamp = {"CallStatus": "completed", "CallDuration": "90", "Timestamp": "Mon, 02 Mar 2026 09:20:00 +0000"}
    caller.post("status", VOICE | stamp)
    caller.post("status", VOICE | stamp | {"CallSid": CALL + "9", "Timestamp": "Fri, 02 Mar 2029 09:20:00 +0000"})
    caller.post("status", VOICE | stamp | {"CallSid": CALL + "8", "Timestamp": "Fri, 02 Mar 1990 09:20:00 +0000"})
    told, future, ancient = (raw.at for raw in caller.ports.delivered)
    assert told == datetime(2026, 3, 2, 9, 18, 30, tzinfo=UTC)
    assert future == ancient == caller.ports.now() - timedelta(seconds=90)


def test_the_end_of_the_recording_thanks_and_stores_nothing(caller: Caller) -> None:
    response = caller.post("recorded", VOICE | {"RecordingUrl": RECORDING["RecordingUrl"], "Digits": "hangup"})
    assert b"<Hangup" in response.data
    assert not caller.ports.delivered


def test_a_hidden_caller_has_no_number(caller: Caller) -> None:
    caller.post("voice", VOICE | {"From": "+266696687"})
    assert normalize(caller.ports.delivered[0])[0].report.sender.phone == ""


# ---- refused


@pytest.mark.parametrize("last", ["voice", "recording", "status", "recorded"])
@pytest.mark.parametrize(
    "changes",
    [
        {"signature": ""},
        {"signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
        {"signature": "é" * 28},
        {"url": "http://internal:8000/hooks/phone/twilio:1/voice"},
        {"url": PUBLIC + "/hooks/phone/twilio:2/voice"},
    ],
)
def test_forged_requests_are_403(caller: Caller, last: str, changes: dict[str, str]) -> None:
    assert caller.post(last, VOICE | RECORDING, **changes).status_code == 403
    assert not caller.ports.delivered


def test_a_missing_header_is_403(caller: Caller) -> None:
    assert caller.client.post("/hooks/phone/twilio:1/voice", data=VOICE).status_code == 403


def test_a_changed_added_or_repeated_value_is_403(caller: Caller) -> None:
    path, good = "/hooks/phone/twilio:1/voice", list(VOICE.items())
    headers = {"X-Twilio-Signature": sign(PUBLIC + path, good)}
    for form in ([*good, ("To", "+1")], [*good, ("New", "1")], good[:-1], [(k, v + "1") for k, v in good]):
        assert caller.client.post(path, data=MultiDict(form), headers=headers).status_code == 403
    assert caller.client.post(path, data=MultiDict(good), headers=headers).status_code == 200


def test_repeated_names_are_signed_once_per_value(caller: Caller) -> None:
    path, form = "/hooks/phone/twilio:1/voice", [*VOICE.items(), ("Tag", "b"), ("Tag", "a"), ("Tag", "a")]
    headers = {"X-Twilio-Signature": sign(PUBLIC + path, form)}
    assert caller.client.post(path, data=MultiDict(form), headers=headers).status_code == 200


def test_another_account_is_403_even_when_signed(caller: Caller) -> None:
    assert caller.post("voice", VOICE | {"AccountSid": "AC" + "f" * 32}).status_code == 403
    assert caller.post("voice", {k: v for k, v in VOICE.items() if k != "AccountSid"}).status_code == 403


def test_an_unknown_entrance_is_404_and_a_folder_is_no_entrance(caller: Caller) -> None:
    caller.ports.configured.append(Source("folder:5", "phone", "1", {"folder": "rec"}))
    for source in ("twilio:9", "folder:5", "..", "%00"):
        assert caller.post("voice", VOICE, source=source).status_code == 404
    assert caller.client.get("/hooks/phone/twilio:1/voice").status_code == 405


def test_a_source_id_quoted_in_the_url_is_signed_as_requested(caller: Caller) -> None:
    path = "/hooks/phone/twilio%3A1/voice"
    headers = {"X-Twilio-Signature": sign(PUBLIC + path, list(VOICE.items()))}
    assert caller.client.post(path, data=VOICE, headers=headers).status_code == 200


def test_signed_but_senseless_is_400(caller: Caller) -> None:
    for last, form in [
        ("voice", VOICE | {"CallSid": ""}),
        ("voice", VOICE | {"CallSid": "../../x"}),
        ("recording", RECORDING | {"RecordingSid": "x" * 99}),
        ("recording", RECORDING | {"RecordingStatus": "Ü"}),
        ("status", VOICE | {"CallStatus": ""}),
    ]:
        assert caller.post(last, form).status_code == 400
    assert not caller.ports.delivered


def test_an_oversized_body_is_413(caller: Caller) -> None:
    assert caller.post("voice", VOICE | {"x": "y" * MAX_BODY}).status_code == 413
    chunked = {
        "input_stream": io.BytesIO(b"a=1&" * MAX_BODY),
        "environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        "content_type": "application/x-www-form-urlencoded",
    }
    assert caller.client.post("/hooks/phone/twilio:1/voice", **chunked).status_code == 413
    many = {f"k{n}": "" for n in range(5_000)}
    assert caller.post("voice", VOICE | many).status_code in (200, 413)


def test_nothing_is_acknowledged_that_was_not_stored(caller: Caller) -> None:
    caller.ports.broken = True
    for last, form in [("voice", VOICE), ("recording", RECORDING), ("status", VOICE)]:
        assert caller.post(last, form).status_code == 503
    assert not caller.ports.beats[-1].ok
    caller.ports.broken = False
    assert caller.post("voice", VOICE).status_code == 200


@pytest.mark.parametrize("point", ["phone.before_deliver", "phone.after_deliver"])
def test_a_failure_around_deliver_is_503_and_the_repetition_is_one_intake(caller: Caller, point: str) -> None:
    caller.ports.arm(point)
    assert caller.post("voice", VOICE).status_code == 503
    del caller.ports.armed[point]
    assert caller.post("voice", VOICE).status_code == 200
    assert len(caller.ports.delivered) == 1


def test_storage_that_is_wholly_down_is_503(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise FailpointError

    for name in ("sources", "beat"):
        monkeypatch.setattr(caller.ports, name, down)
    assert caller.post("voice", VOICE).status_code == 503


def test_an_entrance_without_secret_is_503_and_stores_nothing(caller: Caller) -> None:
    caller.ports.secrets.clear()
    assert caller.post("voice", VOICE).status_code == 503
    assert not caller.ports.delivered


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    last=st.sampled_from(["voice", "recording", "status", "recorded"]),
    extra=st.dictionaries(st.sampled_from([*VOICE, *RECORDING, "x", "Timestamp"]), st.text(max_size=30), max_size=8),
    signed=st.booleans(),
)
def test_any_form_gives_an_answer_never_a_500(caller: Caller, last: str, extra: dict[str, str], signed: bool) -> None:
    form = VOICE | RECORDING | {k: v.encode("utf-8", "replace").decode() for k, v in extra.items()}
    before = len(caller.ports.delivered) + len(caller.ports.redelivered)
    response = caller.post(last, form, **({} if signed else {"signature": "x"}))
    assert response.status_code in ((200, 204, 400, 403) if signed else (403,))
    after = len(caller.ports.delivered) + len(caller.ports.redelivered)
    assert after - before == (response.status_code in (200, 204) and last != "recorded")
    for raw in caller.ports.delivered[-1:]:
        check_normalize(CHANNEL, raw)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data", "x"]),
)
def test_any_bytes_unsigned_are_403(caller: Caller, body: bytes, kind: str) -> None:
    answer = caller.client.post(
        "/hooks/phone/twilio:1/voice", data=body, content_type=kind, headers={"X-Twilio-Signature": "x"}
    )
    assert answer.status_code in (400, 403)
