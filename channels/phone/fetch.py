"""Fetches a recording from Twilio: {RecordingUrl}.wav?RequestedChannels=2 with basic auth.

The URL comes out of a webhook, so it decides nothing: scheme, host, account and form of the path must be those of the
configured account, and no redirect is followed with our password in hand.
"""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from channels.contract import Blob, FetchError, Ports, Remote, Source
from channels.phone.settings import PhoneSettings

TIMEOUT = httpx.Timeout(20.0, connect=10.0)
DEADLINE = 300.0
"""Seconds for one recording, however slowly it trickles."""
_PATH = re.compile(
    r"(?P<prefix>(?:/[A-Za-z0-9._-]+)*?)/Accounts/(?P<account>AC\w+)/Recordings/(?P<sid>RE\w+)", re.ASCII
)


def fetch(ports: Ports, source: Source, remote: Remote) -> Blob:
    """The recording that `remote.ref` (a RecordingUrl) names, as WAV. Raises FetchError and nothing else.

    404 passes: Twilio announces recordings before they are there. So do 429, 5xx and cut connections.
    """
    try:
        settings = PhoneSettings.model_validate(dict(source.settings))
        token = ports.secret(source.id, "auth_token")
    except (ValidationError, KeyError):
        raise FetchError("入口未配置完整，无法下载录音", permanent=False) from None  # the cause may quote settings
    url = _pinned(remote.ref, settings)
    auth = httpx.BasicAuth(settings.account_sid, token)
    headers = {"Accept-Encoding": "identity"}  # so that Content-Length counts the bytes we keep
    try:
        with httpx.Client(
            auth=auth, headers=headers, timeout=TIMEOUT, follow_redirects=False, trust_env=False
        ) as client:
            try:
                data = _download(client, f"{url}?RequestedChannels=2", settings.max_bytes)
            except _MonoOnlyError:
                data = _download(client, url, settings.max_bytes)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise FetchError(f"下载录音时连接中断（{type(error).__name__}）", permanent=False) from None
    return Blob(remote.name, "audio/wav", data, remote.role)


class _MonoOnlyError(Exception):
    """Twilio refuses two channels for some recordings that have only one (<Record>, conferences)."""


def _pinned(ref: str, settings: PhoneSettings) -> str:
    """The download URL below `api_base`; raises FetchError for any other."""
    refused = FetchError("录音地址不属于已配置的服务商账户", permanent=True)
    try:
        told, base = urlsplit(ref), urlsplit(settings.api_base)
        same = (told.scheme, told.hostname, told.port) == (base.scheme, base.hostname, base.port)
    except ValueError:
        raise refused from None
    if not same or told.username is not None or told.query or told.fragment:
        raise refused
    path = re.sub(r"\.(?:json|wav|mp3)$", "", told.path)
    match = _PATH.fullmatch(path)
    if match is None or match["account"] != settings.account_sid or ".." in path:
        raise refused
    if not match["prefix"].startswith(base.path):
        raise refused
    return f"{base.scheme}://{base.netloc}{path}.wav"


def _download(client: httpx.Client, url: str, limit: int) -> bytes:
    end = time.monotonic() + DEADLINE
    with client.stream("GET", url) as response:
        _check_status(response.status_code, two_channels="RequestedChannels" in url)
        length = _length(response)
        if length is not None and length > limit:
            raise FetchError("录音超过大小上限", permanent=True)
        kind = response.headers.get("content-type", "").lower()
        if not kind.startswith(("audio/", "application/octet-stream", "binary/octet-stream")):
            raise FetchError("服务商返回的不是录音", permanent=False)  # a proxy's error page with status 200
        data = bytearray()
        for chunk in response.iter_raw(64 * 1024):
            data += chunk
            if len(data) > limit:
                raise FetchError("录音超过大小上限", permanent=True)
            if time.monotonic() > end:
                raise FetchError("下载录音超时", permanent=False)
        if length is not None and len(data) != length:
            raise FetchError("录音下载不完整", permanent=False)
        if not data:
            raise FetchError("服务商返回了空录音", permanent=False)
        return bytes(data)


def _length(response: httpx.Response) -> int | None:
    """Content-Length; None for a chunked body, whose end httpx checks. Raises FetchError where nothing tells it."""
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise FetchError("服务商返回了压缩的内容", permanent=False)
    told = response.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and len(told) < 16:
        return int(told)
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        return None
    raise FetchError("无法核对录音长度", permanent=False)


def _check_status(status: int, *, two_channels: bool) -> None:
    if status == 200:
        return
    if status == 400 and two_channels:
        raise _MonoOnlyError
    if status == 404:
        raise FetchError("录音尚未生成", permanent=False)
    if status in (401, 403):
        raise FetchError("服务商拒绝访问录音，请检查账户和密钥", permanent=True)
    if 300 <= status < 400:
        raise FetchError("服务商要求跳转，已拒绝", permanent=True)
    raise FetchError(f"服务商返回状态 {status}", permanent=status not in (408, 425, 429) and status < 500)
