"""Working days: a notice read, proposed, confirmed by a second person; open clocks are recomputed (D10)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import abort
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.models import CalendarProposal, Unit
from hub.web import openapi
from hub.web.api.base import Answer, Body, bp, read, said
from hub.web.calendars import KEEPERS, MAX_TEXT, concerns
from hub.web.security import me, signed_in


class NoticeText(Body):
    """The text of a notice about holidays, pasted."""

    text: str = Field(max_length=MAX_TEXT)


class NoticeRead(Answer):
    """What a notice says. With warnings it is doubtful and cannot be proposed."""

    off: list[str] = Field(description="Days off, ISO 8601")
    work: list[str] = Field(description="Rest days worked to make up")
    warnings: list[str]
    year: int | None


class ProposalBody(NoticeText):
    """A notice put before the second person."""

    issued: date | None = Field(default=None, description="Day the notice was issued")
    unit: str | None = Field(default=None, max_length=12, description="Code: a local layer of that unit's area")


class ProposalFacts(Answer):
    """A notice as it was read: day → name of the holiday. In force once confirmed."""

    id: int
    layer: str
    year: int | None
    unit: str | None
    issued: date | None
    off: dict[str, str]
    work: dict[str, str]
    confirmed_at: datetime | None


class ProposalList(Answer):
    """Notices that concern the caller's unit, the latest first."""

    proposals: list[ProposalFacts]


class Confirmed(Answer):
    """What the confirmation changed: how many open clocks have another due day, each logged on its clue."""

    proposal: ProposalFacts
    changed: int


def _facts(session: Session, row: CalendarProposal) -> ProposalFacts:
    unit = session.get(Unit, row.unit_id) if row.unit_id is not None else None
    told: dict[str, Any] = {
        name: getattr(row, name) for name in ("id", "layer", "year", "issued", "off", "work", "confirmed_at")
    }
    return ProposalFacts(unit=unit.code if unit else None, **told)


@bp.get("/calendars")
@openapi.describes(answer=ProposalList)
@signed_in(*KEEPERS)
def list_calendars() -> Response:
    """The notices that were imported or wait for the second person."""
    with db.reading() as session:
        rows = session.scalars(select(CalendarProposal).order_by(CalendarProposal.id.desc())).all()
        return said(ProposalList(proposals=[_facts(session, row) for row in rows if concerns(session, row)]))


@bp.post("/calendars/preview")
@openapi.describes(answer=NoticeRead, body=NoticeText)
@signed_in(*KEEPERS)
def preview_calendar() -> Response:
    """Reads a notice without keeping it."""
    given = read(NoticeText)
    with db.reading() as session:
        return said(NoticeRead.model_validate(casework.preview_calendar(session, given.text)))


@bp.post("/calendars")
@openapi.describes(answer=ProposalFacts, body=ProposalBody)
@signed_in(*KEEPERS)
def propose_calendar() -> Response:
    """Puts a notice before the second person. A doubtful one is refused."""
    given = read(ProposalBody)
    with db.transaction() as session:
        row = casework.propose_calendar(session, me(), given.text, issued=given.issued, unit_code=given.unit)
        return said(_facts(session, row))


@bp.post("/calendars/<int:number>/confirm")
@openapi.describes(answer=Confirmed, body=Body)
@signed_in(*KEEPERS)
def confirm_calendar(number: int) -> Response:
    """The second person confirms: the notice is in force and open clocks are recomputed."""
    read(Body)
    with db.transaction() as session:
        row = session.get(CalendarProposal, number) if number < 2**63 else None
        if row is None or not concerns(session, row):
            abort(404, "没有这份放假安排，或无权查看")
        changed = casework.confirm_calendar(session, me(), number)
        return said(Confirmed(proposal=_facts(session, row), changed=changed))
