"""`hub up` with the keys in a process of their own: intake, suggestions, reveal; no other process ever holds a key."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import psutil
import pytest

from hub.access.keyring import FileKeys
from tests.fault.kit import UNIT, until
from tests.integration.test_restart import Hub, started

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]
NAME, PHONE, PASSWORD = "欧阳澄泓", "13977712345", "a long password"
CAST = {"handler": "handler", "lead": "lead"}


class KeyedHub(Hub):
    def __init__(self, var: Path) -> None:
        super().__init__(var)
        self.env |= {"HUB_KEYS": "process", "HUB_SECOND_FACTOR": "off", "HUB_NOTICE_WAIT": "0"}

    def keys(self) -> psutil.Process:
        return next(one for one in self.tree().values() if "hub: keys" in " ".join(one.cmdline()))

    def has_other_keys(self, old: int) -> bool:
        """Whether another key process than that runs."""
        with contextlib.suppress(StopIteration, psutil.Error):
            return self.keys().pid != old
        return False

    def others(self) -> dict[int, str]:
        """All processes of ours but the key process: supervisor, web and its workers, beat, workers."""
        assert self.process is not None
        whole = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        key, found = self.keys().pid, {}
        for one in whole:
            with contextlib.suppress(psutil.Error):
                if one.pid != key and one.name() not in ("postgres", "unshare") and "valkey" not in one.name():
                    found[one.pid] = " ".join(one.cmdline())[:40]
        return found

    @contextlib.contextmanager
    def signed_in(self, login: str) -> Iterator[httpx.Client]:
        address = f"http://127.0.0.1:{self.port}"
        with httpx.Client(base_url=address, trust_env=False, timeout=30, follow_redirects=True) as client:
            client.post("/sign-in", data={"login": login, "password": PASSWORD})
            found = re.search(r'name="csrf" content="([^"]+)"', client.get("/").text)
            assert found, "signed in"
            client.headers["X-CSRF-Token"] = found[1]
            yield client


@pytest.fixture
def running() -> Iterator[KeyedHub]:
    with started(KeyedHub) as made:
        yield made


def in_memory(pid: int, needles: dict[str, bytes]) -> set[str]:
    """Which needles the memory of a process holds."""
    found: set[str] = set()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in area.split("-"))
            with contextlib.suppress(OSError, ValueError, OverflowError):
                memory.seek(start)
                data = memory.read(end - start)
                found |= {name for name, needle in needles.items() if needle in data}
    return found


def secrets_of(path: Path, units: list[int]) -> dict[str, bytes]:
    """What must be in no other process: the file's keys as bytes and as they stand in it, what is derived of them."""
    keys = FileKeys(path)
    ring = keys.ring()
    file = {"index": ring.index} | {f"master {version}": key for version, key in ring.masters.items()}
    made = {purpose: keys.derived(purpose) for purpose in ("blind", "chain")}
    made |= {f"unit {unit}": keys._unit_key(unit, ring.current, 32) for unit in units[:2]}
    return file | made | {f"{name} hex": value.hex().encode() for name, value in file.items()}


def letter(folder: Path, number: int) -> Path:
    made = EmailMessage()
    made["From"], made["To"] = f"{NAME} <canary{number}@example.org>", "clue@example.cn"
    made["Subject"], made["Message-ID"] = "举报占用耕地", f"<k{number}@example.org>"
    made.set_content(
        f"我叫{NAME}，电话{PHONE}。湖南省益阳市桃江县武潭镇红旗村鑫隆建材公司未经批准占用耕地八亩建厂房。编号{number}"
    )
    path = folder / f"{number}.eml"
    path.write_bytes(made.as_bytes())
    return path


def enriched(hub: KeyedHub, count: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []

    def ready() -> bool:
        rows[:] = hub.clues()
        return len(rows) == count and all(row["place"] for row in rows)

    until(ready, what=f"{count} clues with suggestions: {hub.said()}")
    return rows


def test_the_story_in_that_mode_and_no_key_elsewhere(running: KeyedHub, tmp_path: Path) -> None:
    hub = running
    for login, role in CAST.items():
        made = hub.command("user", "add", login, "--name", f"人{login}", "--unit", UNIT, "--role", role,
                           "--password", PASSWORD)  # fmt: skip
        assert made.returncode == 0, made.stderr
    # intake → suggestions
    assert hub.command("intake", "email", str(letter(tmp_path, 1)), "--unit", UNIT).returncode == 0
    (clue,) = enriched(hub, 1)
    no = str(clue["no"])
    assert NAME not in str(clue)
    # search by blind index and tokens, reveal with a reason
    with hub.signed_in("handler") as client:
        page = client.get("/queue", params={"query": "鑫隆建材"})
        assert (page.status_code, no in page.text) == (200, True)
        assert PHONE not in client.get(f"/clues/{no}").text
        assert PHONE not in client.post(f"/clues/{no}/reveal", data={"reason": ""}).text
        shown = client.post(f"/clues/{no}/reveal", data={"reason": "核对举报人联系方式"})
        assert (shown.status_code, NAME in shown.text) == (200, True)
    with hub.signed_in("lead") as client:
        assert no in client.get("/reveals").text
    # the memory of everybody else
    path = hub.var / "keys" / "hub.key"
    assert path.stat().st_mode & 0o777 == 0o600
    needles = secrets_of(path, units(hub))
    assert len(hub.others()) >= 6, hub.others()
    held = {name: in_memory(pid, needles) for pid, name in hub.others().items()}
    assert {name: found for name, found in held.items() if found} == {}
    words = {"search": FileKeys(path).derived("search")}
    assert any(in_memory(pid, words) for pid in hub.others()), "what is handed out would be seen, so would the rest"
    with contextlib.suppress(PermissionError):  # only root may look into the key process
        assert {"index", "master 1"} <= in_memory(hub.keys().pid, needles)
    # doctor
    told = {row["name"]: row for row in json.loads(hub.command("doctor", "--json").stdout)}
    assert told["key process"]["state"] == "degraded", "the same user could read the file itself"
    assert "a user of its own" in told["key process"]["detail"]
    # away: a clear answer, nothing lost; back: it goes on
    victim, address = hub.keys(), f"http://127.0.0.1:{hub.port}"
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=40) as client:
            answer = client.post("/sign-in", data={"login": "lead", "password": PASSWORD})
            assert answer.status_code == 503
            assert "保管密钥的进程" in answer.text
            problem = client.post("/sign-in", data={"login": "lead", "password": "x"},
                                  headers={"Accept": "application/json"})  # fmt: skip
            assert (problem.status_code, problem.json()["retry"]) == (503, True)
        refused = hub.command("intake", "email", str(letter(tmp_path, 2)), "--unit", UNIT)
    finally:
        victim.kill()
    until(lambda: hub.has_other_keys(victim.pid) and hub.healthy(), what=f"it comes back: {hub.said()}")
    count = 2 if refused.returncode == 0 else 1
    assert hub.command("intake", "email", str(letter(tmp_path, 3)), "--unit", UNIT).returncode == 0
    enriched(hub, count + 1)
    # rotation, retirement, backup and restore beside it
    assert json.loads(hub.command("keys", "rotate").stdout)["version"] == 2
    until(lambda: hub.command("keys", "retire").returncode == 0, what="the old master is retired")
    assert hub.command("intake", "email", str(letter(tmp_path, 4)), "--unit", UNIT).returncode == 0
    enriched(hub, count + 2)
    assert hub.command("audit", "verify").returncode == 0
    target = tmp_path / "backup"
    done = hub.command("backup", str(target))
    assert done.returncode == 0, done.stderr
    needles = secrets_of(path, units(hub))
    held = {name: in_memory(pid, needles) for pid, name in hub.others().items()}
    assert {name: found for name, found in held.items() if found} == {}
    other = KeyedHub(tmp_path / "restored")
    (tmp_path / "restored" / "keys").mkdir(parents=True)
    shutil.copy2(path, tmp_path / "restored" / "keys" / "hub.key")
    restored = other.command("restore", str(target))
    assert restored.returncode == 0, restored.stderr
    assert hub.stop() == 0
    until(lambda: not hub.left(), what=f"no process is left: {hub.left()}")


def units(hub: KeyedHub) -> list[int]:
    """Ids of the units whose keys this test used."""
    import psycopg

    address = hub.var / "run"
    with psycopg.connect(host=str(address), user="hub", dbname="hub") as connection:
        return [row[0] for row in connection.execute("select distinct unit_id from data_key")]


def test_without_its_file_it_refuses(running: KeyedHub) -> None:
    assert running.stop() == 0
    path = running.var / "keys" / "hub.key"
    path.rename(path.with_name("away"))
    refused = running.command("up", "--no-demo")
    assert refused.returncode != 0
    assert "key file" in refused.stderr
    assert "missing" in refused.stderr
    assert "key process does not answer" in refused.stderr
    assert not path.exists()
    assert not running.left()
