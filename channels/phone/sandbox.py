"""A Twilio that runs on this machine: calls our webhooks, signs them, and serves the recording.

Written from Twilio's description of its signature and callbacks, without its library: so our receiver is tested against
something it does not share code with. Only ever listens on the loopback interface.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import httpx

from channels.phone.sandbox_messages import Message, Messages

NUMBER = "+8612336"
_MAX_FORM = 64 * 1024
BYTES_PER_SECOND = 16_000  # 8 kHz, 16 bit, one channel: what <Record> gives


def signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and, sorted by name, each name and value."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True, slots=True)
class Call:
    """What became of a simulated call: HTTP status by webhook ("voice", "recording:completed" …)."""

    call_sid: str
    recording_sid: str
    statuses: Mapping[str, int]
    twiml: str = ""

    def accepted(self) -> bool:
        return all(200 <= status < 300 for status in self.statuses.values())


@dataclass
class _Recording:
    data: bytes
    misses: int  # how often it is still 404
    requests: list[int] = field(default_factory=list)  # the statuses it was answered with


class Sandbox:
    """Use as a context manager, or `start()` and `stop()`. `api_base` goes into the settings of the source.

    `public_url` is the base the webhooks are signed for where it differs from the one they are sent to (a proxy);
    `not_found_first`: how many downloads of each recording answer 404 before it is there;
    `mono_only`: refuse RequestedChannels=2 with 400, as for recordings that have one channel.
    """

    def __init__(
        self, account_sid: str, auth_token: str, *, not_found_first: int = 0, mono_only: bool = False, port: int = 0
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.not_found_first = not_found_first
        self.mono_only = mono_only
        self.recordings: dict[str, _Recording] = {}
        self.messages = Messages()
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread: Thread | None = None

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- the side that calls us

    def post(self, url: str, form: Mapping[str, str], *, signed_url: str = "") -> httpx.Response:
        """One signed webhook."""
        headers = {"X-Twilio-Signature": signature(self.auth_token, signed_url or url, form)}
        headers["User-Agent"] = "TwilioProxy/1.1"
        with httpx.Client(timeout=30.0, trust_env=False) as client:
            return client.post(url, data=dict(form), headers=headers)

    def call(
        self,
        from_: str,
        wav_bytes: bytes,
        base_url: str,
        out_of_order: bool = False,  # noqa: FBT001, FBT002  the one switch of a call
        public_url: str = "",
        *,
        call_sid: str = "",
        recording_sid: str = "",
    ) -> Call:
        """A caller rings, speaks `wav_bytes` and hangs up. `base_url` is …/hooks/phone/<source id>.

        Empty `wav_bytes`: the caller hung up without a word, the recording is absent. `out_of_order`: the recording
        is told before the call, as happens when Twilio's servers race. Given sids make a repeated call the same one.
        """
        call_sid = call_sid or f"CA{secrets.token_hex(16)}"
        recording_sid = recording_sid or f"RE{secrets.token_hex(16)}"
        steps = self._steps(from_, wav_bytes, call_sid, recording_sid)
        if out_of_order:
            steps = [*steps[1:], steps[0]]
        if wav_bytes:
            self.keep(recording_sid, wav_bytes)
        statuses: dict[str, int] = {}
        twiml = ""
        for name, form in steps:
            last = name.partition(":")[0]
            signed = f"{public_url.rstrip('/')}{urlsplit(base_url).path}/{last}" if public_url else ""
            response = self.post(f"{base_url}/{last}", form, signed_url=signed)
            statuses[name] = response.status_code
            twiml = response.text if name == "voice" else twiml
        return Call(call_sid, recording_sid, statuses, twiml)

    def keep(self, recording_sid: str, wav_bytes: bytes) -> None:
        """Serves a recording, also one that was announced before a restart."""
        with self._lock:
            self.recordings[recording_sid] = _Recording(wav_bytes, self.not_found_first)

    def missed(self, from_: str, base_url: str) -> Call:
        """A call nobody answered."""
        call_sid = f"CA{secrets.token_hex(16)}"
        form = self._call_form(from_, call_sid, "no-answer") | {"CallDuration": "0"}
        response = self.post(f"{base_url}/status", form)
        return Call(call_sid, "", {"status:no-answer": response.status_code})

    def settle(self, message: Message, status: str = "delivered", *, error_code: str = "") -> int:
        """Tells us what became of a text message (delivered, undelivered, failed); the HTTP status of our answer."""
        message.status = status
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message.to,
            "From": NUMBER,
        }
        return self.post(message.callback, form | ({"ErrorCode": error_code} if error_code else {})).status_code

    def _call_form(self, from_: str, call_sid: str, status: str) -> dict[str, str]:
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call_sid,
            "CallStatus": status,
            "Direction": "inbound",
            "From": from_,
            "Caller": from_,
            "To": NUMBER,
            "Called": NUMBER,
        }

    def _steps(self, from_: str, wav: bytes, call_sid: str, recording_sid: str) -> list[tuple[str, dict[str, str]]]:
        seconds = max(1, round(len(wav) / BYTES_PER_SECOND)) if wav else 0
        ended = datetime.now(UTC)
        began = format_datetime(ended - timedelta(seconds=seconds))
        recording = {
            "AccountSid": self.account_sid,
            "CallSid": call_sid,
            "RecordingSid": recording_sid,
            "RecordingUrl": f"{self.api_base}/2010-04-01/Accounts/{self.account_sid}/Recordings/{recording_sid}",
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
            "RecordingTrack": "both",
            "RecordingStartTime": began,
        }
        last = "completed" if wav else "absent"
        return [
            ("voice", self._call_form(from_, call_sid, "ringing")),
            ("recording:in-progress", recording | {"RecordingStatus": "in-progress"}),
            (
                "status:completed",
                self._call_form(from_, call_sid, "completed")
                | {"CallDuration": str(seconds), "Timestamp": format_datetime(ended)},
            ),
            (f"recording:{last}", recording | {"RecordingStatus": last, "RecordingDuration": str(seconds)}),
        ]

    # ---- the side we fetch from

    def answer(self, path: str, query: str, authorization: str) -> tuple[int, bytes]:
        """Status and body of a download, or of the list of messages."""
        if not self._known(authorization):
            return 401, b""
        if path == self._messages:
            return self.messages.listed(query)
        begin, end = f"/2010-04-01/Accounts/{self.account_sid}/Recordings/", ".wav"
        with self._lock:
            found = self.recordings.get(path.removeprefix(begin).removesuffix(end))
            if found is None or not path.startswith(begin):
                return 404, b""
            status = 200
            if found.misses > 0:
                found.misses -= 1
                status = 404
            elif self.mono_only and "RequestedChannels=2" in query:
                status = 400
            found.requests.append(status)
        return (status, found.data) if status == 200 else (status, b"")

    def take(self, path: str, authorization: str, body: bytes) -> tuple[int, bytes] | None:
        """Status and body for a POST; None: hang up without an answer."""
        if not self._known(authorization):
            return 401, b""
        if path != self._messages:
            return 404, b""
        return self.messages.take(dict(parse_qsl(body.decode("utf-8", "replace"))))

    @property
    def _messages(self) -> str:
        return f"/2010-04-01/Accounts/{self.account_sid}/Messages.json"

    def _known(self, authorization: str) -> bool:
        expected = "Basic " + base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        return hmac.compare_digest(authorization.encode("latin-1", "replace"), expected.encode())


def _handler(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = sandbox.answer(parts.path, parts.query, self.headers.get("Authorization", ""))
            sound = status == 200 and not parts.path.endswith(".json")
            self._send(status, "audio/x-wav" if sound else "text/plain", body)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else _MAX_FORM + 1
            if size > _MAX_FORM:
                self._send(413, "text/plain", b"")
                return
            answer = sandbox.take(self.path, self.headers.get("Authorization", ""), self.rfile.read(size))
            if answer is None:
                self.close_connection = True
            else:
                self._send(answer[0], "application/json", answer[1])

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  signature of the base class
            """Says nothing: request lines would name recordings in the log."""

    return Handler
