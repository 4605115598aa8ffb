"""The words of a notice: the wording in force, rendered from its sealed slots (G2, G8, W1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.law import notices
from hub.law.notices import Template, TemplateError
from hub.models import Clue, Notice, NoticeTemplate, Unit


class NoticeRefusedError(ValueError):
    """These words cannot be told; the message (Chinese) names what is wrong, `slot` where."""

    def __init__(self, message: str, slot: str = "") -> None:
        super().__init__(f"{message}（{slot}）" if slot else message)
        self.slot = slot


def installed(session: Session) -> list[Template]:
    """The wordings that administrators installed."""
    return [_template(row) for row in session.scalars(select(NoticeTemplate).order_by(NoticeTemplate.id))]


def _template(row: NoticeTemplate) -> Template:
    return Template(
        row.id, row.kind, row.title, row.text, dict(row.slots), row.since, row.article, frozenset(row.optional)
    )


def in_force(session: Session, kind: str, on: date) -> Template:
    """The wording for `kind` on a day: the latest one, local before shipped. Raises NoticeRefusedError."""
    found = notices.template_of(kind, on, [*installed(session), *notices.shipped()])
    if found is None:
        raise NoticeRefusedError("没有这种告知")
    return found


def by_id(session: Session, template_id: str) -> Template:
    """The wording a notice was made with; wordings are never changed or removed."""
    row = session.get(NoticeTemplate, template_id)
    if row is not None:
        return _template(row)
    return next(template for template in notices.shipped() if template.id == template_id)


def install(session: Session, who: Actor, template: Template) -> NoticeTemplate:
    """An administrator installs a further wording, e.g. the ministry's. Raises TemplateError; nothing is replaced."""
    notices.check(template)
    notices.proof(template)
    known = {shipped.id for shipped in notices.shipped()} | {row.id for row in installed(session)}
    if template.id in known or not template.id.strip():
        raise TemplateError("这个编号已有文本；修改须另立编号和生效日期")
    if template.since < clock.today():
        raise TemplateError("生效日期不能早于今天")
    row = NoticeTemplate(
        id=template.id, kind=template.kind, title=template.title, text=template.text, slots=dict(template.slots),
        optional=sorted(template.optional), article=template.article, since=template.since, by_user=who.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    data = {"template": row.id, "kind": row.kind}
    audit.record(session, f"notice_template:{row.id}", "install", actor=who.label, data=data)
    return row


def defaults(session: Session, clue: Clue, template: Template) -> dict[str, str]:
    """What every notice of a clue says unless told otherwise: its date and the owning unit's name."""
    unit = session.get_one(Unit, clue.owner_unit_id)
    told = {"date": clock.china(clue.at).date().isoformat(), "unit": unit.name}
    return {name: value for name, value in told.items() if name in template.slots}


def render(template: Template, slots: Mapping[str, Any]) -> str:
    """The text. Raises NoticeRefusedError for a slot that is missing, unknown or could carry content."""
    made = notices.fill(template, slots)
    if "text" not in made:
        raise NoticeRefusedError(made["error"], made["slot"])
    return made["text"]


def preview(session: Session, clue_id: int, kind: str, slots: Mapping[str, Any]) -> str:
    """What would be told, before anything is asked for (G8). Raises NoticeRefusedError."""
    template = in_force(session, kind, clock.today())
    return render(template, {**defaults(session, session.get_one(Clue, clue_id), template), **slots})


def slots_of(session: Session, notice: Notice) -> dict[str, Any]:
    if notice.slots is None or notice.key_id is None:
        return {}
    told: dict[str, Any] = open_key(session, notice.key_id).json(notice.slots, "notice.slots")
    return told


def text_of(session: Session, notice: Notice, *, neutral: bool = False, shown: bool = False) -> str:
    """The words of a notice. `shown`: on a screen of ours, without the query code, which only the reporter has."""
    if neutral:
        return notices.NEUTRAL
    slots = slots_of(session, notice)
    if shown:
        slots = {name: value for name, value in slots.items() if name != "query_code"}
    return render(by_id(session, notice.template), slots)
