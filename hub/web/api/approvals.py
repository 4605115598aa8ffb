"""Acts that a unit wants approved: proposed, decided step by step, taken back; the last step does the act."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask import abort
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import people
from hub.models import ActProposal, Clue
from hub.terms import Role
from hub.web import openapi
from hub.web.api import data, models
from hub.web.api.base import Answer, Body, bp, found, read, said
from hub.web.api.facts import clue_facts
from hub.web.security import me, signed_in

DECIDERS = (Role.HANDLER, Role.LEAD, Role.SUPERVISOR)


class ProposeBody(Body):
    """An act put forward: it must be lawful now, and happens at the moment of the last step."""

    version: int
    data: dict[str, Any] = Field(default_factory=dict)


class DecideBody(Body):
    """A step filled. Sending back needs an opinion."""

    verdict: Literal["approve", "send_back"]
    opinion: str = Field(default="", max_length=2000)


class PendingFacts(Answer):
    """A proposal that is open. `step` of `steps` is the one it waits for; `stale`: the clue is another now."""

    id: int
    clue_no: str
    act: str
    label: str
    article: str
    proposer: str
    at: datetime
    step: int
    steps: int
    waits_for: str
    may_decide: bool
    mine: bool
    stale: bool


class PendingList(Answer):
    """Proposals of the own unit that the caller may decide, made, or leads; oldest first."""

    approvals: list[PendingFacts]


class SheetLine(Answer):
    """Proposed, or one step with its opinion."""

    label: str
    person: str
    deputy_for: str
    verdict: str
    opinion: str
    at: datetime


class SheetFacts(Answer):
    """A proposal with its data, steps and opinions, also when it has ended."""

    id: int
    clue_no: str
    act: str
    label: str
    article: str
    state: str
    data: dict[str, Any]
    lines: list[SheetLine]


class Decision(Answer):
    """Whether the act was done with this step, and the clue as it now is."""

    done: bool
    sheet: SheetFacts
    clue: models.ClueFacts | None


@bp.post("/clues/<no>/acts/<act>/proposals")
@openapi.describes(answer=SheetFacts, body=ProposeBody, acts=True)
@signed_in(*people.CONTENT_ROLES)
def propose(no: str, act: str) -> Response:
    """Puts an act forward for approval where the caller's unit wants it approved."""
    given = read(ProposeBody)
    with db.transaction() as session:
        row = casework.propose(session, me(), found(session, no), act, data.checked(act, given.data), given.version)
        return said(_sheet(session, row.id))


@bp.get("/approvals")
@openapi.describes(answer=PendingList)
@signed_in(*DECIDERS)
def list_approvals() -> Response:
    """What waits for approval."""
    with db.reading() as session:
        rows = [PendingFacts.model_validate(one) for one in casework.open_proposals(session, me())]
        return said(PendingList(approvals=rows))


@bp.get("/approvals/<int:number>")
@openapi.describes(answer=SheetFacts)
@signed_in(*DECIDERS)
def read_approval(number: int) -> Response:
    """A proposal with its data and opinions."""
    with db.reading() as session:
        _found(session, number)
        return said(_sheet(session, number))


@bp.post("/approvals/<int:number>/decision")
@openapi.describes(answer=Decision, body=DecideBody)
@signed_in(*DECIDERS)
def decide(number: int) -> Response:
    """Fills the next step; approving the last one does the act."""
    given = read(DecideBody)
    with db.transaction() as session:
        clue = _found(session, number)
        done = casework.decide(session, me(), number, given.verdict, given.opinion)
        seen = people.find(session, me(), clue.no)
        after = clue_facts(session, me(), seen) if seen is not None else None
        return said(Decision(done=done is not None, sheet=_sheet(session, number), clue=after))


@bp.post("/approvals/<int:number>/withdrawal")
@openapi.describes(answer=SheetFacts, body=Body)
@signed_in(*DECIDERS)
def withdraw(number: int) -> Response:
    """Takes a proposal back: its proposer, or the lead of the unit."""
    read(Body)
    with db.transaction() as session:
        _found(session, number)
        casework.withdraw(session, me(), number)
        return said(_sheet(session, number))


def _found(session: Session, number: int) -> Clue:
    """The clue of a proposal of the caller's unit, or 404."""
    row = session.get(ActProposal, number) if number < 2**63 else None
    clue = session.get(Clue, row.clue_id) if row is not None else None
    if row is None or clue is None or row.unit_id != me().unit_id or people.find(session, me(), clue.no) is None:
        abort(404, "没有这项审批，或无权查看")
    return clue


def _sheet(session: Session, number: int) -> SheetFacts:
    return SheetFacts.model_validate(casework.approval_sheet(session, me(), number))
