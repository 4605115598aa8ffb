"""What people keep under a name for themselves, or a lead for the unit: views of the queue, phrases.

Each is one sealed JSON under a key of its own that goes with it: what people type may name a reporter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from hub import db
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import new_key, open_key, opened_key
from hub.casework import RefusedError
from hub.models import DataKey, Phrase, SavedView
from hub.terms import Role

SHARERS = frozenset({Role.LEAD})
Kept = SavedView | Phrase


class Shelf:
    """A kind of kept thing. `what`: its name in messages; `act`: the stem of its events; `most`: of one person."""

    def __init__(self, model: type[SavedView | Phrase], what: str, act: str, *, most: int, longest: int) -> None:
        self.model: Any = model  # the two tables have the same columns, and no class in common that says so
        self.what, self.act, self.most, self.longest = what, act, most, longest
        self._asked = (
            select(
                *model.__table__.columns,
                DataKey.unit_id.label("key_unit"), DataKey.version.label("key_version"), DataKey.wrapped,
            )
            .join(DataKey, DataKey.id == self.model.key_id)
            .where(self._reach(bindparam("person"), bindparam("unit")))
            .order_by(self.model.id)
        )  # fmt: skip

    def reachable(self, who: Actor) -> ColumnElement[bool]:
        """The person's own and those shared in their unit."""
        return self._reach(who.user_id, who.unit_id)

    def _reach(self, person: Any, unit: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = or_(
            self.model.user_id == person, and_(self.model.shared, self.model.unit_id == unit)
        )
        return found

    def rows(self, session: Session, who: Actor) -> list[tuple[Any, dict[str, Any]]]:
        """(row, what it keeps) of all the person has, in the order they were made."""
        found = db.asked(session, self._asked, person=who.user_id, unit=who.unit_id)
        field = f"{self.act}.kept"
        return [
            (row, opened_key(row.key_id, row.key_unit, row.key_version, row.wrapped).json(row.kept, field))
            for row in found
        ]

    def opened(self, session: Session, row: Kept) -> dict[str, Any]:
        """What the row keeps."""
        kept: dict[str, Any] = open_key(session, row.key_id).json(row.kept, f"{self.act}.kept")
        return kept

    def may_change(self, who: Actor, row: Kept) -> bool:
        """One's own; a lead also what is shared in the unit."""
        return row.user_id == who.user_id or (row.shared and row.unit_id == who.unit_id and who.has(SHARERS))

    def add(self, session: Session, who: Actor, kept: dict[str, Any], *, shared: bool, **columns: Any) -> Any:
        """Keeps a new one. Raises RefusedError."""
        mine = [held for row, held in self.rows(session, who) if row.user_id == who.user_id]
        if len(mine) >= self.most:
            raise RefusedError(f"最多保存{self.most}个{self.what}，请先删除不用的", kind="value", name="name")
        kept = {**kept, "name": self._name(str(kept["name"]), mine)}
        self._check_share(who, shared=shared)
        key = new_key(session, who.unit_id)
        row = self.model(
            user_id=who.user_id, unit_id=who.unit_id, shared=shared, key_id=key.id,
            kept=key.seal_json(kept, f"{self.act}.kept"), **columns,
        )  # fmt: skip
        session.add(row)
        session.flush()
        self._note(session, who, row, "shared", told=shared)
        return row

    def change(self, session: Session, who: Actor, number: int, changed: dict[str, Any], *, shared: bool) -> Any:
        """Other content under the same number; shared with the unit or not any more. Raises RefusedError."""
        row = self.changeable(session, who, number)
        others = [
            held for other, held in self.rows(session, who) if other.user_id == row.user_id and other.id != row.id
        ]
        changed = {**self.opened(session, row), **changed}
        changed["name"] = self._name(str(changed["name"]), others)
        if shared != row.shared:
            self._check_share(who, shared=True)
        row.kept = open_key(session, row.key_id).seal_json(changed, f"{self.act}.kept")
        was, row.shared = row.shared, shared
        session.flush()
        self._note(session, who, row, "changed", told=was or shared)
        return row

    def delete(self, session: Session, who: Actor, number: int) -> None:
        """It and its key are gone. Raises RefusedError."""
        row = self.changeable(session, who, number)
        self._note(session, who, row, "deleted", told=row.shared)
        key_id = row.key_id
        session.delete(row)
        session.flush()
        session.delete(session.get_one(DataKey, key_id))

    def changeable(self, session: Session, who: Actor, number: int) -> Any:
        """The row, locked. Raises RefusedError where it is not this person's to change."""
        row = session.get(self.model, number, with_for_update=True)
        if row is None or not self.may_change(who, row):
            raise RefusedError(f"没有这个{self.what}", kind="state")
        return row

    def _name(self, name: str, others: Iterable[dict[str, Any]]) -> str:
        named = " ".join(name.split())
        if not named or len(named) > self.longest:
            words = f"请给{self.what}起名" if not named else f"名称不能超过{self.longest}字"
            raise RefusedError(words, kind="value", name="name")
        if any(held["name"] == named for held in others):
            raise RefusedError(f"已有同名的{self.what}", kind="value", name="name")
        return named

    def _check_share(self, who: Actor, *, shared: bool) -> None:
        if shared and not who.has(SHARERS):
            raise RefusedError(f"只有负责人可以与本单位共用{self.what}", kind="role", name="shared")

    def _note(self, session: Session, who: Actor, row: Kept, what: str, *, told: bool) -> None:
        """What the unit shares is the unit's matter; what one keeps for oneself is nobody's."""
        if told:
            data = {self.act: row.id, "shared": row.shared}
            audit.record(session, f"unit:{row.unit_id}", f"{self.act}.{what}", actor=who.label, data=data)
