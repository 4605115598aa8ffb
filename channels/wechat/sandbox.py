"""A WeChat server for the demo and the tests: it signs, encrypts and posts messages as WeChat does.

Written from the provider's description with `cryptography` alone, so that it shares no mistake with the receiver,
which uses wechatpy. It talks to nothing but the given webhook and listens on loopback only.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.ElementTree import fromstring

from channels.wechat.client import NoAnswerError, TooLargeError, request
from channels.wechat.sandbox_api import Api

PATIENCE_S = 5.0  # WeChat hangs up after five seconds …
TRIES = 3  # … and asks three times in all
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message: the HTTP status of each try (0: no answer) and the reply the person sees."""

    msg_id: str
    statuses: tuple[int, ...]
    body: bytes = field(default=b"", repr=False)
    reply: str | None = None  # text of the encrypted passive reply

    @property
    def acknowledged(self) -> bool:
        return self.statuses[-1:] == (200,) and (self.reply is not None or self.body in (b"", b"success"))


class Sandbox:
    """`with Sandbox(…) as wechat: wechat.webhook = url; wechat.send_text(openid, text)`.

    `api_base` is the address to set as the source's `api_base`; `sent` lists customer-service messages it was given.
    `account` is the official account's own name, `port` that of `api_base` (0: any free one); `clock` gives seconds
    since 1970.
    """

    def __init__(
        self,
        app_id: str,
        token: str,
        aes_key: str,
        app_secret: str,
        *,
        webhook: str = "",
        account: str = "gh_12336sandbox",
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app_id = app_id
        self.webhook = webhook
        self.account = account
        self.api = Api(app_id, app_secret, clock, port)
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        self._clock = clock
        self._numbers = itertools.count(int(clock() * 1000) * 1000)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Open the provider's interface (token, media, customer-service messages) on a free loopback port."""
        self.api.start()

    def stop(self) -> None:
        self.api.stop()

    @property
    def api_base(self) -> str:
        return self.api.base

    @property
    def sent(self) -> list[dict[str, object]]:
        return self.api.sent

    # What people do

    def send_text(self, openid: str, text: str, *, msg_id: int | None = None) -> Delivery:
        return self._send(openid, "text", {"Content": text}, msg_id)

    def send_image(self, openid: str, data: bytes, *, msg_id: int | None = None) -> Delivery:
        media_id = self.api.keep(data, "image/jpeg", "jpg")
        picture = f"http://mmbiz.qpic.cn/sandbox/{media_id}"
        return self._send(openid, "image", {"PicUrl": picture, "MediaId": media_id}, msg_id)

    def send_voice(
        self, openid: str, data: bytes, *, form: str = "amr", recognition: str = "", msg_id: int | None = None
    ) -> Delivery:
        media_id = self.api.keep(data, f"audio/{form}", form)
        fields = {"MediaId": media_id, "Format": form} | ({"Recognition": recognition} if recognition else {})
        return self._send(openid, "voice", fields, msg_id)

    def send_video(
        self, openid: str, data: bytes, *, short: bool = False, by_url: bool = False, msg_id: int | None = None
    ) -> Delivery:
        """`by_url`: the interface answers with an address instead of the bytes, as WeChat may for videos."""
        media_id = self.api.keep(data, "video/mp4", "mp4", by_url=by_url)
        thumb = self.api.keep(b"\xff\xd8\xff\xe0 no picture", "image/jpeg", "jpg")
        kind = "shortvideo" if short else "video"
        return self._send(openid, kind, {"MediaId": media_id, "ThumbMediaId": thumb}, msg_id)

    def send_location(
        self, openid: str, lat: float, lon: float, label: str, *, scale: int = 16, msg_id: int | None = None
    ) -> Delivery:
        """`lat`, `lon` in degrees, GCJ-02."""
        fields = {"Location_X": f"{lat:.6f}", "Location_Y": f"{lon:.6f}", "Scale": str(scale), "Label": label}
        return self._send(openid, "location", fields, msg_id)

    def send_link(self, openid: str, title: str, description: str, url: str, *, msg_id: int | None = None) -> Delivery:
        return self._send(openid, "link", {"Title": title, "Description": description, "Url": url}, msg_id)

    def send_event(self, openid: str, event: str, key: str = "") -> Delivery:
        """subscribe, unsubscribe, SCAN, CLICK, VIEW … Events have no MsgId."""
        return self._post(self._xml(openid, "event", {"Event": event, "EventKey": key}), openid, "")

    def unfollow(self, openid: str) -> Delivery:
        """The person leaves the account: told to us, and nothing reaches them any more."""
        self.api.unfollowed.add(openid)
        return self.send_event(openid, "unsubscribe")

    def finish_template(self, openid: str, msg_id: str, status: str = "success") -> Delivery:
        """TEMPLATESENDJOBFINISH: success, "failed:user block" or "failed: system failed"."""
        fields = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": msg_id, "Status": status}
        return self._post(self._xml(openid, "event", fields), openid, "")

    def send_kind(self, openid: str, kind: str, fields: dict[str, str], *, msg_id: int | None = None) -> Delivery:
        """A message of any type, known or not."""
        return self._send(openid, kind, fields, msg_id)

    def send_xml(self, xml: bytes, *, openid: str = "", msg_id: str = "") -> Delivery:
        """Any bytes as the plaintext, truly signed and encrypted."""
        return self._post(xml, openid, msg_id)

    def deliver_thrice(self, openid: str, text: str) -> list[Delivery]:
        """The same message three times at once, as when our first two answers were late."""
        number = str(next(self._numbers))
        xml = self._xml(openid, "text", {"Content": text, "MsgId": number})
        query, body = self.sealed(xml, openid)
        with ThreadPoolExecutor(TRIES) as pool:
            tries = [pool.submit(self._try, query, body) for _ in range(TRIES)]
            answers = [a.result() for a in tries]
        return [self._delivery(number, (status,), answer) for status, answer in answers]

    def verify_url(self, *, encrypted: bool = False) -> bool:
        """What WeChat does when the address is entered: our answer must be the echo."""
        echo = str(secrets.randbelow(9 * 10**18) + 10**18)
        timestamp, nonce = self._stamp()
        if encrypted:
            shown = self._encrypt(echo.encode())
            signed = {"msg_signature": _sign(self._token, timestamp, nonce, shown)}
        else:
            shown = echo
            signed = {"signature": _sign(self._token, timestamp, nonce)}
        query = {"timestamp": timestamp, "nonce": nonce, "echostr": shown, **signed}
        try:
            answer = request("GET", self.webhook, params=query, timeout_s=PATIENCE_S)
        except (NoAnswerError, TooLargeError):
            return False
        return answer.status == 200 and answer.body == echo.encode()

    # How WeChat wraps it

    def sealed(self, xml: bytes, openid: str = "") -> tuple[dict[str, str], bytes]:
        """Query and body of the request that carries `xml`."""
        encrypted = self._encrypt(xml)
        timestamp, nonce = self._stamp()
        query = {
            "signature": _sign(self._token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": openid,
            "encrypt_type": "aes",
            "msg_signature": _sign(self._token, timestamp, nonce, encrypted),
        }
        body = f"<xml><ToUserName>{_cdata(self.account)}</ToUserName><Encrypt>{_cdata(encrypted)}</Encrypt></xml>"
        return query, body.encode()

    def _send(self, openid: str, kind: str, fields: dict[str, str], msg_id: int | None) -> Delivery:
        self.api.heard[openid] = self.api.calendar()
        number = str(next(self._numbers) if msg_id is None else msg_id)
        return self._post(self._xml(openid, kind, {**fields, "MsgId": number}), openid, number)

    def _xml(self, openid: str, kind: str, fields: dict[str, str]) -> bytes:
        all_fields = {"ToUserName": self.account, "FromUserName": openid, "MsgType": kind, **fields}
        inner = "".join(f"<{name}>{_cdata(value)}</{name}>" for name, value in all_fields.items())
        return f"<xml>{inner}<CreateTime>{int(self._clock())}</CreateTime></xml>".encode()

    def _post(self, xml: bytes, openid: str, number: str) -> Delivery:
        query, body = self.sealed(xml, openid)
        statuses: list[int] = []
        answer = b""
        for _ in range(TRIES):
            status, answer = self._try(query, body)
            statuses.append(status)
            if status and status < 500:
                break
        return self._delivery(number, tuple(statuses), answer)

    def _try(self, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = request(
                "POST",
                self.webhook,
                params=query,
                content=body,
                headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
                timeout_s=PATIENCE_S,
            )
        except (NoAnswerError, TooLargeError):
            return 0, b""
        return answer.status, answer.body

    def _delivery(self, number: str, statuses: tuple[int, ...], body: bytes) -> Delivery:
        reply = self._read(body) if statuses[-1] == 200 and body.startswith(b"<xml>") else None
        return Delivery(number, statuses, body, reply)

    def _read(self, body: bytes) -> str:
        """The text of an encrypted passive reply. Raises ValueError where WeChat would show an error instead."""
        sealed = {child.tag: child.text or "" for child in fromstring(body)}
        expected = _sign(self._token, sealed["TimeStamp"], sealed["Nonce"], sealed["Encrypt"])
        if expected != sealed["MsgSignature"]:
            message = "the reply is wrongly signed"
            raise ValueError(message)
        reply = {child.tag: child.text or "" for child in fromstring(self._decrypt(sealed["Encrypt"]))}
        if reply["FromUserName"] != self.account or reply["MsgType"] != "text":
            message = "the reply is not a text from this account"
            raise ValueError(message)
        return reply["Content"]

    def _stamp(self) -> tuple[str, str]:
        return str(int(self._clock())), str(secrets.randbelow(10**10))

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))

    def _encrypt(self, plain: bytes) -> str:
        content = secrets.token_bytes(16) + len(plain).to_bytes(4, "big") + plain + self.app_id.encode()
        padding = _BLOCK - len(content) % _BLOCK
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()).decode()

    def _decrypt(self, encrypted: str) -> bytes:
        decryptor = self._cipher().decryptor()
        content = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
        content = content[: -content[-1]]
        end = 20 + int.from_bytes(content[16:20], "big")
        if content[end:] != self.app_id.encode():
            message = "the reply is for another AppID"
            raise ValueError(message)
        return content[20:end]


def _sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324  prescribed by the provider


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
