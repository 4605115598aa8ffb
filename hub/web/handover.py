"""Documents that leave the hub: transfer slips and packages, the N2 list for discipline inspection, the N4 sheets."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import casework, clock, db
from hub.access import audit, people
from hub.casework import transfers
from hub.law import workflow
from hub.models import Clue
from hub.supervision import papers
from hub.terms import STATE_LABELS, Role, State
from hub.web import desk
from hub.web.security import me, signed_in

bp = Blueprint("handover", __name__)

LONGEST = 2000
SHEETS = {"N2": "移送纪检监察线索清单", "N4": "涉密线索移交清单"}
RECEIVERS = {"N2": "接收的纪检监察机关", "N4": "接收的保密或国家安全机关"}


@bp.get("/clues/<no>/transfers/<int:number>/<kind>")
@signed_in(*people.ORIGINAL_ROLES)
def document(no: str, number: int, kind: str) -> Response:
    """The slip or the package of a transfer as it went out, as PDF; each opening is an event."""
    if kind not in ("slip", "package"):
        abort(404)
    try:
        with db.transaction() as session:
            clue = desk.found(session, no)
            if number not in {one.id for one in papers.of_clue(session, me(), clue).transfers if kind in one.opens}:
                abort(404)
            name, data = transfers.document(session, me(), number, kind)
    except casework.RefusedError as error:
        abort(409, str(error))
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@bp.get("/clues/<no>/discipline")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def discipline(no: str) -> str:
    """The list that goes to discipline inspection with an N2 clue, and its record once it is signed; for print."""
    with db.transaction() as session:
        clue = desk.found(session, no)
        if not papers.takes_sheet(me(), clue):
            abort(404)
        return _sheet(session, clue, "N2")


def _sheet(session: Session, clue: Clue, ground: str) -> str:
    """The printed sheet: number and hashes, no content. Noted with who took it."""
    kind = "discipline" if ground == "N2" else "secrecy"
    audit.record(session, f"clue:{clue.id}", "print", actor=me().label, data={"sheet": kind})
    found = casework.hand_over_sheet(session, clue)
    done = papers.handed(session, clue, kind)
    back = url_for("console.clue_page", no=clue.no) if ground == "N2" else url_for("handover.quarantined", no=clue.no)
    return render_template(
        "handover_sheet.html", sheet=found, done=done, title=SHEETS[ground], receiver=RECEIVERS[ground], back=back,
        now=clock.china(clock.now()),
    )  # fmt: skip


@bp.get("/quarantine")
@signed_in(Role.LEAD)
def listing() -> str:
    """The N4 clues of the own unit: to hand over, or handed over. Nobody else is shown that there are any."""
    with db.reading() as session:
        rows = [_row(session, clue) for clue in casework.quarantined(session, me())]
    return render_template("handover_list.html", rows=rows)


def _row(session: Session, clue: Clue) -> dict[str, Any]:
    return {
        "no": clue.no, "at": clue.at, "state": STATE_LABELS[State(clue.state)], "closed": clue.state == "closed",
        "version": clue.version, "done": papers.handed(session, clue, "secrecy"),
    }  # fmt: skip


def _found(session: Session, no: str) -> Clue:
    """The quarantined clue, or 404 whether it does not exist or is not for this person."""
    clue = casework.find_quarantined(session, me(), no)
    if clue is None:
        abort(404)
    return clue


@bp.get("/quarantine/<no>")
@signed_in(Role.LEAD)
def quarantined(no: str) -> tuple[str, int]:
    """One of them: its number, the hashes of its originals, and what can be done with it."""
    return _page(no)


def _page(no: str, problem: str = "", article: str = "", act: str = "", status: int = 200) -> tuple[str, int]:
    with db.reading() as session:
        clue = _found(session, no)
        row = _row(session, clue)
        found = casework.hand_over_sheet(session, clue)
    page = render_template(
        "handover_one.html", row=row, sheet=found, problem=problem, article=article, act=act,
        typed={name: request.form.get(name, "") for name in ("number", "receiver", "reason_text")} if problem else {},
    )  # fmt: skip
    return page, status


@bp.get("/quarantine/<no>/sheet")
@signed_in(Role.LEAD)
def sheet(no: str) -> str:
    """The offline hand-over sheet, for print."""
    with db.transaction() as session:
        return _sheet(session, _found(session, no), "N4")


@bp.post("/quarantine/<no>/hand-over")
@signed_in(Role.LEAD)
def hand_over(no: str) -> Reply | tuple[str, int]:
    """The receiving body has signed: in the same transaction every key of the content is destroyed."""
    return _do(no, "quarantine.hand_over", ("number", "receiver"))


@bp.post("/quarantine/<no>/release")
@signed_in(Role.LEAD)
def release(no: str) -> Reply | tuple[str, int]:
    """No state security after all: the clue is seen again, its determination is to be corrected."""
    return _do(no, "quarantine.release", ("reason_text",))


def _do(no: str, act: str, names: tuple[str, ...]) -> Reply | tuple[str, int]:
    typed = {name: request.form.get(name, "").replace("\0", "").strip()[:LONGEST] for name in names}
    try:
        with db.transaction() as session:
            clue = _found(session, no)
            given = {name: text for name, text in typed.items() if text}
            casework.apply(session, me(), clue, act, given, request.form.get("version", type=int))
    except casework.RefusedError as error:
        status = 409 if isinstance(error, casework.StaleError) else 422
        return _page(no, str(error), error.article or workflow.rule(act).article, act, status)
    if act == "quarantine.release":
        return redirect(url_for("console.clue_page", no=no, done=act), code=303)
    return redirect(url_for("handover.quarantined", no=no), code=303)
