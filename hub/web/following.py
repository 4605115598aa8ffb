"""Documents of a clue made from its data: orders to stop with their copies (F7), the case package with hashes (F10)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from flask import Blueprint, Response, abort
from sqlalchemy.orm import Session

from hub import casework, db
from hub.casework import following
from hub.models import Clue
from hub.supervision import package as packages
from hub.terms import Role
from hub.web import desk
from hub.web.security import me, signed_in

bp = Blueprint("following", __name__)

PARTS = ("paper", "copy")


@bp.get("/clues/<no>/orders/<int:number>/<part>")
@signed_in(Role.HANDLER, Role.LEAD)
def order(no: str, number: int, part: str) -> Response:
    """An order to stop (`paper`) or the sheet its copies go with (`copy`), as it went out; each opening is an event."""
    if part not in PARTS:
        abort(404)
    return _sent(no, "application/pdf", lambda session, clue: following.stop_paper(session, me(), clue, number, part))


@bp.get("/clues/<no>/package")
@signed_in(Role.HANDLER, Role.LEAD)
def package(no: str) -> Response:
    """The case package: what is known, what was done, site photos, and the SHA-256 of each file; an event."""
    return _sent(
        no, "application/zip",
        lambda session, clue: (packages.name_of(clue), packages.make(session, me(), clue)),
    )  # fmt: skip


def _sent(no: str, kind: str, make: Callable[[Session, Clue], tuple[str, bytes]]) -> Response:
    try:
        with db.transaction() as session:
            clue = desk.found(session, no)
            if clue.owner_unit_id != me().unit_id:
                abort(404)
            name, data = make(session, clue)
    except casework.RefusedError as error:
        abort(404 if error.kind == "state" else 409, str(error))
    answer = Response(data, mimetype=kind)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return answer
