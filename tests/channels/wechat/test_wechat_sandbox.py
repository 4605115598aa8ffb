"""The simulator against the receiver over real sockets: messages, triple delivery, media."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from werkzeug.serving import make_server

from channels.contract import Continuation, FetchError, NonClue, PartKind, Remote
from channels.wechat import CHANNEL, client, media
from channels.wechat.sandbox import Sandbox

OPENID = "oTest00000000000000000000001"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 300


@pytest.fixture
def wechat(app, ports) -> Iterator[Sandbox]:
    """A simulated WeChat whose webhook is our application on a loopback port; both keep the ports' time."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    assert CHANNEL.sandbox is not None
    sandbox = CHANNEL.sandbox("wx0123456789abcdef", "test-token", ports.secrets["aes_key"], "app-secret")
    sandbox._clock = sandbox.api._clock = lambda: ports.moment.timestamp()  # noqa: PLW0108  the moment moves
    sandbox.webhook = f"http://127.0.0.1:{server.server_port}/hooks/wechat/wechat:county"
    with sandbox:
        ports.settings["api_base"] = sandbox.api_base
        yield sandbox
    server.shutdown()
    thread.join()
    server.server_close()


def fetch_last(ports, number: int = 0):
    return CHANNEL.fetch(ports, ports.source, ports.delivered[-1].remotes[number])


def test_all_kinds_arrive(wechat, ports):
    assert wechat.verify_url()
    assert wechat.verify_url(encrypted=True)
    sent = [
        wechat.send_text(OPENID, "周至县楼观镇 ]]> 违建 <b>&amp;</b>"),
        wechat.send_image(OPENID, JPEG),
        wechat.send_voice(OPENID, b"#!AMR\n", recognition="有人占地"),
        wechat.send_video(OPENID, b"\0\0\0\x18ftypmp42"),
        wechat.send_location(OPENID, 34.05, 108.32, "西安市周至县"),
        wechat.send_link(OPENID, "标题", "说明", "https://example.cn/"),
    ]
    assert all(delivery.acknowledged and delivery.reply.startswith("已收到") for delivery in sent)
    assert wechat.send_event(OPENID, "subscribe").body == b"success"
    assert wechat.send_kind(OPENID, "hologram", {"A": "b"}).acknowledged
    outcomes = [CHANNEL.normalize(raw)[0] for raw in ports.delivered]
    assert [type(outcome) for outcome in outcomes] == [Continuation] * 6 + [NonClue] * 2
    assert len({outcome.correlation_keys for outcome in outcomes[:6]}) == 1
    assert outcomes[0].report.parts[0].text == "周至县楼观镇 ]]> 违建 <b>&amp;</b>"
    assert [raw.key for raw in ports.delivered[:6]] == [delivery.msg_id for delivery in sent]


def test_triple_delivery_at_once_is_one_intake(wechat, ports):
    deliveries = wechat.deliver_thrice(OPENID, "占地")
    assert [d.acknowledged for d in deliveries] == [True] * 3
    assert (ports.calls, len(ports.delivered)) == (3, 1)


def test_wechat_tries_three_times_and_gives_up(wechat, ports):
    ports.broken = True
    assert wechat.send_text(OPENID, "占地").statuses == (503, 503, 503)
    ports.broken = False
    ports.failpoints = {"wechat.after_deliver"}
    assert wechat.send_text(OPENID, "占地").statuses == (503, 200)
    assert len(ports.delivered) == 1


def test_wrong_key_or_account_is_refused(wechat, ports):
    for changes in ({"app_id": "wxother"}, {"_token": "guess"}, {"_key": b"k" * 32}):
        saved = {name: getattr(wechat, name) for name in changes}
        wechat.__dict__.update(changes)
        assert wechat.send_text(OPENID, "占地").statuses == (403,)
        wechat.__dict__.update(saved)
    assert ports.calls == 0


def test_media_is_fetched_byte_for_byte(wechat, ports, caplog):
    with caplog.at_level(logging.DEBUG):
        wechat.send_image(OPENID, JPEG)
        blob = fetch_last(ports)
        assert (blob.data, blob.role, blob.media_type) == (JPEG, "image", "image/jpeg")
        wechat.send_voice(OPENID, b"\x02#!SILK_V3\x01\x02", form="amr")
        voice = fetch_last(ports)
        assert (voice.data, voice.role) == (b"\x02#!SILK_V3\x01\x02", "voice")
    raw = ports.delivered[-1]
    with_media = type(raw)(**{name: getattr(raw, name) for name in raw.__slots__} | {"blobs": (*raw.blobs, voice)})
    assert CHANNEL.normalize(with_media)[0].report.parts[0].kind is PartKind.AUDIO
    assert wechat.api.calls.count("/cgi-bin/stable_token") == 1  # one token for both
    assert ports.leases == ["wechat-token:wechat:county"]
    assert wechat.api._token not in caplog.text
    assert "app-secret" not in caplog.text
    assert OPENID not in caplog.text


def test_video_given_as_an_address(wechat, ports):
    wechat.send_video(OPENID, b"\0\0\0\x18ftypmp42 film", by_url=True)
    assert fetch_last(ports).data == b"\0\0\0\x18ftypmp42 film"


def test_expired_medium_is_permanent(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    wechat.api.expire_media()
    with pytest.raises(FetchError) as error:
        fetch_last(ports)
    assert error.value.permanent


@pytest.mark.parametrize("code", [-1, 45009, 40164, 48001, 50002])
def test_passing_errors(wechat, ports, code):
    wechat.send_image(OPENID, JPEG)
    wechat.api.errors = [code]
    with pytest.raises(FetchError) as error:
        fetch_last(ports)
    assert not error.value.permanent
    assert fetch_last(ports).data == JPEG


def test_expired_token_is_renewed_once(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    assert fetch_last(ports).data == JPEG
    wechat.api.expire_token()
    assert fetch_last(ports).data == JPEG
    assert wechat.api.calls.count("/cgi-bin/stable_token") == 2


def test_old_token_is_renewed_before_it_is_refused(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    assert fetch_last(ports).data == JPEG
    ports.moment += timedelta(hours=2)
    assert fetch_last(ports).data == JPEG
    assert wechat.api.calls == ["/cgi-bin/stable_token", "/cgi-bin/media/get"] * 2


def test_token_the_provider_calls_invalid_is_forced_anew(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    wechat.api.errors = [40001]  # though it would hand out the same token again
    assert fetch_last(ports).data == JPEG
    assert wechat.api.calls.count("/cgi-bin/stable_token") == 3
    wechat.api.errors = [40001, 40001]
    with pytest.raises(FetchError) as error:
        fetch_last(ports)
    assert not error.value.permanent


def test_many_workers_refresh_one_at_a_time(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    got: list[bytes] = []
    workers = [threading.Thread(target=lambda: got.append(fetch_last(ports).data)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got == [JPEG] * 6
    assert wechat.api.calls.count("/cgi-bin/stable_token") == 1


def test_another_process_refreshing_is_passing(wechat, ports, monkeypatch):
    monkeypatch.setattr(media, "_LEASE_WAIT_S", 0.15)
    ports.lease_free = False
    wechat.send_image(OPENID, JPEG)
    with pytest.raises(FetchError) as error:
        fetch_last(ports)
    assert not error.value.permanent
    ports.lease_free = True
    assert fetch_last(ports).data == JPEG


def test_wrong_or_missing_secret_is_passing_and_unnamed(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    for secrets in ({"app_secret": "wrong-secret"}, {}):
        ports.secrets = {name: value for name, value in ports.secrets.items() if name != "app_secret"} | secrets
        with pytest.raises(FetchError) as error:
            fetch_last(ports)
        assert not error.value.permanent
        assert "wrong-secret" not in str(error.value)


def test_redirect_is_refused(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    wechat.api.redirect = f"{wechat.api_base}/cgi-bin/token"
    with pytest.raises(FetchError, match="跳转") as error:
        fetch_last(ports)
    assert error.value.permanent
    assert "/cgi-bin/token" not in wechat.api.calls


def test_too_large_is_permanent(wechat, ports):
    ports.settings["media_limit"] = len(JPEG) - 1
    wechat.send_image(OPENID, JPEG)
    with pytest.raises(FetchError, match="上限") as error:
        fetch_last(ports)
    assert error.value.permanent
    ports.settings["media_limit"] = len(JPEG)
    assert fetch_last(ports).data == JPEG


def test_stopped_provider_is_passing(wechat, ports):
    wechat.send_image(OPENID, JPEG)
    wechat.stop()
    with pytest.raises(FetchError) as error:
        fetch_last(ports)
    assert not error.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://evil.example/x",
        "http://qq.com.evil.example/x",
        "http://evilqq.com/x",
        "file:///etc/passwd",
        "gopher://a.qq.com/x",
        "http://a.qq.com:6379/x",
        "http://user@a.qq.com/x",
        "http://[::1/x",
        "//a.qq.com/x",
        "http://a.qq.com:99999/x",
    ],
)
def test_video_address_elsewhere_is_refused(url):
    settings = CHANNEL.settings.model_validate({"app_id": "wx1"})
    with pytest.raises(FetchError) as error:
        media._allowed(url, settings)
    assert error.value.permanent


def test_allowed_host_with_a_private_address_is_refused(monkeypatch):
    settings = CHANNEL.settings.model_validate({"app_id": "wx1"})
    for address, allowed in (("10.0.0.1", False), ("169.254.169.254", False), ("::1", False), ("1.1.1.1", True)):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]
        monkeypatch.setattr(media.socket, "getaddrinfo", lambda *_a, _f=found, **_k: _f)
        if allowed:
            assert media._allowed("http://mp.video.qq.com/x", settings) == "http://mp.video.qq.com/x"
        else:
            with pytest.raises(FetchError):
                media._allowed("http://mp.video.qq.com/x", settings)


@pytest.mark.parametrize(
    "base",
    ["http://api.weixin.qq.com", "ftp://127.0.0.1", "https://", "https://a/?x=1", "https://u:p@a", "http://10.0.0.1"],
)
def test_interface_address_must_be_https_or_this_machine(base):
    with pytest.raises(ValueError, match="https"):
        CHANNEL.settings.model_validate({"app_id": "wx1", "api_base": base})


@pytest.fixture
def odd_server() -> Iterator[tuple[str, list[bytes]]]:
    """Answers with the given raw bytes, slowly between the pieces, then hangs up."""
    pieces: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            for piece in pieces:
                try:
                    self.wfile.write(piece)
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)

        def log_message(self, *_args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", pieces
    server.shutdown()
    thread.join()
    server.server_close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        [OK + b"Content-Length: 100\r\n\r\n", b"cut"],
        [b"garbage\r\n\r\n"],
        [b""],
        [OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b"],
        [OK + b"Content-Length: 1000\r\n\r\n", *[b"drip"] * 240],  # never silent, but too slow as a whole
        [b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 300],
    ],
    ids=["cut", "garbage", "empty", "gzip", "drip", "dripping headers"],
)
def test_broken_answers_are_no_answer(odd_server, answer):
    url, pieces = odd_server
    pieces.extend(answer)
    started = time.monotonic()
    with pytest.raises(client.NoAnswerError):
        client.request("GET", url, timeout_s=0.5)
    assert time.monotonic() - started < 15, "it did not wait for the end, which takes 24 s and more"


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", False),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[1]", False),
        (OK + b"\r\n", False),
        (b"HTTP/1.1 502 Bad\r\nContent-Type: image/jpeg\r\n\r\nx", False),
        (b'HTTP/1.1 200 OK\r\n\r\n{"errcode": 40007}', True),
        (b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{"errcode": 40007}', True),
    ],
)
def test_odd_media_answers(odd_server, ports, monkeypatch, answer, permanent):
    url, pieces = odd_server
    pieces.append(answer)
    ports.settings["api_base"] = url
    monkeypatch.setattr(media._Tokens, "get", lambda *_a, **_k: "token")
    with pytest.raises(FetchError) as error:
        CHANNEL.fetch(ports, ports.source, Remote("m", "image", "image.jpg"))
    assert error.value.permanent is permanent


def test_file_name_of_the_provider_is_made_harmless(odd_server, ports, monkeypatch):
    url, pieces = odd_server
    pieces.append(OK + b'Content-disposition: attachment; filename="../../..\\.ssh/a b\xe5.jpg"\r\n\r\nx')
    ports.settings["api_base"] = url
    monkeypatch.setattr(media._Tokens, "get", lambda *_a, **_k: "token")
    blob = CHANNEL.fetch(ports, ports.source, Remote("m", "image", "image.jpg"))
    assert blob.name == "a_b_.jpg"


def test_customer_service_messages_are_recorded(wechat):
    token = client.request(
        "GET",
        f"{wechat.api_base}/cgi-bin/token",
        params={"grant_type": "client_credential", "appid": "wx0123456789abcdef", "secret": "app-secret"},
    ).json()["access_token"]
    url = f"{wechat.api_base}/cgi-bin/message/custom/send"
    message = {"touser": OPENID, "msgtype": "text", "text": {"content": "已受理"}}
    assert client.request("POST", url, params={"access_token": token}, json=message).json()["errcode"] == 0
    assert client.request("POST", url, params={"access_token": "x"}, json=message).json()["errcode"] == 40001
    assert wechat.sent == [message]
