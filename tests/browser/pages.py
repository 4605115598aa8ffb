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
    "/tasks": ("/tasks", "/tasks?kind=letter", "/tasks?kind=reply"),
    "/tasks/<int:task_id>": ("/tasks/{call}", "/tasks/{letter_task}", "/tasks/{reply}"),
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
    "/call/lists": "a part of the call pad", "/live": "a stream", "/healthz": "for machines", "/favicon.ico": "a file",
    "/metrics": "for machines",
    "/static/<path:filename>": "files", "/static/en/<name>": "files", "/hooks/wechat/<source_id>": "for machines",
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
MAY_REFUSE = (
    "/clues/",
    "/new/",
    "/quarantine",
    "/tasks/",
    "/manual/",
    "/calendar/proposals/",
    "/mailroom/reading/",
    "/nowhere",
)
"""Addresses of one thing: a role that may open such pages may not see this one, and gets the page that says so.
Which form is for whom: test_access."""

FORMS = {
    "mail": ("assign", "hand_down", "ask", "determine.P1", "escalate", "determine.P3", "determine.P4", "determine.P5",
             "split", "close.not_a_clue", "transfer", "transfer.inside", "assist.add", "mark.major", "mark.importance",
             "recuse", "recuse.other", "contact.log", "follow_up", "wall.hold", "extend"),
    "notices": ("verify.record", "verify.end", "stop_order", "reopen.determination", "tell.determination"),
    "main": ("verify.start",),
    "member": ("unmerge", "determine.member", "result.own"),
    "out": ("transfer.receipt", "transfer.result", "transfer.back"),
    "up": ("refer_on", "designate", "confirm_competence", "return"),
    "major": ("reply.order", "report.major", "supervise.letter", "supervise.order", "circulate"),
    "n2": ("discipline.hand_over", "reopen.determination"),
}  # fmt: skip
"""Clue → acts whose forms are walked, as who may open them: the lead of its unit, or the supervisor above."""
ABOVE = ("refer_on", "designate", "confirm_competence", "return", "supervise.letter", "supervise.order", "circulate")
STATES: tuple[tuple[str, str], ...] = (
    *(("supervisor" if act in ABOVE else "lead", f"/clues/{{{clue}}}?act={act}")
      for clue, acts in FORMS.items() for act in acts),
    (NOBODY, "/nowhere"), ("lead", "/nowhere"), ("lead", "/queue?after=x&channel=email&state=open"),
    ("lead", "/supervise/clues?area=1&what=overdue"), ("supervisor", "/supervise/clues?area=1"),
    ("supervisor", "/supervise/kinds?sample=5"), ("supervisor", "/supervise/directives?since=2026-13-01"),
    ("lead", "/mailroom?day=2026-01-01"), ("lead", "/calendar?year=2027"), ("lead", "/units?q=桃江"),
    ("lead", "/units?q=没有这个单位"), ("sysadmin", "/wordings/new?kind=accepted"), (NOBODY, "/sign-in?next=/queue"),
)  # fmt: skip
"""Further states of pages, each as one role: forms of acts, nothing found, no such page, a date that is none."""


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
    """What is walked in a hub that knows these names: one combination for each page and role in turn, or every one.

    A name may be known for one role ("batch:lead"): what only its own maker sees.
    """
    combinations, turn = list(product(LOOKS, SIZES)), len(known)
    rows = [(addresses, roles_of(rule)) for rule, addresses in PAGES.items() if f"GET {rule}" in matrix.items()]
    rows += [((address,), [role]) for role, address in (STATES if every else STATES[::3])]
    for addresses, roles in rows:
        for role in roles:
            open_to = [filled for one in addresses if (filled := fill(one, names_of(known, role)))]
            if not open_to:
                continue
            if every:
                yield from (Visit(role, *one) for one in ((a, *both) for a in open_to for both in combinations))
                continue
            look, size = combinations[turn % len(combinations)]
            yield Visit(role, open_to[turn % len(open_to)], look, size)
            turn += 1


def names_of(known: dict[str, Any], role: str) -> dict[str, Any]:
    """The names as this role knows them."""
    own = {name.removesuffix(f":{role}"): value for name, value in known.items() if name.endswith(f":{role}")}
    return {name: value for name, value in (known | own).items() if value}


def unseen(known: dict[str, Any]) -> set[str]:
    """Pages of which a role that may open them would see nothing at all: none, where the names are complete."""
    known_rules = [(rule, addresses) for rule, addresses in PAGES.items() if f"GET {rule}" in matrix.items()]
    return {
        f"{role} {rule}" for rule, addresses in known_rules for role in roles_of(rule)
        if not any(fill(one, names_of(known, role)) for one in addresses)
    }  # fmt: skip


def fill(address: str, names: dict[str, Any]) -> str:
    try:
        return address.format_map(names)
    except KeyError:
        return ""
