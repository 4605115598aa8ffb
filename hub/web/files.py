"""Originals and renditions of a clue: streamed, ranged, never inline as active content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import nh3
from flask import Blueprint, Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from hub import db, intake
from hub.access import hearing, people
from hub.access.sealing import open_key
from hub.models import Blob, Clue, Intake, IntakeClue, Part
from hub.supervision import case, redacting, visits
from hub.web.security import me, signed_in

bp = Blueprint("files", __name__)

INLINE = {"image/jpeg", "image/png", "audio/ogg", "audio/wav", "audio/mpeg"}
HTML_LIMIT, HTML_DEPTH = 400_000, 200
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})$")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})[^>]{0,2000}>")


def _blob(session: Session, no: str, blob_id: int) -> tuple[Clue, Blob]:
    """The blob, if it belongs to a clue this person hears the original of; else 404. Notes the read."""
    clue = people.find(session, me(), no)
    blob = session.get(Blob, blob_id)
    if clue is None or blob is None or session.get(IntakeClue, (blob.intake_id, clue.id)) is None:
        abort(404)
    if _site_photo(session, blob) and people.reads_original(me(), clue):
        return clue, blob
    if not hearing.hears_original(session, me(), clue):
        abort(404)
    case.note_read_once(session, me(), clue, g.sign_in)
    return clue, blob


def _site_photo(session: Session, blob: Blob) -> bool:
    """Whether officers took it: the unit's own record, nothing that a reporter sent."""
    return session.get_one(Intake, blob.intake_id).source_id == visits.SOURCE


@bp.get("/clues/<no>/blobs/<int:blob_id>")
@signed_in(*people.ORIGINAL_ROLES)
def blob_file(no: str, blob_id: int) -> Response:
    """The bytes: inline for our own renditions and plain images and sound, as a download for everything else."""
    with db.transaction() as session:
        _, blob = _blob(session, no, blob_id)
        return _sent(session, blob)


def _sent(session: Session, blob: Blob) -> Response:
    name = open_key(session, session.get_one(Intake, blob.intake_id).key_id).text(blob.name, "blob.name")
    start, stop = _range(blob.size)
    chunks = intake.read_blob(session, blob, start, stop)
    chunks = chunks if isinstance(chunks, list) else _streamed(chunks)
    ranged = _RANGE.match(request.headers.get("Range", "")) is not None
    safe = blob.origin == "rendered" and blob.media_type in INLINE
    response = Response(chunks, status=206 if ranged else 200)
    response.headers["Content-Type"] = blob.media_type if safe else "application/octet-stream"
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if response.status_code == 206:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    if not safe:
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(clean_name(name))}"
    return response


def _streamed(chunks: object) -> Iterator[bytes]:
    assert isinstance(chunks, Iterator)
    yield from chunks


def _range(size: int) -> tuple[int, int]:
    match = _RANGE.match(request.headers.get("Range", ""))
    if match is None or match.groups() == ("", "") or not size:
        return 0, size
    first, last = match.groups()
    if first:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    else:
        start, stop = max(0, size - int(last)), size
    if start >= stop:
        abort(416)
    return start, stop


def clean_name(name: str) -> str:
    """A file name without folders, control and direction characters; never empty."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in base if c.isprintable() and c not in '<>:"|?*' and not "\u202a" <= c <= "\u202e")
    return kept.strip(". ")[:150] or "original"


@bp.get("/clues/<no>/copies/<int:copy_id>")
@signed_in(*people.CONTENT_ROLES)
def copy_file(no: str, copy_id: int) -> Response:
    """A redacted copy, for everybody who may see the clue (J3); the read is noted."""
    with db.transaction() as session:
        clue = people.find(session, me(), no)
        blob = session.get(Blob, copy_id) if copy_id < 2**62 else None
        if clue is None or blob is None or not redacting.is_copy(session, clue, blob):
            abort(404)
        case.note_read_once(session, me(), clue, g.sign_in, "read_redacted")
        return _sent(session, blob)


@bp.post("/clues/<no>/parts/<int:part_id>/copy")
@signed_in(*people.CONTENT_ROLES)
def ask_copy(no: str, part_id: int) -> WerkzeugResponse:
    """Asks for the redacted copy of a recording or scan; the page shows it when the worker has made it."""
    with db.transaction() as session:
        clue = people.find(session, me(), no)
        part = session.get(Part, part_id) if part_id < 2**62 else None
        if clue is None or part is None or part.clue_id != clue.id:
            abort(404)
        redacting.ask(session, me(), clue, part)
    return redirect(url_for("console.clue_page", no=no, _anchor=f"part-{part_id}"), code=303)


@bp.get("/clues/<no>/parts/<int:part_id>/html")
@signed_in(*people.ORIGINAL_ROLES)
def mail_html(no: str, part_id: int) -> Response:
    """The HTML body of a mail, sanitised, for a sandboxed frame: no scripts, no remote loads."""
    with db.transaction() as session:
        clue = people.find(session, me(), no)
        part = session.get(Part, part_id)
        if clue is None or part is None or part.clue_id != clue.id or not hearing.hears_original(session, me(), clue):
            abort(404)
        case.note_read_once(session, me(), clue, g.sign_in)
        source = open_key(session, session.get_one(Intake, part.intake_id).key_id).text(part.text, "part.text")
    response = Response(f'<!doctype html><meta charset="utf-8"><body>{safe_html(source)}', mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'self'; sandbox"
    return response


def safe_html(source: str) -> str:
    """Allowed formatting only. Size and depth are capped first, because cleaning is quadratic in depth."""
    source = source[:HTML_LIMIT]
    depth = deepest = 0
    for match in _TAG.finditer(source):
        depth += -1 if match.group(1) else 1
        deepest = max(deepest, depth)
    if deepest > HTML_DEPTH:
        return "<pre>" + nh3.clean_text(_TAG.sub(" ", source)) + "</pre>"
    return nh3.clean(source, tags=nh3.ALLOWED_TAGS - {"img", "a"}, attributes={}, link_rel=None)
