"""Entrances of channels by an administrator: signs of life, the form each channel declares, who changed what."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from channels.registry import channels
from hub import db
from hub.models import Source, Unit
from hub.supervision import entrances
from hub.supervision.entrances import EntranceError
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("entrances", __name__)

PREFIX = "key-"  # of the names of boxes that hold a secret
Page = tuple[str, int]


@bp.get("/entrances")
@signed_in(Role.SYSADMIN)
def listing() -> str:
    """Every entrance of the own unit and those below, and whether it lives."""
    with db.reading() as session:
        rows = entrances.listing(session, me())
    return render_template("entrances.html", rows=rows, channels=channels(), creatable=entrances.creatable())


@bp.get("/entrances/new/<channel>")
@signed_in(Role.SYSADMIN)
def new(channel: str) -> Page:
    """The empty form of a channel's entrance."""
    if channel not in entrances.creatable():
        abort(404)
    with db.reading() as session:
        return _form(session, channel, None)


@bp.post("/entrances/new/<channel>")
@signed_in(Role.SYSADMIN)
def new_post(channel: str) -> Page | Response:
    """Adds it; pollers notice within seconds."""
    if channel not in entrances.creatable():
        abort(404)
    return _put(channel, "")


@bp.get("/entrances/<source_id>")
@signed_in(Role.SYSADMIN)
def entrance(source_id: str) -> Page:
    """One entrance: its settings, which secrets stand (never their values), who changed what."""
    with db.reading() as session:
        row = _found(session, source_id)
        return _form(session, row.channel, row)


@bp.post("/entrances/<source_id>")
@signed_in(Role.SYSADMIN)
def change(source_id: str) -> Page | Response:
    """Changes settings; an empty secret keeps the one that stands."""
    with db.reading() as session:
        channel = _found(session, source_id).channel
    return _put(channel, source_id)


@bp.post("/entrances/<source_id>/switch")
@signed_in(Role.SYSADMIN)
def switch(source_id: str) -> Response:
    """Opens or closes it."""
    with db.transaction() as session:
        entrances.switch(session, me(), _found(session, source_id), on=request.form.get("on") == "1")
    return redirect(url_for("entrances.entrance", source_id=source_id), code=303)


def _found(session: Session, source_id: str) -> Source:
    row = entrances.find(session, me(), source_id)
    if row is None:
        abort(404)
    return row


def _put(channel: str, source_id: str) -> Page | Response:
    given = {name: text.replace("\0", "") for name, text in request.form.items()}
    secrets = {
        name.removeprefix(PREFIX): text[: entrances.LONGEST] for name, text in given.items() if name.startswith(PREFIX)
    }
    try:
        with db.transaction() as session:
            row = _found(session, source_id) if source_id else None
            settings = entrances.typed(channel, given, row.settings if row is not None else {})
            name = row.id.partition(":")[2] if row is not None else given.get("entrance", "").strip()
            unit = given.get("unit", "").strip()[:20] or me().unit_code
            made = entrances.put(session, me(), channel, name, unit, settings, secrets, row)
            if "station" in given:
                entrances.name_station(session, me(), made, given["station"])
    except EntranceError as error:
        with db.reading() as session:
            return _form(session, channel, _found(session, source_id) if source_id else None, error)
    return redirect(url_for("entrances.entrance", source_id=made, done=1), code=303)


def _form(session: Session, channel: str, row: Source | None, error: EntranceError | None = None) -> Page:
    known = channels()[channel]
    made = entrances.boxes(channel, row.settings if row is not None else {}, new=row is None)
    page = render_template(
        "entrance.html", channel=known, row=row, boxes=made, typed=request.form if error is not None else None,
        stand=entrances.kept_secrets(session, row) if row is not None else frozenset(), prefix=PREFIX, error=error,
        unit=session.get_one(Unit, row.unit_id).code if row is not None else me().unit_code,
        history=entrances.history(session, row) if row is not None else (),
        done=request.args.get("done") == "1",
    )  # fmt: skip
    return page, 422 if error is not None else 200
