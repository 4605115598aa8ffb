"""Recordings handed over by a person or a command: the upload page, `hub intake phone a.wav a.json --meta JSON`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from channels.contract import Blob, InputRefusedError, Json, RawIntake
from channels.phone import audio, sidecar
from channels.phone.recordings import base_of, facts_of
from channels.phone.settings import MAX_BYTES
from channels.phone.sidecar import SideCar

ZONE = ZoneInfo("Asia/Shanghai")
"""Files handed over have no source with settings; times without an offset are Chinese time."""
MAX_FILES = 500
SIDECAR_LIMITS = {".json": sidecar.JSON_LIMIT, ".csv": sidecar.CSV_LIMIT}


_Rows: TypeAlias = list[tuple[SideCar, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class _Car:
    said: SideCar
    blob: Blob
    origin: int  # which of the side-cars handed over it came from


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
        if (limit := SIDECAR_LIMITS.get(audio.extension(blob.name))) is not None:
            if blob.size() > limit:
                raise InputRefusedError(f"第 {number} 个文件作为附带资料过大（上限 {limit // 1024} KB）")
            sidecars.append(blob)
        else:
            _check(number, blob)
            sounds.append(blob)
    if not sounds:
        raise InputRefusedError("没有录音文件：附带资料要和录音一起提交")
    cars = _cars(sidecars)
    pairs = [(blob, cars.of(blob, len(sounds))) for blob in sounds]
    used = {car.origin for _, car in pairs if car is not None}
    if any(number not in used for number in range(len(sidecars))):
        raise InputRefusedError("有附带资料找不到对应的录音：文件名要和录音相同，或在表中写明录音文件名")
    return [_intake(blob, car, meta, source_id, now, len(sounds)) for blob, car in pairs]


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


@dataclass(frozen=True, slots=True)
class _Cars:
    """The side-cars handed over together, each read once, with their positions."""

    jsons: tuple[tuple[int, Blob], ...]
    tables: tuple[tuple[int, str, _Rows], ...]  # CSV files: base name and rows

    def of(self, blob: Blob, sounds: int) -> _Car | None:
        name = sidecar.basename(blob.name)
        stem = name.rpartition(".")[0] or name
        alone = sounds == 1 and len(self.jsons) + len(self.tables) == 1
        for number, other in self.jsons:
            # One recording and one JSON belong together whatever they are called.
            if alone or sidecar.basename(other.name).removesuffix(".json") in (name, stem):
                said = sidecar.parse_json(other.read(), name)
                return _Car(said, Blob(other.name, "application/json", other.read(), "sidecar"), number)
        for number, table, rows in self.tables:
            row = sidecar.pick_row(rows, name)
            namesake = alone or table in (f"{name}.csv", f"{stem}.csv")
            if row is not None and (row[0].file or namesake or row[0].call_id.lower() in (name, stem)):
                return _Car(row[0], _row_blob(row[1], stem), number)
        return None


def _cars(blobs: Sequence[Blob]) -> _Cars:
    jsons: list[tuple[int, Blob]] = []
    tables: list[tuple[int, str, _Rows]] = []
    for number, blob in enumerate(blobs):
        if audio.extension(blob.name) == ".json":
            jsons.append((number, blob))
        else:
            tables.append((number, sidecar.basename(blob.name), sidecar.parse_csv(blob.read())))
    return _Cars(tuple(jsons), tuple(tables))


def _row_blob(values: Mapping[str, str], stem: str) -> Blob:
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
