"""One act on many clues of the queue: shown first, each refusal with its article; done row by row; taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access.people import Actor
from hub.casework import assigning, bulk
from hub.law import workflow
from hub.supervision.queue import BIGGEST
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("bulk", __name__)

DOERS = frozenset({Role.HANDLER, Role.LEAD, Role.SUPERVISOR})
REFUSED = 422
LABELS = {bulk.AUTO: "自动分派", "assign": "分派承办人", "unassign": "退回待分派", "mark.importance": "评定重要程度"}
IMPORTANCE = {"ordinary": "一般", "important": "重要"}


def choices(session: Session, who: Actor) -> dict[str, Any]:
    """What the bar of the queue offers to this person."""
    acts = [act for act in bulk.ACTS if bulk.may(who, act)] if who.has(DOERS) else []
    staff = assigning.staff(session, who.unit_id) if acts else []
    return {"acts": acts, "staff": staff, "labels": LABELS, "importance": IMPORTANCE}


def _chosen() -> list[bulk.Chosen]:
    """Ticked rows: "number~version"."""
    found = []
    for value in request.form.getlist("row")[: bulk.MOST + 1]:
        no, _, version = value[:80].replace("\0", "").partition("~")  # PostgreSQL takes no NUL in text
        found.append(bulk.Chosen(no, int(version) if version.isascii() and version.isdigit() else None))
    return found


def _data(act: str, *, trial: bool) -> dict[str, Any]:
    """What is the same for all rows; a trial needs no words yet."""
    wanted = bulk.ACTS.get(act, ())
    found: dict[str, Any] = {}
    if "handler" in wanted:
        typed = request.form.get("handler", "")
        found["handler"] = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 15 else 0
    if "importance" in wanted:
        found["importance"] = request.form.get("importance", "")
    if "reason_text" in wanted:
        found["reason_text"] = request.form.get("reason_text", "").strip()[:2000] or ("（待填）" if trial else "")
    return found


@bp.post("/queue/bulk")
@signed_in(*DOERS)
def preview() -> str | tuple[str, int]:
    """What the act would do to each chosen clue; nothing is done yet."""
    return _preview()


def _preview(problem: str = "") -> str | tuple[str, int]:
    act, chosen = request.form.get("act", ""), _chosen()
    try:
        with db.reading() as session:
            outcomes = bulk.preview(session, me(), act, _data(act, trial=True), chosen)
    except casework.RefusedError as error:
        return render_template("problem.html", message=str(error), back=url_for("console.queue_page")), REFUSED
    page = render_template(
        "bulk.html", act=act, label=LABELS[act], outcomes=outcomes, problem=problem, run=None, undone=False,
        can=[one for one in outcomes if not one.refused], given=request.form, needs=bulk.ACTS[act],
        article=workflow.rule("assign" if act == bulk.AUTO else act).article,
    )  # fmt: skip
    return (page, REFUSED) if problem else page


@bp.post("/queue/bulk/do")
@signed_in(*DOERS)
def do() -> Response | str | tuple[str, int]:
    """Does it; what is refused now is named row by row."""
    act = request.form.get("act", "")
    data = _data(act, trial=False)
    if data.get("reason_text") == "":
        return _preview("请写明理由")
    try:
        with db.transaction() as session:
            run = bulk.run(session, me(), act, data, _chosen())
    except casework.RefusedError as error:
        return render_template("problem.html", message=str(error), back=url_for("console.queue_page")), REFUSED
    if all(not outcome.refused for outcome in run.outcomes):
        return redirect(url_for("console.queue_page", run=run.id), code=303)
    return _result(run, undone=False)


@bp.post("/queue/bulk/<int:number>/undo")
@signed_in(*DOERS)
def undo(number: int) -> Response | str | tuple[str, int]:
    """Takes a run back by acts again; a clue somebody has touched since stays as it is and is named."""
    if number >= BIGGEST:
        abort(404)
    try:
        with db.transaction() as session:
            run = bulk.undo(session, me(), number)
    except casework.RefusedError as error:
        return render_template("problem.html", message=str(error), back=url_for("console.queue_page")), REFUSED
    if all(not outcome.refused for outcome in run.outcomes):
        return redirect(url_for("console.queue_page", run=run.id), code=303)
    return _result(run, undone=True)


def _result(run: bulk.Run, *, undone: bool) -> str:
    outcomes: Sequence[bulk.Outcome] = run.outcomes
    return render_template(
        "bulk.html", act=run.act, label=LABELS[run.act], outcomes=outcomes, problem="", run=run, undone=undone,
        can=[one for one in outcomes if not one.refused], given={}, needs=(), article="",
    )  # fmt: skip


def said(session: Session, who: Actor, number: int) -> dict[str, Any] | None:
    """What the queue says of a run that was just done or taken back; None where it is not this person's."""
    row = bulk.known(session, who, number) if 0 < number < BIGGEST else None
    if row is None:
        return None
    proposed = sum("proposal" in kept for kept in row.rows)
    words = [f"已办理 {len(row.rows) - proposed} 条"] if proposed < len(row.rows) else []
    words += [f"已提请审批 {proposed} 条"] if proposed else []
    done = f"已撤销：{LABELS[row.act]}" if row.undone_at else f"{LABELS[row.act]}：{'，'.join(words)}"
    return {"id": row.id, "words": done, "undo": row.undone_at is None}
