"""The pages in English in a real browser: the switch, scripts in English, nothing wider than the screen, axe."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_english_pages_are_accessible_and_fit(window: Any, site: Any, size: str) -> None:
    lead = window("lead", size)
    lead.page.click("details.look > summary")
    lead.page.get_by_role("button", name="English").click()
    expect(lead.page.locator("html")).to_have_attribute("lang", "en")
    found: list[str] = []
    clue = f"/clues/{site.numbers['email']}"
    for path in ("/queue", clue, "/call", "/mailroom", "/new/letter", "/tasks", "/rules", "/people", "/account"):
        lead.go(path)
        found += check(lead.page, path)
    assert found == []
    lead.go("/queue")
    expect(lead.page.locator("time[data-time]").first).not_to_contain_text("今天")  # what a script wrote
    expect(lead.page.locator("table.queue")).to_contain_text("To determine")
    nobody = window(None, size)
    nobody.go("/sign-in")
    expect(nobody.page.get_by_role("button", name="登录")).to_be_visible()
    nobody.page.get_by_role("button", name="English").click()
    expect(nobody.page.get_by_role("button", name="Sign in")).to_be_visible()
    nobody.go("/citizen/")
    expect(nobody.page.get_by_role("heading", level=1)).to_have_text("Report land and mineral violations")
    assert check(nobody.page, "/citizen/") == []
