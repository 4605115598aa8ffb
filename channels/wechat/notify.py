"""Tells a follower of the account: by customer-service message within 48 hours of their last one, then by template.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html#7 (客服接口-发消息) and
…/Template_Message_Interface.html . errcode 0 is the evidence of hand-over. 45015 says the 48 hours are over: the route
ends, the next one is taken. 40001, 40014, 42001 say the token is no longer good: it is fetched anew once, by one
process at a time. Template messages carry client_msg_id: WeChat sends the same one only once within ten minutes.
"""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Final

from channels.contract import FetchError, Handed, Json, NotifyError, Outgoing, Ports, Source
from channels.wechat import media
from channels.wechat.client import NoAnswerError, TooLargeError, request
from channels.wechat.message import person_key
from channels.wechat.routes import settings_of
from channels.wechat.settings import WeChatSettings

NEVER: Final = {
    40003: "没有这个用户",
    43004: "用户未关注公众号",
    45015: "客服消息时限已过",
    45047: "客服消息条数已达上限",
    43101: "用户拒收",
    48001: "公众号没有此接口权限",
    48003: "公众号没有此接口权限",
    40037: "模板消息编号无效",
    41028: "模板消息内容不符",
    47003: "模板消息内容不符",
}
"""Codes after which this route cannot reach this person now, whoever sends again."""
_MAX_BYTES: Final = 2048  # of a customer-service text; longer ones are refused (45002)
_BEIJING: Final = timezone(timedelta(hours=8))


def send(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    """A customer-service text message. Raises NotifyError."""
    if len(notice.text.encode()) > _MAX_BYTES:
        raise NotifyError("告知内容过长", permanent=True)
    body = {"touser": notice.to.openid, "msgtype": "text", "text": {"content": notice.text}}
    _post(ports, source, "/cgi-bin/message/custom/send", body)
    return Handed("errcode 0", (person_key(notice.to.openid),))


def send_template(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    """A template message; WeChat reports later under its msgid whether it arrived. Raises NotifyError."""
    settings = settings_of(source)
    if settings is None or not settings.template_id:
        raise NotifyError("未设置模板消息", permanent=True)
    day = notice.at.astimezone(_BEIJING).date().isoformat()
    words = {"{text}": notice.text, "{title}": notice.title, "{date}": day}
    body = {
        "touser": notice.to.openid,
        "template_id": settings.template_id,
        "client_msg_id": notice.key,
        "data": {name: {"value": _filled(value, words)} for name, value in settings.template_fields.items()},
    }
    told = _post(ports, source, "/cgi-bin/message/template/send", body)
    number = told.get("msgid")
    keys = (str(number),) if isinstance(number, int) and not isinstance(number, bool) else ()
    return Handed(" ".join(["errcode 0", *keys]), (*keys, person_key(notice.to.openid)))


def _filled(value: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        value = value.replace(name, word)
    return value


def _post(ports: Ports, source: Source, path: str, body: dict[str, Json]) -> dict[str, Json]:
    """The answer with errcode 0. Raises NotifyError; its text holds the errcode, never the openid."""
    settings = settings_of(source)
    if settings is None:
        raise NotifyError("公众号设置无效", permanent=False)
    try:
        token = media.tokens.get(ports, source, settings)
        told = _call(settings, path, token, body)
        if _code(told) in media.TOKEN_ERRORS:
            token = media.tokens.get(ports, source, settings, refused=token)
            told = _call(settings, path, token, body)
    except FetchError as error:
        raise NotifyError(str(error), permanent=False) from None
    code = _code(told)
    if code == 0:
        return told
    if code in NEVER:
        raise NotifyError(f"{NEVER[code]}（{code}）", permanent=True)
    raise NotifyError(
        f"微信接口暂不可用（{code}）", permanent=False
    )  # busy (-1), quota (45009), address list (40164) …


def _call(settings: WeChatSettings, path: str, token: str, body: dict[str, Json]) -> dict[str, Json]:
    # Chinese must go as it is: WeChat shows \u escapes to the reader.
    content = json.dumps(body, ensure_ascii=False).encode()
    try:
        answer = request(
            "POST",
            f"{settings.api_base}{path}",
            params={"access_token": token},
            content=content,
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout_s=settings.timeout_s,
        )
    except (NoAnswerError, TooLargeError) as error:
        if str(error) in ("ConnectError", "ConnectTimeout", "InvalidURL"):
            raise NotifyError("微信接口没有应答", permanent=False) from None
        raise NotifyError("消息发出后没有应答，结果不明", permanent=False, unknown=True) from None
    told = answer.json()
    if answer.status != 200 or "errcode" not in told:
        raise NotifyError(f"微信接口应答异常（{answer.status}），结果不明", permanent=False, unknown=True)
    return told


def _code(told: dict[str, Json]) -> int:
    code = told.get("errcode")
    return code if isinstance(code, int) and not isinstance(code, bool) else -1
