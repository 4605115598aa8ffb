"""Orders for the running demo: `hub demo send` and `hub demo read` leave them here, the demo process carries them out.

The simulators (and the media they serve) live in that process, so a second one could not send for them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.demo.doors import Doors, SendError
from hub.demo.inputs import Input, manifest
from hub.demo.providers import Providers, call_ids
from hub.demo.state import outside
from hub.settings import settings

_SOUNDS = (".wav", ".mp3", ".amr", ".ogg", ".opus", ".m4a", ".silk")


def _box() -> Path:
    box = outside(settings().var.resolve()) / "outbox"
    box.mkdir(mode=0o700, parents=True, exist_ok=True)
    return box


def order(channel: str, files: Sequence[Path], wait: float) -> dict[str, Any]:
    """Orders an input and waits for its answer. Raises TimeoutError where no demo process answers in time."""
    return _ordered({"channel": channel, "files": [file.name for file in files]}, files, wait)


def read(wait: float) -> dict[str, Any]:
    """What reporters were written since the demo process started. Raises TimeoutError as `order` does."""
    return _ordered({"read": True}, (), wait)


def _ordered(what: dict[str, Any], files: Sequence[Path], wait: float) -> dict[str, Any]:
    name = secrets.token_hex(8)
    box = _box()
    new, place = box / f".{name}", box / name
    new.mkdir(mode=0o700)
    for file in files:
        shutil.copyfile(file, new / file.name)
    (new / "order.json").write_text(json.dumps(what), "utf-8")
    new.rename(place)
    end = time.monotonic() + wait
    answer = place / "answer.json"
    while not answer.exists():
        if time.monotonic() > end:
            shutil.rmtree(place, ignore_errors=True)
            raise TimeoutError
        time.sleep(0.1)
    told: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    shutil.rmtree(place, ignore_errors=True)
    return told


def serve(doors: Doors) -> None:
    """Carries out what lies in the box."""
    for place in sorted(_box().iterdir()):
        if place.name.startswith(".") or not (place / "order.json").exists() or (place / "answer.json").exists():
            continue
        try:
            told = json.loads((place / "order.json").read_text("utf-8"))
            answer = _written(doors.providers) if told.get("read") else _sent(doors, place, told)
        except (SendError, OSError, ValueError, KeyError) as error:
            answer = {"sent": False, "error": str(error)}
        new = place / ".answer"
        new.write_text(json.dumps(answer, ensure_ascii=False), "utf-8")
        new.rename(place / "answer.json")


def _sent(doors: Doors, place: Path, told: dict[str, Any]) -> dict[str, Any]:
    entry, tag = made(told["channel"], [place / name for name in told["files"]])
    if entry.door == "twilio":
        doors.providers.twilio.keep(call_ids(entry.name + tag)[1], entry.files[0].read_bytes())
    doors.send(entry, tag)
    return {"sent": True, "channel": entry.channel, "door": entry.door, "sample": entry.name}


def _written(providers: Providers) -> dict[str, Any]:
    """What the demo's reporters read: messages of the official account, its template messages, texts, mails."""
    api = providers.wechat.api
    return {
        "wechat": [{"to": one["touser"], "text": one["text"]["content"]} for one in api.sent],
        "template": [{"to": one["touser"], "text": one["data"]["content"]["value"]} for one in api.templates],
        "sms": [{"to": one.to, "text": one.body} for one in providers.twilio.messages.sent],
        "mail": [{"to": ", ".join(one.to), "text": one.text} for one in providers.mail.post.taken],
    }


def made(channel: str, files: Sequence[Path]) -> tuple[Input, str]:
    """The input for an order and its tag: a sample of the demo under a new id, or the given files as they are.

    A given file sent again is the same delivery. Raises ValueError for an unknown channel or an empty file list where
    the demo has no sample.
    """
    samples = [entry for entry in manifest() if entry.channel == channel and not entry.continues]
    if not samples:
        raise ValueError(f"no such channel: {channel}")
    if not files:
        return secrets.choice(samples), secrets.token_hex(4)
    digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()[:16]
    sample = next((entry for entry in samples if entry.door != "twilio"), samples[0])
    if channel == "subordinate":
        table = any(file.suffix.lower() in (".csv", ".xlsx", ".tsv") for file in files)
        sample = next(e for e in samples if (e.form == "subordinate-batch") == table)
    if channel != "wechat":
        told = {name: "见附件" if name in ("place", "facts") else value
                for name, value in sample.values.items() if name != "respondent"}  # fmt: skip
        return Input(f"file-{digest}", channel, sample.door, tuple(files), sample.form, sample.user, told), ""
    messages = tuple(_message(file) for file in files)
    return Input(f"file-{digest}", channel, "wechat", messages=messages, sender=f"oDemoFile{digest}"), ""


def _message(file: Path) -> dict[str, Any]:
    if file.suffix.lower() == ".txt":
        return {"kind": "text", "text": file.read_text("utf-8", "replace")}
    return {"kind": "voice" if file.suffix.lower() in _SOUNDS else "image", "file": file}
