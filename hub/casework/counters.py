"""Who may see a clue, as rows of clue_unit, and the counters per unit as appended deltas: no hot row (decision 9)."""

from __future__ import annotations

from collections import Counter as Tally

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import search
from hub.access import walls
from hub.jurisdiction import units
from hub.models import Assist, Clue, ClueUnit, Counter, CounterDelta, Hold
from hub.terms import OPEN_STATES


def count(session: Session, unit_id: int, deltas: dict[str, int]) -> None:
    session.add_all([CounterDelta(unit_id=unit_id, key=key, n=n) for key, n in deltas.items() if n])


def counter_keys(state: str, channel: str, *, sign: int = 1) -> Tally[str]:
    """What a row of clue_unit adds to the counters of its unit."""
    keys = {"all": sign, f"state:{state}": sign, f"channel:{channel}": sign}
    if state in OPEN_STATES:
        keys["open"] = sign
    return Tally(keys)


def _wanted(session: Session, clue: Clue) -> dict[int, str]:
    """The units that see the clue: who holds, received or held it, and everybody above them; none behind a wall."""
    holders = set(session.scalars(select(Hold.unit_id).where(Hold.clue_id == clue.id)))
    holders |= {clue.received_unit_id, clue.owner_unit_id}
    found: dict[int, str] = {}
    for unit_id in holders:
        for above in units.chain(session, unit_id):
            found.setdefault(above.id, "ancestor")
    found |= dict.fromkeys(holders, "receiver")
    helping = select(Assist.unit_id).where(Assist.clue_id == clue.id, Assist.until.is_(None))
    for unit_id in session.scalars(helping):
        for above in units.chain(session, unit_id):
            found.setdefault(above.id, "ancestor")
        found[unit_id] = "assisting"
    found[clue.owner_unit_id] = "owner"
    for hidden in walls.stands_before(session, clue.id, found):
        del found[hidden]
    return found


def place(session: Session, clue: Clue) -> None:
    """Brings the rows of clue_unit and the counters to what the clue now is. Written only here."""
    rows = {row.unit_id: row for row in session.scalars(select(ClueUnit).where(ClueUnit.clue_id == clue.id))}
    wanted = _wanted(session, clue)
    is_open = clue.state in OPEN_STATES
    for unit_id in sorted(rows.keys() - wanted.keys()):  # a wall, or the tree has changed above a holder
        gone = rows.pop(unit_id)
        count(session, unit_id, dict(counter_keys(gone.state, gone.channel, sign=-1)))
        session.delete(gone)
    for unit_id, row in rows.items():
        if row.state != clue.state:
            change = counter_keys(clue.state, row.channel)
            change.update(counter_keys(row.state, row.channel, sign=-1))
            count(session, unit_id, dict(change))
            row.state, row.open = clue.state, is_open
        row.role, row.division = wanted[unit_id], clue.division
    added = sorted(wanted.keys() - rows.keys())
    for unit_id in added:
        session.add(
            ClueUnit(
                unit_id=unit_id, clue_id=clue.id, role=wanted[unit_id], state=clue.state, open=is_open,
                channel=clue.channel, division=clue.division, sort_at=clue.at,
            )
        )  # fmt: skip
        count(session, unit_id, dict(counter_keys(clue.state, clue.channel)))
    if added and rows:
        search.add_units(session, clue.id, added)
    session.flush()


def fold_counters(session: Session, limit: int = 5000) -> int:
    """Adds appended deltas to the counters (the sweeper's chore). Returns how many deltas were folded."""
    ids = select(CounterDelta.id).order_by(CounterDelta.id).limit(limit).with_for_update(skip_locked=True)
    gone = session.execute(
        delete(CounterDelta)
        .where(CounterDelta.id.in_(ids))
        .returning(CounterDelta.unit_id, CounterDelta.key, CounterDelta.n)
    ).all()
    sums: dict[tuple[int, str], int] = {}
    for unit_id, key, n in gone:
        sums[unit_id, key] = sums.get((unit_id, key), 0) + n
    for (unit_id, key), n in sorted(sums.items()):
        statement = insert(Counter).values(unit_id=unit_id, key=key, n=n)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["unit_id", "key"], set_={"n": Counter.n + statement.excluded.n}
            )
        )
    return len(gone)
