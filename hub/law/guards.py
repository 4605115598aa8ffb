"""The guards of the rule table: each looks at the data of an act and names what forbids it, in Chinese, or None.

Pure. The data is what casework found out: plain values, dates and datetimes, counts, flags. A fact that is absent
counts as not established.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

Data = Mapping[str, Any]
CLOSED_WITHOUT_ANSWER = frozenset({"P3", "P5", "transferred"})


def at_not_future(data: Data) -> str | None:
    """PRODUCT §4: never a future time. Needs `now` beside `at`; both with their zone."""
    at, now = data.get("at"), data.get("now")
    if isinstance(at, datetime) and isinstance(now, datetime) and at > now:
        return "发生时间不能晚于现在"
    return None


def answer_to_sender(data: Data) -> str | None:
    """From letter, e-mail, WeChat and web a kind other than clue needs an answer to the sender."""
    written = data.get("channel") in ("letter", "email", "wechat") or data.get("sub_channel") == "0803"
    return "定为非线索须答复来件人" if written and not data.get("answer") else None


def second_person_after_registration(data: Data) -> str | None:
    if not data.get("registered"):
        return None
    second = data.get("second_person")
    return None if second and second != data.get("by") else "线索登记后改为非线索须由第二人确认"


def unit_in_subtree(data: Data) -> str | None:
    """A superior designates inside its own subtree only (E5)."""
    return None if data.get("unit_in_subtree") else "只能在本级辖区内指定"


def same_matter(data: Data) -> str | None:
    """P4: same place, respondent and main facts."""
    labels = {"same_place": "发生地", "same_respondent": "违法主体", "same_facts": "主要违法事实"}
    missing = [label for name, label in labels.items() if not data.get(name)]
    return f"不是同一线索：{'、'.join(missing)}未确认相同" if missing else None


def earlier_still_answers(data: Data) -> str | None:
    """Never P4 where the earlier clue was closed as P3, P5 or transferred."""
    return "原线索未经实体办理，不能按重复举报处理" if data.get("earlier_closed") in CLOSED_WITHOUT_ANSWER else None


def nothing_new(data: Data) -> str | None:
    """Never P4: an act continued or renewed after the earlier result, new evidence, resubmission after P5."""
    if data.get("renewed"):
        return "原结果之后违法行为继续或再次发生，不是重复举报"
    if data.get("new_evidence"):
        return "有新证据，不是重复举报"
    return None


def not_shared(data: Data) -> str | None:
    """An equal phone or mail that is marked as shared never shows the same reporter, whoever confirms it."""
    if data.get("same_reporter") == "confirmed" and data.get("shared_contact"):
        return "该联系方式为多人共用，不能认定同一举报人"
    return None


def asked_first(data: Data) -> str | None:
    """P5 (switch, on): where a contact exists one logged attempt to ask comes first, else 7 WD on the query page."""
    if not data.get("ask_first", True):
        return None
    if data.get("contact"):
        return None if data.get("asked") else "有联系方式的，应先联系举报人补充并记录"
    return None if data.get("waited") else "无联系方式的，应在查询页面公示补充要求满7个工作日"


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def two_officers(data: Data) -> str | None:
    """F1: two different officers, each with a certificate valid on the day of the visit."""
    officers = data.get("officers") or ()
    names = {officer.get("certificate") for officer in officers if officer.get("certificate")}
    if len(names) < 2:
        return "核查须由两名持有执法证的人员进行"
    started = _day(data.get("started"))
    for officer in officers:
        until = _day(officer.get("valid_until"))
        if started and until and until < started:
            return "核查人员的执法证在核查当日已失效"
    return None


def ended_in_order(data: Data) -> str | None:
    """The end of verification is not before the last site record and never in the future."""
    ended, last, today = _day(data.get("ended")), _day(data.get("last_record")), _day(data.get("today"))
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


GUARDS: Mapping[str, Callable[[Data], str | None]] = {
    guard.__name__: guard
    for guard in (
        at_not_future, answer_to_sender, second_person_after_registration, unit_in_subtree, same_matter,
        earlier_still_answers, nothing_new, not_shared, asked_first, two_officers, ended_in_order, handed_over,
        every_reporter, all_told,
    )
}  # fmt: skip
