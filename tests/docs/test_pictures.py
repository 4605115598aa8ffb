"""Pictures of the guides: each that is shown exists and is small, each that exists is shown, a command makes all."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser.shots import FOLDER, MOST, SHOTS

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def shown() -> list[tuple[Path, str, Path]]:
    """(page, words for those who cannot see it, picture) of every picture in the documentation."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        (page, words, (page.parent / target).resolve())
        for page in pages
        for words, target in SHOWN.findall(page.read_text("utf-8"))
    ]


def test_every_picture_shown_exists_says_what_it_is_and_every_picture_is_shown() -> None:
    pictures = {picture for _, _, picture in shown()}
    assert [str(one) for one in pictures if not one.is_file()] == []
    assert [(page.name, picture.name) for page, words, picture in shown() if not words.strip()] == []
    stored = {path.resolve() for path in (ROOT / "docs").rglob("*.png")}
    assert stored - pictures == set(), "nobody shows it"


def test_all_are_made_by_make_docs_shots_and_small() -> None:
    assert {path.name for path in FOLDER.glob("*") if path.is_file()} == {f"{name}.png" for name in SHOTS}
    assert {path.name: path.stat().st_size for path in FOLDER.glob("*.png") if path.stat().st_size > MOST} == {}
    assert "tests.browser.shots" in (ROOT / "Makefile").read_text("utf-8")


def test_every_guide_shows_its_screens() -> None:
    guides = {path.name for path in (ROOT / "docs/guide").glob("*.md")}
    assert guides - {page.name for page, _, _ in shown() if page.parent.name == "guide"} == set()
