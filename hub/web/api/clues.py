"""One clue: its facts, the acts open to the caller, an act, a value confirmed or set."""

from __future__ import annotations

import json
from typing import Any

from flask import abort, request
from pydantic import AwareDatetime, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.access.sealing import blind
from hub.casework.changes import lock
from hub.casework.offering import offered
from hub.models import Clue, Event
from hub.web import openapi, problems
from hub.web.api import data, models
from hub.web.api.base import Body, bp, found, owned, read, refuse, said
from hub.web.api.facts import clue_facts
from hub.web.security import me, signed_in

KEY_LENGTH = 200


class ActBody(Body):
    """An act. `at`: when it happened, where that was earlier; then data.at_reason says why it is entered now."""

    version: int = Field(description="Of the clue as the caller saw it")
    at: AwareDatetime | None = None
    data: dict[str, Any] = Field(default_factory=dict, description="As the act's row of the rule table names it")


class ValueBody(Body):
    """A value for a field: the id of a suggestion that is confirmed, or another value."""

    version: int
    field: str = Field(max_length=50)
    suggestion: int | None = Field(default=None, ge=1, le=2**63 - 1)
    value: str | None = Field(default=None, max_length=2000)


@bp.get("/clues/<no>")
@openapi.describes(answer=models.ClueFacts)
@signed_in(*people.CONTENT_ROLES)
def read_clue(no: str) -> Response:
    """A clue as its page shows it: masked, or original where the caller may read it (an audited read)."""
    with db.transaction() as session:
        return said(clue_facts(session, me(), found(session, no)))


@bp.get("/clues/<no>/acts")
@openapi.describes(answer=models.Offers)
@signed_in(*people.CONTENT_ROLES)
def list_acts(no: str) -> Response:
    """The acts open to the caller now: the data each takes, its article, its clocks, its notice."""
    with db.reading() as session:
        clue = found(session, no)
        rows = [models.OfferFacts.model_validate(one) for one in offered(session, me(), clue)]
        return said(models.Offers(version=clue.version, acts=rows))


@bp.post("/clues/<no>/acts/<act>")
@openapi.describes(answer=models.ActAnswer, body=ActBody, header="Idempotency-Key", optional_header=True, acts=True)
@signed_in(*people.CONTENT_ROLES)
def do_act(no: str, act: str) -> Response:
    """Does an act, or says which rule of which article forbids it.

    The same Idempotency-Key with the same body is done once and answered alike; with another body it is refused.
    """
    given = read(ActBody)
    request_marks = _marks(act)
    try:
        answer = db.again(lambda: _answer(no, act, given, request_marks))
    except casework.StaleError as error:
        return problems.refused(error, _version(no))
    return said(answer)


def _answer(no: str, act: str, given: ActBody, marks: dict[str, str]) -> models.ActAnswer:
    """The act done now, or the one that the same request did before."""
    with db.transaction() as session:
        clue = found(session, no)
        event = _before(session, clue, marks) if marks else None
        made = None
        if event is None:
            values = data.checked(act, given.data)
            done = casework.apply(session, me(), clue, act, values, given.version, given.at, marks)
            clue, made = done.clue, done.made
            event = _event(session, clue, act)
        elif isinstance(event.data.get("made"), int):
            made = session.get(Clue, event.data["made"])
        seen = people.find(session, me(), clue.no)
        after = clue_facts(session, me(), seen) if seen is not None else None
        return models.ActAnswer(done=_done(event, made), clue=after)


def _marks(act: str) -> dict[str, str]:
    """Keyed hashes of this request: whose key, and what body. Empty without a key."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return {}
    if len(key) > KEY_LENGTH or not key.isprintable():
        refuse(f"Idempotency-Key 不超过 {KEY_LENGTH} 字", "Idempotency-Key", 400)
    body = json.dumps(json.loads(request.get_data()), sort_keys=True, separators=(",", ":"))
    return {
        "request": blind("idempotency", f"{me().user_id}:{key}").hex(),
        "body": blind("idempotency_body", f"{act}:{body}").hex(),
    }


def _before(session: Session, clue: Clue, marks: dict[str, str]) -> Event | None:
    """The event of the same request, if it came before; waits for one that is just being done."""
    lock(session, {clue.id})
    wanted = select(Event).where(
        Event.object == f"clue:{clue.id}", Event.data["request"].astext == marks["request"],
    )  # fmt: skip
    event = session.scalars(wanted.order_by(Event.seq)).first()
    if event is not None and event.data.get("body") != marks["body"]:
        refuse("这个 Idempotency-Key 已用于另一项办理", "Idempotency-Key")
    return event


def _event(session: Session, clue: Clue, act: str) -> Event:
    """The event just written: acts that follow from it, and warnings, come after it."""
    wanted = select(Event).where(Event.object == f"clue:{clue.id}", Event.act == act).order_by(Event.seq.desc())
    return session.scalars(wanted.limit(1)).one()


def _done(event: Event, made: Clue | None) -> models.Done:
    told = event.data
    return models.Done(
        act=event.act, article=told.get("article", ""), from_=told.get("from", ""), to=told.get("to", ""), at=event.at,
        recorded_at=event.received_at, made=made.no if made else None, event=event.hash.hex(),
    )  # fmt: skip


def _version(no: str) -> int | None:
    with db.reading() as session:
        clue = people.find(session, me(), no)
        return clue.version if clue is not None else None


@bp.post("/clues/<no>/values")
@openapi.describes(answer=models.ClueFacts, body=ValueBody)
@signed_in(*people.ORIGINAL_ROLES)
def set_value(no: str) -> Response:
    """Confirms a suggestion by its id, or sets another value. Machine text and decision stay apart for ever."""
    given = read(ValueBody)
    try:
        with db.transaction() as session:
            clue = owned(session, no)
            value = _value(session, clue, given)
            casework.confirm(
                session, me(), clue, given.field, value, suggestion_id=given.suggestion, version=given.version
            )
            session.flush()
            answer = clue_facts(session, me(), clue)
    except casework.StaleError as error:
        return problems.refused(error, _version(no))
    return said(answer)


def _value(session: Session, clue: Clue, given: ValueBody) -> Any:
    if given.suggestion is None:
        return casework.typed(given.field, (given.value or "").strip())
    if given.value is not None:
        refuse("suggestion 和 value 只能给出一个", "value")
    value = casework.suggested(session, clue, given.field, given.suggestion)
    if value is None:
        abort(404, "没有这条建议")
    return value
