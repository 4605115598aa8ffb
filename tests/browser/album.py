"""The album: a picture of every page in both sizes, as the role that uses it most (docs/shots/pages).

`make page-shots`, or `python -m tests.browser.album [PART-OF-A-NAME …]`. It starts the demo county, adds what makes
every page show something (county.py plain), and writes a small picture of each page and the table in README.md. A
picture that looks like the kept one, but for a date or a number, is left alone. HUB_ALBUM=URL takes a hub that runs.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.conftest import FLAGS, ROOT, SIZES, Site, chromium, environment, serving
from tests.browser.pages import NOBODY, PAGES, fill, names_of, roles_of
from tests.browser.shots import await_loaded, call, case

FOLDER = ROOT / "docs/shots/pages"
MOST = 30_000  # bytes of a picture
QUALITIES = (50, 40, 30, 22, 16, 12, 8, 5)  # of WebP, the first that fits
KEPT = {"desk": (1024, 576), "phone": (390, 844)}  # pixels that are kept: of a desk three quarters
SEEN = 14  # difference of two grey values, of 255, that one sees when both pictures are out of focus
SAME = 0.004  # share of a picture that may differ like that: some dates and numbers
USUAL = ("handler", "lead", "supervisor", "mailroom", "sysadmin", "secadmin", "auditor", "operator", "statistician")
USED_BY = {
    "/": "handler", "/call": "operator", "/new": "operator", "/new/<form_id>": "operator", "/upload/<code>": "operator",
    "/clues/<no>/discipline": "supervisor",
    "/running": "sysadmin", "/people": "sysadmin", "/units": "sysadmin", "/units/<code>": "sysadmin",
    "/import": "sysadmin", "/reveals": "auditor", "/leaks": "secadmin", "/retention": "lead", "/misuse": "lead",
    "/calendar": "lead", "/wordings": "lead", "/account": "lead", "/rules": "lead", "/queue": "handler",
}  # fmt: skip
HOME = {"/mailroom": "mailroom", "/supervise": "supervisor", "/wordings": "lead", "/rules": "lead"}
"""Who uses a page most, where that is not the first of USUAL who may open it."""
LOOKED_AT = (("/queue", "dark-normal"), ("/clues/<no>", "dark-normal"), ("/supervise", "dark-normal"),
             ("/citizen/report", "dark-normal"), ("/queue", "light-large"), ("/clues/<no>", "light-large"),
             ("/call", "light-large"), ("/citizen/report", "light-large"))  # fmt: skip
"""Pages that are shown in another look too."""
LOOKS = {"light-normal": "", "dark-normal": "dark", "light-large": "large"}


@dataclass(frozen=True)
class Picture:
    """One page, who looks at it, in what look and size."""

    rule: str
    role: str
    size: str
    look: str = "light-normal"

    @property
    def name(self) -> str:
        bare = self.rule.replace("int:", "")
        page = "-".join("".join(c if c.isalnum() else " " for c in bare).split()) or "home"
        return "-".join(part for part in (self.role, page, LOOKS[self.look], self.size) if part) + ".webp"


def used_by(rule: str) -> str:
    able = roles_of(rule)
    own = USED_BY.get(rule) or next((role for start, role in HOME.items() if rule.startswith(start)), "")
    return next(role for role in (own, NOBODY, *USUAL) if role in able)


def album() -> list[Picture]:
    """Every picture that docs/shots/pages holds."""
    looks = [*((rule, "light-normal") for rule in PAGES), *LOOKED_AT]
    return [Picture(rule, used_by(rule), size, look) for rule, look in looks for size in SIZES]


def webp(data: bytes, size: str = "phone") -> bytes:
    picture = Image.open(io.BytesIO(data)).convert("RGB").resize(KEPT[size], Image.Resampling.LANCZOS)
    out = io.BytesIO()
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= MOST:
            break
    return out.getvalue()


def alike(new: bytes, kept: Path) -> bool:
    """Whether one would have to read the digits to tell them apart."""
    if not kept.exists():
        return False
    one, other = (Image.open(io.BytesIO(each)).convert("L") for each in (new, kept.read_bytes()))
    if one.size != other.size:
        return False
    small = [np.asarray(each.filter(ImageFilter.GaussianBlur(6)).reduce(6), "int16") for each in (one, other)]
    return bool((np.abs(small[0] - small[1]) > SEEN).mean() < SAME)


def _asked(page: Page) -> None:
    """A report is sent and its code asked: what the reporter of it sees."""
    page.goto("/citizen/report/430922")
    page.fill("#place", "湖南省益阳市桃江县武潭镇红旗村")
    page.fill("#facts", "鑫隆建材有限公司未经批准占用耕地约8亩建厂房，已经盖好两栋。")
    page.check("input[value=anonymous]")
    page.check("input[name=consent]")
    page.click("main .btn-primary")
    code = page.inner_text("#code")
    page.goto("/citizen/query")
    page.fill("#code-box", code)
    page.click("main .btn-primary")
    page.wait_for_url("**/citizen/status")
    for _ in range(60):
        if "审核中" in page.inner_text("main"):
            return
        page.wait_for_timeout(500)
        page.reload()


def _supplement(page: Page) -> None:
    _asked(page)
    page.goto("/citizen/supplement")


REACH: dict[str, Callable[[Page], None]] = {
    "/citizen/status": _asked, "/citizen/supplement": _supplement, "/call": call, "/clues/<no>": case,
}  # fmt: skip
"""Pages that show something only after something was done."""


class Camera:
    """One browser context a role and size."""

    def __init__(self, browser: Browser, site: Site, cookies: dict[str, str], names: dict[str, Any]) -> None:
        self.browser, self.site, self.cookies, self.names = browser, site, cookies, names
        self.contexts: dict[tuple[str, str], BrowserContext] = {}

    def _context(self, role: str, size: str) -> BrowserContext:
        if (role, size) not in self.contexts:
            width, height = SIZES[size]
            made = self.browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN",
                                            timezone_id="Asia/Shanghai", reduced_motion="reduce",
                                            base_url=self.site.url)  # fmt: skip
            made.set_default_timeout(20_000)
            if role in self.cookies:
                made.add_cookies([{"name": "hub", "value": self.cookies[role], "url": self.site.url}])
            self.contexts[role, size] = made
        return self.contexts[role, size]

    def take(self, one: Picture, *, whole: bool = False) -> tuple[bytes, str]:
        """(PNG, title of the page); `whole`: as high as the page is."""
        context = self._context(one.role, one.size)
        context.add_cookies([{"name": "hub_look", "value": one.look, "url": self.site.url}])
        page = context.new_page()
        try:
            if one.rule in REACH:
                REACH[one.rule](page)
            else:
                page.goto(self.address(one))
            page.wait_for_timeout(300)
            return page.screenshot(full_page=whole), page.title().partition(" · ")[0]
        finally:
            page.close()

    def address(self, one: Picture) -> str:
        known = names_of(self.names, one.role)
        return next(found for address in PAGES[one.rule] if (found := fill(address, known)))


def index(titles: dict[str, str]) -> str:
    """README.md: page → picture, with the pictures' own titles."""
    how = (
        "由 `make page-shots` 从演示县生成：每个页面两种尺寸（1366×768 缩为四分之三，390×844），用最常用它的角色打开。"
    )
    rows = ["# 每个页面的样子", "", how, "", "| 页面 | 地址 | 角色 | 1366×768 | 390×844 |", "|---|---|---|---|---|"]
    for one in album():
        if one.size == "desk":
            look = {"": "", "dark": "（深色）", "large": "（大字）"}[LOOKS[one.look]]
            links = [f"[图]({Picture(one.rule, one.role, size, one.look).name})" for size in SIZES]
            rows.append(f"| {titles[one.rule]}{look} | `{one.rule}` | {one.role} | {' | '.join(links)} |")
    return "\n".join([*rows, ""])


def told_titles() -> dict[str, str]:
    """Address → title, as README.md says them."""
    file = FOLDER / "README.md"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| ")]
    return {row[2].strip("`"): row[1] for row in cells if "（" not in row[1]}


def told(site: Site, what: str) -> dict[str, Any]:
    """What county.py prints."""
    done = subprocess.run([sys.executable, "-m", "tests.browser.county", what], cwd=ROOT, env=environment(site.var),
                          check=True, capture_output=True, text=True, timeout=900)  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def hub() -> Iterator[tuple[Site, dict[str, str], dict[str, Any]]]:
    """The county to be shown, the cookies of its people, the names of its things."""
    if running := os.environ.get("HUB_ALBUM"):
        site = Site(running, Path(os.environ["HUB_VAR"]))
        kept = site.var / "album.json"
        if not kept.exists():
            kept.write_text(json.dumps(told(site, "plain")), "utf-8")
        yield site, told(site, "people"), json.loads(kept.read_text("utf-8"))
        return
    with serving(demo=True, HUB_SECOND_FACTOR="off") as site:
        await_loaded(site.var)
        names = told(site, "plain")
        yield site, told(site, "people"), names


def main(parts: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    titles = told_titles()
    wanted = [one for one in album() if not parts or any(part in one.name for part in parts)]
    with hub() as (site, cookies, names), sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium(), args=[*FLAGS, "--lang=zh-CN"], env=dict(os.environ, LANGUAGE="zh_CN")
        )
        camera = Camera(browser, site, cookies, names)
        for one in wanted:
            data, title = camera.take(one)
            if one.look == "light-normal":
                titles[one.rule] = title
            small, file = webp(data, one.size), FOLDER / one.name
            fresh = not alike(small, file)
            if fresh:
                file.write_bytes(small)
            print(f"{one.name}\t{len(small) // 1000} kB\t{'written' if fresh else 'as before'}")
        browser.close()
    for old in set(FOLDER.glob("*.webp")) - {FOLDER / one.name for one in album()}:
        old.unlink()
    (FOLDER / "README.md").write_text(index(titles), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
