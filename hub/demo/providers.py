"""The simulated outside world: a mailbox, a WeChat and a Twilio on loopback, on the same ports after a restart."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from channels.registry import channel
from hub import clock
from hub.demo.inputs import manifest
from hub.demo.state import State
from hub.settings import settings

MAIL_USER = "clue@demo.example"
APP_ID = "wxdemo12336430922"
ACCOUNT_SID = "ACdemo12336430922"
SOURCES = {
    "mail": "email:demo",
    "recordings": "phone:demo-folder",
    "twilio": "phone:demo-twilio",
    "scanner": "letter:demo",
    "wechat": "wechat:demo",
}


def web_url() -> str:
    """Where the hub's own web server answers on this machine."""
    host = settings().host
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::', '') else host}:{settings().port}"  # noqa: S104  binds nothing


def hook(name: str) -> str:
    """The webhook address of a provider: wechat or twilio."""
    source = SOURCES[name]
    return f"{web_url()}/hooks/{source.partition(':')[0]}/{source}"


def call_ids(name: str) -> tuple[str, str]:
    """CallSid and RecordingSid of a simulated call: the same for the same name, so that a repeated call is none."""
    digest = hashlib.sha256(f"demo:{name}".encode()).hexdigest()
    return f"CA{digest[:32]}", f"RE{digest[32:]}"


class Providers:
    """Started once by the demo process; their servers are daemon threads that end with it."""

    def __init__(self, state: State) -> None:
        self.state = state
        folder = state.outside
        for name in ("recordings", "scanner", "outbox"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.mail = self._started("email", "imap", directory=folder / "mail", user=MAIL_USER,
                                  password=state.secrets["imap_password"])  # fmt: skip
        self.mail.post.port = state.ports.get("smtp", 0)
        try:
            self.mail.post.start()
        except OSError:  # somebody has that port now
            self.mail.post.port = 0
            self.mail.post.start()
        self.wechat = self._started("wechat", "wechat", app_id=APP_ID, token=state.secrets["wechat_token"],
                                    aes_key=state.secrets["wechat_aes_key"], webhook=hook("wechat"),
                                    app_secret=state.secrets["wechat_app_secret"])  # fmt: skip
        self.wechat.api.ahead = lambda: clock.moved().total_seconds()
        self.twilio = self._started("phone", "twilio", account_sid=ACCOUNT_SID,
                                    auth_token=state.secrets["twilio_auth_token"])  # fmt: skip
        state.ports = {
            "web": settings().port,
            "imap": self.mail.port,
            "smtp": self.mail.post.port,
            "wechat": _port(self.wechat),
            "twilio": _port(self.twilio),
        }
        self._keep_media()

    def _started(self, code: str, name: str, **facts: Any) -> Any:
        """The channel's simulator on the port it had before, else on a free one."""
        make = channel(code).sandbox
        assert make is not None
        for port in (self.state.ports.get(name, 0), 0):
            with contextlib.suppress(OSError):
                made = make(**facts, port=port)
                made.start()
                return made
        raise RuntimeError(f"no loopback port for the {name} simulator")

    def _keep_media(self) -> None:
        """What was announced before a restart can still be fetched after it."""
        for entry in manifest():
            if entry.door == "twilio":
                self.twilio.keep(call_ids(entry.name)[1], entry.files[0].read_bytes())
            for message in entry.messages:
                if "file" in message:
                    voice = message["kind"] == "voice"
                    kind, suffix = ("audio/amr", "amr") if voice else ("image/jpeg", "jpg")
                    self.wechat.api.keep(message["file"].read_bytes(), kind, suffix)

    def stop(self) -> None:
        """Ends the servers (the demo process simply ends)."""
        for made in (self.mail.post, self.mail, self.wechat, self.twilio):
            made.stop()

    def settings(self) -> dict[str, tuple[str, dict[str, Any], dict[str, str]]]:
        """Source id → name, settings, secrets, as they must stand in the database for these ports."""
        told, folder = self.state.secrets, self.state.outside
        return {
            SOURCES["mail"]: (
                "演示邮箱",
                {"host": "127.0.0.1", "port": self.mail.port, "tls": "none", "user": MAIL_USER, "poll_seconds": 5,
                 "smtp_host": "127.0.0.1", "smtp_port": self.mail.post.port, "smtp_tls": "none", "smtp_sign_in": False},
                {"password": told["imap_password"]},
            ),
            SOURCES["recordings"]: (
                "演示录音文件夹",
                {"kind": "folder", "folder": str(folder / "recordings"), "line": "12336", "sidecar_seconds": 5},
                {},
            ),
            SOURCES["twilio"]: (
                "演示电话（Twilio）",
                {"kind": "twilio", "account_sid": ACCOUNT_SID, "public_url": web_url(), "line": "12336",
                 "api_base": self.twilio.api_base},
                {"auth_token": told["twilio_auth_token"]},
            ),
            SOURCES["scanner"]: (
                "演示扫描仪文件夹",
                {"folder": str(folder / "scanner"), "settle_seconds": 2},
                {},
            ),
            SOURCES["wechat"]: (
                "演示公众号",
                {"app_id": APP_ID, "api_base": self.wechat.api_base, "template_id": "demo-12336"},
                {"token": told["wechat_token"], "aes_key": told["wechat_aes_key"],
                 "app_secret": told["wechat_app_secret"]},
            ),
        }  # fmt: skip


def _port(sandbox: Any) -> int:
    return int(sandbox.api_base.rpartition(":")[2])
