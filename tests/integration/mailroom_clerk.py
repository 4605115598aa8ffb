"""A clerk of the mailroom in a browser, and scans to send."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from PIL import Image, ImageDraw
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub import clock, db
from hub.app import create_app
from hub.mailroom import uploads
from hub.models import Letter, ScanBatch, ScanPage, ScanStack
from hub.worker import drain
from tests.integration import browsers
from tests.integration.notify.conftest import UNIT, County, county

CAST = {
    "clerk": (UNIT, "mailroom"), "colleague": (UNIT, "mailroom"), "lead": (UNIT, "lead"), "handler": (UNIT, "handler"),
    "stranger": ("430981", "mailroom"), "operator": (UNIT, "operator"),
}  # fmt: skip


NAME, ADDRESS, PHONE = "李桂花", "桃江县武潭镇红旗村三组21号", "13900004567"


ENTRY = {
    "reporter_name": NAME, "reporter_address": ADDRESS, "reporter_phone": PHONE, "postal_no": "XA 123 456 785 CN",
    "addressee": "县自然资源局", "enclosures": "照片4张", "shelf": "甲-12", "opened": "1", "mode": "real_name",
}  # fmt: skip


class Clerk(browsers.Person):
    """The mailroom's pages of one person: forms, and JSON for what the pages send by themselves."""

    keys = 0

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def form(self, path: str, **boxes: str) -> TestResponse:
        headers = {"Accept": "application/json"}
        return self.client.post(path, data={"csrf_token": self.csrf, **boxes}, headers=headers)

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"})

    def enter(self, **boxes: str) -> int:
        """A line of the register; its id."""
        self.keys += 1
        given = {"stamped": clock.today().isoformat(), "key": f"k{self.keys}", **boxes}
        made = self.form("/mailroom/letters", **given)
        assert made.status_code == 200, made.text
        return int(made.json["id"])  # type: ignore[index]  # JSON

    def batch(self) -> int:
        made = self.form("/mailroom/batches")
        return int(made.headers["Location"].rsplit("/", 1)[1])

    def announce(self, batch: int, files: dict[str, bytes], folder: str = "") -> list[dict[str, Any]]:
        told = [
            {"name": name, "folder": folder, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        ]
        answer = self.post(f"/mailroom/batches/{batch}/files", files=told)
        assert answer.status_code == 200, answer.text
        return list(answer.json["files"])  # type: ignore[index]

    def piece(self, number: int, start: int, data: bytes) -> TestResponse:
        return self.client.post(
            f"/mailroom/files/{number}/pieces?start={start}", data=data,
            headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"},
            content_type="application/octet-stream",
        )  # fmt: skip

    def send(self, batch: int, files: dict[str, bytes], *, read: bool = True) -> list[int]:
        """Announces and sends files whole; `read`: their pages are rendered."""
        found = self.announce(batch, files)
        for one, data in zip(found, files.values(), strict=True):
            at = one["have"]
            while at < len(data):
                answer = self.piece(one["id"], at, data[at : at + uploads.PIECE])
                assert answer.status_code == 200, answer.text
                at = answer.json["have"]  # type: ignore[index]
        if read:
            drain("scan")
        return [one["id"] for one in found]

    def version(self, batch: int) -> int:
        with db.reading() as session:
            return session.get_one(ScanBatch, batch).version

    def change(self, batch: int, what: str, **given: Any) -> TestResponse:
        return self.post(f"/mailroom/batches/{batch}/change", version=self.version(batch), what=what, **given)

    def take(self, batch: int, *stacks: int) -> dict[str, Any]:
        answer = self.post(f"/mailroom/batches/{batch}/take", version=self.version(batch), stacks=list(stacks))
        assert answer.status_code == 200, answer.text
        return dict(answer.json)  # type: ignore[arg-type]


@pytest.fixture
def app(county: County) -> Flask:
    del county
    browsers.join(CAST)
    return create_app()


@pytest.fixture
def clerk(app: Flask) -> Clerk:
    return Clerk(app, "clerk")


def sheet(words: str = "", *, bars: str = "") -> Image.Image:
    page = Image.new("L", (620, 877), 255)
    ImageDraw.Draw(page).text((60, 300), words, fill=0, font_size=28)
    if bars:
        made = zxingcpp.create_barcode(bars, zxingcpp.BarcodeFormat.QRCode).to_image(scale=5)
        with io.BytesIO():
            page.paste(Image.fromarray(made), (60, 60))
    return page


def jpeg(words: str, **more: str) -> bytes:
    out = io.BytesIO()
    sheet(words, **more).save(out, "JPEG", quality=80)
    return out.getvalue()


def pdf(*pages: Image.Image) -> bytes:
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=75)
    return out.getvalue()


def tiff(*pages: Image.Image) -> bytes:
    out = io.BytesIO()
    first, *rest = [page.convert("1") for page in pages]
    first.save(out, "TIFF", save_all=True, append_images=rest, compression="group4", dpi=(75, 75))
    return out.getvalue()


def stacks(batch: int) -> list[tuple[int, list[tuple[int, str, int]], int | None]]:
    """(id, [(page id, role, rotation)], letter) of a batch in order."""
    with db.reading() as session:
        rows = session.scalars(
            select(ScanStack).where(ScanStack.batch_id == batch).order_by(ScanStack.ord, ScanStack.id)
        ).all()
        out = []
        for row in rows:
            of = session.scalars(
                select(ScanPage).where(ScanPage.stack_id == row.id).order_by(ScanPage.ord, ScanPage.id)
            ).all()
            out.append((row.id, [(page.id, page.role, page.rotation) for page in of], row.letter_id))
        return out


def line(number: int) -> Letter:
    with db.reading() as session:
        found = session.get_one(Letter, number)
        session.expunge_all()
        return found
