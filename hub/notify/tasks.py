"""What people do to tell a party: call back, post a printed letter, write a reply; their word is the evidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.law import calendar
from hub.models import Attempt, CallTry, Clue, Notice, NoticeTask
from hub.notify import sending
from hub.notify.parties import identity
from hub.notify.words import text_of

CALLS, CALL_DAYS = 3, 2  # exhausted: three attempts on two working days (PRODUCT §7)
NOT_REACHED = frozenset({"no_answer", "not_proved"})
FINAL = {"wrong_number": "号码有误", "refused": "对方拒绝接听告知"}
OUTCOMES = frozenset({"told", *NOT_REACHED, *FINAL})
LABELS = {"call": "回拨电话", "letter": "邮寄信函", "reply": "书面答复"}


class TaskError(RuntimeError):
    """This cannot be entered; the message (Chinese) says why."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task in a unit's list: no identity; the number is dialled by the hub, the letter printed from the task."""

    id: int
    kind: str
    label: str
    clue_id: int
    clue_no: str
    notice: str
    created: datetime
    calls: int


def waiting(session: Session, unit_ids: Collection[int], kinds: Collection[str] = tuple(LABELS)) -> list[Waiting]:
    """The open tasks of these units, oldest first. The caller limits the units to what the person may see."""
    rows = session.execute(
        select(NoticeTask, Notice, Clue.no)
        .join(Notice, Notice.id == NoticeTask.notice_id)
        .join(Clue, Clue.id == Notice.clue_id)
        .where(NoticeTask.unit_id.in_(unit_ids), NoticeTask.kind.in_(kinds), NoticeTask.state == "open")
        .order_by(NoticeTask.id)
    ).all()
    return [
        Waiting(task.id, task.kind, LABELS[task.kind], notice.clue_id, no, sending.kind_label(notice), task.created,
                len(_tries(session, task)))
        for task, notice, no in rows
    ]  # fmt: skip


def words_to_say(session: Session, who: Actor, task_id: int) -> str:
    """What is said in a call or written in a reply, once the person has proved who they are. Audited."""
    task, notice = _locked(session, task_id)
    data = {"notice": notice.id, "task": task.id}
    audit.record(session, f"clue:{notice.clue_id}", "notice_read", actor=who.label, data=data)
    return text_of(session, notice)


def document(session: Session, who: Actor, task_id: int) -> bytes:
    """The printed letter (PDF). It shows name and address: a reveal, audited before it is opened (PRODUCT §10)."""
    task, notice = _locked(session, task_id)
    if task.document is None or notice.key_id is None:
        raise TaskError("这项任务没有可打印的信函")
    data = {"notice": notice.id, "task": task.id}
    audit.record(session, f"clue:{notice.clue_id}", "reveal_address_sheet", actor=who.label, data=data)
    return open_key(session, notice.key_id).open(task.document, "notice_task.document")


def note_dialling(session: Session, who: Actor, task_id: int) -> None:
    """The reveal before a call, committed before the number is opened (PRODUCT §10). Raises TaskError."""
    task, notice = _open(session, task_id, "call")
    data = {"notice": notice.id, "task": task.id}
    audit.record(session, f"clue:{notice.clue_id}", "reveal_number", actor=who.label, data=data)


def number(session: Session, task_id: int) -> str:
    """The number to dial, after `note_dialling` was committed. Raises TaskError."""
    task = session.get(NoticeTask, task_id)
    notice = session.get(Notice, task.notice_id) if task is not None and task.kind == "call" else None
    if notice is None:
        raise TaskError("没有这项任务")
    return identity(session, notice.reporter_id).phone


def called(session: Session, who: Actor, task_id: int, outcome: str, at: datetime | None = None) -> None:
    """One call-back. "told": the reporter answered, proved the code and was told. Raises TaskError."""
    task, notice = _open(session, task_id, "call")
    if outcome not in OUTCOMES:
        raise TaskError("没有这种通话结果")
    moment = _moment(at, notice)
    session.add(CallTry(task_id=task.id, at=moment, outcome=outcome, by_user=who.user_id))
    session.flush()
    data = {"notice": notice.id, "outcome": outcome}
    audit.record(session, f"clue:{notice.clue_id}", "called_back", actor=who.label, at=moment, data=data)
    if outcome == "told":
        _done(session, who, task, notice, f"call {task.id}", moment)
    elif outcome in FINAL:
        _failed(session, who, task, notice, FINAL[outcome])
    elif _exhausted(session, task):
        _failed(session, who, task, notice, f"{CALLS}次回拨未能告知")


def _exhausted(session: Session, task: NoticeTask) -> bool:
    national = calendar.national()
    days = {clock.china(row.at).date() for row in _tries(session, task)}
    working = {day for day in days if national.counts(day)}
    return len(_tries(session, task)) >= CALLS and len(working) >= CALL_DAYS


def posted(session: Session, who: Actor, task_id: int, register_no: str, at: datetime | None = None) -> None:
    """The letter went to the post office under this register number. Raises TaskError."""
    task, notice = _open(session, task_id, "letter")
    _finish(session, who, task, notice, register_no, at)


def replied(session: Session, who: Actor, task_id: int, number: str, at: datetime | None = None) -> None:
    """The written reply went to the leader, unit or department under this number. Raises TaskError."""
    task, notice = _open(session, task_id, "reply")
    _finish(session, who, task, notice, number, at)


def returned(session: Session, who: Actor, task_id: int, at: datetime | None = None) -> None:
    """The posted letter came back: not told after all, the next route is taken. Raises TaskError."""
    task, notice = _locked(session, task_id)
    if task.kind != "letter" or task.state != "done":
        raise TaskError("只有已寄出的信函才能登记退回")
    moment = _moment(at, notice)
    data = {"notice": notice.id}
    audit.record(session, f"clue:{notice.clue_id}", "letter_returned", actor=who.label, at=moment, data=data)
    task.state = "failed"
    _attempt_failed(session, notice, "letter", "信函退回")
    if notice.state == "told" and notice.evidence.startswith("letter:"):
        sending.untell(session, notice)
        sending.put(session, notice)


def _finish(
    session: Session, who: Actor, task: NoticeTask, notice: Notice, reference: str, at: datetime | None
) -> None:
    plain = " ".join(reference.split())[:100]
    if not plain:
        raise TaskError("请填写挂号或文书编号")
    task.reference = plain
    _done(session, who, task, notice, plain, _moment(at, notice))


def _done(session: Session, who: Actor, task: NoticeTask, notice: Notice, evidence: str, at: datetime) -> None:
    task.state, task.done_at, task.by_user = "done", at, who.user_id
    for row in _live(session, notice, task.kind):
        row.evidence = evidence
        sending.change(row, "delivered" if task.kind == "call" else "sent")
    sending.tell(session, notice, task.kind, evidence, at=at, actor=who.label)


def _failed(session: Session, who: Actor, task: NoticeTask, notice: Notice, why: str) -> None:
    task.state, task.done_at, task.by_user = "failed", clock.now(), who.user_id
    session.flush()
    _attempt_failed(session, notice, task.kind, why)
    sending.advance(session, notice)


def _attempt_failed(session: Session, notice: Notice, route: str, why: str) -> None:
    for row in _live(session, notice, route):
        sending.change(row, "failed", why, permanent=True)


def _live(session: Session, notice: Notice, route: str) -> list[Attempt]:
    rows = sending.attempts_of(session, notice.id)
    return [row for row in rows if row.route == route and row.state in ("queued", *sending.HANDED_OVER)]


def _tries(session: Session, task: NoticeTask) -> list[CallTry]:
    return list(session.scalars(select(CallTry).where(CallTry.task_id == task.id).order_by(CallTry.id)))


def _locked(session: Session, task_id: int) -> tuple[NoticeTask, Notice]:
    """The task and its notice, the notice locked first: the order of everybody who touches both."""
    task = session.get(NoticeTask, task_id)
    if task is None:
        raise TaskError("没有这项任务")
    notice = sending.lock(session, task.notice_id)
    session.refresh(task)
    return task, notice


def _open(session: Session, task_id: int, kind: str) -> tuple[NoticeTask, Notice]:
    task, notice = _locked(session, task_id)
    if task.kind != kind:
        raise TaskError("任务种类不符")
    if task.state != "open" or notice.state != "queued":
        raise TaskError("这项任务已经办结或撤回")
    return task, notice


def _moment(at: datetime | None, notice: Notice) -> datetime:
    """When it was done: not in the future, not before the notice was asked for."""
    now = clock.now()
    moment = at or now
    if moment > now:
        raise TaskError("时间不能晚于现在")
    if notice.asked_at is not None and moment < notice.asked_at:
        raise TaskError("时间不能早于告知作出的时间")
    return moment
