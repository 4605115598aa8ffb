"""Rows of a CSV file or an Excel workbook, within limits. Pure; foreign bytes raise NormalizeError only."""

from __future__ import annotations

import csv
import io
import warnings as python_warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from openpyxl import load_workbook

from channels.contract import Blob, NormalizeError
from channels.files import clean, content_type, decode, ending

MAX_ROWS = 2_000  # rows with content of one file
MAX_SCANNED = 20_000  # rows walked over, empty ones included
MAX_COLUMNS = 100
MAX_CELL = 20_000  # characters
MAX_SHEETS = 20
MAX_TABLE_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 32 * 1024 * 1024
MAX_TAGS = 900_000  # of all parts of a workbook; 2,000 rows by 100 columns have 800,000
OLD_EXCEL = "不支持旧版 .xls 或带密码的 Excel 文件，请在 Excel 中另存为不带密码的 .xlsx 或 CSV 后重新上传"
_TOO_MANY = f"表格超过 {MAX_ROWS} 行，请拆分后重新上传"


@dataclass(frozen=True, slots=True)
class Row:
    """One row with content. Sheets and rows count from 1 as the person sees them in Excel; sheet 0: a text file.

    A sheet is told by its number: its name may carry identity.
    """

    sheet: int
    number: int
    cells: tuple[str, ...]


def is_table(blob: Blob) -> bool:
    """Whether the file is a table by content, or by its ending where text has no mark of its own."""
    found = content_type(blob.read())
    end = ending(blob)
    return (
        found == "xlsx" or (found == "ole" and end in (".xls", ".et"))
        or (not found and (end in (".csv", ".tsv") or blob.media_type.split(";")[0].strip().lower() == "text/csv"))
    )  # fmt: skip


def cell_text(value: object) -> str:
    """A cell as a person reads it: whole numbers without ".0", dates in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else f"{value:.10g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return clean(str(value), MAX_CELL)


def rows(blob: Blob) -> Iterator[Row]:
    """The rows with content. Raises NormalizeError where the file cannot be read or goes over a limit."""
    data = blob.read()
    if len(data) > MAX_TABLE_BYTES:
        raise NormalizeError(f"表格文件超过 {MAX_TABLE_BYTES // 1024 // 1024} MB")
    found = content_type(data)
    if found == "ole":
        raise NormalizeError(OLD_EXCEL)
    walked = _of_workbook(data) if found == "xlsx" else _of_text(data)
    count = 0
    for sheet, number, cells in walked:
        if not any(cells):
            continue
        count += 1
        if count > MAX_ROWS + 20:  # title and heading rows come on top
            raise NormalizeError(_TOO_MANY)
        yield Row(sheet, number, cells)


def _of_text(data: bytes) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    text, _whole = decode(data)
    text = text.replace("\x00", "")
    head = text[:5_000]
    separator = max((",", "\t", ";", "，"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for number, cells in enumerate(reader, 1):
            if number > MAX_SCANNED:
                raise NormalizeError(_TOO_MANY)
            yield 0, number, tuple(clean(cell, MAX_CELL) for cell in cells[:MAX_COLUMNS])
    except csv.Error as error:  # a field of more than 131,072 characters: an open quotation mark
        raise NormalizeError("CSV 文件格式有误：可能有未闭合的引号") from error


def _check_archive(data: bytes) -> None:
    """Refuses bombs before openpyxl builds anything: unpacked bytes, then tags, which cost it 300 bytes each."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len(infos) > MAX_SCANNED or sum(info.file_size for info in infos) > MAX_UNPACKED:
            raise NormalizeError("Excel 文件解压后过大，拒绝读取")
        tags = 0
        for info in infos:
            with archive.open(info) as part:
                while block := part.read(1024 * 1024):
                    tags += block.count(b"<")
                    if tags > MAX_TAGS:
                        raise NormalizeError("Excel 表格的单元格过多，请拆分后重新上传")


def _of_workbook(data: bytes) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    try:
        _check_archive(data)
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # openpyxl tells of styles and extensions it does not know
            yield from _of_sheets(data)
    except NormalizeError:
        raise
    except Exception as error:
        # openpyxl lets KeyError, TypeError, AttributeError, ParseError, zlib.error, BadZipFile, EntitiesForbidden …
        # through for damaged files: no common base class.
        raise NormalizeError("Excel 文件已损坏，无法读取") from error


def _of_sheets(data: bytes) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        walked = 0
        for position, sheet in enumerate(book.worksheets[:MAX_SHEETS], 1):
            if sheet.sheet_state != "visible":
                continue
            sheet.reset_dimensions()  # the declared size may lie
            values: Iterable[tuple[object, ...]] = sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)
            for number, cells in enumerate(values, 1):
                walked += 1
                if walked > MAX_SCANNED:
                    raise NormalizeError(_TOO_MANY)
                yield position, number, tuple(cell_text(cell) for cell in cells)
    finally:
        book.close()
