"""The call pad: one screen for the minutes of a call, typed without a mouse (A3, A4, A18, A20, I2, I3).

Everything with words of the caller travels in the body of a POST: nothing of it stands in a URL or a log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, get_template_attribute, jsonify, render_template, request
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.supervision import call_company, call_ends, call_hints, call_rings, callers, plan, points, queue
from hub.supervision.callers import CallError, Draft
from hub.web import maps
from hub.web.security import me, signed_in

bp = Blueprint("callpad", __name__)

TAKERS = call_company.TAKERS
DIALECTS = ("普通话", "本地方言", "外地方言", "少数民族语言")


@bp.errorhandler(CallError)
def _refused(error: CallError) -> tuple[Response, int]:
    return jsonify(error=str(error), name=error.name), error.status


@bp.errorhandler(casework.RefusedError)
def _refused_act(error: casework.RefusedError) -> tuple[Response, int]:
    message = f"{error}（{error.article}）" if error.article else str(error)
    return jsonify(error=message, name=error.name), 422


def _given() -> dict[str, Any]:
    """The JSON body; {} for anything else."""
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _number(given: dict[str, Any], name: str) -> int:
    value = given.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62 else 0


def _words(given: dict[str, Any], name: str, most: int = 200) -> str:
    value = given.get(name)
    return value.replace("\0", "").strip()[:most] if isinstance(value, str) else ""


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id, "version": draft.version, "values": draft.values, "urgent": draft.urgent, "ring": draft.ring,
        "at": clock.china(draft.at).isoformat(timespec="seconds"),
    }  # fmt: skip


@bp.get("/call")
@signed_in(*TAKERS)
def page() -> str:
    """The pad with the call that is being taken, if any; `number` goes on with another open one."""
    with db.reading() as session:
        draft = callers.current(session, me(), request.args.get("number", 0, type=int))
        return render_template(
            "callpad.html", draft=_draft(draft) if draft else None, about=call_ends.ABOUT, dialects=DIALECTS,
            colleagues=call_company.colleagues(session, me()),
            card=call_hints.scope_card(session, me(), clock.now()), **_lists(session),
        )  # fmt: skip


def _lists(session: Any) -> dict[str, Any]:
    return {
        "calls": callers.today(session, me()), "counts": callers.counts(session, me()),
        "rings": call_rings.rings(session, me()), "notes": callers.notes(session, me()),
        "asked": call_company.asked(session, me()),
    }  # fmt: skip


@bp.get("/call/lists")
@signed_in(*TAKERS)
def lists() -> str:
    """What lies beside the form: ringing and missed calls, one's own calls of today, notes of the shift before."""
    with db.reading() as session:
        return render_template("callpad_lists.html", **_lists(session))


@bp.post("/call/open")
@signed_in(*TAKERS)
def begin() -> Response:
    """A call is answered: `ring` one that the telephone told of, else one that rings elsewhere."""
    ring = _number(_given(), "ring")
    with db.transaction() as session:
        draft = call_rings.answer(session, me(), ring) if ring else callers.begin(session, me())
    return jsonify(_draft(draft))


@bp.post("/call/<int:number>/draft")
@signed_in(*TAKERS)
def save(number: int) -> Response:
    """Saves what is typed; answers with the server's time only after the commit."""
    given = _given()
    with db.transaction() as session:
        row = callers.save(
            session, me(), number, given.get("values"), page=_words(given, "page", 40), seq=_number(given, "seq"),
            version=_number(given, "version"),
        )  # fmt: skip
    return jsonify(version=row.version, saved=clock.china(row.saved).strftime("%H:%M:%S"))


@bp.post("/call/hints")
@signed_in(*TAKERS)
def hints() -> Response:
    """Elements, suggestions, earlier and similar clues for what is typed; stores nothing."""
    with db.reading() as session:
        return jsonify(call_hints.hints(session, me(), callers.clean(_given().get("values"))))


@bp.post("/call/places")
@signed_in(*TAKERS)
def places() -> Response:
    """Counties and towns for the words of the place box."""
    return jsonify(places=call_hints.find_places(_words(_given(), "words", 60), me().unit_code))


@bp.post("/call/plan")
@signed_in(*TAKERS)
def around() -> Response:
    """A plan of the county named by `division`: its seat, those around it, points of open clues there."""
    division = call_hints.county_of(_words(_given(), "division", 12))
    if not division:
        return jsonify(html="", name="")
    with db.reading() as session:
        found = points.find(session, me(), queue.Filters(state="open", division=division))
    frame = maps.seats(division)
    marks = [plan.Mark(*one.point, tone="rest", size=maps.POINT) for one in found.pinned]
    here = [replace(one, label="", tone="here", size=9.0) for one in frame if one.label == maps.name_of(division)]
    drawn = plan.draw([*here, *frame, *plan.near(marks, frame)])
    picture = get_template_attribute("plan.html", "plan")(drawn)
    told = {"open": found.total, "pinned": len(found.pinned)}
    return jsonify(html=picture, name=queue.place_name(division), **told)


@bp.post("/call/<int:number>/company")
@signed_in(*TAKERS)
def company(number: int) -> Response:
    """Asks a `colleague` into the call."""
    with db.transaction() as session:
        return jsonify(name=call_company.ask(session, me(), number, _number(_given(), "colleague")))


@bp.post("/call/<int:number>/along")
@signed_in(*TAKERS)
def along(number: int) -> Response:
    """What is typed in a call into which the person was asked."""
    with db.transaction() as session:
        read = call_company.read(session, me(), number)
    return jsonify(by=read["by"], values=read["values"], since=clock.china(read["at"]).strftime("%H:%M"),
                   saved=clock.china(read["saved"]).strftime("%H:%M:%S"))  # fmt: skip


@bp.post("/call/<int:number>/take-over")
@signed_in(*TAKERS)
def take_over(number: int) -> Response:
    """The colleague goes on with the call."""
    with db.transaction() as session:
        return jsonify(_draft(call_company.take_over(session, me(), number)))


@bp.post("/call/<int:number>/urgent")
@signed_in(*TAKERS)
def urgent(number: int) -> Response:
    """It is happening now: noted, and whom to ring."""
    with db.transaction() as session:
        callers.flag(session, me(), number)
        return jsonify(duty=callers.on_duty(session, me()))


@bp.post("/call/<int:number>/prove")
@signed_in(*TAKERS)
def prove(number: int) -> Response:
    """The caller of a follow-up proves a clue to be theirs, before anything is said about it."""
    return jsonify(call_ends.prove(me(), number, _proof(_given())))


def _proof(given: dict[str, Any]) -> dict[str, str]:
    told = given.get("proof")
    told = told if isinstance(told, dict) else {}
    return {name: _words(told, name) for name in ("query_code", "name", "contact", "kind")}


@bp.post("/call/<int:number>/end")
@signed_in(*TAKERS)
def end(number: int) -> Response:
    """Ends the call; when this answers, what was told is stored for good."""
    given = _given()
    call_ends.end(
        me(), number, _words(given, "ending", 20), given.get("values"), _proof(given), page=_words(given, "page", 40),
        seq=_number(given, "seq"),
    )  # fmt: skip
    return jsonify(call_ends.outcome(me(), number))


@bp.post("/call/<int:number>/outcome")
@signed_in(*TAKERS)
def outcome(number: int) -> Response:
    """Number and query code of the clue that the call became, once it is registered."""
    return jsonify(call_ends.outcome(me(), number))


@bp.post("/call/<int:number>/told")
@signed_in(*TAKERS)
def told(number: int) -> Response:
    """Number and code were read out."""
    with db.transaction() as session:
        call_ends.note_told(session, me(), number)
    return jsonify(ok=True)


@bp.post("/call/notes")
@signed_in(*TAKERS)
def note() -> Response:
    """A word to the next shift."""
    with db.transaction() as session:
        callers.leave_note(session, me(), _words(_given(), "words", 2000))
    return jsonify(ok=True)
