"""Headers, sessions and refusals that every page shares."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, abort, g, redirect, request, url_for
from sqlalchemy import delete, func, update
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import clock, db
from hub.access.people import Actor, actor
from hub.models import SignIn
from hub.settings import settings
from hub.terms import Role
from hub.web import layout

P = ParamSpec("P")
R = TypeVar("R")

IDLE, ABSOLUTE = timedelta(hours=2), timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
MAX_FIELDS = 2000
MAX_PLAIN = 1024 * 1024  # bytes of an urlencoded form or JSON
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def cookie_name() -> str:
    return "__Host-hub" if settings().https else "hub"


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def begin_session(session: Session, user_id: int) -> str:
    """A new server-side session; returns the cookie's value."""
    token = secrets.token_urlsafe(32)
    session.add(SignIn(token=_token_hash(token), user_id=user_id, csrf=secrets.token_urlsafe(24)))
    return token


def end_session() -> None:
    with db.transaction() as session:
        session.execute(delete(SignIn).where(SignIn.token == _token_hash(request.cookies.get(cookie_name(), ""))))


def _load() -> None:
    """Puts the signed-in person, if any, into `g.actor` and the session's CSRF token into `g.csrf`."""
    g.actor, g.csrf, g.sign_in = None, "", ""
    if "\0" in request.path:  # PostgreSQL takes no NUL in text
        abort(404)
    token = request.cookies.get(cookie_name())
    if not token or request.path.startswith(("/static/", "/hooks/", "/healthz", "/metrics")):
        return
    with db.reading() as session:
        row = session.get(SignIn, _token_hash(token))
        now = clock.real()
        if row is None or now - row.seen > IDLE or now - row.created > ABSOLUTE:
            return
        g.actor, g.csrf, g.sign_in = actor(session, row.user_id), row.csrf, row.token.hex()[:12]
        stale = now - row.seen > SEEN_EVERY
    if stale:
        with db.transaction() as session:
            session.execute(update(SignIn).where(SignIn.token == _token_hash(token)).values(seen=func.now()))


def check_csrf() -> None:
    """Refuses a changing request of a browser session without its token (form field or header), and form bombs."""
    if request.mimetype != "multipart/form-data":  # files come in multipart; nothing else is large
        request.max_content_length = MAX_PLAIN
    if len(request.form) > MAX_FIELDS:  # multipart is bounded while it is read; urlencoded here
        abort(413, "表单字段过多")
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not g.csrf or not hmac.compare_digest(given.encode(), g.csrf.encode()):
        abort(400, "页面已过期，请刷新后重试")


def me() -> Actor:
    """The signed-in person; 401 where there is none."""
    who = g.get("actor")
    if who is None:
        abort(401)
    assert isinstance(who, Actor)
    return who


def signed_in(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R | Reply]]:
    """Guards a view: signed in, with one of `roles` (none named: any). Others meet 404. Checks CSRF on changes."""
    allowed = frozenset(roles)

    def guard(view: Callable[P, R]) -> Callable[P, R | Reply]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Reply:
            if g.get("actor") is None:
                page = "HX-Request" not in request.headers and not request.path.startswith("/api/")
                if request.method == "GET" and page:
                    return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")))
                abort(401)
            if allowed and not me().has(allowed):
                abort(404)
            if request.method not in ("GET", "HEAD"):
                check_csrf()
            return view(*args, **kwargs)

        guarded.roles = allowed  # type: ignore[attr-defined]  # read by the test that walks all routes
        return guarded

    return guard


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self)"
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    if settings().https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def install(app: Flask) -> None:
    """Adds the session loader, the headers and the template helpers to the application."""
    app.before_request(_load)
    app.after_request(_headers)
    app.context_processor(layout.context)
