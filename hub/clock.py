"""The only reader of time. Legal dates are counted in China Standard Time (UTC+8, no summer time since 1991).

`now` is the hub's time: what happens happens then. `real` is the world's: sign-ins, leases, signatures and the log
keep it. They differ only while a demo's clock is moved (`hub demo clock`), which a file tells every process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
_LOOK = 0.2  # seconds between two looks at the file


@dataclass
class _Followed:
    file: Path | None = None
    looked: float = float("-inf")
    moved: timedelta = timedelta(0)


_followed = _Followed()


def follow(file: Path) -> None:
    """Lets this process keep the time of a demo: `file` holds the seconds its clock is ahead; no file: none."""
    _followed.file, _followed.looked = file, float("-inf")


def moved() -> timedelta:
    """How far the hub's time is ahead of the world's."""
    seen = time.monotonic()
    if _followed.file is not None and seen - _followed.looked >= _LOOK:
        _followed.looked = seen
        try:
            _followed.moved = timedelta(seconds=max(0, int(_followed.file.read_text("ascii"))))
        except FileNotFoundError:
            _followed.moved = timedelta(0)
        except (OSError, ValueError):  # unreadable or half written by hand: what was known stays
            return _followed.moved
    return _followed.moved


def real() -> datetime:
    """The present moment of the world, timezone-aware in UTC."""
    return datetime.now(tz=timezone.utc)  # noqa: UP017  the same spelling as CHINA above


def now() -> datetime:
    """The present moment of the hub, timezone-aware in UTC."""
    return real() + moved()


def today() -> date:
    """The hub's date in China."""
    return now().astimezone(CHINA).date()


def china(moment: datetime) -> datetime:
    """The same moment on Chinese clocks."""
    return moment.astimezone(CHINA)
