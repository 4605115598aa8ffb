"""Sign-in in up to three steps (password, second factor, a due new password) and sign-out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, g, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import clock, db
from hub.access import audit, factors, oidc, passwords, sessions
from hub.access.people import actor
from hub.models import SignIn, User
from hub.settings import settings
from hub.web.security import begin_session, check_csrf, cookie_name, end_session, set_cookie, signed_in

bp = Blueprint("auth", __name__)
SMALL = 64 * 1024  # bytes of a sign-in form or a security key's answer


def next_path(target: str) -> str:
    """A path of ours, never another site."""
    parts = urlsplit(target)
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc else "/"


def rp_id() -> str:
    """The host a security key is bound to (WebAuthn §5.1.2)."""
    return request.host.partition(":")[0]


def origin() -> str:
    return request.host_url.rstrip("/")


@bp.get("/sign-in")
def sign_in() -> str | Response:
    target = next_path(request.args.get("next", "/"))
    if g.actor is not None:
        return redirect(target)
    if g.owes == "factor":
        return redirect(url_for("auth.factor", next=target))
    if g.owes == "password":
        return redirect(url_for("account.password"))
    return render_template("sign_in.html", next=target, failed=False, oidc=oidc.enabled())


@bp.post("/sign-in")
def sign_in_post() -> str | Response | tuple[str, int]:
    """Needs no CSRF token: it changes nothing of a signed-in person, and SameSite cookies start here."""
    request.max_content_length = 16 * 1024
    login, password = request.form.get("login", "")[:100].replace("\0", ""), request.form.get("password", "")[:200]
    target = next_path(request.form.get("next", "/"))
    with db.transaction() as session:
        user = passwords.check(session, login, password, request.remote_addr or "")
        token = _begin(session, user, "password") if user is not None else ""
    if not token:
        return render_template("sign_in.html", next=target, failed=True, oidc=oidc.enabled()), 401
    return _sent(target, token)


def _begin(session: Session, user: User, way: str, factor_at: datetime | None = None) -> str:
    """A session for this person, if they have a role; "" otherwise."""
    if actor(session, user.id) is None:
        audit.record(session, f"user:{user.id}", "sign_in_refused", data={"way": way, "why": "no role"})
        return ""
    audit.record(session, f"user:{user.id}", "sign_in", actor=f"user:{user.id}", data={"way": way})
    return begin_session(session, user.id, factor_at)


def _sent(target: str, token: str) -> Response:
    response = make_response(redirect(target))
    set_cookie(response, token)
    return response


# ---- the second step


def _half_row(session: Session) -> tuple[SignIn, User]:
    """The half session's row and person; 404 for everybody else."""
    if g.owes != "factor":
        abort(404)
    row = session.get(SignIn, sessions.token_hash(request.cookies.get(cookie_name(), "")), with_for_update=True)
    if row is None:
        abort(404)
    return row, session.get_one(User, row.user_id, with_for_update=True)


@bp.get("/sign-in/factor")
def factor() -> str | Response:
    """Asks for the second factor, or leads to setting one up."""
    if g.owes != "factor":
        return redirect(url_for("auth.sign_in", next="/"))
    with db.reading() as session:
        known = {row.kind for row in factors.enrolled(session, g.half)}
    if not known:
        return redirect(url_for("account.factors_page"))
    return _factor_page(known)


def _factor_page(known: set[str], *, failed: bool = False) -> str:
    target = next_path(request.values.get("next", "/"))
    return render_template("sign_in_factor.html", next=target, failed=failed, known=known)


@bp.post("/sign-in/factor")
def factor_post() -> str | Response | tuple[str, int]:
    """A one-time password or a recovery code. Failures count like wrong passwords."""
    check_csrf()
    code, token = request.form.get("code", "")[:40], ""
    with db.transaction() as session:
        row, user = _half_row(session)
        known = {one.kind for one in factors.enrolled(session, user.id)}
        if known and answered(session, user, code):
            token = sessions.give_factor(session, row)
    if not token:
        return _factor_page(known, failed=True), 401
    return _sent(next_path(request.form.get("next", "/")), token)


def answered(session: Session, user: User, code: str) -> bool:
    """Whether the code is a right one-time password or recovery code; a wrong one is counted."""
    if passwords.is_locked(user):
        audit.record(session, f"user:{user.id}", "factor_refused", data={"way": "code", "why": "locked"})
        return False
    if factors.check_totp(session, user.id, code) or factors.check_code(session, user.id, code):
        user.failed = 0
        return True
    passwords.note_failure(user)
    audit.record(session, f"user:{user.id}", "factor_refused", data={"way": "code"})
    return False


@bp.post("/sign-in/key/options")
def key_options() -> Response:
    """What the browser needs to answer with a security key: the second step, or a fresh look in a session."""
    check_csrf()
    with db.transaction() as session:
        row = session.get(SignIn, sessions.token_hash(request.cookies.get(cookie_name(), "")), with_for_update=True)
        if row is None or g.owes == "password":
            abort(404)
        options, row.challenge = factors.ask_key(session, row.user_id, rp_id())
    return jsonify(options)


@bp.post("/sign-in/key")
def key_answer() -> Response | tuple[Response, int]:
    """A security key's answer."""
    request.max_content_length = SMALL
    check_csrf()
    answer: Any = request.get_json(silent=True)
    token, right = "", False
    with db.transaction() as session:
        row = session.get(SignIn, sessions.token_hash(request.cookies.get(cookie_name(), "")), with_for_update=True)
        if row is None or g.owes == "password" or not isinstance(answer, dict):
            abort(404)
        user, challenge = session.get_one(User, row.user_id, with_for_update=True), row.challenge
        row.challenge = None  # good for one answer
        right = not passwords.is_locked(user) and factors.check_key(
            session, user.id, answer, challenge, rp_id=rp_id(), origin=origin()
        )
        if right:
            user.failed = 0
            token = sessions.give_factor(session, row)
        else:
            passwords.note_failure(user)
            audit.record(session, f"user:{user.id}", "factor_refused", data={"way": "key"})
    if not right:
        return jsonify(error="安全密钥未能核实，请重试"), 401
    response = jsonify(ok=True)
    if token:
        set_cookie(response, token)
    return response


# ---- the unit's own provider


def _oidc_cookie() -> str:
    return "__Host-hub-oidc" if settings().https else "hub-oidc"


@bp.get("/sign-in/oidc")
def oidc_begin() -> Response | tuple[str, int]:
    """To the unit's OpenID provider, if one is set; from a session: to link the account."""
    if not oidc.enabled() or g.half:
        return redirect(url_for("auth.sign_in", next="/"))
    kept = oidc.fresh()
    try:
        target = oidc.begin(kept, url_for("auth.oidc_back", _external=True))
    except oidc.OidcError:
        return _oidc_failed()
    response = make_response(redirect(target))
    response.set_cookie(
        _oidc_cookie(), kept, httponly=True, samesite="Lax", secure=settings().https, path="/", max_age=600
    )
    return response


def _oidc_failed() -> tuple[str, int]:
    message = "统一身份认证没有成功，请重试或用密码登录"
    return render_template("problem.html", message=message, back=url_for("auth.sign_in")), 502


@bp.get("/sign-in/oidc/back")
def oidc_back() -> Response | tuple[str, int]:
    """The provider's answer: signs in whom it is linked to, or links the person signed in."""
    if not oidc.enabled():
        return redirect(url_for("auth.sign_in", next="/"))
    kept, state, code = request.cookies.get(_oidc_cookie(), ""), request.args.get("state", ""), request.args.get("code")
    try:
        found = oidc.finish(kept, state[:200], (code or "")[:2000], url_for("auth.oidc_back", _external=True))
    except oidc.OidcError:
        return _oidc_failed()
    with db.transaction() as session:
        user = session.scalars(select(User).where(User.subject == found.subject).with_for_update()).first()
        if g.actor is not None:
            return _link(session, user, found)
        alive = user is not None and user.active and not passwords.is_locked(user)
        strong = clock.real() if found.strong else None
        token = _begin(session, user, "oidc", strong) if user is not None and alive else ""
        if not alive:
            obj = f"user:{user.id}" if user is not None else passwords.NOBODY
            audit.record(session, obj, "sign_in_refused", data={"way": "oidc", "why": "locked" if user else "unknown"})
    if not token:
        message = "这个统一身份没有关联账户：请先用密码登录，在“我的账户”中关联"
        return render_template("problem.html", message=message, back=url_for("auth.sign_in")), 403
    response = _sent("/", token)
    response.delete_cookie(_oidc_cookie(), path="/")
    return response


def _link(session: Session, user: User | None, found: oidc.Identity) -> Response | tuple[str, int]:
    if user is not None and user.id != g.actor.user_id:
        message = "这个统一身份已关联另一个账户"
        return render_template("problem.html", message=message, back=url_for("account.page")), 409
    session.get_one(User, g.actor.user_id).subject = found.subject
    audit.record(session, f"user:{g.actor.user_id}", "oidc_linked", actor=g.actor.label)
    return redirect(url_for("account.page"))


@bp.post("/sign-out")
@signed_in()
def sign_out() -> Response:
    end_session()
    response = make_response(redirect(url_for("auth.sign_in")))
    response.delete_cookie(cookie_name(), path="/")
    return response


@bp.post("/sign-in/leave")
def leave() -> Response:
    """Gives a half sign-in up."""
    check_csrf()
    end_session()
    response = make_response(redirect(url_for("auth.sign_in")))
    response.delete_cookie(cookie_name(), path="/")
    return response
