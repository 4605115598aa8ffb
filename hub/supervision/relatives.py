"""Clues that belong together: the group with its members, duplicates, supplements and splits; two clues side by side.

Only clues the viewer may see stand here; a group's other members are not even counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.access.masking import mask
from hub.access.people import Actor, visible
from hub.access.sealing import open_key
from hub.casework import identity
from hub.enrich import duplicates
from hub.jurisdiction.divisions import table
from hub.models import Clue, ClueUnit, Notice, SuggestionRow, Unit, Value
from hub.supervision.shown import shown
from hub.terms import CLASS_LABELS

AGREE, CONFLICT, UNKNOWN = "agree", "conflict", "unknown"
VERDICTS = {AGREE: "一致", CONFLICT: "不一致", UNKNOWN: "不明"}
NEARLY, ANOTHER = 1.25, 2.0  # times one area is of the other
ALIKE = {"duplicate": "疑似同一举报人重复", "merge": "疑似同一行为"}
WINDOW = timedelta(days=400)
MOST = 8
_RESULTS = ("no_violation", "violation")


@dataclass(frozen=True, slots=True)
class Relative:
    """A clue beside this one. `relation` says how it belongs here; `told`: what its own reporters were told."""

    clue: Clue
    relation: str
    unit: str
    told: tuple[tuple[str, bool], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Clues handled together: `main` with `members`; None where this clue stands alone."""

    main: Clue
    members: tuple[Relative, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One element of two clues. `flag`: the datum of merge and P4 by which a person says it is the same."""

    field: str
    label: str
    mine: str
    other: str
    verdict: str
    flag: str = ""

    @property
    def verdict_label(self) -> str:
        return VERDICTS[self.verdict]


def _seen(session: Session, who: Actor, ids: Iterable[int | None]) -> list[Clue]:
    wanted = [number for number in ids if number is not None]
    open_to = visible(who).with_only_columns(ClueUnit.clue_id)
    return list(
        session.scalars(select(Clue).where(Clue.id.in_(wanted), Clue.id.in_(open_to)).order_by(Clue.at, Clue.id))
    )


def group(session: Session, who: Actor, clue: Clue) -> Group | None:
    """The group this clue belongs to, as its main clue or as a member."""
    main_id = clue.main_id or clue.id
    ids = session.scalars(select(Clue.id).where(Clue.main_id == main_id)).all()
    found = _seen(session, who, [main_id])
    if not ids or not found:
        return None
    return Group(found[0], tuple(_relative(session, row, "并案成员") for row in _seen(session, who, ids)))


def _relative(session: Session, clue: Clue, relation: str, why: str = "") -> Relative:
    rows = session.scalars(
        select(Notice).where(Notice.clue_id == clue.id, Notice.kind != "receipt", Notice.state != "recalled")
    ).all()
    told = []
    for label, mine in (
        ("判定", [row for row in rows if row.kind not in (*_RESULTS, "correction")]),
        ("结果", [row for row in rows if row.kind in _RESULTS]),
    ):
        if mine:
            told.append((label, all(row.state in ("told", "no_reporter") for row in mine)))
    unit = session.get_one(Unit, clue.owner_unit_id).name
    return Relative(clue, relation, unit, tuple(told), why)


def linked(session: Session, who: Actor, clue: Clue) -> list[Relative]:
    """Clues tied to this one by a determination, a supplement or a split."""
    out = [
        _relative(session, row, relation)
        for number, relation in (
            (clue.duplicate_of, "原线索"), (clue.supplement_of, "补充自"), (clue.split_from, "拆分自"),
        )
        for row in _seen(session, who, [number])
    ]  # fmt: skip
    later = select(Clue.id).where(
        or_(Clue.duplicate_of == clue.id, Clue.supplement_of == clue.id, Clue.split_from == clue.id)
    )
    for row in _seen(session, who, session.scalars(later)):
        relation = "重复举报" if row.duplicate_of == clue.id else "补充" if row.supplement_of == clue.id else "拆分出"
        out.append(_relative(session, row, relation))
    return out


def candidates(session: Session, who: Actor, clue: Clue) -> list[Relative]:
    """Clues that may tell of the same act, for a person to compare: machine candidates where there are any, else those
    of the same area and class within 400 days. Never a decision (PRODUCT §5).
    """
    found = {one.clue_id: one for one in duplicates.candidates(session, who, clue)}
    if found:
        by_id = {row.id: row for row in _seen(session, who, found)}
        return [
            _relative(session, by_id[number], ALIKE[one.kind], f"{one.words}（相似 {one.score:.0%}）")
            for number, one in found.items()
            if number in by_id
        ]
    if not clue.division or not clue.class_code:
        return []
    near = (
        visible(who)
        .with_only_columns(ClueUnit.clue_id)
        .where(ClueUnit.division == clue.division, ClueUnit.sort_at.between(clue.at - WINDOW, clue.at + WINDOW))
    )
    wanted = (
        select(Clue)
        .where(Clue.id.in_(near), Clue.id != clue.id, Clue.class_code == clue.class_code)
        .where(or_(Clue.main_id.is_(None), Clue.main_id != clue.id))
        .order_by(Clue.at.desc(), Clue.id.desc())
        .limit(MOST)
    )
    kept = [row for row in session.scalars(wanted) if row.id not in (clue.main_id, clue.duplicate_of)]
    return [_relative(session, row, "同地同类", "违法行为发生地、类型相同") for row in kept]


def compare(session: Session, left: Clue, right: Clue, *, original: bool) -> list[Compared]:
    """The elements of two clues side by side; each agrees, conflicts or is unknown, and a person decides."""
    mine, other = _elements(session, left), _elements(session, right)
    rows = [
        Compared("place", "违法行为发生地", mine["place"][1], other["place"][1],
                 _places(mine["place"][0], other["place"][0]), "same_place"),
        Compared("occurred", "时间", mine["occurred"][1], other["occurred"][1],
                 _times(mine["occurred"][0], other["occurred"][0]), "same_time"),
        Compared("respondent", "违法主体", mine["respondent"][1], other["respondent"][1],
                 _names(mine["respondent"][0], other["respondent"][0]), "same_respondent"),
        Compared("facts", "主要违法事实", _summary(session, left), _summary(session, right), UNKNOWN, "same_facts"),
        Compared("class", "违法类型", mine["class"][1], other["class"][1], _same(mine["class"][0], other["class"][0])),
        Compared("area", "面积", mine["area"][1], other["area"][1], _areas(mine["area"][0], other["area"][0])),
    ]  # fmt: skip
    if original:
        proven = identity.proven(session, left, right)
        words = "同一微信账号或证件" if proven else "未能证明为同一人"
        rows.append(Compared("reporter", "举报人", words, "", AGREE if proven else UNKNOWN))
    return rows


def _elements(session: Session, clue: Clue) -> dict[str, tuple[Any, str]]:
    """What is known of the elements: (value to compare, words to show); decided by a person, else suggested."""
    key = open_key(session, clue.key_id)
    names = ("place", "occurred", "respondent", "class", "area")
    found: dict[str, tuple[Any, str]] = dict.fromkeys(names, (None, ""))
    proposed = select(SuggestionRow).where(
        SuggestionRow.clue_id == clue.id, SuggestionRow.current, SuggestionRow.field.in_(names)
    )
    for row in session.scalars(proposed.order_by(SuggestionRow.id.desc())):
        value = key.json(row.value, "suggestion.value")["value"]
        found[row.field] = (value, mask(shown(row.field, value)) + "（机器建议）")
    decided = select(Value).where(Value.clue_id == clue.id, Value.field.in_(names)).order_by(Value.id)
    for chosen in session.scalars(decided):
        value = key.json(chosen.value, "clue.value")
        found[chosen.field] = (value, mask(shown(chosen.field, value)))
    if clue.division:
        words = "".join(table().path(clue.division).split("/"))
        text = found["place"][1] if found["place"][1].startswith(words) else words
        found["place"] = (clue.division, text)
    if clue.class_code:
        found["class"] = (clue.class_code, f"{clue.class_code} {CLASS_LABELS.get(clue.class_code, '')}")
    return found


def _summary(session: Session, clue: Clue) -> str:
    return open_key(session, clue.key_id).text(clue.summary, "clue.summary")


def _same(mine: Any, other: Any) -> str:
    if mine in (None, "", [], {}) or other in (None, "", [], {}):
        return UNKNOWN
    return AGREE if mine == other else CONFLICT


def _times(mine: Any, other: Any) -> str:
    """去年腊月 and 过年前 may be one day: other words alone are no conflict."""
    return AGREE if _same(mine, other) == AGREE else UNKNOWN


def _areas(mine: Any, other: Any) -> str:
    """People guess areas: a quarter more or less agrees, from double on it is another one."""
    told = [one.get("m2") if isinstance(one, dict) else None for one in (mine, other)]
    sizes = [float(size) for size in told if isinstance(size, (int, float)) and size > 0]
    if len(sizes) < len(told):
        return AGREE if _same(mine, other) == AGREE else UNKNOWN
    ratio = max(sizes) / min(sizes)
    return AGREE if ratio <= NEARLY else CONFLICT if ratio >= ANOTHER else UNKNOWN


def _places(mine: Any, other: Any) -> str:
    """The same county agrees: towns and villages are for the person who reads both."""
    if not isinstance(mine, str) or not isinstance(other, str):
        return UNKNOWN
    return AGREE if mine[:6] == other[:6] else CONFLICT


def _names(mine: Any, other: Any) -> str:
    told = [str(one.get("name", "")) if isinstance(one, dict) else str(one or "") for one in (mine, other)]
    if not all(told):
        return UNKNOWN
    return AGREE if told[0] in told[1] or told[1] in told[0] else CONFLICT
