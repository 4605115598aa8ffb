"""A notice of ours that came back by post: a line of the register, and the failure of that notice (PRODUCT §7)."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access.people import Actor, visible
from hub.mailroom import register
from hub.mailroom.errors import MailroomError
from hub.models import Clue, ClueUnit, Letter, Notice, NoticeTask
from hub.notify import tasks


def returned(session: Session, who: Actor, reference: str, stamped: str, key: str, remark: str = "") -> Letter:
    """The letter posted under `reference` came back: its notice is not told after all, the next route is taken.

    Done again with the same key it changes nothing. Raises MailroomError where no such letter is on its way.
    """
    day = register.stamp(stamped)
    plain = " ".join(reference.replace("\0", "").split())[:100]
    if not plain:
        raise MailroomError("请填写寄出时登记的挂号编号", "reference")
    told = {"reference": plain} | ({"remark": remark.strip()[:500]} if remark.strip() else {})
    row, new = register.line(session, who, told, day, key)
    if not new:
        return row
    task = _posted(session, who, plain)
    notice = session.get_one(Notice, task.notice_id)
    moment = min(datetime.combine(day, time(23, 59), clock.CHINA), clock.now())
    try:
        tasks.returned(session, who, task.id, moment)
    except tasks.TaskError as error:
        raise MailroomError(str(error), "reference") from None
    row.state, row.task_id = "returned", task.id
    session.flush()
    register.note_entered(session, who, row)
    casework.announce(session, session.get_one(Clue, notice.clue_id))
    return row


def _posted(session: Session, who: Actor, reference: str) -> NoticeTask:
    """The one letter that this unit posted under the number and that has not come back."""
    seen = visible(who).with_only_columns(ClueUnit.clue_id)
    query = (
        select(NoticeTask)
        .join(Notice, Notice.id == NoticeTask.notice_id)
        .where(NoticeTask.unit_id == who.unit_id, NoticeTask.kind == "letter", Notice.clue_id.in_(seen))
        .where(NoticeTask.reference == reference)
        .order_by(NoticeTask.id.desc())
    )
    rows = session.scalars(query.limit(20)).all()
    going = [row for row in rows if row.state == "done"]
    if len(going) > 1:
        raise MailroomError("有几封信用了这个编号，请在“告知任务·邮寄信函”里登记退回", "reference")
    if not going:
        known = any(row.state == "failed" for row in rows)
        raise MailroomError("这封信已登记过退回" if known else "没有用这个编号寄出的信，请核对", "reference")
    return going[0]
