"""A referral form as one report."""

from __future__ import annotations

from channels.contract import Field, FormSpec, NewReport, Outcome, Part, PartKind, RawIntake
from channels.forms import CORE, FILES, REPORTER, SECRET_REMINDER, dates, file_parts, form_report, read_form

RANKS = (
    ("state", "国家级"),
    ("ministry", "省部级"),
    ("bureau", "厅局级"),
    ("division", "县处级"),
    ("section", "乡科级"),
    ("other", "其他"),
)
FORM = FormSpec(
    id="referral",
    title="领导批办登记",
    fields=(
        Field("leader", "批办领导", required=True, max_length=100),
        Field("rank", "职级", "select", options=RANKS),
        Field("document_no", "文号", max_length=100),
        Field("received", "收文日期", "date", required=True, help="收文登记簿上的日期，时限由此起算"),
        Field("instruction", "批示内容", "textarea", required=True),
        Field("deadline", "要求办结日期", "date"),
        *CORE,
        *REPORTER,
        FILES,
    ),
    roles=("mailroom", "handler", "lead"),
    intro=f"按收文登记簿录入，批示件扫描后一并上传。{SECRET_REMINDER}",
)


def normalize(raw: RawIntake) -> list[Outcome]:
    """One NewReport. The instruction is a text of its own, so that a leader's words are not taken for the report's."""
    values, indexes = read_form(raw)
    warnings: list[str] = []
    dates(values, {"received": "收文日期", "deadline": "要求办结日期"}, warnings)
    if "received" in values and "deadline" in values and values["deadline"] < values["received"]:
        warnings.append("要求办结日期早于收文日期")
    if "rank" in values:
        values["rank"] = next((label for code, label in RANKS if values["rank"] in (code, label)), values["rank"])
    parts = file_parts(raw, indexes, warnings)
    if "instruction" in values:
        parts.insert(0, Part(PartKind.TEXT, values["instruction"], title="批示内容", data={"instruction": True}))
    title = " ".join(word for word in ("领导批办", values.get("document_no", "")) if word)
    # A scanned referral often says everything on paper: then nothing is missing that a person could not read.
    required = {} if indexes else {"place": "违法行为发生地", "facts": "主要违法事实"}
    return [NewReport(form_report(raw, values, parts, warnings, title=title, required=required))]
