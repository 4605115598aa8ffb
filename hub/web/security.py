"""Headers, sessions and refusals that every page shares."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import db
from hub.access import audit, people, sessions, tokens
from hub.access.people import Actor
from hub.settings import settings
from hub.terms import Role
from hub.web import layout

P = ParamSpec("P")
R = TypeVar("R")

MAX_FIELDS = 2000
MAX_PLAIN = 1024 * 1024  # bytes of an urlencoded form or JSON
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def cookie_name() -> str:
    return "__Host-hub" if settings().https else "hub"


def begin_session(session: Session, user_id: int, factor_at: datetime | None = None) -> str:
    """A new server-side session of this browser; returns the cookie's value."""
    agent = request.headers.get("User-Agent", "")[:400]
    return sessions.begin(session, user_id, agent=agent, address=request.remote_addr or "", factor_at=factor_at)


def end_session() -> None:
    with db.transaction() as session:
        sessions.end(session, request.cookies.get(cookie_name(), ""))


def set_cookie(response: Reply, token: str) -> None:
    """Gives the browser its session."""
    response.set_cookie(
        cookie_name(), token, httponly=True, samesite="Lax", secure=settings().https, path="/",
        max_age=settings().session_hours * 3600,
    )  # fmt: skip


def _load() -> None:
    """Puts the signed-in person, if any, into `g.actor` and the session's CSRF token into `g.csrf`.

    `g.half` is the person's id while a second factor or a new password is owed (`g.owes`): then there is no `g.actor`.
    """
    g.actor, g.csrf, g.sign_in, g.factor_at, g.half, g.owes, g.program = None, "", "", None, 0, "", None
    g.factor_recent = False
    if "\0" in request.path:  # PostgreSQL takes no NUL in text
        abort(404)
    if request.path.startswith("/api/") and request.headers.get("Authorization", "").startswith("Bearer "):
        _load_program(request.headers["Authorization"].removeprefix("Bearer ").strip())
        return
    token = request.cookies.get(cookie_name())
    if not token or request.path.startswith(("/static/", "/hooks/", "/healthz", "/metrics")):
        return
    with db.asking() as connection:
        found = sessions.load(connection, token)
    if found is None:
        return
    g.csrf, g.sign_in, g.factor_at, g.owes = found.csrf, found.name, found.factor_at, found.owes
    g.factor_recent = sessions.recent(g.factor_at)
    g.actor, g.half = found.actor, found.user_id if found.owes else 0
    if found.stale:
        with db.transaction() as session:
            sessions.touch(session, token)


def _load_program(text: str) -> None:
    """A program with a key: no cookie, no CSRF token, only what its scopes allow."""
    with db.reading() as session:
        found = tokens.find(session, text, request.remote_addr or "")
    if found is None:
        abort(401, "接口密钥无效、已过期，或不得从这个地址使用")
    if not tokens.allows(found.scopes, request.method, request.path):
        abort(403, "接口密钥没有这项权限")
    g.actor, g.program, g.sign_in = found.actor, found.token_id, f"token:{found.token_id}"
    if found.stale:
        with db.transaction() as session:
            tokens.touch(session, found.token_id)


def check_csrf() -> None:
    """Refuses a changing request of a browser session without its token (form field or header), and form bombs."""
    if request.mimetype != "multipart/form-data":  # files come in multipart; nothing else is large
        request.max_content_length = MAX_PLAIN
    if len(request.form) > MAX_FIELDS:  # multipart is bounded while it is read; urlencoded here
        abort(413, "表单字段过多")
    if g.get("program") is not None:  # a key is no cookie: no browser sends it by itself
        return
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


def _note_refused(response: Response) -> Response:
    """Who asked for a clue that is not theirs to see leaves a trace: number of the clue and page, no content."""
    for attempt in people.refused():
        with db.transaction() as session:
            data = {"page": request.endpoint, "clue": attempt.clue_id}
            audit.record(session, attempt.object, "refused_look", actor=attempt.actor, data=data)
    return response


def install(app: Flask) -> None:
    """Adds the session loader, the headers and the template helpers to the application."""
    app.before_request(people.watch)
    app.before_request(_load)
    app.after_request(_headers)
    app.after_request(_note_refused)
    app.context_processor(layout.context)
