"""The index holds keyed tokens only, of every character and pair, at positions PostgreSQL keeps."""

import re

import pytest

from hub import search
from hub.access import sealing
from hub.settings import export


@pytest.fixture(autouse=True)
def _key(tmp_path):
    sealing.make_key_file(tmp_path / "hub.key")
    export(HUB_KEY_FILE=str(tmp_path / "hub.key"))
    sealing.forget_keys()
    search.token.cache_clear()
    yield
    sealing.forget_keys()
    search.token.cache_clear()


def test_text_is_folded() -> None:
    assert search.fold("Ａ Ｂ\n１２　耕地") == "ab12耕地"


def test_tokens_are_keyed_and_tell_nothing(tmp_path) -> None:
    one = search.token("耕地")
    assert re.fullmatch(r"[a-z2-7]{8}", one)
    assert one == search.token("耕地") != search.token("耕")
    sealing.make_key_file(tmp_path / "other.key")
    export(HUB_KEY_FILE=str(tmp_path / "other.key"))
    sealing.forget_keys()
    search.token.cache_clear()
    assert search.token("耕地") != one


def test_a_stretch_fits_what_postgresql_keeps() -> None:
    vector = search._vector("地" * search.LENGTH, [1, 2])
    assert "耕" not in vector
    assert "地" not in vector
    for item in vector.split():
        places = item.partition(":")[2]
        if places:
            numbers = [int(n) for n in places.split(",")]
            assert len(numbers) <= 256
            assert max(numbers) <= 16383
    assert vector.endswith(f"'{search.unit_token(1)}' '{search.unit_token(2)}'")


def test_surrogates_of_broken_mail_do_no_harm() -> None:
    assert search.token("\udc80")
    assert search._vector(search.fold("a\udc80'\\:,"), [])
