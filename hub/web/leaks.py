"""The leak-incident form (J11): anybody of the staff reports, the unit's leads see and close it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.access import people
from hub.casework import protection
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("leaks", __name__)


@bp.get("/leaks")
@signed_in()
def page() -> str:
    return _page()


def _page(problem: str = "", *, sent: bool = False) -> str:
    with db.reading() as session:
        rows = [
            {"id": row.id, "at": clock.china(row.at), "kind": protection.LEAKS[row.kind], "words": words,
             "closed": row.state == "closed", "own": row.by_user == me().user_id}
            for row, words in protection.leaks(session, me())
        ]  # fmt: skip
    now = clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M")
    return render_template(
        "leaks.html", rows=rows, kinds=protection.LEAKS, problem=problem, sent=sent, now=now,
        sees=me().has(protection.CLOSERS), closes=me().has(frozenset({Role.LEAD})), form=request.form,
    )  # fmt: skip


@bp.post("/leaks")
@signed_in()
def report() -> str | tuple[str, int]:
    """Stores the form; what was typed stays in it when something is refused."""
    try:
        noticed = datetime.fromisoformat(request.form.get("noticed", "")).replace(tzinfo=clock.CHINA)
    except ValueError:
        return _page("发现时间不是有效的时间"), 422
    no = request.form.get("no", "").strip()[:60]
    try:
        with db.transaction() as session:
            clue = people.find(session, me(), no) if no else None
            if no and clue is None:
                raise casework.RefusedError("没有这个编号的线索")
            account = request.form.get("account", "")
            protection.report_leak(session, me(), request.form.get("kind", ""), account, noticed, clue)
    except casework.RefusedError as error:
        return _page(str(error)), 422
    return _page(sent=True)


@bp.post("/leaks/<int:number>/close")
@signed_in(Role.LEAD)
def close(number: int) -> Response | tuple[str, int]:
    """A lead closes an incident with what was done about it."""
    if number > 2**62:
        abort(404)
    try:
        with db.transaction() as session:
            protection.close_leak(session, me(), number, request.form.get("measures", ""))
    except casework.RefusedError as error:
        return _page(str(error)), 422
    return redirect(url_for("leaks.page"), code=303)
