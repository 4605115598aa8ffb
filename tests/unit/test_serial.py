"""Clue serials: a keyed permutation of 0…999,999 for each division, day and channel."""

from datetime import date
from itertools import pairwise

import pytest

from hub.access import sealing
from hub.casework import serial
from hub.settings import export

DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _key(tmp_path):
    sealing.make_key_file(tmp_path / "hub.key")
    export(HUB_KEY_FILE=str(tmp_path / "hub.key"))
    sealing.forget_keys()
    yield
    sealing.forget_keys()


def test_no_number_twice_and_all_in_range() -> None:
    numbers = [serial("430922", DAY, "03", n) for n in [*range(20_000), *range(990_000, 1_000_000)]]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= 0
    assert max(numbers) < 1_000_000


def test_neighbours_are_not_neighbours() -> None:
    numbers = [serial("430922", DAY, "03", n) for n in range(2000)]
    assert sum(abs(a - b) <= 10 for a, b in pairwise(numbers)) < 5
    assert len({n // 10_000 for n in numbers}) > 95  # spread over the range


def test_each_division_day_and_channel_has_its_own_order() -> None:
    base = [serial("430922", DAY, "03", n) for n in range(50)]
    assert base == [serial("430922", DAY, "03", n) for n in range(50)]
    for other in (("430923", DAY, "03"), ("430922", date(2026, 11, 21), "03"), ("430922", DAY, "01")):
        assert [serial(*other, n) for n in range(50)] != base
