"""Work at the desk: notes to colleagues, kept views of the queue, one act on many clues."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import abort, g
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, db
from hub.access import hearing, people
from hub.access.people import Actor
from hub.casework import bulk
from hub.models import Clue
from hub.supervision import notes, views
from hub.supervision.queue import BIGGEST, MOST
from hub.web import openapi
from hub.web.api.base import Answer, Body, bp, found, owned, read, said
from hub.web.bulk import DOERS
from hub.web.console import filters_of
from hub.web.security import me, signed_in


class NoteBody(Body):
    """Words to colleagues; "@login" mentions one who may see the clue."""

    text: str = Field(min_length=1, max_length=2000)


class NoteFacts(Answer):
    """A note, masked where the caller may not read the original."""

    id: int
    by: str
    unit: str
    at: datetime
    text: str


class NoteList(Answer):
    """The notes of a clue, oldest first."""

    notes: list[NoteFacts]


class ViewBody(Body):
    """Filters of the queue under a name; only a lead shares them with the unit."""

    name: str = Field(max_length=200)
    shared: bool = False
    channel: str = Field(default="", max_length=100)
    state: str = Field(default="", max_length=100)
    division: str = Field(default="", max_length=100)
    query: str = Field(default="", max_length=100)
    view: str = Field(default="", max_length=100)
    topic: str = Field(default="", max_length=100)


class ViewChange(Body):
    """Another name; shared with the unit or not any more."""

    name: str = Field(max_length=200)
    shared: bool = False


class ViewFacts(Answer):
    """A kept view with its filters."""

    id: int
    name: str
    shared: bool
    own: bool
    may_change: bool
    count: int = Field(description=f"Clues in it now, counted up to {MOST}")
    filters: dict[str, str]


class ViewList(Answer):
    """The caller's own views and those shared in the unit."""

    views: list[ViewFacts]


class ChosenClue(Body):
    """A clue with the version the caller saw; without one it is not looked at who was first."""

    no: str = Field(max_length=60)
    version: int | None = None


class BulkBody(Body):
    """One act on up to 50 clues. `data` as the act takes it; `auto` assigns in turn and takes none."""

    act: str = Field(max_length=60, description="assign, unassign, mark.importance, auto")
    data: dict[str, Any] = Field(default_factory=dict)
    clues: list[ChosenClue] = Field(max_length=bulk.MOST)


class OutcomeFacts(Answer):
    """What the act does, or did, to one clue. `refused` empty: it is done, or put forward (`proposed`)."""

    no: str
    version: int
    refused: str
    article: str
    before: str
    after: str
    proposed: bool


class BulkFacts(Answer):
    """A run, or a trial of one (`run` 0: nothing was done)."""

    run: int
    act: str
    undoable: bool
    outcomes: list[OutcomeFacts]


@bp.get("/clues/<no>/notes")
@openapi.describes(answer=NoteList)
@signed_in(*people.ORIGINAL_ROLES)
def list_notes(no: str) -> Response:
    """What colleagues wrote about a clue."""
    with db.reading() as session:
        return said(_notes(session, owned(session, no)))


@bp.post("/clues/<no>/notes")
@openapi.describes(answer=NoteList, body=NoteBody)
@signed_in(*people.ORIGINAL_ROLES)
def add_note(no: str) -> Response:
    """Writes a note and tells whom it mentions."""
    given = read(NoteBody)
    with db.transaction() as session:
        clue = owned(session, no)
        casework.add_note(session, me(), clue, given.text.replace("\r\n", "\n"))
        return said(_notes(session, clue))


def _notes(session: Session, clue: Clue) -> NoteList:
    original = hearing.hears_original(session, me(), clue) and g.get("program") is None
    rows = notes.of_clue(session, me(), clue, original=original)
    made = [
        NoteFacts(id=row.id, by=row.by, unit=row.unit, at=row.at, text="".join(words for words, _ in row.pieces))
        for row in rows
    ]
    return NoteList(notes=made)


@bp.get("/views")
@openapi.describes(answer=ViewList)
@signed_in(*people.CONTENT_ROLES)
def list_views() -> Response:
    """Kept views with how many clues stand in each."""
    with db.reading() as session:
        return said(_views(session, me()))


@bp.post("/views")
@openapi.describes(answer=ViewList, body=ViewBody)
@signed_in(*people.CONTENT_ROLES)
def save_view() -> Response:
    """Keeps filters under a name."""
    given = read(ViewBody)
    filters = filters_of(given.model_dump(exclude={"name", "shared"}))
    with db.transaction() as session:
        views.save(session, me(), given.name, filters, shared=given.shared)
        return said(_views(session, me()))


@bp.post("/views/<int:number>")
@openapi.describes(answer=ViewList, body=ViewChange)
@signed_in(*people.CONTENT_ROLES)
def change_view(number: int) -> Response:
    """Renames a view, shares it or not any more."""
    given = read(ViewChange)
    with db.transaction() as session:
        views.change(session, me(), _number(number), given.name, shared=given.shared)
        return said(_views(session, me()))


@bp.post("/views/<int:number>/deletion")
@openapi.describes(answer=ViewList, body=Body)
@signed_in(*people.CONTENT_ROLES)
def delete_view(number: int) -> Response:
    """Deletes a view and its key."""
    read(Body)
    with db.transaction() as session:
        views.delete(session, me(), _number(number))
        return said(_views(session, me()))


def _number(number: int) -> int:
    """An id of the address; 404 where the database can have none such."""
    if number >= BIGGEST:
        abort(404, "没有这一项")
    return number


def _views(session: Session, who: Actor) -> ViewList:
    counted = views.counts(session, who)
    rows = [
        ViewFacts(
            id=row.id, name=row.name, shared=row.shared, own=row.own, may_change=row.may_change,
            count=counted.get(row.id, 0), filters={name: getattr(row.filters, name) for name in views.NARROWING},
        )
        for row in views.of(session, who)
    ]  # fmt: skip
    return ViewList(views=rows)


@bp.post("/bulk/preview")
@openapi.describes(answer=BulkFacts, body=BulkBody)
@signed_in(*DOERS)
def preview_bulk() -> Response:
    """What the act would do to each clue; nothing is done."""
    given = read(BulkBody)
    with db.reading() as session:
        outcomes = bulk.preview(session, me(), given.act, _data(given), _chosen(session, given))
        return said(_run(0, given.act, outcomes, undoable=False))


@bp.post("/bulk")
@openapi.describes(answer=BulkFacts, body=BulkBody)
@signed_in(*DOERS)
def do_bulk() -> Response:
    """Does the act clue by clue; what is refused is named and the others go on."""
    given = read(BulkBody)
    with db.transaction() as session:
        run = bulk.run(session, me(), given.act, _data(given), _chosen(session, given))
        return said(_run(run.id, run.act, run.outcomes, undoable=run.undoable))


@bp.post("/bulk/<int:number>/undo")
@openapi.describes(answer=BulkFacts, body=Body)
@signed_in(*DOERS)
def undo_bulk(number: int) -> Response:
    """Takes a run of the caller back; a clue somebody has touched since stays as it is and is named."""
    read(Body)
    with db.transaction() as session:
        run = bulk.undo(session, me(), _number(number))
        return said(_run(run.id, run.act, run.outcomes, undoable=False))


def _data(given: BulkBody) -> dict[str, Any]:
    """The data the act takes for many; others, and an undeclared one, are refused."""
    wanted = bulk.ACTS.get(given.act, ())
    unknown = sorted(set(given.data) - set(wanted))
    if unknown:
        raise casework.RefusedError("批量办理没有这一项内容", kind="value", name=unknown[0])
    return given.data


def _chosen(session: Session, given: BulkBody) -> list[bulk.Chosen]:
    """The clues named; one the caller does not see ends the request as a page of it would."""
    return [bulk.Chosen(found(session, one.no).no, one.version) for one in given.clues]


def _run(number: int, act: str, outcomes: Any, *, undoable: bool) -> BulkFacts:
    rows = [OutcomeFacts.model_validate(one) for one in outcomes]
    return BulkFacts(run=number, act=act, undoable=undoable, outcomes=rows)
