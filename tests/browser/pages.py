"""Every page that the web server has, and who opens it how: the rows of the walk (test_walk.py) and of the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from hub.access import matrix
from hub.app import create_app
from hub.terms import Role
from tests.browser.conftest import SIZES

LOOKS = ("light-normal", "dark-normal", "light-large", "dark-large")
NOBODY = "nobody"
CLUES = ("main", "notices", "scan", "phone", "mail", "out", "n2", "up", "major")
LISTS = ("clues", "objections", "holds", "directives", "major", "alerts", "feedback", "kinds")

# What stands for the parameters: addresses of each page. {names} come from tests/browser/county.py; an address whose
# name is not known (an empty hub) is left out. After "!": the page exists, whatever the hub holds.
PAGES: dict[str, tuple[str, ...]] = {
    "/": ("/",),
    "/account": ("/account",),
    "/account/factors": ("/account/factors",),
    "/account/password": ("/account/password",),
    "/calendar": ("/calendar",),
    "/calendar/import": ("/calendar/import",),
    "/calendar/proposals/<int:number>": ("/calendar/proposals/{calendar}",),
    "/call": ("/call",),
    "/certificates": ("/certificates",),
    "/citizen/": ("/citizen/",),
    "/citizen/query": ("/citizen/query",),
    "/citizen/report": ("/citizen/report",),
    "/citizen/report/<unit>": ("/citizen/report/430922",),
    "/citizen/scope": ("/citizen/scope",),
    "/citizen/scope/<unit>": ("/citizen/scope/430922",),
    "/citizen/status": ("/citizen/status",),
    "/citizen/supplement": ("/citizen/supplement",),
    "/clues/<no>": (*(f"/clues/{{{name}}}" for name in CLUES), "/clues/{main}?act=close.violation", "/clues/430922-0"),
    "/clues/<no>/compare": ("/clues/{main}/compare?other={notices}", "/clues/{main}/compare?other=nothing"),
    "/clues/<no>/discipline": ("/clues/{n2}/discipline",),
    "/clues/<no>/sheets/<kind>": ("/clues/{main}/sheets/registration", "/clues/{notices}/sheets/handling"),
    "/design": ("/design",),
    "/entrances": ("/entrances",),
    "/entrances/<source_id>": ("/entrances/{source}",),
    "/entrances/new/<channel>": ("/entrances/new/email", "/entrances/new/wechat", "/entrances/new/phone"),
    "/import": ("/import",),
    "/leaks": ("/leaks",),
    "/mailroom": ("/mailroom",),
    "/mailroom/batches": ("/mailroom/batches",),
    "/mailroom/batches/<int:number>": ("/mailroom/batches/{batch}",),
    "/mailroom/covers": ("/mailroom/covers",),
    "/mailroom/letters/<int:number>": ("/mailroom/letters/{letter}",),
    "/mailroom/reading": ("/mailroom/reading",),
    "/mailroom/reading/<int:number>": ("/mailroom/reading/{reading}",),
    "/manual": ("/manual",),
    "/manual/<int:number>": ("/manual/{manual}",),
    "/misuse": ("/misuse",),
    "/new": ("/new",),
    "/new/<form_id>": (
        "/new/letter",
        "/new/media",
        "/new/referral",
        "/new/subordinate",
        "/new/wechat-h5",
        "/new/other-0801",
    ),
    "/people": ("/people",),
    "/quarantine": ("/quarantine",),
    "/quarantine/<no>": ("/quarantine/{n4}",),
    "/quarantine/<no>/sheet": ("/quarantine/{n4}/sheet",),
    "/queue": ("/queue", "/queue?query=没有这样的内容", "/queue?view=overdue"),
    "/received": ("/received?i={intake}",),
    "/retention": ("/retention",),
    "/reveals": ("/reveals",),
    "/rules": ("/rules",),
    "/rules/absences": ("/rules/absences",),
    "/rules/approvals": ("/rules/approvals",),
    "/rules/departments": ("/rules/departments",),
    "/rules/scope": ("/rules/scope",),
    "/running": ("/running",),
    "/sign-in": ("/sign-in",),
    "/sign-in/factor": ("/sign-in/factor",),
    "/supervise": ("/supervise",),
    "/supervise/<name>": (*(f"/supervise/{name}" for name in LISTS), "/supervise/directives?since=x"),
    "/supervise/trends": ("/supervise/trends", "/supervise/trends?unit=430922"),
    "/tasks": ("/tasks",),
    "/tasks/<int:task_id>": ("/tasks/{task}",),
    "/units": ("/units",),
    "/units/<code>": ("/units/430922", "/units/430900"),
    "/upload/<code>": ("/upload/letter", "/upload/phone", "/upload/email"),
    "/views": ("/views",),
    "/assigning": ("/assigning",),
    "/map": ("/map", "/map?layer=heat", "/map?view=overdue"),
    "/mentions": ("/mentions",),
    "/phrases": ("/phrases",),
    "/wordings": ("/wordings",),
    "/wordings/new": ("/wordings/new",),
}
NO_PAGES = {
    "/call/lists": "a part of the call pad", "/live": "a stream", "/healthz": "for machines",
    "/metrics": "for machines",
    "/static/<path:filename>": "files", "/hooks/wechat/<source_id>": "for machines",
    "/sign-in/oidc": "leads away", "/sign-in/oidc/back": "leads away",
    "/clues/<no>/blobs/<int:blob_id>": "files", "/clues/<no>/copies/<int:copy_id>": "files",
    "/clues/<no>/parts/<int:part_id>/html": "the frame inside a clue's page", "/import/<kind>/template": "files",
    "/mailroom/letters/<int:number>/slip": "files", "/mailroom/pages/<int:number>/<size>": "files",
    "/here": "names for a page", "/palette": "entries for a page",
    "/phrases/list": "entries for a page", "/views/counts": "numbers for a page",
    "/mentions/count": "a number for a page",
    "/clues/<no>/package": "files",
    "/clues/<no>/orders/<int:number>/<part>": "files",
    "/clues/<no>/transfers/<int:number>/<kind>": "files", "/manual/<int:number>/blobs/<int:blob_id>": "files",
}  # fmt: skip
MAY_REFUSE = ("/clues/", "/quarantine", "/tasks/", "/manual/", "/calendar/proposals/")
"""Addresses of one thing: a role that may open such pages may not see this one, and gets the page that says so."""


@dataclass(frozen=True)
class Visit:
    """One page as one person sees it."""

    role: str
    path: str
    look: str
    size: str

    @property
    def name(self) -> str:
        stem = "".join(c if c.isalnum() else "_" for c in self.path.strip("/"))[:60] or "home"
        return f"{stem}-{self.role}-{self.look}-{self.size}"


def rules() -> set[str]:
    """The GET rules that answer with a page."""
    app = create_app()
    found = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return {rule for rule in found if not rule.startswith("/api/")} - set(NO_PAGES)


def roles_of(rule: str) -> list[str]:
    """Who may open the page: by the permission matrix. Pages for anybody are walked as nobody."""
    item = f"GET {rule}"
    if matrix.cell(frozenset({NOBODY}), item, "own") != "no":
        return [NOBODY]
    able = [role.value for role in Role if any(
        matrix.cell(frozenset({role.value}), item, one) != "no" for one in ("own", "below", "sealed"))]  # fmt: skip
    assert able, rule
    return able


def visits(known: dict[str, Any], *, every: bool = False) -> Iterator[Visit]:
    """What is walked in a hub that knows these names: one combination for each page and role in turn, or every one."""
    names = {name: value for name, value in known.items() if value}
    combinations, turn = list(product(LOOKS, SIZES)), len(names)
    for rule, addresses in PAGES.items():
        open_to = [one for one in addresses if _fill(one, names)]
        if not open_to or f"GET {rule}" not in matrix.items():
            continue
        for role in roles_of(rule):
            if every:
                for address, (look, size) in product(open_to, combinations):
                    yield Visit(role, _fill(address, names), look, size)
                continue
            look, size = combinations[turn % len(combinations)]
            yield Visit(role, _fill(open_to[turn % len(open_to)], names), look, size)
            turn += 1


def _fill(address: str, names: dict[str, Any]) -> str:
    try:
        return address.format_map(names)
    except KeyError:
        return ""
