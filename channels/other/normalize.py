"""A form of one of the other ways as one report; a fax is read like a letter."""

from __future__ import annotations

from collections.abc import Sequence

from channels.contract import Continuation, NewReport, Outcome, Part, RawIntake
from channels.forms import dates, file_parts, form_report, place_parts, read_form
from channels.other.forms import MISC, ON_PAPER, SUB_CHANNELS

NEEDED = {"place": "违法行为发生地", "facts": "主要违法事实"}


def normalize(raw: RawIntake) -> list[Outcome]:
    """One NewReport. Fax pages (TIFF, PDF) and other scans become SCAN parts."""
    values, indexes = read_form(raw)
    warnings: list[str] = []
    dates(values, {"received": "收到日期", "deadline": "要求办结日期"}, warnings)
    code = raw.sub_channel if raw.sub_channel in SUB_CHANNELS else MISC
    if raw.sub_channel and raw.sub_channel not in SUB_CHANNELS:
        warnings.append("未知的子渠道，按“其他”登记")
    parts = [*place_parts(values), *file_parts(raw, indexes, warnings)]
    thread = raw.meta.get("thread")
    if isinstance(thread, str) and thread:
        return [_follow_up(raw, values, parts, warnings, thread)]
    required = {} if indexes and code in ON_PAPER else NEEDED
    report = form_report(raw, values, parts, warnings, title=SUB_CHANNELS[code], required=required)
    return [NewReport(report)]


def _follow_up(
    raw: RawIntake, values: dict[str, str], parts: Sequence[Part], warnings: Sequence[str], thread: str
) -> Continuation:
    """What a reporter adds later, proved by the query code: it joins the clue of the thread."""
    said = values.get("follow_up", "补充")
    report = form_report(raw, {"facts": said, **values}, parts, warnings, title=said, required={})
    return Continuation(report, (thread,))
