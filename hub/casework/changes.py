"""What every change of a clue shares: the version, the open pages, its key."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import event, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from hub import search
from hub.access import walls
from hub.casework.errors import StaleError
from hub.models import Clue, ClueUnit, Membership, Opinion, Value
from hub.terms import OPEN_STATES


def announce(session: Session, clue: Clue) -> None:
    """Tells open pages, after the commit, that this clue changed: unit ids and the clue's id, nothing else.

    Sent as the last thing of the unit of work, once a clue: who comes behind a wall in it does not hear of it at all.
    """
    waiting: set[int] = session.info.setdefault(_CHANGED, set())
    waiting.add(clue.id)


_CHANGED = "changed_clues"


@event.listens_for(Session, "before_commit")
def _tell_open_pages(session: Session) -> None:
    for clue_id in sorted(session.info.pop(_CHANGED, ())):
        behind = sorted(walls.people_behind(session, clue_id))
        note = json.dumps({"c": clue_id, "u": seen_by(session, clue_id), **({"not": behind} if behind else {})})
        session.execute(select(func.pg_notify("hub_live", note)))


@event.listens_for(Session, "after_rollback")
def _forget_changes(session: Session) -> None:
    session.info.pop(_CHANGED, None)


def seen_by(session: Session, clue_id: int) -> list[int]:
    """Ids of the units that may see the clue, ancestors included."""
    return list(session.scalars(select(ClueUnit.unit_id).where(ClueUnit.clue_id == clue_id)))


def offer(session: Session, clue: Clue, kind: str, row: Value | Opinion, words: str) -> None:
    """Adds what a person wrote and lets it be found by those who may see the clue.

    Its number is taken beforehand: the clue may stand half changed and must not be flushed yet.
    """
    with session.no_autoflush:
        number = select(func.nextval(func.pg_get_serial_sequence(row.__tablename__, "id")))
        row.id = int(session.execute(number).scalar_one())
        search.index(session, clue.id, clue.recorded_at, f"{kind}:{row.id}", words, seen_by(session, clue.id))
        session.add(row)


def lock(session: Session, ids: Iterable[int]) -> dict[int, Clue]:
    """Locks clues with everything of their groups, in one order for all, and reads them anew: acts on them wait."""
    wanted = set(ids)
    session.flush()
    while True:
        related = select(Membership.main_id, Membership.member_id).where(
            Membership.left_at.is_(None), or_(Membership.main_id.in_(wanted), Membership.member_id.in_(wanted))
        )
        whole = wanted | {number for row in session.execute(related) for number in row}
        rows = session.scalars(
            select(Clue)
            .where(Clue.id.in_(whole))
            .order_by(Clue.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        if whole == wanted:
            return {row.id: row for row in rows}
        wanted = whole  # once more: the group may have grown before its rows were ours


def check_version(clue: Clue, version: int | None) -> None:
    if version is not None and clue.version != version:
        raise StaleError("这条线索刚被他人修改，请查看最新内容后再保存")


def touch(session: Session, clue: Clue) -> None:
    """Raises the clue's version even where only rows beside it changed, and turns a lost race into StaleError."""
    flag_modified(clue, "urgent")
    try:
        session.flush()
    except StaleDataError:
        raise StaleError("这条线索刚被他人修改，请查看最新内容后再保存") from None


def is_open(state: str) -> bool:
    return state in OPEN_STATES
