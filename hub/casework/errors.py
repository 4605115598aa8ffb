"""How an act is refused."""

from __future__ import annotations


class RefusedError(RuntimeError):
    """An act that the rules do not allow; the message (Chinese) names what forbids it.

    `rule`: id of the act's row in the rule table; `article`: of the measures; `kind`: state, role, unit, missing,
    value, guard, time; `name`: the datum or guard. Empty where no row of the table is concerned.
    """

    def __init__(self, message: str, *, rule: str = "", article: str = "", kind: str = "", name: str = "") -> None:
        super().__init__(message)
        self.rule, self.article, self.kind, self.name = rule, article, kind, name


class StaleError(RefusedError):
    """Somebody else changed the clue in the meantime; trying again after a look helps."""
