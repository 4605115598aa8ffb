"""A colleague is asked into a call by the keyboard, from whatever page they are on, reads along and hands it back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_access import check
from tests.browser.test_callpad import type_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_call_of_three(window: Any, site: Site) -> None:
    colleague: Page = window("lead").go("/queue")
    colleague.wait_for_selector("[data-live].on")
    page: Page = window("operator").go("/call#new")
    expect(page.locator("#since")).to_contain_text("接听")
    page.locator("#c-facts").focus()
    type_in(page, "来电人说方言，")
    expect(page.locator("#saved")).to_contain_text("已保存")
    number = page.evaluate("hub.pad.call().id")

    _ask(page, "周科长")
    asked = colleague.locator("#toast .toast", has_text="同事请您加入通话")
    expect(asked).to_be_visible()
    asked.locator("text=打开").click()
    colleague.wait_for_url("**/call")
    colleague.locator(f"[data-along='{number}']").click()
    expect(colleague.locator("#along-values")).to_contain_text("来电人说方言，")
    page.locator("#c-facts").focus()
    type_in(page, "听不清是哪个村")
    expect(colleague.locator("#along-values")).to_contain_text("听不清是哪个村")
    assert colleague.locator("#along input, #along textarea").count() == 0, "reading along changes nothing"
    assert check(colleague, "reading along") == []

    token = _token(stranger := window("supervisor").go("/supervise"))
    refused = stranger.request.post(f"{site.url}/call/{number}/along", headers={"X-CSRF-Token": token}, data={})
    assert refused.status in (403, 404), "only who was asked"

    colleague.locator("#along-take").focus()
    colleague.keyboard.press("Enter")
    expect(colleague.locator("#c-facts")).to_have_value("来电人说方言，听不清是哪个村")
    type_in(colleague, "：是武潭镇红旗村")
    expect(colleague.locator("#saved")).to_contain_text("已保存")
    _ask(colleague, "王接线")
    page.reload()
    page.locator(f"[data-along='{number}']").click()
    expect(page.locator("#along-values")).to_contain_text("是武潭镇红旗村")
    page.click("#along-take")
    expect(page.locator("#c-facts")).to_have_value("来电人说方言，听不清是哪个村：是武潭镇红旗村")
    page.keyboard.press("F6")
    expect(page.locator("#toast")).to_contain_text("已记为咨询")
    over = colleague.request.post(
        f"{site.url}/call/{number}/along", headers={"X-CSRF-Token": _token(colleague)}, data={}
    )
    assert over.status in (403, 404, 409), "a call that is over is read by nobody"


def _ask(page: Page, name: str) -> None:
    page.keyboard.press("F3")
    words = next(one for one in page.locator("#company-who option").all_inner_texts() if name in one)
    page.select_option("#company-who", label=words)
    page.keyboard.press("Enter")
    expect(page.locator("#toast").last).to_contain_text("请在电话机上接通")


def _token(page: Page) -> str:
    return page.get_attribute("meta[name=csrf]", "content") or ""
