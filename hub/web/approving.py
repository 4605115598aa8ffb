"""Acts that wait for approval: decided step by step, or taken back."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.models import Clue
from hub.supervision import approving
from hub.web import desk, given
from hub.web.security import me, signed_in

bp = Blueprint("approving", __name__)

REFUSED = 422


def _on(session: Session, clue: Clue, number: int) -> None:
    """The proposal stands on this clue and is open to the person; else 404."""
    if number not in {one.pending.id for one in approving.waiting(session, me(), clue)}:
        abort(404)


@bp.post("/clues/<no>/proposals/<int:number>/decide")
@signed_in(*people.CONTENT_ROLES)
def decide(no: str, number: int) -> Response | tuple[str, int]:
    """Approves a step or sends the proposal back; the last approval does the act."""
    try:
        with db.transaction() as session:
            clue = desk.found(session, no)
            _on(session, clue, number)
            verdict, opinion = request.form.get("verdict", ""), request.form.get("opinion", "")[:2000]
            done = casework.decide(session, me(), number, verdict, opinion)
            target = desk.onward(session, done.clue if done is not None else clue, "approved" if done else "decided")
    except casework.RefusedError as error:
        form = desk.Form("approval", None, given.kept(), str(error), error.article)
        return desk.page(no, form=form, status=REFUSED)
    return redirect(target, code=303)


@bp.post("/clues/<no>/proposals/<int:number>/withdraw")
@signed_in(*people.CONTENT_ROLES)
def withdraw(no: str, number: int) -> Response | tuple[str, int]:
    """Takes a proposal back."""
    try:
        with db.transaction() as session:
            clue = desk.found(session, no)
            _on(session, clue, number)
            casework.withdraw(session, me(), number)
    except casework.RefusedError as error:
        form = desk.Form("approval", None, problem=str(error), article=error.article)
        return desk.page(no, form=form, status=REFUSED)
    return redirect(url_for("console.clue_page", no=no, done="withdrawn"), code=303)
