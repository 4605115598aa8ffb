"""Reading over what the machine read of letters: scan and lines on one screen, keys only; then the release (A5)."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Reply

from hub import db
from hub.access import people
from hub.mailroom import reading
from hub.mailroom.errors import MailroomError
from hub.supervision import case
from hub.web import mailroom
from hub.web.mailroom import CLERKS
from hub.web.security import me, signed_in

bp = Blueprint("mail_reading", __name__)
bp.register_error_handler(MailroomError, mailroom.refused)


@bp.get("/mailroom/reading")
@signed_in(*CLERKS)
def listing() -> str:
    """The letters one took in and has not released; with the header HX-Request only the list."""
    with db.reading() as session:
        rows = reading.unreleased(session, me())
        counts = mailroom.tabs(session, me())
    template = "mailroom_reading_rows.html" if "HX-Request" in request.headers else "mailroom_reading.html"
    return render_template(template, rows=rows, tabs=counts)


@bp.get("/mailroom/reading/<int:number>")
@signed_in(*CLERKS)
def sheet(number: int) -> str:
    """One letter beside its scan. The first look of a sign-in is noted, as on the clue page."""
    with db.transaction() as session:
        shown = reading.sheet(session, me(), number)
        clue = people.find(session, me(), shown.clue_no)
        assert clue is not None
        case.note_read_once(session, me(), clue, g.sign_in)
        session.expunge_all()
    return render_template("mailroom_sheet.html", sheet=shown, doubt=reading.DOUBT)


@bp.post("/mailroom/reading/<int:number>/release")
@signed_in(*CLERKS)
def release(number: int) -> Reply:
    """The letter is read over; on to the next one."""
    with db.transaction() as session:
        after = request.form.get("after", 0, type=int)
        reading.release(session, me(), number)
    target = url_for("mail_reading.sheet", number=after) if after else url_for("mail_reading.listing")
    return redirect(target, code=303)


@bp.post("/mailroom/reading/release")
@signed_in(*CLERKS)
def release_all() -> Reply:
    """Releases every letter whose text is there."""
    with db.transaction() as session:
        count = reading.release_all(session, me())
    return redirect(url_for("mail_reading.listing", released=count), code=303)
