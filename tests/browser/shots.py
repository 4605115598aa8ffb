"""The pictures of the guides: `python -m tests.browser.shots [NAME …]` starts the demo county, walks to each screen as
the person whose guide shows it, and writes docs/shots/NAME.png. Small: few colours, at most MOST bytes.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from hub.demo.county import PASSWORD
from tests.browser.conftest import FLAGS, ROOT, SIZES, Site, chromium, serving

FOLDER = ROOT / "docs/shots"
DESK = (1180, 664)  # smaller than an office screen: words stay readable on the width of a document
MOST = 60_000  # bytes of a picture
COLOURS = (96, 64, 40, 28, 20)
VIVID = 24  # how far apart red, green and blue of a coloured pixel are
PATIENCE = 600  # seconds until the demo county is read


def _queue(page: Page) -> None:
    page.goto("/queue")
    page.wait_for_selector("[data-live].on")


def _clue(page: Page, channel: str, *, claim: bool = True) -> None:
    page.goto(f"/queue?channel={channel}")
    page.click("tr[data-no] a >> nth=0")
    page.wait_for_selector("#case")
    if claim and page.locator("form.claim button").count():
        page.click("form.claim button")
        page.wait_for_selector("[data-done]")
        page.goto(page.url.partition("?")[0])


def case(page: Page) -> None:
    """A call that was recorded: some of the channel's clues were typed while talking."""
    page.goto("/queue?channel=phone")
    for no in [row.get_attribute("data-no") for row in page.locator("tr[data-no]").all()]:
        page.goto(f"/clues/{no}")
        if page.locator("form.claim button").count():
            page.click("form.claim button")
            page.wait_for_selector("[data-done]")
        page.goto(f"/clues/{no}")
        if page.locator(".part audio").count():
            return
    raise LookupError("no recorded call in the demo county")


def _mailroom(page: Page) -> None:
    """A register with a few letters in it."""
    page.goto("/mailroom")
    for name, enclosed in (("高润生", "照片4张"), ("孟庆来", ""), ("红旗村村民", "合同复印件")):
        page.fill("[name=reporter_name]", name)
        page.fill("[name=addressee]", "桃江县自然资源局")
        page.fill("[name=enclosures]", enclosed)
        before = page.locator("#mr-list tbody tr").count()
        page.keyboard.press("F8")
        page.wait_for_function("n => document.querySelectorAll('#mr-list tbody tr').length > n", arg=before)


def _scan(page: Page) -> None:
    _clue(page, "letter")


def _act(page: Page) -> None:
    _clue(page, "email")
    page.keyboard.press("a")
    page.wait_for_selector("#act")


def _dictated(page: Page) -> None:
    page.fill("#pad [name=caller]", "13800001234")
    page.fill("#pad [name=name]", "张三")
    page.locator("#pad [name=place]").press_sequentially("桃江武潭", delay=40)
    page.wait_for_selector("#pad [role=option]")
    page.keyboard.press("Enter")
    page.locator("#pad [name=place]").press_sequentially("红旗村", delay=40)
    page.fill("#pad [name=respondent]", "鑫隆建材有限公司")
    words = "鑫隆建材占用耕地八亩建厂房，从三月开始，现在还在浇地面，村里说没有批文。"
    page.fill("#pad [name=facts]", words)
    page.fill("#pad [name=area]", "八亩")
    page.wait_for_selector("#elements li")


def call(page: Page) -> None:
    page.goto("/call#new")
    page.wait_for_selector("#since:has-text('接听')")
    if not page.input_value("#c-place"):  # the call of another picture goes on
        _dictated(page)
    page.wait_for_selector("#saved:has-text('已')")
    page.wait_for_selector("#hints:has-text('T2')", timeout=60_000)  # what is read out of the words


def _to(path: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(path)

    return go


def _dark(page: Page) -> None:
    page.goto("/supervise")
    page.context.add_cookies([{"name": "hub_look", "value": "dark-large", "url": page.url}])
    page.goto("/supervise")


def _report(page: Page) -> None:
    page.goto("/citizen/report/430922")


@dataclass(frozen=True)
class Shot:
    """A screen: who looks, how it is reached, on what."""

    role: str | None
    reach: Callable[[Page], None]
    size: str = "desk"


SHOTS: dict[str, Shot] = {
    "queue": Shot("operator", _queue), "callpad": Shot("operator", call),
    "mailroom": Shot("mailroom", _mailroom),
    "scan": Shot("handler", _scan), "case": Shot("handler", case), "act": Shot("handler", _act),
    "case-phone": Shot("handler", _act, "phone"), "supervise": Shot("supervisor", _to("/supervise")),
    "trends": Shot("supervisor", _to("/supervise/trends")), "dark": Shot("supervisor", _dark),
    "wordings": Shot("lead", _to("/wordings")),
    "calendar": Shot("lead", _to("/calendar")), "units": Shot("sysadmin", _to("/units/430922")),
    "scope": Shot("lead", _to("/rules/scope")), "people": Shot("sysadmin", _to("/people")),
    "citizen": Shot(None, _to("/citizen/"), "phone"), "citizen-report": Shot(None, _report, "phone"),
}  # fmt: skip


def small(data: bytes) -> bytes:
    """The picture with as many colours as fit into MOST bytes; less high when even the fewest do not."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    while True:
        for colours in COLOURS:
            out = io.BytesIO()
            picture.quantize(palette=_palette(picture, colours), dither=Image.Dither.NONE).save(
                out, "PNG", optimize=True
            )
            if out.tell() <= MOST:
                return out.getvalue()
        picture = picture.crop((0, 0, picture.width, picture.height - 24))


def _palette(picture: Image.Image, colours: int) -> Image.Image:
    """Half of the colours for all pixels, half for the few coloured ones: chips and bars would fade to grey."""
    pixels = np.asarray(picture).reshape(-1, 3)
    vivid = pixels[np.ptp(pixels.astype(np.int16), axis=1) > VIVID]
    chosen: list[int] = []
    for some in (pixels, vivid if len(vivid) else pixels):
        strip = Image.fromarray(np.ascontiguousarray(some).reshape(1, -1, 3))
        chosen += (strip.quantize(colours // 2, method=Image.Quantize.MEDIANCUT).getpalette() or [])[: colours // 2 * 3]
    made = Image.new("P", (1, 1))
    made.putpalette(chosen)
    return made


def take(browser: Browser, site: Site, name: str) -> bytes:
    """The picture of one screen, as bytes of a PNG."""
    shot = SHOTS[name]
    width, height = DESK if shot.size == "desk" else SIZES[shot.size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN",
                                  timezone_id="Asia/Shanghai", reduced_motion="reduce", base_url=site.url)  # fmt: skip
    page = context.new_page()
    if shot.role:
        page.goto(f"{site.url}/sign-in")
        page.fill("#login", shot.role)
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda url: "/sign-in" not in url)
    shot.reach(page)
    page.wait_for_timeout(400)
    data = page.screenshot()
    context.close()
    return data


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with serving(demo=True, HUB_SECOND_FACTOR="off") as site, sync_playwright() as play:
        await_loaded(site.var)
        browser = play.chromium.launch(
            executable_path=chromium(), args=[*FLAGS, "--lang=zh-CN"], env=dict(os.environ, LANGUAGE="zh_CN")
        )
        for name in names or SHOTS:
            data = small(take(browser, site, name))
            (FOLDER / f"{name}.png").write_bytes(data)
            print(f"{name}.png\t{len(data) // 1000} kB")
        browser.close()
    for old in set(FOLDER.glob("*.png")) - {FOLDER / f"{name}.png" for name in SHOTS}:
        old.unlink()


def await_loaded(var: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not (var / "demo/loaded").exists():
        if time.monotonic() > end:
            raise SystemExit("the demo county was not read in time")
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1:])
