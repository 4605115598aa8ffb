"""/api/v1: all acts and reads of the screens, for programs. Refusals are problem details (RFC 9457)."""

from hub.web.api import approvals, calendars, clues, intakes, lists, telling  # noqa: F401  register their routes
from hub.web.api.base import bp

__all__ = ["bp"]
