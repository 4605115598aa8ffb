"""Paper of a clue: the registration form and the handling sheet (C14). Masked: paper leaves the house."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from channels.registry import channels
from hub import clock, db
from hub.access import audit, hearing, people
from hub.casework.fields import CHECKED, VALUES
from hub.models import Unit
from hub.supervision import case, listing
from hub.terms import CLASS_LABELS, ELEMENTS, STATE_LABELS
from hub.web import desk
from hub.web.security import me, signed_in

bp = Blueprint("sheets", __name__)

KINDS = {"registration": "线索登记表", "handling": "线索办理单"}
MODES = {"real_name": "实名", "anonymous": "匿名", "confidential": "要求保密"}
LONGEST = 3000  # characters of facts on the form


@bp.get("/clues/<no>/sheets/<kind>")
@signed_in(*people.ORIGINAL_ROLES)
def sheet(no: str, kind: str) -> str:
    """One of the sheets, to be printed by the browser. Each is noted with who took it."""
    if kind not in KINDS:
        abort(404)
    with db.transaction() as session:
        clue = desk.found(session, no)
        if not people.reads_original(me(), clue):
            abort(404)
        audit.record(session, f"clue:{clue.id}", "print", actor=me().label, data={"sheet": kind})
        view = case.view(session, me(), clue, original=hearing.hears_original(session, me(), clue))
        text = listing.masked_text(session, clue)
        received = session.get_one(Unit, clue.received_unit_id).name
        reporters = len(view.wishes)
        session.expunge_all()
    return render_template(
        f"clue_{kind}.html", view=view, clue=clue, title=KINDS[kind], text=text[:LONGEST], cut=len(text) > LONGEST,
        received=received, reporters=reporters, modes=MODES, state_labels=STATE_LABELS, class_labels=CLASS_LABELS,
        elements=ELEMENTS, channels=channels(), values=VALUES, checks=VALUES["elements"], checked=CHECKED,
        fields=desk.PRODUCING_FIELDS, now=clock.china(clock.now()),
    )  # fmt: skip
