"""A form of one of the other ways as one report; a fax is read like a letter."""

from __future__ import annotations

from channels.contract import NewReport, Outcome, RawIntake
from channels.forms import dates, file_parts, form_report, read_form
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
    parts = file_parts(raw, indexes, warnings)
    required = {} if indexes and code in ON_PAPER else NEEDED
    report = form_report(raw, values, parts, warnings, title=SUB_CHANNELS[code], required=required)
    return [NewReport(report)]
