"""Automatic assignment of a unit's new clues: who has how many, who is away, and the lead's switch."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import walls
from hub.casework import assigning
from hub.models import ClueUnit
from hub.web.bulk import DOERS
from hub.web.security import me, signed_in

bp = Blueprint("assigning", __name__)

REFUSED = 422


@bp.get("/assigning")
@signed_in(*DOERS)
def page() -> str:
    """Handlers with their open clues, absences with who stands in, and whether clues are assigned by themselves."""
    return _page()


def _page(problem: str = "") -> str:
    with db.reading() as session:
        staff = assigning.loads(session, me().unit_id, me())
        seen = assigning.waiting(me().unit_id).where(~walls.hide(me(), ClueUnit.clue_id))
        waiting = session.scalar(select(func.count()).select_from(seen.subquery())) or 0
        kept = assigning.setting(session, me().unit_id)
    return render_template(
        "assigning.html", staff=staff, waiting=waiting, kept=kept, problem=problem, highest=assigning.HIGHEST,
        may_set=me().has(assigning.SETTERS),
    )  # fmt: skip


@bp.post("/assigning")
@signed_in(*assigning.SETTERS)
def change() -> Response | tuple[str, int]:
    """The lead switches it on or off, with a bound for each handler."""
    typed = request.form.get("most", "").strip()
    try:
        if typed and not (typed.isascii() and typed.isdigit() and len(typed) < 6):
            raise casework.RefusedError("每人在办上限须为整数", kind="value", name="most")
        with db.transaction() as session:
            most = int(typed) if typed else None
            assigning.set_auto(session, me(), running=bool(request.form.get("running")), most=most)
    except casework.RefusedError as error:
        return _page(str(error)), REFUSED
    return redirect(url_for("assigning.page"), code=303)
