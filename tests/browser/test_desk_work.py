"""The desk by the keyboard alone: many rows, undo, mentions, phrases, palette, keys, two people on one clue."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access import check
from tests.browser.test_case_desk import take_call

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def claimed(page: Page, url: str, caller: str) -> str:
    """A call that the person handles."""
    no = take_call(page, url, caller)
    page.goto(f"{url}/clues/{no}?act=assign")
    page.keyboard.press("Tab")
    page.locator("#act .actions .btn-primary").press("Enter")
    expect(page.locator("[data-done]")).to_contain_text("分派承办人")
    return no


def test_many_rows_by_keys_with_preview_and_undo(window: Any, site: Any) -> None:
    page: Page = window("lead").page
    nos = [take_call(page, site.url, f"1385555000{n}") for n in range(3)]
    page.goto(f"{site.url}/queue")
    for no in nos:  # read by the workers: from here on no row changes under the keys
        expect(page.locator(f"tr[data-no='{no}']")).to_contain_text("T2", timeout=60_000)
    page.wait_for_timeout(1500)
    found: list[str] = []
    expect(page.locator("#bulk")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-chosen-count]")).to_have_text("1")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("X")  # Shift: everything in between
    expect(page.locator("[data-chosen-count]")).to_have_text("3")
    found += check(page, "rows chosen")
    page.keyboard.press("b")
    page.keyboard.press("ArrowDown")
    page.locator("#bulk button[value=assign]").press("Enter")
    expect(page.locator(".bulk .chip-green")).to_have_count(3)
    found += check(page, "bulk preview")
    page.locator(".bulk-do .btn-primary").press("Enter")
    toast = page.locator("#toast .toast")
    expect(toast).to_contain_text("已办理 3 条")
    found += check(page, "toast with undo")
    for no in nos:
        expect(page.locator(f"tr[data-no='{no}'] .who-has").first).to_contain_text("周科长")
    toast.locator("button", has_text="撤销").press("Enter")
    expect(page.locator("#toast .toast")).to_contain_text("已撤销")
    expect(page.locator(f"tr[data-no='{nos[0]}'] .take")).to_be_visible()
    assert found == []


def test_a_view_is_kept_and_counts_follow(window: Any, site: Any) -> None:
    page: Page = window("lead").page
    page.goto(f"{site.url}/queue?channel=phone&state=open")
    page.locator(".save-view summary").press("Enter")
    page.fill("#view-name", "在办电话")
    page.check("#view-shared")
    page.press("#view-name", "Enter")
    view = page.locator("[data-view]", has_text="在办电话")
    expect(view).to_have_attribute("aria-current", "true")
    expect(view.locator("[data-count]")).not_to_be_empty()
    before = int(view.locator("[data-count]").inner_text())
    other: Page = window("operator").page
    take_call(other, site.url, "13866660001")
    expect(view.locator("[data-count]")).to_have_text(str(before + 1), timeout=15_000)
    page.goto(f"{site.url}/views")
    assert check(page, "kept views") == []
    page.locator("[aria-label='删除 在办电话']").press("Enter")
    expect(page.locator(".empty")).to_be_visible()


def test_notes_mentions_phrases_and_who_is_here(window: Any, site: Any) -> None:
    lead: Page = window("lead").page
    no = claimed(lead, site.url, "13877770001")
    lead.goto(f"{site.url}/phrases")
    lead.fill("#p-name", "去现场")
    lead.fill("#p-text", "{今天}去现场核实{线索编号}。")
    lead.locator(".phrase-form .btn-primary").first.press("Enter")
    found = check(lead, "phrases")
    operator: Page = window("operator").page
    operator.goto(f"{site.url}/clues/{no}")
    lead.goto(f"{site.url}/clues/{no}")
    expect(lead.locator("#here")).to_contain_text("王接线正在查看", timeout=10_000)
    lead.focus("#note-text")
    lead.keyboard.type("请 @王")
    expect(lead.locator("#offers [role=option]")).to_have_count(1)
    lead.keyboard.press("Enter")
    lead.keyboard.type("，/")
    expect(lead.locator("#offers [role=option]")).to_contain_text("去现场")
    lead.keyboard.press("Enter")
    text = lead.input_value("#note-text")
    assert text.startswith("请 @operator ，20")
    assert no in text
    expect(operator.locator("#here")).to_contain_text("周科长正在填写", timeout=10_000)
    lead.locator(".note-foot .btn").press("Enter")
    expect(lead.locator(".notes .at-name")).to_have_text("@王接线")
    expect(operator.locator("[data-mentions-count] b")).to_be_visible(timeout=10_000)
    expect(operator.locator(".notes")).to_contain_text("去现场核实", timeout=10_000)
    operator.goto(f"{site.url}/mentions")
    found += check(operator, "mentions")
    assert found == []


def test_palette_and_keys(window: Any, site: Any) -> None:
    page: Page = window("lead").page
    no = take_call(page, site.url, "13888880001")
    page.goto(f"{site.url}/queue")
    page.keyboard.press("?")
    expect(page.locator("dialog.help")).to_contain_text("选择或取消这一条")
    found = check(page, "keys")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type(no)
    expect(page.locator(".palette [role=option]").first).to_contain_text(no)
    found += check(page, "palette")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clues/{no}")
    page.keyboard.press("?")
    expect(page.locator("dialog.help")).to_contain_text("办理主要步骤")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("不予受理")
    page.keyboard.press("Enter")
    expect(page.locator("#act-title")).to_contain_text("不予受理")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("告知任务")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks")
    assert found == []


def test_two_people_on_one_text_lose_nothing(window: Any, site: Any) -> None:
    mine: Page = window("lead").page
    no = claimed(mine, site.url, "13899990001")
    mine.goto(f"{site.url}/clues/{no}")
    version = mine.locator("form:has(#v-respondent) input[name=version]").input_value()
    theirs: Page = window("operator").page
    theirs.goto(f"{site.url}/clues/{no}")
    for page, words in ((theirs, "鑫隆公司"), (mine, "鑫隆建材公司")):
        page.locator("details.own:has(#v-respondent)").evaluate("node => node.open = true")
        page.fill("#v-respondent", words)
    theirs.press("#v-respondent", "Enter")
    expect(theirs.locator(".decided")).to_contain_text("鑫隆公司")
    mine.locator("form:has(#v-respondent) input[name=version]").evaluate("(box, old) => { box.value = old; }", version)
    mine.press("#v-respondent", "Enter")
    expect(mine.locator("[role=alert]")).to_contain_text("没有丢")
    expect(mine.locator("#c-text")).to_have_value("鑫隆建材公司")
    expect(mine.locator(".conflict")).to_contain_text("鑫隆公司")
    assert check(mine, "two people on one text") == []
    mine.locator(".conflict .btn-primary").press("Enter")
    expect(mine.locator(".decided").first).to_contain_text("鑫隆建材公司")
