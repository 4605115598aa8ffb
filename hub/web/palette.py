"""What the command palette (Ctrl+K) asks of the server: kept views, and clues by the beginning of their number."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import db
from hub.access import people
from hub.access.people import Actor
from hub.models import Clue, ClueUnit
from hub.supervision import views
from hub.supervision.queue import place_name
from hub.terms import STATE_LABELS, State
from hub.web.security import me, signed_in

bp = Blueprint("palette", __name__)

OFFERED = 8
NUMBER = re.compile(r"[0-9-]{6,40}", re.ASCII)
BEYOND = "~"  # after every character of a number: the end of a range of an index


@bp.get("/palette")
@signed_in(*people.CONTENT_ROLES)
def offers() -> dict[str, list[dict[str, Any]]]:
    """Kept views, and visible clues whose number begins with `no`; nothing else is looked up by what is typed."""
    typed = request.args.get("no", "")
    with db.reading() as session:
        kept = [{"id": view.id, "name": view.name} for view in views.of(session, me())]
        return {"views": kept, "clues": _clues(session, me(), typed) if NUMBER.fullmatch(typed) else []}


def _clues(session: Session, who: Actor, beginning: str) -> list[dict[str, Any]]:
    seen = people.visible(who).with_only_columns(ClueUnit.clue_id)
    rows = session.scalars(
        select(Clue)
        .where(Clue.no >= beginning, Clue.no < beginning + BEYOND, Clue.id.in_(seen))
        .order_by(Clue.no)
        .limit(OFFERED)
    )
    return [
        {"no": row.no, "state": STATE_LABELS[State(row.state)], "place": place_name(row.division)} for row in rows
    ]  # fmt: skip
