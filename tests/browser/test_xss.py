"""975 vectors of cross-site scripting in six fields, in Chromium: no dialog, no foreign request, no console error.

Place, respondent, facts; subject, file name and hypertext of a mail. A sample here, all of them in `make test-long`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import ROOT, Window, environment, serving
from tests.browser.xss import vectors

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
EACH: list[Any] = [25]
if os.environ.get("HUB_TEST_LONG"):
    EACH.append(pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(3600)]))
LISTS = ("/queue", "/queue?query=红旗村", "/api/v1/clues", "/supervise", "/retention")


def test_there_are_975_different_ones() -> None:
    found = vectors()
    assert len(found) == len(set(found)) >= 975
    assert sum("evil.test" in one for one in found) > 300


def test_the_vectors_do_something_where_nothing_stops_them(chrome: Browser) -> None:
    """A page without defence: hundreds run or ask for something, so that silence elsewhere means defence."""
    page, moves = chrome.new_page(), ("location=", "refresh")
    asked: set[str] = set()
    page.route("**/*", lambda route: (asked.add(route.request.url), route.abort()))
    page.route(
        "http://plain.test/", lambda route: route.fulfill(body="<!doctype html><body>", content_type="text/html")
    )
    ran = 0
    loose = [one for one in vectors() if not any(word in one for word in moves)]
    for start in range(0, len(loose), 100):
        page.goto("http://plain.test/")
        page.evaluate("window.ran = 0; for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => ran++")
        page.evaluate(
            "all => all.forEach(one => document.body.appendChild(document.createElement('div')).innerHTML = one)",
            loose[start : start + 100],
        )
        page.wait_for_timeout(200)
        ran += page.evaluate("window.ran || 0")
    page.close()
    assert ran > 60, ran
    assert sum("evil.test" in url for url in asked) > 60


def visited(page: Page, url: str, number: str) -> str:
    """A clue's page with everything open, and its hypertext; the page's words."""
    page.goto(f"{url}/clues/{number}")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for link in page.query_selector_all("main a[href]"):
        target = link.get_attribute("href") or ""
        assert target.startswith(("/", "#", "?")), target
    words = page.inner_text("main")
    for frame in re.findall(r'(?:href|src)="(/clues/[^"]+/parts/\d+/html)"', page.content()):
        page.goto(f"{url}{frame}")
        page.hover("body")
    return words


@pytest.mark.parametrize("each", EACH)
def test_nothing_runs_and_nothing_is_fetched(chrome: Browser, each: int) -> None:
    with serving(HUB_TEXT_WORKERS="1") as site:
        site.seed("fill", "0")
        done = subprocess.run(
            [sys.executable, "-m", "tests.browser.xss_seed", str(each)], cwd=ROOT, env=environment(site.var),
            check=True, capture_output=True, text=True, timeout=1800,
        )  # fmt: skip
        numbers: list[str] = json.loads(done.stdout.splitlines()[-1])
        window = Window(chrome, site)
        dialogs: list[str] = []
        window.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page = window.sign_in("lead")
        words = ""
        for number in numbers:
            words += visited(page, site.url, number)
        for path in LISTS:
            page.goto(site.url + path)
        for number in numbers[::10]:
            page.goto(f"{site.url}/clues/{number}/sheets/registration")
        assert dialogs == []
        assert window.faults == []
        window.context.close()
        plain = re.sub(r"\s+", "", words)
        shown = [one for one in vectors()[::each] if re.sub(r"\s+", "", one) in plain]
        assert len(shown) > 0.9 * len(vectors()[::each]), "what was sent in stands there as text"
