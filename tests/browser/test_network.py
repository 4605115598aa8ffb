"""A line that is really cut during a call and during an upload, and a browser that is killed: nothing is lost.

The long run cuts for a minute, the ordinary one for some seconds.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import FLAGS, Site, Window, chromium
from tests.browser.ledger import told_by
from tests.browser.line import Line, line_to
from tests.browser.test_callpad import type_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CUTS: list[Any] = [6]
if os.environ.get("HUB_TEST_LONG"):
    CUTS.append(pytest.param(60, marks=pytest.mark.long))
WORDS = ("鑫隆建材有限公司", "在武潭镇红旗村占用耕地8亩", "建了两栋厂房", "现在还在浇水泥", "请尽快来人")


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    with line_to(site.url) as made:
        yield made


def over(chrome: Browser, site: Site, line: Line, login: str) -> Window:
    """A browser of a person that reaches the hub over the line."""
    made = Window(chrome, Site(line.url, site.var, site.numbers))
    made.sign_in(login)
    return made


@pytest.mark.parametrize("seconds", CUTS)
def test_a_call_goes_on_over_a_cut_line(chrome: Browser, site: Site, line: Line, seconds: int) -> None:
    opened = over(chrome, site, line, "operator")
    page: Page = opened.go("/call#new")
    expect(page.locator("#since")).to_contain_text("接听")
    page.fill("#c-respondent", WORDS[0])
    page.fill("#c-place", "湖南省益阳市桃江县武潭镇红旗村")
    page.locator("#c-facts").focus()
    type_in(page, WORDS[1])
    expect(page.locator("#saved")).to_contain_text("已保存")
    line.cut()
    opened.context.set_offline(True)
    assert line.cuts > 0, "there was something to cut"
    begun = time.monotonic()
    for words in WORDS[2:4]:
        type_in(page, words)
        page.wait_for_timeout(seconds * 1000 / 4)
    expect(page.locator("#saved")).to_contain_text("离线，将重试")
    type_in(page, WORDS[4])
    page.keyboard.press("F8")  # the caller hangs up while the line is dead
    expect(page.locator("#saved")).to_contain_text("离线")
    page.wait_for_timeout(max(0, seconds - (time.monotonic() - begun)) * 1000)
    assert page.locator(".read-out.code").count() == 0
    opened.context.set_offline(False)
    line.mend()
    page.locator(".read-out.code").wait_for(timeout=60_000)
    no = page.locator(".read-out").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("口头告知")
    page.goto(f"{line.url}/clues/{no}")
    text = page.locator("#originals").inner_text()
    assert all(words in text for words in WORDS), text
    assert "".join(WORDS[1:]) in text, "in the order typed, each once"
    opened.context.close()


@pytest.mark.parametrize("seconds", CUTS)
def test_an_upload_goes_on_over_a_cut_line(
    chrome: Browser, site: Site, line: Line, tmp_path: Path, seconds: int
) -> None:
    opened = over(chrome, site, line, "lead")
    page: Page = opened.go("/mailroom/batches")
    page.click("text=新的一批扫描件")
    page.wait_for_url("**/batches/*")
    piece = int(page.locator("#batch").get_attribute("data-piece") or 0)
    assert piece
    files = []
    for number in range(2):
        noise = np.random.default_rng(secrets.randbits(32)).integers(0, 255, (2 * piece // 900, 1000), "uint8")
        path = tmp_path / f"{number}.png"
        Image.fromarray(noise).save(path, compress_level=0)
        files.append(path)
    line.cut_after(piece + piece // 2)  # in the middle of the second piece of the first file
    page.set_input_files("#pick", [str(path) for path in files])
    expect(page.locator("#sent-words")).to_contain_text("网络中断", timeout=60_000)
    opened.context.set_offline(True)
    assert line.dead.is_set()
    page.wait_for_timeout(seconds * 1000)
    opened.context.set_offline(False)
    line.mend()
    expect(page.locator("#sent-words")).to_contain_text("2 个文件已保存", timeout=90_000)
    stored = told_by(site, "scans", "lead")
    for path in files:
        data = path.read_bytes()
        assert stored[hashlib.sha256(data).hexdigest()] == len(data), "once and whole"
    opened.context.close()


def test_a_call_is_resumed_after_the_browser_was_killed(chrome: Browser, site: Site, window: Any) -> None:
    other = chrome.browser_type.launch(executable_path=chromium(), args=FLAGS)
    doomed = Window(other, site)
    page: Page = doomed.sign_in("operator")
    doomed.go("/call#new")
    expect(page.locator("#since")).to_contain_text("接听")
    since = page.locator("#since").inner_text()
    page.fill("#c-name", "王建国")
    page.locator("#c-facts").focus()
    type_in(page, "河边有人夜里采砂，")
    expect(page.locator("#saved")).to_contain_text("已保存")
    told = other.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    browser = next(one["id"] for one in told["processInfo"] if one["type"] == "browser")
    os.kill(int(browser), signal.SIGKILL)
    again: Page = window("operator").go("/call")
    expect(again.locator("#c-facts")).to_have_value("河边有人夜里采砂，")
    expect(again.locator("#c-name")).to_have_value("王建国")
    expect(again.locator("#since")).to_contain_text(since[:8])
    again.locator("#c-facts").press("End")
    type_in(again, "用两条船")
    expect(again.locator("#saved")).to_contain_text("已保存")
    again.keyboard.press("F6")
    expect(again.locator("#toast")).to_contain_text("已记为咨询")
