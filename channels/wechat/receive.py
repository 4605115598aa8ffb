"""The webhook WeChat calls. It answers "received" only after the message is stored.

Answers: 200 encrypted receipt (or "success"), 400 malformed, 403 not from WeChat, 404 no such account, 413 too large,
503 could not be stored or is not set up (WeChat asks again). Never 500.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from flask import Blueprint, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from channels.contract import Blob, Ports, RawIntake, Source
from channels.wechat.envelope import Account, ForgedError, KeyFormError
from channels.wechat.message import CITIZEN_KINDS, MAX_BYTES, MalformedError, Message, external_id, parse, remotes
from channels.wechat.settings import WeChatSettings

log = logging.getLogger(__name__)

_Act: TypeAlias = Callable[[Ports, Source, WeChatSettings, Account], Response]

_ECHO = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TRUST_CREATED = timedelta(minutes=5)


class _NotSetUpError(Exception):
    """The source lacks a key or has settings that cannot be used: an administrator must act."""


def blueprint(ports: Ports) -> Blueprint:
    """Routes `/<source_id>`, mounted by the hub below /hooks/wechat/."""
    routes = Blueprint("wechat", __name__)

    @routes.get("/<source_id>")
    def verify(source_id: str) -> Response:
        return _answer(ports, source_id, _verify)

    @routes.post("/<source_id>")
    def message(source_id: str) -> Response:
        return _answer(ports, source_id, _message)

    return routes


def _plain(text: str, status: int = 200) -> Response:
    response = Response(text, status=status, mimetype="text/plain")
    response.headers["X-Content-Type-Options"] = "nosniff"  # the echo of the URL check is never a page
    return response


def _answer(ports: Ports, source_id: str, act: _Act) -> Response:
    """Find the account, act, and turn every failure into the answer it deserves."""
    try:
        source = _source(ports, source_id)
        if source is None:
            return _plain("unknown source", 404)
        try:
            settings, account = _account(ports, source)
        except _NotSetUpError:
            ports.beat(source.id, False, "公众号设置或密钥不完整")
            return _plain("not set up", 503)
        return act(ports, source, settings, account)
    except ForgedError as error:
        log.warning("wechat webhook refused: %s", error)
        return _plain("forbidden", 403)
    except MalformedError:
        return _plain("malformed", 400)
    except HTTPException as error:  # a cut or oversized request body, found while reading it
        return _plain("refused", error.code or 400)
    except Exception as error:  # noqa: BLE001  whatever kept the message from being stored: WeChat must send it again
        log.error("wechat webhook could not store a message: %s", type(error).__name__)  # noqa: TRY400  texts may quote
        return _plain("try again", 503)


def _source(ports: Ports, source_id: str) -> Source | None:
    names = (source_id, f"wechat:{source_id}")
    return next((source for source in ports.sources("wechat") if source.id in names), None)


def _account(ports: Ports, source: Source) -> tuple[WeChatSettings, Account]:
    try:
        settings = WeChatSettings.model_validate(dict(source.settings))
        token, aes_key = ports.secret(source.id, "token"), ports.secret(source.id, "aes_key")
        return settings, Account(settings.app_id, token, aes_key)
    except (ValidationError, KeyError, KeyFormError):
        raise _NotSetUpError from None


def _verify(ports: Ports, source: Source, settings: WeChatSettings, account: Account) -> Response:
    """URL verification: echo `echostr`, or its plaintext where it came encrypted."""
    del source, settings
    args = request.args
    echo, timestamp, nonce = args.get("echostr", ""), args.get("timestamp", ""), args.get("nonce", "")
    if args.get("msg_signature"):
        account.check(args["msg_signature"], timestamp, nonce, echo, now=ports.now())
        try:
            echo = account.open(echo).decode("ascii")
        except UnicodeDecodeError:
            echo = ""
    else:
        account.check(args.get("signature", ""), timestamp, nonce, now=ports.now())
    if not _ECHO.fullmatch(echo):  # the plain signature does not cover it: never echo more than WeChat sends
        message = "echostr"
        raise MalformedError(message)
    return _plain(echo)


def _message(ports: Ports, source: Source, settings: WeChatSettings, account: Account) -> Response:
    if (request.content_length or 0) > MAX_BYTES:
        return _plain("too large", 413)
    body = request.stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        return _plain("too large", 413)
    original = _open(parse(body), account, ports.now())
    message = parse(original)
    raw = _intake(message, original, source, settings, ports.now())
    ports.fail("wechat.before_deliver")
    ports.deliver(raw)
    ports.fail("wechat.after_deliver")
    if message.kind in CITIZEN_KINDS and message.openid and message.account:
        return Response(account.seal(_receipt(message, settings, ports.now()), now=ports.now()), mimetype="text/xml")
    return _plain("success")


def _open(envelope: Message, account: Account, now: datetime) -> bytes:
    args = request.args
    encrypted = envelope.get("Encrypt")
    # In plain mode the signature covers token, time and nonce but not the body: anyone who saw one URL could write.
    if not encrypted or args.get("encrypt_type", "aes") != "aes":
        message = "plain mode"
        raise ForgedError(message)
    account.check(args.get("msg_signature", ""), args.get("timestamp", ""), args.get("nonce", ""), encrypted, now=now)
    return account.open(encrypted)


def _intake(message: Message, original: bytes, source: Source, settings: WeChatSettings, now: datetime) -> RawIntake:
    created = message.created
    # `at` is the submission. WeChat's stamp is it, unless it is off by more than a re-delivery explains; never later
    # than now.
    at = min(created, now) if created is not None and abs(now - created) <= _TRUST_CREATED else now
    return RawIntake(
        channel="wechat",
        source_id=source.id,
        key=external_id(message, original),
        at=at,
        blobs=(Blob("message.xml", "text/xml", original),),
        meta={"app_id": settings.app_id, "quiet_minutes": settings.quiet_minutes},
        station=source.station,
        remotes=remotes(message),
    )


def _receipt(message: Message, settings: WeChatSettings, now: datetime) -> str:
    """The passive text reply; both names are of an openid's form, the text was checked with the settings."""
    return (
        f"<xml><ToUserName><![CDATA[{message.openid}]]></ToUserName>"
        f"<FromUserName><![CDATA[{message.account}]]></FromUserName><CreateTime>{int(now.timestamp())}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{settings.reply}]]></Content></xml>"
    )
