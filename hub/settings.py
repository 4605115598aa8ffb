"""The only reader of the environment. Every setting is described in docs/settings.md (checked by a test)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MB = 1024 * 1024


class Settings(BaseSettings):
    """What a deployer may set. Names are the field names in upper case behind HUB_, unless an alias stands here."""

    model_config = SettingsConfigDict(env_prefix="HUB_", extra="ignore")

    var: Path = Field(default=Path("var"), description="Data folder: database, evidence, keys, run files.")
    port: int = Field(default=8000, validation_alias="PORT", description="Port of the web server.")
    host: str = Field(default="127.0.0.1", description="Address the web server binds.")
    database_url: str = Field(default="", validation_alias="DATABASE_URL", description="PostgreSQL; empty: embedded.")
    redis_url: str = Field(default="", validation_alias="REDIS_URL", description="Redis or Valkey; empty: embedded.")
    pg_bin: str = Field(default="", description="Folder of other PostgreSQL binaries (15 or newer).")
    key_file: str = Field(default="", description="Master key file; empty: keys/hub.key in the data folder.")
    keys: Literal["file", "process"] = Field(
        default="file", description="Who holds the keys of that file: file (each process reads it) or process (one of "
        "its own, `hub keys serve`, which `hub up` starts; the others ask it).",
    )  # fmt: skip
    keys_socket: str = Field(
        default="", description="Socket of a key process that somebody else starts, under a user of its own; empty: "
        "run/keys.sock in the data folder.",
    )  # fmt: skip
    keys_clients: str = Field(
        default="", description="Users besides its own that the key process answers, comma-separated names."
    )
    keys_rate: int = Field(
        default=500, ge=0, description="Keys and look-ups a second the key process gives in the long run; 0: any."
    )
    demo: bool = Field(default=False, description="Load the demo county on first start.")
    speech_engine: str = Field(default="", description="vosk or whisper; empty: chosen by what is installed.")
    vosk_model: str = Field(default="", description="Folder of a Vosk model.")
    models: str = Field(default="", description="Cache of model weights; empty: cache/ in the data folder.")
    web_workers: int = Field(default=2, description="Web processes.")
    web_threads: int = Field(
        default=64, description="Threads of a web process; six in ten may carry the live stream of an open page."
    )
    max_upload: int = Field(default=200 * MB, description="Largest accepted upload, bytes.")
    mail_memory: int = Field(default=512 * MB, description="How much the child that reads messages may grow, bytes.")
    media_memory: int = Field(default=1024 * MB, description="How much the child that decodes media may grow, bytes.")
    decode_seconds: int = Field(default=60, description="CPU seconds one decode job may take.")
    worker_idle: int = Field(default=600, description="Idle seconds after which speech and scan workers stop.")
    failpoints: str = Field(default="", description="Fault tests only: name=kill|raise|hang[@n][;...].")
    behind_proxy: int = Field(default=0, description="Number of trusted reverse proxies.")
    https: bool = Field(default=False, description="Served over HTTPS: __Host- cookies, Secure flag.")
    notice_wait: int = Field(default=600, ge=0, description="Seconds before a notice goes out: time to recall it.")
    quiet_hours: str = Field(
        default="21-8", pattern=r"^(\d{1,2}-\d{1,2})?$",
        description="Hours in China from-to in which nobody's telephone may ring; empty: none.",
    )  # fmt: skip
    second_factor: Literal["identity", "all", "off"] = Field(
        default="identity", description="Who signs in with a second factor: identity (roles that read identity, and "
        "administrators), all, off. Demo accounts: only where they set one up.",
    )  # fmt: skip
    factor_minutes: int = Field(default=15, ge=1, description="Minutes for which a second factor counts as recent.")
    session_idle: int = Field(default=120, ge=1, description="Minutes without a request after which a session ends.")
    session_hours: int = Field(default=12, ge=1, description="Hours after which a session ends in any case.")
    password_profile: Literal["length", "mixed"] = Field(
        default="length", description="length: 10 characters, none of the common ones; mixed: 8 characters of three "
        "kinds, new every 90 days.",
    )  # fmt: skip
    oidc_issuer: str = Field(default="", description="OpenID provider for sign-in (issuer URL); empty: none.")
    oidc_client_id: str = Field(default="", description="Client id at the OpenID provider.")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Client secret at the OpenID provider.")
    reveal_quota: int = Field(default=10, ge=0, description="Reveals of identity a person may make a day alone.")
    seal_algorithm: Literal["aes", "sm4"] = Field(
        default="aes", description="Cipher of new seals: aes (AES-256-GCM) or sm4 (SM4-GCM). Both are always read.",
    )  # fmt: skip
    duplicate_threshold: float = Field(
        default=0.45, ge=0.0, le=1.0, description="Score from which an earlier clue is proposed as duplicate or merge."
    )
    learned_classes: bool = Field(
        default=True, description="Whether classes learned from confirmed decisions (`hub learn`) are proposed."
    )
    learn_hour: int = Field(
        default=3, ge=-1, le=23, description="Hour in China in which the beat has classes learned, once a night; -1: "
        "only by `hub learn`.",
    )  # fmt: skip
    log_level: str = Field(default="INFO", description="Log level.")

    def folder(self, name: str) -> Path:
        """A sub-folder of the data folder, made (0700) when missing."""
        path = self.var.resolve() / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def key_path(self) -> Path:
        return Path(self.key_file) if self.key_file else self.var.resolve() / "keys" / "hub.key"

    @property
    def clock_file(self) -> Path:
        """Where a demo keeps how far its clock is moved."""
        return self.var.resolve() / "demo" / "clock"

    @property
    def models_path(self) -> Path:
        return Path(self.models) if self.models else self.var.resolve() / "cache"


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def export(**values: str) -> None:
    """Sets environment variables for this process and its children, and reads the settings anew."""
    os.environ.update(values)
    settings.cache_clear()
