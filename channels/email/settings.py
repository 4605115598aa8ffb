"""Settings of one mailbox. The password is a secret of the source (`Ports.secret(id, "password")`), never a setting."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class EmailSettings(BaseModel):
    """A mailbox to watch by IMAP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="IMAP 服务器")
    port: int = Field(default=993, ge=1, le=65_535, description="端口（TLS 通常为 993，STARTTLS 或不加密为 143）")
    tls: Literal["tls", "starttls", "none"] = Field(default="tls", description="加密方式；none 只用于本机")
    ca_pem: str = Field(default="", description="私有 CA 证书（PEM 文本），留空用系统证书")
    user: str = Field(min_length=1, description="邮箱账号")
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1, max_length=50, description="要读取的文件夹")
    done_folder: str = Field(default="", description="收件后移入的文件夹；留空则只标为已读")
    poll_seconds: int = Field(default=60, ge=1, le=3_600, description="轮询间隔（秒），有 IDLE 时也照常轮询")
    idle: bool = Field(default=True, description="服务器支持时使用 IDLE")
    max_bytes: int = Field(default=50 << 20, ge=1_024, le=64 << 20, description="单封邮件上限（字节）")
    chunk_bytes: int = Field(default=1 << 20, ge=1_024, le=8 << 20, description="每次取回的字节数")
    timeout_seconds: float = Field(default=30.0, gt=0, le=300, description="网络等待上限（秒）")

    smtp_host: str = Field(default="", description="SMTP 服务器；留空则不发邮件")
    smtp_port: int = Field(default=465, ge=1, le=65_535, description="SMTP 端口（TLS 通常为 465，STARTTLS 为 587）")
    smtp_tls: Literal["tls", "starttls", "none"] = Field(default="tls", description="SMTP 加密方式；none 只用于本机")
    smtp_sign_in: bool = Field(
        default=True, description="SMTP 须登录（账号和密码与收信相同，密码可另设 smtp_password）"
    )
    sender: str = Field(
        default="", pattern=r"^([A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+)?$",
        description="发件地址；退信须能回到本邮箱；留空则用邮箱账号",
    )  # fmt: skip
    sender_name: str = Field(default="", max_length=60, pattern=r"^[^\r\n<>\"]*$", description="发件人名称，可留空")

    @field_validator("folders")
    @classmethod
    def _named(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        """INBOX is case-insensitive (RFC 3501 §5.1) and part of the keys: one spelling."""
        return tuple(dict.fromkeys("INBOX" if folder.upper() == "INBOX" else folder for folder in folders))

    @property
    def from_address(self) -> str:
        """The address notices come from; "" where the account is none and no sender is set."""
        return self.sender or (self.user if "@" in self.user else "")
