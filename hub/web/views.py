"""Kept views of the queue: saved from its filters, renamed, shared, deleted; how many clues stand in each."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.supervision import views
from hub.supervision.keeping import SHARERS
from hub.supervision.queue import BIGGEST
from hub.web import console
from hub.web.security import me, signed_in

bp = Blueprint("views", __name__)

REFUSED = 422


@bp.get("/views")
@signed_in(*people.CONTENT_ROLES)
def listing() -> str:
    """The person's views and those shared in the unit, to be renamed, shared or deleted."""
    return _listing()


def _listing(problem: str = "", at: int = 0) -> str:
    with db.reading() as session:
        rows = views.of(session, me())
    return render_template(
        "views.html", rows=rows, problem=problem, at=at, may_share=me().has(SHARERS), words=console.filter_words
    )


@bp.post("/views")
@signed_in(*people.CONTENT_ROLES)
def save() -> Response | tuple[str, int]:
    """Keeps the filters that the queue showed. Sent in the body: what was searched for stays out of addresses."""
    try:
        with db.transaction() as session:
            shared = bool(request.form.get("shared"))
            filters = console.filters_of(request.form)
            row = views.save(session, me(), request.form.get("name", "")[:200], filters, shared=shared)
            target = url_for("console.queue_page", saved=row.id)
    except casework.RefusedError as error:
        return render_template("problem.html", message=str(error), back=url_for("console.queue_page")), REFUSED
    return redirect(target, code=303)


@bp.get("/views/counts")
@signed_in(*people.CONTENT_ROLES)
def counts() -> dict[str, int]:
    """View → number of its clues, for the live queue."""
    with db.reading() as session:
        return {str(number): count for number, count in views.counts(session, me()).items()}


def _number(number: int) -> int:
    """An id of the address; 404 where the database can have none such."""
    return number if number < BIGGEST else abort(404)


@bp.post("/views/<int:number>")
@signed_in(*people.CONTENT_ROLES)
def change(number: int) -> Response | tuple[str, int]:
    """Another name, or shared with the unit or not."""
    try:
        with db.transaction() as session:
            name, shared = request.form.get("name", "")[:200], bool(request.form.get("shared"))
            views.change(session, me(), _number(number), name, shared=shared)
    except casework.RefusedError as error:
        return _listing(str(error), number), REFUSED
    return redirect(url_for("views.listing"), code=303)


@bp.post("/views/<int:number>/delete")
@signed_in(*people.CONTENT_ROLES)
def delete(number: int) -> Response | tuple[str, int]:
    """Gone for everybody who had it."""
    try:
        with db.transaction() as session:
            views.delete(session, me(), _number(number))
    except casework.RefusedError as error:
        return _listing(str(error), number), REFUSED
    return redirect(url_for("views.listing"), code=303)
