"""A security key in software: makes credentials and signs challenges as WebAuthn level 2 says (ES256)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct

from cbor2 import dumps
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authenticator:
    """One credential; `origin` is what its browser says it talks to."""

    def __init__(self, origin: str) -> None:
        self.origin, self.counter = origin, 0
        self.secret, self.raw = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(32)
        self.id = b64(self.raw)

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def create(self, options: dict) -> dict:
        """The answer to `navigator.credentials.create` (§7.1)."""
        numbers = self.secret.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        held = bytes(16) + struct.pack(">H", len(self.raw)) + self.raw + dumps(cose)
        made = {"fmt": "none", "attStmt": {}, "authData": self._data(options["rp"]["id"], 0x41) + held}
        client = self._client("webauthn.create", options["challenge"], self.origin)
        return {
            "id": self.id, "rawId": self.id, "type": "public-key", "clientExtensionResults": {},
            "response": {"attestationObject": b64(dumps(made)), "clientDataJSON": b64(client)},
        }  # fmt: skip

    def get(
        self, options: dict, *, origin: str = "", rp_id: str = "", challenge: str = "", kind: str = "webauthn.get",
        flags: int = 0x01, other_key: bool = False, counter: int | None = None, known_as: str = "",
    ) -> dict:  # fmt: skip
        """The answer to `navigator.credentials.get` (§7.2); the arguments make it wrong in one respect."""
        self.counter = self.counter + 1 if counter is None else counter
        data = self._data(rp_id or options["rpId"], flags)
        client = self._client(kind, challenge or options["challenge"], origin or self.origin)
        secret = ec.generate_private_key(ec.SECP256R1()) if other_key else self.secret
        signature = secret.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": known_as or self.id, "rawId": known_as or self.id, "type": "public-key", "clientExtensionResults": {},
            "response": {"authenticatorData": b64(data), "clientDataJSON": b64(client), "signature": b64(signature)},
        }  # fmt: skip
