"""What the call pad says while somebody types: elements, place and class read from the words, earlier clues (A3, C5).

Nothing here is stored. The text is what the intake will hold, read by the same producers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.people import Actor, visible
from hub.access.sealing import blind
from hub.casework.reporters import normal
from hub.enrich import duplicates, produce
from hub.jurisdiction import units
from hub.jurisdiction.divisions import Division, table
from hub.jurisdiction.scopes import scope_of
from hub.law.deadlines import base_day
from hub.models import ClueReporter, ClueUnit, ReporterIndex, SharedContact, Unit
from hub.terms import CLASS_LABELS, ELEMENTS, STATE_LABELS, Passage, State, Suggestion

SPOKEN = {
    "place": "违法行为发生地", "respondent": "违法主体", "facts": "主要违法事实", "area": "涉及面积",
    "occurred": "发生时间", "evidence": "证据材料",
}  # fmt: skip
"""Boxes of the pad that tell of the act itself, in the order they are read."""
FACTS_ENOUGH = 15  # characters below which facts are begun, not told
SEARCHED_FROM = 12  # characters of place and facts from which earlier clues are looked for
DIGITS = 7  # of a number that is whole
PLACES = 8  # shown of a place search


def words_of(values: Mapping[str, str]) -> str:
    """What is told of the act, as the channel writes it."""
    return "\n".join(f"{label}：{values[name]}" for name, label in SPOKEN.items() if values.get(name))


def hints(session: Session, who: Actor, values: Mapping[str, str]) -> dict[str, Any]:
    """Everything beside the form: `elements`, `place`, `classes`, `urgent`, `earlier`, `alike`."""
    words = words_of(values)  # none at first: then this loads the tables before somebody waits for them
    made = produce.produce([Passage(words)], prior=who.unit_code, has_evidence=bool(values.get("evidence")))
    return {
        "elements": _elements(values, made),
        "place": _place(values, made),
        "classes": [] if values.get("class") else _classes(made),
        "urgent": next((item.reason for item in made if item.field == "urgency" and item.value == "特急"), ""),
        "earlier": earlier(session, who, values.get("caller", "")),
        "alike": _alike(session, who, values, words),
    }


def _elements(values: Mapping[str, str], made: list[Suggestion]) -> list[dict[str, str]]:
    """The four elements, each "there", "weak" (told, not clear yet) or "lacking", and what to ask."""
    place = next((item.value for item in made if item.field == "place"), None)
    clear = bool(values.get("division")) or bool(place and place["level"] == "county" and not place["ambiguous"])
    respondent, facts = values.get("respondent", ""), values.get("facts", "")
    known = any(item.field == "class" for item in made)
    states = {
        "place": ("there" if clear else "weak") if values.get("place") else "lacking",
        "respondent": ("weak" if respondent in ("不详", "不清楚", "不知道") else "there") if respondent else "lacking",
        "facts": ("there" if known and len(facts) >= FACTS_ENOUGH else "weak") if facts else "lacking",
        "evidence": "there" if values.get("evidence") else "lacking",
    }
    asks = {
        "place": "在哪个县、哪个乡镇、哪个村组？附近有什么标志？", "respondent": "是谁在干？单位或老板叫什么？",
        "facts": "在做什么？占的是什么地，多大，从什么时候开始？", "evidence": "有照片、录像、合同吗？有谁能证明？",
    }  # fmt: skip
    return [
        {"name": name, "label": ELEMENTS[name], "state": state, "ask": "" if state == "there" else asks[name]}
        for name, state in states.items()
    ]


def _place(values: Mapping[str, str], made: list[Suggestion]) -> dict[str, Any] | None:
    """A division read from the words, where none is chosen."""
    if values.get("division"):
        return None
    found = next((item.value for item in made if item.field == "place"), None)
    if not found or not found["code"]:
        return None
    code = found["town_code"] or found["code"]
    return {"code": code, "name": name_of(code), "sure": not found["ambiguous"], "reason": found["reason"]}


def _classes(made: list[Suggestion]) -> list[dict[str, str]]:
    """The classes the words speak for, best first, with the words."""
    found: dict[str, dict[str, str]] = {}
    for item in made:
        if item.field in ("class", "scope"):
            code = str(item.value.get("class") if isinstance(item.value, dict) else item.value)
            said = "、".join(dict.fromkeys(span.text for span in item.spans[:3]))
            if code in CLASS_LABELS:
                found.setdefault(code, {"code": code, "label": CLASS_LABELS[code], "words": said})
    return list(found.values())[:3]


def earlier(session: Session, who: Actor, number: str) -> dict[str, Any]:
    """Count and states of this caller's earlier clues inside the person's own scope; nothing else of them
    (PRODUCT §10). `shared`: the number is marked as used by several people.
    """
    plain = normal("phone", number)
    if len(plain) < DIGITS:
        return {"count": 0, "states": [], "shared": False}
    token = blind("phone", plain)
    theirs = (
        select(ClueReporter.clue_id)
        .join(ReporterIndex, ReporterIndex.reporter_id == ClueReporter.reporter_id)
        .where(ReporterIndex.kind == "phone", ReporterIndex.token == token)
    )
    states = session.scalars(visible(who).with_only_columns(ClueUnit.state).where(ClueUnit.clue_id.in_(theirs))).all()
    counted = Counter(STATE_LABELS[State(state)] for state in states)
    shared = session.get(SharedContact, ("phone", token)) is not None
    return {"count": len(states), "states": [[label, n] for label, n in counted.most_common()], "shared": shared}


def _alike(session: Session, who: Actor, values: Mapping[str, str], words: str) -> list[dict[str, str]]:
    """Clues the person may see that may tell of the same act: to ask about, never a decision. The caller's number is
    left out of the comparison: it would say which clue is theirs, and of earlier ones only count and state are shown.
    """
    if len(values.get("place", "") + values.get("facts", "")) < SEARCHED_FROM:
        return []
    found = duplicates.candidates_for_text(session, who, words, who.unit_code, limit=3)
    return [{"no": one.no, "words": one.words} for one in found]


# ---- places


def name_of(code: str) -> str:
    """省市县 and town of a code, as people say it; "" for an unknown one."""
    row = table().get(code)
    if row is None:
        return ""
    return table().path(code).replace("/", "") + (row.name if row.level == "town" else "")


def county_of(code: str) -> str:
    """The county a chosen place lies in; "" for an unknown code."""
    row = table().get(code) if code.isascii() and code.isdigit() else None
    return (row.parent if row.level == "town" else row.code) if row is not None else ""


@cache
def _labels() -> tuple[tuple[str, str, Division], ...]:
    """(whole name, own name, division) of every county and town: ten megabytes, read once."""
    return tuple((name_of(row.code), row.name, row) for row in table() if row.level in ("county", "town"))


def find_places(words: str, unit_code: str) -> list[dict[str, str]]:
    """Counties and towns whose whole name holds the words in this order; those of the own area first.

    "武潭", "桃江武潭" and "益阳 桃江" find; each piece between blanks, and each half of a run, may leave out levels.
    """
    pieces = [piece for piece in words.replace("，", " ").replace(",", " ").split() if piece]
    if not pieces:
        return []
    area = unit_code if unit_code != "000000" else ""
    found: list[tuple[tuple[bool, bool, bool, int, str], str, str]] = []
    for whole, own, row in _labels():
        at = _follows(whole, "".join(pieces))
        if at:
            near = bool(area) and table().within(row.code, area)
            begins = own.startswith(pieces[-1])
            found.append(((not near, not begins, row.level == "town", len(whole), row.code), whole, row.code))
    found.sort()
    return [{"code": code, "name": whole} for _, whole, code in found[:PLACES]]


def _follows(whole: str, words: str) -> bool:
    """Whether `words` stand in `whole` in runs of at least two characters, in order, the last one whole."""
    start, rest = 0, words
    while rest:
        for size in range(len(rest), 0, -1):
            at = whole.find(rest[:size], start)
            if at >= 0 and (size >= 2 or len(words) == 1):
                start, rest = at + size, rest[size:]
                break
        else:
            return False
    return True


def scope_card(session: Session, who: Actor, on: Any) -> dict[str, Any]:
    """What is taken in and what is not, in the words of the lists in force for the person's unit (I3)."""
    unit = session.get_one(Unit, who.unit_id)
    lists = scope_of(session, units.standing(session, unit), base_day(on))
    return {
        "classes": [
            {"code": one.code, "name": one.name, "matters": [matter.text for matter in one.behaviours]}
            for one in lists.classes
        ],
        "refused": [{"code": one.code, "name": one.name, "text": one.text} for one in lists.refused],
    }
