"""Start, query and status: what a reporter sees of the report with the code alone (G6, G7). No names, no content."""

from __future__ import annotations

from flask import abort, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.casework import following
from hub.casework.fields import VALUES
from hub.models import QueryCode
from hub.notify import codes
from hub.web.citizen import gate
from hub.web.citizen.gate import bp

STEPS = ("已收到", "审核", "核查", "告知结果", "办结")
WRONG = "查询码或手机号后四位不正确。查询码有 12 位字母和数字，不区分大小写；留了电话的须填电话的后四位。"


@bp.get("/")
def home() -> tuple[str, int]:
    return gate.page("home")


@bp.get("/query")
def query() -> tuple[str, int]:
    return gate.page("query", problem="")


@bp.post("/query")
def query_post() -> tuple[str, int] | Response:
    """The code, and the phone's last digits where a phone was given. Wrong ones are counted per address, in SQL."""
    gate.limit_body()
    code, tail = (request.form.get(name, "")[:60] for name in ("code", "tail"))
    if not code.strip():
        return gate.page("query", 422, problem="请填写查询码。")
    with db.transaction() as session:
        if not casework.may_try_code(session, gate.asker()):
            abort(429, "查询码输错次数过多，请一小时后再试，或拨打 12336。")
        right = codes.opens(session, code, tail)
        if not right:
            casework.note_wrong_code(session, gate.asker())
    if not right:
        return gate.page("query", 422, problem=WRONG)
    answer = make_response(gate.to("citizen.status"))
    gate.open_for(answer, codes.token(code))
    return answer


@bp.get("/status")
def status() -> tuple[str, int] | Response:
    hashed = gate.opened()
    if hashed is None:
        return gate.to("citizen.query")
    with db.reading() as session:
        shown = codes.progress(session, hashed)
        asks = _asks(session, hashed)
    if shown is None:
        return gate.leaving("citizen.query")
    return gate.page(
        "status", shown=shown, steps=STEPS, today=clock.today(), sent=request.args.get("sent") == "1", asks=asks,
        rated=request.args.get("rated") == "1", scores=VALUES["score"], longest=following.LONGEST,
    )  # fmt: skip


def _asks(session: Session, hashed: bytes) -> bool:
    """Whether the page asks how satisfied the reporter is."""
    code = session.get(QueryCode, hashed)
    return code is not None and following.may_rate(session, codes.latest(session, code.clue_id), code.reporter_id)


@bp.post("/rating")
def rating() -> tuple[str, int] | Response:
    """How satisfied the reporter is, once it is over (G10)."""
    gate.limit_body()
    hashed = gate.opened()
    if hashed is None:
        return gate.to("citizen.query")
    typed = request.form.get("score", "")
    words = request.form.get("words", "").replace("\0", "")
    with db.transaction() as session:
        code = session.get(QueryCode, hashed)
        if code is None:
            return gate.leaving("citizen.query")
        clue = codes.latest(session, code.clue_id)
        try:
            following.rate(session, clue, code.reporter_id, int(typed) if typed in "12345" and typed else 0, words)
        except casework.RefusedError as error:
            abort(409 if error.kind == "guard" else 422, str(error))
    return redirect(url_for("citizen.status", rated=1), code=303)


@bp.post("/leave")
def leave() -> Response:
    """Closes the status page on this device."""
    return gate.leaving("citizen.home")
