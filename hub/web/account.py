"""One's own account: password, second factors, recovery codes, sessions, keys for programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import zxingcpp
from flask import Blueprint, abort, g, jsonify, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import clock, db
from hub.access import audit, factors, oidc, passwords, sessions, tokens
from hub.models import SignIn, User
from hub.terms import Role
from hub.web.auth import SMALL, answered, next_path, origin, rp_id
from hub.web.security import check_csrf, cookie_name, me, set_cookie, signed_in

bp = Blueprint("account", __name__)
P = ParamSpec("P")
R = TypeVar("R")


def owing_too(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Guards a page that a half session may open too: who owes a factor or a password must be able to set it."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if g.actor is None and not g.half:
            if request.method == "GET":
                return redirect(url_for("auth.sign_in", next=request.path))
            abort(401)
        if request.method not in ("GET", "HEAD"):
            check_csrf()
        return view(*args, **kwargs)

    guarded.roles = frozenset()  # type: ignore[attr-defined]  # read by the test that walks all routes
    return guarded


def user_id() -> int:
    return me().user_id if g.actor is not None else int(g.half)


def _row(session: Session) -> SignIn:
    row = session.get(SignIn, sessions.token_hash(request.cookies.get(cookie_name(), "")), with_for_update=True)
    return row if row is not None else abort(401)


def _may_set_factors(session: Session) -> bool:
    """Setting up needs a factor given lately, where one exists: a stolen session must not add its own."""
    return sessions.recent(g.factor_at) or not factors.enrolled(session, user_id())


@bp.get("/account")
@signed_in()
def page() -> str:
    with db.reading() as session:
        user = session.get_one(User, me().user_id)
        return render_template(
            "account.html", user=user, sessions=sessions.of(session, user.id), session_name=sessions.name,
            known=factors.enrolled(session, user.id), codes=factors.codes_left(session, user.id),
            tokens=tokens.of(session, user.id), scopes=tokens.SCOPES, now=clock.real(), may_token=_may_token(),
            current_session=g.sign_in,
            oidc=oidc.enabled(), recent=sessions.recent(g.factor_at),
        )  # fmt: skip


# ---- password


@bp.get("/account/password")
@owing_too
def password() -> str:
    return render_template("account_password.html", problem="")


@bp.post("/account/password")
@owing_too
def password_post() -> str | Response | tuple[str, int]:
    """Sets a new password; every other session of the person ends."""
    old, new, again = (request.form.get(name, "")[:300] for name in ("old", "new", "again"))
    problem = "" if new == again else "两次输入的新密码不一致"
    if g.owes == "factor":
        abort(404)
    with db.transaction() as session:
        user = session.get_one(User, user_id(), with_for_update=True)
        if passwords.is_locked(user):
            problem = "尝试次数过多，账户暂时锁定"
        elif not problem:
            try:
                passwords.change(user, old, new)
            except passwords.PasswordError as error:
                problem = str(error)
                if "当前密码不正确" in problem:
                    passwords.note_failure(user)
            else:
                sessions.revoke(session, user.id, but=g.sign_in)
                audit.record(session, f"user:{user.id}", "password_changed", actor=f"user:{user.id}")
    if problem:
        return render_template("account_password.html", problem=problem), 422
    return redirect(url_for("account.page"), code=303)


# ---- second factors


def qr(text: str) -> Markup:
    """The text as a QR code: an SVG of one path, no colours of its own."""
    source = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_svg(add_quiet_zones=True)
    size, paths = re.search(r'<svg width="(\d+)"', source), re.findall(r'<path d="([^"]+)"', source)
    if size is None or not paths:
        raise RuntimeError("zxingcpp wrote another SVG than expected")
    start = Markup('<svg class="qr" viewBox="0 0 {0} {0}" role="img" aria-label="二维码">').format(size[1])
    ground = Markup('<path fill="#fff" d="M0 0h{0}v{0}h-{0}z"/>').format(size[1])
    drawn = Markup("").join(Markup('<path d="{}"/>').format(path) for path in paths)
    return start + ground + drawn + Markup("</svg>")


@bp.get("/account/factors")
@owing_too
def factors_page() -> str:
    return _factors()


def _factors(problem: str = "", codes: list[str] | None = None) -> str:
    with db.transaction() as session:
        user = session.get_one(User, user_id())
        known, may = factors.enrolled(session, user.id), _may_set_factors(session)
        pending = factors.pending_totp(session, user) if may else None
        if g.owes == "factor" and not known and pending is None:
            pending = factors.start_totp(session, user)
        return render_template(
            "account_factors.html", known=known, pending=pending, picture=qr(pending[1]) if pending else "",
            problem=problem, codes=codes, left=factors.codes_left(session, user.id), may=may, owing=g.owes == "factor",
        )  # fmt: skip


def _guarded(session: Session) -> User:
    """The person, who may change second factors now."""
    if not _may_set_factors(session):
        abort(403, "请先完成一次二次验证")
    return session.get_one(User, user_id(), with_for_update=True)


@bp.post("/account/factors/totp")
@owing_too
def totp_start() -> Response:
    with db.transaction() as session:
        factors.start_totp(session, _guarded(session))
    return redirect(url_for("account.factors_page"), code=303)


@bp.post("/account/factors/totp/confirm")
@owing_too
def totp_confirm() -> Response | tuple[str, int] | str:
    """The first right answer makes the secret a factor; the first factor brings recovery codes."""
    with db.transaction() as session:
        user = _guarded(session)
        first = not factors.enrolled(session, user.id)
        right = factors.check_totp(session, user.id, request.form.get("code", "")[:10], confirm=True)
        token = sessions.give_factor(session, _row(session)) if right else ""
        codes = factors.make_codes(session, user.id) if right and first else None
    if not right:
        return _factors("动态口令不正确，请核对手机时间后重试"), 422
    return _after(token, codes)


def _after(token: str, codes: list[str] | None) -> Response:
    """The codes are shown on this one page; a half session has become a whole one."""
    response = make_response(render_template("account_codes.html", codes=codes or []))
    if token:
        set_cookie(response, token)
    return response


@bp.post("/account/factors/key/options")
@owing_too
def key_options() -> Response:
    with db.transaction() as session:
        user = _guarded(session)
        options, _row(session).challenge = factors.key_options(session, user, rp_id())
    return jsonify(options)


@bp.post("/account/factors/key")
@owing_too
def key_add() -> Response | tuple[Response, int]:
    request.max_content_length = SMALL
    sent: Any = request.get_json(silent=True)
    if not isinstance(sent, dict) or not isinstance(sent.get("answer"), dict):
        abort(400)
    try:
        with db.transaction() as session:
            user, row = _guarded(session), _row(session)
            challenge, row.challenge = row.challenge, None
            first = not factors.enrolled(session, user.id)
            factors.add_key(session, user, sent["answer"], challenge, rp_id=rp_id(), origin=origin(),
                            name=str(sent.get("name", "")))  # fmt: skip
            token = sessions.give_factor(session, row)
            codes = factors.make_codes(session, user.id) if first else []
    except factors.FactorError as error:
        return jsonify(error=str(error)), 422
    response = jsonify(ok=True, codes=codes)
    if token:
        set_cookie(response, token)
    return response


@bp.post("/account/factors/<int:number>/remove")
@signed_in()
def factor_remove(number: int) -> Response | tuple[str, int]:
    try:
        with db.transaction() as session:
            factors.remove(session, _guarded(session), number)
    except factors.FactorError as error:
        return render_template("problem.html", message=str(error), back=url_for("account.factors_page")), 422
    return redirect(url_for("account.factors_page"), code=303)


@bp.post("/account/codes")
@signed_in()
def codes_new() -> Response:
    """New recovery codes; the earlier ones end."""
    with db.transaction() as session:
        user = _guarded(session)
        if not factors.enrolled(session, user.id):
            abort(422, "请先添加一种二次验证方式")
        codes = factors.make_codes(session, user.id)
    return _after("", codes)


@bp.post("/account/confirm")
@signed_in()
def confirm() -> Response | tuple[str, int]:
    """A fresh one-time password inside a session: needed before identity is shown or factors are changed."""
    with db.transaction() as session:
        user = session.get_one(User, me().user_id, with_for_update=True)
        right = answered(session, user, request.form.get("code", "")[:40])
        if right:
            sessions.give_factor(session, _row(session))
    target = request.form.get("next", "")
    if not right:
        message = "验证没有通过，请重试"
        return render_template("problem.html", message=message, back=url_for("account.factors_page")), 401
    return redirect(next_path(target or url_for("account.factors_page")), code=303)


# ---- sessions


@bp.post("/account/sessions/<which>/end")
@signed_in()
def session_end(which: str) -> Response:
    """Ends one of one's sessions, or with `others` all but this one."""
    with db.transaction() as session:
        if which == "others":
            sessions.revoke(session, me().user_id, but=g.sign_in)
        elif not sessions.revoke(session, me().user_id, which):
            abort(404)
    return redirect(url_for("account.page"), code=303)


# ---- keys for programs


def _may_token() -> bool:
    """Whose rights a program could use: those who read or hand in clues."""
    return me().has(frozenset(set(Role) - {Role.SYSADMIN, Role.SECADMIN, Role.AUDITOR, Role.OTHER_DEPARTMENT}))


@bp.post("/account/tokens")
@signed_in()
def token_make() -> str | tuple[str, int]:
    """A new key, shown this once."""
    if not _may_token():
        abort(404)
    try:
        with db.transaction() as session:
            if factors.enrolled(session, me().user_id) and not sessions.recent(g.factor_at):
                raise tokens.TokenError("请先完成一次二次验证，再新建密钥")
            day = datetime.fromisoformat(request.form.get("expires", "")).replace(hour=23, minute=59)
            text = tokens.make(
                session, me(), request.form.get("name", ""), request.form.getlist("scope"),
                day.replace(tzinfo=clock.CHINA), tokens.networks(request.form.get("addresses", "")[:2000]),
            )  # fmt: skip
    except tokens.TokenError as error:
        return render_template("problem.html", message=str(error), back=url_for("account.page")), 422
    except ValueError:
        return render_template("problem.html", message="有效期不是日期", back=url_for("account.page")), 422
    return render_template("account_token.html", token=text)


@bp.post("/account/tokens/<int:number>/revoke")
@signed_in()
def token_revoke(number: int) -> Response:
    with db.transaction() as session:
        if not tokens.revoke(session, me(), number):
            abort(404)
    return redirect(url_for("account.page"), code=303)
