"""Letters handed over by a person or a command: the files of one call are one letter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from channels.contract import Blob, InputRefusedError, Json, RawIntake
from channels.forms import form_from_files
from channels.letter.forms import FORM
from channels.letter.naming import SCANS, page_order, role_of, scan_kind

CHANNEL = "letter"


def arranged(blobs: Sequence[Blob]) -> tuple[Blob, ...]:
    """Pages in natural order of their names, the envelope last, each with its role. Equal names keep their order."""
    ordered = sorted(blobs, key=lambda blob: page_order(blob.name))
    return tuple(replace(blob, role=role_of(blob)) for blob in ordered)


def _allowed(_found: str, _end: str) -> bool:
    return True  # looked at below, with the kinds of letters


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """One letter of all `blobs`; `meta` holds boxes of the form `letter`, `external_id` or `at`.

    The key is `external_id`, else the sha256 of all bytes and the meta. Raises InputRefusedError.
    """
    if not any(not blob.name.lower().endswith(".json") for blob in blobs):
        raise InputRefusedError("没有文件：请给出信件的扫描件")
    for blob in blobs:
        if not blob.size():
            raise InputRefusedError("文件为空")
        kind = scan_kind(blob.read())
        text = not kind and blob.name.lower().endswith((".txt", ".json"))
        if kind not in SCANS and kind != "docx" and not text:
            raise InputRefusedError("不支持的文件类型，请上传 PDF、TIFF、JPEG、PNG、HEIC、BMP、WEBP、GIF、OFD 或 DOCX")
    raws = form_from_files(blobs, meta, source_id=source_id, now=now, channel=CHANNEL, spec=FORM, allowed=_allowed)
    return [replace(raw, blobs=(*_stated(raw.blobs[0]), *arranged(raw.blobs[1:]))) for raw in raws]


def _stated(form: Blob) -> tuple[Blob, ...]:
    """The form, where anything was stated: scans alone come without one."""
    return (form,) if json.loads(form.read()) else ()
