"""What the machine proposes, by hand: spoken words lit, Enter confirms, corrections beside, earlier clues, search."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_work import claimed, pdf

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_call_shows_its_place_with_the_spoken_words_and_enter_confirms(window: Any, site: Any) -> None:
    page = claimed(window("lead").go(f"/clues/{site.numbers['phone']}"))
    place = page.locator("[data-field='place']").first
    value = place.locator(".value").inner_text()
    quoted = place.locator(".span").first
    quoted.click()
    lit = "".join(page.locator("mark").all_inner_texts())
    assert lit
    assert lit.startswith(quoted.inner_text().strip("“”").rstrip("."))
    second = float(quoted.get_attribute("data-seek") or -1)
    assert second >= 0
    page.wait_for_function("t => Math.abs(document.querySelector('audio').currentTime - t) < 3", arg=second)
    page.evaluate("document.querySelector('audio').pause()")
    assert "（不唯一）" not in value
    confirm = place.locator(".btn-primary")
    confirm.focus()
    page.keyboard.press("Enter")
    decided = page.locator(".decided", has_text="违法行为发生地")
    expect(decided).to_contain_text(value)
    expect(decided).to_contain_text("确认建议")
    page.evaluate("for (const box of document.querySelectorAll('#suggested, .own')) box.open = true")
    page.fill("#v-place", "430903")
    page.press("#v-place", "Enter")
    expect(page.locator(".decided", has_text="违法行为发生地")).to_contain_text("赫山区")
    expect(page.locator(".decided", has_text="违法行为发生地")).to_contain_text("填写")
    expect(page.locator("[data-field='place'] .value").first).to_have_text(value)  # the machine's version stays
    history = page.locator("#history")
    expect(history).to_contain_text("确认建议")
    expect(history).to_contain_text("填写")


def test_a_second_report_shows_the_earlier_clue_with_reasons_before_it_is_saved(window: Any, site: Any) -> None:
    earlier = site.seed("mail", "81", "settle")["email"]
    page: Page = window("operator").go("/call#new")
    page.locator("#c-caller").wait_for()
    page.fill("#c-caller", "13900007788")
    page.fill("#c-place", "湖南省益阳市桃江县武潭镇红旗村")
    page.fill("#c-respondent", "鑫隆建材有限公司")
    page.fill("#c-facts", "没有批准就占了耕地盖厂房，大概八亩，房子已经盖好了")
    page.press("#c-facts", "Tab")
    alike = page.locator("#hints li", has_text="相似线索").first
    expect(alike).to_be_visible(timeout=30_000)
    shown = alike.inner_text()
    assert "地点一致" in shown
    assert "违法主体一致" in shown
    numbers = page.locator("#hints li a").all_inner_texts()
    assert len(numbers) == len(set(numbers))
    assert numbers
    page.goto(f"{site.url}/clues/{numbers[0]}")  # of the same act came several, this one or another
    expect(page.locator("#originals")).to_contain_text("鑫隆建材有限公司")
    assert earlier


def test_two_characters_open_the_letter_at_their_box(window: Any, site: Any) -> None:
    page: Page = window("lead").go("/upload/letter")
    text = "举报信\n湖南省益阳市安化县梅城镇望城村，\n有人在山坡上违法采石，\n老板姓颛孙，\n请求查处。"
    page.set_input_files("#files", {"name": "来信.pdf", "mimeType": "application/pdf", "buffer": pdf(text)})
    page.click(".actions .btn-primary")
    page.wait_for_url("**/received?*")
    link = page.locator(".got a[href^='/clues/']")
    link.wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-pending]')", timeout=60_000)
    no = (link.get_attribute("href") or "").rpartition("/")[2]
    page.goto(f"{site.url}/clues/{no}")
    claimed(page)
    page.goto(f"{site.url}/queue?query=颛孙")
    found = page.locator(f"tr[data-no='{no}'] td.no a")
    expect(found).to_be_visible()
    found.click()
    page.wait_for_selector("rect.lit")
    assert page.locator("mark").all_inner_texts() == ["颛孙"]
    assert page.locator("rect.lit").count() == 1
    line = page.locator("rect.lit").get_attribute("data-line")
    expect(page.locator(f"li[data-line='{line}']")).to_contain_text("老板姓颛孙")


def test_the_keyboard_stays_at_its_button_while_others_work(window: Any, site: Any) -> None:
    """A page that reads itself again kept no focus: Enter, pressed a moment later, did nothing."""
    number = str(secrets.randbelow(9000) + 31_000)
    path = f"/clues/{site.seed('mail', number, 'settle')['email']}"
    mine: Page = claimed(window("lead").go(path))
    mine.goto(site.url + path)
    confirm = mine.locator("[data-field='place'] .btn-primary").first
    confirm.focus()
    theirs: Page = window("operator").go(path)
    theirs.click("[data-field='class'] .btn-primary")
    expect(mine.locator(".decided")).to_contain_text("违法占地")
    expect(confirm).to_be_focused()
    mine.keyboard.press("Enter")
    expect(mine.locator(".decided", has_text="违法行为发生地")).to_contain_text("桃江县")
