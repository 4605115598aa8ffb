"""Importance of a clue by rule and person; a major one is reported to the superior the same day (B9, F11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.casework import clocks, facts
from hub.casework.acts import afterwards, effect
from hub.casework.doing import Doing
from hub.casework.verification import last_measured
from hub.law import importance
from hub.law.deadlines import base_day
from hub.models import Clock, Clue, ClueUnit, MajorReport, Value

M2 = {"m2": 1.0, "mu": 10_000 / 15, "ha": 10_000.0}
"""Square metres of the units of area."""


def _importance(doing: Doing) -> facts.Facts:
    return {"importance_now": doing.clue.importance}


facts.COLLECTORS.update(dict.fromkeys(("not_major", "is_major", "other_importance"), _importance))


@effect("mark.major")
def mark_major(doing: Doing) -> None:
    """A person says so; what the rules propose is only a proposal (`signs`)."""
    doing.noted["before"] = {"importance": doing.clue.importance}
    doing.clue.importance = "major"


@afterwards("mark.major")
def nobody_above(doing: Doing) -> None:
    """Who has no superior reports to nobody."""
    if facts.superior(doing.session, doing.clue.owner_unit_id) is None:
        clocks.end_all(doing.session, doing.clue, "major_report", doing.at, "nobody")


@effect("mark.importance")
def mark(doing: Doing) -> None:
    doing.noted["before"] = {"importance": doing.clue.importance}
    doing.clue.importance = str(doing.data["importance"])


@effect("report.major")
def report(doing: Doing) -> None:
    """To the next superior; its words are sealed as an opinion, the superior reads them with the clue."""
    above = facts.superior(doing.session, doing.clue.owner_unit_id)
    assert above is not None  # the guard has looked
    assert doing.user_id is not None
    doing.session.add(
        MajorReport(
            clue_id=doing.clue.id, from_unit_id=doing.clue.owner_unit_id, to_unit_id=above.id, at=doing.at,
            by_user=doing.user_id,
        )
    )  # fmt: skip
    doing.noted["to_unit"] = above.id


def signs(session: Session, clue: Clue) -> list[importance.Sign]:
    """What the dated rules find that speaks for a higher importance, the strongest first. Sets nothing."""
    land, area = _measured(session, clue)
    known = importance.Known(
        class_code=clue.class_code or "", channel=clue.channel, urgent=clue.urgent, land_kind=land, area_m2=area
    )
    return importance.signs(known, base_day(clue.at))


def _measured(session: Session, clue: Clue) -> tuple[str, float]:
    """Land kind and area: of the last site record that has them, else what a person confirmed. 0: not known."""
    seen = last_measured(session, clue)
    if seen is not None:
        record, measured = seen
        return record.land_kind, measured * M2[record.area_unit]
    key = open_key(session, clue.key_id)
    row = session.scalars(
        select(Value).where(Value.clue_id == clue.id, Value.field == "area").order_by(Value.id.desc())
    ).first()
    told = key.json(row.value, "clue.value") if row is not None else None
    area = told.get("m2") if isinstance(told, dict) else None
    return "", float(area) if isinstance(area, (int, float)) else 0.0


@dataclass(frozen=True, slots=True)
class Reported:
    """A major clue reported to the superior."""

    clue_id: int
    clue_no: str
    from_unit_id: int
    at: datetime
    late: bool


def reported_to(session: Session, who: Actor, since: datetime | None = None) -> list[Reported]:
    """The reports of major clues to the person's unit, the newest first; only of clues they may see."""
    seen = visible(who).with_only_columns(ClueUnit.clue_id)
    query = (
        select(MajorReport, Clue.no)
        .join(Clue, Clue.id == MajorReport.clue_id)
        .where(MajorReport.to_unit_id == who.unit_id, MajorReport.clue_id.in_(seen))
        .order_by(MajorReport.id.desc())
    )
    if since is not None:
        query = query.where(MajorReport.at >= since)
    return [
        Reported(row.clue_id, no, row.from_unit_id, row.at, _late(session, row))
        for row, no in session.execute(query).all()
    ]


def _late(session: Session, row: MajorReport) -> bool:
    stopped = select(Clock.late).where(
        Clock.clue_id == row.clue_id, Clock.kind == "major_report", Clock.stopped_at == row.at
    )
    return bool(session.scalar(stopped))
