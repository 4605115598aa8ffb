"""From a queued notice to evidence of hand-over: one try at a time, each a row, at-least-once with a dedupe key (Z4).

A try is marked "sending" and committed before the provider is called, and its outcome is noted together with the end of
the work row. A try found "sending" later was interrupted: the provider may have it. Such an unknown outcome is not sent
again blindly: after a wait the same message goes out once more under the same name (Message-ID, client_msg_id, look-up
at the provider), then the next route is taken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from channels.contract import Handed, NotifyError, Outgoing, Ports, Route
from channels.contract import Source as Entrance
from hub import clock, db, failpoints
from hub.access import audit
from hub.access.sealing import blind, open_key
from hub.law.notices import KINDS
from hub.models import Attempt, AttemptKey, Clue, Conversation, EarlyReport, Intake, Notice, NoticeTask, Part, Unit
from hub.notify import routes
from hub.notify.parties import identity
from hub.notify.words import text_of
from hub.work import rows as work
from hub.work.rows import Job

LEASE = timedelta(seconds=300)  # a notifier is bounded to four minutes
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 1800, 7200))
UNKNOWN_WAIT = timedelta(minutes=15)  # a bounce or a report of the provider may settle it meanwhile
UNKNOWN_TRIES = 2
NOTE_TRIES = 10
CAPS = ((10, 10), (30, 15), (60, 25), (180, 50), (600, 100))
"""(minutes, mails) to one address: against loops that carry no mark of a machine (KNOWHOW)."""
CAP_WAIT = timedelta(minutes=30)
TITLE = "12336举报办理告知"  # on a screen or an envelope window: nothing of subject or place
HANDED_OVER = ("sent", "delivered")


@dataclass(frozen=True, slots=True)
class _Step:
    """One try, ready to be made outside any transaction."""

    notice_id: int
    attempt_id: int
    route: Route
    source: Entrance
    outgoing: Outgoing


def put(session: Session, notice: Notice, wait: timedelta = timedelta(0)) -> None:
    """Asks the worker for the next step. The wait counts on the database's clock, which nobody moves for a demo."""
    run_at = session.scalar(select(func.now() + wait)) if wait else None
    work.put(session, "notify", {"notice": notice.id}, once=f"notify:{notice.id}", run_at=run_at)


def lock(session: Session, notice_id: int) -> Notice:
    """The notice, locked behind its clue: the order in which casework locks them."""
    clue_id = select(Notice.clue_id).where(Notice.id == notice_id).scalar_subquery()
    session.execute(select(Clue.id).where(Clue.id == clue_id).with_for_update())
    wanted = select(Notice).where(Notice.id == notice_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(wanted).one()


def attempts_of(session: Session, notice_id: int) -> list[Attempt]:
    return list(session.scalars(select(Attempt).where(Attempt.notice_id == notice_id).order_by(Attempt.id)))


def add(session: Session, notice: Notice, route: str, state: str, detail: str = "", source: str = "") -> Attempt:
    row = Attempt(
        received_at=clock.now(), notice_id=notice.id, route=route, state=state, permanent=False, detail=detail,
        source_id=source, changed=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def change(row: Attempt, state: str, detail: str = "", *, permanent: bool = False) -> None:
    row.state, row.detail, row.permanent, row.changed = state, detail[:300], permanent, clock.now()


def advance(session: Session, notice: Notice, wait: timedelta = timedelta(0)) -> None:
    """Takes the next route that was not tried yet; with none left the notice is undelivered."""
    tried = {row.route for row in attempts_of(session, notice.id)}
    for option in routes.options(session, notice):
        name = option.route.name
        if name in tried:
            continue
        if option.why:
            add(session, notice, name, "skipped", option.why)
            continue
        add(session, notice, name, "queued", source=option.source.id if option.source else "")
        put(session, notice, wait)
        return
    notice.state = "undelivered"
    session.flush()
    audit.record(session, f"clue:{notice.clue_id}", "notice_undelivered", data={"notice": notice.id})
    if notice.kind != "receipt":
        lost(session, notice, exhausted=True)


def lost(session: Session, notice: Notice, *, exhausted: bool) -> None:
    """Casework is told, after this transaction: what was told is not told any more, or no route is left."""
    args = {"notice": notice.id, "exhausted": exhausted, "at": clock.now().isoformat()}
    work.put(session, "undelivered", args, once=f"undelivered:{notice.id}:{exhausted}")


def tell(  # evidence, when and by whom
    session: Session, notice: Notice, route: str, evidence: str, *, at: datetime | None = None, actor: str = "system"
) -> None:
    """Notes the evidence of hand-over: from now on the party is told. Casework is told after this transaction."""
    notice.state, notice.told_at, notice.evidence = "told", at or clock.now(), f"{route}: {evidence}"[:300]
    session.flush()
    data = {"notice": notice.id, "kind": notice.kind, "route": route}
    audit.record(session, f"clue:{notice.clue_id}", "notice_handed_over", actor=actor, at=notice.told_at, data=data)
    if notice.kind != "receipt" or notice.clock:
        args = {"notice": notice.id, "at": notice.told_at.isoformat(), "evidence": notice.evidence}
        work.put(session, "told", args, once=f"told:{notice.id}")


def untell(session: Session, notice: Notice) -> None:
    """A later failure: what was told is open again. Casework is told so before the next step (`put`) is taken."""
    notice.state, notice.told_at, notice.evidence = "queued", None, ""
    session.flush()
    if notice.kind != "receipt":
        lost(session, notice, exhausted=False)


def run(job: Job, ports: Ports) -> None:
    """Handler: args {"notice": id}. One step of one notice."""
    step = _begin(job)
    if step is None:
        return
    failpoints.hit("notify.before_send")
    result: Handed | NotifyError
    assert step.route.send is not None
    try:
        result = step.route.send(ports, step.source, step.outgoing)
    except NotifyError as error:
        result = error
    failpoints.hit("notify.after_send")
    for left in reversed(range(NOTE_TRIES)):
        try:
            with db.transaction() as session:
                _note(session, step, result)
                job.done(session)
        except OperationalError:  # database restarted, deadlock: what is handed over must be noted
            if not left:
                raise
            time.sleep(0.5)
        else:
            return


def _begin(job: Job) -> _Step | None:
    """Marks the try; None where there is nothing to send now (then the work row is done)."""
    with db.transaction() as session:
        notice = lock(session, job.args["notice"])
        step = _next(session, notice) if notice.state == "queued" else None
        if step is None:
            job.done(session)
        return step


def _next(session: Session, notice: Notice) -> _Step | None:
    live = [row for row in attempts_of(session, notice.id) if row.state in ("queued", "sending")]
    if not live:
        advance(session, notice)
        return None
    row = live[-1]
    if row.state == "sending":
        change(row, "unknown", "发送过程中断，结果不明")
        _again(session, notice, row)
        return None
    option = next((o for o in routes.options(session, notice) if o.route.name == row.route), None)
    if option is None or option.why:
        change(row, "skipped", option.why if option else "不再适用")
        advance(session, notice)
        return None
    if option.route.send is None:
        if _open_task(session, notice, option.route, None):
            change(row, "queued", "已转人工办理")
        return None
    if _held(session, notice, row, option.route):
        return None
    return _mark(session, notice, row, option)


def _held(session: Session, notice: Notice, row: Attempt, route: Route) -> bool:
    """Whether the try must wait (quiet or agreed hours) or, over the cap, wait or be left out."""
    now = clock.now()
    if notice.kind != "receipt" and not route.by_people:
        wish = routes.wish_of(session, notice.clue_id, notice.reporter_id)
        start = routes.allowed_from(now, route, wish)
        if start > now:
            row.detail = "等待可以联系的时段"
            put(session, notice, start - now)
            return True
    row.receiver = _receiver(session, notice, route)
    if route.name == "email" and _over_cap(session, row.receiver):
        if notice.kind == "receipt":  # the likely half of a loop between two machines
            change(row, "skipped", "同一地址发送过于频繁")
            advance(session, notice)
        else:
            row.detail = "同一地址发送过于频繁，稍后再发"
            put(session, notice, CAP_WAIT)
        return True
    return False


def _receiver(session: Session, notice: Notice, route: Route) -> bytes | None:
    sender = identity(session, notice.reporter_id)
    address = sender.email.lower() if route.name == "email" else sender.phone or sender.openid
    return blind("receiver", address) if address else None


def _over_cap(session: Session, receiver: bytes | None) -> bool:
    now = clock.now()
    sent = session.scalars(
        select(Attempt.received_at).where(
            Attempt.receiver == receiver,
            Attempt.received_at > now - timedelta(minutes=CAPS[-1][0]),
            Attempt.state.in_(("sending", "unknown", "sent", "delivered")),
        )
    ).all()
    return any(sum(at > now - timedelta(minutes=span) for at in sent) >= most for span, most in CAPS)


def key_of(notice_id: int, route: str) -> str:
    """The name of a notice on a route: the same at every try, known before it is sent, telling nothing."""
    return blind("notice", f"{notice_id}:{route}").hex()


def _mark(session: Session, notice: Notice, row: Attempt, option: routes.Option) -> _Step:
    again = any(o.route == row.route and o.state == "unknown" for o in attempts_of(session, notice.id))
    key = key_of(notice.id, row.route)
    note_keys(session, notice.id, row.route, (key,))
    source = option.source
    if source is None:
        unit = session.get_one(Unit, notice.unit_id) if notice.unit_id else None
        source = Entrance("", option.channel, unit.code if unit else "")
    change(row, "sending")
    row.source_id = source.id
    outgoing = Outgoing(
        key=key,
        title=TITLE,
        text=text_of(session, notice, neutral=routes.neutral(session, notice, option.route)),
        to=identity(session, notice.reporter_id),
        at=notice.asked_at or notice.created,
        thread=_thread(session, notice),
        answering=notice.kind == "receipt",
        again=again,
    )
    return _Step(notice.id, row.id, option.route, source, outgoing)


def _thread(session: Session, notice: Notice) -> tuple[str, ...]:
    """The Message-ID of the mail by which the party came."""
    intake = session.get(Intake, notice.intake_id) if notice.intake_id is not None else None
    if intake is None or intake.channel != "email":
        return ()
    part = session.scalars(select(Part).where(Part.intake_id == intake.id).order_by(Part.ord)).first()
    told = open_key(session, intake.key_id).json(part.data, "part.data") if part is not None else {}
    return (str(told["message_id"]),) if told.get("message_id") else ()


def note_keys(session: Session, notice_id: int, route: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        values = {"token": blind("attempt", key), "notice_id": notice_id, "route": route}
        session.execute(insert(AttemptKey).values(**values).on_conflict_do_nothing())


def _note(session: Session, step: _Step, result: Handed | NotifyError) -> None:
    """Writes down what became of a try."""
    notice = lock(session, step.notice_id)
    row = next(row for row in attempts_of(session, notice.id) if row.id == step.attempt_id)
    session.refresh(row, with_for_update=True)
    if row.state != "sending":  # the provider's own report was faster
        return
    if isinstance(result, Handed):
        _handed(session, notice, row, step, result)
    elif result.unknown:
        change(row, "unknown", str(result))
        _again(session, notice, row)
    elif result.permanent:
        change(row, "failed", str(result), permanent=True)
        advance(session, notice)
    else:
        change(row, "failed", str(result))
        retry(session, notice, row)


def _handed(session: Session, notice: Notice, row: Attempt, step: _Step, result: Handed) -> None:
    if result.document is not None:
        key = open_key(session, notice.key_id or 0)
        sealed = key.seal(result.document.read(), "notice_task.document")
        if _open_task(session, notice, step.route, sealed):
            change(row, "queued", "已打印待寄")
        return
    row.evidence = result.evidence[:300]
    note_keys(session, notice.id, row.route, result.keys)
    _join(session, notice, step, result.keys)
    early = session.scalars(
        select(EarlyReport).where(
            EarlyReport.token.in_([blind("attempt", key) for key in result.keys]), EarlyReport.at >= row.changed
        )
    ).first()
    if early is not None and early.state == "failed" and early.permanent:
        change(row, "failed", early.detail, permanent=True)
        advance(session, notice)
        return
    change(row, "delivered" if early is not None and early.state == "delivered" else "sent")
    tell(session, notice, row.route, result.evidence)


def _join(session: Session, notice: Notice, step: _Step, keys: tuple[str, ...]) -> None:
    """An answer to our mail names our Message-ID: it belongs to the clue."""
    if step.route.name != "email":
        return
    for key in keys:
        token = blind(f"talk:{step.source.id}", key)
        values = {"source_id": step.source.id, "token": token, "clue_id": notice.clue_id, "last_at": clock.now()}
        session.execute(insert(Conversation).values(**values).on_conflict_do_nothing())


def _again(session: Session, notice: Notice, row: Attempt) -> None:
    """After an unknown outcome: once more after a wait, then the next route."""
    unknown = sum(o.route == row.route and o.state == "unknown" for o in attempts_of(session, notice.id))
    if unknown < UNKNOWN_TRIES:
        add(session, notice, row.route, "queued", "结果不明，稍后以同一编号再发", row.source_id)
        put(session, notice, UNKNOWN_WAIT)
    else:
        advance(session, notice)


def retry(session: Session, notice: Notice, row: Attempt, least: timedelta = timedelta(0)) -> None:
    """After a passing failure: the same route after a growing wait, of `least` at least, then the next one."""
    failed = sum(o.route == row.route and o.state == "failed" for o in attempts_of(session, notice.id))
    if failed <= len(BACK_OFF):
        add(session, notice, row.route, "queued", "", row.source_id)
        put(session, notice, max(least, BACK_OFF[failed - 1]))
    else:
        advance(session, notice)


def _open_task(session: Session, notice: Notice, route: Route, document: bytes | None) -> bool:
    """A row for the people of the unit that owes the notice; False where one is open already."""
    assert notice.unit_id is not None
    values = {
        "notice_id": notice.id, "unit_id": notice.unit_id, "kind": route.name, "document": document,
        "created": clock.now(),
    }  # fmt: skip
    made = insert(NoticeTask).values(**values).on_conflict_do_nothing().returning(NoticeTask.id)
    return session.scalar(made) is not None


def parked(session: Session, args: dict[str, object], reason: str) -> None:
    """The worker died again and again over this notice: the route is left, the notice goes on."""
    notice = lock(session, int(str(args["notice"])))
    if notice.state != "queued":
        return
    for row in attempts_of(session, notice.id):
        if row.state in ("queued", "sending"):
            change(row, "failed", reason)
    advance(session, notice)


def kind_label(notice: Notice) -> str:
    return KINDS.get(notice.kind, notice.kind)
