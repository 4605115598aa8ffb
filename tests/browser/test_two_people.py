"""Two people at the same thing, each kind of form: whoever is second is told so, and what they wrote is still there.

Facts: test_desk_work.py; a refusal with its reasons: test_case_desk.py; a proposal confirmed: test_work.py.
"""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_case_desk import officers, submit, take_call
from tests.browser.test_desk_work import claimed
from tests.browser.test_mailroom import enter

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def asleep(page: Page) -> None:
    """A page that hears of nothing, as behind a bad line: it shows what it was opened with."""

    def still(route: Route) -> None:
        request = route.request
        background = "hx-request" in request.headers and request.method == "GET"
        route.abort() if background or request.url.endswith("/live") else route.continue_()

    page.route("**/*", still)


def test_a_site_record_filled_in_the_field(window: Any, site: Any) -> None:
    office: Page = window("lead").page
    no = take_call(office, site.url, "13812340001")
    office.goto(f"{site.url}/clues/{no}?act=determine.P1")
    submit(office, "受理")
    office.click("[data-act='verify.start']")
    officers(office)
    submit(office, "开始核查")
    field: Page = window("lead", "phone").page
    asleep(field)
    field.goto(f"{site.url}/clues/{no}?act=verify.record")
    filled = {"#x-longitude": "112.139000", "#x-latitude": "28.520000", "#x-area": "8", "#x-permits": "未办理用地审批"}
    for box, words in filled.items():
        field.fill(box, words)
    field.check("#x-crs-CGCS2000")
    field.check("#x-area_unit-mu")
    office.goto(f"{site.url}/clues/{no}?act=mark.major")
    office.check("#x-criterion-farmland") if office.locator("#x-criterion-farmland").count() else office.select_option(
        "#x-criterion", "farmland"
    )
    office.fill("#x-reason_text", "占用永久基本农田八亩")
    submit(office, "列为重大线索")
    field.click("#act .actions .btn-primary")
    expect(field.locator("#act [role=alert]")).to_contain_text("列为重大线索")
    for box, words in filled.items():
        expect(field.locator(box)).to_have_value(words)
    expect(field.locator("#x-crs-CGCS2000")).to_be_checked()
    submit(field, "填写现场记录")
    field.goto(f"{site.url}/clues/{no}")
    expect(field.locator("#visits")).to_contain_text("未办理用地审批")
    expect(field.locator("#history")).to_contain_text("列为重大线索")


def test_notes_of_both_are_kept(window: Any, site: Any) -> None:
    mine, theirs = window("lead").page, window("operator").page
    no = claimed(mine, site.url, "13812340002")
    for page, words in ((mine, "我先去现场"), (theirs, "村干部说已停工")):
        page.goto(f"{site.url}/clues/{no}")
        page.fill("#note-text", words)
    theirs.locator(".note-foot .btn").click()
    expect(theirs.locator(".notes")).to_contain_text("村干部说已停工")
    expect(mine.locator("#note-text")).to_have_value("我先去现场")
    mine.locator(".note-foot .btn").click()
    expect(mine.locator(".notes")).to_contain_text("我先去现场")
    expect(mine.locator(".notes")).to_contain_text("村干部说已停工")


def test_a_text_corrected_by_both(window: Any, site: Any) -> None:
    number = str(secrets.randbelow(9000) + 21_000)
    path = f"/clues/{site.seed('mail', number, 'settle')['email']}"
    mine, theirs = window("lead").go(path), window("lead")
    if mine.locator("form.claim button").count():
        mine.click("form.claim button")
        mine.wait_for_selector("[data-done]")
    asleep(mine)
    mine.goto(site.url + path)
    theirs.go(path)
    for page, words in ((theirs.page, "红旗村三组，占地九亩。"), (mine, "红旗村四组，占地十亩。")):
        page.locator("details.edit > summary", has_text="更正文字").first.click()
        page.locator("details.edit textarea").first.fill(words)
    theirs.page.click("text=保存更正")
    expect(theirs.page.locator("#originals .body").first).to_contain_text("三组")
    mine.click("text=保存更正")
    expect(mine.locator("[role=alert]")).to_contain_text("没有丢")
    expect(mine.locator("#c-text")).to_have_value("红旗村四组，占地十亩。")
    expect(mine.locator(".conflict")).to_contain_text("红旗村三组，占地九亩。")
    mine.locator(".conflict .btn-primary").click()
    expect(mine.locator("#originals .body").first).to_contain_text("四组")


def test_a_turn_of_a_call_corrected_by_both(window: Any, site: Any) -> None:
    path = f"/clues/{site.numbers['phone']}"
    mine: Page = window("lead").go(path)
    if mine.locator("form.claim button").count():
        mine.click("form.claim button")
        mine.wait_for_selector("[data-done]")
    asleep(mine)
    mine.goto(site.url + path)
    theirs: Page = window("lead").go(path)
    marks = secrets.token_hex(3)
    for page, words in ((theirs, f"武潭镇 {marks}"), (mine, f"灰山港镇 {marks}")):
        turn = page.locator(".turns li").first
        turn.locator("details.edit > summary").click()
        turn.locator("[name=text]").fill(words)
    theirs.locator(".turns li").first.locator("details.edit button").click()
    expect(theirs.locator(".turns li").first).to_contain_text(f"武潭镇 {marks}")
    mine.locator(".turns li").first.locator("details.edit button").click()
    expect(mine.locator("[role=alert]")).to_contain_text("没有丢")
    expect(mine.locator("#c-text")).to_have_value(f"灰山港镇 {marks}")
    mine.locator(".conflict .btn-primary").click()
    expect(mine.locator(".turns li").first).to_contain_text(f"灰山港镇 {marks}")


def test_a_line_of_the_register_amended_by_both(window: Any, site: Any) -> None:
    mine: Page = window("lead").go("/mailroom")
    enter(mine, "孙二娘", "桃江县灰山港镇")
    mine.locator("tbody tr a").first.click()
    mine.wait_for_url("**/letters/*")
    address = mine.url
    theirs: Page = window("lead").page
    theirs.goto(address)
    theirs.fill("#m-addressee", "县自然资源局执法大队")
    theirs.click("text=保存更正")
    theirs.wait_for_url("**/mailroom?*")
    mine.fill("#m-enclosures", "合同复印件三页")
    mine.click("text=保存更正")
    expect(mine.locator("#mr-problem")).to_be_visible()
    expect(mine.locator("#m-enclosures")).to_have_value("合同复印件三页")
    mine.goto(address)
    expect(mine.locator("#m-addressee")).to_have_value("县自然资源局执法大队")


def test_a_call_handed_over_while_both_type(window: Any, site: Any) -> None:
    first: Page = window("operator").go("/call#new")
    expect(first.locator("#since")).to_contain_text("接听")
    first.fill("#c-facts", "有人在河边采砂，说方言听不清")
    expect(first.locator("#saved")).to_contain_text("已保存")
    first.keyboard.press("F3")
    first.select_option("#company-who", label=next(
        words for words in first.locator("#company-who option").all_inner_texts() if "周科长" in words
    ))  # fmt: skip
    first.locator("#company-form button[type=submit], #company-form .btn-primary").first.click()
    expect(first.locator("#toast")).to_contain_text("周科长")
    second: Page = window("lead").go("/call")
    second.locator("[data-along]").first.click(timeout=20_000)
    expect(second.locator("#along-values")).to_contain_text("有人在河边采砂")
    second.click("#along-take")
    expect(second.locator("#c-facts")).to_have_value("有人在河边采砂，说方言听不清")
    second.fill("#c-facts", "有人在河边采砂，说方言听不清，是两条船")
    expect(second.locator("#saved")).to_contain_text("已保存")
    first.fill("#c-facts", "有人在河边采砂，说方言听不清，夜里十点")
    expect(first.locator("#problem")).to_be_visible()
    expect(first.locator("#saved")).to_contain_text("没有保存")
    expect(first.locator("#c-facts")).to_have_value("有人在河边采砂，说方言听不清，夜里十点")
    second.reload()
    expect(second.locator("#c-facts")).to_have_value("有人在河边采砂，说方言听不清，是两条船")
    second.keyboard.press("F6")
    expect(second.locator("#toast")).to_contain_text("已记为咨询")
