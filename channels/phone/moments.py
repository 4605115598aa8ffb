"""Times and lengths as call recorders write them. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

_DATE = re.compile(
    r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
    r"(?:[T\s_]*(?P<H>\d{1,2})[:：时点](?P<M>\d{1,2})(?:[:：分](?P<S>\d{1,2})?(?P<F>[.,]\d{1,9})?秒?)?分?"
    r"\s*(?P<Z>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[T_\-\s]?(\d{2})(\d{2})(\d{2})?", re.ASCII)
_EPOCH = re.compile(r"(\d{9,10}|\d{13})(\.\d{1,9})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2})(?:\.\d{1,9})?", re.ASCII)
_WORDS = re.compile(
    r"(?:(\d{1,3})\s*(?:小时|时|h)\s*)?(?:(\d{1,4})\s*(?:分钟|分|min|m)\s*)?(?:(\d{1,6}(?:\.\d{1,9})?)\s*(?:秒钟|秒|sec|s)?)?",
    re.ASCII | re.IGNORECASE,
)
MAX_SECONDS = 7 * 24 * 3600.0
"""Longer calls do not exist; a larger number is a column read wrongly."""


def parse_time(text: str, zone: tzinfo) -> datetime | None:
    """The moment `text` names, timezone-aware, or None. Without an offset it is local time in `zone`.

    Reads ISO 8601, 2026/3/2 9:05, 2026年3月2日9时5分, 20260302090500, Unix seconds or milliseconds, and RFC 2822
    (Twilio). A bare date gives None: a clock base needs a time of day.
    """
    text = text.strip()[:80]
    try:
        if match := _EPOCH.fullmatch(text):
            number = int(match[1])
            return datetime.fromtimestamp(number / 1000 if len(match[1]) == 13 else number, tz=UTC)
        if match := _COMPACT.fullmatch(text):
            return datetime(*(int(part or 0) for part in match.groups()), tzinfo=zone)  # type: ignore[misc, arg-type]
        if match := _DATE.fullmatch(text):
            if match["H"] is None:
                return None
            date = [int(match[name] or 0) for name in ("y", "m", "d", "H", "M", "S")]
            offset = (match["Z"] or "").upper().replace(":", "")
            where = zone if not offset else UTC if offset == "Z" else datetime.strptime(offset, "%z").tzinfo
            return datetime(date[0], date[1], date[2], date[3], date[4], date[5], tzinfo=where)
        if text[:3].isalpha():
            found = parsedate_to_datetime(text)
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError, IndexError, TypeError):
        return None  # looks like a time, names none: 2026-13-40, or out of the range of datetime
    return None


def parse_seconds(text: str) -> float | None:
    """A length in seconds: 65, 65.2, 1:05, 00:01:05, 65秒, 1分5秒, 2h3m. None where it is none of these."""
    text = text.strip()[:40]
    if not text:
        return None
    if match := _CLOCK.fullmatch(text):
        seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    elif match := _WORDS.fullmatch(text):
        seconds = int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3] or 0)
    else:
        return None
    return seconds if seconds <= MAX_SECONDS else None


def plain_seconds(seconds: float | None) -> str:
    """65.0 → "65", 65.25 → "65.3", None → ""."""
    return "" if seconds is None else f"{seconds:.1f}".removesuffix(".0")


def not_later(moment: datetime, now: datetime) -> datetime:
    """The base of a legal clock never lies in the future (PRODUCT §4)."""
    return min(moment, now)


def ended(start: datetime, seconds: float | None) -> datetime:
    return start + timedelta(seconds=seconds or 0)
