"""Every page of `app.url_map`, as each role that may open it, empty and full, light, dark and large, desk and phone.

Each is opened in a real browser and looked at by axe (WCAG 2.2 A/AA): no violation, no console error, no request beyond
the origin, nothing wider than a phone. A page without a row in pages.py fails. The ordinary run takes one combination
for each page and role, in turn (of the empty hub each third); the long one takes all. HUB_SHOTS names a folder for the
pictures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import HERE, ROOT, SIZES, Site, environment, serving
from tests.browser.pages import LOOKS, MAY_REFUSE, NOBODY, PAGES, Visit, rules, visits

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SHOTS = os.environ.get("HUB_SHOTS", "")
EVERY = [pytest.param(False, marks=pytest.mark.timeout(900))]
if os.environ.get("HUB_TEST_LONG"):
    EVERY.append(pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(3 * 3600)]))
AXE = (HERE / "vendor/axe.min.js").read_text("utf-8")
LOOK_AT = """async () => {
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const run = await axe.run(document, {runOnly: rules, resultTypes: ['violations'], iframes: false});
  const why = (n) => n.target.join(' ') + ' ' + (n.any[0]?.message || n.failureSummary).slice(0, 160);
  return run.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map(why).join(' | '));
}"""
OPEN = "() => document.querySelectorAll('main details').forEach((node) => { node.open = true; })"
WIDE = """() => {
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over <= 0) return '';
  const found = [...document.querySelectorAll('body *')].filter((n) => n.getBoundingClientRect().right > innerWidth + 1)
    .slice(-3).map((n) => n.tagName + '.' + n.className);
  return 'wider by ' + over + ': ' + found.join(', ');
}"""


class Walk:
    """One browser context a role; each visit sets the size and the look, opens the page and looks at it."""

    def __init__(self, chrome: Browser, site: Site, cookies: dict[str, str]) -> None:
        self.chrome, self.site, self.cookies = chrome, site, cookies
        self.contexts: dict[str, tuple[BrowserContext, Page]] = {}
        self.found: list[str] = []
        self.heard: list[str] = []

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
        context, page = self.page(one.role)
        context.add_cookies([{"name": "hub_look", "value": one.look, "url": self.site.url}])
        self.look(page, one, self.site.url + one.path)

    def look(self, page: Page, one: Visit, address: str) -> None:
        width, height = SIZES[one.size]
        page.set_viewport_size({"width": width, "height": height})
        self.heard.clear()
        answer = page.goto(address, wait_until="load")
        status = answer.status if answer is not None else 200
        wrong = []
        if status >= 500 or (status >= 400 and not one.path.startswith(MAY_REFUSE) and status != 422):
            wrong.append(f"status {status}")
        page.evaluate(OPEN)
        page.evaluate(AXE)
        wrong += page.evaluate(LOOK_AT)
        wide = page.evaluate(WIDE)
        wrong += [wide] if wide else []
        wrong += self.heard
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{one.name}.png", full_page=True)
        self.found += [f"{one.role} {one.path} {one.look} {one.size}: {each}" for each in wrong]


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
<input><div style="width:600px">wide</div></main><script>console.error("said")</script>"""


def test_the_walk_sees_what_is_wrong(chrome: Browser) -> None:
    walk = Walk(chrome, Site("http://127.0.0.1:1", ROOT), {})
    walk.look(walk.page(NOBODY)[1], Visit(NOBODY, WRONG, LOOKS[0], "phone"), WRONG)
    found = "\n".join(walk.found)
    assert all(word in found for word in ("color-contrast", "label:", "wider by", "console said")), found


def walked(chrome: Browser, *, every: bool) -> list[str]:
    """Faults of a walk through a hub that is empty but for its people, then through a full one."""
    with serving(HUB_SECOND_FACTOR="off") as site:
        walk = Walk(chrome, site, _told(site, "people"))
        names: dict[str, Any] = {}
        for full in (False, True):
            if full:
                told = _told(site, "full")
                names = {**told, "task": (told["tasks"] or [None])[0]}
            taken = list(visits(names, every=every))
            for one in taken if full or every else taken[::3]:  # an empty page is its full one with less in it
                walk.visit(one)
    return walk.found


@pytest.mark.parametrize("every", EVERY)
def test_every_page_as_everybody_who_may_open_it(chrome: Browser, *, every: bool) -> None:
    found = walked(chrome, every=every)
    assert found == [], "\n" + "\n".join(found)
