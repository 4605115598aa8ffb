"""The webhook: what it takes, what it refuses, and that nothing is acknowledged before it is stored."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from wechatpy.crypto import WeChatCrypto

from channels.contract import Continuation
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
