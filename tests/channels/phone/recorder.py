"""A recording machine that writes into a watched folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.contract import Source
from channels.phone.folder import poll_once
from channels.phone.watch import Watch
from channels.testing import MemoryPorts, check_normalize

Wav = Callable[..., bytes]


SIDECAR = {
    "call_id": "000123",
    "caller": "13800138000",
    "agent": "8003",
    "start": "2026-03-02 09:05:03",
    "duration": 65,
}


class Recorder:
    """Looks at the folder like the poller, with a clock that is moved by hand."""

    def __init__(self, ports: MemoryPorts, source: Source) -> None:
        self.ports, self.source, self.watch = ports, source, Watch()
        ports.clock = datetime.now(UTC) + timedelta(minutes=1)

    def look(self, after: float = 0.0) -> int:
        self.ports.advance(timedelta(seconds=after))
        return poll_once(self.ports, self.source, self.watch)

    def wait(self, seconds: float) -> int:
        """Look each second."""
        return sum(self.look(1) for _ in range(int(seconds)))

    def restart(self) -> Recorder:
        again = Recorder(self.ports, self.source)
        again.ports.clock = self.ports.clock
        return again

    def set(self, **settings: object) -> None:
        self.source = replace(self.source, settings={**self.source.settings, **settings})


@pytest.fixture
def recorder(ports: MemoryPorts, source: Source) -> Recorder:
    return Recorder(ports, source)


def check_normalize_one(raw: object) -> list[object]:
    from channels.phone import CHANNEL

    found = check_normalize(CHANNEL, raw)
    assert found is not None
    return found
