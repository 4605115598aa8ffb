"""The webhook: what it takes, what it refuses, and that nothing is acknowledged before it is stored."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from channels.contract import Continuation, NormalizeError
from channels.wechat import CHANNEL

DATA = Path(__file__).parent / "data"
OPENID = "oTest00000000000000000000001"
SOURCE = "wechat:county"


def read_reply(response, decrypt, sign) -> str:
    sealed = {child.tag: child.text for child in fromstring(response.data)}
    assert sealed["MsgSignature"] == sign("test-token", sealed["TimeStamp"], sealed["Nonce"], sealed["Encrypt"])
    plain, app_id = decrypt(sealed["Encrypt"])
    assert app_id == b"wx0123456789abcdef"
    reply = {child.tag: child.text for child in fromstring(plain)}
    assert (reply["ToUserName"], reply["FromUserName"], reply["MsgType"]) == (OPENID, "gh_county", "text")
    return reply["Content"]


def test_text_is_stored_byte_for_byte_then_answered(hook, ports, make_xml, crypt):
    _, decrypt, sign, _ = crypt
    plain = make_xml(Content="延安市宝塔区柳林镇有人在基本农田上建厂房😀")
    response = hook.post(plain)
    assert response.status_code == 200
    reply = read_reply(response, decrypt, sign)
    assert reply.startswith("已收到您反映的情况")
    assert "宝塔" not in reply
    (raw,) = ports.delivered
    assert raw.blobs[0].data == plain
    assert (raw.channel, raw.source_id, raw.key) == ("wechat", SOURCE, "24000000000000009")
    assert (raw.blobs[0].role, raw.blobs[0].media_type, raw.station) == ("original", "text/xml", "榆林")
    assert OPENID not in json.dumps(dict(raw.meta)) + raw.key


def test_vector_of_the_provider(hook, ports):
    """The sample of Tencent's WXBizMsgCrypt: a body in mixed mode, of which only the encrypted part counts."""
    ports.settings["app_id"] = "wx2c2769f8efd9abc2"
    ports.secrets["token"] = "spamtest"
    ports.moment = datetime.fromtimestamp(1409735669, UTC)
    encrypted = (
        "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6F8PGHQHFVAFmOD2LdJF9Fr"
        "XpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6ux5VTjg3yt+WG"
        "zjlpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJpXgCSUdUue1v6h0EIB"
        "YYI1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCzpu9GhglF2PE="
    )
    body = (
        "<xml><ToUserName><![CDATA[gh_10f6c3c3ac5a]]></ToUserName><FromUserName><![CDATA[changed]]></FromUserName>"
        "<CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[not signed]]></Content>"
        f"<MsgId>1</MsgId><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    query = {
        "timestamp": "1409735669",
        "nonce": "1320562132",
        "msg_signature": "5d197aaffba7e9b25a30732f161a50dee96bd5fa",
    }
    assert hook.raw(body.encode(), query).status_code == 200
    (raw,) = ports.delivered
    assert raw.key == "6054768590064713728"
    (outcome,) = CHANNEL.normalize(raw)
    assert isinstance(outcome, Continuation)
    assert outcome.report.parts[0].text == "abcdteT"
    assert outcome.report.sender.openid == "oyORnuP8q7ou2gfYjqLzSIWZf0rs"


def test_vector_made_with_openssl(hook, ports, crypt):
    vector = json.loads((DATA / "openssl.json").read_text())
    ports.settings["app_id"] = vector["app_id"]
    ports.secrets |= {"token": vector["token"], "aes_key": vector["aes_key"]}
    ports.moment = datetime.fromtimestamp(int(vector["timestamp"]) + 299, UTC)
    query = {name: vector[name] for name in ("timestamp", "nonce", "msg_signature", "signature")}
    assert hook.raw(crypt[3](vector["encrypt"]), query).status_code == 200
    (raw,) = ports.delivered
    assert raw.key == vector["msg_id"]
    assert raw.blobs[0].sha256() == vector["plain_sha256"]
    # the plain URL verification of the same vector
    del query["msg_signature"]
    answer = hook.client.get(f"/hooks/wechat/{SOURCE}", query_string=query | {"echostr": "5838479218127813673"})
    assert (answer.status_code, answer.data) == (200, b"5838479218127813673")


def test_message_encrypted_by_wechatpy(hook, ports, make_xml):
    """As a stranger would post it: the envelope of wechatpy, the signature moved to the query."""
    plain = make_xml(Content="西安市长安区滦镇街道占地").decode()
    timestamp = str(int(ports.moment.timestamp()))
    sealed = WeChatCrypto("test-token", ports.secrets["aes_key"], "wx0123456789abcdef").encrypt_message(
        plain, "nonce", timestamp
    )
    signed = re.search(r"<MsgSignature><!\[CDATA\[(\w+)", sealed)[1]
    query = {"timestamp": timestamp, "nonce": "nonce", "msg_signature": signed}
    response = hook.raw(sealed.encode(), query)
    assert response.status_code == 200
    assert ports.delivered[0].blobs[0].data == plain.encode()
    reply = fromstring(response.data)
    text = WeChatCrypto("test-token", ports.secrets["aes_key"], "wx0123456789abcdef").decrypt_message(
        response.data, reply.findtext("MsgSignature"), reply.findtext("TimeStamp"), reply.findtext("Nonce")
    )
    assert "已收到您反映的情况" in text


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


def test_unknown_source_is_404(hook, make_xml, crypt):
    encrypted = crypt[0](make_xml(Content="占地"))
    body = crypt[3](encrypted)
    assert hook.raw(body, hook.query(encrypted), source="wechat:nobody").status_code == 404
    assert hook.client.get("/hooks/wechat/nobody").status_code == 404
    assert hook.raw(body, hook.query(encrypted), source="county").status_code == 200  # the short name


def test_missing_or_broken_key_is_503_and_shown(hook, ports, make_xml):
    for name, value in (
        ("token", None),
        ("aes_key", None),
        ("aes_key", "short"),
        ("aes_key", "密" * 43),
        ("token", ""),
    ):
        saved = dict(ports.secrets)
        ports.secrets.pop(name) if value is None else ports.secrets.update({name: value})
        assert hook.post(make_xml(Content="占地")).status_code == 503
        ports.secrets = saved
    ports.settings = {"app_id": "x", "surprise": 1}
    assert hook.post(make_xml(Content="占地")).status_code == 503
    assert len(ports.beats) == 6
    assert all(not ok for _, ok, _ in ports.beats)
    assert ports.calls == 0


def test_not_stored_is_503_and_the_retry_is_taken(hook, ports, make_xml, caplog):
    ports.broken = True
    plain = make_xml(Content="占地")
    with caplog.at_level(logging.DEBUG):
        assert hook.post(plain).status_code == 503
    assert OPENID not in caplog.text
    assert "disk full" not in caplog.text
    ports.broken = False
    assert hook.post(plain).status_code == 200
    assert len(ports.delivered) == 1


@pytest.mark.parametrize("point", ["wechat.before_deliver", "wechat.after_deliver"])
def test_failpoints_lead_to_a_retry_and_one_intake(hook, ports, make_xml, point):
    ports.failpoints = {point}
    plain = make_xml(Content="占地")
    assert hook.post(plain).status_code == 503
    assert len(ports.delivered) == (point == "wechat.after_deliver")
    assert hook.post(plain).status_code == 200
    assert len(ports.delivered) == 1


def test_replay_is_an_idempotent_redelivery(hook, ports, make_xml, crypt):
    encrypted = crypt[0](make_xml(Content="占地"))
    query, body = hook.query(encrypted), crypt[3](encrypted)
    assert [hook.raw(body, query).status_code for _ in range(3)] == [200] * 3
    assert len(ports.delivered) == 1
    ports.moment += timedelta(seconds=301)
    assert hook.raw(body, query).status_code == 403


def test_event_is_known_by_sender_time_and_key(hook, ports, make_xml):
    for key in ("a", "a", "b"):
        response = hook.post(make_xml("event", Event="CLICK", EventKey=key))
        assert (response.status_code, response.data) == (200, b"success")
    assert hook.post(make_xml("event", created=1772442001, Event="CLICK", EventKey="a")).data == b"success"
    keys = [raw.key for raw in ports.delivered]
    assert len(keys) == 3
    assert all(re.fullmatch(r"event:[0-9a-f]{64}", key) for key in keys)


def test_unknown_type_is_stored_and_answered_success(hook, ports, make_xml):
    assert hook.post(make_xml("hologram", Content="x")).data == b"success"
    assert hook.post(b"<xml><Strange>1</Strange></xml>").data == b"success"
    assert [raw.key[:8] for raw in ports.delivered] == ["24000000", "message:"]


@pytest.mark.parametrize(
    ("created", "at"),
    [
        (1772441990, 1772441990),
        (1772441700, 1772441700),
        (1772441699, 1772442000),  # older than a re-delivery explains
        (1772442100, 1772442000),  # never later than now
        (99, 1772442000),
    ],
)
def test_at_is_the_submission(hook, ports, make_xml, created, at):
    hook.post(make_xml(created=created, Content="占地"))
    assert ports.delivered[0].at == datetime.fromtimestamp(at, UTC)


def test_media_messages_name_their_remote(hook, ports, make_xml):
    for number, (kind, fields) in enumerate(
        [
            ("image", {"PicUrl": "http://mmbiz.qpic.cn/x", "MediaId": "img_-1"}),
            ("voice", {"MediaId": "v1", "Format": "amr"}),
            ("voice", {"MediaId": "v2", "Format": "speex"}),
            ("video", {"MediaId": "m1", "ThumbMediaId": "t1"}),
            ("shortvideo", {"MediaId": "m2", "ThumbMediaId": "t2"}),
            ("image", {"MediaId": "../../etc"}),
            ("text", {"MediaId": "no"}),
        ]
    ):
        assert hook.post(make_xml(kind, msg_id=str(number), **fields)).status_code == 200
    got = [[(r.ref, r.role, r.name, r.media_type) for r in raw.remotes] for raw in ports.delivered]
    assert got == [
        [("img_-1", "image", "image.jpg", "image/jpeg")],
        [("v1", "voice", "voice.amr", "audio/amr")],
        [("v2", "voice", "voice.speex", "audio/speex")],
        [("m1", "video", "video.mp4", "video/mp4")],
        [("m2", "video", "video.mp4", "video/mp4")],
        [],
        [],
    ]


def test_url_verification(hook, ports, crypt):
    encrypt, _, sign, _ = crypt
    url, now = f"/hooks/wechat/{SOURCE}", str(int(ports.moment.timestamp()))
    plain = {"signature": sign("test-token", now, "n"), "timestamp": now, "nonce": "n", "echostr": "123456789"}
    good = hook.client.get(url, query_string=plain)
    assert (good.status_code, good.data, good.mimetype) == (200, b"123456789", "text/plain")
    echo = encrypt(b"6789")
    sealed = {"msg_signature": sign("test-token", now, "n", echo), "timestamp": now, "nonce": "n", "echostr": echo}
    assert hook.client.get(url, query_string=sealed).data == b"6789"
    refused = [
        plain | {"signature": "0" * 40},
        plain | {"timestamp": str(int(now) - 301), "signature": sign("test-token", str(int(now) - 301), "n")},
        sealed | {"echostr": encrypt(b"0000")},
        {},
    ]
    assert [hook.client.get(url, query_string=query).status_code for query in refused] == [403] * 4
    script = plain | {"echostr": "<script>alert(1)</script>"}  # the plain signature does not cover it
    assert hook.client.get(url, query_string=script).status_code == 400


def test_reply_text_is_a_setting(hook, ports, make_xml, crypt):
    ports.settings["reply"] = "您好，已收到。"
    assert read_reply(hook.post(make_xml(Content="x")), crypt[1], crypt[2]) == "您好，已收到。"


def test_odd_sender_names_are_stored_but_never_written_into_a_reply(hook, ports, make_xml):
    response = hook.post(make_xml(Content="x", FromUserName="a]]]]><![CDATA[><x/>"))
    assert (response.status_code, response.data) == (200, b"success")
    assert len(ports.delivered) == 1


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
