"""The only reader of time. Legal dates are counted in China Standard Time (UTC+8, no summer time since 1991)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


def now() -> datetime:
    """The present moment, timezone-aware in UTC."""
    return datetime.now(tz=timezone.utc)  # noqa: UP017  the same spelling as CHINA above


def today() -> date:
    """The date in China."""
    return now().astimezone(CHINA).date()


def china(moment: datetime) -> datetime:
    """The same moment on Chinese clocks."""
    return moment.astimezone(CHINA)
