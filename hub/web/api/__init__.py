"""/api/v1: all acts and reads of the screens, for programs. Refusals are problem details (RFC 9457)."""

from hub.web.api import (  # noqa: F401  register their routes
    approvals,
    bench,
    calendars,
    clues,
    intakes,
    lists,
    quarantine,
    supervision,
    telling,
)
from hub.web.api.base import bp

__all__ = ["bp"]
