"""Counters per unit as appended deltas: no hot row."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.models import Counter, CounterDelta


def count(session: Session, unit_id: int, deltas: dict[str, int]) -> None:
    session.add_all([CounterDelta(unit_id=unit_id, key=key, n=n) for key, n in deltas.items()])


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
