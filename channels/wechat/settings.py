"""Settings of one official account. Its secrets (token, aes_key, app_secret) come from `Ports.secret`."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

DEFAULT_QUIET_MINUTES = 30
MAX_QUIET_MINUTES = 24 * 60  # PRODUCT §4: a chat left unfinished for 24 h is registered as it stands

RECEIPT = (
    "已收到您反映的情况，我们将登记处理。如需补充，请直接继续发送违法行为发生地、违法主体、主要事实和证据材料"
    "（文字、图片、语音、视频、位置均可）。请勿发送涉密信息。"
)
"""The passive reply: own words, no content of the message (a reply is seen by whoever holds the telephone)."""


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by name or literal address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WeChatSettings(BaseModel):
    """What an administrator sets for an official account (公众号)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", title="公众号 AppID")
    quiet_minutes: int = Field(
        DEFAULT_QUIET_MINUTES, ge=1, le=MAX_QUIET_MINUTES, title="静默时间（分钟）：此间的消息并为一条线索"
    )
    reply: str = Field(RECEIPT, min_length=1, max_length=600, title="收到消息后的自动回复")
    api_base: str = Field("https://api.weixin.qq.com", title="接口地址")
    media_hosts: tuple[str, ...] = Field((".qq.com",), title="允许下载视频的主机（以点开头表示其下各级域名）")
    media_limit: int = Field(32 * 1024 * 1024, ge=1, title="单个媒体文件上限（字节）")
    template_id: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]{0,64}$", title="客服消息时限已过时所用的模板消息编号；留空则不发"
    )
    template_fields: dict[str, str] = Field(
        {"content": "{text}"}, max_length=10, title="模板消息各栏的内容，可用 {text}、{title}、{date}"
    )
    timeout_s: float = Field(20.0, gt=0, le=120, title="下载超时（秒）")

    @field_validator("reply")
    @classmethod
    def _reply(cls, value: str) -> str:
        if "]]>" in value or re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", value):
            message = "自动回复含有不能发送的字符"
            raise ValueError(message)
        return value

    @field_validator("api_base")
    @classmethod
    def _api_base(cls, value: str) -> str:
        parts = urlsplit(value)
        host = parts.hostname or ""
        # Plain HTTP would show the access token to the network; only the simulator on this machine may use it.
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
        if not host or not secure or parts.query or parts.fragment or parts.username is not None:
            message = "接口地址须为 https 地址"
            raise ValueError(message)
        return value.rstrip("/")

    @property
    def api_host(self) -> str:
        return urlsplit(self.api_base).hostname or ""
