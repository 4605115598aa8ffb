"""Sign-in through the unit's own OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636).

Nothing is stored between the two requests: state, nonce and verifier are keyed hashes of one random cookie, so that
the answer is good only in the browser that asked. Nobody is made an account by it: a person links theirs once.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.access.sealing import mac
from hub.settings import settings

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
STRONG = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt"})  # RFC 8176: the provider saw a second factor
TIMEOUT = 10.0


class OidcError(RuntimeError):
    """The provider cannot be reached or its answer does not hold; the text names no person."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says signed in. `subject` is "issuer sub"; `strong`: with a second factor."""

    subject: str
    strong: bool


def enabled() -> bool:
    return bool(settings().oidc_issuer and settings().oidc_client_id)


def fresh() -> str:
    """The random value a browser keeps while it is at the provider."""
    return secrets.token_urlsafe(32)


def _bound(purpose: str, kept: str) -> str:
    digest = mac("oidc", f"{purpose}\0{kept}".encode())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(maxsize=4)
def provider(issuer: str) -> dict[str, Any]:
    """The provider's published addresses (OpenID Connect Discovery 1.0). Raises OidcError."""
    try:
        answer = httpx.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT)
        found: dict[str, Any] = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        raise OidcError("the provider does not answer") from None
    if found.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise OidcError("the provider names another issuer")
    return found


def _client(back: str) -> OAuth2Client:
    return OAuth2Client(
        settings().oidc_client_id, settings().oidc_client_secret.get_secret_value(), scope="openid",
        redirect_uri=back, code_challenge_method="S256", timeout=TIMEOUT,
    )  # fmt: skip


def begin(kept: str, back: str) -> str:
    """Where to send the browser. `back` is our own callback address."""
    about = provider(settings().oidc_issuer)
    with _client(back) as client:
        url, _ = client.create_authorization_url(
            about["authorization_endpoint"], state=_bound("state", kept), nonce=_bound("nonce", kept),
            code_verifier=_bound("verifier", kept),
        )  # fmt: skip
    return str(url)


def finish(kept: str, state: str, code: str, back: str) -> Identity:
    """Exchanges the code and checks the ID token: signature, issuer, audience, time, nonce. Raises OidcError."""
    if not kept or not hmac.compare_digest(state.encode(), _bound("state", kept).encode()):
        raise OidcError("the answer belongs to another browser")
    about = provider(settings().oidc_issuer)
    try:
        with _client(back) as client:
            told = client.fetch_token(about["token_endpoint"], code=code, code_verifier=_bound("verifier", kept))
        keys = KeySet.import_key_set(httpx.get(about["jwks_uri"], timeout=TIMEOUT).raise_for_status().json())
        token = jwt.decode(str(told["id_token"]), keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            token.claims, token.header,
            {"iss": {"value": about["issuer"]}, "aud": {"value": settings().oidc_client_id}},
            {"nonce": _bound("nonce", kept), "client_id": settings().oidc_client_id},
        )  # fmt: skip
        claims.validate(leeway=60)  # the nonce too: the token answers this request
    except (httpx.HTTPError, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
        raise OidcError(f"the ID token does not hold: {type(error).__name__}") from None
    amr = claims.get("amr") or []
    return Identity(f"{claims['iss']} {claims['sub']}", not STRONG.isdisjoint(amr))
