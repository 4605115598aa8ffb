"""A working day of each role in a real browser. Each ends with its ledger: what arrived = what was done + what is open,
as the screen says it and as plain SQL counts it. The clerk's day: test_mailroom.py, whose register is counted here too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, serving
from tests.browser.ledger import told_by as told
from tests.browser.test_callpad import type_in
from tests.browser.test_case_desk import submit
from tests.browser.test_mailroom import enter
from tests.browser.test_mailroom import ledger as register_ledger

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
MAILS = 5


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The days' own hub: nothing in it but what they do."""
    with serving() as made:
        told(made, "people")
        told(made, "fill", str(MAILS))
        yield made


def number(words: str, label: str) -> int:
    found = re.search(rf"{label}\s*(\d+)", words)
    return int(found[1]) if found else 0


def test_the_operators_day(window: Any, site: Site) -> None:
    page: Page = window("operator").go("/queue")
    expect(page.locator("tr[data-no]")).to_have_count(MAILS)
    page.keyboard.press("F2")
    page.wait_for_url("**/call")
    for caller, facts, key, said in (
        ("13800001111", "宅基地怎么申请，要到哪里办手续", "F6", "已记为咨询"),
        ("13800002222", "", "F9", "已记为打错"),
        ("13800003333", "鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好两栋。", "F8", ""),
    ):
        expect(page.locator("#c-caller")).to_be_visible()
        page.fill("#c-caller", caller)
        if key == "F8":
            page.fill("#c-place", "湖南省益阳市桃江县武潭镇红旗村")
            page.fill("#c-respondent", "鑫隆建材有限公司")
        page.locator("#c-facts").focus()
        type_in(page, facts)
        expect(page.locator("#saved")).to_contain_text("已保存", timeout=20_000)
        page.keyboard.press(key)
        if said:
            expect(page.locator("#toast")).to_contain_text(said)
        else:
            page.locator(".read-out.code").wait_for(timeout=60_000)
            page.keyboard.press("Enter")
            expect(page.locator("#toast")).to_contain_text("口头告知")
        expect(page.locator("#c-facts")).to_have_value("")
    page.locator("#c-facts").focus()
    type_in(page, "还没说完")  # the fourth call goes on
    expect(page.locator("#saved")).to_contain_text("已保存")
    page.reload()
    words = page.locator("#lists").inner_text()
    screen = {"clue": number(words, "线索登记"), "consultation": number(words, "咨询"),
              "invalid": number(words, "打错/骚扰"), "open": words.count("未结束")}  # fmt: skip
    assert screen == told(site, "calls", "operator") == {"clue": 1, "consultation": 1, "invalid": 1, "open": 1}
    page.goto(f"{site.url}/queue")
    expect(page.locator("tr[data-no]")).to_have_count(MAILS + 1)  # of four calls one became a clue


def test_the_clerks_register_is_what_the_database_holds(window: Any, site: Site) -> None:
    page: Page = window("mailroom").go("/mailroom")
    for name in ("李桂花", "王建国", "欧阳慧"):
        enter(page, name, "桃江县武潭镇")
    page.locator("tbody tr a").last.click()
    page.wait_for_url("**/letters/*")
    page.goto(f"{site.url}/mailroom")
    screen = register_ledger(page)
    assert screen["收到"] == sum(list(screen.values())[1:]) == 3
    assert {name: n for name, n in screen.items() if n} == {
        "收到": 3,
        "待扫描": told(site, "letters", "mailroom")["open"],
    }


def nos(page: Page) -> list[str]:
    return [row.get_attribute("data-no") or "" for row in page.locator("tr[data-no]").all()]


def test_the_handlers_day(window: Any, site: Site) -> None:
    _handle(window, site)


def _handle(window: Any, site: Site) -> None:
    calls = told(site, "calls", "operator").get("clue", 0)
    page: Page = window("handler").go("/queue?channel=email")
    arrived = nos(page)
    assert len(arrived) == MAILS
    for no in arrived[:4]:
        page.goto(f"{site.url}/clues/{no}")
        page.click("form.claim button")
        page.wait_for_selector("[data-done]")
    page.goto(f"{site.url}/clues/{arrived[0]}?act=determine.P1")
    submit(page, "受理")
    page.goto(f"{site.url}/clues/{arrived[1]}?act=determine.P3")
    page.check("#x-ground-N5") if page.locator("#x-ground-N5").count() else page.select_option("#x-ground", "N5")
    submit(page, "不予受理")
    page.goto(f"{site.url}/clues/{arrived[2]}?act=escalate")
    page.check("#x-reason-unclear")
    submit(page, "提请上级")
    page.goto(f"{site.url}/queue?view=mine")
    mine = set(nos(page))
    states = [_state(page, site, no) for no in arrived[:4]]
    held, above = told(site, "clues", "handler"), told(site, "board", "430900")
    assert above == {"escalated": 1}, "who is asked above holds it now"
    assert Counter(states) == Counter(held) + Counter(above)
    assert held["verifying"] == held["to_determine"] == 1
    assert sum(held.values()) + sum(above.values()) == 4, "claimed = done + handed up + open"
    assert arrived[3] in mine <= set(arrived[:4])
    assert told(site, "clues", "").get("to_determine", 0) == MAILS - 4 + calls, "the fifth, and the call, are nobody's"


def _state(page: Page, site: Site, no: str) -> str:
    answer = page.request.get(f"{site.url}/api/v1/clues/{no}")
    assert answer.status == 200, answer.text()
    return str(answer.json()["state"])


def test_the_leads_day(window: Any, site: Site) -> None:
    page: Page = window("lead").go("/queue?channel=email")
    if not told(site, "clues", "handler"):  # this day alone, on a hub of its own: the handler's comes before it
        _handle(window, site)
        page.reload()
    free = [no for no in nos(page) if page.locator(f"tr[data-no='{no}'] .take").count()]
    assert len(free) == 1, "one mail has no handler"
    page.goto(f"{site.url}/clues/{free[0]}?act=assign")
    page.select_option("#x-handler", label=_option(page, "#x-handler", "陈承办"))
    submit(page, "分派承办人")
    page.goto(f"{site.url}/clues/{free[0]}?act=mark.major")
    page.check("#x-criterion-farmland") if page.locator("#x-criterion-farmland").count() else page.select_option(
        "#x-criterion", "farmland"
    )
    page.fill("#x-reason_text", "占用永久基本农田八亩")
    submit(page, "列为重大线索")
    page.goto(f"{site.url}/supervise")
    page.click("text=趋势和地区")
    expect(page.locator("#states-title")).to_be_visible()
    page.locator(".chart-table > summary").first.click()
    screen = _last_column(page)
    held = told(site, "board", "430922")
    assert screen == {name: n for name, n in held.items() if name not in ("closed", "merged", "transferred")}
    assert sum(told(site, "clues", "handler").values()) == MAILS - 1, "all mails but the one handed up"


def _option(page: Page, box: str, words: str) -> str:
    return next(text for text in page.locator(f"{box} option").all_inner_texts() if words in text)


def _last_column(page: Page) -> dict[str, int]:
    """State → clues now, as the chart's table says."""
    found = {}
    for link in page.locator("[data-count^='states:'][data-count$=':11']").all():
        found[(link.get_attribute("data-count") or "").split(":")[1]] = int(link.inner_text())
    return found


def test_the_supervisors_day(window: Any, site: Site) -> None:
    page: Page = window("supervisor").go("/supervise")
    county = told(site, "board", "430922")
    open_there = sum(n for state, n in county.items() if state not in ("closed", "merged", "transferred"))
    number_there = page.locator("[data-count='430922:open']")
    expect(number_there).to_have_text(str(open_there))
    number_there.click()
    expect(page.locator("tr[data-no]")).to_have_count(open_there)
    no = nos(page)[0]
    page.goto(f"{site.url}/clues/{no}?act=supervise.order")
    page.fill("#x-due", "2099-01-04")
    page.fill("#x-reason_text", "请按期核查并报告")
    submit(page, "督办")
    page.goto(f"{site.url}/supervise/directives")
    expect(page.locator(f"tr[data-no='{no}']")).to_have_count(1)
    asked = {"order": page.locator("tr[data-no]").count()}
    assert asked == told(site, "orders", "supervisor") == {"order": 1}
    page.goto(f"{site.url}/supervise")
    tile = page.locator(".tile", has_text="督办、核查函与批办").locator("b")
    expect(tile).to_have_text("1")
