"""Days that people set: verification letters, supervision orders and leaders' referrals with their replies, circulars
(Art. 16, H2, H3), and the extension of a limit where the rules know one (D6).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.people import Actor, visible
from hub.casework import clocks, facts, switches
from hub.casework.acts import effect
from hub.casework.doing import Doing
from hub.law.deadlines import base_day, in_time
from hub.models import Clue, ClueUnit, Directive, Unit


def _extension(doing: Doing) -> facts.Facts:
    kind = doing.data.get("clock")
    row = clocks.running(doing.session, doing.clue, [str(kind)]) if kind else None
    return {
        "extension": switches.switches(doing.session, doing.clue)["extension"],
        "clock_due": row.due if row is not None else None,
        "approved": doing.approval is not None,
    }


facts.COLLECTORS["extension_allowed"] = _extension
facts.COLLECTORS.update({f"{kind}_waits": facts.waits(kind) for kind in ("letter", "order", "referral")})


@effect("supervise.letter", "supervise.order")
def direct(doing: Doing) -> None:
    """The second order on the same clue is counted as such; one that runs is superseded, its lateness stays."""
    session, clue, kind = doing.session, doing.clue, doing.rule.id.removeprefix("supervise.")
    last = session.scalar(
        select(func.max(Directive.number)).where(Directive.clue_id == clue.id, Directive.kind == kind)
    )
    assert doing.who is not None
    row = Directive(
        clue_id=clue.id, kind=kind, number=(last or 0) + 1, from_unit_id=doing.who.unit_id,
        to_unit_id=clue.owner_unit_id, due=doing.day("due"), at=doing.at, by_user=doing.user_id, replied_at=None,
        replied_by=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    doing.noted |= {"directive": row.id, "number": row.number}


@effect("reply.letter", "reply.order", "reply.referral")
def reply(doing: Doing) -> None:
    """Answers every open directive of the kind: the last one holds what the earlier ones asked."""
    rows = doing.session.scalars(
        select(Directive)
        .where(Directive.clue_id == doing.clue.id, Directive.kind == doing.rule.id.removeprefix("reply."))
        .where(Directive.replied_at.is_(None))
        .order_by(Directive.id)
    ).all()
    for row in rows:
        row.replied_at, row.replied_by = doing.at, doing.user_id
    doing.session.flush()
    doing.noted["directives"] = [row.id for row in rows]


@effect("circulate")
def circulate(doing: Doing) -> None:
    doing.clue.circular = True


@effect("extend")
def extend(doing: Doing) -> None:
    """Counted from the old base; the clock keeps its number, the event both days."""
    row = clocks.running(doing.session, doing.clue, [str(doing.data["clock"])])
    assert row is not None  # the guard has looked
    before = row.due
    changed = clocks.extend(doing.session, row, int(doing.data["days"]))
    doing.clocks.append({**changed, "from": before.isoformat()})


@dataclass(frozen=True, slots=True)
class Supervised:
    """What a unit was asked and how it answered (H2, S18, S19). `again`: orders that were the second or later on a
    clue; `in_time` + `late` + `open` = `asked`, `overdue` of the open.
    """

    unit_id: int
    unit_name: str
    kind: str
    asked: int
    again: int
    in_time: int
    late: int
    open: int
    overdue: int


def supervised(session: Session, who: Actor, since: date, until: date) -> list[Supervised]:
    """The directives of the days `since` to `until` (both included) to units of the person's area, per unit and kind.

    Counts clues the person may see only.
    """
    names: dict[int, str] = {}
    found: dict[tuple[int, str], list[Directive]] = {}
    for row, name in directed(session, who, since, until):
        names[row.to_unit_id] = name
        found.setdefault((row.to_unit_id, row.kind), []).append(row)
    return [_count(unit_id, names[unit_id], kind, of) for (unit_id, kind), of in found.items()]


def directed(session: Session, who: Actor, since: date, until: date) -> list[tuple[Directive, str]]:
    """The directives behind `supervised`, each with the name of the unit that was asked."""
    rows = session.execute(
        select(Directive, Unit.name)
        .join(Unit, Unit.id == Directive.to_unit_id)
        .where(Unit.path.contains([who.unit_id]))
        .where(Directive.clue_id.in_(visible(who).with_only_columns(ClueUnit.clue_id)))
        .order_by(Directive.to_unit_id, Directive.kind, Directive.id)
    ).all()
    return [(row, name) for row, name in rows if since <= base_day(row.at) <= until]


def stands_as(row: Directive) -> frozenset[str]:
    """The numbers of `Supervised` that a directive is counted in."""
    found = {"asked"} | ({"again"} if row.number > 1 else set())
    if row.replied_at is not None:
        found.add("in_time" if in_time(row.replied_at, row.due) else "late")
    else:
        found |= {"open"} | ({"overdue"} if row.due < clock.today() else set())
    return frozenset(found)


def _count(unit_id: int, name: str, kind: str, rows: list[Directive]) -> Supervised:
    tally = Counter(number for row in rows for number in stands_as(row))
    return Supervised(
        unit_id=unit_id, unit_name=name, kind=kind, asked=tally["asked"], again=tally["again"],
        in_time=tally["in_time"], late=tally["late"], open=tally["open"], overdue=tally["overdue"],
    )  # fmt: skip


def directives(session: Session, clue: Clue) -> list[Directive]:
    """Every directive on the clue, oldest first."""
    return list(session.scalars(select(Directive).where(Directive.clue_id == clue.id).order_by(Directive.id)))
