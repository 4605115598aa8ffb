"""Phrases and macros: kept, shared by a lead, put into the boxes of acts by `/`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.supervision import phrases
from hub.supervision.keeping import SHARERS
from hub.supervision.queue import BIGGEST
from hub.web.security import me, signed_in

bp = Blueprint("phrases", __name__)

REFUSED = 422


@bp.get("/phrases")
@signed_in(*people.CONTENT_ROLES)
def listing() -> str:
    """One's phrases and macros, and those shared in the unit."""
    return _listing()


def _listing(problem: str = "", at: int = 0) -> str:
    with db.reading() as session:
        rows, history = phrases.of(session, me()), phrases.history(session, me())
    return render_template(
        "phrases.html", rows=rows, history=history, problem=problem, at=at, may_share=me().has(SHARERS),
        places=phrases.PLACES, given=request.form,
    )  # fmt: skip


@bp.get("/phrases/list")
@signed_in(*people.CONTENT_ROLES)
def list_() -> dict[str, list[dict[str, Any]]]:
    """The same for scripts: what a box may take, and what fills in the form of `act`."""
    with db.reading() as session:
        rows = phrases.of(session, me())
    return {
        "phrases": [{"name": one.name, "text": one.text} for one in rows if not one.act],
        "macros": [{"name": one.name, "act": one.act, "values": dict(one.values)} for one in rows if one.act],
    }


@bp.post("/phrases")
@signed_in(*people.CONTENT_ROLES)
def save() -> Response | tuple[str, int]:
    """Keeps words; with `act` what was filled into its form (boxes `value.<name>`)."""
    act, shared = request.form.get("act", "")[:60], bool(request.form.get("shared"))
    name = request.form.get("name", "")[:200]
    try:
        with db.transaction() as session:
            if act:
                values = {box[6:]: text for box, text in request.form.items() if box.startswith("value.")}
                phrases.save_macro(session, me(), name, act, values, shared=shared)
            else:
                phrases.save(session, me(), name, request.form.get("text", ""), shared=shared)
    except casework.RefusedError as error:
        return _listing(str(error)), REFUSED
    return redirect(url_for("phrases.listing"), code=303)


@bp.post("/phrases/<int:number>")
@signed_in(*people.CONTENT_ROLES)
def change(number: int) -> Response | tuple[str, int]:
    """Another name, other words, shared with the unit or not."""
    name, text = request.form.get("name", "")[:200], request.form.get("text", "")
    try:
        with db.transaction() as session:
            phrases.change(session, me(), _number(number), name, text, shared=bool(request.form.get("shared")))
    except casework.RefusedError as error:
        return _listing(str(error), number), REFUSED
    return redirect(url_for("phrases.listing"), code=303)


@bp.post("/phrases/<int:number>/delete")
@signed_in(*people.CONTENT_ROLES)
def delete(number: int) -> Response | tuple[str, int]:
    """Gone for everybody who had it."""
    try:
        with db.transaction() as session:
            phrases.delete(session, me(), _number(number))
    except casework.RefusedError as error:
        return _listing(str(error), number), REFUSED
    return redirect(url_for("phrases.listing"), code=303)


def _number(number: int) -> int:
    """An id of the address; 404 where the database can have none such."""
    return number if number < BIGGEST else abort(404)
