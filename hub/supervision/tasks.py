"""Tasks by which people tell a party, as their pages list them: nothing of who is to be told stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.people import Actor, visible
from hub.models import CallTry, Clock, Clue, ClueUnit, Notice, NoticeTask
from hub.notify import routes, sending
from hub.notify.history import PARTIES
from hub.notify.tasks import CALL_DAYS, CALLS, LABELS
from hub.settings import settings
from hub.terms import Role

KIND_ROLES = {
    "call": frozenset({Role.OPERATOR, Role.HANDLER, Role.LEAD}),
    "letter": frozenset({Role.MAILROOM, Role.HANDLER, Role.LEAD}),
    "reply": frozenset({Role.MAILROOM, Role.HANDLER, Role.LEAD}),
}
"""Who does which kind: calls at the station, letters and replies in the mailroom; handler and lead everything."""
OUTCOMES = {
    "told": "已告知", "no_answer": "无人接听", "not_proved": "未能核对身份", "wrong_number": "号码有误",
    "refused": "拒绝接听告知",
}  # fmt: skip
MAX_ROWS = 200
RETURNS = timedelta(days=180)  # a letter that comes back later is found through its clue


@dataclass(frozen=True, slots=True)
class Try:
    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the person's own unit. `due`: last day of the clock that being told stops; `wait`: not before then."""

    id: int
    kind: str
    label: str
    state: str
    clue_no: str
    clue_id: int
    notice_id: int
    notice: str
    party: str
    created: datetime
    due: date | None
    late: bool
    tries: tuple[Try, ...]
    hours: str
    wait: datetime | None
    neutral: bool
    confidential: bool
    reference: str
    done_at: datetime | None

    @property
    def left(self) -> str:
        """What is still to be tried before the route is exhausted (PRODUCT §7)."""
        days = len({clock.china(row.at).date() for row in self.tries})
        return f"已拨 {len(self.tries)} 次、{days} 天；须在 {CALL_DAYS} 个工作日内共拨 {CALLS} 次"


def kinds_of(who: Actor) -> list[str]:
    """The kinds of tasks this person does."""
    return [kind for kind, roles in KIND_ROLES.items() if who.has(roles)]


def _mine(who: Actor, kinds: Sequence[str]) -> Select[NoticeTask, Notice, Clue]:
    """Tasks of the person's own unit about clues they may see."""
    seen = visible(who).with_only_columns(ClueUnit.clue_id)
    return (
        select(NoticeTask, Notice, Clue)
        .join(Notice, Notice.id == NoticeTask.notice_id)
        .join(Clue, Clue.id == Notice.clue_id)
        .where(NoticeTask.unit_id == who.unit_id, NoticeTask.kind.in_(kinds), Clue.id.in_(seen))
    )


def counts(session: Session, who: Actor) -> dict[str, int]:
    """Open tasks by kind."""
    found = _mine(who, kinds_of(who)).where(NoticeTask.state == "open").with_only_columns(NoticeTask.kind).subquery()
    rows = session.execute(select(found.c.kind, func.count()).group_by(found.c.kind)).all()
    return dict.fromkeys(kinds_of(who), 0) | {row[0]: row[1] for row in rows}


def waiting(session: Session, who: Actor, kind: str) -> list[Task]:
    """The open tasks of a kind, most urgent first; at most MAX_ROWS, `counts` says how many there are."""
    query = _mine(who, [kind]).where(NoticeTask.state == "open").order_by(NoticeTask.id).limit(MAX_ROWS)
    rows = [_task(session, task, notice, clue) for task, notice, clue in session.execute(query)]
    return sorted(rows, key=lambda row: (row.due or date.max, row.id))


def posted(session: Session, who: Actor) -> list[Task]:
    """Letters on their way, newest first: one that comes back is entered here."""
    query = (
        _mine(who, ["letter"])
        .where(NoticeTask.state == "done", NoticeTask.done_at > clock.now() - RETURNS)
        .order_by(NoticeTask.id.desc())
        .limit(MAX_ROWS)
    )
    return [_task(session, task, notice, clue) for task, notice, clue in session.execute(query)]


def one(session: Session, who: Actor, task_id: int) -> Task | None:
    """The task, if it is the person's to do; None says nothing about whether it exists."""
    if task_id >= 2**63:
        return None
    row = session.execute(_mine(who, kinds_of(who)).where(NoticeTask.id == task_id)).first()
    return _task(session, *row) if row is not None else None


def _task(session: Session, task: NoticeTask, notice: Notice, clue: Clue) -> Task:
    about = session.get(Clock, int(notice.clock)) if notice.clock.isdecimal() else None
    wish = routes.wish_of(session, clue.id, notice.reporter_id)
    known = routes.known_routes().get(task.kind)
    now = clock.now()
    start = routes.allowed_from(now, known[1], wish) if known is not None and task.kind == "call" else now
    tries = session.scalars(select(CallTry).where(CallTry.task_id == task.id).order_by(CallTry.id)).all()
    return Task(
        id=task.id, kind=task.kind, label=LABELS[task.kind], state=task.state, clue_no=clue.no, clue_id=clue.id,
        notice_id=notice.id, notice=sending.kind_label(notice), party=PARTIES[notice.party], created=task.created,
        due=about.due if about else None,
        late=about is not None and about.stopped_at is None and about.due < clock.today(),
        tries=tuple(Try(row.at, OUTCOMES[row.outcome]) for row in tries),
        hours=f"{wish.hour_from}–{wish.hour_to} 时" if wish is not None and wish.hour_to is not None else "",
        wait=start if start > now else None, neutral=bool(wish and wish.neutral),
        confidential=clue.report_mode == "confidential", reference=task.reference, done_at=task.done_at,
    )  # fmt: skip


def quiet_hours() -> str:
    """The hours in which nobody's telephone may ring, as people read them; "" where there are none."""
    begin, _, end = settings().quiet_hours.partition("-")
    return f"{begin} 时至次日 {end} 时" if begin and int(begin) > int(end) else f"{begin}–{end} 时" if begin else ""
