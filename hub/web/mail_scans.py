"""Batches of scans: dropped in the browser, sent in pieces, put in order page by page, taken in (A5, A18)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import db, intake
from hub.access import audit
from hub.access.sealing import open_key
from hub.mailroom import arranging, batches, taking, uploads
from hub.mailroom.errors import MailroomError
from hub.models import ScanBatch, ScanFile, ScanPage
from hub.settings import settings
from hub.terms import Role
from hub.web import mailroom
from hub.web.mailroom import CLERKS
from hub.web.security import me, signed_in

bp = Blueprint("mail_scans", __name__)
bp.register_error_handler(MailroomError, mailroom.refused)


def _batch(session: Session, number: int) -> ScanBatch:
    """A batch whose pages this person may see: their own; the mailroom's people see those of their unit."""
    row = uploads.batch(session, me(), number)
    if row.by_user != me().user_id and Role.MAILROOM not in me().roles:
        raise MailroomError("没有这批扫描件", status=404)
    return row


@bp.get("/mailroom/batches")
@signed_in(*CLERKS)
def listing() -> str:
    """The batches of the unit, the newest first."""
    with db.reading() as session:
        rows = batches.listed(session, me())
        counts = mailroom.tabs(session, me())
    return render_template("mailroom_batches.html", rows=rows, tabs=counts)


@bp.post("/mailroom/batches")
@signed_in(*CLERKS)
def begin() -> Reply:
    """A new batch."""
    with db.transaction() as session:
        number = uploads.begin(session, me()).id
    return redirect(url_for("mail_scans.batch_page", number=number), code=303)


@bp.get("/mailroom/batches/<int:number>")
@signed_in(*CLERKS)
def batch_page(number: int) -> str | tuple[str, int]:
    """A batch: what is on its way, its pages as stacks; with the header HX-Request only the stacks, and nothing (204)
    where they are still as the page has `seen` them.
    """
    fragment = "HX-Request" in request.headers
    with db.transaction() as session:
        row = _batch(session, number)
        if fragment and request.args.get("seen") == batches.mark(session, row):
            return "", 204
        if row.by_user != me().user_id and not fragment:
            data = {"sign_in": g.sign_in}
            audit.record(session, f"batch:{row.id}", "batch_looked", actor=me().label, data=data)
        view = batches.view(session, me(), row)
        counts = mailroom.tabs(session, me())
    template = "mailroom_stacks.html" if fragment else "mailroom_batch.html"
    return render_template(
        template, batch=view, tabs=counts, roles=arranging.ROLES, piece=uploads.PIECE, most=uploads.MOST,
        endings=uploads.ENDINGS, largest=settings().max_upload,
    )  # fmt: skip


def _given() -> dict[str, Any]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _version(given: dict[str, Any]) -> int:
    value = given.get("version")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


@bp.post("/mailroom/batches/<int:number>/files")
@signed_in(*CLERKS)
def announce(number: int) -> Response:
    """What the hub has of each file of a list, found by content: the browser sends only what is missing."""
    files = uploads.read_told(_given().get("files"))
    with db.transaction() as session:
        _batch(session, number)
        found = uploads.announce(session, me(), number, files)
    return jsonify(files=[asdict(one) for one in found])


@bp.post("/mailroom/files/<int:number>/pieces")
@signed_in(*CLERKS)
def piece(number: int) -> Response:
    """A piece of a file from byte `start`; the answer, after the commit, says where to go on."""
    start = request.args.get("start", -1, type=int)
    data = request.get_data(cache=False)
    with db.transaction() as session:
        _batch(session, uploads.find(session, me(), number).batch_id)
        found = uploads.take_piece(session, me(), number, start, data)
    return jsonify(asdict(found))


@bp.post("/mailroom/batches/<int:number>/change")
@signed_in(*CLERKS)
def change(number: int) -> Response:
    """One change of the order of pages; refused where the page shows an older version."""
    given = _given()
    with db.transaction() as session:
        _batch(session, number)
        row = arranging.change(session, me(), number, _version(given), str(given.get("what")), given)
    return jsonify(version=row.version)


@bp.post("/mailroom/batches/<int:number>/take")
@signed_in(*CLERKS)
def take(number: int) -> Response:
    """Takes letters in: those named, or all that are ready."""
    given = _given()
    stacks = [one for one in given.get("stacks") or [] if isinstance(one, int) and 0 < one < 1 << 62]
    with db.transaction() as session:
        _batch(session, number)
        asked = taking.ask(session, me(), number, _version(given), stacks)
    return jsonify(taken=asked.taken, left=[{"stack": stack, "why": why} for stack, why in asked.left])


@bp.post("/mailroom/batches/<int:number>/done")
@signed_in(*CLERKS)
def done(number: int) -> Reply:
    """The batch is worked off: slips and left-out pages are destroyed."""
    with db.transaction() as session:
        _batch(session, number)
        taking.drop_rest(session, me(), number)
    return redirect(url_for("mail_scans.listing"), code=303)


@bp.get("/mailroom/pages/<int:number>/<size>")
@signed_in(*CLERKS)
def page_image(number: int, size: str) -> Response:
    """Our own picture of a page, as it was scanned; the page of the batch turns it."""
    with db.reading() as session:
        page = session.get(ScanPage, number) if number < 1 << 62 else None
        file = session.get_one(ScanFile, page.file_id) if page is not None else None
        if size not in ("small", "large") or page is None or file is None or file.key_id is None or page.thumb is None:
            raise MailroomError("没有这一页", status=404)
        _batch(session, file.batch_id)
        key = open_key(session, file.key_id)
        if size == "small":
            data = key.open(page.thumb, "scan_page.thumb")
        else:
            data = b"".join(intake.store().read(page.image or "", key.secret))
    response = Response(data, mimetype="image/jpeg")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
