"""Lists: the queue with its filters, units by name, the types of problems, this API as a document."""

from __future__ import annotations

from dataclasses import fields

from flask import current_app, jsonify, request
from sqlalchemy import or_, select
from werkzeug.wrappers import Response

from hub import db
from hub.access import people
from hub.models import Unit
from hub.supervision import queue
from hub.web import openapi, problems
from hub.web.api import data, models
from hub.web.api.base import bp, said
from hub.web.console import read_filters
from hub.web.security import me, signed_in

FOUND = 20


@bp.get("/clues")
@openapi.describes(answer=models.CluePage, query=tuple(one.name for one in fields(queue.Filters)))
@signed_in(*people.CONTENT_ROLES)
def list_clues() -> Response:
    """The queue of the signed-in person, with the filters of the screen."""
    with db.reading() as session:
        rows, after = queue.page(session, me(), read_filters())
        found = [queue.facts(row) for row in rows]
    response: Response = jsonify(clues=found, after=after)
    return response


@bp.get("/units")
@openapi.describes(answer=models.UnitList, query=("q",))
@signed_in(*people.CONTENT_ROLES)
def find_units() -> Response:
    """Working units by a part of their name or the beginning of their code: whom an act may name."""
    words = request.args.get("q", "")[:100].replace("\0", "").strip()
    with db.reading() as session:
        named = Unit.name.contains(words, autoescape=True)
        wanted = select(Unit).where(Unit.active, or_(named, Unit.code.startswith(words, autoescape=True)))
        rows = session.scalars(wanted.order_by(Unit.code).limit(FOUND)).all() if words else []
        return said(models.UnitList(units=[models.UnitName.model_validate(row) for row in rows]))


@bp.get("/problems")
@openapi.describes(answer=problems.Kinds)
@signed_in()
def problem_kinds() -> Response:
    """Every type of problem this API answers with (RFC 9457); the type of an answer is this address and its kind."""
    return said(problems.Kinds(problems=problems.kinds()))


@bp.get("/openapi.json")
@openapi.describes()
@signed_in()
def document() -> Response:
    """This API as an OpenAPI 3.1 document, made once a process: routes and rule table do not change while it runs."""
    told = current_app.extensions.get("openapi.json")
    if told is None:
        told = current_app.json.dumps(openapi.document(current_app, problems.Problem, data.schema_of))
        current_app.extensions["openapi.json"] = told
    return Response(told, mimetype="application/json")
