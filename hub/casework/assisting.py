"""Units that help the main unit (E6): named with a designation or by it; they see, record and write opinions.

The main unit stays the owner: what is decided and told is its act.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.casework import facts
from hub.casework.acts import effect
from hub.casework.counters import place
from hub.casework.doing import Doing
from hub.models import Assist, Clue, Unit

MOST = 10


def assisting(session: Session, clue: Clue) -> list[Unit]:
    """The units that assist now, by code."""
    wanted = (
        select(Unit)
        .join(Assist, Assist.unit_id == Unit.id)
        .where(Assist.clue_id == clue.id, Assist.until.is_(None))
        .order_by(Unit.code)
    )
    return list(session.scalars(wanted))


def refusal(session: Session, clue: Clue, codes: object, main_id: int, top_id: int | None) -> str | None:
    """Why these units cannot assist `main_id`; `top_id`: the unit under which they must lie (None: anywhere)."""
    if not isinstance(codes, list) or not codes or len(codes) > MOST or len(set(map(str, codes))) != len(codes):
        return f"协办单位须为1至{MOST}个不同的单位"
    known = {unit.id for unit in assisting(session, clue)}
    for code in codes:
        closed = facts.closed_words(session, code)
        if closed:
            return closed
        unit = facts.unit_named(session, code)
        if unit is None:
            return "所列协办单位不存在"
        if unit.id == main_id:
            return "主办单位不能同时协办"
        if unit.id in known:
            return "所列单位中有已在协办本线索的"
        if top_id is not None and not facts.below(unit, top_id):
            return "协办单位须在本级或上一级辖区内"
    return None


def _may_assist(doing: Doing) -> facts.Facts:
    clue = doing.clue
    above = facts.superior(doing.session, clue.owner_unit_id)
    top = above.id if above is not None else clue.owner_unit_id
    return {"assist_refusal": refusal(doing.session, clue, doing.data.get("assisting"), clue.owner_unit_id, top)}


def _assists(doing: Doing) -> facts.Facts:
    given, known = doing.data.get("assisting"), {unit.code for unit in assisting(doing.session, doing.clue)}
    return {"assists": isinstance(given, list) and bool(given) and set(map(str, given)) <= known}


facts.COLLECTORS.update({"may_assist": _may_assist, "assists": _assists})


@effect("assist.add")
def add(doing: Doing) -> None:
    name(doing, doing.data["assisting"])


def name(doing: Doing, codes: Iterable[str]) -> None:
    """They see the clue from now on."""
    for code in codes:
        unit = facts.unit_named(doing.session, code)
        assert unit is not None  # looked at before
        doing.session.add(
            Assist(
                clue_id=doing.clue.id, unit_id=unit.id, act=doing.rule.id, since=doing.at, until=None,
                by_user=doing.user_id,
            )
        )  # fmt: skip
    doing.session.flush()
    place(doing.session, doing.clue)


@effect("assist.release")
def release(doing: Doing) -> None:
    """They no longer see the clue; what they wrote stays."""
    codes = set(map(str, doing.data["assisting"]))
    ended = [unit.id for unit in assisting(doing.session, doing.clue) if unit.code in codes]
    end(doing.session, doing.clue, ended, doing.at)
    place(doing.session, doing.clue)


def end(session: Session, clue: Clue, unit_ids: Iterable[int], at: datetime) -> None:
    """Ends the help of these units."""
    wanted = select(Assist).where(Assist.clue_id == clue.id, Assist.until.is_(None), Assist.unit_id.in_(unit_ids))
    for row in session.scalars(wanted):
        row.until = max(at, row.since)
    session.flush()


@effect("assist.opinion")
def opinion(doing: Doing) -> None:
    """Sealed with the other words of acts; the event says which unit wrote it."""
    assert doing.who is not None
    doing.noted["unit"] = doing.who.unit_id
