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


def test_the_mailrooms_day(window: Any, site: Site) -> None:
    """Letters entered, one sent on, one void by mistake: the register's sum is the database's."""
    page: Page = window("mailroom").go("/mailroom")
    before = told(site, "letters", "mailroom")
    for name in ("何大姐", "唐小满", "郭永年"):
        enter(page, name, "桃江县马迹塘镇")
    links = page.locator("tbody tr a[href*='/letters/']").all()
    addresses = list(dict.fromkeys(link.get_attribute("href") or "" for link in links))[:2]
    page.goto(site.url + addresses[0])
    page.fill("#f-to", "县信访局")
    page.click("text=登记转送")
    expect(page.locator("text=打印转送单")).to_be_visible()
    page.goto(site.url + addresses[1])
    page.fill("#f-reason", "重复登记")
    page.click("button:text-is('作废')")
    page.wait_for_url("**/mailroom?*")
    screen, held = register_ledger(page), told(site, "letters", "mailroom")
    assert screen["收到"] == sum(list(screen.values())[1:]) == sum(held.values())
    assert held == {**before, "open": before.get("open", 0) + 1, "forwarded": 1, "void": 1}
    assert (screen["待扫描"], screen["已转送"], screen["作废"]) == (held["open"], 1, 1)


def test_the_statisticians_day(window: Any, site: Site) -> None:
    """Counts what came by each channel and how it stands, keeps a view; sees words masked and does nothing."""
    page: Page = window("statistician").go("/queue")
    tabs = {(link.get_attribute("href") or "").partition("channel=")[2]: int(link.locator("b").inner_text())
            for link in page.locator(".tabs a").all()}  # fmt: skip
    everything = tabs.pop("")
    assert everything == sum(tabs.values())
    assert {channel: n for channel, n in tabs.items() if n} == told(site, "channels")
    states = told(site, "states")
    assert sum(states.values()) == everything, "what arrived = what was done + what is open"
    for state, n in states.items():
        page.goto(f"{site.url}/queue?state={state}")
        expect(page.locator("tr[data-no]")).to_have_count(n)
    page.goto(f"{site.url}/queue?channel=email")
    page.locator(".save-view summary").press("Enter")
    page.fill("#view-name", "邮件月报")
    page.press("#view-name", "Enter")
    expect(page.locator("[data-view]", has_text="邮件月报").locator("[data-count]")).to_have_text(str(tabs["email"]))
    page.goto(f"{site.url}/clues/{nos(page)[0]}")
    assert "13800001234" not in page.content()
    assert page.locator("form.claim, #reveal, [data-act='determine.P1']").count() == 0


def test_the_auditors_day(window: Any, site: Site) -> None:
    """Somebody looks at who reported, and reports a leak: the auditor finds each look, and no words."""
    lead: Page = window("lead").go("/queue?view=mine")
    if not nos(lead):
        lead.goto(f"{site.url}/queue")  # a lead may look for a reason without having the clue
    lead.goto(f"{site.url}/clues/{nos(lead)[0]}")
    lead.click("#reveal summary")
    if lead.locator("#reveal-reason").count():
        lead.fill("#reveal-reason", "核对电话以便现场指认")
    lead.click("#reveal form button")
    lead.wait_for_load_state()
    page: Page = window("auditor").go("/reveals")
    looks = told(site, "reveals")
    assert sum(looks.values()) >= 1
    expect(page.locator("main tbody tr")).to_have_count(sum(looks.values()))
    assert "现场指认" not in page.content(), "the reason is its unit's lead's to read"
    page.goto(f"{site.url}/leaks")
    page.select_option("#l-kind", "lost")
    page.fill("#l-account", "一份纸质材料在复印室遗失，已找回。")
    page.click("main .btn-primary")
    expect(page.locator(".good[role=status]")).to_contain_text("已登记")
    assert told(site, "leaks") == {"open": 1}
    lead.goto(f"{site.url}/leaks")
    expect(lead.locator("main .own")).to_have_count(1)


def test_the_administrators_day(window: Any, site: Site) -> None:
    """One puts people forward, the other decides: nobody alone. Who works here is what the database says."""
    before = told(site, "staff")
    page: Page = window("sysadmin").go("/people")
    for login, name in (("new.one", "新来的"), ("new.two", "借调的")):
        page.click("text=添加人员")
        page.fill("#p-login", login)
        page.fill("#p-name", name)
        page.check("#p-operator")
        page.click("text=添加并申请岗位")
        page.wait_for_load_state()
        page.goto(f"{site.url}/people")
    assert told(site, "changes") == {"open": 2}
    second: Page = window("secadmin").go("/people")
    expect(second.locator(".chip-amber").first).to_have_text("2")
    waiting = second.locator("section", has_text="待确认").first
    waiting.locator("tr", has_text="新来的").locator("button", has_text="确认").click()
    second.wait_for_load_state()
    waiting = second.locator("section", has_text="待确认").first
    waiting.locator("tr", has_text="借调的").locator("button", has_text=re.compile("退回|不同意|驳回|拒绝")).click()
    second.wait_for_load_state()
    changes = told(site, "changes")
    assert changes.get("open", 0) == 0
    assert sum(changes.values()) == 2, "put forward = confirmed + refused"
    after = told(site, "staff")
    assert sum(after.values()) == sum(before.values()) + 2
    assert after["operator"] == before["operator"] + 1, "only who was confirmed has the role"
    page.goto(f"{site.url}/people")
    expect(page.locator("section", has_text="人员").locator("tr", has_text="新来的").first).to_contain_text("接线")


def test_the_citizens_day(window: Any, site: Site) -> None:
    """Reports with a code, looks it up, adds to it: each report is one clue, the addition is none."""
    before = told(site, "citizens")
    codes = []
    for number in range(2):
        page: Page = window(None, "phone").go("/citizen/report/430922")
        page.fill("#place", "湖南省益阳市桃江县武潭镇红旗村")
        page.fill("#facts", f"鑫隆建材未经批准占用耕地约{number + 3}亩建厂房，已经盖好。")
        page.check("input[value=anonymous]")
        page.check("input[name=consent]")
        page.click("main .btn-primary")
        page.wait_for_selector("#code")
        codes.append(page.inner_text("#code"))
    assert len(set(codes)) == 2
    page.goto(f"{site.url}/citizen/query")
    page.fill("#code-box", codes[0])
    page.click("main .btn-primary")
    page.wait_for_url("**/citizen/status")
    for _ in range(60):
        if "审核中" in page.inner_text("main"):
            break
        page.wait_for_timeout(500)
        page.reload()
    page.click("text=补充材料")
    page.fill("#text", "昨晚又倒了三车土")
    page.click("main .btn-primary")
    page.wait_for_selector("text=已收到您的补充")
    told(site, "settle")
    after = told(site, "citizens")
    assert after["reports"] - before.get("reports", 0) == 2 == after["clues"] - before.get("clues", 0)
    assert after["intakes"] - before.get("intakes", 0) == 3, "two reports and what was added"
