"""Telling: a notice previewed or taken back, how reporters may be told, wordings, the tasks of people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal

from flask import abort, request
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, clock, db, notify
from hub.access import people
from hub.law import notices
from hub.models import Notice
from hub.notify import tasks as telling
from hub.notify import words
from hub.supervision import notices as shown_notices
from hub.supervision import tasks
from hub.terms import Role
from hub.web import openapi, templates_page
from hub.web import tasks as desk
from hub.web.api import facts, models
from hub.web.api.base import Answer, Body, bp, found, owned, read, refuse, said
from hub.web.security import me, signed_in


class PreviewBody(Body):
    """Which notice, and the slots that the act would fill."""

    kind: str = Field(max_length=30, description="receipt, accepted, out_of_scope, duplicate, supplement, …")
    slots: dict[str, Any] = Field(default_factory=dict)


class Words(Answer):
    """What would be told."""

    text: str


class NoticeState(Answer):
    """A notice and what became of it."""

    id: int
    kind: str
    state: str


class WishBody(Body):
    """What a reporter consented to; no route: the query page only. Hours are full hours of a day in China."""

    reporter: int = Field(ge=1, le=2**63 - 1)
    routes: list[str] = Field(max_length=20)
    hour_from: int | None = Field(default=None, ge=0, le=23)
    hour_to: int | None = Field(default=None, ge=1, le=24)
    neutral: bool = False


class Wishes(Answer):
    """The reporters of a clue and how they may be told."""

    wishes: list[models.WishFacts]


class ReporterBody(Body):
    """A further signer of a joint letter. Sealed at once; nothing of it is answered."""

    name: str = Field(default="", max_length=60)
    phone: str = Field(default="", max_length=40)
    email: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=200)
    id_number: str = Field(default="", max_length=30)


class ReporterCount(Answer):
    """How many reporters the clue has: each is told separately."""

    reporters: int


class TryFacts(Answer):
    """One call-back."""

    at: datetime
    outcome: str


class TaskRow(Answer):
    """What people do to tell a party: nothing of who is to be told stands in it."""

    id: int
    kind: str = Field(description="call, letter, reply")
    label: str
    state: str
    clue_no: str
    notice: str
    party: str
    created: datetime
    due: date | None
    late: bool
    tries: list[TryFacts]
    hours: str
    wait: datetime | None = Field(description="Not before then: quiet hours, or the hours agreed with the reporter")
    neutral: bool
    reference: str
    done_at: datetime | None


class TaskList(Answer):
    """The open tasks of the own unit, most urgent first, at most 200; `counts`: how many there are of each kind."""

    tasks: list[TaskRow]
    counts: dict[str, int]


class ProofBody(Body):
    """What the person on the line says: the query code, or name and registered contact."""

    query_code: str = Field(default="", max_length=40)
    name: str = Field(default="", max_length=60)
    contact: str = Field(default="", max_length=200)


class Proved(Answer):
    """The words to say. Give `proof` back with the outcome "told", within half an hour."""

    text: str
    proof: str


class OutcomeBody(Body):
    """What became of a call. "told" needs the proof."""

    outcome: Literal["told", "no_answer", "not_proved", "wrong_number", "refused"]
    at: AwareDatetime | None = None
    proof: str = Field(default="", max_length=200)


class SentBody(Body):
    """A letter posted, or a written reply sent, under a number."""

    reference: str = Field(max_length=100)
    at: AwareDatetime | None = None


class ReturnedBody(Body):
    """A posted letter came back."""

    at: AwareDatetime | None = None


class TemplateFacts(Answer):
    """A dated wording of a notice. `local`: installed here; `in_force`: used for notices asked for today."""

    id: str
    kind: str
    title: str
    text: str
    slots: dict[str, str]
    optional: list[str]
    article: str
    since: date
    local: bool
    in_force: bool


class TemplateList(Answer):
    """Every wording, shipped and installed."""

    templates: list[TemplateFacts]


class TemplateBody(Body):
    """A further wording; none is ever replaced."""

    id: str = Field(max_length=60)
    kind: str = Field(max_length=30)
    title: str = Field(max_length=60)
    text: str = Field(max_length=notices.MAX_TEXT)
    article: str = Field(max_length=60)
    since: date


@bp.post("/clues/<no>/notices/preview")
@openapi.describes(answer=Words, body=PreviewBody)
@signed_in(*people.ORIGINAL_ROLES)
def preview_notice(no: str) -> Response:
    """The words a notice would have now, before anything is asked for."""
    given = read(PreviewBody)
    with db.reading() as session:
        return said(Words(text=notify.preview(session, found(session, no).id, given.kind, given.slots)))


@bp.post("/clues/<no>/notices/<int:number>/recall")
@openapi.describes(answer=NoticeState, body=Body)
@signed_in(*people.ORIGINAL_ROLES)
def recall_notice(no: str, number: int) -> Response:
    """Takes a notice back that was not sent yet."""
    read(Body)
    with db.transaction() as session:
        clue = owned(session, no)
        notice = session.get(Notice, number) if number < 2**63 else None
        if notice is None or notice.clue_id != clue.id:
            abort(404, "这条线索没有这份告知")
        notify.recall(session, me(), notice.id)
        casework.announce(session, clue)
        return said(NoticeState.model_validate(notice))


@bp.post("/clues/<no>/wishes")
@openapi.describes(answer=Wishes, body=WishBody)
@signed_in(*people.ORIGINAL_ROLES)
def record_wish(no: str) -> Response:
    """Records the routes and hours a reporter consented to. The newest wish counts."""
    given = read(WishBody)
    if (given.hour_from is None) != (given.hour_to is None):
        refuse("联系时段须同时写明起止整点", "hour_from")
    hours = (given.hour_from, given.hour_to) if given.hour_from is not None and given.hour_to is not None else None
    with db.transaction() as session:
        clue = owned(session, no)
        if not shown_notices.asked(session, me(), clue, given.reporter):
            abort(404, "这条线索没有这位举报人")
        notify.record_wish(session, clue.id, given.reporter, given.routes, hours=hours, neutral=given.neutral, who=me())
        casework.announce(session, clue)
        return said(Wishes(wishes=[facts.wish(one) for one in shown_notices.wishes(session, clue)]))


@bp.post("/clues/<no>/reporters")
@openapi.describes(answer=ReporterCount, body=ReporterBody)
@signed_in(*people.ORIGINAL_ROLES)
def join_reporter(no: str) -> Response:
    """Enters a further reporter of a joint letter. The same person is one reporter."""
    given = read(ReporterBody)
    with db.transaction() as session:
        count = casework.join_reporter(session, me(), owned(session, no), given.model_dump())
        return said(ReporterCount(reporters=count))


@bp.get("/tasks")
@openapi.describes(answer=TaskList, query=("kind",))
@signed_in(*people.ORIGINAL_ROLES)
def list_tasks() -> Response:
    """Calls to make, letters to post, replies to write: those of the caller's unit and role."""
    kinds = tasks.kinds_of(me())
    wanted = request.args.get("kind", "")
    with db.reading() as session:
        rows = [row for kind in kinds if wanted in ("", kind) for row in tasks.waiting(session, me(), kind)]
        return said(TaskList(tasks=[_task(row) for row in rows], counts=tasks.counts(session, me())))


@bp.get("/tasks/<int:number>")
@openapi.describes(answer=TaskRow)
@signed_in(*people.ORIGINAL_ROLES)
def read_task(number: int) -> Response:
    """One task."""
    with db.reading() as session:
        return said(_task(_found(session, number)))


def _task(row: tasks.Task) -> TaskRow:
    return TaskRow.model_validate(asdict(row))


def _found(session: Session, number: int) -> tasks.Task:
    row = tasks.one(session, me(), number) if number < 2**63 else None
    if row is None:
        abort(404, "没有这项任务，或无权办理")
    return row


@bp.post("/tasks/<int:number>/proof")
@openapi.describes(answer=Proved, body=ProofBody)
@signed_in(*people.ORIGINAL_ROLES)
def prove_task(number: int) -> Response:
    """The person on the line proves who they are; then the words to say. Wrong tries are counted."""
    given = read(ProofBody)
    with db.transaction() as session:
        task = _found(session, number)
        if task.kind != "call":
            abort(404, "这项任务不是回拨电话")
        text, why, status = desk.checked(session, task, given.model_dump())
    if text is None:
        refuse(why, "proof", status)
    return said(Proved(text=text, proof=desk.seal(number)))


@bp.post("/tasks/<int:number>/outcome")
@openapi.describes(answer=TaskRow, body=OutcomeBody)
@signed_in(*people.ORIGINAL_ROLES)
def task_outcome(number: int) -> Response:
    """What became of a call."""
    given = read(OutcomeBody)
    with db.transaction() as session:
        _found(session, number)
        if given.outcome == "told" and not desk.proved(number, given.proof):
            refuse("须先核对查询码或姓名和登记的联系方式，才能登记“已告知”", "proof")
        telling.called(session, me(), number, given.outcome, given.at)
        return said(_task(_found(session, number)))


@bp.post("/tasks/<int:number>/sent")
@openapi.describes(answer=TaskRow, body=SentBody)
@signed_in(*people.ORIGINAL_ROLES)
def task_sent(number: int) -> Response:
    """A letter went to the post office, or a reply to its receiver, under a number: told."""
    given = read(SentBody)
    with db.transaction() as session:
        act = telling.posted if _found(session, number).kind == "letter" else telling.replied
        act(session, me(), number, given.reference, given.at)
        return said(_task(_found(session, number)))


@bp.post("/tasks/<int:number>/returned")
@openapi.describes(answer=TaskRow, body=ReturnedBody)
@signed_in(*people.ORIGINAL_ROLES)
def task_returned(number: int) -> Response:
    """A posted letter came back: not told after all, the next route is taken."""
    given = read(ReturnedBody)
    with db.transaction() as session:
        _found(session, number)
        telling.returned(session, me(), number, given.at)
        return said(_task(_found(session, number)))


@bp.get("/templates")
@openapi.describes(answer=TemplateList)
@signed_in(*templates_page.READERS)
def list_templates() -> Response:
    """The wordings of the notices."""
    with db.reading() as session:
        local = {one.id for one in words.installed(session)}
        rows = [*words.installed(session), *notices.shipped()]
        used = {kind: words.in_force(session, kind, clock.today()).id for kind in notices.KINDS}
        return said(TemplateList(templates=[_template(one, one.id in local, used) for one in rows]))


def _template(one: notices.Template, local: bool, used: dict[str, str]) -> TemplateFacts:  # noqa: FBT001  a mark
    return TemplateFacts(
        id=one.id, kind=one.kind, title=one.title, text=one.text, slots=dict(one.slots), optional=sorted(one.optional),
        article=one.article, since=one.since, local=local, in_force=used[one.kind] == one.id,
    )  # fmt: skip


@bp.post("/templates")
@openapi.describes(answer=TemplateFacts, body=TemplateBody)
@signed_in(Role.SYSADMIN)
def install_template() -> Response:
    """Installs a further wording, e.g. the ministry's. It must render, and use the slots its act fills."""
    given = read(TemplateBody)
    values = {**given.model_dump(), "since": given.since.isoformat()}
    try:
        made = templates_page.read(values)
    except templates_page.BoxError as error:
        refuse(str(error), error.box)
    with db.transaction() as session:
        words.install(session, me(), made)
        used = {given.kind: words.in_force(session, given.kind, clock.today()).id}
        return said(_template(made, True, used))
