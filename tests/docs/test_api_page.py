"""docs/api.md: every curl of the page is played against the application and answers as its comment says."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path

from hub import clock, db
from hub.access import tokens
from hub.web import problems
from tests.integration.api_clue import actor, no
from tests.integration.notify.conftest import County, county
from tests.integration.story_cast import Cast, cast

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def examples() -> list[tuple[int, str]]:
    """(status, command) of each example, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ")
    return [(int(status), command) for status, command in re.findall(r"# (\d{3})\n(curl [^\n]+)", lines)]


def test_the_examples_of_the_page_do_what_they_say(county: County, cast: Cast, no: str) -> None:
    handler = cast["handler"]
    with db.transaction() as session:
        until = clock.real() + timedelta(days=1)
        key = tokens.make(session, actor(session, "handler"), "接口", list(tokens.SCOPES), until, [])
    client = handler.client.application.test_client()
    played = examples()
    assert len(played) >= 9
    for status, shown in played:
        command = shown
        version = str(handler.clue(no)["version"])
        known = {"$KEY": key, "$HUB": "", "$NO": no, "'$VERSION'": version}
        for name, value in known.items():
            command = command.replace(name, value)
        words = shlex.split(command)[1:]
        headers, body, address = {}, None, ""
        while words:
            word = words.pop(0)
            if word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = words.pop(0)
            else:
                address = word
        method = "GET" if body is None else "POST"
        answer = client.open(address, method=method, data=body.encode() if body else None, headers=headers)
        assert answer.status_code == status, (command, answer.text)


def test_the_page_names_every_scope_and_kind() -> None:
    text = PAGE.read_text("utf-8")
    assert {f"`{scope}`" for scope in tokens.SCOPES} <= set(re.findall(r"`[^`\n]+`", text))
    about_rules = set(problems.TITLES) - {"request", "method", "size", "rate", "failure"}
    listed = set(re.findall(r"[a-z-]+", " ".join(re.findall(r"^\| \d{3} \| ([^|]+) \|", text, re.MULTILINE))))
    assert about_rules == listed
