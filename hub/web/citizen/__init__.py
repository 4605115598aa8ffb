"""The citizens' side: report, query, supplement. Own cookie, own pages; nothing here leads to a page of staff."""

from hub.web.citizen import pages, report, scope, supplement  # noqa: F401  they add their views
from hub.web.citizen.gate import bp

__all__ = ["bp"]
