"""Phrases and macros (C9): words that go into a box by a key, and whole forms of acts that are filled in at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.people import Actor
from hub.casework import RefusedError
from hub.law import workflow
from hub.models import Event, Phrase, User
from hub.supervision.keeping import Shelf

LONGEST, MOST_KEPT, TEXT_AT_MOST = 20, 60, 1000  # characters of a name, phrases of one person, characters of a text
SHELF = Shelf(Phrase, "常用语", "phrase", most=MOST_KEPT, longest=LONGEST)
PLACES = ("线索编号", "收到日期", "承办单位", "承办人", "今天")
"""What stands in braces is filled in from the clue when the phrase is put into a box; never a reporter."""
SAMPLE = {
    "线索编号": "430922-20260302-01-735473", "收到日期": "2026-03-02", "承办单位": "某县自然资源局", "承办人": "某某",
    "今天": "2026-03-09",
}  # fmt: skip
"""Words of no clue, for a look at a phrase before it is used."""
DONE = {"shared": "新增", "changed": "更改", "deleted": "删除"}
LISTED = 20  # changes on the page
NEVER_KEPT = frozenset(
    {"photos", "files", "version", "seen", "notice", "intake", "main", "earlier_clue", "query_code", "contact", "name",
     "told_at", "at", "at_reason", "evidence"}
)  # fmt: skip
"""Boxes that belong to one clue or one person: a macro that filled them in would be wrong the next time."""


@dataclass(frozen=True, slots=True)
class PhraseView:
    """A phrase; with `act` a macro whose `values` are boxes of the act's form."""

    id: int
    name: str
    text: str
    act: str
    values: Mapping[str, str]
    shared: bool
    own: bool
    may_change: bool

    @property
    def act_label(self) -> str:
        """The act of a macro in words."""
        rule = workflow.rules().get(self.act)
        return rule.label if rule is not None else ""

    @property
    def sample(self) -> str:
        """How the words look once they are in a box; "" where nothing in them is filled in."""
        shown = self.text
        for place, words in SAMPLE.items():
            shown = shown.replace("{" + place + "}", words)
        return shown if shown != self.text else ""


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody did to a phrase that the unit shares. `name` "": it is gone or shared no more."""

    at: datetime
    by: str
    what: str
    name: str


def history(session: Session, who: Actor) -> list[Change]:
    """The last changes of what the person's unit shares, the newest first: from events, which hold no words."""
    rows = session.scalars(
        select(Event)
        .where(Event.object == f"unit:{who.unit_id}", Event.act.in_([f"{SHELF.act}.{act}" for act in DONE]))
        .order_by(Event.seq.desc())
        .limit(LISTED)
    ).all()
    people = {int(row.actor[5:]) for row in rows if row.actor.startswith("user:")}
    names = {f"user:{one.id}": one.name for one in session.scalars(select(User).where(User.id.in_(people)))}
    now = {one.id: one.name for one in of(session, who) if one.shared}
    return [
        Change(row.at, names.get(row.actor, ""), DONE[row.act.partition(".")[2]], now.get(row.data[SHELF.act], ""))
        for row in rows
    ]


def of(session: Session, who: Actor) -> list[PhraseView]:
    """The phrases and macros of the person and those shared in their unit."""
    return [
        PhraseView(
            row.id, str(kept["name"]), str(kept.get("text", "")), row.act, dict(kept.get("values", {})), row.shared,
            row.user_id == who.user_id, SHELF.may_change(who, row),
        )
        for row, kept in SHELF.rows(session, who)
    ]  # fmt: skip


def save(session: Session, who: Actor, name: str, text: str, *, shared: bool = False) -> Phrase:
    """Keeps words. Raises RefusedError."""
    row: Phrase = SHELF.add(session, who, {"name": name, "text": _text(text)}, shared=shared)
    return row


def save_macro(
    session: Session, who: Actor, name: str, act: str, values: Mapping[str, str], *, shared: bool = False
) -> Phrase:
    """Keeps what was filled into the form of an act, without what belongs to one clue. Raises RefusedError."""
    rule = workflow.rules().get(act)
    if rule is None or rule.object != "clue" or not who.has(rule.roles):
        raise RefusedError("没有这种办理动作", kind="state")
    kept = {
        box: value[:TEXT_AT_MOST] for box, value in values.items()
        if value.strip() and box in rule.takes and box not in NEVER_KEPT
    }  # fmt: skip
    if not kept:
        raise RefusedError("没有可以保存的填写内容", kind="value", name="name")
    row: Phrase = SHELF.add(session, who, {"name": name, "values": kept}, shared=shared, act=act)
    return row


def change(session: Session, who: Actor, number: int, name: str, text: str, *, shared: bool) -> None:
    """Another name or other words. Raises RefusedError."""
    macro = SHELF.changeable(session, who, number).act
    SHELF.change(session, who, number, {"name": name} if macro else {"name": name, "text": _text(text)}, shared=shared)


def delete(session: Session, who: Actor, number: int) -> None:
    """Gone for everybody who had it. Raises RefusedError."""
    SHELF.delete(session, who, number)


def _text(text: str) -> str:
    words = text.replace("\r\n", "\n").strip()
    if not words or len(words) > TEXT_AT_MOST:
        reason = "常用语不能为空" if not words else f"常用语不能超过{TEXT_AT_MOST}字"
        raise RefusedError(reason, kind="value", name="text")
    return words
