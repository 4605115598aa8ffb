"""Fetches a medium a citizen sent (获取临时素材). WeChat keeps it for three days.

https://developers.weixin.qq.com/doc/offiaccount/Asset_Management/Get_temporary_materials.html and, for the token,
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationError

from channels.contract import Blob, FetchError, Ports, Remote, Source
from channels.wechat.client import Answer, NoAnswerError, TooLargeError, request
from channels.wechat.settings import WeChatSettings

TOKEN_ERRORS = frozenset({40001, 40014, 42001})  # invalid, of wrong form, expired
PERMANENT_ERRORS = frozenset({40007, 41006})  # no such medium, or no longer; no media id
_LEASE_WAIT_S = 5.0
_MARGIN = timedelta(minutes=5)  # WeChat keeps the old token valid for five minutes after giving a new one
_FILE_NAME = re.compile(r'filename="?([^";]{1,200})"?', re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: datetime


class _Tokens:
    """Access tokens in this process's memory only, one per account: they are secrets and live two hours.

    The "stable" token is the same for all processes until it expires, so several workers do not throw each other's
    away, as they would with /cgi-bin/token.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], _Token] = {}
        self._one = threading.Lock()

    def get(self, ports: Ports, source: Source, settings: WeChatSettings, refused: str = "") -> str:
        """A token; `refused` is one the provider has just called invalid. Raises FetchError (passing)."""
        name = (source.id, settings.app_id, settings.api_base)
        with self._one:
            known = self._known.get(name)
            if known is not None and known.value != refused and ports.now() < known.until:
                return known.value
            self._known.pop(name, None)
            with _held(ports, f"wechat-token:{source.id}"):
                fresh = _ask(ports, source, settings, force=False)
                if fresh.value == refused:
                    fresh = _ask(ports, source, settings, force=True)
            self._known[name] = fresh
            return fresh.value


tokens = _Tokens()


class _held:  # noqa: N801  reads as a phrase: `with _held(...)`
    """The lease across processes, waited for a few seconds."""

    def __init__(self, ports: Ports, name: str) -> None:
        self._ports, self._name = ports, name

    def __enter__(self) -> None:
        deadline = time.monotonic() + _LEASE_WAIT_S
        while True:
            lease = self._ports.lease(self._name)
            if lease.__enter__():
                self._lease = lease
                return
            lease.__exit__(None, None, None)
            if time.monotonic() > deadline:
                message = "另一进程正在更新公众号凭证"
                raise FetchError(message, permanent=False)
            time.sleep(0.1)

    def __exit__(self, *_error: object) -> None:
        self._lease.__exit__(None, None, None)


def _ask(ports: Ports, source: Source, settings: WeChatSettings, *, force: bool) -> _Token:
    try:
        secret = ports.secret(source.id, "app_secret")
    except KeyError:
        message = "未设置公众号 AppSecret"
        raise FetchError(message, permanent=False) from None
    body = {
        "grant_type": "client_credential",
        "appid": settings.app_id,
        "secret": secret,
        "force_refresh": force,
    }
    try:
        url = f"{settings.api_base}/cgi-bin/stable_token"
        answer = request("POST", url, json=body, timeout_s=settings.timeout_s)
    except (NoAnswerError, TooLargeError):
        message = "微信接口没有应答"
        raise FetchError(message, permanent=False) from None
    told = answer.json()
    value, seconds = told.get("access_token"), told.get("expires_in")
    if answer.status != 200 or not isinstance(value, str) or not value:
        code = told.get("errcode")
        message = f"未能取得公众号凭证（{code if isinstance(code, int) else answer.status}）"
        raise FetchError(message, permanent=False)  # a wrong secret is corrected by a person, and the medium waits
    life = timedelta(seconds=min(max(seconds, 0), 7200)) if isinstance(seconds, int) else timedelta(0)
    return _Token(value, ports.now() + max(life - _MARGIN, timedelta(seconds=30)))


def fetch(ports: Ports, source: Source, remote: Remote) -> Blob:
    """The bytes of `remote` as they are (voice stays AMR, Speex or SILK). Raises FetchError."""
    try:
        settings = WeChatSettings.model_validate(dict(source.settings))
    except ValidationError:
        message = "公众号设置无效"
        raise FetchError(message, permanent=False) from None
    token = tokens.get(ports, source, settings)
    answer = _medium(settings, token, remote.ref)
    if _code(answer) in TOKEN_ERRORS:
        token = tokens.get(ports, source, settings, refused=token)
        answer = _medium(settings, token, remote.ref)
    _judge(answer)
    url = _video_url(answer)
    if url:
        answer = _get(_allowed(url, settings), {}, settings)
        if answer.status != 200:
            _refuse(answer.status)
    if not answer.body:
        message = "微信返回的媒体文件为空"
        raise FetchError(message, permanent=False)
    return Blob(_name(answer, remote), _media_type(answer, remote), answer.body, remote.role)


def _medium(settings: WeChatSettings, token: str, media_id: str) -> Answer:
    url = f"{settings.api_base}/cgi-bin/media/get"
    return _get(url, {"access_token": token, "media_id": media_id}, settings)


def _get(url: str, params: dict[str, str], settings: WeChatSettings) -> Answer:
    try:
        return request("GET", url, params=params, timeout_s=settings.timeout_s, limit=settings.media_limit)
    except NoAnswerError:
        message = "微信接口没有应答"
        raise FetchError(message, permanent=False) from None
    except TooLargeError:
        message = f"媒体文件超过 {settings.media_limit // 1024 // 1024} MB 上限"
        raise FetchError(message, permanent=True) from None


def _is_json(answer: Answer) -> bool:
    """WeChat marks its JSON as application/json or text/plain; no medium has either."""
    declared = answer.headers.get("content-type", "").lower()
    return declared.startswith(("application/json", "text/")) if declared else answer.body[:1] == b"{"


def _code(answer: Answer) -> int:
    """The errcode of a JSON answer; 0 where there is none (the answer is the medium)."""
    code = answer.json().get("errcode") if _is_json(answer) else 0
    return code if isinstance(code, int) else 0


def _judge(answer: Answer) -> None:
    code = _code(answer)
    if code in PERMANENT_ERRORS:
        message = f"媒体文件不存在或已过期（{code}）"
        raise FetchError(message, permanent=True)
    if code:
        message = f"微信接口暂不可用（{code}）"  # busy (-1), quota (45009), address list (40164), rights (48001) …
        raise FetchError(message, permanent=False)
    if answer.status != 200:
        _refuse(answer.status)
    if _is_json(answer) and not _video_url(answer):
        message = "微信接口返回的不是媒体文件"
        raise FetchError(message, permanent=False)


def _refuse(status: int) -> None:
    redirect = 300 <= status < 400
    message = "拒绝跟随跳转" if redirect else f"微信接口返回 {status}"
    raise FetchError(message, permanent=redirect)


def _video_url(answer: Answer) -> str:
    """For a video WeChat may answer with the address of the file instead."""
    url = answer.json().get("video_url") if _is_json(answer) else ""
    return url if isinstance(url, str) else ""


def _allowed(url: str, settings: WeChatSettings) -> str:
    """`url` if it leads to an allowed host with public addresses only. Raises FetchError."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        ours = host == settings.api_host and _origin(parts) == _origin(urlsplit(settings.api_base))
        if not ours:
            listed = any(host.endswith(name) if name.startswith(".") else host == name for name in settings.media_hosts)
            usual = parts.scheme in ("http", "https") and parts.port in (None, 80, 443) and parts.username is None
            if not listed or not usual:
                raise ValueError(host)
    except ValueError:
        message = "媒体地址不在允许的主机之列"
        raise FetchError(message, permanent=True) from None
    if not ours:
        _public(host)
    return url


def _origin(parts: SplitResult) -> tuple[str, int | None]:
    return parts.scheme, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _public(host: str) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        message = "媒体主机无法解析"
        raise FetchError(message, permanent=False) from None
    if not all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found):
        message = "媒体地址不是公网地址"
        raise FetchError(message, permanent=True)


def _name(answer: Answer, remote: Remote) -> str:
    given = _FILE_NAME.search(answer.headers.get("content-disposition", ""))
    name = re.sub(r"[^A-Za-z0-9._-]", "_", given[1].replace("\\", "/").rpartition("/")[2]) if given else ""
    return name.lstrip(".") or remote.name


def _media_type(answer: Answer, remote: Remote) -> str:
    declared = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = _MEDIA_TYPE.fullmatch(declared) and declared not in ("application/octet-stream", "application/json")
    return declared if known else remote.media_type
