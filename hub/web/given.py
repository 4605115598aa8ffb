"""What a person typed into the form of an act, as the data `casework.apply` takes; and where a refusal belongs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.casework.fields import CHECKED, VALUES
from hub.casework.offering import Field, Offer
from hub.jurisdiction.divisions import table
from hub.models import Unit

LONGEST = 2000
OFFICERS = 4  # rows of the form; two are needed, more may go along
FIELD_OF = {
    "two_officers": "officers", "visit_in_order": "visited", "ended_in_order": "ended", "ours": "place",
    "issued_in_order": "issued", "unit_in_subtree": "unit", "unit_takes": "unit", "common_superior": "unit",
    "main_takes": "main", "other_reporter": "main", "one_owner": "main", "no_wall": "main", "same_act": "same_place",
    "same_matter": "same_place", "earlier_is_earlier": "earlier_clue", "earlier_still_answers": "earlier_clue",
    "nothing_new": "renewed", "same_person": "same_reporter", "not_shared": "same_reporter", "handed_over": "evidence",
    "answer_to_sender": "answer", "proved": "proof", "not_common_yet": "reason", "latitude": "longitude",
}  # fmt: skip
"""Guard → the datum a person would change to satisfy it."""


def field_of(offer: Offer, name: str) -> str:
    """The box of the form at which a refusal about `name` (a datum or a guard) is shown; "" for none of them."""
    names = {one.name for one in offer.fields} | {"at", "at_reason"}
    found = name if name in names else FIELD_OF.get(name, "")
    if name == "visit_in_order" and "started" in names:
        found = "started"
    return found if found in names else ""


def read(session: Session, offer: Offer) -> dict[str, Any]:
    """The data of the act, only those its offer names. Raises RefusedError where a box cannot be read."""
    data: dict[str, Any] = {}
    for one in offer.fields:
        value = _READERS.get(one.kind, _line)(session, one)
        if value not in (None, "", [], {}):
            data[one.name] = value
    reason = _typed("at_reason")
    if reason:
        data["at_reason"] = reason
    return data


def happened_at() -> datetime | None:
    """When the act happened, where that was earlier. Raises RefusedError."""
    return _moment_of("at")


def _typed(name: str) -> str:
    text = request.form.get(name, "").replace("\r\n", "\n").replace("\0", "")  # PostgreSQL takes no NUL in text
    return text.strip()[:LONGEST]


def _refused(one: Field, reason: str) -> casework.RefusedError:
    return casework.RefusedError(reason, kind="value", name=one.name)


def _line(_session: Session, one: Field) -> str:
    return _typed(one.name)


def _moment_of(name: str) -> datetime | None:
    typed = _typed(name)
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise casework.RefusedError("时间格式不正确", kind="time", name=name) from None
    if not 1990 <= moment.year <= 9000:  # slips of the keyboard
        raise casework.RefusedError("时间格式不正确", kind="time", name=name)
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.CHINA)


def _moment(_session: Session, one: Field) -> str:
    moment = _moment_of(one.name)
    return moment.isoformat() if moment is not None else ""


def _flag(_session: Session, one: Field) -> bool | None:
    return True if _typed(one.name) else None


def _number(_session: Session, one: Field) -> float | int | None:
    typed = _typed(one.name).replace(",", "")
    if not typed:
        return None
    try:
        value = float(typed)
    except ValueError:
        raise _refused(one, f"{one.label}须为数字") from None
    if not -1e9 < value < 1e9:
        raise _refused(one, f"{one.label}不正确")
    return int(value) if one.name == "intake" else value


def _person(_session: Session, one: Field) -> int | None:
    typed = _typed(one.name)
    return int(typed) if typed.isdecimal() and len(typed) < 15 else None


def _unit(session: Session, one: Field) -> str:
    """A unit of the list, or another one by its code or whole name."""
    other = _typed(f"{one.name}_other")
    return _unit_code(session, one, other) if other else _typed(one.name)


def _units(session: Session, one: Field) -> list[str]:
    chosen = [code for code in request.form.getlist(one.name) if code]
    others = [
        word for word in _typed(f"{one.name}_other").replace("，", "、").replace(",", "、").split("、") if word.strip()
    ]
    return list(dict.fromkeys([*chosen, *(_unit_code(session, one, word.strip()) for word in others)]))[:50]


def _unit_code(session: Session, one: Field, words: str) -> str:
    if words.isdecimal():
        return words
    rows = session.scalars(
        select(Unit.code).where(Unit.name.contains(words, autoescape=True), Unit.active).limit(3)
    ).all()
    exact = session.scalars(select(Unit.code).where(Unit.name == words, Unit.active)).all()
    found = exact or rows
    if len(found) != 1:
        raise _refused(one, "有多个单位符合，请写全称或代码" if found else "没有找到这个单位，请写全称或代码")
    return found[0]


def _division(_session: Session, one: Field) -> str:
    """A division code, or a place in words that names exactly one."""
    typed = _typed(one.name)
    if not typed:
        return ""
    if typed.isdecimal():
        return typed
    from hub.jurisdiction.places import resolver  # noqa: PLC0415  loaded when somebody types a place

    answer = resolver().resolve(typed.replace("/", "")).as_json()
    if not answer["code"] or answer["ambiguous"]:
        raise _refused(one, "没有找到唯一的行政区划，请写出省、市、县全称或六位代码")
    return str(answer["code"])


def place_words(code: str) -> str:
    """省市县 of a code that a form holds, so that people need not know codes."""
    return "".join(table().path(code).split("/")) if code.isdecimal() and table().get(code) is not None else code


def _officers(_session: Session, one: Field) -> list[dict[str, str]]:
    found = []
    for number in range(1, OFFICERS + 1):
        row = {name: _typed(f"{one.name}_{number}_{name}") for name in ("name", "certificate", "valid_until")}
        if any(row.values()):
            found.append(row)
    return found


def _elements(_session: Session, one: Field) -> dict[str, str]:
    given = {name: _typed(f"{one.name}_{name}") for name in VALUES["elements"]}
    return {name: value for name, value in given.items() if value in CHECKED}


def _photos(_session: Session, one: Field) -> list[int]:
    return [int(number) for number in request.form.getlist(one.name) if number.isdecimal() and len(number) < 18]


_READERS: dict[str, Callable[[Session, Field], Any]] = {
    "moment": _moment, "flag": _flag, "number": _number, "person": _person, "unit": _unit, "units": _units,
    "division": _division, "officers": _officers, "elements": _elements, "photos": _photos,
}  # fmt: skip


def kept() -> dict[str, list[str]]:
    """Everything typed, by box, so that nothing is lost when the act is refused."""
    return {name: values for name, values in request.form.lists() if name not in ("csrf_token", "version", "seen")}
