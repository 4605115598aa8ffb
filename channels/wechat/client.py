"""One HTTP request with every bound set: no redirect, no proxy from the environment, size and total time limited.

The transport of httpx is used without its `Client`: that logs each URL at INFO, and WeChat's URLs carry the access
token and the openid.
"""

from __future__ import annotations

import contextlib
import json as json_
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from channels.contract import Json

MAX_JSON_BYTES = 64 * 1024


class NoAnswerError(Exception):
    """No complete answer: refused, cut, too slow, an encoding we did not ask for."""


class TooLargeError(Exception):
    """The answer is larger than the limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> dict[str, Json]:
        """The body as a JSON object, {} where it is none (WeChat's are a few hundred bytes)."""
        try:
            value = json_.loads(self.body) if len(self.body) <= MAX_JSON_BYTES else None
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def request(
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    json: Json = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 20.0,
    limit: int = 1024 * 1024,
) -> Answer:
    """Raises NoAnswerError or TooLargeError. `timeout_s` bounds connecting, each read, and the whole answer."""
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    try:
        asked = httpx.Request(
            method,
            url,
            params=params,
            json=json,
            content=content,
            headers={"Accept-Encoding": "identity", "Connection": "close", **(headers or {})},
            extensions={"timeout": timeout},
        )
        with httpx.HTTPTransport(trust_env=False) as transport, _cut_after(timeout_s, asked):
            response = transport.handle_request(asked)
            try:
                return _read(response, limit)
            finally:
                response.close()
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError, OSError) as error:
        raise NoAnswerError(type(error).__name__) from None  # the cause may quote the URL with its token


@contextlib.contextmanager
def _cut_after(timeout_s: float, asked: httpx.Request) -> Iterator[None]:
    """Shut the request's connection when the time for the whole answer is over.

    httpx bounds each read only: a server that drips, be it its headers, would hold the worker for hours.
    """
    streams: list[Any] = []  # httpcore's network streams; TLS puts a second one over the first

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            streams.append(info["return_value"])

    def cut() -> None:
        for stream in reversed(streams):
            with contextlib.suppress(OSError):  # closed meanwhile
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)

    asked.extensions["trace"] = trace
    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(response: httpx.Response, limit: int) -> Answer:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        message = "content-encoding"
        raise NoAnswerError(message)
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
    return Answer(response.status_code, dict(response.headers), b"".join(chunks))
