"""In-memory ports, a webhook on them, and messages sealed by hand (neither wechatpy nor the sandbox)."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from flask import Flask
from flask.testing import FlaskClient

from channels.contract import RawIntake, Source
from channels.wechat import CHANNEL, media

APP_ID = "wx0123456789abcdef"
TOKEN = "test-token"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SECRET = "app-secret"
OPENID = "oTest00000000000000000000001"
SOURCE = "wechat:county"


@dataclass
class MemoryPorts:
    """Ports in memory. `broken`: deliver raises. `failpoints`: names that raise once."""

    settings: dict[str, object] = field(default_factory=lambda: {"app_id": APP_ID})
    secrets: dict[str, str] = field(default_factory=lambda: {"token": TOKEN, "aes_key": AES_KEY, "app_secret": SECRET})
    moment: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    broken: bool = False
    delivered: list[RawIntake] = field(default_factory=list)
    calls: int = 0
    failpoints: set[str] = field(default_factory=set)
    beats: list[tuple[str, bool, str]] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)
    lease_free: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def source(self) -> Source:
        return Source(SOURCE, "wechat", "610800", dict(self.settings), station="榆林")

    def deliver(self, raw: RawIntake) -> bool:
        with self._lock:
            self.calls += 1
            if self.broken:
                message = "disk full"
                raise OSError(message)
            if any(known.source_id == raw.source_id and known.key == raw.key for known in self.delivered):
                return False
            self.delivered.append(raw)
            return True

    def seen(self, source: str, keys: Iterable[str]) -> set[str]:
        return {raw.key for raw in self.delivered if raw.source_id == source} & set(keys)

    def cursor(self, source: str, name: str) -> str | None:
        return None

    def set_cursor(self, source: str, name: str, value: str) -> None: ...

    def sources(self, channel: str) -> Sequence[Source]:
        return [self.source] if channel == "wechat" else []

    def secret(self, source: str, name: str) -> str:
        assert source == SOURCE
        return self.secrets[name]

    @contextmanager
    def lease(self, name: str) -> Iterator[bool]:
        self.leases.append(name)
        yield self.lease_free

    def beat(self, source: str, ok: bool, detail: str = "") -> None:
        self.beats.append((source, ok, detail))

    def now(self) -> datetime:
        return self.moment

    def fail(self, name: str) -> None:
        if name in self.failpoints:
            self.failpoints.discard(name)
            raise RuntimeError(name)


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(plain: bytes, app_id: str = APP_ID, aes_key: str = AES_KEY, *, tail: bytes | None = None) -> str:
    key = base64.b64decode(aes_key + "=")
    content = b"0123456789abcdef" + len(plain).to_bytes(4, "big") + plain + app_id.encode()
    pad = 32 - len(content) % 32
    content += bytes([pad]) * pad if tail is None else tail
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(content) + encryptor.finalize()).decode()


def decrypt(encrypted: str, aes_key: str = AES_KEY) -> tuple[bytes, bytes]:
    """Message and AppID of an encrypted reply."""
    key = base64.b64decode(aes_key + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    content = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    content = content[16 : -content[-1]]
    end = 4 + int.from_bytes(content[:4], "big")
    return content[4:end], content[end:]


def xml(kind: str = "text", *, created: int = 1772442000, msg_id: str = "24000000000000009", **fields: str) -> bytes:
    named: dict[str, str] = {"ToUserName": "gh_county", "FromUserName": OPENID, "CreateTime": str(created)}
    named |= {"MsgType": kind} | ({"MsgId": msg_id} if kind != "event" else {}) | fields
    return ("<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in named.items()) + "</xml>").encode()


@dataclass
class Hook:
    """The webhook as WeChat sees it."""

    client: FlaskClient
    ports: MemoryPorts

    def query(self, encrypted: str, **changes: str) -> dict[str, str]:
        timestamp = changes.pop("timestamp", str(int(self.ports.moment.timestamp())))
        nonce = changes.pop("nonce", "1320562132")
        query = {
            "signature": sign(TOKEN, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": OPENID,
            "encrypt_type": "aes",
            "msg_signature": sign(TOKEN, timestamp, nonce, encrypted),
        }
        return query | changes

    def post(self, plain: bytes, **changes: str):
        encrypted = encrypt(plain)
        return self.raw(envelope(encrypted), self.query(encrypted, **changes))

    def raw(self, body: bytes, query: Mapping[str, str], source: str = SOURCE):
        return self.client.post(f"/hooks/wechat/{source}", query_string=dict(query), data=body)


def envelope(encrypted: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[gh_county]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
    )


@pytest.fixture
def ports() -> MemoryPorts:
    return MemoryPorts()


@pytest.fixture
def app(ports: MemoryPorts) -> Flask:
    app = Flask("hub")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert CHANNEL.blueprint is not None
    app.register_blueprint(CHANNEL.blueprint(ports), url_prefix="/hooks/wechat")
    return app


@pytest.fixture
def hook(app: Flask, ports: MemoryPorts) -> Hook:
    return Hook(app.test_client(), ports)


@pytest.fixture
def make_xml() -> Callable[..., bytes]:
    return xml


@pytest.fixture
def crypt():
    """(encrypt, decrypt, sign, envelope) made by hand."""
    return encrypt, decrypt, sign, envelope


@pytest.fixture(autouse=True)
def _forget_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "tokens", media._Tokens())
