"""What happened to a clue, in the field's words: each event with its article, both times, clocks and what was written.

Events hold codes and ids only; the words a person wrote with an act are sealed and opened for those who may read the
clue. Nothing here names a reporter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.sealing import open_key
from hub.casework.fields import VALUES
from hub.law import notices, workflow
from hub.models import Clue, Event, Opinion, Unit, User
from hub.terms import STATE_LABELS, State

ACT_LABELS = {
    "accept": "收到来件", "register": "登记", "continue": "收到补充", "suggest": "机器建议", "transcript": "生成文字",
    "confirm": "确认建议", "set_value": "填写", "fetched": "取回媒体", "evidence": "存入现场照片",
    "to_manual": "转人工阅读", "read_original": "查阅原件", "print": "打印",
    "reveal": "查看举报人身份", "reveal_asked": "申请查看举报人身份", "reveal_approved": "同意查看举报人身份",
    "reveal_refused": "不同意查看举报人身份", "read_redacted": "查阅遮盖件", "copy_asked": "制作遮盖副本",
    "correct_text": "更正文字", "set_kind": "认定类别", "delivery_report": "送达回执", "register_by_hand": "人工登记",
    "notice_asked": "拟告知", "notice_undelivered": "告知未送达", "notice_handed_over": "告知已送出",
    "notice_report": "告知回执",
    "notice_recalled": "撤回告知", "notice_read": "已读告知", "letter_returned": "告知函退回",
    "called_back": "电话告知",
    "notice.told": "已告知", "notice.undelivered": "告知未能送达", "notice.recalled": "告知已撤回",
    "notice.queued": "告知待送达",
    "notice.no_reporter": "无可告知的人", "reveal_address_sheet": "取用收件地址", "wish": "记录联系意愿",
    "join_reporter": "登记共同举报人",
    "clock.start": "时限起算", "clock.stop": "时限停止", "clock.resume": "时限继续", "clock.reopen": "时限恢复",
    "clock.recompute": "时限重算", "clock.warning": "时限提醒", "verification.stalled": "核查停滞提醒",
    "reveal_to_department": "向其他部门提供举报人信息", "transfer_read": "查阅转交材料",
    "stop_order_read": "取用责令停止文书", "package": "制作案卷包", "rated": "举报人评价",
    "unit_closed": "单位撤并，线索随转",
    "approval.propose": "提请审批", "approval.decide": "审批", "approval.withdraw": "撤回提请",
    "disposal_proposed": "提请到期销毁", "leak_reported": "报告泄密", "misuse_proposed": "提请认定恶意举报",
    "misuse_appealed": "对恶意举报认定申诉", "not_proved": "未通过身份核对", "propose_kind": "提出改为非线索",
    "read_by_hand": "人工阅读", "refused_look": "越权查看被拒", "retention_hold": "暂停到期销毁",
    "retention_lift": "恢复到期销毁", "reveal_number": "查看号码拨打", "subject_export": "导出本人信息",
    "note": "写备注",
}  # fmt: skip
QUIET = frozenset(
    {"read_original", "read_redacted", "copy_asked", "suggest", "transcript", "notice_read", "notice_report", "fetched",
     "print", "stop_order_read"}
)  # fmt: skip
"""Events that say nothing about the handling: shown small."""
APART = timedelta(minutes=1)  # an act entered this long after it happened shows both times
_CLOCK_EFFECTS = {
    "start": "起算", "stop": "停止", "superseded": "终止", "resume": "继续", "reopen": "恢复", "judge": "认定",
    "recompute": "重算",
}  # fmt: skip
_TOLD = ("reason", "ground", "class", "result", "missing", "how", "kind", "contacted", "outcome", "score")
_DAYS = {"issued": "签发", "started": "开始", "visited": "到现场", "ended": "结束", "joined": "并入",
         "effective": "生效"}  # fmt: skip
_OPINIONS = {
    "reason_text": "理由", "reason": "理由", "words": "意见", "confirmation": "确认依据", "at_reason": "补记理由",
    "case_no": "案件号", "department": "部门", "answer": "答复", "consent": "举报人同意情况",
    "receipt_no": "回执编号", "answer_no": "部门复函编号",
    "order_no": "文书编号", "addressee": "责令对象", "conduct": "违法行为", "basis": "法律依据", "copies": "抄送",
    "published_in": "公开载体",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What an event did to a clock."""

    label: str
    effect: str
    due: str
    late: bool


@dataclass
class Entry:
    """One line of the history. `recorded` is set only where it differs from `at`; `seq` counts events of the clue."""

    seq: int
    at: datetime
    recorded: datetime | None
    label: str
    actor: str
    hash: str
    article: str = ""
    quiet: bool = False
    late: bool = False
    change: str = ""
    details: list[str] = field(default_factory=list)
    clocks: list[ClockChange] = field(default_factory=list)
    opinions: list[tuple[str, str]] = field(default_factory=list)


def act_label(act: str) -> str:
    """The words of an event: the rule table's own for its acts, ours for what machines and desks do."""
    rule = workflow.rules().get(act)
    return ACT_LABELS.get(act) or (rule.label if rule is not None else act)


def entries(session: Session, clue: Clue, intake_ids: Sequence[int], *, original: bool) -> list[Entry]:
    """Every event of the clue and of its intakes, oldest first; what people wrote only with `original`."""
    objects = [f"clue:{clue.id}", *(f"intake:{number}" for number in intake_ids)]
    rows = session.scalars(select(Event).where(Event.object.in_(objects)).order_by(Event.received_at, Event.id)).all()
    names = _names(session, rows)
    units = _units(session, rows)
    written = _opinions(session, clue) if original else {}
    return [_entry(row, names, units, written, own=row.object == f"clue:{clue.id}") for row in rows]


def since(session: Session, clue: Clue, seq: int) -> list[Entry]:
    """What happened to the clue after event `seq`: for somebody whose page was made then."""
    wanted = select(Event).where(Event.object == f"clue:{clue.id}", Event.seq > seq).order_by(Event.seq)
    rows = session.scalars(wanted).all()
    names, units = _names(session, rows), _units(session, rows)
    found = [_entry(row, names, units, {}, own=True) for row in rows]
    return [entry for entry in found if not entry.quiet]


def _names(session: Session, rows: Sequence[Event]) -> dict[str, str]:
    ids = {int(row.actor[5:]) for row in rows if row.actor.startswith("user:")}
    ids |= {number for row in rows for number in _spoken_of(row.data)}
    return {f"user:{user.id}": user.name for user in session.scalars(select(User).where(User.id.in_(ids)))}


def _units(session: Session, rows: Sequence[Event]) -> dict[int, str]:
    ids = {number for row in rows for number in (row.data.get("holder") or {}).values() if isinstance(number, int)}
    return {unit.id: unit.name for unit in session.scalars(select(Unit).where(Unit.id.in_(ids)))}


def _opinions(session: Session, clue: Clue) -> dict[tuple[str, str], list[tuple[datetime, str, str]]]:
    """(act, actor) → (written at, name, text). An opinion is written in the transaction of its event."""
    key = open_key(session, clue.key_id)
    found: dict[tuple[str, str], list[tuple[datetime, str, str]]] = {}
    for row in session.scalars(select(Opinion).where(Opinion.clue_id == clue.id).order_by(Opinion.id)):
        actor = f"user:{row.by_user}" if row.by_user is not None else "system"
        label = _OPINIONS.get(row.name, row.name)
        found.setdefault((row.act, actor), []).append((row.at, label, key.text(row.text, "clue.opinion")))
    return found


def _entry(
    row: Event, names: Mapping[str, str], units: Mapping[int, str],
    written: dict[tuple[str, str], list[tuple[datetime, str, str]]], *, own: bool,
) -> Entry:  # fmt: skip
    data = row.data
    clocks = [_clock(change) for change in data.get("clocks", ())]
    apart = row.received_at - row.at > APART  # entered later; a demo's clock is ahead of the log's, which says nothing
    made = Entry(
        seq=row.seq if own else 0, at=clock.china(row.at), recorded=clock.china(row.received_at) if apart else None,
        label=act_label(row.act), actor=names.get(row.actor, "系统"), hash=row.hash.hex()[:8],
        article=str(data.get("article") or ""), quiet=row.act in QUIET, late=any(one.late for one in clocks),
        change=_change(data), details=_details(data, units) + _people(data, names), clocks=clocks,
    )  # fmt: skip
    made.opinions = _taken(written, row)
    return made


def _taken(written: dict[tuple[str, str], list[tuple[datetime, str, str]]], row: Event) -> list[tuple[str, str]]:
    """The words of this event: one of each name, in the order they were written."""
    waiting = written.get((row.act, row.actor), [])
    first = waiting[0][0] if waiting else None
    taken: list[tuple[str, str]] = []
    while waiting and waiting[0][0] == first:  # the server's time of one transaction: words of one act
        _, label, text = waiting.pop(0)
        taken.append((label, text))
    return taken


def _change(data: Mapping[str, Any]) -> str:
    before, after = data.get("from"), data.get("to")
    known = frozenset(state.value for state in State)
    if before == after or before not in known or after not in known:
        return ""
    return f"{STATE_LABELS[State(before)]} → {STATE_LABELS[State(after)]}"


def _details(data: Mapping[str, Any], units: Mapping[int, str]) -> list[str]:
    told = [_shown(name, str(data[name])) for name in _TOLD if data.get(name)]
    told += [f"{label} {data[name]}" for name, label in _DAYS.items() if isinstance(data.get(name), str)]
    if "layer" in data:
        told.append(f"{workflow.CLOCKS.get(str(data.get('kind')), '')} {data.get('from')} → {data.get('to')}")
    holder = data.get("holder")
    if isinstance(holder, dict):
        told.append(f"{units.get(holder.get('from', 0), '')} → {units.get(holder.get('to', 0), '')}")
    return [words for words in told if words]


def _spoken_of(data: Mapping[str, Any]) -> list[int]:
    """Ids of the staff an event names: whom a clue was given to, whom a note mentions."""
    told = [data.get("handler"), *(data.get("mentions") or ())]
    return [number for number in told if isinstance(number, int)]


def _people(data: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    named = "、".join(names.get(f"user:{number}", "") for number in _spoken_of(data))
    how = "自动分派（在办最少）" if data.get("auto") else "提到" if data.get("mentions") else "给"
    return [f"{how} {named}"] if named else []


def _shown(name: str, value: str) -> str:
    if name == "kind" and value in notices.KINDS:
        return notices.KINDS[value]
    words = VALUES.get(name, {}).get(value, "")
    return f"{value} {words}" if name in ("class", "ground") else words


def _clock(change: Mapping[str, Any]) -> ClockChange:
    label = workflow.CLOCKS.get(str(change.get("kind")), str(change.get("kind")))
    effect = _CLOCK_EFFECTS.get(str(change.get("effect")), str(change.get("effect")))
    return ClockChange(label, effect, str(change.get("due", "")), bool(change.get("late")))
