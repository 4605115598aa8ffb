"""Forms and uploads of the manual channels, rendered from what each channel declares."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from flask import Blueprint, abort, render_template, request
from werkzeug.datastructures import FileStorage

from channels.contract import Blob, Channel, FormSpec, InputRefusedError, RawIntake, form_intake
from channels.registry import channels
from hub import clock, intake
from hub.access.people import Actor
from hub.settings import settings
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("forms", __name__)

WRITERS = (Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD)
MAX_FILES = 200


def _form(form_id: str) -> tuple[Channel, FormSpec]:
    for channel in channels().values():
        for spec in channel.forms:
            if spec.id == form_id and not me().roles.isdisjoint(spec.roles):
                return channel, spec
    return abort(404)


def _uploads(code: str) -> Channel:
    channel = channels().get(code)
    if channel is None or not channel.upload:
        abort(404)
    return channel


def entrances(who: Actor | None) -> list[tuple[str, str, str]]:
    """(kind, id, title) of every form and upload page this person may use, for the menu."""
    if who is None or not who.has(frozenset(WRITERS)):
        return []
    found = []
    for channel in channels().values():
        found += [("form", s.id, s.title) for s in channel.forms if not who.roles.isdisjoint(s.roles)]
        if channel.upload:
            found.append(("upload", channel.code, f"上传{channel.label}"))
    return found


@bp.app_context_processor
def _menu() -> dict[str, object]:
    return {"entrances": entrances}


@bp.get("/new")
@signed_in(*WRITERS)
def choose() -> str:
    return render_template("choose.html", forms=entrances(me()))


@bp.get("/new/<form_id>")
@signed_in(*WRITERS)
def form(form_id: str) -> str:
    channel, spec = _form(form_id)
    return render_template("form.html", channel=channel, spec=spec, key=secrets.token_hex(16), values={}, problem="")


@bp.post("/new/<form_id>")
@signed_in(*WRITERS)
def form_post(form_id: str) -> str | tuple[str, int]:
    """Stores the form and its files; the key in the page makes sending it twice one intake."""
    channel, spec = _form(form_id)
    values = {f.name: request.form.get(f.name, "").strip()[: f.max_length] for f in spec.fields if f.kind != "files"}
    key = request.form.get("key", "")[:64] or secrets.token_hex(16)
    lacking = [f.label for f in spec.fields if f.required and f.kind != "files" and not values[f.name]]
    with _received() as blobs:
        need_file = [f.label for f in spec.fields if f.required and f.kind == "files"]
        problem = _problem(lacking, need_file if not blobs else [], spec, values)
        if problem:
            page = render_template("form.html", channel=channel, spec=spec, key=key, values=values, problem=problem)
            return page, 422
        sub = values.get("sub_channel", "") if values.get("sub_channel", "") in channel.sub_channels else ""
        raw = form_intake(
            channel.code, spec, {k: v for k, v in values.items() if v}, blobs, key=key, at=stated_at(values),
            source_id=f"form:{spec.id}:{me().unit_code}", sub_channel=sub,
        )  # fmt: skip
        return _accepted([raw])


def _problem(lacking: list[str], files: list[str], spec: FormSpec, values: dict[str, str]) -> str:
    if lacking or files:
        return "请填写：" + "、".join([*lacking, *files])
    for box in spec.fields:
        value = values.get(box.name, "")
        if box.kind == "select" and value and value not in {code for code, _ in box.options}:
            return f"{box.label}的选项无效"
        if box.kind in ("date", "datetime") and value:
            try:
                datetime.fromisoformat(value)
            except ValueError:
                return f"{box.label}不是有效日期"
    return ""


def stated_at(values: dict[str, str]) -> datetime:
    """The base of the clocks a person entered (receipt stamp, register, ring); never later than now (PRODUCT §4)."""
    for name in ("at", "received", "received_at", "stamp_date", "received_date", "start", "registered"):
        if values.get(name):
            try:
                moment = datetime.fromisoformat(values[name])
            except ValueError:
                continue
            moment = moment if moment.tzinfo else moment.replace(tzinfo=clock.CHINA)
            return min(moment, clock.now())
    return clock.now()


@bp.get("/upload/<code>")
@signed_in(*WRITERS)
def upload(code: str) -> str:
    return render_template("upload.html", channel=_uploads(code), key=secrets.token_hex(16), problem="")


@bp.post("/upload/<code>")
@signed_in(*WRITERS)
def upload_post(code: str) -> str | tuple[str, int]:
    channel = _uploads(code)
    key = request.form.get("key", "")[:64] or secrets.token_hex(16)
    with _received() as blobs:
        try:
            if not blobs:
                raise InputRefusedError("没有收到文件")
            meta = {"external_id": f"upload:{key}"}
            raws = channel.from_files(blobs, meta, source_id=f"upload:{code}:{me().unit_code}", now=clock.now())
        except InputRefusedError as error:
            page = render_template("upload.html", channel=channel, key=secrets.token_hex(16), problem=str(error))
            return page, 422
        return _accepted(raws)


def _accepted(raws: list[RawIntake]) -> str:
    """Stores; "收到" is said only after the commit."""
    results = [intake.accept(raw, unit=me().unit_code, actor=me().label) for raw in raws]
    return render_template("received.html", new=sum(r.new for r in results), again=sum(not r.new for r in results))


@contextmanager
def _received() -> Iterator[list[Blob]]:
    """The uploaded files as blobs, spooled to a private folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=settings().folder("tmp")))
    try:
        uploads = [file for file in request.files.getlist("files") if file and file.filename][:MAX_FILES]
        yield [_spooled(folder, number, file) for number, file in enumerate(uploads)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spooled(folder: Path, number: int, file: FileStorage) -> Blob:
    path = folder / str(number)
    file.save(path)
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return Blob(name, file.mimetype or "application/octet-stream", path=path)
