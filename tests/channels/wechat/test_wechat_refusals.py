"""What the webhook refuses, and that nothing sent to it makes it fail."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.contract import NormalizeError
from channels.wechat import CHANNEL

OPENID = "oTest00000000000000000000001"
SOURCE = "wechat:county"


@pytest.mark.parametrize(
    "changes",
    [
        {"msg_signature": "0" * 40},
        {"msg_signature": ""},
        {"msg_signature": "签名"},
        {"nonce": "other", "msg_signature": "5d197aaffba7e9b25a30732f161a50dee96bd5fa"},
        {"timestamp": "1772441699"},  # 301 s old, truly signed
        {"timestamp": "1772442301"},  # 301 s ahead, truly signed
        {"timestamp": "-1"},
        {"timestamp": "1e9"},
        {"timestamp": ""},
        {"timestamp": "9" * 400},
        {"timestamp": "１７７２４４２０００"},
        {"encrypt_type": "raw"},
    ],
    ids=lambda changes: "-".join(f"{k}={v[:12]}" for k, v in changes.items()),
)
def test_forged_and_stale_are_403(hook, ports, make_xml, changes):
    assert ports.moment.timestamp() == 1772442000
    assert hook.post(make_xml(Content="占地"), **changes).status_code == 403
    assert ports.calls == 0


def test_message_still_fresh_at_the_limit(hook, ports, make_xml):
    assert hook.post(make_xml(Content="占地"), timestamp="1772441700").status_code == 200
    assert hook.post(make_xml(Content="占地"), timestamp="1772442300").status_code == 200


def test_body_changed_after_signing_is_403(hook, ports, make_xml, crypt):
    encrypt, _, _, envelope = crypt
    query = hook.query(encrypt(make_xml(Content="一")))
    assert hook.raw(envelope(encrypt(make_xml(Content="二"))), query).status_code == 403
    assert ports.calls == 0


def test_other_app_id_inside_is_403(hook, ports, make_xml, crypt):
    encrypt, _, _, envelope = crypt
    for app_id in ("wxffffffffffffffff", "", "wx0123456789abcdef0", "wx0123456789abcde"):
        encrypted = encrypt(make_xml(Content="占地"), app_id)
        assert hook.raw(envelope(encrypted), hook.query(encrypted)).status_code == 403, app_id
    assert ports.calls == 0


def test_broken_padding_length_and_base64_are_403(hook, ports, make_xml, crypt):
    encrypt, _, _, envelope = crypt
    plain = b"<xml><MsgType/></xml>     "  # 16 + 4 + 26 + 18 = 64: whole blocks
    assert hook.raw(envelope(encrypt(plain)), hook.query(encrypt(plain))).status_code == 200
    ports.calls = 0
    bad = [
        encrypt(plain, tail=b"\0" * 32),
        encrypt(plain, tail=b"\x21" * 32),
        encrypt(plain, tail=b"\x01" * 31 + b"\x05"),
        encrypt(plain, tail=b"\x02" * 31 + b"\x20"),  # the right length in the last byte, rubbish before it
        encrypt(b"", "", tail=b"\x0c" * 12),
        encrypt(b"y" * 12, "", tail=b""),
        "QUJD",
        "====",
        "不是密文",
        encrypt(plain)[:-5],
        "A" * 44,
    ]
    for encrypted in bad:
        assert hook.raw(envelope(encrypted), hook.query(encrypted)).status_code == 403, encrypted
    assert ports.calls == 0


def test_plain_mode_is_403_even_with_the_right_plain_signature(hook, ports, make_xml):
    query = {k: v for k, v in hook.query("").items() if k in ("signature", "timestamp", "nonce", "openid")}
    assert hook.raw(make_xml(Content="占地"), query).status_code == 403
    assert ports.calls == 0


BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
HOSTILE = {
    "dtd": b"<!DOCTYPE xml><xml><MsgType>text</MsgType></xml>",
    "entity": BOMB + b"<xml><Encrypt>&b;</Encrypt></xml>",
    "external": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>',
    "unknown entity": b"<xml><Encrypt>&nbsp;</Encrypt></xml>",
    "deep": b"<xml>" + b"<a>" * 4_000 + b"</a>" * 4_000 + b"</xml>",
    "nine levels": b"<a>" * 9 + b"</a>" * 9,
    "many": b"<xml>" + b"<a><b/></a>" * 200 + b"</xml>",
    "doubled": b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
    "utf-16": '<?xml version="1.0" encoding="utf-16"?><xml><Encrypt>a</Encrypt></xml>'.encode("utf-16"),
    "utf-16-le bare": "<xml><Encrypt>a</Encrypt></xml>".encode("utf-16-le"),
    "utf-32": "<xml><Encrypt>a</Encrypt></xml>".encode("utf-32"),
    "gbk": '<?xml version="1.0" encoding="gbk"?><xml><Encrypt>占</Encrypt></xml>'.encode("gbk"),
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><xml><Encrypt>a</Encrypt></xml>',
    "no utf-8": b"<xml><Encrypt>\xff\xfe\xfd</Encrypt></xml>",
    "cut": b"<xml><Encrypt>abc",
    "empty": b"",
    "json": b'{"Encrypt": "abc"}',
    "nul": b"<xml>\x00</xml>",
    "prefix": b"<n:xml><Encrypt>a</Encrypt></n:xml>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_400_outside_and_inside(hook, ports, name):
    assert hook.raw(HOSTILE[name], hook.query("abc")).status_code == 400
    assert hook.post(HOSTILE[name]).status_code == 400
    assert ports.calls == 0


def test_oversized_is_413_with_and_without_length(hook, ports):
    body = b"<xml><Encrypt>" + b"A" * 65_536 + b"</Encrypt></xml>"
    assert hook.raw(body, hook.query("A")).status_code == 413
    streamed = hook.client.post(
        f"/hooks/wechat/{SOURCE}",
        query_string=hook.query("A"),
        input_stream=io.BytesIO(body),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert streamed.status_code == 413
    assert ports.calls == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400),
    sealed=st.booleans(),
    query=st.dictionaries(
        st.sampled_from(["msg_signature", "timestamp", "nonce", "encrypt_type", "signature", "echostr"]),
        st.text(max_size=20),
    ),
)
def test_no_body_and_no_query_makes_a_500(hook, ports, body, sealed, query):
    ports.delivered.clear()
    response = hook.post(body, **query) if sealed else hook.raw(body, query)
    assert response.status_code in (200, 400, 403)
    if response.status_code == 200:
        assert len(ports.delivered) == 1
    assert hook.client.get(f"/hooks/wechat/{SOURCE}", query_string=query).status_code in (200, 400, 403)


TAGS = st.sampled_from(
    [
        "ToUserName",
        "FromUserName",
        "CreateTime",
        "MsgType",
        "MsgId",
        "Content",
        "Event",
        "EventKey",
        "MediaId",
        "Format",
        "Location_X",
        "Location_Y",
        "Label",
        "Url",
        "Title",
        "Status",
        "MsgID",
    ]
)
VALUES = st.one_of(
    st.sampled_from(["text", "image", "voice", "location", "link", "event", "LOCATION", "TEMPLATESENDJOBFINISH", "nan",
                     "1e999", "1772442000", OPENID]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&]\ufffe\uffff"), max_size=12),
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(TAGS, VALUES, max_size=12))
def test_any_signed_message_is_stored_and_normalized(hook, ports, fields):
    ports.delivered.clear()
    plain = ("<xml>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + "</xml>").encode()
    assert hook.post(plain).status_code == 200
    (raw,) = ports.delivered
    try:
        assert len(CHANNEL.normalize(raw)) == 1
    except NormalizeError:
        assert fields.get("MsgType", "").strip().lower() != "event"
