"""People and roles: the screens of the system and the security administrator, read by the auditor."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import db
from hub.access import factors, grants, sessions
from hub.access.grants import ADMINISTRATORS, GrantError
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("people", __name__)
CODE = 20  # characters of the longest code of a unit
ACT_LABELS = {"grant": "授予", "revoke": "撤销"}
STATE_LABELS = {"open": "待确认", "confirmed": "已生效", "refused": "未同意"}


def fresh(session: Session) -> None:
    """Administrators with a second factor act with a fresh one only."""
    if factors.enrolled(session, me().user_id) and not sessions.recent(g.factor_at):
        raise GrantError("请先在“我的账户 › 二次验证”完成一次验证，再办理人员与权限")


def _act(work: Callable[[Session], object]) -> Response | tuple[str, int]:
    """Does one act and goes back to the list, or says which rule refused."""
    try:
        with db.transaction() as session:
            fresh(session)
            work(session)
    except GrantError as error:
        return render_template("problem.html", message=str(error), back=url_for("people.listing")), 422
    return redirect(url_for("people.listing"), code=303)


@bp.get("/people")
@signed_in(*grants.SHOWN_TO)
def listing() -> str:
    with db.reading() as session:
        return render_template(
            "people.html", rows=grants.people(session, me()), waiting=grants.changes(session, me(), still_open=True),
            history=grants.changes(session, me(), still_open=False), act_labels=ACT_LABELS, states=STATE_LABELS,
            proposes=me().has(frozenset({Role.SYSADMIN})), confirms=me().has(frozenset({Role.SECADMIN})),
            roles=list(Role),
        )  # fmt: skip


@bp.post("/people")
@signed_in(Role.SYSADMIN)
def add() -> str | tuple[str, int]:
    """A new person; the first password is shown this once."""
    form = request.form
    try:
        with db.transaction() as session:
            fresh(session)
            first = grants.add_person(
                session, me(), form.get("login", "")[:60], form.get("name", "")[:60],
                form.get("unit", "").strip()[:CODE], form.getlist("role"),
            )  # fmt: skip
    except GrantError as error:
        return render_template("problem.html", message=str(error), back=url_for("people.listing")), 422
    return render_template("people_password.html", login=form.get("login", "").strip(), password=first, new=True)


@bp.post("/people/<int:number>/roles")
@signed_in(Role.SYSADMIN)
def propose(number: int) -> Response | tuple[str, int]:
    """Asks for a role of somebody; a security administrator decides."""
    form = request.form
    return _act(
        lambda session: grants.propose(
            session, me(), number, form.get("unit", "").strip()[:CODE], form.get("role", ""), form.get("reason", "")
        )
    )


@bp.post("/people/changes/<int:number>")
@signed_in(Role.SECADMIN)
def decide(number: int) -> Response | tuple[str, int]:
    """Confirms or refuses a proposed role."""
    return _act(lambda session: grants.decide(session, me(), number, confirm=request.form.get("confirm") == "1"))


@bp.post("/people/<int:number>/roles/revoke")
@signed_in(*ADMINISTRATORS)
def revoke(number: int) -> Response | tuple[str, int]:
    """Takes a role away at once."""
    form = request.form
    return _act(lambda session: grants.revoke(session, me(), number, form.get("role", ""), form.get("reason", "")))


@bp.post("/people/<int:number>/end")
@signed_in(*ADMINISTRATORS)
def end(number: int) -> Response | tuple[str, int]:
    """Ends an account with its sessions at once."""
    return _act(lambda session: grants.end_account(session, me(), number))


@bp.post("/people/<int:number>/password")
@signed_in(Role.SYSADMIN)
def password(number: int) -> str | tuple[str, int]:
    """A new first password, shown this once."""
    try:
        with db.transaction() as session:
            fresh(session)
            first = grants.new_password(session, me(), number)
    except GrantError as error:
        return render_template("problem.html", message=str(error), back=url_for("people.listing")), 422
    return render_template("people_password.html", login="", password=first, new=False)


@bp.post("/people/<int:number>/factors")
@signed_in(Role.SECADMIN)
def reset(number: int) -> Response | tuple[str, int]:
    """Removes the second factors of somebody who lost them."""
    return _act(lambda session: grants.reset_factors(session, me(), number))
