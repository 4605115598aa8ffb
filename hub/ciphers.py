"""Authenticated ciphers by the size of the key: AES-256-GCM (32 bytes), SM4-GCM (16; GB/T 32907, RFC 8998)."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG = 16
KEY_BYTES = {"aes": 32, "sm4": 16}


class Sm4Gcm:
    """SM4 in GCM with the interface of AESGCM: the tag stands behind the ciphertext."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes | None) -> bytes:
        made = Cipher(algorithms.SM4(self._key), modes.GCM(nonce)).encryptor()
        made.authenticate_additional_data(associated or b"")
        return made.update(data) + made.finalize() + made.tag

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes | None) -> bytes:
        """The plain bytes. Raises InvalidTag where anything was changed or cut."""
        if len(data) < TAG:
            raise InvalidTag
        made = Cipher(algorithms.SM4(self._key), modes.GCM(nonce, data[-TAG:])).decryptor()
        made.authenticate_additional_data(associated or b"")
        return made.update(data[:-TAG]) + made.finalize()


def box(key: bytes) -> AESGCM | Sm4Gcm:
    """The cipher for this key. Raises ValueError for a key of another size."""
    if len(key) == KEY_BYTES["sm4"]:
        return Sm4Gcm(key)
    if len(key) != KEY_BYTES["aes"]:
        raise ValueError("a key has 32 bytes (AES) or 16 (SM4)")
    return AESGCM(key)
