"""Settings of one entrance by telephone: a recordings folder of a call recorder, or a Twilio number."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_BYTES = 128 * 2**20
"""An hour of 8 kHz 16-bit two-channel WAV is 115 MB. A recording passes through memory once, so this is also a limit
of the poller's memory."""

ANNOUNCEMENT = (
    "您好，这里是12336自然资源违法线索举报电话。通话将被录音，请勿提供涉密信息。"
    "请在提示音后说明违法行为发生地、违法主体和主要违法事实，说完请挂机。"
)


def _web_base(value: str) -> str:
    """`value` without a trailing slash. Raises ValueError unless it is scheme://host[:port][/path] and nothing more."""
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for a port that is no number
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("应为 http(s)://主机[:端口][/路径]")
    if parts.query or parts.fragment:
        raise ValueError("地址不能带参数")
    return value.rstrip("/")


class PhoneSettings(BaseModel):
    """One model for both kinds; `kind` says which fields count. The auth token is a secret, not a setting."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["folder", "twilio"] = Field(default="folder", description="录音文件夹（folder）或 Twilio（twilio）")
    line: str = Field(default="", max_length=64, description="线路或热线号码")
    timezone: str = Field(default="Asia/Shanghai", description="附带资料中无时区时间所用时区")
    max_bytes: int = Field(default=MAX_BYTES, ge=1, le=2 * 2**30, description="单个录音上限（字节）")

    folder: str = Field(default="", description="录音文件夹")
    settle_seconds: float = Field(default=2.0, ge=0, le=3600, description="大小和时间不变多久视为写完")
    sidecar_seconds: float = Field(default=10.0, ge=0, le=86_400, description="等待附带资料的时间")
    empty_seconds: float = Field(default=60.0, ge=0, le=86_400, description="空文件等待的时间")
    poll_seconds: float = Field(default=1.0, ge=0.05, le=600, description="检查间隔")
    done_folder: str = Field(default="", description="接收后移入的文件夹（留空则不移动）")

    account_sid: str = Field(default="", pattern=r"^(AC[0-9A-Za-z]{1,62})?$", description="Twilio 账户 SID")
    public_url: str = Field(default="", description="Twilio 访问本系统所用的地址")
    api_base: str = Field(default="https://api.twilio.com", description="Twilio 接口地址")
    announce: str = Field(default=ANNOUNCEMENT, max_length=1000, description="接听后播报的内容")
    voice: str = Field(default="Polly.Zhiyu", max_length=64, description="播报所用语音")
    sms_from: str = Field(
        default="", pattern=r"^(\+[0-9]{5,15}|MG[0-9A-Za-z]{2,62})?$",
        description="发送短信的号码或 Messaging Service SID；留空则不发短信",
    )  # fmt: skip
    assessment: str = Field(
        default="", max_length=100, description="安全管理员登记的数据出境评估编号；未登记则不发短信"
    )
    record_seconds: int = Field(default=1800, ge=10, le=14_400, description="录音最长秒数")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError; a folder name gives an OSError
            raise ValueError("没有这个时区") from error
        return value

    @field_validator("public_url", "api_base")
    @classmethod
    def _base(cls, value: str) -> str:
        return _web_base(value) if value else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "folder" and not self.folder:
            raise ValueError("请填写录音文件夹")
        if self.done_folder and Path(os.path.normpath(Path(self.folder, self.done_folder))) == Path(
            os.path.normpath(self.folder)
        ):
            raise ValueError("移入的文件夹不能就是录音文件夹")
        if self.kind == "twilio" and not (self.account_sid and self.public_url and self.api_base):
            raise ValueError("请填写账户 SID、公开地址和接口地址")
        return self

    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
