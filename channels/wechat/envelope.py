"""Signature and encryption of an official account in AES mode (消息加解密, 安全模式).

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Message_encryption_and_decryption_instructions.html
AES and the layout of replies come from wechatpy. Its own checks are not used: it compares signatures with `!=`, takes
any padding byte and any age, and raises struct.error, UnicodeDecodeError and others on foreign bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from wechatpy.crypto import PrpCrypto

FRESH = timedelta(seconds=300)
_SECONDS = re.compile(r"[0-9]{1,12}")
_BLOCK = 32  # WeChat pads to 32 bytes, not to the 16 of AES


class ForgedError(Exception):
    """Not from WeChat for this account: plain, unsigned, wrongly signed, stale, or for another AppID."""


class KeyFormError(ValueError):
    """The configured EncodingAESKey is not 43 characters of base64."""


class _Cipher(PrpCrypto):  # type: ignore[misc]  # wechatpy publishes no types
    def get_random_string(self) -> str:
        """Sixteen unpredictable characters: with WeChat's fixed IV they are what makes equal replies look different."""
        return secrets.token_hex(8)


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts, as WeChat prescribes (hexadecimal)."""
    text = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(text).hexdigest()  # noqa: S324  prescribed by the provider; the shared token is the secret


class Account:
    """The secrets of one official account, and what is done with them."""

    def __init__(self, app_id: str, token: str, aes_key: str) -> None:
        try:
            key = base64.b64decode(aes_key + "=", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32 or not token:
            message = "EncodingAESKey must be 43 characters of base64, and the token must not be empty"
            raise KeyFormError(message)
        self._app_id = app_id
        self._token = token
        self._cipher = _Cipher(key)

    def check(self, signed: str, timestamp: str, nonce: str, *content: str, now: datetime) -> None:
        """Raises ForgedError unless `signed` covers token, timestamp, nonce and `content`, within ±300 s of `now`."""
        if not signed or not _SECONDS.fullmatch(timestamp):
            message = "unsigned"
            raise ForgedError(message)
        expected = signature(self._token, timestamp, nonce, *content)
        if not hmac.compare_digest(expected.encode(), signed.encode("utf-8", "surrogatepass")):
            message = "signature"
            raise ForgedError(message)
        if abs(now.timestamp() - int(timestamp)) > FRESH.total_seconds():
            message = "stale"
            raise ForgedError(message)

    def open(self, encrypted: str) -> bytes:
        """The plaintext: 16 random bytes, length (4, big-endian), message, AppID, padding. Raises ForgedError."""
        try:
            sealed = base64.b64decode(encrypted.strip(), validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        if len(sealed) < _BLOCK or len(sealed) % 16:
            message = "ciphertext"
            raise ForgedError(message)
        plain: bytes = self._cipher.cipher.decrypt(sealed)
        padding = plain[-1]
        if not 1 <= padding <= _BLOCK or plain[-padding:] != bytes([padding]) * padding:
            message = "padding"
            raise ForgedError(message)
        content = plain[16:-padding]
        end = 4 + int.from_bytes(content[:4], "big")
        if len(content) < 4 or end > len(content):
            message = "length"
            raise ForgedError(message)
        if not hmac.compare_digest(content[end:], self._app_id.encode()):
            message = "AppID"
            raise ForgedError(message)
        return content[4:end]

    def seal(self, xml: str, *, now: datetime) -> str:
        """A passive reply as the encrypted, signed envelope."""
        encrypted = self._cipher.encrypt(xml, self._app_id).decode("ascii")
        timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(8)
        signed = signature(self._token, timestamp, nonce, encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature><![CDATA[{signed}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )
