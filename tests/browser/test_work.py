"""What people do on the screens, in a real browser against a real hub."""

from __future__ import annotations

import io
import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def pdf(text: str) -> bytes:
    """A page with a text layer."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(420, 300))
    canvas.setFont("STSong-Light", 14)
    for number, line in enumerate(text.split("\n")):
        canvas.drawString(40, 250 - 24 * number, line)
    canvas.save()
    return out.getvalue()


def test_a_new_clue_appears_in_the_queue_without_reloading(window: Any, site: Any) -> None:
    page: Page = window("operator").go("/queue")
    page.evaluate("window.same = true")
    page.wait_for_selector("[data-live].on")
    before = int(page.inner_text(".tabs a >> nth=0 >> b"))
    site.seed("mail", "50")
    page.wait_for_function("n => Number(document.querySelector('.tabs a b').textContent) === n", arg=before + 1)
    expect(page.locator("tr[data-no] >> nth=0")).to_contain_text("湖南省益阳市桃江县")
    assert page.evaluate("window.same")


def test_all_tabs_of_a_browser_share_one_stream(window: Any, site: Any) -> None:
    opened = window("operator")
    first: Page = opened.go("/queue")
    first.wait_for_selector("[data-live].on")
    streams: list[str] = []
    tabs = [opened.context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.on("request", lambda request: request.url.endswith("/live") and streams.append(request.url))
        tab.goto(f"{site.url}/queue")
        tab.wait_for_selector("[data-live].on")
    assert streams == []
    before = int(tabs[0].inner_text(".tabs a >> nth=0 >> b"))
    site.seed("mail", "80")
    for tab in tabs:
        expect(tab.locator(".tabs a >> nth=0 >> b")).to_have_text(str(before + 1), timeout=20_000)
    first.close()
    tabs[0].wait_for_timeout(1000)
    assert len(streams) == 1  # one of the others took it over


def claimed(page: Page) -> Page:
    """The clue's page after 认领: only then is the original open."""
    if page.locator("form.claim").count():
        page.click("form.claim button")
        page.wait_for_selector("[data-done]")
    return page


def test_clicking_a_word_of_a_call_plays_it(window: Any, site: Any) -> None:
    page = claimed(window("lead").go(f"/clues/{site.numbers['phone']}"))
    words = page.locator(".w")
    assert words.count() > 10
    word = words.nth(words.count() // 2)
    start = float(word.get_attribute("data-seek") or 0)
    word.click()
    playing = "t => { const a = document.querySelector('audio'); return !a.paused && a.currentTime > t + 0.2 }"
    page.wait_for_function(playing, arg=start)
    assert page.evaluate("document.querySelector('audio').currentTime") < start + 5
    page.evaluate("document.querySelector('audio').pause()")
    evidence = page.locator(".span[data-seek] >> nth=0")
    evidence.click()
    quoted = evidence.inner_text().strip("“”")
    assert "".join(page.locator("mark").all_inner_texts()).startswith(quoted.rstrip("."))
    second = float(evidence.get_attribute("data-seek") or 0)
    page.wait_for_function("t => Math.abs(document.querySelector('audio').currentTime - t) < 3", arg=second)


def test_an_uploaded_pdf_becomes_a_clue_before_ones_eyes_with_boxes(window: Any, site: Any) -> None:
    page: Page = window("operator").go("/upload/letter")
    text = "举报信\n湖南省益阳市安化县梅城镇望城村，\n远大砂石有限公司未经批准占用耕地十二亩堆放砂石，\n请求查处。"
    page.set_input_files("#files", {"name": "举报信.pdf", "mimeType": "application/pdf", "buffer": pdf(text)})
    expect(page.locator(".chosen")).to_contain_text("举报信.pdf")
    page.click(".actions .btn-primary")
    page.wait_for_url("**/received?*")
    page.evaluate("window.same = true")
    link = page.locator(".got a[href^='/clues/']")
    link.wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-pending]')", timeout=60_000)
    assert page.evaluate("window.same")
    link.click()
    page.wait_for_selector("svg rect")
    assert page.evaluate("document.querySelector('.sheet img').naturalWidth") > 300
    page.locator("rect[data-line='1']").click()
    expect(page.locator("li[data-line='1']")).to_have_class(re.compile("lit"))
    expect(page.locator("[data-field='place'] .value")).to_contain_text("安化县")
    page.locator("[data-field='place'] .span >> nth=0").click()
    assert page.locator("mark").count() >= 1
    assert page.locator("rect.lit").count() == 1


def test_confirming_correcting_and_a_stale_page(window: Any, site: Any) -> None:
    number = str(secrets.randbelow(9000) + 1000)  # a mail of its own, also where this runs again
    path = f"/clues/{site.seed('mail', number, 'settle')['email']}"
    mine: Page = window("operator").go(path)
    theirs: Page = window("lead").go(path)
    theirs.route("**/live", lambda route: route.abort())
    theirs.reload()
    still = lambda route: route.abort() if "hx-request" in route.request.headers else route.continue_()  # noqa: E731
    theirs.route(f"**{path}*", still)  # nor is the page read again after a while without the stream
    mine.click("[data-field='class'] .btn-primary")
    expect(mine.locator(".decided")).to_contain_text("违法占地")
    theirs.click("[data-field='place'] .btn-primary")
    expect(theirs.locator("[role=alert]")).to_contain_text("没有丢")
    mine.click(".own > summary")
    mine.fill("#v-place", "430903")
    mine.press("#v-place", "Enter")
    expect(mine.locator(".decided >> nth=0")).to_contain_text("赫山区")


def test_editing_the_text_changes_the_suggestion_live(window: Any, site: Any) -> None:
    path = f"/clues/{site.seed('mail', '70', 'settle')['email']}"
    page = claimed(window("lead").go(path))
    watcher: Page = window("lead").go(path)
    expect(page.locator("[data-field='place'] .value")).to_contain_text("桃江县")
    page.click("summary:has-text('更正文字')")
    page.fill(".edit textarea", "河南省周口市太康县老冢镇前何村，宏发砖瓦厂在耕地里取土烧砖，毁了二十多亩地。")
    page.click("text=保存更正")
    expect(page.locator("[data-field='place'] .value")).to_contain_text("太康县", timeout=30_000)
    expect(watcher.locator("[data-field='place'] .value")).to_contain_text("太康县", timeout=30_000)
    expect(watcher.locator(".body")).to_contain_text("老冢镇")


def test_keys_of_the_queue(window: Any) -> None:
    page: Page = window("operator").go("/queue")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    marked = page.get_attribute("tr.at", "data-no")
    assert marked == page.get_attribute("tr[data-no] >> nth=0", "data-no")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clues/{marked}")
    page.keyboard.press("u")
    page.wait_for_url("**/queue")
    page.keyboard.press("/")
    page.keyboard.type("红旗村")
    page.keyboard.press("Enter")
    page.wait_for_url("**query=*")
    assert page.locator("tr[data-no]").count() >= 3
    page.click("h1 >> nth=0", force=True)
    page.keyboard.press("n")
    page.wait_for_url("**/new")


def test_a_refused_form_keeps_everything_and_files_are_checked_before_sending(window: Any) -> None:
    page: Page = window("lead").go("/new/media")
    page.fill("[name=outlet]", "桃江日报")
    page.fill("[name=published]", "2026-11-01")
    page.fill("[name=facts]", "桃江县武潭镇有人毁田建房。")
    wrong = {"name": "a.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"}
    page.set_input_files("[type=file]", wrong)
    page.click(".actions .btn-primary")
    expect(page.locator("#problem")).to_contain_text("不支持这种文件")
    assert page.input_value("[name=facts]") == "桃江县武潭镇有人毁田建房。"
    page.evaluate("document.querySelector('form[data-max]').dataset.max = 10")
    page.set_input_files("[type=file]", {**wrong, "name": "b.pdf", "buffer": b"x" * 100})
    expect(page.locator("#problem")).to_contain_text("超过上限")
    page.reload()
    assert page.input_value("[name=outlet]") == "桃江日报"  # the draft
    page.click(".actions .btn-primary")
    page.wait_for_url("**/received?*")
    page.go_back()
    page.wait_for_url("**/new/media")


def test_mail_html_runs_nothing(window: Any, site: Any) -> None:
    opened = window("lead")
    opened.go("/queue?query=有人占地")
    opened.page.locator("tr[data-no] a >> nth=0").click()
    opened.page.wait_for_selector("#case")
    claimed(opened.page).click("text=按邮件原样查看")
    frame = opened.page.frame_locator("iframe")
    expect(frame.locator("b")).to_have_text("武潭镇")
    assert frame.locator("script").count() == 0
