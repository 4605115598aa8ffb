"""Every page in both sizes: no accessibility violation, nothing wider than the screen, no console error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check(page: Page, name: str) -> list[str]:
    """axe's findings, and whether the page is wider than its window; read from its top, nothing under the header."""
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE})  # not stopped by the page's CSP
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    out = [f"{name}: {rule['id']} {[node['target'] for node in rule['nodes']][:3]}" for rule in found["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        out.append(f"{name}: {wide} px wider than the window")
    return out


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_is_accessible(window: Any, site: Any, size: str) -> None:
    no = site.numbers
    lead = window("lead", size)
    found: list[str] = []
    pages = [
        "/queue", "/queue?query=没有这句话", "/queue?channel=email&state=open", "/new", "/new/call-pad", "/new/letter",
        "/new/referral", "/new/subordinate", "/new/subordinate-batch", "/new/media", "/new/wechat-h5",
        "/new/other-0801", "/new/other-0804", "/upload/letter", "/upload/phone", "/manual", "/manual/3", "/running",
        "/tasks", "/tasks?kind=letter", "/tasks?kind=reply", "/wordings", "/calendar", "/calendar?year=2027",
        "/calendar/import", "/people", "/reveals", "/certificates", "/units", "/units/430922", "/account",
        "/account/factors", "/account/password", "/leaks",
        "/received?i=1&i=2&i=3",
        f"/clues/{no['phone']}", f"/clues/{no['email']}", f"/clues/{no['letter']}", "/clues/none",
    ]  # fmt: skip
    for path in pages:
        lead.go(path)
        found += check(lead.page, path)
    lead.go(f"/clues/{no['email']}")
    lead.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found += check(lead.page, "clue with everything open")
    lead.go("/new/media")
    lead.page.evaluate("document.querySelectorAll('[required]').forEach(box => box.required = false)")
    lead.page.click("text=登记 >> nth=-1")
    lead.page.wait_for_selector("#problem:not([hidden])")
    found += check(lead.page, "refused form")
    superior = window("supervisor", size)
    superior.go(f"/clues/{no['email']}")
    found += check(superior.page, "masked clue")
    nobody = window(None, size)
    nobody.go("/sign-in")
    found += check(nobody.page, "sign-in")
    assert found == []
