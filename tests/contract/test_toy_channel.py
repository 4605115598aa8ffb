"""A channel is a folder and an entry point: a toy one is taken in, shown and filtered, and no core file knows it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from channels import registry
from channels.contract import Blob
from channels.testing import check_channel, hostile_raws
from hub import db, intake
from hub.access import staff
from hub.app import create_app
from hub.models import Clue
from hub.supervision import listing
from hub.worker import drain

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
SOURCE = '''
"""Carrier pigeons: a note of UTF-8 text, a form, a webhook."""
import hashlib
from flask import Blueprint
from pydantic import BaseModel
from channels.contract import (
    Blob, Channel, Field, FormSpec, InputRefusedError, NewReport, NormalizeError, Part, PartKind, RawIntake, Report)

class Settings(BaseModel):
    loft: str = ""

def normalize(raw):
    if not raw.blobs:
        raise NormalizeError("没有纸条")
    text = raw.blobs[0].read().decode("utf-8", "replace").replace("\\0", "")
    if not text.strip():
        raise NormalizeError("纸条是空的")
    return [NewReport(Report((Part(PartKind.TEXT, text, 0),), title="飞鸽传书"))]

def from_files(blobs, meta, *, source_id, now):
    if not blobs or not blobs[0].size():
        raise InputRefusedError("空纸条")
    return [RawIntake("pigeon", source_id, meta.get("external_id") or b.sha256(), now, (b,)) for b in blobs]

def blueprint(ports):
    made = Blueprint("pigeon", __name__)
    @made.get("/coo")
    def coo():
        return "coo"
    return made

CHANNEL = Channel(
    "pigeon", "98", "飞鸽传书", "其他方面", normalize, from_files, Settings, upload=True, blueprint=blueprint,
    forms=(FormSpec("pigeon-note", "纸条登记", (Field("facts", "纸条内容", "textarea", required=True),)),))
'''


@pytest.fixture
def pigeon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs the toy channel as a distribution would: a package and its entry point, nothing else."""
    site = tmp_path / "site"
    (site / "pigeon_channel").mkdir(parents=True)
    (site / "pigeon_channel" / "__init__.py").write_text(SOURCE)
    info = site / "pigeon_channel-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-channel\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hub12336.channels]\npigeon = pigeon_channel:CHANNEL\n")
    monkeypatch.syspath_prepend(str(site))
    registry.channels.cache_clear()
    yield registry.channels()["pigeon"]
    registry.channels.cache_clear()
    sys.modules.pop("pigeon_channel", None)


@pytest.mark.usefixtures("hub")
def test_a_toy_channel_needs_no_change_of_the_core(pigeon) -> None:
    blobs = [Blob("note.txt", "text/plain", "桃江县武潭镇有人未经批准占用耕地建厂房。".encode())]
    check_channel(pigeon, pigeon.from_files(blobs, {}, source_id="cli:pigeon", now=AT), hostile_raws(pigeon))
    (raw,) = pigeon.from_files(blobs, {}, source_id="cli:pigeon", now=AT)
    assert intake.accept(raw, unit="430922").new
    assert not intake.accept(raw, unit="430922").new
    while drain("light") or drain("text"):
        pass
    with db.reading() as session:
        number = session.scalars(select(Clue.no)).one()
        assert number.startswith("430922-20261120-98-")
        (row,) = listing.rows(session)
    assert (row["channel"], row["division"], row["class"]) == ("pigeon", "430922", "T2")
    with db.transaction() as session:
        staff.add(session, "anna", "接线员", "a-long-password", "430922", ["operator"])
    client = create_app().test_client()
    client.post("/sign-in", data={"login": "anna", "password": "a-long-password"})
    page = client.get("/queue?channel=pigeon").get_data(as_text=True)
    assert number in page
    assert "飞鸽传书" in page  # among the filters
    assert number not in client.get("/queue?channel=email").get_data(as_text=True)
    assert "飞鸽传书" in client.get(f"/clues/{number}").get_data(as_text=True)
    assert "纸条登记" in client.get("/new").get_data(as_text=True)
    assert "纸条内容" in client.get("/new/pigeon-note").get_data(as_text=True)
    assert client.get("/upload/pigeon").status_code == 200
    assert client.get("/hooks/pigeon/coo").get_data(as_text=True) == "coo"


def test_the_toy_is_gone_with_its_entry_point() -> None:
    assert "pigeon" not in registry.channels()
