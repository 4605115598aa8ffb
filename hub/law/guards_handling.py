"""Guards of what follows a determination: importance and orders, verification, telling, what comes after closing.

Pure, like hub.law.guards, whose mapping holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

Data = Mapping[str, Any]


def not_major(data: Data) -> str | None:
    return "该线索已列为重大线索" if data.get("importance_now") == "major" else None


def is_major(data: Data) -> str | None:
    return None if data.get("importance_now") == "major" else "该线索未列为重大线索"


def other_importance(data: Data) -> str | None:
    return "重要程度没有变化" if data.get("importance") == data.get("importance_now") else None


def due_ahead(data: Data) -> str | None:
    """An order names a day that has not passed."""
    due, today = day_in(data.get("due")), day_in(data.get("today"))
    return "要求回复的日期已经过去" if due and today and due < today else None


def letter_waits(data: Data) -> str | None:
    return None if data.get("letter_open") else "没有待回复的核查函"


def order_waits(data: Data) -> str | None:
    return None if data.get("order_open") else "没有待回复的督办"


def referral_waits(data: Data) -> str | None:
    return None if data.get("referral_open") else "没有待回复的领导批办"


MOST_EXTENSION = 30
"""Working days one extension may add (internal)."""


def extension_allowed(data: Data) -> str | None:
    """D6: off for the measures, which know no extension."""
    return None if data.get("extension") else "《试行办法》没有延长时限的规定"


def clock_runs(data: Data) -> str | None:
    return None if data.get("clock_due") else "该时限未在计算"


def before_expiry(data: Data) -> str | None:
    """Approved before the day has passed, not afterwards."""
    due, today = day_in(data.get("clock_due")), day_in(data.get("today"))
    return "时限已过，不能再延长" if due and today and due < today else None


def days_in_range(data: Data) -> str | None:
    days = data.get("days")
    if isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= MOST_EXTENSION:
        return None
    return f"延长天数须为1至{MOST_EXTENSION}个工作日"


def extension_approved(data: Data) -> str | None:
    return None if data.get("approved") else "延长时限须经审批，请按审批流程提请"


def kind_decided(data: Data) -> str | None:
    """Who sent it objects to a decision that it is no clue; before one there is nothing to object to."""
    return None if data.get("kind_now") not in (None, "", "clue") else "该来件未被认定为非线索"


def first_objection(data: Data) -> str | None:
    return "来件人已提出过一次异议，不能再次提出" if data.get("objected") else None


def closed_as_none(data: Data) -> str | None:
    return None if data.get("close_reason") == "not_a_clue" else "该线索不是因认定为非线索而办结"


def day_in(value: object) -> date | None:
    """A fact as a day; None where it is none."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def after(day: date | None, limit: date | None) -> bool:
    """Whether both are known and the day lies beyond the limit."""
    return day is not None and limit is not None and day > limit


def has_handler(data: Data) -> str | None:
    return None if data.get("handler_now") else "该线索还没有承办人"


def two_officers(data: Data) -> str | None:
    """F1: two different officers, each with a certificate valid on the day of the visit."""
    officers = data.get("officers") or ()
    names = {officer.get("certificate") for officer in officers if officer.get("certificate")}
    if len(names) < 2:
        return "核查须由两名持有执法证的人员进行"
    visit = day_in(data.get("visited")) or day_in(data.get("started"))
    if visit is None:
        return None
    for officer in officers:
        since, until = day_in(officer.get("valid_from")), day_in(officer.get("valid_until"))
        if until is None or until < visit or (since is not None and since > visit):
            return "核查人员的执法证在核查当日无效或未登记有效期"
    return None


def visit_in_order(data: Data) -> str | None:
    """A visit is never in the future and never before the verification started."""
    visit, started, today = day_in(data.get("visited")), day_in(data.get("started")), day_in(data.get("today"))
    if any(after(day, today) for day in (visit, started)):
        return "核查日期不能晚于今天"
    return "现场记录日期不能早于核查开始日期" if visit and started and visit < started else None


def nothing_runs(data: Data) -> str | None:
    """One verification at a time: its officers and records belong together."""
    return "核查正在进行，不能再次开始" if data.get("running") else None


def verification_runs(data: Data) -> str | None:
    return None if data.get("started") else "尚未开始核查"


def ended_in_order(data: Data) -> str | None:
    """The end of verification is not before the last site record and never in the future."""
    ended, last, today = day_in(data.get("ended")), day_in(data.get("last_record")), day_in(data.get("today"))
    started = day_in(data.get("started"))
    if ended and started and ended < started:
        return "核查结束日期不能早于核查开始日期"
    if ended and last and ended < last:
        return "核查结束日期不能早于最后一次现场记录"
    if ended and today and ended > today:
        return "核查结束日期不能晚于今天"
    return None


def handed_over(data: Data) -> str | None:
    """Told = evidence of hand-over; queued is never told (PRODUCT §7)."""
    return None if data.get("evidence") else "没有送达证据，不能记为已告知"


def every_reporter(data: Data) -> str | None:
    """The result clock stops when every told party has been told."""
    untold = int(data.get("untold", 0))
    return f"还有{untold}位举报人未告知" if untold else None


def all_told(data: Data) -> str | None:
    """Close only when every party was told, every consented route is exhausted, or nobody is to be told."""
    if data.get("told") or data.get("exhausted") or data.get("nobody_to_tell"):
        return None
    return "举报人尚未告知，不能办结"


def violation_found(data: Data) -> str | None:
    """A penalty follows from a violation that was found."""
    return None if data.get("result") == "R1" else "没有认定存在违法行为，不能登记处罚决定"


def effective_in_order(data: Data) -> str | None:
    """A decision follows the report and is entered once it has taken effect. Needs `effective`, `today`, `received`."""
    effective, today, received = data.get("effective"), data.get("today"), data.get("received")
    if not isinstance(effective, date):
        return None
    if isinstance(today, date) and effective > today:
        return "处罚决定尚未生效，不能登记"
    before = isinstance(received, date) and effective < received
    return "处罚决定的生效日期不能早于收到举报之日" if before else None


def publish_waits(data: Data) -> str | None:
    return None if data.get("publish_open") else "没有待公开的处罚决定"


def not_cleared(data: Data) -> str | None:
    """Nobody is told to stop what was found to be no violation."""
    return "核查结果为不存在违法行为，不能责令停止" if data.get("result") == "R0" else None


def score_as_said(data: Data) -> str | None:
    """G10: who was reached says how satisfied they are; of the others nobody says it for them."""
    if data.get("outcome") != "reached":
        return "没有联系上，不能代填满意程度" if data.get("score") else None
    return None if data.get("score") in ("1", "2", "3", "4", "5") else "已联系上，须记下满意程度（五档之一）"


def not_rated(data: Data) -> str | None:
    return "举报人已作过评价" if data.get("rated") else None


HANDLING = (
    not_major, is_major, other_importance, due_ahead, letter_waits, order_waits, referral_waits, extension_allowed,
    clock_runs, before_expiry, days_in_range, extension_approved, kind_decided, first_objection, closed_as_none,
    has_handler, two_officers, visit_in_order, nothing_runs, verification_runs, ended_in_order, handed_over,
    every_reporter, all_told, violation_found, effective_in_order, publish_waits, not_cleared, score_as_said,
    not_rated,
)  # fmt: skip
"""All of them."""
