"""Where clues lie: towns, points, the other layer, all of it by the keyboard, and the table that says the same."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.ledger import told_by
from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_map_and_its_table_say_the_same(window: Any, site: Site, size: str) -> None:
    told_by(site, "point", "lead")
    page: Page = window("lead", size).go("/map")
    expect(page.locator(".plan-label", has_text="桃江").first).to_be_visible()
    assert check(page, "points") == []
    assert page.get_attribute("svg.plan", "aria-hidden") == "true", "the list beside it is what is read out"
    pinned = page.locator(".map-list [data-mark-row]")
    keys = {one.get_attribute("data-mark-row") for one in pinned.all()}
    marks = {one.get_attribute("data-mark") for one in page.locator("svg.plan [data-mark]").all()}
    assert keys
    assert keys <= marks, "each point of the list is in the picture"

    first = pinned.first
    first.locator("a").focus()  # the keyboard lights the mark of its row
    key = first.get_attribute("data-mark-row")
    expect(page.locator(f"svg.plan [data-mark='{key}'].plan-on")).to_have_count(1)
    no = first.locator("a").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clues/{no}")
    page.go_back()

    page.locator("button[name=layer][value=heat]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("button[value=heat]")).to_have_attribute("aria-pressed", "true")
    assert check(page, "heat") == []
    drawn = {
        one.get_attribute("data-mark"): one.locator("text").text_content()
        for one in page.locator("svg.plan [data-mark]").all()
        if one.locator("text").count()
    }
    rows = {
        one.get_attribute("data-mark-row"): one.locator("td").last.inner_text()
        for one in page.locator("tr[data-mark-row]").all()
    }
    assert drawn
    assert drawn.items() <= rows.items(), "the numbers in the picture are those of the table"
    total = sum(int(one.inner_text()) for one in page.locator("section[aria-labelledby=by-place] td.count").all())
    assert f"共 {total} 条" in page.locator(".head").inner_text()
    county = page.locator("tr[data-mark-row='430922'] a")
    number = int(county.inner_text())
    county.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue?*division=430922*")
    expect(page.locator("tr[data-no]")).to_have_count(number)
