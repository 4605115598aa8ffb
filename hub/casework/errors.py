"""How an act is refused."""

from __future__ import annotations


class RefusedError(RuntimeError):
    """An act that the rules do not allow; the message (Chinese) names the rule."""


class StaleError(RefusedError):
    """Somebody else changed the clue in the meantime; trying again after a look helps."""
