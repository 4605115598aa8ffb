"""The end of content (schedule, hold, two people), what a reporter asks for of themselves, and marks of misuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from hub import casework, clock, db
from hub.access import people, reveal, sessions
from hub.casework import disposal, protection, switches
from hub.models import Clue, ClueReporter
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("retention", __name__)

MOST = 200
MARKS = {"open": "待确认", "confirmed": "已确认", "refused": "未予确认", "appealed": "申诉待处理", "lifted": "已撤销"}
STATES = {"open": "待第二人决定", "done": "已处置", "refused": "未同意"}
Reply = str | WerkzeugResponse | tuple[str, int]


def _lead() -> bool:
    return me().has(frozenset({Role.LEAD}))


def _page(problem: str = "") -> str:
    with db.reading() as session:
        rows, asked = disposal.due(session, me(), MOST), disposal.asked(session, me())
        held = switches.in_force(session, me().unit_id, "", clock.today())
        chosen = switches.ruling(session, me().unit_id, "", clock.today())
        kept = [
            {"label": row.label, "years": held[name], "since": chosen[name].since if name in chosen else None}
            for name, row in switches.KEPT.items()
        ]
    waiting = {row.no for row in asked if row.state in ("open", "done")}
    return render_template(
        "retention.html", rows=rows, asked=asked, waiting=waiting, states=STATES, today=clock.today(), most=MOST,
        lead=_lead(), rules=kept, problem=problem, form=request.form,
    )  # fmt: skip


def _misuse(problem: str = "") -> str:
    with db.reading() as session:
        rows = protection.marks(session, me())
    return render_template(
        "misuse.html", rows=rows, states=MARKS, lead=_lead(), problem=problem, form=request.form
    )  # fmt: skip


def _done(act: Callable[[Session], object], page: Callable[[str], str], back: str) -> Reply:
    """Does it in a transaction and goes back to the page; a refusal stands on the page with what was typed."""
    try:
        with db.transaction() as session:
            act(session)
    except casework.RefusedError as error:
        return page(str(error)), 422
    return redirect(url_for(back), code=303)


def _clue(session: Session) -> Clue:
    """The clue with the number in the form."""
    clue = people.find(session, me(), request.form.get("no", "").strip()[:60])
    if clue is None:
        raise casework.RefusedError("没有这个编号的线索")
    return clue


def _number(number: int) -> int:
    if number > 2**62:
        abort(404)
    return number


@bp.get("/retention")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def page() -> str:
    """What is closed, until when it is kept, what waits for a second person."""
    return _page()


@bp.post("/retention/hold")
@signed_in(Role.LEAD)
def hold() -> Reply:
    """Keeps a clue whatever the schedule says."""
    reason = request.form.get("reason", "")
    return _done(lambda session: disposal.hold(session, me(), _clue(session), reason), _page, "retention.page")


@bp.post("/retention/lift")
@signed_in(Role.LEAD)
def lift() -> Reply:
    """Ends a hold."""
    return _done(lambda session: disposal.lift(session, me(), _clue(session)), _page, "retention.page")


@bp.post("/retention/propose")
@signed_in(Role.LEAD)
def propose() -> Reply:
    """The first of two people."""
    return _done(lambda session: disposal.propose(session, me(), _clue(session)), _page, "retention.page")


@bp.post("/retention/<int:number>/decide")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def decide(number: int) -> Reply:
    """The second person; agreed, the content is gone."""
    agree = request.form.get("agree") == "1"
    return _done(
        lambda session: disposal.decide(session, me(), _number(number), agree=agree), _page, "retention.page"
    )  # fmt: skip


@bp.post("/retention/export")
@signed_in(Role.LEAD)
def export() -> Reply | Response:
    """What is held of a clue's reporters, for a reporter who proved to be one: a reveal, committed first."""
    if g.program is not None:  # a program never sees identity, whatever its key
        abort(404)
    try:
        with db.transaction() as session:
            clue = _clue(session)
            fresh, reason = sessions.recent(g.factor_at), request.form.get("reason", "")
            row = reveal.ask(session, me(), clue, reason, fresh=fresh, sign_in=g.sign_in)
            casework.announce(session, clue)
            no, number, shown = clue.no, clue.id, row.state == "shown"
        if not shown:
            return render_template("reveal_asked.html", no=no), 202
        with db.transaction() as session:
            told: dict[str, Any] = disposal.subject_export(session, me(), session.get_one(Clue, number))
    except (casework.RefusedError, reveal.RevealError) as error:
        return _page(str(error)), 422
    answer = Response(json.dumps(told, ensure_ascii=False, indent=1), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{no}.json"'
    return answer


@bp.get("/misuse")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def misuse() -> str:
    """Marks of malicious use: one proposes, a second confirms, a third hears the appeal. Nothing follows by itself."""
    return _misuse()


@bp.post("/misuse")
@signed_in(Role.LEAD)
def mark() -> Reply:
    """Proposes a mark for the reporter of a clue (the one with the number `which`, counted from 1)."""

    def act(session: Session) -> None:
        clue, which = _clue(session), request.form.get("which", "1")
        ids = session.scalars(
            select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue.id).order_by(ClueReporter.reporter_id)
        ).all()
        if not (which.isdecimal() and len(which) < 4 and 0 < int(which) <= len(ids)):
            raise casework.RefusedError(f"这条线索有 {len(ids)} 位举报人，没有第 {which[:10]} 位")
        protection.mark(session, me(), clue, ids[int(which) - 1], request.form.get("reason", ""))

    return _done(act, _misuse, "retention.misuse")


@bp.post("/misuse/<int:number>/confirm")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def confirm(number: int) -> Reply:
    """The second person."""
    agree = request.form.get("agree") == "1"
    return _done(
        lambda session: protection.confirm_mark(session, me(), _number(number), agree=agree),
        _misuse, "retention.misuse",
    )  # fmt: skip


@bp.post("/misuse/<int:number>/appeal")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def appeal(number: int) -> Reply:
    """Enters what the reporter objects, by whatever channel it came."""
    words = request.form.get("words", "")
    return _done(
        lambda session: protection.appeal(session, _number(number), words, me()), _misuse, "retention.misuse"
    )  # fmt: skip


@bp.post("/misuse/<int:number>/appeal/decide")
@signed_in(Role.LEAD, Role.SUPERVISOR)
def decide_appeal(number: int) -> Reply:
    """The third person: the mark is lifted, or stands."""
    taken = request.form.get("lift") == "1"
    return _done(
        lambda session: protection.decide_appeal(session, me(), _number(number), lift=taken),
        _misuse, "retention.misuse",
    )  # fmt: skip
