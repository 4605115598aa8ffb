"""Reports of a lower unit: a form is one report; of a table, each row is one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from channels.contract import (
    Field,
    FormSpec,
    NewReport,
    NormalizeError,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Report,
)
from channels.forms import (
    CORE,
    FILES,
    REPORTER,
    SECRET_REMINDER,
    dates,
    fields_of,
    file_parts,
    form_report,
    iso_date,
    mode_of,
    read_form,
    readable,
    sender_of,
)
from channels.subordinate.headings import LABELS, field_of, header_columns, unit_of
from channels.tables import MAX_ROWS, Row, is_table, rows

SUB_SOURCES = (("unit", "下级部门"), ("informant", "村级信息员"), ("patrol", "巡查发现"), ("other", "其他"))
_FROM = (
    Field("from_unit", "上报单位", required=True, max_length=200),
    Field("document_no", "文号", max_length=100),
    Field("received", "收文日期", "date", required=True, help="时限由此起算"),
)
FORM = FormSpec(
    id="subordinate",
    title="下级上报登记",
    fields=(
        *_FROM,
        Field("register_no", "线索编号", max_length=100),
        Field("sub_source", "线索来源", "select", options=SUB_SOURCES),
        *CORE,
        *REPORTER,
        FILES,
    ),
    intro=f"一条线索填一份。{SECRET_REMINDER}",
)
BATCH = FormSpec(
    id="subordinate-batch",
    title="下级上报批量导入",
    fields=(
        *_FROM,
        Field("files", "表格", "files", required=True, help=f".xlsx 或 CSV，一行一条线索，至多 {MAX_ROWS} 行"),
    ),
    intro="第一行写列名：违法行为发生地、违法主体、主要违法事实、发生时间、面积（亩）、编号、举报人、联系电话……",
)
DATES = {"received": "收文日期"}
BELONGS_TO_BATCH = frozenset({"from_unit", "document_no", "received", "sub_source"})


def normalize(raw: RawIntake) -> list[Outcome]:
    """A NewReport for the form where it tells something, and one for each row of each table."""
    values, indexes = read_form(raw)
    warnings: list[str] = []
    dates(values, DATES, warnings)
    if "sub_source" in values:
        values["sub_source"] = dict(SUB_SOURCES).get(values["sub_source"], values["sub_source"])
    tables = [index for index in indexes if is_table(raw.blobs[index])]
    others = [index for index in indexes if index not in tables]
    made: list[Outcome] = []
    if not tables or others or readable(values):
        parts = file_parts(raw, others, warnings)
        required = {} if others else {"place": "违法行为发生地", "facts": "主要违法事实"}
        title = " ".join(word for word in ("下级上报", values.get("register_no", "")) if word)
        report = form_report(raw, values, parts, warnings, title=title, required=required)
        made.append(NewReport(report, _keys(values, "")))
    batch = {name: value for name, value in values.items() if name in BELONGS_TO_BATCH}
    for index in tables:
        made += _of_table(raw, index, batch)
    return made


def _keys(values: Mapping[str, str], fallback: str) -> tuple[str, ...]:
    if values.get("register_no"):
        return (f"{values.get('from_unit', '')}#{values['register_no']}"[:300],)
    return (fallback,) if fallback else ()


def _of_table(raw: RawIntake, index: int, batch: Mapping[str, str]) -> list[Outcome]:
    made: list[Outcome] = []
    columns: dict[int, str] | None = None
    headings: tuple[str, ...] = ()
    sheet: int | None = None
    before: list[Row] = []
    stray: list[Row] = []
    for row in rows(raw.blobs[index]):
        if row.sheet != sheet:
            stray += before
            sheet, columns, before = row.sheet, None, []
        found = header_columns(row.cells)
        if found is not None:  # also a heading repeated on a later page
            columns, headings, before = found, row.cells, []
        elif columns is None:
            before.append(row)  # title lines, or a sheet without headings
        else:
            made.append(_of_row(raw, index, row, columns, headings, batch))
        if len(made) > MAX_ROWS:
            raise NormalizeError(f"表格超过 {MAX_ROWS} 行，请拆分后重新上传")
    stray += before
    if not made and not headings:
        raise NormalizeError("表格中找不到列名：至少需要“违法行为发生地”“违法主体”“主要违法事实”中的一列和另一列")
    if not made:
        raise NormalizeError("表格只有列名，没有内容")
    # Sheets without headings are told as they stand: a person decides what they are.
    return made + [_unread(raw, index, row) for row in stray]


def _of_row(
    raw: RawIntake,
    index: int,
    row: Row,
    columns: Mapping[int, str],
    headings: tuple[str, ...],
    batch: Mapping[str, str],
) -> NewReport:
    values = dict(batch)
    extra: list[str] = []
    for column, cell in enumerate(row.cells):
        field = columns.get(column)
        heading = headings[column] if column < len(headings) else ""
        if not cell:
            continue
        if field is None:
            # An unknown column is told, not dropped; one that names identity again goes no further than the original.
            if not (field_of(heading) or "").startswith("reporter_"):
                extra.append(f"{heading or f'第{column + 1}列'}：{cell}")
        elif field == "area" and unit_of(heading) and cell.replace(".", "", 1).isdigit():
            values[field] = cell + unit_of(heading)
        else:
            values[field] = cell
    where = _where(row)
    warnings: list[str] = []
    for field in ("received", "occurred"):
        if field in values:
            values[field] = iso_date(values[field]) or values[field]
    if "received" in values and iso_date(values["received"]) is None:
        warnings.append(f"{where}：收到日期不是日期，按原文保留")
    if "e+" in values.get("reporter_phone", "").lower():
        warnings.append(f"{where}：电话被 Excel 改成了科学计数，请核对原表")
    warnings += [f"{where}：没有“{LABELS[name]}”" for name in ("place", "facts") if name not in values]
    told = any(name in values for name in ("place", "facts", "respondent"))
    values.pop("row_no", None)
    text = "\n".join([readable(values, LABELS), *extra]).strip()
    part = Part(PartKind.TEXT, text, index, where, {"sheet": row.sheet, "row": row.number})
    report = Report(
        parts=(part,),
        sender=sender_of(values),
        fields=fields_of(values),
        title=" ".join(word for word in ("下级上报", values.get("register_no", "")) if word),
        mode=mode_of(values),
        kind="" if told else "other",
        warnings=tuple(warnings),
    )
    return NewReport(report, _keys(values, _row_key(raw, index, row)))


def _where(row: Row) -> str:
    return f"第 {row.sheet} 张工作表第 {row.number} 行" if row.sheet else f"第 {row.number} 行"


def _unread(raw: RawIntake, index: int, row: Row) -> NewReport:
    where = _where(row)
    text = "\n".join(cell for cell in row.cells if cell)
    part = Part(PartKind.TEXT, text, index, where, {"sheet": row.sheet, "row": row.number})
    report = Report(parts=(part,), title="下级上报", kind="other", warnings=(f"{where}：工作表没有列名，按原文保留",))
    return NewReport(report, (_row_key(raw, index, row),))


def _row_key(raw: RawIntake, index: int, row: Row) -> str:
    digest = hashlib.sha256("\x1f".join(row.cells).encode()).hexdigest()
    return f"{raw.key[:80]}/{index}/{row.sheet}/{row.number}/{digest[:16]}"
