"""What is known of a clue: machine suggestions shown, values confirmed by people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub import search
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import naming, walls
from hub.casework.changes import announce, check_version, lock, offer, touch
from hub.casework.errors import RefusedError
from hub.jurisdiction.divisions import table
from hub.law import topics
from hub.models import Clue, ClueUnit, SuggestionRow, Value
from hub.terms import CLASS_LABELS
from hub.work import rows as work


def apply_suggestions(session: Session, clue: Clue, found: dict[str, Any], *, complete: bool) -> None:
    """Shows the machine's place, class and missing elements where no person has decided yet. Moves no state."""
    if not clue.division_confirmed:
        _set_division(session, clue, found.get("division"), found.get("town"))
        clue.ambiguous = bool(found.get("ambiguous"))
    if not clue.class_confirmed:
        clue.class_code = found.get("class")
    if not clue.topics_confirmed:
        clue.topics = list(found.get("topics", ()))
    clue.missing = list(found.get("missing", ()))
    clue.urgent = clue.urgent or bool(found.get("urgent"))
    clue.enriched = complete
    clue.summary = open_key(session, clue.key_id).seal(str(found.get("summary", ""))[:200], "clue.summary")
    announce(session, clue)


def _set_division(session: Session, clue: Clue, division: str | None, town: str | None) -> None:
    clue.town = town
    if clue.division != division:
        clue.division = division
        session.execute(update(ClueUnit).where(ClueUnit.clue_id == clue.id).values(division=division))


CONFIRMABLE = frozenset(
    {"place", "class", "respondent", "facts", "area", "occurred", "evidence", "phone", "reporter_name", "organisation",
     "id_number", "urgency", "scope", "topics", "location", "land_kind"}
)  # fmt: skip


def confirm(  # the six facts of a decision
    session: Session,
    who: Actor,
    clue: Clue,
    field_name: str,
    value: Any,
    *,
    suggestion_id: int | None = None,
    version: int | None = None,
) -> Value:
    """A person confirms a suggestion or sets another value. Machine text and decision stay apart for ever (B10).

    Raises RefusedError for a field that is none, StaleError when `version` is no longer the clue's.
    """
    if field_name not in CONFIRMABLE:
        raise RefusedError("没有这个要素")
    if value in (None, "", [], {}):
        raise RefusedError("内容不能为空")
    check_version(clue, version)
    key = open_key(session, clue.key_id)
    row = Value(
        clue_id=clue.id, field=field_name, value=key.seal_json(value, "clue.value"), suggestion_id=suggestion_id,
        by_user=who.user_id,
    )  # fmt: skip
    if field_name in naming.IDENTITY:
        session.add(row)
        naming.hide(session, clue)
    else:
        offer(session, clue, "value", row, search.words_of(value))
    if field_name == "place" and isinstance(value, dict):
        _set_division(session, clue, value.get("code"), value.get("town_code"))
        clue.division_confirmed, clue.ambiguous = True, False
    if field_name == "class":
        clue.class_code, clue.class_confirmed = str(value), True
    if field_name == "topics":
        clue.topics, clue.topics_confirmed = [str(one["code"]) for one in value], True
    if field_name in clue.missing:
        clue.missing = [name for name in clue.missing if name != field_name]
    touch(session, clue)
    if field_name == "respondent":  # as the machine does with what it reads: who bears the name is held off
        walls.look(session, lock(session, {clue.id})[clue.id], (), [search.words_of(value)])
    announce(session, clue)
    act = "confirm" if suggestion_id else "set_value"
    audit.record(
        session, f"clue:{clue.id}", act, actor=who.label, data={"field": field_name, "suggestion": suggestion_id}
    )
    return row


def typed(field_name: str, text: str) -> Any:
    """The value a person typed for a field. Raises RefusedError where it is none: no class, no single place."""
    if field_name == "class" and text not in CLASS_LABELS:
        raise RefusedError("请选择一个违法类型", kind="value", name=field_name)
    if field_name == "topics":
        codes = list(dict.fromkeys(text.replace("，", ",").replace(" ", "").split(",")))
        if not set(codes) <= topics.labels().keys():
            raise RefusedError("请从主题表中选择", kind="value", name=field_name)
        return topics.named(codes)
    if field_name != "place":
        return text
    division = table().get(text) if text.isdigit() else None
    if division is not None:
        town = {"town": division.name, "town_code": division.code} if division.level == "town" else {}
        return {"code": division.code[:6], "name": table().path(division.code), "text": text} | town
    from hub.jurisdiction.places import resolver  # noqa: PLC0415  loaded when somebody types a place

    answer = resolver().resolve(text).as_json()
    if not answer["code"] or answer["ambiguous"]:
        message = "没有找到唯一的行政区划，请写出省、市、县全称或六位代码"
        raise RefusedError(message, kind="value", name=field_name)
    within = {name: answer[name] for name in ("town", "town_code", "village", "group") if answer.get(name)}
    return {"code": answer["code"], "name": answer["name"], "text": text} | within


def suggested(session: Session, clue: Clue, field_name: str, suggestion_id: int) -> Any:
    """The value a suggestion of this clue proposes for the field; None where there is no such suggestion."""
    row = session.scalars(
        select(SuggestionRow).where(
            SuggestionRow.id == suggestion_id, SuggestionRow.clue_id == clue.id, SuggestionRow.field == field_name
        )
    ).first()
    if row is None:
        return None
    value = open_key(session, clue.key_id).json(row.value, "suggestion.value")["value"]
    return value.get("class") if field_name == "class" and isinstance(value, dict) else value


def note_read(session: Session, who: Actor, clue: Clue, sign_in: str, act: str = "read_original") -> None:
    """Writes the audited read of an original or of its masked form: one per clue and sign-in (PRODUCT §10)."""
    audit.record(session, f"clue:{clue.id}", act, actor=who.label, data={"sign_in": sign_in})


def reenrich(session: Session, clue: Clue) -> None:
    """Text behind the suggestions has changed: they are made again; those of before are kept, no longer current."""
    clue.enriched = False
    announce(session, clue)
    work.put(session, "enrich", {"clue": clue.id}, once=f"enrich:{clue.id}")
