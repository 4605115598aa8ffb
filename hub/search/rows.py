"""What a text leaves in the index: rows of keyed tokens, written in one statement, replaced when the text is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, or_, text
from sqlalchemy.orm import Session

from hub.models import SearchRow
from hub.search.tokens import OVERLAP, TEXT_AT_MOST, fold, stretches, unit_token, vector

BATCH = 500  # rows a statement: some 3 MB

_INSERT = text(
    "insert into search_row (received_at, id, clue_id, ref, tokens)"
    " select :at, nextval('search_row_id_seq'), :clue, :ref, cast(one.tokens as tsvector)"
    " from unnest(cast(:vectors as text[])) with ordinality as one (tokens, n) order by one.n"
)
_ADD_UNITS = text("update search_row set tokens = tokens || cast(:units as tsvector) where clue_id = :clue")


def index(
    session: Session, clue_id: int, received_at: datetime, ref: str, text: str, units: Iterable[int], onward: str = ""
) -> None:
    """Adds the rows of one text; `units` may find it: none (N4), no rows.

    `ref` names what a hit opens: "part:<id>", "part:<id>:<ord>" for a segment, "subject:<clue id>", "title:<part id>",
    "value:<id>" for a confirmed value, "opinion:<id>" for words written with an act, "note:<id>" for those to
    colleagues, or "<kind>:<id>" of a registered kind (`texts.register`). `onward` is what follows on the same page: a
    phrase that runs over the end of the line is found in the line where it begins.
    """
    folded, chain = fold(text[:TEXT_AT_MOST]), list(units)
    if not folded or not chain:
        return
    made = [vector(stretch, chain) for stretch in stretches(folded + fold(onward[: 4 * OVERLAP])[:OVERLAP])]
    for start in range(0, len(made), BATCH):
        given = {"at": received_at, "clue": clue_id, "ref": ref, "vectors": made[start : start + BATCH]}
        session.execute(_INSERT, given)


def remove(session: Session, clue_id: int, ref: str) -> None:
    """Takes the rows of a text out of the index, those of its segments included."""
    below = or_(SearchRow.ref == ref, SearchRow.ref.startswith(f"{ref}:", autoescape=True))
    session.execute(delete(SearchRow).where(SearchRow.clue_id == clue_id, below))


def replace(
    session: Session, clue_id: int, received_at: datetime, ref: str, text: str, units: Iterable[int], onward: str = ""
) -> None:
    """Indexes the new form of a text in place of the old one."""
    remove(session, clue_id, ref)
    index(session, clue_id, received_at, ref, text, units, onward)


def add_units(session: Session, clue_id: int, units: Iterable[int]) -> None:
    """Lets further units find a clue's texts (a clue that was passed on or designated)."""
    tokens = " ".join(f"'{unit_token(unit)}'" for unit in units)
    if tokens:
        session.execute(_ADD_UNITS, {"units": tokens, "clue": clue_id})
