"""Calls at the pad: drafts, ends, what is offered while typing. A whole call by the keyboard: test_call_story.py."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FACTS = (
    "鑫隆建材有限公司没有办任何手续，把村里路边的水稻田用渣土填平，浇了水泥地面，盖起两栋钢架厂房，"
    "还堆了很多砖头和沙子。村里人去问过，说是租的地，可是这片田一直种双季稻，村干部也没有公示过。"
    "现在天天有大车进出，灰尘很大，下面的水渠也被压断了，剩下的田没有水，大家都很着急，请你们尽快派人来看看。"
)


def type_in(page: Page, words: str) -> None:
    page.keyboard.insert_text(words)  # as an input method commits it


def test_a_draft_survives_the_browser_and_the_network(window: Any) -> None:
    first = window("operator")
    page: Page = first.go("/call")
    page.locator("#c-facts").focus()
    type_in(page, "有人在河边挖沙")
    expect(page.locator("#saved")).to_contain_text("已保存")
    first.context.set_offline(True)
    type_in(page, "，用两条船")
    expect(page.locator("#saved")).to_contain_text("离线，将重试")
    first.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("已保存", timeout=20_000)
    first.page.close(run_before_unload=False)
    again: Page = window("operator").go("/call")
    expect(again.locator("#c-facts")).to_have_value("有人在河边挖沙，用两条船")
    assert again.evaluate("localStorage.length + sessionStorage.length") == 0
    again.keyboard.press("F4")
    expect(again.locator("#duty")).to_contain_text("周科长")
    again.keyboard.press("F9")
    expect(again.locator("#problem")).to_contain_text("再按一次")
    again.keyboard.press("F6")
    expect(again.locator("#toast")).to_contain_text("已记为咨询")
    expect(again.locator("#lists")).to_contain_text("咨询 1")


def test_nothing_is_typed_into_a_call_that_is_ending(window: Any) -> None:
    """On a slow line the next number, typed at once, was taken by the old call and wiped with it."""
    page: Page = window("operator").go("/call#new")
    page.locator("#c-facts").focus()
    type_in(page, "问宅基地怎么办")
    expect(page.locator("#saved")).to_contain_text("已保存")
    page.route("**/end", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    page.keyboard.press("F6")
    expect(page.locator("#saved")).to_contain_text("正在结束")
    page.keyboard.type("138")
    expect(page.locator("#c-facts")).to_have_value("问宅基地怎么办")
    expect(page.locator("#toast")).to_contain_text("已记为咨询")
    expect(page.locator("#c-facts")).to_have_value("")
    page.locator("#c-caller").focus()
    page.keyboard.type("13800001234")
    expect(page.locator("#c-caller")).to_have_value("13800001234")
    expect(page.locator("#saved")).to_contain_text("已保存")
    page.keyboard.press("F9")
    expect(page.locator("#toast")).to_contain_text("打错")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_pad_is_accessible_with_everything_on_it(window: Any, size: str) -> None:
    page: Page = window("lead", size).go("/call")
    found = check(page, "empty pad")
    page.fill("#c-caller", "13800001234")
    page.fill("#c-facts", FACTS)
    page.fill("#c-place", "桃江 武潭")
    page.locator("#l-place li").first.wait_for()
    found += check(page, "places offered")
    page.keyboard.press("Enter")
    page.keyboard.press("F4")
    page.locator("#duty li").first.wait_for()
    expect(page.locator("#hints")).to_contain_text("类型建议", timeout=30_000)
    expect(page.locator("#saved")).to_contain_text("已保存")
    found += check(page, "pad with hints")
    page.keyboard.press("F7")
    page.fill("#f-code", "AAAA-BBBB-CCCC")
    page.keyboard.press("Enter")
    expect(page.locator("#follow-problem")).to_contain_text("查询码不正确")
    found += check(page, "follow-up refused")
    page.keyboard.press("Escape")
    page.keyboard.press("F8")
    page.locator(".read-out.code").wait_for(timeout=60_000)
    found += check(page, "number and code")
    page.keyboard.press("Escape")
    expect(page.locator("#lists")).to_contain_text("读查询码")
    assert found == []
