"""Raw intakes and outcomes as plain JSON plus a list of byte strings, for the pipe to the limited child.

The child is not trusted: what it returns is rebuilt field by field here, never unpickled.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from channels.contract import (
    Blob,
    Continuation,
    DeliveryReport,
    NewReport,
    NonClue,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Remote,
    Report,
    Sender,
)


def dump(value: Any, blobs: list[bytes]) -> Any:
    """`value` as JSON data; bytes are appended to `blobs` and stand as {"$": index}."""
    if isinstance(value, bytes):
        blobs.append(value)
        return {"$": len(blobs) - 1}
    if isinstance(value, Blob) and value.path is not None:
        value = Blob(value.name, value.media_type, value.read(), value.role)
    if is_dataclass(value) and not isinstance(value, type):
        return {"@": type(value).__name__} | {f.name: dump(getattr(value, f.name), blobs) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple):
        return [dump(item, blobs) for item in value]
    if isinstance(value, dict):
        return {str(key): dump(item, blobs) for key, item in value.items()}
    return value


def _blob(data: dict[str, Any], blobs: list[bytes]) -> Blob:
    return Blob(str(data["name"]), str(data["media_type"]), blobs[data["data"]["$"]], str(data["role"]))


def load_raw(data: dict[str, Any], blobs: list[bytes]) -> RawIntake:
    """The raw intake that `dump` wrote."""
    return RawIntake(
        channel=data["channel"],
        source_id=data["source_id"],
        key=data["key"],
        at=datetime.fromisoformat(data["at"]),
        blobs=tuple(_blob(item, blobs) for item in data["blobs"]),
        meta=data["meta"],
        also=tuple(data["also"]),
        sub_channel=data["sub_channel"],
        station=data["station"],
        remotes=tuple(Remote(r["ref"], r["role"], r["name"], r["media_type"]) for r in data["remotes"]),
    )


def _sender(data: dict[str, Any]) -> Sender:
    return Sender(**{f.name: str(data[f.name]) for f in fields(Sender)})


def _report(data: dict[str, Any], blobs: list[bytes]) -> Report:
    return Report(
        parts=tuple(
            Part(PartKind(p["kind"]), str(p["text"]), p["blob"], str(p["title"]), dict(p["data"]))
            for p in data["parts"]
        ),
        derived=tuple(_blob(item, blobs) for item in data["derived"]),
        sender=_sender(data["sender"]),
        fields={str(key): str(value) for key, value in data["fields"].items()},
        title=str(data["title"]),
        mode=str(data["mode"]),
        kind=str(data["kind"]),
        warnings=tuple(str(warning) for warning in data["warnings"]),
        others=tuple(_sender(other) for other in data["others"]),
    )


def load_outcome(data: dict[str, Any], blobs: list[bytes]) -> Outcome:
    """The outcome that `dump` wrote. Raises KeyError or ValueError on anything else."""
    kind = data["@"]
    if kind in ("NewReport", "Continuation"):
        quiet = None if data["quiet"] is None else timedelta(seconds=float(data["quiet"]))
        keys = tuple(str(key) for key in data["correlation_keys"])
        made = NewReport if kind == "NewReport" else Continuation
        return made(_report(data["report"], blobs), keys, quiet)
    if kind == "DeliveryReport":
        return DeliveryReport(str(data["attempt_key"]), data["state"], bool(data["permanent"]), str(data["detail"]))
    if kind == "NonClue":
        return NonClue(str(data["kind"]), str(data["reason"]), _report(data["report"], blobs))
    message = f"no such outcome: {kind}"
    raise ValueError(message)
