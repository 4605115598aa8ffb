"""Notes to colleagues on a clue, and the list of those that mention the person."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.supervision import notes
from hub.web import desk
from hub.web.security import me, signed_in

bp = Blueprint("notes", __name__)

REFUSED = 422


@bp.post("/clues/<no>/notes")
@signed_in(*people.ORIGINAL_ROLES)
def add(no: str) -> Response | tuple[str, int]:
    """Writes a note; what cannot be kept comes back in its box with the reason."""
    text = request.form.get("note", "").replace("\r\n", "\n").strip()
    try:
        with db.transaction() as session:
            casework.add_note(session, me(), desk.workable(session, no), text)
    except casework.RefusedError as error:
        return desk.page(no, note=desk.NoteDraft(text, str(error)), status=REFUSED)
    return redirect(url_for("console.clue_page", no=no, _anchor="notes"), code=303)


@bp.get("/mentions")
@signed_in(*people.ORIGINAL_ROLES)
def listing() -> str:
    """Notes that speak to the person, the newest first."""
    with db.reading() as session:
        rows = notes.mentions(session, me())
    return render_template("mentions.html", rows=rows)


@bp.get("/mentions/count")
@signed_in(*people.ORIGINAL_ROLES)
def count() -> dict[str, int]:
    """How many of them are unseen, for the menu."""
    with db.reading() as session:
        return {"unseen": notes.unseen(session, me())}


@bp.post("/mentions/seen")
@signed_in(*people.ORIGINAL_ROLES)
def seen() -> Response:
    """Everything that mentions the person is seen."""
    with db.transaction() as session:
        casework.note_seen(session, me())
    return redirect(url_for("notes.listing"), code=303)
