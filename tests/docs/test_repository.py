"""README, CI entry, diagram and units of production agree with the code; no file speaks of where it was made."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from hub.cli import main
from hub.law import workflow
from hub.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def committed() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    return [name for name in done.stdout.decode().split("\0") if name]


# ---- README and the tools it names


def test_the_readmes_commands_are_targets_and_ci_runs_its_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(
        re.findall(r"\bmake ([a-z-]+)\b(?=[`\n ])", "\n".join(re.findall(r"`[^`]*`|```.*?```", readme, re.DOTALL)))
    )
    assert {"run", "test", "help", "clues"} <= named <= targets
    assert "\nmake run\n" in readme
    assert "\nmake test\n" in readme
    assert re.search(r"^exec make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_readme_names_the_demo_accounts() -> None:
    from hub.demo import county

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{county.PASSWORD}`" in readme
    for login, *_ in county.PEOPLE:
        assert f"`{login}`" in readme, login


def test_what_python_is_needed_is_what_the_package_says() -> None:
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert needs.startswith(">=3.11")
    assert "Python 3.11 or newer" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_diagram_is_the_rule_table() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "hub.law.workflow"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    assert printed.decode() == workflow.docs()
    text = (DOCS / "workflow.md").read_text(encoding="utf-8")
    assert re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL) == [workflow.docs()]


# ---- units and proxy of production


def test_units_start_commands_that_exist() -> None:
    units = sorted((DOCS / "deploy").glob("*.service"))
    names = ["hub-keys.service", "hub-poll.service", "hub-web.service", "hub-worker@.service"]
    assert [unit.name for unit in units] == names
    for unit in units:
        text = unit.read_text()
        assert text.count("[Unit]") == text.count("[Service]") == text.count("[Install]") == 1
        (command,) = re.findall(r"^ExecStart=\S+/hub (\w+)", text, re.MULTILINE)
        assert command in main.commands
        assert "User=hub" in text
        assert "Restart=always" in text
    known = {str(field.validation_alias or f"HUB_{name.upper()}") for name, field in Settings.model_fields.items()}
    example = (DOCS / "deploy" / "hub.env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) <= known


def test_the_proxy_logs_no_query_strings() -> None:
    text = (DOCS / "deploy" / "nginx.conf").read_text()
    (form,) = re.findall(r"log_format hub '(.*?)';", text)
    assert "$uri" in form
    assert not {"$request ", '$request"', "$request_uri", "$args", "$query_string", "$http_referer"} & set(
        re.split(r"(?<= )", form)
    )
    assert not re.search(r"\$request(?!_time|_method)|\$args|\$query_string|\$http_referer", form)


# ---- nothing of where the project was made

WORDS = {
    "a path of one machine": rb"(?<![\w.])/(?:work|home/\w+|root|Users)/\w",
    "a registry's host": rb"files\.pythonhosted\.org|\bpypi\.org|//registry\.|//mirrors?\.|artifactory",
    "a tool that wrote it": rb"(?i)\b(?:chatgpt|copilot|claude|anthropic|openai|ai[- ]generated|sub-?agents?)\b",
}
TEXT = (
    ".py",
    ".md",
    ".toml",
    ".sql",
    ".js",
    ".css",
    ".html",
    ".sh",
    ".lock",
    ".service",
    ".conf",
    ".txt",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    "",
)


def test_no_committed_file_speaks_of_the_place_it_was_made() -> None:
    found = []
    for name in committed():
        path = ROOT / name
        if path.suffix not in TEXT or not path.is_file() or path == Path(__file__).resolve():
            continue
        data = path.read_bytes()
        for what, pattern in WORDS.items():
            found += [f"{name}: {what}: {hit.decode(errors='replace')}" for hit in set(re.findall(pattern, data))]
    assert found == []


def test_no_unfinished_work_is_committed() -> None:
    pattern = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    for name in committed():
        if (
            name.endswith((".py", ".js", ".sh", ".sql"))
            and (ROOT / name).is_file()
            and name != "tests/docs/test_repository.py"
        ):
            assert not pattern.search((ROOT / name).read_text(encoding="utf-8")), name
