"""The ways to tell a follower of the account, declared; what needs httpx is imported when one is used."""
# ruff: noqa: PLC0415  see above

from __future__ import annotations

from pydantic import ValidationError

from channels.contract import Handed, Outgoing, Ports, Route, Sender, Source
from channels.wechat.settings import WeChatSettings


def settings_of(source: Source) -> WeChatSettings | None:
    """The settings of an account, None where they are invalid."""
    try:
        return WeChatSettings.model_validate(dict(source.settings))
    except ValidationError:
        return None


def _fits(sender: Sender) -> bool:
    return bool(sender.openid)


def _ready(source: Source) -> bool:
    return settings_of(source) is not None


def _ready_template(source: Source) -> bool:
    settings = settings_of(source)
    return settings is not None and bool(settings.template_id)


def _send(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    from channels.wechat.notify import send

    return send(ports, source, notice)


def _send_template(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    from channels.wechat.notify import send_template

    return send_template(ports, source, notice)


ROUTES = (
    Route("wechat", "微信客服消息", 10, _fits, _send, _ready, own_source=True),
    Route("wechat_template", "微信模板消息", 11, _fits, _send_template, _ready_template, own_source=True),
)
