"""One HTTP request with every bound set: no redirect, no proxy from the environment, size and total time limited.

The transport of httpx is used without its `Client`: that logs each URL at INFO, and WeChat's URLs carry the access
token and the openid.
"""

from __future__ import annotations

import json as json_
import time
from collections.abc import Mapping
from dataclasses import dataclass

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
    deadline = time.monotonic() + timeout_s
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
        with httpx.HTTPTransport(trust_env=False) as transport:
            response = transport.handle_request(asked)
            try:
                return _read(response, deadline, limit)
            finally:
                response.close()
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError, OSError) as error:
        raise NoAnswerError(type(error).__name__) from None  # the cause may quote the URL with its token


def _read(response: httpx.Response, deadline: float, limit: int) -> Answer:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        message = "content-encoding"
        raise NoAnswerError(message)
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_raw():  # as they come: a given chunk size would wait for slow drops to fill it
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        if time.monotonic() > deadline:
            message = "too slow"
            raise NoAnswerError(message)
        chunks.append(chunk)
    return Answer(response.status_code, dict(response.headers), b"".join(chunks))
