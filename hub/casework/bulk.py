"""One act on many clues (C11): tried first, then done clue by clue through `apply`, and taken back by acts again.

Everything is one transaction: it is written what became of each clue, or nothing happened. A clue whose act is refused
stays as it is and is named with the reason; the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit, people
from hub.access.people import Actor
from hub.casework import acts, approvals, assigning, chains
from hub.casework.errors import RefusedError, StaleError
from hub.law import workflow
from hub.models import BulkRun, Clue, ClueUnit, User

MOST = 50  # clues of one run: a page of the queue
AUTO = "auto"
"""Beside the acts of the rule table: assigned in turn (hub.casework.assigning)."""
ACTS = {
    "assign": ("handler",), AUTO: (), "unassign": ("reason_text",), "mark.importance": ("importance", "reason_text"),
}  # fmt: skip
"""What makes sense for many at once, with the data that is the same for all. Each can be taken back."""
UNDOING = "撤销批量办理"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A clue with the version the person saw."""

    no: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the act does, or did, to one clue. `refused` "": it is done; `before`, `after`: the changed value in words;
    `version`: of the clue as the trial or the person saw it. `proposed`: the unit wants the act approved, so that it is
    put forward instead.
    """

    no: str
    version: int
    refused: str = ""
    article: str = ""
    before: str = ""
    after: str = ""
    proposed: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was done. `undoable`: some of it can be taken back yet."""

    id: int
    act: str
    outcomes: tuple[Outcome, ...]
    undoable: bool

    @property
    def done(self) -> int:
        """How many clues it was done to or put forward for."""
        return sum(not outcome.refused for outcome in self.outcomes)


def may(who: Actor, act: str) -> bool:
    """Whether the person could do the act on any clue."""
    return act in ACTS and who.has(workflow.rule(_row(act)).roles)


def preview(
    session: Session, who: Actor, act: str, data: Mapping[str, Any], chosen: Sequence[Chosen]
) -> list[Outcome]:  # fmt: skip
    """What `run` would do now, by doing it and taking it back: the same rules, the same refusals."""
    with session.begin_nested() as trial:
        found = _each(session, who, act, data, chosen)
        trial.rollback()
    session.expire_all()
    return [outcome for outcome, _ in found]


def run(session: Session, who: Actor, act: str, data: Mapping[str, Any], chosen: Sequence[Chosen]) -> Run:
    """Does the act on each clue in the running transaction and keeps what is needed to take it back.

    Raises RefusedError where nothing could be tried at all: no such act, no clue, too many.
    """
    found = _each(session, who, act, data, chosen)
    row = BulkRun(user_id=who.user_id, act=act, rows=[kept for _, kept in found if kept], at=clock.now())
    session.add(row)
    session.flush()
    told = {"run": row.id, "act": act, "done": len(row.rows), "refused": len(found) - len(row.rows)}
    audit.record(session, f"unit:{who.unit_id}", "bulk", actor=who.label, data=told)
    return Run(row.id, act, tuple(outcome for outcome, _ in found), bool(row.rows))


def undo(session: Session, who: Actor, number: int) -> Run:
    """Takes a run of this person back, clue by clue: not where something happened to the clue since.

    Raises RefusedError where there is no such run or it was taken back already.
    """
    row = session.get(BulkRun, number, with_for_update=True)
    if row is None or row.user_id != who.user_id:
        raise RefusedError("没有这次批量办理", kind="state")
    if row.undone_at is not None:
        raise RefusedError("这次批量办理已经撤销过", kind="state")
    found = [_undone(session, who, row.act, kept) for kept in row.rows]
    row.undone_at = clock.now()
    session.flush()
    told = {"run": row.id, "act": row.act, "done": sum(not one.refused for one in found)}
    audit.record(session, f"unit:{who.unit_id}", "bulk.undo", actor=who.label, data=told)
    return Run(row.id, row.act, tuple(found), undoable=False)


def known(session: Session, who: Actor, number: int) -> BulkRun | None:
    """A run of this person."""
    row = session.get(BulkRun, number)
    return row if row is not None and row.user_id == who.user_id else None


def _each(
    session: Session, who: Actor, act: str, data: Mapping[str, Any], chosen: Sequence[Chosen]
) -> list[tuple[Outcome, dict[str, Any]]]:
    """(what came of it, what is kept of it) of each clue, in the order of the list."""
    if not may(who, act):
        raise RefusedError("这项办理不能批量进行", kind="role")
    asked = list({one.no: one for one in chosen}.values())
    if not asked or len(asked) > MOST:
        raise RefusedError("请先选择线索" if not asked else f"一次最多办理{MOST}条线索", kind="value", name="no")
    seen = _seen(session, who, [one.no for one in asked])
    turns = assigning.Turns(session, who.unit_id, who) if act == AUTO else None
    found = {}
    for one in sorted((one for one in asked if one.no in seen), key=lambda one: seen[one.no].id):  # locks in one order
        found[one.no] = _one(session, who, act, dict(data), seen[one.no], one.version, turns)
    return [found[one.no] for one in asked if one.no in found]


def _seen(session: Session, who: Actor, nos: Sequence[str]) -> dict[str, Clue]:
    """The clues of these numbers that the person may see; of the others nothing is said."""
    open_ = people.visible(who).with_only_columns(ClueUnit.clue_id)
    rows = session.scalars(select(Clue).where(Clue.no.in_(nos), Clue.id.in_(open_)))
    return {row.no: row for row in rows}


def _row(act: str) -> str:
    return "assign" if act == AUTO else act


def _one(
    session: Session, who: Actor, act: str, data: dict[str, Any], clue: Clue, version: int | None,
    turns: assigning.Turns | None,
) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
    stood = _stood(act, clue)
    before, shown = clue.version, _words(session, act, stood)
    if act == "assign" and clue.handler_id == data.get("handler"):
        return Outcome(clue.no, before, "已由该承办人承办", before=shown), {}
    if act == AUTO and clue.handler_id is not None:
        return Outcome(clue.no, before, "已有承办人", before=shown), {}
    if turns is None and chains.in_force(session, who.unit_id, act) is not None:
        return _proposed(session, who, act, data, clue, version)
    try:
        with session.begin_nested():
            if turns is not None:
                assigning.give(turns, clue, version)
            else:
                acts.apply(session, who, clue, act, data, version)
            session.flush()  # the version that is kept is the one that stands
    except RefusedError as error:
        session.refresh(clue)
        return Outcome(clue.no, before, str(error), error.article, before=shown), {}
    after = _words(session, act, _stood(act, clue))
    return Outcome(clue.no, before, before=shown, after=after), {"clue": clue.id, "version": clue.version, "was": stood}


def _proposed(
    session: Session, who: Actor, act: str, data: dict[str, Any], clue: Clue, version: int | None
) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
    """The act put forward, as the form of one clue would: it must be lawful now, and happens at the last step."""
    stood, before = _stood(act, clue), clue.version
    shown = _words(session, act, stood)
    try:
        with session.begin_nested():
            row = approvals.propose(session, who, clue, act, data, version)
            session.flush()
    except RefusedError as error:
        session.refresh(clue)
        return Outcome(clue.no, before, str(error), error.article, before=shown), {}
    kept = {"clue": clue.id, "version": clue.version, "was": stood, "proposal": row.id}
    return Outcome(clue.no, before, before=shown, proposed=True), kept


def _stood(act: str, clue: Clue) -> Any:
    return clue.importance if act == "mark.importance" else clue.handler_id


def _words(session: Session, act: str, value: Any) -> str:
    if act == "mark.importance":
        return {"ordinary": "一般", "important": "重要", "major": "重大"}.get(str(value), "")
    person = session.get(User, value) if value is not None else None
    return person.name if person is not None else "未分派"


def _undone(session: Session, who: Actor, act: str, kept: Mapping[str, Any]) -> Outcome:
    """Takes one clue's act back by the act that leads there again."""
    clue = session.get_one(Clue, kept["clue"])
    if clue.id not in set(session.scalars(people.visible(who).with_only_columns(ClueUnit.clue_id).where(
        ClueUnit.clue_id == clue.id))):  # fmt: skip
        return Outcome("", 0, "有线索已不在可见范围内")
    version, before = clue.version, _words(session, act, _stood(act, clue))
    if "proposal" in kept:
        return _withdrawn(session, who, clue, int(kept["proposal"]), before)
    back, data = _back(act, kept["was"])
    try:
        with session.begin_nested():
            acts.apply(session, who, clue, back, data, int(kept["version"]))
    except StaleError:
        session.refresh(clue)
        return Outcome(clue.no, version, "此后又有办理，没有撤销", before=before)
    except RefusedError as error:
        session.refresh(clue)
        return Outcome(clue.no, version, str(error), error.article, before=before)
    return Outcome(clue.no, version, before=before, after=_words(session, act, _stood(act, clue)))


def _withdrawn(session: Session, who: Actor, clue: Clue, number: int, before: str) -> Outcome:
    """Takes a proposal back; one that was decided meanwhile stands."""
    try:
        with session.begin_nested():
            approvals.withdraw(session, who, number)
    except RefusedError as error:
        session.refresh(clue)
        return Outcome(clue.no, clue.version, str(error), error.article, before=before)
    return Outcome(clue.no, clue.version, before=before, after=before)


def _back(act: str, was: Any) -> tuple[str, dict[str, Any]]:
    """The act that restores a value, with its data."""
    if act == "mark.importance":
        return act, {"importance": was, "reason_text": UNDOING}
    if was is None:
        return "unassign", {"reason_text": UNDOING}
    return "assign", {"handler": was, "reason_text": UNDOING}
