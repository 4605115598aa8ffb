"""A real hub on a free port and a real Chromium, once for all browser tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ARTIFACTS = ROOT / "var/test-artifacts"
SIZES = {"desk": (1366, 768), "phone": (390, 844)}
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
PASSWORD = "a long password"
expect.set_options(timeout=20_000)  # milliseconds: a busy machine is no fault of the page


def chromium() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@dataclass
class Site:
    """A running hub."""

    url: str
    var: Path
    numbers: dict[str, str] = field(default_factory=dict)

    def seed(self, *arguments: str) -> dict[str, str]:
        """Runs the seed program against this hub; the newest clue number of each channel."""
        done = subprocess.run(
            [sys.executable, str(HERE / "seed.py"), *arguments], cwd=ROOT, env=environment(self.var), check=True,
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        self.numbers = json.loads(done.stdout.splitlines()[-1])
        return self.numbers


def environment(var: Path, **more: str) -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "HUB_KEY_FILE", "HUB_FAILPOINTS")
    }
    models = os.environ.get("HUB_MODELS") or str(ROOT / "var/models")
    return kept | {"HUB_VAR": str(var), "HUB_MODELS": models, "PYTHONPATH": str(ROOT)} | more


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with serving() as made:
        made.seed("fill", "3")
        yield made


@contextmanager
def serving(*, demo: bool = False, **more: str) -> Iterator[Site]:
    """A hub of its own with the given settings, until the end of the block; `demo`: with the demo county sending."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    var = Path(tempfile.mkdtemp(prefix="hub-browser-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (var / "up.log").open("w+b")
    command = [sys.executable, "-c", "from hub.cli import main; main()", "up", "--demo" if demo else "--no-demo"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(var, PORT=str(port), HUB_WEB_WORKERS="1", **more), stdout=log, stderr=log,
        start_new_session=True,
    )  # fmt: skip
    made = Site(f"http://127.0.0.1:{port}", var)
    try:
        _await_healthy(made, process)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()
        shutil.rmtree(var, ignore_errors=True)
        shutil.rmtree(var.with_name(f"{var.name}-outside"), ignore_errors=True)  # the demo's world


def _await_healthy(made: Site, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{made.url}/healthz", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError("the hub did not start:\n" + (made.var / "up.log").read_text()[-3000:])


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


class Window:
    """A browser of one person that fails the test on console errors and on requests beyond the origin."""

    def __init__(self, chrome: Browser, site: Site, size: str = "desk") -> None:
        width, height = SIZES[size]
        self.site = site
        self.context = chrome.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error {error}"))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:", "about:")):
            self.faults.append(f"request {request.url}")

    def sign_in(self, login: str) -> Page:
        self.page.goto(f"{self.site.url}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.click("text=登录 >> nth=-1")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self.page

    def go(self, path: str) -> Page:
        self.page.goto(self.site.url + path)
        return self.page


@pytest.fixture
def window(request: pytest.FixtureRequest, chrome: Browser, site: Site) -> Iterator[Any]:
    """Opens windows: `window("lead")`, `window("operator", "phone")`."""
    opened: list[Window] = []

    def make(login: str | None, size: str = "desk") -> Window:
        made = Window(chrome, site, size)
        opened.append(made)
        if login:
            made.sign_in(login)
        return made

    yield make
    report = getattr(request.node, "report", None)
    faults = [fault for made in opened for fault in made.faults]
    if faults or (report is not None and report.failed):
        _keep(request.node.name, opened, site, faults)
    for made in opened:
        made.context.close()
    assert not faults, faults


def _keep(name: str, opened: list[Window], site: Site, faults: list[str]) -> None:
    """Screenshot, page and server log of a failed test, with the command that repeats it."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    stem = "".join(c if c.isalnum() else "_" for c in name)[:80]
    for number, made in enumerate(opened):
        made.page.screenshot(path=ARTIFACTS / f"{stem}-{number}.png", timeout=5000)
        (ARTIFACTS / f"{stem}-{number}.html").write_text(made.page.content(), "utf-8")
    log = (site.var / "up.log").read_text(errors="replace")[-20_000:]
    again = f"python -m pytest 'tests/browser' -k '{name.split('[', maxsplit=1)[0]}'"
    (ARTIFACTS / f"{stem}.log").write_text(f"{again}\n{faults}\n{log}", "utf-8")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    if report.when == "call":
        item.report = report  # type: ignore[attr-defined]  # read by the window fixture
