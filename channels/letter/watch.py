"""How long the files of a scanner folder have not changed, and which of them are no scans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from channels.folders import Entry

JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})


@dataclass
class Watch:
    """What a poller remembers between two looks; losing it costs seconds and some hashing, never a letter."""

    since: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # name → version, first seen
    done: set[str] = field(default_factory=set)  # tokens of versions that are stored

    def look(self, entries: list[Entry], now: datetime) -> None:
        seen: dict[str, tuple[str, datetime]] = {}
        for entry in entries:
            before = self.since.get(entry.name)
            token = entry.token
            keep = before is not None and before[0] == token and before[1] <= now
            seen[entry.name] = before if keep and before is not None else (token, now)
        self.since = seen
        self.done &= {token for token, _ in seen.values()}

    def quiet(self, entry: Entry, now: datetime) -> timedelta:
        """How long this version of the file has stood unchanged."""
        return now - self.since[entry.name][1]
