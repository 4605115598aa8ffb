"""What the comparison of two clues says of guesses: areas in people's words, times in other words."""

import pytest

from hub.supervision import relatives
from hub.supervision.relatives import AGREE, CONFLICT, UNKNOWN


@pytest.mark.parametrize(
    ("mine", "other", "verdict"),
    [
        ({"m2": 8000.0}, {"m2": 6667.0}, AGREE),
        ({"m2": 8000.0}, {"m2": 5000.0}, UNKNOWN),
        ({"m2": 8000.0}, {"m2": 4000.0}, CONFLICT),
        ({"m2": 8000.0}, None, UNKNOWN),
        ({"m2": 0}, {"m2": 5.0}, UNKNOWN),
        ("两亩", "两亩", AGREE),
        ("两亩", "三亩", UNKNOWN),
    ],
)
def test_areas(mine, other, verdict):
    assert relatives._areas(mine, other) == relatives._areas(other, mine) == verdict


def test_other_words_for_a_time_are_no_conflict():
    assert relatives._times("过年前", "去年腊月") == UNKNOWN
    assert relatives._times("2026年3月", "2026年3月") == AGREE
