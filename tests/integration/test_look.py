"""Theme and size of type: kept by the browser, set on the server, no script; contrast of the tokens in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hub import db
from hub.access import sessions, staff
from hub.app import create_app
from hub.jurisdiction.units import ensure_units

STATIC = Path(__file__).parents[2] / "hub/web/static"
PAIRS = (
    ("ink", "page"), ("ink", "paper"), ("ink", "head"), ("ink", "hover"), ("ink", "brand-soft"), ("ink", "lit"),
    ("ink", "mark"), ("ink-2", "grey-soft"), ("muted", "page"), ("muted", "paper"), ("muted", "head"),
    ("muted", "brand-soft"), ("link", "paper"), ("link", "page"), ("link", "link-soft"), ("link", "brand-soft"),
    ("red", "red-soft"), ("red", "paper"), ("red", "red-faint"), ("amber", "amber-soft"), ("amber", "paper"),
    ("green", "green-soft"), ("green", "paper"), ("accent", "paper"), ("phone", "phone-bg"), ("letter", "letter-bg"),
    ("email", "email-bg"), ("wechat", "wechat-bg"), ("referral", "referral-bg"), ("subordinate", "subordinate-bg"),
    ("media", "media-bg"),
)  # fmt: skip
DRAWN = ("line-strong", "accent", "focus", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "red-mark", "amber-mark")
"""What is drawn on paper and must be seen (WCAG 1.4.11: 3:1)."""


def tokens(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found |= re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})\b", (STATIC / name).read_text("utf-8"))
    return found


def light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    full = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sheets", [("hub.css",), ("hub.css", "dark.css")], ids=["light", "dark"])
def test_words_stand_out_from_their_ground_in_both_themes(sheets: tuple[str, ...]) -> None:
    of = tokens(*sheets)
    pale = {
        pair: round(contrast(of[pair[0]], of[pair[1]]), 2) for pair in PAIRS if contrast(of[pair[0]], of[pair[1]]) < 4.5
    }
    assert pale == {}
    assert {name: 1 for name in DRAWN if contrast(of[name], of["paper"]) < 3} == {}
    assert contrast("#ffffff", of["brand"]) >= 4.5
    assert contrast("#ffffff", of["brand-dark"]) >= 4.5


def test_dark_names_every_colour_of_light() -> None:
    same = {"font", "r"}
    colours = set(tokens("hub.css")) - same
    assert colours - set(tokens("dark.css")) == set(), "a token without its dark value"


@pytest.fixture
def client(hub: Path) -> FlaskClient:
    del hub
    with db.transaction() as session:
        ensure_units(session)
        person = staff.add(session, "lead", "周科长", "a long password", "430922", ["lead"])
        session.flush()
        cookie = sessions.begin(session, person.id)
    made = create_app().test_client()
    made.set_cookie("hub", cookie)
    return made


def csrf(client: FlaskClient) -> str:
    found = re.search(r'name="csrf" content="([^"]+)"', client.get("/design").text)
    assert found is not None
    return found[1]


def test_what_was_chosen_is_kept_and_set_by_the_server(client: FlaskClient) -> None:
    page = client.get("/queue").text
    assert '<html lang="zh-CN" data-theme="auto">' in page
    assert 'media="screen and (prefers-color-scheme:dark)"' in page
    answer = client.post("/look", data={"theme": "dark", "next": "/queue?state=open", "csrf_token": csrf(client)})
    assert (answer.status_code, answer.location) == (303, "/queue?state=open")
    kept = answer.headers["Set-Cookie"]
    assert kept.startswith("hub_look=dark-normal;")
    assert all(word in kept for word in ("HttpOnly", "SameSite=Lax", "Max-Age=31536000"))
    client.post("/look", data={"text": "large", "csrf_token": csrf(client)})
    page = client.get("/queue").text
    assert '<html lang="zh-CN" data-theme="dark" data-text="large">' in page
    assert re.search(r'dark\.css[^"]*" media="screen"', page)
    client.post("/look", data={"theme": "light", "csrf_token": csrf(client)})
    assert "dark.css" not in client.get("/queue").text
    assert 'data-text="large"' in client.get("/citizen/").text, "the citizens' pages follow too"


def test_nonsense_changes_nothing_and_leads_nowhere(client: FlaskClient) -> None:
    token = csrf(client)
    answer = client.post("/look", data={"theme": "x", "text": "<b>", "next": "//evil.example", "csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/")
    assert answer.headers["Set-Cookie"].startswith("hub_look=auto-normal;")
    assert client.post("/look", data={"theme": "dark"}).status_code == 400, "a signed-in browser needs its token"
    client.set_cookie("hub_look", "x" * 3000)
    assert 'data-theme="auto"' in client.get("/queue").text


def test_a_visitor_without_a_session_chooses_too(hub: Path) -> None:
    del hub
    client = create_app().test_client()
    answer = client.post("/look", data={"text": "large", "next": "/citizen/query"})
    assert (answer.status_code, answer.location) == (303, "/citizen/query")
    assert 'data-text="large"' in client.get("/citizen/").text
