"""Forms and uploads of the manual channels, rendered from what each channel declares."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from channels.contract import Blob, Channel, FormSpec, InputRefusedError, RawIntake, form_intake
from channels.registry import channels
from hub import clock, db, intake
from hub.access.people import Actor
from hub.settings import settings
from hub.supervision import following
from hub.terms import Role
from hub.web.files import clean_name
from hub.web.security import me, signed_in

bp = Blueprint("forms", __name__)

WRITERS = (Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD)
MAX_FILES = 200
EARLIEST = 1990  # dates before that year are slips of the keyboard
BASES = ("at", "received", "received_at", "stamp_date", "received_date", "start", "registered")
"""Boxes that hold the base of the legal clocks (receipt stamp, register, ring); never in the future (PRODUCT §4)."""


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


def entrances(who: Actor) -> list[tuple[str, str, str, str]]:
    """(kind, id, title, channel) of every form and upload page this person may use."""
    found = []
    for channel in channels().values():
        found += [("form", s.id, s.title, channel.code) for s in channel.forms if not who.roles.isdisjoint(s.roles)]
        if channel.upload:
            found.append(("upload", channel.code, f"上传{channel.label}", channel.code))
    return found


@bp.get("/new")
@signed_in(*WRITERS)
def choose() -> str:
    entries = entrances(me())
    groups = [
        (channel.label, channel.code, [entry[:3] for entry in entries if entry[3] == channel.code])
        for channel in channels().values()
    ]
    return render_template("choose.html", groups=[group for group in groups if group[2]])


@bp.get("/new/<form_id>")
@signed_in(*WRITERS)
def form(form_id: str) -> str:
    channel, spec = _form(form_id)
    return _page(channel, spec, secrets.token_hex(16), {}, "", [])


def _page(
    channel: Channel, spec: FormSpec, key: str, values: Mapping[str, str], problem: str, wrong: Sequence[str]
) -> str:
    return render_template(
        "form.html", channel=channel, spec=spec, key=key, values=values, problem=problem, wrong=wrong
    )


@bp.post("/new/<form_id>")
@signed_in(*WRITERS)
def form_post(form_id: str) -> str | Response | tuple[str, int]:
    """Stores the form and its files; the key in the page makes sending it twice one intake."""
    channel, spec = _form(form_id)
    values = {f.name: _typed(f.name) for f in spec.fields if f.kind != "files"}
    key = request.form.get("key", "")[:64] or secrets.token_hex(16)
    with received() as blobs:
        problem, wrong = check(channel, spec, values, blobs)
        if problem:
            return _page(channel, spec, key, values, problem, wrong), 422
        return _accepted([as_intake(channel, spec, values, blobs, key=key, source=f"form:{spec.id}")])


def _typed(name: str) -> str:
    return request.form.get(name, "").replace("\r\n", "\n").strip()


def as_intake(
    channel: Channel, spec: FormSpec, values: Mapping[str, str], blobs: Sequence[Blob], *, key: str, source: str
) -> RawIntake:
    """A checked form as a raw intake of the person's own unit."""
    sub = values.get("sub_channel", "") if values.get("sub_channel", "") in channel.sub_channels else ""
    return form_intake(
        channel.code, spec, {k: v for k, v in values.items() if v}, blobs, key=key, at=stated_at(values),
        source_id=f"{source}:{me().unit_code}", sub_channel=sub,
    )  # fmt: skip


def check(channel: Channel, spec: FormSpec, values: Mapping[str, str], blobs: Sequence[Blob]) -> tuple[str, list[str]]:
    """What is wrong with a form, in Chinese ("" for nothing), and the names of the boxes it concerns."""
    lacking = [f for f in spec.fields if f.required and not (blobs if f.kind == "files" else values.get(f.name))]
    if lacking:
        return "请填写：" + "、".join(f.label for f in lacking), [f.name for f in lacking]
    for box in spec.fields:
        value = values.get(box.name, "")
        if len(value) > box.max_length:
            return f"{box.label}不能超过 {box.max_length} 字（现有 {len(value)} 字）", [box.name]
        if box.kind == "select" and value and value not in {code for code, _ in box.options}:
            return f"{box.label}的选项无效", [box.name]
        if box.kind in ("date", "datetime") and value and _moment(value) is None:
            return f"{box.label}不是有效日期", [box.name]
        if box.name in BASES and value and (_moment(value) or clock.now()) > clock.now():
            return f"{box.label}不能晚于现在", [box.name]
    return refused_file(channel, blobs), []


def refused_file(channel: Channel, blobs: Sequence[Blob]) -> str:
    """Why the files cannot be taken: empty, or of a kind the channel does not list. "" where they can."""
    endings = [ending.strip().lower() for ending in channel.accept_types.split(",") if ending.strip().startswith(".")]
    for blob in blobs:
        name = clean_name(blob.name)
        if not blob.size():
            return f"文件“{name}”是空的，没有上传"
        if endings and not name.lower().endswith(tuple(endings)):
            return f"不支持这种文件：“{name}”。可上传：" + "、".join(e.lstrip(".").upper() for e in endings)
    return ""


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if not EARLIEST <= moment.year <= 9000:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.CHINA)


def stated_at(values: Mapping[str, str]) -> datetime:
    """The base of the clocks a person entered (receipt stamp, register, ring); never later than now (PRODUCT §4)."""
    for name in BASES:
        moment = _moment(values.get(name, "")) if values.get(name) else None
        if moment is not None:
            return min(moment, clock.now())
    return clock.now()


@bp.get("/upload/<code>")
@signed_in(*WRITERS)
def upload(code: str) -> str:
    return render_template("upload.html", channel=_uploads(code), key=secrets.token_hex(16), problem="")


@bp.post("/upload/<code>")
@signed_in(*WRITERS)
def upload_post(code: str) -> str | Response | tuple[str, int]:
    channel = _uploads(code)
    key = request.form.get("key", "")[:64] or secrets.token_hex(16)
    with received() as blobs:
        try:
            return _accepted(from_upload(channel, blobs, key, f"upload:{code}"))
        except InputRefusedError as error:
            page = render_template("upload.html", channel=channel, key=secrets.token_hex(16), problem=str(error))
            return page, 422


def from_upload(channel: Channel, blobs: Sequence[Blob], key: str, source: str) -> list[RawIntake]:
    """Uploaded files as raw intakes of the person's own unit. Raises InputRefusedError."""
    problem = refused_file(channel, blobs) if blobs else "没有收到文件"
    if problem:
        raise InputRefusedError(problem)
    meta = {"external_id": f"upload:{key}"}
    return channel.from_files(blobs, meta, source_id=f"{source}:{me().unit_code}", now=clock.now())


def _accepted(raws: Sequence[RawIntake]) -> Response:
    """Stores; "收到" is said only after the commit."""
    results = [intake.accept(raw, unit=me().unit_code, actor=me().label) for raw in raws]
    again = sum(not result.new for result in results)
    ids = [result.intake_id for result in results][:MAX_FILES]
    return redirect(url_for("forms.received_page", i=ids, again=again or None), code=303)


@bp.get("/received")
@signed_in(*WRITERS)
def received_page() -> str:
    """What became of intakes just handed in: the page follows them until they are clues."""
    ids = request.args.getlist("i", type=int)[:MAX_FILES]
    with db.reading() as session:
        got = following.followed(session, me(), ids)
    if not got:
        abort(404)
    template = "received_rows.html" if "HX-Request" in request.headers else "received.html"
    pending = any(row.pending for row in got)
    again = min(request.args.get("again", 0, type=int), len(got))
    return render_template(template, got=got, again=again, pending=pending, channels=channels())


@contextmanager
def received() -> Iterator[list[Blob]]:
    """The uploaded files as blobs, spooled to a private folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=settings().folder("tmp")))
    try:
        uploads = [file for file in request.files.getlist("files") if file and file.filename]
        if len(uploads) > MAX_FILES:
            abort(413, f"一次最多上传 {MAX_FILES} 个文件")
        yield [_spooled(folder, number, file) for number, file in enumerate(uploads)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spooled(folder: Path, number: int, file: FileStorage) -> Blob:
    path = folder / str(number)
    file.save(path)
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return Blob(name, file.mimetype or "application/octet-stream", path=path)
