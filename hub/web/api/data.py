"""The data of acts as JSON: their types for the document, and the look at what a request gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hub.casework import RefusedError
from hub.casework.fields import CHECKED, FIELDS, VALUES, Words
from hub.law import workflow
from hub.law.workflow import Rule

NUMBERS = ("handler", "notice", "intake")
"""Data that are ids of ours, whatever they look like on a screen."""
LINE, TEXT, MANY = 300, 2000, 100
AT_REASON = "at_reason"
"""Why an act is entered later than it happened: goes with every act."""
_ID = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_OFFICER = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "certificate": {"type": "string", "maxLength": 60},
        "valid_from": {"type": "string", "format": "date"},
        "valid_until": {"type": "string", "format": "date"},
    },
    "required": ["name", "certificate", "valid_until"],
    "additionalProperties": False,
}
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "maxLength": LINE},
    "words": {"type": "string", "maxLength": TEXT},
    "choice": {"type": "string", "maxLength": LINE},
    "date": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "flag": {"type": "boolean"},
    "unit": {"type": "string", "maxLength": LINE},
    "units": {"type": "array", "items": {"type": "string", "maxLength": LINE}, "maxItems": MANY},
    "person": _ID,
    "clue": {"type": "string", "maxLength": LINE},
    "division": {"type": "string", "pattern": "^[0-9]{6}([0-9]{3}){0,2}$"},
    "class": {"type": "string", "maxLength": LINE},
    "officers": {"type": "array", "items": _OFFICER, "maxItems": MANY},
    "elements": {
        "type": "object",
        "properties": {name: {"type": "string", "enum": list(CHECKED)} for name in VALUES["elements"]},
        "additionalProperties": False,
    },
    "number": {"type": "number"},
    "photos": {"type": "array", "items": _ID, "maxItems": MANY},
}


def schema(name: str, one_of: tuple[str, ...] = ()) -> dict[str, Any]:
    """JSON Schema of one datum; with `one_of` limited to these values."""
    words = FIELDS.get(name, Words(name, "text"))  # a test names the datum without words
    made = dict(_ID if name in NUMBERS else _TYPES[words.kind])
    if made["type"] == "string" and words.kind in ("choice", "class"):
        made = {"type": "string", "enum": list(one_of or VALUES[name])}
    elif one_of:
        made = {"type": "string", "enum": list(one_of)}
    return made | {"description": words.label + (f"（{words.hint}）" if words.hint else "")}


def schema_of(rule: Rule) -> dict[str, Any]:
    """JSON Schema of the data of an act."""
    needs = {need.name: need.one_of for need in rule.needs}
    names = [*needs, *(name for name in FIELDS if name in rule.may and name not in needs)]
    properties = {name: schema(name, needs.get(name, ())) for name in names}
    properties[AT_REASON] = {"type": "string", "maxLength": TEXT, "description": "补记较早时间的理由"}
    return {
        "type": "object",
        "title": rule.label,
        "description": rule.article,
        "properties": properties,
        "additionalProperties": False,
    }


def checked(act: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an act with nothing empty in it. Raises RefusedError for a value of another type.

    Whether the act takes the datum, and which values it takes, the rule table says.
    """
    rule = workflow.rules().get(act)
    out: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name in FIELDS or name == AT_REASON:
            wanted = schema(name) if name in FIELDS else {"type": "string", "maxLength": TEXT}
            if "enum" in wanted and isinstance(value, str):
                wanted = {"type": "string"}  # the rule table names the values of each act
            if not fits(wanted, value):
                label = FIELDS[name].label if name in FIELDS else "补记理由"
                article = rule.article if rule else ""
                raise RefusedError(f"{label}的格式不正确", rule=act, article=article, kind="value", name=name)
        out[name] = value
    return out


def fits(wanted: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is what a schema of this module says; formats of days and times are read by casework."""
    return _CHECKS[wanted["type"]](wanted, value)


def _string(wanted: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, str) or len(value) > wanted.get("maxLength", TEXT) or "\0" in value:
        return False
    if "pattern" in wanted:
        return value.isascii() and value.isdigit() and len(value) in (6, 9, 12)
    return "enum" not in wanted or value in wanted["enum"]


def _number(_wanted: Mapping[str, Any], value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18 and math.isfinite(value)
    )


def _integer(wanted: Mapping[str, Any], value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and wanted["minimum"] <= value <= wanted["maximum"]


def _array(wanted: Mapping[str, Any], value: Any) -> bool:
    return isinstance(value, list) and len(value) <= wanted["maxItems"] and all(fits(wanted["items"], v) for v in value)


def _object(wanted: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= wanted["properties"].keys():
        return False
    if not set(wanted.get("required", ())) <= value.keys():
        return False
    return all(fits(wanted["properties"][name], inner) for name, inner in value.items())


_CHECKS: dict[str, Callable[[Mapping[str, Any], Any], bool]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda _wanted, value: isinstance(value, bool),
    "array": _array,
    "object": _object,
}
