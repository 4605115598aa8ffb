"""Values of elements in the words of the screen."""

from __future__ import annotations

from typing import Any

from hub.casework.fields import VALUES
from hub.terms import CLASS_LABELS, ELEMENTS


def shown(name: str, value: Any) -> str:
    """A proposed value in the words of the screen."""
    if name == "place" and isinstance(value, dict):
        extra = "".join(filter(None, (value.get("town"), value.get("village"), value.get("group"))))
        return (
            "".join((value.get("name") or "未找到").split("/"))
            + extra
            + ("（不唯一）" if value.get("ambiguous") else "")
        )
    if name == "missing" and isinstance(value, list):
        return "、".join(ELEMENTS.get(item, str(item)) for item in value) or "四要素齐全"
    if name == "topics" and isinstance(value, list):
        return "、".join(str(one.get("name")) for one in value)
    if name in ("importance", "land_kind"):
        return VALUES[name].get(str(value), str(value))
    if name == "location" and isinstance(value, dict):
        label = f"{value['label']} " if value.get("label") else ""
        return f"{label}北纬 {value.get('lat')}，东经 {value.get('lon')}（{value.get('system')}）"
    if name in ("class", "scope"):
        code = value.get("class") if isinstance(value, dict) else value
        return f"{code} {CLASS_LABELS.get(str(code), '')}".strip() if code else "信息不足，无法判断"
    if isinstance(value, dict):
        return str(value.get("text") or value.get("name") or value.get("value") or "、".join(map(str, value.values())))
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)
