"""Every installed channel keeps the contract: samples normalise, rubbish only raises NormalizeError.

Samples lie in tests/channels/<code>/samples (or tests/channels/forms/samples/<code>). A folder is one delivery, told
by its raw.json {"source_id","key","at","meta","sub_channel","also","blobs":[{"file","name","media_type","role"}]};
a loose file is handed to the channel's from_files.
"""

import json
import mimetypes
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from channels.contract import Blob, Channel, RawIntake
from channels.registry import GROUP
from channels.testing import NOW, check_channel, hostile_raws

HERE = Path(__file__).resolve().parents[1] / "channels"
ENTRIES = {entry.name: entry for entry in entry_points(group=GROUP)}


def delivery(code: str, folder: Path) -> RawIntake:
    told = json.loads((folder / "raw.json").read_text(encoding="utf-8"))
    blobs = tuple(
        Blob(
            name=blob.get("name", blob["file"]),
            media_type=blob.get("media_type", "application/octet-stream"),
            data=(folder / blob["file"]).read_bytes(),
            role=blob.get("role", "original"),
        )
        for blob in told["blobs"]
    )
    return RawIntake(
        channel=code,
        source_id=told.get("source_id", f"test:{code}"),
        key=told.get("key", folder.name),
        at=datetime.fromisoformat(told["at"]) if "at" in told else NOW,
        blobs=blobs,
        meta=told.get("meta", {}),
        also=tuple(told.get("also", ())),
        sub_channel=told.get("sub_channel", ""),
    )


def samples(channel: Channel) -> list[RawIntake]:
    found: list[RawIntake] = []
    for folder in (HERE / channel.code / "samples", HERE / "forms" / "samples" / channel.code):
        for item in sorted(folder.iterdir()) if folder.is_dir() else []:
            if item.is_dir():
                if (item / "raw.json").is_file():
                    found.append(delivery(channel.code, item))
                continue
            kind = mimetypes.guess_type(item.name)[0] or "application/octet-stream"
            blob = Blob(item.name, kind, item.read_bytes())
            found += channel.from_files([blob], {}, source_id=f"cli:{channel.code}", now=NOW)
    return found


@pytest.mark.parametrize("code", sorted(ENTRIES))
def test_channel_keeps_the_contract(code: str) -> None:
    channel = ENTRIES[code].load()
    assert channel.code == code
    check_channel(channel, samples(channel), hostile_raws(channel))


def test_every_entrance_of_the_ministry_is_installed() -> None:
    numbers = {"phone": "01", "letter": "02", "email": "03", "referral": "04"}
    numbers |= {"subordinate": "05", "media": "06", "wechat": "07", "other": "08"}
    assert set(ENTRIES) >= set(numbers)
    for code, number in numbers.items():
        channel = ENTRIES[code].load()
        assert (channel.code, channel.number) == (code, number)
        assert channel.label
        assert channel.rollup
