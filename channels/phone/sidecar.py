"""Metadata a call recorder leaves beside its recordings: JSON of one call, or CSV with a row a call. Pure.

Column names differ between makers, so Chinese and English names are matched after folding case, width, spaces and
punctuation. Bytes may be UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030, as spreadsheet programs write them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import islice
from typing import Any

JSON_LIMIT = 256 * 1024
CSV_LIMIT = 16 * 2**20
MAX_ROWS = 200_000
MAX_VALUE = 200
HEADER_WITHIN = 5  # a title or two may stand above the header

_NAMES = {
    "file": "file filename recording recordingfile recordfile recordname wav path filepath "
    "audio audiofile 文件 文件名 文件名称 录音 录音文件 录音文件名 录音名称 录音路径 文件路径 录音地址",
    "call_id": "callid uniqueid callsid sessionid linkedid externalid callno recordid 通话编号 通话id 呼叫id 呼叫编号 "
    "通话标识 会话id 流水号 通话流水号 录音编号 来电编号",
    "caller": "caller callerid callernumber callerno callerphone from src ani calling callingnumber "
    "主叫 主叫号码 主叫电话 来电 来电号码 来电电话 联系电话 举报电话 举报人电话",
    "name": "callername reporter reportername 姓名 举报人 举报人姓名 来电人 来电人姓名",
    "agent": "agent agentid agentno extension ext extno operator operatorid seat 坐席 坐席号 坐席工号 座席 座席号 "
    "座席工号 工号 分机 分机号 分机号码 话务员 接线员 受理员 受理人 接听人 接听坐席",
    "line": "line lineno dnis called callednumber callee trunk hotline 线路 线路号 被叫 被叫号码 被叫电话 接入号 "
    "接入号码 热线 热线号码 中继 中继线",
    "ring": "ring ringtime ringat ringing offered arrived 振铃 振铃时间 来电时间 呼入时间 进线时间",
    "start": "start starttime startat startedat begin begintime calldate calltime datetime answered answertime "
    "开始 开始时间 通话开始 通话开始时间 录音开始时间 录音时间 通话时间 接听时间 应答时间 日期时间",
    "duration": "duration durationseconds durationsec billsec seconds secs talktime 时长 通话时长 录音时长 持续时间 "
    "时长秒 通话秒数 秒数",
    "disposition": "disposition result calltype category 通话结果 处理结果 结果 通话类型 来电类型 呼叫结果 小结",
}
_WEAK_NAMES = {
    "call_id": "id 编号",
    "caller": "phone number 电话 电话号码",
    "name": "name",
    "line": "to dst",
    "duration": "length",
    "disposition": "status type 类型 状态",
    "date": "date 日期",
    "clock": "time 时间",
}
"""Names that say little: they count where no better column speaks."""
_COLUMNS = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}
_WEAK = {alias: name for name, aliases in _WEAK_NAMES.items() for alias in aliases.split()}
_BRACKETS = re.compile(r"\([^()]{0,20}\)|\[[^\[\]]{0,20}\]")
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class SideCar:
    """What is known of one call beside its sound; "" where nothing was said. Times and lengths as written."""

    file: str = ""
    call_id: str = ""
    caller: str = ""
    name: str = ""
    agent: str = ""
    line: str = ""
    ring: str = ""
    start: str = ""
    duration: str = ""
    disposition: str = ""
    warnings: tuple[str, ...] = ()

    def known(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self) if f.name not in ("file", "warnings"))

    def digest(self) -> str:
        """sha256 over what it says: the same row in a rewritten CSV has the same digest."""
        said = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    def over(self, below: SideCar) -> SideCar:
        """This one, with what it leaves open taken from `below`."""
        said = {f.name: getattr(self, f.name) or getattr(below, f.name) for f in fields(self)}
        return SideCar(**said)


def clean(value: Any, limit: int = MAX_VALUE) -> str:
    """A scalar of JSON or CSV as one line that any database stores: no NUL, no surrogates, no control characters."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    if isinstance(value, int) and value.bit_length() > 1024:
        return ""  # Python refuses to print the longest
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 1e17 else value
    text = str(value)[: limit * 2]
    text = text.encode("utf-8", "ignore").decode("utf-8")
    text = "".join(c if unicodedata.category(c) not in ("Cc", "Cf") else " " for c in text)
    return " ".join(text.split())[:limit].strip()


def cell(value: Any) -> str:
    """`clean`, freed of the ways spreadsheets keep leading zeros: ="010…" and '010…."""
    text = clean(value)
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.lstrip("'").strip()


@lru_cache(maxsize=4096)  # the same few headers stand over every row
def column(name: str) -> tuple[str, bool]:
    """The field a column name stands for ("" for none), and whether the name says so clearly."""
    folded = unicodedata.normalize("NFKC", name[:80]).lower()
    folded = "".join(c for c in _BRACKETS.sub("", folded) if c.isalnum())
    return (_COLUMNS[folded], True) if folded in _COLUMNS else (_WEAK.get(folded, ""), False)


def decode(data: bytes) -> str:
    """Bytes of unknown Chinese origin as text; never raises."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def from_mapping(values: Mapping[str, Any]) -> SideCar:
    """A side-car from named values; the first non-empty value of a field counts. Objects inside are read too."""
    clear: dict[str, str] = {}
    weak: dict[str, str] = {}
    pairs = [pair for pair in islice(values.items(), 500) if not isinstance(pair[1], dict)]
    for inner in islice((value for value in values.values() if isinstance(value, dict)), 20):
        pairs += islice(inner.items(), 100)
    for key, value in pairs:
        name, sure = column(str(key))
        if name and (text := cell(value)):
            (clear if sure else weak).setdefault(name, text)
    date, clock = weak.pop("date", ""), weak.pop("clock", "")
    weak["start"] = f"{date} {clock}".strip()  # two columns, or one of them with both
    said = weak | clear
    warnings: tuple[str, ...] = ()
    if _SCIENTIFIC.fullmatch(said.get("caller", "")):
        del said["caller"]  # 1.38E+10: the last digits are gone
        warnings = ("附带资料中的主叫号码已被表格软件改成科学计数法，无法还原",)
    return SideCar(**said, warnings=warnings)


UNREADABLE = SideCar(warnings=("附带资料无法读取",))


def parse_json(data: bytes, name: str = "") -> SideCar:
    """The call a JSON side-car describes; `name` picks the entry of a list. Never raises: unreadable is a warning."""
    if len(data) > JSON_LIMIT:
        return UNREADABLE
    try:
        value = json.loads(decode(data))
    except (ValueError, RecursionError):
        return UNREADABLE
    if isinstance(value, list):
        found = [from_mapping(item) for item in value[:MAX_ROWS] if isinstance(item, dict)]
        same = [one for one in found if name and basename(one.file) == basename(name)]
        if not same and len(found) != 1:
            return UNREADABLE  # several calls and none of them named: guessing would mix up reporters
        return (same or found)[0]
    return from_mapping(value) if isinstance(value, dict) else UNREADABLE


def parse_csv(data: bytes) -> list[tuple[SideCar, dict[str, str]]]:
    """The rows of a CSV that say something of a call, each with its own columns. Never raises; [] where unreadable."""
    if len(data) > CSV_LIMIT:
        return []
    text = decode(data).replace("\x00", "")
    head = text[:4096]
    delimiter = max(",;\t|", key=lambda mark: (head.count(mark), mark == ","))
    found: list[tuple[SideCar, dict[str, str]]] = []
    header: list[str] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(reader):
            if not header:
                if sum(bool(column(cell)[0]) for cell in row[:200]) >= 2:
                    header = [clean(cell, 80) for cell in row[:200]]
                elif number >= HEADER_WITHIN:
                    return []
                continue
            if number >= MAX_ROWS:
                break
            values = {
                key: cell[: MAX_VALUE * 4] for key, cell in zip(header, row, strict=False) if key and cell.strip()
            }
            said = from_mapping(values)
            if said.known():
                found.append((said, values))
    except csv.Error:
        return found  # what was read up to the damage still counts
    return found


def row_bytes(values: Mapping[str, str]) -> bytes:
    """One row as a JSON side-car: the other callers of the CSV do not travel with this call."""
    return json.dumps({key: clean(value) for key, value in values.items()}, ensure_ascii=False, indent=0).encode()


def parse(data: bytes, name: str, recording: str = "") -> SideCar:
    """A side-car blob by its name: CSV by extension (the row of `recording`, or the only row), else JSON."""
    if not name.lower().endswith(".csv"):
        return parse_json(data, recording)
    row = pick_row(parse_csv(data), recording)
    return row[0] if row else UNREADABLE


def pick_row(rows: Sequence[tuple[SideCar, dict[str, str]]], recording: str) -> tuple[SideCar, dict[str, str]] | None:
    """The row of `recording`: by file name, by its stem, by call id; or the only row where it names no file."""
    name = basename(recording)
    for wanted in (name, name.rpartition(".")[0] or name):
        for row in reversed(rows):
            if wanted and wanted in (basename(row[0].file), row[0].call_id.lower()):
                return row
    return rows[0] if len(rows) == 1 and not rows[0][0].file else None


def basename(path: str) -> str:
    """Last component of a path of any system, folded for comparison."""
    return path.replace("\\", "/").rpartition("/")[2].strip().lower()
