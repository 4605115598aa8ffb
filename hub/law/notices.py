"""The notices: dated templates with declared slots, in the closed vocabulary of slot types (PRODUCT §7, G2, G11).

An administrator installs the ministry's wording as further templates; `check` refuses one that could carry content.
Pure: the day comes in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

KINDS = {
    "receipt": "收件告知",
    "accepted": "受理告知",
    "out_of_scope": "不予受理告知",
    "duplicate": "重复举报告知",
    "supplement": "补充材料告知",
    "no_violation": "无违法行为告知",
    "violation": "存在违法行为告知",
    "correction": "更正告知",
}
ALIASES = {
    "P1": "accepted", "P3": "out_of_scope", "P4": "duplicate", "P5": "supplement", "R0": "no_violation",
    "R1": "violation", "acceptance": "accepted", "refusal": "out_of_scope",
    **{name: kind for kind, name in KINDS.items()},
}  # fmt: skip
PHRASES = {"no_violation": "不存在{label}违法行为", "violation": "将依法依规予以处理"}
"""The statutory words of the two results; the label set (国土资源, 自然资源) aside."""
LABELS = ("国土资源", "自然资源")
ELEMENTS = {"place": "违法行为发生地", "facts": "主要违法事实"}
NEUTRAL = "您好！您此前办理的事项有新的进展，请凭查询码查询。"
"""What a bystander may read: for confidential reports by SMS and for those who wish it so."""
MAX_TEXT = 500  # characters of a template: it must fit a few text messages

_SLOT = re.compile(r"\{([^{}]*)\}")
_OPTION = re.compile(r"\[\[(.*?)\]\]")
_UNIT = re.compile(
    r"[\u4e00-\u9fff（）()]{2,40}(?:局|厅|部|委|委员会|办公室|政府|队|中心|站|所|院|法院|检察院|部门|组|处|会|街道|12345热线)"
)
_ACCUSING = re.compile(r"违法|违规|非法|举报|占地|占用|采矿|盗采|贪|腐|镇.*村|某")
_CODE = re.compile(r"[A-Z0-9]{4,12}(?:-[A-Z0-9]{2,12}){0,3}")


class TemplateError(ValueError):
    """A template that cannot be installed; the message is Chinese, for the administrator."""


@dataclass(frozen=True, slots=True)
class Template:
    """One dated wording. `slots`: name → type; `optional` ones may be missing."""

    id: str
    kind: str
    title: str
    text: str
    slots: Mapping[str, str]
    since: date
    article: str = ""
    optional: frozenset[str] = frozenset()


def _date(value: Any) -> str | None:
    found = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", value) if isinstance(value, str) else None
    if found is None:
        found = re.fullmatch(r"(\d{4})年(\d{1,2})月(\d{1,2})日", value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return f"{day.year}年{day.month}月{day.day}日"


def _unit(value: Any) -> str | None:
    fits = isinstance(value, str) and _UNIT.fullmatch(value) and not _ACCUSING.search(value)
    return value if fits else None


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _elements(value: Any) -> str | None:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        return None
    words = [ELEMENTS.get(name, name) if isinstance(name, str) else None for name in names]
    if len(set(words)) != len(words) or not set(words) <= set(ELEMENTS.values()):
        return None
    return "和".join(word for word in words if word)


def _kind(value: Any) -> str | None:
    return KINDS.get(ALIASES.get(value, value)) if isinstance(value, str) else None


def _label(value: Any) -> str | None:
    return value if value in LABELS else None


TYPES: Mapping[str, tuple[Callable[[Any], str | None], str]] = {
    "date": (_date, "须为日期，例如 2026-03-02"),
    "unit": (_unit, "须为单位名称"),
    "code": (_code, "须为查询码"),
    "elements": (_elements, "须为“违法行为发生地”“主要违法事实”中的一项或两项"),
    "kind": (_kind, "须为告知种类"),
    "label": (_label, "须为“国土资源”或“自然资源”"),
}
"""Every type a slot may have. None of them takes free text."""


def check(template: Template) -> None:
    """Refuses a template that cannot render or could carry content. Raises TemplateError."""
    if template.kind not in KINDS:
        raise TemplateError("没有这种告知")
    if not 0 < len(template.text) <= MAX_TEXT:
        raise TemplateError(f"告知内容须在 1 至 {MAX_TEXT} 字之间")
    used = set(_SLOT.findall(template.text))
    if used != set(template.slots):
        raise TemplateError(f"使用的栏位与声明的栏位不一致：{'、'.join(sorted(used ^ set(template.slots)))}")
    unknown = [name for name, kind in template.slots.items() if kind not in TYPES]
    if unknown:
        raise TemplateError(f"栏位类型不允许：{'、'.join(unknown)}")
    if not template.optional <= set(template.slots):
        raise TemplateError("可选栏位未声明")
    outside = set(_SLOT.findall(_OPTION.sub("", template.text)))
    if outside & template.optional:
        raise TemplateError("可选栏位须写在 [[ ]] 之内")
    if re.search(r"[{}\[\]]", _OPTION.sub(r"\1", _SLOT.sub("", template.text))):
        raise TemplateError("括号不成对")
    phrase = PHRASES.get(template.kind)
    plain = template.text.replace("国土资源", "{label}").replace("自然资源", "{label}")
    if phrase is not None and phrase not in plain:
        raise TemplateError(f"缺少法定用语：{phrase.replace('{label}', '国土资源')}")


SAMPLES = {
    "date": "2026-03-02", "unit": "县自然资源局", "code": "K7QM-29XA-4HTN", "elements": ["place", "facts"],
    "kind": "accepted", "label": LABELS[0],
}  # fmt: skip
"""A value of every slot type."""


def proof(template: Template) -> tuple[str, str]:
    """The wording with every slot filled and with the optional ones left out. Raises TemplateError if one cannot be."""
    full = {name: SAMPLES[kind] for name, kind in template.slots.items()}
    bare = {name: value for name, value in full.items() if name not in template.optional}
    made = [fill(template, slots) for slots in (full, bare)]
    if any(not told.get("text", "").strip() for told in made):
        raise TemplateError("按样例无法生成告知内容")
    return made[0]["text"], made[1]["text"]


def read_templates(text: str) -> tuple[Template, ...]:
    """The templates of a data file, each checked. Raises TemplateError."""
    made: list[Template] = []
    for row in tomllib.loads(text)["template"]:
        template = Template(
            id=row["id"], kind=row["kind"], title=row["title"], text=row["text"], slots=row["slots"],
            since=row["since"], article=row["article"], optional=frozenset(row.get("optional", ())),
        )  # fmt: skip
        check(template)
        proof(template)
        made.append(template)
    return tuple(made)


@cache
def shipped() -> tuple[Template, ...]:
    """The templates of the package. Reads a data file, once."""
    return read_templates((files("hub.law") / "data" / "notices.toml").read_text(encoding="utf-8"))


def template_of(kind: str, on: date | None = None, among: Iterable[Template] | None = None) -> Template | None:
    """The wording in force on day `on` (None: the newest); None for an unknown kind or a day before the first."""
    found = [
        template
        for template in (shipped() if among is None else among)
        if template.kind == ALIASES.get(kind, kind) and (on is None or template.since <= on)
    ]
    return max(found, key=lambda template: template.since, default=None)


def fill(template: Template, slots: Mapping[str, Any]) -> dict[str, str]:
    """The text, or the first slot that is wrong: {"text"} or {"error", "slot"}."""
    told = {"label": LABELS[0], **slots} if "label" in template.slots else dict(slots)
    for name in told:
        if name not in template.slots:
            return {"error": "该告知没有这一栏", "slot": str(name)}
    words: dict[str, str] = {}
    for name, kind in template.slots.items():
        value = told.get(name)
        if value in (None, ""):
            if name in template.optional:
                continue
            return {"error": "缺少这一栏", "slot": name}
        read, hint = TYPES[kind]
        word = read(value)
        if word is None:
            return {"error": hint, "slot": name}
        words[name] = word
    text = _OPTION.sub(lambda found: found[1] if set(_SLOT.findall(found[1])) <= set(words) else "", template.text)
    return {"text": _SLOT.sub(lambda found: words[found[1]], text)}


def render(asked: Any, on: date | None = None) -> dict[str, str]:
    """What `hub try notice` prints for {"kind", "slots"}: {"text"} or {"error", "slot"}. Never raises on JSON."""
    if not isinstance(asked, dict):
        return {"error": '须为 {"kind", "slots"} 对象', "slot": ""}
    kind, slots = asked.get("kind"), asked.get("slots", {})
    template = template_of(kind, on) if isinstance(kind, str) else None
    if template is None:
        return {"error": f"没有这种告知；可用：{'、'.join(KINDS)}", "slot": "kind"}
    if not isinstance(slots, dict):
        return {"error": "slots 须为对象", "slot": "slots"}
    return fill(template, slots)
