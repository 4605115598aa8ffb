"""Telling by people: call-backs, letters to post, written replies. Nothing is said before the person is proved."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import casework, clock, db
from hub.access import audit, people
from hub.access.sealing import blind
from hub.casework import identity
from hub.models import Clue
from hub.notify import tasks as telling
from hub.supervision import tasks
from hub.supervision.tasks import Task
from hub.web.security import me, signed_in

bp = Blueprint("tasks", __name__)

PROOF_SECONDS = 1800
TABS = {"call": "回拨电话", "letter": "邮寄信函", "reply": "书面答复"}


@bp.get("/tasks")
@signed_in(*people.ORIGINAL_ROLES)
def listing() -> str:
    """The open tasks of a kind (`kind`), with letters on their way below."""
    kinds = tasks.kinds_of(me())
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else kinds[0]
    with db.reading() as session:
        rows = tasks.waiting(session, me(), kind)
        posted = tasks.posted(session, me()) if kind == "letter" else []
        counts = tasks.counts(session, me())
    return render_template(
        "tasks.html", rows=rows, posted=posted, counts=counts, kind=kind, tabs={k: TABS[k] for k in kinds},
        quiet=tasks.quiet_hours(),
    )  # fmt: skip


def _found(session: Session, task_id: int) -> Task:
    """The task, or 404 whether it does not exist or is not for this person."""
    found = tasks.one(session, me(), task_id)
    if found is None:
        abort(404)
    return found


def _page(task_id: int, *, problem: str = "", status: int = 200, **shown: object) -> tuple[str, int]:
    with db.reading() as session:
        task = _found(session, task_id)
    page = render_template(
        "task.html", task=task, problem=problem, outcomes=tasks.OUTCOMES, quiet=tasks.quiet_hours(), now=clock.now(),
        **{"number": "", "words": "", "proof": "", "wrong": "", **shown},
    )  # fmt: skip
    return page, status


@bp.get("/tasks/<int:task_id>")
@signed_in(*people.ORIGINAL_ROLES)
def task_page(task_id: int) -> tuple[str, int]:
    return _page(task_id)


def _no_program() -> None:
    """A program never sees identity, whatever its key."""
    if g.get("program") is not None:
        abort(404)


@bp.post("/tasks/<int:task_id>/number")
@signed_in(*people.ORIGINAL_ROLES)
def show_number(task_id: int) -> tuple[str, int]:
    """Shows the number once, on this answer only: a reveal, noted before it is opened; never in quiet hours."""
    _no_program()
    try:
        with db.transaction() as session:
            task = _found(session, task_id)
            if task.wait is not None:
                raise telling.TaskError(f"现在不宜拨打，请在 {clock.china(task.wait):%m-%d %H:%M} 以后拨打")
            telling.note_dialling(session, me(), task_id)
        with db.reading() as session:
            number = telling.number(session, task_id)
    except telling.TaskError as error:
        return _page(task_id, problem=str(error), status=422)
    return _page(task_id, number=number)


@bp.post("/tasks/<int:task_id>/proof")
@signed_in(*people.ORIGINAL_ROLES)
def prove(task_id: int) -> tuple[str, int]:
    """The person on the line proves who they are: the query code, or name and registered contact. Then the words."""
    given = {
        name: request.form.get(name, "").replace("\0", "")[:200].strip() for name in ("query_code", "name", "contact")
    }
    with db.transaction() as session:
        task = _found(session, task_id)
        if task.kind != "call":
            abort(404)
        said, why, status = checked(session, task, given)
    if said is None:
        return _page(task_id, problem=why, status=status, wrong=proof_of(given))
    return _page(task_id, words=said, proof=seal(task_id))


def proof_of(given: Mapping[str, str]) -> str:
    """Which proof was given."""
    return "query_code" if given["query_code"] else "name_and_contact"


def checked(session: Session, task: Task, given: Mapping[str, str]) -> tuple[str | None, str, int]:
    """The words to say once the person on the line has proved who they are; else None, why not, and the status.

    Wrong tries are counted and noted.
    """
    proof, asker = proof_of(given), f"task:{task.id}"
    if not casework.may_try_code(session, asker):
        return None, "核对失败次数过多，请一小时后再试", 429
    if identity.proved(session, session.get_one(Clue, task.clue_id), {"proof": proof, **given}):
        return telling.words_to_say(session, me(), task.id), "", 200
    casework.note_wrong_code(session, asker)
    data = {"task": task.id, "proof": proof}
    audit.record(session, f"clue:{task.clue_id}", "not_proved", actor=me().label, data=data)
    why = "查询码不正确" if proof == "query_code" else "姓名与登记的联系方式不一致"
    return None, f"{why}：未核对身份前不得告知任何内容", 422


def seal(task_id: int, until: int | None = None) -> str:
    """What the page gives back with "told": that this person saw the proof for this task, for half an hour."""
    until = until or int(clock.now().timestamp()) + PROOF_SECONDS
    return f"{until}.{blind('task_proof', f'{task_id}:{me().user_id}:{g.sign_in}:{until}').hex()}"


def proved(task_id: int, given: str) -> bool:
    until = given.partition(".")[0]
    if not (until.isascii() and until.isdigit() and len(until) <= 12):
        return False
    fresh = int(until) >= int(clock.now().timestamp())
    return fresh and hmac.compare_digest(given.encode(), seal(task_id, int(until)).encode())


@bp.post("/tasks/<int:task_id>/outcome")
@signed_in(*people.ORIGINAL_ROLES)
def outcome(task_id: int) -> Reply | tuple[str, int]:
    """What became of a call. "Told" only after the proof of this page."""
    what = request.form.get("outcome", "").replace("\0", "")
    if what == "told" and not proved(task_id, request.form.get("proof", "")):
        return _page(task_id, problem="须先核对查询码或姓名和登记的联系方式，才能登记“已告知”", status=422)
    return _entered(task_id, lambda session: telling.called(session, me(), task_id, what, _moment()))


@bp.post("/tasks/<int:task_id>/document")
@signed_in(*people.ORIGINAL_ROLES)
def document(task_id: int) -> Response | tuple[str, int]:
    """The letter as PDF. It shows name and address: a reveal, noted before the file is given."""
    _no_program()
    try:
        with db.transaction() as session:
            _found(session, task_id)
            data = telling.document(session, me(), task_id)
    except telling.TaskError as error:
        return _page(task_id, problem=str(error), status=422)
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="letter-{task_id}.pdf"'
    return response


@bp.post("/tasks/<int:task_id>/words")
@signed_in(*people.ORIGINAL_ROLES)
def words(task_id: int) -> tuple[str, int]:
    """What a written reply to a leader or unit says. An audited read."""
    with db.transaction() as session:
        if _found(session, task_id).kind != "reply":
            abort(404)
        said = telling.words_to_say(session, me(), task_id)
    return _page(task_id, words=said)


@bp.post("/tasks/<int:task_id>/sent")
@signed_in(*people.ORIGINAL_ROLES)
def sent(task_id: int) -> Reply | tuple[str, int]:
    """A letter went to the post office, or a reply to its receiver, under a number."""
    number = request.form.get("reference", "").replace("\0", "")

    def enter(session: Session) -> None:
        act = telling.posted if _found(session, task_id).kind == "letter" else telling.replied
        act(session, me(), task_id, number, _moment())

    return _entered(task_id, enter)


@bp.post("/tasks/<int:task_id>/returned")
@signed_in(*people.ORIGINAL_ROLES)
def returned(task_id: int) -> Reply | tuple[str, int]:
    """A posted letter came back: not told after all."""
    return _entered(task_id, lambda session: telling.returned(session, me(), task_id, _moment()))


def _entered(task_id: int, enter: Callable[[Session], None]) -> Reply | tuple[str, int]:
    try:
        with db.transaction() as session:
            kind = _found(session, task_id).kind
            enter(session)
    except telling.TaskError as error:
        return _page(task_id, problem=str(error), status=422)
    return redirect(url_for("tasks.listing", kind=kind, done=task_id), code=303)


def _moment() -> datetime | None:
    """The time a person entered, China time; None for now. Raises TaskError for what is no time."""
    given = request.form.get("at", "").strip()
    if not given:
        return None
    try:
        return datetime.fromisoformat(given).replace(tzinfo=clock.CHINA)
    except ValueError:
        raise telling.TaskError("时间无法读取，请按“年-月-日 时:分”填写") from None
