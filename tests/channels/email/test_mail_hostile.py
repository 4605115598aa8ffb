"""Each hostile mail costs less than two seconds of CPU and 400 MB, measured in a process of its own."""

from __future__ import annotations

import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.contract import Blob, NormalizeError, RawIntake
from channels.email import describe, normalize
from tests.channels.email.samples import HOSTILE

SECONDS = 2.0
BYTES = 400 << 20


@pytest.mark.parametrize("name", HOSTILE)
def test_bounded(name: str):
    data = HOSTILE[name]()
    intake = RawIntake("email", "e:1", "1", datetime(2026, 1, 1, tzinfo=UTC), (Blob("m", "message/rfc822", data),))
    normalize(RawIntake("email", "e:1", "0", intake.at, (Blob("m", "message/rfc822", b"Subject: warm\r\n\r\nup"),)))
    pid = os.fork()
    if pid == 0:  # a child: its memory is its own, and an address-space limit turns a breach into a failure
        code = 3
        try:
            used = _virtual()
            resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
            resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
            started = time.process_time()
            try:
                normalize(intake)
                code = 0
            except NormalizeError:
                code = 0
            if time.process_time() - started > SECONDS:
                code = 4
        finally:
            os._exit(code)
    _pid, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "3: raised, 4: too slow, negative: killed"
    if len(data) < 5_000_000:
        describe(data, "x")


def _virtual() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def test_a_gigabyte_on_disk_is_read_only_in_part(tmp_path):
    path = tmp_path / "big.eml"
    with path.open("wb") as file:
        file.write(b"Subject: big\r\nContent-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n")
        file.truncate(1 << 30)
    intake = RawIntake("email", "e:1", "1", datetime(2026, 1, 1, tzinfo=UTC), (Blob("m", "message/rfc822", path=path),))
    started = time.process_time()
    (found,) = normalize(intake)
    assert time.process_time() - started < SECONDS
    assert found.report.title == "big"
    assert found.report.warnings
