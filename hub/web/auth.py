"""Sign-in and sign-out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub import db
from hub.access import audit, passwords
from hub.access.people import actor
from hub.settings import settings
from hub.web.security import begin_session, cookie_name, end_session, signed_in

bp = Blueprint("auth", __name__)


def _next(target: str) -> str:
    """A path of ours, never another site."""
    parts = urlsplit(target)
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc else "/"


@bp.get("/sign-in")
def sign_in() -> str | Response:
    if g.actor is not None:
        return redirect(_next(request.args.get("next", "/")))
    return render_template("sign_in.html", next=_next(request.args.get("next", "/")), failed=False)


@bp.post("/sign-in")
def sign_in_post() -> str | Response | tuple[str, int]:
    """Needs no CSRF token: it changes nothing of a signed-in person, and SameSite cookies start here."""
    request.max_content_length = 16 * 1024
    login, password = request.form.get("login", "")[:100].replace("\0", ""), request.form.get("password", "")[:200]
    target = _next(request.form.get("next", "/"))
    with db.transaction() as session:
        user = passwords.check(session, login, password)
        who = actor(session, user.id) if user else None
        token = begin_session(session, who.user_id) if who else ""
        if user is not None:
            audit.record(session, f"user:{user.id}", "sign_in", actor=f"user:{user.id}")
    if not token:
        return render_template("sign_in.html", next=target, failed=True), 401
    response = make_response(redirect(target))
    response.set_cookie(
        cookie_name(), token, httponly=True, samesite="Lax", secure=settings().https, path="/", max_age=12 * 3600
    )
    return response


@bp.post("/sign-out")
@signed_in()
def sign_out() -> Response:
    end_session()
    response = make_response(redirect(url_for("auth.sign_in")))
    response.delete_cookie(cookie_name(), path="/")
    return response
