"""A day of the mailroom with the keyboard: entered, scanned, put in order, taken in, read over; nothing is lost."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, expect

from tests.browser.test_access import check

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FONT = next(iter(sorted(Path("/usr/share/fonts").rglob("*CJK*Regular*"))), None)
LETTER = (
    "关于占用耕地的举报",
    "武潭镇红旗村三组，鑫隆建材有限公司今年三月",
    "未经批准占用水稻田八亩建厂房，已盖好两栋。",
    "请依法查处。",
)


def paper(*lines: str, size: tuple[int, int] = (1000, 1414)) -> Image.Image:
    page = Image.new("L", size, 252)
    ImageDraw.Draw(page).text((90, size[1] - 60), secrets.token_hex(8), fill=20)  # no two runs scan the same
    font = ImageFont.truetype(str(FONT), 40) if FONT else ImageFont.load_default(40)
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((90, 160 + 80 * number), line, fill=20, font=font)
    return page


def saved(page: Image.Image, path: Path, *more: Image.Image) -> str:
    if path.suffix == ".pdf":
        page.save(path, save_all=True, append_images=more, resolution=120)
    else:
        page.convert("1" if path.suffix == ".tif" else "L").save(path)
    return str(path)


def enter(page: Page, *boxes: str, key: str = "") -> None:
    """Types a line of the register as a clerk does: Enter from box to box, F8 at the end."""
    for place, words in enumerate(boxes):
        if place:
            page.keyboard.press("Enter")
        page.keyboard.insert_text(words)
    if key:
        page.keyboard.press(key)
    page.keyboard.press("F8")
    expect(page.locator("#mr-saved")).to_contain_text("已登记")
    expect(page.locator("#m-reporter_name")).to_have_value("")
    page.locator("#mr-saved").evaluate("node => node.textContent = ''")


def ledger(page: Page) -> dict[str, int]:
    words = page.locator(".mr-ledger").inner_text().replace("=", " ").replace("+", " ").split()
    return {name: int(count) for name, count in zip(words[::2], words[1::2], strict=True)}


def test_a_day_of_the_mailroom(window: Any, tmp_path: Path) -> None:
    clerk = window("lead")
    page: Page = clerk.go("/mailroom")
    before = ledger(page)
    expect(page.locator("#m-reporter_name")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 40")
    enter(page, "李桂花", "桃江县武潭镇红旗村三组21号", "13900004567", "", "县自然资源局")
    enter(page, "王建国", "灰山港镇", key="F4")
    page.keyboard.insert_text("欧阳慧")
    page.keyboard.press("F3")
    page.keyboard.insert_text("赵六，13700001111\n钱七")
    page.keyboard.press("F8")
    expect(page.locator("#mr-saved")).to_contain_text("已登记")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("欧**")
    expect(row).to_contain_text("联名 3 人")
    assert "赵六" not in page.locator("#mr-list").inner_text()
    number = row.locator("a").inner_text()
    assert "13900004567" not in page.content()
    assert ledger(page)["收到"] == before["收到"] + 3 == sum(list(ledger(page).values())[1:])
    page.goto(f"{clerk.site.url}/mailroom/batches")
    page.click("text=新的一批扫描件")
    page.wait_for_url("**/batches/*")
    further = paper("第二页：水渠已被压断。"), paper("关于夜间采砂的举报", "资江河道有船采砂。")
    files = [
        saved(paper(*LETTER), tmp_path / "0001.pdf", *further),
        saved(paper("桃江县自然资源局 收", size=(1000, 500)), tmp_path / "0002.png"),
        saved(paper("矿山越界开采").rotate(90, expand=True), tmp_path / "0003-1.jpg"),
        saved(paper("另附一页：现场在桥东一百米。"), tmp_path / "0003-2.jpg"),
        saved(paper("白页"), tmp_path / "0004.tif"),
    ]  # fmt: skip
    files.append(str(shutil.copy(files[4], tmp_path / "0005.tif")))
    clerk.context.set_offline(True)
    page.set_input_files("#pick", files)
    expect(page.locator("#sent-words")).to_contain_text("网络中断")
    clerk.context.set_offline(False)
    expect(page.locator("#sent-words")).to_contain_text("6 个文件已保存", timeout=30_000)
    stacks = page.locator(".stack")
    expect(stacks).to_have_count(5, timeout=60_000)
    expect(page.locator("[data-file]")).to_contain_text("完全相同", timeout=60_000)
    assert check(page, "batch") == []
    page.reload()
    page.set_input_files("#pick", files)  # the same files once more: nothing is sent or stored twice
    expect(page.locator("#sent-words")).to_contain_text("6 个文件已保存", timeout=30_000)
    expect(stacks).to_have_count(5)
    page.click("[data-twin=same]")
    expect(page.locator("[data-file]")).to_contain_text("同一封信，不再收")
    page.locator(".pg").first.click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")  # the third page of the file is a letter of its own
    expect(stacks).to_have_count(6)
    page.locator(".pg").nth(3).click()
    page.keyboard.press("e")
    expect(page.locator(".role-envelope")).to_have_count(1)
    page.keyboard.press("j")  # the envelope belongs to the letter before it
    expect(stacks).to_have_count(5)
    page.locator(".pg").nth(4).click()
    page.keyboard.press("R")
    expect(page.locator(".pg.r270")).to_have_count(1)
    page.locator(".pg").nth(6).click()
    page.keyboard.press("x")  # the blank page
    expect(page.locator(".role-left_out")).to_have_count(2)
    page.locator(".pg").first.click()
    year, last = number.split("-")
    for step in (2, 1, 0):  # N, number, Enter goes on to the next stack
        if step == 2:
            page.keyboard.press("n")
        page.keyboard.insert_text(f"{year}-{int(last) - step:05d}")
        page.keyboard.press("Enter")
        expect(page.locator("[data-take]")).to_contain_text(f"{3 - step} 封")
    page.keyboard.press("Escape")
    page.keyboard.press("F8")
    expect(page.locator(".stack-taken")).to_have_count(3, timeout=60_000)
    expect(page.locator("#stacks")).to_contain_text("这一批已全部收件")
    assert check(page, "batch taken in") == []
    page.goto(f"{clerk.site.url}/mailroom/reading")
    expect(page.locator("text=可以校对")).to_have_count(3, timeout=150_000)
    assert check(page, "letters to read over") == []
    page.click(f"text={year}-{int(last) - 2:05d}")
    expect(page.locator(".rd-line").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "one screen"
    line = page.locator("li[data-line]").filter(has_text="水稻田").first
    line.locator("button").click()
    expect(page.locator("rect.on")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.insert_text("未经批准占用水稻田八亩建厂房，盖好两栋。")
    page.keyboard.press("Enter")
    expect(page.locator("#mended")).to_have_text("1")
    page.locator("rect").first.click(force=True)
    expect(page.locator("li.on")).to_have_count(1)
    page.keyboard.press("+")
    expect(page.locator("#scan.z2")).to_have_count(1)
    assert check(page, "reading over") == []
    clue = page.locator("h1 a").inner_text()
    page.keyboard.press("F8")  # released: on to the next letter
    page.wait_for_url(lambda url: "/release" not in url)
    expect(page.locator("h1")).to_contain_text(f"{year}-{int(last) - 1:05d}")
    page.goto(f"{clerk.site.url}/mailroom")
    now = ledger(page)
    assert now["收到"] - before["收到"] == 3 == now["已收件"] - before["已收件"]
    assert now["待扫描"] == before["待扫描"]
    page.goto(f"{clerk.site.url}/queue?channel=letter")
    expect(page.locator(f"tr[data-no='{clue}']")).to_have_count(1)


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_mailroom_is_accessible(window: Any, size: str, tmp_path: Path) -> None:
    clerk = window("lead", size)
    page: Page = clerk.go("/mailroom")
    page.fill("#m-reporter_name", "赵六")
    page.fill("#m-stamped", "")
    page.click("#mr-form .btn-primary")
    expect(page.locator("#mr-problem")).to_contain_text("请填写收文章日期")
    found = check(page, "refused line")
    page.fill("#m-stamped", page.locator("#m-stamped").get_attribute("max") or "")
    page.click("#mr-form .btn-primary")
    expect(page.locator("#mr-saved")).to_contain_text("已登记")
    page.locator("tbody tr a").first.click()
    page.wait_for_url("**/letters/*")
    found += check(page, "a line")
    page.fill("#f-to", "县信访局")
    page.click("text=登记转送")
    expect(page.locator("text=打印转送单")).to_be_visible()
    found += check(page, "a forwarded letter")
    for path in ("/mailroom/covers", "/mailroom/batches", "/mailroom/reading"):
        clerk.go(path)
        found += check(page, path)
    clerk.go("/mailroom/batches")
    page.click("text=新的一批扫描件")
    page.wait_for_url("**/batches/*")
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.4 nothing behind it" + bytes(str(size), "ascii"))
    page.set_input_files("#pick", [str(bad), saved(paper(f"一页 {size}"), tmp_path / "good.png"), __file__])
    expect(page.locator("#refused")).to_contain_text("不是扫描件")
    expect(page.locator("#stacks")).to_contain_text("读不出页面", timeout=60_000)
    expect(page.locator(".pg")).to_have_count(1, timeout=60_000)
    page.locator(".pg").click()
    found += check(page, "batch with a bad file")
    assert found == []
