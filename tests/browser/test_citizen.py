"""A citizen with a telephone: report, code, status, supplement; with and without script; nothing lost on a bad line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import SIZES
from tests.browser.ledger import told_by
from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PLACE, FACTS = "湖南省益阳市桃江县武潭镇红旗村", "鑫隆建材未经批准占用耕地约8亩建厂房，已经盖好两栋。"
JPEG = {"name": "现场照片.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0" + b"0" * 3000}
LIMIT = 150_000  # bytes of a first load


def fill(page: Page, mode: str = "confidential") -> None:
    page.fill("#place", PLACE)
    page.fill("#facts", FACTS)
    page.check(f"input[value={mode}]")
    page.check("input[name=consent]")


def settled(page: Page, word: str) -> None:
    """Reads the status again until the workers have registered what was sent."""
    for _ in range(60):
        if word in page.inner_text("main"):
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(page.inner_text("main"))


def query(page: Page, url: str, code: str, tail: str = "") -> None:
    page.goto(f"{url}/citizen/query")
    page.fill("#code-box", code)
    page.fill("#tail", tail)
    page.click("main .btn-primary")


@pytest.mark.parametrize("size", list(SIZES))
def test_report_code_status_and_supplement(window: Any, site: Any, size: str) -> None:
    found: list[str] = []
    citizen = window(None, size)
    page = citizen.page
    loaded: list[int] = []
    page.on("response", lambda answer: loaded.append(len(answer.body()) if answer.status == 200 else 0))
    citizen.go("/citizen/")
    found += check(page, "home")
    citizen.go("/citizen/report")
    page.wait_for_load_state("networkidle")
    assert 0 < sum(loaded) < LIMIT
    found += check(page, "report")
    citizen.context.grant_permissions(["geolocation"])
    citizen.context.set_geolocation({"latitude": 28.5, "longitude": 112.1, "accuracy": 20})
    page.click("#locate")
    page.wait_for_selector("text=已记下现在的位置")
    fill(page)
    assert page.is_visible("#reporter_name")
    page.fill("#reporter_name", "张三")
    page.fill("#reporter_phone", "12345")
    page.set_input_files("#photos", [JPEG])
    assert "现场照片.jpg" in page.inner_text(".chosen")
    page.click("main .btn-primary")
    page.wait_for_selector("#problem")
    assert "电话号码不完整" in page.inner_text("#problem")
    assert page.input_value("#facts") == FACTS
    found += check(page, "refused report")
    page.fill("#reporter_phone", "13800001234")
    page.set_input_files("#photos", [JPEG])
    page.click("main .btn-primary")
    page.wait_for_selector("#code")
    code = page.inner_text("#code")
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", code)
    assert code not in page.url
    with page.expect_download() as saved:
        page.click("#save")
    assert code in Path(saved.value.path()).read_text("utf-8")
    found += check(page, "done")
    assert page.evaluate("localStorage.length") == 0, "the draft is gone"
    query(page, site.url, code, "0000")
    assert "不正确" in page.inner_text("#problem")
    found += check(page, "wrong code")
    query(page, site.url, code, "1234")
    page.wait_for_url("**/citizen/status")
    settled(page, "审核中")
    assert not [word for word in ("张三", "武潭", "鑫隆") if word in page.inner_text("main")]
    found += check(page, "status")
    page.click("text=补充材料")
    found += check(page, "supplement")
    page.click("main .btn-primary")
    page.wait_for_selector("#problem")
    page.fill("#text", "昨晚又倒了三车土")
    page.set_input_files("#photos", [JPEG])
    page.click("main .btn-primary")
    page.wait_for_selector("text=已收到您的补充")
    found += check(page, "supplemented")
    page.click("text=在这台设备上退出查询")
    citizen.go("/citizen/status")
    page.wait_for_url("**/citizen/query")
    citizen.go("/citizen/report/999999")
    found += check(page, "no such unit")
    citizen.go("/queue")
    page.wait_for_url("**/sign-in**")
    assert found == []


def test_a_broken_line_and_a_closed_page_lose_nothing(window: Any) -> None:
    citizen = window(None, "phone")
    page = citizen.page
    citizen.go("/citizen/report")
    fill(page, "anonymous")
    assert not page.is_visible("#reporter_name")
    page.wait_for_timeout(600)
    kept = page.evaluate("localStorage.getItem('12336:draft')")
    assert FACTS in kept
    page.close()
    page = citizen.page = citizen.context.new_page()
    citizen.go("/citizen/report")
    assert page.input_value("#place") == PLACE
    assert "已恢复" in page.inner_text("#draft-state")
    fill(page, "anonymous")
    broken: list[str] = []

    def cut(route: Route) -> None:
        """The first sending arrives, its answer does not."""
        if route.request.method == "POST" and not broken:
            broken.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    page.route("**/citizen/report", cut)
    page.click("main .btn-primary")
    page.wait_for_selector("text=网络中断")
    assert page.input_value("#facts") == FACTS
    page.click("main .btn-primary")
    page.wait_for_selector("#code")
    first = re.search(r'id="code"[^>]*>([^<]+)<', broken[0])
    assert first
    assert page.inner_text("#code") == first[1], "the same report, the same code"


def test_from_the_first_page_to_satisfaction(window: Any, site: Any) -> None:
    """A telephone, by links alone: report, code, progress, supplement, result, and how satisfied one is, asked once."""
    page: Page = window(None, "phone").go("/citizen/")
    page.click("text=我要举报")
    fill(page, "anonymous")
    page.click("main .btn-primary")
    code = page.inner_text("#code")
    page.click("header >> text=查进度")
    page.fill("#code-box", code)
    page.click("main .btn-primary")
    page.wait_for_url("**/citizen/status")
    settled(page, "审核中")
    page.click("text=补充材料")
    page.fill("#text", "又运来一车钢筋")
    page.click("main .btn-primary")
    expect(page.locator("main")).to_contain_text("已收到您的补充")
    assert page.locator("[name=score]").count() == 0, "not asked before it is over"
    told_by(site, "settle")
    told_by(site, "finish")
    page.goto(f"{site.url}/citizen/status")
    expect(page.locator(".steps [aria-current]")).to_contain_text("办结")
    expect(page.locator("main")).to_contain_text("存在违法行为")
    assert check(page, "asked how satisfied") == []
    page.check("[name=score] >> nth=0")
    page.fill("#rate-words", "办得快")
    page.click("text=提交评价")
    expect(page.locator("main")).to_contain_text("已收到您的评价")
    page.reload()
    assert page.locator("[name=score]").count() == 0, "asked once"


def test_without_script(chrome: Browser, site: Any) -> None:
    context = chrome.new_context(java_script_enabled=False, locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{site.url}/citizen/report")
    fill(page, "anonymous")
    page.set_input_files("#photos", [JPEG])
    page.click("main .btn-primary")
    code = page.inner_text("#code")
    query(page, site.url, code)
    page.wait_for_url("**/citizen/status")
    settled(page, "审核中")
    page.click("text=补充材料")
    page.fill("#text", "补充：就在村口")
    page.click("main .btn-primary")
    page.wait_for_url("**/citizen/status?sent=1")
    context.close()
