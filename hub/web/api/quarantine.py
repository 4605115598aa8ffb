"""N4 for programs of a lead: which clues lie in quarantine, and their hand-over (PRODUCT §10 J6)."""

from __future__ import annotations

from datetime import datetime

from flask import abort
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.models import Clue
from hub.supervision import papers
from hub.terms import Role
from hub.web import openapi, problems
from hub.web.api.base import Answer, Body, bp, read, said
from hub.web.security import me, signed_in

ACTS = ("quarantine.hand_over", "quarantine.release")


class Quarantined(Answer):
    """A clue in quarantine: its number and hashes, never its content."""

    no: str
    state: str
    version: int
    unit: str
    at: datetime
    originals: list[str] = Field(description="SHA-256 of each original")
    sha256: str = Field(description="Of the number and the hashes, as the hand-over sheet prints it")
    handed_over: datetime | None


class QuarantineList(Answer):
    """All of the own unit."""

    rows: list[Quarantined]


class QuarantineAct(Body):
    """hand_over: number and receiver of the signed sheet; release: reason_text."""

    version: int
    number: str = Field(default="", max_length=100)
    receiver: str = Field(default="", max_length=100)
    reason_text: str = Field(default="", max_length=2000)


@bp.get("/quarantine")
@openapi.describes(answer=QuarantineList)
@signed_in(Role.LEAD)
def quarantine_list() -> Response:
    """The N4 clues of the own unit: to hand over, or handed over."""
    with db.reading() as session:
        return said(QuarantineList(rows=[_row(session, clue) for clue in casework.quarantined(session, me())]))


@bp.post("/quarantine/<no>/<act>")
@openapi.describes(answer=Quarantined, body=QuarantineAct)
@signed_in(Role.LEAD)
def quarantine_act(no: str, act: str) -> Response:
    """quarantine.hand_over destroys every key of the content; quarantine.release lets the clue be seen again."""
    if act not in ACTS:
        abort(404)
    given = read(QuarantineAct)
    data = {name: text for name, text in given.model_dump(exclude={"version"}).items() if text.strip()}
    try:
        with db.transaction() as session:
            clue = _found(session, no)
            casework.apply(session, me(), clue, act, data, given.version)
            answer = _row(session, clue)
    except casework.StaleError as error:
        return problems.refused(error)
    return said(answer)


def _found(session: Session, no: str) -> Clue:
    clue = casework.find_quarantined(session, me(), no)
    if clue is None:
        abort(404)
    return clue


def _row(session: Session, clue: Clue) -> Quarantined:
    sheet, done = casework.hand_over_sheet(session, clue), papers.handed(session, clue, "secrecy")
    return Quarantined(
        no=clue.no, state=clue.state, version=clue.version, unit=sheet.unit, at=clue.at,
        originals=list(sheet.originals), sha256=sheet.sha256, handed_over=done.at if done is not None else None,
    )  # fmt: skip
