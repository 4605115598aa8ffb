"""The fault layer: a seed that can be repeated, killable processes, a real IMAP server, what is kept on failure."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.channels.email import dovecot
from tests.fault.kit import ROOT, Ledger, Zygote, entrance

OUTCOME = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


@pytest.fixture(scope="session")
def _zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def seed() -> int:
    value = int(os.environ.get("HUB_TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"HUB_TEST_SEED={value}")
    return value


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def forked(
    _zygote: Zygote, hub: Path, tmp_path: Path, request: pytest.FixtureRequest, seed: int, ledger: Ledger
) -> Iterator[Zygote]:
    """The zygote for this test."""
    _zygote.begin(tmp_path / "processes")
    yield _zygote
    _zygote.end()
    if request.node.stash.get(OUTCOME, False):
        keep(request.node, tmp_path, hub, seed, ledger)


def keep(node: pytest.Item, tmp_path: Path, var: Path, seed: int, ledger: Ledger) -> None:
    folder = ROOT / "var" / "test-artifacts" / re.sub(r"[^\w.-]+", "_", node.name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (tmp_path / "processes", var / "log", var / "run"):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("*.sock", ".s.*"))
    (folder / "ledger.json").write_text(json.dumps(ledger.sent, indent=1))
    (folder / "repeat").write_text(f'HUB_TEST_SEED={seed} .venv/bin/python -m pytest "{node.nodeid}"\n')


@dataclass
class Mailserver:
    """An IMAP server with a folder of its own for the test: Dovecot as root, else the project's embedded one."""

    real: Any
    folder: str

    @property
    def port(self) -> int:
        return int(self.real.port)

    @property
    def password(self) -> str:
        return str(self.real.password)

    def append_all(self, mails: list[bytes], at: datetime | None = None) -> None:
        if isinstance(self.real, dovecot.Dovecot):
            self.real.append_all(mails, self.folder, at)
        else:
            for data in mails:
                self.real.append(data, at, self.folder)

    def seen(self) -> int:
        """How many mails were acknowledged."""
        if isinstance(self.real, dovecot.Dovecot):
            with self.real.client() as client:
                told = client.folder_status(self.folder, ["MESSAGES", "UNSEEN"])
            return int(told[b"MESSAGES"]) - int(told[b"UNSEEN"])
        return sum("\\Seen" in mail.flags for mail in self.real.folder(self.folder).mails)

    def renumber(self) -> None:
        self.real.renumber(self.folder)

    def entrance(self, source: str = "email:1", **options: Any) -> str:
        """Configures the mailbox as an entrance of the hub; returns its id."""
        facts = {"host": "127.0.0.1", "port": self.port, "tls": "none", "user": self.real.user, "timeout_seconds": 20,
                 "folders": [self.folder], "chunk_bytes": 65536}  # fmt: skip
        entrance(source, "email", facts | options, {"password": self.password})
        return source


@pytest.fixture(scope="session")
def _imap() -> Iterator[Any]:
    if dovecot.AVAILABLE:
        with dovecot.start_dovecot() as server:
            yield server
    else:
        from channels.email.sandbox import Sandbox

        with tempfile.TemporaryDirectory(prefix="imap") as folder, Sandbox(folder) as box:
            yield box


@pytest.fixture
def mailserver(_imap: Any) -> Mailserver:
    return Mailserver(_imap, f"T{os.urandom(5).hex()}")
