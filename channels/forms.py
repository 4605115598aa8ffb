"""What the manual channels have in common: a form of named boxes with files behind it.

`read_form` and `file_parts` are pure and used by their `normalize`; `form_from_files` serves `hub intake`.
A form channel declares its boxes and says what is special about it; see channels/referral for the shortest example.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import partial

from channels.contract import (
    Blob,
    Field,
    FormSpec,
    InputRefusedError,
    Json,
    NormalizeError,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
    form_intake,
)
from channels.files import ENDINGS, KINDS, clean, content_type, decode, docx_text, ending

BEIJING = timezone(timedelta(hours=8), "CST")
MAX_FORM_BYTES = 1024 * 1024
MAX_VALUE = 200_000  # characters of one box, above every declared max_length
MAX_FILES = 200
MAX_FILE_BYTES = 200 * 1024 * 1024

MODES = (("real_name", "实名"), ("anonymous", "匿名"), ("confidential", "要求保密"))
PLACE = Field("place", "违法行为发生地", required=True, max_length=500, help="写到乡镇、村组或路名门牌")
RESPONDENT = Field("respondent", "违法主体", max_length=500, help="单位或个人的名称，不清楚可留空")
FACTS = Field("facts", "主要违法事实", "textarea", required=True)
EVIDENCE = Field("evidence", "证据材料", "textarea", max_length=5_000)
OCCURRED = Field("occurred", "发生时间", max_length=100)
AREA = Field("area", "涉及面积", max_length=100, help="连同单位，例如 3.5亩")
FILES = Field("files", "附件", "files", help="扫描件、PDF、OFD、Word、照片、录音、录像")
REPORTER = (
    Field("mode", "举报方式", "select", options=MODES),
    Field("reporter_name", "举报人", max_length=100, sensitive=True),
    Field("reporter_phone", "联系电话", "phone", max_length=50, sensitive=True),
    Field("reporter_email", "电子邮箱", max_length=200, sensitive=True),
    Field("reporter_address", "联系地址", max_length=300, sensitive=True),
)
CORE = (PLACE, RESPONDENT, FACTS, EVIDENCE, OCCURRED, AREA)
LABELS = {box.name: box.label for box in CORE}
SENDER_BOXES = {
    "fax_no": "phone",  # stands in where no telephone was told: later entries win
    "reporter_name": "name",
    "reporter_phone": "phone",
    "reporter_email": "email",
    "reporter_address": "address",
    "reporter_id_number": "id_number",
}
SECRET_REMINDER = "请勿在此录入国家秘密。"  # noqa: S105  a reminder to people, not a password

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s].{0,40})?")


def iso_date(text: str) -> str | None:
    """2026-03-02, 2026/3/2, 2026.3.2, 2026年3月2日 and 20260302 as "2026-03-02"; None for anything else."""
    text = text.strip()
    found = _DATE.fullmatch(text) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text)
    if found is None:
        return None
    try:
        return date(*(int(number) for number in found.groups())).isoformat()
    except ValueError:
        return None


def values_of(data: bytes) -> dict[str, str]:
    """The boxes of a submitted form. Raises NormalizeError where they are not a flat JSON object."""
    if len(data) > MAX_FORM_BYTES:
        raise NormalizeError("表单内容超过 1 MB，无法读取")
    try:
        told = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad JSON, numbers of 5,000 digits; 60,000 brackets
        raise NormalizeError("表单内容不是有效的 JSON，无法读取") from error
    if not isinstance(told, dict):
        raise NormalizeError("表单内容不是名称和值的对照，无法读取")
    values: dict[str, str] = {}
    for name, value in told.items():
        if value is None:
            continue
        if isinstance(value, bool):
            values[clean(name, 100)] = "是" if value else "否"
        elif isinstance(value, str | int | float):
            values[clean(name, 100)] = clean(str(value), MAX_VALUE)
        else:
            raise NormalizeError("表单中有一栏不是文字，无法读取")
    return {name: value for name, value in values.items() if name and value}


def read_form(raw: RawIntake) -> tuple[dict[str, str], list[int]]:
    """The boxes of `raw` and the indexes of its other blobs. Raises NormalizeError; {} where there is no form."""
    values: dict[str, str] = {}
    files: list[int] = []
    for index, blob in enumerate(raw.blobs):
        if blob.role == "form":
            values |= values_of(blob.read())
        else:
            files.append(index)
    return values, files


def dates(values: dict[str, str], boxes: Mapping[str, str], warnings: list[str]) -> None:
    """Writes the date boxes in ISO form; what is no date stays as it was and is warned about."""
    for name, label in boxes.items():
        if name in values:
            read = iso_date(values[name])
            if read is None:
                warnings.append(f"“{label}”不是日期，按原文保留")
            else:
                values[name] = read


def sender_of(values: Mapping[str, str]) -> Sender:
    return Sender(**{to: values[box] for box, to in SENDER_BOXES.items() if box in values})


def mode_of(values: Mapping[str, str]) -> str:
    """The report mode a person ticked, by code or by its Chinese word (实名举报 too); "" where not stated."""
    told = values.get("mode", "")
    words = {"real_name": "实名", "anonymous": "匿名", "confidential": "保密"}
    return next((code for code, word in words.items() if told == code or word in told), "")


def readable(values: Mapping[str, str], labels: Mapping[str, str] = LABELS) -> str:
    """The report as lines "label：value", in the order of `labels`."""
    return "\n".join(f"{label}：{values[name]}" for name, label in labels.items() if values.get(name))


def fields_of(values: Mapping[str, str]) -> dict[str, str]:
    """What goes into Report.fields: every box but identity and mode."""
    return {name: value for name, value in values.items() if name not in SENDER_BOXES and name != "mode"}


def place_parts(values: dict[str, str]) -> list[Part]:
    """The spot a telephone told ("lat", "lon", taken out of `values`) as a LOCATION part; browsers speak WGS 84."""
    told = [values.pop(name, "") for name in ("lat", "lon")]
    try:
        lat, lon = (float(number) for number in told)
    except ValueError:
        return []
    if not (abs(lat) <= 90 and abs(lon) <= 180):  # not a number either
        return []
    label = values.get("location", "现场位置")
    data = {"lat": lat, "lon": lon, "system": "WGS84", "label": label}
    return [Part(PartKind.LOCATION, label, None, "现场位置", data)]


def file_parts(raw: RawIntake, indexes: Iterable[int], warnings: list[str]) -> list[Part]:
    """A part for each file: SCAN, AUDIO, VIDEO by content; text and Word files are read; the rest is kept as FILE."""
    parts: list[Part] = []
    for index in indexes:
        blob = raw.blobs[index]
        data = blob.read()
        title = clean(blob.name, 200)
        found = content_type(data)
        end = ending(blob)
        if found == "docx":
            try:
                parts.append(Part(PartKind.TEXT, docx_text(data), index, title))
            except ValueError:
                warnings.append(f"第 {index} 个文件是 Word 文档，但无法读取文字")
                parts.append(Part(PartKind.FILE, "", index, title))
        elif found in KINDS:
            parts.append(Part(KINDS[found], "", index, title))
            if end and found in ENDINGS and end not in ENDINGS[found]:
                warnings.append(f"第 {index} 个文件的扩展名与内容不符（实为 {found}）")
        elif not found and end == ".txt" and b"\x00\x00\x00" not in data[:4096]:
            text, whole = decode(data)
            if not whole:
                warnings.append(f"第 {index} 个文件有无法识别的字符")
            parts.append(Part(PartKind.TEXT, clean(text), index, title))
        else:
            if not data:
                warnings.append(f"第 {index} 个文件为空")
            elif any(end in ends for ends in ENDINGS.values()):
                warnings.append(f"第 {index} 个文件不是扩展名所说的类型，按附件保留")
            parts.append(Part(PartKind.FILE, "", index, title))
    return parts


def form_report(
    raw: RawIntake,
    values: dict[str, str],
    parts: Sequence[Part],
    warnings: Sequence[str],
    *,
    title: str = "",
    required: Mapping[str, str] = LABELS,
) -> Report:
    """The canonical report of a filled form: first its readable text, then `parts`.

    Raises NormalizeError where neither a box of the report nor a file says anything.
    """
    text = readable(values)
    if not text and not any(part.blob is not None or part.text or part.data for part in parts):
        raise NormalizeError("表单没有内容：没有填写违法事实，也没有附件")
    form = next((index for index, blob in enumerate(raw.blobs) if blob.role == "form"), None)
    first = [Part(PartKind.TEXT, text, form, "举报内容", {"form": True})] if text else []
    fields = fields_of(values)
    if "facts" not in fields:
        told = "\n".join(part.text for part in parts if part.kind == PartKind.TEXT and part.text)
        if told:
            fields["facts"] = told[:20_000]
    missing = [label for name, label in required.items() if name in ("place", "facts") and name not in fields]
    return Report(
        parts=(*first, *parts),
        sender=sender_of(values),
        fields=fields,
        title=title,
        mode=mode_of(values),
        warnings=(*warnings, *(f"未填写“{label}”" for label in missing)),
    )


# ---- files handed over by a person or a command


def _canonical(meta: Mapping[str, Json]) -> bytes:
    try:
        return json.dumps(dict(meta), ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        raise InputRefusedError("附加信息（--meta）不是有效的 JSON 对象") from error


def moment(meta: Mapping[str, Json], now: datetime) -> datetime:
    """The base of the clocks: meta "at" or the date "received" of the incoming-document register, else `now`.

    Raises InputRefusedError for what is no date or lies in the future (PRODUCT §4: never later than it happened).
    """
    told = str(meta.get("at") or meta.get("received") or "").strip()
    if not told:
        return now
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        day = iso_date(told)
        if day is None:
            raise InputRefusedError("收到时间不是日期") from None
        at = datetime.fromisoformat(day)
    at = at if at.tzinfo else at.replace(tzinfo=BEIJING)
    if at > now:
        raise InputRefusedError("收到时间不能晚于现在")
    return at


def check_file(blob: Blob, allowed: Callable[[str, str], bool]) -> None:
    """Raises InputRefusedError with a reason for the person. `allowed` is given the content type and the ending."""
    size = blob.size()
    if size == 0:
        raise InputRefusedError("文件为空")
    if size > MAX_FILE_BYTES:
        raise InputRefusedError(f"文件超过 {MAX_FILE_BYTES // 1024 // 1024} MB")
    found = content_type(blob.read())
    end = ending(blob)
    if not allowed(found, end):
        raise InputRefusedError(f"不支持的文件类型{f'（{end}）' if end else ''}")


def readable_file(found: str, end: str) -> bool:
    """What the manual channels take: scans, sound, video, Word, plain text and old Word as an attachment."""
    return found in KINDS or found == "docx" or (found == "ole" and end in (".doc", ".wps")) or (
        not found and end in (".txt", ".json")
    )  # fmt: skip


def form_from_files(
    blobs: Sequence[Blob],
    meta: Mapping[str, Json],
    *,
    source_id: str,
    now: datetime,
    channel: str,
    spec: FormSpec,
    sub_channel: str = "",
    allowed: Callable[[str, str], bool] = readable_file,
) -> list[RawIntake]:
    """One raw intake of a form whose boxes stand in `meta` (and in at most one .json file) and files.

    The key is meta "external_id", else the sha256 of all bytes and the canonical meta: the same command twice is one
    intake, another sender's identical file with another meta is another. Raises InputRefusedError.
    """
    canonical = _canonical(meta)
    if len(blobs) > MAX_FILES:
        raise InputRefusedError(f"一次最多 {MAX_FILES} 个文件")
    boxes = dict(meta)
    files: list[Blob] = []
    for blob in blobs:
        check_file(blob, allowed)
        if ending(blob) == ".json":
            boxes = _boxes(blob) | boxes
        else:
            files.append(blob)
    technical = {"external_id", "at", "sub_channel", "station", "unit"}
    values = {str(name): _word(value) for name, value in boxes.items() if name not in technical and value is not None}
    if not files and not any(value.strip() for value in values.values()):
        raise InputRefusedError("没有内容：请给出文件，或用 --meta 填写表单各栏")
    digest = hashlib.sha256(canonical)
    for blob in blobs:
        digest.update(bytes.fromhex(blob.sha256()))
    key = clean(str(meta.get("external_id") or ""), 500) or f"sha256:{digest.hexdigest()}"
    at = moment(boxes, now)
    return [form_intake(channel, spec, values, files, key=key, at=at, source_id=source_id, sub_channel=sub_channel)]


def _boxes(blob: Blob) -> dict[str, Json]:
    try:
        return dict(values_of(blob.read()))
    except NormalizeError as error:
        raise InputRefusedError(str(error)) from error


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if not isinstance(value, str | int | float):
        raise InputRefusedError("附加信息（--meta）中有一栏不是文字")
    return clean(str(value), MAX_VALUE)


def from_files_of(channel: str, spec: FormSpec, sub_channel: str = "") -> Callable[..., list[RawIntake]]:
    """`form_from_files` for a channel with one form."""
    return partial(form_from_files, channel=channel, spec=spec, sub_channel=sub_channel)
