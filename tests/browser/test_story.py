"""The scripted story of issue 3 by clicks: from the WeChat report to the reporter's query page, with the days passing.

The hub is a real one with its own clock; WeChat is the channel's simulator, which counts its 48 hours by that clock.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from channels.registry import channel
from tests.browser.conftest import HERE, ROOT, Site, environment, serving
from tests.browser.test_access import check
from tests.browser.test_case_desk import officers
from tests.browser.town import SOURCE, WECHAT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CODE = re.compile(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}")
REPORT = "湖南省益阳市桃江县武潭镇红旗村与沅江市草尾镇交界处，鑫隆建材有限公司占用耕地8亩建厂房，跨两个县，已经盖好。"
UNLIKE = ("version", "history", "recorded_at")


@dataclass
class Town:
    """The hub of the story and its outside world."""

    site: Site
    wechat: Any
    openid: str = ""  # of the person who reports

    def _told(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(HERE / "town.py"), *arguments], cwd=ROOT, env=environment(self.site.var), check=True,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def people(self) -> None:
        self._told("people", self.wechat.api_base)

    def clock(self, step: str) -> str:
        """Moves the hub's time as `hub demo clock` does; the day it is then."""
        return str(self._told("clock", step)["now"])[:10]

    def said(self) -> list[str]:
        """What the reporter reads as messages of the account."""
        return [str(one["text"]["content"]) for one in self.wechat.sent if one["touser"] == self.openid]

    def templates(self) -> list[str]:
        """What the reporter reads as template messages."""
        mine = [one for one in self.wechat.api.templates if one["touser"] == self.openid]
        return [str(one["data"]["content"]["value"]) for one in mine]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with serving(HUB_NOTICE_WAIT="0") as site:
        make = channel("wechat").sandbox
        assert make is not None
        wechat = make(**WECHAT, webhook=f"{site.url}/hooks/wechat/{SOURCE}")
        moved = site.var / "demo/clock"
        wechat.api.ahead = lambda: int(moved.read_text()) if moved.exists() else 0
        with wechat:
            made = Town(site, wechat)
            made.people()
            yield made


@pytest.fixture(scope="module")
def site(town: Town) -> Site:
    """The windows of this module look at the story's hub."""
    return town.site


def later(town: Town, step: str, opened: Any) -> None:
    """Lets time pass while nobody looks: an open page would read itself again under the next click."""
    opened.go("/healthz")
    town.clock(step)


def until(true: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.2)
    return found


def path(no: str) -> str:
    return f"/clues/{no}"


def begin(page: Page, act: str) -> None:
    """Opens the form of an act as a person does: its button, or its line in the menu."""
    button = page.locator(f"[data-act='{act}']")
    if not button.first.is_visible():
        page.click(".menu-acts > summary")
    button.first.click()
    expect(page.locator("#act")).to_be_visible()


def finish(page: Page, said: str) -> None:
    """Sends the form; the page that follows says what was done."""
    page.click("#act .actions .btn-primary")
    expect(page.locator(".good[role=status]")).to_contain_text(said)


def state(page: Page, words: str) -> None:
    """The clue's state, which comes by itself after work in the background."""
    expect(page.locator("#state")).to_have_text(words, timeout=30_000)


def api(page: Page, site: Site, no: str) -> dict[str, Any]:
    answer = page.request.get(f"{site.url}/api/v1/clues/{no}")
    assert answer.status == 200, answer.text()
    return dict(answer.json())


def days_of(page: Page) -> str:
    """What the clocks of the page say."""
    return page.locator("#clocks").inner_text()


def test_a_wechat_report_that_crosses_two_counties(window: Any, town: Town, site: Site) -> None:
    found: list[str] = []
    town.clock("start")
    mine = window("handler")
    page: Page = mine.go("/queue")
    page.wait_for_selector("[data-live].on")
    town.openid = f"oStory{secrets.token_hex(11)}"
    known = page.locator("tr[data-no]").count()
    assert town.wechat.send_text(town.openid, REPORT).acknowledged
    expect(page.locator("tr[data-no]")).to_have_count(known + 1, timeout=60_000)
    row = page.locator("tr[data-no] >> nth=0")
    expect(row).to_contain_text("T2", timeout=60_000)
    no = row.get_attribute("data-no") or ""
    receipt = until(town.said, "the receipt")[0]
    code = CODE.search(receipt)
    assert code, "the receipt gives the query code"

    on_day_2 = town.clock("+41h")
    expect(page.locator(".moved-clock")).to_contain_text(on_day_2)  # the open page follows
    expect(page.locator(f"tr[data-no='{no}']")).to_contain_text("剩 5 个工作日")
    mine.go(path(no))
    expect(page.locator(".duebar")).to_contain_text("判定告知")
    begin(page, "escalate")
    page.check("#x-reason-crosses")
    page.fill("#x-units_other", "沅江市")
    found += check(page, "escalate")
    finish(page, "提请上级")
    up = api(page, site, no)
    judged = next(one for one in up["clocks"] if one["kind"] == "escalation" and not one["running"])
    assert (judged["due"], judged["late"]) == (on_day_2, False), "escalated on the second working day, in time"

    theirs = window("city")
    page = theirs.go("/queue")
    page.click(f"tr[data-no='{no}'] a")
    state(page, "提请管辖中")
    begin(page, "designate")
    options = page.locator("#x-unit option").all_inner_texts()
    assert options[1:3] == ["益阳市桃江县自然资源主管部门", "益阳市沅江市自然资源主管部门"] or "沅江" in options[2], (
        options
    )
    page.select_option("#x-unit", label=next(text for text in options if "沅江市" in text))
    found += check(page, "designate")
    finish(page, "指定管辖")

    named = window("sibling")
    page = named.go("/queue")
    page.click(f"tr[data-no='{no}'] a")
    expect(page.locator(".duebar")).to_contain_text("指定")
    begin(page, "determine.P1")
    page.fill("#x-place", "湖南省益阳市沅江市")
    page.select_option("#x-class", "T2")
    finish(page, "受理")
    accepted = until(lambda: town.said()[1:], "the accepted notice")[0]
    assert "沅江市" in accepted, "the designated unit tells the reporter"
    expect(page.locator("#notices")).to_contain_text("已告知", timeout=30_000)
    state(page, "核查中")

    later(town, "+6wd", named)
    named.go(path(no))
    begin(page, "verify.start")
    officers(page)
    finish(page, "开始核查")
    begin(page, "verify.record")
    page.fill("#x-longitude", "112.36")
    page.fill("#x-latitude", "28.85")
    page.check("#x-crs-CGCS2000")
    page.fill("#x-area", "8")
    page.check("#x-area_unit-mu")
    page.select_option("#x-land_kind", "other_arable")
    page.fill("#x-permits", "未办理用地审批")
    finish(page, "填写现场记录")
    expect(page.locator("#visits")).to_contain_text("112.36")
    begin(page, "verify.end")
    page.check("#x-result-R1")
    finish(page, "核查结束")
    result = until(town.templates, "the result by template: 48 hours are over")[0]
    assert "将依法依规予以处理" in result
    state(page, "办结")
    page.click("#notices .told >> nth=-1")
    told = page.locator("#notices .told", has_text="45015")
    expect(told).to_contain_text("微信模板消息")
    expect(page.locator("#history")).to_contain_text("办结：存在违法行为")
    found += check(page, "closed")
    assert len(town.said()) == 2, "receipt and accepted"
    assert len(town.templates()) == 1, "result once"

    reporter = window(None, "phone")
    page = reporter.go("/citizen/query")
    page.fill("#code-box", code[0])
    page.click("main .btn-primary")
    page.wait_for_url("**/citizen/status")
    expect(page.locator(".big")).to_contain_text("办结")
    expect(page.locator("main")).to_contain_text("将依法依规予以处理")
    assert not [word for word in ("红旗村", "鑫隆", town.openid) if word in page.content()]
    found += check(page, "status of a closed report")
    mine.go("/queue")
    assert "/sign-in" not in mine.page.url, "days of the hub end no sign-in"
    assert found == [], found


def phone_report(page: Page, site: Site, caller: str, name: str) -> str:
    """Takes a call at the call pad; the number of its clue."""
    page.goto(f"{site.url}/new/call-pad")
    page.fill("#b-caller", caller)
    page.fill("#b-name", name)
    page.fill("#b-place", "湖南省益阳市桃江县武潭镇红旗村")
    page.fill("#b-respondent", "鑫隆建材有限公司")
    page.fill("#b-facts", "鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。")
    page.click(".actions .btn-primary")
    link = page.locator(".got a[href^='/clues/']")
    link.wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-pending]')", timeout=60_000)
    return link.inner_text()


def merge(page: Page, site: Site, no: str, main: str) -> None:
    """Compares the two and puts `no` to `main`."""
    page.goto(f"{site.url}{path(no)}")
    page.fill("#compare-no", main)
    page.press("#compare-no", "Enter")
    for flag in ("same_place", "same_time", "same_respondent", "same_facts"):
        page.check(f"#c-{flag}")
    page.click(".compare .btn-primary")
    state(page, "已并案")


def call_back(page: Page, site: Site, no: str, name: str, contact: str, notice: str) -> None:
    """The operator calls, proves who answers, reads out and enters that it was told."""
    page.goto(f"{site.url}/tasks")
    card = page.locator(".task-card", has_text=no)
    until(lambda: card.count() or (page.reload() and card.count()), f"the task of {no}")
    expect(card).to_contain_text(notice)
    card.locator("a.btn").click()
    page.click("text=显示号码")
    expect(page.locator("#number")).to_have_text(contact)
    page.fill("#name", "别人")
    page.fill("#contact", contact)
    page.click("button:text-is('核对')")
    expect(page.locator("#problem")).to_contain_text("未核对身份前不得告知任何内容")
    assert page.locator("#words").count() == 0
    page.fill("#name", name)
    page.fill("#contact", contact)
    page.click("button:text-is('核对')")
    said = page.locator("#words").inner_text()
    assert not [word for word in ("红旗村", "鑫隆", name) if word in said]
    page.click("button:text-is('已告知')")
    expect(page.locator(".good[role=status]")).to_contain_text("已登记")


def test_three_phone_reports_are_merged_and_each_reporter_told(window: Any, town: Town, site: Site) -> None:
    callers = {"0737-8222221": "张三", "0737-8222222": "李四", "0737-8222223": "王五"}
    town.clock("start")
    answering, handling = window("operator"), window("handler")
    desk: Page = handling.page
    numbers = [phone_report(answering.page, site, caller, name) for caller, name in callers.items()]
    main, *members = numbers
    people = dict(zip(numbers, callers.items(), strict=True))
    later(town, "+1wd", handling)
    for no in members:
        merge(desk, site, no, main)
        begin(desk, "determine.member")
        desk.fill("#x-place", "湖南省益阳市桃江县")
        desk.select_option("#x-class", "T2")
        finish(desk, "受理（并案）")
    handling.go(path(main))
    for no in members:
        expect(desk.locator("#relatives ul >> nth=0")).to_contain_text(no)
    begin(desk, "determine.P1")
    finish(desk, "受理")
    for no, (caller, name) in people.items():
        call_back(answering.page, site, no, name, caller, "受理告知")
    later(town, "+1wd", handling)
    handling.go(path(main))
    begin(desk, "verify.start")
    officers(desk)
    finish(desk, "开始核查")
    begin(desk, "verify.record")
    desk.fill("#x-permits", "已依法批准")
    finish(desk, "填写现场记录")
    begin(desk, "verify.end")
    desk.check("#x-result-R0")
    finish(desk, "核查结束")
    state(desk, "待告知")
    for number, no in enumerate((*members, main), 1):  # the main clue closes when every reporter of the group is told
        caller, name = people[no]
        call_back(answering.page, site, no, name, caller, "无违法行为告知")
        until(lambda no=no: api(desk, site, no)["state"] == "closed", f"{no} closed")
        left = [one for one in numbers if api(desk, site, one)["state"] == "to_tell"]
        assert len(left) == len(numbers) - number, "each is told for itself, and closed for itself"
    for no in numbers:
        clue = api(desk, site, no)
        assert [row["party"] for row in clue["notices"]] == ["举报人", "举报人"]
        assert clue["close_reason"] == "no_violation"


def snapshot(page: Page, site: Site, no: str) -> dict[str, Any]:
    """State, clocks, owner, handler and due day of a clue, as the screens and the API show them."""
    page.goto(f"{site.url}{path(no)}")
    page.wait_for_selector("#state")
    seen: dict[str, Any] = {
        name: page.locator(name).inner_text() for name in ("#state", "#facts", "#clocks", "#notices", "#relatives")
    }
    seen["acts"] = [one.get_attribute("data-act") for one in page.locator("[data-act]").all()]
    page.goto(f"{site.url}/queue")
    seen["queue"] = page.locator(f"tr[data-no='{no}']").inner_text()
    told = api(page, site, no)
    return seen | {"api": {name: value for name, value in told.items() if name not in UNLIKE}}


def test_merged_and_taken_apart_all_is_as_before(window: Any, town: Town, site: Site) -> None:
    callers = {"0737-8333331": "赵一", "0737-8333332": "钱二", "0737-8333333": "孙三"}
    town.clock("start")
    answering, handling = window("operator"), window("handler")
    desk: Page = handling.page
    numbers = [phone_report(answering.page, site, caller, name) for caller, name in callers.items()]
    main, second, third = numbers
    for no, person in ((second, "周科长"), (third, "李承办")):
        handling.go(path(no))
        begin(desk, "assign")
        desk.select_option("#x-handler", label=next(
            text for text in desk.locator("#x-handler option").all_inner_texts() if person in text
        ))  # fmt: skip
        finish(desk, "分派承办人")
    later(town, "+1wd", handling)
    before = {no: snapshot(desk, site, no) for no in numbers}
    assert "周科长" in before[second]["#facts"]
    assert "判定告知" in before[second]["queue"]
    for no in (second, third):
        merge(desk, site, no, main)
    during = snapshot(desk, site, second)
    assert during["#state"] == "已并案"
    assert during["api"]["group"]["main"] == main
    for no in (third, second):
        handling.go(path(no))
        begin(desk, "unmerge")
        desk.fill("#x-reason_text", "不是同一地块")
        finish(desk, "解除并案")
    assert {no: snapshot(desk, site, no) for no in numbers} == before
