"""The scope lists of a unit for everybody: what is taken in, what is not, and what was filed (Art. 6-9, B11)."""

from __future__ import annotations

from flask import abort

from hub import clock, db
from hub.jurisdiction import scopes, units
from hub.law import scope as law
from hub.web.citizen import gate
from hub.web.citizen.gate import bp


@bp.get("/scope", defaults={"unit": ""})
@bp.get("/scope/<unit>")
def scope_list(unit: str) -> tuple[str, int]:
    """The lists in force today, of a unit or of the first entrance's."""
    with db.reading() as session:
        first = None if unit else gate.receiver(session, "")
        row = units.by_code(session, first.code if first is not None else unit)
        if row is None:
            abort(404, "没有这个单位。请从主管部门公布的网址进入，或拨打 12336。")
        row = units.standing(session, row)
        today = clock.today()
        return gate.page(
            "scope", lists=scopes.public_lists(session, row, today), code=row.code, texts=law.scope(today).texts()
        )
