"""The album has a picture of every page of `app.url_map` in both sizes, each small, and a table that names them all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.browser.album import FOLDER, KEPT, MOST, Picture, album, alike, index, told_titles, webp
from tests.browser.conftest import SIZES
from tests.browser.pages import rules

ALL = 6_000_000  # bytes of the whole album


def test_every_page_has_its_picture_in_both_sizes() -> None:
    shown = {(one.rule, one.size) for one in album()}
    assert shown == {(rule, size) for rule in rules() for size in SIZES}
    assert {one.name for one in album()} == {file.name for file in FOLDER.glob("*.webp")}, "make page-shots"


def test_names_are_different() -> None:
    names = [one.name for one in album()]
    assert len(names) == len(set(names))


def test_pictures_are_small_and_of_their_size() -> None:
    for one in album():
        file = FOLDER / one.name
        with Image.open(file) as picture:
            assert picture.size == KEPT[one.size], one.name
        assert file.stat().st_size <= MOST, one.name
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= ALL


def test_the_table_names_every_picture() -> None:
    words = (FOLDER / "README.md").read_text("utf-8")
    assert words == index(told_titles())
    assert not [one.name for one in album() if f"({one.name})" not in words]


def _page(words: str, size: str = "phone") -> bytes:
    picture = Image.new("RGB", SIZES[size], "white")
    draw = ImageDraw.Draw(picture)
    for line in range(20):
        draw.text((20, 30 * line), words, fill="black")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return webp(out.getvalue(), size)


@pytest.mark.parametrize(
    ("words", "same"),
    [("due 2026-11-23", True), ("due 2027-03-08", True), ("an altogether longer line than it was", False)],
)
def test_a_picture_is_kept_where_only_a_date_changed(tmp_path: Path, words: str, same: bool) -> None:
    kept = tmp_path / "a.webp"
    assert not alike(_page(words), kept)
    kept.write_bytes(_page("due 2026-11-23"))
    assert alike(_page(words), kept) is same
    assert not alike(_page("due 2026-11-23", "desk"), kept)


def test_a_name_says_role_page_look_and_size() -> None:
    name = Picture("/calendar/proposals/<int:number>", "lead", "phone", "dark-normal").name
    assert name == "lead-calendar-proposals-number-dark-phone.webp"
    assert Picture("/", "handler", "desk").name == "handler-home-desk.webp"
