"""One act on one clue while it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.law.deadlines import base_day
from hub.law.workflow import Rule
from hub.models import Clue


@dataclass
class Doing:
    """`who` None: the machine. `at`: when it happened. `data`: what was given; `facts`: what casework found out.

    Effects note what the event keeps in `noted` (codes and ids only) and the clocks they moved in `clocks`; `target`
    is set where the row of the table restores a state; `made` is a clue that the act opened; `approval` is the id of
    the proposal that was approved (0: it is only tried).
    """

    session: Session
    who: Actor | None
    clue: Clue
    rule: Rule
    data: dict[str, Any]
    at: datetime
    now: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    noted: dict[str, Any] = field(default_factory=dict)
    clocks: list[dict[str, Any]] = field(default_factory=list)
    target: str | None = None
    made: Clue | None = None
    approval: int | None = None

    @property
    def user_id(self) -> int | None:
        return self.who.user_id if self.who else None

    def value(self, name: str) -> Any:
        """A datum: what casework found out wins over what was given."""
        return self.facts.get(name, self.data.get(name))

    def day(self, name: str) -> date:
        """A datum as a day of China. Raises RefusedError where it is none."""
        found = day_of(self.value(name))
        if found is None:
            raise self.refused("日期格式不正确", "value", name)
        return found

    def refused(self, reason: str, kind: str = "guard", name: str = "") -> RefusedError:
        return RefusedError(reason, rule=self.rule.id, article=self.rule.article, kind=kind, name=name)


def day_of(value: Any) -> date | None:
    """A day of China from a date, a moment with its zone, or ISO text; None where it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return base_day(value) if value.tzinfo is not None else None
    return value if isinstance(value, date) else None
