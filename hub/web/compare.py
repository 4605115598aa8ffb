"""Two clues side by side: merged, or linked as a duplicate, by a person who has looked at both."""

from __future__ import annotations

from flask import Blueprint, abort, g, render_template, request
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import db
from hub.access import hearing, people
from hub.casework.fields import VALUES
from hub.casework.offering import Offer, offered
from hub.models import Clue
from hub.supervision import case, clocks, relatives
from hub.terms import STATE_LABELS
from hub.web import desk
from hub.web.security import me, signed_in

bp = Blueprint("compare", __name__)


@bp.get("/clues/<no>/compare")
@signed_in(*people.ORIGINAL_ROLES)
def compare_page(no: str) -> str:
    """The elements of the clue beside those of the clue with the number `other`."""
    return page(no, request.args.get("other", "").strip()[:60], None)


def page(no: str, other: str, form: desk.Form | None) -> str:
    """The page, with why an act was refused where one was."""
    with db.transaction() as session:
        clue = desk.found(session, no)
        if not people.reads_original(me(), clue):
            abort(404)
        second = people.find(session, me(), other) if other and other != no else None
        rows = []
        for one in (clue, second):
            if one is not None and hearing.hears_original(session, me(), one):
                case.note_read_once(session, me(), one, g.sign_in)
        if second is not None:
            original = people.reads_original(me(), second)
            rows = relatives.compare(session, clue, second, original=original)
        offers = {offer.id: offer for offer in offered(session, me(), clue)}
        shown = {
            "rows": rows, "merge": offers.get("merge"), "repeat": offers.get("determine.P4"),
            "sides": [_side(session, one) for one in (clue, second) if one is not None],
            "candidates": relatives.candidates(session, me(), clue), "seen": case.last_event(session, clue),
            "same": _choices(offers.get("determine.P4")),
        }  # fmt: skip
        session.expunge_all()
    return render_template(
        "clue_compare.html", clue=clue, second=second, other=other, form=form, state_labels=STATE_LABELS,
        channels=channels(), verdicts=relatives.VERDICTS, **shown,
    )  # fmt: skip


def _side(session: Session, clue: Clue) -> dict[str, object]:
    running = [one for one in clocks.explained(session, clue) if one.running]
    return {"clue": clue, "clocks": running}


def _choices(offer: Offer | None) -> tuple[tuple[str, str], ...]:
    """Ways in which the same reporter is established."""
    if offer is None:
        return ()
    field = next((one for one in offer.fields if one.name == "same_reporter"), None)
    return field.options if field is not None else tuple(VALUES["same_reporter"].items())
