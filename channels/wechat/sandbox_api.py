"""The interface side of the simulated WeChat: tokens, media, customer-service messages, on a loopback port."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

_LIFE_S = 7200
WINDOW_S = 48 * 3600
"""Customer-service messages reach a person only so long after their last message."""
_MAX_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    data: bytes
    media_type: str
    suffix: str
    by_url: bool


class _Sent(Protocol):
    """An HTTP answer: status, headers, body."""

    def __call__(self, status: int, headers: dict[str, str], body: bytes) -> None: ...


class Api:
    """`errors`: errcodes the next calls for media get instead of the medium. `redirect`: answer them with a 302.

    `refusals`: errcodes the next messages get; `lose_answers`: take so many messages and hang up; `unfollowed`: openids
    of those who left; `heard`: openid → when they last wrote (whoever is not in it has just written).
    """

    def __init__(self, app_id: str, app_secret: str, clock: Callable[[], float], port: int = 0) -> None:
        self.sent: list[dict[str, object]] = []
        self.errors: list[int] = []
        self.redirect = ""
        self.refusals: list[int] = []
        self.lose_answers = 0
        self.unfollowed: set[str] = set()
        self.heard: dict[str, float] = {}
        self.templates: list[dict[str, object]] = []
        self.calls: list[str] = []  # the paths asked for, in order
        self._app_id, self._secret, self._clock, self._port = app_id, app_secret, clock, port
        self._media: dict[str, _Kept] = {}
        self.ahead: Callable[[], float] = lambda: 0.0  # seconds a demo has moved its calendar
        self._token, self._until = "", 0.0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def base(self) -> str:
        if self._server is None:
            message = "the sandbox is not started"
            raise RuntimeError(message)
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="wechat-sandbox", daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def keep(self, data: bytes, media_type: str, suffix: str, *, by_url: bool = False) -> str:
        """Store a medium and return its media id, the same for the same bytes."""
        media_id = base64.urlsafe_b64encode(hashlib.sha384(media_type.encode() + b"\0" + data).digest()).decode()
        self._media[media_id] = _Kept(data, media_type, suffix, by_url)
        return media_id

    def expire_media(self) -> None:
        """What three days do."""
        self._media.clear()

    def expire_token(self) -> None:
        self._until = 0.0

    def answer(self, method: str, target: str, body: bytes, send: _Sent) -> None:
        """One call of the interface."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.calls.append(parts.path)
        match method, parts.path:
            case "GET", "/cgi-bin/token":
                _send_json(send, self._give_token(query, force=True))
            case "POST", "/cgi-bin/stable_token":
                asked = _object(body)
                _send_json(send, self._give_token(asked, force=asked.get("force_refresh") is True))
            case "GET", "/cgi-bin/media/get":
                self._give_medium(query, send)
            case "POST", "/cgi-bin/message/custom/send" | "/cgi-bin/message/template/send":
                told = self._take_message(query, body, template="template" in parts.path)
                if self.lose_answers and told["errcode"] == 0:
                    self.lose_answers -= 1  # taken, but the answer never arrives
                else:
                    _send_json(send, told)
            case "GET", path if path.removeprefix("/video/") in self._media:
                kept = self._media[path.removeprefix("/video/")]
                send(200, {"Content-Type": kept.media_type}, kept.data)
            case _:
                send(404, {"Content-Type": "text/plain"}, b"not found")

    def _give_token(self, asked: dict[str, Any], *, force: bool) -> dict[str, object]:
        if asked.get("grant_type") != "client_credential" or asked.get("appid") != self._app_id:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if asked.get("secret") != self._secret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        with self._lock:
            now = self._clock()
            if force or now >= self._until:
                self._token, self._until = secrets.token_urlsafe(96), now + _LIFE_S
            return {"access_token": self._token, "expires_in": int(self._until - now)}

    def _refusal(self, query: dict[str, str]) -> dict[str, object] | None:
        if not query.get("access_token") or query["access_token"] != self._token:
            return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"}
        if self._clock() >= self._until:
            return {"errcode": 42001, "errmsg": "access_token expired"}
        return None

    def _give_medium(self, query: dict[str, str], send: _Sent) -> None:
        refusal = self._refusal(query)
        if refusal is None and self.errors:
            refusal = {"errcode": self.errors.pop(0), "errmsg": "simulated"}
        media_id = query.get("media_id", "")
        kept = self._media.get(media_id)
        if refusal is not None:
            _send_json(send, refusal)
        elif self.redirect:
            send(302, {"Location": self.redirect}, b"")
        elif kept is None:
            _send_json(send, {"errcode": 40007, "errmsg": "invalid media_id"})
        elif kept.by_url:
            _send_json(send, {"video_url": f"{self.base}/video/{media_id}"})
        else:
            name = f'attachment; filename="{media_id}.{kept.suffix}"'
            send(200, {"Content-Type": kept.media_type, "Content-disposition": name}, kept.data)

    def calendar(self) -> float:
        """Seconds since 1970 by which the window of 48 hours is counted."""
        return self._clock() + self.ahead()

    def shut_window(self, openid: str) -> None:
        """What two days without a message do."""
        self.heard[openid] = self.calendar() - WINDOW_S - 1

    def _take_message(self, query: dict[str, str], body: bytes, *, template: bool) -> dict[str, object]:
        refusal = self._refusal(query)
        if refusal is not None:
            return refusal
        message = _object(body)
        openid = str(message.get("touser") or "")
        code = self.refusals.pop(0) if self.refusals else self._reach(openid, template=template)
        if code:
            return {"errcode": code, "errmsg": "simulated"}
        if not template:
            self.sent.append(message)
            return {"errcode": 0, "errmsg": "ok"}
        known = [one for one in self.templates if one.get("client_msg_id") == message.get("client_msg_id")]
        if not known or not message.get("client_msg_id"):
            self.templates.append(message)
        return {"errcode": 0, "errmsg": "ok", "msgid": 1_000_000 + self.templates.index((known or [message])[0])}

    def _reach(self, openid: str, *, template: bool) -> int:
        if not openid:
            return 40003
        if openid in self.unfollowed:
            return 43004
        shut = self.calendar() - self.heard.get(openid, self.calendar()) > WINDOW_S
        return 45015 if shut and not template else 0


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _send_json(send: _Sent, value: dict[str, object]) -> None:
    send(200, {"Content-Type": "application/json; encoding=utf-8"}, json.dumps(value).encode())


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            api.answer("GET", self.path, b"", self._send)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else _MAX_BODY + 1
            if size > _MAX_BODY:
                self._send(413, {}, b"")
            else:
                api.answer("POST", self.path, self.rfile.read(size), self._send)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Keep silent: request lines carry tokens and openids."""

    return Handler
