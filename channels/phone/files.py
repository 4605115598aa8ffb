"""Recordings handed over by a person or a command: the upload page, `hub intake phone a.wav a.json --meta JSON`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from channels.contract import Blob, InputRefusedError, Json, RawIntake
from channels.phone import audio, sidecar
from channels.phone.recordings import base_of, facts_of
from channels.phone.settings import MAX_BYTES
from channels.phone.sidecar import SideCar

ZONE = ZoneInfo("Asia/Shanghai")
"""Files handed over have no source with settings; times without an offset are Chinese time."""
MAX_FILES = 500


@dataclass(frozen=True, slots=True)
class _Car:
    said: SideCar
    blob: Blob


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """One raw intake a recording. Side-cars are paired by stem, CSV rows by the file they name.

    `meta` may state what a side-car does (caller, start, call id …: it counts before the side-car) and `external_id`.
    The key is the external id, else the call id with the hash, else the hash of bytes and meta. Raises
    InputRefusedError; then none of the files is taken.
    """
    if not blobs:
        raise InputRefusedError("没有文件")
    if len(blobs) > MAX_FILES:
        raise InputRefusedError(f"一次最多 {MAX_FILES} 个文件")
    sounds: list[Blob] = []
    sidecars: list[Blob] = []
    for number, blob in enumerate(blobs, 1):
        if audio.extension(blob.name) in (".json", ".csv"):
            sidecars.append(blob)
        else:
            _check(number, blob)
            sounds.append(blob)
    if not sounds:
        raise InputRefusedError("没有录音文件：附带资料要和录音一起提交")
    return [_intake(blob, _car_of(blob, sidecars, len(sounds)), meta, source_id, now, len(sounds)) for blob in sounds]


def _check(number: int, blob: Blob) -> None:
    """The position names the file: its name may carry a telephone number."""
    size = blob.size()
    if not size:
        raise InputRefusedError(f"第 {number} 个文件是空的")
    if size > MAX_BYTES:
        raise InputRefusedError(f"第 {number} 个文件超过上限（{MAX_BYTES // 2**20} MB）")
    if not audio.is_audio(blob.name, _head(blob)):
        raise InputRefusedError(f"第 {number} 个文件不是录音（可用 WAV、MP3、AMR、M4A、OGG、WMA、SILK 等格式）")


def _head(blob: Blob) -> bytes:
    if blob.path is None:
        return blob.data[:32]
    with blob.path.open("rb") as file:
        return file.read(32)


def _car_of(blob: Blob, sidecars: Sequence[Blob], sounds: int) -> _Car | None:
    name = sidecar.basename(blob.name)
    stems = {name, name.rpartition(".")[0] or name}
    for other in sidecars:
        if sidecar.basename(other.name).rpartition(".")[0] in stems and other.size() <= sidecar.CSV_LIMIT:
            said = sidecar.parse(other.read(), other.name, name)
            if said.known() or not other.name.lower().endswith(".csv"):
                return _Car(said, _as_sidecar(other, name))
    for other in sidecars:
        if other.name.lower().endswith(".csv") and other.size() <= sidecar.CSV_LIMIT:
            row = sidecar.pick_row(sidecar.parse_csv(other.read()), name)
            if row is not None and (row[0].file or row[0].call_id or sounds == 1):
                return _Car(row[0], _row_blob(row[1], name))
    if sounds == len(sidecars) == 1 and sidecars[0].name.lower().endswith(".json"):
        other = sidecars[0]  # one recording and one JSON belong together whatever they are called
        return _Car(sidecar.parse(other.read(), other.name, name), _as_sidecar(other, name))
    return None


def _as_sidecar(blob: Blob, recording: str) -> Blob:
    if blob.name.lower().endswith(".csv"):
        row = sidecar.pick_row(sidecar.parse_csv(blob.read()), recording)
        return _row_blob(row[1], recording) if row is not None else Blob(blob.name, "text/csv", blob.read(), "sidecar")
    return Blob(blob.name, "application/json", blob.read(), "sidecar")


def _row_blob(values: Mapping[str, str], recording: str) -> Blob:
    stem = recording.rpartition(".")[0] or recording
    return Blob(f"{stem}.json", "application/json", sidecar.row_bytes(values), "sidecar")


def _intake(
    blob: Blob, car: _Car | None, meta: Mapping[str, Json], source_id: str, now: datetime, sounds: int
) -> RawIntake:
    said = sidecar.from_mapping(meta)
    if car is not None:
        said = said.over(car.said)
    digest = blob.sha256()
    external = sidecar.clean(meta.get("external_id"))
    if external:
        key = external if sounds == 1 else f"{external}:{digest}"
    elif said.call_id:
        key = f"call:{said.call_id}:{digest}"
    else:
        key = hashlib.sha256(f"{digest}\0{_canonical(meta)}".encode()).hexdigest()
    kind = audio.media_type(blob.name, _head(blob)) or "audio/wav"
    recording = Blob(blob.name, kind, blob.data, "recording", blob.path)
    facts = facts_of(said, ZONE, recording=sidecar.clean(blob.name), key=key)
    stated = {str(name): sidecar.clean(value) for name, value in meta.items() if sidecar.clean(value)}
    return RawIntake(
        channel="phone",
        source_id=source_id,
        key=key,
        at=base_of(said, ZONE, fallback=now, now=now),
        blobs=(recording,) if car is None else (recording, car.blob),
        meta=facts | ({"stated": stated} if stated else {}),
    )


def _canonical(meta: Mapping[str, Json]) -> str:
    try:
        return json.dumps(dict(meta), ensure_ascii=True, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        raise InputRefusedError("附加信息无法读取") from None
