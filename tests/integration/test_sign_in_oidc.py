"""The unit's own OpenID provider, played by a small one on loopback: what holds signs in, what does not is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select

from hub import db
from hub.access import oidc, staff
from hub.app import create_app
from hub.models import Event, User
from hub.settings import settings

PASSWORD = "correct horse battery"


class Provider:
    """Authorization server: discovery, keys, token endpoint with PKCE. `change` makes its ID token wrong."""

    def __init__(self) -> None:
        self.key, self.other = RSAKey.generate_key(2048, {"kid": "a"}), RSAKey.generate_key(2048, {"kid": "a"})
        self.asked: dict[str, str] = {}
        self.change: dict[str, Any] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                del args

            def answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                self.answer(
                    200,
                    provider.about() if "well-known" in self.path else {"keys": [provider.key.as_dict(private=False)]},
                )

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(*provider.token({name: values[0] for name, values in sent.items()}))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def about(self) -> dict[str, str]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
        }  # fmt: skip

    def token(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "u-17", "aud": "hub", "iat": now, "exp": now + 300, "nonce": self.asked["nonce"],
        } | {name: value for name, value in self.change.items() if name not in ("key", "alg")}  # fmt: skip
        key = self.other if self.change.get("key") else self.key
        header = {"alg": "RS256", "kid": "a"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": jwt.encode(header, claims, key)}


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def client(hub, provider: Provider, monkeypatch):
    monkeypatch.setenv("HUB_OIDC_ISSUER", provider.issuer)
    monkeypatch.setenv("HUB_OIDC_CLIENT_ID", "hub")
    monkeypatch.setenv("HUB_OIDC_CLIENT_SECRET", "s3cret")
    settings.cache_clear()
    oidc.provider.cache_clear()
    with db.transaction() as session:
        user = staff.add(session, "anna", "安娜", PASSWORD, "430922", ["statistician"])
        user.subject = f"{provider.issuer} u-17"
    return create_app().test_client()


def go(client, provider: Provider, **change: Any):
    """The browser's way to the provider and back."""
    target = client.get("/sign-in/oidc").location
    provider.asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    state = change.pop("state", provider.asked["state"])
    provider.change = change
    return client.get(f"/sign-in/oidc/back?code=c&state={state}")


def test_who_is_linked_signs_in(client, provider: Provider) -> None:
    assert "统一身份认证" in client.get("/sign-in").text
    answer = go(client, provider)
    assert answer.status_code == 302
    assert client.get("/account").status_code == 200
    assert provider.asked["code_challenge_method"] == "S256"
    with db.reading() as session:
        told = session.scalars(select(Event.data).where(Event.act == "sign_in")).one()
    assert told == {"way": "oidc"}


@pytest.mark.parametrize(
    "change",
    [{"nonce": "other"}, {"aud": "another"}, {"iss": "http://evil.example"}, {"exp": 1000}, {"key": "other"},
     {"state": "other"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_an_answer_that_does_not_hold_signs_nobody_in(client, provider: Provider, change: dict[str, Any]) -> None:
    assert go(client, provider, **change).status_code == 502
    assert client.get("/account").status_code == 302


def test_an_answer_is_good_only_in_the_browser_that_asked(client, provider: Provider) -> None:
    target = client.get("/sign-in/oidc").location
    provider.asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    other = client.application.test_client()
    assert other.get(f"/sign-in/oidc/back?code=c&state={provider.asked['state']}").status_code == 502


def test_nobody_is_made_an_account(client, provider: Provider) -> None:
    answer = go(client, provider, sub="stranger")
    assert answer.status_code == 403
    assert "没有关联账户" in answer.text
    with db.reading() as session:
        assert len(session.scalars(select(User)).all()) == 1


@pytest.mark.parametrize(("amr", "inside"), [(None, False), (["pwd"], False), (["pwd", "otp"], True), (["hwk"], True)])
def test_a_second_factor_seen_by_the_provider_counts(client, provider: Provider, monkeypatch, amr, inside) -> None:
    monkeypatch.setenv("HUB_SECOND_FACTOR", "all")
    settings.cache_clear()
    go(client, provider, **({"amr": amr} if amr else {}))
    assert (client.get("/account").status_code == 200) is inside


def test_a_person_links_the_identity_in_a_session(client, provider: Provider) -> None:
    with db.transaction() as session:
        user = session.scalars(select(User)).one()
        user.subject = None
    client.post("/sign-in", data={"login": "anna", "password": PASSWORD})
    assert go(client, provider).location == "/account"
    fresh = client.application.test_client()
    go(fresh, provider)
    assert fresh.get("/account").status_code == 200


def test_without_a_provider_there_is_no_such_door(client, monkeypatch) -> None:
    monkeypatch.setenv("HUB_OIDC_ISSUER", "")
    settings.cache_clear()
    assert client.get("/sign-in/oidc").location.startswith("/sign-in")
    assert client.get("/sign-in/oidc/back?code=c&state=x").location.startswith("/sign-in")
    assert "统一身份" not in client.get("/sign-in").text
