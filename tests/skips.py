"""Turns every skip that tests/skips.toml does not know into a failure. Loaded by tests/conftest.py."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

EXPECTED = [
    re.compile(entry["reason"]) for entry in tomllib.loads(Path(__file__).with_name("skips.toml").read_text())["skip"]
]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not any(pattern.fullmatch(reason) for pattern in EXPECTED):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, which tests/skips.toml does not expect: {reason}"
    return report
