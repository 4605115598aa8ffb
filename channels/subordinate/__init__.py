"""05 下级上报: what a lower unit reports, one by one or as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from channels.contract import Blob, Channel, InputRefusedError, Json, RawIntake
from channels.files import content_type, ending
from channels.forms import form_from_files, readable_file
from channels.subordinate.normalize import BATCH, FORM, normalize
from channels.subordinate.settings import SubordinateSettings
from channels.tables import MAX_TABLE_BYTES, OLD_EXCEL, is_table


def takes(found: str, end: str) -> bool:
    return readable_file(found, end) or found == "xlsx" or (not found and end in (".csv", ".tsv"))


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """A table (each row a report) or the papers of one report. Old Excel files are refused with the way out."""
    for blob in blobs:
        if ending(blob) in (".xls", ".xlsx", ".et") and content_type(blob.read()) == "ole":
            raise InputRefusedError(OLD_EXCEL)
        if blob.size() > MAX_TABLE_BYTES and is_table(blob):
            raise InputRefusedError(f"表格文件超过 {MAX_TABLE_BYTES // 1024 // 1024} MB")
    spec = BATCH if any(is_table(blob) for blob in blobs) else FORM
    return form_from_files(blobs, meta, source_id=source_id, now=now, channel="subordinate", spec=spec, allowed=takes)


CHANNEL = Channel(
    code="subordinate",
    number="05",
    label="下级上报",
    rollup="下级上报",
    normalize=normalize,
    from_files=from_files,
    settings=SubordinateSettings,
    forms=(FORM, BATCH),
    upload=True,
    accept_types=".xlsx,.csv,.tsv,.pdf,.ofd,.docx,.txt,.jpg,.jpeg,.png",
)
