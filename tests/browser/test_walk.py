"""Every page of `app.url_map`, as each role that may open it, empty and full, light, dark and large, desk and phone.

Each is opened in a real browser and looked at by axe (WCAG 2.2 A/AA): no violation, no console error, no request beyond
the origin, nothing wider than a phone. A page without a row in pages.py fails. The ordinary run takes one combination
for each page and role, in turn (of the empty hub each third); the long one takes all, each role
in a test of its own. HUB_SHOTS names a folder for the pictures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from hub.terms import Role
from tests.browser.conftest import HERE, ROOT, SIZES, Site, environment, serving
from tests.browser.pages import LOOKS, MAY_REFUSE, NOBODY, PAGES, Visit, rules, unseen, visits

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SHOTS = os.environ.get("HUB_SHOTS", "")
TALL = 2400  # pixels of a long page that are shot
CHOSEN = os.environ.get("HUB_WALK", "").split()
"""Of the long run: "light-normal-desk dark-large-phone …"; empty: every look and size."""
LONG = [pytest.mark.long, pytest.mark.timeout(3 * 3600)]
WALKERS = [pytest.param(role, marks=LONG) for role in (NOBODY, *(role.value for role in Role))]
AXE = (HERE / "vendor/axe.min.js").read_text("utf-8")
LOOK_AT = (HERE / "look_at.js").read_text("utf-8")
"""Defines lookAt(): axe's findings, what is wider than the window, words that are cut off or run out of their box."""


class Walk:
    """One browser context a role; each visit sets the size and the look, opens the page and looks at it."""

    def __init__(self, chrome: Browser, site: Site, cookies: dict[str, str]) -> None:
        self.chrome, self.site, self.cookies = chrome, site, cookies
        self.contexts: dict[str, tuple[BrowserContext, Page]] = {}
        self.found: list[str] = []
        self.heard: list[str] = []
        self.last: tuple[str, str, str] | None = None

    def page(self, role: str) -> tuple[BrowserContext, Page]:
        if role not in self.contexts:
            context = self.chrome.new_context(locale="zh-CN", timezone_id="Asia/Shanghai")
            if role in self.cookies:
                context.add_cookies([{"name": "hub", "value": self.cookies[role], "url": self.site.url}])
            page = context.new_page()
            page.on("console", lambda message: message.type == "error" and self._console(message.text))
            page.on("pageerror", lambda error: self.heard.append(f"error {error}"))
            page.on("request", lambda request: self._request(request.url))
            self.contexts[role] = context, page
        return self.contexts[role]

    def _console(self, words: str) -> None:
        if "Failed to load resource" not in words:
            self.heard.append(f"console {words}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.site.url, "data:", "blob:", "about:")):
            self.heard.append(f"request {url}")

    def visit(self, one: Visit) -> None:
        context, _ = self.page(one.role)
        context.add_cookies([{"name": "hub_look", "value": one.look, "url": self.site.url}])
        self.look(one, self.site.url + one.path)

    def look(self, one: Visit, address: str) -> None:
        """Opens the page, unless it is the one just looked at in another size, and looks at it."""
        _, page = self.page(one.role)
        wrong = []
        again = self.last == (one.role, address, one.look)
        width, height = SIZES[one.size]
        page.set_viewport_size({"width": width, "height": height})
        if not again:
            self.heard.clear()
            answer = page.goto(address, wait_until="load")
            status = answer.status if answer is not None else 200
            if status >= 500 or (status >= 400 and not one.path.startswith(MAY_REFUSE) and status != 422):
                wrong.append(f"status {status}")
            page.evaluate(AXE)
            page.evaluate(LOOK_AT)
        wrong += page.evaluate("lookAt()") + self.heard
        self.last = (one.role, address, one.look)
        self.heard.clear()
        if SHOTS:
            tall = min(TALL, int(page.evaluate("document.documentElement.scrollHeight")))
            clip = {"x": 0, "y": 0, "width": width, "height": max(height, tall)}
            page.screenshot(path=Path(SHOTS) / f"{one.name}.jpg", full_page=True, clip=clip, type="jpeg", quality=50)  # type: ignore[arg-type]
        self.found += [f"{one.role} {one.path} {one.look} {one.size}: {each}" for each in wrong]

    def close(self) -> None:
        for context, _ in self.contexts.values():
            context.close()


def _told(site: Site, what: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.county", what], cwd=ROOT, env=environment(site.var), check=False,
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_every_page_has_its_row() -> None:
    assert rules() - set(PAGES) == set(), "say in PAGES how the page is opened"
    assert set(PAGES) - rules() == set(), "pages that are no more"


def test_the_walk_takes_every_combination_in_turn() -> None:
    taken = {(one.look, one.size) for one in visits({})}
    assert taken == set(product(LOOKS, SIZES))


WRONG = """data:text/html,<html lang=zh><title>x</title><main><h1>x</h1><p style="color:%23bbb">pale</p>
<input><div style="width:600px">wide</div>
<p style="width:60px;overflow:hidden;white-space:nowrap">A long title that nobody can read</p>
<div style="width:100px;overflow:hidden"><table class=queue><tr><td style="min-width:300px">far</td></tr></table></div>
<button style="width:30px;white-space:nowrap;padding:0;text-align:left">Far too much for it</button></main>
<script>console.error("said")</script>"""


def test_the_walk_sees_what_is_wrong(chrome: Browser) -> None:
    walk = Walk(chrome, Site("http://127.0.0.1:1", ROOT), {})
    walk.look(Visit(NOBODY, WRONG, LOOKS[0], "phone"), WRONG)
    found = "\n".join(walk.found)
    faults = ("color-contrast", "label:", "wider by", "console said", "cut off: A long title", "runs out: Far too much",
              "hides 2")  # fmt: skip
    assert all(word in found for word in faults), found


@dataclass
class County:
    """The hub that is walked: empty but for its people, until `full` was asked for."""

    site: Site
    cookies: dict[str, str]
    names: dict[str, Any] = field(default_factory=dict)

    def full(self) -> dict[str, Any]:
        self.names = self.names or _told(self.site, "full")
        return self.names


@pytest.fixture(scope="module")
def county() -> Iterator[County]:
    with serving(HUB_SECOND_FACTOR="off") as site:
        yield County(site, _told(site, "people"))


def said(walk: Walk) -> str:
    return "\n".join(["", *walk.found])


if os.environ.get("HUB_TEST_LONG"):

    @pytest.mark.parametrize("role", WALKERS)
    @pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
    def test_each_role_sees_every_page_in_every_look(chrome: Browser, county: County, *, full: bool, role: str) -> None:
        """The whole of it, a test for each role: `-k "full and lead"` takes one, --lf those that were not done."""
        walk = Walk(chrome, county.site, county.cookies)
        for one in visits(county.full() if full else {}, every=True):
            if one.role == role and (not CHOSEN or f"{one.look}-{one.size}" in CHOSEN):
                walk.visit(one)
        walk.close()
        assert walk.found == [], said(walk)


@pytest.mark.timeout(900)
def test_every_page_as_everybody_who_may_open_it(chrome: Browser, county: County) -> None:
    """Empty, then full: the long run's roles stand before this test, since it fills the county."""
    walk = Walk(chrome, county.site, county.cookies)
    if not county.names:
        for one in list(visits({}))[::3]:  # an empty page is its full one with less in it
            walk.visit(one)
    names = county.full()
    walk.found += [f"no shot of {one}" for one in sorted(unseen(names))]
    for one in visits(names):
        walk.visit(one)
    walk.close()
    assert walk.found == [], said(walk)
