"""How soon an open page shows what others did: within a second, counted by the page itself, its numbers too.

The change is committed by another program at a moment both clocks know; the page notes when it shows it. What the page
needs on a crowded machine is measured beside: twice as long is then allowed.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ARTIFACTS, Site
from tests.browser.ledger import changed
from tests.browser.test_case_desk import take_call

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
MOST = 1.0  # seconds
WATCH = """([where, was]) => {
  window.shownAt = 0;
  const look = () => {
    const node = document.querySelector(where);
    if (!window.shownAt && node && node.textContent.trim() !== was) window.shownAt = Date.now() / 1000;
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
FIGURES: dict[str, float] = {}


def seconds(page: Page, where: str, site: Site, *act: str) -> float:
    """From the commit of the act to the moment the page shows something else at `where`."""
    if page.locator("[data-live]").count():
        page.wait_for_selector("[data-live].on", state="attached")
    page.wait_for_timeout(1500)  # what happened before is through
    was = page.locator(where).first.inner_text().strip()
    page.evaluate(WATCH, [where, was])
    committed = changed(site, *act)
    page.wait_for_function("window.shownAt > 0", timeout=20_000)
    return float(page.evaluate("window.shownAt")) - committed


def within(name: str, taken: float) -> None:
    FIGURES[name] = round(taken, 2)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "live.txt").write_text("".join(f"{one}: {value} s\n" for one, value in FIGURES.items()), "utf-8")
    crowded = os.getloadavg()[0] > (os.cpu_count() or 1)
    assert taken <= MOST * (3 if crowded else 1), FIGURES


def test_queue_and_its_counts(window: Any, site: Site) -> None:
    page: Page = window("operator").go("/queue")
    before = int(page.inner_text(".tabs a >> nth=0 >> b"))
    within("queue count", seconds(page, ".tabs a b", site, "clue"))
    assert int(page.inner_text(".tabs a >> nth=0 >> b")) == before + 1
    within("queue row", seconds(page, "tbody tr[data-no]", site, "clue"))


def test_case_page(window: Any, site: Site) -> None:
    page: Page = window("lead").page
    no = take_call(page, site.url, "13856780001")
    page.goto(f"{site.url}/clues/{no}")
    within("case page", seconds(page, "#state", site, "escalate", no))
    assert "提请管辖" in page.inner_text("#state")


def test_board(window: Any, site: Site) -> None:
    page: Page = window("supervisor").go("/supervise")
    where = "[data-count='sum:open']"
    before = int(page.inner_text(where))
    within("board", seconds(page, where, site, "clue"))
    assert int(page.inner_text(where)) == before + 1


def test_mailroom(window: Any, site: Site) -> None:
    page: Page = window("lead").go("/mailroom")
    within("mailroom ledger", seconds(page, ".mr-ledger", site, "letter"))
    assert re.search(r"收到\s*[1-9]", page.inner_text(".mr-ledger"))
