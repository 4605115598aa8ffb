"""Showing who reported, and the lead's and auditor's list of who looked."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.access import people, reveal, sessions
from hub.casework import dossier
from hub.models import Clue, User
from hub.terms import Role
from hub.web.auth import answered
from hub.web.security import me, signed_in

bp = Blueprint("reveal", __name__)


@bp.post("/clues/<no>/reveal")
@signed_in(*reveal.ENTRANCE)
def show(no: str) -> str | tuple[str, int]:
    """One look at who reported: the row is committed before anything is opened; then for 60 s, watermarked."""
    if g.program is not None:  # a program never sees identity, whatever its key
        abort(404)
    back = url_for("console.clue_page", no=no)
    if not _factor():
        return render_template("problem.html", message="二次验证没有通过，未显示任何身份信息", back=back), 401
    try:
        with db.transaction() as session:
            clue = people.find(session, me(), no)
            if clue is None:
                abort(404)
            fresh = sessions.recent(g.factor_at)
            row = reveal.ask(session, me(), clue, request.form.get("reason", ""), fresh=fresh, sign_in=g.sign_in)
            casework.announce(session, clue)
            number, shown = row.id, row.state == "shown"
        if not shown:
            return render_template("reveal_asked.html", no=no), 202
        with db.reading() as session:
            found = reveal.identities(session, number)
    except reveal.RevealError as error:
        return render_template("problem.html", message=str(error), back=back), 422
    moment = clock.china(clock.now()).strftime("%Y-%m-%d %H:%M:%S")
    mark = f"{me().name} {me().login} {moment} "
    return render_template("reveal_shown.html", no=no, found=found, seconds=reveal.SECONDS, mark=mark, moment=moment)


def _factor() -> bool:
    """A one-time password sent along makes the second factor fresh; a wrong one is counted. None sent: True."""
    code = request.form.get("code", "").strip()[:40]
    if not code or sessions.recent(g.factor_at):
        return True
    with db.transaction() as session:
        user = session.get_one(User, me().user_id, with_for_update=True)
        right = answered(session, user, code)
        if right:
            found = next(row for row in sessions.of(session, user.id) if sessions.name(row) == g.sign_in)
            sessions.give_factor(session, found)
            g.factor_at = found.factor_at
    return right


@bp.get("/reveals")
@signed_in(*reveal.LOOKERS)
def listing() -> str:
    """Who looked at whose identity, why, and what waits for consent."""
    with db.transaction() as session:
        rows = [replace(row, reason=_shown(session, row)) for row in reveal.looks(session, me())]
        reveal.mark_seen(session, me(), [row.id for row in rows])
    page = "reveals_rows.html" if "HX-Request" in request.headers else "reveals.html"
    return render_template(page, rows=rows, lead=me().has(frozenset({Role.LEAD})))


def _shown(session: Session, row: reveal.Look) -> str:
    """The reason as it is read by others: who looked may have written whom they looked for."""
    clue = session.scalars(select(Clue).where(Clue.no == row.no)).one()
    return dossier.redacted(session, clue, row.reason)


@bp.post("/reveals/<int:number>/decide")
@signed_in(Role.LEAD)
def decide(number: int) -> Response | tuple[str, int]:
    """Consent of a second person to a look over the quota."""
    try:
        with db.transaction() as session:
            row = reveal.decide(session, me(), number, approve=request.form.get("approve") == "1")
            casework.announce(session, session.get_one(Clue, row.clue_id))
    except reveal.RevealError as error:
        return render_template("problem.html", message=str(error), back=url_for("reveal.listing")), 422
    return redirect(url_for("reveal.listing"), code=303)
