"""What is known of a violation as a sheet without the reporter: of transfers (E7) and of the case package (F10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.masking import BLOCK, mask
from hub.access.sealing import open_key
from hub.casework.slips import Sheet
from hub.jurisdiction.divisions import table
from hub.law.deadlines import base_day
from hub.models import Blob, Clue, ClueReporter, IntakeClue, Reporter, Value
from hub.terms import CLASS_LABELS

_SHOWN = {"respondent": "违法主体", "area": "面积", "occurred": "发生时间", "organisation": "相关单位"}
_IDENTITY = {"name": "姓名", "phone": "电话", "email": "电子邮件", "address": "通信地址"}
Rows = Sequence[tuple[str, str]]


def day(of: date) -> str:
    """A day as documents write it."""
    return f"{of.year}年{of.month}月{of.day}日"


def known(session: Session, clue: Clue, title: str, first: Rows, last: Rows, *, identity: bool = False) -> Sheet:
    """The sheet: `first` rows, what people confirmed, the masked text, `last` texts without anything of the reporters.

    Originals stand in it by number and hash only, because they may show who reported. `identity`: only by consent; the
    caller has written down that it is opened.
    """
    people = _reporters(session, clue)
    key = open_key(session, clue.key_id)
    division = clue.division if clue.division_confirmed else None
    rows = [
        *first,
        ("线索编号", clue.no),
        ("收到日期", day(base_day(clue.at))),
        ("违法行为发生地", table().path(division).replace("/", "") if division else "未确认"),
        ("违法类型", CLASS_LABELS.get(clue.class_code or "", "未确认") if clue.class_confirmed else "未确认"),
    ]
    decided = session.scalars(select(Value).where(Value.clue_id == clue.id).order_by(Value.id))
    newest = {row.field: key.json(row.value, "clue.value") for row in decided if row.field in _SHOWN}
    rows += [(_SHOWN[name], _redacted(in_words(value), people)) for name, value in newest.items()]
    if identity:
        for person in people:
            told = "；".join(f"{label}{person[name]}" for name, label in _IDENTITY.items() if person.get(name))
            rows.append(("举报人", told or "未留信息"))
    texts = [
        ("反映内容（已隐去个人信息）", key.text(clue.summary, "clue.summary")),
        *((name, _redacted(words, people)) for name, words in last),
    ]
    return Sheet(
        title, rows, [one for one in texts if one[1].strip()],
        [("原始材料目录（由承办单位保存，编号、类型和SHA-256）", _originals(session, clue))],
    )  # fmt: skip


def names_reporter(session: Session, clue: Clue, text: str) -> bool:
    """Whether the text holds anything that is sealed of the clue's reporters: a name, a number, an address."""
    return any(told in text for told in _said(_reporters(session, clue)))


def redacted(session: Session, clue: Clue, text: str) -> str:
    """What a person wrote about the clue, without anything of its reporters."""
    return _redacted(text, _reporters(session, clue)) if text else ""


def in_words(value: object) -> str:
    """A confirmed value as documents write it."""
    if isinstance(value, dict):
        return str(value.get("text") or value.get("name") or "、".join(str(one) for one in value.values()))
    return "、".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _reporters(session: Session, clue: Clue) -> list[dict[str, str]]:
    rows = session.scalars(
        select(Reporter)
        .join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
        .where(ClueReporter.clue_id == clue.id)
        .order_by(Reporter.id)
    )
    return [open_key(session, row.key_id).json(row.identity, "reporter.identity") for row in rows]


def _redacted(text: str, people: list[dict[str, str]]) -> str:
    """The text without anything of the reporters, however it got into it."""
    for told in _said(people):
        text = text.replace(told, BLOCK * len(told))
    return mask(text)


def _said(people: list[dict[str, str]]) -> list[str]:
    """Every line that is known of the reporters."""
    words = (value for person in people for value in person.values() if isinstance(value, str))
    return [line for value in words for line in value.splitlines() if len(line) > 1]


def _originals(session: Session, clue: Clue) -> list[list[str]]:
    rows = session.scalars(
        select(Blob)
        .join(IntakeClue, IntakeClue.intake_id == Blob.intake_id)
        .where(IntakeClue.clue_id == clue.id, Blob.origin.in_(("raw", "fetched")))
        .order_by(Blob.intake_id, Blob.ord)
    )
    return [[str(number), row.media_type, row.sha256] for number, row in enumerate(rows, 1)]
