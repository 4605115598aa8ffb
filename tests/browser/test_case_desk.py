"""A clue's whole life at the case desk by clicks and keys, and two clues merged and taken apart again."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
FACTS = "鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。"
PLACE = "湖南省益阳市桃江县武潭镇红旗村"


def take_call(page: Page, url: str, caller: str) -> str:
    """Registers a call at the call pad; the number of its clue."""
    page.goto(f"{url}/new/call-pad")
    page.fill("#b-caller", caller)
    page.fill("#b-place", PLACE)
    page.fill("#b-respondent", "鑫隆建材有限公司")
    page.fill("#b-facts", FACTS)
    page.click(".actions .btn-primary")
    link = page.locator(".got a[href^='/clues/']")
    link.wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-pending]')", timeout=60_000)
    return link.inner_text()


def submit(page: Page, said: str) -> None:
    """Sends the open form; the page says what was done."""
    page.click("#act .actions .btn-primary")
    expect(page.locator("[data-done]")).to_contain_text(said)


def picture() -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (120, 110, 90)).save(out, "JPEG")
    return {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def officers(page: Page) -> None:
    for number, (name, certificate) in enumerate((("陈一", "湘执法900001"), ("刘二", "湘执法900002")), 1):
        page.fill(f"#x-officers_{number}_name", name)
        page.fill(f"#x-officers_{number}_certificate", certificate)
        page.fill(f"#x-officers_{number}_valid_until", "2099-12-31")


def test_a_whole_clue_life_by_clicks(window: Any, site: Any) -> None:
    opened = window("lead")
    opened.context.grant_permissions(["geolocation"])
    opened.context.set_geolocation({"longitude": 112.139, "latitude": 28.52, "accuracy": 9})
    page: Page = opened.page
    no = take_call(page, site.url, "13811112222")
    page.goto(f"{site.url}/clues/{no}")
    found: list[str] = []

    page.keyboard.press("m")  # the menu, and the keyboard alone
    expect(page.locator(".sheet-acts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".sheet-acts")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.locator("#x-place")).to_have_value("湖南省益阳市桃江县")
    expect(page.locator("#x-class")).to_have_value("T2")
    expect(page.locator(".preview")).to_contain_text("属于受理范围")
    found += check(page, "determine")
    page.keyboard.press("Escape")
    expect(page.locator("#act")).to_have_count(0)
    page.keyboard.press("a")
    page.locator("#x-place").press("Enter")
    expect(page.locator("[data-done]")).to_contain_text("受理")
    expect(page.locator("#state")).to_have_text("核查中")

    page.click("[data-open-clock='1']")
    expect(page.locator("#clock-1 .day-due")).to_contain_text("第7日")

    page.click("[data-act='verify.start']")
    officers(page)
    page.fill("#x-officers_2_valid_until", "2020-01-01")
    page.click("#act .actions .btn-primary")
    expect(page.locator("#act [role=alert]")).to_contain_text("核查当日无效")
    expect(page.locator("#x-officers_1_name")).to_have_value("陈一")
    page.fill("#x-officers_2_valid_until", "2099-12-31")
    submit(page, "开始核查")

    page.set_viewport_size({"width": 390, "height": 844})  # in the field
    page.click("[data-act='verify.record']")
    page.click("[data-locate] button")
    expect(page.locator("#x-longitude")).to_have_value("112.139000")
    expect(page.locator("#x-crs-WGS84")).to_be_checked()
    page.fill("#x-area", "8")
    page.check("#x-area_unit-mu")
    page.select_option("#x-land_kind", "other_arable")
    page.check("#x-elements_place-confirmed")
    page.set_input_files("#x-files", picture())
    expect(page.locator("[data-chosen]")).to_contain_text("现场.jpg")
    found += check(page, "site record on a phone")
    submit(page, "填写现场记录")
    page.wait_for_selector(".thumbs img", timeout=60_000)  # the working copy comes in live
    page.set_viewport_size({"width": 1366, "height": 768})

    page.click("[data-act='verify.end']")
    page.check("#x-result-R1")
    submit(page, "核查结束")
    expect(page.locator("#state")).to_have_text("待告知")
    for act in ("tell.determination", "tell.violation"):
        page.click(f"[data-act='{act}']")
        page.fill("#x-evidence", "电话本人接听")
        submit(page, "告知")
    expect(page.locator("#state")).to_have_text("办结")
    expect(page.locator("#history")).to_contain_text("办结：存在违法行为")
    found += check(page, "closed")
    sheet = page.goto(f"{site.url}/clues/{no}/sheets/handling")
    assert sheet is not None
    assert sheet.status == 200
    expect(page.locator(".a4")).to_contain_text("湘执法900001")
    found += check(page, "handling sheet")
    assert found == []


def test_two_clues_are_compared_merged_and_taken_apart(window: Any, site: Any) -> None:
    page: Page = window("lead").page
    first, second = take_call(page, site.url, "13822221111"), take_call(page, site.url, "13822223333")
    page.goto(f"{site.url}/clues/{second}")
    page.fill("#compare-no", first)
    page.press("#compare-no", "Enter")
    expect(page.locator("tr.v-agree >> nth=0")).to_contain_text("违法行为发生地")
    found = check(page, "compare")
    page.click(".compare .btn-primary")
    expect(page.locator("[role=alert]")).to_contain_text("未确认相同")
    for flag in ("same_place", "same_time", "same_respondent", "same_facts"):
        page.check(f"#c-{flag}")
    page.click(".compare .btn-primary")
    expect(page.locator("#state")).to_have_text("已并案")
    page.goto(f"{site.url}/clues/{first}")
    expect(page.locator("#relatives")).to_contain_text("并案成员")
    page.goto(f"{site.url}/clues/{second}")
    page.click("[data-act='unmerge']")
    page.fill("#x-reason_text", "不是同一地块")
    submit(page, "解除并案")
    expect(page.locator("#state")).to_have_text("待判定")
    expect(page.locator(".due")).to_contain_text("判定告知")
    assert found == []


def test_two_people_on_one_clue_lose_nothing(window: Any, site: Any) -> None:
    mine: Page = window("lead").page
    no = take_call(mine, site.url, "13833331111")
    mine.goto(f"{site.url}/clues/{no}?act=determine.P3")
    mine.check("#x-ground-N5") if mine.locator("#x-ground-N5").count() else mine.select_option("#x-ground", "N5")
    mine.fill("#x-words", "属其他部门")
    theirs: Page = window("lead").go(f"/clues/{no}?act=assign")
    theirs.select_option("#x-handler", index=1)
    submit(theirs, "分派承办人")
    mine.click("#act .actions .btn-primary")
    expect(mine.locator("#act [role=alert]")).to_contain_text("分派承办人")
    expect(mine.locator("#x-words")).to_have_value("属其他部门")
    submit(mine, "不予受理")
