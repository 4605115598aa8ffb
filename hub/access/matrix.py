"""The permission matrix: who may do what to a clue of whom, in two tables that a lawyer can read (PRODUCT §10).

data/matrix.csv: a capability and a role a line, a column for each relation of the clue to the unit of the person. Cells
are yes, masked (without what names a reporter), no; "-" where a page is about no single clue: the first column counts.
data/items.csv: which capability each act of the rule table and each route of the web server needs. Default: no.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import walls
from hub.access.people import Actor
from hub.models import Clue, ClueUnit, Hop, Unit
from hub.terms import Role

RELATIONS = ("own", "received", "assisting", "designated", "below", "above", "sibling", "walled", "sealed")
"""own: the clue is the unit's; received: it had it and another one has it now; assisting: it helps
the unit that has it; designated: the unit settled which
unit below has it; below: a unit below has it; above, sibling: a unit above or beside has it and the own one never had;
walled: hidden from the person by a recusal, an accusation, N2 or N4, whatever else holds;
sealed: an N4 clue of the own unit, until it is handed over."""
ROLES = (*(role.value for role in Role), "reporter", "nobody")
YES, MASKED, NO, ANY = "yes", "masked", "no", "-"
_BEST = (YES, MASKED, NO)


class MatrixError(ValueError):
    """The tables contradict themselves; the message names the line."""


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("hub.access") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


def read_cells(rows: list[dict[str, str]]) -> dict[tuple[str, str, str], str]:
    """(capability, role, relation) → cell. Raises MatrixError for a line that is twice, unknown or incomplete."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows:
        page = row[RELATIONS[1]] == ANY
        for relation in RELATIONS:
            cell = row[RELATIONS[0]] if page else row[relation]
            key = (row["capability"], row["role"], relation)
            if row["role"] not in ROLES or cell not in _BEST or key in found:
                raise MatrixError(f"{row['capability']}, {row['role']}: {relation}")
            found[key] = cell
    named = {capability for capability, _, _ in found}
    missing = [(name, role) for name in named for role in ROLES if (name, role, "own") not in found]
    if missing:
        raise MatrixError(f"{missing[0][0]}: no line for {missing[0][1]}")
    return found


@cache
def cells() -> Mapping[tuple[str, str, str], str]:
    """The shipped matrix."""
    return read_cells(_rows("matrix.csv"))


@cache
def items() -> Mapping[str, str]:
    """What each act ("act determine.P1") and route ("GET /queue") needs: a capability of the matrix."""
    found = {row["item"]: row["capability"] for row in _rows("items.csv")}
    unknown = set(found.values()) - {capability for capability, _, _ in cells()}
    if unknown:
        raise MatrixError(f"no such capability: {min(unknown)}")
    return found


def cell(roles: frozenset[str], item: str, relation: str = "own") -> str:
    """The best cell of the roles (none: nobody). Raises KeyError for an item that no line of items.csv names."""
    capability = items()[item]
    found = {cells()[capability, role, relation] for role in (roles or frozenset({"nobody"}))}
    return next(value for value in _BEST if value in found)


def may(session: Session, who: Actor | None, item: str, clue: Clue | None = None) -> str:
    """Whether the person may do the act or open the route, for this clue: yes, masked or no."""
    if who is None:
        return cell(frozenset(), item, "sibling" if clue is not None else "own")
    return cell(who.roles, item, relation(session, who, clue) if clue is not None else "own")


def relation(session: Session, who: Actor, clue: Clue) -> str:
    """How the clue stands to the person and their unit."""
    if walls.hidden(session, who, clue.id):
        by_n4_only = not walls.hidden(session, who, clue.id, but_quarantine=True)
        return "sealed" if by_n4_only and clue.owner_unit_id == who.unit_id else "walled"
    if clue.owner_unit_id == who.unit_id:
        return "own"
    settled = select(Hop.from_unit_id).where(
        Hop.clue_id == clue.id, Hop.act.in_(("designate", "confirm_competence", "redesignate"))
    )
    path = session.get_one(Unit, clue.owner_unit_id).path
    if session.scalars(settled.order_by(Hop.id.desc())).first() == who.unit_id and who.unit_id in path:
        return "designated"
    row = session.get(ClueUnit, (who.unit_id, clue.id))
    if row is not None and row.role in ("assisting", "receiver"):
        return "assisting" if row.role == "assisting" else "received"
    if who.unit_id in path or row is not None:
        return "below"
    return "above" if clue.owner_unit_id in (who.path or (who.unit_id,)) else "sibling"
