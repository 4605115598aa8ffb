"""The documents say what is true: every setting, command, route, link, decision and channel stands and exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from channels.registry import channels
from hub.app import create_app
from hub.cli import main
from hub.settings import Settings
from hub.terms import Role

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("channels/*/README.md"), *ROOT.glob("hub/**/*.md")])


def table(page: str, *, columns: int) -> list[list[str]]:
    """The rows of all tables with so many columns, without their headings; `\\|` inside a cell is no border."""
    out, heading = [], True
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heading = True
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if set("".join(cells)) <= set("-: "):
            heading = False
        elif not heading and len(cells) == columns:
            out.append(cells)
    return out


# ---- settings


def test_every_setting_stands_in_its_table_with_its_default_and_meaning() -> None:
    documented = {row[0].strip("`"): row[1:] for row in table("settings.md", columns=3)}
    expected = {}
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        variable = str(field.validation_alias or f"HUB_{name.upper()}")
        expected[variable] = [f"`{default}`" if default else "–", field.description]
    assert documented == expected


# ---- commands


def commands(
    command: click.Command, path: tuple[str, ...] = ("hub",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path, command


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8").replace("\\|", "|")
    rows = {row[0] for row in table("commands.md", columns=2)}
    for path, command in commands(main):
        name = " ".join(path)
        mine = [row for row in rows if re.match(rf"`{name}[ `]", row)]
        assert len(mine) == 1, f"{name} stands in {len(mine)} rows of commands.md"
        row = mine[0]
        for parameter in command.params:
            if (
                isinstance(parameter, click.Option)
                and path[1] != "sandbox"
                and parameter.name not in ("help", "password")
            ):
                assert any(flag in row for flag in parameter.opts), f"{name}: {parameter.opts[0]} is not named"
        assert command.help or command.short_help, f"{name} has no help"
    for name in re.findall(r"`hub ([a-z][a-z ]*[a-z])", text):
        found: click.Command | None = main
        for word in name.split():
            found = found.commands.get(word) if isinstance(found, click.Group) else found
        assert found is not None, f"commands.md names `hub {name}`, which does not exist"


@pytest.mark.parametrize("page", [p for p in PAGES if "adr" not in p.parts], ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_named_anywhere_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    inside = re.findall(r"`([^`\n]+)`", text) + [
        line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    for words in (piece.split() for piece in inside):
        if not words or not (words[0] == "hub" or words[0].endswith("/bin/hub")):
            continue
        found: click.Command | None = main
        for word in words[1:3]:
            if isinstance(found, click.Group) and re.fullmatch(r"[a-z]+", word):
                found = found.commands.get(word)
        assert found is not None, f"{' '.join(words)} does not exist"


# ---- routes


def test_every_route_is_documented_with_who_may_call_it() -> None:
    groups = {row[0]: row[1] for row in table("routes.md", columns=2)}
    documented = {(row[0], row[1].strip("`")): row[2] for row in table("routes.md", columns=4)}
    app = create_app()
    found: dict[tuple[str, str], str] = {}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            roles = getattr(app.view_functions[rule.endpoint], "roles", None)
            who = "none" if roles is None else " ".join(role for role in Role if role in roles) or "any"
            found[method, rule.rule] = who
    assert set(documented) == set(found)
    for route, group in documented.items():
        assert group in groups, route
        words = groups[group]
        if words.startswith("no sign-in"):
            stated = "none"
        else:
            stated = "any" if words == "any" else " ".join(role for role in Role if role in words.split())
        assert stated == found[route], f"{route}: {found[route]}"
    assert all(route[1].startswith("/hooks/") == (group == "provider") for route, group in documented.items())


# ---- links, decisions, channels


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path = (page.parent / unquote(target.partition("#")[0])).resolve()
            assert path.is_relative_to(ROOT), f"{page.name}: {target}"
            assert path.exists(), f"{page.name}: {target}"


def test_every_decision_has_its_parts_and_its_number() -> None:
    files = sorted((DOCS / "adr").glob("*.md"))
    assert [file.name[:4] for file in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {file.name[:4]} "), file
        assert re.match(r"(Accepted|Superseded by \d{4}), \d{4}-\d\d-\d\d$", lines[1]), file
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequence"], (
            file
        )
        assert len(lines) <= 60, f"{file}: half a page"


def test_decisions_named_in_the_code_exist() -> None:
    numbers = {file.name[:4] for file in (DOCS / "adr").glob("*.md")}
    for folder in ("hub", "channels", "transcription"):
        for file in (ROOT / folder).rglob("*.py"):
            for group in re.findall(r"ADR ((?:\d{4}(?:, | and )?)+)", file.read_text(encoding="utf-8")):
                assert set(re.findall(r"\d{4}", group)) <= numbers, file


def test_every_channel_has_a_readme_and_a_row() -> None:
    text = (DOCS / "channels.md").read_text(encoding="utf-8")
    for code, channel in channels().items():
        assert (ROOT / "channels" / code / "README.md").is_file(), code
        assert re.search(rf"\| {code} \| {channel.number} \|", text), code


def test_settings_of_example_entrances_are_accepted() -> None:
    """Every `hub source add` of the documents names settings the channel knows."""
    seen = 0
    for page in (DOCS / "channels.md", DOCS / "operations.md"):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("hub source add "):
                words = line.split()
                settings = channels()[words[3]].settings
                given = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set")
                assert set(given) <= set(settings.model_fields) or "kind" in given, line
                settings(**given)
                seen += 1
    assert seen >= 5
