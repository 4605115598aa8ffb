"""Telephone deliveries as reports. Pure: whether the sound can be decoded is found out later, in the limited child.

Everything with the name of a call is a `Continuation`: the webhooks of one call (voice, recording, status) arrive in
any order, and the first of them opens the clue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from channels.contract import (
    Blob,
    Continuation,
    DeliveryReport,
    NewReport,
    NonClue,
    NormalizeError,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
)
from channels.phone import audio, sidecar
from channels.phone.calls import MISSED, NOTICE, SETTLED, number_of
from channels.phone.forms import CALL_PAD
from channels.phone.moments import parse_seconds, plain_seconds

FORM_LIMIT = 1 << 20
MODES = frozenset({"real_name", "anonymous", "confidential"})
CALL_QUIET = timedelta(days=1)
"""Call ids of a recorder are counters that may start again; within a day they name one call."""
INVALID_WORDS = (
    "wrong number",
    "wrongnumber",
    "wrong_number",
    "nuisance",
    "spam",
    "prank",
    "错号",
    "打错",
    "拨错",
    "误拨",
    "骚扰",
    "无效",
)
_SPOKEN = ("place", "respondent", "facts", "area", "occurred", "evidence")
NO_CLUE = {"consultation": "来电咨询", "follow_up": "来电跟进已有线索", "invalid": "打错或骚扰电话"}
"""What the person who took the call says it was (meta "kind"), where that is no clue."""
_LABELS = {field.name: field.label for field in CALL_PAD.fields}
_EVENTS = frozenset({"voice", "recording", "status"})


def normalize(raw: RawIntake) -> list[Outcome]:
    """The outcomes of one delivery by telephone. Raises NormalizeError where there is nothing to read."""
    event = _text(raw.meta, "event")
    if event == "message":
        return [_notice(raw)]
    if event in _EVENTS:
        return [_webhook(raw, event)]
    if raw.blobs and raw.blobs[0].role == "form":
        return [_pad(raw)]
    if event == "sidecar":
        return [_late_sidecar(raw)]
    return [_recording(raw)]


# ---- recordings with side-cars


def _recording(raw: RawIntake) -> Outcome:
    parts = _sounds(raw)
    if not any(part.kind is PartKind.AUDIO for part in parts):
        raise NormalizeError("没有可识别的录音")
    name = _text(raw.meta, "recording") or next((b.name for b in raw.blobs if b.role != "sidecar"), "")
    found = _metadata(raw, name)
    report = replace(_report(raw, found), parts=parts, title="电话录音")
    recording, call = _text(raw.meta, "recording_key"), _text(raw.meta, "call_key")
    if call:  # several recordings of one call (legs, transfers) belong together
        return Continuation(report, tuple(key for key in (call, recording) if key), CALL_QUIET)
    return NewReport(report, (recording,) if recording else ())


def _late_sidecar(raw: RawIntake) -> Outcome:
    found = _metadata(raw, _text(raw.meta, "recording"))
    recording, call = _text(raw.meta, "recording_key"), _text(raw.meta, "call_key")
    keys = tuple(key for key in (recording, call) if key)
    if not keys:
        raise NormalizeError("附带资料没有对应的录音")
    return Continuation(replace(_report(raw, found), parts=_sounds(raw), title="通话附带资料"), keys)


def _sounds(raw: RawIntake) -> tuple[Part, ...]:
    parts: list[Part] = []
    for index, blob in enumerate(raw.blobs):
        if blob.role in ("form", "sidecar", "envelope"):
            continue
        if not blob.size():
            raise NormalizeError("录音文件是空的")
        kind = PartKind.AUDIO if _is_sound(blob) else PartKind.FILE
        parts.append(Part(kind, blob=index, title="通话录音" if kind is PartKind.AUDIO else "附件"))
    return tuple(parts)


def _is_sound(blob: Blob) -> bool:
    return (
        blob.role in ("recording", "voice")
        or blob.media_type.lower().startswith("audio/")
        or audio.is_recording_name(blob.name)
        or bool(audio.sniff(blob.data[:32]))
    )


def _metadata(raw: RawIntake, recording: str) -> sidecar.SideCar:
    stated = raw.meta.get("stated")
    found = sidecar.from_mapping(stated) if isinstance(stated, dict) else sidecar.SideCar()
    for blob in raw.blobs:
        if blob.role == "sidecar":
            found = found.over(sidecar.parse(blob.read(), blob.name, recording))
    return found


def _report(raw: RawIntake, found: sidecar.SideCar) -> Report:
    fields = {
        "line": found.line or _text(raw.meta, "line"),
        "agent": found.agent,
        "call_id": found.call_id,
        "start": _text(raw.meta, "start") or found.start,  # the receiver knows the time zone
        "duration": plain_seconds(parse_seconds(found.duration)) or found.duration,
        "disposition": found.disposition,
    }
    said = found.disposition.lower()
    return Report(
        sender=Sender(name=found.name, phone=number_of(found.caller)),
        fields={key: value for key, value in fields.items() if value},
        kind="invalid" if any(word in said for word in INVALID_WORDS) else "",
        warnings=found.warnings,
    )


# ---- webhooks of the cloud telephone


def _webhook(raw: RawIntake, event: str) -> Outcome:
    call = _text(raw.meta, "call_id")
    if not call:
        raise NormalizeError("回调中没有通话编号")
    fields = {
        "line": _text(raw.meta, "called") or _text(raw.meta, "line"),
        "call_id": call,
        "start": _text(raw.meta, "start"),
        "duration": _text(raw.meta, "duration"),
        "call_status": _text(raw.meta, "call_status"),
        "recording_status": _text(raw.meta, "recording_status"),
    }
    report = Report(
        parts=_sounds(raw),
        sender=Sender(phone=number_of(_text(raw.meta, "caller"))),
        fields={key: value for key, value in fields.items() if value},
        title="来电",
    )
    if event == "recording":
        report = replace(report, title="电话录音", warnings=_recording_warnings(raw, report))
    elif event == "status" and fields["call_status"] in MISSED:
        # A person decides whether it was a clue, after calling back: so a suggested kind, not a NonClue.
        report = replace(report, title="未接来电", kind="other", fields={**report.fields, "reason": "未接来电"})
    return Continuation(report, (f"call:{call}",))


def _notice(raw: RawIntake) -> Outcome:
    """What became of a text message. Undelivered is permanent: the carrier does not try again by itself."""
    name, state = _text(raw.meta, "notice"), SETTLED.get(_text(raw.meta, "message_status"))
    if not NOTICE.fullmatch(name) or state is None:
        raise NormalizeError("短信回执无法识别")
    code = _text(raw.meta, "error_code")
    if state == "failed":
        return DeliveryReport(name, "failed", permanent=True, detail=f"短信未送达 {code[:10]}".strip())
    return DeliveryReport(name, "delivered")


def _recording_warnings(raw: RawIntake, report: Report) -> tuple[str, ...]:
    status = _text(raw.meta, "recording_status")
    if status == "absent":
        return ("通话没有录到声音，请回拨核实",)
    if status == "failed":
        return ("录音失败，请回拨核实",)
    if status == "completed" and not report.parts:
        return ("录音仍在服务商处，等待下载",)
    return ()


# ---- the call pad


def _pad(raw: RawIntake) -> Outcome:
    """A call that a person took. Where the telephone told of it (meta "call_id") it joins what that opened."""
    kind, call = _text(raw.meta, "kind"), _text(raw.meta, "call_id")
    if kind in NO_CLUE:
        return NonClue(kind, NO_CLUE[kind], _call_pad(raw, may_be_empty=True))
    report = _call_pad(raw)
    return Continuation(report, (f"call:{call}",)) if call else NewReport(report)


def _call_pad(raw: RawIntake, *, may_be_empty: bool = False) -> Report:
    data = raw.blobs[0].read()
    if len(data) > FORM_LIMIT:
        raise NormalizeError("登记内容过大")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NormalizeError("登记内容无法读取") from error
    if not isinstance(values, dict):
        raise NormalizeError("登记内容无法读取")
    said = {name: _lines(values.get(name)) for name in _LABELS}
    text = "\n".join(f"{_LABELS[name]}：{said[name]}" for name in _SPOKEN if said[name])
    parts = (Part(PartKind.TEXT, text, blob=0, title=CALL_PAD.title),) if text else ()
    sounds = _sounds(raw)
    if not parts and not sounds and not may_be_empty:
        raise NormalizeError("登记内容是空的")
    fields = {name: said[name] for name in (*_SPOKEN, "start") if said[name]}
    return Report(
        parts=parts + sounds,
        sender=Sender(name=said["name"], phone=number_of(said["caller"])),
        fields=fields,
        title=CALL_PAD.title,
        mode=said["mode"] if said["mode"] in MODES else "",
    )


def _lines(value: Any) -> str:
    """A form value as text of several lines, with nothing in it that a database refuses."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return "\n".join(sidecar.clean(line, 20_000) for line in str(value)[:20_000].splitlines()).strip()


def _text(meta: Mapping[str, Any], key: str) -> str:
    return sidecar.clean(meta.get(key), 500)
