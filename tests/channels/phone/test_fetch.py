"""Download of a recording, against the sandbox and against servers that misbehave."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from channels.contract import FetchError, Remote, Source
from channels.phone.fetch import fetch
from channels.phone.sandbox import Sandbox, _Recording
from channels.testing import MemoryPorts

from .conftest import ACCOUNT, TOKEN

SID = "RE" + "2" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}"
Wav = Callable[..., bytes]


def at(source: Source, base: str, **changes: object) -> tuple[Source, Remote]:
    made = replace(source, settings={**source.settings, "api_base": base, **changes})
    return made, Remote(base + PATH, "recording", f"{SID}.wav", "audio/wav")


@contextmanager
def sandbox(data: bytes, misses: int = 0, **options: bool) -> Iterator[Sandbox]:
    with Sandbox(ACCOUNT, TOKEN, **options) as running:
        running.recordings[SID] = _Recording(data, misses)
        yield running


def test_the_recording_comes_as_it_is(ports: MemoryPorts, twilio_source: Source, wav: Wav) -> None:
    with sandbox(wav()) as running:
        blob = fetch(ports, *at(twilio_source, running.api_base))
    assert (blob.data, blob.role, blob.media_type, blob.name) == (wav(), "recording", "audio/wav", f"{SID}.wav")


def test_404_at_first_passes(ports: MemoryPorts, twilio_source: Source, wav: Wav) -> None:
    with sandbox(wav(), misses=2) as running:
        for _ in range(2):
            with pytest.raises(FetchError) as caught:
                fetch(ports, *at(twilio_source, running.api_base))
            assert not caught.value.permanent
        assert fetch(ports, *at(twilio_source, running.api_base)).data == wav()


def test_a_recording_with_one_channel_is_asked_for_again_without_two(
    ports: MemoryPorts, twilio_source: Source, wav: Wav
) -> None:
    with sandbox(wav(), mono_only=True) as running:
        assert fetch(ports, *at(twilio_source, running.api_base)).data == wav()
        assert running.recordings[SID].requests == [400, 200]


def test_a_wrong_password_is_permanent_and_not_quoted(ports: MemoryPorts, twilio_source: Source, wav: Wav) -> None:
    ports.secrets[twilio_source.id, "auth_token"] = "wrong-secret-value"
    with sandbox(wav()) as running, pytest.raises(FetchError) as caught:
        fetch(ports, *at(twilio_source, running.api_base))
    assert caught.value.permanent
    assert "wrong-secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    "ref",
    [
        f"https://evil.example{PATH}",
        f"http://api.twilio.com{PATH}",
        f"https://api.twilio.com:8443{PATH}",
        f"https://user:pw@api.twilio.com{PATH}",
        f"https://api.twilio.com.evil.example{PATH}",
        f"https://api.twilio.com@evil.example{PATH}",
        f"https://api.twilio.com{PATH}?x=1",
        f"https://api.twilio.com/2010-04-01/Accounts/AC{'f' * 32}/Recordings/{SID}",
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/../Calls",
        f"https://api.twilio.com/2010-04-01/../Accounts/{ACCOUNT}/Recordings/{SID}",
        "https://api.twilio.com/",
        "https://api.twilio.com:port/",
        "file:///etc/passwd",
        "http://[::1",
        "",
        "\x00",
    ],
)
def test_an_address_that_is_not_ours_is_refused_unasked(ports: MemoryPorts, twilio_source: Source, ref: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(ports, twilio_source, Remote(ref, "recording", "a.wav"))
    assert caught.value.permanent


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *args: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def reply(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


WAV_HEADERS = {"Content_Type": "audio/x-wav"}


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        (reply(302, Location="http://169.254.169.254/"), True),
        (reply(301, Location="/elsewhere"), True),
        (reply(403), True),
        (reply(410), True),
        (reply(429), False),
        (reply(500), False),
        (reply(503), False),
        (reply(400), True),
        (reply(200, b"12345", Content_Length="50", **WAV_HEADERS), False),
        (reply(200, b"12345", **WAV_HEADERS), False),
        (reply(200, b"", Content_Length="0", **WAV_HEADERS), False),
        (reply(200, b"x" * 3_000, Content_Length="3000", **WAV_HEADERS), True),
        (reply(200, b"<html>", Content_Length="6", Content_Type="text/html"), False),
        (reply(200, b"12345", Content_Length="5", Content_Encoding="gzip", **WAV_HEADERS), False),
        (reply(200, b"12345", Content_Length="-5", **WAV_HEADERS), False),
        (lambda handler: handler.wfile.write(b"rubbish\r\n\r\n"), False),
        (lambda handler: handler.connection.close(), False),
    ],
)
def test_whatever_the_provider_does_it_is_a_fetch_error(
    ports: MemoryPorts, twilio_source: Source, answer: Callable[[BaseHTTPRequestHandler], None], permanent: bool
) -> None:
    with server(answer) as base, pytest.raises(FetchError) as caught:
        fetch(ports, *at(twilio_source, base, max_bytes=2_000))
    assert caught.value.permanent == permanent


def test_a_redirect_is_not_followed(ports: MemoryPorts, twilio_source: Source) -> None:
    asked: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        asked.append(str(handler.headers.get("Authorization")))
        reply(200, b"RIFF", Content_Length="4", **WAV_HEADERS)(handler)

    with (
        server(elsewhere) as other,
        server(reply(302, Location=f"{other}{PATH}.wav")) as base,
        pytest.raises(FetchError),
    ):
        fetch(ports, *at(twilio_source, base))
    assert asked == []


def test_nobody_listening_passes(ports: MemoryPorts, twilio_source: Source) -> None:
    with server(reply(200)) as base:
        pass
    with pytest.raises(FetchError) as caught:
        fetch(ports, *at(twilio_source, base))
    assert not caught.value.permanent


def test_an_entrance_without_secret_can_be_completed_later(ports: MemoryPorts, twilio_source: Source) -> None:
    ports.secrets.clear()
    with pytest.raises(FetchError) as caught:
        fetch(ports, twilio_source, Remote(f"https://api.twilio.com{PATH}", "recording", "a.wav"))
    assert not caught.value.permanent


def test_the_environment_names_no_proxy(
    ports: MemoryPorts, twilio_source: Source, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with sandbox(wav()) as running:
        assert fetch(ports, *at(twilio_source, running.api_base)).data == wav()
