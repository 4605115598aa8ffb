"""Doing an act on a clue: the form is read, photos go into evidence, `casework.apply` decides; and what goes with it:
taking a notice back, how a reporter wishes to be told.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from channels.contract import Blob
from hub import casework, db, notify
from hub.access import people
from hub.casework.offering import Offer, offered
from hub.law import workflow
from hub.models import Clue, Notice
from hub.supervision import notices, timeline, visits
from hub.web import compare, desk, forms, given
from hub.web.files import clean_name
from hub.web.security import me, signed_in

bp = Blueprint("acts", __name__)

STALE, REFUSED = 409, 422


@bp.post("/clues/<no>/acts/<act>")
@signed_in(*people.CONTENT_ROLES)
def do(no: str, act: str) -> Response | tuple[str, int]:
    """Does an act with the version the person saw. A refusal keeps what was typed and names rule and article."""
    rule = workflow.rules().get(act)
    if rule is None or rule.object != "clue":
        abort(404)
    form = desk.Form(act, None, given.kept())
    try:
        stored = _photos(no, act)
        if stored:
            form.values = {**form.values, "photos": [*form.chosen("photos"), *map(str, stored)]}
        target = db.again(lambda: _done(no, act, stored))
    except casework.RefusedError as error:
        form.problem, form.article, form.wrong = str(error), error.article, error.name
        stale = isinstance(error, casework.StaleError)
        if stale:
            form.changed = _changed(no)
        if request.form.get("back") == "compare":
            return compare.page(no, _other(), form), STALE if stale else REFUSED
        return desk.page(no, form=form, status=STALE if stale else REFUSED)
    return redirect(target, code=303)


def _done(no: str, act: str, photos: list[int]) -> str:
    """Does the act, or proposes it where it wants approval; where the person goes on. Raises RefusedError."""
    with db.transaction() as session:
        clue = desk.found(session, no)
        offer = _offer(session, clue, act)
        data = given.read(session, offer) if offer is not None else {}
        if photos:
            data["photos"] = [*data.get("photos", ()), *photos]
        version = request.form.get("version", type=int)
        if offer is not None and offer.approval:
            casework.propose(session, me(), clue, act, data, version)
            return desk.onward(session, clue, act, proposed=True)
        done = casework.apply(session, me(), clue, act, data, version, given.happened_at())
        return desk.onward(session, done.made or done.clue, act)


def _other() -> str:
    return (request.form.get("main") or request.form.get("earlier_clue") or "")[:60]


def _offer(session: Session, clue: Clue, act: str) -> Offer | None:
    return next((offer for offer in offered(session, me(), clue) if offer.id == act), None)


def _changed(no: str) -> list[timeline.Entry]:
    with db.reading() as session:
        return timeline.since(session, desk.found(session, no), request.form.get("seen", 0, type=int))


def _photos(no: str, act: str) -> list[int]:
    """Photos of the form, stored first and for good: a refused record does not lose them. Raises RefusedError."""
    with forms.received() as blobs:
        if not blobs:
            return []
        problem = refused_picture(blobs)
        if problem:
            raise casework.RefusedError(problem, kind="value", name="photos")
        with db.transaction() as session:
            clue = desk.found(session, no)
            offer = _offer(session, clue, act)
            if offer is None or offer.refusal is not None or all(one.kind != "photos" for one in offer.fields):
                return []
            return visits.keep_photos(session, me(), clue, blobs)


def refused_picture(blobs: list[Blob]) -> str:
    """Why a file is no photo that can be kept; "" where all are."""
    for blob in blobs:
        name = clean_name(blob.name)
        if not blob.size():
            return f"照片“{name}”是空的，没有保存"
        if not name.lower().endswith(desk.PICTURES):
            return f"“{name}”不是照片。可上传：" + "、".join(ending.lstrip(".").upper() for ending in desk.PICTURES)
    return ""


@bp.post("/clues/<no>/notices/<int:notice_id>/recall")
@signed_in(*people.ORIGINAL_ROLES)
def recall(no: str, notice_id: int) -> Response | tuple[str, int]:
    """Takes a notice back while it waits."""
    try:
        with db.transaction() as session:
            clue = desk.workable(session, no)
            row = session.get(Notice, notice_id)
            if row is None or row.clue_id != clue.id:
                abort(404)
            notify.recall(session, me(), notice_id)
            casework.announce(session, clue)
    except notify.RecallError as error:
        return desk.page(no, form=desk.Form("recall", None, problem=str(error)), status=STALE)
    return redirect(url_for("console.clue_page", no=no, _anchor="notices"), code=303)


@bp.post("/clues/<no>/reporters/<int:reporter_id>/wish")
@signed_in(*people.ORIGINAL_ROLES)
def wish(no: str, reporter_id: int) -> Response | tuple[str, int]:
    """Records by which routes and at what hours a reporter agreed to be told."""
    routes = [name for name in request.form.getlist("routes") if name]
    try:
        with db.transaction() as session:
            clue = desk.workable(session, no)
            if not notices.asked(session, me(), clue, reporter_id):
                abort(404)
            notify.record_wish(
                session,
                clue.id,
                reporter_id,
                routes,
                hours=_hours(),
                neutral=bool(request.form.get("neutral")),
                who=me(),
            )
            casework.announce(session, clue)
    except notify.WishError as error:
        return desk.page(no, form=desk.Form("wish", None, problem=str(error)), status=REFUSED)
    return redirect(url_for("console.clue_page", no=no, _anchor="notices"), code=303)


def _hours() -> tuple[int, int] | None:
    """Agreed hours; none where both boxes are empty. Raises WishError."""
    told: list[Any] = [request.form.get(name, "").strip() for name in ("hour_from", "hour_to")]
    if not any(told):
        return None
    if not all(text.isdecimal() and len(text) < 3 for text in told):
        raise notify.WishError("联系时段应为同一天内的起止整点")
    return int(told[0]), int(told[1])
