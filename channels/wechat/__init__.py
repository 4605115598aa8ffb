"""The WeChat channel (微信平台): official-account messages and the H5 form.

What needs Flask, httpx or wechatpy is imported on first use, so that the limited child and `hub try` start fast.
"""
# ruff: noqa: PLC0415  see above

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.contract import Blob, Channel, Ports, Remote, Source
from channels.wechat.files import from_files
from channels.wechat.form import FORM
from channels.wechat.normalize import normalize
from channels.wechat.routes import ROUTES
from channels.wechat.settings import WeChatSettings

if TYPE_CHECKING:
    from flask import Blueprint

    from channels.wechat.sandbox import Sandbox


def _blueprint(ports: Ports) -> Blueprint:
    from channels.wechat.receive import blueprint

    return blueprint(ports)


def _fetch(ports: Ports, source: Source, remote: Remote) -> Blob:
    from channels.wechat.media import fetch

    return fetch(ports, source, remote)


def _sandbox(app_id: str, token: str, aes_key: str, app_secret: str, *, webhook: str = "", port: int = 0) -> Sandbox:
    from channels.wechat.sandbox import Sandbox

    return Sandbox(app_id, token, aes_key, app_secret, webhook=webhook, port=port)


CHANNEL = Channel(
    code="wechat",
    number="07",
    label="微信平台",
    rollup="其他方面",
    normalize=normalize,
    from_files=from_files,
    settings=WeChatSettings,
    secrets={"token": "Token", "aes_key": "EncodingAESKey", "app_secret": "AppSecret"},
    forms=(FORM,),
    upload=True,
    accept_types=".xml,.txt,.jpg,.jpeg,.png,.heic,.amr,.silk,.mp3,.wav,.m4a,.mp4,.mov,.pdf",
    fetch=_fetch,
    blueprint=_blueprint,
    redact=frozenset({"openid"}),
    sandbox=_sandbox,
    notify=ROUTES,
)
